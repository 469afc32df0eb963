//! Public step times of real clusters (tests/data/traces): what is simulated from them is what was measured.
//!
//! The measured figures are computed here from the files. A simulated mean may be within 1 % of them, which is many of its
//! standard errors: what is tested is which model of dependence is right.

mod common;

use common::Place;
use std::collections::BTreeMap;
use std::io::Read;

fn text(name: &str) -> String {
    let path = format!("{}/tests/data/traces/{name}", env!("CARGO_MANIFEST_DIR"));
    let bytes = std::fs::read(&path).unwrap_or_else(|e| panic!("{path}: {e}"));
    let mut text = String::new();
    match name.ends_with(".gz") {
        true => _ = flate2::read::GzDecoder::new(&bytes[..]).read_to_string(&mut text).expect("text"),
        false => text = String::from_utf8(bytes).expect("UTF-8"),
    }
    text
}

/// step, worker, seconds
type Row = (u64, u32, f64);

fn storage(name: &str) -> Vec<Row> {
    let text = text(name);
    let row = |line: &str| {
        let fields: Vec<&str> = line.split(',').collect();
        (fields[0].parse().unwrap(), fields[1].parse().unwrap(), fields[2].parse().unwrap())
    };
    text.lines().filter(|line| !line.starts_with('#')).skip(1).map(row).collect()
}

fn csv_of(rows: &[Row]) -> String {
    let lines = rows.iter().map(|(step, worker, seconds)| format!("{step},{worker},{seconds}\n"));
    format!("step,worker,step_time_s\n{}", lines.collect::<String>())
}

/// The slowest worker of each step, in order.
fn slowest(rows: &[Row]) -> Vec<f64> {
    let mut steps = BTreeMap::<u64, f64>::new();
    for &(step, _, seconds) in rows {
        let most = steps.entry(step).or_default();
        *most = most.max(seconds);
    }
    steps.into_values().collect()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn within_a_hundredth(found: f64, exact: f64) {
    assert!((found / exact - 1.0).abs() < 0.01, "{found} is not {exact}");
}

#[test]
fn one_slow_rank_of_a_language_model_needs_a_law_for_each_worker() {
    let all = text("llm_ar.csv");
    let of_stage: Vec<&str> = all.lines().filter(|line| line.split(',').nth(1) == Some("0")).collect();
    let rows: Vec<Row> = of_stage
        .iter()
        .map(|line| {
            let fields: Vec<&str> = line.split(',').collect();
            (fields[0].parse().unwrap(), fields[2].parse().unwrap(), fields[3].parse().unwrap())
        })
        .collect();
    let mean_s = mean(&rows.iter().map(|row| row.2).collect::<Vec<_>>());
    within_a_hundredth(mean(&slowest(&rows)) / mean_s, 1.7592);
    let place = Place::new().with("stage0.csv", csv_of(&rows));
    let found = |model: &str| {
        let said =
            place.simulate(&format!("--policies sync --workers 4 --step-time trace(stage0.csv,{model})")).succeeds();
        (place.row("sync", 4).number("mean_s") / mean_s, said)
    };
    within_a_hundredth(found("by-worker").0, 1.7592);
    let (pooled, said) = found("pooled");
    assert!((pooled / 1.442 - 1.0).abs() < 0.02, "{pooled}");
    said.says("is between workers").says("type trace(stage0.csv, by-worker)");
}

#[test]
fn stalls_that_hit_all_ranks_at_once_need_whole_steps() {
    let name = "storage411_nobarrier.csv.gz";
    let rows = storage(name);
    let measured = mean(&slowest(&rows));
    within_a_hundredth(measured, 0.45198);
    let place = Place::new().with("nobarrier.csv", csv_of(&rows));
    let simulate = |model: &str| {
        place.simulate(&format!("--policies sync --workers 411 --step-time trace(nobarrier.csv,{model})")).succeeds();
        place.row("sync", 411)
    };
    let by_rows = simulate("rows");
    within_a_hundredth(by_rows.number("theory_s"), measured);
    assert!((by_rows.number("mean_s") / measured - 1.0).abs() < 0.05, "a few stalls decide it: {by_rows:?}");
    within_a_hundredth(simulate("pooled").number("theory_s"), 1.381);
}

#[test]
fn the_first_half_predicts_the_second_or_its_interval_says_that_it_may_not() {
    let halves = |name: &str| {
        let rows = storage(name);
        let mut steps: Vec<u64> = rows.iter().map(|row| row.0).collect();
        steps.sort_unstable();
        steps.dedup();
        let middle = steps[steps.len() / 2];
        rows.into_iter().partition::<Vec<Row>, _>(|row| row.0 < middle)
    };
    let predicted = |rows: &[Row]| {
        let place = Place::new().with("first.csv", csv_of(rows));
        place.simulate("--policies sync --workers 411 --step-time trace(first.csv,rows)").succeeds();
        let row = place.row("sync", 411);
        assert!(row.text("interval_method").ends_with("+row-bootstrap"), "{row:?}");
        (row.number("theory_s"), row.number("ci_low_s"), row.number("ci_high_s"))
    };
    // With a barrier there are no stalls.
    let (first, second) = halves("storage411_barrier.csv.gz");
    let (exact, low, high) = predicted(&first);
    let measured = mean(&slowest(&second));
    within_a_hundredth(measured, 0.33591);
    within_a_hundredth(exact, measured);
    assert!(low < measured && measured < high && high - low < 0.01, "{low} {measured} {high}");
    // Without one they are few, and all in the first half.
    let (first, second) = halves("storage411_nobarrier.csv.gz");
    let (exact, low, high) = predicted(&first);
    let measured = mean(&slowest(&second));
    within_a_hundredth(exact, 0.5585);
    within_a_hundredth(measured, 0.3455);
    assert!(low < measured && measured < high, "{low} {measured} {high}");
}

/// Eight ranks, one of them 1.5 times slower, autoregressive, with spikes: what persists does not average out over local
/// steps.
#[test]
fn slow_phases_need_blocks_under_local_sgd() {
    let mut rows: Vec<Row> = Vec::new();
    let key = sim::RandomKey::new(5, 0);
    let unit = |worker: u32, step: u64| key.word(sim::Purpose::Compute, worker, step) as f64 / 2f64.powi(64);
    for worker in 0..8u32 {
        let mut deviation = 0.0;
        for step in 0..2000u64 {
            deviation = 0.8 * deviation + 0.1 * (unit(worker, 2 * step) - 0.5);
            let spike = if unit(worker, 2 * step + 1) < 0.01 { 0.5 } else { 0.0 };
            rows.push((step, worker, (0.4 + deviation + spike) * if worker == 3 { 1.5 } else { 1.0 }));
        }
    }
    let sums: Vec<f64> = (0..250u64)
        .map(|round| {
            let of = |worker: u32| -> f64 {
                rows.iter().filter(|row| row.1 == worker && row.0 / 8 == round).map(|row| row.2).sum()
            };
            (0..8).map(of).fold(0.0, f64::max)
        })
        .collect();
    let place = Place::new().with("made.csv", csv_of(&rows));
    let words = "--policies sync,local:8 --workers 8 --step-time trace(made.csv,blocks:80)";
    place.simulate(words).succeeds();
    for (policy, measured) in [("sync", mean(&slowest(&rows))), ("local:8", mean(&sums))] {
        let row = place.row(policy, 8);
        within_a_hundredth(row.number("mean_s"), measured);
        assert!(
            row.number("ci_low_s") < measured && measured < row.number("ci_high_s"),
            "{policy}: {row:?} {measured}"
        );
    }
}
