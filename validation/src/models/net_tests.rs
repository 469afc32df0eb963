//! Are the gradients right, the same everywhere, and do they train?
//!
//! The reference is the textbook network in f64, loop by loop in the order of its definition, with none of the
//! identities, layouts or library calls of the models.

use std::sync::Arc;
use std::thread;

use super::*;
use crate::data::images::Dataset;
use crate::data::mnist::{PIXELS, SIDE};
use rand::Rng;
use sim::{Purpose, RandomKey};

/// Images of noise and their labels, of the size that a network takes.
fn noise(architecture: Architecture, n: usize) -> (Vec<f32>, Vec<u8>) {
    let mut stream = RandomKey::new(2, 0).at(Purpose::Gradient, 0, 0);
    let mut unit = || (stream.next_u64() >> 40) as f32 / (1u64 << 24) as f32;
    let images = (0..n * architecture.input().iter().product::<usize>()).map(|_| 3.4 * unit() - 1.7).collect();
    (images, (0..n).map(|i| (i * 7 % CLASSES) as u8).collect())
}

/// A weight and the bias after it, for each layer.
fn layers(architecture: Architecture) -> Vec<(usize, usize)> {
    let sizes: Vec<usize> = architecture.shapes().iter().map(|shape| shape.iter().product()).collect();
    sizes.chunks_exact(2).map(|two| (two[0], two[1])).collect()
}

fn has_convolutions(architecture: Architecture) -> bool {
    architecture.shapes()[0].len() == 4
}

fn drops(architecture: Architecture) -> bool {
    matches!(architecture, Architecture::Lenet | Architecture::Vgg11)
}

fn stream(step: u64) -> Stream {
    RandomKey::new(1, 0).at(Purpose::Dropout, 0, step)
}

fn batch(n: usize) -> (Vec<f32>, Vec<u8>) {
    let (mut images, mut labels) = (Vec::new(), Vec::new());
    Dataset::embedded().train.gather(0..n, &mut images, &mut labels);
    (images, labels)
}

/// A picture with channels: `at(channel, row, column)`, and `outside` beyond the edge.
struct Picture {
    channels: usize,
    side: usize,
    numbers: Vec<f64>,
}

impl Picture {
    fn from_fn(channels: usize, side: usize, at: impl Fn(usize, usize, usize) -> f64) -> Self {
        let place = |i: usize| at(i / (side * side), i / side % side, i % side);
        Self { channels, side, numbers: (0..channels * side * side).map(place).collect() }
    }

    fn at(&self, channel: usize, row: isize, column: isize, outside: f64) -> f64 {
        let inside = 0..self.side as isize;
        if !inside.contains(&row) || !inside.contains(&column) {
            return outside;
        }
        self.numbers[(channel * self.side + row as usize) * self.side + column as usize]
    }

    fn convolved(&self, weight: &[f64], bias: &[f64], padding: usize) -> Self {
        let outputs = bias.len();
        Self::from_fn(outputs, self.side + 2 * padding - 4, |output, row, column| {
            let mut sum = bias[output];
            for i in 0..5 {
                for j in 0..5 {
                    for input in 0..self.channels {
                        let (y, x) = ((row + i) as isize - padding as isize, (column + j) as isize - padding as isize);
                        sum += self.at(input, y, x, 0.0) * weight[((output * self.channels + input) * 5 + i) * 5 + j];
                    }
                }
            }
            sum
        })
    }

    fn pooled(&self, size: usize, stride: usize, padding: usize) -> Self {
        Self::from_fn(self.channels, (self.side + 2 * padding - size) / stride + 1, |channel, row, column| {
            let mut greatest = f64::NEG_INFINITY;
            for i in 0..size {
                for j in 0..size {
                    let (y, x) = (row * stride + i, column * stride + j);
                    let (y, x) = (y as isize - padding as isize, x as isize - padding as isize);
                    greatest = greatest.max(self.at(channel, y, x, f64::NEG_INFINITY));
                }
            }
            greatest
        })
    }

    fn rectified(mut self) -> Self {
        self.numbers.iter_mut().for_each(|x| *x = x.max(0.0));
        self
    }
}

fn affine(input: &[f64], weight: &[f64], bias: &[f64]) -> Vec<f64> {
    let column =
        |j: usize| input.iter().enumerate().map(|(i, x)| x * weight[i * bias.len() + j]).sum::<f64>() + bias[j];
    (0..bias.len()).map(column).collect()
}

/// Mean cross-entropy by the textbook. `silent(sample, channel, row, column)` says which 5x5 cells dropout silences.
fn loss(
    architecture: Architecture,
    parameters: &[f64],
    images: &[f32],
    labels: &[u8],
    silent: &dyn Fn(usize, usize, usize, usize) -> bool,
) -> f64 {
    let mut rest = parameters;
    let mut layers = Vec::new();
    for (weight, bias) in self::layers(architecture) {
        let (weight, after) = rest.split_at(weight);
        let (bias, after) = after.split_at(bias);
        layers.push((weight, bias));
        rest = after;
    }
    let one = |sample: usize| {
        let image = &images[sample * PIXELS..][..PIXELS];
        let mut value: Vec<f64> = image.iter().map(|&x| f64::from(x)).collect();
        let mut dense = &layers[..];
        if has_convolutions(architecture) {
            let image = Picture { channels: 1, side: SIDE, numbers: value };
            let first = image.convolved(layers[0].0, layers[0].1, 1).rectified().pooled(2, 2, 1);
            let second = first.convolved(layers[1].0, layers[1].1, 0).rectified().pooled(2, 2, 0);
            let scale = if drops(architecture) { 2.0 } else { 1.0 };
            let dropped = Picture::from_fn(64, 5, |channel, row, column| {
                let silent = silent(sample, channel, row, column);
                if silent { 0.0 } else { scale * second.at(channel, row as isize, column as isize, 0.0) }
            });
            value = dropped.pooled(5, 1, 0).numbers;
            dense = &layers[2..];
        }
        for (i, (weight, bias)) in dense.iter().enumerate() {
            value = affine(&value, weight, bias);
            if i + 1 < dense.len() {
                value.iter_mut().for_each(|x| *x = x.max(0.0));
            }
        }
        value.iter().map(|x| x.exp()).sum::<f64>().ln() - value[usize::from(labels[sample])]
    };
    (0..labels.len()).map(one).sum::<f64>() / labels.len() as f64
}

/// What the mask of `step` drops, in the order in which it is drawn: 16 bits a number, of which the lower half of all values.
fn dropped(step: u64, n: usize) -> Vec<bool> {
    let mut stream = stream(step);
    let words: Vec<u64> = (0..n * 64 * 25 / 4).map(|_| stream.next_u64()).collect();
    words.iter().flat_map(|word| (0..4).map(move |i| (word >> (16 * i)) as u16 >> 15 == 0)).collect()
}

fn against_central_differences(architecture: Architecture, coordinates_per_layer: usize) {
    let (images, labels) = batch(4);
    let step = 3;
    let dropped = dropped(step, labels.len());
    let silent = |sample: usize, channel: usize, row: usize, column: usize| {
        drops(architecture) && dropped[((sample * 64 + channel) * 5 + row) * 5 + column]
    };
    let parameters = Arc::new(architecture.initial(RandomKey::new(5, 0)));
    let exact: Vec<f64> = parameters.iter().map(|&x| f64::from(x)).collect();
    let at = |parameters: &[f64]| loss(architecture, parameters, &images, &labels, &silent);

    let net = Net::new(architecture, &Device::flex());
    let (Score { loss: ours, accuracy: _ }, gradient) = net.gradient(&parameters, &images, &labels, &mut stream(step));
    assert!((ours - at(&exact)).abs() < 1e-6, "loss {ours} where {} is right", at(&exact));
    assert_eq!(gradient.len(), architecture.parameters());

    let mut choice = RandomKey::new(6, 0).at(Purpose::Order, 0, 0);
    let mut start = 0;
    for (weight, bias) in layers(architecture) {
        for (first, length) in [(start, weight), (start + weight, bias)] {
            let largest = gradient[first..first + length].iter().fold(0f32, |m, g| m.max(g.abs()));
            assert!(largest > 0.0, "{architecture}: some of {length} parameters matter");
            for _ in 0..coordinates_per_layer {
                // Half of them among the coordinates that matter: most of a ReLU network's gradient is zero.
                let mut i = first + (choice.next_u64() % length as u64) as usize;
                if choice.next_u64() & 1 == 0 {
                    i = (0..length)
                        .map(|k| first + (i - first + k) % length)
                        .find(|&i| gradient[i].abs() > largest / 10.0)
                        .unwrap();
                }
                let moved = |by: f64| {
                    let mut parameters = exact.clone();
                    parameters[i] += by;
                    at(&parameters)
                };
                let h = 1e-5;
                let right = (moved(h) - moved(-h)) / (2.0 * h);
                let error = (f64::from(gradient[i]) - right).abs();
                assert!(
                    error < 1e-5 * f64::from(largest) + 1e-8,
                    "{architecture}, parameter {i}: {} where {right} is right, of at most {largest}",
                    gradient[i]
                );
            }
        }
        start += weight + bias;
    }
}

#[test]
fn softmax_has_the_gradient_of_the_textbook() {
    against_central_differences(Architecture::Softmax, 30);
}

#[test]
fn mlp_has_the_gradient_of_the_textbook() {
    against_central_differences(Architecture::Mlp, 12);
}

#[test]
fn lenet_has_the_gradient_of_the_textbook() {
    against_central_differences(Architecture::Lenet, 12);
}

#[test]
fn lenet_small_has_the_gradient_of_the_textbook() {
    against_central_differences(Architecture::LenetSmall, 12);
}

#[test]
fn the_flat_vectors_have_the_known_lengths() {
    let lengths = Architecture::ALL.map(|a| (a.to_string(), a.parameters(), a.initial(RandomKey::new(0, 0)).len()));
    let known =
        [("softmax", 7_850), ("lenet-small", 26_730), ("lenet", 28_490), ("mlp", 203_530), ("vgg11", 9_225_610)];
    assert_eq!(lengths, known.map(|(name, length)| (name.to_string(), length, length)));
}

#[test]
fn a_flat_vector_survives_the_way_into_layers_and_back() {
    for architecture in Architecture::ALL {
        let parameters = Arc::new(architecture.initial(RandomKey::new(2, 0)));
        let network = architecture.network(&Device::flex());
        assert!(flat::parameters(&network).iter().all(|x| *x == 0.0));
        assert!(flat::parameters(&flat::load(&network, &parameters, &Device::flex())) == *parameters, "{architecture}");
    }
}

#[test]
fn vgg_has_the_slope_of_its_loss_along_the_gradient_of_each_layer() {
    // Nine million parameters in f32: not one by one, but along the gradient of each tensor, where the slope is its length.
    let architecture = Architecture::Vgg11;
    let (images, labels) = noise(architecture, 2);
    let net = Net::new(architecture, &Device::flex());
    let parameters = Arc::new(architecture.initial(RandomKey::new(5, 0)));
    let loss = |parameters: &Arc<Vec<f32>>| {
        let (score, gradient) = net.gradient(parameters, &images, &labels, &mut stream(3));
        (score.loss, gradient)
    };
    let (_, gradient) = loss(&parameters);
    let mut start = 0;
    for shape in architecture.shapes() {
        let end = start + shape.iter().product::<usize>();
        let slope = gradient[start..end].iter().map(|g| f64::from(*g).powi(2)).sum::<f64>().sqrt();
        assert!(slope > 0.0, "{shape:?}");
        // The loss changes by 0.01 in all, of which rounding is 5e-5, and kinks of ReLU and poolings are few.
        let h = 0.005 / slope;
        let moved = |by: f64| {
            let mut parameters = parameters.to_vec();
            for i in start..end {
                parameters[i] += (by * f64::from(gradient[i]) / slope) as f32;
            }
            loss(&Arc::new(parameters)).0
        };
        let measured = (moved(h) - moved(-h)) / (2.0 * h);
        assert!((measured / slope - 1.0).abs() < 0.01, "{shape:?}: {measured} where {slope} was computed");
        start = end;
    }
}

#[test]
fn names_that_can_be_typed_can_be_printed() {
    for architecture in Architecture::ALL {
        assert_eq!(architecture.to_string().parse(), Ok(architecture));
    }
    let error = "transformer".parse::<Architecture>().unwrap_err();
    assert_eq!(
        error.to_string(),
        "there is no model 'transformer'; choose one of softmax, lenet-small, lenet, mlp, vgg11"
    );
}

#[test]
fn a_parameter_that_is_not_a_number_is_never_lost() {
    for architecture in Architecture::ALL {
        let (images, labels) = noise(architecture, 2);
        let net = Net::new(architecture, &Device::flex());
        let mut start = 0;
        for shape in architecture.shapes() {
            let mut parameters = architecture.initial(RandomKey::new(0, 0));
            parameters[start] = f32::NAN;
            let loss = net.gradient(&Arc::new(parameters), &images, &labels, &mut stream(0)).0.loss;
            assert!(loss.is_nan(), "{architecture}: loss {loss} with parameter {start} not a number");
            start += shape.iter().product::<usize>();
        }
    }
}

#[test]
fn a_batch_has_the_mean_gradient_of_its_samples() {
    let (images, labels) = batch(70); // more than LeNet takes at once
    for architecture in [Architecture::Mlp, Architecture::LenetSmall] {
        let net = Net::new(architecture, &Device::flex());
        let parameters = Arc::new(architecture.initial(RandomKey::new(4, 0)));
        let gradient = |samples: std::ops::Range<usize>| {
            let images = &images[samples.start * PIXELS..samples.end * PIXELS];
            net.gradient(&parameters, images, &labels[samples], &mut stream(0))
        };
        let (Score { loss, accuracy }, whole) = gradient(0..70);
        let (mut mean_loss, mut right, mut mean) = (0.0, 0.0, vec![0.0; whole.len()]);
        for sample in 0..70 {
            let (score, one) = gradient(sample..sample + 1);
            mean_loss += score.loss / 70.0;
            right += score.accuracy;
            mean.iter_mut().zip(one).for_each(|(mean, g)| *mean += f64::from(g) / 70.0);
        }
        assert!((loss - mean_loss).abs() < 1e-6, "{architecture}: {loss}, mean {mean_loss}");
        assert_eq!(accuracy, right / 70.0, "{architecture}");
        let furthest = whole.iter().zip(&mean).map(|(&g, m)| (f64::from(g) - m).abs()).fold(0.0, f64::max);
        assert!(furthest < 1e-6, "{architecture}: {furthest:.1e} away");
    }
}

#[test]
#[should_panic(expected = "label 10 of sample 1 is none of the 10 classes")]
fn a_label_that_is_no_class_is_not_learnt() {
    let (images, _) = batch(3);
    let net = Net::new(Architecture::Softmax, &Device::flex());
    let parameters = Arc::new(Architecture::Softmax.initial(RandomKey::new(0, 0)));
    net.gradient(&parameters, &images, &[1, 10, 2], &mut stream(0));
}

#[test]
fn evaluation_is_the_textbook_without_dropout() {
    let test = Dataset::embedded().test.first(260); // more than are evaluated at once
    let (mut images, mut labels) = (Vec::new(), Vec::new());
    test.gather(0..test.len(), &mut images, &mut labels);
    let parameters = Arc::new(Architecture::LenetSmall.initial(RandomKey::new(0, 0)));
    let exact: Vec<f64> = parameters.iter().map(|&x| f64::from(x)).collect();
    let right = loss(Architecture::LenetSmall, &exact, &images, &labels, &|_, _, _, _| false);
    let score = Net::new(Architecture::LenetSmall, &Device::flex()).evaluate(&parameters, &test);
    assert!((score.loss - right).abs() < 1e-6, "{score:?}, loss {right}");
    assert!((0.0..0.3).contains(&score.accuracy), "untrained: {score:?}");
}

#[test]
fn two_runs_agree_to_the_bit_alone_and_among_four_threads() {
    for (architecture, steps) in Architecture::ALL.map(|a| (a, if a == Architecture::Vgg11 { 1 } else { 12 })) {
        let alone = trained(architecture, steps);
        assert_eq!(trained(architecture, steps), alone);
        let together = thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(|| trained(architecture, steps))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
        });
        assert!(together.iter().all(|parameters| *parameters == alone), "{architecture}");
    }
}

/// The bits of the parameters after some steps of SGD on batches of 4.
fn trained(architecture: Architecture, steps: u64) -> Vec<u32> {
    let (images, labels) = noise(architecture, 16);
    let pixels = images.len() / labels.len();
    let net = Net::new(architecture, &Device::flex());
    let mut parameters = Arc::new(architecture.initial(RandomKey::new(9, 0)));
    for step in 0..steps {
        let first = step as usize % 4 * 4;
        let images = &images[first * pixels..][..4 * pixels];
        let (_, gradient) = net.gradient(&parameters, images, &labels[first..first + 4], &mut stream(step));
        Arc::get_mut(&mut parameters)
            .expect("nobody else's")
            .iter_mut()
            .zip(&gradient)
            .for_each(|(p, g)| *p -= 0.01 * g);
    }
    parameters.iter().map(|p| p.to_bits()).collect()
}

/// 8 threads on one shared network: every gradient of every thread is the one that a single thread computes.
fn many_threads(architecture: Architecture, rounds: u64) {
    let (images, labels) = batch(8);
    let net = Net::new(architecture, &Device::flex());
    let parameters = Arc::new(architecture.initial(RandomKey::new(3, 0)));
    let gradient = |step: u64| {
        let (score, gradient) = net.gradient(&parameters, &images, &labels, &mut stream(step));
        (score.loss.to_bits(), gradient.iter().map(|g| g.to_bits()).collect::<Vec<_>>())
    };
    let known: Vec<_> = (0..4).map(gradient).collect();
    thread::scope(|scope| {
        for worker in 0..8 {
            let (gradient, known) = (&gradient, &known);
            scope.spawn(move || {
                for round in 0..rounds {
                    let step = (worker + round) % 4;
                    assert!(gradient(step) == known[step as usize], "{architecture}, round {round}");
                }
            });
        }
    });
}

#[test]
fn many_threads_lose_no_gradient() {
    many_threads(Architecture::Mlp, 250);
    many_threads(Architecture::Lenet, 60);
}

#[test]
#[ignore = "takes some minutes"]
fn a_hundred_thousand_concurrent_backward_passes_lose_none() {
    many_threads(Architecture::Mlp, 10_000);
    many_threads(Architecture::Lenet, 2_500);
}

#[test]
fn a_few_hundred_steps_teach_digits() {
    let train = Dataset::embedded().train;
    let batches =
        crate::data::batches::Batches::new(train.len(), 64, crate::data::batches::Share::Whole, RandomKey::new(0, 0))
            .unwrap();
    for (architecture, steps, least) in
        [(Architecture::Softmax, 200, 0.8), (Architecture::Mlp, 200, 0.85), (Architecture::Lenet, 250, 0.7)]
    {
        let net = Net::new(architecture, &Device::flex());
        let mut parameters = Arc::new(architecture.initial(RandomKey::new(0, 0)));
        let (mut images, mut labels, mut scores) = (Vec::new(), Vec::new(), Vec::new());
        for step in 0..steps {
            train.gather(batches.batch(0, step), &mut images, &mut labels);
            let (score, gradient) = net.gradient(&parameters, &images, &labels, &mut stream(step));
            scores.push(score);
            Arc::get_mut(&mut parameters)
                .expect("nobody else's")
                .iter_mut()
                .zip(&gradient)
                .for_each(|(p, g)| *p -= 0.1 * g);
        }
        // Of 50 batches that it had not seen before: dropout before a max-pooling changes the scale of the features, so that
        // without it lenet is a poor judge at first.
        let last = Score::mean(&scores[scores.len() - 50..]);
        assert!(last.accuracy > least, "{architecture}: {last:?}");
    }
}
