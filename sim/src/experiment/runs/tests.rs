use super::*;
use crate::cluster::spec::{Sharing, Station};
use crate::experiment::Model;
use crate::policy::Policy;
use crate::random::law::Law;

fn experiment(spec: ClusterSpec, model: Model, length: Length) -> Experiment {
    let policies = [
        "sync",
        "async",
        "k-sync:3",
        "backup:1",
        "k-sync:18",
        "k-async:2",
        "k-batch-async:7",
        "ssp:0",
        "ssp:3",
        "local:3",
        "hogwild",
    ];
    let policies = policies.into_iter().map(|policy| policy.parse().unwrap()).collect();
    Experiment { policies, workers: vec![1, 2, 3, 5, 8, 20, 33], spec, model, length, seed: 3 }
}

/// Everything that is told of a cell, to the last bit.
fn told(accounts: &Accounts) -> String {
    let quantiles = [0.01, 0.5, 0.95, 0.99].map(|u| accounts.gap_quantile(u));
    let shares =
        [accounts.idle_share(), accounts.wasted_share(), accounts.mean_staleness(), accounts.gradients_per_update()];
    format!("{:?} {quantiles:?} {shares:?} {:?}", accounts.gaps(), accounts.staleness())
}

#[test]
fn every_engine_tells_what_the_event_engine_tells() {
    let plain = Law::examples().into_iter().map(ClusterSpec::new);
    let uneven = ClusterSpec::new("exp(2)".parse().unwrap())
        .with_speeds(vec![1.0, 0.5, 2.0])
        .unwrap()
        .with_cores(Some(20))
        .unwrap();
    let law = |text: &str| Some(text.parse().unwrap());
    let delayed = uneven
        .clone()
        .with_delay(law("uniform(0, 1)"))
        .with_uplink(law("exp(9)").into_iter().map(Station::delay).collect());
    let served = ClusterSpec::new("gamma(3, 0.2)".parse().unwrap())
        .with_service(law("exp(8)"))
        .with_update(law("constant(0.01)"));
    let shared = |sharing| {
        let shared = uneven.clone().with_cores(Some(4)).unwrap().with_sharing(sharing);
        let served =
            served.clone().with_cores(Some(4)).unwrap().with_sharing(sharing).with_core_speeds(vec![1.0, 0.7]).unwrap();
        let constant =
            ClusterSpec::new("constant(0.5)".parse().unwrap()).with_cores(Some(4)).unwrap().with_sharing(sharing);
        [shared, served, constant]
    };
    let shared = [Sharing::Equally, Sharing::FirstCome].into_iter().flat_map(shared);
    for spec in plain.chain(shared).chain([uneven.clone(), delayed, served.clone()]) {
        for model in [Model::Event, Model::Gated] {
            let experiment = experiment(spec.clone(), model, Length::Updates(700));
            let (cells, _) = experiment.cells();
            let found = all(&experiment, &cells, &Progress::default());
            for (cell, found) in cells.iter().zip(found) {
                let rule = experiment.rule_of(cell.rule);
                let spec = experiment.spec_of(cell.policy, rule);
                let (expected, found) =
                    (events(&experiment, rule, &spec, &Progress::default()).unwrap(), found.unwrap());
                let usage = |accounts: &Accounts| {
                    if experiment.wants_usage() { told(accounts) } else { told_of_gaps(accounts) }
                };
                assert_eq!(usage(&found), usage(&expected), "{} of {} {model}, {spec:?}", cell.policy, rule.workers);
            }
        }
    }
}

/// What is told of a cell in the gated model.
fn told_of_gaps(accounts: &Accounts) -> String {
    format!("{:?} {:?} {:?}", accounts.gaps(), accounts.gap_quantile(0.3), accounts.gradients_per_update())
}

#[test]
fn cells_that_end_at_different_times_are_the_same_as_if_alone() {
    let spec = ClusterSpec::new("exp(2)".parse().unwrap());
    for model in [Model::Event, Model::Gated] {
        let experiment = Experiment {
            policies: vec![Policy::SYNC, Policy::k_sync(2), Policy::ASYNC],
            workers: vec![2, 7],
            ..experiment(spec.clone(), model, Length::Precision(0.02))
        };
        let (cells, _) = experiment.cells();
        let found = all(&experiment, &cells, &Progress::default());
        for (cell, found) in cells.iter().zip(found) {
            let expected = events(&experiment, experiment.rule_of(cell.rule), &spec, &Progress::default()).unwrap();
            assert_eq!(told_of_gaps(&found.unwrap()), told_of_gaps(&expected), "{} {model}", cell.policy);
        }
    }
}

#[test]
fn every_width_makes_the_same_events() {
    for law in ["exp(2)", "gamma(3, 0.2)"] {
        let spec = ClusterSpec::new(law.parse().unwrap());
        for policy in ["async", "k-batch-async:3"] {
            let rule = policy.parse::<Policy>().unwrap().rule(40).unwrap();
            let found = |width| {
                let draws = Variates::new(&spec, RandomKey::new(5, 0));
                let superposition = Superposition::new(rule, &spec, draws, width).unwrap();
                told(&to_its_end(superposition, Length::Updates(3000), rule, &spec, &Progress::default()).unwrap())
            };
            let expected = found(Width::Base);
            for width in Width::all() {
                assert_eq!(found(width), expected, "{policy} on {law}, {width:?}");
            }
        }
    }
}
