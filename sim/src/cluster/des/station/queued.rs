//! First come first served, to the end; a worker keeps the core that it had last if that is free.
//!
//! A core that becomes free goes to the next in the queue only when time passes: at that very moment the server may still
//! take it, to work on what has just been submitted. Which core a worker gets, [`assign`] says. Who ends at
//! the same instant does so in order of the cores, not of the workers: the next in the queue takes the place of the one
//! before, and one path of the tournament is replayed for both.

use crate::cluster::des::queue::Queue;
use crate::cluster::des::station::assign;
use crate::cluster::time::Time;
use std::collections::VecDeque;

/// Cores for which workers queue.
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
    pub(super) fn new(cores: u32, speeds: &[f64], contention: &[f64], sharers: u32) -> Queued {
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

    pub(super) fn now(&self) -> Time {
        self.now
    }

    pub(super) fn had_core_since(&self, sharer: u32) -> Time {
        self.began[sharer as usize]
    }

    pub(super) fn remaining_s(&self, at: Time, sharer: u32) -> f64 {
        let place = self.places[sharer as usize];
        let given = self.given_at(at);
        self.ends.get(place).map_or(0.0, |end| (end.since(given) / self.slowness_at(place)).max(0.0))
    }

    pub(super) fn holds(&self, sharer: u32) -> bool {
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
    pub(super) fn join(&mut self, at: Time, worker: u32, compute_s: f64) {
        self.move_to(at);
        self.waiting.push_back((worker, compute_s));
    }

    pub(super) fn set_remaining(&mut self, at: Time, sharer: u32, seconds: f64) {
        self.move_to(at);
        let place = self.places[sharer as usize];
        let end = self.given_at(at).after(seconds * self.slowness_at(place));
        self.ends.set(place, Some(end));
    }

    /// Who has just become free goes on where it was.
    pub(super) fn resume(&mut self, sharer: u32, seconds: f64) {
        let core = self.free.pop().expect("its own has just become free");
        let began = self.began[sharer as usize];
        self.begin(core, sharer, seconds * self.slowness[core as usize]);
        self.began[sharer as usize] = began;
    }

    /// Computes at once; if no core is free, on that of the worker who would end next, and who ends later for it.
    pub(super) fn interrupt(&mut self, at: Time, server: u32, compute_s: f64) {
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

    pub(super) fn leave(&mut self, at: Time, worker: u32) {
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
    pub(super) fn finish(&mut self, at: Time) {
        if let Some((end, place)) = self.ends.pop() {
            self.given = if self.contention.is_empty() { at } else { self.given.max(end) };
            self.present -= 1;
            self.leave_place(place);
        }
        self.now = at;
    }

    pub(super) fn first(&mut self, until: Time) -> Option<(Time, u32)> {
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
