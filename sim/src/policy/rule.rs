//! When to update, whom to release: the rules, free of clocks, threads and gradients.
//!
//! People type a [`Policy`]; for m workers it lowers to a [`Rule`], four dials that one
//! [`Coordinator`](crate::policy::coordinator::Coordinator) obeys. A new policy is a new row in the tables below.

use std::fmt;
use std::str::FromStr;

/// How workers are kept in step, by the name people type.
///
/// ```
/// use straggle_sim::Policy;
/// let policy: Policy = "k-sync:4".parse().unwrap();
/// assert_eq!(policy, Policy::KSync(4));
/// assert_eq!(policy.to_string(), "k-sync:4");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Policy {
    /// Wait for all m workers, then start them all from the new parameters.
    Sync,
    /// Wait for the first K of m, cancel the rest.
    KSync(u32),
    /// Wait for all but B of m, cancel the rest: backup workers.
    Backup(u32),
    /// Wait for K gradients, whoever they come from, all at the same parameters; cancel the rest.
    KBatchSync(u32),
    /// Wait for K distinct workers; the others carry on with what they read.
    KAsync(u32),
    /// Wait for K gradients, whoever they come from; the others carry on.
    KBatchAsync(u32),
    /// Never wait: every gradient is an update.
    Async,
    /// As async, but nobody gets more than S steps ahead of the slowest; `None` is no limit (stale synchronous parallel).
    Ssp(Option<u32>),
    /// Every worker takes H steps of its own, then all parameters are averaged (local SGD).
    Local(u32),
    /// No server at all, lock-free adds; simulated as async with a server that takes no time.
    Hogwild,
}

/// What a worker does when it has handed in and the quorum is not reached.
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
}

/// A policy for a known number of workers: four dials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Number of workers, m.
    pub workers: u32,
    /// Hand-ins that make an update.
    pub quorum: u32,
    /// What a worker that handed in does.
    pub on_completion: OnCompletion,
    /// What happens to the others at an update.
    pub on_update: OnUpdate,
    /// Steps of a worker's own between reading the parameters and handing in.
    pub steps: u32,
}

impl Rule {
    /// The same rule in the gated model: every iteration draws fresh times for everybody, nothing carries over.
    ///
    /// Async becomes the minimum of m fresh draws, k-async the K-th smallest, ssp the minimum.
    pub fn gated(self) -> Rule {
        let on_completion = match self.on_completion {
            OnCompletion::Waits => OnCompletion::Waits,
            OnCompletion::StartsAnew { slack: _ } => OnCompletion::StartsAnew { slack: None },
        };
        Rule { on_completion, on_update: OnUpdate::Cancelled, ..self }
    }

    /// Single-worker gradients in one update.
    pub fn gradients_per_update(self) -> u64 {
        u64::from(self.quorum) * u64::from(self.steps)
    }

    /// Whether an update finds nobody at work, as everybody waits for it.
    pub fn waits_for_all(self) -> bool {
        self.on_completion == OnCompletion::Waits && self.quorum == self.workers
    }

    /// Whether an update throws work away.
    pub fn cancels(self) -> bool {
        self.on_update == OnUpdate::Cancelled && !self.waits_for_all()
    }

    /// Whether an update leaves no task under way, so that everybody starts anew.
    pub fn renews(self) -> bool {
        self.waits_for_all() || self.on_update == OnUpdate::Cancelled
    }
}

impl Policy {
    /// One of each kind, for tests and help texts.
    pub const EXAMPLES: [Policy; 10] = [
        Policy::Sync,
        Policy::KSync(4),
        Policy::Backup(1),
        Policy::KBatchSync(4),
        Policy::KAsync(4),
        Policy::KBatchAsync(4),
        Policy::Async,
        Policy::Ssp(Some(2)),
        Policy::Local(8),
        Policy::Hogwild,
    ];

    /// The rule for `workers` workers.
    ///
    /// # Errors
    /// [`PolicyError::NoWorkers`], or [`PolicyError::Unreachable`] if so many distinct workers cannot hand in.
    pub fn rule(self, workers: u32) -> Result<Rule, PolicyError> {
        use OnCompletion::{StartsAnew, Waits};
        use OnUpdate::{Cancelled, CarriesOn};
        if workers == 0 {
            return Err(PolicyError::NoWorkers);
        }
        let m = workers;
        let at_once = StartsAnew { slack: None };
        let (quorum, on_completion, on_update, steps) = match self {
            Policy::Sync => (m, Waits, Cancelled, 1),
            Policy::KSync(k) => (k, Waits, Cancelled, 1),
            Policy::Backup(b) => (m.saturating_sub(b), Waits, Cancelled, 1),
            Policy::KBatchSync(k) => (k, at_once, Cancelled, 1),
            Policy::KAsync(k) => (k, Waits, CarriesOn, 1),
            Policy::KBatchAsync(k) => (k, at_once, CarriesOn, 1),
            Policy::Async | Policy::Hogwild => (1, at_once, CarriesOn, 1),
            Policy::Ssp(slack) => (1, StartsAnew { slack }, CarriesOn, 1),
            Policy::Local(h) => (m, Waits, Cancelled, h),
        };
        let reachable = match on_completion {
            Waits => (1..=m).contains(&quorum),
            StartsAnew { slack: _ } => quorum >= 1,
        };
        match reachable && steps >= 1 {
            true => Ok(Rule { workers, quorum, on_completion, on_update, steps }),
            false => Err(PolicyError::Unreachable { policy: self, workers }),
        }
    }

    /// Whether gradients go through a server that can be busy.
    pub fn has_server(self) -> bool {
        self != Policy::Hogwild
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, argument) = match *self {
            Policy::Sync => ("sync", None),
            Policy::KSync(k) => ("k-sync", Some(k)),
            Policy::Backup(b) => ("backup", Some(b)),
            Policy::KBatchSync(k) => ("k-batch-sync", Some(k)),
            Policy::KAsync(k) => ("k-async", Some(k)),
            Policy::KBatchAsync(k) => ("k-batch-async", Some(k)),
            Policy::Async => ("async", None),
            Policy::Ssp(None) => ("ssp:infinite", None),
            Policy::Ssp(Some(s)) => ("ssp", Some(s)),
            Policy::Local(h) => ("local", Some(h)),
            Policy::Hogwild => ("hogwild", None),
        };
        match argument {
            None => f.pad(name),
            Some(argument) => f.pad(&format!("{name}:{argument}")),
        }
    }
}

impl FromStr for Policy {
    type Err = PolicyError;

    fn from_str(text: &str) -> Result<Policy, PolicyError> {
        let (name, argument) = match text.split_once(':') {
            None => (text, None),
            Some((name, argument)) => (name, Some(argument)),
        };
        let example = Policy::EXAMPLES.into_iter().find(|p| name == p.name());
        let Some(example) = example else {
            return Err(PolicyError::Unknown { name: name.to_string() });
        };
        let wrong = || PolicyError::Argument { text: text.to_string(), example };
        let at_least = |least: u32| -> Result<u32, PolicyError> {
            let number = argument.and_then(|a| a.parse().ok());
            number.filter(|&n| n >= least).ok_or_else(wrong)
        };
        let bare = |policy| if argument.is_none() { Ok(policy) } else { Err(wrong()) };
        match example {
            Policy::Sync | Policy::Async | Policy::Hogwild => bare(example),
            Policy::KSync(_) => at_least(1).map(Policy::KSync),
            Policy::Backup(_) => at_least(0).map(Policy::Backup),
            Policy::KBatchSync(_) => at_least(1).map(Policy::KBatchSync),
            Policy::KAsync(_) => at_least(1).map(Policy::KAsync),
            Policy::KBatchAsync(_) => at_least(1).map(Policy::KBatchAsync),
            Policy::Ssp(_) if matches!(argument, Some("infinite" | "inf")) => Ok(Policy::Ssp(None)),
            Policy::Ssp(_) => at_least(0).map(|s| Policy::Ssp(Some(s))),
            Policy::Local(_) => at_least(1).map(Policy::Local),
        }
    }
}

impl Policy {
    /// The name without its argument.
    fn name(self) -> String {
        let full = self.to_string();
        full.split(':').next().unwrap_or_default().to_string()
    }
}

/// Why there is no such policy, or none for so many workers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PolicyError {
    /// No policy has this name.
    Unknown {
        /// What was typed.
        name: String,
    },
    /// The part after the colon is missing, superfluous or out of range.
    Argument {
        /// What was typed.
        text: String,
        /// The same policy, typed correctly.
        example: Policy,
    },
    /// Nobody works.
    NoWorkers,
    /// The quorum cannot be reached.
    Unreachable {
        /// The policy.
        policy: Policy,
        /// How many workers there are.
        workers: u32,
    },
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PolicyError::Unknown { name } => {
                let names = Policy::EXAMPLES.map(Policy::name);
                f.write_str(&crate::unknown("policy", name, &names.each_ref().map(String::as_str)))
            }
            PolicyError::Argument { text, example } => match example {
                Policy::Sync | Policy::Async | Policy::Hogwild => {
                    write!(f, "'{text}': {example} takes no number; type {example}")
                }
                Policy::Ssp(_) => {
                    write!(f, "'{text}': ssp takes a whole number from 0, or infinite; type {example}, for example")
                }
                Policy::Backup(_) => {
                    write!(f, "'{text}': backup takes a whole number from 0; type {example}, for example")
                }
                Policy::KSync(_)
                | Policy::KBatchSync(_)
                | Policy::KAsync(_)
                | Policy::KBatchAsync(_)
                | Policy::Local(_) => {
                    let name = example.name();
                    write!(f, "'{text}': {name} takes a whole number from 1; type {example}, for example")
                }
            },
            PolicyError::NoWorkers => write!(f, "0 workers compute nothing; give at least 1"),
            PolicyError::Unreachable { policy: Policy::Backup(b), workers } => {
                write!(
                    f,
                    "backup:{b} leaves nobody to wait for out of {}; lower B or raise the workers",
                    count(*workers)
                )
            }
            PolicyError::Unreachable { policy, workers } => {
                write!(f, "the gradients that {policy} waits for can never arrive from {}; ", count(*workers))?;
                write!(f, "lower K or raise the workers")
            }
        }
    }
}

fn count(workers: u32) -> String {
    format!("{workers} worker{}", if workers == 1 { "" } else { "s" })
}

impl std::error::Error for PolicyError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_can_be_typed_can_be_printed() {
        for policy in Policy::EXAMPLES.into_iter().chain([Policy::Ssp(None), Policy::Backup(0)]) {
            assert_eq!(policy.to_string().parse(), Ok(policy));
        }
    }

    #[test]
    fn equal_policies_are_equal_rules_up_to_what_never_matters() {
        let rule = |p: Policy| p.rule(8).unwrap();
        assert_eq!(rule(Policy::Backup(3)), rule(Policy::KSync(5)));
        assert_eq!(rule(Policy::KSync(8)), rule(Policy::Sync));
        assert_eq!(rule(Policy::Local(1)), rule(Policy::Sync));
        assert_eq!(rule(Policy::KBatchAsync(1)), rule(Policy::Async));
        assert_eq!(rule(Policy::Ssp(None)), rule(Policy::Async));
    }

    #[test]
    fn what_cannot_be_typed_says_what_can() {
        let says = |text: &str, part: &str| {
            let message = text.parse::<Policy>().unwrap_err().to_string();
            assert!(message.contains(part), "{text}: {message}");
        };
        says("asink", "did you mean 'async'");
        says("ksync:3", "did you mean 'k-sync'");
        says("ssp:-1", "type ssp:2");
        says("ssp", "type ssp:2");
        says("k-sync:0", "type k-sync:4");
        says("k-async:2.5", "type k-async:4");
        says("sync:3", "type sync");
        says("local:4294967296", "type local:8");
    }

    #[test]
    fn quorums_that_can_never_arrive_are_refused() {
        assert_eq!(Policy::KSync(9).rule(8), Err(PolicyError::Unreachable { policy: Policy::KSync(9), workers: 8 }));
        assert!(Policy::Backup(8).rule(8).is_err());
        assert!(Policy::KBatchAsync(9).rule(8).is_ok(), "one worker may hand in twice");
        assert_eq!(Policy::Sync.rule(0), Err(PolicyError::NoWorkers));
    }
}
