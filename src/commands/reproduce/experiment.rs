//! Published experiments that train: their settings, and what has to be known when one reads their figures.

use super::published::{Published, rows};
use super::{Name, Reproduce};
use crate::commands::scaling::Plan;
use sim::Policy;
use validation::{Architecture, Backend, Initial, LearningRateRule, Method, PixelScale, Sgd, TrialClock};

/// A setting of an experiment.
pub struct Setting {
    /// What is special about it; empty where there is only one.
    pub label: &'static str,
    /// What is measured.
    pub plan: Plan,
}

/// A published experiment.
pub struct PublishedExperiment {
    /// Its name.
    pub name: Name,
    /// What it is about.
    pub title: &'static str,
    /// Its settings here, the published one first.
    pub settings: Vec<Setting>,
    /// What was published.
    pub published: Vec<Published>,
    /// What a reader of the published figures, or of ours, has to know.
    pub traps: &'static [&'static str],
}

const PLAIN: Sgd = Sgd { rate: 0.01, momentum: 0.0, rule: LearningRateRule::Same };
const SYNC: Method = Method::Policy(Policy::SYNC);

impl PublishedExperiment {
    /// The experiment, in full or quick; none for E0 and E7, which train nothing.
    pub fn new(arguments: &Reproduce) -> Option<PublishedExperiment> {
        let (name, quick) = (arguments.experiment, arguments.quick);
        let base = Plan {
            policies: Vec::new(),
            workers: if quick { vec![1, 2, 4] } else { vec![1, 2, 3, 4, 5] },
            samples: vec![60_000],
            repeats: arguments.repeats.unwrap_or(if name == Name::E4 && !quick { 5 } else { 1 }),
            model: Architecture::Mlp,
            data: arguments.data.clone(),
            pixels: PixelScale::Standard,
            epochs: if quick { 3 } else { 15 },
            batch_size: 64,
            sgd: PLAIN,
            initial: Initial::Shared,
            clock: TrialClock::Wall,
            seed: arguments.common.seed,
            backend: Backend::Cpu,
            pinned: true,
            threads: arguments.common.threads,
        };
        let smaller = |samples: usize| vec![if quick { samples } else { 60_000 }];
        let (title, plan, published, traps): (_, _, _, &[&str]) = match name {
            Name::E0 | Name::E5 | Name::E7 | Name::All => return None,
            Name::E1 => (
                "parallel SGD and a framework's data parallel",
                Plan {
                    policies: vec![Method::LocalEpoch, SYNC],
                    samples: smaller(10_000),
                    epochs: if quick { 2 } else { 5 },
                    sgd: Sgd { rate: 0.1, ..PLAIN },
                    ..base
                },
                include_str!("published/e1.csv"),
                &[
                    "The original's network, batch and epochs are not published; ours is the mlp with lr 0.1. Compare shapes, not times.",
                    "The original's title promises the efficiency and its figures leave it out; here it is computed from the published times.",
                    "Its parallel SGD is taken to be what averages the parameters after each local epoch.",
                ],
            ),
            Name::E2 => (
                "model averaging after each local epoch",
                Plan {
                    policies: vec![Method::LocalEpoch],
                    samples: smaller(9_000),
                    model: Architecture::Lenet,
                    pixels: PixelScale::Unit,
                    batch_size: 50,
                    ..base
                },
                include_str!("published/e2.csv"),
                &[
                    "The published times are sums over the ranks; divided by the ranks they are what is shown as published here. Even so the speed-up exceeds the number of ranks: whatever one rank did in its time, it was not the same work. Calibrate nothing on them.",
                    "Why the published accuracy falls so far: every rank of the original began with random parameters of its own, and nobody broadcast them. An average of networks that began elsewhere is no network; the first averages destroy what was learnt, and the published training loss stays at 2.30, as good as guessing, for the first epochs. From shared parameters accuracy falls only because each rank takes 1/m of the steps.",
                    "When a run leaves that plateau depends on the parameters that its ranks happened to draw, so with 5 ranks one run's accuracy says little: PyTorch ends at 86.5, 79.3 and 82.0 % with seeds 0 to 2 (validation/benches/averaging.py). Try --repeats 3, whose runs draw others.",
                    "With one rank, test accuracy moves by about a point from epoch to epoch, as dropout before a max-pooling changes the scale of the features: look at epochs.csv and not at the last value alone.",
                    "Training accuracy is that of the batches under dropout, so it lies below test accuracy.",
                    "The source does not say what numbers its pixels were. From 0 to 1, as here, one worker's training ends at the published loss and accuracy; with pixels of mean 0 and variance 1 it learns faster (scaling --pixels standard).",
                ],
            ),
            Name::E3 => (
                "Hogwild",
                Plan {
                    policies: vec![Method::Policy(Policy::HOGWILD)],
                    samples: smaller(12_000),
                    model: Architecture::LenetSmall,
                    pixels: PixelScale::Unit,
                    batch_size: 256,
                    sgd: Sgd { momentum: 0.9, ..PLAIN },
                    ..base
                },
                include_str!("published/e3.csv"),
                &[
                    "On threads each worker has a velocity of its own, as each process of the original had an optimiser of its own. Under simulated time the policy is async, whose velocity is the server's: the same staleness, and all gradients in one velocity. With velocities of their own (train --clock simulated --policies hogwild) accuracy falls less.",
                    "Why the published accuracy falls at 4 and 5 workers: there were as many cores, so a step was m - 1 steps old on average. Staleness acts like momentum of 1 - 1/m on top of the explicit 0.9, which already makes ten steps of one. With a constant staleness of s, SGD on a curvature h is stable for step sizes up to 2 sin(pi/(4 s + 2))/h: 2, 1, 0.62, 0.45, 0.35 over h with 1 to 5 workers.",
                    "On threads the staleness is what is printed: a worker that waits for its core has not read yet, so with c cores it is at most about c - 1, whatever the number of workers, and accuracy does not fall. Under simulated time any machine has as many cores as workers: seconds are then drawn, gamma(25, 0.04) a step, and are not to be compared with published ones.",
                ],
            ),
            Name::E4 => (
                "data parallel against sequential, over the number of images",
                Plan {
                    policies: vec![SYNC],
                    workers: vec![1, 2, 4],
                    samples: vec![5_000, 10_000, 20_000, 40_000],
                    epochs: 2,
                    ..base
                },
                include_str!("published/e4.csv"),
                &[
                    "The original ran its workers one after another in one process, so its times show no true speed-up; ours are threads.",
                    "It counted the warm-up of whatever ran first: 5 000 images took it longer than 10 000. Here it is measured apart and left out.",
                    "With a batch of 64 per worker, m workers take 1/m of the steps: what is learnt in an epoch is less, which its times do not show.",
                ],
            ),
        };
        let with = |label, initial, clock| Setting { label, plan: Plan { initial, clock, ..plan.clone() } };
        let settings = match name {
            Name::E2 => vec![
                with("per-worker initial", Initial::PerWorker, TrialClock::Wall),
                with("shared initial", Initial::Shared, TrialClock::Wall),
            ],
            Name::E3 => {
                let simulated = with("simulated time, async", Initial::Shared, TrialClock::Simulated);
                let asynchronous = Plan { policies: vec![Method::Policy(Policy::ASYNC)], ..simulated.plan };
                vec![with("threads", Initial::Shared, TrialClock::Wall), Setting { plan: asynchronous, ..simulated }]
            }
            Name::E0 | Name::E1 | Name::E4 | Name::E5 | Name::E7 | Name::All => vec![Setting { label: "", plan }],
        };
        Some(PublishedExperiment { name, title, settings, published: rows(published), traps })
    }
}
