//! How fast do updates come when nobody waits for anybody? The event engine without a queue.
//!
//! Under async and k-batch-async a worker begins anew the moment it hands in. If the server takes no time, when that is
//! follows from the worker's own luck alone: the run is a superposition of m renewal processes, and only what is reported
//! of it depends on the order of their events. So time is cut into windows: the hand-ins of a window are written down
//! worker by worker, put in order all at once by the leading digits of their times, and entered one by one. The passes are
//! short loops; only the last jumps about in memory, and it knows where to long before. The numbers are the event
//! engine's to the last bit; a test holds it to that.

use crate::coordinator::Task;
use crate::fleet::{Draws, Fleet};
use crate::flow::Ahead;
use crate::policy::{Finisher, Rest, Rule};
use crate::runs::Engine;
use crate::tally::{BATCH, Tally};
use crate::time::Time;
use crate::width::{Kernel, Width};

/// Workers that never wait, and a server that never lets them.
pub(crate) struct Superposition {
    workers: Vec<Worker>,
    draws: Draws,
    ahead: Ahead,
    window: Window,
    server: Server,
    width: Width,
}

/// What a worker will hand in that is not written down yet.
#[derive(Clone, Copy)]
struct Worker {
    at: Time,
    worked_s: f64,
    serial: u64,
}

impl Worker {
    /// Begins its next task when it hands in the last.
    #[inline(always)]
    fn go_on(&mut self, number: u32, draws: &Draws, ahead: &mut Ahead) {
        self.serial = self.serial.wrapping_add(1);
        let task = Task { worker: number, steps: 1, serial: self.serial, base_version: 0 };
        self.worked_s = ahead.compute_s(draws, task);
        self.at = self.at.after(self.worked_s);
    }
}

#[derive(Clone, Copy)]
struct HandIn {
    at: Time,
    worked_s: f64,
    worker: u32,
    /// The part of the window that it falls into.
    part: u32,
}

/// The hand-ins of a stretch of time, in order.
struct Window {
    /// The first `ready` are all that happens before `end`; others wait for the next window.
    hand_ins: Vec<HandIn>,
    ready: usize,
    /// How many of those are entered.
    entered: usize,
    end: Time,
    /// How long the next window is to be, s.
    length_s: f64,
    /// Hand-ins that make a good window.
    wanted: usize,
    /// Hand-ins as they are written down.
    unordered: Vec<HandIn>,
    /// How many fall into each equal part of the window; then where the next of each belongs.
    parts: Vec<u32>,
}

/// Fewest hand-ins of a good window: it takes a pass over all its parts.
const FEWEST: usize = 2048;

/// More hand-ins in one part of a window than this are not left to insertion, whose time grows with their square.
const CROWD: u32 = 32;

impl Window {
    fn new(workers: u32, mean_step_s: f64, fewest: usize) -> Window {
        // It takes a pass over all workers, too: a quarter of them should have something to hand in.
        let wanted = fewest.max(workers as usize / 4);
        Window {
            hand_ins: Vec::new(),
            ready: 0,
            entered: 0,
            end: Time::ZERO,
            length_s: wanted as f64 * mean_step_s / f64::from(workers),
            wanted,
            unordered: Vec::new(),
            parts: vec![0; wanted],
        }
    }

    /// Moves on to the next window, which may be empty.
    #[inline(always)]
    fn advance(&mut self, workers: &mut [Worker], draws: &Draws, ahead: &mut Ahead) {
        let (from, end) = (self.end, self.end.after(self.length_s));
        let (scale, last) = (self.wanted as f64 / self.length_s, self.wanted as f64 - 1.0);
        let part = |at: Time| {
            // A whole number as the low bits of the float 2^52 + it: one addition, and none of the checks of `as`.
            const TWO_52: f64 = 4_503_599_627_370_496.0;
            let part = at.since(from) * scale;
            ((if part < last { part } else { last }) + TWO_52).to_bits() as u32
        };
        self.parts.fill(0);
        self.unordered.clear();
        for &left in &self.hand_ins[self.ready..] {
            let left = HandIn { part: part(left.at), ..left };
            self.parts[left.part as usize] += 1;
            self.unordered.push(left);
        }
        let left = self.unordered.len();
        let (parts, unordered) = (&mut self.parts[..], &mut self.unordered);
        let most = 4 * self.wanted + left;
        let mut reached = end;
        for (number, worker) in (0..).zip(workers) {
            while worker.at < end {
                let part = part(worker.at);
                parts[part as usize] += 1;
                unordered.push(HandIn { at: worker.at, worked_s: worker.worked_s, worker: number, part });
                worker.go_on(number, draws, ahead);
                // Where all are busy at once the window ends sooner, so that memory does not depend on the law.
                if unordered.len() > most {
                    reached = reached.min(worker.at);
                    break;
                }
            }
        }
        self.order(left > 0);
        self.end = reached;
        self.ready = self.hand_ins.partition_point(|hand_in| hand_in.at < reached);
        self.entered = 0;
        let found = self.hand_ins.len() - left;
        self.length_s *= (self.wanted as f64 / found as f64).clamp(0.5, 2.0);
    }

    /// Puts what is written down in order of time, and of workers where times are equal.
    #[inline(always)]
    fn order(&mut self, mixed: bool) {
        let (mut place, mut largest) = (0, 0);
        for part in &mut self.parts {
            largest = largest.max(*part);
            place += std::mem::replace(part, place);
        }
        let nobody = HandIn { at: Time::END, worked_s: 0.0, worker: 0, part: 0 };
        self.hand_ins.resize(self.unordered.len(), nobody);
        let (hand_ins, parts) = (&mut self.hand_ins[..], &mut self.parts[..]);
        for &hand_in in &self.unordered {
            let place = &mut parts[hand_in.part as usize];
            hand_ins[*place as usize] = hand_in;
            *place += 1;
        }
        if mixed || largest > CROWD {
            hand_ins.sort_by_key(|hand_in| (hand_in.at, hand_in.worker));
            return;
        }
        // Within a part they are in order of workers, and equals stay so.
        let mut latest = Time::ZERO;
        for i in 0..hand_ins.len() {
            let hand_in = hand_ins[i];
            if hand_in.at >= latest {
                latest = hand_in.at;
                continue;
            }
            let mut place = i;
            while place > 0 && hand_in.at < hand_ins[place - 1].at {
                hand_ins[place] = hand_ins[place - 1];
                place -= 1;
            }
            hand_ins[place] = hand_in;
        }
    }
}

/// What becomes of hand-ins.
struct Server {
    quorum: u64,
    version: u64,
    /// How many have handed in since the last update.
    gathered: u64,
    /// Updates that the parameters had seen when each worker read them.
    base_versions: Vec<u64>,
    /// Sum of the staleness of all hand-ins.
    closed: u64,
    tally: Tally,
}

impl Server {
    /// Takes no more than [`BATCH`] hand-ins.
    #[inline(always)]
    fn take(&mut self, hand_ins: &[HandIn]) {
        let (mut staleness, mut updates) = ([0; BATCH], [Time::ZERO; BATCH]);
        let (staleness, mut made) = (&mut staleness[..hand_ins.len()], 0);
        let (base_versions, mut version, mut gathered) = (&mut self.base_versions[..], self.version, self.gathered);
        for (&HandIn { at, worked_s, worker, .. }, staleness) in hand_ins.iter().zip(&mut *staleness) {
            let base_version = &mut base_versions[worker as usize];
            *staleness = version - *base_version;
            gathered += 1;
            if gathered == self.quorum {
                gathered = 0;
                version += 1;
                updates[made] = at;
                made += 1;
            }
            *base_version = version;
            self.tally.finished(worker, worked_s);
            self.tally.started(at, worker);
        }
        (self.version, self.gathered) = (version, gathered);
        self.closed += staleness.iter().sum::<u64>();
        self.tally.applied(staleness, 1);
        self.tally.updated_at(&updates[..made]);
        if let Some(last) = hand_ins.last() {
            self.tally.pass(last.at);
        }
    }
}

impl Superposition {
    /// Everybody starts; `None` if anybody may have to wait.
    pub(crate) fn new(rule: Rule, fleet: &Fleet, draws: Draws, width: Width) -> Option<Superposition> {
        let carries_on = rule.rest == Rest::CarriesOn && rule.finisher == Finisher::StartsAnew { lead: None };
        if !carries_on || rule.steps != 1 || !fleet.is_plain(rule) {
            return None;
        }
        let unborn = Worker { at: Time::ZERO, worked_s: 0.0, serial: u64::MAX };
        let (mut workers, mut ahead) = (vec![unborn; rule.workers as usize], Ahead::new(rule));
        let mut tally = Tally::new(rule.workers);
        for (number, worker) in (0..).zip(&mut workers) {
            worker.go_on(number, &draws, &mut ahead);
            tally.started(Time::ZERO, number);
        }
        let server = Server {
            quorum: u64::from(rule.quorum),
            version: 0,
            gathered: 0,
            base_versions: vec![0; rule.workers as usize],
            closed: 0,
            tally,
        };
        let window = Window::new(rule.workers, fleet.mean_step(0), FEWEST);
        Some(Superposition { workers, draws, ahead, window, server, width })
    }
}

/// Many hand-ins, compiled for every width: so is all that is called.
struct HandIns<'a> {
    all: &'a mut Superposition,
    updates: u64,
    most: u64,
}

impl Kernel for HandIns<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Superposition { workers, draws, ahead, window, server, .. } = self.all;
        let mut turns = self.most.min((self.updates - server.version).saturating_mul(server.quorum) - server.gathered);
        while turns > 0 {
            if window.entered == window.ready {
                window.advance(workers, draws, ahead);
            }
            let next = &window.hand_ins[window.entered..window.ready];
            let next = &next[..next.len().min(BATCH).min(turns as usize)];
            server.take(next);
            window.entered += next.len();
            turns -= next.len() as u64;
        }
    }
}

impl Engine for Superposition {
    fn run(&mut self, updates: u64, most: u64) -> Option<()> {
        let width = self.width;
        width.run(HandIns { all: self, updates, most });
        Some(())
    }

    fn updates(&self) -> u64 {
        self.server.version
    }

    fn tally(&mut self) -> &mut Tally {
        &mut self.server.tally
    }

    fn into_tally(self) -> Tally {
        self.server.tally
    }

    fn sides(&self) -> (u128, u128) {
        let Server { version, closed, base_versions, .. } = &self.server;
        // Whoever makes an update has just handed in; all others are at work, or have been since their last hand-in.
        let added = u128::from(*version) * (base_versions.len() as u128 - 1);
        let open = base_versions.iter().map(|base_version| version - base_version).sum::<u64>();
        (added, u128::from(closed + open))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Luck;

    /// The instants of the first updates, through windows of so many hand-ins.
    fn updates(law: &str, workers: u32, fewest: usize) -> String {
        let rule = Rule { quorum: 3, ..crate::policy::Policy::Async.rule(workers).unwrap() };
        let fleet = Fleet { speeds: vec![1.0, 7.0, 0.25], ..Fleet::new(law.parse().unwrap()) };
        let draws = Draws::new(&fleet, Luck::new(1, 0));
        let mut all = Superposition::new(rule, &fleet, draws, Width::Base).unwrap();
        all.window = Window::new(workers, fleet.mean_step(0), fewest);
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
