//! What is printed of a scaling run: a table, and a sentence where theory, simulation and measurement differ.

use super::Measured;
use super::summary::Summary;
use crate::text::{count, digits, percent, table};
use std::fmt::Write;
use validation::Method;

/// The table and what it says.
pub fn report(measured: &Measured) -> String {
    let plan = &measured.plan;
    let heading = format!(
        "{}, {}, batch {} per worker, lr {}, momentum {}, seed {}; {} cores\n\n",
        plan.model,
        count(plan.epochs, "epoch"),
        plan.batch_size,
        plan.sgd.rate,
        plan.sgd.momentum,
        plan.seed,
        measured.cores,
    );
    let header = [
        "policy",
        "images",
        "m",
        "time s",
        "warm-up s",
        "speed-up",
        "simulated",
        "theory",
        "efficiency",
        "train loss",
        "test loss",
        "accuracy",
        "staleness",
    ];
    let rows = measured.summaries().into_iter().map(|line| {
        [
            line.method.to_string(),
            line.samples.to_string(),
            line.workers.to_string(),
            digits(line.time_s, 4),
            digits(line.warmup_s, 2),
            format!("{:.2}", line.speedup),
            format!("{:.2}", line.expectation.simulated),
            theory(&line),
            percent(line.efficiency()),
            format!("{:.4}", line.train.loss),
            format!("{:.4}", line.test.loss),
            format!("{:.2} %", 100.0 * line.test.accuracy),
            format!("{:.2}", line.staleness),
        ]
    });
    heading + &table(header, rows) + "\n" + &differences(measured)
}

/// A sentence or more for each policy, where theory, simulation and measurement differ.
pub fn differences(measured: &Measured) -> String {
    let earlier = match measured.earlier {
        0 => String::new(),
        earlier => {
            format!("{earlier} of {} were measured by an earlier run.\n", count(measured.planned as u64, "trial"))
        }
    };
    earlier + &explained(measured).iter().map(|line| difference(measured, line) + "\n").collect::<String>()
}

fn theory(line: &Summary) -> String {
    let bound = if line.expectation.at_least { "≥ " } else { "" };
    line.expectation.theory.map_or("–".to_string(), |theory| format!("{bound}{theory:.2}"))
}

/// Of each policy, on the most samples: the most workers, and the most that have a core each.
fn explained(measured: &Measured) -> Vec<Summary> {
    let lines = measured.summaries();
    let of = |method: &Method| {
        let most = lines.iter().filter(|l| l.method == *method && l.workers > 1).map(|l| l.samples).max();
        let mut these: Vec<Summary> =
            lines.iter().filter(|l| l.method == *method && Some(l.samples) == most && l.workers > 1).copied().collect();
        these.sort_by_key(|line| line.workers);
        let with_cores = these.iter().rposition(|line| line.workers <= measured.cores);
        let last = these.len().checked_sub(1);
        let mut shown: Vec<usize> = with_cores.into_iter().chain(last).collect();
        shown.dedup();
        shown.into_iter().map(|i| these[i]).collect::<Vec<_>>()
    };
    measured.plan.policies.iter().flat_map(of).collect()
}

/// Differences below this are not worth a word.
const WORTH: f64 = 1.05;

/// Where theory, simulation and measurement differ, and which effect is missing.
fn difference(measured: &Measured, line: &Summary) -> String {
    let expected = &line.expectation;
    let (workers, cores) = (line.workers, measured.cores);
    let known = expected.theory.map_or(String::new(), |_| format!("theory {}, ", theory(line)));
    let mut text = format!(
        "{}, m = {workers}: {known}simulated {:.2}, measured {:.2}.",
        line.method, expected.simulated, line.speedup
    );
    if expected.theory.is_none_or(|theory| theory > WORTH * expected.simulated) {
        let mut missing = Vec::new();
        if workers > cores && expected.with_all_cores > WORTH * expected.simulated {
            missing.push(format!("that {workers} workers share {cores} cores"));
        }
        if expected.with_free_server > WORTH * expected.simulated {
            let share = 100.0 * (expected.with_free_server / expected.simulated - 1.0);
            missing.push(format!("the server and its messages (without them it would be {share:.0} % faster)"));
        }
        if !missing.is_empty() {
            let _ = write!(text, " Theory does not know {}.", missing.join(" and "));
        }
    }
    let alone =
        measured.summaries().into_iter().find(|l| (l.method, l.samples, l.workers) == (line.method, line.samples, 1));
    let slower = alone.map_or(1.0, |alone| line.compute_s / alone.compute_s);
    if expected.simulated > WORTH * line.speedup {
        if workers <= cores && slower > 1.03 {
            let share = 100.0 * (slower - 1.0);
            let _ = write!(
                text,
                " The simulator, which knows one worker only, does not know that a step takes {share:.0} % longer beside others: caches, memory and clock rate are shared, and so may be the machine."
            );
        } else {
            text.push_str(
                " The simulator does not know the rest: what busy cores cost each other, and whatever else ran on the machine.",
            );
        }
    } else if line.speedup > WORTH * expected.simulated {
        text.push_str(" More than simulated: one worker alone, by which both are measured, was disturbed more in its run than in its calibration, or less beside others.");
    }
    text
}
