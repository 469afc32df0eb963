//! Does a race told again end the same? Real threads race; a replay of what came in when must reproduce every event and
//! every parameter to the last bit. There is no tolerance and no false alarm.

use sim::{
    Cluster, Draws, Event, Fleet, Law, Learner, Ledger, Luck, Policy, Quadratic, Recorded, Recording, Run, Time,
};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use straggle_validation::Threaded;

/// Delays of 50 microseconds on average, so that threads overtake each other all the time.
fn draws(luck: Luck) -> Draws {
    let instant: Law = "constant(1)".parse().unwrap();
    Draws::new(&Fleet { delay: Some("exp(20000)".parse().unwrap()), ..Fleet::new(instant) }, luck)
}

/// Runs until so many updates were made; the staleness must be conserved after every turn.
fn watch<C: Cluster>(run: &mut Run<C>, updates: u64) -> (Vec<(Time, Event)>, Recording) {
    let (mut events, mut recording, mut ledger) = (Vec::new(), Recording::default(), Ledger::default());
    while ledger.updates() < updates {
        let Some(turn) = run.turn() else { break };
        events.extend(turn.events());
        recording.add(&turn);
        ledger.add(&turn);
        let (added, had) = ledger.sides();
        assert_eq!(added, had);
    }
    (events, recording)
}

#[test]
fn a_race_told_again_ends_on_the_same_bits() {
    for (policy, workers) in Policy::EXAMPLES.into_iter().flat_map(|policy| [(policy, 5), (policy, 8)]) {
        let luck = Luck::new(3, u64::from(workers));
        let learner = Quadratic { curvature: 1.0, noise: 1.0, step_size: 0.01, luck };
        let rule = policy.rule(workers).unwrap();

        let stop = Arc::new(AtomicBool::new(false));
        let mut race = Run::new(rule, Threaded::new(Arc::new(learner), &draws(luck), workers, stop));
        let (events, recording) = watch(&mut race, 300);
        let params = *race.cluster().params();
        assert!(events.len() > 900, "{policy}");

        let mut told_again = Run::new(rule, Recorded::new(recording.clone(), learner, workers));
        let (same_events, same_recording) = watch(&mut told_again, u64::MAX);
        assert_eq!(told_again.cluster().mismatch(), None);
        assert_eq!(same_events, events, "{policy}");
        assert_eq!(same_recording, recording, "{policy}");
        let same_params = told_again.cluster().learning().params();
        assert_eq!(same_params.to_bits(), params.to_bits(), "{policy}: {same_params} after {params}");
        assert_ne!(params, learner.initial());
    }
}

#[test]
fn threads_that_stay_race_as_new_ones_do() {
    // Each race is broken off with tasks in flight, of which nothing may reach the next one.
    let luck = Luck::new(4, 0);
    let learner = Quadratic { curvature: 1.0, noise: 1.0, step_size: 0.01, luck };
    let mut threads = Threaded::new(Arc::new(learner), &draws(luck), 8, Arc::default());
    for (policy, workers) in Policy::EXAMPLES.into_iter().flat_map(|policy| [(policy, 8), (policy, 5), (policy, 8)]) {
        let rule = policy.rule(workers).unwrap();
        threads.begin_anew(&draws(luck));
        let (events, recording) = watch(&mut Run::new(rule, &mut threads), 50);
        let mut told_again = Run::new(rule, Recorded::new(recording, learner, workers));
        let (same_events, _) = watch(&mut told_again, u64::MAX);
        assert_eq!(same_events, events, "{policy}, {workers} workers");
        let (params, same_params) = (*threads.params(), told_again.cluster().learning().params());
        assert_eq!(same_params.to_bits(), params.to_bits(), "{policy}, {workers} workers");
    }
}

#[test]
fn a_race_is_not_told_by_another_rule() {
    let learner = Quadratic { curvature: 1.0, noise: 1.0, step_size: 0.01, luck: Luck::new(0, 0) };
    let rule = Policy::Async.rule(3).unwrap();
    let threads = Threaded::new(Arc::new(learner), &draws(learner.luck), 3, Arc::default());
    let (_, recording) = watch(&mut Run::new(rule, threads), 50);
    let other = Policy::KAsync(2).rule(3).unwrap();
    let mut told_again = Run::new(other, Recorded::new(recording, learner, 3));
    watch(&mut told_again, u64::MAX);
    assert!(told_again.cluster().mismatch().is_some());
}
