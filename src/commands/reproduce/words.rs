//! What is printed of a reproduction: the table, whether the direction is the published one, and the traps.

use super::Name;
use super::comparison::{Pair, table};
use super::experiment::PublishedExperiment;
use crate::commands::scaling::{Measured, words};
use std::fmt::Write;

/// How far the test accuracy may be from the published one, points.
const NEAR: f64 = 1.5;
/// Up to how many workers.
const FEW: u32 = 3;

/// Everything that is printed.
pub fn report(experiment: &PublishedExperiment, measured: &[Measured], pairs: &[Pair], quick: bool) -> String {
    let plan = &measured[0].plan;
    let mut text = format!(
        "{}: {}, published | ours{}\n{}, {} epochs, batch {} per worker, lr {}, momentum {}, {} images; {} cores\n\n{}\n",
        experiment.name,
        experiment.title,
        if quick { " (quick: a smaller setting than the published one; look at the shape)" } else { "" },
        plan.model,
        plan.epochs,
        plan.batch_size,
        plan.sgd.rate,
        plan.sgd.momentum,
        plan.samples.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
        measured[0].cores,
        table(pairs),
    );
    for (setting, one) in experiment.settings.iter().zip(measured) {
        let these: Vec<&Pair> = pairs.iter().filter(|pair| pair.row.series.ends_with(setting.label)).collect();
        let label = if setting.label.is_empty() { String::new() } else { format!("{}: ", setting.label) };
        for sentence in verdict(experiment.name, &these, quick) {
            let _ = writeln!(text, "{label}{sentence}");
        }
        text.push_str(&words::differences(one));
    }
    for trap in experiment.traps {
        let _ = writeln!(text, "- {trap}");
    }
    text
}

/// Whether the direction is the published one.
fn verdict(name: Name, pairs: &[&Pair], quick: bool) -> Vec<String> {
    let mut sentences = Vec::new();
    if matches!(name, Name::E2 | Name::E3) && !quick {
        let apart = |pair: &&Pair| Some(100.0 * pair.line.test.accuracy - pair.row.test_accuracy?);
        let few: Vec<f64> = pairs.iter().filter(|pair| pair.row.workers <= FEW).filter_map(apart).collect();
        let near = few.iter().all(|points| points.abs() <= NEAR);
        let points = few.iter().map(|points| format!("{points:+.2}")).collect::<Vec<_>>().join(", ");
        sentences.push(format!(
            "With up to {FEW} workers, test accuracy is {points} points from the published one: {}within {NEAR}.",
            if near { "" } else { "not " }
        ));
    }
    if name == Name::E2 {
        let falls = pairs.windows(2).all(|two| two[1].line.test.accuracy < two[0].line.test.accuracy);
        sentences.push(format!(
            "Test accuracy {} with every worker more, as published.",
            if falls { "falls" } else { "does not fall" }
        ));
    }
    sentences
}
