//! Table of policies: one row each, with its dials, a line of help and where it comes from.
//!
//! A row is all there is to a policy. The [`Coordinator`](crate::policy::Coordinator) obeys the dials, so a new row runs in
//! every world: simulated, on threads, replayed.

use crate::policy::rule::{OnCompletion, OnUpdate, Rule};
use std::time::Duration;

/// What a number after a colon may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Argument {
    /// A whole number from the given one on.
    Whole(u32),
    /// The same, or `infinite`.
    WholeOrInfinite(u32),
    /// Seconds, at least 0, or `infinite`; units such as `350ms` are understood.
    SecondsOrInfinite,
    /// Positive, finite seconds.
    Seconds,
    /// Positive seconds, or `infinite`.
    PositiveOrInfinite,
}

/// A policy: its name, its dials, its help.
#[derive(Debug)]
pub struct Row {
    /// What people type before the first colon.
    pub name: &'static str,
    /// What follows the colons.
    pub arguments: &'static [Argument],
    /// Values of the arguments for tests and help; the last ones are taken where they are not typed.
    pub(crate) example: [f64; 2],
    /// How many arguments have to be typed.
    pub(crate) required: usize,
    /// One line of help.
    pub help: &'static str,
    /// Where it comes from.
    pub citation: &'static str,
    /// Whether gradients go through a server that can be busy.
    pub(crate) has_server: bool,
    /// The dials for m workers and the numbers typed. A quorum that cannot be reached is refused afterwards.
    pub(crate) rule: fn(u32, [f64; 2]) -> Rule,
}

/// Dials that most rows share.
const SYNC: Rule = Rule {
    workers: 0,
    quorum: 0,
    on_completion: OnCompletion::Waits,
    on_update: OnUpdate::Cancelled,
    steps: 1,
    accumulates: false,
    max_staleness: u64::MAX,
    grace: Duration::ZERO,
    budget: Duration::MAX,
};
const ASYNC: Rule =
    Rule { quorum: 1, on_completion: OnCompletion::StartsAnew { slack: None }, on_update: OnUpdate::CarriesOn, ..SYNC };

const ROW: Row = Row {
    name: "",
    arguments: &[],
    example: [0.0; 2],
    required: 1,
    help: "",
    citation: "",
    has_server: true,
    rule: |workers, _| Rule { workers, ..SYNC },
};

/// A number of workers, gradients or steps; what is more than a `u32` holds is as good as the most.
fn whole(number: f64) -> u32 {
    number as u32
}

/// Seconds as a span; `infinite` and what is beyond five hundred billion years is the longest.
fn span(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
}

use Argument::{PositiveOrInfinite, Seconds, SecondsOrInfinite, Whole, WholeOrInfinite};

/// All policies, in the order in which they are listed.
pub const POLICIES: [Row; 18] = [
    Row {
        name: "sync",
        help: "wait for all m workers, then start them all from the new parameters",
        citation: "bulk synchronous parallel, Valiant 1990",
        rule: |workers, _| Rule { workers, quorum: workers, ..SYNC },
        ..ROW
    },
    Row {
        name: "k-sync",
        arguments: &[Whole(1)],
        example: [4.0, 0.0],
        help: "wait for the first K of m workers, cancel the rest",
        citation: "Dutta et al. 2018",
        rule: |workers, [k, _]| Rule { workers, quorum: whole(k), ..SYNC },
        ..ROW
    },
    Row {
        name: "backup",
        arguments: &[Whole(0)],
        example: [1.0, 0.0],
        help: "wait for all but B of m workers, cancel the rest: backup workers",
        citation: "Chen et al. 2016",
        rule: |workers, [b, _]| Rule { workers, quorum: workers.saturating_sub(whole(b)), ..SYNC },
        ..ROW
    },
    Row {
        name: "k-batch-sync",
        arguments: &[Whole(1)],
        example: [4.0, 0.0],
        help: "wait for K gradients at the same parameters, whoever they come from; cancel the rest",
        citation: "Dutta et al. 2018",
        rule: |workers, [k, _]| Rule { workers, quorum: whole(k), on_update: OnUpdate::Cancelled, ..ASYNC },
        ..ROW
    },
    Row {
        name: "k-async",
        arguments: &[Whole(1)],
        example: [4.0, 0.0],
        help: "wait for K distinct workers; the others carry on with what they read",
        citation: "Dutta et al. 2018",
        rule: |workers, [k, _]| Rule { workers, quorum: whole(k), on_update: OnUpdate::CarriesOn, ..SYNC },
        ..ROW
    },
    Row {
        name: "k-batch-async",
        arguments: &[Whole(1)],
        example: [4.0, 0.0],
        help: "wait for K gradients, whoever they come from; the others carry on",
        citation: "Lian et al. 2015; Dutta et al. 2018",
        rule: |workers, [k, _]| Rule { workers, quorum: whole(k), ..ASYNC },
        ..ROW
    },
    Row {
        name: "async",
        help: "never wait: every gradient is an update",
        citation: "Tsitsiklis et al. 1986; Dean et al. 2012",
        rule: |workers, _| Rule { workers, ..ASYNC },
        ..ROW
    },
    Row {
        name: "ssp",
        arguments: &[WholeOrInfinite(0)],
        example: [2.0, 0.0],
        help: "as async, but nobody gets more than S steps ahead of the slowest (stale synchronous parallel)",
        citation: "Ho et al. 2013",
        rule: |workers, [s, _]| {
            let slack = s.is_finite().then(|| whole(s));
            Rule { workers, on_completion: OnCompletion::StartsAnew { slack }, ..ASYNC }
        },
        ..ROW
    },
    Row {
        name: "local",
        arguments: &[Whole(1)],
        example: [8.0, 0.0],
        help: "every worker takes H steps of its own, then all parameters are averaged (local SGD)",
        citation: "Stich 2019",
        rule: |workers, [h, _]| Rule { workers, quorum: workers, steps: whole(h), ..SYNC },
        ..ROW
    },
    Row {
        name: "hogwild",
        help: "no server at all, lock-free adds; simulated as async with a server that takes no time",
        citation: "Niu et al. 2011",
        has_server: false,
        rule: |workers, _| Rule { workers, ..ASYNC },
        ..ROW
    },
    Row {
        name: "rennala",
        arguments: &[Whole(1)],
        example: [4.0, 0.0],
        help: "wait for K gradients at the newest parameters; the others carry on, and what is stale is dropped on arrival",
        citation: "Tyurin and Richtárik 2023",
        rule: |workers, [k, _]| Rule { workers, quorum: whole(k), max_staleness: 0, ..ASYNC },
        ..ROW
    },
    Row {
        name: "ringmaster",
        arguments: &[WholeOrInfinite(1)],
        example: [8.0, 0.0],
        help: "as async, but a gradient that is R or more updates old is dropped on arrival",
        citation: "Maranjyan, Tyurin and Richtárik 2025",
        rule: |workers, [r, _]| {
            let max_staleness = if r.is_finite() { r as u64 - 1 } else { u64::MAX };
            Rule { workers, max_staleness, ..ASYNC }
        },
        ..ROW
    },
    Row {
        name: "grace",
        arguments: &[Whole(1), SecondsOrInfinite],
        example: [4.0, 0.25],
        required: 2,
        help: "as k-sync:K, but wait some seconds more for others before cancelling the rest",
        citation: "backup workers (Chen et al. 2016) with a timeout",
        rule: |workers, [k, seconds]| match (whole(k), span(seconds)) {
            (k, Duration::MAX) if k <= workers => Rule { workers, quorum: workers, ..SYNC },
            (quorum, grace) => {
                Rule { workers, quorum, grace: if quorum < workers { grace } else { Duration::ZERO }, ..SYNC }
            }
        },
        ..ROW
    },
    Row {
        name: "drop-compute",
        arguments: &[PositiveOrInfinite, Whole(1)],
        example: [2.0, 8.0],
        help: "sync with M micro-batches a worker, of which a worker skips those that it has not done after some seconds",
        citation: "Giladi et al. 2023",
        rule: |workers, [seconds, m]| Rule {
            workers,
            quorum: workers,
            steps: whole(m),
            accumulates: whole(m) > 1,
            on_update: OnUpdate::Submits,
            budget: span(seconds),
            ..SYNC
        },
        ..ROW
    },
    Row {
        name: "anytime",
        arguments: &[Seconds],
        example: [1.5, 0.0],
        help: "everybody computes gradients for some seconds, then all of them are averaged",
        citation: "Ferdinand et al. 2019",
        rule: |workers, [seconds, _]| Rule {
            workers,
            quorum: workers,
            steps: u32::MAX,
            accumulates: true,
            on_update: OnUpdate::Submits,
            budget: span(seconds),
            ..SYNC
        },
        ..ROW
    },
    Row {
        name: "fedbuff",
        arguments: &[Whole(1), Whole(1)],
        example: [4.0, 4.0],
        required: 2,
        help: "as k-batch-async:K, with H local steps between reading and submitting (buffered asynchronous aggregation)",
        citation: "Nguyen et al. 2022",
        rule: |workers, [k, h]| Rule { workers, quorum: whole(k), steps: whole(h), ..ASYNC },
        ..ROW
    },
    Row {
        name: "async-local",
        arguments: &[Whole(1)],
        example: [4.0, 0.0],
        help: "as async, with H local steps between reading and submitting",
        citation: "Liu et al. 2024",
        rule: |workers, [h, _]| Rule { workers, steps: whole(h), ..ASYNC },
        ..ROW
    },
    Row {
        name: "k-local",
        arguments: &[Whole(1), Whole(1)],
        example: [4.0, 8.0],
        required: 2,
        help: "local SGD until K workers have H steps; then everybody submits the steps that it has",
        citation: "local SGD (Stich 2019) with a quorum",
        rule: |workers, [k, h]| Rule {
            workers,
            quorum: whole(k),
            steps: whole(h),
            on_update: if whole(k) < workers { OnUpdate::Submits } else { OnUpdate::Cancelled },
            ..SYNC
        },
        ..ROW
    },
];
