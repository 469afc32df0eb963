//! Claims about a recording, and the verdict on all of them: what is judged, what stands beside it, what is left out.
//!
//! Time per update is judged, and staleness where it is not an identity; the two are counted apart. Policies that are the same
//! are one claim with all their bursts, and what differs between them is the noise of the measurement.

use crate::predict::experiment::{Configuration, Observed};
use crate::predict::recorded::{Compared, Parts, Recorded};
use crate::verdict::equivalence::{Verdict, judge, needed};
use crate::verdict::sample::{Interval, Sample};
use crate::verdict::summary::{Alike, Summary, alike, summary};
use sim::{Policy, theory};

/// What a claim is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantity {
    /// Seconds per update, on the same delays.
    PerUpdate,
    /// Seconds of communication in a step.
    Blocked,
    /// Mean staleness of applied gradients, where it is not an identity.
    Staleness,
    /// Seconds per update if the whole step were exponential, H_m/lambda or 1/(m lambda): beside the others, and not judged.
    PerUpdateByGate,
}

impl Quantity {
    /// The name in `validation.csv`.
    pub fn name(self) -> &'static str {
        match self {
            Quantity::PerUpdate => "s_per_update",
            Quantity::Blocked => "s_blocked_per_step",
            Quantity::Staleness => "mean_staleness",
            Quantity::PerUpdateByGate => "s_per_update_exponential",
        }
    }
}

/// One claim.
#[derive(Clone, Debug, PartialEq)]
pub struct Claim {
    /// Of what.
    pub quantity: Quantity,
    /// What was predicted, with its 95 % interval.
    pub predicted: Interval,
    /// What came, with its 95 % interval.
    pub measured: Interval,
    /// Log ratios, measured over predicted, of the pairs.
    pub errors: Sample,
    /// How large the error may be.
    pub tolerance: f64,
    /// Whether it is; `None` of what is not judged.
    pub verdict: Option<Verdict>,
    /// Where the error comes from, on average.
    pub parts: Option<Parts>,
    /// Seconds of measuring until it would be decided; 0 if it is, infinite if no time would do.
    pub left_s: f64,
}

impl Claim {
    /// Measured over predicted, less one, with its 90 % interval.
    pub fn error(&self) -> Interval {
        self.errors.interval(0.90).relative()
    }
}

/// Configurations that are the same, and what is claimed of them.
#[derive(Clone, Debug)]
pub struct Judged {
    /// The configurations, by index.
    pub members: Vec<usize>,
    /// What is claimed.
    pub claims: Vec<Claim>,
    /// Mean log ratio of the time per update of each member.
    pub own: Vec<f64>,
    /// What was predicted and what came, burst by burst.
    pub observed: Vec<(Observed, Observed)>,
}

impl Judged {
    /// The claim about a quantity.
    pub fn claim(&self, quantity: Quantity) -> Option<&Claim> {
        self.claims.iter().find(|claim| claim.quantity == quantity)
    }

    /// The claim that every configuration has.
    pub fn time(&self) -> &Claim {
        &self.claims[0]
    }
}

/// Everything that is claimed of a recording.
#[derive(Clone, Debug, Default)]
pub struct Judgement {
    /// Configurations in their order, those that are the same together.
    pub judged: Vec<Judged>,
    /// Time per update of configurations that only compute.
    pub computing: Option<Summary>,
    /// Time per update of those with a delay.
    pub delayed: Option<Summary>,
    /// The A/A check.
    pub alike: Option<Alike>,
}

/// How many claims have which verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Passed.
    pub pass: usize,
    /// Failed.
    pub fail: usize,
    /// Neither.
    pub undecided: usize,
}

impl Count {
    /// All of them.
    pub fn all(self) -> usize {
        self.pass + self.fail + self.undecided
    }
}

impl Judgement {
    /// Judges a recording by its comparison with the simulator.
    pub fn of(recorded: &Recorded, compared: &[Compared], tolerance: impl Fn(&Configuration) -> f64) -> Judgement {
        let mut judged: Vec<Judged> = Vec::new();
        for members in recorded.groups() {
            let of = |members: &[usize]| -> Vec<&Compared> {
                compared.iter().filter(|one| members.contains(&recorded.pairs[one.pair].configuration)).collect()
            };
            let own = members.iter().filter_map(|one| times(&of(&[*one])).map(|sample| sample.mean)).collect();
            let all = of(&members);
            let first = &recorded.configurations[members[0]];
            let claims = claims(first, recorded, &all, tolerance(first));
            if claims.is_empty() {
                continue;
            }
            let observed =
                all.iter().map(|one| (one.predicted.clone(), recorded.pairs[one.pair].measured.clone())).collect();
            judged.push(Judged { members, claims, own, observed });
        }
        for quantity in [Quantity::PerUpdate, Quantity::Staleness] {
            let samples: Vec<(Sample, f64)> =
                judged.iter().filter_map(|j| j.claim(quantity)).map(|claim| (claim.errors, claim.tolerance)).collect();
            let mut verdicts = judge(&samples).into_iter();
            for claim in judged.iter_mut().flat_map(|j| &mut j.claims).filter(|claim| claim.quantity == quantity) {
                claim.verdict = verdicts.next();
                if claim.verdict != Some(Verdict::Undecided) {
                    claim.left_s = 0.0;
                }
            }
        }
        let family = |delayed: bool| {
            let these = judged.iter().filter(|j| recorded.configurations[j.members[0]].delay.is_some() == delayed);
            summary(&these.map(|j| j.time().errors).collect::<Vec<_>>())
        };
        let members = |j: &Judged| -> Vec<Sample> {
            let own = |one: &usize| {
                let logs = compared.iter().filter(|c| recorded.pairs[c.pair].configuration == *one);
                Sample::of(&logs.map(|c| c.parts.total()).collect::<Vec<_>>())
            };
            j.members.iter().filter_map(own).collect()
        };
        let alike = alike(&judged.iter().map(members).collect::<Vec<_>>());
        Judgement { computing: family(false), delayed: family(true), alike, judged }
    }

    /// The same without a verdict: what was measured is known not to be what is predicted.
    pub fn withheld(mut self) -> Judgement {
        for claim in self.judged.iter_mut().flat_map(|j| &mut j.claims) {
            (claim.verdict, claim.left_s) = (None, 0.0);
        }
        self
    }

    /// How many claims about a quantity have which verdict.
    pub fn count(&self, quantity: Quantity) -> Count {
        let mut count = Count::default();
        for claim in self.judged.iter().filter_map(|j| j.claim(quantity)) {
            match claim.verdict {
                Some(Verdict::Pass) => count.pass += 1,
                Some(Verdict::Fail) => count.fail += 1,
                Some(Verdict::Undecided) => count.undecided += 1,
                None => {}
            }
        }
        count
    }

    /// The verdict on the whole: a failed claim fails it, and every claim about time has to pass.
    pub fn verdict(&self) -> Verdict {
        let (time, staleness) = (self.count(Quantity::PerUpdate), self.count(Quantity::Staleness));
        match (time.fail + staleness.fail, time.undecided) {
            (0, 0) => Verdict::Pass,
            (0, _) => Verdict::Undecided,
            _ => Verdict::Fail,
        }
    }

    /// Seconds of measuring that would decide the undecided claims about time.
    pub fn left_s(&self) -> f64 {
        self.judged.iter().map(|j| j.time().left_s).sum()
    }
}

fn times(compared: &[&Compared]) -> Option<Sample> {
    Sample::of(&compared.iter().map(|one| one.parts.total()).collect::<Vec<_>>())
}

fn claims(first: &Configuration, recorded: &Recorded, compared: &[&Compared], tolerance: f64) -> Vec<Claim> {
    let measured = |one: &Compared| &recorded.pairs[one.pair].measured;
    let interval = |of: &dyn Fn(&Compared) -> f64| {
        let sample = Sample::of(&compared.iter().map(|one| of(one)).collect::<Vec<_>>());
        sample.map(|sample| sample.interval(0.95))
    };
    let Some((errors, predicted, came)) = times(compared)
        .zip(interval(&|one| one.predicted.s_per_update))
        .zip(interval(&|one| measured(one).s_per_update))
        .map(|((errors, predicted), came)| (errors, predicted, came))
    else {
        return Vec::new();
    };
    let took_s = compared.iter().map(|one| recorded.pairs[one.pair].took_s).sum::<f64>() / compared.len() as f64;
    let left = |errors: &Sample| (needed(errors, tolerance) - errors.n as f64).max(1.0) * took_s;
    let over = |of: fn(&Parts) -> f64| compared.iter().map(|one| of(&one.parts)).sum::<f64>() / compared.len() as f64;
    let parts = Parts {
        structure: over(|parts| parts.structure),
        law: over(|parts| parts.law),
        contention: over(|parts| parts.contention),
    };
    let mut claims = vec![Claim {
        quantity: Quantity::PerUpdate,
        predicted,
        measured: came,
        errors,
        tolerance,
        verdict: None,
        parts: Some(parts),
        left_s: left(&errors),
    }];
    if first.has_staleness_of_its_own() {
        let stale = |one: &&&Compared| one.predicted.staleness > 0.0 && measured(one).staleness > 0.0;
        let log = |one: &&Compared| (measured(one).staleness / one.predicted.staleness).ln();
        let errors = Sample::of(&compared.iter().filter(stale).map(log).collect::<Vec<_>>());
        let both = interval(&|one| one.predicted.staleness).zip(interval(&|one| measured(one).staleness));
        if let (Some(errors), Some((predicted, came))) = (errors, both) {
            let (quantity, left_s) = (Quantity::Staleness, left(&errors));
            claims.push(Claim {
                quantity,
                predicted,
                measured: came,
                errors,
                parts: None,
                left_s,
                ..claims[0].clone()
            });
        }
    }
    let factor = match first.policy {
        Policy::SYNC => Some(theory::harmonic(first.rule.workers)),
        Policy::ASYNC => Some(1.0 / f64::from(first.rule.workers)),
        _ => None,
    };
    if let Some(factor) = factor {
        let log = |one: &&Compared| (measured(one).s_per_update / (factor * one.cycle_s)).ln();
        let errors = Sample::of(&compared.iter().map(log).collect::<Vec<_>>());
        if let Some((errors, predicted)) = errors.zip(interval(&|one| factor * one.cycle_s)) {
            let quantity = Quantity::PerUpdateByGate;
            claims.push(Claim { quantity, predicted, errors, parts: None, left_s: 0.0, ..claims[0].clone() });
        }
    }
    claims
}
