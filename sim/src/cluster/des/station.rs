//! Queueing stations on a task's route: processor sharing (PS), or first come first served (FCFS) with c servers.
//!
//! Workers that share cores, and messages that share a link, are the same thing. Kernels cut time into slices of some
//! milliseconds: longer steps share the cores equally; shorter ones run to their end before the next is let in. The work done
//! is the same, the order is not.

use crate::cluster::des::queue::Queue;
use crate::cluster::spec::Sharing;
use crate::cluster::time::Time;
use std::collections::VecDeque;

/// A station that its customers share.
#[derive(Clone, Debug)]
pub(crate) enum Station {
    Equal(Equal),
    Queued(Queued),
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
        match self {
            Station::Equal(equal) => equal.now,
            Station::Queued(queued) => queued.now,
        }
    }

    /// A worker begins `compute_s` seconds of computing.
    pub(crate) fn join(&mut self, at: Time, worker: u32, compute_s: f64) {
        match self {
            Station::Equal(equal) => equal.join(at, worker, compute_s),
            Station::Queued(queued) => queued.join(at, worker, compute_s),
        }
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
        match self {
            Station::Equal(equal) => equal.remaining_s(at, worker),
            Station::Queued(queued) => queued.remaining_s(at, worker),
        }
    }

    /// A worker who is being served needs only so many seconds more.
    pub(crate) fn set_remaining(&mut self, at: Time, worker: u32, seconds: f64) {
        match self {
            Station::Equal(equal) => {
                equal.move_to(at);
                equal.ends.set(worker, Some(equal.given.after(seconds)));
            }
            Station::Queued(queued) => {
                queued.move_to(at);
                let place = queued.places[worker as usize];
                let end = queued.given_at(at).after(seconds * queued.slowness_at(place));
                queued.ends.set(place, Some(end));
            }
        }
    }

    /// A worker whose service has just ended goes on with more, and keeps its server.
    pub(crate) fn resume(&mut self, at: Time, worker: u32, seconds: f64) {
        match self {
            Station::Equal(equal) => equal.join(at, worker, seconds),
            Station::Queued(queued) => {
                let server = queued.free.pop().expect("its own has just become free");
                let began = queued.began[worker as usize];
                queued.begin(server, worker, seconds * queued.slowness[server as usize]);
                queued.began[worker as usize] = began;
            }
        }
    }

    /// A worker gives up computing, if it was computing.
    pub(crate) fn leave(&mut self, at: Time, worker: u32) {
        match self {
            Station::Equal(equal) => equal.leave(at, worker),
            Station::Queued(queued) => queued.leave(at, worker),
        }
    }

    /// Since when a worker has had a core or its share of one, if it need not have had it when it joined.
    pub(crate) fn had_core_since(&self, worker: u32) -> Option<Time> {
        match self {
            Station::Equal(_) => None,
            Station::Queued(queued) => Some(queued.began[worker as usize]),
        }
    }

    /// Whether a worker is computing: waiting for a core is not.
    pub(crate) fn holds(&self, worker: u32) -> bool {
        match self {
            Station::Equal(equal) => equal.ends.get(worker).is_some(),
            Station::Queued(queued) => queued.holds(worker),
        }
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
        match self {
            Station::Equal(equal) => equal.finish(at),
            Station::Queued(queued) => queued.finish(at),
        }
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

/// First come first served, to the end; a worker keeps the core that it had last if that is free.
///
/// A core that becomes free goes to the next in the queue only when time passes: at that very moment the server may still
/// take it, to work on what has just been submitted. Which core a worker gets, [`assign`] says. Who ends at
/// the same instant does so in order of the cores, not of the workers: the next in the queue takes the place of the one
/// before, and one path of the tournament is replayed for both.
#[derive(Clone, Debug)]
pub(crate) struct Queued {
    /// Cores that nobody has.
    free: Vec<u32>,
    /// Seconds that a second of computing takes on each core.
    slowness: Vec<f64>,
    /// Where each sharer computes or did so last: on a core, or on no core of its own, one place after them all.
    places: Vec<u32>,
    /// Who computes there.
    sharers: Vec<u32>,
    /// When each sharer had its core.
    began: Vec<Time>,
    /// How much slower everybody is with 1, 2, 3, ... at work; empty if they do not slow each other down.
    contention: Vec<f64>,
    /// How many are at work.
    present: u32,
    now: Time,
    /// Seconds of computing given to a core that was busy all along: the time itself without contention.
    given: Time,
    /// The value of `given` at which the computing at each place ends.
    ends: Queue,
    /// Those who have no core yet, and how much they want to compute, s.
    waiting: VecDeque<(u32, f64)>,
    /// Those who are let in together.
    entering: Vec<(u32, Option<u32>)>,
}

/// Where sharers are that have not computed yet.
const NOWHERE: u32 = u32::MAX;

impl Queued {
    fn new(cores: u32, speeds: &[f64], contention: &[f64], sharers: u32) -> Queued {
        Queued {
            free: (0..cores).collect(),
            slowness: speeds.iter().cycle().take(cores as usize).map(|speed| 1.0 / speed).collect(),
            places: vec![NOWHERE; sharers as usize],
            sharers: vec![0; cores as usize + 1],
            began: vec![Time::ZERO; sharers as usize],
            contention: contention.to_vec(),
            present: 0,
            now: Time::ZERO,
            given: Time::ZERO,
            ends: Queue::new(cores + 1),
            waiting: VecDeque::new(),
            entering: Vec::new(),
        }
    }

    /// Computes at a place from now on.
    #[inline]
    fn begin(&mut self, place: u32, sharer: u32, seconds: f64) {
        self.places[sharer as usize] = place;
        self.sharers[place as usize] = sharer;
        self.began[sharer as usize] = self.now;
        self.ends.set(place, Some(self.given.after(seconds)));
        self.present += 1;
    }

    /// Seconds that a second of computing takes now.
    fn stretch(&self) -> f64 {
        let last = self.contention.last().copied().unwrap_or(1.0);
        self.contention.get((self.present as usize).saturating_sub(1)).copied().unwrap_or(last)
    }

    /// What `given` will be at a time before which nobody comes or goes.
    #[inline]
    fn given_at(&self, at: Time) -> Time {
        match self.contention.is_empty() {
            true => at,
            false => self.given.after(at.since(self.now) / self.stretch()),
        }
    }

    fn slowness_at(&self, place: u32) -> f64 {
        self.slowness.get(place as usize).copied().unwrap_or(1.0)
    }

    fn remaining_s(&self, at: Time, sharer: u32) -> f64 {
        let place = self.places[sharer as usize];
        let given = self.given_at(at);
        self.ends.get(place).map_or(0.0, |end| (end.since(given) / self.slowness_at(place)).max(0.0))
    }

    fn holds(&self, sharer: u32) -> bool {
        let place = self.places[sharer as usize];
        self.sharers.get(place as usize) == Some(&sharer) && self.ends.get(place).is_some()
    }

    fn move_to(&mut self, at: Time) {
        if at > self.now {
            self.fill();
            self.given = self.given_at(at);
            self.now = at;
        }
    }

    #[inline]
    fn join(&mut self, at: Time, worker: u32, compute_s: f64) {
        self.move_to(at);
        self.waiting.push_back((worker, compute_s));
    }

    /// Computes at once; if no core is free, on that of the worker who would end next, and who ends later for it.
    fn interrupt(&mut self, at: Time, server: u32, compute_s: f64) {
        self.move_to(at);
        if let Some(core) = self.free.pop() {
            self.begin(core, server, compute_s * self.slowness[core as usize]);
        } else if let Some((end, core)) = self.ends.first() {
            let seconds = compute_s * self.slowness[core as usize];
            self.begin(self.slowness.len() as u32, server, seconds);
            let given = self.given_at(at);
            self.ends.set(core, Some(end.after(given.after(seconds).since(given))));
        }
    }

    fn leave(&mut self, at: Time, worker: u32) {
        if self.holds(worker) {
            self.move_to(at);
            let place = self.places[worker as usize];
            self.ends.set(place, None);
            self.present -= 1;
            self.leave_place(place);
        } else {
            self.waiting.retain(|&(other, _)| other != worker);
        }
    }

    #[inline]
    fn leave_place(&mut self, place: u32) {
        if (place as usize) < self.slowness.len() {
            self.free.push(place);
        }
    }

    #[inline]
    fn finish(&mut self, at: Time) {
        if let Some((end, place)) = self.ends.pop() {
            self.given = if self.contention.is_empty() { at } else { self.given.max(end) };
            self.present -= 1;
            self.leave_place(place);
        }
        self.now = at;
    }

    fn first(&mut self, until: Time) -> Option<(Time, u32)> {
        if until > self.now {
            self.fill();
        }
        let (end, place) = self.ends.first()?;
        let at = match self.contention.is_empty() {
            true => end,
            // Rounding may leave the counter a hair beyond the end.
            false => self.now.after(end.since(self.given).max(0.0) * self.stretch()),
        };
        Some((at, self.sharers[place as usize]))
    }

    /// Lets the next ones in.
    fn fill(&mut self) {
        let count = self.free.len().min(self.waiting.len());
        let mut entering = std::mem::take(&mut self.entering);
        entering.clear();
        entering
            .extend(self.waiting.iter().take(count).map(|&(worker, _)| (worker, Some(self.places[worker as usize]))));
        assign(&mut self.free, &mut entering);
        for &(worker, core) in &entering {
            if let (Some(core), Some((_, compute_s))) = (core, self.waiting.pop_front()) {
                self.begin(core, worker, compute_s * self.slowness[core as usize]);
            }
        }
        self.entering = entering;
    }
}

/// Processor sharing in virtual service time.
///
/// With n tasks computing on c < n cores, each gets c/n of a core. Instead of n remaining times that change with every
/// arrival, one counter grows: the computing that everybody present has been given. A task ends when the counter reaches
/// what it was on its arrival plus the task's own computing, so an event costs O(log m), however many are present.
#[derive(Clone, Debug)]
pub(crate) struct Equal {
    cores: f64,
    /// How much slower everybody is with 1, 2, 3, ... at work.
    contention: Vec<f64>,
    now: Time,
    /// Seconds of computing given to everybody who was present all along.
    given: Time,
    present: u32,
    /// The value of `given` at which each worker's computing ends.
    ends: Queue,
}

impl Equal {
    fn new(cores: u32, contention: &[f64], sharers: u32) -> Equal {
        Equal {
            cores: f64::from(cores),
            contention: contention.to_vec(),
            now: Time::ZERO,
            given: Time::ZERO,
            present: 0,
            ends: Queue::new(sharers),
        }
    }

    /// Seconds that a second of computing takes now.
    fn stretch(&self) -> f64 {
        let shared = (f64::from(self.present) / self.cores).max(1.0);
        match self.contention.last() {
            None => shared,
            Some(last) => shared * self.contention.get((self.present as usize).saturating_sub(1)).unwrap_or(last),
        }
    }

    fn remaining_s(&self, at: Time, worker: u32) -> f64 {
        let given = self.given.after(at.since(self.now) / self.stretch());
        self.ends.get(worker).map_or(0.0, |end| end.since(given).max(0.0))
    }

    fn move_to(&mut self, at: Time) {
        self.given = self.given.after(at.since(self.now) / self.stretch());
        self.now = at;
    }

    fn join(&mut self, at: Time, worker: u32, compute_s: f64) {
        self.move_to(at);
        self.ends.set(worker, Some(self.given.after(compute_s)));
        self.present += 1;
    }

    fn leave(&mut self, at: Time, worker: u32) {
        if self.ends.get(worker).is_some() {
            self.move_to(at);
            self.ends.set(worker, None);
            self.present -= 1;
        }
    }

    fn first(&mut self) -> Option<(Time, u32)> {
        let (end, worker) = self.ends.first()?;
        // Rounding may leave the counter a hair beyond the end.
        let left = end.since(self.given).max(0.0);
        Some((self.now.after(left * self.stretch()), worker))
    }

    #[inline]
    fn finish(&mut self, at: Time) {
        if let Some((end, _)) = self.ends.pop() {
            self.given = self.given.max(end);
            self.now = at;
            self.present -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs tasks (arrival, computing) to their ends.
    fn ends(sharing: Sharing, cores: u32, tasks: &[(f64, f64)]) -> Vec<f64> {
        ends_under(&[], sharing, cores, tasks)
    }

    /// The same where those at work slow each other down.
    fn ends_under(contention: &[f64], sharing: Sharing, cores: u32, tasks: &[(f64, f64)]) -> Vec<f64> {
        let mut sharing = Station::new(sharing, cores, &[1.0], contention, tasks.len() as u32);
        let mut ends = vec![0.0; tasks.len()];
        let mut arrivals = tasks.iter().enumerate().peekable();
        loop {
            let arrival = arrivals.peek().map(|(_, task)| Time::at(task.0).unwrap());
            match (sharing.first(Time::END), arrival) {
                (Some((at, worker)), next) if next.is_none_or(|next| at <= next) => {
                    sharing.finish(at);
                    ends[worker as usize] = at.seconds();
                }
                (_, Some(at)) => {
                    let (worker, task) = arrivals.next().unwrap();
                    sharing.join(at, worker as u32, task.1);
                }
                (None, None) => return ends,
                (Some(_), None) => unreachable!("the first arm takes these"),
            }
        }
    }

    #[test]
    fn equal_sharing_can_be_followed_by_hand() {
        let ends = |cores, tasks: &[(f64, f64)]| ends(Sharing::Equally, cores, tasks);
        // Two tasks of 1 s and 2 s on one core: half speed each until 2 s, then the longer one has 1 s left.
        assert_eq!(ends(1, &[(0.0, 1.0), (0.0, 2.0)]), [2.0, 3.0]);
        // As many cores as tasks: nobody waits.
        assert_eq!(ends(2, &[(0.0, 1.0), (0.0, 2.0)]), [1.0, 2.0]);
        // The second comes when the first has 1 s left; both have it done at 1 + 2; the third of the second's seconds is alone.
        assert_eq!(ends(1, &[(0.0, 2.0), (1.0, 2.0)]), [3.0, 4.0]);
        // Three on two cores: each gets 2/3 of a core until 1.5 s, then the two that are left have a core each.
        assert_eq!(ends(2, &[(0.0, 1.0), (0.0, 2.0), (0.0, 3.0)]), [1.5, 2.5, 3.5]);
    }

    #[test]
    fn queueing_can_be_followed_by_hand() {
        let ends = |cores, tasks: &[(f64, f64)]| ends(Sharing::FirstCome, cores, tasks);
        assert_eq!(ends(1, &[(0.0, 1.0), (0.0, 2.0)]), [1.0, 3.0]);
        assert_eq!(ends(2, &[(0.0, 1.0), (0.0, 2.0)]), [1.0, 2.0]);
        assert_eq!(ends(1, &[(0.0, 2.0), (1.0, 2.0), (1.5, 1.0)]), [2.0, 4.0, 5.0]);
        // Three on two cores: the third gets the first core that is free, at 1 s.
        assert_eq!(ends(2, &[(0.0, 1.0), (0.0, 2.0), (0.0, 3.0)]), [1.0, 2.0, 4.0]);
    }

    #[test]
    fn cores_that_are_busy_at_once_slow_each_other_down() {
        let ends = |sharing, tasks: &[(f64, f64)]| ends_under(&[1.0, 1.5], sharing, 2, tasks);
        // Both are done with 1 s at 1.5 s; what is left of the longer one is done at full speed.
        for sharing in [Sharing::Equally, Sharing::FirstCome] {
            assert_eq!(ends(sharing, &[(0.0, 1.0), (0.0, 2.0)]), [1.5, 2.5]);
            // Half of the first is done when the second comes: the other half takes 0.75 s, in which the second has half.
            assert_eq!(ends(sharing, &[(0.0, 1.0), (0.5, 1.0)]), [1.25, 1.75]);
        }
        // The third gets a core at 1.5 s, and the second, of which half is left, needs 1.5 s with it, the third 0.5 s more.
        assert_eq!(ends(Sharing::FirstCome, &[(0.0, 1.0), (0.0, 2.0), (0.0, 1.5)]), [1.5, 3.0, 3.5]);
    }

    #[test]
    fn a_slow_core_takes_longer() {
        let at = |seconds| Time::at(seconds).unwrap();
        let mut cores = Station::new(Sharing::FirstCome, 2, &[1.0, 0.5], &[], 3);
        (0..3).for_each(|worker| cores.join(Time::ZERO, worker, 1.0));
        // The last core is taken first; the third waits for the one that is free first, the fast one. Of two that end at the
        // same instant the one on the lower core is told first.
        for (end, worker) in [(1.0, 1), (2.0, 2), (2.0, 0)] {
            assert_eq!(cores.first(Time::END), Some((at(end), worker)));
            cores.finish(at(end));
        }
        assert_eq!(cores.first(Time::END), None);
    }

    #[test]
    fn an_interruption_takes_its_time_from_another() {
        let mut cores = Station::new(Sharing::FirstCome, 1, &[1.0], &[], 2);
        cores.join(Time::ZERO, 0, 1.0);
        cores.join_at_once(Time::at(0.5).unwrap(), 1, 0.25);
        assert_eq!(cores.first(Time::END), Some((Time::at(0.75).unwrap(), 1)));
        cores.finish(Time::at(0.75).unwrap());
        assert_eq!(cores.first(Time::END), Some((Time::at(1.25).unwrap(), 0)));
        cores.finish(Time::at(1.25).unwrap());
        cores.join(Time::at(2.0).unwrap(), 0, 1.0);
        assert_eq!(cores.first(Time::END), Some((Time::at(3.0).unwrap(), 0)), "the core is free again, once");
        assert!(!cores.holds(1));
    }
}
