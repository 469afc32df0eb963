//! The answer in words first: which policy, how many workers, what else there is, what is undecided, what is assumed.

use super::goal::{Fate, Goal, Outcomes};
use super::{Advice, Point, WORTH_A_CHANGE};
use crate::text::{columns, digits, or_dash, percent};
use sim::Estimate;
use std::fmt::Write;

/// The answer, the tables, the assumptions.
pub fn text(advice: &Advice) -> String {
    let Some(best) = advice.best() else {
        let none = if advice.points.is_empty() { "Nothing was finished." } else { "No policy gets to the goal." };
        return format!("{none}\n{}", goals(advice));
    };
    let mut text = answer(advice, best);
    text.push_str(&goals(advice));
    text.push_str(&others(advice, best));
    text.push_str(&undecided(advice));
    text.push_str(&straggling(advice));
    let _ = write!(text, "\n{}", table(advice));
    if let Some((change, _)) = &advice.what_if {
        let what = if advice.has_goal() { "passages to the goal" } else { "gradients" };
        let _ = write!(text, "\nWhat if {change}: {what} a second, against now.\n{}", differences(advice));
    }
    text.push_str("\nAssumptions:\n");
    for assumption in assumptions(advice) {
        let _ = writeln!(text, "- {assumption}.");
    }
    text
}

/// A value with its interval: `14.2 (13.7 to 14.8)`.
fn with_interval(estimate: Estimate) -> String {
    let interval = estimate.interval.filter(|(low, high)| high > low);
    let interval =
        interval.map_or(String::new(), |(low, high)| format!(" ({} to {})", digits(low, 3), digits(high, 3)));
    format!("{}{interval}", digits(estimate.mean, 3))
}

/// How much more, in per cent: `6.0 % (4.1 to 7.9 %)`.
fn more(ratio: Estimate) -> String {
    let percent = |ratio: f64| format!("{:.1}", 100.0 * (ratio - 1.0).abs());
    let interval = ratio.interval.map(|(low, high)| if ratio.mean >= 1.0 { (low, high) } else { (high, low) });
    let interval = interval.map_or(String::new(), |(low, high)| format!(" ({} to {} %)", percent(low), percent(high)));
    format!("{} %{interval}", percent(ratio.mean))
}

fn answer(advice: &Advice, best: &Point) -> String {
    let (m, gain) = (best.workers(), advice.plan.least_gain);
    let beyond = match m < advice.most {
        true => format!("beyond {m} further workers add less than {gain} of a worker each"),
        false => format!("up to {m}, the most that were tried, each adds more than {gain} of a worker"),
    };
    let one = workers(m);
    match advice.value(best).filter(|_| advice.has_goal()) {
        Some(passages) => format!(
            "{} with {one}: at the goal after {} s, {} times as soon as one worker; {beyond}.\n",
            best.policy(),
            with_interval(passages.s_per_gradient()),
            with_interval(passages.speedup())
        ),
        None => {
            format!("{} with {one}: {} times one worker; {beyond}.\n", best.policy(), with_interval(best.speedup()))
        }
    }
}

/// Which policies do not reach the goal, and from how many workers on.
fn goals(advice: &Advice) -> String {
    let Some(goal) = &advice.goal else { return String::new() };
    let mut text = String::new();
    for &policy in &advice.plan.policies.0 {
        let all: Vec<(&Point, &Fate)> = advice.of(policy).filter_map(|point| Some((point, goal.of(point)?))).collect();
        let below = |fate: &Fate| if let Fate::Diverges(below) = fate { Some(*below) } else { None };
        let diverging: Vec<(u32, Option<f64>)> =
            all.iter().filter_map(|(point, f)| Some((point.workers(), below(f)?))).collect();
        if let (Some(&(first, at_first)), Some(&(last, at_last)), Some(eta)) =
            (diverging.first(), diverging.last(), goal.goal.step_size())
        {
            let stable = match at_first.zip(at_last).filter(|_| first < last) {
                None => at_first.map_or(String::new(), |below| format!(" (stable below {})", digits(below, 2))),
                Some((few, many)) => {
                    format!(" (stable below {} with {first}, {} with {last})", digits(few, 2), digits(many, 2))
                }
            };
            let more = if first < last { " and more" } else { "" };
            let _ = writeln!(text, "{policy} diverges at step size {eta} with {}{more}{stable}.", workers(first));
        }
        let above: Vec<u32> =
            all.iter().filter(|(_, fate)| matches!(fate, Fate::Above)).map(|(point, _)| point.workers()).collect();
        let on = match above[..] {
            [] => continue,
            [m] => workers(m),
            [first, .., last] => format!("{first} to {last} workers"),
        };
        let _ =
            writeln!(text, "{policy} with {on} does not get to the goal: noise and staleness keep the loss above it.");
    }
    text
}

fn workers(m: u32) -> String {
    if m == 1 { "1 worker".to_string() } else { format!("{m} workers") }
}

/// What the others would gain, and what that costs: those that are faster for sure.
fn others(advice: &Advice, best: &Point) -> String {
    let mut text = String::new();
    for (other, _, ratio) in advice.pairs().into_iter().filter(|(_, b, _)| b.cell == best.cell) {
        if ratio.low().is_none_or(|low| low <= 1.0) {
            continue;
        }
        let (staleness, wasted) = (other.staleness().mean, other.wasted_share().mean);
        let rule = other.cell.rule;
        let mut but = Vec::new();
        if staleness > 0.05 {
            but.push(format!("gradients {} versions old", digits(staleness, 2)));
        }
        if wasted > 0.005 {
            but.push(format!("{} of the work thrown away", percent(wasted)));
        }
        if rule.steps > 1 && !rule.accumulates {
            but.push(format!("{} local steps between averages", rule.steps));
        }
        let but = if but.is_empty() { String::new() } else { format!(", with {}", but.join(" and ")) };
        let what = if advice.has_goal() { "faster at the goal" } else { "faster per gradient" };
        let _ = writeln!(text, "{} is {} {what}{but}.", other.policy(), more(ratio));
    }
    text
}

/// Pairs whose difference could be chance.
fn undecided(advice: &Advice) -> String {
    let pairs = advice.pairs().into_iter().filter(|(_, _, ratio)| {
        ratio.interval.is_some_and(|(low, high)| low <= 1.0 && high >= 1.0) && ratio.standard_error > 1e-9
    });
    let pair = |(a, b, ratio): (&Point, &Point, Estimate)| {
        let half = 100.0 * ratio.half_width().unwrap_or(f64::NAN);
        format!("{} or {} (paired difference {:+.1} ± {half:.1} %)", a.policy(), b.policy(), 100.0 * (ratio.mean - 1.0))
    };
    let pairs: Vec<String> = pairs.map(pair).collect();
    if pairs.is_empty() { String::new() } else { format!("Undecided: {}.\n", pairs.join("; ")) }
}

/// What waiting for the slowest costs, and the worker that is slow all the time.
fn straggling(advice: &Advice) -> String {
    let mut text = String::new();
    if let Some(of) = &advice.stragglers {
        let share = |share: &Estimate| {
            let interval = share.interval.filter(|(low, high)| high - low > 1e-4);
            let interval =
                interval.map_or(String::new(), |(low, high)| format!(" ({} to {})", percent(low), percent(high)));
            format!("{}{interval}", percent(share.mean))
        };
        let _ = write!(
            text,
            "Stragglers cost sync with {} workers {} of its time: an update takes {} s, and {} s if every worker took \
             the middle one's time",
            of.workers,
            share(&of.lost),
            with_interval(of.now_s),
            with_interval(of.even_s),
        );
        if of.lost_by_workers.mean > 0.005 {
            let _ = write!(text, "; {} is lost to workers that are slow all the time", share(&of.lost_by_workers));
        }
        text.push_str(".\n");
    }
    if let Some(of) = &advice.straggling {
        let _ = write!(
            text,
            "Worker {} takes {} times as long as the middle one, all the time. ",
            of.name,
            digits(of.slowness, 3)
        );
        let others = of.workers - 1;
        if of.without.low().unwrap_or(of.without.mean) > 1.0 {
            let _ = writeln!(
                text,
                "Drop or rebalance it: sync on the other {others} is {} faster than on all {}, and {} faster on all if each had \
                 work in proportion to its speed.",
                more(of.without),
                of.workers,
                more(of.balanced),
            );
        } else {
            let _ = writeln!(
                text,
                "Rebalance it: sync would be {} faster if each worker had work in proportion to its speed; without it the other \
                 {others} have {} times the gradients a second.",
                more(of.balanced),
                with_interval(of.without),
            );
        }
    }
    text
}

/// The policies, each at its knee.
fn table(advice: &Advice) -> String {
    let best = advice.best().map(|best| best.cell);
    let knees = advice.plan.policies.0.iter().filter_map(|&policy| advice.knee(policy));
    let rows = knees.map(|point| {
        let (speedup, per_s) = (point.speedup(), point.s_per_gradient().under(1.0));
        let mark = if best == Some(point.cell) { "* " } else { "  " };
        let goal_s = advice.goal.as_ref().and_then(|goal| goal.passages(point)).map(Point::s_per_gradient);
        let mut row = vec![
            format!("{mark}{}", point.policy()),
            point.workers().to_string(),
            digits(point.s_per_update().under(1.0).mean, 4),
            digits(per_s.mean, 4),
            digits(speedup.mean, 4),
            or_dash(speedup.interval, |(low, high)| format!("{} to {}", digits(low, 4), digits(high, 4))),
            percent(speedup.mean / f64::from(point.workers())),
            format!("{:.2}", point.staleness().mean),
            percent(point.wasted_share().mean),
        ];
        row.extend(advice.goal.as_ref().map(|_| or_dash(goal_s, |goal_s| digits(goal_s.mean, 4))));
        row
    });
    let mut header =
        vec!["at its knee", "m", "updates/s", "gradients/s", "speed-up", "95 %", "efficiency", "staleness", "wasted"];
    header.extend(advice.goal.as_ref().map(|_| "goal s"));
    columns(&header, rows)
}

/// What was asked instead, for each policy with the most workers, and for the recommended one with its own number.
fn differences(advice: &Advice) -> String {
    let Some((_, differences)) = &advice.what_if else { return String::new() };
    let shown = differences.iter().filter(|difference| {
        let best = advice.best().map(|best| (best.policy(), best.workers()));
        difference.workers == advice.most || Some((difference.policy, difference.workers)) == best
    });
    let rows = shown.map(|difference| {
        let change = |ratio: f64| format!("{:+.1} %", 100.0 * (ratio - 1.0));
        vec![
            difference.policy.to_string(),
            difference.workers.to_string(),
            difference.workers_then.to_string(),
            change(difference.ratio.mean),
            or_dash(difference.ratio.interval, |(low, high)| format!("{} to {}", change(low), change(high))),
        ]
    });
    columns(&["policy", "m now", "m then", "difference", "95 %"], rows)
}

/// What the answer stands on.
fn assumptions(advice: &Advice) -> Vec<String> {
    let mut all = advice.cluster.assumptions.clone();
    let Ok(spec) = advice.cluster.spec() else { return all };
    let policies = &advice.plan.policies.0;
    let rules = || advice.points.iter().map(|point| point.cell.rule);
    match spec.communication() {
        None => all.push("communication is not in the profile, and takes no time".to_string()),
        Some(links)
            if links.scheme() != sim::cluster::comm::Scheme::ParameterServer && rules().any(|r| !r.renews()) =>
        {
            all.push(format!(
                "{} is for policies in which all meet; the others share the link of one server",
                links.scheme()
            ));
        }
        Some(_) => {}
    }
    if spec.failures().is_some() {
        all.push("failures cost what they cost on average, as they are too rare to be simulated; whoever waits for some workers and not for all loses \
             between nothing and what all would, which the intervals hold"
                .to_string());
    }
    if rules().any(|rule| rule.cancels()) {
        all.push(format!("late workers are stopped {}", spec.cancellation().to_string().replace('-', " ")));
    }
    let measured = advice.cluster.measured().filter(|measured| *measured < advice.most);
    if let Some(measured) = measured {
        all.push(format!("what {measured} workers did holds for up to {}", advice.most));
    }
    if let Some(goal) = &advice.goal {
        all.push(of_learning(goal));
    } else if policies.iter().filter_map(|p| p.rule(advice.most).ok()).any(|rule| !rule.renews() || rule.steps > 1) {
        all.push(
            "gradients are counted, not what is learnt from them: old ones and local steps teach less, so only policies with \
             fresh gradients are recommended"
                .to_string(),
        );
    }
    all.push(format!(
        "of those, one that comes later in the list is taken only if it is faster by more than {:.0} %, for sure",
        100.0 * (WORTH_A_CHANGE - 1.0)
    ));
    all
}

/// The model of learning.
fn of_learning(goal: &Outcomes) -> String {
    match &goal.goal {
        Goal::Quadratic(learner, share) => {
            let alone = match goal.alone_without_noise {
                true => "; noise keeps one worker from it, so speed-ups compare with one worker without noise",
                false => "",
            };
            format!(
                "what is learnt is the quadratic h w^2/2 with h = {}, gradient noise {} and the step size {} for every policy and \
                 number of workers; the goal is {} of the first loss{alone}",
                learner.curvature,
                learner.noise,
                learner.step_size,
                percent(*share)
            )
        }
        #[cfg(feature = "train")]
        Goal::Digits(pupil) => format!(
            "what is learnt is a softmax regression on 4000 digits, batches of 64, with real gradients and the step size {} for every \
             policy and number of workers; the goal is {} of the first loss on 500 other digits",
            pupil.step_size(),
            percent(pupil.share())
        ),
        Goal::Scale(scale) => format!(
            "updates of K gradients to a goal are in proportion to 1 + {scale}/K; seconds are those for each update that would do \
             without noise, and nothing is said of old gradients and local steps"
        ),
    }
}
