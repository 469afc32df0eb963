//! `straggle plan`: which policy, how many workers, how sure: from a profile to a recommendation.

#[cfg(feature = "train")]
mod digits;
mod goal;
pub mod race;
mod rows;
mod what_if;
mod words;

use crate::cli::{Aim, Cluster, Common, Plan};
use crate::error::Error;
use crate::figures::{self, Figure};
use crate::finished::{self, Finished, FinishedRuns};
use crate::formats::Options;
use crate::profile::{Described, Profile};
use crate::report::{Command, Job, Outcome, Report};
use crate::rows::{Table, Tables};
use crate::session::Session;
use crate::text::count;
pub use goal::Taught;
use goal::{Goal, Outcomes};
pub use race::Point;
use race::{Going, Race};
use rows::{Pair, Planned, WhatIf};
use sim::{Estimate, Policy, Quadratic, RandomKey};
use what_if::{Changed, Difference, Stragglers, Straggling};

/// Workers of which second moments are followed, a matrix of as many rows.
const MOST_FOLLOWED: u32 = 2000;

/// Numbers of workers that are tried where nobody says how many.
const MOST_NUMBERS: usize = 64;

impl Command for Plan {
    const NAME: &'static str = "plan";
    const TABLES: &'static [Table] = &[Table::of::<Planned>(), Table::of::<Pair>(), Table::of::<WhatIf>()];
    const FIGURES: &'static [&'static str] = &["plan"];

    fn common(&self) -> &Common {
        &self.common
    }

    fn forgets(&self) -> bool {
        true
    }

    fn resolve(&mut self) -> Result<(), Error> {
        let learns = self.learner.is_some() || self.target.is_some() || self.noise_scale.is_some();
        if self.goal == Aim::Throughput && learns {
            let sentence =
                "--learner, --target and --noise-scale are for --goal loss; type that, too, or leave them out";
            return Err(Error::Usage(sentence.to_string()));
        }
        if let Some(scale) = self.noise_scale.filter(|scale| !(0.0..=1e12).contains(scale)) {
            let sentence = format!("--noise-scale is a number of workers' batches, not {scale}; type --noise-scale 16");
            return Err(Error::Usage(sentence));
        }
        let most = self.workers.as_ref().and_then(|workers| workers.0.last()).copied().unwrap_or(0);
        if self.goal == Aim::Loss && self.noise_scale.is_none() && most > MOST_FOLLOWED {
            return Err(Error::Usage(format!(
                "--goal loss follows what each of {MOST_FOLLOWED} workers at most has read, not of {most}; type --workers \
                 1..{MOST_FOLLOWED}, or --noise-scale"
            )));
        }
        match self.least_gain > 0.0 && self.least_gain < 1.0 {
            true => Ok(()),
            false => Err(Error::Usage(format!(
                "--least-gain is a share of a worker's speed between 0 and 1, not {}; type --least-gain 0.3",
                self.least_gain
            ))),
        }
    }

    fn prepare<'a>(&'a self, session: &'a Session) -> Result<Job<'a>, Error> {
        let (profile, file) = Profile::read(&self.profile)?;
        session.read(&[file]);
        let (typed, changes) = what_if::split(&self.around);
        let onto = |typed: &Cluster, spec| typed.onto(spec, &Options::default(), session);
        let cluster = profile.cluster(&self.profile)?.around(|spec| onto(&typed, spec))?;
        session.read(&cluster.files);
        let workers = self.workers.clone().map_or_else(|| numbers(&cluster), |workers| workers.0);
        let race = self.race(&cluster, &workers)?;
        if let ([], [.., last]) = (&race.cells().0[..], &race.cells().1[..]) {
            return Err(Error::Usage(last.to_string()));
        }
        let goal = self.goal()?;
        let most = workers.last().copied().unwrap_or(1);
        let changed = what_if::changed(self, &cluster, most, |cluster| cluster.around(|spec| onto(&changes, spec)))?;
        Ok(Box::new(move |directory| {
            let finished = Finished::open(directory, &[]).unless_quick();
            let experiment = finished::everything(self, &["threads", "out", "format"], session);
            let going = Going { progress: &session.progress, parts: FinishedRuns { finished: &finished, experiment } };
            let planned = race.cells().0.len() * if changed.is_some() { 2 } else { 1 };
            let work = || self.advice(cluster, &workers, race, goal, changed, &going);
            let advice = session.with_bar(planned as u64, work)?;
            finished.told(session);
            Ok(Box::new(advice))
        }))
    }
}

/// All numbers up to those that make sense, or as many of them on a logarithmic scale.
fn numbers(cluster: &Described) -> Vec<u32> {
    let most = match (cluster.workers().len() as u32, cluster.measured()) {
        (0, None) => 64,
        (0, Some(measured)) => (2 * measured).clamp(8, 64.max(measured)),
        (told_apart, _) => told_apart,
    };
    let at = |i: usize| f64::from(most).powf(i as f64 / (MOST_NUMBERS - 1) as f64).round() as u32;
    let mut all: Vec<u32> =
        if most as usize <= MOST_NUMBERS { (1..=most).collect() } else { (0..MOST_NUMBERS).map(at).collect() };
    all.dedup();
    all
}

impl Plan {
    fn race(&self, cluster: &Described, workers: &[u32]) -> Result<Race, Error> {
        Ok(Race::new(cluster.spec()?, &self.policies.0, workers, cluster.single_s()?, self.common.seed))
    }

    fn advice(
        &self,
        cluster: Described,
        workers: &[u32],
        race: Race,
        goal: Option<Goal>,
        changed: Option<Changed>,
        going: &Going<'_>,
    ) -> Result<Advice<'_>, Error> {
        let progress = going.progress;
        let (points, goal) = Outcomes::of_race(goal, &race, &going.on("as it is"));
        let mut advice = Advice {
            plan: self,
            cluster,
            points,
            goal,
            what_if: None,
            stragglers: None,
            straggling: None,
            most: workers.last().copied().unwrap_or(1),
            planned: race.cells().0.len(),
            interrupted: false,
        };
        if let Some(changed) = changed.filter(|_| !progress.stopped()) {
            advice.what_if = Some(advice.what_if(changed, workers, going)?);
        }
        if !progress.stopped() {
            advice.stragglers = advice.stragglers(going)?;
            advice.straggling = advice.straggling(going)?;
        }
        advice.interrupted = progress.stopped();
        Ok(advice)
    }
}

/// What came of it.
pub struct Advice<'a> {
    plan: &'a Plan,
    cluster: Described,
    /// Policy by policy, by numbers of workers.
    points: Vec<Point>,
    /// What becomes of the goal, if there is one.
    goal: Option<Outcomes>,
    /// What was asked instead, and what it changes.
    what_if: Option<(String, Vec<Difference>)>,
    /// What it costs to wait for the slowest.
    stragglers: Option<Stragglers>,
    /// What a worker that is slow all the time costs.
    straggling: Option<Straggling>,
    /// The largest number of workers.
    most: u32,
    planned: usize,
    interrupted: bool,
}

/// A policy is taken that comes later in the list only if it is faster by more than this, for sure.
const WORTH_A_CHANGE: f64 = 1.05;

impl Advice<'_> {
    fn of(&self, policy: Policy) -> impl Iterator<Item = &Point> {
        self.points.iter().filter(move |point| point.policy() == policy)
    }

    fn at(&self, policy: Policy, workers: u32) -> Option<&Point> {
        self.of(policy).find(|point| point.workers() == workers)
    }

    /// What stands for a configuration: itself, counting gradients, or, if there is a goal, its passages to it, if it gets there.
    pub fn value<'b>(&'b self, point: &'b Point) -> Option<&'b Point> {
        self.goal.as_ref().map_or(Some(point), |goal| goal.passages(point))
    }

    /// How many times as fast as another one: gradients, or the way to the goal.
    fn ratio(&self, a: &Point, b: &Point) -> Option<Estimate> {
        self.value(a)?.rate_over(self.value(b)?)
    }

    /// That, less what the workers cost.
    fn worth(&self, point: &Point) -> f64 {
        let speedup = self.value(point).map_or(f64::NEG_INFINITY, |value| value.speedup().mean);
        speedup - self.plan.least_gain * f64::from(point.workers())
    }

    /// A policy's best number of workers: further ones add less than the least gain each, whether one more or many.
    pub fn knee(&self, policy: Policy) -> Option<&Point> {
        self.of(policy).max_by(|a, b| self.worth(a).total_cmp(&self.worth(b)).then(b.workers().cmp(&a.workers())))
    }

    /// The policy that is recommended, at its knee: of those that learn as sync does the first of the list that none is surely
    /// faster than by more than a twentieth.
    pub fn best(&self) -> Option<&Point> {
        let knees = self.plan.policies.0.iter().filter_map(|&policy| self.knee(policy));
        let knees: Vec<&Point> = knees.collect();
        let knees: Vec<&Point> = knees.into_iter().filter(|point| self.value(point).is_some()).collect();
        // A model of learning says what old gradients are worth; without one only fresh ones are.
        let fresh: Vec<&Point> =
            knees.iter().copied().filter(|point| self.goal.is_some() || point.is_fresh()).collect();
        let eligible = if fresh.is_empty() { knees } else { fresh };
        let leader = eligible.iter().copied().max_by(|a, b| self.worth(a).total_cmp(&self.worth(b)))?;
        let is_as_good = |point: &&&Point| {
            let same = self.at(point.policy(), leader.workers());
            let ratio = same.and_then(|same| self.ratio(leader, same));
            ratio.is_some_and(|ratio| ratio.low().unwrap_or(ratio.mean) <= WORTH_A_CHANGE)
        };
        Some(eligible.iter().find(is_as_good).copied().unwrap_or(leader))
    }

    /// Policies on as many workers as the best, the fastest first.
    pub fn ranking(&self) -> Vec<&Point> {
        let Some(best) = self.best() else { return Vec::new() };
        let mut all: Vec<&Point> = self.points.iter().filter(|point| point.workers() == best.workers()).collect();
        all.sort_by(|a, b| self.worth(b).total_cmp(&self.worth(a)));
        all
    }

    /// Pairs that are worth comparing: all others with the best, and neighbours in the ranking.
    pub fn pairs(&self) -> Vec<(&Point, &Point, Estimate)> {
        let (Some(best), ranking) = (self.best(), self.ranking()) else { return Vec::new() };
        let mut pairs: Vec<(&Point, &Point)> =
            ranking.iter().filter(|point| point.cell != best.cell).map(|point| (*point, best)).collect();
        let neighbours = ranking.windows(2).map(|pair| (pair[0], pair[1]));
        pairs.extend(neighbours.filter(|(a, b)| a.cell != best.cell && b.cell != best.cell));
        pairs.into_iter().filter_map(|(a, b)| Some((a, b, self.ratio(a, b)?))).collect()
    }
}

impl Report for Advice<'_> {
    fn tables(&self, tables: &mut Tables) {
        let best = self.best().map(|best| best.cell);
        tables.add(self.points.iter().map(|point| Planned::new(point, best == Some(point.cell), self.goal.as_ref())));
        tables.add(self.pairs().into_iter().map(|(a, b, ratio)| Pair::new(a, b, ratio)));
        if let Some((change, differences)) = &self.what_if {
            tables.add(differences.iter().map(|difference| WhatIf::new(change, difference)));
        }
    }

    fn figures(&self) -> Vec<(&'static str, Figure)> {
        vec![("plan", figures::plan::plan(self, &self.points, self.best(), &self.caption()))]
    }

    fn text(&self) -> String {
        words::text(self)
    }

    fn outcome(&self) -> Outcome {
        let done = || format!("{} of {} configurations were finished", self.points.len(), self.planned);
        match self.interrupted {
            false if self.has_goal() && self.best().is_none() => {
                let sentence = "no policy gets to the goal; raise --target, or give --learner a smaller step size";
                Outcome::Failed(sentence.to_string())
            }
            false => Outcome::Done,
            true => Outcome::Interrupted((!self.points.is_empty()).then(done)),
        }
    }
}

impl Plan {
    /// What is to be reached, with a model of learning.
    fn goal(&self) -> Result<Option<Goal>, Error> {
        let target = |usual: f64| self.target.map_or(usual, |target| target.0.0);
        let learner = self.learner.map_or(Taught::Quadratic { h: 1.0, sigma: 1.0, eta: 0.05 }, |learner| learner.0);
        Ok(match (self.goal, self.noise_scale, learner) {
            (Aim::Throughput, ..) => None,
            (Aim::Loss, Some(scale), _) => Some(Goal::Scale(scale)),
            (Aim::Loss, None, Taught::Quadratic { h, sigma, eta }) => {
                let key = RandomKey::new(self.common.seed, 0);
                Some(Goal::Quadratic(Quadratic { curvature: h, noise: sigma, step_size: eta, key }, target(0.05)))
            }
            #[cfg(feature = "train")]
            (Aim::Loss, None, Taught::Mnist(eta)) => {
                Some(Goal::Digits(Box::new(digits::Pupil::new(eta, target(0.3), self.common.seed)?)))
            }
            #[cfg(not(feature = "train"))]
            (Aim::Loss, None, Taught::Mnist(_)) => {
                let sentence = "--learner mnist needs a build that trains; type --learner 'quadratic(1, 1, 0.05)'";
                return Err(Error::Usage(sentence.to_string()));
            }
        })
    }
}

impl Advice<'_> {
    /// Whether there is a goal.
    pub fn has_goal(&self) -> bool {
        self.goal.is_some()
    }

    fn caption(&self) -> String {
        let profile = self.plan.profile.file_name().map_or(String::new(), |name| name.to_string_lossy().into_owned());
        format!(
            "{profile}: {} on the same random numbers; bands are 95 % intervals, seed {}.",
            count(self.points.len() as u64, "configuration"),
            self.plan.common.seed
        )
    }
}
