//! E7 with real gradients: softmax regression on digits, trained under the simulated clock.

use super::{Family, WORKERS, averaged, configurations, seed_of, updates_until};
use crate::cli::dataset;
use crate::error::Error;
use crate::figures::loss;
use crate::finished::FinishedRuns;
use rayon::prelude::*;
use sim::{ClusterSpec, Configuration, Progress, RandomKey};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use validation::run::runner::{Job, World};
use validation::run::training::Snapshot;
use validation::{
    Architecture, Backend, Batches, Dataset, Digits, LearningRateRule, Method, Net, PixelScale, Sgd, Split,
};

/// As it is called in tables.
pub const LEARNER: &str = "softmax";
/// Small, so that gradients are noisy and floors apart.
const BATCH: usize = 4;
/// So large that async comes near its floor in the time below, and not so large that it is unstable, as it nearly is with 0.025.
const RATE: f32 = 0.015;
/// Test images that losses are taken on.
const SCORED: usize = 1000;
/// Looks at the parameters of a run.
const POINTS: u64 = 40;
/// Shares of the first loss whose times are told.
const GOALS: [f64; 5] = [0.5, 0.4, 0.3, 0.25, 0.2];
/// Seconds of training that are simulated.
const HORIZON_S: f64 = 200.0;

/// The setting in words.
pub fn setting() -> String {
    format!("softmax regression on MNIST with real gradients, batches of {BATCH}, step size {RATE}, test loss")
}

/// What all runs have in common.
pub struct Trainer {
    train: Arc<Split>,
    test: Split,
    net: Net,
    /// A sum over all of them.
    images: u32,
}

impl Trainer {
    /// On these data.
    ///
    /// # Errors
    /// If they cannot be read.
    pub fn new(data: &Path, seed: u64) -> Result<Trainer, Error> {
        let data = dataset(data, Architecture::Softmax, PixelScale::Standard, None, seed)?;
        let images = data.checksum();
        let Dataset { train, test } = data;
        let device = Backend::Cpu.device().map_err(|e| Error::Usage(e.to_string()))?;
        let net = Net::new(Architecture::Softmax, &device);
        Ok(Trainer { train: Arc::new(train), test: test.first(SCORED), net, images })
    }

    /// The curves of all policies under one law; `None` if it was stopped.
    pub fn family(
        &self,
        law: &'static str,
        groups: u64,
        seed: u64,
        parts: &FinishedRuns<'_>,
        progress: &Progress,
    ) -> Option<Family> {
        let spec = ClusterSpec::new(law.parse().expect("a law"));
        let configurations = configurations();
        let one = |group: u64| -> Option<Vec<loss::Curve>> {
            let curve = |cell: &Configuration| {
                let name = format!("{LEARNER} {law} {} group {group} images={:08x}", cell.policy, self.images);
                parts.once(&name, || self.curve(cell, &spec, seed_of(group, seed), progress))
            };
            configurations.iter().map(curve).collect()
        };
        let groups: Vec<Vec<loss::Curve>> = (0..groups).into_par_iter().map(one).collect::<Option<_>>()?;
        let curves: Vec<loss::Curve> = (0..configurations.len()).map(|i| averaged(&groups, i)).collect();
        let first_loss =
            curves.iter().filter_map(|curve| curve.points.first()).map(|p| p.loss).sum::<f64>() / curves.len() as f64;
        let goals = GOALS.map(|share| share * first_loss).to_vec();
        let exact = curves.iter().map(|_| None).collect();
        Some(Family { learner: LEARNER, law, goals, first_loss, curves, exact, groups })
    }

    /// One run.
    fn curve(&self, cell: &Configuration, spec: &ClusterSpec, seed: u64, progress: &Progress) -> Option<loss::Curve> {
        let &Configuration { policy, rule } = cell;
        let key = RandomKey::new(seed, 0);
        let share = Method::Policy(policy).share(WORKERS);
        let batches = Batches::new(self.train.len(), BATCH, share, key).expect("more images than that");
        let sgd = Sgd { rate: RATE, momentum: 0.0, rule: LearningRateRule::Same };
        let steps = updates_until(HORIZON_S, cell, spec) * rule.gradients_per_update();
        let learner = Digits::new(self.net.clone(), self.train.clone(), batches, sgd, key);
        let job = Job {
            learner: Arc::new(learner.stopped_by(progress.stop.clone())),
            policy,
            rule,
            steps,
            every: steps.div_ceil(POINTS),
            world: World::Simulated { spec: spec.clone(), key },
            stop: progress.stop.clone(),
            from: None,
            checkpointing: None,
        };
        let go_on = || if progress.stopped() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
        let ended = job.run(|_| go_on(), |_| go_on());
        if progress.stopped() {
            return None;
        }
        let point = |snapshot: &Snapshot| loss::Point {
            time_s: snapshot.at.seconds(),
            update: snapshot.update as f64,
            loss: job.learner.score(&snapshot.weights, &self.test).loss,
            band: None,
        };
        let points = ended.journal.snapshots.iter().map(point).collect();
        Some(loss::Curve { policy: policy.to_string(), workers: WORKERS, points, floor: None })
    }
}
