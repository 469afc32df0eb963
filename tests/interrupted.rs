//! Ctrl-C, SIGTERM and SIGHUP in a long run keep the rows that are complete, say so, and touch nothing where there are none.
//!
//! No test here knows how fast the machine is. A run that cannot end is interrupted after longer and longer waits, each
//! time anew, until it shows what is looked for: how soon that is depends on the machine, whether it comes does not.
#![cfg(unix)]

mod common;

use common::{Place, Said};
use serde_json::json;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The last configuration takes hundreds of times as long as the others.
const QUICK_AND_LONG: &str = "--policies sync --workers 1,2,1024 --iterations 300000 --threads 1";
const ENDLESS: &str = "--policies sync --workers 512 --iterations 1000000000";
const PRECISE: &str = "--precision 0.0001% --workers 4";
/// The loss curve averages over many runs, each as long as the one that is timed.
const LEARNING: &str = "--policies sync --workers 1 --iterations 3000000 --learner quadratic(1,1,0.05)";

/// Waits from a fiftieth of a second to more than a minute.
fn longer_and_longer() -> impl Iterator<Item = Duration> {
    (0..13).map(|doublings| Duration::from_millis(20 << doublings))
}

/// The signals that end a run, and their numbers.
const SIGNALS: [(&str, i32); 3] = [("-INT", 2), ("-TERM", 15), ("-HUP", 1)];

/// Whether runs are started with SIGHUP ignored, as this test is: under `nohup`, where it is to do nothing.
fn under_nohup() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| u64::from_str_radix(line.strip_prefix("SigIgn:")?.trim(), 16).ok());
    mask.is_some_and(|mask| mask & 1 == 1)
}

/// What is there, but for parts that a rerun goes on from, which a slow machine may have found worth keeping.
fn results(place: &Place) -> std::collections::BTreeMap<std::path::PathBuf, Vec<u8>> {
    place.contents().into_iter().filter(|(path, _)| !path.ends_with("finished.jsonl")).collect()
}

fn interrupt(child: &Child, signal: &str) {
    let status = Command::new("kill").args([signal, &child.id().to_string()]).status();
    assert!(status.expect("kill").success(), "it cannot be interrupted");
}

/// Starts a run, interrupts it `times` times after `wait`, and waits for its end. No status: it did not listen yet.
fn interrupted(place: &Place, words: &str, wait: Duration, times: u32, (name, number): (&str, i32)) -> Said {
    let mut command = place.simulate(words).command();
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
    std::thread::sleep(wait);
    for _ in 0..times {
        interrupt(&child, name);
    }
    let begin = Instant::now();
    let output = child.wait_with_output().expect("an end");
    let (stopped, signal) = (begin.elapsed(), output.status.signal());
    let said = Said::new(words.to_string(), output);
    assert!(stopped < Duration::from_secs(60), "it did not stop: {said}");
    assert!(said.status == Some(130) || signal == Some(number), "not ended by the signal: {said}");
    said
}

/// Interrupts run after run, later and later, until one has listened and `shows` what is looked for.
fn interrupted_until(place: &Place, words: &str, times: u32, signal: (&str, i32), shows: impl Fn() -> bool) -> Said {
    let runs = longer_and_longer().map(|wait| interrupted(place, words, wait, times, signal));
    let mut listened = runs.filter(|said| said.status.is_some());
    listened.find(|_| shows()).unwrap_or_else(|| panic!("straggle simulate {words} never came so far"))
}

#[test]
fn complete_rows_are_kept() {
    let place = Place::new();
    let quick_ones_are_there = || !place.contents().is_empty() && place.rows().len() == 2;
    let said = interrupted_until(&place, QUICK_AND_LONG, 1, SIGNALS[0], quick_ones_are_there);
    said.in_one_sentence().says("interrupted").says("were finished and kept in output/simulate");

    let rows = place.rows();
    for (row, workers) in rows.iter().zip([1, 2]) {
        let cell = [row.text("policy"), row.text("workers"), row.text("updates")];
        assert_eq!(cell, ["sync", &workers.to_string(), "300000"]);
        row.agrees_with(common::harmonic(workers) / 2.0);
    }
    let manifest = place.manifest();
    assert_eq!(manifest["complete"], json!(false));
    assert_eq!(manifest["arguments"]["workers"], json!([1, 2, 1024]), "what was asked for");
    assert_eq!(results(&place).len(), 4, "{:?}", place.contents().keys());

    // The rows that were kept are those of a run that was not interrupted.
    let whole = Place::new();
    whole.simulate("--policies sync --workers 1,2 --iterations 300000").succeeds();
    assert_eq!(rows, whole.rows());
}

#[test]
fn rows_are_kept_where_the_learning_was_interrupted() {
    let place = Place::new();
    let said = interrupted_until(&place, LEARNING, 1, SIGNALS[1], || !place.contents().is_empty());
    said.in_one_sentence().says("interrupted").says("were finished and kept in output/simulate");
    assert_eq!(place.rows().len(), 1);
    assert_eq!(place.manifest()["complete"], json!(false));
    assert!(!place.output().join("loss_curve.csv").exists(), "no curve was complete");
}

#[test]
fn where_nothing_is_complete_nothing_is_written() {
    for (words, signal) in [ENDLESS, PRECISE, ENDLESS].into_iter().zip(SIGNALS) {
        if signal.1 == 1 && under_nohup() {
            continue;
        }
        let place = Place::new().with("output/simulate/notes.txt", "mine");
        let before = place.contents();
        let said = interrupted_until(&place, words, 1, signal, || true);
        let parts = place.output().join("finished.jsonl").exists();
        let word = if parts { "the same command goes on from there" } else { "nothing was written" };
        said.prints_nothing().in_one_sentence().says("interrupted").says(word);
        assert!(before == results(&place), "{:?}", place.contents().keys());
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_run_that_is_to_survive_its_terminal_does() {
    for wait in longer_and_longer() {
        let place = Place::new();
        let mut straggle = place.simulate(ENDLESS).command();
        straggle.stdout(Stdio::null()).stderr(Stdio::null());
        let mut command = Command::new("sh");
        command.args(["-c", "trap '' HUP; exec \"$0\" \"$@\""]).arg(straggle.get_program()).args(straggle.get_args());
        command.current_dir(place.path()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().expect("the program starts");
        std::thread::sleep(wait);
        interrupt(&child, "-HUP");
        std::thread::sleep(Duration::from_millis(200));
        assert_eq!(child.try_wait().expect("a status"), None, "SIGHUP has ended it");
        interrupt(&child, "-INT");
        // It did not listen yet.
        let listened = child.wait().expect("an end").code() == Some(130);
        if listened {
            return;
        }
    }
    panic!("it never listened");
}

#[test]
fn a_second_interrupt_does_no_harm() {
    let place = Place::new().with("output/simulate/notes.txt", "mine");
    let before = place.contents();
    interrupted_until(&place, ENDLESS, 2, SIGNALS[0], || true);
    assert!(before == place.contents(), "{:?}", place.contents().keys());
}

#[test]
fn a_partial_result_does_not_replace_a_complete_one() {
    let place = Place::new();
    place.simulate("--policies sync --workers 1,2 --updates 50").succeeds();
    let complete = place.contents();
    let partial = || place.output().join("partial/iteration_times.csv").exists();
    let said = interrupted_until(&place, QUICK_AND_LONG, 1, SIGNALS[0], partial);
    said.in_one_sentence().says("kept in output/simulate/partial");
    assert!(complete.iter().all(|(path, bytes)| place.contents()[path] == *bytes));
    // A complete result leaves nothing partial behind.
    place.simulate("--policies sync --workers 1,2 --updates 50 --seed 1").succeeds();
    assert!(place.contents().keys().eq(complete.keys()), "{:?}", place.contents().keys());
}

/// A pipe by this name, which whoever opens it at one end waits for the other end of.
fn pipe(place: &Place, name: &str) -> std::path::PathBuf {
    let path = place.path().join(name);
    assert!(Command::new("mkfifo").arg(&path).status().expect("mkfifo").success());
    path
}

#[test]
fn whoever_reads_what_never_ends_hears() {
    let readers = [
        ("steps.csv", "fit steps.csv"),
        ("steps.csv", "simulate --step-time trace(steps.csv)"),
        ("steps.csv", "simulate --delay steps.csv,step_time_s"),
        ("p.toml", "simulate --profile p.toml"),
        ("p.toml", "plan p.toml"),
        #[cfg(feature = "train")]
        ("steps.csv", "validate traces steps.csv"),
        #[cfg(feature = "train")]
        ("net.safetensors", "train --load net.safetensors"),
    ];
    for (name, words) in readers {
        let place = Place::new();
        let path = pipe(&place, name);
        let mut command = common::straggle().inside(place.path()).words(words).command();
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
        // Open as soon as somebody reads, who then listens to signals, too.
        let mut writer = std::fs::File::options().write(true).open(path).expect("a reader");
        std::io::Write::write_all(&mut writer, b"step,step_time_s\n0,1\n").expect("a reader");
        interrupt(&child, "-INT");
        let said = Said::new(words.to_string(), child.wait_with_output().expect("an end"));
        assert_eq!(said.status, Some(130), "{said}");
        said.prints_nothing().in_one_sentence().says("interrupted; nothing was finished, and nothing was written");
        assert!(!place.path().join("output").exists());
    }
}

#[test]
fn whoever_prints_to_a_reader_who_does_not_read_hears_and_has_written_everything() {
    let place = Place::new();
    let words = "--policies sync --workers 1..1000 --updates 2 --format csv --json --quiet";
    let mut command = place.simulate(words).command();
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
    // It prints now, and more than a pipe holds.
    std::io::Read::read_exact(child.stdout.as_mut().expect("a pipe"), &mut [0]).expect("a byte");
    let stdout = child.stdout.take();
    interrupt(&child, "-INT");
    let said = Said::new(words.to_string(), child.wait_with_output().expect("an end"));
    drop(stdout);
    assert_eq!(said.status, Some(130), "{said}");
    said.in_one_sentence().says("interrupted; everything had been written: output/simulate: iteration_times.csv");
    assert_eq!(place.rows().len(), 1000);
    assert_eq!(place.manifest()["complete"], json!(true));
}
