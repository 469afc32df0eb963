//! Simulation of every configuration, long enough to be told from the others and no longer.
//!
//! All policies run for a short while on some numbers of workers, on the same random numbers. Between two of these numbers those
//! are left out that are clearly beaten on both; what is left runs on until its intervals are narrow (racing: Maron and Moore
//! 1994, with paired intervals in place of Hoeffding's).

use crate::finished::FinishedRuns;
use sim::measure::length::Honest;
use sim::theory::Stretch;
use sim::{
    ClusterSpec, Configuration, Estimate, Experiment, Failures, Length, Model, Plan, Policy, PolicyError, Progress,
    Replications,
};
use std::collections::HashMap;

/// A policy on so many workers, and what its runs came to.
#[derive(Clone, Debug)]
pub struct Point {
    /// Which.
    pub cell: Configuration,
    plan: Plan,
    replications: Replications,
    /// How many times as long everything takes for failures.
    stretch: Stretch,
    /// Seconds per gradient of the single worker that speed-ups compare with, and of one that is like these on average.
    single_s: (f64, f64),
}

/// Independent runs of each configuration.
const REPLICATIONS: u32 = 10;

/// Updates of a short run, over all replications: at most and at least, and the workers' steps that it has between.
const FIRST: (u64, u64) = (100, 400);
const FIRST_STEPS: u64 = 20_000;

/// Workers' steps of a configuration that runs on, at most.
const MOST_STEPS: f64 = 60_000.0;

/// Half an interval that is narrow enough, as a share of the mean.
const NARROW: f64 = 0.01;

/// A policy is clearly beaten that has less than this share of the gradients a second of one that learns as sync does.
const BEATEN: f64 = 0.8;

/// Numbers of workers that all policies are tried on grow by this factor at least.
const STRIDE: f64 = 1.3;

/// A plan on its way: what may stop it, and where its parts are kept.
#[derive(Clone)]
pub struct Going<'a> {
    /// What may.
    pub progress: &'a Progress,
    /// Where they are.
    pub parts: FinishedRuns<'a>,
}

impl<'a> Going<'a> {
    /// On another cluster, which is called so.
    pub fn on(&self, cluster: &str) -> Going<'a> {
        Going { progress: self.progress, parts: self.parts.of(cluster) }
    }
}

/// Who is to be simulated, on which cluster.
pub struct Race {
    experiment: Experiment,
    failures: Option<Failures>,
    single_s: f64,
}

/// How a configuration stands after a short while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It runs on.
    Racing,
    /// What is asked for is known well enough.
    Done,
    /// Another one is clearly better.
    Beaten,
    /// It does not get to the goal, in this way, or nobody knows whether it does.
    Lost(&'static str),
}

impl Race {
    /// On this cluster, where a single worker takes `single_s` seconds for a gradient.
    pub fn new(spec: ClusterSpec, policies: &[Policy], workers: &[u32], single_s: f64, seed: u64) -> Race {
        let (policies, workers) = (policies.to_vec(), workers.to_vec());
        let length = Length::Honest;
        // Failures are rare: what they cost is known in expectation, and no run would be long enough to see it.
        let failures = spec.failures().copied();
        let spec = spec.with_failures(None);
        Race {
            failures,
            experiment: Experiment { policies, workers, spec, model: Model::Event, length, seed, deadline_s: None },
            single_s,
        }
    }

    /// What can be simulated, and what cannot, with the reason.
    pub fn cells(&self) -> (Vec<Configuration>, Vec<PolicyError>) {
        self.experiment.cells()
    }

    /// What is simulated, with failures left out.
    pub fn experiment(&self) -> &Experiment {
        &self.experiment
    }

    /// All configurations that are not clearly beaten, policy by policy; without those that were stopped. `judge` says how each of the
    /// given ones stands.
    pub fn run(&self, going: &Going<'_>, mut judge: impl FnMut(&[Point]) -> Vec<Standing>) -> Vec<Point> {
        let (cells, _) = self.cells();
        let first = |cell: &Configuration| (FIRST_STEPS as f64 / steps_of(cell)) as u64;
        let first = |cell: Configuration| (cell, first(&cell).clamp(FIRST.0, FIRST.1));
        let coarse = coarse(&self.experiment.workers);
        let (some, rest): (Vec<_>, Vec<_>) = cells.iter().partition(|cell| coarse.contains(&cell.rule.workers));
        let mut points = self.heat(&some.into_iter().map(first).collect::<Vec<_>>(), going);
        let standings = judge(&points);
        let known: HashMap<(Policy, u32), Standing> = points
            .iter()
            .zip(standings)
            .map(|(point, standing)| ((point.policy(), point.workers()), standing))
            .collect();
        // Who is out in the same way on both sides is out between.
        let is_out = |cell: &Configuration| {
            let place = coarse.partition_point(|&m| m < cell.rule.workers);
            let at = |i: Option<usize>| known.get(&(cell.policy, *coarse.get(i?)?)).copied();
            let (below, above) = (at(place.checked_sub(1)), at(Some(place)));
            below == above && matches!(below, Some(Standing::Beaten | Standing::Lost(_)))
        };
        let rest: Vec<_> = rest.into_iter().filter(|cell| !is_out(cell)).map(first).collect();
        points.extend(self.heat(&rest, going));
        let standings = judge(&points);
        let racing = points.iter().zip(standings).filter(|(_, standing)| *standing == Standing::Racing);
        let again: Vec<(Configuration, u64)> =
            racing.filter_map(|(point, _)| Some((point.cell, wanted(point)?))).collect();
        for point in self.heat(&again, going) {
            if let Some(place) = points.iter_mut().find(|other| other.cell == point.cell) {
                *place = point;
            }
        }
        let order = |cell: &Configuration| cells.iter().position(|other| other == cell);
        points.sort_by_cached_key(|point| order(&point.cell));
        points
    }

    /// These configurations, each with so many updates at least.
    fn heat(&self, cells: &[(Configuration, u64)], going: &Going<'_>) -> Vec<Point> {
        let (experiment, failures) = (&self.experiment, self.failures);
        let key = |cell: &Configuration| (cell.policy, cell.rule.workers);
        let updates: HashMap<(Policy, u32), u64> = cells.iter().map(|(cell, updates)| (key(cell), *updates)).collect();
        let plan = |cell: &Configuration, spec: &ClusterSpec| {
            Plan::at_least(cell.rule, spec, updates[&key(cell)], REPLICATIONS)
        };
        let cells: Vec<Configuration> = cells.iter().map(|(cell, _)| *cell).collect();
        let found = experiment.replicate(&cells, plan, going.progress, &going.parts);
        let point = |(cell, found): (&Configuration, Option<(Plan, Replications)>)| {
            let (plan, replications) = found?;
            let own_s = experiment.spec.single_worker_s(cell.rule.workers);
            let update_s = replications.s_per_update()?.mean;
            let known = Stretch::known(1.0);
            let stretch = failures.map_or(known, |failures| experiment.stretch(cell, &failures, update_s));
            Some(Point { cell: *cell, plan, replications, stretch, single_s: (self.single_s, own_s) })
        };
        cells.iter().zip(found).filter_map(point).collect()
    }
}

/// Of these numbers of workers the first, the last, and some between.
fn coarse(workers: &[u32]) -> Vec<u32> {
    let mut kept: Vec<u32> = Vec::new();
    for &m in workers {
        if kept.last().is_none_or(|&last| f64::from(m) >= STRIDE * f64::from(last)) {
            kept.push(m);
        }
    }
    if let Some(most) = workers.last().filter(|most| !kept.contains(most)) {
        kept.push(*most);
    }
    kept
}

/// Workers' steps in an update; where stale ones are dropped, about as many for each that counts as there are workers.
fn steps_of(cell: &Configuration) -> f64 {
    let rule = cell.rule;
    let tasks = match (rule.renews(), rule.drops_stale()) {
        (true, _) => rule.workers.max(rule.quorum),
        (false, true) => rule.quorum.saturating_mul(rule.workers),
        (false, false) => rule.quorum,
    };
    f64::from(tasks) * f64::from(rule.steps.min(1000))
}

/// How configurations stand that are to have many gradients: those are beaten that have clearly fewer than a policy that learns as
/// sync does.
pub fn by_gradients(points: &[Point]) -> Vec<Standing> {
    let eligible: Vec<&Point> = points.iter().filter(|point| point.is_fresh()).collect();
    points.iter().map(|point| if is_beaten(point, &eligible) { Standing::Beaten } else { Standing::Racing }).collect()
}

/// Whether one of these on as many workers is clearly faster.
pub fn is_beaten(point: &Point, eligible: &[&Point]) -> bool {
    let mut others = eligible.iter().filter(|other| other.workers() == point.workers());
    others.any(|other| point.rate_over(other).and_then(|ratio| ratio.high()).is_some_and(|high| high < BEATEN))
}

/// How many updates a configuration needs that is to be told from the others; `None` if it has them.
fn wanted(point: &Point) -> Option<u64> {
    // Of what failures cost nothing more becomes known.
    let s = point.honest(point.replications.s_per_gradient());
    let excess = s.half_width()? / (NARROW * s.mean);
    if excess <= 1.0 {
        return None;
    }
    let updates = (point.plan.updates as f64 * 1.1 * excess * excess).min(MOST_STEPS / steps_of(&point.cell));
    Some(updates as u64).filter(|updates| *updates > point.plan.updates)
}

impl Point {
    /// The policy.
    pub fn policy(&self) -> Policy {
        self.cell.policy
    }

    /// Number of workers.
    pub fn workers(&self) -> u32 {
        self.cell.rule.workers
    }

    /// Updates that were counted.
    pub fn updates(&self) -> u64 {
        self.replications.updates()
    }

    fn honest(&self, estimate: Option<Estimate>) -> Estimate {
        let estimate = estimate.unwrap_or(Estimate::unsure(f64::NAN));
        match self.plan.honest {
            Honest::Yes => estimate,
            Honest::From(_) | Honest::Never => estimate.without_interval(),
        }
    }

    /// Its runs.
    pub fn runs(&self) -> &Replications {
        &self.replications
    }

    /// The same of other runs, in which passages to a goal take the place of gradients.
    pub fn with_passages(&self, of: impl FnOnce(&Replications) -> Replications) -> Point {
        Point { replications: of(&self.replications), ..self.clone() }
    }

    /// Gradients of an update, on average.
    pub fn gradients_per_update(&self) -> f64 {
        self.replications.gradients_per_update().map_or(f64::NAN, |gradients| gradients.mean)
    }

    /// Seconds per update.
    pub fn s_per_update(&self) -> Estimate {
        self.stretch.of(self.honest(self.replications.s_per_update()))
    }

    /// Seconds per gradient.
    pub fn s_per_gradient(&self) -> Estimate {
        self.stretch.of(self.honest(self.replications.s_per_gradient()))
    }

    /// Gradients a second, relative to a single worker of mean speed.
    pub fn speedup(&self) -> Estimate {
        let (all_s, own_s) = self.single_s;
        let without = self.honest(self.replications.speedup()).times(all_s / own_s);
        Stretch::known(1.0).over(self.stretch).of(without)
    }

    /// Mean staleness of applied gradients, in updates.
    pub fn staleness(&self) -> Estimate {
        self.honest(self.replications.mean_staleness())
    }

    /// Share of the workers' time spent on work that was thrown away.
    pub fn wasted_share(&self) -> Estimate {
        self.honest(self.replications.wasted_share())
    }

    /// How many times as many gradients a second as another one has, run by run on the same random numbers.
    pub fn rate_over(&self, other: &Point) -> Option<Estimate> {
        let ratio = self.replications.gradient_rate_over(&other.replications)?;
        let honest = [self, other].iter().all(|point| point.plan.honest == Honest::Yes);
        let ratio = other.stretch.over(self.stretch).of(ratio);
        Some(if honest { ratio } else { ratio.without_interval() })
    }

    /// Whether it learns from fresh gradients, one step at a time, as sync does.
    pub fn is_fresh(&self) -> bool {
        let rule = self.cell.rule;
        rule.is_fresh() && (rule.steps == 1 || rule.accumulates)
    }
}
