//! Operations added to burn: the trait that its dispatcher implements, and their derivatives for autodiff.
//!
//! [`Kernels`] is what a network's forward pass needs, [`Gradients`] what its backward pass needs besides: a backend that has
//! both can be wrapped in `Autodiff`. The bodies for the CPU are one line each and lie beside the kernels.

use super::pooling::Windows;
use super::{convolution, matrix, pooling};
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients as GradientStore;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind, unary};
use burn::backend::flex::FlexTensor;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Flex, backend_extension};

/// Operations with derivatives.
#[backend_extension(Flex, Autodiff)]
pub trait Kernels: Backend {
    /// The matrix product of `[rows, inner]` and `[inner, columns]`.
    fn product(left: FloatTensor<Self>, right: FloatTensor<Self>) -> FloatTensor<Self>;

    /// A convolution with stride 1: `x` is `[n, channels in, rows, columns]`, `weight` `[channels out, channels in, rows,
    /// columns]`, `bias` `[channels out]`.
    fn convolution(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        padding: usize,
    ) -> FloatTensor<Self>;

    /// The greatest number in each window, of each channel of `[n, channels, rows, columns]`.
    fn max_pooling(x: FloatTensor<Self>, windows: Windows) -> FloatTensor<Self>;
}

/// The derivatives, on a backend that does not record them.
pub trait Gradients: Kernels {
    /// The gradients of weight and bias of a convolution, from the gradient of its output.
    fn convolution_parameters(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        output: FloatTensor<Self>,
        padding: usize,
    ) -> (FloatTensor<Self>, FloatTensor<Self>);

    /// The gradient of the input of a convolution, whose shape is that of `x`.
    fn convolution_input(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        output: FloatTensor<Self>,
        padding: usize,
    ) -> FloatTensor<Self>;

    /// The gradient of the input of a max-pooling from `x` to `y`: the first of equal numbers gets it all.
    fn max_pooling_input(
        x: FloatTensor<Self>,
        y: FloatTensor<Self>,
        output: FloatTensor<Self>,
        windows: Windows,
    ) -> FloatTensor<Self>;
}

impl<B: Gradients, C: CheckpointStrategy> Kernels for Autodiff<B, C> {
    fn product(left: FloatTensor<Self>, right: FloatTensor<Self>) -> FloatTensor<Self> {
        let nodes = [left.node(), right.node()];
        let (left, right) = (left.into_primitive(), right.into_primitive());
        match Product.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(tracked) => tracked.finish((left.clone(), right.clone()), B::product(left, right)),
            OpsKind::UnTracked(untracked) => untracked.finish(B::product(left, right)),
        }
    }

    fn convolution(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        padding: usize,
    ) -> FloatTensor<Self> {
        let nodes = [x.node(), weight.node(), bias.node()];
        let (x, weight, bias) = (x.into_primitive(), weight.into_primitive(), bias.into_primitive());
        let output = B::convolution(x.clone(), weight.clone(), bias, padding);
        match Convolution.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(tracked) => tracked.finish((x, weight, padding), output),
            OpsKind::UnTracked(untracked) => untracked.finish(output),
        }
    }

    fn max_pooling(x: FloatTensor<Self>, windows: Windows) -> FloatTensor<Self> {
        let nodes = [x.node()];
        let x = x.into_primitive();
        let y = B::max_pooling(x.clone(), windows);
        match MaxPooling.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(tracked) => tracked.finish((x, y.clone(), windows), y),
            OpsKind::UnTracked(untracked) => untracked.finish(y),
        }
    }
}

#[derive(Debug)]
struct Product;

impl<B: Gradients> Backward<B, 2> for Product {
    type State = (FloatTensor<B>, FloatTensor<B>);

    fn backward(self, ops: Ops<Self::State, 2>, gradients: &mut GradientStore, _: &mut Checkpointer) {
        let output = gradients.consume::<B>(&ops.node);
        let ((left, right), [to_left, to_right]) = (ops.state, ops.parents);
        if let Some(node) = to_left {
            gradients.register::<B>(node.id, B::product(output.clone(), B::float_transpose(right)));
        }
        if let Some(node) = to_right {
            gradients.register::<B>(node.id, B::product(B::float_transpose(left), output));
        }
    }
}

#[derive(Debug)]
struct Convolution;

impl<B: Gradients> Backward<B, 3> for Convolution {
    type State = (FloatTensor<B>, FloatTensor<B>, usize);

    fn backward(self, ops: Ops<Self::State, 3>, gradients: &mut GradientStore, _: &mut Checkpointer) {
        let output = gradients.consume::<B>(&ops.node);
        let ((x, weight, padding), [to_x, to_weight, to_bias]) = (ops.state, ops.parents);
        if let Some(node) = to_x {
            let gradient = B::convolution_input(x.clone(), weight.clone(), output.clone(), padding);
            gradients.register::<B>(node.id, gradient);
        }
        if to_weight.is_some() || to_bias.is_some() {
            let (weight, bias) = B::convolution_parameters(x, weight, output, padding);
            if let Some(node) = to_weight {
                gradients.register::<B>(node.id, weight);
            }
            if let Some(node) = to_bias {
                gradients.register::<B>(node.id, bias);
            }
        }
    }
}

#[derive(Debug)]
struct MaxPooling;

impl<B: Gradients> Backward<B, 1> for MaxPooling {
    type State = (FloatTensor<B>, FloatTensor<B>, Windows);

    fn backward(self, ops: Ops<Self::State, 1>, gradients: &mut GradientStore, _: &mut Checkpointer) {
        let (x, y, windows) = ops.state;
        unary::<B, _>(ops.parents, ops.node, gradients, |output| B::max_pooling_input(x, y, output, windows));
    }
}

impl Kernels for Flex {
    fn product(left: FlexTensor, right: FlexTensor) -> FlexTensor {
        matrix::product(left, right)
    }

    fn convolution(x: FlexTensor, weight: FlexTensor, bias: FlexTensor, padding: usize) -> FlexTensor {
        convolution::forward(&x, &weight, &bias, padding)
    }

    fn max_pooling(x: FlexTensor, windows: Windows) -> FlexTensor {
        pooling::forward(&x, windows)
    }
}

impl Gradients for Flex {
    fn convolution_parameters(
        x: FlexTensor,
        weight: FlexTensor,
        output: FlexTensor,
        padding: usize,
    ) -> (FlexTensor, FlexTensor) {
        convolution::parameters(&x, &weight, &output, padding)
    }

    fn convolution_input(x: FlexTensor, weight: FlexTensor, output: FlexTensor, padding: usize) -> FlexTensor {
        convolution::input(&x, &weight, &output, padding)
    }

    fn max_pooling_input(x: FlexTensor, y: FlexTensor, output: FlexTensor, windows: Windows) -> FlexTensor {
        pooling::input(&x, &y, &output, windows)
    }
}
