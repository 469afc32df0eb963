//! Are the files what the contract says: columns, numbers, and a manifest to trace them home by?

mod common;

use common::{Place, Row, assert_near};
use jiff::Timestamp;
use serde_json::json;
use sha2::{Digest, Sha256};
use std::fmt::Write;

const COLUMNS: &str = "policy,workers,step_time,model,updates,mean_s,ci_low_s,ci_high_s,sd_s,p50_s,p95_s,p99_s,theory_s,\
theory_kind,gated_s,gradients_per_update,s_per_gradient,speedup,efficiency,mean_staleness,idle_share,wasted_share,seed,\
p50_low_s,p50_high_s,p95_low_s,p95_high_s,p99_low_s,p99_high_s,s_per_gradient_low,s_per_gradient_high,speedup_low,\
speedup_high,efficiency_low,efficiency_high,mean_staleness_low,mean_staleness_high,idle_share_low,idle_share_high,\
wasted_share_low,wasted_share_high,interval_method";

/// Every policy and several kinds of theory: exact, lower, upper, none.
const VARIED: &str = "--step-time uniform(0.1,0.9) --workers 2,5,6 --iterations 400 --seed 7 --policies \
sync,k-sync:2,backup:1,k-batch-sync:3,k-async:2,k-batch-async:3,async,ssp:1,ssp:infinite,local:3,hogwild";

fn header(bytes: &[u8]) -> &str {
    let end = bytes.iter().position(|&byte| byte == b'\n').expect("a line");
    std::str::from_utf8(&bytes[..end]).expect("UTF-8")
}

#[test]
fn the_columns_are_those_of_the_contract_and_in_its_order() {
    let place = Place::new();
    place.simulate("--max-workers 2 --iterations 50").succeeds();
    let columns = header(&place.file("iteration_times.csv")).to_string();
    let later = columns.strip_prefix(COLUMNS).unwrap_or_else(|| panic!("{columns}"));
    assert!(later.starts_with(",cancellation,"), "new columns come after those of the contract: {later}");
}

#[test]
fn there_is_a_row_for_every_policy_and_number_of_workers() {
    let place = Place::new();
    place.simulate(VARIED).succeeds();
    let rows = place.rows();
    assert_eq!(rows.len(), 11 * 3);
    let policies: Vec<&str> = VARIED.rsplit(' ').next().expect("policies").split(',').collect();
    for (i, row) in rows.iter().enumerate() {
        assert_eq!(row.text("policy"), policies[i / 3]);
        assert_eq!(row.text("workers"), ["2", "5", "6"][i % 3]);
        assert_eq!(row.text("step_time"), "uniform(0.1, 0.9)", "as it is typed");
        assert_eq!((row.text("model"), row.text("updates"), row.text("seed")), ("event", "400", "7"));
    }
    for kind in ["exact", "lower", "upper"] {
        assert!(rows.iter().any(|row| row.text("theory_kind") == kind), "no {kind}");
    }
}

#[test]
fn numbers_are_the_shortest_that_read_back() {
    let place = Place::new();
    place.simulate(VARIED).succeeds();
    let numbers =
        COLUMNS.split(',').filter(|c| !["policy", "step_time", "model", "theory_kind", "interval_method"].contains(c));
    for (row, column) in place.rows().iter().flat_map(|row| numbers.clone().map(move |column| (row, column))) {
        let text = row.text(column);
        assert!(text.is_empty() || row.number(column).to_string() == text, "{column}: {text}");
        assert!(text.is_empty() || row.number(column).is_finite(), "{column}: {text}");
    }
}

#[test]
fn columns_agree_with_each_other() {
    let place = Place::new();
    place.simulate(VARIED).succeeds();
    let alone = 0.5; // the mean of uniform(0.1, 0.9)
    for row in &place.rows() {
        let number = |column| row.number(column);
        let mean = number("mean_s");
        assert!(number("ci_low_s") <= mean && mean <= number("ci_high_s") && number("sd_s") > 0.0, "{row:?}");
        assert!(number("p50_s") <= number("p95_s") && number("p95_s") <= number("p99_s"), "{row:?}");
        assert_near(number("s_per_gradient"), mean / number("gradients_per_update"));
        assert_near(number("speedup"), alone / number("s_per_gradient"));
        assert_near(number("efficiency"), number("speedup") / number("workers"));
        for share in ["idle_share", "wasted_share"] {
            assert!((0.0..1.0).contains(&number(share)), "{row:?}");
        }
        theory_is_said_to_be_what_it_is(row);
    }
}

fn theory_is_said_to_be_what_it_is(row: &Row) {
    let kind = row.text("theory_kind");
    assert_eq!(row.text("theory_s").is_empty(), kind == "none", "{row:?}");
    match kind {
        "exact" => assert!(row.z(row.number("theory_s")).abs() < 6.0, "{row:?}"),
        "lower" => assert!(row.z(row.number("theory_s")) > -6.0, "{row:?}"),
        "upper" => assert!(row.z(row.number("theory_s")) < 6.0, "{row:?}"),
        "none" => {}
        other => panic!("{other} is no kind of theory"),
    }
}

#[test]
fn gradients_per_update_are_those_of_the_policy() {
    let place = Place::new();
    place.simulate(VARIED).succeeds();
    let expected = [
        ("sync", 6.0),
        ("k-sync:2", 2.0),
        ("backup:1", 5.0),
        ("k-batch-sync:3", 3.0),
        ("k-async:2", 2.0),
        ("k-batch-async:3", 3.0),
        ("async", 1.0),
        ("ssp:1", 1.0),
        ("local:3", 18.0),
        ("hogwild", 1.0),
    ];
    for (policy, gradients) in expected {
        assert_eq!(place.row(policy, 6).number("gradients_per_update"), gradients, "{policy}");
    }
    // Staleness is conserved: P - 1, P/K - 1, (P - 1)/K, up to the edges of 400 updates.
    for (policy, staleness) in [("async", 5.0), ("hogwild", 5.0), ("k-async:2", 2.0), ("k-batch-async:3", 5.0 / 3.0)] {
        let found = place.row(policy, 6).number("mean_staleness");
        assert!((found - staleness).abs() < 0.1, "{policy}: {found}");
    }
    for policy in ["sync", "k-sync:2", "backup:1", "k-batch-sync:3", "local:3"] {
        assert_eq!(place.row(policy, 6).number("mean_staleness"), 0.0, "{policy}");
    }
}

#[test]
fn the_manifest_leads_back_to_the_command() {
    let place = Place::new();
    let before = Timestamp::now();
    let script = place.simulate("--policies async,k-sync:2 --workers 2,3 --iterations 60 --seed 11 --threads 2");
    script.args(["--step-time", "gamma(4, 0.25)", "--speeds", "1,0.5", "--delay", "exp(100)"]).succeeds();
    let manifest = place.manifest();
    assert_eq!(
        manifest["command_line"],
        "straggle simulate --policies async,k-sync:2 --workers 2,3 --iterations 60 --seed 11 --threads 2 \
         --step-time 'gamma(4, 0.25)' --speeds 1,0.5 --delay 'exp(100)'"
    );
    let arguments = &manifest["arguments"];
    assert_eq!(arguments["policies"], json!(["async", "k-sync:2"]));
    assert_eq!(arguments["workers"], json!([2, 3]));
    assert_eq!(arguments["updates"], json!(60));
    assert_eq!(arguments["step_time"], json!("gamma(4, 0.25)"));
    assert_eq!(arguments["delay"], json!("exp(100)"));
    assert_eq!(arguments["speeds"], json!([1.0, 0.5]));
    assert_eq!(arguments["model"], json!("event"), "what was not typed is resolved");
    assert_eq!(manifest["seed"], json!(11));
    assert_eq!(manifest["version"], json!(env!("CARGO_PKG_VERSION")));
    assert!(manifest.as_object().expect("an object").contains_key("git_commit"));
    assert!(manifest["host"]["cores"].as_u64() >= Some(1));
    assert_eq!(manifest["host"]["os"], json!(std::env::consts::OS));
    assert_eq!(manifest["complete"], json!(true));
    let started: Timestamp = manifest["started"].as_str().expect("text").parse().expect("a time");
    assert!(before <= started && started <= Timestamp::now(), "{started}");
    let wall = manifest["wall_time_s"].as_f64().expect("seconds");
    assert!(wall > 0.0 && wall <= (Timestamp::now() - before).total(jiff::Unit::Second).expect("seconds"), "{wall}");
}

#[test]
fn the_manifest_lists_every_file_with_its_sum() {
    let place = Place::new();
    place.simulate("--max-workers 2 --iterations 50").args(["--learner", "quadratic(1,1,0.1)"]).succeeds();
    let manifest = place.manifest();
    let listed = manifest["files"].as_array().expect("a list");
    let names: Vec<&str> = listed.iter().map(|file| file["name"].as_str().expect("a name")).collect();
    for extension in ["csv", "svg", "png"] {
        for stem in ["iteration_times", "loss_curve"] {
            assert!(names.contains(&format!("{stem}.{extension}").as_str()), "{names:?}");
        }
    }
    assert_eq!(place.contents().len(), names.len() + 1, "all but the manifest itself");
    for file in listed {
        let bytes = place.file(file["name"].as_str().expect("a name"));
        let mut sum = String::new();
        Sha256::digest(&bytes).iter().for_each(|byte| write!(sum, "{byte:02x}").expect("memory"));
        assert_eq!(file["sha256"], json!(sum), "{file}");
        assert_eq!(file["bytes"], json!(bytes.len()), "{file}");
    }
}

#[test]
fn a_learner_adds_its_loss_over_time() {
    let place = Place::new();
    let script = place.simulate("--workers 1,4 --policies sync,async --iterations 300");
    script.args(["--learner", "quadratic(1, 1, 0.05)"]).succeeds();
    assert_eq!(header(&place.file("loss_curve.csv")), "policy,workers,time_s,update,loss,loss_low,loss_high");
    let rows = place.rows_of("loss_curve.csv");
    let cells: Vec<(&str, &str)> = [("sync", "1"), ("sync", "4"), ("async", "1"), ("async", "4")].to_vec();
    let mut seen: Vec<(&str, &str)> = rows.iter().map(|row| (row.text("policy"), row.text("workers"))).collect();
    seen.dedup();
    assert_eq!(seen, cells);
    for (policy, workers) in cells {
        let curve: Vec<&Row> =
            rows.iter().filter(|row| (row.text("policy"), row.text("workers")) == (policy, workers)).collect();
        // It starts at w = 1, where the loss h w^2 / 2 is one half.
        let first = [curve[0].number("time_s"), curve[0].number("update"), curve[0].number("loss")];
        assert_eq!(first, [0.0, 0.0, 0.5]);
        for column in ["time_s", "update"] {
            assert!(curve.windows(2).all(|pair| pair[0].number(column) < pair[1].number(column)), "{column}");
        }
        assert!(curve.iter().all(|row| row.number("loss") >= 0.0));
        assert!(curve.last().expect("an end").number("loss") < 0.1, "{policy} with {workers} learns");
    }
}

#[test]
fn precision_is_reached_in_every_row() {
    let place = Place::new();
    place.simulate("--precision 1% --workers 1,4 --policies sync,async,k-async:2,ssp:1").succeeds();
    let rows = place.rows();
    assert_eq!(rows.len(), 7, "k-async:2 needs two workers");
    for row in &rows {
        assert!(row.half_width() / row.number("mean_s") <= 0.01, "{row:?}");
        assert!(row.number("updates") > 1000.0, "{row:?}");
    }
    place.row("sync", 4).agrees_with(common::harmonic(4) / 2.0);
    assert_eq!(place.manifest()["arguments"]["precision"], json!("1%"));
    assert_eq!(place.manifest()["arguments"]["updates"], json!(null));
}
