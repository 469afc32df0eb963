//! Does `straggle train` write what the contract says, the same each time where time is simulated, and refuse in one
//! sentence what makes no sense? Seen from outside; the networks are real, the images mostly made up, small and easy.
#![cfg(feature = "train")]

mod common;

use common::digits::{EASY, train, with_easy_digits};
use common::{Place, Row, Said};
use serde_json::json;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Where the rows of a [`Place`] are looked for; what `train` chooses by itself is seen in the first test.
const HERE: &str = "--out output/simulate";

/// The files of a run, and those of the easy digits.
const FILES: usize = 9;
const DIGITS: usize = 4;

/// `;`-joined numbers.
fn joined(row: &Row, column: &str) -> Vec<u64> {
    row.text(column).split(';').map(|n| n.parse().unwrap_or_else(|_| panic!("{column}: {row:?}"))).collect()
}

fn numbers(rows: &[Row], column: &str) -> Vec<f64> {
    rows.iter().map(|row| row.number(column)).collect()
}

/// All that the files of one run say about the same things.
fn assert_consistent(place: &Place, words: &str, batch: f64, samples: f64, local: f64) {
    let [updates, steps, metrics] = ["updates.csv", "steps.csv", "metrics.csv"].map(|name| place.rows_of(name));
    let (mut applied, mut workers): (BTreeMap<u64, Vec<[u64; 2]>>, _) = (BTreeMap::new(), BTreeMap::new());
    for step in &steps {
        let [start, finish] = ["start_s", "finish_s"].map(|column| step.number(column));
        match (step.text("compute_s"), step.text("delay_s")) {
            ("", "") => assert!(start <= finish && step.text("applied_version").is_empty(), "{words}: {step:?}"),
            _ => {
                let busy = step.number("compute_s") + step.number("delay_s");
                assert!(start + busy <= finish + 1e-9 * finish, "{words}: {step:?}");
                // Workers compute on while the clock stands still for a look at the parameters: a task of some microseconds may pass in that.
                assert!(step.number("compute_s") >= 0.0 && step.number("delay_s") >= 0.0, "{words}: {step:?}");
            }
        }
        let [worker, serial, base] = ["worker", "serial", "base_version"].map(|column| step.number(column) as u64);
        // A worker's tasks follow one another: next number, not before the last one ended, not at older parameters.
        let last = workers.insert(worker, (serial + 1, finish, base)).unwrap_or((0, 0.0, 0));
        assert!(last.0 == serial && last.1 <= start && last.2 <= base, "{words}: {step:?} after {last:?}");
        if !step.text("applied_version").is_empty() {
            let version = step.number("applied_version") as u64;
            assert!(finish <= updates[version as usize - 1].number("time_s"), "{words}: {step:?}");
            applied.entry(version).or_default().push([worker, version - 1 - base]);
        }
    }
    let mut steps_so_far = vec![0.0];
    for (row, version) in updates.iter().zip(1..) {
        assert_eq!(row.number("update"), version as f64, "{words}");
        let (who, staleness) = (joined(row, "workers"), joined(row, "staleness"));
        assert_eq!(who.len(), staleness.len(), "{words}: {row:?}");
        let said: Vec<_> = who.into_iter().zip(staleness).map(|(worker, staleness)| [worker, staleness]).collect();
        let tasks = applied.remove(&version).unwrap_or_default();
        // Staleness of hogwild on threads is what its workers counted from reading to writing; a task may be given out earlier.
        let counted = words.contains("hogwild") && !words.contains("simulated");
        let same = |(said, task): (&[u64; 2], &[u64; 2])| said[0] == task[0] && (counted || said[1] == task[1]);
        assert!(said.len() == tasks.len() && said.iter().zip(&tasks).all(same), "{words}: {row:?}, {tasks:?}");
        assert!(row.number("loss") > 0.0);
        steps_so_far.push(steps_so_far.last().expect("one") + said.len() as f64 * local);
    }
    assert!(applied.is_empty(), "{words}: updates that are not there: {applied:?}");

    for (rows, column) in [(&updates, "time_s"), (&steps, "finish_s"), (&metrics, "time_s"), (&metrics, "update")] {
        assert!(numbers(rows, column).is_sorted(), "{words}: {column} runs backwards");
    }
    for row in &metrics {
        let update = row.number("update") as usize;
        common::assert_near(1.0 + row.number("epoch"), 1.0 + steps_so_far[update] * batch / samples);
        let at = if update == 0 { 0.0 } else { updates[update - 1].number("time_s") };
        // The parameters are those of this update: seen when it was made, or with the next thing that happened.
        assert!(row.number("time_s") >= at, "{words}: {row:?}");
        assert!(
            (0.0..=1.0).contains(&row.number("test_accuracy")) && row.number("test_loss") > 0.0,
            "{words}: {row:?}"
        );
        assert_eq!(row.text("train_loss").is_empty(), update == 0, "{words}: {row:?}");
    }
    assert_eq!(metrics.first().expect("the beginning").number("update"), 0.0, "{words}");
    assert_eq!(metrics.last().expect("the end").number("update"), updates.len() as f64, "{words}");
}

#[test]
fn digits_are_learnt_and_the_files_are_the_contracts() {
    let place = Place::new();
    train(&place, "--samples 2000 --epochs 1 --lr 0.1").succeeds().prints("sync").prints("16 updates").says("wrote");
    let written = place.contents();
    let names: Vec<_> = written.keys().map(|path| path.display().to_string()).collect();
    let all = "learning_curve.png learning_curve.svg manifest.json metrics.csv steps.csv timeline.png timeline.svg trace.json updates.csv";
    assert_eq!(names, all.split(' ').map(|name| format!("output/train/{name}")).collect::<Vec<_>>());
    let text =
        |name: &str| String::from_utf8(written[&PathBuf::from("output/train").join(name)].clone()).expect("UTF-8");
    for (name, header) in [
        ("updates.csv", "update,time_s,workers,staleness,loss"),
        ("steps.csv", "worker,serial,start_s,compute_s,delay_s,finish_s,base_version,applied_version"),
        ("metrics.csv", "time_s,update,epoch,train_loss,test_loss,test_accuracy"),
    ] {
        assert_eq!(text(name).lines().next(), Some(header));
    }
    let manifest: serde_json::Value = serde_json::from_str(&text("manifest.json")).expect("JSON");
    assert_eq!(manifest["complete"], json!(true));
    assert_eq!(manifest["arguments"]["samples"], json!(2000));
    assert_eq!(manifest["command_line"], json!("straggle train --samples 2000 --epochs 1 --lr 0.1"));
    let listed: Vec<_> = manifest["files"].as_array().expect("a list").iter().map(|file| &file["name"]).collect();
    assert_eq!(listed.len(), FILES - 1);

    // Real digits: from a guess (ln 10 = 2.30, 10 %) to most of them.
    std::fs::rename(place.path().join("output/train"), place.output()).expect("a place for it");
    assert_consistent(&place, "on MNIST", 64.0, 2000.0, 1.0);
    let metrics = place.rows_of("metrics.csv");
    let [first, last] = [metrics.first(), metrics.last()].map(|row| row.expect("rows"));
    assert!((first.number("test_loss") - 2.3).abs() < 0.2 && last.number("test_loss") < 1.5, "{last:?}");
    assert!(last.number("test_accuracy") > 0.6, "{last:?}");
}

/// The cluster of `simulate`, with real gradients: eight constant steps of half a second at speeds 1 and 1/2 on their way over a shared link.
#[test]
fn the_simulated_clock_knows_the_whole_cluster() {
    let place = with_easy_digits();
    let cluster = "--speeds 1,0.5 --comm ps --payload 10MB --bandwidth 100MB/s --delay constant(0.05)";
    let words = format!(
        "{EASY} {HERE} --clock simulated --step-time constant(0.5) --workers 2 --policy sync --updates 8 {cluster}"
    );
    train(&place, &words).succeeds();
    let times = numbers(&place.rows_of("metrics.csv"), "time_s");
    // The slower one has its parameters second, after 0.2 s, computes for 1 s, waits 0.05 s, and hands in for 0.1 s.
    assert!((times.last().unwrap() - 8.0 * 1.35).abs() < 1e-6, "{times:?}");
}

#[test]
fn the_files_of_every_policy_agree_with_each_other() {
    for policy in
        ["sync", "k-sync:2", "backup:1", "k-batch-sync:2", "k-async:3", "k-batch-async:3", "async", "ssp:1", "hogwild"]
    {
        for clock in ["--clock wall --delay exp(2000)", "--clock simulated", "--clock simulated --delay exp(3)"] {
            let place = with_easy_digits();
            let words = format!("{EASY} {HERE} --workers 4 --epochs 3 --policy {policy} {clock}");
            train(&place, &words).succeeds();
            assert_consistent(&place, &words, 10.0, 300.0, 1.0);
            let losses = numbers(&place.rows_of("metrics.csv"), "test_loss");
            assert!(losses.last() < losses.first(), "{words}: {losses:?}");
            let cancelled = place.rows_of("steps.csv").iter().any(|step| step.text("compute_s").is_empty());
            let cancels = ["k-sync:2", "backup:1", "k-batch-sync:2"].contains(&policy);
            assert_eq!(cancelled, cancels, "{words}");
        }
    }
    let place = with_easy_digits();
    let words = format!("{EASY} {HERE} --workers 3 --epochs 4 --policy local:4 --delay exp(2000)");
    train(&place, &words).succeeds();
    assert_consistent(&place, &words, 10.0, 300.0, 4.0);
    assert_eq!(place.rows_of("updates.csv").len(), 10, "4 epochs of 30 batches, 12 an update");
}

/// Runs, and gives every file but the manifest; of that, only what knows no clock and no place.
fn bytes(words: &str) -> BTreeMap<PathBuf, Vec<u8>> {
    let place = with_easy_digits();
    train(&place, &format!("{words} {HERE}")).runs();
    let mut manifest = place.manifest();
    for known_by_the_clock in ["started", "wall_time_s", "command_line"] {
        manifest[known_by_the_clock] = json!(null);
    }
    manifest["arguments"]["threads"] = json!(null);
    let mut files = place.contents();
    files.insert("output/simulate/manifest.json".into(), manifest.to_string().into_bytes());
    files
}

#[test]
fn simulated_training_writes_the_same_bytes_and_another_seed_others() {
    for policy in ["sync", "async", "k-batch-sync:3", "local:2"] {
        let words = format!("{EASY} --clock simulated --delay exp(3) --workers 4 --epochs 2 --policy {policy}");
        let first = bytes(&words);
        assert_eq!(first.len(), DIGITS + FILES);
        assert!(first == bytes(&words), "{policy}: other bytes");
        assert!(first == bytes(&format!("{words} --threads 1")), "{policy}: other bytes on one thread");
        let other = bytes(&format!("{words} --seed 1"));
        for name in ["updates.csv", "steps.csv", "metrics.csv"] {
            let name = PathBuf::from("output/simulate").join(name);
            assert!(first[&name] != other[&name], "{policy}: {name:?} does not depend on the seed");
        }
    }
}

#[test]
fn a_profile_is_the_cluster_of_simulated_training() {
    let profile = "step_time = \"constant(0.5)\"\n[communication]\nscheme = \"ring\"\npayload = \"100MB\"\nbandwidth = \"1GB/s\"\n";
    let place = with_easy_digits().with("nodes.toml", profile);
    let words = format!("{EASY} {HERE} --clock simulated --profile nodes.toml --workers 4 --updates 10");
    train(&place, &words).succeeds();
    // Each update is half a second and a ring of four: 2 3/4 of 0.1 s.
    let times = numbers(&place.rows_of("updates.csv"), "time_s");
    assert_eq!(times.len(), 10);
    assert!((times[9] - 10.0 * 0.65).abs() < 1e-6, "{times:?}");
    for (words, part) in [
        ("--profile nodes.toml", "is for --clock simulated"),
        ("--clock simulated --profile nodes.toml --step-time exp(2)", "cannot be used with"),
    ] {
        train(&place, &format!("{EASY} {HERE} {words}")).fails(2).in_one_sentence().says(part);
    }
}

#[test]
fn simulated_training_to_a_target_writes_the_same_bytes() {
    let words = "--samples 2000 --model softmax --epochs 20 --lr 0.1 --clock simulated --target-accuracy 70%";
    let first = bytes(words);
    assert!((0..5).all(|_| first == bytes(words)), "other bytes");
}

#[test]
fn on_one_thread_one_worker_computes_at_a_time() {
    for policy in ["async", "hogwild"] {
        let place = with_easy_digits();
        train(&place, &format!("{EASY} {HERE} --workers 3 --epochs 2 --threads 1 --policy {policy}")).succeeds();
        let steps = place.rows_of("steps.csv");
        let computing: f64 = numbers(&steps, "compute_s").iter().sum();
        let end = numbers(&steps, "finish_s").into_iter().fold(0.0, f64::max);
        assert!(computing <= end, "{policy}: {computing} s of computing in {end} s");
    }
}

#[test]
fn a_number_of_updates_is_kept_to() {
    for policy in ["sync", "async", "k-batch-async:3"] {
        let place = with_easy_digits();
        train(&place, &format!("{EASY} {HERE} --workers 4 --updates 17 --policy {policy}"))
            .succeeds()
            .prints("17 updates");
        assert_eq!(place.rows_of("updates.csv").len(), 17);
    }
}

#[test]
fn a_target_that_is_reached_ends_the_run_and_is_timed() {
    let place = with_easy_digits();
    // All of it would take half a minute; the first look, after a twentieth of it, finds that all is learnt.
    for clock in ["wall --delay constant(0.002)", "simulated"] {
        let words = format!("{EASY} {HERE} --workers 2 --epochs 1000 --target-accuracy 70% --clock {clock}");
        let said = train(&place, &words).succeeds();
        assert!(place.rows_of("updates.csv").len() < 15_000, "it went on to the end: {said}");
        said.prints("The target was reached after ");
        let metrics = place.rows_of("metrics.csv");
        let reached = metrics.iter().find(|row| row.number("test_accuracy") >= 0.7).expect("it was reached");
        let after = said.stdout.split("reached after ").nth(1).and_then(|rest| rest.split(' ').next()).expect("a time");
        let after: f64 = after.parse().expect("seconds");
        assert!((after / reached.number("time_s") - 1.0).abs() < 1e-3, "{after} s, {reached:?}");
        assert_eq!(place.manifest()["complete"], json!(true));
    }
}

/// Interrupts a run that cannot end, later and later, each time anew, until one has listened and `shows` what is looked
/// for: how soon that is depends on the machine, whether it comes does not.
#[cfg(unix)]
fn interrupted(words: &str, shows: impl Fn(&Place) -> bool) -> (Place, Said) {
    use std::process::{Command, Stdio};
    use std::time::{Duration, Instant};
    let run = |doublings: u32| {
        let place = with_easy_digits();
        let mut command = train(&place, words).command();
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
        std::thread::sleep(Duration::from_millis(50 << doublings));
        let kill = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
        assert!(kill.expect("kill").success());
        let begin = Instant::now();
        let said = Said::new(words.to_string(), child.wait_with_output().expect("an end"));
        assert!(begin.elapsed() < Duration::from_secs(60), "it did not stop: {said}");
        // No status: it did not listen yet.
        (said.status.is_some() && shows(&place)).then_some((place, said))
    };
    (0..11).find_map(run).unwrap_or_else(|| panic!("{words} never came so far"))
}

#[cfg(unix)]
#[test]
fn an_interrupt_keeps_the_complete_rows() {
    for endless in ["--policy async", "--policy k-sync:2 --workers 3 --delay exp(200)", "--clock simulated"] {
        let words = format!("{EASY} {HERE} --quiet --updates 1000000000000 {endless}");
        let has_rows =
            |place: &Place| place.output().join("updates.csv").exists() && place.rows_of("updates.csv").len() > 1;
        let (place, said) = interrupted(&words, has_rows);
        assert_eq!(said.status, Some(130), "{said}");
        let made = place.rows_of("updates.csv").len();
        said.in_one_sentence().says("interrupted").says(&format!("{made} updates were made and kept"));
        assert_consistent(&place, &words, 10.0, 300.0, 1.0);
        assert_eq!(place.manifest()["complete"], json!(false));
    }
}

#[cfg(unix)]
#[test]
fn an_interrupt_before_the_first_update_touches_nothing() {
    let (place, said) = interrupted(&format!("{EASY} --quiet --delay constant(100000)"), |_| true);
    assert_eq!(said.status, Some(130), "{said}");
    assert!(place.contents() == with_easy_digits().contents(), "{:?}", place.contents().keys());
}
