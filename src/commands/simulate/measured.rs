//! The same on real threads: workers sleep through the step times that are simulated, and their server waits for them.
//!
//! Steps are made milliseconds long. Threads and simulator draw the same numbers, update by update, so that what is left
//! between them is what threads do otherwise: they wake up late, the server takes time, and of two that are done at about the
//! same moment the other may come first. The interval is Student's, of the logarithms of the ratios of [`PARTS`] short runs.

use crate::error::Error;
use crate::rows::Row;
use crate::session::Session;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sim::{ClusterSpec, Configuration, Estimate, Experiment, Law, Model, Observation};
#[cfg(feature = "train")]
use sim::{RandomKey, Rule};
#[cfg(feature = "train")]
use std::time::Duration;
#[cfg(feature = "train")]
use validation::{Failure, Sample, Threaded};

/// What threads did with one configuration.
#[derive(Clone, Debug)]
pub struct Measured {
    /// The configuration.
    pub cell: Configuration,
    /// Updates of all its runs together.
    updates: u64,
    /// How many times as fast as the step times say.
    times_faster: f64,
    /// Mean time between updates, as if nothing had been faster, s: on threads, and simulated from the same random numbers.
    pub measured_s: f64,
    simulated_s: f64,
    /// How much longer threads take, as a share, with its 95 % interval.
    pub longer: Estimate,
}

/// A row of `measured.csv`: a policy on so many threads.
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct MeasuredRow {
    policy: String,
    workers: u32,
    /// Updates that threads made.
    updates: u64,
    /// How many times as fast as the step times say they were made.
    times_faster: f64,
    /// Mean time between updates, as if nothing had been faster: on threads, and simulated from the same random numbers.
    measured_s: f64,
    simulated_s: f64,
    /// How much longer threads take, as a share, and its 95 % interval.
    longer_share: f64,
    longer_low: Option<f64>,
    longer_high: Option<f64>,
}

impl Row for MeasuredRow {
    const TABLE: &'static str = "measured";
}

impl MeasuredRow {
    pub(super) fn new(of: &Measured) -> MeasuredRow {
        MeasuredRow {
            policy: of.cell.policy.to_string(),
            workers: of.cell.rule.workers,
            updates: of.updates,
            times_faster: of.times_faster,
            measured_s: of.measured_s,
            simulated_s: of.simulated_s,
            longer_share: of.longer.mean,
            longer_low: of.longer.low(),
            longer_high: of.longer.high(),
        }
    }
}

/// The law of the steps that threads can sleep through.
///
/// # Errors
/// What there is besides, which they know nothing of.
pub fn sleepers(experiment: &Experiment) -> Result<&Law, Error> {
    let spec = &experiment.spec;
    match spec.compute().laws() {
        [law] if *spec == ClusterSpec::new(law.clone()) && experiment.model == Model::Event => Ok(law),
        _ => Err(Error::Usage(
            "--measure has threads sleep through step times of one law, and knows nothing else of a cluster; leave it out, or \
             type --step-time alone"
                .to_string(),
        )),
    }
}

/// Short runs of each configuration.
#[cfg(feature = "train")]
const PARTS: u64 = 5;

/// Workers at most: each is a thread.
#[cfg(feature = "train")]
const MOST_WORKERS: u32 = 256;

/// All of these configurations on threads that sleep through steps of this law, for so many seconds together; those that cannot
/// be are left out with a note. Ends early when the session is stopped.
#[cfg(feature = "train")]
pub fn measure(
    experiment: &Experiment,
    observations: &[Observation],
    law: &Law,
    seconds: f64,
    session: &Session,
) -> Result<Vec<Measured>, Error> {
    let timed = |rule: Rule| rule.budget < Duration::MAX || !rule.grace.is_zero();
    let possible = |o: &&Observation| o.cell.rule.workers <= MOST_WORKERS && !timed(o.cell.rule);
    let (possible, others): (Vec<&Observation>, Vec<&Observation>) = observations.iter().partition(possible);
    if let [first, ..] = others[..] {
        session.note(format!(
            "not measured: {}, the first {} on {}; threads are up to {MOST_WORKERS}, under policies without seconds of their own",
            crate::text::count(others.len() as u64, "configuration"),
            first.cell.policy,
            first.cell.rule.workers,
        ));
    }
    let each = seconds / possible.len().max(1) as f64;
    let all = possible.iter().map(|o| measured(experiment.seed, o, law, each, session));
    all.take_while(|_| !session.stopped()).filter_map(Result::transpose).collect()
}

/// One configuration, for so many seconds; `None` if the session was stopped.
#[cfg(feature = "train")]
fn measured(seed: u64, o: &Observation, law: &Law, seconds: f64, session: &Session) -> Result<Option<Measured>, Error> {
    use validation::predict::experiment;
    // A thread wakes up some 50 µs late, and a server takes a few of them for an update: a per cent of what is measured.
    const STEP_S: f64 = 5e-3;
    const BETWEEN_ENDS_S: f64 = 250e-6;
    let (policy, rule) = (o.cell.policy, o.cell.rule);
    let scale = STEP_S.max(BETWEEN_ENDS_S * f64::from(rule.workers)) / law.mean();
    let updates = (seconds / PARTS as f64 / (o.mean.mean * scale)).ceil().max(10.0) as u64;
    let asleep = law.slower(scale);
    let configuration = experiment::Configuration { policy, rule, delay: Some(asleep.clone()) };
    let at_once = Law::Constant { value: 1e-9 };
    let spec = ClusterSpec::new(at_once).with_delay(asleep);
    let stop = session.progress.stop.clone();
    let mut cluster = Threaded::new(().into(), &configuration.draws(RandomKey::new(seed, 0)), rule.workers, stop);
    let (mut measured_s, mut simulated_s) = (Vec::new(), Vec::new());
    for part in 0..PARTS {
        let key = RandomKey::new(seed, part);
        let (observed, _) = match configuration.measure(&mut cluster, key, updates) {
            Ok(observed) => observed,
            Err(Failure::Stopped) => return Ok(None),
            Err(failure) => {
                return Err(Error::Input(format!("cannot measure {policy} on {} threads: {failure}", rule.workers)));
            }
        };
        measured_s.push(observed.s_per_update);
        simulated_s.push(experiment::simulate(rule, spec.clone(), key, updates).s_per_update);
    }
    let logarithms: Vec<f64> = measured_s.iter().zip(&simulated_s).map(|(m, s)| (m / s).ln()).collect();
    let sample = Sample::of(&logarithms).expect("several parts");
    let longer = sample.interval(0.95).relative();
    let mean = |of: &[f64]| of.iter().sum::<f64>() / PARTS as f64 / scale;
    Ok(Some(Measured {
        cell: o.cell,
        updates: PARTS * updates,
        times_faster: scale.recip(),
        measured_s: mean(&measured_s),
        simulated_s: mean(&simulated_s),
        longer: Estimate {
            mean: longer.value,
            standard_error: sample.standard_error(),
            interval: Some((longer.low, longer.high)),
        },
    }))
}

/// Threads come with training.
#[cfg(not(feature = "train"))]
pub fn measure(_: &Experiment, _: &[Observation], _: &Law, _: f64, _: &Session) -> Result<Vec<Measured>, Error> {
    Err(Error::Usage(
        "this build is the simulator alone and has no threads to measure on; leave --measure out, or build without \
         --no-default-features"
            .to_string(),
    ))
}
