//! Are the gradients right, the same everywhere, and do they train?
//!
//! The reference is the textbook network in f64, loop by loop in the order of its definition, with none of the
//! identities, layouts or library calls of the models.

use std::thread;

use super::*;
use crate::data::mnist::{Dataset, SIDE};

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
                        sum += self.at(input, y, x, 0.0)
                            * weight[((i * 5 + j) * self.channels + input) * outputs + output];
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
    for &(inputs, outputs) in architecture.layers() {
        let (weight, after) = rest.split_at(inputs * outputs);
        let (bias, after) = after.split_at(outputs);
        layers.push((weight, bias));
        rest = after;
    }
    let one = |sample: usize| {
        let image = &images[sample * PIXELS..][..PIXELS];
        let mut value: Vec<f64> = image.iter().map(|&x| f64::from(x)).collect();
        let mut dense = &layers[..];
        if architecture.sees() {
            let image = Picture { channels: 1, side: SIDE, numbers: value };
            let first = image.convolved(layers[0].0, layers[0].1, 1).rectified().pooled(2, 2, 1);
            let second = first.convolved(layers[1].0, layers[1].1, 0).rectified().pooled(2, 2, 0);
            let scale = if architecture.drops() { 2.0 } else { 1.0 };
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

/// The bits that the dropout of `step` is made of, in the order in which they are drawn.
fn silences(step: u64, n: usize) -> Vec<bool> {
    let mut stream = stream(step);
    let words: Vec<u64> = (0..n * 25).map(|_| stream.next_u64()).collect();
    words.iter().flat_map(|word| (0..64).map(move |bit| word >> bit & 1 == 1)).collect()
}

fn against_central_differences(architecture: Architecture, coordinates_per_layer: usize) {
    let (images, labels) = batch(4);
    let step = 3;
    let bits = silences(step, labels.len());
    let silent = |sample: usize, channel: usize, row: usize, column: usize| {
        architecture.drops() && bits[((sample * 5 + row) * 5 + column) * 64 + channel]
    };
    let parameters = architecture.initial(RandomKey::new(5, 0));
    let exact: Vec<f64> = parameters.iter().map(|&x| f64::from(x)).collect();
    let at = |parameters: &[f64]| loss(architecture, parameters, &images, &labels, &silent);

    let mut gradient = Vec::new();
    let ours = Net::new(architecture, &Device::flex()).gradient(
        &parameters,
        &images,
        &labels,
        &mut stream(step),
        &mut gradient,
    );
    let Score { loss: ours, accuracy: _ } = ours;
    assert!((ours - at(&exact)).abs() < 1e-6, "loss {ours} where {} is right", at(&exact));
    assert_eq!(gradient.len(), architecture.parameters());

    let mut choice = RandomKey::new(6, 0).at(Purpose::Order, 0, 0);
    let mut start = 0;
    for &(inputs, outputs) in architecture.layers() {
        for (first, length) in [(start, inputs * outputs), (start + inputs * outputs, outputs)] {
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
        start += (inputs + 1) * outputs;
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
    let known = [("softmax", 7_850), ("lenet-small", 26_730), ("lenet", 28_490), ("mlp", 203_530)];
    assert_eq!(lengths, known.map(|(name, length)| (name.to_string(), length, length)));
}

#[test]
fn a_flat_vector_survives_the_way_into_layers_and_back() {
    for architecture in Architecture::ALL {
        let parameters = architecture.initial(RandomKey::new(2, 0));
        let layers = Net::new(architecture, &Device::flex()).layers(&parameters);
        let back: Vec<f32> = layers
            .into_iter()
            .flat_map(|layer| [layer.weight, layer.bias])
            .flat_map(|part| numbers(&part.into_data()).to_vec())
            .collect();
        assert_eq!(back, parameters);
    }
}

#[test]
fn names_that_can_be_typed_can_be_printed() {
    for architecture in Architecture::ALL {
        assert_eq!(architecture.to_string().parse(), Ok(architecture));
    }
    let error = "vgg".parse::<Architecture>().unwrap_err();
    assert_eq!(error.to_string(), "there is no model 'vgg'; choose one of softmax, lenet-small, lenet, mlp");
}

#[test]
fn a_parameter_that_is_not_a_number_is_never_lost() {
    let (images, labels) = batch(3);
    for architecture in Architecture::ALL {
        let net = Net::new(architecture, &Device::flex());
        let mut start = 0;
        for &(inputs, outputs) in architecture.layers() {
            for bad in [start, start + inputs * outputs] {
                let mut parameters = architecture.initial(RandomKey::new(0, 0));
                parameters[bad] = f32::NAN;
                let loss = net.gradient(&parameters, &images, &labels, &mut stream(0), &mut Vec::new()).loss;
                assert!(loss.is_nan(), "{architecture}: loss {loss} with parameter {bad} not a number");
            }
            start += (inputs + 1) * outputs;
        }
    }
}

#[test]
fn a_batch_has_the_mean_gradient_of_its_samples() {
    let (images, labels) = batch(70); // more than LeNet takes at once
    for architecture in [Architecture::Mlp, Architecture::LenetSmall] {
        let net = Net::new(architecture, &Device::flex());
        let parameters = architecture.initial(RandomKey::new(4, 0));
        let gradient = |samples: std::ops::Range<usize>| {
            let mut gradient = Vec::new();
            let images = &images[samples.start * PIXELS..samples.end * PIXELS];
            let score = net.gradient(&parameters, images, &labels[samples], &mut stream(0), &mut gradient);
            (score, gradient)
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
    let parameters = Architecture::Softmax.initial(RandomKey::new(0, 0));
    net.gradient(&parameters, &images, &[1, 10, 2], &mut stream(0), &mut Vec::new());
}

#[test]
fn evaluation_is_the_textbook_without_dropout() {
    let test = Dataset::embedded().test.first(260); // more than are evaluated at once
    let (mut images, mut labels) = (Vec::new(), Vec::new());
    test.gather(0..test.len(), &mut images, &mut labels);
    let parameters = Architecture::LenetSmall.initial(RandomKey::new(0, 0));
    let exact: Vec<f64> = parameters.iter().map(|&x| f64::from(x)).collect();
    let right = loss(Architecture::LenetSmall, &exact, &images, &labels, &|_, _, _, _| false);
    let score = Net::new(Architecture::LenetSmall, &Device::flex()).evaluate(&parameters, &test);
    assert!((score.loss - right).abs() < 1e-6, "{score:?}, loss {right}");
    assert!((0.0..0.3).contains(&score.accuracy), "untrained: {score:?}");
}

#[test]
fn two_runs_agree_to_the_bit_alone_and_among_four_threads() {
    for architecture in Architecture::ALL {
        let alone = trained(architecture, 12);
        assert_eq!(trained(architecture, 12), alone);
        let together = thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(|| trained(architecture, 12))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
        });
        assert!(together.iter().all(|parameters| *parameters == alone), "{architecture}");
    }
}

/// The bits of the parameters after some steps of SGD on batches of 16.
fn trained(architecture: Architecture, steps: u64) -> Vec<u32> {
    let (images, labels) = batch(64);
    let net = Net::new(architecture, &Device::flex());
    let mut parameters = architecture.initial(RandomKey::new(9, 0));
    let mut gradient = Vec::new();
    for step in 0..steps {
        let first = step as usize % 4 * 16;
        let images = &images[first * PIXELS..][..16 * PIXELS];
        net.gradient(&parameters, images, &labels[first..first + 16], &mut stream(step), &mut gradient);
        parameters.iter_mut().zip(&gradient).for_each(|(p, g)| *p -= 0.05 * g);
    }
    parameters.iter().map(|p| p.to_bits()).collect()
}

#[test]
fn many_threads_lose_no_gradient() {
    // 8 threads on one shared network: every gradient of every thread is the one that a single thread computes.
    let (images, labels) = batch(8);
    for (architecture, rounds) in [(Architecture::Mlp, 250), (Architecture::Lenet, 60)] {
        let net = Net::new(architecture, &Device::flex());
        let parameters = architecture.initial(RandomKey::new(3, 0));
        let gradient = |step: u64| {
            let mut gradient = Vec::new();
            let score = net.gradient(&parameters, &images, &labels, &mut stream(step), &mut gradient);
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
}

#[test]
fn a_few_hundred_steps_teach_digits() {
    let Dataset { train, test } = Dataset::embedded();
    let batches =
        crate::data::batches::Batches::new(train.len(), 64, crate::data::batches::Share::Whole, RandomKey::new(0, 0))
            .unwrap();
    for (architecture, rate, steps, least) in [
        (Architecture::Softmax, 0.1, 300, 0.83),
        (Architecture::Mlp, 0.1, 300, 0.88),
        (Architecture::Lenet, 0.1, 250, 0.8),
    ] {
        let net = Net::new(architecture, &Device::flex());
        let mut parameters = architecture.initial(RandomKey::new(0, 0));
        let (mut images, mut labels, mut gradient) = (Vec::new(), Vec::new(), Vec::new());
        for step in 0..steps {
            train.gather(batches.batch(0, step), &mut images, &mut labels);
            net.gradient(&parameters, &images, &labels, &mut stream(step), &mut gradient);
            parameters.iter_mut().zip(&gradient).for_each(|(p, g)| *p -= rate * g);
        }
        let score = net.evaluate(&parameters, &test.first(2000));
        println!("{architecture}: {score:?}");
        assert!(score.accuracy > least, "{architecture}: {score:?}");
    }
}
