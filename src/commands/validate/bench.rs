//! Schedule of the measurements: short runs of all configurations in random order, again and again, with calibrations
//! between them.

use super::{Judged, Tolerance, Validate};
use crate::error::Error;
use crate::session::Session;
use indicatif::ProgressBar;
use rand::seq::SliceRandom;
use sim::{Law, Policy, Purpose, RandomKey};
use std::sync::Arc;
use std::time::{Duration, Instant};
use validation::cluster::cores::Cores;
use validation::cluster::server::delays;
use validation::predict::calibrate::{Conditions, alone, spec, updates};
use validation::{Calibration, Configuration, Digits, Failure, Observed, Replication, Threaded, calibrate, claims};

/// What the bar shows.
const BAR: &str = "{bar:30} {pos}/{len} runs, {eta} left";

/// The machine, and what is trained on it.
pub struct Measurer<'a> {
    pub arguments: &'a Validate,
    pub cores: Cores,
    pub learner: Arc<Digits>,
    pub tolerance: Tolerance,
    pub session: &'a Session,
}

/// What was found.
pub struct Judgement {
    pub judged: Vec<Judged>,
    /// Computing times of single steps without delay, from all calibrations.
    pub compute_s: Vec<f64>,
    pub interrupted: bool,
}

/// What a calibration holds for.
#[derive(Clone, Debug, PartialEq)]
struct Kind {
    steps: u32,
    delay: Option<Law>,
    /// More workers than cores.
    shares: bool,
}

/// Threads that stay from run to run, so that each begins with warm ones.
struct Pool {
    /// As many workers as the largest configuration has.
    all: Threaded<Digits>,
    /// One worker on each core.
    alone: Vec<Threaded<Digits>>,
}

/// Seconds that all passes should take together.
const BUDGET_S: f64 = 100.0;
/// Fewest and most passes: replications of each configuration.
const PASSES: (usize, usize) = (6, 20);
/// Passes over which updates that were asked for are spread.
const SPREAD: usize = 8;
/// Passes without which nothing is judged.
const ENOUGH: usize = 3;
/// Seconds that a run should take: with delays, which both worlds share, less of it is noise.
const RUN_S: f64 = 0.25;
const DELAYED_RUN_S: f64 = 0.12;
/// Fewest updates in a run.
const UPDATES: u64 = 6;
/// Seconds that a calibration should take.
const CALIBRATION_S: f64 = 0.05;
/// Updates that are timed after a run.
const TIMED: usize = 3;

impl Kind {
    fn of(cell: &Configuration, cores: &Cores) -> Kind {
        let shares = cell.rule.workers as usize > cores.number();
        Kind { steps: cell.rule.steps, delay: cell.delay.clone(), shares }
    }

    /// The kind whose computing times are those of single steps, and nothing else.
    fn is_plain(&self) -> bool {
        self.steps == 1 && self.delay.is_none() && !self.shares
    }
}

/// What is to be measured.
struct Schedule {
    configurations: Vec<Configuration>,
    kinds: Vec<Kind>,
    /// The kind of each configuration.
    kind: Vec<usize>,
    /// Updates in a run of each configuration.
    updates: Vec<u64>,
    /// Tasks of each worker in a calibration of each kind.
    tasks: Vec<u64>,
}

/// What came of one pass over all configurations.
struct Pass {
    /// One of each configuration.
    replications: Vec<Replication>,
    /// Of each kind, core by core.
    calibrations: Vec<Vec<Calibration>>,
}

impl Measurer<'_> {
    /// Measures and judges all configurations.
    pub fn judge_all(&self, configurations: Vec<Configuration>) -> Result<Judgement, Error> {
        let mut passes = Vec::new();
        let ended = self.measure_all(&configurations, &mut passes);
        let interrupted = match ended {
            Ok(()) => false,
            Err(Failure::Stopped) => true,
            Err(failure @ Failure::Panicked { .. }) => return Err(Error::Input(failure.to_string())),
        };
        let plain = self.kinds(&configurations).iter().position(Kind::is_plain);
        let calibrations = passes.iter().flat_map(|pass| plain.map(|plain| &pass.calibrations[plain]));
        let compute_s = calibrations.flatten().flat_map(|core| core.compute_s.iter().copied()).collect();
        if passes.len() < ENOUGH {
            return Ok(Judgement { judged: Vec::new(), compute_s, interrupted });
        }
        // Of each configuration the time and the staleness; time per gradient is time per update in other words.
        let together = 2 * configurations.len();
        let judge = |(index, cell): (usize, Configuration)| {
            let replications: Vec<_> = passes.iter().map(|pass| pass.replications[index].clone()).collect();
            let claims = claims(&cell, &replications, self.tolerance_of(&cell), together);
            Judged { cell, claims, replications }
        };
        Ok(Judgement { judged: configurations.into_iter().enumerate().map(judge).collect(), compute_s, interrupted })
    }

    /// Passes over all configurations while there is time.
    fn measure_all(&self, configurations: &[Configuration], passes: &mut Vec<Pass>) -> Result<(), Failure> {
        let most = configurations.iter().map(|cell| cell.rule.workers).max().unwrap_or(1);
        let no_delay = delays(None, RandomKey::new(0, 0));
        let all =
            Threaded::on(self.cores.clone(), self.learner.clone(), &no_delay, most, self.session.progress.stop.clone());
        let mut pool = Pool { all, alone: alone(&self.cores, &self.learner, &self.session.progress.stop) };
        pool.all.warm_up(1);
        let plan = self.plan(configurations, &mut pool)?;
        let bar = self.session.bar(configurations.len() as u64 * PASSES.0 as u64, BAR);
        let began = Instant::now();
        while passes.len() < self.passes(passes.len(), began.elapsed()) {
            passes.push(self.pass(&plan, passes.len() as u64, &mut pool, &bar)?);
            bar.set_length((configurations.len() * self.passes(passes.len(), began.elapsed())) as u64);
        }
        bar.finish_and_clear();
        Ok(())
    }

    /// How many passes there will be, to judge by those that are done.
    fn passes(&self, done: usize, elapsed: Duration) -> usize {
        match self.arguments.updates {
            Some(_) => SPREAD,
            None if done == 0 => PASSES.0,
            None => ((BUDGET_S / elapsed.as_secs_f64() * done as f64) as usize).clamp(PASSES.0, PASSES.1),
        }
    }

    /// All configurations in random order, after each a calibration of its kind. The prediction uses all
    /// calibrations of a pass: the machine's speed changes within less time than a run takes.
    fn pass(&self, plan: &Schedule, pass: u64, pool: &mut Pool, bar: &ProgressBar) -> Result<Pass, Failure> {
        let seed = self.arguments.common.seed;
        let mut order: Vec<usize> = (0..plan.configurations.len()).collect();
        order.shuffle(&mut RandomKey::new(seed, pass).at(Purpose::Order, u32::MAX, 0));
        let mut calibrations = vec![vec![Calibration::default(); self.cores.number()]; plan.kinds.len()];
        let mut measured = Vec::new();
        for index in order {
            let (cell, kind) = (&plan.configurations[index], plan.kind[index]);
            let key = RandomKey::new(seed, (index as u64) << 32 | pass);
            let observed = cell.measure(&mut pool.all, key, plan.updates[index])?;
            let update_s = updates(&mut pool.alone[0], cell.rule, TIMED).ok_or(Failure::Stopped)?;
            let more = self.calibrate(&plan.kinds[kind], plan.tasks[kind], pool)?;
            calibrations[kind].iter_mut().zip(more).for_each(|(all, more)| all.extend(more));
            measured.push((index, observed, update_s));
            bar.inc(1);
        }
        measured.sort_by_key(|&(index, ..)| index);
        let predict = |(index, measured, update_s): (usize, Observed, Vec<f64>)| {
            let (cell, updates) = (&plan.configurations[index], plan.updates[index]);
            let spec = spec(&calibrations[plan.kind[index]], cell.delay.clone(), &update_s);
            let address = (index as u64) << 32 | pass;
            Replication {
                cycle_s: spec.mean_cycle(),
                predicted: cell.predict(spec.clone(), RandomKey::new(seed, address), updates),
                elsewhere: cell.predict(spec, RandomKey::new(seed, u64::MAX - address), updates),
                measured,
            }
        };
        let replications = measured.into_iter().map(predict).collect();
        Ok(Pass { replications, calibrations })
    }

    fn kinds(&self, configurations: &[Configuration]) -> Vec<Kind> {
        let mut kinds: Vec<Kind> = Vec::new();
        for kind in configurations.iter().map(|cell| Kind::of(cell, &self.cores)) {
            if !kinds.contains(&kind) {
                kinds.push(kind);
            }
        }
        kinds
    }

    /// How long runs and calibrations are to be, by first calibrations and what they predict.
    fn plan(&self, configurations: &[Configuration], pool: &mut Pool) -> Result<Schedule, Failure> {
        let kinds = self.kinds(configurations);
        let of = |cell| kinds.iter().position(|kind| *kind == Kind::of(cell, &self.cores)).expect("all are there");
        let kind: Vec<usize> = configurations.iter().map(of).collect();
        let first: Vec<_> = kinds.iter().map(|kind| self.calibrate(kind, 2, pool)).collect::<Result<_, _>>()?;
        let spec = |kind: usize| spec(&first[kind], kinds[kind].delay.clone(), &[1e-4]);
        let tasks = |kind: usize| {
            let cycle_s = f64::from(kinds[kind].steps) * spec(kind).mean_cycle();
            (CALIBRATION_S / self.cores.number() as f64 / cycle_s).clamp(1.0, 40.0) as u64
        };
        let updates = |(cell, &kind): (&Configuration, &usize)| match self.arguments.updates {
            Some(updates) => updates.div_ceil(SPREAD as u64).max(UPDATES),
            None => {
                let tried = cell.predict(spec(kind), RandomKey::new(0, 0), 50);
                let run_s = if cell.delay.is_some() { DELAYED_RUN_S } else { RUN_S };
                ((run_s / tried.s_per_update) as u64).max(UPDATES)
            }
        };
        let updates = configurations.iter().zip(&kind).map(updates).collect();
        let tasks = (0..kinds.len()).map(tasks).collect();
        Ok(Schedule { configurations: configurations.to_vec(), updates, tasks, kind, kinds })
    }

    /// What one worker costs now.
    fn calibrate(&self, kind: &Kind, tasks: u64, pool: &mut Pool) -> Result<Vec<Calibration>, Failure> {
        let rule = Policy::SYNC.rule(1).expect("one worker");
        let like = Configuration { policy: Policy::SYNC, rule, delay: kind.delay.clone() };
        let draws = like.draws(RandomKey::new(self.arguments.common.seed, u64::MAX / 2));
        let conditions = Conditions { steps: kind.steps, draws, cold: kind.shares };
        calibrate(&mut pool.alone, &conditions, tasks).ok_or(Failure::Stopped)
    }

    fn tolerance_of(&self, cell: &Configuration) -> f64 {
        let has_a_core_each = cell.rule.workers as usize <= self.cores.number();
        if has_a_core_each { self.tolerance.within } else { self.tolerance.beyond }
    }
}
