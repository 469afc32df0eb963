//! What `fit` says: what the times are, which model was chosen and why, how far to trust it, what to do next.

use super::{FEW, Fitted};
use crate::profile::OneOrMany;
use crate::text::{columns, count, digits, or_dash, percent};
use sim::predict::candidate::Candidate;
use sim::predict::heldout;
use std::fmt::Write;

/// What a reader must know before using the profile.
pub fn warnings(fitted: &Fitted) -> Vec<String> {
    let times = &fitted.recorded.times;
    let mut warnings = Vec::new();
    if heldout::are_equalised(times) {
        warnings.push(
            "all workers show the same time within 1 %: these times end after the all-reduce, and say only how long the \
             slowest took; log the time before it"
                .to_string(),
        );
    }
    if let Some((first, factor)) = heldout::slow_start(times) {
        warnings.push(format!(
            "the first {} longer than any later one, up to {:.0} times the median: leave {} out by --skip {first}",
            if first == 1 { "step is".to_string() } else { format!("{first} steps are") },
            factor,
            if first == 1 { "it" } else { "them" },
        ));
    }
    if let Some(r) = heldout::alternates(times) {
        warnings.push(format!(
            "steps alternate between short and long (correlation {r:.2} from one to the next): draws must keep their order, as \
             blocks do"
        ));
    }
    if let Some((drift, error)) = times.drift().filter(|(drift, error)| drift.abs() > (3.0 * error).max(0.1)) {
        warnings.push(format!(
            "steps of the second half take {:.0} ± {:.0} % {} than those of the first: what is measured drifts, and a prediction \
             of later steps is no better than that",
            100.0 * drift.abs(),
            196.0 * error,
            if drift > 0.0 { "longer" } else { "less" },
        ));
    }
    if times.len() < FEW {
        warnings.push(format!(
            "{}: too few to know the slowest of more workers than that",
            count(times.len() as u64, "step time")
        ));
    }
    warnings
}

/// The tables, and the answer in sentences.
pub fn text(fitted: &Fitted) -> String {
    let times = &fitted.recorded.times;
    let whose = if fitted.recorded.workers_known { "" } else { " (nothing names workers)" };
    let mut text = format!(
        "Times in '{}' ({}): {}{whose}, {} in all; mean {} s, coefficient of variation {}, longest {} s.\n",
        fitted.recorded.column,
        fitted.recorded.unit,
        count(times.workers() as u64, "worker"),
        count(times.len() as u64, "step time"),
        digits(times.mean(), 4),
        percent(times.coefficient_of_variation()),
        digits(times.pooled().iter().copied().fold(0.0, f64::max), 4),
    );
    if let Some(shares) = times.variance_shares() {
        let lag = or_dash(times.lag1_correlation(), |r| format!("{r:.2}"));
        let _ = writeln!(
            text,
            "Of the variance {} belongs to workers, {} to steps that are slow for all, {} to neither; correlation of a worker's \
             successive steps {lag}.",
            percent(shares.worker),
            percent(shares.step),
            percent(shares.rest),
        );
    }
    text.push_str(&slow_workers(fitted));
    let _ = write!(text, "\n{}", models(fitted));
    let _ = write!(text, "\n{}", choice(fitted));
    let slowest = fitted.slowest();
    if !slowest.is_empty() {
        let rows = slowest.iter().map(|row| {
            vec![
                row.workers.to_string(),
                digits(row.measured_s, 5),
                digits(row.predicted_s, 5),
                format!("{:+.1} %", 100.0 * row.error),
                digits(row.pooled_s, 5),
            ]
        });
        let header = ["slowest of", "measured s", "predicted s", "error", "independent draws s"];
        let _ = write!(text, "\n{}", columns(&header, rows));
    }
    text
}

/// Workers that are slow all the time, by name.
fn slow_workers(fitted: &Fitted) -> String {
    let workers = fitted.workers();
    let share = fitted.recorded.times.variance_shares().map_or(1.0, |shares| shares.worker);
    let mut slow: Vec<_> = workers.iter().filter(|worker| worker.slowness > 1.1 && share > 0.05).collect();
    // A few are named where the others are alike; where all differ, nobody is an exception.
    if fitted.chosen == Candidate::Pooled || slow.is_empty() || slow.len() * 3 > workers.len() {
        return String::new();
    }
    slow.sort_by(|a, b| b.slowness.total_cmp(&a.slowness));
    let named =
        slow.iter().take(5).map(|worker| format!("{} ({:.2} times the median)", worker.worker, worker.slowness));
    format!(
        "Slow all the time: {}. Whoever waits for all waits for them: repair, drop or relieve them; straggle plan says what that \
         is worth.\n",
        named.collect::<Vec<_>>().join(", ")
    )
}

fn models(fitted: &Fitted) -> String {
    let rows = fitted.models().into_iter().map(|model| {
        let interval = model.held_out_low.zip(model.held_out_high);
        vec![
            format!("{}{}", if model.chosen { "* " } else { "  " }, model.model),
            or_dash(model.rms_error, |error| format!("{:.2} %", 100.0 * error)),
            or_dash(model.aic, |aic| format!("{aic:.0}")),
            or_dash(model.kolmogorov, |ks| format!("{ks:.3}")),
            or_dash(model.predicted_slowest_s, |s| digits(s, 5)),
            or_dash(model.held_out_error, |error| format!("{:+.1} %", 100.0 * error)),
            or_dash(interval, |(low, high)| format!("{:+.1} to {:+.1} %", 100.0 * low, 100.0 * high)),
        ]
    });
    columns(&["model", "error aside", "AIC", "Kolmogorov", "slowest s", "2nd half", "95 %"], rows)
}

fn choice(fitted: &Fitted) -> String {
    let why = match fitted.chosen {
        Candidate::Pooled => "every time is as good as any other",
        Candidate::ByWorker => "each worker has times of its own",
        Candidate::Rows => "workers are slow together, so that whole steps are drawn",
        Candidate::Blocks(_) => "what is slow lasts, so that consecutive steps are drawn together",
    };
    let why_no_trace = match fitted.recorded.times.len() < FEW {
        true => "of so few ends with its longest",
        false => "from the standard input cannot be read again",
    };
    let law = match &fitted.profile.step_time {
        OneOrMany::One(law) if law != "trace" => format!(", as {law}, since a trace {why_no_trace}"),
        _ => String::new(),
    };
    match &fitted.choice {
        Some(choice) => {
            let trial = choice.trial();
            format!(
                "Chosen: {}{law} ({why}): the simplest model within one standard error of the best on steps kept aside.\nThe first \
                 half of {} predicts {} s for the slowest of {} in the second; measured {} s: {:+.1} %, 95 % interval {:+.1} to \
                 {:+.1} % (blocks of {}).\n",
                fitted.chosen,
                count(choice.steps as u64, "step"),
                digits(trial.predicted_s, 4),
                fitted.rows.workers,
                digits(choice.measured_s, 4),
                100.0 * trial.held_out.value,
                100.0 * (trial.held_out.value - trial.held_out.half_width),
                100.0 * (trial.held_out.value + trial.held_out.half_width),
                count(choice.block as u64, "step"),
            )
        }
        None => format!(
            "Chosen: {}{law} ({why}); {}, so that no prediction could be tried.\n",
            fitted.chosen,
            if fitted.rows.workers < 2 {
                "there is a single worker"
            } else {
                "too few steps have a time of every worker"
            },
        ),
    }
}
