//! What is chosen for public traces of real clusters, and how far its predictions hold (sources in tests/data/traces).

use crate::formats::{Options, Recorded, read};
use sim::predict::candidate::{Candidate, Question, longest_drawn, measured};
use sim::predict::heldout::{self, Choice};
use sim::{Purpose, RandomKey, StepTimes};

fn trace(file: &str, options: &Options) -> Recorded {
    let path = format!("{}/tests/data/traces/{file}", env!("CARGO_MANIFEST_DIR"));
    read(&[path], options).unwrap_or_else(|e| panic!("{e}"))
}

fn chosen(file: &str) -> Choice {
    heldout::choose(&trace(file, &Options::default()).times, 0).expect("many steps of several workers")
}

#[test]
fn each_trace_gets_the_model_that_predicts_it_and_its_interval_holds() {
    let stage0 = Options { selection: vec![("stage".into(), "0".into())], ..Options::default() };
    let one_stage = heldout::choose(&trace("llm_ar.csv", &stage0).times, 0).expect("44 steps of 4 workers");
    let choices = [
        ("llm_ar, stage 0", one_stage, vec![Candidate::ByWorker]),
        ("llm_ar", chosen("llm_ar.csv"), vec![Candidate::ByWorker]),
        ("llm_trace_stage0", chosen("llm_trace_stage0.csv"), vec![Candidate::Pooled]),
        ("storage411_barrier", chosen("storage411_barrier.csv.gz"), together()),
        ("storage411_nobarrier", chosen("storage411_nobarrier.csv.gz"), together()),
    ];
    for (trace, choice, expected) in choices {
        assert!(expected.contains(&choice.chosen), "{trace}: {}", choice.chosen);
        let held_out = choice.trial().held_out;
        assert!(held_out.holds(0.0), "{trace}: {held_out:?}");
        // Independent draws are refused where they are wrong by a fifth and more.
        let pooled = choice.trials[0].held_out;
        if trace.starts_with("llm_ar") {
            assert!(!pooled.holds(0.0) && pooled.value < -0.15, "{trace}: {pooled:?}");
        }
    }
}

fn together() -> Vec<Candidate> {
    vec![Candidate::Rows, Candidate::Blocks(4), Candidate::Blocks(16)]
}

#[test]
fn eight_ranks_say_how_long_the_slowest_of_all_takes() {
    let without_first = Options { skip: 1, ..Options::default() };
    let clusters = [
        trace("llm_trace_stage0.csv", &Options::default()).times,
        trace("hpc_deepcam256.csv", &without_first).times,
        trace("storage411_barrier.csv.gz", &Options::default()).times,
    ];
    for times in clusters {
        let rows = times.rows();
        let truth = measured(&rows, Question { workers: rows.workers, steps: 1 });
        let repeats = 100;
        let error = |repeat: u64| {
            let mut eight = longest_of(&times, repeat);
            eight.sort_by(f64::total_cmp);
            (longest_drawn(&eight, rows.workers as u32) / truth - 1.0).abs()
        };
        let mean = (0..repeats).map(error).sum::<f64>() / repeats as f64;
        assert!(mean < 0.02, "{} workers: {:.2} %", rows.workers, 100.0 * mean);
    }
}

/// All times of eight workers, chosen at random.
fn longest_of(times: &StepTimes, repeat: u64) -> Vec<f64> {
    let key = RandomKey::new(8, repeat);
    let mut order: Vec<usize> = (0..times.workers()).collect();
    order.sort_by_key(|&worker| key.word(Purpose::Order, worker as u32, 0));
    order[..8].iter().flat_map(|&worker| times.of_worker(worker).to_vec()).collect()
}
