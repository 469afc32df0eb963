//! The same learning with everything on a device: parameters, velocity, images and labels stay there.
//!
//! For graphics cards. The parameters are one vector on the device; a worker's network is made of slices of it, its batch is
//! selected from the images there, its gradient and the optimiser's step never leave it. A step sends the numbers of its
//! samples and a dropout mask, and reads back loss and accuracy.

use crate::data::images::Split;
use crate::learner::digits::{Digits, Weights, in_order};
use crate::learner::sgd::Sgd;
use crate::models::flat;
use crate::models::net::Score;
use burn::tensor::{Device, Int, Tensor, TensorData};
use sim::{Learner, Task};
use std::sync::Arc;

/// What `Digits` learns, on its network's device.
pub struct OnDevice {
    digits: Arc<Digits>,
    train: Resident,
    initial: Tensor<1>,
}

/// Images and labels on a device.
struct Resident {
    images: Tensor<2>,      // [samples, channels · rows · columns]
    labels: Tensor<1, Int>, // [samples]
}

/// Parameters on the device. Cloning shares them.
#[derive(Clone)]
pub struct DeviceParameters {
    weights: Tensor<1>,
    /// None without momentum.
    velocity: Option<Tensor<1>>,
    scores: Arc<[Score]>,
}

/// What a worker submits: a gradient or, of several local steps, how far it went.
pub struct DeviceSubmission {
    score: Score,
    direction: Tensor<1>,
}

impl DeviceParameters {
    /// A copy in the machine's memory.
    pub fn weights(&self) -> Weights {
        Weights::new(self.weights.clone().into_data().try_into_vec().expect("parameters of f32"))
    }

    /// How the tasks in the last update did on their batches, in their order.
    pub fn scores(&self) -> &[Score] {
        &self.scores
    }
}

impl Resident {
    fn new(split: &Split, device: &Device) -> Resident {
        let (mut images, mut labels) = (Vec::new(), Vec::new());
        split.gather(0..split.len(), &mut images, &mut labels);
        let labels: Vec<i32> = labels.iter().map(|&label| label.into()).collect();
        Resident {
            images: Tensor::from_data(TensorData::new(images, [split.len(), split.image_len()]), device),
            labels: Tensor::from_data(TensorData::from(&labels[..]), device),
        }
    }

    /// The images `[samples, channels · rows · columns]` and labels of these samples.
    fn select(&self, samples: impl Iterator<Item = usize>) -> (Tensor<2>, Tensor<1, Int>) {
        let samples: Vec<i32> = samples.map(|sample| sample as i32).collect();
        let samples = Tensor::<1, Int>::from_data(TensorData::from(&samples[..]), &self.images.device());
        (self.images.clone().select(0, samples.clone()), self.labels.clone().select(0, samples))
    }
}

impl OnDevice {
    /// Brings images and first parameters to the device. Workers that begin with parameters of their own are not known here.
    pub fn new(digits: Arc<Digits>) -> OnDevice {
        let device = digits.net().device().clone();
        let initial = Tensor::from_data(TensorData::from(&digits.beginning()[..]), &device);
        OnDevice { train: Resident::new(digits.train(), &device), initial, digits }
    }

    /// Score and gradient of a worker's own `step`-th batch.
    fn batch_gradient(&self, at: &Tensor<1>, worker: u32, step: u64) -> (Score, Tensor<1>) {
        let (samples, mut dropout) = self.digits.batch(worker, step);
        let (images, labels) = self.train.select(samples);
        let [n, _] = images.dims();
        let net = self.digits.net();
        let network = flat::load_tensor(net.template(), at);
        let (loss, correct) = net.loss(&network, images, labels, &mut dropout);
        let read = Tensor::cat(vec![loss.clone().inner(), correct], 0);
        let gradient = flat::gradient_tensor(&network, loss.backward());
        let read = read.into_data();
        let read: &[f32] = read.as_slice().expect("two numbers of f32");
        (Score { loss: read[0].into(), accuracy: f64::from(read[1]) / n as f64 }, gradient)
    }
}

impl OnDevice {
    /// The mean gradient of micro-batches at the same parameters.
    fn micro_batches(&self, at: &Tensor<1>, task: Task, enough: &mut dyn FnMut() -> bool) -> (DeviceSubmission, u32) {
        let (mut sum, mut scores) = (at.zeros_like(), Vec::new());
        for step in task.step_numbers() {
            let (score, gradient) = self.batch_gradient(at, task.worker, step);
            scores.push(score);
            sum = sum + gradient;
            if enough() || self.digits.is_over() {
                break;
            }
        }
        let direction = sum / scores.len() as f32;
        (DeviceSubmission { score: Score::mean(&scores), direction }, scores.len() as u32)
    }
}

impl Learner for OnDevice {
    type Params = DeviceParameters;
    type Gradient = DeviceSubmission;

    fn initial(&self) -> DeviceParameters {
        let velocity = (self.digits.sgd().momentum > 0.0).then(|| self.initial.zeros_like());
        DeviceParameters { weights: self.initial.clone(), velocity, scores: Arc::default() }
    }

    fn gradient(&self, at: &DeviceParameters, task: Task) -> DeviceSubmission {
        self.gradient_until(at, task, &mut || false).0
    }

    fn gradient_until(
        &self,
        at: &DeviceParameters,
        task: Task,
        enough: &mut dyn FnMut() -> bool,
    ) -> (DeviceSubmission, u32) {
        let Sgd { rate, momentum, rule: _ } = self.digits.sgd();
        if task.accumulates {
            return self.micro_batches(&at.weights, task, enough);
        }
        if !task.local {
            let (score, direction) = self.batch_gradient(&at.weights, task.worker, task.step_numbers().start);
            return (DeviceSubmission { score, direction }, 1);
        }
        let (mut weights, mut velocity) = (at.weights.clone(), at.weights.zeros_like());
        let mut scores = Vec::new();
        for step in task.step_numbers() {
            let (score, gradient) = self.batch_gradient(&weights, task.worker, step);
            scores.push(score);
            velocity = velocity * momentum + gradient;
            weights = weights - velocity.clone() * rate;
            if enough() || self.digits.is_over() {
                break;
            }
        }
        let direction = at.weights.clone() - weights;
        (DeviceSubmission { score: Score::mean(&scores), direction }, scores.len() as u32)
    }

    fn update(&self, params: &mut DeviceParameters, version: u64, tasks: &[Task], from: &[DeviceSubmission]) {
        let Sgd { rate, momentum, rule: _ } = self.digits.sgd();
        params.scores = from.iter().map(|submission| submission.score).collect();
        let (local, shares) = (tasks[0].local, self.digits.shares(version, tasks));
        let weighted = in_order(tasks).into_iter().map(|i| from[i].direction.clone() * shares[i]);
        let sum = weighted.reduce(|sum, part| sum + part).expect("an update has a gradient");
        let step = match &mut params.velocity {
            _ if local => sum,
            Some(velocity) => {
                *velocity = velocity.clone() * momentum + sum;
                velocity.clone() * rate
            }
            None => sum * rate,
        };
        params.weights = params.weights.clone() - step;
    }

    fn loss(&self, params: &DeviceParameters) -> f64 {
        Score::mean(&params.scores).loss
    }
}
