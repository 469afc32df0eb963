//! One cell of the comparison: a policy on so many workers, simulated and run for real on the same luck.
//!
//! Machines drift, by more within seconds than a good prediction is wrong. So a cell is measured in many short runs, its
//! replications, spread over the whole validation, each predicted from calibrations that were made meanwhile.

use crate::cluster::failure::Failure;
use crate::cluster::server::delays;
use crate::cluster::threads::Threaded;
use crate::learner::digits::Digits;
use crate::verdict::agreement::{Interval, Verdict, relative_error, stretch, unpaired_error};
use sim::{
    Accounts, Cluster, ClusterSpec, Law, Policy, RandomKey, Rule, Run, Simulated, Spent, StalenessAudit, Variates,
    theory,
};

/// A policy on so many workers, with a drawn delay or none.
#[derive(Clone, Debug, PartialEq)]
pub struct Configuration {
    /// The policy.
    pub policy: Policy,
    /// The policy for that number of workers.
    pub rule: Rule,
    /// The law of the delay added to each step.
    pub delay: Option<Law>,
}

/// What a short run showed.
#[derive(Clone, Debug, PartialEq)]
pub struct Observed {
    /// Mean seconds between updates.
    pub s_per_update: f64,
    /// Mean staleness of the gradients that went into updates.
    pub staleness: f64,
    /// How many of them had staleness 0, 1, 2, ...
    pub histogram: Vec<u64>,
    /// Both sides of the conservation law.
    pub sides: (u128, u128),
}

/// Runs until `workers` made so many updates, and looks at all but the first tenth; `None` if no more came.
fn observe<C: Cluster>(run: &mut Run<C>, workers: u32, updates: u64) -> Option<Observed> {
    let warm_up = updates.div_ceil(10);
    let (mut audit, mut accounts) = (StalenessAudit::default(), Accounts::new(workers));
    while audit.updates() < updates {
        let step = run.step()?;
        audit.add(&step);
        accounts.add(&step);
        if audit.updates() == warm_up {
            // Only times between updates and staleness are asked for.
            accounts.begin(|_| Spent::default());
        }
    }
    Some(Observed {
        s_per_update: accounts.gaps().mean()?,
        staleness: accounts.mean_staleness()?,
        histogram: accounts.staleness().to_vec(),
        sides: audit.sides(),
    })
}

impl Configuration {
    /// What the simulator says.
    pub fn predict(&self, spec: ClusterSpec, key: RandomKey, updates: u64) -> Observed {
        let mut run = Run::new(self.rule, Simulated::new(spec, key, self.rule.workers));
        observe(&mut run, self.rule.workers, updates).expect("a simulated cluster never runs dry")
    }

    /// What the first of these threads do, as many as the cell has workers.
    ///
    /// # Errors
    /// Why they stopped.
    pub fn measure(&self, threads: &mut Threaded<Digits>, key: RandomKey, updates: u64) -> Result<Observed, Failure> {
        threads.begin_anew(&self.draws(key));
        let observed = observe(&mut Run::new(self.rule, &mut *threads), self.rule.workers, updates);
        observed.ok_or_else(|| threads.failure().cloned().unwrap_or(Failure::Stopped))
    }

    /// The drawn delays, which both worlds share.
    pub fn draws(&self, key: RandomKey) -> Variates {
        delays(self.delay.clone(), key)
    }
}

/// One short run of a cell in both worlds.
#[derive(Clone, Debug, PartialEq)]
pub struct Replication {
    /// On the same delays as measured.
    pub predicted: Observed,
    /// On other delays.
    pub elsewhere: Observed,
    /// What came.
    pub measured: Observed,
    /// Mean seconds of one worker's whole cycle: what an exponential model is fed with.
    pub cycle_s: f64,
}

/// One claim, and whether it held.
#[derive(Clone, Debug, PartialEq)]
pub struct Claim {
    /// Of what.
    pub quantity: Quantity,
    /// What was predicted.
    pub predicted: Interval,
    /// What came.
    pub measured: Interval,
    /// Measured over predicted, less one.
    pub error: Interval,
    /// How large the error may be.
    pub tolerance: f64,
    /// Whether it is.
    pub verdict: Verdict,
}

/// What a claim is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantity {
    /// Seconds per update, on the same delays.
    PerUpdate,
    /// Seconds per gradient, on the same delays.
    PerGradient,
    /// Mean staleness of applied gradients.
    Staleness,
    /// The two sides of the conservation law: exact.
    Conservation,
    /// Seconds per update, from the laws alone, on other delays.
    PerUpdateByLaw,
    /// Seconds per update if the whole step were exponential: H_m/lambda or 1/(m lambda).
    PerUpdateByGate,
}

impl Quantity {
    /// The name in `validation.csv`.
    pub fn name(self) -> &'static str {
        match self {
            Quantity::PerUpdate => "s_per_update",
            Quantity::PerGradient => "s_per_gradient",
            Quantity::Staleness => "mean_staleness",
            Quantity::Conservation => "staleness_balance",
            Quantity::PerUpdateByLaw => "s_per_update_unpaired",
            Quantity::PerUpdateByGate => "s_per_update_exponential",
        }
    }

    /// Whether it is the model's own claim, which decides the verdict of the whole; the others stand beside it.
    pub fn counts(self) -> bool {
        match self {
            Quantity::PerUpdate | Quantity::PerGradient | Quantity::Staleness | Quantity::Conservation => true,
            Quantity::PerUpdateByLaw | Quantity::PerUpdateByGate => false,
        }
    }
}

/// All claims about a cell, each one of so many that are judged `together`.
///
/// # Panics
/// If there are fewer than two replications.
pub fn claims(cell: &Configuration, replications: &[Replication], tolerance: f64, together: usize) -> Vec<Claim> {
    let stretch = stretch(replications.len(), together);
    let each = |of: fn(&Replication) -> f64| -> Vec<f64> { replications.iter().map(of).collect() };
    let interval = |values: &[f64]| Interval::of_batches(values).expect("two replications or more");
    let claim = |quantity, predicted: Interval, measured: Interval, error: Interval| {
        let verdict = error.judge(tolerance, stretch);
        Claim { quantity, predicted, measured, error, tolerance, verdict }
    };

    let (foretold, came) = (each(|r| r.predicted.s_per_update), each(|r| r.measured.s_per_update));
    let (predicted, measured) = (interval(&foretold), interval(&came));
    let error = relative_error(&foretold, &came).expect("two replications or more");
    let gradients = cell.rule.gradients_per_update() as f64;
    let per = |i: Interval| Interval { value: i.value / gradients, half_width: i.half_width / gradients };
    let mut claims = vec![
        claim(Quantity::PerUpdate, predicted, measured, error),
        claim(Quantity::PerGradient, per(predicted), per(measured), error),
    ];

    let (foretold, came) = (each(|r| r.predicted.staleness), each(|r| r.measured.staleness));
    let error = match interval(&foretold).value {
        0.0 => interval(&came),
        _ => relative_error(&foretold, &came).expect("two replications or more"),
    };
    claims.push(claim(Quantity::Staleness, interval(&foretold), interval(&came), error));

    let sides = replications.iter().map(|r| r.measured.sides);
    let (added, had) = sides.clone().fold((0, 0), |sum, sides| (sum.0 + sides.0, sum.1 + sides.1));
    let conserved = sides.clone().all(|(added, had)| added == had);
    let (added, had) = (Interval::exactly(added as f64), Interval::exactly(had as f64));
    let balance = Interval::exactly(if conserved { 0.0 } else { f64::INFINITY });
    claims.push(Claim {
        tolerance: 0.0,
        verdict: balance.judge(0.0, 1.0),
        ..claim(Quantity::Conservation, added, had, balance)
    });

    let by_law = interval(&each(|r| r.elsewhere.s_per_update));
    claims.push(claim(Quantity::PerUpdateByLaw, by_law, measured, unpaired_error(by_law, measured)));
    let m = cell.rule.workers;
    let factor = match cell.policy {
        Policy::SYNC => Some(theory::harmonic(m)),
        Policy::ASYNC => Some(1.0 / f64::from(m)),
        _ => None,
    };
    if let Some(factor) = factor {
        let cycle = interval(&each(|r| r.cycle_s));
        let gate = Interval { value: cycle.value * factor, half_width: cycle.half_width * factor };
        claims.push(claim(Quantity::PerUpdateByGate, gate, measured, unpaired_error(gate, measured)));
    }
    claims
}

/// How stale gradients were, over all replications: how many had staleness 0, 1, 2, ...
pub fn histogram<'a>(observed: impl Iterator<Item = &'a Observed>) -> Vec<u64> {
    observed.fold(Vec::new(), |mut sum, observed| {
        sum.resize(sum.len().max(observed.histogram.len()), 0);
        sum.iter_mut().zip(&observed.histogram).for_each(|(sum, count)| *sum += count);
        sum
    })
}
