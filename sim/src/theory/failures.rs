//! Machines that fail: how long updates take then, and how often a checkpoint is best.
//!
//! Failures are exponential, M apart on average for the job and MTBF for one worker, and each is followed by a restart of R seconds. A job
//! that waits for all is set back by each: what it had done is done once more, in the same time. A worker that nobody waits for loses
//! its task.

use crate::cluster::spec::{ClusterSpec, Failures};
use crate::measure::interval::Estimate;
use crate::policy::{OnCompletion, OnUpdate, Rule};
use crate::random::law::Law;
use crate::theory::formula::{CHECKPOINTS, FAILING_RENEWAL, SETBACKS, SETBACKS_LEAST};
use crate::theory::order::{Sum, kth_survival, sum_of};
use crate::theory::quadrature::mean_of_survival;
use crate::theory::{Kind, Theory, iid_law, time_per_update};

fn without_failures(spec: &ClusterSpec) -> ClusterSpec {
    ClusterSpec { failures: None, fails_together: false, ..spec.clone() }
}

/// Mean time per update with failures.
pub(super) fn failing(rule: Rule, spec: &ClusterSpec, failures: &Failures) -> Option<Theory> {
    let without = without_failures(spec);
    match rule.waits_for_all() {
        true => set_back(rule, &without, failures),
        false => losing_tasks(rule, &without, failures),
    }
}

/// Between two checkpoints T seconds of work and C of the checkpoint have to pass without a failure, which takes
/// (M + R)(e^((T + C)/M) - 1) seconds (Daly 2006): every second of work is longer by the same factor. Without checkpoints an update has
/// to, whose time X is random and stays the same until it is done: (M + R) E[e^(X/M) - 1], which is infinite where the tail of X is
/// heavier than exponential, and by Jensen's inequality at least the same of E[X].
fn set_back(rule: Rule, without: &ClusterSpec, failures: &Failures) -> Option<Theory> {
    let &Failures { mtbf_s, restart_s, checkpoint } = failures;
    let between_s = mtbf_s / f64::from(rule.workers);
    let for_work = |work_s: f64, cost_s: f64| (between_s + restart_s) * ((work_s + cost_s) / between_s).exp_m1();
    let theory = time_per_update(rule, without)?;
    if let Some((work_s, cost_s)) = checkpoint {
        return CHECKPOINTS
            .is(theory.seconds * for_work(work_s, cost_s) / work_s)
            .map(|all| Theory { kind: theory.kind, ..all });
    }
    let redone_s = slowest_task(rule, without).and_then(|survival| {
        let lost = |y: f64| survival(between_s * (y / between_s).ln_1p() - without.all_reduce_s);
        mean_of_survival(&lost, 0.0)
    });
    if let Some(mean_s) = redone_s {
        return SETBACKS.is(mean_s * (between_s + restart_s) / between_s);
    }
    let below = matches!(theory.kind, Kind::Exact | Kind::Lower);
    below.then(|| for_work(theory.seconds, 0.0)).and_then(|seconds| SETBACKS_LEAST.is(seconds))
}

/// Whether an update that is begun anew after every failure takes a time with a variance, as far as its law is known: E[e^(2 X/M)] is
/// finite.
pub(crate) fn have_variance(rule: Rule, spec: &ClusterSpec) -> bool {
    let Some(failures) = spec.failures().filter(|failures| rule.waits_for_all() && failures.checkpoint.is_none())
    else {
        return true;
    };
    let without = without_failures(spec);
    let half_s = failures.mtbf_s / f64::from(rule.workers) / 2.0;
    let Some(survival) = slowest_task(rule, &without) else { return true };
    mean_of_survival(&|y: f64| survival(half_s * y.ln_1p() - without.all_reduce_s), 0.0).is_some()
}

/// The survival function of the slowest of equal workers' tasks that do nothing but compute, where it is known.
fn slowest_task(rule: Rule, spec: &ClusterSpec) -> Option<impl Fn(f64) -> f64> {
    let p = rule.workers;
    let computes = ClusterSpec { all_reduce_s: 0.0, ..spec.clone() };
    let free = computes.only_computes() && !computes.shares_cores(p) && !rule.is_timed();
    let law = iid_law(spec).filter(|_| free && spec.is_homogeneous(p))?;
    let Sum { shift, law } = sum_of(rule.steps, law)?;
    let (speed, fixed_s) = (spec.speed(0), f64::from(rule.steps) * spec.fixed_s);
    Some(move |t: f64| kth_survival(p, p, law.survival((t - fixed_s) * speed - shift)))
}

/// Workers that never wait, each of which alternates between a life of MTBF on average and a restart: with phi = E[e^(-Y/MTBF)] the chance
/// that a task Y ends before the next failure, it ends phi/(1 - phi) tasks in a life.
fn losing_tasks(rule: Rule, without: &ClusterSpec, failures: &Failures) -> Option<Theory> {
    let &Failures { mtbf_s, restart_s, .. } = failures;
    let never_waits =
        rule.on_completion == OnCompletion::StartsAnew { slack: None } && rule.on_update == OnUpdate::CarriesOn;
    let delayed = ClusterSpec { delays: Vec::new(), ..without.clone() };
    let free =
        delayed.only_computes() && !delayed.shares_cores(rule.workers) && !rule.is_timed() && !rule.drops_stale();
    let independent = without.compute.is_independent() && without.factor.is_none();
    if !(never_waits && free && independent) {
        return None;
    }
    let distinct = rule.workers.min(without.repeats_after());
    let mut per_s = 0.0;
    for worker in 0..distinct {
        let step = fails_within(without.compute.law(worker), mtbf_s * without.speed(worker))?;
        let delay = without.delay_of(worker).map_or(Some(0.0), |law| fails_within(law, mtbf_s))?;
        let steps = f64::from(rule.steps);
        let log_lives = steps * ((-step).ln_1p() - without.fixed_s / mtbf_s) + (-delay).ln_1p();
        let times = f64::from((rule.workers - worker).div_ceil(distinct));
        per_s += times / (-log_lives).exp_m1() / (mtbf_s + restart_s);
    }
    FAILING_RENEWAL.is(f64::from(rule.quorum) / per_s)
}

/// The chance that a worker fails before a time of this law has passed, E[1 - e^(-X/MTBF)].
pub(crate) fn fails_within(law: &Law, mtbf_s: f64) -> Option<f64> {
    let longer = |share: f64| if share < 1.0 { law.survival(-mtbf_s * (-share).ln_1p()) } else { 0.0 };
    mean_of_survival(&longer, 0.0)
}

/// Seconds of work between checkpoints that lose least, where the job fails every `mtbf_s` on average and a checkpoint costs
/// `cost_s`: M (1 + W(-e^(-1 - C/M))), W the principal branch of Lambert's function. It minimises M (e^((tau + C)/M) - 1)/tau, the
/// mean time for a second of work; √(2 C M) of Young (1974) is its first term, and Daly (Future Gener. Comput. Syst. 22, 2006,
/// 303-312) has more of them.
///
/// ```
/// use straggle_sim::theory::checkpoint_interval;
/// assert!((checkpoint_interval(50.0, 2.0) - 12.84).abs() < 0.01); // Young: 14.14
/// ```
pub fn checkpoint_interval(mtbf_s: f64, cost_s: f64) -> f64 {
    // As a share y of M the interval solves (1 - y) e^y = e^(-C/M), of which the left side falls from 1 to 0 between 0 and 1.
    let target = (-cost_s / mtbf_s).exp();
    let (mut low, mut high) = (0.0f64, 1.0f64);
    for _ in 0..200 {
        let middle = low + (high - low) / 2.0;
        if middle <= low || middle >= high {
            break;
        }
        if (1.0 - middle) * middle.exp() > target { low = middle } else { high = middle }
    }
    mtbf_s * high
}

/// How many times as long everything takes with failures.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stretch {
    /// In expectation, as far as is known.
    pub factor: f64,
    /// If nobody misses who is away.
    pub least: f64,
    /// If everybody waits for whoever is away, and for what it had done.
    pub most: f64,
}

impl Stretch {
    /// One that is known.
    pub fn known(factor: f64) -> Stretch {
        Stretch { factor, least: factor, most: factor }
    }

    /// Seconds without failures, with them; the interval holds what is not known of them.
    pub fn of(self, seconds: Estimate) -> Estimate {
        let Stretch { factor, least, most } = self;
        let interval = seconds.interval.map(|(low, high)| (low * least, high * most));
        Estimate { interval, ..seconds.times(factor) }
    }

    /// This one over another one.
    pub fn over(self, other: Stretch) -> Stretch {
        Stretch { factor: self.factor / other.factor, least: self.least / other.most, most: self.most / other.least }
    }
}

impl Failures {
    /// How many times as long everything takes with failures, in expectation, under a rule on a cluster where an update takes
    /// `update_s` seconds without.
    ///
    /// Where all wait for all and there are checkpoints, a stretch of T seconds of work and C of a checkpoint has to be run without a
    /// failure of anybody, M = MTBF/m apart: (M + R)(e^((T + C)/M) - 1) seconds for T (Daly 2006, exact for exponential times). Elsewhere
    /// it is the ratio of the mean times of an update with and without failures, where both are known exactly; and where they are not,
    /// what is left of it to the first order in a task's share of MTBF: an update of all is run again, and a worker that nobody waits
    /// for loses its restart and half a task. Who waits for some, or has some to spare, loses more than that or less: between nothing and
    /// all that everybody would lose.
    ///
    /// ```
    /// use straggle_sim::{ClusterSpec, Failures, Policy};
    /// let spec = ClusterSpec::new("exp(2)".parse().unwrap());
    /// let daily = Failures::new(86_400.0, 300.0, Some((600.0, 5.0))).unwrap();
    /// let rule = |policy: &str, workers| policy.parse::<Policy>().unwrap().rule(workers).unwrap();
    /// assert!((daily.stretch(rule("sync", 1), &spec, 0.5).factor - (86_700.0 / 600.0) * (605.0f64 / 86_400.0).exp_m1()).abs() < 1e-12);
    /// // A task of exponential time is as long after a failure as before: what is lost is the restart.
    /// let often = Failures::new(2.0, 0.5, None).unwrap();
    /// let lost = often.stretch(rule("async", 4), &spec, 0.125).factor;
    /// assert!((lost - (2.0 + 0.5) / 2.0).abs() < 1e-9, "{lost}");
    /// ```
    pub fn stretch(&self, rule: Rule, spec: &ClusterSpec, update_s: f64) -> Stretch {
        let &Failures { mtbf_s, restart_s, checkpoint } = self;
        let between_s = mtbf_s / f64::from(rule.workers);
        let for_work =
            |work_s: f64, cost_s: f64| (between_s + restart_s) * ((work_s + cost_s) / between_s).exp_m1() / work_s;
        if let Some((work_s, cost_s)) = checkpoint.filter(|_| rule.waits_for_all()) {
            return Stretch::known(for_work(work_s, cost_s));
        }
        let exact =
            |theory: Option<Theory>| theory.filter(|theory| theory.kind == Kind::Exact).map(|theory| theory.seconds);
        let without = without_failures(spec);
        match (exact(failing(rule, spec, self)), exact(time_per_update(rule, &without))) {
            (Some(with_s), Some(without_s)) => Stretch::known(with_s / without_s),
            _ if rule.waits_for_all() => Stretch::known(for_work(update_s, 0.0)),
            _ => {
                let task_s = spec.mean_task(0, rule.steps.min(1000));
                let factor = (mtbf_s + restart_s + task_s / 2.0) / mtbf_s;
                Stretch { factor, least: 1.0, most: (between_s + restart_s + task_s) / between_s }
            }
        }
    }
}
