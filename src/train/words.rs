//! How did the training go? In a few lines.

use super::Trained;
use super::args::Clock;
use crate::report::table::digits;
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
        Clock::Wall => "threads, real seconds",
        Clock::Simulated => "workers, simulated seconds",
    };
    let mut text = format!(
        "{} on {} {clock}: {}{}, batch {}, lr {} ({}), seed {}\n\n",
        arguments.policy,
        rule.workers,
        arguments.model,
        arguments.load.as_ref().map_or(String::new(), |path| format!(" from {}", path.display())),
        arguments.batch_size,
        arguments.lr.0,
        arguments.lr_rule,
        arguments.common.seed,
    );
    let _ = writeln!(text, "  epoch    update      time s   train loss   test loss   test accuracy");
    for (snapshot, score) in journal.snapshots.iter().zip(scores) {
        let train_loss =
            if snapshot.train_loss.is_finite() { format!("{:.4}", snapshot.train_loss) } else { "–".into() };
        let _ = writeln!(
            text,
            "{:7.2} {:9} {:>11} {:>12} {:11.4} {:>15}",
            trained.epochs(snapshot.steps),
            snapshot.update,
            digits(snapshot.at.seconds(), 4),
            train_loss,
            score.loss,
            format!("{:.2} %", 100.0 * score.accuracy),
        );
    }
    if let Some(last) = journal.updates.last() {
        let seconds = last.at.seconds();
        let _ = writeln!(
            text,
            "\n{} updates in {} s, {} s per update and {} s per gradient; gradients are {} versions old on average.",
            last.update,
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
        match arguments.lr_rule {
            LearningRateRule::Same => "Every update moves by lr times the average of its gradients, fresh or stale.",
            LearningRateRule::Linear => "An update that averages K gradients moves K times as far.",
            LearningRateRule::PerStaleness => "A gradient that is s updates old counts 1/max(1, s).",
        }
    );
    if let Some(at) = trained.reached {
        let _ = writeln!(text, "The target was reached after {} s.", digits(at.seconds(), 4));
    }
    text
}
