//! A task on its route: from part to part, to the next station at which one waits for others, or to the server.

use crate::cluster::des::Simulated;
use crate::cluster::des::station::Station;
use crate::cluster::time::Time;
use crate::cluster::variates::Part;
use crate::learn::Learner;
use crate::policy::Task;

/// A part of the route.
pub(super) struct Leg {
    pub(super) part: Part,
    /// Where one may have to wait for others; otherwise time just passes.
    pub(super) station: Option<Station>,
}

/// What each part of the route took, as far as it is known, s.
#[derive(Clone, Copy, Default)]
pub(super) struct Taken {
    pub(super) down_s: f64,
    /// Waiting for a core.
    pub(super) core_s: f64,
    pub(super) compute_s: f64,
    pub(super) delay_s: f64,
    pub(super) up_s: f64,
}

impl Taken {
    fn by(&mut self, part: Part) -> &mut f64 {
        match part {
            Part::Down(_) => &mut self.down_s,
            Part::Compute => &mut self.compute_s,
            Part::Delay => &mut self.delay_s,
            Part::Up(_) => &mut self.up_s,
        }
    }
}

/// Steps that are drawn at once, at most: a task may have any number of them.
const STEPS: u32 = 4096;

impl<L: Learner> Simulated<L> {
    /// The next task that reaches the server, if one does by `until`.
    #[inline(always)]
    pub(super) fn next_arrival(&mut self, until: Time) -> Option<(Time, u32)> {
        loop {
            if self.queues {
                match self.next_departure(until) {
                    Some((_, _, sharer)) if self.server == Some(sharer) => return None,
                    Some((at, leg, worker)) => {
                        self.depart(at, leg, worker);
                        continue;
                    }
                    None => {}
                }
            }
            let (at, worker) = self.pending.first().filter(|&(at, _)| at <= until)?;
            self.pending.pop();
            if usize::from(self.jobs[worker as usize].leg) == self.legs.len() {
                return Some((at, worker));
            }
            self.reach(at, worker);
        }
    }

    /// Who leaves a station next, by `until` and before anybody reaches another one, or the server.
    #[inline(never)]
    fn next_departure(&mut self, until: Time) -> Option<(Time, usize, u32)> {
        let arrival = self.pending.first().map(|(at, _)| at);
        let mut next: Option<(Time, usize, u32)> = None;
        for (i, leg) in self.legs.iter_mut().enumerate() {
            let Some(station) = &mut leg.station else { continue };
            // What arrives now comes before anybody gets a core that is free now: the server may want it.
            if arrival.is_some_and(|arrival| arrival <= station.now()) {
                continue;
            }
            if let Some((at, worker)) = station.first(until)
                && next.is_none_or(|(earliest, _, _)| at < earliest)
            {
                next = Some((at, i, worker));
            }
        }
        let (at, leg, _) = next.filter(|&(at, _, _)| arrival.is_none_or(|arrival| arrival >= at))?;
        self.legs[leg].station.as_mut()?.finish(at);
        next
    }

    /// A worker has been served at a station.
    #[inline(never)]
    fn depart(&mut self, at: Time, leg: usize, worker: u32) {
        let job = &mut self.jobs[worker as usize];
        let entered = job.entered;
        match self.legs[leg].part {
            part @ (Part::Down(_) | Part::Delay | Part::Up(_)) => *job.taken.by(part) += at.since(entered),
            Part::Compute if std::mem::take(&mut job.waits) => return self.begin(at, worker, true),
            Part::Compute if job.drawn < job.task.steps => {
                let before_s = job.need_s;
                self.draw_steps(worker);
                let more_s = self.jobs[worker as usize].need_s - before_s;
                return self.cores_mut().expect("they have served it").resume(at, worker, more_s);
            }
            Part::Compute => {
                let core_since = self.cores().and_then(|cores| cores.had_core_since(worker)).unwrap_or(entered);
                let job = &mut self.jobs[worker as usize];
                (job.taken.core_s, job.taken.compute_s) = (core_since.since(entered), at.since(core_since));
                job.free = at;
            }
        }
        self.travel(at, worker, leg + 1, true);
    }

    /// A worker's pending event is not at the server: it comes to a station, or has computed the steps that were drawn.
    #[inline(never)]
    fn reach(&mut self, at: Time, worker: u32) {
        let job = &self.jobs[worker as usize];
        let leg = usize::from(job.leg);
        if self.legs[leg].station.is_some() {
            self.travel(at, worker, leg, true);
        } else if let Some(end) = self.compute(worker) {
            self.travel(end, worker, leg + 1, false);
        }
    }

    /// A worker begins with its task.
    #[inline]
    pub(super) fn begin(&mut self, at: Time, worker: u32, present: bool) {
        let job = &mut self.jobs[worker as usize];
        job.began = at;
        (job.drawn, job.need_s, job.taken) = (0, 0.0, Taken::default());
        self.travel(at, worker, 0, present);
    }

    /// A worker goes along its route from the beginning of a leg to the next station, or to the server; `present` says whether
    /// it is there now, and not later.
    #[inline]
    pub(super) fn travel(&mut self, mut at: Time, worker: u32, from: usize, mut present: bool) {
        for leg in from..self.legs.len() {
            if self.legs[leg].station.is_some() {
                let job = &mut self.jobs[worker as usize];
                job.leg = leg as u8;
                return match present {
                    true => self.enter(at, worker, leg),
                    false => self.pending.set(worker, Some(at)),
                };
            }
            let job = &mut self.jobs[worker as usize];
            at = match self.legs[leg].part {
                Part::Compute => {
                    job.entered = at;
                    let Some(end) = self.compute(worker) else { return };
                    end
                }
                part => {
                    let seconds = self.draws.part_s(part, worker, job.task.serial);
                    *job.taken.by(part) += seconds;
                    at.after(seconds)
                }
            };
            present = false;
        }
        self.jobs[worker as usize].leg = self.legs.len() as u8;
        self.pending.set(worker, Some(at));
    }

    /// A worker computes on a core of its own: the next steps that can be drawn at once. When it ends, if these are all.
    #[inline(always)]
    fn compute(&mut self, worker: u32) -> Option<Time> {
        self.draw_steps(worker);
        let job = &mut self.jobs[worker as usize];
        job.taken.compute_s = job.need_s;
        let end = job.entered.after(job.need_s);
        job.free = end;
        if job.drawn < job.task.steps {
            job.leg = self.computing as u8;
            self.pending.set(worker, Some(end));
            return None;
        }
        Some(end)
    }

    /// Draws the computing of the next steps of a worker's task.
    #[inline(always)]
    fn draw_steps(&mut self, worker: u32) {
        let job = &mut self.jobs[worker as usize];
        if job.task.steps > 1 || job.task.serial == 0 {
            return self.draw_many_steps(worker);
        }
        (job.need_s, job.drawn) = (self.draws.compute_s(worker, job.task.first_step), 1);
    }

    #[inline(never)]
    fn draw_many_steps(&mut self, worker: u32) {
        let job = &mut self.jobs[worker as usize];
        let Task { steps, first_step, .. } = job.task;
        if let Some(rest_s) = self.draws.begun_compute_s(&job.task) {
            (job.need_s, job.drawn) = (rest_s, steps);
            return;
        }
        // As many as were drawn before, and 16 at first: a task without an end is interrupted soon enough.
        let last = job.drawn.saturating_add(job.drawn.clamp(16, STEPS)).min(steps);
        for step in job.drawn..last {
            job.need_s += self.draws.compute_s(worker, first_step + u64::from(step));
        }
        job.drawn = last;
    }

    /// A worker comes to a station at which others may be.
    fn enter(&mut self, at: Time, worker: u32, leg: usize) {
        self.jobs[worker as usize].entered = at;
        let serial = self.jobs[worker as usize].task.serial;
        let seconds = match self.legs[leg].part {
            Part::Compute => {
                self.draw_steps(worker);
                self.jobs[worker as usize].need_s
            }
            part => self.draws.part_s(part, worker, serial),
        };
        let station = self.legs[leg].station.as_mut().expect("a leg with a station");
        station.join(at, worker, seconds);
    }
}
