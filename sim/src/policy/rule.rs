//! Dials of a policy for a known number of workers: when to update, whom to release. No clocks, threads or gradients.

use std::time::Duration;

/// What a worker does when it has submitted and the update is not made yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnCompletion {
    /// It waits for the next update.
    Waits,
    /// It takes the next batch at once, at the newest parameters.
    StartsAnew {
        /// How many tasks it may have finished more than the slowest worker and still start; `None` is no limit.
        slack: Option<u32>,
    },
}

/// What an update means for the workers that are still computing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnUpdate {
    /// Their work is thrown away and they start anew.
    Cancelled,
    /// They carry on with the parameters that they read.
    CarriesOn,
    /// The update waits until they have submitted the steps that they have, and no more.
    Submits,
}

/// A policy for a known number of workers: a few dials, which fit together.
///
/// Rules come from a [`Policy`](crate::Policy), or from another rule by one of the methods here; so every rule can be obeyed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rule {
    /// Number of workers, m.
    pub workers: u32,
    /// Submitted gradients that make an update.
    pub quorum: u32,
    /// What a worker that has submitted does.
    pub on_completion: OnCompletion,
    /// What happens to the others at an update.
    pub on_update: OnUpdate,
    /// Steps of a worker's own between reading the parameters and submitting; `u32::MAX` is no limit.
    pub steps: u32,
    /// Whether these steps are micro-batches at the same parameters, added up, instead of local steps.
    pub accumulates: bool,
    /// A result that is more updates old is dropped when it arrives; `u64::MAX` is no limit.
    pub max_staleness: u64,
    /// How long an update still waits for others after its quorum; `Duration::MAX` is for all of them.
    pub grace: Duration,
    /// How long after the start everybody submits what it has; `Duration::MAX` is no limit.
    pub budget: Duration,
}

impl Rule {
    /// A rule of these dials; `None` if updates could never come, or the dials do not fit together: what is said of those who
    /// wait for an update (that they submit when it comes) needs workers that wait.
    pub fn new(
        workers: u32,
        quorum: u32,
        on_completion: OnCompletion,
        on_update: OnUpdate,
        steps: u32,
    ) -> Option<Rule> {
        let rule = Rule {
            workers,
            quorum,
            on_completion,
            on_update,
            steps,
            accumulates: false,
            max_staleness: u64::MAX,
            grace: Duration::ZERO,
            budget: Duration::MAX,
        };
        (workers >= 1 && rule.is_reachable()).then_some(rule)
    }

    /// The same, but a result that is more updates old is dropped when it arrives; `None` where a slack is limited.
    pub fn with_max_staleness(self, max_staleness: u64) -> Option<Rule> {
        Some(Rule { max_staleness, ..self }).filter(|rule| rule.is_reachable())
    }

    /// The same, but an update waits so long for others after its quorum; `None` where nobody waits.
    pub fn with_grace(self, grace: Duration) -> Option<Rule> {
        Some(Rule { grace, ..self }).filter(|rule| rule.is_reachable())
    }

    /// The same rule in the gated model: every iteration draws fresh times for everybody, nothing carries over.
    ///
    /// Async becomes the minimum of m fresh draws, k-async the K-th smallest, ssp the minimum.
    pub fn gated(self) -> Rule {
        let on_completion = match self.on_completion {
            OnCompletion::Waits => OnCompletion::Waits,
            OnCompletion::StartsAnew { slack: _ } => OnCompletion::StartsAnew { slack: None },
        };
        let on_update = match self.on_update {
            OnUpdate::Submits => OnUpdate::Submits,
            OnUpdate::Cancelled | OnUpdate::CarriesOn => OnUpdate::Cancelled,
        };
        Rule { on_completion, on_update, ..self }
    }

    /// The same rule where nobody can be stopped: whoever is not done carries on, and what it submits is dropped on arrival,
    /// as it is stale by then.
    pub fn never_cancelling(self) -> Rule {
        match self.on_update {
            OnUpdate::Cancelled if !self.waits_for_all() => {
                Rule { on_update: OnUpdate::CarriesOn, max_staleness: 0, ..self }
            }
            OnUpdate::Cancelled | OnUpdate::CarriesOn | OnUpdate::Submits => self,
        }
    }

    /// What a single worker does under it, an update for each of its submissions.
    pub fn of_one_worker(self) -> Rule {
        Rule { workers: 1, quorum: 1, grace: Duration::ZERO, ..self }
    }

    /// A single worker that takes one step after the other, each from the newest parameters, and makes updates of as many
    /// gradients as this rule does.
    pub fn updates_of_one_worker(self) -> Rule {
        let on_completion = OnCompletion::StartsAnew { slack: None };
        Rule {
            steps: 1,
            accumulates: false,
            on_completion,
            on_update: OnUpdate::Cancelled,
            budget: Duration::MAX,
            max_staleness: u64::MAX,
            ..Rule { quorum: self.quorum, ..self.of_one_worker() }
        }
    }

    /// Single-worker gradients in one update, if time does not decide that.
    pub fn gradients_per_update(self) -> u64 {
        u64::from(self.quorum) * u64::from(self.steps)
    }

    /// Whether how many gradients an update has depends on how long they take.
    pub fn is_timed(self) -> bool {
        self.grace > Duration::ZERO || self.on_update == OnUpdate::Submits
    }

    /// Whether an update finds nobody at work, as everybody waits for it.
    pub fn waits_for_all(self) -> bool {
        self.on_completion == OnCompletion::Waits && self.quorum == self.workers
    }

    /// Whether an update throws work away.
    pub fn cancels(self) -> bool {
        self.on_update == OnUpdate::Cancelled && !self.waits_for_all()
    }

    /// Whether what arrives may be dropped for being stale.
    pub fn drops_stale(self) -> bool {
        self.max_staleness < u64::MAX
    }

    /// Whether an update leaves no task under way, so that everybody starts anew.
    pub fn renews(self) -> bool {
        self.waits_for_all() || self.on_update != OnUpdate::CarriesOn
    }

    /// Whether only gradients of the current version count, so that one update teaches as much as another.
    pub fn is_fresh(self) -> bool {
        self.renews() || self.max_staleness == 0
    }

    /// Whether the dials fit together: updates can come.
    pub(crate) fn is_reachable(self) -> bool {
        let quorum = match self.on_completion {
            OnCompletion::Waits => (1..=self.workers).contains(&self.quorum),
            OnCompletion::StartsAnew { slack: _ } => self.quorum >= 1,
        };
        let waits = self.on_completion == OnCompletion::Waits;
        let timed = self.grace > Duration::ZERO || self.on_update == OnUpdate::Submits;
        let slack = matches!(self.on_completion, OnCompletion::StartsAnew { slack: Some(_) });
        quorum && self.steps >= 1 && (waits || !timed) && !(slack && self.drops_stale())
    }
}
