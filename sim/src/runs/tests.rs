use super::*;
use crate::experiment::Model;
use crate::fleet::Sharing;
use crate::law::Law;
use crate::policy::Policy;

fn experiment(fleet: Fleet, model: Model, length: Length) -> Experiment {
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
    Experiment { policies, workers: vec![1, 2, 3, 5, 8, 20, 33], fleet, model, length, seed: 3 }
}

/// Everything that is told of a cell, to the last bit.
fn told(tally: &Tally) -> String {
    let quantiles = [0.01, 0.5, 0.95, 0.99].map(|u| tally.gap_quantile(u));
    let shares = [tally.idle_share(), tally.wasted_share(), tally.mean_staleness(), tally.gradients_per_update()];
    format!("{:?} {quantiles:?} {shares:?} {:?}", tally.gaps(), tally.staleness())
}

#[test]
fn every_engine_tells_what_the_event_engine_tells() {
    let plain = Law::examples().into_iter().map(Fleet::new);
    let uneven = Fleet { speeds: vec![1.0, 0.5, 2.0], cores: Some(20), ..Fleet::new("exp(2)".parse().unwrap()) };
    let law = |text: &str| Some(text.parse().unwrap());
    let delayed = Fleet { delay: law("uniform(0, 1)"), latency: law("exp(9)"), ..uneven.clone() };
    let served =
        Fleet { service: law("exp(8)"), update: law("constant(0.01)"), ..Fleet::new("gamma(3, 0.2)".parse().unwrap()) };
    let shared = |sharing| {
        let shared = Fleet { cores: Some(4), sharing, ..uneven.clone() };
        let served = Fleet { core_speeds: vec![1.0, 0.7], ..Fleet { cores: Some(4), sharing, ..served.clone() } };
        let constant = Fleet { cores: Some(4), sharing, ..Fleet::new("constant(0.5)".parse().unwrap()) };
        [shared, served, constant]
    };
    let shared = [Sharing::Equally, Sharing::FirstCome].into_iter().flat_map(shared);
    for fleet in plain.chain(shared).chain([uneven.clone(), delayed, served.clone()]) {
        for model in [Model::Event, Model::Gated] {
            let experiment = experiment(fleet.clone(), model, Length::Updates(700));
            let (cells, _) = experiment.cells();
            let found = all(&experiment, &cells, &Watch::default());
            for (cell, found) in cells.iter().zip(found) {
                let (fleet, rule) = (experiment.fleet_of(cell.policy), experiment.rule_of(cell.rule));
                let (expected, found) = (events(&experiment, rule, &fleet, &Watch::default()).unwrap(), found.unwrap());
                let usage = |tally: &Tally| if experiment.wants_usage() { told(tally) } else { told_of_gaps(tally) };
                assert_eq!(usage(&found), usage(&expected), "{} of {} {model}, {fleet:?}", cell.policy, rule.workers);
            }
        }
    }
}

/// What is told of a cell in the gated model.
fn told_of_gaps(tally: &Tally) -> String {
    format!("{:?} {:?} {:?}", tally.gaps(), tally.gap_quantile(0.3), tally.gradients_per_update())
}

#[test]
fn cells_that_end_at_different_times_are_the_same_as_if_alone() {
    let fleet = Fleet::new("exp(2)".parse().unwrap());
    for model in [Model::Event, Model::Gated] {
        let experiment = Experiment {
            policies: vec![Policy::Sync, Policy::KSync(2), Policy::Async],
            workers: vec![2, 7],
            ..experiment(fleet.clone(), model, Length::Precision(0.02))
        };
        let (cells, _) = experiment.cells();
        let found = all(&experiment, &cells, &Watch::default());
        for (cell, found) in cells.iter().zip(found) {
            let expected = events(&experiment, experiment.rule_of(cell.rule), &fleet, &Watch::default()).unwrap();
            assert_eq!(told_of_gaps(&found.unwrap()), told_of_gaps(&expected), "{} {model}", cell.policy);
        }
    }
}

#[test]
fn every_width_makes_the_same_events() {
    for law in ["exp(2)", "gamma(3, 0.2)"] {
        let fleet = Fleet::new(law.parse().unwrap());
        for policy in [Policy::Async, Policy::KAsync(3), Policy::Ssp(Some(1))] {
            let rule = policy.rule(40).unwrap();
            let draws = || Draws::new(&fleet, Luck::new(5, 0));
            let (length, watch) = (Length::Updates(3000), Watch::default());
            let flow = |width| {
                let flow = Flow::<Agenda>::new(rule, &fleet, draws(), width).unwrap();
                to_its_end(flow, length, rule, &fleet, &watch).unwrap()
            };
            let expected = told(&flow(Width::Base));
            for width in Width::all() {
                assert_eq!(told(&flow(width)), expected, "{policy} on {law}, {width:?}");
                if let Some(superposition) = Superposition::new(rule, &fleet, draws(), width) {
                    let found = to_its_end(superposition, length, rule, &fleet, &watch).unwrap();
                    assert_eq!(told(&found), expected, "{policy} on {law} without a queue, {width:?}");
                }
            }
        }
    }
}
