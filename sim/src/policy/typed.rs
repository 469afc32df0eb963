//! Policies as people type them: `k-sync:4`, `grace:4:350ms`, lists with ranges.

use crate::policy::error::PolicyError;
use crate::policy::rule::Rule;
use crate::policy::table::{Argument, POLICIES, Row};
use crate::units;
use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

/// How workers are kept in step, by the name people type: a row of the [table](POLICIES) and its numbers.
///
/// ```
/// use straggle_sim::Policy;
/// let policy: Policy = "k-sync:4".parse().unwrap();
/// assert_eq!(policy, Policy::k_sync(4));
/// assert_eq!(policy.to_string(), "k-sync:4");
/// assert_eq!("grace:4:350ms".parse::<Policy>().unwrap().to_string(), "grace:4:0.35");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Policy {
    row: u8,
    /// The bits of the numbers: policies are equal if they are typed alike.
    numbers: [u64; 2],
}

impl Policy {
    /// Wait for all.
    pub const SYNC: Policy = Policy::bare("sync");
    /// Never wait.
    pub const ASYNC: Policy = Policy::bare("async");
    /// Lock-free adds to shared parameters.
    pub const HOGWILD: Policy = Policy::bare("hogwild");

    /// The policy of this name without arguments.
    const fn bare(name: &str) -> Policy {
        let mut row = 0;
        while !same(POLICIES[row].name.as_bytes(), name.as_bytes()) {
            row += 1;
        }
        assert!(POLICIES[row].arguments.is_empty());
        Policy { row: row as u8, numbers: [0; 2] }
    }

    /// Wait for the first K workers, cancel the rest.
    pub fn k_sync(k: u32) -> Policy {
        Policy::with("k-sync", k)
    }

    /// Wait for K workers; the others carry on.
    pub fn k_async(k: u32) -> Policy {
        Policy::with("k-async", k)
    }

    /// H local steps, then all parameters are averaged.
    pub fn local(h: u32) -> Policy {
        Policy::with("local", h)
    }

    fn with(name: &str, number: u32) -> Policy {
        let row = POLICIES.iter().position(|row| row.name == name).expect("a row of the table");
        Policy { row: row as u8, numbers: [f64::from(number).to_bits(), 0] }
    }

    /// One of each kind, for tests and help texts.
    pub fn examples() -> impl ExactSizeIterator<Item = Policy> + Clone {
        (0..POLICIES.len()).map(|row| Policy { row: row as u8, numbers: POLICIES[row].example.map(f64::to_bits) })
    }

    /// Its row in the table: name, help, citation.
    pub fn row(self) -> &'static Row {
        &POLICIES[usize::from(self.row)]
    }

    /// The name without its numbers.
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// The number after the first colon, as far as it is whole: K, B, S, H.
    pub fn number(self) -> u32 {
        self.numbers()[0] as u32
    }

    /// The numbers after the colons.
    fn numbers(self) -> [f64; 2] {
        self.numbers.map(f64::from_bits)
    }

    /// The rule for `workers` workers.
    ///
    /// # Errors
    /// [`PolicyError::NoWorkers`], [`PolicyError::Unreachable`] if so many distinct workers cannot submit, or
    /// [`PolicyError::Steps`] if a task has more than a million steps.
    pub fn rule(self, workers: u32) -> Result<Rule, PolicyError> {
        if workers == 0 {
            return Err(PolicyError::NoWorkers);
        }
        let rule = (self.row().rule)(workers, self.numbers());
        match rule.is_reachable() {
            true if rule.steps > MOST_STEPS && rule.steps < u32::MAX => Err(PolicyError::Steps { policy: self }),
            true => Ok(rule),
            false => Err(PolicyError::Unreachable { policy: self, workers }),
        }
    }

    /// Whether gradients go through a server that can be busy.
    pub fn has_server(self) -> bool {
        self.row().has_server
    }

    /// The same policy with so many micro-batches a worker, where it has any and they were not typed.
    ///
    /// ```
    /// let policy: straggle_sim::Policy = "drop-compute:2".parse().unwrap();
    /// assert_eq!(policy.with_micro_batches(12).to_string(), "drop-compute:2:12");
    /// ```
    pub fn with_micro_batches(self, micro_batches: u32) -> Policy {
        match self.name() == "drop-compute" {
            true => Policy { numbers: [self.numbers[0], f64::from(micro_batches).to_bits()], ..self },
            false => self,
        }
    }

    /// The same policy with another number of seconds, where it has any.
    ///
    /// ```
    /// let policy: straggle_sim::Policy = "grace:4:2".parse().unwrap();
    /// assert_eq!(policy.with_seconds(0.5).to_string(), "grace:4:0.5");
    /// ```
    pub fn with_seconds(mut self, seconds: f64) -> Policy {
        let arguments = self.row().arguments;
        for (number, argument) in self.numbers.iter_mut().zip(arguments) {
            match argument {
                Argument::Seconds | Argument::SecondsOrInfinite | Argument::PositiveOrInfinite => {
                    *number = seconds.to_bits();
                }
                Argument::Whole(_) | Argument::WholeOrInfinite(_) => {}
            }
        }
        self
    }

    /// A list as people type it: policies between commas, with ranges of whole numbers (`k-sync:1..8`, both ends included),
    /// or `all` for one of each kind.
    ///
    /// # Errors
    /// [`PolicyError`] for the first that is none.
    ///
    /// ```
    /// use straggle_sim::Policy;
    /// let list = Policy::list("sync, k-sync:1..3").unwrap();
    /// assert_eq!(list, [Policy::SYNC, Policy::k_sync(1), Policy::k_sync(2), Policy::k_sync(3)]);
    /// ```
    pub fn list(text: &str) -> Result<Vec<Policy>, PolicyError> {
        let mut list = Vec::new();
        for item in text.split(',').map(str::trim).filter(|item| !item.is_empty()) {
            match (item, range(item)?) {
                ("all", _) => list.extend(Policy::examples()),
                (_, None) => list.push(item.parse()?),
                (_, Some((before, numbers, after))) => {
                    for number in numbers {
                        list.push(format!("{before}{number}{after}").parse()?);
                    }
                }
            }
        }
        Ok(list)
    }
}

/// The most local steps of a task.
pub(super) const MOST_STEPS: u32 = 1_000_000;

/// Policies that one range may stand for.
pub(super) const LONGEST_RANGE: u32 = 1000;

/// A range of whole numbers in a list's item, with what is before and after it.
type Between<'a> = (&'a str, RangeInclusive<u32>, &'a str);

fn range(item: &str) -> Result<Option<Between<'_>>, PolicyError> {
    let Some((before, after)) = item.split_once("..") else { return Ok(None) };
    let start = before.rfind(':').map_or(0, |colon| colon + 1);
    let end = after.find(':').unwrap_or(after.len());
    let ends = (before[start..].parse::<u32>(), after[..end].trim_start_matches('=').parse::<u32>());
    match ends {
        (Ok(first), Ok(last)) if first <= last && last - first < LONGEST_RANGE => {
            Ok(Some((&before[..start], first..=last, &after[end..])))
        }
        _ => Err(PolicyError::Range { text: item.to_string() }),
    }
}

const fn same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let mut i = 0;
    while i < a.len() {
        if a[i] != b[i] {
            return false;
        }
        i += 1;
    }
    true
}

impl Argument {
    /// The number that was typed, if it is in its range.
    fn number(self, text: &str) -> Option<f64> {
        let infinite = matches!(text, "infinite" | "inf");
        match self {
            Argument::WholeOrInfinite(_) | Argument::SecondsOrInfinite | Argument::PositiveOrInfinite if infinite => {
                Some(f64::INFINITY)
            }
            Argument::Whole(least) | Argument::WholeOrInfinite(least) => {
                text.parse::<u32>().ok().filter(|&n| n >= least).map(f64::from)
            }
            Argument::SecondsOrInfinite => units::seconds(text).ok().filter(|&s| s >= 0.0),
            Argument::Seconds | Argument::PositiveOrInfinite => units::seconds(text).ok().filter(|&s| s > 0.0),
        }
    }
}

impl fmt::Display for Argument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Argument::Whole(least) => write!(f, "a whole number from {least}"),
            Argument::WholeOrInfinite(least) => write!(f, "a whole number from {least}, or infinite"),
            Argument::Seconds => f.write_str("positive seconds"),
            Argument::PositiveOrInfinite => f.write_str("positive seconds, or infinite"),
            Argument::SecondsOrInfinite => f.write_str("seconds from 0, or infinite"),
        }
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Row { name, arguments, .. } = self.row();
        let mut text = name.to_string();
        for number in self.numbers().into_iter().take(arguments.len()) {
            text += if number.is_finite() { format!(":{number}") } else { ":infinite".to_string() }.as_str();
        }
        f.pad(&text)
    }
}

impl fmt::Debug for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Policy {
    type Err = PolicyError;

    fn from_str(text: &str) -> Result<Policy, PolicyError> {
        let mut parts = text.trim().split(':');
        let name = parts.next().unwrap_or_default();
        let hyphened = name.replace('_', "-");
        let Some(mut policy) = Policy::examples().find(|policy| policy.name() == hyphened) else {
            return Err(PolicyError::Unknown { name: name.to_string() });
        };
        let wrong = || PolicyError::Argument { text: text.to_string(), policy };
        let typed: Vec<&str> = parts.collect();
        let row = policy.row();
        if typed.len() > row.arguments.len() || typed.len() < row.required.min(row.arguments.len()) {
            return Err(wrong());
        }
        let mut numbers = policy.numbers;
        for ((number, argument), text) in numbers.iter_mut().zip(row.arguments).zip(typed) {
            *number = argument.number(text.trim()).ok_or_else(wrong)?.to_bits();
        }
        policy.numbers = numbers;
        Ok(policy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_can_be_typed_can_be_printed() {
        let more = ["ssp:infinite", "backup:0", "ringmaster:infinite", "grace:3:0", "grace:1:infinite"];
        for policy in Policy::examples().chain(more.map(|text| text.parse().unwrap())) {
            assert_eq!(policy.to_string().parse(), Ok(policy));
        }
    }

    #[test]
    fn equal_policies_are_equal_rules_up_to_what_never_matters() {
        let rule = |text: &str| text.parse::<Policy>().unwrap().rule(8).unwrap();
        assert_eq!(rule("backup:3"), rule("k-sync:5"));
        assert_eq!(rule("grace:5:0"), rule("k-sync:5"));
        for sync in ["k-sync:8", "local:1", "grace:3:infinite", "k-local:8:1", "backup:0"] {
            assert_eq!(rule(sync), rule("sync"), "{sync}");
        }
        for never_waits in ["k-batch-async:1", "ssp:infinite", "ringmaster:infinite", "async-local:1", "fedbuff:1:1"] {
            assert_eq!(rule(never_waits), rule("async"), "{never_waits}");
        }
        assert_eq!(rule("fedbuff:3:1"), rule("k-batch-async:3"));
        assert_eq!(rule("k-local:8:5"), rule("local:5"));
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
        says("grace:3", "grace takes a whole number from 1, then seconds from 0, or infinite; type grace:4:0.25");
        says("grace:3:-1", "type grace:4:0.25");
        says("anytime:infinite", "anytime takes positive seconds");
        says("anytime:nan", "anytime takes positive seconds");
    }

    #[test]
    fn lists_have_ranges() {
        let list = |text: &str| Policy::list(text).map(|list| list.iter().map(Policy::to_string).collect::<Vec<_>>());
        assert_eq!(list("fedbuff:2:1..3").unwrap(), ["fedbuff:2:1", "fedbuff:2:2", "fedbuff:2:3"]);
        assert_eq!(list("grace:1..2:10ms").unwrap(), ["grace:1:0.01", "grace:2:0.01"]);
        assert_eq!(Policy::list("all").unwrap().len(), POLICIES.len());
        for bad in ["k-sync:8..1", "k-sync:1..9999", "sync..3", "k-sync:.."] {
            assert!(list(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn quorums_that_can_never_arrive_are_refused() {
        let rule = |text: &str| text.parse::<Policy>().unwrap().rule(8);
        assert_eq!(rule("k-sync:9"), Err(PolicyError::Unreachable { policy: Policy::k_sync(9), workers: 8 }));
        for too_many in ["backup:8", "grace:9:1", "grace:9:infinite", "k-local:9:1"] {
            assert!(rule(too_many).is_err(), "{too_many}");
        }
        assert!(rule("k-batch-async:9").is_ok(), "one worker may submit twice");
        assert_eq!(Policy::SYNC.rule(0), Err(PolicyError::NoWorkers));
    }
}
