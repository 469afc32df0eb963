//! Plan of a measurement: policies times samples times workers, repeated.

use crate::cli::{MOST_THREADS, dataset};
use crate::error::Error;
use crate::manifest;
use crate::session::Session;
use sim::Policy;
use std::path::PathBuf;
use validation::cluster::cores::Cores;
use validation::{
    Architecture, Backend, Dataset, Initial, Method, NUMERICS, Net, NoDevice, PixelScale, Sgd, Trial, TrialClock,
};

/// What is to be measured.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The policies, each once.
    pub policies: Vec<Method>,
    /// Numbers of workers, ascending, from 1.
    pub workers: Vec<u32>,
    /// Numbers of samples, ascending.
    pub samples: Vec<usize>,
    /// How often all is repeated.
    pub repeats: u32,
    /// The network.
    pub model: Architecture,
    /// `mnist`, or a directory.
    pub data: PathBuf,
    /// What number a pixel becomes.
    pub pixels: PixelScale,
    /// Passes over the samples.
    pub epochs: u32,
    /// Samples in a worker's batch.
    pub batch_size: usize,
    /// How gradients become steps.
    pub sgd: Sgd,
    /// Which parameters the workers begin with.
    pub initial: Initial,
    /// Where time passes.
    pub clock: TrialClock,
    /// Root of all random numbers.
    pub seed: u64,
    /// What computes.
    pub backend: Backend,
    /// Whether workers keep to their cores.
    pub pinned: bool,
    /// How many may compute at once, where it is fewer than there are cores.
    pub threads: Option<usize>,
}

impl Plan {
    /// All trials, each after the one-worker trial that its speed-up is measured by.
    pub fn trials(&self) -> Vec<Trial> {
        let mut trials = Vec::new();
        for repeat in 0..self.repeats {
            for &samples in &self.samples {
                for &method in &self.policies {
                    trials.extend(self.workers.iter().map(|&workers| self.trial(method, samples, workers, repeat)));
                }
            }
        }
        trials
    }

    fn trial(&self, method: Method, samples: usize, workers: u32, repeat: u32) -> Trial {
        let &Plan { batch_size, epochs, sgd, seed, .. } = self;
        let (initial, clock) = (self.initial, self.clock);
        Trial { method, workers, samples, batch_size, epochs, sgd, initial, clock, seed, repeat }
    }

    /// Makes sure that all trials can be run.
    pub fn check(&self) -> Result<(), Error> {
        if let Some(many) = self.workers.iter().find(|&&workers| workers as usize > MOST_THREADS) {
            return Err(Error::Usage(format!(
                "{many} threads are too many to start; type at most {MOST_THREADS} in --workers"
            )));
        }
        if self.backend == Backend::Gpu {
            let hogwild = self.policies.contains(&Method::Policy(Policy::HOGWILD));
            let instead = match (hogwild, self.initial) {
                (true, _) => {
                    "a graphics card has no parameters that several workers write at once; type --policies async"
                }
                (false, Initial::PerWorker) => "--initial per-worker is for the processor",
                (false, Initial::Shared) => "",
            };
            if !instead.is_empty() {
                return Err(Error::Usage(format!("{instead}, or --backend cpu")));
            }
        }
        let wrong = self.trials().into_iter().find_map(|trial| Some((trial, trial.rule().err()?)));
        wrong.map_or(Ok(()), |(trial, wrong)| {
            // Nobody may have typed that one.
            let alone = format!(
                "speed-ups are measured by one worker, which cannot run {}; leave it out, or see straggle validate",
                trial.method
            );
            Err(Error::Usage(if trial.workers == 1 { alone } else { wrong.to_string() }))
        })
    }

    /// The images, if they are enough.
    pub fn dataset(&self) -> Result<Dataset, Error> {
        dataset(&self.data, self.model, self.pixels, self.samples.iter().copied().max(), self.seed)
    }

    /// The network on what computes it. A graphics card is looked for here.
    ///
    /// # Errors
    /// If there is no such thing.
    pub fn net(&self) -> Result<Net, Error> {
        let device = self.backend.device().map_err(|error| match error {
            NoDevice::NotBuilt => Error::Usage(error.to_string()),
            NoDevice::NotFound(_) => Error::Input(error.to_string()),
        })?;
        Ok(Net::new(self.model, &device))
    }

    /// Where workers compute: on cores, or on a card, which is a station with as many slots as threads were asked for.
    pub fn cores(&self) -> Cores {
        if self.backend == Backend::Gpu {
            return Cores::slots(self.threads.unwrap_or(1));
        }
        let all = if self.pinned { Cores::of_this_machine() } else { Cores::anywhere() };
        all.at_most(self.threads.unwrap_or(usize::MAX))
    }

    /// Says what to expect where workers have to share cores.
    pub fn note(&self, session: &Session) {
        let (cores, most) = (self.cores().number() as u32, self.workers.iter().copied().max().unwrap_or(1));
        if most > cores {
            session.note(format!(
                "up to {most} workers share {cores} cores: what is learnt is not touched by it, but no speed-up beyond {cores} can be expected"
            ));
        }
    }

    /// What else makes a difference to what is measured here.
    pub fn machine(&self) -> String {
        format!(" cores={} cpu={}", self.cores().number(), manifest::cpu().unwrap_or_default())
    }

    /// Everything that was asked for and makes a difference to what is measured of a trial.
    pub fn key(&self, trial: &Trial) -> String {
        let backend = if self.backend == Backend::Gpu { " backend=gpu" } else { "" };
        format!(
            "{} m={} n={} repeat={} model={} data={} pixels={} epochs={} batch={} lr={} momentum={} rule={} seed={} pin={} initial={} clock={} threads={:?} numerics={}{backend}",
            trial.method,
            trial.workers,
            trial.samples,
            trial.repeat,
            self.model,
            self.data.display(),
            self.pixels,
            trial.epochs,
            trial.batch_size,
            trial.sgd.rate,
            trial.sgd.momentum,
            trial.sgd.rule,
            trial.seed,
            self.pinned,
            trial.initial,
            trial.clock,
            self.threads,
            NUMERICS,
        )
    }
}
