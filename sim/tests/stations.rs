//! Do the stations of a route do what queueing theory says, one by one: links out and back, a parameter server, checkpoints and failures?
//!
//! Each judgement fails a correct program with probability 1e-5 (see `common`); there are 32: a false-alarm rate of 0.03 %.

mod common;

use common::{batch, events, judge_batch, law, observe, rule, spec};
use straggle_sim::cluster::comm::{Communication, Scheme};
use straggle_sim::theory::{Kind, time_per_update};
use straggle_sim::{ClusterSpec, Event, Failures, Law, Length, RandomKey, Station};

/// Judges a policy on 8 workers against a value.
fn meets(name: &str, spec: &ClusterSpec, exact: f64) {
    let what = format!("{name}, {}, {exact:.5} s", spec.compute());
    judge_batch(&what, &batch(name, 8, spec), exact);
}

/// The same against what theory says, exactly.
fn meets_theory(name: &str, spec: &ClusterSpec) {
    let rule = rule(name, 8);
    let theory = time_per_update(rule, &spec.for_rule(rule)).unwrap_or_else(|| panic!("no theory for {name}"));
    assert_eq!(theory.kind, Kind::Exact, "{name}: {:?}", theory.formula);
    meets(name, spec, theory.seconds);
}

/// Seconds per update of m workers who compute for a second on average and then wait for one of c servers, exponential of mean s:
/// births and deaths, k of them at the station.
fn repairmen(m: u32, service_s: f64, servers: u32) -> f64 {
    let (mut weight, mut all, mut served) = (1.0, 1.0, 0.0);
    for k in 1..=m {
        let at_once = f64::from(k.min(servers));
        weight *= f64::from(m - k + 1) * service_s / at_once;
        all += weight;
        served += weight * at_once / service_s;
    }
    all / served
}

#[test]
fn a_queue_on_the_way_out_or_back_is_that_of_the_machine_repairman() {
    let computing = spec("weibull(0.7, 0.79)");
    let queue = vec![Station::queue(law("exp(6)"), 1)];
    meets_theory("async", &computing.clone().with_uplink(queue.clone()));
    meets_theory("async", &computing.clone().with_downlink(queue));
    // Shared equally, its law does not matter.
    let shared = vec![Station::shared(law("uniform(0, 0.3333333333333333)"), 1)];
    meets_theory("async", &computing.clone().with_uplink(shared));
    // Out, back and the server: a closed network.
    let out = vec![Station::delay(law("uniform(0, 0.1)")), Station::queue(law("exp(8)"), 1)];
    let back = vec![Station::shared(law("constant(0.1)"), 1)];
    let all = computing.clone().with_downlink(out).with_uplink(back).with_service(Some(law("exp(9)")));
    for name in ["async", "k-batch-async:3", "fedbuff:2:2"] {
        meets_theory(name, &all);
    }
    let mean_s = computing.compute().law(0).mean();
    let two = vec![Station::queue(law("exp(3)"), 2)];
    meets("async", &computing.with_uplink(two), mean_s * repairmen(8, 1.0 / 3.0 / mean_s, 2));
}

#[test]
fn a_delay_on_the_way_is_part_of_the_task() {
    let ways = [vec![Station::delay(law("exp(2)"))], vec![Station::delay(law("uniform(0, 1)")); 2]];
    let [out, back] = ways;
    meets("async", &spec("gamma(2, 0.5)").with_downlink(out).with_uplink(back), (1.0 + 0.5 + 1.0) / 8.0);
}

/// Seconds between the last two of so many updates.
fn last_gap(name: &str, m: u32, spec: &ClusterSpec, updates: usize) -> f64 {
    let rule = rule(name, m);
    let all = events(rule, &spec.for_rule(rule), RandomKey::new(3, 0), 20 * updates * m as usize);
    let at: Vec<f64> = all.iter().filter(|(_, e)| matches!(e, Event::Updated(_))).map(|(at, _)| at.seconds()).collect();
    (at[updates] - at[updates - m as usize]) / f64::from(m)
}

/// Nothing is left to chance: out one after the other, and back as far apart; or, without a barrier, as often as the slowest part of
/// the cycle allows.
#[test]
fn a_parameter_server_of_constant_times_is_its_bottleneck() {
    let ps = |bytes: f64| Communication::new(Scheme::ParameterServer, bytes, 0.01, 1e9, 0.0).unwrap();
    let computing = ClusterSpec::new(Law::Constant { value: 0.5 });
    for (bytes, m) in [(1e7, 4), (1e7, 8), (2e8, 8), (0.0, 4)] {
        let spec = computing.clone().with_communication(ps(bytes));
        let link_s = bytes / 1e9;
        let (m_, cycle_s) = (f64::from(m), 0.5 + 2.0 * link_s + 0.02);
        let expected = [
            ("sync", cycle_s + (m_ - 1.0) * link_s),
            ("local:3", 1.0 + cycle_s + (m_ - 1.0) * link_s),
            ("async", (cycle_s / m_).max(link_s)),
        ];
        for (name, exact) in expected {
            let found = last_gap(name, m, &spec, 60);
            assert!((found / exact - 1.0).abs() < 1e-9, "{name}, m = {m}, {bytes} bytes: {found} against {exact}");
            let rule = rule(name, m);
            let theory = time_per_update(rule, &spec.for_rule(rule)).unwrap();
            let known = bytes > 0.0;
            assert!(!known || theory.kind == Kind::Exact, "{name}: {theory:?}");
            assert!(!known || (theory.seconds / exact - 1.0).abs() < 1e-12, "{name}: {theory:?} against {exact}");
        }
    }
}

/// Constant messages and random computing: within 5 % from a link that is hardly used to one that never rests; who waits for all takes at
/// least as long as the slowest and its messages, and as the link has to work.
#[test]
fn a_parameter_server_of_random_times_is_nearly_its_mean_value_analysis() {
    for (bytes, compute) in [(2e7, "exp(2)"), (6e7, "exp(2)"), (1e8, "weibull(0.5, 0.5)"), (6e7, "gamma(11, 0.0909)")] {
        let ps = Communication::new(Scheme::ParameterServer, bytes, 0.01, 1e9, 0.0).unwrap();
        let spec = spec(compute).with_communication(ps);
        for (name, kind) in
            [("async", Kind::Approximation), ("k-batch-async:3", Kind::Approximation), ("sync", Kind::Lower)]
        {
            let rule = rule(name, 8);
            let theory = time_per_update(rule, &spec.for_rule(rule)).unwrap();
            let found = common::mean_s(&observe(name, 8, &spec, Length::Updates(4096), 8));
            let ratio = theory.seconds / found.mean;
            println!(
                "{name}, {compute}, {bytes} bytes: {:.5} s by theory, {:.5} s, {ratio:.3}",
                theory.seconds, found.mean
            );
            assert_eq!(theory.kind, kind, "{name}");
            match kind {
                Kind::Lower => assert!(ratio < 1.0 && ratio > 0.6, "{name}, {compute}, {bytes}: {ratio}"),
                _ => assert!((ratio - 1.0).abs() < 0.05, "{name}, {compute}, {bytes}: {ratio}"),
            }
        }
    }
}

/// What a queue serves is conserved: with a link that is always busy, an update takes its service, whatever the law of computing.
#[test]
fn a_saturated_link_sets_the_pace() {
    let busy = spec("lognormal(-1, 1)").with_uplink(vec![Station::queue(law("gamma(4, 0.25)"), 1)]);
    meets("async", &busy, 1.0);
}

fn failing(law: &str, restart_s: f64, checkpoint: Option<(f64, f64)>) -> ClusterSpec {
    spec(law).with_failures(Failures::new(400.0, restart_s, checkpoint).unwrap())
}

/// All wait for all, so each failure sets all back: to the last update, or to the last checkpoint.
#[test]
fn failures_set_a_job_back_to_its_last_checkpoint() {
    for name in ["sync", "local:2"] {
        meets_theory(name, &failing("exp(1)", 3.0, Some((10.0, 1.0))));
        meets_theory(name, &failing("exp(1)", 3.0, None));
    }
    meets_theory("sync", &failing("gamma(4, 0.25)", 0.0, Some((30.0, 0.0))));
    meets_theory("sync", &failing("constant(2)", 5.0, None));
}

#[test]
fn failures_cost_a_worker_its_task_where_nobody_waits() {
    let failing = |law: &str| spec(law).with_failures(Failures::new(20.0, 4.0, None).unwrap());
    for (name, law) in [("async", "exp(1)"), ("async", "gamma(4, 0.25)"), ("k-batch-async:3", "uniform(0, 2)")] {
        meets_theory(name, &failing(law));
    }
    let uneven = failing("gamma(2, 0.5)").with_speeds(vec![1.0, 0.25]).unwrap().with_delay(Some(law("exp(4)")));
    meets_theory("async", &uneven);
}

/// Who redoes an update whose time has a tail heavier than exponential never finishes on average; by Jensen's inequality it takes at least
/// as long as one of the mean time.
#[test]
fn heavy_tails_have_only_a_bound_without_checkpoints() {
    let of = |checkpoint| {
        let rule = rule("sync", 8);
        time_per_update(rule, &failing("lognormal(0, 1)", 3.0, checkpoint)).unwrap()
    };
    assert_eq!((of(None).kind, of(Some((10.0, 1.0))).kind), (Kind::Lower, Kind::Exact));
    let plain = time_per_update(rule("sync", 8), &spec("lognormal(0, 1)")).unwrap().seconds;
    assert!((of(None).seconds / (53.0 * (plain / 50.0).exp_m1()) - 1.0).abs() < 1e-12);
}
