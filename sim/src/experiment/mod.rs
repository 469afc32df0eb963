//! Policies by numbers of workers on one cluster: configurations, each run long enough to be sure of what it costs.

mod comparison;
pub mod loss;
mod observation;
pub mod passage;
mod progress;
pub(crate) mod runs;

use crate::cluster::spec::{Cancellation, ClusterSpec, Failures};
pub use crate::experiment::comparison::{Comparison, comparisons};
pub use crate::experiment::loss::LossPoint;
pub use crate::experiment::observation::{Observation, Usage};
pub use crate::experiment::progress::{Kept, Progress};
use crate::experiment::runs::Job;
use crate::measure::interval::Estimate;
use crate::measure::length::{Honest, Plan, REPLICATIONS, REPLICATIONS_TO_PRECISION, UPDATES};
use crate::measure::replications::Replications;
use crate::parallel::*;
use crate::policy::{Policy, PolicyError, Rule};
use crate::random::key::RandomKey;
use crate::theory::{self, Kind, Stretch, Theory};
use std::sync::atomic::Ordering;
use std::time::Duration;

/// What carries over from one update to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::Display, strum::EnumString, strum::VariantNames)]
#[strum(serialize_all = "kebab-case")]
pub enum Model {
    /// Everything that does in reality: workers that are under way stay under way.
    Event,
    /// Nothing: each iteration draws fresh times for all workers (max, min, K-th smallest).
    Gated,
}

/// How long a configuration runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Length {
    /// As many model updates as an honest interval needs, and at least 5000.
    Honest,
    /// So many model updates, over all replications.
    Updates(u64),
    /// Until half the 95 % interval is below this share of the mean.
    Precision(f64),
}

/// Policies by workers, on one cluster.
#[derive(Clone, Debug)]
pub struct Experiment {
    /// The policies, in the order of the table.
    pub policies: Vec<Policy>,
    /// Numbers of workers, in the order of the table.
    pub workers: Vec<u32>,
    /// Who works.
    pub spec: ClusterSpec,
    /// What carries over.
    pub model: Model,
    /// How long.
    pub length: Length,
    /// The root of all random numbers.
    pub seed: u64,
    /// A time that updates are counted by: how many take no longer, s.
    pub deadline_s: Option<f64>,
}

/// One policy with one number of workers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Configuration {
    /// The policy.
    pub policy: Policy,
    /// The policy for that number of workers, in the event model.
    pub rule: Rule,
}

/// What theory says of a configuration.
struct Theories {
    /// In the model that is run.
    own: Option<Theory>,
    /// In the gated model, where that is another one.
    gated: Option<Theory>,
}

impl Theories {
    fn of(cell: Configuration, job: &Job) -> Theories {
        let (spec, gated) = (&job.specs[0], cell.rule.gated());
        let own = theory::time_per_update(job.rule, spec);
        let is_plain = spec.uncontended() == *spec;
        let gated =
            if gated == job.rule { own } else { is_plain.then(|| theory::time_per_update(gated, spec)).flatten() };
        Theories { own, gated: gated.filter(|_| is_plain) }
    }
}

/// What is rarer than this hardly ever happens: a step within a budget, a task between two failures.
const RARE: f64 = 1e-4;

/// Rounded to two digits.
fn two_digits(seconds: f64) -> f64 {
    format!("{seconds:.1e}").parse().expect("a printed number")
}

/// Bytes that the event engine keeps of a worker: its task, its place in the queues, its random numbers, its accounts.
const AT_WORK: u64 = 600;

impl Experiment {
    /// The configurations, policy by policy, and the combinations that cannot be, with the reason.
    pub fn cells(&self) -> (Vec<Configuration>, Vec<PolicyError>) {
        let (mut cells, mut impossible) = (Vec::new(), Vec::new());
        for &policy in &self.policies {
            for &workers in &self.workers {
                match policy.rule(workers) {
                    Err(error) => impossible.push(error),
                    Ok(rule) => match self.too_short(policy, rule).or_else(|| self.fails(policy, rule)) {
                        Some(error) => impossible.push(error),
                        None => cells.push(Configuration { policy, rule }),
                    },
                }
            }
        }
        (cells, impossible)
    }

    /// Whether hardly a step is done within the policy's budget, so that updates would be as rare.
    fn too_short(&self, policy: Policy, rule: Rule) -> Option<PolicyError> {
        let spec = self.spec.for_rule(rule);
        let (slowdown, message_s) = (spec.first_slowdown(rule.workers), spec.first_message_s());
        let compute_s = (rule.budget.as_secs_f64() - message_s) / slowdown;
        let never = rule.budget < Duration::MAX && spec.step_within(rule.workers, compute_s) < RARE;
        let usual = policy.with_seconds(two_digits(1.5 * (slowdown * spec.mean_compute(0) + message_s)));
        never.then_some(PolicyError::Budget { policy, usual })
    }

    /// Whether hardly a task is done between two failures; where all wait for all, what lies between two checkpoints, or an update, which
    /// takes no less than a worker's mean task.
    fn fails(&self, policy: Policy, rule: Rule) -> Option<PolicyError> {
        let spec = self.spec.for_rule(rule);
        let failures = spec.failures()?;
        let chance = |worker| match (rule.waits_for_all(), failures.checkpoint()) {
            (true, Some((work_s, cost_s))) => (-(work_s + cost_s) * f64::from(rule.workers) / failures.mtbf_s()).exp(),
            (true, None) => (-spec.mean_task(worker, rule.steps) * f64::from(rule.workers) / failures.mtbf_s()).exp(),
            (false, _) => {
                let lost = theory::fails_within(spec.compute.law(worker), failures.mtbf_s() * spec.speed(worker));
                let once = (1.0 - lost.unwrap_or(0.0)) * (-spec.fixed_s / failures.mtbf_s()).exp();
                once.powf(f64::from(rule.steps))
            }
        };
        let best = (0..rule.workers.min(spec.repeats_after())).map(chance).fold(0.0, f64::max);
        (best < RARE).then_some(PolicyError::Failing { policy, workers: rule.workers })
    }

    /// How each configuration is run, as far as that is known beforehand; `None` if `progress` stopped it.
    pub fn plans(&self, progress: &Progress) -> Option<Vec<(Configuration, Plan)>> {
        let plan = |cell| (!progress.stopped()).then(|| (cell, self.job(cell).plan));
        self.cells().0.into_par_iter().map(plan).collect()
    }

    /// Bytes of memory that these [plans](Experiment::plans) take on so many threads, about: the results of all configurations,
    /// and what is at work on the largest meanwhile.
    pub fn memory(plans: &[(Configuration, Plan)], threads: usize) -> u64 {
        let results: u64 = plans.iter().map(|(cell, plan)| plan.memory(cell.rule)).sum();
        let most = plans.iter().map(|(cell, _)| cell.rule.workers).max().unwrap_or(0);
        results + threads as u64 * u64::from(most) * AT_WORK
    }

    /// Runs all configurations on rayon's threads; `None` for those that `progress` stopped. The result does not depend on the
    /// threads.
    pub fn observe(&self, progress: &Progress) -> Vec<Option<Observation>> {
        self.observe_some(&self.cells().0, progress, &())
    }

    /// Runs some of the [configurations](Experiment::cells), but for those whose runs are `kept`. What comes of one depends neither
    /// on the others nor on what was kept.
    pub fn observe_some(
        &self,
        cells: &[Configuration],
        progress: &Progress,
        kept: &dyn Kept,
    ) -> Vec<Option<Observation>> {
        // Theory of many workers takes its time, too, and comes first: what has ended is then ready to be shown.
        let prepared = |&cell: &Configuration| {
            let job = (!progress.stopped()).then(|| self.job(cell))?;
            let theory = Theories::of(cell, &job);
            Some((job, theory))
        };
        let prepared: Option<Vec<(Job, Theories)>> = cells.par_iter().map(prepared).collect();
        let Some(prepared) = prepared else { return vec![None; cells.len()] };
        let (mut jobs, theories): (Vec<Job>, Vec<Theories>) = prepared.into_iter().unzip();
        let mut found = runs::all(self, &jobs, progress, kept);
        if let Length::Precision(target) = self.length {
            self.refine(&mut jobs, &mut found, target, progress, kept);
        }
        self.resample(&jobs, &mut found, progress, kept);
        let all = cells.par_iter().zip(&jobs).zip(theories).zip(found);
        all.map(|(((&cell, job), theories), found)| self.observation(cell, job, theories, found?)).collect()
    }

    /// Runs these configurations on rayon's threads, but for those whose runs are `kept`, each as `plan` says, and no more than that: no
    /// theory, no table. `None` for those that `progress` stopped.
    pub fn replicate(
        &self,
        configurations: &[Configuration],
        plan: impl Fn(&Configuration, &ClusterSpec) -> Plan + Sync,
        progress: &Progress,
        kept: &dyn Kept,
    ) -> Vec<Option<(Plan, Replications)>> {
        let job = |&Configuration { policy, rule }: &Configuration| {
            let rule = self.rule_of(rule);
            let spec = self.spec_of(policy, rule);
            Job {
                name: format!("{policy} m={}", rule.workers),
                rule,
                plan: plan(&Configuration { policy, rule }, &spec),
                specs: vec![spec],
            }
        };
        let jobs: Vec<Job> = configurations.par_iter().map(job).collect();
        let mut found = runs::all(self, &jobs, progress, kept);
        self.resample(&jobs, &mut found, progress, kept);
        jobs.iter().zip(found).map(|(job, found)| Some((job.plan, found?))).collect()
    }

    /// How many times as long a configuration takes with failures, where its update takes `update_s` seconds without
    /// ([`Failures::stretch`]).
    pub fn stretch(&self, cell: &Configuration, failures: &Failures, update_s: f64) -> Stretch {
        let rule = self.rule_of(cell.rule);
        failures.stretch(rule, &self.spec_of(cell.policy, rule), update_s)
    }

    /// The cluster as this policy sees it.
    pub(crate) fn spec_of(&self, policy: Policy, rule: Rule) -> ClusterSpec {
        match policy.has_server() {
            true => self.spec.for_rule(rule),
            // Shared memory: neither a server nor a way to it.
            false => self.spec.clone().with_service(None).with_communication(None).for_rule(rule),
        }
    }

    /// The rule that is run.
    pub(crate) fn rule_of(&self, rule: Rule) -> Rule {
        match (self.model, self.spec.cancellation()) {
            (Model::Gated, _) => rule.gated(),
            (Model::Event, Cancellation::Never) => rule.never_cancelling(),
            (Model::Event, Cancellation::AtOnce | Cancellation::AfterStep) => rule,
        }
    }

    /// Whether anybody asks how the workers spent their time.
    pub(crate) fn wants_usage(&self) -> bool {
        self.model == Model::Event
    }

    /// How a configuration is run, as far as that is known beforehand.
    fn job(&self, cell: Configuration) -> Job {
        let rule = self.rule_of(cell.rule);
        let spec = self.spec_of(cell.policy, rule);
        let plan = match self.length {
            Length::Updates(updates) => Plan::of(rule, &spec, updates, REPLICATIONS),
            Length::Honest => Plan::honest(rule, &spec),
            Length::Precision(_) => {
                Plan::at_least(rule, &spec, UPDATES, REPLICATIONS_TO_PRECISION).through_slow_changes(rule, &spec)
            }
        };
        Job { name: format!("{} m={}", cell.policy, rule.workers), rule, plan, specs: vec![spec] }
    }

    /// Runs longer what is not precise enough, until it is: as long as the present scatter asks for, and a tenth longer; and at least
    /// as long as an honest interval needs.
    ///
    /// A run that stops when it looks precise stops too soon if its scatter was small by chance (Chow and Robbins, Ann. Math.
    /// Statist. 36, 1965, 457-462): the less, the better the scatter is known, so that such runs have more replications. The first look
    /// comes after as many updates as an honest interval needs, and looks are few; a test counts how often the intervals hold.
    fn refine(
        &self,
        jobs: &mut [Job],
        found: &mut [Option<Replications>],
        target: f64,
        progress: &Progress,
        kept: &dyn Kept,
    ) {
        loop {
            let mut longer: Vec<(usize, Job)> = Vec::new();
            for (i, (job, found)) in jobs.iter().zip(found.iter()).enumerate() {
                let Some(mean) = found.as_ref().and_then(Replications::s_per_update) else { continue };
                let excess = mean.half_width().unwrap_or(0.0) / (target * mean.mean);
                let precise =
                    if excess > 1.0 { job.plan.updates as f64 * (1.1 * excess * excess).max(1.5) } else { 0.0 };
                let enough = match job.plan.honest {
                    Honest::Yes => 0,
                    Honest::From(enough) => enough,
                    Honest::Never => continue,
                };
                let updates = enough.max(precise.ceil() as u64);
                if updates > job.plan.updates {
                    let plan = job.plan.longer(updates);
                    longer.push((i, Job { plan, ..job.clone() }));
                }
            }
            let again: Vec<Job> = longer.iter().map(|(_, job)| job.clone()).collect();
            if again.is_empty() {
                return;
            }
            progress.cells.fetch_sub(again.len() as u64, Ordering::Relaxed);
            for ((i, job), result) in longer.into_iter().zip(runs::all(self, &again, progress, kept)) {
                (jobs[i], found[i]) = (job, result);
            }
        }
    }

    /// Runs again, on resampled rows, what stands on measured times. Whole steps first in an order in which the same random numbers make
    /// a step as long before and after: what resampling changes is then no noise of the simulation.
    fn resample(&self, jobs: &[Job], found: &mut [Option<Replications>], progress: &Progress, kept: &dyn Kept) {
        let mut again: Vec<Job> = Vec::new();
        // Of each configuration that stands on a sample: its place, and whether it has been put in order.
        let mut measured: Vec<(usize, bool)> = Vec::new();
        for (i, job) in jobs.iter().enumerate().filter(|&(i, _)| found[i].is_some()) {
            let in_order = job.specs[0].in_order_for(job.rule);
            let spec = in_order.as_ref().unwrap_or(&job.specs[0]);
            let resampled = |r: u32| spec.resampled(RandomKey::new(self.seed, u64::from(r)));
            let Some(specs) = (0..job.plan.replications).map(resampled).collect::<Option<Vec<_>>>() else { continue };
            measured.push((i, in_order.is_some()));
            again.push(Job { name: format!("{} resampled", job.name), specs, ..job.clone() });
            again.extend(in_order.map(|spec| Job {
                name: format!("{} in order", job.name),
                specs: vec![spec],
                ..job.clone()
            }));
        }
        progress.cells.fetch_sub(measured.len() as u64, Ordering::Relaxed);
        let mut results = runs::all(self, &again, progress, kept).into_iter();
        // Those in order are no configurations of their own.
        progress.cells.fetch_sub((again.len() - measured.len()) as u64, Ordering::Relaxed);
        for (i, in_order) in measured {
            let resampled = results.next().flatten();
            let before = if in_order { results.next().flatten() } else { found[i].clone() };
            let all = found[i].take().zip(resampled).zip(before);
            let rows = jobs[i].specs[0].fewest_rows();
            found[i] = all.map(|((found, resampled), before)| found.with_resampled(&before, resampled, rows));
        }
    }

    /// What a configuration's runs came to.
    fn observation(
        &self,
        cell: Configuration,
        job: &Job,
        theories: Theories,
        found: Replications,
    ) -> Option<Observation> {
        let rule = job.rule;
        // Where everything took as long although it need not, nothing is known of what is rare.
        let varies = job.specs[0].variation() > 0.0;
        let unseen = |of: &Estimate| rule.is_timed() && varies && of.standard_error <= 1e-12 * of.mean.abs();
        let honest = |estimate: Estimate| match job.plan.honest {
            Honest::Yes if unseen(&estimate) => estimate.without_interval(),
            Honest::Yes => estimate,
            Honest::From(_) | Honest::Never => estimate.without_interval(),
        };
        let usage = match self.wants_usage() {
            true => Some(Usage {
                mean_staleness: honest(found.mean_staleness()?),
                idle_share: honest(found.idle_share()?),
                wasted_share: honest(found.wasted_share()?),
            }),
            false => None,
        };
        let speedup = honest(found.speedup()?);
        Some(Observation {
            cell,
            updates: found.updates(),
            mean: honest(found.s_per_update()?),
            sd_s: found.sd_s()?,
            quantiles_s: found.quantiles_s([0.5, 0.95, 0.99])?.map(honest),
            in_time: self.deadline_s.and_then(|_| found.in_time_share()).map(honest),
            thrown_away: {
                let pairs = found.thrown_away_shares().into_iter().zip(found.applied_shares());
                pairs.map(|(thrown_away, applied)| (honest(thrown_away), honest(applied))).collect()
            },
            theory: theories.own,
            gated_s: theories.gated.filter(|theory| theory.kind == Kind::Exact).map(|theory| theory.seconds),
            gradients_per_update: found.gradients_per_update()?.mean,
            s_per_gradient: honest(found.s_per_gradient()?),
            speedup,
            efficiency: speedup.times(1.0 / f64::from(rule.workers)),
            usage,
            plan: job.plan,
            replications: found,
        })
    }
}
