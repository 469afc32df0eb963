//! How fast do updates come when nobody waits for anybody? The event engine without a queue.
//!
//! Under async and k-batch-async a worker begins anew the moment it submits. If the server takes no time, when that is
//! follows from the worker's own luck alone: the run is a superposition of m renewal processes, and only what is reported
//! of it depends on the order of their events. So time is cut into windows: the arrivals of a window are written down
//! worker by worker, put in order all at once by the leading digits of their times, and entered one by one. The passes are
//! short loops; only the last jumps about in memory, and it knows where to long before. The numbers are the event
//! engine's to the last bit; a test holds it to that.

use crate::cluster::spec::ClusterSpec;
use crate::cluster::time::Time;
use crate::cluster::variates::Variates;
use crate::experiment::runs::Engine;
use crate::fast::ahead::Ahead;
use crate::fast::width::{Kernel, Width};
use crate::fast::window::{Arrival, Window};
use crate::measure::accounts::{Accounts, BATCH};
use crate::policy::{OnCompletion, OnUpdate, Rule};

/// Workers that never wait, and a server that never lets them.
pub(crate) struct Superposition {
    workers: Vec<Worker>,
    draws: Variates,
    ahead: Ahead,
    window: Window,
    server: Server,
    width: Width,
}

/// What a worker will submit that is not written down yet.
#[derive(Clone, Copy)]
struct Worker {
    at: Time,
    worked_s: f64,
    serial: u64,
}

impl Worker {
    /// Begins its next task when it submits the last.
    #[inline(always)]
    fn go_on(&mut self, number: u32, draws: &Variates, ahead: &mut Ahead) {
        self.serial = self.serial.wrapping_add(1);
        self.worked_s = ahead.seconds(draws, number, self.serial);
        self.at = self.at.after(self.worked_s);
    }
}

/// Fewest arrivals of a good window: what is done once for each is shared by so many.
const FEWEST: usize = 2048;

/// Writes down the next window.
#[inline(always)]
fn advance(window: &mut Window, workers: &mut [Worker], draws: &Variates, ahead: &mut Ahead) {
    let mut page = window.page();
    let mut reached = page.end;
    for (number, worker) in (0..).zip(workers) {
        while worker.at < page.end {
            page.write(Arrival::new(worker.at, number, worker.worked_s));
            worker.go_on(number, draws, ahead);
            // Where all are busy at once the window ends sooner, so that memory does not depend on the law.
            if page.is_full() {
                reached = reached.min(worker.at);
                break;
            }
        }
    }
    window.step(reached);
}

/// What becomes of arrivals.
struct Server {
    quorum: u64,
    version: u64,
    /// How many have submitted since the last update.
    buffered: u64,
    /// Updates that the parameters had seen when each worker read them.
    base_versions: Vec<u64>,
    /// Sum of the staleness of all arrivals.
    closed: u64,
    accounts: Accounts,
}

impl Server {
    /// Takes no more than [`BATCH`] arrivals.
    #[inline(always)]
    fn take(&mut self, arrivals: &[Arrival]) {
        let (mut staleness, mut updates) = ([0; BATCH], [Time::ZERO; BATCH]);
        let (staleness, mut made) = (&mut staleness[..arrivals.len()], 0);
        let (base_versions, mut version, mut buffered) = (&mut self.base_versions[..], self.version, self.buffered);
        for (&Arrival { at, worked_s, worker, .. }, staleness) in arrivals.iter().zip(&mut *staleness) {
            let base_version = &mut base_versions[worker as usize];
            *staleness = version - *base_version;
            buffered += 1;
            if buffered == self.quorum {
                buffered = 0;
                version += 1;
                updates[made] = at;
                made += 1;
            }
            *base_version = version;
            self.accounts.finished(worker, worked_s);
            self.accounts.started(at, worker);
        }
        (self.version, self.buffered) = (version, buffered);
        self.closed += staleness.iter().sum::<u64>();
        self.accounts.applied(staleness, 1);
        self.accounts.updated_at(&updates[..made]);
        if let Some(last) = arrivals.last() {
            self.accounts.pass(last.at);
        }
    }
}

impl Superposition {
    /// Everybody starts; `None` if anybody may have to wait.
    pub(crate) fn new(rule: Rule, spec: &ClusterSpec, draws: Variates, width: Width) -> Option<Superposition> {
        let carries_on =
            rule.on_update == OnUpdate::CarriesOn && rule.on_completion == OnCompletion::StartsAnew { slack: None };
        if !carries_on || rule.steps != 1 || rule.drops_stale() || !spec.is_plain(rule) {
            return None;
        }
        let unborn = Worker { at: Time::ZERO, worked_s: 0.0, serial: u64::MAX };
        let (mut workers, mut ahead) = (vec![unborn; rule.workers as usize], Ahead::new(rule.workers));
        let mut accounts = Accounts::new(rule.workers);
        for (number, worker) in (0..).zip(&mut workers) {
            worker.go_on(number, &draws, &mut ahead);
            accounts.started(Time::ZERO, number);
        }
        let server = Server {
            quorum: u64::from(rule.quorum),
            version: 0,
            buffered: 0,
            base_versions: vec![0; rule.workers as usize],
            closed: 0,
            accounts,
        };
        let window = Window::new(rule.workers, spec.mean_compute(0), FEWEST);
        Some(Superposition { workers, draws, ahead, window, server, width })
    }
}

/// Many arrivals, compiled for every width: so is all that is called.
struct Arrivals<'a> {
    all: &'a mut Superposition,
    updates: u64,
    most: u64,
}

impl Kernel for Arrivals<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Superposition { workers, draws, ahead, window, server, .. } = self.all;
        let mut turns = self.most.min((self.updates - server.version).saturating_mul(server.quorum) - server.buffered);
        while turns > 0 {
            if window.upcoming().is_empty() {
                advance(window, workers, draws, ahead);
            }
            let next = window.upcoming();
            let next = &next[..next.len().min(BATCH).min(turns as usize)];
            server.take(next);
            let taken = next.len();
            window.take(taken);
            turns -= taken as u64;
        }
    }
}

impl Engine for Superposition {
    fn run(&mut self, updates: u64, most: u64) -> Option<()> {
        let width = self.width;
        width.run(Arrivals { all: self, updates, most });
        Some(())
    }

    fn updates(&self) -> u64 {
        self.server.version
    }

    fn accounts(&mut self) -> &mut Accounts {
        &mut self.server.accounts
    }

    fn into_tally(self) -> Accounts {
        self.server.accounts
    }

    fn sides(&self) -> (u128, u128) {
        let Server { version, closed, base_versions, .. } = &self.server;
        // Whoever makes an update has just submitted; all others are at work, or have been since their last arrival.
        let added = u128::from(*version) * (base_versions.len() as u128 - 1);
        let open = base_versions.iter().map(|base_version| version - base_version).sum::<u64>();
        (added, u128::from(closed + open))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::key::RandomKey;

    /// The instants of the first updates, through windows of so many arrivals.
    fn updates(law: &str, workers: u32, fewest: usize) -> String {
        let rule = Rule { quorum: 3, ..crate::policy::Policy::ASYNC.rule(workers).unwrap() };
        let spec = ClusterSpec::new(law.parse::<crate::Law>().unwrap()).with_speeds(vec![1.0, 7.0, 0.25]).unwrap();
        let draws = Variates::new(&spec, RandomKey::new(1, 0));
        let mut all = Superposition::new(rule, &spec, draws, Width::Base).unwrap();
        all.window = Window::new(workers, spec.mean_compute(0), fewest);
        for updates in 1..=300 {
            all.run(updates, u64::MAX).unwrap();
        }
        let (added, had) = all.sides();
        assert_eq!(added, had);
        format!("{:?}", all.into_tally())
    }

    #[test]
    fn it_does_not_matter_how_time_is_cut() {
        // Many at once, in bursts, or in no time at all: windows that come out too small, too large, or empty.
        let laws = ["constant(1)", "hyper-exp(0.99, 10000, 0.001)", "weibull(0.2, 1)", "exp(2)"];
        for (law, workers) in laws.into_iter().flat_map(|law| [(law, 1), (law, 3), (law, 500)]) {
            let once = updates(law, workers, 1 << 12);
            for fewest in [1, 10, 100] {
                assert!(updates(law, workers, fewest) == once, "{law}, {workers} workers, {fewest} in a window");
            }
        }
    }
}
