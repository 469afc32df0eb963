//! Learners: parameters, gradients and loss, as pure functions; the noise of a gradient has the key of its step.

pub mod moments;

use crate::policy::Task;
use crate::random::key::{Purpose, RandomKey};
use crate::random::syntax::{Form, FormError};
use rand_distr::{Distribution, StandardNormal};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// Something that stochastic gradient descent can train.
pub trait Learner {
    /// What is learnt. Cloned for every task that starts: share what is large.
    type Params: Clone;
    /// What a task submits.
    type Gradient;
    /// The parameters that everything starts from.
    fn initial(&self) -> Self::Params;
    /// The result of a task that read `at`: the sum of its steps' gradients, each step moving on from the one before, or, if
    /// the task [accumulates](Task::accumulates), all at the same parameters.
    fn gradient(&self, at: &Self::Params, task: Task) -> Self::Gradient;
    /// The same until `enough` says so, which is asked after every step; and how many steps it was.
    ///
    /// Without an implementation of its own a learner takes all steps of a task that has an end.
    fn gradient_until(&self, at: &Self::Params, task: Task, enough: &mut dyn FnMut() -> bool) -> (Self::Gradient, u32) {
        let steps = if task.steps == u32::MAX { 1 } else { task.steps };
        let _ = enough();
        (self.gradient(at, Task { steps, ..task }), steps)
    }
    /// Averages the results of `tasks`, each with its [weight](Task::weight), into `params`, which become `version`; both lists
    /// are in order of arrival.
    fn update(&self, params: &mut Self::Params, version: u64, tasks: &[Task], from: &[Self::Gradient]);
    /// The loss at `params`.
    fn loss(&self, params: &Self::Params) -> f64;
}

/// Learns nothing: time alone is simulated.
impl Learner for () {
    type Params = ();
    type Gradient = ();
    fn initial(&self) {}
    fn gradient(&self, (): &(), _: Task) {}
    fn update(&self, (): &mut (), _: u64, _: &[Task], _: &[()]) {}
    fn loss(&self, (): &()) -> f64 {
        0.0
    }
}

/// A learner that several share.
impl<L: Learner> Learner for Arc<L> {
    type Params = L::Params;
    type Gradient = L::Gradient;
    fn initial(&self) -> L::Params {
        (**self).initial()
    }
    fn gradient(&self, at: &L::Params, task: Task) -> L::Gradient {
        (**self).gradient(at, task)
    }
    fn gradient_until(&self, at: &L::Params, task: Task, enough: &mut dyn FnMut() -> bool) -> (L::Gradient, u32) {
        (**self).gradient_until(at, task, enough)
    }
    fn update(&self, params: &mut L::Params, version: u64, tasks: &[Task], from: &[L::Gradient]) {
        (**self).update(params, version, tasks, from);
    }
    fn loss(&self, params: &L::Params) -> f64 {
        (**self).loss(params)
    }
}

/// The loss h w^2 / 2 in one dimension, with gradients h w + sigma z, z standard normal; plain SGD with step size eta
/// from w = 1.
///
/// Local steps move by eta each; an update moves by eta times the average of what was submitted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quadratic {
    /// Curvature, h > 0.
    pub curvature: f64,
    /// Standard deviation of the gradient's noise, sigma >= 0.
    pub noise: f64,
    /// Step size, eta > 0.
    pub step_size: f64,
    /// Where the noise comes from.
    pub key: RandomKey,
}

impl Learner for Quadratic {
    type Params = f64;
    type Gradient = f64;

    fn initial(&self) -> f64 {
        1.0
    }

    fn gradient(&self, at: &f64, task: Task) -> f64 {
        self.gradient_until(at, task, &mut || false).0
    }

    fn gradient_until(&self, &at: &f64, task: Task, enough: &mut dyn FnMut() -> bool) -> (f64, u32) {
        let (mut w, mut sum, mut steps) = (at, 0.0, 0);
        for step in task.step_numbers() {
            let z: f64 = StandardNormal.sample(&mut self.key.at(Purpose::Gradient, task.worker, step));
            let gradient = self.curvature * w + self.noise * z;
            if !task.accumulates {
                w -= self.step_size * gradient;
            }
            sum += gradient;
            steps += 1;
            if enough() {
                break;
            }
        }
        (sum, steps)
    }

    fn update(&self, w: &mut f64, _: u64, tasks: &[Task], from: &[f64]) {
        let weights: f64 = tasks.iter().map(|task| f64::from(task.weight())).sum();
        *w -= self.step_size * from.iter().sum::<f64>() / weights;
    }

    fn loss(&self, w: &f64) -> f64 {
        self.curvature * w * w / 2.0
    }
}

/// What may be typed for a learner: `none`, or `quadratic(h, sigma, eta)`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum LearnerText {
    /// Time alone.
    None,
    /// A [`Quadratic`] that still needs its key.
    Quadratic {
        /// Curvature.
        h: f64,
        /// Standard deviation of the gradient's noise.
        sigma: f64,
        /// Step size.
        eta: f64,
    },
}

const FORMS: &[Form] =
    &[Form::new("none", &[], "none"), Form::new("quadratic", &["h", "sigma", "eta"], "quadratic(1, 1, 0.05)")];

impl FromStr for LearnerText {
    type Err = FormError;

    fn from_str(text: &str) -> Result<LearnerText, FormError> {
        let (form, given) = Form::split(text, "learner", FORMS)?;
        let values = form.numbers(&given)?;
        let [h, sigma, eta] = values[..] else { return Ok(LearnerText::None) };
        form.need_positive(&values, 0)?;
        form.need(&values, 1, sigma >= 0.0, "finite and at least 0")?;
        form.need_positive(&values, 2)?;
        Ok(LearnerText::Quadratic { h, sigma, eta })
    }
}

impl fmt::Display for LearnerText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LearnerText::None => write!(f, "none"),
            LearnerText::Quadratic { h, sigma, eta } => write!(f, "quadratic({h}, {sigma}, {eta})"),
        }
    }
}

/// The parameters at the server, what each worker read of them, and what was submitted: the half of every cluster that
/// knows no time.
pub struct Learning<L: Learner> {
    learner: L,
    params: L::Params,
    read: Vec<L::Params>,
    submitted: Vec<L::Gradient>,
}

impl<L: Learner> Learning<L> {
    /// `workers` workers about to learn.
    pub fn new(learner: L, workers: u32) -> Learning<L> {
        let params = learner.initial();
        Learning { read: vec![params.clone(); workers as usize], submitted: Vec::new(), params, learner }
    }

    /// The worker reads the parameters.
    #[inline]
    pub fn start(&mut self, task: Task) {
        self.read[task.worker as usize] = self.params.clone();
    }

    /// The worker submits; without a single step there is nothing to submit.
    #[inline]
    pub fn finish(&mut self, task: Task) {
        if task.steps == 0 {
            return;
        }
        let gradient = self.learner.gradient(&self.read[task.worker as usize], task);
        self.submitted.push(gradient);
    }

    /// What was submitted last is forgotten.
    pub fn discard(&mut self, task: Task) {
        if task.steps > 0 {
            self.submitted.pop();
        }
    }

    /// The parameters become `version`; `from` are the tasks submitted since they last did.
    #[inline]
    pub fn update(&mut self, version: u64, from: &[Task]) {
        debug_assert_eq!(from.len(), self.submitted.len());
        self.learner.update(&mut self.params, version, from, &self.submitted);
        self.submitted.clear();
    }

    /// The parameters at the server.
    pub fn params(&self) -> &L::Params {
        &self.params
    }

    /// The loss at the parameters at the server.
    pub fn loss(&self) -> f64 {
        self.learner.loss(&self.params)
    }
}
