//! E7: the trade-off of error and runtime (Dutta et al. 2018): who reaches a loss first, and how far down each gets; on a quadratic,
//! whose exact losses stand beside it, and with real gradients of [`digits`] in simulated time.

mod digits;

use super::Reproduce;
use crate::error::Error;
use crate::figures::loss::{self, Crossing, crossings};
use crate::figures::{self, Figure};
use crate::finished::{self, Finished, FinishedRuns};
use crate::report::{Job, Outcome, Report};
use crate::rows::{Row, Tables};
use crate::session::Session;
use crate::text::digits as rounded;
use crate::text::{columns, or_dash};
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sim::measure::interval::ratio;
use sim::theory::{async_losses, fresh_losses, time_per_update};
use sim::{ClusterSpec, Configuration, Estimate, Experiment, Length, Model, Policy, Progress, Quadratic, RandomKey};
use std::fmt::Write;

const WORKERS: u32 = 8;
/// Both of mean 1 s.
const LAWS: [&str; 2] = ["exp(1)", "pareto(0.6, 2.5)"];
const POLICIES: [&str; 6] = ["sync", "k-sync:4", "k-batch-sync:4", "async", "k-async:4", "k-batch-async:4"];
const CURVATURE: f64 = 1.0;
const NOISE: f64 = 1.0;
const STEP_SIZE: f64 = 0.05;
/// Shares of the first loss whose times are told.
const GOALS: [f64; 5] = [0.5, 0.2, 0.1, 0.05, 0.02];
/// Seconds of training that are simulated.
const HORIZON_S: f64 = 250.0;
/// Independent groups of runs, over which intervals are made.
const GROUPS: u64 = 20;

/// Makes it ready to run; to be quick, on half as many groups.
pub fn prepare<'a>(arguments: &'a Reproduce, session: &'a Session) -> Result<Job<'a>, Error> {
    let groups = if arguments.quick { GROUPS / 2 } else { GROUPS };
    let seed = arguments.common.seed;
    let trainer = digits::Trainer::new(&arguments.data, seed)?;
    Ok(Box::new(move |directory| {
        let finished = Finished::open(directory, &[]).unless_quick();
        let experiment = finished::everything(arguments, &["threads", "out", "format"], session);
        let parts = FinishedRuns { finished: &finished, experiment };
        let progress = &session.progress;
        let quadratic = LAWS.iter().map(|law| family(law, groups, seed, &parts, progress));
        let digits = LAWS.iter().map(|law| trainer.family(law, groups, seed, &parts, progress));
        let families: Vec<_> = quadratic.chain(digits).collect();
        finished.told(session);
        let interrupted = session.stopped();
        Ok(Box::new(Tradeoff { families: families.into_iter().flatten().collect(), interrupted }))
    }))
}

/// The curves of all policies under one law.
struct Family {
    learner: &'static str,
    law: &'static str,
    /// The losses whose times are told.
    goals: Vec<f64>,
    /// The loss at which all begin.
    first_loss: f64,
    /// Averaged over all runs.
    curves: Vec<loss::Curve>,
    /// Losses after each of the updates at which the curves have points, where there is a formula; curve by curve.
    exact: Vec<Option<Vec<f64>>>,
    /// Curves of each group of runs.
    groups: Vec<Vec<loss::Curve>>,
}

struct Tradeoff {
    families: Vec<Family>,
    interrupted: bool,
}

/// The policies, each with its rule.
fn configurations() -> Vec<Configuration> {
    let configuration = |name: &&str| {
        let policy: Policy = name.parse().expect("a policy");
        Configuration { policy, rule: policy.rule(WORKERS).expect("a rule") }
    };
    POLICIES.iter().map(configuration).collect()
}

/// Updates of a configuration until then.
fn updates_until(horizon_s: f64, cell: &Configuration, spec: &ClusterSpec) -> u64 {
    let known = time_per_update(cell.rule, spec).map(|theory| theory.seconds);
    (horizon_s / known.unwrap_or(spec.mean_compute(0))).ceil() as u64
}

/// The seed of a group of runs: far from those that anybody types.
fn seed_of(group: u64, seed: u64) -> u64 {
    seed ^ ((group + 1) << 40)
}

/// `None` if it was stopped.
fn family(law: &'static str, groups: u64, seed: u64, parts: &FinishedRuns<'_>, progress: &Progress) -> Option<Family> {
    let spec = ClusterSpec::new(law.parse().expect("a law"));
    let configurations = configurations();
    let one = |group: u64| -> Option<Vec<loss::Curve>> {
        let curve = |cell: &Configuration| {
            let seed = seed_of(group, seed);
            let experiment = Experiment {
                policies: vec![cell.policy],
                workers: vec![WORKERS],
                spec: spec.clone(),
                model: Model::Event,
                length: Length::Updates(updates_until(HORIZON_S, cell, &spec)),
                seed,
                deadline_s: None,
            };
            let key = RandomKey::new(seed, 0);
            let learner = Quadratic { curvature: CURVATURE, noise: NOISE, step_size: STEP_SIZE, key };
            let points = experiment.loss_curve(*cell, learner, 60, progress)?;
            let point = |p: sim::experiment::LossPoint| loss::Point {
                time_s: p.time_s,
                update: p.update as f64,
                loss: p.loss,
                band: None,
            };
            let floor = experiment.loss_floor(*cell, learner);
            let points = points.into_iter().map(point).collect();
            Some(loss::Curve { policy: cell.policy.to_string(), workers: WORKERS, points, floor })
        };
        let once = |cell: &Configuration| {
            parts.once(&format!("quadratic {law} {} group {group}", cell.policy), || curve(cell))
        };
        configurations.iter().map(once).collect()
    };
    let groups: Vec<Vec<loss::Curve>> = (0..groups).into_par_iter().map(one).collect::<Option<_>>()?;
    let curves: Vec<loss::Curve> = (0..POLICIES.len()).map(|i| averaged(&groups, i)).collect();
    let exponential = spec.compute().law(0).memoryless_rate().is_some();
    let exact = configurations.iter().zip(&curves).map(|(cell, curve)| {
        let last = curve.points.last().map_or(0, |point| point.update as usize);
        let fresh = |gradients| fresh_losses(gradients, CURVATURE, NOISE, STEP_SIZE, 1.0).take(last + 1).collect();
        let losses: Vec<f64> = match cell.policy.name() {
            "sync" | "k-sync" | "k-batch-sync" => fresh(cell.rule.quorum),
            "async" if exponential => async_losses(WORKERS, CURVATURE, NOISE, STEP_SIZE, 1.0).take(last + 1).collect(),
            _ => return None,
        };
        Some(curve.points.iter().map(|point| losses[point.update as usize]).collect())
    });
    let exact = exact.collect();
    let first_loss = CURVATURE / 2.0;
    let goals = GOALS.map(|share| share * first_loss).to_vec();
    Some(Family { learner: "quadratic", law, goals, first_loss, curves, exact, groups })
}

/// The `i`-th curve, averaged over the groups point by point.
fn averaged(groups: &[Vec<loss::Curve>], i: usize) -> loss::Curve {
    let first = &groups[0][i];
    let point = |at: usize| {
        let of = |value: fn(&loss::Point) -> f64| groups.iter().map(move |curves| value(&curves[i].points[at]));
        let loss = over(of(|point| point.loss)).unwrap_or(Estimate::unsure(f64::NAN));
        let time_s = of(|point| point.time_s).sum::<f64>() / groups.len() as f64;
        loss::Point { time_s, update: first.points[at].update, loss: loss.mean, band: loss.interval }
    };
    loss::Curve { points: (0..first.points.len()).map(point).collect(), ..first.clone() }
}

/// The mean of independent values with its interval.
fn over(values: impl Iterator<Item = f64>) -> Option<Estimate> {
    ratio(values.map(|value| (value, 1.0)), &(0.0..=f64::INFINITY))
}

impl Family {
    /// When the loss is reached; with an interval if it is in every group of runs.
    fn time_to(&self, i: usize, goal: f64) -> Option<Estimate> {
        let time_s = self.curves[i].time_to(goal)?;
        let each: Option<Vec<f64>> = self.groups.iter().map(|curves| curves[i].time_to(goal)).collect();
        Some(each.and_then(|each| over(each.into_iter())).unwrap_or(Estimate::unsure(time_s)))
    }

    /// Where the lead passes on, each with its interval over the groups, if all of them have it.
    fn crossings(&self) -> Vec<(Crossing, Estimate)> {
        let with_interval = |crossing: Crossing| {
            let in_group = |curves: &Vec<loss::Curve>| {
                let of_two = curves.iter().filter(|c| [&crossing.from, &crossing.to].contains(&&c.policy));
                let found = crossings(&of_two.cloned().collect::<Vec<_>>());
                let same = found.into_iter().filter(|c| (&c.from, &c.to) == (&crossing.from, &crossing.to));
                same.map(|c| c.time_s)
                    .min_by(|a, b| (a - crossing.time_s).abs().total_cmp(&(b - crossing.time_s).abs()))
            };
            let each: Option<Vec<f64>> = self.groups.iter().map(in_group).collect();
            let sure = each.and_then(|each| over(each.into_iter())).unwrap_or(Estimate::unsure(crossing.time_s));
            (crossing, sure)
        };
        crossings(&self.curves).into_iter().map(with_interval).collect()
    }

    fn words(&self) -> String {
        let names: Vec<String> = self.goals.iter().map(|goal| format!("to {}", rounded(*goal, 2))).collect();
        let mut header = vec!["policy"];
        header.extend(names.iter().map(String::as_str));
        header.extend(["last loss", "exact"]);
        let rows = (0..self.curves.len()).map(|i| {
            let curve = &self.curves[i];
            let time = |goal: &f64| {
                or_dash(self.time_to(i, *goal), |time| {
                    let half = time.half_width().map_or(String::new(), |half| format!(" ± {}", rounded(half, 2)));
                    format!("{}{half}", rounded(time.mean, 3))
                })
            };
            let mut row = vec![curve.policy.clone()];
            row.extend(self.goals.iter().map(time));
            row.push(or_dash(curve.points.last(), |point| rounded(point.loss, 3)));
            row.push(or_dash(self.exact[i].as_ref().and_then(|exact| exact.last()), |loss| rounded(*loss, 3)));
            row
        });
        let mut text = format!(
            "Steps {} s, {}: seconds until a loss is reached (it begins at {})\n\n",
            self.law,
            self.learner,
            rounded(self.first_loss, 2)
        );
        text += &columns(&header, rows);
        for (crossing, time) in self.crossings() {
            let half = time.half_width().map_or(String::new(), |half| format!(" ± {}", rounded(half, 2)));
            let _ = writeln!(
                text,
                "\nUntil {}{half} s the lowest loss is that of {}, then that of {}: both are at {} there.",
                rounded(time.mean, 3),
                crossing.from,
                crossing.to,
                rounded(crossing.loss, 3)
            );
        }
        text
    }
}

impl Report for Tradeoff {
    fn tables(&self, tables: &mut Tables) {
        tables.add(self.families.iter().flat_map(|family| {
            family.curves.iter().zip(&family.exact).flat_map(move |(curve, exact)| {
                curve.points.iter().enumerate().map(move |(at, point)| TradeoffRow {
                    step_time: family.law.to_string(),
                    policy: curve.policy.clone(),
                    workers: WORKERS,
                    learner: family.learner.to_string(),
                    time_s: point.time_s,
                    update: point.update,
                    loss: point.loss,
                    loss_low: point.band.map(|(low, _)| low),
                    loss_high: point.band.map(|(_, high)| high),
                    exact_loss: exact.as_ref().map(|exact| exact[at]),
                })
            })
        }));
        tables.add(self.families.iter().flat_map(|family| {
            let cells = (0..family.curves.len()).flat_map(|i| family.goals.iter().map(move |goal| (i, *goal)));
            cells.map(move |(i, loss)| {
                let time = family.time_to(i, loss);
                GoalRow {
                    step_time: family.law.to_string(),
                    policy: family.curves[i].policy.clone(),
                    workers: WORKERS,
                    learner: family.learner.to_string(),
                    loss,
                    time_s: time.map(|time| time.mean),
                    time_low_s: time.and_then(|time| time.low()),
                    time_high_s: time.and_then(|time| time.high()),
                }
            })
        }));
        tables.add(self.families.iter().flat_map(|family| {
            family.crossings().into_iter().map(move |(crossing, time)| CrossingRow {
                step_time: family.law.to_string(),
                policy_before: crossing.from,
                policy_after: crossing.to,
                workers: WORKERS,
                learner: family.learner.to_string(),
                time_s: time.mean,
                time_low_s: time.low(),
                time_high_s: time.high(),
                loss: crossing.loss,
            })
        }));
    }

    fn figures(&self) -> Vec<(&'static str, Figure)> {
        const NAMES: [&str; 4] = ["tradeoff_exp", "tradeoff_pareto", "tradeoff_digits_exp", "tradeoff_digits_pareto"];
        let figure = |(family, name): (&Family, &'static str)| {
            let what = match family.learner {
                digits::LEARNER => digits::setting(),
                _ => format!("Quadratic of curvature {CURVATURE}, noise {NOISE}, step size {STEP_SIZE}"),
            };
            let caption = format!("{what}; {WORKERS} workers, steps {} s.", family.law);
            (name, figures::loss::loss_curve(&family.curves, caption))
        };
        self.families.iter().zip(NAMES).map(figure).collect()
    }

    fn text(&self) -> String {
        let mut text = format!(
            "E7: the trade-off of error and runtime; {WORKERS} workers, loss {CURVATURE} w^2/2, gradient noise {NOISE}, step size \
             {STEP_SIZE} for all; then {}\n\n",
            digits::setting()
        );
        self.families.iter().for_each(|family| text += &format!("{}\n", family.words()));
        text.push_str(
            "- A policy that waits for less updates more often, and its loss falls sooner; each of its updates averages fewer \
             gradients, or older ones, and its loss settles higher.\n\
             - The exact losses are those of fresh gradients, (1 - eta h)^2 an update, and of async with exponential steps; for other \
             laws and policies there is no formula.\n",
        );
        text
    }

    fn outcome(&self) -> Outcome {
        match self.interrupted {
            false => Outcome::Done,
            true => Outcome::Interrupted(
                (!self.families.is_empty())
                    .then(|| format!("{} of {} tables were finished", self.families.len(), 2 * LAWS.len())),
            ),
        }
    }
}

/// A row of `tradeoff.csv`: the mean loss around an update.
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct TradeoffRow {
    /// Law of the step time, s.
    step_time: String,
    policy: String,
    workers: u32,
    time_s: f64,
    update: f64,
    loss: f64,
    loss_low: Option<f64>,
    loss_high: Option<f64>,
    /// What theory says of the loss.
    exact_loss: Option<f64>,
    /// What is learnt: quadratic, or softmax on digits.
    learner: String,
}

impl Row for TradeoffRow {
    const TABLE: &'static str = "tradeoff";
}

/// A row of `goals.csv`: when a loss is reached for the first time.
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct GoalRow {
    step_time: String,
    policy: String,
    workers: u32,
    loss: f64,
    /// Empty if it is not reached.
    time_s: Option<f64>,
    time_low_s: Option<f64>,
    time_high_s: Option<f64>,
    /// What is learnt: quadratic, or softmax on digits.
    learner: String,
}

impl Row for GoalRow {
    const TABLE: &'static str = "goals";
}

/// A row of `crossings.csv`: when the lowest loss passes from one policy to another.
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct CrossingRow {
    step_time: String,
    policy_before: String,
    policy_after: String,
    workers: u32,
    time_s: f64,
    time_low_s: Option<f64>,
    time_high_s: Option<f64>,
    /// The loss of both.
    loss: f64,
    /// What is learnt: quadratic, or softmax on digits.
    learner: String,
}

impl Row for CrossingRow {
    const TABLE: &'static str = "crossings";
}
