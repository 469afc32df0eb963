//! Queueing stations on a task's route: processor sharing (PS), or first come first served (FCFS) with c servers.
//!
//! Workers that share cores, and messages that share a link, are the same thing. Kernels cut time into slices of some
//! milliseconds: longer steps share the cores equally; shorter ones run to their end before the next is let in. The work done
//! is the same, the order is not.

mod equal;
mod queued;

use crate::cluster::spec::Sharing;
use crate::cluster::time::Time;
use equal::Equal;
use queued::Queued;

/// A station that its customers share.
#[derive(Clone, Debug)]
pub(crate) enum Station {
    Equal(Equal),
    Queued(Queued),
}

/// Both of them can do the same.
macro_rules! whichever {
    ($station:expr, $one:ident => $result:expr) => {
        match $station {
            Station::Equal($one) => $result,
            Station::Queued($one) => $result,
        }
    };
}

impl Station {
    /// A station of `servers` servers: cores of these speeds, repeated over them, or links. With several at work, each is
    /// slowed down as `contention` says: by its n-th factor if n are at work, by its last if more are.
    pub(crate) fn new(sharing: Sharing, servers: u32, speeds: &[f64], contention: &[f64], sharers: u32) -> Station {
        match sharing {
            Sharing::Equally => Station::Equal(Equal::new(servers, contention, sharers)),
            Sharing::FirstCome => Station::Queued(Queued::new(servers, speeds, contention, sharers)),
        }
    }

    /// How far the sharing has been worked out.
    pub(crate) fn now(&self) -> Time {
        whichever!(self, one => one.now())
    }

    /// A worker begins `compute_s` seconds of computing.
    pub(crate) fn join(&mut self, at: Time, worker: u32, compute_s: f64) {
        whichever!(self, one => one.join(at, worker, compute_s))
    }

    /// The server begins `compute_s` seconds of computing: where cores are queued for, it need not queue.
    pub(crate) fn join_at_once(&mut self, at: Time, server: u32, compute_s: f64) {
        match self {
            Station::Equal(equal) => equal.join(at, server, compute_s),
            Station::Queued(queued) => queued.interrupt(at, server, compute_s),
        }
    }

    /// Seconds of service that a worker who is being served still needs.
    pub(crate) fn remaining_s(&self, at: Time, worker: u32) -> f64 {
        whichever!(self, one => one.remaining_s(at, worker))
    }

    /// A worker who is being served needs only so many seconds more.
    pub(crate) fn set_remaining(&mut self, at: Time, worker: u32, seconds: f64) {
        whichever!(self, one => one.set_remaining(at, worker, seconds))
    }

    /// A worker whose service has just ended goes on with more, and keeps its server.
    pub(crate) fn resume(&mut self, at: Time, worker: u32, seconds: f64) {
        match self {
            Station::Equal(equal) => equal.join(at, worker, seconds),
            Station::Queued(queued) => queued.resume(worker, seconds),
        }
    }

    /// A worker gives up computing, if it was computing.
    pub(crate) fn leave(&mut self, at: Time, worker: u32) {
        whichever!(self, one => one.leave(at, worker))
    }

    /// Since when a worker has had a core or its share of one, if it need not have had it when it joined.
    pub(crate) fn had_core_since(&self, worker: u32) -> Option<Time> {
        match self {
            Station::Equal(_) => None,
            Station::Queued(queued) => Some(queued.had_core_since(worker)),
        }
    }

    /// Whether a worker is computing: waiting for a core is not.
    pub(crate) fn holds(&self, worker: u32) -> bool {
        whichever!(self, one => one.holds(worker))
    }

    /// Whose computing ends first, and when, if that is by `until` and nobody joins or leaves before.
    pub(crate) fn first(&mut self, until: Time) -> Option<(Time, u32)> {
        let first = match self {
            Station::Equal(equal) => equal.first(),
            Station::Queued(queued) => queued.first(until),
        };
        first.filter(|&(at, _)| at <= until)
    }

    /// The first, who was just asked for, ends.
    #[inline]
    pub(crate) fn finish(&mut self, at: Time) {
        whichever!(self, one => one.finish(at))
    }
}

/// Gives a core to each worker of `places`, of whom there are at most as many as free cores. On entry each stands with the
/// core that it had last, afterwards with the one that it gets: its last one if that is free, as its caches are warm there;
/// of the others, the first gets the core that became free last.
///
/// ```
/// use straggle_sim::cluster::des::assign;
/// let (mut free, mut places) = (vec!['a', 'b', 'c'], [(7, Some('b')), (8, Some('b')), (9, None)]);
/// assign(&mut free, &mut places);
/// assert_eq!((free, places), (vec![], [(7, Some('b')), (8, Some('c')), (9, Some('a'))]));
/// ```
pub fn assign<W, C: Copy + PartialEq>(free: &mut Vec<C>, places: &mut [(W, Option<C>)]) {
    for (_, core) in &mut *places {
        let at = core.and_then(|last| free.iter().position(|&one| one == last));
        *core = at.map(|at| free.remove(at));
    }
    for (_, core) in places.iter_mut().filter(|(_, core)| core.is_none()) {
        *core = free.pop();
    }
}

#[cfg(test)]
mod tests;
