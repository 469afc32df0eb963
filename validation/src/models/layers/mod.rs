//! Layers: burn's own, computed on the CPU by operations that are two to five times as fast.
//!
//! A network holds `nn::Linear`, `nn::conv::Conv2d` and `nn::pool::MaxPool2d`, and calls them through [`linear`], [`conv`]
//! and [`max_pool`]. On burn's CPU backend these are operations of our own, registered through burn's extension point
//! (`extension`), which autodiff differentiates like any other; on another device, or for options that they do not
//! know, they are `layer.forward(x)`. Nothing in this folder knows a network. Kernels: `matrix`, `convolution`,
//! `pooling`.

mod convolution;
mod extension;
mod matrix;
mod pooling;

use burn::backend::Dispatch;
use burn::nn::conv::Conv2d;
use burn::nn::pool::MaxPool2d;
use burn::nn::{Linear, PaddingConfig2d};
use burn::tensor::{Device, Tensor};
use extension::Kernels;

/// `layer.forward(x)`: `[n, inputs]` to `[n, outputs]`.
pub fn linear(layer: &Linear, x: Tensor<2>) -> Tensor<2> {
    if !on_cpu(&x) {
        return layer.forward(x);
    }
    let product = Tensor::from_dispatch(Dispatch::product(x.into_dispatch(), layer.weight.val().into_dispatch()));
    match &layer.bias {
        Some(bias) => product + bias.val().unsqueeze(),
        None => product,
    }
}

/// `layer.forward(x)`: `[n, channels in, rows, columns]` to `[n, channels out, rows, columns]`. Fast with a bias, stride 1, no
/// dilation, one group and the same padding on all four sides, less than the kernel.
pub fn conv(layer: &Conv2d, x: Tensor<4>) -> Tensor<4> {
    let plain = layer.stride == [1; 2] && layer.dilation == [1; 2] && layer.groups == 1;
    let padding = even(&layer.padding).filter(|&padding| layer.kernel_size.iter().all(|&side| padding < side));
    match (padding, &layer.bias) {
        (Some(padding), Some(bias)) if plain && on_cpu(&x) => {
            let [x, weight] = [x, layer.weight.val()].map(Tensor::into_dispatch);
            Tensor::from_dispatch(Dispatch::convolution(x, weight, bias.val().into_dispatch(), padding))
        }
        _ => layer.forward(x),
    }
}

/// `layer.forward(x)`: `[n, channels, rows, columns]` to the same with fewer rows and columns. Fast with the same padding on all
/// four sides and no dilation.
pub fn max_pool(layer: &MaxPool2d, x: Tensor<4>) -> Tensor<4> {
    let plain = layer.dilation == [1; 2] && !layer.ceil_mode;
    match even(&layer.padding) {
        Some(padding) if plain && on_cpu(&x) => {
            let windows = pooling::Windows { kernel: layer.kernel_size, stride: layer.stride, padding };
            Tensor::from_dispatch(Dispatch::max_pooling(x.into_dispatch(), windows))
        }
        _ => layer.forward(x),
    }
}

/// Whether the extension has a body for the tensor's device; autodiff makes no difference.
fn on_cpu<const D: usize>(x: &Tensor<D>) -> bool {
    x.device() == Device::flex()
}

/// The padding, where it is the same on all four sides.
fn even(padding: &PaddingConfig2d) -> Option<usize> {
    match *padding {
        PaddingConfig2d::Valid => Some(0),
        PaddingConfig2d::Explicit(top, left, bottom, right) if [left, bottom, right] == [top; 3] => Some(top),
        PaddingConfig2d::Explicit(..) | PaddingConfig2d::Same => None,
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
