//! Tables of step times whose truth is known: does the model that is chosen keep what made them, and does the error of what was held
//! out lie in its own interval?

use straggle_sim::predict::candidate::Candidate;
use straggle_sim::predict::heldout::{Choice, choose};
use straggle_sim::{Purpose, RandomKey, StepTime, StepTimes};

const WORKERS: u32 = 8;

/// An exponential number of mean 1 for a worker, or for all as `ALL`, in a step.
fn exp(table: u64, worker: u32, step: u64) -> f64 {
    let unit = RandomKey::new(11, table).word(Purpose::Compute, worker, step) as f64 / 2f64.powi(64);
    -(1.0 - unit).ln()
}

const ALL: u32 = 1000;

/// The choice from a table of so many steps.
fn chosen(steps: u64, seconds: impl Fn(u32, u64) -> f64) -> Choice {
    let of_worker = |worker| (0..steps).map(move |step| (worker, step));
    let times = (0..WORKERS).flat_map(of_worker);
    let times = times.map(|(worker, step)| StepTime { worker, step, seconds: seconds(worker, step) });
    choose(&StepTimes::new(times).unwrap(), 0).expect("enough steps")
}

/// A way to make a table, from its number, and the simplest model that keeps what is in it; less simple ones keep it, too.
struct Truth {
    name: &'static str,
    steps: u64,
    seconds: fn(u64, u32, u64) -> f64,
    simplest: Candidate,
}

/// Lasting phases, each of which is as slow as its own random number says.
fn phase(table: u64, step: u64, length: u64) -> f64 {
    exp(table, ALL, step / length)
}

const TRUTHS: [Truth; 5] = [
    Truth {
        name: "pooled",
        steps: 200,
        seconds: |table, worker, step| 1.0 + exp(table, worker, step),
        simplest: Candidate::Pooled,
    },
    Truth {
        name: "by-worker",
        steps: 200,
        seconds: |table, worker, step| (1.0 + 0.1 * f64::from(worker)) * (1.0 + 0.2 * exp(table, worker, step)),
        simplest: Candidate::ByWorker,
    },
    Truth {
        name: "rows",
        steps: 200,
        seconds: |table, worker, step| 1.0 + exp(table, ALL, step) + 0.1 * exp(table, worker, step),
        simplest: Candidate::Rows,
    },
    Truth {
        name: "blocks",
        steps: 400,
        seconds: |table, worker, step| 1.0 + phase(table, step, 8) + 0.1 * exp(table, worker, step),
        simplest: Candidate::Rows,
    },
    Truth {
        name: "drift",
        steps: 200,
        seconds: |table, worker, step| (1.0 + step as f64 / 2000.0) * (1.0 + 0.5 * exp(table, worker, step)),
        simplest: Candidate::Pooled,
    },
];

#[test]
fn nothing_that_made_a_table_is_lost_and_what_is_held_out_is_in_its_interval() {
    let (mut lost, mut outside) = (Vec::new(), Vec::new());
    for truth in &TRUTHS {
        for table in 0..10 {
            let choice = chosen(truth.steps, |worker, step| (truth.seconds)(table, worker, step));
            let held_out = choice.trial().held_out;
            if choice.chosen < truth.simplest {
                lost.push(format!("{} {table}: {}", truth.name, choice.chosen));
            }
            if !held_out.holds(0.0) {
                outside.push(format!("{} {table}: {:+.3} ± {:.3}", truth.name, held_out.value, held_out.half_width));
            }
        }
    }
    // Seeds are fixed. Intervals of 95 % hold 38 of the 40 tables without drift; steps that drift by 10 % are not in them as often.
    assert!(lost.is_empty(), "{lost:?}");
    assert!(outside.len() <= 5, "{outside:?}");
}
