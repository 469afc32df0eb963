//! Stopping a task inside: which step it is at, and what it submits if it has to submit now.
//!
//! Steps have keys, so those of a task are drawn once more to find the one that is under way; nothing is kept for it.

use crate::cluster::Spent;
use crate::cluster::des::Simulated;
use crate::cluster::des::route::Taken;
use crate::cluster::spec::Cancellation;
use crate::cluster::time::Time;
use crate::learn::Learner;

/// The steps of a task after some seconds of its computing.
struct Done {
    /// Whole steps.
    steps: u32,
    /// Seconds of computing until the end of the one that is under way.
    through_next_s: f64,
}

impl<L: Learner> Simulated<L> {
    /// Which step a worker is at after `computed_s` seconds of computing on a core of its own.
    fn done(&self, worker: u32, computed_s: f64) -> Done {
        let task = &self.jobs[worker as usize].task;
        let (mut steps, mut through_s) = (0, 0.0);
        for step in 0..task.steps {
            through_s += self.draws.compute_s(worker, task.first_step + u64::from(step));
            if through_s > computed_s {
                break;
            }
            steps += 1;
        }
        Done { steps, through_next_s: through_s }
    }

    /// When a worker on a core of its own has computed its present step, or has ended what it did before.
    pub(super) fn end_of_step(&self, worker: u32) -> Time {
        let job = &self.jobs[worker as usize];
        let at = self.now;
        if at < job.entered.max(job.began) {
            return at.max(job.began);
        }
        match job.task.steps {
            1 => job.free,
            _ if at >= job.free => at,
            _ => job.entered.after(self.done(worker, at.since(job.entered)).through_next_s).max(at),
        }
    }

    /// A worker on shared cores computes no further than to the end of its present step.
    pub(super) fn end_with_this_step(&mut self, worker: u32) -> u32 {
        let at = self.now;
        let (need_s, left_s) = match self.cores() {
            Some(cores) => (self.jobs[worker as usize].need_s, cores.remaining_s(at, worker)),
            None => return 0,
        };
        if self.jobs[worker as usize].task.steps == 1 {
            return 1;
        }
        let Done { steps, through_next_s } = self.done(worker, need_s - left_s);
        if let Some(cores) = self.cores_mut() {
            cores.set_remaining(at, worker, (through_next_s - (need_s - left_s)).max(0.0));
        }
        steps + 1
    }

    /// A worker is to submit the steps that it has: those that are whole, or with the one that is under way where that cannot
    /// be stopped. What is on its way already arrives by itself.
    pub(super) fn submit_now(&mut self, worker: u32) {
        let (at, at_once) = (self.now, self.cancellation == Cancellation::AtOnce);
        let job = &self.jobs[worker as usize];
        let leg = usize::from(job.leg);
        let held = !job.waits && self.cores().is_some_and(|cores| cores.holds(worker));
        let before = job.waits || at < job.began || leg < self.computing || leg == self.computing && !held;
        if self.cores().is_none() {
            // Computing is a delay, and what follows may be under way in the queue of pending events.
            let computes = !before && at >= job.entered && at < job.free || leg == self.computing && at >= job.entered;
            let waits_to_compute = at < job.began || leg < self.computing || at < job.entered;
            if waits_to_compute {
                return self.submit_nothing(worker);
            }
            if computes {
                let done = self.done(worker, at.since(job.entered));
                let (steps, compute_s) = match at_once {
                    true => (done.steps, at.since(job.entered)),
                    false => (done.steps + 1, done.through_next_s),
                };
                return self.submit(worker, steps, compute_s);
            }
            return;
        }
        if before {
            self.submit_nothing(worker);
        } else if held && at_once {
            let left_s = self.cores().map_or(0.0, |cores| cores.remaining_s(at, worker));
            let steps = self.done(worker, job.need_s - left_s).steps;
            let core_since = self.cores().and_then(|cores| cores.had_core_since(worker)).unwrap_or(job.entered);
            let core_s = core_since.since(job.entered);
            if let Some(cores) = self.cores_mut() {
                cores.leave(at, worker);
            }
            self.jobs[worker as usize].taken.core_s = core_s;
            self.submit(worker, steps, at.since(core_since));
        } else if held {
            let steps = self.end_with_this_step(worker);
            let job = &mut self.jobs[worker as usize];
            (job.task.steps, job.drawn) = (steps, steps);
        }
    }

    /// A worker leaves computing, after so many seconds of it, with so many steps.
    fn submit(&mut self, worker: u32, steps: u32, compute_s: f64) {
        if steps == 0 {
            self.jobs[worker as usize].taken.compute_s = compute_s;
            return self.submit_nothing(worker);
        }
        let job = &mut self.jobs[worker as usize];
        (job.task.steps, job.drawn) = (steps, steps);
        job.taken = Taken { compute_s, delay_s: 0.0, up_s: 0.0, ..job.taken };
        let end = job.entered.after(job.taken.core_s).after(compute_s).max(self.now);
        job.free = end;
        self.pending.set(worker, None);
        self.travel(end, worker, self.computing + 1, end <= self.now);
    }

    /// A worker has no step to submit, and says so at once.
    fn submit_nothing(&mut self, worker: u32) {
        let (at, end) = (self.now, self.legs.len());
        let leg = usize::from(self.jobs[worker as usize].leg);
        if !self.jobs[worker as usize].waits
            && let Some(station) = self.legs.get_mut(leg).and_then(|leg| leg.station.as_mut())
        {
            station.leave(at, worker);
        }
        let spent = self.spent_so_far(worker);
        let job = &mut self.jobs[worker as usize];
        if job.waits || at < job.began {
            // What it computes for nothing goes on until it is free.
            job.began = at;
        } else {
            job.free = at;
        }
        (job.task.steps, job.leg) = (0, end as u8);
        let Spent { link_s: down_s, core_s, compute_s, .. } = spent;
        job.taken = Taken { down_s, core_s, compute_s, ..Taken::default() };
        self.pending.set(worker, Some(at));
    }
}
