//! The event engine by hand: small clusters whose every update can be told.

use super::*;
use crate::cluster::{Event, Run};
use crate::policy::Policy;
use crate::random::law::Law;

fn constant(seconds: f64) -> Law {
    Law::Constant { value: seconds }
}

/// The times of the first updates.
fn updates(policy: &str, workers: u32, spec: ClusterSpec) -> Vec<f64> {
    let rule = policy.parse::<Policy>().unwrap().rule(workers).unwrap();
    let run = Run::new(rule, Simulated::new(spec, RandomKey::new(0, 0), workers));
    let updates = run.filter(|(_, event)| matches!(event, Event::Updated(_)));
    updates.take(4).map(|(at, _)| at.seconds()).collect()
}

#[test]
fn a_busy_server_serves_one_after_the_other() {
    // All three arrive at 1 s; the server needs 2 s for each, and 1 s for an update.
    let spec = ClusterSpec::new(constant(1.0)).with_service(Some(constant(2.0)));
    assert_eq!(updates("async", 3, spec.clone()), [3.0, 5.0, 7.0, 9.0]);
    assert_eq!(updates("sync", 3, spec.clone()), [7.0, 14.0, 21.0, 28.0]);
    let spec = spec.with_update(Some(constant(1.0)));
    assert_eq!(updates("async", 3, spec.clone()), [4.0, 7.0, 10.0, 13.0]);
    assert_eq!(updates("sync", 3, spec), [8.0, 16.0, 24.0, 32.0]);
}

#[test]
fn a_server_that_computes_takes_its_share_of_the_cores() {
    // One core, one worker: computing and serving take turns. Two workers: both have computed at 2 s, and the server
    // has the core to itself for the first submission; then it shares with the first worker, who has begun anew.
    let spec = ClusterSpec::new(constant(1.0))
        .with_service(Some(constant(1.0)))
        .with_cores(Some(1))
        .unwrap()
        .with_computing_server(true);
    assert_eq!(updates("async", 1, spec.clone()), [2.0, 4.0, 6.0, 8.0]);
    assert_eq!(updates("async", 2, spec)[..2], [3.0, 5.0]);
}

#[test]
fn computing_in_vain_goes_on_where_it_cannot_be_stopped() {
    // The slow worker computes for 3 s; the fast one is done every second and its submission is an update.
    let spec = ClusterSpec::new(constant(1.0)).with_speeds(vec![1.0, 1.0 / 3.0]).unwrap();
    let spec = spec.with_cancellation(Cancellation::AfterStep);
    let rule = Policy::k_sync(1).rule(2).unwrap();
    for cores in [None, Some(1)] {
        let cluster = Simulated::new(spec.clone().with_cores(cores).unwrap(), RandomKey::new(0, 0), 2);
        let mut began = Vec::new();
        let mut run = Run::new(rule, cluster);
        for _ in 0..14 {
            run.step().unwrap();
            began.push(run.cluster().jobs[1].began.seconds());
        }
        began.dedup();
        began.truncate(5);
        let expected: &[f64] = if cores.is_some() {
            // Each has half the core, so the fast one needs 2 s and the slow one 6 s.
            &[0.0, 6.0, 12.0, 18.0, 24.0]
        } else {
            &[0.0, 3.0, 6.0, 9.0, 12.0]
        };
        assert_eq!(began, expected, "{cores:?}");
    }
}
