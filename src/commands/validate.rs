//! `straggle validate`: calibrate one worker, predict many, measure them, and judge the prediction.

mod bench;
mod words;

use crate::cli::{Common, Delay, List, MOST_THREADS, Percent, Typed, Workers, at_least, threads};
use crate::error::Error;
use crate::figures::{self, Figure};
use crate::formats::Options;
use crate::report::{Command, Job, Outcome, Report};
use crate::rows::{Row, Table, Tables};
use crate::session::Session;
use crate::text::count;
use crate::trace;
use bench::{Judgement, Measurer};
use clap::Args;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sim::{Law, Policy, PolicyError, RandomKey};
use std::sync::Arc;
use validation::cluster::cores::Cores;
use validation::models::net::device;
use validation::{
    Architecture, Batches, Claim, Comparison, Configuration, Dataset, Digits, Goodness, LearningRateRule, Maximum, Net,
    Replication, Sgd, Share, Verdict, compare,
};

/// `straggle validate`
#[derive(Clone, Debug, Args, Serialize)]
#[command(after_help = "Examples:\n  straggle validate\n  \
    straggle validate --policies sync,async --workers 1,2 --delay none\n  \
    straggle validate --updates 400 --tolerance 3% --delay 'gamma(4, 0.0025)'")]
pub struct Validate {
    /// Policies to put to the test.
    #[arg(long, alias = "policy", value_name = "LIST", default_value = "sync,async,k-sync:2,k-async:2,ssp:2,local:4")]
    pub policies: List<Policy>,
    /// Numbers of worker threads.
    #[arg(long, value_name = "LIST", default_value = "1,2,4,8", allow_hyphen_values = true)]
    pub workers: Workers,
    /// Law of the delay that makes stragglers, or none for pure computing only.
    #[arg(long, value_name = "LAW|none", default_value = "exp(100)")]
    pub delay: Typed<Delay>,
    /// Updates to measure of each configuration [default: what fits into two minutes for all].
    #[arg(long, alias = "iterations", value_name = "N", value_parser = enough, allow_hyphen_values = true)]
    pub updates: Option<u64>,
    /// How large an error may be [default: 5% for up to as many workers as cores, 10% beyond].
    #[arg(long, value_name = "SHARE", allow_hyphen_values = true)]
    pub tolerance: Option<Typed<Percent>>,
    /// Network: softmax, mlp (784-256-10), lenet or lenet-small.
    #[arg(long, value_name = "NAME", default_value = "lenet")]
    pub model: Typed<Architecture>,
    /// Images in a worker's batch.
    #[arg(long, value_name = "B", default_value = "8", value_parser = at_least::<u32>(1, 8), allow_hyphen_values = true)]
    pub batch_size: u32,
    /// How many workers compute at once [default: as many as there are cores].
    #[arg(short = 'j', long, value_name = "N", value_parser = threads, allow_hyphen_values = true, help_heading = "Common options")]
    pub threads: Option<usize>,
    /// What every command takes.
    #[command(flatten)]
    #[serde(flatten)]
    pub common: Common,
}

fn enough(text: &str) -> Result<u64, String> {
    let number = text.parse().ok().filter(|&number| number >= 40);
    number.ok_or(format!("'{text}' is not a whole number from 40, which intervals need; type 400, for example"))
}

/// A configuration with all that is known of it.
pub struct Judged {
    /// The configuration.
    pub cell: Configuration,
    /// What is claimed of it, with its verdict.
    pub claims: Vec<Claim>,
    /// What the claims stand on.
    pub replications: Vec<Replication>,
}

/// Everything that came out.
pub struct Validated {
    /// The configurations.
    pub judged: Vec<Judged>,
    /// Which laws the computing times follow, from all calibrations without delay.
    pub fitted: Option<Comparison>,
    /// These computing times, s.
    pub compute_s: Vec<f64>,
    /// Cores that the workers share.
    pub cores: u32,
    /// The delay that makes stragglers.
    pub delay: Option<Law>,
    /// The tolerance that was asked for.
    pub tolerance: Tolerance,
    /// Share of the processors' time that others took, where the system tells.
    stolen: Option<f64>,
    planned: usize,
    interrupted: bool,
}

/// How large an error may be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tolerance {
    /// For up to as many workers as cores.
    pub within: f64,
    /// For more.
    pub beyond: f64,
}

impl Command for Validate {
    const NAME: &'static str = "validate";
    const TABLES: &'static [Table] = &[Table::of::<ClaimRow>(), Table::of::<FitRow>()];
    const FIGURES: &'static [&'static str] =
        &["relative_error", "agreement", "time_per_update", "staleness", "step_times"];

    fn common(&self) -> &Common {
        &self.common
    }

    fn prepare<'a>(&'a self, session: &'a Session) -> Result<Job<'a>, Error> {
        let delay = self.delay.0.0.as_ref().map(|law| trace::law(law, &Options::default(), session)).transpose()?;
        let (configurations, impossible) = self.configurations(delay.as_ref());
        if let (true, Some(error)) = (configurations.is_empty(), impossible.last()) {
            return Err(Error::Usage(error.to_string()));
        }
        let most = self.workers.0.iter().copied().max().unwrap_or(1) as usize;
        if most > MOST_THREADS {
            return Err(Error::Usage(format!("{most} threads are too many to start; type {MOST_THREADS} at most")));
        }
        let cores = Cores::of_this_machine().at_most(self.threads.unwrap_or(usize::MAX).min(most));
        let learner = self.learner()?;
        Ok(Box::new(move |_| {
            let (tolerance, planned) = (self.tolerance(), configurations.len());
            let number = cores.number() as u32;
            let bench = Measurer { arguments: self, cores, learner, tolerance, session };
            let before = steal();
            let Judgement { judged, compute_s, interrupted } = bench.judge_all(configurations)?;
            let stolen = before.zip(steal()).map(|((s0, t0), (s1, t1))| (s1 - s0) as f64 / (t1 - t0).max(1) as f64);
            let fitted = compare(&thinned(&compute_s, 2000), self.common.seed).ok();
            let cores = number;
            Ok(Box::new(Validated { judged, fitted, compute_s, cores, delay, tolerance, stolen, planned, interrupted }))
        }))
    }
}

impl Validate {
    fn tolerance(&self) -> Tolerance {
        let asked = self.tolerance.map(|percent| percent.0.0);
        Tolerance { within: asked.unwrap_or(0.05), beyond: asked.unwrap_or(0.10) }
    }

    /// All combinations, and those that cannot be.
    fn configurations(&self, delay: Option<&Law>) -> (Vec<Configuration>, Vec<PolicyError>) {
        let (mut configurations, mut impossible) = (Vec::new(), Vec::new());
        let families: Vec<Option<Law>> = delay.into_iter().cloned().map(Some).chain([None]).collect();
        for family in &families {
            for &policy in &self.policies.0 {
                for &workers in &self.workers.0 {
                    match policy.rule(workers) {
                        Ok(rule) => configurations.push(Configuration { policy, rule, delay: family.clone() }),
                        Err(error) => impossible.push(error),
                    }
                }
            }
        }
        (configurations, impossible)
    }

    fn learner(&self) -> Result<Arc<Digits>, Error> {
        let key = RandomKey::new(self.common.seed, 0);
        let data = Dataset::embedded().fitted(self.model.0.input()).map_err(|e| Error::Input(e.to_string()))?;
        let data = Arc::new(data.train);
        // Each worker passes over all data by itself: configurations differ in nothing but who waits for whom.
        let batches = Batches::new(data.len(), self.batch_size as usize, Share::Whole, key);
        let batches = batches.map_err(|e| Error::Usage(e.to_string()))?;
        let sgd = Sgd { rate: 0.01, momentum: 0.0, rule: LearningRateRule::Same };
        Ok(Arc::new(Digits::new(Net::new(self.model.0, &device()), data, batches, sgd, key)))
    }
}

impl Report for Validated {
    fn tables(&self, tables: &mut Tables) {
        tables.add(self.all_claims().map(|(cell, claim)| ClaimRow::new(cell, claim)));
        if let Some(fitted) = &self.fitted {
            tables.add(fitted.fitted.iter().flat_map(|fit| fit.maxima.iter().map(|maximum| FitRow::new(fit, maximum))));
        }
    }

    fn figures(&self) -> Vec<(&'static str, Figure)> {
        vec![
            ("relative_error", figures::validate::relative_error(self)),
            ("agreement", figures::validate::agreement(self)),
            ("time_per_update", figures::validate::time_per_update(self)),
            ("staleness", figures::validate::staleness(self)),
            ("step_times", figures::validate::step_times(self)),
        ]
    }

    fn text(&self) -> String {
        words::report(self)
    }

    fn outcome(&self) -> Outcome {
        let measured = self.judged.len();
        let done = || format!("{measured} of {} configurations were measured", self.planned);
        match (self.interrupted, self.count(Verdict::Fail)) {
            (true, _) => Outcome::Interrupted((measured > 0).then(done)),
            (false, 0) => Outcome::Done,
            (false, failed) => {
                Outcome::Failed(format!("{} failed; the table says which", count(failed as u64, "claim")))
            }
        }
    }
}

impl Validated {
    fn all_claims(&self) -> impl Iterator<Item = (&Configuration, &Claim)> {
        self.judged.iter().flat_map(|j| j.claims.iter().map(move |claim| (&j.cell, claim)))
    }

    /// Of the claims that decide the verdict, how many have this one.
    fn count(&self, verdict: Verdict) -> usize {
        self.all_claims().filter(|(_, claim)| claim.quantity.counts() && claim.verdict == verdict).count()
    }
}

/// At most so many of the values, evenly.
fn thinned(values: &[f64], most: usize) -> Vec<f64> {
    values.iter().copied().step_by(values.len().div_ceil(most).max(1)).collect()
}

/// Ticks of all processors that others took, and all ticks.
fn steal() -> Option<(u64, u64)> {
    let stat = std::fs::read_to_string("/proc/stat").ok()?;
    let ticks: Vec<u64> = stat.lines().next()?.split_whitespace().skip(1).filter_map(|t| t.parse().ok()).collect();
    Some((*ticks.get(7)?, ticks.iter().take(8).sum()))
}

/// A row of `validation.csv`: a claim.
#[derive(Serialize, Deserialize, JsonSchema)]
struct ClaimRow {
    policy: String,
    workers: u32,
    /// The law of the delay, or none.
    delay: String,
    quantity: String,
    predicted: f64,
    predicted_low: f64,
    predicted_high: f64,
    measured: f64,
    measured_low: f64,
    measured_high: f64,
    /// Measured over predicted, less 1.
    relative_error: f64,
    tolerance: f64,
    verdict: String,
}

impl Row for ClaimRow {
    const TABLE: &'static str = "validation";
}

impl ClaimRow {
    fn new(cell: &Configuration, claim: &Claim) -> ClaimRow {
        let ((predicted_low, predicted_high), (measured_low, measured_high)) =
            (claim.predicted.ends(), claim.measured.ends());
        ClaimRow {
            policy: cell.policy.to_string(),
            workers: cell.rule.workers,
            delay: name_of(&cell.delay),
            quantity: claim.quantity.name().to_string(),
            predicted: claim.predicted.value,
            predicted_low,
            predicted_high,
            measured: claim.measured.value,
            measured_low,
            measured_high,
            relative_error: claim.error.value,
            tolerance: claim.tolerance,
            verdict: claim.verdict.to_string(),
        }
    }
}

fn name_of(delay: &Option<Law>) -> String {
    delay.as_ref().map_or("none".to_string(), Law::to_string)
}

/// A row of `step_time_fits.csv`: a law fitted to the computing times of one worker, and the slowest of so many.
#[derive(Serialize, Deserialize, JsonSchema)]
struct FitRow {
    family: String,
    law: String,
    log_likelihood: f64,
    aic: f64,
    /// Largest distance between the distribution functions.
    ks_distance: f64,
    anderson_darling: f64,
    p: f64,
    workers: u32,
    /// Mean time of the slowest of these workers, by the law.
    max_fitted_s: f64,
    /// The same, by drawing from what was measured.
    max_measured_s: f64,
}

impl Row for FitRow {
    const TABLE: &'static str = "step_time_fits";
}

impl FitRow {
    fn new(fit: &Goodness, maximum: &Maximum) -> FitRow {
        FitRow {
            family: fit.family.to_string(),
            law: fit.law.to_string(),
            log_likelihood: fit.log_likelihood,
            aic: fit.aic,
            ks_distance: fit.ks,
            anderson_darling: fit.anderson_darling,
            p: fit.p,
            workers: maximum.workers,
            max_fitted_s: maximum.predicted,
            max_measured_s: maximum.measured,
        }
    }
}
