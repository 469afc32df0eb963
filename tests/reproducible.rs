//! Do equal seeds give equal bytes, on any number of threads and in any order of the questions?

mod common;

use common::{Place, Row};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// All policies, configurations of very different length, so that threads finish them in all orders.
const VARIED: &str = "--step-time gamma(4,0.25) --delay exp(20) --server-time exp(50) --speeds 1,1,0.5 --workers 1,3,6 \
--iterations 500 --policies sync,k-sync:2,backup:1,k-batch-sync:3,k-async:2,k-batch-async:3,async,ssp:1,local:3,hogwild";

/// What a run prints and writes; of the manifest, all but the command line and the times.
fn results(words: &str) -> (String, BTreeMap<PathBuf, Vec<u8>>) {
    let place = Place::new();
    let said = place.simulate(words).succeeds();
    let mut files = place.contents();
    let mut manifest = place.manifest();
    for of_this_run in ["command_line", "started", "wall_time_s"] {
        manifest.as_object_mut().expect("an object").remove(of_this_run).expect("an entry");
    }
    manifest["arguments"].as_object_mut().expect("an object").remove("threads").expect("an entry");
    files.insert("output/simulate/manifest.json".into(), manifest.to_string().into_bytes());
    (said.stdout, files)
}

fn equal_on_any_number_of_threads(words: &str, files: usize) {
    let (printed, written) = results(words);
    assert_eq!(written.len(), files);
    for threads in [1, 2, 3, 7] {
        let (same_printed, same_written) = results(&format!("{words} --threads {threads}"));
        assert_eq!(printed, same_printed, "{threads} threads");
        assert!(written.keys().eq(same_written.keys()), "{threads} threads");
        for (path, bytes) in &written {
            assert!(*bytes == same_written[path], "{} differs with {threads} threads", path.display());
        }
    }
}

#[test]
fn equal_seeds_give_equal_bytes_on_any_number_of_threads() {
    equal_on_any_number_of_threads(VARIED, 6);
}

#[test]
fn with_something_to_learn_too() {
    let words =
        "--policies sync,async,k-async:2,ssp:1,local:2 --workers 1,2,6 --iterations 300 --learner quadratic(1,1,0.05)";
    equal_on_any_number_of_threads(words, 9);
}

#[test]
fn with_a_precision_to_reach_too() {
    equal_on_any_number_of_threads("--precision 2% --workers 1,2,6 --policies sync,async,k-async:2,ssp:1", 5);
}

#[test]
fn in_the_gated_model_too() {
    equal_on_any_number_of_threads("--model gated --step-time uniform(0.1,0.9) --workers 1,6 --iterations 300", 5);
}

fn rows(words: &str) -> Vec<Row> {
    let place = Place::new();
    place.simulate(words).succeeds();
    place.rows()
}

#[test]
fn another_seed_gives_other_numbers() {
    let of_seed = |seed: u64| rows(&format!("--workers 1,3 --iterations 200 --seed {seed}"));
    let (zero, one, large) = (of_seed(0), of_seed(1), of_seed(u64::MAX));
    assert_eq!(zero, rows("--workers 1,3 --iterations 200"), "the default");
    for ((a, b), c) in zero.iter().zip(&one).zip(&large) {
        for column in ["mean_s", "sd_s"] {
            let values = [a, b, c].map(|row| row.text(column));
            assert!(values[0] != values[1] && values[1] != values[2] && values[0] != values[2], "{values:?}");
        }
        assert_eq!(a.text("theory_s"), b.text("theory_s"), "theory knows no random numbers");
    }
    assert_eq!(large[0].text("seed"), "18446744073709551615");
}

#[test]
fn a_row_does_not_depend_on_the_other_rows() {
    let by_cell = |words: &str| -> BTreeMap<(String, String), Row> {
        let key = |row: &Row| (row.text("policy").to_string(), row.text("workers").to_string());
        rows(words).into_iter().map(|row| (key(&row), row)).collect()
    };
    let rest = "--step-time gamma(4,0.25) --iterations 200";
    let all = by_cell(&format!("--workers 1,2,5 --policies sync,async,ssp:1 {rest}"));
    assert_eq!(all.len(), 9);
    assert_eq!(all, by_cell(&format!("--workers 5,1,2 --policies ssp:1,sync,async {rest}")));
    for (cell, row) in &all {
        let alone = by_cell(&format!("--workers {} --policies {} {rest}", cell.1, cell.0));
        assert_eq!(alone.len(), 1);
        assert_eq!(alone[cell], *row);
    }
}

#[test]
fn a_worker_has_the_same_random_numbers_under_policies_that_are_the_same() {
    // Equal event for event, so equal in every number.
    let words = "--step-time lognormal(-1,0.5) --workers 4 --iterations 500 --policies \
                 sync,k-sync:4,k-async:4,local:1,backup:0,async,k-async:1,k-batch-async:1,ssp:infinite,hogwild";
    let rows = rows(words);
    let of = |row: &Row| {
        let columns =
            ["mean_s", "ci_low_s", "ci_high_s", "sd_s", "p50_s", "p99_s", "theory_s", "mean_staleness", "idle_share"];
        columns.map(|column| row.text(column).to_string())
    };
    assert!(rows[..5].iter().all(|row| of(row) == of(&rows[0])), "{rows:#?}");
    assert!(rows[5..].iter().all(|row| of(row) == of(&rows[5])), "{rows:#?}");
    assert_ne!(of(&rows[0]), of(&rows[5]));
}
