//! Do parts of a sweep join into the files that one machine would have written, and does a run that is killed keep what it has
//! finished? Seen from outside.

mod common;

use common::{Place, straggle};
use std::fs;
use std::path::Path;
use std::process::Command;

/// All tables and figures of a run.
fn files(directory: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(directory).unwrap_or_else(|e| panic!("{}: {e}", directory.display()));
    let mut files: Vec<_> = entries
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.is_file() && !path.ends_with("manifest.json"))
        .map(|path| {
            (path.file_name().expect("a name").to_string_lossy().into_owned(), fs::read(&path).expect("a file"))
        })
        .collect();
    files.sort();
    files
}

fn assert_same(one: &Path, other: &Path, what: &str) {
    let (one, other) = (files(one), files(other));
    let names = |files: &[(String, Vec<u8>)]| files.iter().map(|file| file.0.clone()).collect::<Vec<_>>();
    assert_eq!(names(&one), names(&other), "{what}");
    assert!(one.len() > 1, "{what}");
    for (one, other) in one.iter().zip(&other) {
        assert!(one == other, "{what}: {} differs", one.0);
    }
}

fn run(place: &Place, words: &str) -> Command {
    straggle().inside(place.path()).words(words).command()
}

/// Finished configurations that are kept in a directory.
fn finished(directory: &Path) -> usize {
    fs::read_to_string(directory.join("finished.jsonl")).map_or(0, |text| text.matches('\n').count())
}

#[test]
fn three_parts_joined_are_one_run_byte_for_byte_one_of_them_killed_and_run_again() {
    let steps = "worker,step,step_time_s\n0,0,0.5\n1,0,0.7\n0,1,0.6\n1,1,0.9\n0,2,0.4\n1,2,0.8\n0,3,0.7\n1,3,0.6\n";
    for (i, words) in [
        "--policies sync,async,k-sync:3,local:2 --workers 1..6 --updates 400",
        "--policies sync,async --workers 1,2,4 --precision 4% --step-time gamma(4,0.25)",
        "--policies sync,async,ssp:1 --workers 2,4 --updates 200 --learner quadratic(1,1,0.05)",
        "--policies sync,async --workers 2..5 --updates 300 --step-time trace(steps.csv,step_time_s,pooled)",
        "--policies sync,async --workers 1..4 --updates 300 --model gated",
        // Diverges: not every number is one.
        "--policies sync --workers 1,2 --updates 200000 --learner quadratic(1,1,2.5)",
    ]
    .into_iter()
    .enumerate()
    {
        let place = Place::new().with("steps.csv", steps);
        let simulate = |more: &str| straggle().inside(place.path()).words(&format!("simulate {words} {more}"));
        simulate("--out whole").succeeds();
        for part in 1..=3 {
            let said = simulate(&format!("--shard {part}/3 --out parts --threads {part}")).succeeds();
            said.prints("configurations finished");
        }
        let merge = |more: &str| straggle().inside(place.path()).words(&format!("merge parts --out joined {more}"));
        merge("").succeeds();
        assert_same(&place.path().join("whole"), &place.path().join("joined"), words);
        if i > 0 {
            continue;
        }
        // A part that is lost is named, and run again; so is a part that died on the way.
        fs::remove_dir_all(place.path().join("parts/part-1-of-3")).expect("removed");
        merge("").fails(3).in_one_sentence().says("1 of 3 parts are not there or not finished").says("--shard 1/3");
        let long =
            "simulate --policies sync,k-sync:1,async --workers 1,64,64,65,66 --updates 2000000 --shard 1/1 --out long";
        let mut dies = run(&place, long).stdout(std::process::Stdio::null()).spawn().expect("it starts");
        while finished(&place.path().join("long/part-0-of-1")) == 0 {
            if dies.try_wait().expect("it runs").is_some() {
                break;
            }
            std::thread::yield_now();
        }
        let _ = dies.kill();
        dies.wait().expect("it has ended");
        assert!(finished(&place.path().join("long/part-0-of-1")) > 0);
        simulate("--shard 1/3 --out parts").succeeds();
        merge("").succeeds();
        assert_same(&place.path().join("whole"), &place.path().join("joined"), "run again");
        // Parts of different sweeps are told apart, and so is what is no part.
        simulate("--seed 1 --shard 2/3 --out parts").succeeds();
        merge("").fails(3).in_one_sentence().says("parts of different sweeps");
        straggle()
            .inside(place.path())
            .words("merge whole")
            .fails(3)
            .in_one_sentence()
            .says("holds no part of a sweep");
    }
}

#[test]
fn a_killed_run_keeps_what_it_has_finished_and_a_rerun_is_an_undisturbed_run() {
    let words = "simulate --policies sync,async,k-sync:2,ssp:1 --workers 2,16,40 --updates 300000";
    let whole = Place::new();
    straggle().inside(whole.path()).words(&format!("{words} --out run")).succeeds();
    assert!(!whole.path().join("run/finished.jsonl").exists(), "what is complete needs no parts");
    let cut = Place::new();
    let directory = cut.path().join("run");
    let mut kept = 0;
    // Killed as soon as something is kept, again and again: each time there is more.
    for _ in 0..3 {
        let mut run = run(&cut, &format!("{words} --quiet --out run"))
            .stdout(std::process::Stdio::null())
            .spawn()
            .expect("it starts");
        while finished(&directory) <= kept && run.try_wait().expect("it runs").is_none() {
            std::thread::yield_now();
        }
        let _ = run.kill();
        run.wait().expect("it has ended");
        kept = finished(&directory);
    }
    straggle().inside(cut.path()).words(&format!("{words} --out run")).succeeds();
    assert_same(&whole.path().join("run"), &directory, words);
    assert!(!directory.join("finished.jsonl").exists());
}

#[test]
#[cfg(feature = "train")]
fn parts_of_a_measurement_are_joined_and_measure_nothing_again() {
    let place = common::digits::with_easy_digits();
    let words = "--data easy --model softmax --policies sync,local:epoch --workers 1,2 --samples 100,200 --batch-size 10 --epochs 1";
    let scaling = |more: &str| straggle().inside(place.path()).words(&format!("scaling {words} {more}"));
    for part in 0..3 {
        scaling(&format!("--shard {part}/3 --out parts")).succeeds().prints("trials finished");
    }
    let merge = |out: &str| straggle().inside(place.path()).words(&format!("merge parts --out {out}")).succeeds();
    merge("one");
    // What was measured is only ever measured once: another joining is the same to the last byte.
    scaling("--shard 1/3 --out parts").succeeds();
    merge("other");
    assert_same(&place.path().join("one"), &place.path().join("other"), "joined twice");
    let rows = fs::read_to_string(place.path().join("one/scaling.csv")).expect("a table");
    assert_eq!(rows.lines().count(), 1 + 8);
}

#[test]
fn a_part_is_typed_as_schedulers_count() {
    let place = Place::new();
    let simulate =
        |shard: &str| straggle().inside(place.path()).args(["simulate", "--updates", "50", "--shard", shard]);
    simulate("4/3").fails(2).in_one_sentence().says("type 1/3, 2/3 and 3/3, or 0/3, 1/3 and 2/3");
    // One of several processes of a job is welcome to a part of its own.
    simulate("1/2").with("SLURM_NTASKS", "2").succeeds();
}
