//! Does a training run that was cut go on as if it had not been, and does the program know when it is not alone? Seen from
//! outside, on easy digits.
#![cfg(feature = "train")]

mod common;

use common::digits::{EASY, train, with_easy_digits};
use common::{Place, straggle};

/// Update by update, the text of the loss.
fn losses(place: &Place, file: &str) -> Vec<(u64, String)> {
    let rows = place.rows_of(file);
    rows.iter().map(|row| (row.number("update") as u64, row.text("loss").to_string())).collect()
}

const HERE: &str = "--out output/simulate";

#[test]
fn a_run_that_was_killed_goes_on_to_the_same_loss_curve_to_the_last_bit() {
    let words = format!("{EASY} --momentum 0.9 --updates 300 --workers 3 --checkpoint-every 7 {HERE}");
    let whole = with_easy_digits();
    train(&whole, &words).succeeds();
    let whole = losses(&whole, "updates.csv");
    let cut = with_easy_digits();
    // Slow enough to be caught before its end.
    let mut run = train(&cut, &format!("{words} --delay constant(0.01)")).command().spawn().expect("it starts");
    let checkpoint = cut.path().join("output/simulate/checkpoint.safetensors");
    while !checkpoint.exists() {
        assert!(run.try_wait().expect("it runs").is_none(), "it ended before its first checkpoint");
        std::thread::yield_now();
    }
    run.kill().expect("it can be killed");
    run.wait().expect("it has ended");
    train(&cut, &format!("{words} --resume")).succeeds().says("goes on after update");
    let after = losses(&cut, "updates.csv");
    assert!(after[0].0 > 7 && after[0].0 % 7 == 1, "it goes on after a checkpoint, not at {}", after[0].0);
    assert_eq!(after, whole[after[0].0 as usize - 1..]);
}

#[test]
fn a_run_goes_on_under_other_policies_and_with_other_workers_but_not_with_other_settings() {
    for (policy, clock) in
        [("async", "wall"), ("k-batch-async:2", "wall"), ("local:3", "simulated"), ("ssp:1", "simulated")]
    {
        let place = with_easy_digits();
        let words = |updates: u32| format!("{EASY} --policies {policy} --clock {clock} --updates {updates} {HERE}");
        let first = train(&place, &format!("{} --workers 3 --resume --checkpoint-every 10", words(20)));
        first.succeeds().says("training begins anew");
        for workers in [3, 2, 5] {
            train(&place, &format!("{} --workers {workers} --resume", words(40))).succeeds();
            let updates = losses(&place, "updates.csv");
            assert_eq!((updates[0].0, updates.len()), (21, 20), "{policy} on {workers}");
            let metrics = place.rows_of("metrics.csv");
            assert_eq!(metrics[0].number("update"), 20.0);
            assert!(metrics[0].number("time_s") > 0.0 && metrics[0].number("epoch") > 0.0, "{policy} on {workers}");
        }
        let other = train(&place, &format!("{} --lr-rule linear --workers 3 --resume", words(40)));
        if policy != "local:3" {
            other.fails(3).in_one_sentence().says("its --lr-rule is \"same\", not \"linear\"");
        }
        train(&place, &format!("{} --workers 3 --resume", words(20))).fails(3).says("raise --epochs");
    }
    let place = with_easy_digits();
    train(&place, &format!("{EASY} --policies hogwild --resume {HERE}"))
        .fails(2)
        .in_one_sentence()
        .says("--policies async");
    let place = place.with("output/simulate/checkpoint.safetensors", "nothing");
    train(&place, &format!("{EASY} --resume {HERE}")).fails(3).in_one_sentence().says("is no checkpoint");
}

#[test]
fn a_job_in_which_nothing_completes_is_ended() {
    let place = with_easy_digits();
    let said = train(&place, &format!("{EASY} --delay constant(86400) --stall-timeout 1 {HERE}")).fails(3);
    said.in_one_sentence().says("no update was made for 1 s");
}

#[test]
fn a_process_that_is_not_alone_says_so_and_a_world_is_typed_with_the_launcher() {
    let place = with_easy_digits();
    let launched = |name: &str, words: &str| straggle().inside(place.path()).with(name, "4").words(words);
    for name in ["OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_NTASKS"] {
        for words in ["simulate --updates 10 --workers 2", "train --updates 1 --samples 100"] {
            launched(name, words).fails(2).in_one_sentence().says("one of 4").says("train --cluster mpi");
        }
    }
    // The script of a Slurm job: its step is one process, whatever the job may start.
    launched("SLURM_NTASKS", "simulate --updates 10 --workers 2").with("SLURM_STEP_NUM_TASKS", "1").succeeds();
    let script = format!("{EASY} --master_ip node1 --num_nodes 3 --rank 0 {HERE}");
    let line = "mpirun -n 3 --host node1,.. straggle train --cluster mpi --policies sync";
    train(&place, &script).fails(2).in_one_sentence().says(line);
    if cfg!(not(feature = "mpi")) {
        let said = train(&place, &format!("{EASY} --cluster mpi {HERE}")).fails(2);
        said.in_one_sentence().says("cargo build --release --features mpi");
    }
}
