//! When a loss is reached: the mean loss of the quadratic, exact over the noise of gradients, or the loss of any learner, on the
//! timing of simulated runs.

use crate::cluster::des::Simulated;
use crate::cluster::{ClusterSpec, Run, Step};
use crate::experiment::{Configuration, Experiment, Progress};
use crate::learn::moments::{SecondMoments, submission};
use crate::learn::{Learner, Quadratic};
use crate::measure::replications::Replications;
use crate::policy::Task;
use crate::random::key::RandomKey;
use serde::{Deserialize, Serialize};

/// How a configuration comes to a loss.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Passage {
    /// It does; what its runs count as gradients are such passages, so a second per gradient is a second to the loss.
    Reached(Replications),
    /// Not within the updates that were looked at: noise keeps the loss above, or staleness does.
    Above,
    /// Not at all: the loss grows without bounds, as it would not below this step size, if that is known.
    Diverges(Option<f64>),
}

/// A loss that is so many times the first one grows without bounds.
const BOUNDLESS: f64 = 1e4;

/// What one run came to.
enum Ended {
    /// The loss, after so many updates and seconds.
    Reached(u64, f64),
    Above,
    Diverges,
    Stopped,
}

/// Somebody who learns in simulated time, and is looked at now and then.
pub struct Course<L: Learner, O: Fn(&L::Params) -> f64> {
    /// What learns.
    pub learner: L,
    /// The loss.
    pub loss: O,
    /// What it is to come to.
    pub target: f64,
    /// Updates after which it has not.
    pub most: u64,
}

/// Follows a run and says what the loss is.
trait Observer<L: Learner> {
    /// What a step of the run does.
    fn follow(&mut self, step: &Step<'_>);
    /// The loss after so many updates; `None` if nobody looks.
    fn loss(&self, updates: u64, params: &L::Params) -> Option<f64>;
}

impl Observer<()> for SecondMoments {
    fn follow(&mut self, step: &Step<'_>) {
        SecondMoments::follow(self, step);
    }

    fn loss(&self, _: u64, (): &()) -> Option<f64> {
        Some(SecondMoments::loss(self))
    }
}

/// Looks after every update at first, after every fiftieth part of them later.
struct NowAndThen<O>(O);

impl<L: Learner, O: Fn(&L::Params) -> f64> Observer<L> for NowAndThen<&O> {
    fn follow(&mut self, _: &Step<'_>) {}

    fn loss(&self, updates: u64, params: &L::Params) -> Option<f64> {
        updates.is_multiple_of((updates / 50).next_power_of_two().max(1)).then(|| (self.0)(params))
    }
}

impl Experiment {
    /// How a configuration comes to the mean loss `target` of the quadratic, where a single worker needs `alone` updates for that.
    /// `timed` are its runs without learning. `None` if `progress` stopped it.
    ///
    /// Updates of fresh gradients are all alike, so their number is known and `timed` says how long they take. Other rules run again, as
    /// often as `timed` did, on the same random numbers.
    pub fn passage(
        &self,
        cell: Configuration,
        learner: Quadratic,
        target: f64,
        alone: f64,
        timed: &Replications,
        progress: &Progress,
    ) -> Option<Passage> {
        let diverges = || Some(Passage::Diverges(Some(self.stable_step_size(cell, learner))));
        if self.stable_below(cell, learner).is_some_and(|below| learner.step_size >= below) {
            return diverges();
        }
        if cell.rule.is_fresh() && !cell.rule.is_timed() {
            let needed = updates_to(cell, learner, target);
            let reached = |needed: u64| Passage::Reached(timed.per_passage(needed as f64, alone));
            return Some(needed.map_or(Passage::Above, reached));
        }
        let most = updates_until_settled(cell, learner, target);
        let one = |spec: ClusterSpec, key: RandomKey| {
            let moments = SecondMoments::new(learner, cell.rule.workers);
            let first = SecondMoments::loss(&moments);
            self.walk(Simulated::new(spec, key, cell.rule.workers), cell, moments, [first, target], most, progress)
        };
        match self.of_runs(cell, timed, alone, one)? {
            Passage::Diverges(_) => diverges(),
            other => Some(other),
        }
    }

    /// The same of any learner, in one run for each of those that were `timed`.
    pub fn passage_of<L: Learner, O: Fn(&L::Params) -> f64>(
        &self,
        cell: Configuration,
        course: impl Fn(RandomKey) -> Course<L, O>,
        alone: f64,
        timed: &Replications,
        progress: &Progress,
    ) -> Option<Passage> {
        self.of_runs(cell, timed, alone, |spec, key| {
            let Course { learner, loss, target, most } = course(key);
            let cluster = Simulated::learning(spec, key, cell.rule.workers, learner);
            let first = loss(cluster.learner().params());
            self.walk(cluster, cell, NowAndThen(&loss), [first, target], most, progress)
        })
    }

    /// Updates of a configuration until a course comes to its target, in one run; `None` if it does not.
    pub fn updates_of<L: Learner, O: Fn(&L::Params) -> f64>(
        &self,
        cell: Configuration,
        course: Course<L, O>,
        progress: &Progress,
    ) -> Option<u64> {
        let Course { learner, loss, target, most } = course;
        let (key, spec) = (RandomKey::new(self.seed, 0), self.spec_of(cell.policy, self.rule_of(cell.rule)));
        let cluster = Simulated::learning(spec, key, cell.rule.workers, learner);
        let first = loss(cluster.learner().params());
        match self.walk(cluster, cell, NowAndThen(&loss), [first, target], most, progress) {
            Ended::Reached(updates, _) => Some(updates),
            Ended::Above | Ended::Diverges | Ended::Stopped => None,
        }
    }

    /// One run for each of those that were timed, and again on resampled rows.
    fn of_runs(
        &self,
        cell: Configuration,
        timed: &Replications,
        alone: f64,
        one: impl Fn(ClusterSpec, RandomKey) -> Ended,
    ) -> Option<Passage> {
        let spec = self.spec_of(cell.policy, self.rule_of(cell.rule));
        let key = |r: u64| RandomKey::new(self.seed, r);
        let mut seconds = [Vec::new(), Vec::new()];
        let runs = timed.len() as u64;
        let resampled = if timed.are_resampled() { runs } else { 0 };
        for (again, r) in (0..runs).map(|r| (0, r)).chain((0..resampled).map(|r| (1, r))) {
            let spec = if again == 0 { Some(spec.clone()) } else { spec.resampled(key(r)) };
            match one(spec?, key(r)) {
                Ended::Reached(_, s) => seconds[again].push(s),
                Ended::Above => return Some(Passage::Above),
                Ended::Diverges => return Some(Passage::Diverges(None)),
                Ended::Stopped => return None,
            }
        }
        Some(Passage::Reached(timed.passages(&seconds[0], &seconds[1], alone)))
    }

    /// One run to its end.
    fn walk<L: Learner>(
        &self,
        cluster: Simulated<L>,
        cell: Configuration,
        mut observer: impl Observer<L>,
        [first, target]: [f64; 2],
        most: u64,
        progress: &Progress,
    ) -> Ended {
        let mut run = Run::new(self.rule_of(cell.rule), cluster);
        let mut updates = 0;
        while updates < most {
            let Some(step) = run.step() else { break };
            observer.follow(&step);
            let (at, updated) = (step.at, !step.orders.update.is_empty());
            if !updated {
                continue;
            }
            updates += 1;
            let Some(loss) = observer.loss(updates, run.cluster().learner().params()) else { continue };
            if loss <= target {
                return Ended::Reached(updates, at.seconds());
            }
            if loss.is_nan() || loss >= BOUNDLESS * first {
                return Ended::Diverges;
            }
            if progress.stopped() {
                return Ended::Stopped;
            }
        }
        Ended::Above
    }

    /// The step size below which a configuration is stable: by theory, or by bisection of whether second moments without noise
    /// grow in a run.
    fn stable_step_size(&self, cell: Configuration, learner: Quadratic) -> f64 {
        if let Some(below) = self.stable_below(cell, learner) {
            return below;
        }
        let rule = self.rule_of(cell.rule);
        let spec = self.spec_of(cell.policy, rule);
        let updates = 200 + 40 * u64::from(rule.workers / rule.quorum);
        let grows = |step_size: f64| {
            let learner = Quadratic { step_size, noise: 0.0, ..learner };
            let mut run = Run::new(rule, Simulated::new(spec.clone(), RandomKey::new(self.seed, 0), rule.workers));
            let mut moments = SecondMoments::new(learner, rule.workers);
            let (mut update, mut early, mut late) = (0, 0.0f64, 0.0f64);
            while update < updates {
                let Some(step) = run.step() else { break };
                moments.follow(&step);
                update += u64::from(!step.orders.update.is_empty());
                let place = if 2 * update > updates { &mut late } else { &mut early };
                if 4 * update > updates {
                    *place = place.max(moments.loss());
                }
            }
            late >= early
        };
        let (mut low, mut high) = (0.0, 2.0 / learner.curvature);
        for _ in 0..12 {
            let middle = (low + high) / 2.0;
            if grows(middle) { high = middle } else { low = middle }
        }
        low
    }
}

/// Updates after which a policy that learns from fresh gradients, all submitted by as many steps, has the mean loss `target`;
/// `None` if it never does.
///
/// Each update shrinks the parameter by the same factor and adds the same noise.
pub fn updates_to(cell: Configuration, learner: Quadratic, target: f64) -> Option<u64> {
    let (factor, noise) = contraction(cell, learner);
    let (mut square, mut updates) = (1.0, 0);
    while learner.curvature * square / 2.0 > target {
        let next = factor * factor * square + noise;
        if next >= square {
            return None;
        }
        (square, updates) = (next, updates + 1);
    }
    Some(updates)
}

/// What an update of fresh gradients does: the factor of the parameter, and the variance that it adds.
fn contraction(cell: Configuration, learner: Quadratic) -> (f64, f64) {
    let rule = cell.rule;
    let task = Task { accumulates: rule.accumulates, ..Task::first(0, rule.steps.min(100_000)) };
    let (factor, noise) = submission(&learner, task);
    let (weight, k) = (f64::from(task.weight()), f64::from(rule.quorum));
    (1.0 - learner.step_size * factor / weight, (learner.step_size / weight).powi(2) * noise / k)
}

/// Updates after which the loss is where it stays: many times those that fresh gradients would take without noise.
fn updates_until_settled(cell: Configuration, learner: Quadratic, target: f64) -> u64 {
    let (factor, _) = contraction(cell, Quadratic { noise: 0.0, ..learner });
    let shrinks = -2.0 * factor.abs().clamp(1e-3, 1.0 - 1e-6).ln();
    let fresh = (learner.curvature / 2.0 / target).ln().max(1.0) / shrinks;
    (10.0 * fresh) as u64 + 50 * u64::from(cell.rule.workers / cell.rule.quorum + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::{Length, Model};
    use crate::measure::length::Plan;
    use crate::{Policy, theory};

    fn experiment(workers: u32) -> Experiment {
        let spec = ClusterSpec::new("exp(1)".parse().unwrap());
        let (model, length) = (Model::Event, Length::Honest);
        Experiment { policies: vec![], workers: vec![workers], spec, model, length, seed: 0, deadline_s: None }
    }

    fn cell(policy: &str, workers: u32) -> Configuration {
        let policy: Policy = policy.parse().unwrap();
        Configuration { policy, rule: policy.rule(workers).unwrap() }
    }

    fn learner(step_size: f64) -> Quadratic {
        Quadratic { curvature: 1.0, noise: 1.0, step_size, key: RandomKey::new(0, 0) }
    }

    /// Updates until the target on a run; `None` if it is not reached.
    fn followed(cell: Configuration, learner: Quadratic, target: f64) -> Option<u64> {
        let workers = cell.rule.workers;
        let spec = experiment(workers).spec_of(cell.policy, cell.rule);
        let mut run = Run::new(cell.rule, Simulated::new(spec, RandomKey::new(0, 0), workers));
        let mut moments = SecondMoments::new(learner, workers);
        let mut updates = 0;
        while updates < 10_000 {
            let step = run.step()?;
            moments.follow(&step);
            updates += u64::from(!step.orders.update.is_empty());
            if moments.loss() <= target {
                return Some(updates);
            }
        }
        None
    }

    #[test]
    fn fresh_policies_take_as_many_updates_on_a_run_as_by_the_recursion() {
        for policy in ["sync", "k-sync:3", "local:4", "k-batch-sync:5", "backup:2", "rennala:4"] {
            let (cell, target) = (cell(policy, 8), 0.03);
            let expected = updates_to(cell, learner(0.05), target);
            assert!(expected.is_some() && followed(cell, learner(0.05), target) == expected, "{policy}");
        }
        assert_eq!(updates_to(cell("sync", 1), learner(0.05), 0.01), None, "the floor is 0.0128");
    }

    #[test]
    fn async_settles_at_its_floor_and_diverges_from_its_bound_on() {
        // Exponential times: exact floor and bound; the mean over 40 timings of 2000 updates is within 2 % of the floor.
        let (m, eta, runs) = (8, 0.05, 40);
        let cell = cell("async", m);
        let settled = |r: u64| {
            let mut run = Run::new(cell.rule, Simulated::new(experiment(m).spec, RandomKey::new(0, r), m));
            let mut moments = SecondMoments::new(learner(eta), m);
            let (mut update, mut sum) = (0, 0.0);
            while update < 3000 {
                let step = run.step().unwrap();
                moments.follow(&step);
                let updated = !step.orders.update.is_empty();
                update += u64::from(updated);
                sum += if update > 1000 && updated { moments.loss() } else { 0.0 };
            }
            sum / 2000.0
        };
        let mean = (0..runs).map(settled).sum::<f64>() / runs as f64;
        let exact = theory::async_floor(m, 1.0, 1.0, eta).unwrap();
        assert!((mean / exact - 1.0).abs() < 0.02, "{mean} {exact}");
        let bound = theory::async_stable_below(m, 1.0);
        let plan = |cell: &Configuration, spec: &ClusterSpec| Plan::at_least(cell.rule, spec, 100, 10);
        let timed = experiment(m).replicate(&[cell], plan, &Progress::default(), &()).remove(0).unwrap().1;
        let progress = Progress::default();
        let passage =
            |step_size| experiment(m).passage(cell, learner(step_size), 0.05, 30.0, &timed, &progress).unwrap();
        assert!(matches!(passage(1.001 * bound), Passage::Diverges(Some(below)) if below == bound));
        assert!(matches!(passage(0.01), Passage::Reached(_)));
        // The floor of 0.0345 is below the target; with five times the step size it is not.
        assert!(matches!(passage(0.05), Passage::Reached(_)));
        assert!(matches!(passage(0.25), Passage::Above));
        // Without noise a run of the quadratic itself comes as far as its second moments say.
        let quiet = Quadratic { noise: 0.0, ..learner(0.05) };
        let Some(Passage::Reached(exact)) = experiment(m).passage(cell, quiet, 0.05, 30.0, &timed, &progress) else {
            panic!("it is reached");
        };
        let loss = |w: &f64| w * w / 2.0;
        let course = |_| Course { learner: quiet, loss, target: 0.05, most: 1000 };
        let Some(Passage::Reached(found)) = experiment(m).passage_of(cell, course, 30.0, &timed, &progress) else {
            panic!("it is reached");
        };
        assert_eq!(found.s_per_gradient(), exact.s_per_gradient());
    }

    #[test]
    fn constant_times_are_stable_below_the_bound_of_a_constant_delay() {
        // m equal workers one after the other: every gradient is m - 1 updates old, and x < 2 sin(pi/(2 (2 m - 1))).
        for m in [2u32, 4, 8] {
            let speeds = (0..m).map(|worker| 1.0 + 1e-9 * f64::from(worker)).collect();
            let spec = ClusterSpec::new("constant(1)".parse().unwrap()).with_speeds(speeds).unwrap();
            let experiment = Experiment { spec, ..experiment(m) };
            let found = experiment.stable_step_size(cell("async", m), learner(0.1));
            let exact = 2.0 * (std::f64::consts::PI / f64::from(2 * (2 * m - 1))).sin();
            assert!((found / exact - 1.0).abs() < 0.03, "{m}: {found} {exact}");
        }
    }
}
