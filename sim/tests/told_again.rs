//! Does a run told again end on the same bits: every event, every instant, the parameters, under every policy?
//!
//! Exact: no tolerance, no false alarms.

mod common;

use common::{odd_fleets, rule};
use straggle_sim::{
    Event, Fleet, Law, Luck, Policy, Quadratic, Recorded, Recording, Rule, Run, Simulated, Tally, Time,
};

const WORKERS: u32 = 8;
const TURNS: usize = 3000;

fn learner(luck: Luck) -> Quadratic {
    Quadratic { curvature: 1.0, noise: 1.0, step_size: 0.05, luck }
}

/// What is left of a run: its recording, its events, the parameters' bits after each update.
struct Told {
    recording: Recording,
    events: Vec<(Time, Event)>,
    bits: Vec<u64>,
}

fn tell(rule: Rule, fleet: &Fleet, luck: Luck) -> Told {
    let mut run = Run::new(rule, Simulated::learning(fleet.clone(), luck, WORKERS, learner(luck)));
    let mut told = Told { recording: Recording::default(), events: Vec::new(), bits: Vec::new() };
    for _ in 0..TURNS {
        let turn = run.turn().expect("simulated clusters never run dry");
        told.recording.add(&turn);
        told.events.extend(turn.events());
        if !turn.orders.update.is_empty() {
            told.bits.push(run.cluster().learner().params().to_bits());
        }
    }
    told
}

fn all_rules() -> Vec<Rule> {
    let more = [Policy::Ssp(Some(0)), Policy::KBatchSync(11), Policy::KBatchAsync(11), Policy::KAsync(7)];
    Policy::EXAMPLES.into_iter().chain(more).map(|policy| policy.rule(WORKERS).unwrap()).collect()
}

#[test]
fn a_run_told_again_ends_on_the_same_bits() {
    for (i, fleet) in Law::examples().into_iter().map(Fleet::new).chain(odd_fleets()).enumerate() {
        for rule in all_rules() {
            let luck = Luck::new(i as u64, 0);
            let told = tell(rule, &fleet, luck);
            let mut again = Run::new(rule, Recorded::new(told.recording, learner(luck), WORKERS));
            let (mut events, mut bits) = (Vec::new(), Vec::new());
            while let Some(turn) = again.turn() {
                events.extend(turn.events());
                if !turn.orders.update.is_empty() {
                    bits.push(again.cluster().learning().params().to_bits());
                }
            }
            assert_eq!(again.cluster().mismatch(), None);
            assert!(events == told.events, "other events under {rule:?} on {fleet:?}");
            assert!(bits == told.bits, "other parameters under {rule:?} on {fleet:?}");
            assert!(bits.len() > 50 && bits.iter().any(|&b| b != bits[0]), "something was learnt");
        }
    }
}

/// Also as an iterator of events, which ends with the recording.
#[test]
fn a_recording_ends() {
    let (rule, luck) = (rule("k-async:4", WORKERS), Luck::new(0, 0));
    let fleet = odd_fleets().remove(0);
    let told = tell(rule, &fleet, luck);
    let again: Vec<(Time, Event)> = Run::new(rule, Recorded::new(told.recording, (), WORKERS)).collect();
    assert_eq!(again, told.events);
}

/// What is reported of a run is the same when it is told again.
#[test]
fn a_run_told_again_has_the_same_tally() {
    for fleet in odd_fleets() {
        for rule in all_rules() {
            let luck = Luck::new(9, 0);
            let Told { recording, .. } = tell(rule, &fleet, luck);
            let mut first = Run::new(rule, Simulated::new(fleet.clone(), luck, WORKERS));
            let mut again = Run::new(rule, Recorded::new(recording, (), WORKERS));
            let [mut one, mut two] = [Tally::new(WORKERS), Tally::new(WORKERS)];
            while let Some(turn) = again.turn() {
                two.add(&turn);
                one.add(&first.turn().expect("simulated clusters never run dry"));
            }
            assert_eq!(one.gaps().estimate(), two.gaps().estimate());
            assert_eq!(one.staleness(), two.staleness());
            assert_eq!((one.idle_share(), one.wasted_share()), (two.idle_share(), two.wasted_share()));
        }
    }
}

#[test]
fn a_recording_of_another_rule_does_not_fit() {
    let (fleet, luck) = (odd_fleets().remove(1), Luck::new(4, 0));
    for recorded in all_rules() {
        let Told { recording, .. } = tell(recorded, &fleet, luck);
        for other in all_rules() {
            let mut again = Run::new(other, Recorded::new(recording.clone(), learner(luck), WORKERS));
            let turns = std::iter::from_fn(|| again.turn().map(drop)).count();
            let fits = again.cluster().mismatch().is_none();
            assert_eq!(fits, recorded == other, "{recorded:?} told as {other:?}");
            assert_eq!(fits, turns == TURNS);
        }
    }
}

#[test]
fn a_recording_of_more_workers_does_not_fit() {
    let (fleet, luck) = (odd_fleets().remove(1), Luck::new(4, 0));
    let Told { recording, .. } = tell(rule("async", WORKERS), &fleet, luck);
    let mut again = Run::new(rule("async", WORKERS - 1), Recorded::new(recording, (), WORKERS - 1));
    while again.turn().is_some() {}
    assert!(again.cluster().mismatch().is_some_and(|completion| completion.task.worker == WORKERS - 1));
}
