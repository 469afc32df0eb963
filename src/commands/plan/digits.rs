//! A network that learns digits with real gradients, in the simulated time of a plan.

use crate::error::Error;
use sim::experiment::passage::Course;
use sim::{Learner, RandomKey};
use std::path::Path;
use std::sync::Arc;
use validation::{
    Architecture, Backend, Batches, Digits, LearningRateRule, Net, PixelScale, Sgd, Share, Split, Weights,
};

/// What everybody learns, with which step size, up to which loss.
#[derive(Clone)]
pub struct Pupil {
    net: Net,
    train: Arc<Split>,
    /// Images on which the loss is looked at.
    seen: Arc<Split>,
    step_size: f64,
    /// Share of the first loss.
    share: f64,
}

/// Images that are learnt from, in a batch, and that the loss is that of.
const SAMPLES: usize = 4000;
const BATCH: usize = 64;
const SEEN: usize = 500;
/// Updates after which a goal is given up.
const MOST: u64 = 5000;

/// The loss of somebody's parameters.
type Loss = Box<dyn Fn(&Weights) -> f64>;

impl Pupil {
    /// A softmax regression on the digits in the binary, batches of 64, plain SGD with this step size.
    ///
    /// # Errors
    /// If the digits cannot be read.
    pub fn new(step_size: f64, share: f64, seed: u64) -> Result<Pupil, Error> {
        let model = Architecture::Softmax;
        let data = crate::cli::dataset(Path::new("mnist"), model, PixelScale::Standard, Some(SAMPLES), seed)?;
        let device = Backend::Cpu.device().map_err(|e| Error::Input(e.to_string()))?;
        let train = Arc::new(data.train);
        let seen = Arc::new(data.test.first(SEEN));
        Ok(Pupil { net: Net::new(model, &device), train, seen, step_size, share })
    }

    /// Step size of everybody.
    pub fn step_size(&self) -> f64 {
        self.step_size
    }

    /// The share of the first loss that is the goal.
    pub fn share(&self) -> f64 {
        self.share
    }

    /// The first run's course.
    pub fn course(&self, seed: u64) -> Course<Digits, Loss> {
        self.course_by(RandomKey::new(seed, 0))
    }

    /// A course whose batches and first parameters have this key.
    pub fn course_by(&self, key: RandomKey) -> Course<Digits, Loss> {
        let batches =
            Batches::new(self.train.len(), BATCH, Share::Whole, key).expect("a batch is a part of the samples");
        let sgd = Sgd { rate: self.step_size as f32, momentum: 0.0, rule: LearningRateRule::Same };
        let learner = Digits::new(self.net.clone(), self.train.clone(), batches, sgd, key);
        let (net, seen) = (self.net.clone(), self.seen.clone());
        let loss: Loss = Box::new(move |weights: &Weights| net.evaluate(weights.values(), &seen).loss);
        let target = self.share * loss(&learner.initial());
        Course { learner, loss, target, most: MOST }
    }
}
