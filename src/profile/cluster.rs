//! Cluster that a profile describes, as the simulator knows it, and the same cluster changed: without a worker, with a slower
//! one, without stragglers.
//!
//! Workers that were told apart are numbered from the fastest to the slowest: m of them are the m fastest, and beyond those that
//! were measured they repeat.

mod changed;

use super::{Communication, Failures, OneOrMany, Profile};
use crate::error::Error;
use crate::formats::clip;
use crate::manifest::File;
use crate::session::Session;
use sim::cluster::comm::Communication as Links;
use sim::{ClusterSpec, Compute, Dependence, Law, LawText, SpecError, StepTimes, TraceSource, units};
use std::path::Path;

/// A cluster ready to be simulated.
#[derive(Clone, Debug)]
pub struct Described {
    steps: Steps,
    /// Which workers of the profile these are, by their numbers in it.
    numbers: Vec<usize>,
    /// What the steps of each worker that is told apart are multiplied by.
    slowness: Vec<f64>,
    /// Everything but the steps.
    around: ClusterSpec,
    /// What is assumed where the profile says nothing.
    pub assumptions: Vec<String>,
    /// The files that measured times are from.
    pub files: Vec<File>,
}

/// How long steps take.
#[derive(Clone, Debug)]
enum Steps {
    /// By a law for each worker, or one for all.
    Laws(Vec<Law>),
    /// As measured.
    Measured(StepTimes, TraceSource),
}

/// A worker that is told apart.
#[derive(Clone, Debug, PartialEq)]
pub struct Worker {
    /// What it is called.
    pub name: String,
    /// Mean time of its steps, s.
    pub mean_s: f64,
}

impl Profile {
    /// The cluster of a profile in a file, which is noted as read, with what is assumed.
    ///
    /// # Errors
    /// As [`cluster`](Profile::cluster).
    pub fn spec(path: &Path, session: &Session) -> Result<ClusterSpec, Error> {
        let (profile, file) = Profile::read(path)?;
        let described = profile.cluster(path)?;
        session.read(&[file]);
        session.read(&described.files);
        described.assumptions.iter().for_each(|assumption| session.note(format!("the profile: {assumption}")));
        described.spec()
    }

    /// The cluster that a profile at `path` describes.
    ///
    /// # Errors
    /// If it says what is not possible, or its source is not there or not what it was.
    pub fn cluster(&self, path: &Path) -> Result<Described, Error> {
        let (mut assumptions, mut files) = (Vec::new(), Vec::new());
        let texts = match &self.step_time {
            OneOrMany::One(text) => std::slice::from_ref(text),
            OneOrMany::Many(texts) => &texts[..],
        };
        let steps = match texts {
            [] => return Err(wrong("step_time is an empty list; write a law, such as \"gamma(25, 0.014)\"")),
            [text] if text == "trace" => {
                if self.slow.is_some() {
                    return Err(wrong(
                        "[slow] is for a law: measured times have their slow steps already; take it out",
                    ));
                }
                let (measured, read) = self.measured(path)?;
                files = read;
                measured
            }
            texts => Steps::Laws(texts.iter().map(|text| self.law(text)).collect::<Result<_, _>>()?),
        };
        if let Some(slow) = &self.slow {
            let how = match slow.lasts {
                None => "one by one".to_string(),
                Some(steps) => format!("{steps} in a row on average"),
            };
            assumptions.push(format!("slow steps come {how}, at random, as often as their share says"));
        }
        if let Steps::Measured(times, source) = &steps {
            let said = match source.dependence {
                Dependence::Pooled => "every step of every worker is one of all measured times, at random",
                Dependence::ByWorker => "every step of a worker is one of its own measured times, at random",
                Dependence::Rows => "steps are whole measured steps, of all workers together, at random",
                Dependence::Blocks(_) => {
                    "steps are measured ones, of all workers together, some consecutive ones at a time"
                }
            };
            let under = self.measured_under.as_deref().unwrap_or("sync");
            assumptions.push(format!(
                "{said} ({} of {}), and take as long under every policy as under {under}, where they were measured",
                times.len(),
                crate::text::count(times.workers() as u64, "worker"),
            ));
        }
        if let Steps::Measured(times, _) = &steps
            && sim::predict::heldout::are_equalised(times)
        {
            assumptions.push(
                "all workers' times are equal within 1 %, as times are that end after the all-reduce: waiting for the slowest is in all of \
                 them, and what it costs cannot be seen"
                    .to_string(),
            );
        }
        // Steps stand in for each other here; only what is around them is looked at.
        let mut around = ClusterSpec::new(Law::Constant { value: 1.0 });
        around = around.with_communication(self.communication.as_ref().map(Communication::links).transpose()?);
        around = around.with_failures(self.failures.as_ref().map(Failures::of_cluster).transpose()?);
        if let Some(factors) = self.contention.as_ref().filter(|factors| !factors.is_empty()) {
            around = around.with_contention(factors.clone()).map_err(out_of_range)?;
        }
        let apart = steps.told_apart();
        let (slowness, numbers) = (vec![1.0; apart], (0..apart).collect());
        let mut described = Described { slowness, numbers, steps, around, assumptions, files };
        described.sort();
        Ok(described)
    }

    /// Options of the page's simulator that say what the profile at `path` says, and its measured times; `trace(data, HOW)` in
    /// the options stands for those.
    ///
    /// # Errors
    /// As [`cluster`](Profile::cluster).
    pub fn typed(&self, path: &Path) -> Result<(String, Option<(TraceSource, StepTimes)>), Error> {
        let steps = self.cluster(path)?.steps;
        let (law, times) = match steps {
            Steps::Laws(laws) => (laws.iter().map(Law::to_string).collect::<Vec<_>>().join("; "), None),
            Steps::Measured(times, source) => {
                let data = TraceSource { file: "data".to_string(), column: None, ..source };
                (data.to_string(), Some((source, times)))
            }
        };
        let mut options = vec![("step-time", law)];
        let mut say = |name, value: Option<&String>| options.extend(value.map(|value| (name, value.clone())));
        if let Some(links) = &self.communication {
            say("comm", Some(&links.scheme));
            say("payload", links.payload.as_ref());
            say("bandwidth", links.bandwidth.as_ref());
            say("group-bandwidth", links.group_bandwidth.as_ref());
            say("latency", links.latency.as_ref());
            say("overlap", links.overlap.map(|share| share.to_string()).as_ref());
        }
        if let Some(failures) = &self.failures {
            say("mtbf", Some(&failures.mtbf));
            say("restart", Some(&failures.restart));
            say("checkpoint", failures.checkpoint.as_ref());
            say("checkpoint-cost", failures.checkpoint_cost.as_ref());
        }
        if let Some(factors) = self.contention.as_ref().filter(|factors| !factors.is_empty()) {
            let factors: Vec<String> = factors.iter().map(f64::to_string).collect();
            say("contention", Some(&factors.join(",")));
        }
        let option = |(name, value): (&str, String)| format!("--{name} '{}'", value.replace('\'', ""));
        Ok((options.into_iter().map(option).collect::<Vec<_>>().join(" "), times))
    }

    fn measured(&self, path: &Path) -> Result<(Steps, Vec<File>), Error> {
        let Some(recorded) = self.recorded(path)? else {
            return Err(wrong(
                "step_time is \"trace\" and there is no [source]; write a law, such as \"gamma(25, 0.014)\"",
            ));
        };
        let text = self.dependence.as_deref().unwrap_or("pooled");
        let dependence = text.parse().map_err(|()| {
            wrong(&format!("dependence '{}' is not known; write pooled, by-worker, rows or blocks:8", clip(text)))
        })?;
        let source = self.source.as_ref().expect("its times were read");
        let file =
            source.files.first().map_or(String::new(), |file| file.rsplit('/').next().unwrap_or(file).to_string());
        let source = TraceSource { file, column: source.column.clone(), dependence };
        Ok((Steps::Measured(recorded.times, source), recorded.files))
    }

    /// A law as typed, or `0.35s ± 4%`: a gamma law of this mean and coefficient of variation; slow at times, if it says so.
    fn law(&self, text: &str) -> Result<Law, Error> {
        let law = match text.split_once('±').or_else(|| text.split_once("+-")) {
            None => match text.parse::<LawText>() {
                Ok(LawText::Law(law)) => law,
                Ok(LawText::Trace(_)) => return Err(wrong("step_time names a trace; write \"trace\" and a [source]")),
                Err(e) => return Err(wrong(&format!("step_time: {e}"))),
            },
            Some((mean, share)) => {
                let mean_s = units::seconds(mean).map_err(|e| wrong(&format!("step_time: {e}")))?;
                let lacks = || wrong(&format!("step_time '{}' lacks its per cent; write 0.35s ± 4%", clip(text)));
                let share = Some(share.trim()).filter(|share| share.ends_with('%')).ok_or_else(lacks)?;
                let cv = units::share(share).map_err(|e| wrong(&format!("step_time: {e}")))?;
                match cv == 0.0 {
                    true => Law::with("constant", &[mean_s]),
                    false => Law::with("gamma", &[1.0 / (cv * cv), mean_s * cv * cv]),
                }
                .map_err(|e| wrong(&format!("step_time: {e}")))?
            }
        };
        match &self.slow {
            None => Ok(law),
            Some(slow) if slow.factor > 0.0 && slow.factor.is_finite() && (0.0..=1.0).contains(&slow.share) => {
                law.slow_at_times(slow.factor, slow.share, slow.lasts).map_err(|e| wrong(&format!("[slow]: {e}")))
            }
            Some(_) => Err(wrong("[slow] takes a positive factor and a share from 0 to 1, such as 1.2 and 0.05")),
        }
    }
}

impl Communication {
    fn links(&self) -> Result<Links, Error> {
        let Communication { scheme, payload, bandwidth, group_bandwidth, latency, overlap } = self;
        let in_section = |e: String| wrong(&format!("[communication]: {e}"));
        let latency_s = latency.as_deref().map_or(Ok(0.0), units::seconds).map_err(in_section)?;
        let (payload, rate) = match (payload, bandwidth) {
            (Some(payload), Some(rate)) => {
                (units::bytes(payload).map_err(in_section)?, units::bytes_per_s(rate).map_err(in_section)?)
            }
            // Nothing depends on how fast no bytes travel.
            (None, None) if latency.is_some() => (0.0, 1e9),
            _ => {
                return Err(wrong(
                    "[communication] takes payload and bandwidth, such as \"1.2GB\" and \"25GB/s\", or latency alone",
                ));
            }
        };
        let scheme = scheme.parse().map_err(in_section)?;
        let links = Links::new(scheme, payload, latency_s, rate, overlap.unwrap_or(0.0)).map_err(in_section)?;
        match group_bandwidth.as_deref().map(units::bytes_per_s).transpose().map_err(in_section)? {
            Some(inside) => links.with_group_bandwidth(inside).map_err(in_section),
            None => Ok(links),
        }
    }
}

impl Failures {
    fn of_cluster(&self) -> Result<sim::Failures, Error> {
        let seconds = |text: &str| units::seconds(text).map_err(|e| wrong(&format!("[failures]: {e}")));
        let checkpoint = match (&self.checkpoint, &self.checkpoint_cost) {
            (None, None) => None,
            (None, Some(_)) => {
                return Err(wrong(
                    "[failures]: checkpoint_cost is what a checkpoint takes; write checkpoint = \"10m\", too",
                ));
            }
            (Some(interval), cost) => Some((seconds(interval)?, cost.as_deref().map_or(Ok(0.0), seconds)?)),
        };
        let failures = sim::Failures::new(seconds(&self.mtbf)?, seconds(&self.restart)?, checkpoint);
        failures.map_err(|e| wrong(&format!("[failures]: {e}")))
    }
}

fn wrong(sentence: &str) -> Error {
    Error::Input(format!("the profile's {sentence}"))
}

fn out_of_range(error: SpecError) -> Error {
    Error::Input(format!("the profile: {error}"))
}

impl Steps {
    /// Workers that are not all alike; 0 if they are.
    fn told_apart(&self) -> usize {
        match self {
            Steps::Laws(laws) if laws.len() > 1 => laws.len(),
            Steps::Measured(times, source) if source.dependence != Dependence::Pooled && times.workers() > 1 => {
                times.workers()
            }
            Steps::Laws(_) | Steps::Measured(..) => 0,
        }
    }

    /// These workers, in this order.
    fn part(&self, workers: &[usize]) -> Steps {
        match self {
            Steps::Laws(laws) => Steps::Laws(workers.iter().map(|&worker| laws[worker].clone()).collect()),
            // Anybody's time may be anybody's.
            Steps::Measured(_, source) if source.dependence == Dependence::Pooled => self.clone(),
            Steps::Measured(times, source) => {
                let all = 0..times.steps().len();
                let part = times.part(workers.iter().copied(), all).expect("every worker has a time");
                Steps::Measured(part, source.clone())
            }
        }
    }

    fn compute(&self) -> Result<Compute, Error> {
        match self {
            Steps::Laws(laws) => Ok(Compute::Laws(laws.clone())),
            Steps::Measured(times, source) => Compute::measured(source, times).map_err(|e| Error::Input(e.to_string())),
        }
    }
}

impl Described {
    /// The same, with what is around the steps changed: communication, failures, contention, and all else.
    ///
    /// # Errors
    /// What `change` says.
    pub fn around(&self, change: impl FnOnce(ClusterSpec) -> Result<ClusterSpec, Error>) -> Result<Described, Error> {
        Ok(Described { around: change(self.around.clone())?, ..self.clone() })
    }

    /// The fastest first.
    fn sort(&mut self) {
        let mut order: Vec<usize> = (0..self.slowness.len()).collect();
        let means: Vec<f64> = self.workers().iter().map(|worker| worker.mean_s).collect();
        order.sort_by(|&a, &b| means[a].total_cmp(&means[b]));
        self.keep(&order);
    }

    /// These of the workers that are told apart, in this order.
    fn keep(&mut self, workers: &[usize]) {
        if !workers.is_empty() {
            self.steps = self.steps.part(workers);
            self.slowness = workers.iter().map(|&worker| self.slowness[worker]).collect();
            self.numbers = workers.iter().map(|&worker| self.numbers[worker]).collect();
        }
    }

    /// The workers that are told apart, the fastest first; none if all are alike.
    pub fn workers(&self) -> Vec<Worker> {
        let worker = |(worker, slowness): (usize, &f64)| {
            let (name, mean_s) = match &self.steps {
                Steps::Laws(laws) => (self.numbers[worker].to_string(), laws[worker].mean()),
                Steps::Measured(times, source) if source.dependence != Dependence::Pooled => {
                    (times.labels()[worker].clone(), times.mean_of_worker(worker))
                }
                // Whoever is there besides those who were measured is as they are together.
                Steps::Measured(times, _) => (self.numbers[worker].to_string(), times.mean()),
            };
            Worker { name, mean_s: mean_s * slowness }
        };
        self.slowness.iter().enumerate().map(worker).collect()
    }

    /// Workers that were measured; `None` where nothing was.
    pub fn measured(&self) -> Option<u32> {
        match &self.steps {
            Steps::Laws(_) => None,
            Steps::Measured(times, _) => Some(times.workers() as u32),
        }
    }

    /// The cluster.
    ///
    /// # Errors
    /// If the measured times cannot be drawn from as the profile says.
    pub fn spec(&self) -> Result<ClusterSpec, Error> {
        let spec = self.around.clone().with_compute(self.steps.compute()?);
        match self.slowness.iter().all(|&slowness| slowness == 1.0) {
            true => Ok(spec),
            false => {
                spec.with_speeds(self.slowness.iter().map(|slowness| 1.0 / slowness).collect()).map_err(out_of_range)
            }
        }
    }

    /// Seconds per gradient of a worker of mean speed, all alone.
    ///
    /// # Errors
    /// As [`spec`](Described::spec).
    pub fn single_s(&self) -> Result<f64, Error> {
        Ok(self.spec()?.single_worker_s(self.slowness.len().max(1) as u32))
    }
}
