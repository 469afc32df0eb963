//! How did it scale, and what stood in the way? A table, and a sentence where theory, simulation and measurement part.

use super::Measured;
use super::summary::Line;
use crate::report::table::digits;
use std::fmt::Write;
use validation::Method;

/// The table and what it says.
pub fn report(measured: &Measured) -> String {
    let plan = &measured.plan;
    let mut text = format!(
        "{}, {} epoch{}, batch {} per worker, lr {}, momentum {}, seed {}; {} cores\n\n",
        plan.model,
        plan.epochs,
        if plan.epochs == 1 { "" } else { "s" },
        plan.batch_size,
        plan.sgd.rate,
        plan.sgd.momentum,
        plan.seed,
        measured.cores,
    );
    let _ = writeln!(
        text,
        " method        images    m     time s  warm-up s  speed-up  simulated   theory  efficiency  train loss  test loss  accuracy  staleness"
    );
    for line in measured.lines() {
        let _ = writeln!(text, "{}", row(&line));
    }
    text + "\n" + &partings(measured)
}

/// A sentence or more for each method, where theory, simulation and measurement part.
pub fn partings(measured: &Measured) -> String {
    told(measured).iter().map(|line| parting(measured, line) + "\n").collect()
}

fn row(line: &Line) -> String {
    format!(
        " {:12} {:>7} {:>4} {:>10} {:>10} {:>9.2} {:>10.2} {:>8} {:>9.1} % {:>11.4} {:>10.4} {:>7.2} % {:>10.2}",
        line.method,
        line.samples,
        line.workers,
        digits(line.time_s, 4),
        digits(line.warmup_s, 2),
        line.speedup,
        line.expectation.simulated,
        theory(line),
        100.0 * line.efficiency(),
        line.train.loss,
        line.test.loss,
        100.0 * line.test.accuracy,
        line.staleness,
    )
}

fn theory(line: &Line) -> String {
    let bound = if line.expectation.at_least { "≥ " } else { "" };
    line.expectation.theory.map_or("–".to_string(), |theory| format!("{bound}{theory:.2}"))
}

/// Of each method, on the most samples: the most workers, and the most that have a core each.
fn told(measured: &Measured) -> Vec<Line> {
    let lines = measured.lines();
    let of = |method: &Method| {
        let most = lines.iter().filter(|l| l.method == *method && l.workers > 1).map(|l| l.samples).max();
        let mut these: Vec<Line> =
            lines.iter().filter(|l| l.method == *method && Some(l.samples) == most && l.workers > 1).copied().collect();
        these.sort_by_key(|line| line.workers);
        let with_cores = these.iter().rposition(|line| line.workers <= measured.cores);
        let last = these.len().checked_sub(1);
        let mut shown: Vec<usize> = with_cores.into_iter().chain(last).collect();
        shown.dedup();
        shown.into_iter().map(|i| these[i]).collect::<Vec<_>>()
    };
    measured.plan.methods.iter().flat_map(of).collect()
}

/// Differences below this are not worth a word.
const WORTH: f64 = 1.05;

/// Where theory, simulation and measurement part, and which effect is missing.
fn parting(measured: &Measured, line: &Line) -> String {
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
            missing.push(format!("the server and its messages (without them it were {share:.0} % faster)"));
        }
        if !missing.is_empty() {
            let _ = write!(text, " Theory does not know {}.", missing.join(" and "));
        }
    }
    let alone =
        measured.lines().into_iter().find(|l| (l.method, l.samples, l.workers) == (line.method, line.samples, 1));
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
                " What is left the simulator does not know: what busy cores cost each other, and whatever else ran on the machine.",
            );
        }
    } else if line.speedup > WORTH * expected.simulated {
        text.push_str(" More than simulated: one worker alone, by which both are measured, was disturbed more in its run than in its calibration, or less beside others.");
    }
    text
}
