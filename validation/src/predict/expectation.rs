//! What speed-up is to be expected, and what stands in its way? From what one worker costs, by theory and by simulation.
//!
//! Theory gives each worker a core and the server no work: only the waiting for each other is left. The simulator knows the
//! cores, the server and the wake-ups. Leaving out one of them at a time tells what each costs. What the machine makes of
//! several busy cores at once (caches, memory, clock rate) neither of them knows.

use crate::predict::calibrate::{Calibration, Costs};
use serde::{Deserialize, Serialize};
use sim::theory::{Kind, time_per_update};
use sim::{ClusterSpec, Policy, RandomKey, Rule, Run, Simulated};

/// Speed-ups over one worker, in steps per second.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Expectation {
    /// By theory, where it is known.
    pub theory: Option<f64>,
    /// Whether theory only says that it is not less.
    pub at_least: bool,
    /// By simulation.
    pub simulated: f64,
    /// By simulation, with a core for everybody.
    pub with_all_cores: f64,
    /// By simulation, with a server and messages that take no time.
    pub with_free_server: f64,
}

/// Updates to simulate: enough for a mean to within a per cent or so.
const STEPS: u64 = 4000;

/// What to expect of `policy` on this rule's workers, of whom one was calibrated on each of the cores; `update_s` are seconds of
/// some of the updates under a rule. `None` if these could not be had.
pub fn expect(
    policy: Policy,
    rule: Rule,
    cores: &[Calibration],
    mut update_s: impl FnMut(Rule) -> Option<Vec<f64>>,
    key: RandomKey,
) -> Option<Expectation> {
    let alone = rule.of_one_worker();
    let alone_s = update_s(alone)?;
    let mut spec = |rule: Rule| match policy.has_server() {
        true if rule == alone => Some(Costs::of(cores, &alone_s).spec(None)),
        true => Some(Costs::of(cores, &update_s(rule)?).spec(None)),
        // Without a server, what it would do is done by the workers.
        false => Some(Costs::of(&serverless(cores, &alone_s), &alone_s).spec(None).with_update(None)),
    };
    let known = spec(rule)?;
    let first = seconds_per_step(alone, spec(alone)?, key);
    let simulated = |spec: ClusterSpec| first / seconds_per_step(rule, spec, key);
    let (theory, at_least) = by_theory(rule, &ClusterSpec::of(known.compute().clone()));
    Some(Expectation {
        theory,
        at_least,
        simulated: simulated(known.clone()),
        with_all_cores: simulated(
            known.clone().with_cores(None).expect("no cores to share").with_computing_server(false),
        ),
        with_free_server: simulated(known.with_update(None).with_service(None).with_uplink(Vec::new())),
    })
}

/// What to expect of this rule's workers on a cluster on which each has a core and nothing takes time but steps.
pub fn expect_uncontended(rule: Rule, spec: &ClusterSpec, key: RandomKey) -> Expectation {
    let (theory, at_least) = by_theory(rule, spec);
    let of = |rule: Rule| seconds_per_step(rule, spec.clone(), key);
    let simulated = of(rule.of_one_worker()) / of(rule);
    Expectation { theory, at_least, simulated, with_all_cores: simulated, with_free_server: simulated }
}

/// The speed-up there by theory, where it is known, and whether it is not less than that.
fn by_theory(rule: Rule, uncontended: &ClusterSpec) -> (Option<f64>, bool) {
    let theory = time_per_update(rule, uncontended).filter(|theory| theory.kind != Kind::Lower);
    let step_s = uncontended.compute().law(0).mean();
    let speedup = theory.map(|theory| rule.gradients_per_update() as f64 * step_s / theory.seconds);
    (speedup, theory.is_some_and(|theory| theory.kind == Kind::Upper))
}

fn serverless(cores: &[Calibration], update_s: &[f64]) -> Vec<Calibration> {
    let mean_s = update_s.iter().sum::<f64>() / update_s.len() as f64;
    let slower = |core: &Calibration| core.compute_s.iter().map(|s| s + mean_s).collect();
    cores.iter().map(|core| Calibration { compute_s: slower(core), ..core.clone() }).collect()
}

fn seconds_per_step(rule: Rule, spec: ClusterSpec, key: RandomKey) -> f64 {
    let updates = (STEPS / rule.gradients_per_update()).max(20);
    let mut run = Run::new(rule, Simulated::new(spec, key, rule.workers));
    let at = loop {
        let step = run.step().expect("a simulated cluster never runs dry");
        if step.orders.version == updates {
            break step.at;
        }
    };
    at.seconds() / (updates * rule.gradients_per_update()) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expected(policy: &str, workers: u32, update_s: f64) -> Expectation {
        // Computing takes 1 or 3 ms, so the maximum of two is 2.5 ms on average.
        let calibration = Calibration { compute_s: vec![1e-3, 3e-3], way_s: vec![1e-9] };
        let policy: Policy = policy.parse().unwrap();
        let rule = policy.rule(workers).unwrap();
        expect(policy, rule, &[calibration.clone(), calibration], |_| Some(vec![update_s; 4]), RandomKey::new(1, 0))
            .unwrap()
    }

    #[test]
    fn theory_and_simulation_agree_where_nothing_is_in_the_way() {
        // 4000 steps of a coefficient of variation of 1/2: standard errors below 1 %.
        let sync = expected("sync", 2, 1e-9);
        assert!((sync.theory.unwrap() - 1.6).abs() < 1e-6, "2 · 2 ms / 2.5 ms: {sync:?}");
        assert!((sync.simulated / 1.6 - 1.0).abs() < 0.04, "{sync:?}");
        let asynchronous = expected("async", 2, 1e-9);
        assert!((asynchronous.theory.unwrap() - 2.0).abs() < 1e-6);
        assert!((asynchronous.simulated / 2.0 - 1.0).abs() < 0.04, "{asynchronous:?}");
        let local = expected("local:100", 2, 1e-9);
        assert!(local.at_least && local.theory.unwrap() > 1.8 && local.simulated > 1.8, "{local:?}");
    }

    /// Under simulated time any machine has as many cores as workers.
    #[test]
    fn a_cluster_that_is_known_needs_no_calibration() {
        let rule = Policy::ASYNC.rule(4).unwrap();
        let spec = ClusterSpec::new("gamma(25, 0.04)".parse().unwrap());
        let found = expect_uncontended(rule, &spec, RandomKey::new(1, 0));
        assert!((found.theory.unwrap() - 4.0).abs() < 1e-6 && (found.simulated / 4.0 - 1.0).abs() < 0.02, "{found:?}");
    }

    #[test]
    fn a_core_that_was_disturbed_for_a_while_is_no_slow_core() {
        let taking = |step_s: f64| Calibration { compute_s: vec![step_s; 4], way_s: vec![1e-9] };
        let simulated = |cores: &[Calibration]| {
            let policy: Policy = "local:100".parse().unwrap();
            let rule = policy.rule(2).unwrap();
            expect(policy, rule, cores, |_| Some(vec![1e-9; 4]), RandomKey::new(1, 0)).unwrap().simulated
        };
        let (before, after) = ([taking(1.3e-3), taking(1e-3)], [taking(1e-3), taking(1.2e-3)]);
        let both: Vec<_> =
            before.iter().cloned().zip(after).map(|(before, after)| before.less_disturbed(after)).collect();
        assert!(simulated(&before) < 1.9, "one core waits for the other: {}", simulated(&before));
        assert!((simulated(&both) - 2.0).abs() < 1e-3, "{}", simulated(&both));
    }

    #[test]
    fn what_is_left_out_tells_what_it_costs() {
        let crowd = expected("async", 8, 1e-9);
        assert!((crowd.simulated / 2.0 - 1.0).abs() < 0.04 && crowd.with_all_cores > 7.0, "two cores: {crowd:?}");
        // Two workers wait for 2.5 ms and then 2 ms for the server; one alone computes 2 ms and waits for 2 ms.
        let slow = expected("sync", 2, 2e-3);
        assert!((slow.simulated / (2.0 * 4.0 / 4.5) - 1.0).abs() < 0.04, "{slow:?}");
        let hogwild = expected("hogwild", 2, 2e-3);
        assert!((hogwild.simulated / 2.0 - 1.0).abs() < 0.04, "no server to queue for: {hogwild:?}");
    }
}
