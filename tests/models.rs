//! Does every part of the model change what it should: gates, traces, servers, cores, delays, speeds?
//!
//! Each is held against a closed form that is written down here once more. Judged are 40 means at five standard errors: with
//! other random numbers a correct program would fail this file once in about 1 200 times. Seeds are fixed.

mod common;

use common::{Place, Row, assert_near, harmonic};

/// E[X_{k:p}] by the trapezoidal rule: fewer than k of p are done by t, integrated over t up to `end`.
fn kth_smallest(k: i32, p: i32, survival: impl Fn(f64) -> f64, end: f64) -> f64 {
    let choose = |n: i32, k: i32| (1..=k).map(|i| f64::from(n - k + i) / f64::from(i)).product::<f64>();
    let longer = |t: f64| {
        let s = survival(t);
        (0..k).map(|j| choose(p, j) * (1.0 - s).powi(j) * s.powi(p - j)).sum::<f64>()
    };
    let n = 200_000;
    let h = end / f64::from(n);
    h * (longer(0.0) / 2.0 + (1..n).map(|i| longer(h * f64::from(i))).sum::<f64>())
}

/// Survival of gamma(4, 1/4): no more than three events of a Poisson process of rate 4.
fn gamma_4(t: f64) -> f64 {
    let x = 4.0 * t;
    (-x).exp() * (1.0 + x + x * x / 2.0 + x * x * x / 6.0)
}

#[test]
fn the_gated_model_is_max_min_and_kth_smallest() {
    let place = Place::new();
    let words = "--model gated --step-time gamma(4,0.25) --workers 2,8 --policies sync,async,k-sync:2,backup:2";
    place.simulate(words).succeeds();
    for (policy, k) in [("sync", 8), ("async", 1), ("k-sync:2", 2), ("backup:2", 6)] {
        let row = place.row(policy, 8);
        let exact = kth_smallest(k, 8, gamma_4, 20.0);
        assert_eq!((row.text("model"), row.text("theory_kind")), ("gated", "exact"));
        assert!((row.number("theory_s") / exact - 1.0).abs() < 1e-6, "{exact}: {row:?}");
        assert!(row.z(exact).abs() < 5.0, "{exact}: {row:?}");
    }
    // The golden table, unit-mean gamma(4).
    assert!((place.row("async", 8).number("theory_s") - 0.4205).abs() < 5e-5);
    assert!((place.row("sync", 8).number("theory_s") - 1.8079).abs() < 5e-5);
    for row in place.rows() {
        for column in ["mean_staleness", "idle_share", "wasted_share"] {
            assert_eq!(row.text(column), "", "the gated model knows nothing of {column}");
        }
    }
}

#[test]
fn the_gated_model_warns_where_the_law_makes_it_wrong() {
    let place = Place::new();
    let gated = |law: &str| {
        let words = format!("--model gated --workers 1,8 --policies sync,async --iterations 50 --step-time {law}");
        place.simulate(&words).succeeds()
    };
    // P E[min] / E[X] at P = 8.
    for (law, factor) in [
        ("gamma(4,0.25)", "3.36"),
        ("weibull(2,1)", "2.83"),
        ("uniform(0,2)", "1.78"),
        ("shifted-exp(0.5,2)", "4.50"),
        ("pareto(0.6,2.5)", "5.05"),
        ("constant(1)", "8.00"),
        ("weibull(0.5,1)", "0.125"),
    ] {
        gated(law).says("the gated model is wrong for async").says(&format!(" {factor} times")).says("--model event");
    }
    gated("exp(2)").does_not_say("gated model");
}

#[test]
fn the_event_model_carries_the_gated_expectation() {
    let place = Place::new();
    place.simulate("--step-time gamma(4,0.25) --workers 8").succeeds().prints("gated");
    place.row("async", 8).agrees_with(1.0 / 8.0);
    let gate = place.row("async", 8).number("gated_s");
    assert!((gate / kth_smallest(1, 8, gamma_4, 20.0) - 1.0).abs() < 1e-6, "{gate}");
    assert_eq!(place.row("sync", 8).number("gated_s"), place.row("sync", 8).number("theory_s"));
}

/// 300 made-up step times with a slow tail, as text.
fn measured() -> Vec<String> {
    (0..300).map(|i| format!("{:.6}", 0.05 + 0.001 * f64::from(i) + if i % 20 == 0 { 0.5 } else { 0.0 })).collect()
}

/// E[max of m] of draws with replacement.
fn expected_max(times: &[String], m: i32) -> f64 {
    let mut sorted: Vec<f64> = times.iter().map(|time| time.parse().expect("a number")).collect();
    sorted.sort_by(f64::total_cmp);
    let n = sorted.len() as f64;
    let chance = |i: usize| ((i + 1) as f64 / n).powi(m) - (i as f64 / n).powi(m);
    sorted.iter().enumerate().map(|(i, time)| time * chance(i)).sum()
}

#[test]
fn a_measured_trace_runs_under_every_policy() {
    let times = measured();
    let place = Place::new().with("steps.csv", format!("step_time_s\n{}\n", times.join("\n")));
    let words = "--workers 1,4,8 --policies sync,async,k-sync:4,ssp:2,local:8 --step-time trace(steps.csv,step_time_s)";
    place.simulate(words).succeeds();
    assert_eq!(place.rows().len(), 5 * 3 - 1, "k-sync:4 needs four workers");
    for m in [1, 4, 8] {
        let row = |policy| place.row(policy, m);
        row("sync").agrees_with(expected_max(&times, m as i32));
        row("async").agrees_with(expected_max(&times, 1) / f64::from(m));
        assert_eq!(row("sync").text("step_time"), "trace(steps.csv, step_time_s)");
        // Between the two: a lead of two saves most of the waiting, so do eight local steps.
        if m > 1 {
            let per_gradient = |policy| row(policy).number("s_per_gradient");
            assert!(per_gradient("async") < per_gradient("ssp:2") && per_gradient("ssp:2") < per_gradient("sync"));
            assert!(per_gradient("async") < per_gradient("local:8") && per_gradient("local:8") < per_gradient("sync"));
        }
    }
    place.row("k-sync:4", 4).agrees_with(expected_max(&times, 4));
}

/// Three thousand devices, each with its own speed and delay: one gradient a second, in all, of 1/(mean/speed + delay) each.
#[test]
fn thousands_of_devices_come_from_a_table() {
    let devices: Vec<(f64, f64)> =
        (0..3000).map(|i| (0.1 + f64::from(i % 97) / 50.0, f64::from(i % 13) * 20.0)).collect();
    let lines: String =
        devices.iter().enumerate().map(|(i, (speed, ms))| format!("phone-{i},{speed},{ms}\n")).collect();
    let place = Place::new().with("devices.csv", format!("device,relative_speed,rtt_ms\n{lines}"));
    let words = "--workers 3000 --policies async --step-time exp(2) --speeds devices.csv --delay devices.csv,rtt_ms";
    place.simulate(words).succeeds().prints("speeds of 3000 workers").prints("delays of 3000 workers");
    let rate: f64 = devices.iter().map(|(speed, ms)| 1.0 / (0.5 / speed + ms / 1000.0)).sum();
    place.row("async", 3000).agrees_with(1.0 / rate);
    for (words, said) in [
        ("--speeds nowhere.csv", "nowhere.csv"),
        ("--speeds devices.csv,relative_sped", "did you mean 'relative_speed'?"),
        ("--delay devices.csv", "say which one has the delays"),
        ("--speeds devices.csv,device", "line 2: 'phone-0' is not a speed"),
    ] {
        place.simulate(&format!("--workers 2 {words}")).fails(3).says(said);
    }
}

#[test]
fn a_trace_may_be_a_named_column_among_others() {
    let times = measured();
    let lines: Vec<String> = times.iter().enumerate().map(|(i, time)| format!("{i}, slow ,\"{time}\"\r\n")).collect();
    let text = format!("\u{feff}worker,note,compute_s\r\n{}", lines.concat());
    let place = Place::new().with("runs/steps.csv", text);
    let law = "trace(runs/steps.csv, compute_s)";
    place.simulate("--workers 4 --step-time").args([law]).succeeds();
    place.row("sync", 4).agrees_with(expected_max(&times, 4));
    assert_eq!(place.row("sync", 4).text("step_time"), law);
    // The same as a delay, after a computing that takes a fixed time.
    place.simulate("--workers 4 --step-time constant(0.25) --policies async --delay").args([law]).succeeds();
    place.row("async", 4).agrees_with((0.25 + expected_max(&times, 1)) / 4.0);
}

/// Updates per second of the machine repairman with E[X] = 1 and s = 0.1.
const REPAIRMAN: [(u32, f64); 4] = [(1, 0.9091), (2, 1.8033), (4, 3.5334), (8, 6.6168)];

fn served_by_a_repairman(row: &Row, rate: f64) {
    let seconds = row.number("theory_s");
    assert!((seconds * rate - 1.0).abs() < 1e-4, "{rate}: {row:?}");
    row.agrees_with(seconds);
}

#[test]
fn a_busy_server_is_a_machine_repairman() {
    let (exp, constant) = (Place::new(), Place::new());
    exp.simulate("--lambda 1 --server-time exp(10) --policies async,hogwild --workers 1,2,4,8").succeeds();
    constant.simulate("--step-time constant(1) --server-time exp(10) --policies async --workers 1,2,4,8").succeeds();
    for (m, rate) in REPAIRMAN {
        served_by_a_repairman(&exp.row("async", m), rate);
        served_by_a_repairman(&constant.row("async", m), rate); // think times may have any law
        exp.row("hogwild", m).agrees_with(1.0 / f64::from(m)); // there is no server to wait for
    }
}

#[test]
fn shared_cores_slow_everybody_down() {
    let place = Place::new();
    place.simulate("--lambda 2 --cores 2 --workers 1,2,8").succeeds();
    for (m, async_s) in [(1, 0.5), (2, 0.25), (8, 0.25)] {
        place.row("async", m).agrees_with(async_s); // E[X] / min(m, cores)
    }
    // With n left, the next is done after 1 / (min(n, 2) lambda): 7 times 1/4 and once 1/2.
    place.row("sync", 8).agrees_with(7.0 / 4.0 + 0.5);
    place.simulate("--cores 8 --workers 1,8 --iterations 50").succeeds().says("--cores changes nothing");
}

#[test]
fn a_delay_needs_no_core() {
    let place = Place::new();
    place.simulate("--lambda 2 --delay constant(0.25) --workers 1,4").succeeds();
    for m in [1, 4] {
        place.row("sync", m).agrees_with(harmonic(m) / 2.0 + 0.25);
        place.row("async", m).agrees_with(0.75 / f64::from(m));
    }
    // Two steps in a row, each exponential: E[X] + E[D].
    place.simulate("--lambda 2 --delay exp(4) --workers 4 --policies async").succeeds();
    place.row("async", 4).agrees_with(0.75 / 4.0);
}

#[test]
fn speeds_are_repeated_over_the_workers() {
    let place = Place::new();
    place.simulate("--lambda 1 --speeds 1,1,2,4 --workers 4,8").succeeds();
    place.row("async", 4).agrees_with(1.0 / 8.0);
    place.row("async", 8).agrees_with(1.0 / 16.0);
    // E[max] of rates 1, 1, 2, 4.
    let max = place.row("sync", 4).number("theory_s");
    assert!((max - 1.59405).abs() < 5e-6, "{max}");
    place.row("sync", 4).agrees_with(max);
    // At half the speed a constant step takes twice as long, and sync waits for it.
    place.simulate("--step-time constant(1) --speeds 1,1,0.5 --workers 2,3 --policies sync").succeeds();
    assert_near(place.row("sync", 2).number("mean_s"), 1.0);
    assert_near(place.row("sync", 3).number("mean_s"), 2.0);
}
