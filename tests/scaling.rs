//! Does `straggle scaling` measure what it says, trial by trial, and keep what is finished? Seen from outside, on easy digits;
//! no test knows how long anything takes.
#![cfg(feature = "train")]

mod common;

use common::digits::with_easy_digits;
use common::{Place, Row, Script, straggle};
use serde_json::json;
use std::collections::BTreeMap;

/// 300 images that are easy to tell apart; the rows of a [`Place`] are looked for here.
const EASY: &str = "--data easy --model softmax --batch-size 10 --lr 0.1 --out output/simulate";
const COLUMNS: &str = "method,workers,samples,repeat,wall_time_s,warmup_s,speedup,efficiency,updates,gradients,\
mean_update_s,train_loss,train_accuracy,test_loss,test_accuracy,mean_staleness,mean_compute_s,simulated_speedup,\
theory_speedup,initial,clock";

fn scaling(place: &Place, words: &str) -> Script {
    straggle().inside(place.path()).args(["scaling"]).words(words)
}

/// A row's method, workers, samples and repeat.
fn cell(row: &Row) -> (String, u32, u32, u32) {
    let number = |column: &str| row.number(column) as u32;
    (row.text("method").to_string(), number("workers"), number("samples"), number("repeat"))
}

fn assert_near(a: f64, b: f64) {
    assert!((a - b).abs() <= 1e-9 * (1.0 + b.abs()), "{a} is not {b}");
}

#[test]
fn every_cell_has_a_row_that_agrees_with_itself() {
    let place = with_easy_digits();
    let methods = "sync,local:epoch,local:4,hogwild,async";
    let words = format!("{EASY} --methods {methods} --workers 3,1 --samples 300,150 --epochs 2 --repeats 2 --seed 3");
    let said = scaling(&place, &words).succeeds();
    said.prints("hogwild").prints("local:epoch, m = 3: ").says("wrote");
    let text = String::from_utf8(place.file("scaling.csv")).expect("UTF-8");
    assert_eq!(text.lines().next(), Some(COLUMNS));

    let rows = place.rows_of("scaling.csv");
    let by_cell: BTreeMap<_, &Row> = rows.iter().map(|row| (cell(row), row)).collect();
    assert_eq!((rows.len(), by_cell.len()), (40, 40), "5 methods, 2 workers, 2 samples, 2 repeats");
    for ((method, workers, samples, repeat), row) in &by_cell {
        let alone = by_cell[&(method.clone(), 1, *samples, *repeat)];
        let rate = |row: &Row| row.number("gradients") / row.number("wall_time_s");
        assert_near(row.number("speedup"), rate(row) / rate(alone));
        assert_near(row.number("efficiency"), row.number("speedup") / f64::from(*workers));
        assert_near(row.number("mean_update_s"), row.number("wall_time_s") / row.number("updates"));
        assert!(row.number("warmup_s") > 0.0 && row.number("wall_time_s") > 0.0 && row.number("mean_compute_s") > 0.0);
        // Two passes of whole batches over each worker's share: 5 or 10 of 3 workers, 15 or 30 of one.
        let steps = f64::from(2 * workers * (samples / workers / 10));
        let per_update = match method.as_str() {
            "sync" => f64::from(*workers),
            "local:epoch" => steps / 2.0,
            "local:4" => f64::from(4 * workers),
            _ => 1.0,
        };
        assert_eq!(row.number("updates"), (steps / per_update).ceil(), "{row:?}");
        assert_eq!(row.number("gradients"), row.number("updates") * per_update, "{row:?}");
        assert!(row.number("test_accuracy") > 0.5 && row.number("train_loss") < 2.4, "{row:?}");
        let waits = !["hogwild", "async"].contains(&method.as_str());
        let stale = row.number("mean_staleness");
        // Under async all workers always have a task, and each update makes the others' older by one, whatever the clock says.
        // Threads that write to shared memory may do so one after the other.
        let least = if method == "async" && *workers > 1 { 0.5 } else { 0.0 };
        let most = if waits { 0.0 } else { f64::from(*workers) - 1.0 };
        assert!((least..=most).contains(&stale), "{row:?}");
        if *workers == 1 {
            assert_eq!((row.number("theory_speedup"), row.number("simulated_speedup")), (1.0, 1.0), "{row:?}");
        }
    }
    let manifest = place.manifest();
    assert_eq!((&manifest["complete"], &manifest["seed"]), (&json!(true), &json!(3)));
    assert_eq!(manifest["arguments"]["workers"], json!([1, 3]), "one worker is always there, and they are in order");

    // One worker alone does the same under every method, but for the rounding of an average of one.
    for (samples, repeat) in [(150, 0), (300, 1)] {
        let loss = |method: &str| by_cell[&(method.to_string(), 1, samples, repeat)].number("test_loss");
        assert_eq!((loss("hogwild"), loss("async")), (loss("sync"), loss("sync")));
        assert!((loss("local:epoch") / loss("sync") - 1.0).abs() < 1e-4);
    }
    // What does not race is learnt again to the last bit.
    let again = with_easy_digits();
    scaling(&again, &words.replace(methods, "sync,local:epoch")).succeeds();
    for row in again.rows_of("scaling.csv") {
        for column in ["train_loss", "train_accuracy", "test_loss", "test_accuracy"] {
            assert_eq!(row.text(column), by_cell[&cell(&row)].text(column), "{column} of {row:?}");
        }
    }
}

#[test]
fn every_rank_and_their_mean_are_written_epoch_by_epoch() {
    let place = with_easy_digits();
    let words = format!("{EASY} --methods local:epoch,sync --workers 3 --samples 300 --epochs 4 --quiet");
    scaling(&place, &words).succeeds().is_silent();
    let all = place.rows_of("epochs.csv");
    let last = place.rows_of("scaling.csv");
    for (method, workers) in [("local:epoch", 1), ("local:epoch", 3), ("sync", 1), ("sync", 3)] {
        let is_here = |row: &&Row| row.text("method") == method && row.number("workers") == f64::from(workers);
        let mut losses = Vec::new();
        for epoch in 1..=4 {
            let these = all.iter().filter(is_here).filter(|row| row.number("epoch") == f64::from(epoch));
            let (means, ranks): (Vec<&Row>, Vec<&Row>) = these.partition(|row| row.text("rank").is_empty());
            assert_eq!((means.len(), ranks.len()), (1, workers as usize), "{method}, epoch {epoch}");
            for column in ["train_loss", "train_accuracy"] {
                let sum: f64 = ranks.iter().map(|row| row.number(column)).sum();
                assert_near(means[0].number(column), sum / f64::from(workers));
            }
            losses.push(means[0].number("train_loss"));
            if epoch == 4 {
                let row = last.iter().find(|row| is_here(row)).expect("a row");
                assert_eq!(row.text("train_loss"), means[0].text("train_loss"));
                assert_eq!(row.text("train_accuracy"), means[0].text("train_accuracy"));
            }
        }
        assert!(losses.is_sorted_by(|a, b| a > b), "{method}, {workers} workers: {losses:?}");
    }
}

#[test]
fn workers_beyond_the_cores_are_noted_and_may_run_anywhere() {
    let place = with_easy_digits();
    let words = format!("{EASY} --methods hogwild --workers 40 --samples 300 --batch-size 5 --epochs 1");
    for pin in ["--pin", "--pin yes", "--pin no"] {
        let words = words.replace("--batch-size 10 ", "");
        let said = scaling(&place, &format!("{words} {pin}")).succeeds();
        if std::thread::available_parallelism().is_ok_and(|cores| cores.get() < 40) {
            said.says("note: up to 40 workers share ").says("no speed-up beyond");
        }
        assert_eq!(place.manifest()["arguments"]["pin"], json!(if pin == "--pin no" { "no" } else { "yes" }));
    }
}

#[test]
fn a_step_too_large_is_told_in_one_sentence_and_finished_cells_are_kept() {
    let place = with_easy_digits();
    // Ten images are learnt in one step an epoch, whose loss is finite; of 300 the second step's is not.
    let words = "--data easy --model mlp --batch-size 10 --lr 1e30 --epochs 1 --workers 1 --samples 10,300 --methods sync --quiet";
    let said = scaling(&place, &format!("{words} --out output/simulate")).fails(3);
    said.in_one_sentence().says("the loss is not finite at update 2 of sync with m = 1").says("lower --lr");
    said.says("1 of 2 trials were finished and kept in output/simulate");
    assert_eq!(place.rows_of("scaling.csv").len(), 1);
    assert_eq!(place.manifest()["complete"], json!(false));
}

#[cfg(unix)]
mod interrupted {
    use super::*;
    use crate::common::Said;
    use std::process::{Command, Stdio};
    use std::time::Duration;

    /// Starts a run, interrupts it after so long, and waits for its end.
    pub fn interrupted(place: &Place, words: &str, wait: Duration) -> Said {
        let mut command = straggle().inside(place.path()).words(words).command();
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
        std::thread::sleep(wait);
        Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill");
        Said::new(words.to_string(), child.wait_with_output().expect("an end"))
    }

    #[test]
    fn finished_cells_are_kept() {
        // The second trial has thirty times as many steps as the first. Later and later, until it hits the second.
        let words = format!("scaling {EASY} --methods local:epoch --workers 1 --samples 10,300 --epochs 2000");
        for doubling in 0..12 {
            let place = with_easy_digits();
            let said = interrupted(&place, &words, Duration::from_millis(40 << doubling));
            let kept = place.output().join("scaling.csv").exists();
            if said.status == Some(130) {
                said.says("interrupted");
                assert_eq!(said.stderr.contains("nothing was written"), !kept, "{said}");
            }
            if kept {
                assert_eq!(said.status, Some(130), "{said}");
                said.says("1 of 2 trials were finished and kept in output/simulate");
                let rows = place.rows_of("scaling.csv");
                assert_eq!(rows.iter().map(cell).collect::<Vec<_>>(), [("local:epoch".to_string(), 1, 10, 0)]);
                assert_eq!(place.manifest()["complete"], json!(false));
                return;
            }
        }
        panic!("it never came so far");
    }
}
