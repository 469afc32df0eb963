//! Do people's own files become profiles and advice, in one command each?

mod common;

use common::traces::eight_gpus;
use common::{Place, straggle};

fn case(file: &str) -> String {
    format!("{}/tests/data/cases/{file}", env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn a_slow_gpu_is_named_and_the_profile_says_what_was_found() {
    let place = Place::new().with("steps.csv", eight_gpus());
    let said = straggle().inside(place.path()).words("fit steps.csv -o profile.toml").succeeds();
    said.prints("Slow all the time: 5 (1.5").prints("* trace, by-worker").prints("Chosen: by-worker");
    let profile = String::from_utf8(common::read(&place.path().join("profile.toml"))).unwrap();
    let profile: toml::Table = profile.parse().unwrap();
    assert_eq!(profile["dependence"].as_str(), Some("by-worker"));
    assert_eq!((profile["workers"].as_integer(), profile["measured_under"].as_str()), (Some(8), Some("sync")));
    assert_eq!(profile["source"]["files"][0].as_str(), Some("steps.csv"));
    assert!(profile["variance"]["worker"].as_float().unwrap() > 0.8);
    // Equal seeds, equal bytes.
    let first = place.contents();
    straggle().inside(place.path()).words("fit steps.csv -o profile.toml").succeeds();
    for (name, bytes) in place.contents() {
        assert!(
            name.to_string_lossy().ends_with("manifest.json") || first[&name] == bytes,
            "{} differs",
            name.display()
        );
    }
}

#[test]
fn what_is_wrong_with_the_times_is_said() {
    let place = Place::new();
    let fit = |file: &str| straggle().inside(place.path()).args(["fit", &case(file)]);
    fit("alternate.csv").succeeds().says("--skip 2");
    fit("alternate.csv")
        .words("--skip 2")
        .succeeds()
        .says("alternate between short and long")
        .prints("Chosen: blocks:");
    fit("wide.csv").succeeds().prints("Slow all the time: rank3 (1.9").says("taken as seconds");
    fit("nano.log").succeeds().prints("Times in 'time' (ms): 1 worker (nothing names workers)");
    fit("profiler_trace.json").succeeds().says("the spans called 'ProfilerStep#'");
    fit("scalars_export.csv").succeeds().says("differences of 'Wall time'");
    fit("sparse.csv").succeeds().says("left out: ").says("missing");
    fit("one_row.csv").succeeds().says("1 step time: too few").prints("Chosen: pooled");
    fit("local_sgd_4gpu.csv").fails(3).in_one_sentence().says("type --column 'train_time_s'");
    fit("ms.csv").words("--measured-under nothing").fails(2).in_one_sentence();
}

#[test]
fn times_that_end_after_a_collective_are_of_no_use_and_it_says_so() {
    let mut text = "rank,step,step_time_s\n".to_string();
    for step in 0..60 {
        for rank in 0..4 {
            text += &format!("{rank},{step},{}\n", 0.5 + 0.1 * f64::from(step * 7 % 13) + 1e-4 * f64::from(rank));
        }
    }
    let place = Place::new().with("steps.csv", text);
    straggle().inside(place.path()).words("fit steps.csv").succeeds().says("these times end after the all-reduce");
}

#[test]
fn runs_over_several_links_are_a_model_of_messages() {
    let place = Place::new();
    let path = format!("{}/tests/data/traces/diloco_measured.csv", env!("CARGO_MANIFEST_DIR"));
    let fit = |words: &str| straggle().inside(place.path()).args(["fit", &path]).words(words);
    fit("").fails(3).in_one_sentence().says("choose one by --where 'algorithm=");
    let said = fit("--where algorithm=diloco --format csv --out output/runs").succeeds();
    said.prints("all-reduce along a ring").prints("the first round of a run takes").prints("Tried on the other links");
    let bytes = common::read(&place.path().join("output/runs/runs.csv"));
    let rows: Vec<std::collections::BTreeMap<String, String>> =
        csv::Reader::from_reader(&bytes[..]).deserialize().map(|row| row.unwrap()).collect();
    assert_eq!(rows.len(), 24);
    for row in rows.iter().filter(|row| row["rounds"].parse::<u64>().unwrap() > 10) {
        let number = |name: &str| row[name].parse::<f64>().unwrap();
        // One run of 24 waited for a whole 4.7 s in its first round.
        assert!((number("fitted_blocked_s") / number("blocked_s") - 1.0).abs() < 0.15, "{row:?}");
    }
}

#[test]
fn parameters_have_digits_that_a_person_reads() {
    let text: String = (0..40).map(|i| format!("{i},{}\n", 0.1 + 0.01 * f64::from(i * 7 % 11))).collect();
    let place = Place::new().with("steps.csv", format!("step,step_time_s\n{text}"));
    straggle().inside(place.path()).words("fit steps.csv -o profile.toml").succeeds();
    let profile: toml::Table =
        String::from_utf8(common::read(&place.path().join("profile.toml"))).unwrap().parse().unwrap();
    let law = profile["step_time"].as_str().unwrap();
    assert!(law != "trace" && law.len() < 30, "{law}");
}

#[test]
fn the_profile_is_a_file_of_the_run_and_nothing_else_is_touched() {
    let mine = "step_time = \"0.35s\"  # mine\n";
    let place = Place::new().with("steps.csv", four_workers()).with("profile.toml", mine);
    let read = |name: &str| String::from_utf8(common::read(&place.path().join(name))).unwrap();
    let run = |words: &str| straggle().inside(place.path()).words(words).succeeds();
    let steps = read("steps.csv");
    run("fit steps.csv -o study");
    assert!(read("study/profile.toml").contains("[source]") && read("profile.toml") == mine);
    run("plan study/profile.toml --policies sync --workers 2 --format csv");
    run("replay study/manifest.json").prints("byte for byte");
    // A profile that is saved elsewhere is not made again.
    run("fit steps.csv -o p.toml");
    run("replay output/fit/manifest.json").prints("p.toml, saved elsewhere, was not made again");
    assert!(read("profile.toml") == mine);
    let refused = |words: &str, part: &str| {
        straggle().inside(place.path()).words(words).fails(2).in_one_sentence().says(part);
    };
    refused("fit steps.csv --save steps.csv", "is read and would be lost");
    refused("explore --trace steps.csv -o steps.csv", "is read and would be lost");
    refused("fit steps.csv -o a.toml --save b.toml", "both say where the profile goes");
    refused("fit steps.csv --where rank", "names no value");
    refused("fit steps.csv --overlap 50%", "--overlap is for tables of runs");
    assert!(read("steps.csv") == steps);
}

/// Four workers, of whom the third is slower.
fn four_workers() -> String {
    let row = |i: u32| format!("{},{},{}\n", i % 4, i / 4, 300 + (i * i) % 17 + if i % 4 == 2 { 60 } else { 0 });
    format!("rank,step,time_ms\n{}", (0..240).map(row).collect::<String>())
}
