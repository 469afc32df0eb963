//! Recording of a validation, and what the simulator says of it afterwards: a pure function of what was measured.
//!
//! A burst of a run and the calibrations right before and after it make a pair: the machine drifts, by more within
//! seconds than a good prediction is wrong. How fast a core is comes from those calibrations; what times scatter around that,
//! how much cores slow each other down, ways and updates come from all of them.
//!
//! The log ratio of a pair, measured over predicted, is a sum of three parts, each the ratio of two predictions:
//!
//! - *structure*: measured over what the simulator says if it is told what each step of this very run took. Policies, queues
//!   and hand-offs, and nothing of the laws.
//! - *contention*: what is left of how long steps take on average beside other workers.
//! - *law*: the rest, how steps scatter and persist; of a single worker, how long they take, too.

use crate::cluster::server::TimedTask;
use crate::predict::calibrate::{Calibration, Costs, mean, trace};
use crate::predict::companions::HandOff;
use crate::predict::experiment::{Configuration, Observed, simulate};
use crate::predict::links::Links;
use sim::{ClusterSpec, Compute, Dependence, Law, RandomKey, Rule, StepTime, StepTimes, TraceSource};

/// What a calibration holds for.
#[derive(Clone, Debug, PartialEq)]
pub struct Kind {
    /// Steps in a task.
    pub steps: u32,
    /// The delay after computing.
    pub delay: Option<Law>,
    /// How many workers take turns on a core.
    pub turns: u32,
    /// Cores that compute, this one included.
    pub busy: usize,
}

impl Kind {
    /// What holds for a configuration on so many cores. With a delay most workers wait, and each is calibrated by itself.
    pub fn of(configuration: &Configuration, cores: usize) -> Kind {
        let workers = configuration.rule.workers as usize;
        let delay = configuration.delay.clone();
        let busy = if delay.is_some() { 1 } else { workers.min(cores) };
        Kind { steps: configuration.rule.steps, delay, turns: workers.div_ceil(cores) as u32, busy }
    }

    /// The cores that its workers compute on, by index, of so many: the last ones are taken first. With a delay, workers
    /// come and go.
    pub fn cores(&self, cores: usize) -> std::ops::Range<usize> {
        let used = if self.delay.is_some() { cores } else { self.busy };
        cores - used..cores
    }

    /// Whether its computing times are those of single steps of one worker, and nothing else.
    pub fn is_plain(&self) -> bool {
        *self == Kind { steps: 1, delay: None, turns: 1, busy: 1 }
    }
}

/// A burst of a run, and where it stands among the calibrations.
#[derive(Clone, Debug, PartialEq)]
pub struct Pair {
    /// Which configuration.
    pub configuration: usize,
    /// The calibration of its kind that came right before it, as an index; the next one came right after.
    pub after: usize,
    /// Key of its random numbers.
    pub key: RandomKey,
    /// Updates until its end.
    pub updates: u64,
    /// What came.
    pub measured: Observed,
    /// What the steps of its workers took.
    pub steps: Vec<TimedTask>,
    /// Seconds that it took, with its calibration.
    pub took_s: f64,
}

/// Everything that was measured.
#[derive(Clone, Debug, Default)]
pub struct Recorded {
    /// Root of the random numbers.
    pub seed: u64,
    /// What was put to the test.
    pub configurations: Vec<Configuration>,
    /// The kinds of calibrations.
    pub kinds: Vec<Kind>,
    /// Of each kind the calibrations in order, core by core.
    pub calibrations: Vec<Vec<Vec<Calibration>>>,
    /// Bursts in order.
    pub pairs: Vec<Pair>,
    /// Of each configuration, seconds of updates as its rule has them.
    pub update_s: Vec<Vec<f64>>,
    /// For 1, 2, 3, ... busy cores, log ratios of a core's steps beside so many to its steps alone; some are not measured.
    pub beside: Vec<Vec<f64>>,
    /// Worker and server on one core, and apart.
    pub hand_off: HandOff,
    /// What messages crossed, where there were ranks.
    pub links: Option<Links>,
}

/// Where the error of a pair comes from: logs of ratios that add up to [`total`](Parts::total).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Parts {
    /// Measured over replayed with the steps that were measured.
    pub structure: f64,
    /// How steps scatter and persist.
    pub law: f64,
    /// How much longer than predicted steps take beside others.
    pub contention: f64,
}

impl Parts {
    /// Measured over predicted.
    pub fn total(&self) -> f64 {
        self.structure + self.law + self.contention
    }
}

/// A pair with its prediction.
#[derive(Clone, Debug, PartialEq)]
pub struct Compared {
    /// Which pair, by index.
    pub pair: usize,
    /// What was predicted; the histogram is that of one of several runs.
    pub predicted: Observed,
    /// The log ratio of the times per update in parts.
    pub parts: Parts,
    /// Mean seconds of one worker's whole cycle: what an exponential model is fed with.
    pub cycle_s: f64,
}

/// Simulated runs behind a prediction without a delay. With one the two worlds share the delays, which are most of the time.
const RUNS: u64 = 8;
/// Steps of calibrations that say how fast the machine is now.
const NEAR: usize = 24;
/// Consecutive steps that are drawn together: step times are correlated over 5 to 100 ms.
const BLOCK: u32 = 8;

/// Steps of one kind: how they scatter, and how long they are at each calibration.
struct Steps {
    /// Times of single steps over the mean of their neighbourhood.
    shape: Compute,
    core_speeds: Vec<f64>,
    way: Law,
}

/// A prediction that is ready to be made: what is made of a configuration's cluster before it is simulated.
///
/// It is there to try a simulator that is wrong on purpose.
pub type Alter<'a> = &'a dyn Fn(&Configuration, ClusterSpec) -> (Rule, ClusterSpec);

impl Recorded {
    /// How much longer a step takes with 1, 2, 3, ... busy cores: means of what was measured, with straight lines between.
    pub fn contention(&self) -> Vec<f64> {
        let known: Vec<(usize, f64)> = self
            .beside
            .iter()
            .enumerate()
            .filter_map(
                |(i, logs)| if i == 0 { Some((0, 1.0)) } else { (!logs.is_empty()).then(|| (i, mean(logs).exp())) },
            )
            .collect();
        let between = |i: usize| {
            let next = known.iter().position(|(at, _)| *at >= i)?;
            let (to, high) = known[next];
            let (from, low) = known[next.saturating_sub(1)];
            Some(if to == from { high } else { low + (high - low) * (i - from) as f64 / (to - from) as f64 })
        };
        (0..self.beside.len()).map_while(between).collect()
    }

    /// Steps of a plain kind on all cores, s.
    pub fn plain_steps_s(&self) -> Vec<f64> {
        let plain = self.kinds.iter().zip(&self.calibrations).filter(|(kind, _)| kind.is_plain());
        plain.flat_map(|(_, all)| all.iter().flatten().flat_map(|core| core.compute_s.iter().copied())).collect()
    }

    /// Groups of configurations that are the same, by index.
    pub fn groups(&self) -> Vec<Vec<usize>> {
        let mut groups: Vec<Vec<usize>> = Vec::new();
        for (index, configuration) in self.configurations.iter().enumerate() {
            let same = |group: &&mut Vec<usize>| configuration.is_the_same_as(&self.configurations[group[0]]);
            match groups.iter_mut().find(same) {
                Some(group) => group.push(index),
                None => groups.push(vec![index]),
            }
        }
        groups
    }

    /// The cluster that a configuration runs on, by what one worker costs and how long messages take.
    pub fn spec(&self, costs: Costs, configuration: &Configuration) -> ClusterSpec {
        let (rule, delay) = (configuration.rule, configuration.delay.clone());
        match &self.links {
            None => costs.spec(delay),
            Some(links) => costs.spec_on_ranks(delay, links, rule),
        }
    }

    /// Number of cores.
    fn cores(&self) -> usize {
        self.calibrations.iter().flatten().map(Vec::len).next().unwrap_or(1)
    }

    /// All pairs with their predictions.
    pub fn compare(&self) -> Vec<Compared> {
        self.compare_altered(&|configuration, spec| (configuration.rule, spec))
    }

    /// The same by a simulator that is altered.
    pub fn compare_altered(&self, alter: Alter) -> Vec<Compared> {
        let contention = self.contention();
        let steps: Vec<Option<Steps>> = (0..self.kinds.len()).map(|kind| self.steps(kind)).collect();
        let compare = |(index, pair): (usize, &Pair)| {
            let configuration = &self.configurations[pair.configuration];
            let kind = self.kind_of(configuration)?;
            Some(self.compare_pair(index, pair, kind, steps[kind].as_ref()?, &contention, alter))
        };
        self.pairs.iter().enumerate().filter_map(compare).collect()
    }

    fn kind_of(&self, configuration: &Configuration) -> Option<usize> {
        let kind = Kind::of(configuration, self.cores());
        self.kinds.iter().position(|one| *one == kind)
    }

    /// Mean seconds of a step on a core of speed 1 around a calibration: its own and the nearest ones, as many as it takes.
    fn level(&self, kind: usize, first: usize, last: usize, core_speeds: &[f64]) -> f64 {
        let all = &self.calibrations[kind];
        let (mut first, mut last) = (first.min(all.len() - 1), last.min(all.len() - 1));
        let steps =
            |from: usize, to: usize| all[from..=to].iter().flatten().map(|core| core.compute_s.len()).sum::<usize>();
        while steps(first, last) < NEAR && (first > 0 || last + 1 < all.len()) {
            first = first.saturating_sub(1);
            last = (last + 1).min(all.len() - 1);
        }
        // Each core counts alike, however many steps it took.
        let of_core = |(core, speed): (usize, &f64)| {
            let all = all[first..=last].iter().flat_map(|cores| &cores[core].compute_s);
            let (sum, n) = all.fold((0.0, 0), |(sum, n), s| (sum + s * speed, n + 1));
            (n > 0).then(|| sum / f64::from(n))
        };
        let means: Vec<f64> = core_speeds.iter().enumerate().filter_map(of_core).collect();
        mean(&means)
    }

    fn steps(&self, kind: usize) -> Option<Steps> {
        let all = &self.calibrations[kind];
        let cores = all.first()?.len();
        let whole = |core: usize| {
            let mut whole = Calibration::default();
            all.iter().for_each(|one| whole.extend(&one[core]));
            whole
        };
        let of_cores: Vec<Calibration> = (0..cores).map(whole).collect();
        let costs = Costs::of(&of_cores, &[1e-9]);
        let mut shape = Vec::new();
        for (at, one) in all.iter().enumerate() {
            let level = self.level(kind, at.saturating_sub(1), at + 1, &costs.core_speeds);
            for (core, speed) in one.iter().zip(&costs.core_speeds) {
                shape.extend(core.compute_s.iter().map(|s| s * speed / level));
            }
        }
        let block = BLOCK.min(shape.len() as u32);
        let shape = in_blocks("computing", &[shape], block);
        Some(Steps { shape, core_speeds: costs.core_speeds, way: costs.way })
    }

    fn compare_pair(
        &self,
        index: usize,
        pair: &Pair,
        kind: usize,
        steps: &Steps,
        contention: &[f64],
        alter: Alter,
    ) -> Compared {
        let configuration = &self.configurations[pair.configuration];
        let level_s = self.level(kind, pair.after, pair.after + 1, &steps.core_speeds);
        let busy = self.kinds[kind].busy;
        let alone_s = level_s / contention.get(busy - 1).copied().unwrap_or(1.0);
        let update_s = &self.update_s[pair.configuration];
        let costs = |compute: Compute, core_speeds: Vec<f64>| Costs {
            compute,
            core_speeds,
            way: steps.way.clone(),
            update: trace("updates", if update_s.is_empty() { &[1e-9] } else { update_s }),
        };
        let cluster = |step_s: f64| {
            let spec = self.spec(costs(steps.shape.clone(), steps.core_speeds.clone()), configuration);
            let spec = spec.with_speeds(vec![1.0 / step_s]).expect("a mean of positive times");
            match contention.is_empty() {
                true => spec,
                false => spec.with_contention(contention.to_vec()).expect("exponentials are positive"),
            }
        };
        let runs = if configuration.delay.is_some() { 1 } else { RUNS };
        let say = |spec: ClusterSpec| {
            let (rule, spec) = alter(configuration, spec);
            let one = |run: u64| {
                let key = if runs == 1 {
                    pair.key
                } else {
                    RandomKey::new(self.seed, u64::MAX - (index as u64 * runs + run))
                };
                simulate(rule, spec.clone(), key, pair.updates)
            };
            let all: Vec<Observed> = (0..runs).map(one).collect();
            let over = |of: fn(&Observed) -> f64| all.iter().map(of).sum::<f64>() / runs as f64;
            Observed {
                s_per_update: over(|o| o.s_per_update),
                staleness: over(|o| o.staleness),
                step_s: over(|o| o.step_s),
                histogram: all[0].histogram.clone(),
            }
        };
        let spec = cluster(alone_s);
        let cycle_s = spec.mean_cycle();
        let predicted = say(spec);
        // Steps as long as those of the run, but for how they scatter.
        let as_long = say(cluster(alone_s * pair.measured.step_s / predicted.step_s));
        let told = costs(replayed(pair, configuration.rule.workers), vec![1.0; self.cores()]);
        let (rule, told) = alter(configuration, self.spec(told, configuration));
        let told = told.with_contention(vec![1.0]).expect("a number");
        let replayed = simulate(rule, told, pair.key, pair.updates);

        let log = |a: &Observed, b: &Observed| (a.s_per_update / b.s_per_update).ln();
        let total = log(&pair.measured, &predicted);
        let structure = log(&pair.measured, &replayed);
        let contention = if configuration.rule.workers > 1 { log(&as_long, &predicted) } else { 0.0 };
        let parts = Parts { structure, contention, law: total - structure - contention };
        Compared { pair: index, predicted, parts, cycle_s }
    }
}

/// Columns of steps in order, as a law of blocks; each column is a worker's.
fn in_blocks(what: &str, columns: &[Vec<f64>], block: u32) -> Compute {
    let times = (0..).zip(columns).flat_map(|(worker, column)| {
        (0..).zip(column).map(move |(step, s)| StepTime { worker, step, seconds: s.max(1e-9) })
    });
    let times = StepTimes::new(times).expect("positive times of every worker");
    let source =
        TraceSource { dependence: Dependence::Blocks(block), ..TraceSource::file(format!("calibration of {what}")) };
    Compute::measured(&source, &times).expect("at least a block")
}

/// The steps of a burst as its workers took them. One block holds them all, so they are drawn in their order; what was not seen,
/// as the burst ended before, is like what was.
fn replayed(pair: &Pair, workers: u32) -> Compute {
    let mut columns: Vec<Vec<Option<f64>>> = vec![Vec::new(); workers as usize];
    for TimedTask { task, step_s } in &pair.steps {
        let Some(column) = columns.get_mut(task.worker as usize) else { continue };
        let first = task.first_step as usize;
        column.resize(column.len().max(first + step_s.len()), None);
        column[first..].iter_mut().zip(step_s).for_each(|(place, s)| *place = Some(*s));
    }
    let longest = columns.iter().map(Vec::len).max().unwrap_or(0).max(1) + 4;
    let known = |column: &Vec<Option<f64>>| column.iter().flatten().copied().collect::<Vec<f64>>();
    let all: Vec<f64> = columns.iter().flat_map(known).collect();
    let filled = |column: Vec<Option<f64>>| {
        let own = known(&column);
        let like = mean(if own.is_empty() { &all } else { &own });
        (0..longest).map(|step| column.get(step).copied().flatten().unwrap_or(like)).collect()
    };
    let columns: Vec<Vec<f64>> = columns.into_iter().map(filled).collect();
    in_blocks("a run", &columns, longest as u32)
}
