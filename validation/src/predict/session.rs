//! Measuring of a validation: bursts of runs and calibrations alternate, about 40 and 30 ms each.
//!
//! Configurations of a kind follow each other in random order, a calibration between any two, so that each burst has one
//! right before and right after it. After a first stage, which all configurations share, sizes are fixed from the mean
//! errors, their scatter and the tolerance (in two stages, as in Stein 1945): time goes where it decides.
//!
//! Each round is kept as it ends, and a run that goes on begins with the rounds that are there. A burst is compared with its own
//! calibrations, right before and right after it, so it does not matter how long ago both were.

use crate::cluster::failure::Failure;
use crate::cluster::server::delays;
use crate::predict::calibrate::{Calibration, Conditions, Costs, mean};
use crate::predict::experiment::{Configuration, simulate};
use crate::predict::recorded::{Kind, Pair, Recorded, Round};
use crate::predict::testbed::{Burst, Testbed};
use crate::verdict::equivalence::needed;
use crate::verdict::sample::Sample;
use rand::seq::SliceRandom;
use sim::{Purpose, RandomKey};
use std::time::Instant;

/// When enough is measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Budget {
    /// After so many seconds, or when all is decided.
    Seconds(f64),
    /// When each configuration has made so many updates.
    Updates(u64),
}

/// What is measured, and on what.
pub struct Session<'a> {
    /// Root of the random numbers.
    pub seed: u64,
    /// When enough is measured.
    pub budget: Budget,
    /// How large the error of a configuration may be.
    pub tolerance: &'a dyn Fn(&Configuration) -> f64,
    /// Hears how much of it is done, from 0 to 1.
    pub progress: &'a dyn Fn(f64),
    /// Where rounds are kept.
    pub kept: &'a dyn Kept,
}

/// Rounds that have ended already, in an earlier run.
pub trait Kept {
    /// The round of this name, if it is there.
    fn find(&self, name: &str) -> Option<Round>;
    /// Keeps a round.
    fn keep(&self, name: &str, round: &Round);
}

/// Nothing is kept.
impl Kept for () {
    fn find(&self, _: &str) -> Option<Round> {
        None
    }

    fn keep(&self, _: &str, _: &Round) {}
}

/// Seconds of measuring, those of earlier runs included.
struct Clock {
    began: Instant,
    earlier_s: f64,
}

impl Clock {
    fn seconds(&self) -> f64 {
        self.earlier_s + self.began.elapsed().as_secs_f64()
    }
}

/// Seconds that a burst and a calibration should take.
const BURST_S: f64 = 0.04;
const CALIBRATION_S: f64 = 0.03;
/// Seconds that each step of contention should be measured on a core.
const BESIDE_S: f64 = 0.01;
/// Cores that are calibrated in one visit: the next ones at the next.
const CORES: usize = 4;
/// Fewest updates in a burst.
const UPDATES: u64 = 6;
/// Fewest bursts of a configuration before sizes are fixed, and of which anything is said.
pub const FIRST: usize = 6;
/// Share of the time that the first stage may take.
const FIRST_SHARE: f64 = 0.35;
/// Updates that are timed of each configuration in a round.
const TIMED: usize = 3;
/// How much more than seems to be needed is measured in the second stage.
const MARGIN: f64 = 1.3;

/// What remains the same all along.
struct Plan {
    /// The kind of each configuration.
    kind: Vec<usize>,
    /// Updates in a burst of each configuration.
    updates: Vec<u64>,
    /// Tasks of each core in a calibration of each kind.
    tasks: Vec<u64>,
    /// Tasks of each core beside others.
    beside: u64,
}

impl Session<'_> {
    /// Measures these configurations; what was measured until it was stopped is kept.
    ///
    /// # Errors
    /// Why it was stopped.
    pub fn record<T: Testbed>(
        &self,
        configurations: &[Configuration],
        testbed: &mut T,
        recorded: &mut Recorded,
    ) -> Result<(), Failure> {
        let mut clock = Clock { began: Instant::now(), earlier_s: 0.0 };
        let cores = testbed.cores();
        recorded.seed = self.seed;
        recorded.configurations = configurations.to_vec();
        for configuration in configurations {
            let kind = Kind::of(configuration, cores);
            if !recorded.kinds.contains(&kind) {
                recorded.kinds.push(kind);
                recorded.calibrations.push(Vec::new());
            }
        }
        recorded.update_s = vec![Vec::new(); configurations.len()];
        recorded.beside = vec![Vec::new(); cores];
        recorded.links = testbed.links();
        self.first_calibrations(recorded, testbed, &clock)?;
        let plan = self.plan(recorded, cores);
        let mut wanted: Option<Vec<usize>> = None;
        for number in 0.. {
            let name = format!("round {number}");
            if let Some(round) = self.kept.find(&name) {
                (clock.earlier_s, wanted) = (round.elapsed_s, round.wanted.clone());
                recorded.add(round);
                recorded.earlier = recorded.pairs.len();
                clock.began = Instant::now();
                continue;
            }
            let elapsed = clock.seconds();
            if wanted.is_none() && self.first_stage_is_over(number, elapsed) {
                wanted = Some(self.sizes(recorded, elapsed));
            }
            let made = |index: usize| recorded.pairs.iter().filter(|pair| pair.configuration == index).count();
            let active: Vec<usize> = match (&wanted, self.budget) {
                (Some(wanted), Budget::Seconds(_)) => {
                    (0..configurations.len()).filter(|&i| made(i) < wanted[i]).collect()
                }
                _ => (0..configurations.len()).collect(),
            };
            if active.is_empty() || (number >= FIRST && self.is_over(number, elapsed, &plan)) {
                break;
            }
            (self.progress)(self.share(number, elapsed, &plan));
            let mut round = recorded.round(number);
            let ended = self.measure(&active, &plan, recorded, &mut round, testbed, &clock);
            (round.elapsed_s, round.wanted) = (clock.seconds(), wanted.clone());
            if ended.is_ok() {
                self.kept.keep(&name, &round);
            }
            recorded.add(round);
            ended?;
        }
        Ok(())
    }

    /// What a core takes for a task of each kind, on which all sizes stand.
    fn first_calibrations<T: Testbed>(
        &self,
        recorded: &mut Recorded,
        testbed: &mut T,
        clock: &Clock,
    ) -> Result<(), Failure> {
        const NAME: &str = "first calibrations";
        let known = self.kept.find(NAME);
        let round = match known {
            Some(round) => round,
            None => {
                let mut round = recorded.round(0);
                if let Some(links) = &mut round.links {
                    testbed.time_links(links, TIMED);
                }
                for kind in 0..recorded.kinds.len() {
                    self.calibrate(kind, 2, recorded, &mut round, testbed)?;
                }
                round.elapsed_s = clock.seconds();
                self.kept.keep(NAME, &round);
                round
            }
        };
        recorded.add(round);
        Ok(())
    }

    fn first_stage_is_over(&self, round: usize, elapsed: f64) -> bool {
        match self.budget {
            Budget::Seconds(all) => round >= FIRST && elapsed > FIRST_SHARE * all,
            Budget::Updates(_) => false,
        }
    }

    fn is_over(&self, round: usize, elapsed: f64, plan: &Plan) -> bool {
        self.share(round, elapsed, plan) >= 1.0
    }

    fn share(&self, round: usize, elapsed: f64, plan: &Plan) -> f64 {
        match self.budget {
            Budget::Seconds(all) => elapsed / all,
            Budget::Updates(updates) => {
                let fewest = plan.updates.iter().copied().min().unwrap_or(1);
                round as f64 / updates.div_ceil(fewest).max(FIRST as u64) as f64
            }
        }
    }

    /// How many bursts each configuration is to have, by what the first stage showed: those that are decided soonest come first,
    /// and what time is left goes to the others alike.
    fn sizes(&self, recorded: &Recorded, elapsed: f64) -> Vec<usize> {
        let Budget::Seconds(all) = self.budget else { return vec![usize::MAX; recorded.configurations.len()] };
        let compared = recorded.compare();
        let mut sizes = vec![usize::MAX; recorded.configurations.len()];
        let mut groups: Vec<(f64, f64, Vec<usize>)> = Vec::new();
        for group in recorded.groups() {
            let of_group = || compared.iter().filter(|one| group.contains(&recorded.pairs[one.pair].configuration));
            let errors: Vec<f64> = of_group().map(|one| one.parts.total()).collect();
            let took: Vec<f64> = of_group().map(|one| recorded.pairs[one.pair].took_s).collect();
            let Some(sample) = Sample::of(&errors) else { continue };
            let tolerance = (self.tolerance)(&recorded.configurations[group[0]]);
            let size = MARGIN * needed(&sample, tolerance) / group.len() as f64;
            let more = (size - sample.n as f64 / group.len() as f64).max(0.0) * group.len() as f64;
            groups.push((more * mean(&took), size, group));
        }
        groups.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut left = all - elapsed;
        for (cost_s, size, group) in groups {
            left -= cost_s;
            if left > 0.0 {
                group.into_iter().for_each(|one| sizes[one] = size.ceil() as usize);
            }
        }
        sizes
    }

    /// A burst of each of these configurations, kind by kind, and everything that predictions need beside.
    fn measure<T: Testbed>(
        &self,
        active: &[usize],
        plan: &Plan,
        recorded: &Recorded,
        round: &mut Round,
        testbed: &mut T,
        clock: &Clock,
    ) -> Result<(), Failure> {
        let (mut order, number) = (active.to_vec(), round.number as u64);
        order.shuffle(&mut RandomKey::new(self.seed, number).at(Purpose::Order, u32::MAX, 0));
        for kind in 0..recorded.kinds.len() {
            let mut of_kind = order.iter().copied().filter(|&one| plan.kind[one] == kind).peekable();
            if of_kind.peek().is_none() {
                continue;
            }
            self.calibrate(kind, plan.tasks[kind], recorded, round, testbed)?;
            for index in of_kind {
                let before = Instant::now();
                let (replication, updates) = ((index as u64) << 32 | number, plan.updates[index]);
                let burst = Burst { configuration: index, seed: self.seed, replication, updates };
                let (measured, steps) = testbed.measure(burst, &recorded.configurations[index])?;
                let after = recorded.calibrations[kind].len() + round.calibrations[kind].len() - 1;
                self.calibrate(kind, plan.tasks[kind], recorded, round, testbed)?;
                let (key, took_s) = (burst.key(), before.elapsed().as_secs_f64());
                round.pairs.push(Pair { configuration: index, after, key, updates, measured, steps, took_s });
                if let Budget::Seconds(all) = self.budget
                    && round.number >= FIRST
                    && clock.seconds() > all
                {
                    return Ok(());
                }
            }
        }
        self.beside(plan.beside, round, testbed)?;
        if let Some(links) = &mut round.links {
            testbed.time_links(links, TIMED);
        }
        let stopped = || Failure::Stopped;
        round.hand_off.extend(&testbed.hand_off(TIMED).ok_or_else(stopped)?);
        for &index in active {
            let rule = recorded.configurations[index].rule;
            round.update_s[index].extend(testbed.updates(rule, TIMED).ok_or_else(stopped)?);
        }
        Ok(())
    }

    fn conditions(&self, kind: &Kind, like: &Configuration) -> Conditions {
        let like = Configuration { delay: kind.delay.clone(), ..like.clone() };
        let draws = like.draws(RandomKey::new(self.seed, u64::MAX / 2));
        Conditions { steps: kind.steps, draws, turns: kind.turns, beside: kind.busy - 1 }
    }

    fn calibrate<T: Testbed>(
        &self,
        kind: usize,
        tasks: u64,
        recorded: &Recorded,
        round: &mut Round,
        testbed: &mut T,
    ) -> Result<(), Failure> {
        let conditions = self.conditions(&recorded.kinds[kind], &recorded.configurations[0]);
        let cores = testbed.cores();
        let number = recorded.calibrations[kind].len() + round.calibrations[kind].len();
        let mut calibrations = vec![Calibration::default(); cores];
        // Whoever stays on a core finds it otherwise than whoever comes by: those that are used are calibrated, and no others.
        let used = recorded.kinds[kind].cores(cores);
        // The first calibration of a kind knows all of them.
        let visited = if number == 0 { used.len() } else { CORES.min(used.len()) };
        for turn in 0..visited {
            let core = used.start + (number * CORES + turn) % used.len();
            calibrations[core] = testbed.calibrate(core, &conditions, tasks).ok_or(Failure::Stopped)?;
        }
        round.calibrations[kind].push(calibrations);
        Ok(())
    }

    /// How long steps take on a core beside 0, 1, 3, 7, ... others and all of them.
    fn beside<T: Testbed>(&self, tasks: u64, round: &mut Round, testbed: &mut T) -> Result<(), Failure> {
        let cores = testbed.cores();
        let mut levels: Vec<usize> = (0..).map(|i| (1 << i) - 1).take_while(|&beside| beside + 1 < cores).collect();
        levels.push(cores - 1);
        // What one level does to the next cancels from round to round.
        if round.number % 2 == 1 {
            levels.reverse();
        }
        for turn in 0..CORES.min(cores) {
            let core = (round.number * CORES + turn) % cores;
            let mut step_s = vec![0.0; cores];
            for &beside in &levels {
                let draws = delays(None, RandomKey::new(0, 0));
                let conditions = Conditions { steps: 1, draws, turns: 1, beside };
                let found = testbed.calibrate(core, &conditions, tasks).ok_or(Failure::Stopped)?;
                step_s[beside] = mean(&found.compute_s);
            }
            for &beside in &levels {
                round.beside[beside].push((step_s[beside] / step_s[0]).ln());
            }
        }
        Ok(())
    }

    /// How long bursts and calibrations are to be, by first calibrations and what they predict.
    fn plan(&self, recorded: &Recorded, cores: usize) -> Plan {
        let position = |one: &Configuration| {
            let kind = Kind::of(one, cores);
            recorded.kinds.iter().position(|known| *known == kind).expect("all are there")
        };
        let kind: Vec<usize> = recorded.configurations.iter().map(position).collect();
        let costs = |kind: usize| Costs::of(&recorded.calibrations[kind][0], &[1e-4]);
        let task_s = |kind: usize| {
            let Kind { steps, delay, .. } = &recorded.kinds[kind];
            let spec = costs(kind).spec(delay.clone());
            spec.mean_cycle() + f64::from(steps - 1) * spec.mean_compute(0)
        };
        // Beside others, as long as one of their steps goes by before and after.
        let visited = |kind: usize| CORES.min(recorded.kinds[kind].cores(cores).len()) as f64;
        let tasks = (0..recorded.kinds.len())
            .map(|kind| (CALIBRATION_S / visited(kind) / task_s(kind)).clamp(2.0, 40.0) as u64)
            .collect();
        let updates = |(one, &kind): (&Configuration, &usize)| {
            let spec = recorded.spec(costs(kind), one);
            let tried = simulate(one.rule, spec, RandomKey::new(0, 0), 50);
            ((BURST_S / tried.s_per_update) as u64).clamp(UPDATES, 400)
        };
        let updates = recorded.configurations.iter().zip(&kind).map(updates).collect();
        let plain_s = recorded
            .kinds
            .iter()
            .position(|kind| kind.steps == 1)
            .map_or(1e-3, |kind| costs(kind).compute.law(0).mean());
        let beside = (BESIDE_S / plain_s).clamp(3.0, 40.0) as u64;
        Plan { kind, updates, tasks, beside }
    }
}
