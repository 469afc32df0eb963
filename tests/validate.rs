//! `straggle validate`: it measures on this machine, so what it finds is not known beforehand; that its files, its table, its
//! verdict and its status agree with each other is.
#![cfg(feature = "train")]

mod common;

use common::{Place, Row, straggle};
use serde_json::json;

/// Small enough for seconds: one network that takes no time, few updates, no fits to wait for.
const SMALL: &str =
    "--policies sync,async --workers 1,2 --model softmax --batch-size 4 --updates 40 --out output/simulate";

#[test]
fn verdict_files_and_status_agree_and_the_tolerance_is_the_one_that_was_asked_for() {
    for (tolerance, share) in [("99%", 0.99), ("0.0001%", 1e-6)] {
        let place = Place::new();
        let words = format!("validate {SMALL} --delay exp(2000) --tolerance {tolerance}");
        let said = straggle().inside(place.path()).words(&words).runs();
        let rows = place.rows_of("validation.csv");
        let counted: Vec<_> = rows.iter().filter(|row| row.text("quantity") == "s_per_update").collect();
        assert_eq!(counted.len(), 8, "2 policies, 2 numbers of workers, with the delay and without: {said}");
        for row in &counted {
            assert!((row.number("tolerance") / share - 1.0).abs() < 1e-9, "{row:?}");
            assert!(row.number("predicted") > 0.0 && row.number("measured") > 0.0, "{row:?}");
        }
        let decides =
            |row: &&Row| !row.text("quantity").ends_with("unpaired") && !row.text("quantity").ends_with("exponential");
        let failed = rows.iter().filter(decides).any(|row| row.text("verdict") == "fail");
        assert_eq!(said.status, Some(i32::from(failed)), "{said}");
        said.prints(&format!("tolerance {} %", tolerance.trim_end_matches('%')));
        let manifest = place.manifest();
        assert_eq!(manifest["complete"], json!(true));
        assert_eq!(manifest["arguments"]["tolerance"], json!(tolerance));
        assert_eq!(manifest["arguments"]["out"], json!("output/simulate"));
        assert_eq!(manifest["arguments"]["threads"], json!(null));
        for name in ["agreement.svg", "time_per_update.svg", "staleness.svg", "step_times.svg"] {
            assert!(place.output().join(name).exists(), "{name}");
        }
    }
}

#[test]
fn policies_that_no_number_of_workers_can_follow_are_refused() {
    let said = straggle().words("validate --policies k-sync:9 --workers 1,2").fails(2);
    said.prints_nothing().in_one_sentence().says("lower K or raise the workers");
}
