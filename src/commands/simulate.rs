//! `straggle simulate`: time per update of each policy for each number of workers, with theory beside it.

mod measured;
mod rows;
mod warnings;
mod words;

use crate::cli::{Common, Percent, Shard, Simulate, Typed, Workers};
use crate::commands::merge::PartOfSweep;
use crate::commands::simulate::measured::{Measured, MeasuredRow};
use crate::error::Error;
use crate::figures::loss::time_to_loss;
use crate::figures::timeline::{Timeline, chrome_trace};
use crate::figures::{self, Figure};
use crate::finished::{self, Finished, FinishedRuns};
use crate::memory;
use crate::profile::Profile;
use crate::report::{Command, Job, Outcome, Report};
use crate::rows::{Table, Tables};
use crate::session::Session;
use crate::text::count;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use sim::experiment::{LossPoint, comparisons};
use sim::{
    Cancellation, ClusterSpec, Configuration, Estimate, Experiment, LearnerText, Length, Model, Observation, Quadratic,
    RandomKey, Run, Simulated,
};

pub use rows::IterationTime;
use rows::{Loss, Paired, TimeToLoss, WorkerRow};

/// What came of it.
#[derive(Debug)]
pub struct Simulation {
    /// What was asked.
    pub experiment: Experiment,
    /// The configurations that ended.
    pub observations: Vec<Observation>,
    /// The losses over time, if something was learnt.
    pub curves: Vec<Curve>,
    /// Configurations that there should be.
    planned: usize,
    interrupted: bool,
    /// Whether the workers' time is drawn.
    timeline: bool,
    /// What real threads did.
    measured: Vec<Measured>,
    /// The share of the updates whose longest time is asked for.
    quantile: Option<f64>,
}

/// The loss over time of one configuration.
#[derive(Debug)]
pub struct Curve {
    /// The configuration.
    pub cell: Configuration,
    /// Updates, time, loss.
    pub points: Vec<LossPoint>,
    /// What learns.
    learner: Quadratic,
    /// Where it settles, by theory.
    pub floor: Option<f64>,
    /// Step sizes below this are stable, by theory.
    stable_below: Option<f64>,
}

impl Curve {
    /// Whether it diverges, where it ends with this loss: by theory, or because that is a thousand times the one at the beginning.
    fn diverges(&self, last: f64) -> bool {
        let Quadratic { curvature, step_size, .. } = self.learner;
        match self.stable_below {
            Some(limit) => step_size >= limit,
            None => !last.is_finite() || last > 1000.0 * curvature / 2.0 && self.floor.is_none(),
        }
    }
}

impl Command for Simulate {
    const NAME: &'static str = "simulate";
    const TABLES: &'static [Table] = &[
        Table::of::<IterationTime>(),
        Table::of::<Paired>(),
        Table::of::<WorkerRow>(),
        Table::of::<MeasuredRow>(),
        Table::of::<Loss>(),
        Table::of::<TimeToLoss>(),
    ];
    const FIGURES: &'static [&'static str] = &["iteration_times", "loss_curve", "timeline"];
    const OTHERS: &'static [&'static str] = &["trace.json"];

    fn common(&self) -> &Common {
        &self.common
    }

    fn shard(&self) -> Option<Shard> {
        self.part.shard.map(|Typed(shard)| shard)
    }

    fn forgets(&self) -> bool {
        true
    }

    fn resolve(&mut self) -> Result<(), Error> {
        if self.profile.is_none() {
            self.step.resolve();
            self.cluster.resolve();
        }
        let most = self.max_workers.take().unwrap_or(20);
        self.workers.get_or_insert_with(|| Workers((1..=most).collect()));
        Ok(())
    }

    fn prepare<'a>(&'a self, session: &'a Session) -> Result<Job<'a>, Error> {
        let experiment = self.experiment(session)?;
        let (configurations, impossible) = experiment.cells();
        match &impossible[..] {
            [.., last] if configurations.is_empty() => return Err(Error::Usage(last.to_string())),
            [] => {}
            [first, ..] => session
                .note(format!("left out {}; the first: {first}", count(impossible.len() as u64, "configuration"))),
        }
        let most = configurations.iter().map(|one| one.rule.workers).max().unwrap_or(0);
        let what = format!("{} of up to {most} workers", count(configurations.len() as u64, "configuration"));
        let Some(plans) = experiment.plans(&session.progress) else {
            return Err(Error::Interrupted("nothing was finished, and nothing was written".to_string()));
        };
        let bytes = Experiment::memory(&plans, rayon::current_num_threads());
        memory::afford(bytes, &what, "name fewer with --workers, or lower --updates")?;
        warnings::warnings(&experiment, &plans).into_iter().for_each(|warning| session.note(warning));
        self.possible(&experiment)?;
        let asleep = self.measure.as_ref().map(|time| Ok((measured::sleepers(&experiment)?.clone(), time.value)));
        let asleep = asleep.transpose()?;
        if self.timeline && most > MOST_DRAWN {
            return Err(Error::Usage(format!(
                "--timeline keeps all that each of {most} workers does; type at most {MOST_DRAWN} in --workers, or leave it out"
            )));
        }
        let learner = match self.learner.0 {
            LearnerText::None => None,
            LearnerText::Quadratic { h, sigma, eta } => {
                let key = RandomKey::new(experiment.seed, 0);
                Some(Quadratic { curvature: h, noise: sigma, step_size: eta, key })
            }
        };
        Ok(Box::new(move |directory| {
            let kept = Finished::open(directory, &session.parts);
            let kept = if self.part.shard.is_some() { kept } else { kept.unless_quick() };
            let finished = FinishedRuns { finished: &kept, experiment: finished::everything(self, &OWN, session) };
            let (timeline, quantile) = (self.timeline, self.quantile.as_ref().map(|Typed(Percent(share))| *share));
            let cells = configurations.into_iter().enumerate();
            let cells = cells.filter(|(index, _)| self.shard().is_none_or(|shard| shard.holds(*index)));
            let cells = cells.map(|(_, cell)| cell).collect();
            let simulation = simulate(experiment, cells, learner, Some(&finished), session)?;
            if let Some(shard) = self.shard() {
                finished.finished.check()?;
                let (finished, planned, outcome) =
                    (simulation.observations.len(), simulation.planned, simulation.outcome());
                return Ok(Box::new(PartOfSweep { shard, of_what: "configurations", finished, planned, outcome }));
            }
            finished.finished.told(session);
            let measured = match &asleep {
                Some((law, time_s)) => {
                    measured::measure(&simulation.experiment, &simulation.observations, law, *time_s, session)?
                }
                None => Vec::new(),
            };
            let interrupted = session.stopped();
            Ok(Box::new(Simulation { timeline, quantile, measured, interrupted, ..simulation }))
        }))
    }
}

/// Options that make no difference to what a configuration comes to.
const OWN: [&str; 10] =
    ["policies", "workers", "max_workers", "shard", "threads", "timeline", "quantile", "measure", "out", "format"];

impl Simulate {
    /// What the gated model knows nothing of is refused.
    fn possible(&self, experiment: &Experiment) -> Result<(), Error> {
        let spec = &experiment.spec;
        let carries_over = [
            (spec.failures().is_some(), "--mtbf"),
            (spec.communication().is_some(), "--comm"),
            (spec.cancellation() != Cancellation::AtOnce, "--cancellation"),
            (!spec.contention().is_empty(), "--contention"),
        ];
        match carries_over.iter().find(|(typed, _)| *typed && experiment.model == Model::Gated) {
            Some((_, option)) => Err(Error::Usage(format!(
                "--model gated draws fresh times for every update and knows nothing of {option}; leave one of them out"
            ))),
            None => Ok(()),
        }
    }

    fn experiment(&self, session: &Session) -> Result<Experiment, Error> {
        let reading = self.step.reading(&self.cluster)?;
        let spec = match &self.profile {
            Some(path) => Profile::spec(path, session)?,
            None => ClusterSpec::of(self.step.compute(&reading, session)?),
        };
        let spec = self.cluster.onto(spec, &reading, session)?;
        let length = match (&self.precision, self.updates) {
            (Some(Typed(Percent(share))), _) => Length::Precision(*share),
            (None, Some(updates)) => Length::Updates(updates),
            (None, None) => Length::Honest,
        };
        Ok(Experiment {
            policies: self.policies.0.clone(),
            workers: self.workers.clone().expect("resolved").0,
            spec,
            model: self.model.0,
            length,
            seed: self.common.seed,
            deadline_s: self.deadline.as_ref().map(|deadline| deadline.value),
        })
    }
}

/// Simulates these configurations, and their losses where something is learnt.
pub fn simulate(
    experiment: Experiment,
    configurations: Vec<Configuration>,
    learner: Option<Quadratic>,
    kept: Option<&FinishedRuns<'_>>,
    session: &Session,
) -> Result<Simulation, Error> {
    let progress = &session.progress;
    let curve = |learner: Quadratic, cell: Configuration| {
        let name = format!("loss of {} m={}", cell.policy, cell.rule.workers);
        let curve = || experiment.loss_curve(cell, learner, 100, progress);
        let points = match kept {
            Some(kept) => {
                let kept: Vec<KeptPoint> = kept.once(&name, || Some(curve()?.iter().map(KeptPoint::new).collect()))?;
                kept.into_iter().map(KeptPoint::point).collect()
            }
            None => curve()?,
        };
        let (floor, stable_below) = (experiment.loss_floor(cell, learner), experiment.stable_below(cell, learner));
        Some(Curve { cell, learner, points, floor, stable_below })
    };
    let planned = configurations.len();
    let work = || {
        let runs: &dyn sim::Kept = kept.map_or(&(), |kept| kept);
        let observations = experiment.observe_some(&configurations, progress, runs).into_iter().flatten().collect();
        let configurations = learner.map(|learner| (learner, configurations)).into_par_iter();
        let curves = configurations.flat_map(|(learner, configurations)| {
            configurations.into_par_iter().with_max_len(1).map(move |cell| (learner, cell))
        });
        (observations, curves.filter_map(|(learner, cell)| curve(learner, cell)).collect())
    };
    let parts = if learner.is_some() { 2 } else { 1 };
    let (observations, curves) = session.with_bar(parts * planned as u64, work);
    Ok(Simulation {
        experiment,
        observations,
        curves,
        planned,
        interrupted: session.stopped(),
        timeline: false,
        measured: Vec::new(),
        quantile: None,
    })
}

/// A point of a loss curve as it is kept: the bits of its numbers, as some may be none.
#[derive(Serialize, Deserialize)]
struct KeptPoint(u64, u64, u64, Option<(u64, u64)>);

impl KeptPoint {
    fn new(point: &LossPoint) -> KeptPoint {
        let LossPoint { update, time_s, loss, interval } = *point;
        KeptPoint(update, time_s.to_bits(), loss.to_bits(), interval.map(|(low, high)| (low.to_bits(), high.to_bits())))
    }

    fn point(self) -> LossPoint {
        let KeptPoint(update, time_s, loss, interval) = self;
        let number = f64::from_bits;
        let interval = interval.map(|(low, high)| (number(low), number(high)));
        LossPoint { update, time_s: number(time_s), loss: number(loss), interval }
    }
}

impl Report for Simulation {
    fn tables(&self, tables: &mut Tables) {
        tables.add(self.observations.iter().map(|observation| IterationTime::new(self, observation)));
        let pairs = comparisons(&self.observations);
        if !pairs.is_empty() {
            tables.add(pairs.iter().map(Paired::new));
        }
        let mut rows = self.observations.iter().flat_map(|o| WorkerRow::all(&self.experiment, o)).peekable();
        if rows.peek().is_some() {
            tables.add(rows);
        }
        if !self.measured.is_empty() {
            tables.add(self.measured.iter().map(MeasuredRow::new));
        }
        if !self.curves.is_empty() {
            tables.add(self.curves.iter().flat_map(Curve::rows));
            tables.add(time_to_loss(&self.drawn_curves()).into_iter().map(TimeToLoss::new));
        }
    }

    fn figures(&self) -> Vec<(&'static str, Figure)> {
        let mut all = vec![(
            "iteration_times",
            figures::simulate::iteration_times(&self.experiment, &self.observations, &self.measured_points()),
        )];
        if !self.curves.is_empty() {
            let most = self.curves.iter().map(|curve| curve.cell.rule.workers).max();
            let caption = figures::simulate::caption(&self.experiment, most);
            all.push(("loss_curve", figures::loss::loss_curve(&self.drawn_curves(), caption)));
        }
        if let Some((timelines, until_s)) = self.timelines() {
            let caption = figures::simulate::caption(&self.experiment, None);
            all.push(("timeline", figures::timeline::timeline(&timelines, until_s, caption)));
        }
        all
    }

    fn others(&self) -> Vec<(&'static str, String)> {
        let trace = |(timelines, _): (Vec<Timeline>, f64)| ("trace.json", chrome_trace(&timelines));
        self.timelines().map(trace).into_iter().collect()
    }

    fn text(&self) -> String {
        words::text(self)
    }

    fn outcome(&self) -> Outcome {
        let finished = self.observations.len();
        let done = || format!("{finished} of {} configurations were finished", self.planned);
        match self.interrupted {
            false => Outcome::Done,
            true => Outcome::Interrupted((finished > 0).then(done)),
        }
    }
}

/// Workers of a timeline, at most: a thousand are some 10 MB of trace.json for each policy.
const MOST_DRAWN: u32 = 1000;

/// Mean step times that a timeline shows.
const STEPS: f64 = 10.0;

impl Simulation {
    /// What the workers do at first under each policy, at the largest number of workers, and until when; `None` if nobody
    /// asked.
    fn timelines(&self) -> Option<(Vec<Timeline>, f64)> {
        let Experiment { spec, seed, .. } = &self.experiment;
        let most = self.observations.iter().map(|o| o.cell.rule.workers).max().filter(|_| self.timeline)?;
        let until_s = STEPS * spec.mean_task(0, 1);
        let of = |o: &Observation| {
            let run = Run::new(o.cell.rule, Simulated::new(spec.for_rule(o.cell.rule), RandomKey::new(*seed, 0), most));
            Timeline::of_run(format!("{}, m = {most}", o.cell.policy), run, most, until_s)
        };
        let shown = self.observations.iter().filter(|o| o.cell.rule.workers == most);
        Some((shown.map(of).collect(), until_s))
    }

    /// How many times as long as in simulation an update of each configuration takes that threads ran.
    fn measured_points(&self) -> Vec<(Configuration, f64)> {
        self.measured.iter().map(|measured| (measured.cell, 1.0 + measured.longer.mean)).collect()
    }

    /// The time that the share of the updates does not exceed which was asked about, s.
    fn quantile_of(&self, o: &Observation) -> Option<Estimate> {
        let [quantile] = o.replications.quantiles_s([self.quantile?])?;
        Some(if o.mean.interval.is_some() { quantile } else { quantile.without_interval() })
    }

    fn drawn_curves(&self) -> Vec<figures::loss::Curve> {
        let point = |p: &LossPoint| figures::loss::Point {
            time_s: p.time_s,
            update: p.update as f64,
            loss: p.loss,
            band: p.interval,
        };
        let curve = |curve: &Curve| figures::loss::Curve {
            policy: curve.cell.policy.to_string(),
            workers: curve.cell.rule.workers,
            points: curve.points.iter().map(point).collect(),
            floor: curve.floor,
        };
        self.curves.iter().map(curve).collect()
    }
}
