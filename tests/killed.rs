//! Processes that are killed leave the old run or the new one, never a mixture of both, and nothing that the next run does not
//! clear.
//!
//! A run is killed after longer and longer shares of the time that an undisturbed one takes: when that is depends on the
//! machine, what is found then does not.
#![cfg(unix)]

mod common;

use common::digits::{EASY, train, with_easy_digits};
use common::{Place, Script, straggle};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

/// Kills of each command.
const KILLS: u32 = 40;

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The seed of the run that is there, every file of which is as its manifest says; `None` if no run is.
fn seed_of_the_run(directory: &Path) -> Option<u64> {
    let manifest: serde_json::Value = serde_json::from_slice(&std::fs::read(directory.join("manifest.json")).ok()?)
        .expect("a manifest is there whole, or not at all");
    let files = manifest["files"].as_array().expect("a list");
    assert!(!files.is_empty());
    // What --save puts elsewhere is a file of its own, which says itself where it comes from.
    for file in files.iter().filter(|file| !file["name"].as_str().is_some_and(|name| name.ends_with(".safetensors"))) {
        let name = file["name"].as_str().expect("a name");
        let bytes = std::fs::read(directory.join(name)).unwrap_or_else(|e| panic!("{name} is listed: {e}"));
        assert_eq!(Some(&*sha256(&bytes)), file["sha256"].as_str(), "{name} is of another run");
    }
    manifest["seed"].as_u64()
}

fn killed(script: Script, after: Duration) {
    let mut command = script.command();
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the program starts");
    std::thread::sleep(after);
    // It may have come to its end by itself.
    let _ = child.kill();
    child.wait().expect("an end");
}

/// All files but the manifest, which tells when and where the run was.
fn results(place: &Place) -> BTreeMap<PathBuf, Vec<u8>> {
    place.contents().into_iter().filter(|(path, _)| !path.to_string_lossy().ends_with("manifest.json")).collect()
}

/// Kills runs of one directory, each with a seed of its own, and lets the last one come to its end; `run` types the command
/// with a seed, `each` looks at what is there after each.
fn kill_again_and_again(place: &Place, command: &str, run: impl Fn(&Place, u32) -> Script, each: impl Fn()) {
    let began = Instant::now();
    run(place, 0).succeeds();
    let whole = began.elapsed();
    let directory = place.path().join("output").join(command);
    let mut seen = [0, 0];
    // The runs of which one may be there: the last that was, and those whose switch may have been cut short since, at its very
    // beginning or when there was no manifest any more. Whoever comes next finishes it, and may be killed in its turn.
    let mut possible = vec![0];
    for seed in (1..=KILLS).map(u64::from) {
        possible.push(seed);
        // The first at once: however long the run before took, this one has not ended.
        killed(run(place, seed as u32), whole * (seed as u32 - 1) / (KILLS * 4 / 5));
        let now = seed_of_the_run(&directory);
        assert!(now.is_none_or(|now| possible.contains(&now)), "{now:?} is none of {possible:?}");
        each();
        seen[usize::from(now == Some(seed))] += 1;
        let is_decided = directory.join(".straggle-decided").exists();
        possible.retain(|&one| now.is_none_or(|now| one == now || is_decided && one > now));
    }
    assert!(seen[0] > 0, "every run came to its end: nothing was killed");
    run(place, 0).succeeds();
    assert_eq!(seed_of_the_run(&directory), Some(0));
}

#[test]
fn a_killed_simulation_mixes_nothing() {
    let run =
        |place: &Place, seed| place.simulate(&format!("--policies sync,async --workers 1..40 --seed {seed} --quiet"));
    let (place, undisturbed) = (Place::new(), Place::new());
    kill_again_and_again(&place, "simulate", run, || ());
    run(&undisturbed, 0).succeeds();
    assert_eq!(results(&place), results(&undisturbed));
}

/// The lines that are whole, of those that a run has kept.
fn kept(place: &Place) -> Vec<String> {
    let text = std::fs::read_to_string(place.path().join("output/scaling/finished.jsonl")).unwrap_or_default();
    text.split_inclusive('\n').filter(|line| line.ends_with("}\n")).map(str::to_string).collect()
}

#[test]
fn a_killed_measurement_keeps_every_trial_that_has_ended() {
    let words = "--data easy --model softmax --policies sync,local:epoch --workers 1,2 --samples 100,200,300 --batch-size 10 \
         --epochs 2 --quiet";
    let run = |place: &Place| straggle().inside(place.path()).args(["scaling"]).words(words);
    let place = with_easy_digits();
    let undisturbed = with_easy_digits();
    let began = Instant::now();
    run(&undisturbed).succeeds();
    let whole = began.elapsed();
    let mut before = kept(&place);
    for kill in 1..=KILLS / 2 {
        killed(run(&place), whole * kill / (KILLS / 2));
        let now = kept(&place);
        assert!(now.starts_with(&before), "a trial is lost: {} of {} are there", now.len(), before.len());
        before = now;
        seed_of_the_run(&place.path().join("output/scaling"));
    }
    run(&place).succeeds();
    let trials = kept(&place);
    assert!(trials.starts_with(&before), "a trial is lost");
    let rows = results(&place);
    let csv = |rows: &BTreeMap<PathBuf, Vec<u8>>| rows[Path::new("output/scaling/scaling.csv")].clone();
    assert_eq!(trials.len(), 12, "each is kept once");
    assert!(rows.keys().eq(results(&undisturbed).keys()), "{:?}", rows.keys());
    // Every row is that of the trial that was kept.
    let text = String::from_utf8(csv(&rows)).expect("UTF-8");
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    for row in reader.deserialize::<BTreeMap<String, String>>() {
        let row = row.expect("a row");
        let key = format!("{} m={} n={} repeat=0 ", row["method"], row["workers"], row["samples"]);
        let is_it = |line: &serde_json::Value| line["key"].as_str().is_some_and(|of| of.starts_with(&key));
        let line = trials.iter().map(|line| serde_json::from_str(line).expect("JSON")).find(is_it).expect("kept");
        assert_eq!(Some(row["wall_time_s"].parse().expect("s")), line["result"][0]["wall_time_s"].as_f64(), "{key}");
    }
    // All is there: nothing is measured again.
    run(&place).succeeds();
    assert!(csv(&rows) == csv(&results(&place)) && kept(&place) == trials);
}

/// The header of safetensors, and all bytes that it promises: their number, a number of its own, comes first.
fn assert_whole(path: &Path) {
    let bytes = std::fs::read(path).expect("parameters");
    let (length, rest) = bytes.split_first_chunk().expect("the length of a header");
    let (header, data) = rest.split_at(u64::from_le_bytes(*length) as usize);
    let header: BTreeMap<String, serde_json::Value> = serde_json::from_slice(header).expect("a header");
    let end = |tensor: &serde_json::Value| tensor["data_offsets"][1].as_u64();
    assert_eq!(header.values().filter_map(end).max(), Some(data.len() as u64));
    assert!(header["__metadata__"].is_object(), "it says where it comes from");
}

#[test]
fn a_killed_training_mixes_nothing() {
    let words = format!("{EASY} --clock simulated --epochs 1 --save net.safetensors --quiet");
    let run = |place: &Place, seed| train(place, &format!("{words} --seed {seed}"));
    let (place, undisturbed) = (with_easy_digits(), with_easy_digits());
    run(&undisturbed, 0).succeeds();
    // The parameters are there whole, of whichever run, from the first one on.
    kill_again_and_again(&place, "train", run, || assert_whole(&place.path().join("net.safetensors")));
    assert_eq!(results(&place), results(&undisturbed));
}
