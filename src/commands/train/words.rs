//! What is printed of a training run: its learning curve, and what an update cost.

use super::{Clock, RankRow, Trained};
use crate::text::{count, digits, or_dash, table};
use std::fmt::Write;
use validation::LearningRateRule;

/// What the bar says.
pub fn progress(loss: f64) -> String {
    format!("loss {loss:.3}")
}

/// The result.
pub fn report(trained: &Trained<'_>) -> String {
    let Trained { arguments, rule, journal, scores, .. } = trained;
    let clock = match arguments.clock {
        Clock::Wall if !trained.ranks.is_empty() => "ranks, real seconds",
        Clock::Wall => "threads, real seconds",
        Clock::Simulated => "workers, simulated seconds",
    };
    let from = arguments.load.as_ref().map_or(String::new(), |path| format!(" from {}", path.display()));
    let training = &arguments.training;
    let mut text = format!(
        "{} on {} {clock}: {}{from}, batch {}, lr {} ({}), seed {}\n\n",
        trained.policy,
        rule.workers,
        training.model,
        training.batch_size,
        training.lr,
        arguments.lr_rule,
        arguments.common.seed,
    );
    let finite = |loss: f64| or_dash(Some(loss).filter(|loss| loss.is_finite()), |loss| format!("{loss:.4}"));
    let rows = journal.snapshots.iter().zip(scores).map(|(snapshot, score)| {
        [
            format!("{:.2}", trained.epochs(snapshot.steps)),
            snapshot.update.to_string(),
            digits(snapshot.at.seconds(), 4),
            finite(snapshot.train_loss),
            finite(score.loss),
            format!("{:.2} %", 100.0 * score.accuracy),
        ]
    });
    text += &table(["epoch", "update", "time s", "train loss", "test loss", "test accuracy"], rows);
    if let Some(last) = journal.updates.last() {
        let seconds = last.at.seconds();
        let _ = writeln!(
            text,
            "\n{} in {} s, {} s per update and {} s per gradient; gradients are {} versions old on average.",
            count(last.update, "update"),
            digits(seconds, 4),
            digits(seconds / last.update as f64, 4),
            digits(seconds / journal.steps_applied as f64, 4),
            digits(journal.mean_staleness(), 3),
        );
    }
    let made = trained.epochs(journal.steps_applied);
    let asked = f64::from(arguments.epochs.unwrap_or(2));
    if arguments.updates.is_none() && trained.end == validation::End::Done && made > 1.005 * asked {
        let _ = writeln!(
            text,
            "It made {made:.2} passes over the images for {asked} that were asked for, the fewest that are whole updates; compare runs at equal passes (column epoch)."
        );
    }
    if trained.warmup_s > 0.0 {
        let _ = writeln!(text, "Before, {} s of warm-up, which are not counted.", digits(trained.warmup_s, 3));
    }
    let _ = writeln!(text, "Scored on {} test images after the run.", trained.scored);
    let _ = writeln!(
        text,
        "{}",
        match arguments.lr_rule.0 {
            LearningRateRule::Same => "Every update moves by lr times the average of its gradients, fresh or stale.",
            LearningRateRule::Linear => "An update that averages K gradients moves K times as far.",
            LearningRateRule::PerStaleness => "A gradient that is s updates old counts 1/max(1, s).",
        }
    );
    if !trained.ranks.is_empty() {
        let rows = trained.ranks.iter().map(|times| RankRow::new(times).cells());
        text += "\nBy each rank's own clock; communication includes waiting for others.\n\n";
        text += &table(["rank", "host", "steps", "step s", "compute s", "comm s"], rows);
    }
    if let Some(at) = trained.reached {
        let _ = writeln!(text, "The target was reached after {} s.", digits(at.seconds(), 4));
    }
    text
}
