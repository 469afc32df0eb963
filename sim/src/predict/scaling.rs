//! Measured configurations: runs on several numbers of workers, or over several links, and what they say of others.
//!
//! A step computes for C seconds, whatever the number of workers. A round of communication takes log2(p) messages among p workers
//! where they double what they know (Thakur et al. 2005), or 2 (p-1) of them along a ring, of which each carries the p-th part
//! (Patarasuk and Yuan 2009). A message takes a + n/B seconds over a link of B bytes a second; a and n are fitted, a alone where
//! no bandwidth is known. Links inside a machine are others than those between machines. The first round of a run makes the
//! connections, and takes longer by a time of its own.

use crate::cluster::comm::{Communication, Scheme};

/// A run: so many workers, over such links, and how long it computed and waited for messages.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Configuration {
    /// Workers, p.
    pub workers: u32,
    /// Machines that they are on, if that is known.
    pub machines: Option<u32>,
    /// Bytes a second of a link, if that is known.
    pub bytes_per_s: Option<f64>,
    /// Steps of a worker's own from one round of communication to the next; 1 where every step has one.
    pub local_steps: u32,
    /// Steps in all.
    pub steps: u64,
    /// Rounds of communication.
    pub rounds: u64,
    /// Seconds of computing in a step.
    pub computing_s: f64,
    /// Seconds of all rounds, as far as computing did not hide them.
    pub blocked_s: f64,
    /// The same of the first round, where rounds were measured one by one.
    pub first_s: Option<f64>,
}

impl Configuration {
    /// Seconds of a step, with its share of the rounds.
    pub fn step_s(&self) -> f64 {
        self.computing_s + self.blocked_per_step_s()
    }

    /// Seconds of a step in which nothing is computed.
    pub fn blocked_per_step_s(&self) -> f64 {
        self.blocked_s / self.steps as f64
    }

    /// Seconds of a round after the first, if that is known and not the only one.
    fn round_s(&self) -> f64 {
        match self.first_s.filter(|_| self.rounds > 1) {
            Some(first_s) => (self.blocked_s - first_s) / (self.rounds - 1) as f64,
            None => self.blocked_s / self.rounds as f64,
        }
    }

    fn is_inside(&self) -> bool {
        self.machines == Some(1)
    }
}

/// What was fitted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scaling {
    /// How messages travel.
    pub scheme: Scheme,
    /// Seconds of computing in a step.
    pub computing_s: f64,
    /// Seconds of a message between machines beyond its bytes.
    pub latency_s: f64,
    /// Bytes of a message, where links of a known bandwidth were measured.
    pub payload_bytes: Option<f64>,
    /// Seconds of a message inside a machine, if there are such runs.
    pub inside_s: Option<f64>,
    /// How much longer the first round of a run takes, s.
    pub first_s: f64,
    /// Share of a round that computing hides, but no more than a step's computing lasts.
    pub overlap: f64,
}

/// Links over which nothing but latency was measured: nothing depends on it.
const ANY_BYTES_PER_S: f64 = 1e9;

impl Scaling {
    /// Fits runs of which a share `overlap` of the communication is hidden; `None` if nobody communicated.
    ///
    /// Least squares of relative errors of the time of a round with its steps. Of ring and doubling the one that is nearer is
    /// taken, where bandwidths are known and numbers of workers differ.
    ///
    /// ```
    /// use straggle_sim::predict::scaling::{Configuration, Scaling};
    /// let run = |workers, blocked_s| Configuration {
    ///     workers, machines: None, bytes_per_s: None, local_steps: 1, steps: 1, rounds: 1, computing_s: 0.1, blocked_s, first_s: None,
    /// };
    /// let fitted = Scaling::fit(&[run(1, 0.0), run(2, 0.02), run(4, 0.04)], 0.0).unwrap();
    /// assert!((fitted.step_s(&run(16, 0.0)) - 0.18).abs() < 1e-12); // log2(16) messages of 0.02 s
    /// ```
    pub fn fit(runs: &[Configuration], overlap: f64) -> Option<Scaling> {
        let computing_s = runs.iter().map(|run| run.computing_s).sum::<f64>() / runs.len() as f64;
        let communicating = || runs.iter().filter(|run| run.workers > 1 && run.rounds > 0);
        // Where all are inside a machine, its links are all that is known.
        let are_inside = communicating().all(Configuration::is_inside);
        let between: Vec<&Configuration> = communicating().filter(|run| are_inside || !run.is_inside()).collect();
        let inside: Vec<&Configuration> = communicating().filter(|run| !are_inside && run.is_inside()).collect();
        let knows_links = between.iter().all(|run| run.bytes_per_s.is_some());
        let schemes: &[Scheme] = if knows_links { &[Scheme::Ring, Scheme::Doubling] } else { &[Scheme::Doubling] };
        let fits = schemes.iter().filter_map(|&scheme| Messages::fit(scheme, &between, overlap));
        // On one number of workers both are as near: the ring, which many bytes take, stays.
        let messages = fits.reduce(|ring, other| if other.error < 0.999 * ring.error { other } else { ring })?;
        let own = Messages::fit(Scheme::Doubling, &inside, overlap);
        let excess = |run: &Configuration| Some(run.first_s.filter(|_| run.rounds > 1)? - run.round_s());
        let excesses: Vec<f64> = runs.iter().filter_map(excess).collect();
        let first_s = (excesses.iter().sum::<f64>() / excesses.len().max(1) as f64).max(0.0);
        let inside_s = own.map(|own| own.latency_s + own.payload_bytes.unwrap_or(0.0) / ANY_BYTES_PER_S);
        let Messages { scheme, latency_s, payload_bytes, error: _ } = messages;
        Some(Scaling { scheme, computing_s, latency_s, payload_bytes, inside_s, first_s, overlap })
    }

    /// How messages travel between machines, over links of so many bytes a second.
    pub fn communication(&self, bytes_per_s: Option<f64>) -> Communication {
        let (payload, bandwidth) = (self.payload_bytes.unwrap_or(0.0), bytes_per_s.unwrap_or(ANY_BYTES_PER_S));
        Communication::new(self.scheme, payload, self.latency_s, bandwidth, self.overlap)
            .expect("fitted numbers are in range")
    }

    /// Seconds in which nothing is computed in a step of such a run, whatever that run took itself.
    pub fn blocked_per_step_s(&self, run: &Configuration) -> f64 {
        let links = match self.inside_s.filter(|_| run.is_inside()) {
            Some(message_s) => Communication::new(Scheme::Doubling, 0.0, message_s, ANY_BYTES_PER_S, self.overlap)
                .expect("fitted numbers are in range"),
            None => self.communication(run.bytes_per_s),
        };
        let round_s = links.exposed_s(run.workers, self.computing_s);
        let first_s = if run.first_s.is_some() { self.first_s } else { 0.0 };
        (run.rounds as f64 * round_s + first_s) / run.steps as f64
    }

    /// Seconds of a step of such a run.
    pub fn step_s(&self, run: &Configuration) -> f64 {
        self.computing_s + self.blocked_per_step_s(run)
    }
}

/// Messages of one kind of link.
struct Messages {
    scheme: Scheme,
    latency_s: f64,
    payload_bytes: Option<f64>,
    /// Sum of the squares of relative errors.
    error: f64,
}

impl Messages {
    fn fit(scheme: Scheme, runs: &[&Configuration], overlap: f64) -> Option<Messages> {
        if runs.is_empty() {
            return None;
        }
        let mut links: Vec<f64> = runs.iter().filter_map(|run| run.bytes_per_s).collect();
        links.sort_by(f64::total_cmp);
        links.dedup();
        // Seconds of a round for a latency of 1 s and nothing else, and for a byte and nothing else.
        let of = |payload: f64, latency: f64, run: &Configuration| {
            let rate = run.bytes_per_s.unwrap_or(ANY_BYTES_PER_S);
            Communication::new(scheme, payload, latency, rate, 0.0).expect("in range").all_reduce_s(run.workers)
        };
        let rows: Vec<[f64; 4]> = runs
            .iter()
            .map(|run| {
                let round_s = whole(run.round_s(), run.computing_s, overlap);
                let weight = (run.computing_s * run.steps as f64 / run.rounds as f64 + run.round_s()).powi(-2);
                [of(0.0, 1.0, run), of(1.0, 0.0, run), round_s, weight]
            })
            .collect();
        let dot = |i: usize, j: usize| rows.iter().map(|row| row[3] * row[i] * row[j]).sum::<f64>();
        let (ll, lb, bb, ly, by) = (dot(0, 0), dot(0, 1), dot(1, 1), dot(0, 2), dot(1, 2));
        let (latency_s, payload) = match links.len() {
            0 => ((ly / ll).max(0.0), 0.0),
            1 => (0.0, (by / bb).max(0.0)),
            _ => {
                let room = ll * bb - lb * lb;
                let both = ((ly * bb - by * lb) / room, (by * ll - ly * lb) / room);
                // Neither is negative: what would be is none.
                match both {
                    (latency, payload) if latency >= 0.0 && payload >= 0.0 => (latency, payload),
                    (latency, _) if latency < 0.0 || latency.is_nan() => (0.0, (by / bb).max(0.0)),
                    _ => ((ly / ll).max(0.0), 0.0),
                }
            }
        };
        let square = |row: &[f64; 4]| row[3] * (latency_s * row[0] + payload * row[1] - row[2]).powi(2);
        let payload_bytes = (!links.is_empty()).then_some(payload);
        Some(Messages { scheme, latency_s, payload_bytes, error: rows.iter().map(square).sum() })
    }
}

/// The whole of a round of which this is what computing did not hide.
fn whole(exposed_s: f64, computing_s: f64, overlap: f64) -> f64 {
    let in_share = exposed_s / (1.0 - overlap);
    if overlap * in_share <= computing_s { in_share } else { exposed_s + computing_s }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(workers: u32, machines: u32, blocked_s: f64) -> Configuration {
        Configuration {
            workers,
            machines: Some(machines),
            bytes_per_s: None,
            local_steps: 1,
            steps: 1,
            rounds: 1,
            computing_s: 0.1,
            blocked_s,
            first_s: None,
        }
    }

    #[test]
    fn links_inside_and_between_machines_are_told_apart() {
        let inside = |p: u32| run(p, 1, 0.003 * f64::from(p).log2());
        let between = |p: u32| run(p, p, 0.02 * f64::from(p).log2());
        let fitted = Scaling::fit(&[run(1, 1, 0.0), inside(2), inside(4), between(2), between(6)], 0.0).unwrap();
        assert!((fitted.latency_s - 0.02).abs() < 1e-12 && (fitted.inside_s.unwrap() - 0.003).abs() < 1e-12);
        assert!((fitted.step_s(&run(32, 8, 0.0)) - 0.2).abs() < 1e-12);
        // One machine alone.
        let alone = Scaling::fit(&[inside(2), inside(4)], 0.0).unwrap();
        assert!((alone.step_s(&run(8, 1, 0.0)) - 0.109).abs() < 1e-12, "{alone:?}");
        assert_eq!(Scaling::fit(&[run(1, 1, 0.0)], 0.0), None);
    }

    /// Local steps over a ring of 4 at so many bytes a second: 100 steps of 0.02 s, a round each 10, the first 0.3 s longer.
    fn local(bytes_per_s: f64, latency_s: f64) -> Configuration {
        let ring = Communication::new(Scheme::Ring, 1e8, latency_s, bytes_per_s, 0.0).unwrap().all_reduce_s(4);
        Configuration {
            bytes_per_s: Some(bytes_per_s),
            machines: None,
            local_steps: 10,
            steps: 100,
            rounds: 10,
            computing_s: 0.02,
            blocked_s: 10.0 * ring + 0.3,
            first_s: Some(ring + 0.3),
            ..run(4, 4, 0.0)
        }
    }

    #[test]
    fn one_bandwidth_says_what_another_takes() {
        let fitted = Scaling::fit(&[local(25e6, 0.0)], 0.0).unwrap();
        assert_eq!(fitted.scheme, Scheme::Ring);
        assert!((fitted.payload_bytes.unwrap() / 1e8 - 1.0).abs() < 1e-9 && (fitted.first_s - 0.3).abs() < 1e-9);
        let (there, found) = (local(625e6, 0.0), fitted.blocked_per_step_s(&local(625e6, 0.0)));
        assert!((found / there.blocked_per_step_s() - 1.0).abs() < 1e-9);
        // Two bandwidths tell bytes from latency.
        let both = Scaling::fit(&[local(25e6, 0.01), local(625e6, 0.01)], 0.0).unwrap();
        assert!((both.latency_s - 0.01).abs() < 1e-9 && (both.payload_bytes.unwrap() / 1e8 - 1.0).abs() < 1e-9);
    }

    #[test]
    fn what_computing_hides_is_undone() {
        let hidden = Communication::new(Scheme::Ring, 1e8, 0.0, 25e6, 1.0).unwrap();
        let run = Configuration {
            blocked_s: hidden.exposed_s(4, 0.02),
            rounds: 1,
            steps: 1,
            first_s: None,
            ..local(25e6, 0.0)
        };
        let fitted = Scaling::fit(&[run], 1.0).unwrap();
        assert!((fitted.payload_bytes.unwrap() / 1e8 - 1.0).abs() < 1e-9, "{fitted:?}");
        assert!((fitted.blocked_per_step_s(&run) / run.blocked_s - 1.0).abs() < 1e-9);
        assert!((whole(0.03, 1.0, 0.5) - 0.06).abs() < 1e-15 && whole(0.03, 0.01, 0.5) == 0.04);
    }
}
