//! Layers against burn's own: equal outputs and gradients, whatever the sizes, paddings and strides.
//!
//! Both sides add the same f32 products in other orders: of n terms the sums differ by about 6e-8 √n of the terms' size, so
//! that 1e-5 of the greatest number is 20 to 100 times what is expected (n is at most some thousands here).

use super::*;
use burn::nn::LinearConfig;
use burn::nn::conv::Conv2dConfig;
use burn::nn::pool::MaxPool2dConfig;
use burn::tensor::TensorData;
use rand::Rng;
use sim::random::key::Stream;
use sim::{Purpose, RandomKey};

/// Random choices of a test, by its number.
struct Random(Stream);

impl Random {
    fn new(case: u64) -> Random {
        Random(RandomKey::new(17, 0).at(Purpose::Gradient, 0, case))
    }

    fn below(&mut self, end: usize) -> usize {
        (self.0.next_u64() % end as u64) as usize
    }

    /// Numbers within ±1, of which this share is not 0.
    fn tensor<const D: usize>(&mut self, shape: [usize; D], share: f64, device: &Device) -> Tensor<D> {
        let mut number = || {
            let unit = |word: u64| (word >> 40) as f32 / (1u64 << 24) as f32;
            let kept = f64::from(unit(self.0.next_u64())) < share;
            let number = 2.0 * unit(self.0.next_u64()) - 1.0;
            if kept { number } else { 0.0 }
        };
        let numbers: Vec<f32> = (0..shape.iter().product::<usize>()).map(|_| number()).collect();
        Tensor::from_data(TensorData::new(numbers, shape), device)
    }
}

/// Takes the gradient of a parameter out of all gradients.
type Take<'a> = &'a dyn Fn(&mut burn::tensor::Gradients) -> Option<TensorData>;

fn device() -> Device {
    Device::flex().autodiff()
}

/// Output and gradients of a layer: of the sum of the output's products with `by`.
fn outcome<const D: usize, const O: usize>(
    forward: impl Fn(Tensor<D>) -> Tensor<O>,
    x: &Tensor<D>,
    parameters: &[Take],
    by: &Tensor<O>,
) -> Vec<Option<TensorData>> {
    let x = x.clone().detach().require_grad();
    let y = forward(x.clone());
    let mut gradients = (y.clone() * by.clone()).sum().backward();
    let x = x.grad_remove(&mut gradients).map(Tensor::into_data);
    let parameters: Vec<_> = parameters.iter().map(|parameter| parameter(&mut gradients)).collect();
    [Some(y.into_data()), x].into_iter().chain(parameters).collect()
}

fn assert_near(ours: &[Option<TensorData>], burns: &[Option<TensorData>], what: &str) {
    assert_eq!(ours.len(), burns.len());
    for (part, (ours, burns)) in ours.iter().zip(burns).enumerate() {
        let (ours, burns) = match (ours, burns) {
            (None, None) => continue,
            (Some(ours), Some(burns)) => (ours, burns),
            _ => panic!("{what}, part {part}: one has a gradient, the other has none"),
        };
        assert_eq!(ours.shape(), burns.shape(), "{what}, part {part}");
        let (ours, burns): (&[f32], &[f32]) = (ours.as_slice().unwrap(), burns.as_slice().unwrap());
        let greatest = burns.iter().fold(1e-6f32, |greatest, x| greatest.max(x.abs()));
        let furthest = ours.iter().zip(burns).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(furthest <= 1e-5 * greatest, "{what}, part {part}: {furthest:e} apart of at most {greatest:e}");
    }
}

#[test]
fn a_linear_layer_is_burns() {
    for case in 0..40 {
        let random = &mut Random::new(case);
        let [n, inputs, outputs] = [40, 300, 90].map(|most| 1 + random.below(most));
        let mut layer = LinearConfig::new(inputs, outputs).with_bias(case % 4 != 0).init(&device());
        layer.weight = layer.weight.map(|_| random.tensor([inputs, outputs], 1.0, &device()).require_grad());
        let (x, by) = (random.tensor([n, inputs], 1.0, &device()), random.tensor([n, outputs], 1.0, &device()));
        let weight = layer.weight.val();
        let bias = layer.bias.as_ref().map(|bias| bias.val());
        let parameters: [Take; 2] = [&|gradients| weight.grad_remove(gradients).map(Tensor::into_data), &|gradients| {
            bias.as_ref()?.grad_remove(gradients).map(Tensor::into_data)
        }];
        let ours = outcome(|x| linear(&layer, x), &x, &parameters, &by);
        let burns = outcome(|x| layer.forward(x), &x, &parameters, &by);
        assert_near(&ours, &burns, &format!("case {case}: {n} x {inputs} x {outputs}"));
    }
}

#[test]
fn a_transposed_or_sliced_input_is_read_as_it_is() {
    let random = &mut Random::new(1000);
    let layer = LinearConfig::new(7, 5).init(&device());
    let wide = random.tensor([9, 11], 1.0, &device());
    for x in [wide.clone().slice([0..9, 2..9]), wide.transpose().slice([0..4, 1..8])] {
        let ours = linear(&layer, x.clone()).into_data();
        assert_near(&[Some(ours)], &[Some(layer.forward(x).into_data())], "a view");
    }
}

#[test]
fn a_convolution_is_burns() {
    for case in 0..60 {
        let random = &mut Random::new(2000 + case);
        let [n, channels, outputs] = [9, 5, 9].map(|most| 1 + random.below(most));
        let kernel = [1 + random.below(5), 1 + random.below(5)];
        let padding = random.below(3);
        let [high, wide] = kernel.map(|side| side + random.below(14));
        // What comes back is dense, or sparse as behind a pooling.
        let share = if case % 2 == 0 { 1.0 } else { 0.02 };
        let edges = PaddingConfig2d::Explicit(padding, padding, padding, padding);
        let config = Conv2dConfig::new([channels, outputs], kernel);
        let mut layer = config.with_padding(edges).with_bias(case % 7 != 0).init(&device());
        let shape = [outputs, channels, kernel[0], kernel[1]];
        layer.weight = layer.weight.map(|_| random.tensor(shape, 1.0, &device()).require_grad());
        let [rows, columns] = [high + 2 * padding + 1 - kernel[0], wide + 2 * padding + 1 - kernel[1]];
        let x = random.tensor([n, channels, high, wide], 1.0, &device());
        let by = random.tensor([n, outputs, rows, columns], share, &device());
        let (weight, bias) = (layer.weight.val(), layer.bias.as_ref().map(|bias| bias.val()));
        let parameters: [Take; 2] = [&|gradients| weight.grad_remove(gradients).map(Tensor::into_data), &|gradients| {
            bias.as_ref()?.grad_remove(gradients).map(Tensor::into_data)
        }];
        let ours = outcome(|x| conv(&layer, x), &x, &parameters, &by);
        let burns = outcome(|x| layer.forward(x), &x, &parameters, &by);
        let what = format!("case {case}: {n} of {channels} x {high} x {wide}, {outputs} {kernel:?}, padding {padding}");
        assert_near(&ours, &burns, &what);
    }
}

#[test]
fn a_convolution_with_other_options_is_burns() {
    let random = &mut Random::new(3000);
    let x = random.tensor([3, 4, 9, 8], 1.0, &device());
    let config = || Conv2dConfig::new([4, 6], [3, 3]);
    let others = [
        config().with_stride([2, 1]),
        config().with_dilation([1, 2]),
        config().with_groups(2),
        config().with_padding(PaddingConfig2d::Explicit(1, 0, 2, 1)),
        config().with_padding(PaddingConfig2d::Same),
        config().with_padding(PaddingConfig2d::Explicit(3, 3, 3, 3)),
    ];
    for config in others {
        let layer = config.init(&device());
        assert_eq!(conv(&layer, x.clone()).into_data(), layer.forward(x.clone()).into_data());
    }
}

#[test]
fn a_max_pooling_is_burns() {
    for case in 0..80 {
        let random = &mut Random::new(4000 + case);
        let [n, channels] = [4, 5].map(|most| 1 + random.below(most));
        let kernel = [1 + random.below(5), 1 + random.below(5)];
        let stride = [1 + random.below(3), 1 + random.below(3)];
        let padding = random.below(1 + kernel[0].min(kernel[1]) / 2);
        let [high, wide] = kernel.map(|side| side + random.below(14));
        let edges = PaddingConfig2d::Explicit(padding, padding, padding, padding);
        let layer = MaxPool2dConfig::new(kernel).with_strides(stride).with_padding(edges).init();
        // Half of the numbers are 0, so that there are ties: the first of equals has the gradient.
        let x = random.tensor([n, channels, high, wide], if case % 2 == 0 { 1.0 } else { 0.5 }, &device());
        let shape = layer.forward(x.clone()).dims();
        let by = random.tensor(shape, 0.8, &device());
        let ours = outcome(|x| max_pool(&layer, x), &x, &[], &by);
        let burns = outcome(|x| layer.forward(x), &x, &[], &by);
        let what = format!("case {case}: {channels} x {high} x {wide}, {kernel:?} by {stride:?}, padding {padding}");
        assert_near(&ours, &burns, &what);
    }
}

#[test]
fn a_max_pooling_with_other_options_is_burns() {
    let x = Random::new(5000).tensor([2, 3, 9, 8], 1.0, &device());
    let config = || MaxPool2dConfig::new([3, 3]).with_strides([2, 2]);
    let others = [
        config().with_dilation([2, 1]),
        config().with_ceil_mode(true),
        config().with_padding(PaddingConfig2d::Explicit(1, 0, 1, 1)),
    ];
    for config in others {
        let layer = config.init();
        assert_eq!(max_pool(&layer, x.clone()).into_data(), layer.forward(x.clone()).into_data());
    }
}

#[test]
fn a_window_with_a_single_nan_is_nan_and_sends_its_gradient_there() {
    let layer = MaxPool2dConfig::new([2, 2]).init();
    for place in 0..16 {
        let numbers = |fill: f32| {
            let mut numbers: Vec<f32> = (0..16).map(|i| i as f32 / 8.0 - 1.0).collect();
            numbers[place] = fill;
            Tensor::<4>::from_data(TensorData::new(numbers, [1, 1, 4, 4]), &device())
        };
        let by = Tensor::from_data(TensorData::new(vec![1.0f32, 2.0, 3.0, 4.0], [1, 1, 2, 2]), &device());
        for fill in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let ours = outcome(|x| max_pool(&layer, x), &numbers(fill), &[], &by);
            let burns = outcome(|x| layer.forward(x), &numbers(fill), &[], &by);
            let bits = |data: &Option<TensorData>| -> Vec<u32> {
                data.as_ref().unwrap().as_slice::<f32>().unwrap().iter().map(|x| x.to_bits()).collect()
            };
            assert_eq!(bits(&ours[0]), bits(&burns[0]), "{fill} at {place}");
            assert_eq!(bits(&ours[1]), bits(&burns[1]), "{fill} at {place}");
        }
    }
}

#[test]
fn what_needs_no_gradient_gets_none_and_the_rest_is_as_before() {
    let random = &mut Random::new(6000);
    let layer = Conv2dConfig::new([2, 3], [3, 3]).init(&device());
    let x = random.tensor([4, 2, 8, 8], 1.0, &device());
    let by = random.tensor([4, 3, 6, 6], 1.0, &device());
    let gradient = |layer: &Conv2d, of: &str| {
        let x = if of == "x" { x.clone().require_grad() } else { x.clone() };
        let mut gradients = (conv(layer, x.clone()) * by.clone()).sum().backward();
        let bias = layer.bias.as_ref().unwrap().val();
        let all = [
            ("x", x.grad_remove(&mut gradients).map(Tensor::into_data)),
            ("weight", layer.weight.val().grad_remove(&mut gradients).map(Tensor::into_data)),
            ("bias", bias.grad_remove(&mut gradients).map(Tensor::into_data)),
        ];
        all.into_iter().filter(|(_, g)| g.is_some()).collect::<Vec<_>>()
    };
    let learns = |weight: bool, bias: bool| {
        let mut layer = layer.clone();
        layer.weight = layer.weight.map(|w| w.detach().set_require_grad(weight));
        layer.bias = layer.bias.map(|b| b.map(|b| b.detach().set_require_grad(bias)));
        layer
    };
    let all = gradient(&learns(true, true), "x");
    assert_eq!(all.len(), 3);
    for (weight, bias, of) in [(true, false, ""), (false, true, ""), (false, false, "x"), (true, true, "")] {
        for (name, some) in gradient(&learns(weight, bias), of) {
            let wanted = (name == "x" && of == "x") || (name == "weight" && weight) || (name == "bias" && bias);
            assert!(wanted, "{name} has a gradient where weight {weight}, bias {bias}, input '{of}' should");
            assert!(all.iter().any(|(other, same)| *other == name && *same == some), "{name}");
        }
    }
}
