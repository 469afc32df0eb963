//! One cell of the comparison: a policy on so many workers, simulated and run for real on the same luck.

use crate::agreement::{Interval, Verdict, batches, relative_error, unpaired_error};
use crate::calibrate::Calibration;
use crate::digits::Digits;
use crate::threaded::{Failure, Threaded};
use sim::{Cluster, Draws, Fleet, Law, Ledger, Luck, Policy, Rule, Run, Simulated, theory};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// A policy on so many workers, with a drawn delay or none.
#[derive(Clone, Debug, PartialEq)]
pub struct Cell {
    /// The policy.
    pub policy: Policy,
    /// The policy for that number of workers.
    pub rule: Rule,
    /// The law of the delay added to each step.
    pub delay: Option<Law>,
    /// Where its luck comes from, in both worlds.
    pub luck: Luck,
}

/// What a run showed, update by update.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// Seconds between updates.
    pub gaps_s: Vec<f64>,
    /// Mean staleness of the gradients in each update.
    pub staleness: Vec<f64>,
    /// How many applied gradients had staleness 0, 1, 2, ...
    pub histogram: Vec<u64>,
    /// Both sides of the conservation law.
    pub sides: (u128, u128),
}

/// Runs until so many updates were made; `None` if no more came.
fn observe<C: Cluster>(run: &mut Run<C>, updates: u64) -> Option<Series> {
    let (mut gaps_s, mut staleness, mut histogram) = (Vec::new(), Vec::new(), Vec::new());
    let (mut ledger, mut last) = (Ledger::default(), 0.0);
    while ledger.updates() < updates {
        let turn = run.turn()?;
        ledger.add(&turn);
        if turn.orders.update.is_empty() {
            continue;
        }
        gaps_s.push(turn.at.seconds() - last);
        last = turn.at.seconds();
        let mut sum = 0;
        for task in &turn.orders.update {
            let staleness = (turn.orders.version - 1 - task.base_version) as usize;
            histogram.resize(histogram.len().max(staleness + 1), 0);
            histogram[staleness] += 1;
            sum += staleness;
        }
        staleness.push(sum as f64 / turn.orders.update.len() as f64);
    }
    Some(Series { gaps_s, staleness, histogram, sides: ledger.sides() })
}

impl Cell {
    /// What the simulator says, from a calibration alone.
    pub fn predict(&self, calibration: &Calibration, cores: u32, updates: u64, luck: Luck) -> Series {
        let fleet = calibration.fleet(cores, self.delay.clone(), self.rule.quorum);
        let mut run = Run::new(self.rule, Simulated::new(fleet, luck, self.rule.workers));
        observe(&mut run, updates).expect("a simulated cluster never runs dry")
    }

    /// What threads do.
    ///
    /// # Errors
    /// Why they stopped.
    pub fn measure(&self, learner: &Arc<Digits>, updates: u64, stop: &Arc<AtomicBool>) -> Result<Series, Failure> {
        let threads = Threaded::new(learner.clone(), &self.draws(), self.rule.workers, stop.clone());
        let mut run = Run::new(self.rule, threads);
        let series = observe(&mut run, updates);
        series.ok_or_else(|| run.cluster().failure().cloned().unwrap_or(Failure::Stopped))
    }

    /// The drawn delays, which both worlds share.
    pub fn draws(&self) -> Draws {
        let computing: Law = "constant(1)".parse().expect("a law");
        Draws::new(&Fleet { delay: self.delay.clone(), ..Fleet::new(computing) }, self.luck)
    }
}

/// One claim, and whether it held.
#[derive(Clone, Debug, PartialEq)]
pub struct Claim {
    /// Of what.
    pub quantity: Quantity,
    /// What was foretold.
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

/// Batches that a run is cut into.
const BATCHES: usize = 20;

/// What was foretold of a cell before and after it was measured, and from the laws alone.
pub struct Predictions {
    /// On the cell's luck, from the calibrations before and after it.
    pub paired: [Series; 2],
    /// On other luck.
    pub unpaired: Series,
    /// Mean seconds of one worker's whole cycle: what an exponential model is fed with.
    pub cycle_s: f64,
}

/// All claims about a cell.
pub fn claims(cell: &Cell, predictions: &Predictions, measured: &Series, tolerance: f64) -> Vec<Claim> {
    let warm_up = |series: &[f64]| series.len() / 10;
    let cut = |series: &[f64]| batches(series, warm_up(series), BATCHES);
    let [before, after] = &predictions.paired;
    let (gaps_before, gaps_after) = (cut(&before.gaps_s), cut(&after.gaps_s));
    let gaps: Vec<f64> = gaps_before.iter().zip(&gaps_after).map(|(a, b)| (a + b) / 2.0).collect();
    let real = cut(&measured.gaps_s);
    let mean = |batches: &[f64]| batches.iter().sum::<f64>() / batches.len() as f64;
    // What the machine drifted by between the two calibrations is not known any better in between.
    let drift = (mean(&gaps_after) - mean(&gaps_before)).abs() / 2.0;
    let many = "a cell has many updates";
    let predicted = Interval::of_batches(&gaps).expect(many).widened(drift);
    let found = Interval::of_batches(&real).expect(many);
    let error = relative_error(&gaps, &real).expect(many).widened(drift / predicted.value);
    let claim = |quantity, predicted: Interval, measured: Interval, error: Interval| {
        let verdict = error.judge(tolerance);
        Claim { quantity, predicted, measured, error, tolerance, verdict }
    };
    let gradients = cell.rule.gradients_per_update() as f64;
    let per = |i: Interval| Interval { value: i.value / gradients, half_width: i.half_width / gradients };
    let mut claims = vec![
        claim(Quantity::PerUpdate, predicted, found, error),
        claim(Quantity::PerGradient, per(predicted), per(found), error),
    ];

    let stale = |series: &[f64]| Interval::of_batches(&cut(series)).expect(many);
    let both: Vec<f64> = before.staleness.iter().zip(&after.staleness).map(|(a, b)| (a + b) / 2.0).collect();
    let (foretold, seen) = (stale(&both), stale(&measured.staleness));
    if foretold.value > 0.0 {
        claims.push(claim(Quantity::Staleness, foretold, seen, unpaired_error(foretold, seen)));
    } else {
        claims.push(claim(Quantity::Staleness, foretold, seen, seen));
    }
    let (added, had) = measured.sides;
    let (added, had) = (Interval::exactly(added as f64), Interval::exactly(had as f64));
    let balance = Interval::exactly(if added == had { 0.0 } else { f64::INFINITY });
    claims.push(Claim {
        tolerance: 0.0,
        verdict: balance.judge(0.0),
        ..claim(Quantity::Conservation, added, had, balance)
    });

    let by_law = Interval::of_batches(&cut(&predictions.unpaired.gaps_s)).expect(many).widened(drift);
    claims.push(claim(Quantity::PerUpdateByLaw, by_law, found, unpaired_error(by_law, found)));
    let m = cell.rule.workers;
    let gate = match cell.policy {
        Policy::Sync => Some(theory::harmonic(m) * predictions.cycle_s),
        Policy::Async => Some(predictions.cycle_s / f64::from(m)),
        _ => None,
    };
    if let Some(gate) = gate.map(Interval::exactly) {
        claims.push(claim(Quantity::PerUpdateByGate, gate, found, unpaired_error(gate, found)));
    }
    claims
}
