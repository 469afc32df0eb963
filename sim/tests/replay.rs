//! Does a run replayed end on the same bits: every event, every instant, the parameters, under every policy?
//!
//! Exact: no tolerance, no false alarms.

mod common;

use common::{odd_fleets, rule};
use straggle_sim::policy::OnUpdate;
use straggle_sim::{
    Accounts, ClusterSpec, Event, Law, Policy, Quadratic, RandomKey, Recording, Replay, Rule, Run, Simulated, Time,
};

const WORKERS: u32 = 8;
const TURNS: usize = 3000;

fn learner(key: RandomKey) -> Quadratic {
    Quadratic { curvature: 1.0, noise: 1.0, step_size: 0.05, key }
}

/// What is left of a run: its recording, its events, the parameters' bits after each update.
struct Told {
    recording: Recording,
    events: Vec<(Time, Event)>,
    bits: Vec<u64>,
}

fn tell(rule: Rule, spec: &ClusterSpec, key: RandomKey) -> Told {
    let mut run = Run::new(rule, Simulated::learning(spec.clone(), key, WORKERS, learner(key)));
    let mut told = Told { recording: Recording::default(), events: Vec::new(), bits: Vec::new() };
    for _ in 0..TURNS {
        let step = run.step().expect("simulated clusters never run dry");
        told.recording.add(&step);
        told.events.extend(step.events());
        if !step.orders.update.is_empty() {
            told.bits.push(run.cluster().learner().params().to_bits());
        }
    }
    told
}

fn all_rules() -> Vec<Rule> {
    let more = ["ssp:0", "k-batch-sync:11", "k-batch-async:11", "k-async:7", "ringmaster:3", "anytime:0.7"];
    Policy::examples().chain(more.map(common::policy)).map(|policy| policy.rule(WORKERS).unwrap()).collect()
}

#[test]
fn a_replayed_run_ends_on_the_same_bits() {
    for (i, spec) in Law::examples().into_iter().map(ClusterSpec::new).chain(odd_fleets()).enumerate() {
        for rule in all_rules() {
            let key = RandomKey::new(i as u64, 0);
            let told = tell(rule, &spec, key);
            let mut again = Run::new(rule, Replay::new(told.recording, learner(key), WORKERS));
            let (mut events, mut bits) = (Vec::new(), Vec::new());
            while let Some(step) = again.step() {
                events.extend(step.events());
                if !step.orders.update.is_empty() {
                    bits.push(again.cluster().learning().params().to_bits());
                }
            }
            assert_eq!(again.cluster().mismatch(), None);
            assert!(events == told.events, "other events under {rule:?} on {spec:?}");
            assert!(bits == told.bits, "other parameters under {rule:?} on {spec:?}");
            let may_be_too_slow = rule.budget < std::time::Duration::MAX;
            assert!(may_be_too_slow || bits.len() > 50 && bits.iter().any(|&b| b != bits[0]), "something was learnt");
        }
    }
}

/// Also as an iterator of events, which ends with the recording.
#[test]
fn a_recording_ends() {
    let (rule, key) = (rule("k-async:4", WORKERS), RandomKey::new(0, 0));
    let spec = odd_fleets().remove(0);
    let told = tell(rule, &spec, key);
    let again: Vec<(Time, Event)> = Run::new(rule, Replay::new(told.recording, (), WORKERS)).collect();
    assert_eq!(again, told.events);
}

/// What is reported of a run is the same when it is replayed.
#[test]
fn a_replayed_run_has_the_same_tally() {
    for spec in odd_fleets() {
        for rule in all_rules() {
            let key = RandomKey::new(9, 0);
            let Told { recording, .. } = tell(rule, &spec, key);
            let mut first = Run::new(rule, Simulated::new(spec.clone(), key, WORKERS));
            let mut again = Run::new(rule, Replay::new(recording, (), WORKERS));
            let [mut one, mut two] = [Accounts::new(WORKERS), Accounts::new(WORKERS)];
            while let Some(step) = again.step() {
                two.add(&step);
                one.add(&first.step().expect("simulated clusters never run dry"));
            }
            assert_eq!(one.gaps(), two.gaps());
            assert_eq!(one.staleness(), two.staleness());
            assert_eq!((one.idle_share(), one.wasted_share()), (two.idle_share(), two.wasted_share()));
        }
    }
}

#[test]
fn a_recording_of_another_rule_does_not_fit() {
    let (spec, key) = (odd_fleets().remove(1), RandomKey::new(4, 0));
    for recorded in all_rules() {
        let Told { recording, .. } = tell(recorded, &spec, key);
        for other in all_rules() {
            let mut again = Run::new(other, Replay::new(recording.clone(), learner(key), WORKERS));
            let turns = std::iter::from_fn(|| again.step().map(drop)).count();
            let fits = again.cluster().mismatch().is_none();
            // Who is interrupted in its last step submits all of them.
            let in_the_last_step = other.on_update == OnUpdate::Submits && other.steps == recorded.steps;
            assert!(fits == (recorded == other) || in_the_last_step, "{recorded:?} told as {other:?}");
            assert_eq!(fits, turns == TURNS);
        }
    }
}

#[test]
fn a_recording_of_more_workers_does_not_fit() {
    let (spec, key) = (odd_fleets().remove(1), RandomKey::new(4, 0));
    let Told { recording, .. } = tell(rule("async", WORKERS), &spec, key);
    let mut again = Run::new(rule("async", WORKERS - 1), Replay::new(recording, (), WORKERS - 1));
    while again.step().is_some() {}
    assert!(again.cluster().mismatch().is_some_and(|completion| completion.task.worker == WORKERS - 1));
}
