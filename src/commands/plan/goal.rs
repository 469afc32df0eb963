//! Time to a goal under a stated model of learning: the quadratic's mean loss, updates in proportion to 1 + B/K, or a network that
//! learns digits in simulated time.
//!
//! A passage to the goal takes the place of a gradient: so seconds, speed-ups and paired ratios of passages are those that
//! gradients have, with the same intervals.

#[cfg(feature = "train")]
use super::digits::Pupil;
use super::race::{self, Going, Point, Race, Standing};
use rayon::prelude::*;
use sim::experiment::passage::{Passage, updates_to};
use sim::{Configuration, LearnerText, Policy, Progress, Quadratic};
use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;

/// What learns, as typed: `quadratic(h, sigma, eta)`, or `mnist`, with its step size or without.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Taught {
    /// SGD on h w^2/2.
    Quadratic {
        /// Curvature.
        h: f64,
        /// Standard deviation of the gradient's noise.
        sigma: f64,
        /// Step size.
        eta: f64,
    },
    /// A softmax regression on digits, with this step size.
    Mnist(f64),
}

/// Step size of the digits, unless typed.
const MNIST_STEP: f64 = 0.01;

impl FromStr for Taught {
    type Err = String;

    fn from_str(text: &str) -> Result<Taught, String> {
        let Some(rest) = text.trim().strip_prefix("mnist") else {
            return match text.parse::<LearnerText>() {
                Ok(LearnerText::Quadratic { h, sigma, eta }) => Ok(Taught::Quadratic { h, sigma, eta }),
                Ok(LearnerText::None) => Err("a goal needs a learner; type quadratic(1, 1, 0.05) or mnist".to_string()),
                Err(e) => Err(e.to_string()),
            };
        };
        let number = |rest: &str| rest.strip_prefix('(')?.strip_suffix(')')?.trim().parse::<f64>().ok();
        let eta = if rest.is_empty() { Some(MNIST_STEP) } else { number(rest) };
        let eta = eta.filter(|eta| *eta > 0.0 && eta.is_finite());
        eta.map(Taught::Mnist)
            .ok_or_else(|| format!("'{}' is no learner; type mnist(0.01)", crate::formats::clip(text)))
    }
}

impl fmt::Display for Taught {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Taught::Quadratic { h, sigma, eta } => LearnerText::Quadratic { h, sigma, eta }.fmt(f),
            Taught::Mnist(eta) => write!(f, "mnist({eta})"),
        }
    }
}

/// What is to be reached.
#[derive(Clone)]
pub enum Goal {
    /// As much progress as one update without noise makes: 1 + B/K updates of K gradients (McCandlish et al. 2018).
    Scale(f64),
    /// A share of the first loss of the quadratic.
    Quadratic(Quadratic, f64),
    /// A share of the first loss of a network.
    #[cfg(feature = "train")]
    Digits(Box<Pupil>),
}

/// Whether it is.
#[derive(Clone, Debug)]
pub enum Fate {
    /// As often as this has gradients.
    Reached(Box<Point>),
    /// The loss stays above.
    Above,
    /// The loss grows without bounds; below this step size it does not, if that is known.
    Diverges(Option<f64>),
}

impl Fate {
    /// In a word, as `plan.csv` has it.
    pub fn word(&self) -> &'static str {
        match self {
            Fate::Reached(_) => "reached",
            Fate::Above => "above",
            Fate::Diverges(_) => "diverges",
        }
    }
}

/// What became of every configuration.
pub struct Outcomes {
    /// The goal.
    pub goal: Goal,
    /// Whether noise keeps a single worker from it, so that speed-ups compare with one without noise.
    pub alone_without_noise: bool,
    /// By policy and number of workers, with the updates of the runs that it is of; none where the model of learning says nothing.
    of: HashMap<(Policy, u32), (u64, Fate)>,
}

/// A single worker, by which all are measured.
fn alone() -> Configuration {
    Configuration { policy: Policy::SYNC, rule: Policy::SYNC.rule(1).expect("one worker") }
}

impl Goal {
    /// Step size of those who learn.
    pub fn step_size(&self) -> Option<f64> {
        match self {
            Goal::Scale(_) => None,
            Goal::Quadratic(learner, _) => Some(learner.step_size),
            #[cfg(feature = "train")]
            Goal::Digits(pupil) => Some(pupil.step_size()),
        }
    }

    /// Updates that a single worker needs, and whether those are without noise, as it would never get there with it.
    #[cfg_attr(not(feature = "train"), expect(unused_variables, reason = "only a network learns in runs of its own"))]
    fn updates_alone(&self, race: &Race, progress: &Progress) -> (f64, bool) {
        match self {
            Goal::Scale(scale) => (1.0 + scale, false),
            Goal::Quadratic(learner, share) => {
                let target = share * learner.curvature / 2.0;
                let updates = |learner| updates_to(alone(), learner, target).map(|updates| updates as f64);
                match updates(*learner) {
                    Some(updates) => (updates, false),
                    None => (updates(Quadratic { noise: 0.0, ..*learner }).unwrap_or(f64::NAN), true),
                }
            }
            #[cfg(feature = "train")]
            Goal::Digits(pupil) => {
                let course = pupil.course(race.experiment().seed);
                let updates = race.experiment().updates_of(alone(), course, progress);
                (updates.map_or(f64::NAN, |updates| updates as f64), false)
            }
        }
    }

    fn fate(&self, race: &Race, point: &Point, alone: f64, going: &Going<'_>) -> Option<Fate> {
        if let Goal::Scale(scale) = self {
            return point.is_fresh().then(|| {
                let needed = 1.0 + scale / point.gradients_per_update();
                Fate::Reached(Box::new(point.with_passages(|runs| runs.per_passage(needed, alone))))
            });
        }
        let name = format!("goal of {} m={} updates={}", point.policy(), point.workers(), point.updates());
        Some(match going.parts.once(&name, || self.passage(race, point, alone, going.progress))? {
            Passage::Reached(passages) => Fate::Reached(Box::new(point.with_passages(|_| passages))),
            Passage::Above => Fate::Above,
            Passage::Diverges(below) => Fate::Diverges(below),
        })
    }

    /// How a configuration comes to the loss, where what learns is followed.
    fn passage(&self, race: &Race, point: &Point, alone: f64, progress: &Progress) -> Option<Passage> {
        match self {
            Goal::Scale(_) => None,
            Goal::Quadratic(learner, share) => {
                let target = share * learner.curvature / 2.0;
                race.experiment().passage(point.cell, *learner, target, alone, point.runs(), progress)
            }
            #[cfg(feature = "train")]
            Goal::Digits(pupil) => {
                let course = |key| pupil.course_by(key);
                race.experiment().passage_of(point.cell, course, alone, point.runs(), progress)
            }
        }
    }
}

impl Outcomes {
    /// Runs a race to a goal, or for gradients where there is none: its configurations, and what becomes of them.
    pub fn of_race(goal: Option<Goal>, race: &Race, going: &Going<'_>) -> (Vec<Point>, Option<Outcomes>) {
        let Some(goal) = goal else { return (race.run(going, race::by_gradients), None) };
        let (alone, alone_without_noise) = goal.updates_alone(race, going.progress);
        let mut outcomes = Outcomes { goal, alone_without_noise, of: HashMap::new() };
        let points = race.run(going, |points| {
            outcomes.follow(race, points, alone, going);
            outcomes.standings(points)
        });
        outcomes.follow(race, &points, alone, going);
        (points, Some(outcomes))
    }

    /// What becomes of those of these points that are new, or have run for longer.
    fn follow(&mut self, race: &Race, points: &[Point], alone: f64, going: &Going<'_>) {
        let is_known = |point: &Point| self.of.get(&key(point)).is_some_and(|(updates, _)| *updates == point.updates());
        let new: Vec<&Point> = points.iter().filter(|point| !is_known(point)).collect();
        let one = |point: &&Point| {
            let fate = if going.progress.stopped() { None } else { self.goal.fate(race, point, alone, going) };
            Some((key(point), (point.updates(), fate?)))
        };
        let of: Vec<_> = new.par_iter().filter_map(one).collect();
        self.of.extend(of);
    }

    /// How these points stand: who gets there is beaten by whoever is clearly sooner there.
    fn standings(&self, points: &[Point]) -> Vec<Standing> {
        let there: Vec<&Point> = points.iter().filter_map(|point| self.passages(point)).collect();
        let standing = |point: &Point| match self.of(point) {
            Some(Fate::Reached(passages)) if race::is_beaten(passages, &there) => Standing::Beaten,
            // Others run to the goal for themselves, and are there.
            Some(Fate::Reached(_)) if !point.cell.rule.is_fresh() => Standing::Done,
            // The model of learning says nothing of it.
            None => Standing::Lost("unknown"),
            Some(Fate::Reached(_)) => Standing::Racing,
            Some(fate @ (Fate::Above | Fate::Diverges(_))) => Standing::Lost(fate.word()),
        };
        points.iter().map(standing).collect()
    }

    /// What became of a configuration.
    pub fn of(&self, point: &Point) -> Option<&Fate> {
        self.of.get(&key(point)).map(|(_, fate)| fate)
    }

    /// The same with passages to the goal for gradients, if it is reached.
    pub fn passages(&self, point: &Point) -> Option<&Point> {
        match self.of(point)? {
            Fate::Reached(passages) => Some(passages),
            Fate::Above | Fate::Diverges(_) => None,
        }
    }
}

fn key(point: &Point) -> (Policy, u32) {
    (point.policy(), point.workers())
}
