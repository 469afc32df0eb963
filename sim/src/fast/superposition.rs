//! Superposition of independent workers: how fast updates come when nobody waits for anybody, without an event list.
//!
//! Under async and k-batch-async a worker begins anew the moment it submits. If the server takes no time, when that is
//! follows from the worker's own random numbers alone: the run is a superposition of m renewal processes, of which nothing but
//! the order of the arrivals matters. So time is cut into windows: the arrivals of a window are written down worker by worker
//! and put in order all at once by the leading digits of their times. The passes are short loops. Times are the event engine's
//! to the last bit; a test holds it to that.

use crate::cluster::spec::ClusterSpec;
use crate::cluster::time::Time;
use crate::cluster::variates::Variates;
use crate::experiment::runs::Engine;
use crate::fast::width::{Kernel, Width};
use crate::fast::window::{Arrival, Window};
use crate::measure::accounts::{AT_ONCE, Accounts};
use crate::policy::Task;
use crate::policy::{OnCompletion, OnUpdate, Rule};

/// Workers that never wait, and a server that never lets them.
pub(crate) struct Superposition {
    rule: Rule,
    workers: Vec<Worker>,
    draws: Variates,
    ahead: Ahead,
    window: Window,
    version: u64,
    /// How many have arrived since the last update.
    gathered: u64,
    accounts: Accounts,
    width: Width,
}

/// The arrival of a worker's that is not written down yet.
#[derive(Clone, Copy)]
struct Worker {
    at: Time,
    serial: u64,
}

impl Worker {
    /// Begins its next task when it submits the last.
    #[inline(always)]
    fn go_on(&mut self, number: u32, draws: &Variates, ahead: &mut Ahead) {
        self.serial = self.serial.wrapping_add(1);
        self.at = self.at.after(ahead.seconds(draws, number, self.serial));
    }
}

/// Computing times of several of each worker's next tasks: vector code.
struct Ahead {
    times_s: Vec<[f64; AHEAD]>,
}

/// Tasks of a worker that are drawn at once.
const AHEAD: usize = 16;

/// Up to so many workers; the times of more would not stay in the cache.
const FEW: u32 = 10_000;

impl Ahead {
    fn new(workers: u32) -> Ahead {
        Ahead { times_s: vec![[0.0; AHEAD]; if workers <= FEW { workers as usize } else { 0 }] }
    }

    /// The time of a worker's task, s; tasks are asked for one after the other.
    #[inline(always)]
    fn seconds(&mut self, draws: &Variates, worker: u32, serial: u64) -> f64 {
        let Some(times_s) = self.times_s.get_mut(worker as usize) else {
            return draws.task_compute_s(&Task { serial, first_step: serial, ..Task::first(worker, 1) });
        };
        let place = serial as usize % AHEAD;
        if place == 0 {
            draws.fill_compute_s(times_s, worker, (serial, 1));
        }
        times_s[place]
    }
}

/// Arrivals of a good window, at most: what is done once for each is shared by so many.
const WANTED: u64 = 2048;

impl Superposition {
    /// Everybody starts, for a run of about so many updates; `None` if anybody may have to wait.
    pub(crate) fn new(
        rule: Rule,
        spec: &ClusterSpec,
        draws: Variates,
        updates: u64,
        width: Width,
    ) -> Option<Superposition> {
        let carries_on =
            rule.on_update == OnUpdate::CarriesOn && rule.on_completion == OnCompletion::StartsAnew { slack: None };
        if !carries_on || rule.steps != 1 || rule.drops_stale() || !spec.is_plain(rule) {
            return None;
        }
        let unborn = Worker { at: Time::ZERO, serial: u64::MAX };
        let (mut workers, mut ahead) = (vec![unborn; rule.workers as usize], Ahead::new(rule.workers));
        (0..).zip(&mut workers).for_each(|(number, worker)| worker.go_on(number, &draws, &mut ahead));
        let arrivals = updates.saturating_mul(u64::from(rule.quorum)).clamp(32, WANTED) as usize;
        let window = Window::new(rule.workers, spec.mean_compute(0), arrivals);
        let accounts = Accounts::in_sum(rule.workers);
        Some(Superposition { rule, workers, draws, ahead, window, version: 0, gathered: 0, accounts, width })
    }

    /// Counts the updates that take no longer than this, s.
    pub(crate) fn with_deadline(self, deadline_s: Option<f64>) -> Superposition {
        Superposition { accounts: self.accounts.with_deadline(deadline_s), ..self }
    }

    /// Writes down the next window.
    #[inline(always)]
    fn advance(&mut self) {
        let mut page = self.window.page();
        let mut reached = page.end;
        for (number, worker) in (0..).zip(&mut self.workers) {
            while worker.at < page.end {
                page.write(Arrival::new(worker.at));
                worker.go_on(number, &self.draws, &mut self.ahead);
                // Where all are busy at once the window ends sooner, so that memory does not depend on the law.
                if page.is_full() {
                    reached = reached.min(worker.at);
                    break;
                }
            }
        }
        self.window.step(reached);
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
        let all = self.all;
        let quorum = u64::from(all.rule.quorum);
        let mut left = self.most.min((self.updates - all.version).saturating_mul(quorum) - all.gathered);
        while left > 0 {
            if all.window.upcoming().is_empty() {
                all.advance();
            }
            let upcoming = all.window.upcoming();
            let next = &upcoming[..upcoming.len().min(AT_ONCE).min(left as usize)];
            let missing = (quorum - all.gathered) as usize - 1;
            let ends = next.iter().skip(missing).step_by(quorum as usize).map(|arrival| arrival.at);
            let (made, taken) = (all.accounts.add_instants(ends, all.rule), next.len() as u64);
            all.version += made;
            all.gathered = all.gathered + taken - made * quorum;
            all.window.take(taken as usize);
            left -= taken;
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
        self.version
    }

    fn begin(&mut self) {
        self.accounts.begin(|_| unreachable!("nobody has entered a task"));
    }

    fn finish(mut self) -> Accounts {
        // Nobody ever does anything but compute.
        self.accounts.set_computing(self.accounts.worker_seconds());
        self.accounts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::key::RandomKey;

    /// The instants of the first updates, through windows of so many arrivals.
    fn updates(law: &str, workers: u32, wanted: usize) -> String {
        let rule = Rule { quorum: 3, ..crate::policy::Policy::ASYNC.rule(workers).unwrap() };
        let spec = ClusterSpec::new(law.parse().unwrap()).with_speeds(vec![1.0, 7.0, 0.25]).unwrap();
        let draws = Variates::new(&spec, RandomKey::new(1, 0)).in_the_middle(&spec, rule);
        let mut all = Superposition::new(rule, &spec, draws, 300, Width::Base).unwrap();
        all.window = Window::new(workers, spec.mean_compute(0), wanted);
        for updates in 1..=300 {
            all.run(updates, u64::MAX).unwrap();
        }
        format!("{:?}", all.finish())
    }

    #[test]
    fn it_does_not_matter_how_time_is_cut() {
        // Many at once, in bursts, or in no time at all: windows that come out too small, too large, or empty.
        let laws = ["constant(1)", "hyper-exp(0.99, 10000, 0.001)", "weibull(0.2, 1)", "exp(2)"];
        for (law, workers) in laws.into_iter().flat_map(|law| [(law, 1), (law, 3), (law, 500)]) {
            let once = updates(law, workers, 1 << 12);
            for wanted in [1, 10, 100] {
                assert!(updates(law, workers, wanted) == once, "{law}, {workers} workers, {wanted} in a window");
            }
        }
    }
}
