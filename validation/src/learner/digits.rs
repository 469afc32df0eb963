//! What is learnt for real? Networks on images of digits, as a learner that any cluster can run.
//!
//! Everything is a pure function of (seed, worker, step): which samples are in a batch, what dropout silences, where
//! training begins. So one training told twice is the same to the last bit, in simulated time or on threads.

use crate::data::batches::Batches;
use crate::data::images::Split;
use crate::models::net::{Net, Score};
use crate::models::network::Architecture;
use sim::{Learner, Purpose, RandomKey, Task};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// How the step size depends on how gradients come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LearningRateRule {
    /// Every update moves by lr times the average of its gradients.
    Same,
    /// An update that averages K gradients moves K times as far: each gradient counts the same under every policy.
    Linear,
    /// A gradient that is s updates old counts 1/max(1, s).
    PerStaleness,
}

impl fmt::Display for LearningRateRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            LearningRateRule::Same => "same",
            LearningRateRule::Linear => "linear",
            LearningRateRule::PerStaleness => "per-staleness",
        })
    }
}

impl FromStr for LearningRateRule {
    type Err = String;

    fn from_str(text: &str) -> Result<LearningRateRule, String> {
        match text {
            "same" => Ok(LearningRateRule::Same),
            "linear" => Ok(LearningRateRule::Linear),
            "per-staleness" => Ok(LearningRateRule::PerStaleness),
            _ => Err(format!("there is no rule '{text}'; type same, linear or per-staleness")),
        }
    }
}

/// Plain or momentum SGD: v = momentum v + g, w = w - lr v.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sgd {
    /// TaskRecord size, lr.
    pub rate: f32,
    /// Share of the velocity that is kept, 0 for plain SGD; it lives at the server.
    pub momentum: f32,
    /// What becomes of the rate when gradients are several or stale.
    pub rule: LearningRateRule,
}

/// A network that learns digits.
pub struct Digits {
    net: Net,
    train: Arc<Split>,
    batches: Batches,
    sgd: Sgd,
    key: RandomKey,
    /// Parameters to begin with.
    initial: Arc<Vec<f32>>,
}

/// The parameters at the server. Cloning shares them; an update writes new ones if somebody still reads the old.
#[derive(Clone, Debug)]
pub struct Weights {
    weights: Arc<Vec<f32>>,
    /// Empty without momentum.
    velocity: Arc<Vec<f32>>,
    /// How the tasks in the last update did on their batches, in their order.
    scores: Arc<[Score]>,
}

impl Weights {
    /// Parameters at rest, before the first update.
    pub fn new(values: Vec<f32>) -> Weights {
        Weights { weights: Arc::new(values), velocity: Arc::default(), scores: Arc::default() }
    }

    /// The flat vector, in the order of [`Architecture`].
    pub fn values(&self) -> &Arc<Vec<f32>> {
        &self.weights
    }

    /// How the tasks in the last update did on their batches, in their order.
    pub fn scores(&self) -> &[Score] {
        &self.scores
    }
}

/// What a worker hands in: how it did on its batches, on average, and a gradient or, of several local steps, how far it went.
#[derive(Clone, Debug)]
pub struct HandIn {
    score: Score,
    direction: Vec<f32>,
}

impl Digits {
    /// A learner that begins with the seed's own parameters.
    pub fn new(net: Net, train: Arc<Split>, batches: Batches, sgd: Sgd, key: RandomKey) -> Digits {
        let initial = Arc::new(net.architecture().initial(key));
        Digits { net, train, batches, sgd, key, initial }
    }

    /// The same learner, beginning with these parameters.
    ///
    /// # Errors
    /// The number of parameters that the network has, if these are not so many.
    pub fn beginning_with(self, parameters: Vec<f32>) -> Result<Digits, usize> {
        let expected = self.net.parameters();
        if parameters.len() != expected {
            return Err(expected);
        }
        Ok(Digits { initial: Arc::new(parameters), ..self })
    }

    /// The network.
    pub fn architecture(&self) -> Architecture {
        self.net.architecture()
    }

    /// Loss and accuracy on these samples.
    pub fn score(&self, weights: &Weights, split: &Split) -> Score {
        self.net.evaluate(&weights.weights, split)
    }

    /// The parameters that training begins with.
    pub(crate) fn beginning(&self) -> &[f32] {
        &self.initial
    }

    /// How gradients become steps.
    pub(crate) fn sgd(&self) -> Sgd {
        self.sgd
    }

    /// Score and gradient of a worker's own `step`-th batch.
    pub(crate) fn batch_gradient(&self, at: &[f32], worker: u32, step: u64, gradient: &mut Vec<f32>) -> Score {
        let (mut images, mut labels) = (Vec::new(), Vec::new());
        self.train.gather(self.batches.batch(worker, step), &mut images, &mut labels);
        let mut dropout = self.key.at(Purpose::Dropout, worker, step);
        self.net.gradient(at, &images, &labels, &mut dropout, gradient)
    }

    /// Takes H steps of its own, with a velocity of its own that begins at rest.
    fn walk(&self, from: &[f32], task: Task) -> HandIn {
        let Sgd { rate, momentum, rule: _ } = self.sgd;
        let (mut at, mut velocity, mut gradient) = (from.to_vec(), vec![0.0; from.len()], Vec::new());
        let mut scores = Vec::new();
        for step in task.step_numbers() {
            scores.push(self.batch_gradient(&at, task.worker, step, &mut gradient));
            for ((w, v), g) in at.iter_mut().zip(&mut velocity).zip(&gradient) {
                *v = momentum * *v + g;
                *w -= rate * *v;
            }
        }
        at.iter_mut().zip(from).for_each(|(w, from)| *w = from - *w);
        HandIn { score: Score::mean(&scores), direction: at }
    }
}

impl Learner for Digits {
    type Params = Weights;
    type Gradient = HandIn;

    fn initial(&self) -> Weights {
        let velocity = if self.sgd.momentum == 0.0 { Vec::new() } else { vec![0.0; self.initial.len()] };
        Weights { weights: self.initial.clone(), velocity: Arc::new(velocity), scores: Arc::default() }
    }

    fn gradient(&self, at: &Weights, task: Task) -> HandIn {
        if task.steps > 1 {
            return self.walk(&at.weights, task);
        }
        let mut direction = Vec::new();
        let score = self.batch_gradient(&at.weights, task.worker, task.step_numbers().start, &mut direction);
        HandIn { score, direction }
    }

    fn update(&self, params: &mut Weights, version: u64, tasks: &[Task], from: &[HandIn]) {
        let share = 1.0 / from.len() as f32;
        params.scores = from.iter().map(|hand_in| hand_in.score).collect();
        // In the order of the workers, so that the sum does not depend on who was first.
        let mut order: Vec<usize> = (0..from.len()).collect();
        order.sort_by_key(|&i| (tasks[i].worker, tasks[i].serial));
        let weighted = |i: usize| -> (f32, &[f32]) {
            let staleness = (version - 1 - tasks[i].base_version).max(1) as f32;
            let weight = match self.sgd.rule {
                LearningRateRule::Same => share,
                LearningRateRule::Linear => 1.0,
                LearningRateRule::PerStaleness => share / staleness,
            };
            (weight, &from[i].direction)
        };
        let Sgd { rate, momentum, rule: _ } = self.sgd;
        if tasks[0].steps > 1 {
            // The average of the parameters that everybody arrived at; they set out from the same.
            let parts: Vec<_> = order.iter().map(|&i| (share, &from[i].direction[..])).collect();
            change(&mut params.weights, &parts, |w, d| w - d);
            return;
        }
        let parts: Vec<_> = order.iter().map(|&i| weighted(i)).collect();
        if momentum == 0.0 {
            change(&mut params.weights, &parts, |w, g| w - rate * g);
        } else {
            change(&mut params.velocity, &parts, |v, g| momentum * v + g);
            change(&mut params.weights, &[(1.0, &params.velocity)], |w, v| w - rate * v);
        }
    }

    /// The mean loss of the batches of the last update: what is known without looking at all data.
    fn loss(&self, params: &Weights) -> f64 {
        Score::mean(&params.scores).loss
    }
}

/// Numbers that are summed up while they are at hand.
const BLOCK: usize = 4096;

/// Replaces each number by what `new` makes of it and the weighted sum of its neighbours in `parts`, in their order: in
/// place, if nobody else reads them.
fn change(shared: &mut Arc<Vec<f32>>, parts: &[(f32, &[f32])], new: impl Fn(f32, f32) -> f32) {
    let mut sum = [0.0; BLOCK];
    if let Some(own) = Arc::get_mut(shared) {
        for (block, own) in own.chunks_mut(BLOCK).enumerate() {
            add_up(parts, block * BLOCK, &mut sum);
            own.iter_mut().zip(&sum).for_each(|(old, &by)| *old = new(*old, by));
        }
        return;
    }
    let mut fresh = Vec::with_capacity(shared.len());
    for (block, old) in shared.chunks(BLOCK).enumerate() {
        add_up(parts, block * BLOCK, &mut sum);
        fresh.extend(old.iter().zip(&sum).map(|(&old, &by)| new(old, by)));
    }
    *shared = Arc::new(fresh);
}

/// The weighted sum of the parts from `start` on, as far as `sum` and the parts go.
fn add_up(parts: &[(f32, &[f32])], start: usize, sum: &mut [f32]) {
    let (&(weight, first), rest) = parts.split_first().expect("an update has a gradient");
    sum.iter_mut().zip(&first[start..]).for_each(|(sum, g)| *sum = weight * g);
    for &(weight, part) in rest {
        sum.iter_mut().zip(&part[start..]).for_each(|(sum, g)| *sum += weight * g);
    }
}
