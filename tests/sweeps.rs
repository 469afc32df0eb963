//! Do parts of a sweep join into the files that one machine would have written, and does a run that is killed keep what it has
//! finished? Seen from outside.

mod common;

use common::{Place, straggle};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

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

/// Finished configurations that are kept in a directory, a line each.
fn kept(directory: &Path) -> Vec<String> {
    let text = fs::read_to_string(directory.join("finished.jsonl")).unwrap_or_default();
    text.split_inclusive('\n').filter(|line| line.ends_with('\n')).map(str::to_string).collect()
}

/// How many.
fn finished(directory: &Path) -> usize {
    kept(directory).len()
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
        // A part that is lost is named, and run again.
        fs::remove_dir_all(place.path().join("parts/part-1-of-3")).expect("removed");
        merge("").fails(3).in_one_sentence().says("1 of 3 parts are not there or not finished").says("--shard 1/3");
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
        // And so is a manifest of a command that is none.
        let one = place.path().join("parts/part-0-of-3");
        let manifest = fs::read_to_string(one.join("manifest.json")).expect("a manifest");
        let other = manifest.replace("\"command\": \"simulate\"", "\"command\": \"stimulate\"");
        let other = other.replace("\"3/3\"", "\"1/1\"").replace("\"0/3\"", "\"0/1\"");
        fs::write(one.join("manifest.json"), other).expect("written");
        let merge = straggle().inside(place.path()).words("merge parts/part-0-of-3");
        merge.fails(3).in_one_sentence().says("a run of straggle stimulate, which has no parts");
    }
}

/// Starts a part of a sweep and kills it as soon as it has finished something; whether it was caught before its end.
fn killed_on_its_way(mut command: Command, directory: &Path) -> bool {
    let mut part = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
    while finished(directory) == 0 && part.try_wait().expect("it runs").is_none() {
        std::thread::yield_now();
    }
    let _ = part.kill();
    !part.wait().expect("it has ended").success()
}

/// Does a sweep as one part, and as three of which the second is killed on its way and run again, and joins either: into `whole`
/// and `joined`. What the second had kept when it was killed, and in the end.
fn as_one_and_as_three_parts(place: &Place, words: &str) -> [usize; 2] {
    let part = |more: &str| run(place, &format!("{words} --quiet {more}"));
    let ends = |more: &str| assert!(part(more).stdout(Stdio::null()).status().expect("it starts").success(), "{more}");
    ["--shard 1/1 --out one", "--shard 1/3 --out three", "--shard 3/3 --out three"].into_iter().for_each(ends);
    let second = place.path().join("three/part-2-of-3");
    assert!(killed_on_its_way(part("--shard 2/3 --out three"), &second), "it ended before it could be killed");
    let before = kept(&second);
    assert!(!before.is_empty());
    straggle().inside(place.path()).words("merge three --out joined").fails(3).says("--shard 2/3");
    ends("--shard 2/3 --out three");
    let after = kept(&second);
    assert!(before.iter().all(|line| after.contains(line)), "what was finished is not done again");
    for (parts, joined) in [("one", "whole"), ("three", "joined")] {
        straggle().inside(place.path()).words(&format!("merge {parts} --out {joined}")).succeeds();
    }
    [before.len(), after.len()]
}

#[test]
fn one_part_is_three_parts_joined_one_of_them_killed_and_run_again_byte_for_byte() {
    // The parts take turns with the configurations: each has some quick ones and slow ones.
    let words = "simulate --policies sync,async,k-sync:2,ssp:1 --workers 2,16,40 --updates 200000";
    let place = Place::new();
    let [before, after] = as_one_and_as_three_parts(&place, words);
    assert!(before < after && after == 4, "{before} and {after} of 4 configurations");
    assert_same(&place.path().join("whole"), &place.path().join("joined"), words);
}

#[test]
#[cfg(feature = "train")]
fn a_measurement_in_three_parts_one_of_them_killed_has_what_a_single_one_has() {
    let place = common::digits::with_easy_digits();
    // Of methods whose parameters do not depend on who is first: all but the seconds has to be the same, to the last digit.
    let words = "scaling --data easy --model mlp --policies sync,local:epoch --workers 1,2 --samples 100,300 \
                 --batch-size 10 --epochs 12";
    as_one_and_as_three_parts(&place, words);
    let learnt = |run: &str| {
        let columns = ["method", "workers", "samples", "repeat", "updates", "train_loss", "test_loss", "test_accuracy"];
        let rows = csv::Reader::from_path(place.path().join(run).join("scaling.csv")).expect("a table");
        let row = |row: csv::Result<BTreeMap<String, String>>| row.map(|row| columns.map(|column| row[column].clone()));
        rows.into_deserialize().map(row).collect::<Result<Vec<_>, _>>().expect("complete rows")
    };
    assert_eq!(learnt("whole").len(), 8);
    assert_eq!(learnt("whole"), learnt("joined"));
    assert_eq!(files(&place.path().join("whole")).len(), files(&place.path().join("joined")).len());
}

/// Kills a run again and again, each time as soon as it has kept more than before, and lets it end: it leaves what an undisturbed
/// one does, and no parts. On a machine on which it ends before it is worth keeping a part there is nothing to kill.
fn killed_again_and_again_it_is_an_undisturbed_run(place: &Place, words: &str, out: &str) {
    let (whole, cut) = (place.path().join("whole").join(out), place.path().join("cut").join(out));
    straggle().inside(place.path()).words(&format!("{words} --out whole")).runs();
    assert!(!whole.join("finished.jsonl").exists(), "what is complete needs no parts");
    let mut had = 0;
    for _ in 0..3 {
        let mut command = run(place, &format!("{words} --quiet --out cut"));
        let mut run = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
        while finished(&cut) <= had && run.try_wait().expect("it runs").is_none() {
            std::thread::yield_now();
        }
        let _ = run.kill();
        run.wait().expect("it has ended");
        had = finished(&cut);
    }
    straggle().inside(place.path()).words(&format!("{words} --out cut")).runs();
    assert_same(&whole, &cut, words);
    assert!(!cut.join("finished.jsonl").exists());
}

#[test]
fn a_killed_simulation_goes_on_from_what_it_has_finished() {
    let words = "simulate --policies sync,async,k-sync:2,ssp:1 --workers 2,16,40 --updates 300000";
    killed_again_and_again_it_is_an_undisturbed_run(&Place::new(), words, "");
}

#[test]
fn a_killed_plan_goes_on_from_what_it_has_finished() {
    let profile = "step_time = [\"exp(2)\", \"exp(1)\", \"gamma(4, 0.3)\"]\n";
    let place = Place::new().with("p.toml", profile);
    let words = "plan p.toml --workers 1..60 --goal loss --slow 1@1.5 --policies sync,async,ssp:2,k-async:2,rennala:4";
    killed_again_and_again_it_is_an_undisturbed_run(&place, words, "");
}

#[test]
#[cfg(feature = "train")]
fn predictions_of_traces_go_on_from_those_that_were_finished() {
    // Steps that depend on those before, so that everything is tried.
    let mut table = "step,worker,step_time_s\n".to_string();
    for step in 0..3000 {
        (0..8).for_each(|worker| {
            let time =
                1.0 + 0.1 * f64::from((step * 7919 + worker * 104_729) % 97) / 97.0 + f64::from(step % 13) / 13.0;
            table += &format!("{step},{worker},{time}\n");
        });
    }
    let place = (0..6).fold(Place::new(), |place, i| place.with(&format!("{i}.csv"), &table));
    killed_again_and_again_it_is_an_undisturbed_run(&place, "validate traces 0.csv 1.csv 2.csv 3.csv 4.csv 5.csv", "");
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
