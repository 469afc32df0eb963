//! Links between ranks: how long messages take, measured by ping-pong and by all-reduce at three sizes, and what follows
//! for the simulator: a latency and a bandwidth each.
//!
//! A message of n bytes takes a + n/B (Hockney 1994). An all-reduce among p ranks takes what it takes along a ring,
//! 2 (p-1) a + 2 (p-1)/p n/B (Patarasuk and Yuan 2009), whatever its algorithm: how it really goes about it is in its a and B.
//! These differ from those of single messages where, for one, the two directions of a link get in each other's way.

use crate::run::runner::can_all_reduce;
use sim::Rule;
use sim::cluster::comm::{Communication, Scheme};

/// Seconds of messages of one size.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Timed {
    /// Bytes of each.
    pub bytes: u64,
    /// How long each took.
    pub seconds: Vec<f64>,
}

impl Timed {
    /// Mean seconds.
    pub fn mean_s(&self) -> f64 {
        self.seconds.iter().sum::<f64>() / self.seconds.len() as f64
    }
}

/// What an operation takes by its bytes n: fixed + n · per_byte seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Line {
    /// Seconds without any bytes.
    pub fixed_s: f64,
    /// Seconds of a byte.
    pub per_byte_s: f64,
}

impl Line {
    /// The line through the means of the smallest size and of the largest, which is the one that counts; how far those between
    /// are from it tells how straight it is. Neither number is negative.
    pub fn through(timed: &[Timed]) -> Line {
        let known = || timed.iter().filter(|one| !one.seconds.is_empty());
        let (Some(least), Some(most)) = (known().min_by_key(|one| one.bytes), known().max_by_key(|one| one.bytes))
        else {
            return Line { fixed_s: 0.0, per_byte_s: 0.0 };
        };
        let (bytes, seconds) = ((most.bytes - least.bytes) as f64, most.mean_s() - least.mean_s());
        if bytes == 0.0 || seconds <= 0.0 {
            return Line { fixed_s: most.mean_s(), per_byte_s: 0.0 };
        }
        let per_byte_s = (seconds / bytes).min(most.mean_s() / most.bytes as f64);
        Line { fixed_s: most.mean_s() - per_byte_s * most.bytes as f64, per_byte_s }
    }

    /// Seconds of so many bytes.
    pub fn seconds(self, bytes: f64) -> f64 {
        self.fixed_s + bytes * self.per_byte_s
    }
}

/// What was measured between ranks.
#[derive(Clone, Debug, PartialEq)]
pub struct Links {
    /// How many ranks there are.
    pub ranks: u32,
    /// Bytes of the parameters.
    pub payload: u64,
    /// Whether rank 0 serves under every policy.
    pub server: bool,
    /// Messages one way between rank 0 and another.
    pub messages: Vec<Timed>,
    /// All-reduces among all ranks.
    pub all_reduces: Vec<Timed>,
}

/// The least bytes that are sent.
const LEAST: u64 = 64;

impl Links {
    /// Of parameters of so many bytes, over which nothing was sent yet.
    pub fn new(ranks: u32, payload: u64, server: bool) -> Links {
        let sizes = [LEAST, payload.div_ceil(8) * 4, payload];
        let none: Vec<Timed> = sizes.iter().map(|&bytes| Timed { bytes, seconds: Vec::new() }).collect();
        Links { ranks, payload, server, messages: none.clone(), all_reduces: none }
    }

    /// What was sent, by its name.
    pub fn operations(&self) -> [(&'static str, &[Timed]); 2] {
        [("message", &self.messages), ("all-reduce", &self.all_reduces)]
    }

    /// Whether ranks add up what they compute under this rule.
    pub fn all_reduces(&self, rule: Rule) -> bool {
        !self.server && can_all_reduce(rule)
    }

    /// How ranks communicate under a rule.
    pub fn communication(&self, rule: Rule) -> Communication {
        let (payload, p) = (self.payload as f64, f64::from(self.ranks));
        let (scheme, line, hops, share) = match self.all_reduces(rule) {
            true => (Scheme::Ring, Line::through(&self.all_reduces), 2.0 * (p - 1.0), 2.0 * (p - 1.0) / p),
            false => (Scheme::ParameterServer, Line::through(&self.messages), 1.0, 1.0),
        };
        let bandwidth = share / line.per_byte_s.max(f64::MIN_POSITIVE);
        Communication::new(scheme, payload, line.fixed_s / hops, bandwidth.min(1e18), 0.0)
            .expect("neither number of a line is negative")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sim::Policy;

    fn timed(line: Line) -> Vec<Timed> {
        let one =
            |bytes| Timed { bytes, seconds: vec![0.9 * line.seconds(bytes as f64), 1.1 * line.seconds(bytes as f64)] };
        [64, 100_000, 400_000].map(one).to_vec()
    }

    #[test]
    fn a_line_is_found_again() {
        for line in [Line { fixed_s: 1e-5, per_byte_s: 8e-8 }, Line { fixed_s: 1e-3, per_byte_s: 1e-11 }] {
            let found = Line::through(&timed(line));
            assert!((found.fixed_s / line.fixed_s - 1.0).abs() < 1e-9, "{found:?}");
            assert!((found.per_byte_s / line.per_byte_s - 1.0).abs() < 1e-6, "{found:?}");
        }
        // Whatever is between, and larger ones that are quicker.
        let found =
            |points: [(u64, f64); 3]| Line::through(&points.map(|(bytes, s)| Timed { bytes, seconds: vec![s] }));
        assert_eq!(found([(0, 1.0), (10, 9.0), (20, 3.0)]), Line { fixed_s: 1.0, per_byte_s: 0.1 });
        assert_eq!(found([(0, 2.0), (10, 1.0), (20, 1.5)]), Line { fixed_s: 1.5, per_byte_s: 0.0 });
        let one = [Timed { bytes: 8, seconds: vec![3.0] }, Timed::default()];
        assert_eq!(Line::through(&one), Line { fixed_s: 3.0, per_byte_s: 0.0 });
    }

    #[test]
    fn the_simulator_is_told_what_was_measured() {
        let (message, all_reduce) =
            (Line { fixed_s: 1e-5, per_byte_s: 8e-8 }, Line { fixed_s: 5e-5, per_byte_s: 1.6e-7 });
        let links = Links { messages: timed(message), all_reduces: timed(all_reduce), ..Links::new(4, 800_000, false) };
        let sync = links.communication(Policy::SYNC.rule(4).unwrap());
        assert!((sync.all_reduce_s(4) / all_reduce.seconds(800_000.0) - 1.0).abs() < 1e-9);
        let served = [&links.communication(Policy::ASYNC.rule(3).unwrap())].map(|c| c.latency_s() + c.transfer_s())[0];
        assert!((served / message.seconds(800_000.0) - 1.0).abs() < 1e-9);
        let server = Links { server: true, ..links };
        assert_eq!(server.communication(Policy::SYNC.rule(3).unwrap()).scheme(), Scheme::ParameterServer);
    }
}
