//! What came of a validation: claims, figures, and the verdict.

use super::machine::Machine;
use super::rows::{ClaimRow, ContentionRow, FitRow, LinkRow, name_of};
use super::{Tolerance, words};
use crate::figures::{self, Figure};
use crate::report::{Outcome, Report};
use crate::rows::Tables;
use sim::Law;
use validation::cluster::mpi::RankTimes;
use validation::predict::companions::HandOff;
use validation::{Comparison, Configuration, Judged, Judgement, Quantity, Recorded, Verdict};

/// Everything that came out.
pub struct Validated {
    /// What was measured.
    pub recorded: Recorded,
    /// What is claimed of it, with its verdict.
    pub judgement: Judgement,
    /// Which laws the computing times follow, from all calibrations without delay.
    pub fitted: Option<Comparison>,
    /// These computing times, s.
    pub compute_s: Vec<f64>,
    /// Cores that the workers share; of ranks, how many there are.
    pub cores: u32,
    /// What each rank did, if there were ranks.
    pub ranks: Vec<RankTimes>,
    /// The delay that makes stragglers.
    pub delay: Option<Law>,
    /// The tolerance that was asked for.
    pub tolerance: Tolerance,
    /// Why there is no verdict, if there is none.
    pub not_judged: Option<String>,
    /// What else the machine did.
    pub(super) machine: Machine,
    /// Minutes that it took.
    pub(super) minutes: f64,
    pub(super) interrupted: bool,
}

impl Report for Validated {
    fn tables(&self, tables: &mut Tables) {
        let rows = self.judgement.judged.iter().flat_map(|judged| self.rows(judged));
        tables.add(rows);
        if let Some(fitted) = &self.fitted {
            tables.add(fitted.fitted.iter().flat_map(|fit| fit.maxima.iter().map(|maximum| FitRow::new(fit, maximum))));
        }
        tables.add((1..).zip(self.recorded.contention()).map(|(cores, slowdown)| ContentionRow { cores, slowdown }));
        if let Some(links) = &self.recorded.links {
            tables.add(links.operations().into_iter().flat_map(|(name, timed)| LinkRow::all(name, timed)));
        }
    }

    fn figures(&self) -> Vec<(&'static str, Figure)> {
        vec![
            ("relative_error", figures::validate::relative_error(self)),
            ("error_parts", figures::validate::error_parts(self)),
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
        let measured = self.judgement.judged.iter().map(|judged| judged.members.len()).sum::<usize>();
        let done = || format!("{measured} of {} configurations were measured", self.recorded.configurations.len());
        match (self.interrupted, self.judgement.verdict()) {
            (true, _) => Outcome::Interrupted((measured > 0).then(done)),
            (false, Verdict::Pass) if measured > 0 => Outcome::Done,
            (false, _) => Outcome::Failed(words::verdict(self)),
        }
    }
}

impl Validated {
    /// The configurations that a claim is about.
    pub fn members<'a>(&'a self, judged: &'a Judged) -> impl Iterator<Item = &'a Configuration> {
        judged.members.iter().map(|&index| &self.recorded.configurations[index])
    }

    /// The first of them.
    pub fn first(&self, judged: &Judged) -> &Configuration {
        &self.recorded.configurations[judged.members[0]]
    }

    /// Their policies: `sync = k-sync:2`.
    pub fn label(&self, judged: &Judged) -> String {
        self.members(judged).map(|one| one.policy.to_string()).collect::<Vec<_>>().join(" = ")
    }

    /// Worker and server together and apart.
    pub(super) fn hand_off(&self) -> &HandOff {
        &self.recorded.hand_off
    }

    fn rows<'a>(&'a self, judged: &'a Judged) -> impl Iterator<Item = ClaimRow> + 'a {
        self.members(judged).zip(&judged.own).flat_map(move |(member, own)| {
            judged.claims.iter().map(move |claim| {
                let mut row = ClaimRow::new(member.policy.to_string(), member.rule.workers, claim);
                row.delay = name_of(&member.delay);
                if claim.quantity == Quantity::PerUpdate {
                    row.own_error = Some(own.exp_m1());
                    row.same_as = (judged.members.len() > 1).then(|| self.first(judged).policy.to_string());
                }
                row
            })
        })
    }
}
