//! Measured configurations: runs on several numbers of workers, or over several links, and what they say of others.
//!
//! A step computes for C seconds, whatever the number of workers. A round of communication among p workers takes 2 log2(p) messages,
//! and each worker's link carries 2 (p-1)/p of the bytes (recursive halving and doubling: Thakur et al. 2005); or 2 (p-1) messages
//! with as many bytes, along a ring (Patarasuk and Yuan 2009). The time a of a message and the bytes n are fitted; neither is
//! negative. Links inside a machine are others than those between machines. The first round of a run makes the connections, and
//! takes longer by a time of its own.

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

    /// Seconds of a round: of those after the first, if that is known and not the only one.
    fn round_s(&self) -> f64 {
        match self.first_s.filter(|_| self.rounds > 1) {
            Some(first_s) => (self.blocked_s - first_s) / (self.rounds - 1) as f64,
            None => self.blocked_s / self.rounds as f64,
        }
    }

    /// Whether all that was measured is the first round.
    fn has_only_first(&self) -> bool {
        self.first_s.is_some() && self.rounds == 1
    }

    fn is_inside(&self) -> bool {
        self.machines == Some(1)
    }
}

/// What was fitted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scaling {
    /// How messages travel between machines.
    pub scheme: Scheme,
    /// Seconds of computing in a step.
    pub computing_s: f64,
    /// Messages between machines.
    pub between: Message,
    /// Messages inside a machine, if there are such runs.
    pub inside: Option<Message>,
    /// Whether the bandwidth of the links is known; otherwise bytes are as many as a link of [`ANY_BYTES_PER_S`] would carry.
    pub knows_links: bool,
    /// How much longer the first round of a run takes, s.
    pub first_s: f64,
    /// Share of a round that computing hides, but no more than a step's computing lasts.
    pub overlap: f64,
}

/// A message.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Message {
    /// Seconds beyond those of its bytes.
    pub latency_s: f64,
    /// Bytes of all workers' gradients together, of which it carries a part.
    pub payload_bytes: f64,
}

/// The bandwidth of a link where none is known: nothing but the ratio of bytes and bandwidth is measured there.
pub const ANY_BYTES_PER_S: f64 = 1e9;

impl Scaling {
    /// Fits runs of which a share `overlap` of the communication is hidden; `None` if nobody communicated.
    ///
    /// Least squares of relative errors of the time of a round with its steps. Of ring and halving the one that is nearer is
    /// taken, where bandwidths are known and numbers of workers differ.
    ///
    /// ```
    /// use straggle_sim::predict::scaling::{Configuration, Scaling};
    /// let run = |workers, blocked_s| Configuration {
    ///     workers, machines: None, bytes_per_s: None, local_steps: 1, steps: 1, rounds: 1, computing_s: 0.1, blocked_s, first_s: None,
    /// };
    /// let fitted = Scaling::fit(&[run(1, 0.0), run(2, 0.02), run(4, 0.04)], 0.0).unwrap();
    /// assert!((fitted.step_s(&run(16, 0.0)) - 0.18).abs() < 1e-12); // 2 log2(16) messages of 0.01 s
    /// let fitted = Scaling::fit(&[run(1, 0.0), run(2, 0.02), run(4, 0.03)], 0.0).unwrap();
    /// assert!((fitted.step_s(&run(16, 0.0)) - 0.1375).abs() < 1e-12); // 2 (15/16) of all bytes, in 0.02 s
    /// ```
    pub fn fit(runs: &[Configuration], overlap: f64) -> Option<Scaling> {
        let computing_s = runs.iter().map(|run| run.computing_s).sum::<f64>() / runs.len() as f64;
        let communicating = || runs.iter().filter(|run| run.workers > 1 && run.rounds > 0);
        // A first round says what later ones take only where there are no later ones at all.
        let have_later = communicating().any(|run| !run.has_only_first());
        let later = || communicating().filter(|run| !have_later || !run.has_only_first());
        // Where all are inside a machine, its links are all that is known.
        let are_inside = later().all(Configuration::is_inside);
        let between: Vec<&Configuration> = later().filter(|run| are_inside || !run.is_inside()).collect();
        let inside: Vec<&Configuration> = later().filter(|run| !are_inside && run.is_inside()).collect();
        let knows_links = between.iter().all(|run| run.bytes_per_s.is_some());
        let several = between.iter().any(|run| run.workers != between[0].workers);
        // On one number of workers both are as near: the ring, which many bytes take.
        let schemes: &[Scheme] = match (knows_links, several) {
            (true, true) => &[Scheme::Ring, Scheme::Halving],
            (true, false) => &[Scheme::Ring],
            (false, _) => &[Scheme::Halving],
        };
        let link = |run: &Configuration| run.bytes_per_s.filter(|_| knows_links);
        let fits = schemes.iter().filter_map(|&scheme| Fit::of(scheme, &between, link, overlap));
        let best = fits.reduce(|ring, other| if other.error < ring.error { other } else { ring })?;
        let inside = Fit::of(Scheme::Halving, &inside, |_| None, overlap).map(|fit| fit.message);
        let fitted = Scaling {
            scheme: best.scheme,
            computing_s,
            between: best.message,
            inside,
            knows_links,
            first_s: 0.0,
            overlap,
        };
        let excess = |run: &Configuration| Some(run.first_s? - fitted.round_s(run));
        let excesses: Vec<f64> = communicating().filter_map(excess).collect();
        let first_s = excesses.iter().sum::<f64>() / excesses.len().max(1) as f64;
        Some(Scaling { first_s: if have_later { first_s.max(0.0) } else { 0.0 }, ..fitted })
    }

    /// How messages travel between machines, over links of so many bytes a second.
    pub fn communication(&self, bytes_per_s: Option<f64>) -> Communication {
        let rate = bytes_per_s.filter(|_| self.knows_links).unwrap_or(ANY_BYTES_PER_S);
        self.between.by(self.scheme, rate, self.overlap)
    }

    /// Seconds of a round of such a run, after the first, as far as computing does not hide it.
    fn round_s(&self, run: &Configuration) -> f64 {
        let links = match self.inside.filter(|_| run.is_inside()) {
            Some(message) => message.by(Scheme::Halving, ANY_BYTES_PER_S, self.overlap),
            None => self.communication(run.bytes_per_s),
        };
        links.exposed_s(run.workers, self.computing_s)
    }

    /// Seconds in which nothing is computed in a step of such a run, whatever that run took itself.
    pub fn blocked_per_step_s(&self, run: &Configuration) -> f64 {
        let first_s = if run.first_s.is_some() { self.first_s } else { 0.0 };
        (run.rounds as f64 * self.round_s(run) + first_s) / run.steps as f64
    }

    /// Seconds of a step of such a run.
    pub fn step_s(&self, run: &Configuration) -> f64 {
        self.computing_s + self.blocked_per_step_s(run)
    }
}

impl Message {
    fn by(&self, scheme: Scheme, bytes_per_s: f64, overlap: f64) -> Communication {
        Communication::new(scheme, self.payload_bytes, self.latency_s, bytes_per_s, overlap)
            .expect("fitted numbers are in range")
    }
}

/// A fit of the messages of one kind of link.
struct Fit {
    scheme: Scheme,
    message: Message,
    /// Sum of the squares of relative errors.
    error: f64,
}

impl Fit {
    fn of(
        scheme: Scheme,
        runs: &[&Configuration],
        link: impl Fn(&Configuration) -> Option<f64>,
        overlap: f64,
    ) -> Option<Fit> {
        if runs.is_empty() {
            return None;
        }
        // Seconds of a round for a latency of 1 s and nothing else, and for a byte and nothing else.
        let of = |payload_bytes: f64, latency_s: f64, run: &Configuration| {
            let rate = link(run).unwrap_or(ANY_BYTES_PER_S);
            Message { latency_s, payload_bytes }.by(scheme, rate, 0.0).all_reduce_s(run.workers)
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
        let room = ll * bb - lb * lb;
        let both = ((ly * bb - by * lb) / room, (by * ll - ly * lb) / room);
        let (latency_alone, bytes_alone) = (((ly / ll).max(0.0), 0.0), (0.0, (by / bb).max(0.0)));
        let (latency_s, payload_bytes) = match both {
            // On one number of workers and one link nobody can tell: bytes where those of a link are known.
            _ if room <= 1e-9 * ll * bb => {
                if link(runs[0]).is_some() {
                    bytes_alone
                } else {
                    latency_alone
                }
            }
            // Neither is negative: what would be is none.
            (latency, bytes) if latency >= 0.0 && bytes >= 0.0 => both,
            (latency, _) if latency < 0.0 => bytes_alone,
            _ => latency_alone,
        };
        let square = |row: &[f64; 4]| row[3] * (latency_s * row[0] + payload_bytes * row[1] - row[2]).powi(2);
        let error = rows.iter().map(square).sum();
        Some(Fit { scheme, message: Message { latency_s, payload_bytes }, error })
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
        assert!((fitted.between.latency_s - 0.01).abs() < 1e-12, "{fitted:?}");
        assert!((fitted.inside.unwrap().latency_s - 0.0015).abs() < 1e-12, "{fitted:?}");
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
        assert!((fitted.between.payload_bytes / 1e8 - 1.0).abs() < 1e-9 && (fitted.first_s - 0.3).abs() < 1e-9);
        let (there, found) = (local(625e6, 0.0), fitted.blocked_per_step_s(&local(625e6, 0.0)));
        assert!((found / there.blocked_per_step_s() - 1.0).abs() < 1e-9);
        // Two bandwidths tell bytes from latency.
        let both = Scaling::fit(&[local(25e6, 0.01), local(625e6, 0.01)], 0.0).unwrap();
        assert!((both.between.latency_s - 0.01).abs() < 1e-9 && (both.between.payload_bytes / 1e8 - 1.0).abs() < 1e-9);
    }

    #[test]
    fn a_run_of_one_round_says_what_a_first_round_takes() {
        let all = local(25e6, 0.0);
        let single = |first_s: f64| Configuration { rounds: 1, blocked_s: first_s, first_s: Some(first_s), ..all };
        let (first_s, only) = (all.first_s.unwrap(), single(all.first_s.unwrap() + 0.2));
        let fitted = Scaling::fit(&[all, only], 0.0).unwrap();
        // Its excess is 0.5 s, the other's 0.3 s, and neither is in the bytes.
        assert!((fitted.between.payload_bytes / 1e8 - 1.0).abs() < 1e-9 && (fitted.first_s - 0.4).abs() < 1e-9);
        // Alone it is all that is known of a round.
        let alone = Scaling::fit(&[single(first_s)], 0.0).unwrap();
        assert!(alone.first_s == 0.0 && (alone.blocked_per_step_s(&single(1.0)) * 100.0 / first_s - 1.0).abs() < 1e-9);
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
        assert!((fitted.between.payload_bytes / 1e8 - 1.0).abs() < 1e-9, "{fitted:?}");
        assert!((fitted.blocked_per_step_s(&run) / run.blocked_s - 1.0).abs() < 1e-9);
        assert!((whole(0.03, 1.0, 0.5) - 0.06).abs() < 1e-15 && whole(0.03, 0.01, 0.5) == 0.04);
    }
}
