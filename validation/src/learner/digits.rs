//! Image classification by a network, as a learner that any cluster can run.
//!
//! Everything is a pure function of (seed, worker, step): which samples are in a batch, what dropout drops, where training
//! begins. So a replayed training is the same to the last bit, in simulated time or on threads.

use super::sgd::{LearningRateRule, Sgd, change};
use crate::data::batches::Batches;
use crate::data::images::Split;
use crate::models::net::{Net, Score};
use crate::models::network::Architecture;
use sim::random::key::Stream;
use sim::{Learner, Purpose, RandomKey, Task};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Which parameters the workers begin with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, strum::Display, strum::EnumString, strum::VariantNames)]
#[strum(serialize_all = "kebab-case")]
pub enum Initial {
    /// The same for all.
    #[default]
    Shared,
    /// Each worker draws its own, and nobody tells the others: what happens in programs of several processes whose parameters
    /// are not broadcast. The first average of m models, each trained from elsewhere, destroys what they learnt.
    PerWorker,
}

/// Who keeps a velocity, where SGD has momentum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Velocity {
    /// The server has one, in which all gradients add up.
    #[default]
    Server,
    /// Each of so many workers has one, in which its own gradients add up: an optimiser for each process, as in Hogwild.
    Workers(u32),
}

/// A network that learns to classify images.
pub struct Digits {
    net: Net,
    train: Arc<Split>,
    batches: Batches,
    sgd: Sgd,
    key: RandomKey,
    velocity: Velocity,
    /// Parameters to begin with.
    initial: Arc<Vec<f32>>,
    /// Velocities to begin with; what is missing is at rest.
    velocities: Vec<Arc<Vec<f32>>>,
    /// The root of those that workers draw for themselves, if they do.
    own_initial: Option<RandomKey>,
    /// Says that nobody waits for the rest of a task of many steps.
    stop: Option<Arc<AtomicBool>>,
}

/// The parameters at the server. Cloning shares them; an update writes new ones if somebody still reads the old.
#[derive(Clone, Debug)]
pub struct Weights {
    pub(super) weights: Arc<Vec<f32>>,
    /// The server's, or one for each worker; none without momentum.
    velocities: Arc<Vec<Arc<Vec<f32>>>>,
    /// How the tasks in the last update did on their batches, in their order.
    pub(super) scores: Arc<[Score]>,
}

impl Weights {
    /// Parameters at rest, before the first update.
    pub fn new(values: Vec<f32>) -> Weights {
        Weights { weights: Arc::new(values), velocities: Arc::default(), scores: Arc::default() }
    }

    /// The flat vector, in the order of [`Architecture`].
    pub fn values(&self) -> &Arc<Vec<f32>> {
        &self.weights
    }

    /// Parameters, and the velocities that they move with, at rest where there are none.
    pub fn moving(values: Vec<f32>, velocities: Vec<Vec<f32>>) -> Weights {
        let velocities = velocities.into_iter().map(Arc::new).collect();
        Weights { velocities: Arc::new(velocities), ..Weights::new(values) }
    }

    /// The velocities: the server's, or one for each worker; none without momentum.
    pub fn velocities(&self) -> &[Arc<Vec<f32>>] {
        &self.velocities
    }

    /// How the tasks in the last update did on their batches, in their order.
    pub fn scores(&self) -> &[Score] {
        &self.scores
    }
}

/// What a worker submits: how it did on its batches, on average, and a gradient or, of several local steps, how far it went.
#[derive(Clone, Debug)]
pub struct Submission {
    pub(super) score: Score,
    pub(super) direction: Vec<f32>,
}

impl Digits {
    /// A learner that begins with the seed's own parameters.
    pub fn new(net: Net, train: Arc<Split>, batches: Batches, sgd: Sgd, key: RandomKey) -> Digits {
        let initial = Arc::new(net.architecture().initial(key));
        Digits {
            net,
            train,
            batches,
            sgd,
            key,
            velocity: Velocity::Server,
            initial,
            velocities: Vec::new(),
            own_initial: None,
            stop: None,
        }
    }

    /// The same learner, with velocities elsewhere.
    pub fn with_velocity(self, velocity: Velocity) -> Digits {
        Digits { velocity, ..self }
    }

    /// The same learner, which leaves the rest of a task alone once this says so: the run is over then.
    pub fn stopped_by(self, stop: Arc<AtomicBool>) -> Digits {
        Digits { stop: Some(stop), ..self }
    }

    /// Whether the rest of a task is left alone.
    pub(super) fn is_over(&self) -> bool {
        self.stop.as_ref().is_some_and(|stop| stop.load(Ordering::Relaxed))
    }

    /// The same learner, whose workers begin their first local steps with parameters of their own, drawn from this key.
    ///
    /// For policies that average parameters (`local:H`).
    pub fn with_own_initial(self, key: RandomKey) -> Digits {
        Digits { own_initial: Some(key), ..self }
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

    /// The same learner, going on with these parameters and velocities.
    ///
    /// # Errors
    /// The number of parameters that the network has, if these are not so many.
    pub fn going_on_with(self, state: &Weights) -> Result<Digits, usize> {
        let velocities = state.velocities.to_vec();
        if let Some(wrong) = velocities.iter().find(|velocity| velocity.len() != self.net.parameters()) {
            return Err(wrong.len());
        }
        Ok(Digits { velocities, ..self.beginning_with(state.weights.to_vec())? })
    }

    /// The network.
    pub fn architecture(&self) -> Architecture {
        self.net.architecture()
    }

    /// Loss and accuracy on these samples.
    pub fn score(&self, weights: &Weights, split: &Split) -> Score {
        self.net.evaluate(&weights.weights, split)
    }

    /// Its network.
    pub fn net(&self) -> &Net {
        &self.net
    }

    /// The samples that it learns from.
    pub fn train(&self) -> &Arc<Split> {
        &self.train
    }

    /// The samples of a worker's own `step`-th batch, and the stream of its dropout.
    pub(crate) fn batch(&self, worker: u32, step: u64) -> (impl Iterator<Item = usize> + use<>, Stream) {
        (self.batches.batch(worker, step), self.key.at(Purpose::Dropout, worker, step))
    }

    /// The parameters that training begins with.
    pub(crate) fn beginning(&self) -> &Arc<Vec<f32>> {
        &self.initial
    }

    /// How gradients become steps.
    pub(crate) fn sgd(&self) -> Sgd {
        self.sgd
    }

    /// Score and gradient of a worker's own `step`-th batch.
    pub(crate) fn batch_gradient(&self, at: &Arc<Vec<f32>>, worker: u32, step: u64) -> (Score, Vec<f32>) {
        let (mut images, mut labels) = (Vec::new(), Vec::new());
        let (samples, mut dropout) = self.batch(worker, step);
        self.train.gather(samples, &mut images, &mut labels);
        self.net.gradient(at, &images, &labels, &mut dropout)
    }

    /// Takes H local steps, with a velocity of its own that begins at rest.
    fn local_steps(&self, from: &Arc<Vec<f32>>, task: Task, enough: &mut dyn FnMut() -> bool) -> (Submission, u32) {
        let Sgd { rate, momentum, rule: _ } = self.sgd;
        let mut at = match self.own_initial {
            Some(key) if task.base_version == 0 => Arc::new(self.architecture().initial_of(key, task.worker)),
            _ => from.clone(),
        };
        let (mut velocity, mut scores) = (vec![0.0; from.len()], Vec::new());
        for step in task.step_numbers() {
            let (score, gradient) = self.batch_gradient(&at, task.worker, step);
            scores.push(score);
            for ((w, v), g) in Arc::make_mut(&mut at).iter_mut().zip(&mut velocity).zip(&gradient) {
                *v = momentum * *v + g;
                *w -= rate * *v;
            }
            if enough() || self.is_over() {
                break;
            }
        }
        let direction = at.iter().zip(&**from).map(|(w, from)| from - w).collect();
        (Submission { score: Score::mean(&scores), direction }, scores.len() as u32)
    }

    /// How much each submission of an update counts.
    pub(super) fn shares(&self, version: u64, tasks: &[Task]) -> Vec<f32> {
        if self.averages(tasks[0].local) {
            return vec![1.0 / tasks.len() as f32; tasks.len()];
        }
        // Who accumulates more micro-batches counts for more.
        let mean_weight = tasks.iter().map(|task| f64::from(task.weight())).sum::<f64>() / tasks.len() as f64;
        let weighted = |(share, task): (f32, &Task)| share * (f64::from(task.weight()) / mean_weight) as f32;
        shares(self.sgd.rule, version, tasks).into_iter().zip(tasks).map(weighted).collect()
    }

    /// Whether an update is the average of the parameters that everybody arrived at.
    fn averages(&self, local: bool) -> bool {
        local || self.own_initial.is_some()
    }

    /// Moves the parameters by these submissions of workers, each with its share, in their order.
    pub(super) fn apply(&self, params: &mut Weights, local: bool, parts: &[(u32, f32, &[f32])]) {
        let directions: Vec<_> = parts.iter().map(|&(_, share, direction)| (share, direction)).collect();
        if self.averages(local) {
            change(&mut params.weights, &directions, |w, d| w - d);
            return;
        }
        let Sgd { rate, momentum, rule: _ } = self.sgd;
        if momentum == 0.0 {
            change(&mut params.weights, &directions, |w, g| w - rate * g);
            return;
        }
        let velocities = Arc::make_mut(&mut params.velocities);
        match self.velocity {
            Velocity::Server => {
                change(&mut velocities[0], &directions, |v, g| momentum * v + g);
                change(&mut params.weights, &[(1.0, &velocities[0])], |w, v| w - rate * v);
            }
            Velocity::Workers(_) => {
                for (&(worker, ..), part) in parts.iter().zip(directions) {
                    let own = &mut velocities[worker as usize];
                    change(own, &[part], |v, g| momentum * v + g);
                    change(&mut params.weights, &[(1.0, own)], |w, v| w - rate * v);
                }
            }
        }
    }

    /// The mean gradient of micro-batches at the same parameters.
    fn micro_batches(&self, at: &Arc<Vec<f32>>, task: Task, enough: &mut dyn FnMut() -> bool) -> (Submission, u32) {
        let (mut sum, mut scores) = (vec![0.0; at.len()], Vec::new());
        for step in task.step_numbers() {
            let (score, gradient) = self.batch_gradient(at, task.worker, step);
            scores.push(score);
            sum.iter_mut().zip(&gradient).for_each(|(sum, g)| *sum += g);
            if enough() || self.is_over() {
                break;
            }
        }
        let share = 1.0 / scores.len() as f32;
        sum.iter_mut().for_each(|sum| *sum *= share);
        (Submission { score: Score::mean(&scores), direction: sum }, scores.len() as u32)
    }
}

/// How much each gradient of an update counts, by its staleness.
fn shares(rule: LearningRateRule, version: u64, tasks: &[Task]) -> Vec<f32> {
    let share = 1.0 / tasks.len() as f32;
    let weighted = |task: &Task| match rule {
        LearningRateRule::Same => share,
        LearningRateRule::Linear => 1.0,
        LearningRateRule::PerStaleness => share / (version - 1 - task.base_version).max(1) as f32,
    };
    tasks.iter().map(weighted).collect()
}

/// The tasks of an update in the order of the workers, so that a sum does not depend on who was first.
pub(super) fn in_order(tasks: &[Task]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..tasks.len()).collect();
    order.sort_by_key(|&i| (tasks[i].worker, tasks[i].serial));
    order
}

impl Learner for Digits {
    type Params = Weights;
    type Gradient = Submission;

    fn initial(&self) -> Weights {
        let count = match self.velocity {
            _ if self.sgd.momentum == 0.0 => 0,
            Velocity::Server => 1,
            Velocity::Workers(workers) => workers as usize,
        };
        let at_rest = Arc::new(vec![0.0; if count == 0 { 0 } else { self.initial.len() }]);
        let mut velocities = self.velocities.clone();
        velocities.resize(count, at_rest);
        Weights { weights: self.initial.clone(), velocities: Arc::new(velocities), scores: Arc::default() }
    }

    fn gradient(&self, at: &Weights, task: Task) -> Submission {
        self.gradient_until(at, task, &mut || false).0
    }

    fn gradient_until(&self, at: &Weights, task: Task, enough: &mut dyn FnMut() -> bool) -> (Submission, u32) {
        if task.accumulates {
            return self.micro_batches(&at.weights, task, enough);
        }
        if task.local || self.own_initial.is_some() {
            return self.local_steps(&at.weights, task, enough);
        }
        let (score, direction) = self.batch_gradient(&at.weights, task.worker, task.step_numbers().start);
        (Submission { score, direction }, 1)
    }

    fn update(&self, params: &mut Weights, version: u64, tasks: &[Task], from: &[Submission]) {
        params.scores = from.iter().map(|submission| submission.score).collect();
        let (order, shares) = (in_order(tasks), self.shares(version, tasks));
        let part = |&i: &usize| (tasks[i].worker, shares[i], &from[i].direction[..]);
        let parts: Vec<_> = order.iter().map(part).collect();
        self.apply(params, tasks[0].local, &parts);
    }

    /// The mean loss of the batches of the last update: what is known without looking at all data.
    fn loss(&self, params: &Weights) -> f64 {
        Score::mean(&params.scores).loss
    }
}
