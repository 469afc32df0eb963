//! Does a race replayed end the same? Real threads race; a replay of what came in when must reproduce every event and
//! every parameter to the last bit. There is no tolerance and no false alarm.

mod race;

use race::progress;
use sim::{ClusterSpec, Law, Learner, Policy, Quadratic, RandomKey, Replay, Run, Variates};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use straggle_validation::{RealTime, Threaded};

/// One policy of each kind, with seconds as short as threads are quick.
fn policies() -> impl Iterator<Item = Policy> {
    Policy::examples().map(|policy| policy.with_seconds(0.002))
}

/// Delays of 50 microseconds on average, so that threads overtake each other all the time.
fn draws(key: RandomKey) -> Variates {
    let instant: Law = "constant(1)".parse().unwrap();
    Variates::new(&ClusterSpec::new(instant).with_delay(Some("exp(20000)".parse().unwrap())), key)
}

#[test]
fn a_replayed_race_ends_on_the_same_bits() {
    for (policy, workers) in policies().flat_map(|policy| [(policy, 5), (policy, 8)]) {
        let key = RandomKey::new(3, u64::from(workers));
        let learner = Quadratic { curvature: 1.0, noise: 1.0, step_size: 0.01, key };
        let rule = policy.rule(workers).unwrap();

        let stop = Arc::new(AtomicBool::new(false));
        let mut race = Run::new(rule, Threaded::new(Arc::new(learner), &draws(key), workers, stop));
        let (events, recording) = progress(&mut race, 300);
        let params = *race.cluster().params();
        assert!(events.len() > 900, "{policy}");

        let mut replay = Run::new(rule, Replay::new(recording.clone(), learner, workers));
        let (same_events, same_recording) = progress(&mut replay, u64::MAX);
        assert_eq!(replay.cluster().mismatch(), None);
        assert_eq!(same_events, events, "{policy}");
        assert_eq!(same_recording, recording, "{policy}");
        let same_params = replay.cluster().learning().params();
        assert_eq!(same_params.to_bits(), params.to_bits(), "{policy}: {same_params} after {params}");
        assert_ne!(params, learner.initial());
    }
}

#[test]
fn threads_that_stay_race_as_new_ones_do() {
    // Each race is broken off with tasks in flight, of which nothing may reach the next one.
    let key = RandomKey::new(4, 0);
    let learner = Quadratic { curvature: 1.0, noise: 1.0, step_size: 0.01, key };
    let mut threads = Threaded::new(Arc::new(learner), &draws(key), 8, Arc::default());
    for (policy, workers) in policies().flat_map(|policy| [(policy, 8), (policy, 5), (policy, 8)]) {
        let rule = policy.rule(workers).unwrap();
        threads.begin_anew(&draws(key));
        let (events, recording) = progress(&mut Run::new(rule, &mut threads), 50);
        let mut replay = Run::new(rule, Replay::new(recording, learner, workers));
        let (same_events, _) = progress(&mut replay, u64::MAX);
        assert_eq!(same_events, events, "{policy}, {workers} workers");
        let (params, same_params) = (*threads.params(), replay.cluster().learning().params());
        assert_eq!(same_params.to_bits(), params.to_bits(), "{policy}, {workers} workers");
    }
}

#[test]
fn a_race_is_not_told_by_another_rule() {
    let learner = Quadratic { curvature: 1.0, noise: 1.0, step_size: 0.01, key: RandomKey::new(0, 0) };
    let rule = Policy::ASYNC.rule(3).unwrap();
    let threads = Threaded::new(Arc::new(learner), &draws(learner.key), 3, Arc::default());
    let (_, recording) = progress(&mut Run::new(rule, threads), 50);
    let other = Policy::k_async(2).rule(3).unwrap();
    let mut replay = Run::new(other, Replay::new(recording, learner, 3));
    progress(&mut replay, u64::MAX);
    assert!(replay.cluster().mismatch().is_some());
}
