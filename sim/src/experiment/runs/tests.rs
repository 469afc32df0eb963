use super::*;
use crate::cluster::spec::{Sharing, Station};
use crate::experiment::{Configuration, Length, Model};
use crate::measure::length::REPLICATIONS;
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
    Experiment { policies, workers: vec![1, 2, 3, 5, 8, 20, 33], spec, model, length, seed: 3, deadline_s: None }
}

#[test]
fn what_is_stopped_plans_runs_and_observes_nothing() {
    let experiment = experiment(ClusterSpec::new("exp(1)".parse().unwrap()), Model::Event, Length::Honest);
    let progress = Progress::default();
    progress.stop.store(true, Ordering::Relaxed);
    assert!(experiment.plans(&progress).is_none());
    assert!(experiment.observe(&progress).iter().all(Option::is_none));
    assert_eq!((progress.updates.into_inner(), progress.cells.into_inner()), (0, 0));
}

/// Finds nothing, and stops the run.
struct Stopping<'a>(&'a Progress);

impl Kept for Stopping<'_> {
    fn find(&self, _: &str) -> Option<Replications> {
        self.0.stop.store(true, Ordering::Relaxed);
        None
    }

    fn keep(&self, name: &str, _: &Replications) {
        unreachable!("{name} was begun");
    }
}

#[test]
fn what_is_stopped_begins_with_nobody() {
    // Of each of a thousand configurations a million workers in twenty runs would begin: an hour.
    let spec = ClusterSpec::new("exp(1)".parse().unwrap());
    let experiment = experiment(spec.clone(), Model::Event, Length::Honest);
    let rule = Policy::ASYNC.rule(1_000_000).unwrap();
    let plan = Plan::of(rule, &spec, 100, REPLICATIONS);
    let jobs: Vec<Job> =
        (0..1000).map(|i| Job { name: i.to_string(), rule, specs: vec![spec.clone()], plan }).collect();
    let progress = Progress::default();
    assert!(all(&experiment, &jobs, &progress, &Stopping(&progress)).iter().all(Option::is_none));
}

#[test]
fn an_engine_looks_up_after_so_many_tasks_however_many_an_update_starts() {
    let workers = 3 * LOOK as u32;
    // A round of everybody is longer than a look, and nothing goes on after it has begun.
    let rounds = ["k-sync:3", "k-sync:6000", "anytime:0.5", "grace:10:0.1"].map(|policy| (policy, 1));
    let others = ["async", "ssp:1", "rennala:100"].map(|policy| (policy, LOOK));
    for (policy, most) in rounds.into_iter().chain(others) {
        let rule = policy.parse::<Policy>().unwrap().rule(workers).unwrap();
        let spec = ClusterSpec::new("exp(1)".parse().unwrap());
        let mut engine = Events::new(rule, &spec, Variates::new(&spec, RandomKey::new(1, 0)));
        for look in 1..=10 {
            let before = engine.updates();
            engine.run(u64::MAX, LOOK).unwrap();
            let made = engine.updates() - before;
            assert!(made <= most, "{policy}: {made} updates before look {look}");
        }
    }
}

/// All that is told of the times between updates, to the last bit.
fn told(accounts: &Accounts) -> String {
    let quantiles = [0.01, 0.5, 0.95, 0.99].map(|u| accounts.gap_quantile(u));
    format!("{:?} {quantiles:?} {:?}", accounts.gaps(), accounts.gradients_per_update())
}

/// How the time was spent, which is added up in another order.
fn assert_spent_alike(what: &str, found: &Accounts, expected: &Accounts) {
    for (name, of) in [
        ("idle", Accounts::idle_share as fn(&Accounts) -> Option<f64>),
        ("wasted", Accounts::wasted_share),
        ("staleness", |accounts| {
            let (staleness, applied) = accounts.staleness_sums();
            Some(staleness as f64 / applied as f64)
        }),
    ] {
        let (found, expected) = (of(found).unwrap(), of(expected).unwrap());
        assert!((found - expected).abs() < 1e-9 * (1.0 + expected), "{what}, {name}: {found} against {expected}");
    }
}

/// One replication by whatever engine suits it, and by the event engine.
fn both(experiment: &Experiment, cell: Configuration, r: u32) -> (Accounts, Accounts) {
    let rule = experiment.rule_of(cell.rule);
    let spec = experiment.spec_of(cell.policy, rule);
    let plan = Plan::of(rule, &spec, 700, 3);
    let job = Job { name: String::new(), rule, plan, specs: vec![spec.clone()] };
    let progress = Progress::default();
    let expected = to_its_end(Events::new(rule, &spec, draws(experiment, &job, r)), &plan, r, LOOK, &progress).unwrap();
    let rank = Rank::of(rule, &spec).filter(|_| !experiment.wants_usage() || !rule.cancels());
    let Some(rank) = rank else { return (alone(experiment, &job, r, &progress).unwrap(), expected) };
    let draws = draws(experiment, &job, r);
    let mut rounds = Rounds::new(&draws, rule.steps, experiment.wants_usage(), Width::widest());
    let mut entrant = Entrant::new(rule, rank, None);
    while rounds.done() < plan.updates_of(r) {
        rounds.advance(&mut [&mut entrant], plan.updates_of(r) - rounds.done());
    }
    rounds.finish(&mut entrant);
    (entrant.accounts, expected)
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
    for spec in plain.chain([uneven, delayed]) {
        for model in [Model::Event, Model::Gated] {
            let experiment = experiment(spec.clone(), model, Length::Updates(700));
            for cell in experiment.cells().0 {
                let (found, expected) = both(&experiment, cell, 1);
                let what = format!("{} of {} {model}, {spec:?}", cell.policy, cell.rule.workers);
                assert_eq!(told(&found), told(&expected), "{what}");
                if experiment.wants_usage() {
                    assert_spent_alike(&what, &found, &expected);
                }
            }
        }
    }
}

#[test]
fn where_time_went_adds_up_across_the_warm_up_and_the_end() {
    let law = |text: &str| Some(text.parse().unwrap());
    let plain = ClusterSpec::new("gamma(3, 0.2)".parse().unwrap());
    let served = plain.clone().with_service(law("exp(8)")).with_update(law("constant(0.01)"));
    let busy = served.clone();
    let shared = |sharing| busy.clone().with_cores(Some(3)).unwrap().with_sharing(sharing).with_delay(law("exp(4)"));
    let in_vain = shared(Sharing::Equally).with_cancellation(crate::Cancellation::AfterStep);
    let delayed =
        plain.with_delay(law("uniform(0, 1)")).with_uplink(law("exp(9)").into_iter().map(Station::delay).collect());
    for spec in [delayed, served, shared(Sharing::Equally), shared(Sharing::FirstCome), in_vain] {
        let experiment = experiment(spec.clone(), Model::Event, Length::Updates(300));
        for cell in experiment.cells().0 {
            let (accounts, _) = both(&experiment, cell, 0);
            let (all_s, spent) = (accounts.worker_seconds(), accounts.spent());
            let what = format!("{} of {}, {spec:?}: {spent:?} of {all_s}", cell.policy, cell.rule.workers);
            assert!((spent.total_s() / all_s - 1.0).abs() < 1e-9, "{what}");
            let parts = [spent.server_s, spent.waiting_s, spent.idle_s(), spent.delay_s, spent.communication_s];
            assert!(parts.into_iter().all(|s| s >= -1e-9 * all_s), "{what}");
        }
    }
}

#[test]
fn configurations_that_end_at_different_times_are_the_same_as_if_alone() {
    let spec = ClusterSpec::new("exp(2)".parse().unwrap());
    for model in [Model::Event, Model::Gated] {
        let together = Experiment {
            policies: vec![Policy::SYNC, Policy::k_sync(2), Policy::ASYNC],
            workers: vec![2, 7],
            ..experiment(spec.clone(), model, Length::Precision(0.02))
        };
        let of = |experiment: &Experiment| experiment.observe(&Progress::default()).into_iter().map(Option::unwrap);
        for found in of(&together) {
            let cell = found.cell;
            let alone =
                Experiment { policies: vec![cell.policy], workers: vec![cell.rule.workers], ..together.clone() };
            let expected = of(&alone).next().unwrap();
            assert_eq!(format!("{found:?}"), format!("{expected:?}"), "{} {model}", cell.policy);
            assert!(found.mean.half_width().unwrap() <= 0.02 * found.mean.mean);
        }
    }
}

#[test]
fn every_width_makes_the_same_events() {
    for law in ["exp(2)", "gamma(3, 0.2)"] {
        let spec = ClusterSpec::new(law.parse().unwrap());
        let rule = "k-batch-async:3".parse::<Policy>().unwrap().rule(40).unwrap();
        let plan = Plan::of(rule, &spec, 3000, REPLICATIONS);
        let job = Job { name: String::new(), rule, plan, specs: vec![spec.clone()] };
        let experiment = experiment(spec.clone(), Model::Event, Length::Updates(3000));
        let of = |width| {
            let draws = draws(&experiment, &job, 2);
            let superposition = Superposition::new(rule, &spec, draws, 3000, width).unwrap();
            told(&to_its_end(superposition, &plan, 2, LOOK, &Progress::default()).unwrap())
        };
        let expected = of(Width::Base);
        Width::all().into_iter().for_each(|width| assert_eq!(of(width), expected, "{law}, {width:?}"));
    }
}
