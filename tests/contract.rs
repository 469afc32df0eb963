//! Exit statuses: 0 done, 1 a verdict failed, 2 usage, 3 bad input or I/O, 130 interrupted (in `interrupted.rs`); and what is
//! refused is refused in one sentence, with nothing on the standard output and no file touched. What the sentences say is
//! tested where they are made.

mod common;

use common::{Place, straggle};

fn used() -> Place {
    Place::new().with("output/simulate/notes.txt", "mine").with("steps.csv", "step_time_s\n0.5\nfast\n")
}

/// `straggle ...` here ends with this status, says this in one sentence, and leaves everything as it was.
fn refused(words: &str, status: i32, part: &str) {
    let place = used();
    let before = place.contents();
    let said = straggle().inside(place.path()).words(words).fails(status);
    said.prints_nothing().in_one_sentence().says(part);
    assert!(before == place.contents(), "files were touched: {said}");
}

#[test]
fn what_makes_no_sense_is_usage() {
    refused("", 2, "straggle --help");
    refused("simulat", 2, "did you mean 'simulate'?");
    refused("simulate --lamda 3", 2, "did you mean '--lambda'?");
    refused("simulate --lambda 0", 2, "type --lambda 2");
    refused("simulate --lambda 2 --step-time exp(2)", 2, "leave one of them out");
    refused("simulate --model gate", 2, "type one of event, gated");
    refused("simulate --workers 4 --policies k-sync:9", 2, "lower K or raise the workers");
    refused("simulate --step-time gama(4,1)", 2, "did you mean 'gamma'?");
    refused("simulate --workers 1-20", 2, "type 1..20");
    refused("simulate --precision 0.1", 2, "type 10% if you mean that share, or 0.1%");
    refused("replay", 2, "is missing");
}

#[test]
fn what_cannot_be_read_or_written_is_bad_input() {
    refused("simulate --step-time trace(missing.csv)", 3, "missing.csv");
    refused("simulate --delay trace(steps.csv)", 3, "line 3");
    refused("simulate --out steps.csv", 3, "cannot write steps.csv: ");
    refused("simulate --config missing.toml", 3, "missing.toml cannot be read: ");
    refused("replay steps.csv", 3, "is not the manifest of a run");
}

#[cfg(unix)]
#[test]
fn arguments_are_text() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    let name = OsStr::from_bytes(b"runs\xff");
    for words in ["simulate --out", "simulate --config", "explore --json --out", "plan", "merge", "replay", "man"] {
        let place = used();
        let before = place.contents();
        let said = straggle().inside(place.path()).words(words).args([name]).fails(2);
        said.prints_nothing().in_one_sentence().says("the argument 'runs·' is no UTF-8 text");
        assert!(before == place.contents(), "files were touched: {said}");
    }
}

#[test]
fn help_and_version_are_results() {
    for words in ["--help", "simulate --help", "replay --help", "completions --help"] {
        straggle().words(words).succeeds().prints("Exit status: 0 done, 1 a verdict failed, 2 usage").is_silent();
    }
    straggle().words("simulate --help").succeeds().prints("Examples:\n  straggle simulate --lambda 2");
    let version = straggle().words("--version").succeeds().stdout;
    let commit = version.split(['(', ')']).nth(1).unwrap_or_default();
    let known =
        std::process::Command::new("git").args(["rev-parse", "HEAD"]).output().is_ok_and(|git| git.status.success());
    assert!(version.starts_with(concat!("straggle ", env!("CARGO_PKG_VERSION"))), "{version}");
    assert_eq!(known, commit.len() == 10 && commit.chars().all(|c| c.is_ascii_hexdigit()), "{version}");
}

#[test]
fn shells_and_readers_of_manuals_are_served() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        straggle().args(["completions", shell]).succeeds().prints("straggle").prints("max-workers");
    }
    straggle().args(["man"]).succeeds().prints(".TH straggle 1").prints("completions");
    let place = Place::new();
    straggle().inside(place.path()).args(["man", "pages"]).succeeds().prints_nothing();
    assert!(place.contents().keys().any(|path| path.ends_with("straggle-simulate.1")));
    let script = straggle().args(["completions", "bash", "--json"]).succeeds().json();
    assert!(script["script"].as_str().is_some_and(|script| script.contains("max-workers")), "{script}");
    let page = straggle().args(["man", "--json"]).succeeds().json();
    assert!(page["page"].as_str().is_some_and(|page| page.contains(".TH straggle 1")), "{page}");
    let files = straggle().inside(place.path()).args(["man", "pages", "--json"]).succeeds().json();
    assert!(files["files"].as_array().is_some_and(|files| files.len() > 10), "{files}");
}

#[cfg(feature = "train")]
mod trained {
    use super::common::digits::{EASY, train, with_easy_digits};
    use super::refused;

    #[test]
    fn what_cannot_be_trained_is_refused() {
        refused("train --policies asink", 2, "did you mean 'async'?");
        refused("train --policies sync,async", 2, "straggle scaling --policies sync,async");
        refused("train --policies hogwild --lr-rule per-staleness", 2, "type --lr-rule same");
        refused("train --epochs 1 --updates 2", 2, "leave one of them out");
        refused("train --step-time exp(2)", 2, "--step-time is for --clock simulated");
        refused("train --cores 2", 2, "--cores is for --clock simulated");
        refused("train --clock simulated --payload 1MB", 2, "--payload is for --comm");
        refused("train --target-accuracy 0.9", 2, "type 90% if you mean that share");
        refused("train --samples 70000", 3, "--samples 60000");
        refused("train --data nowhere", 3, "nowhere");
        refused("scaling --workers 1025", 2, "too many to start");
        refused("scaling --samples 60001", 3, "type --samples 60000");
        refused("validate --updates 39", 2, "a whole number from 40");
        refused("reproduce E0 --repeats 3", 2, "E0 is run once; leave --repeats out");
        refused("reproduce E9", 2, "type one of E0, E1, E2, E3, E4, E5, E7, all");
    }

    #[test]
    fn a_target_that_is_missed_is_a_failed_verdict() {
        let place = with_easy_digits();
        let words = format!("{EASY} --lr 1e-6 --epochs 1 --quiet --target-accuracy 99.9%").replace("--lr 0.1 ", "");
        let said = train(&place, &words).fails(1);
        said.in_one_sentence().says("the target was not reached");
        assert!(place.path().join("output/train/metrics.csv").exists(), "what was learnt is kept");
    }

    #[test]
    fn a_training_that_diverges_says_so_and_keeps_what_was_measured() {
        let place = with_easy_digits();
        for step_sizes in ["--lr 1e30", "--lr 5 --momentum 0.99"] {
            let words = format!("--model mlp --data easy --batch-size 10 {step_sizes} --epochs 9 --quiet");
            let said = train(&place, &words).fails(1);
            said.in_one_sentence().says("training diverged at update ").says("lower --lr");
            assert!(place.path().join("output/train/metrics.csv").exists());
        }
    }
}

#[test]
fn options_of_a_cluster_that_make_no_sense_together_are_usage() {
    refused("simulate --comm ring", 2, "type --payload 100MB --bandwidth 25GB/s");
    refused("simulate --payload 100MB", 2, "--payload is for --comm; type --comm ring");
    refused("simulate --comm rings --payload 1MB --bandwidth 1GB/s", 2, "did you mean 'ring'?");
    refused(
        "simulate --comm ring --payload 1MB --bandwidth 1GB/s --overlap 2",
        2,
        "overlap must be a share from 0 to 1",
    );
    refused("simulate --comm ring --payload 1MB --bandwidth 1GB/s --group-bandwidth 9GB/s", 2, "ring has no groups");
    refused("simulate --bandwidth 25GB", 2, "type 25GB/s or 10Gbit/s");
    refused("simulate --restart 5m", 2, "--restart is for workers that fail; type --mtbf 1d, too");
    refused("simulate --mtbf 0s", 2, "must be positive and finite, not 0; type --mtbf 1d");
    refused("simulate --mtbf 1d --checkpoint-cost 5s", 2, "--checkpoint-cost is for --checkpoint");
    refused("simulate --fixed-time 5ms", 2, "--fixed-time is for --global-batch");
    refused("simulate --unit ms", 2, "--unit is for measured times, and none are read");
    for policies in ["sync", "async", "k-sync:2"] {
        let words = format!("simulate --step-time constant(100) --workers 4 --policies {policies} --mtbf 1s");
        refused(&words, 2, "hardly ever gets anything done between two failures; raise --mtbf");
    }
    refused(
        "simulate --comm hierarchical:2 --payload 1MB --bandwidth 1GB/s --group-bandwidth 2x",
        2,
        "--group-bandwidth",
    );
    refused("simulate --cancellation sometimes", 2, "type one of at-once, after-step, never");
    refused("simulate --contention 1,zero", 2, "type 1,1.05,1.2");
    refused("simulate --model gated --comm ring --payload 1MB --bandwidth 1GB/s", 2, "knows nothing of --comm");
    refused("simulate --step-time constant(1) --policies anytime:0.5", 2, "is over before a step is done");
    refused("simulate --step-time constant(1) --policies drop-compute:900ms:4 --workers 4", 2, "drop-compute:1.5:4");
    refused("simulate --policies k-sync:8..1", 2, "type k-sync:1..8");
}
