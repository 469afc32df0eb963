//! Measurement of a plan: one worker is calibrated, then the trials run one after another, each kept as it ends.

use super::plan::Plan;
use crate::cli::Shard;
use crate::error::Error;
use crate::finished::Finished;
use crate::session::Session;
use crate::text::{count, digits};
use sim::{Learner, RandomKey, Rule};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};
use validation::cluster::server::delays;
use validation::learner::device::OnDevice;
use validation::predict::calibrate::{Alone, Conditions};
use validation::predict::expectation::expect_uncontended;
use validation::run::trial::simulated_cluster;
use validation::{
    Bench, Break, Calibration, Dataset, Expectation, Initial, Method, Net, Outcome, Split, Trial, TrialClock, expect,
};

/// A trial that was measured, and what was predicted.
#[derive(Clone, Debug)]
pub struct Measurement {
    /// The trial.
    pub trial: Trial,
    /// What it took.
    pub outcome: Outcome,
    /// Speed-ups that theory and simulation predict.
    pub expectation: Expectation,
}

/// All that was measured.
#[derive(Debug)]
pub struct Measured {
    /// What was asked for.
    pub plan: Plan,
    /// The trials that ended.
    pub finished: Vec<Measurement>,
    /// Trials that there should be.
    pub planned: usize,
    /// Trials that an earlier run had finished.
    pub earlier: usize,
    /// Cores that the workers share.
    pub cores: u32,
    /// The trial that broke off, if one did.
    pub broke: Option<(Trial, Break)>,
}

/// What the bar shows.
const BAR: &str = "{bar:30} {msg}, {elapsed}, {eta} left";

/// A trial that took longer is worth a line, and another look at what one worker costs.
const LONG: Duration = Duration::from_secs(10);

/// Runs all trials of a plan but those that were finished before.
///
/// # Errors
/// If a result cannot be kept.
pub fn measure(
    plan: Plan,
    data: &Dataset,
    net: &Net,
    session: &Session,
    finished: &Finished,
    shard: Option<Shard>,
) -> Result<Measured, Error> {
    let stop = &session.progress.stop;
    // Speed-ups need the trial of one worker beside the others.
    let group = |index: usize| index / plan.workers.len();
    let trials = plan.trials().into_iter().enumerate();
    let trials = trials.filter(|(index, _)| shard.is_none_or(|shard| shard.holds(group(*index))));
    let trials: Vec<Trial> = trials.map(|(_, trial)| trial).collect();
    // Parts may come from several machines.
    let machine = if shard.is_none() && session.parts.is_empty() { plan.machine() } else { String::new() };
    let images = data.checksum();
    let key = |trial: &Trial| format!("{} images={images:08x}{machine}", plan.key(trial));
    let known = |trial: &Trial| finished.find(&key(trial));
    let earlier: Vec<Option<(Outcome, Expectation)>> = trials.iter().map(known).collect();
    let kept = earlier.iter().flatten().count();
    let again = kept > 0 && session.parts.is_empty();
    if again {
        let (file, trials) = (finished.path().display(), count(kept as u64, "trial"));
        session.note(format!("{trials} of an earlier run are used; remove {file} to run all again"));
    }
    let on = plan.cores();
    let cores = on.number() as u32;
    let cost = |trial: &Trial| (trial.steps() / u64::from(trial.workers.min(cores))).max(1);
    let missing = || trials.iter().zip(&earlier).filter(|(_, earlier)| earlier.is_none()).map(|(trial, _)| trial);
    let all: u64 = missing().map(cost).sum();
    let bar = session.bar(all, BAR);
    let mut measured = Measured {
        planned: trials.len(),
        finished: Vec::new(),
        earlier: if again { kept } else { 0 },
        cores,
        broke: None,
        plan: plan.clone(),
    };
    let mut alone = None;
    if let Some(first) = missing().next() {
        bar.set_message("one worker is calibrated");
        alone = Single::calibrate(&plan, first, net, &data.train, stop);
        if alone.is_none() {
            measured.broke = Some((*first, Break::Stopped));
            return Ok(measured);
        }
    }
    let began = Instant::now();
    let (mut done, mut part) = (0, None);
    for (trial, earlier) in trials.iter().zip(earlier) {
        if let Some((outcome, expectation)) = earlier {
            measured.finished.push(Measurement { trial: *trial, outcome, expectation });
            continue;
        }
        if part.as_ref().is_none_or(|part: &Arc<Split>| part.len() != trial.samples) {
            part = Some(Arc::new(data.train.first(trial.samples)));
        }
        let train = part.as_ref().expect("just cut");
        let bench = Bench { net, train, test: &data.test, cores: &on, stop };
        bar.set_message(name(trial));
        let at = Instant::now();
        let outcome = trial.run(&bench, |steps| {
            bar.set_position(done + steps.min(trial.steps()) * cost(trial) / trial.steps());
        });
        let outcome = match outcome {
            Ok(outcome) => outcome,
            Err(broke) => {
                measured.broke = Some((*trial, broke));
                break;
            }
        };
        let alone = alone.as_mut().expect("calibrated, as a trial is missing");
        let again = if at.elapsed() > LONG { alone.again() } else { Some(()) };
        let Some(expectation) = again.and_then(|()| alone.expect(trial)) else {
            measured.broke = Some((*trial, Break::Stopped));
            break;
        };
        finished.keep(&key(trial), &(&outcome, expectation));
        done += cost(trial);
        bar.set_position(done);
        if at.elapsed() > LONG {
            let left = began.elapsed().mul_f64((all - done) as f64 / done as f64);
            bar.suspend(|| session.tell("done:", &ended(trial, &outcome, left)));
        }
        measured.finished.push(Measurement { trial: *trial, outcome, expectation });
    }
    bar.finish_and_clear();
    match shard {
        Some(_) => finished.check()?,
        None => finished.told(session),
    }
    Ok(measured)
}

/// A trial in a few words.
fn name(trial: &Trial) -> String {
    format!("{}, m = {}, {} images", trial.method, trial.workers, trial.samples)
}

fn ended(trial: &Trial, outcome: &Outcome, left: Duration) -> String {
    let seconds = digits(outcome.wall_time_s, 3);
    let left = match left.as_secs() {
        0 => String::new(),
        seconds @ 1..120 => format!("; about {seconds} s left"),
        seconds => format!("; about {} minutes left", seconds.div_ceil(60)),
    };
    format!("{} in {seconds} s, test accuracy {:.2} %{left}", name(trial), 100.0 * outcome.test.accuracy)
}

/// What one worker costs on each core.
///
/// Others on the machine disturb one core for a second or a minute, then another one; a trial takes longer, and feels the
/// same on all of them. So the cores are calibrated in turn, again and again, and of each the block is taken that was
/// disturbed least: what is then left between two cores is their own.
struct Single {
    alone: Box<dyn OneWorker>,
    conditions: Conditions,
    /// Tasks in a block.
    tasks: u64,
    cores: Vec<Calibration>,
}

/// A single worker, whatever learns.
trait OneWorker {
    fn calibrate(&mut self, conditions: &Conditions, tasks: u64) -> Option<Vec<Calibration>>;
    fn updates(&mut self, rule: Rule) -> Option<Vec<f64>>;
}

impl<L> OneWorker for Alone<L>
where
    L: Learner<Params: Send, Gradient: Send> + Send + Sync + 'static,
{
    fn calibrate(&mut self, conditions: &Conditions, tasks: u64) -> Option<Vec<Calibration>> {
        Alone::calibrate(self, conditions, tasks)
    }

    fn updates(&mut self, rule: Rule) -> Option<Vec<f64>> {
        self.companions().updates(rule, TIMED)
    }
}

/// Seconds of calibration before the first trial.
const CALIBRATION_S: f64 = 2.0;
/// Blocks of it.
const BLOCKS: usize = 10;
/// Updates that are timed under each rule.
const TIMED: usize = 10;

impl Single {
    fn calibrate(plan: &Plan, like: &Trial, net: &Net, train: &Split, stop: &Arc<AtomicBool>) -> Option<Single> {
        let single = Trial { method: Method::Policy(sim::Policy::SYNC), workers: 1, initial: Initial::Shared, ..*like };
        let learner = single.learner(net, &Arc::new(train.first(like.samples)));
        let draws = delays(None, RandomKey::new(plan.seed, 0));
        let conditions = Conditions { steps: 1, draws, turns: 1, beside: 0 };
        let mut alone: Box<dyn OneWorker> = match net.is_on_cpu() {
            true => Box::new(Alone::on(&plan.cores(), &learner, 1, stop)),
            false => Box::new(Alone::on(&plan.cores(), &Arc::new(OnDevice::new(learner)), 1, stop)),
        };
        let cycle_s: f64 = alone.calibrate(&conditions, 3)?.iter().map(Calibration::cycle_s).sum();
        let tasks = (CALIBRATION_S / cycle_s / BLOCKS as f64).clamp(3.0, 100.0) as u64;
        let cores = alone.calibrate(&conditions, tasks)?;
        let mut single = Single { alone, conditions, tasks, cores };
        (1..BLOCKS).try_for_each(|_| single.again())?;
        Some(single)
    }

    /// Calibrates one more block.
    fn again(&mut self) -> Option<()> {
        let block = self.alone.calibrate(&self.conditions, self.tasks)?;
        let before = std::mem::take(&mut self.cores).into_iter();
        self.cores = before.zip(block).map(|(before, now)| before.less_disturbed(now)).collect();
        Some(())
    }

    fn expect(&mut self, trial: &Trial) -> Option<Expectation> {
        let rule = trial.rule().expect("a trial that can be made");
        let update_s = |rule| self.alone.updates(rule);
        let key = RandomKey::new(trial.seed, u64::MAX);
        // What the machine takes makes no difference there.
        if trial.clock == TrialClock::Simulated {
            return Some(expect_uncontended(rule, &simulated_cluster(), key));
        }
        expect(trial.method.policy(rule.steps), rule, &self.cores, update_s, key)
    }
}
