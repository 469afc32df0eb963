//! A cluster on the command line: what is typed comes to what closed forms say.
//!
//! Constant times are exact. Where times are random, a mean may be four and a half standard errors off: a correct program with
//! other random numbers would fail once in 150 000 means.

mod common;

use common::Place;

/// The mean of a policy on so many workers.
fn mean(place: &Place, policy: &str, m: u32) -> f64 {
    place.row(policy, m).number("mean_s")
}

/// Up to chance.
fn agrees(row: &common::Row, exact: f64) {
    assert!(row.z(exact).abs() < 4.5, "{exact}, {:+.1} standard errors away: {row:?}", row.z(exact));
}

fn close(found: f64, exact: f64) {
    assert!((found / exact - 1.0).abs() < 1e-9, "{found} is not {exact}");
}

#[test]
fn an_all_reduce_is_paid_once_a_round_and_not_by_a_lone_worker() {
    let place = Place::new();
    let words = "--step-time constant(0.25) --comm ring --payload 1.2GB --bandwidth 25GB/s --latency 10us \
                 --policies sync,local:16 --workers 1,64 --updates 40";
    place.simulate(words).succeeds();
    let ring_s = 2.0 * 63.0 * 1e-5 + 2.0 * 63.0 / 64.0 * 1.2 / 25.0;
    close(mean(&place, "sync", 1), 0.25);
    close(mean(&place, "sync", 64), 0.25 + ring_s);
    close(mean(&place, "local:16", 64), 16.0 * 0.25 + ring_s);
    close(place.row("local:16", 64).number("theory_s"), 16.0 * 0.25 + ring_s);
    // Sixteen local steps share one exchange: 1.35 times the gradients per second. A delay is paid once a task as well.
    let gain = |place: &Place| mean(place, "sync", 64) / (mean(place, "local:16", 64) / 16.0);
    close(gain(&place), (0.25 + ring_s) / (0.25 + ring_s / 16.0));
    let delayed = Place::new();
    let words = format!(
        "--step-time constant(0.25) --delay constant({ring_s}) --policies sync,local:16 --workers 64 --updates 40"
    );
    delayed.simulate(&words).succeeds();
    close(gain(&delayed), gain(&place));
    // Gradients per second against one worker that communicates with nobody.
    close(place.row("sync", 64).number("speedup"), 64.0 * 0.25 / (0.25 + ring_s));
    // Half of it behind computing, and faster links inside groups of eight.
    let words = "--step-time constant(0.25) --comm hierarchical --payload 1.2GB --bandwidth 25GB/s --group-bandwidth 300GB/s \
                 --overlap 50% --policies sync --workers 64 --updates 40";
    place.simulate(words).succeeds();
    let all_s = 2.0 * 7.0 / 8.0 * 1.2 / 300.0 + 2.0 * 7.0 / 8.0 * (1.2 / 8.0) / 25.0;
    close(mean(&place, "sync", 64), 0.25 + all_s / 2.0);
}

#[test]
fn measured_seconds_of_local_sgd_are_computing_and_communication_once_a_round() {
    // 1000 steps on 4 GPUs by H, three runs each: a step takes 0.256 s, an all-reduce 0.997 s, which is 2 (3/4) n/B of a ring.
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/cases/local_sgd_4gpu.csv");
    let measured = std::fs::read_to_string(file).expect("the case");
    let runs = measured.lines().skip(1).map(|line| {
        let fields: Vec<f64> = line.split(',').map(|field| field.parse().expect("a number")).collect();
        (fields[1] as u32, fields[3])
    });
    let mut by_h = std::collections::BTreeMap::<u32, Vec<f64>>::new();
    runs.for_each(|(h, seconds)| by_h.entry(h).or_default().push(seconds));
    let policies: Vec<String> = by_h.keys().map(|h| format!("local:{h}")).collect();
    let place = Place::new();
    let words =
        "--step-time constant(0.256) --comm ring --payload 664.6667MB --bandwidth 1GB/s --workers 4 --updates 40";
    place.simulate(&format!("{words} --policies {}", policies.join(","))).succeeds();
    assert_eq!(by_h.len(), 7);
    for (h, runs) in by_h {
        let measured_s = runs.iter().sum::<f64>() / runs.len() as f64;
        let predicted_s = 1000.0 * mean(&place, &format!("local:{h}"), 4) / f64::from(h);
        assert!((predicted_s / measured_s - 1.0).abs() < 0.016, "H = {h}: {predicted_s} s, measured {measured_s} s");
    }
}

#[test]
fn whoever_cannot_be_stopped_is_late_and_the_report_says_what_is_assumed() {
    let data = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/cases/twopoint.csv");
    let place = Place::new();
    let policies = "--policies backup:1,backup:2,backup:3 --workers 10 --updates 100000";
    let step = format!("--step-time trace({data})");
    let said = place.simulate(&format!("{step} {policies} --cancellation never")).succeeds();
    said.prints("--cancellation never").prints("nobody is stopped");
    // Exact for 5 % of steps of 10 s and others of 1 s, nobody stopped.
    for (policy, exact) in [("backup:1", 2.751), ("backup:2", 1.929), ("backup:3", 1.516)] {
        let row = place.row(policy, 10);
        let (mean, low, high) = (row.number("mean_s"), row.number("ci_low_s"), row.number("ci_high_s"));
        assert!(
            low <= exact && exact <= high || (mean / exact - 1.0).abs() < 0.003,
            "{policy}: {mean} [{low}, {high}]"
        );
        assert_eq!(row.text("cancellation"), "never");
    }
    let said = place.simulate(&format!("{step} {policies} --cancellation at-once")).succeeds();
    said.prints("--cancellation at-once").prints("stops at once");
}

#[test]
fn a_global_batch_is_shared_and_compares_with_one_worker_that_does_all_of_it() {
    let place = Place::new();
    let words = "--step-time constant(0.2) --global-batch --fixed-time 5ms --policies sync --workers 1,4 --updates 40";
    place.simulate(words).succeeds();
    close(mean(&place, "sync", 1), 0.205);
    close(mean(&place, "sync", 4), 0.055);
    close(place.row("sync", 4).number("speedup"), 0.205 / 0.055);
}

#[test]
fn each_worker_may_have_its_law_and_all_may_have_a_factor_in_common() {
    let place = Place::new();
    place.simulate("--policies async,sync --workers 4").args(["--step-time", "exp(2); exp(1)"]).succeeds();
    agrees(&place.row("async", 4), 1.0 / 6.0);
    // 1/6 more for each law: max of exp(2), exp(1), twice each, by inclusion and exclusion.
    let max = |rates: [f64; 4]| -> f64 {
        (1u32..16)
            .map(|set| {
                let total: f64 = (0..4).filter(|i| set >> i & 1 == 1).map(|i| rates[i]).sum();
                if set.count_ones() % 2 == 1 { 1.0 / total } else { -1.0 / total }
            })
            .sum()
    };
    agrees(&place.row("sync", 4), max([2.0, 1.0, 2.0, 1.0]));
    assert_eq!(place.rows()[0].text("step_time"), "exp(2); exp(1)");
    let words = "--step-time constant(1) --common-factor uniform(1,3) --policies sync --workers 4 --updates 20000";
    place.simulate(words).succeeds();
    agrees(&place.row("sync", 4), 2.0);
}

#[test]
fn contention_and_failures_are_heard() {
    let place = Place::new();
    let words = "--step-time constant(1) --contention 1,1.05,1.2 --policies sync,async --workers 1,2,3,4 --updates 240";
    place.simulate(words).succeeds();
    for (m, factor) in [(1, 1.0), (2, 1.05), (3, 1.2), (4, 1.2)] {
        close(mean(&place, "sync", m), factor);
    }
    // A worker is up for 100 s and away for 100 s on average: half of the rate.
    let words = "--step-time exp(1) --mtbf 100s --restart 100s --policies async --workers 8 --updates 200000";
    let said = place.simulate(words).succeeds();
    said.prints("each worker fails every 100 s");
    // 100 s of life hold 100 steps, of which the one under way is lost: a memoryless step ends before the failure with
    // probability 1/(1 + 1/100), so a life of 1/f has mu/f of them, and a cycle is 200 s long.
    agrees(&place.row("async", 8), 200.0 / 100.0 / 8.0);
    let row = place.row("async", 8);
    assert_eq!(row.text("theory_kind"), "exact");
    close(row.number("theory_s"), 200.0 / 100.0 / 8.0);
}

#[test]
fn a_trace_without_a_unit_is_read_in_the_unit_that_is_typed() {
    let place = Place::new().with("t.csv", "time\n100\n100\n200\n").with("ms.csv", "time_ms\n100\n100\n200\n");
    place.simulate("--step-time trace(t.csv,time) --unit ms --policies sync --workers 1 --updates 20").succeeds();
    place
        .simulate("--step-time trace(t.csv,time) --policies sync --workers 1 --updates 20")
        .succeeds()
        .says("--unit ms");
    place
        .simulate("--step-time trace(t.csv,time) --unit ms --skip 2 --policies sync --workers 1 --updates 20")
        .succeeds();
    close(mean(&place, "sync", 1), 0.2);
    place.simulate("--step-time trace(ms.csv,time_ms) --skip 2 --policies sync --workers 1 --updates 20").succeeds();
    close(mean(&place, "sync", 1), 0.2);
}

#[test]
fn all_policies_run_on_a_cluster_with_everything_at_once_and_replay() {
    let place = Place::new();
    let words = "--policies all --workers 8 --updates 200 --step-time gamma(4,0.25) --comm ps --payload 1MB --bandwidth 1GB/s \
                 --latency 1ms --contention 1,1.1 --mtbf 1h --restart 1m --checkpoint 5m --checkpoint-cost 1s \
                 --common-factor uniform(0.9,1.1) --delay exp(100) --server-time constant(0.001) --speeds 1,0.5 \
                 --cancellation after-step";
    place.simulate(words).succeeds();
    assert_eq!(place.rows().len(), 18);
    let before = place.contents();
    place.simulate(words).args(["-j", "1"]).succeeds();
    let after = place.contents();
    for (name, bytes) in before.iter().filter(|(name, _)| name.extension().is_some_and(|e| e == "csv")) {
        assert!(after[name] == *bytes, "{}", name.display());
    }
}

#[test]
fn a_deadline_and_a_quantile_are_those_of_the_law() {
    let place = Place::new();
    let words = "--lambda 1 --policies sync,async --workers 4 --deadline 1500ms --quantile 90% --updates 40000";
    place.simulate(words).succeeds().prints("≤ 1.50 s").prints("p90 s");
    let (sync, async_) = (place.row("sync", 4), place.row("async", 4));
    let z = |row: &common::Row, name: &str, exact: f64| {
        let (low, high) = (row.number(&format!("{name}_low")), row.number(&format!("{name}_high")));
        2.0 * (row.number(name) - exact) / ((high - low) / 2.0)
    };
    // All four within 1.5 s; the next of four within 1.5 s.
    let all = (1.0f64 - (-1.5f64).exp()).powi(4);
    assert!(z(&sync, "in_time_share", all).abs() < 4.5, "{sync:?} {all}");
    assert!(z(&async_, "in_time_share", 1.0 - (-6.0f64).exp()).abs() < 4.5, "{async_:?}");
    // (1 - e^-t)^4 = 0.9
    let exact = -(1.0 - 0.9f64.powf(0.25)).ln();
    assert!(sync.number("quantile_low_s") <= exact && exact <= sync.number("quantile_high_s"), "{sync:?} {exact}");
    let words = "--step-time constant(1) --policies sync --workers 2 --deadline 1s --updates 40";
    place.simulate(words).succeeds();
    assert_eq!(place.row("sync", 2).number("in_time_share"), 1.0);
}

#[test]
fn dropping_stale_work_starves_slow_workers_and_the_report_says_so() {
    let place = Place::new();
    let words = "--lambda 1 --policies rennala:4,sync --workers 4 --speeds 1,1,1,0.25 --updates 20000";
    let said = place.simulate(words).succeeds();
    said.prints("most of worker 3").prints("workers.csv has all");
    let rows = place.rows_of("workers.csv");
    assert_eq!(rows.len(), 4, "sync throws nothing away");
    let share = |worker: usize, name: &str| rows[worker].number(name);
    assert!(share(3, "thrown_away_share_low") > share(0, "thrown_away_share_high"));
    // A quarter of the speed of the others is 1/13 of the gradients; less than that is applied.
    assert!(share(3, "applied_share_high") < 1.0 / 13.0);
    let total: f64 = (0..4).map(|worker| share(worker, "applied_share")).sum();
    close(total, 1.0);
}
