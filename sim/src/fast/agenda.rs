//! Who is next, where nothing is ever taken back? A window of what is pending in order, and a heap for what comes late.
//!
//! Looking for the earliest of m again and again costs log m each time; putting a quarter of them in order at once costs a
//! few short passes. What is added later and still falls into the window is rare, and goes into a heap beside it. The price
//! is that an event can be neither moved nor cancelled; for that there is the [`Queue`](crate::cluster::des::queue::Queue).

use crate::cluster::time::Time;
use crate::fast::window::{HandIn, Window};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Pending events of `m` workers, at most one each; ties go to the lowest worker. Time only moves on.
pub(crate) struct Agenda {
    /// What is pending after the window, [`Time::END`] where there is nothing.
    later: Vec<Time>,
    window: Window,
    /// What was added to the window since it was put in order.
    late: BinaryHeap<Reverse<Key>>,
    came_late: usize,
}

/// The bits of the time, then the worker: one number, compared without a branch between the two.
type Key = u128;

fn key(at: Time, worker: u32) -> Key {
    u128::from(at.bits()) << 32 | u128::from(worker)
}

/// Fewest events of a good window.
const FEWEST: usize = 8;

/// One that comes late costs as much as so many others: where many do, as when a barrier falls, windows had better be shorter.
const LATE: usize = 4;

impl Agenda {
    /// Nothing is pending; events of a worker come every `mean_step_s` or so.
    pub(crate) fn new(workers: u32, mean_step_s: f64) -> Agenda {
        Agenda {
            later: vec![Time::END; workers as usize],
            window: Window::new(workers, mean_step_s, FEWEST),
            late: BinaryHeap::new(),
            came_late: 0,
        }
    }

    /// A worker without a pending event will have one, not before the last that was taken out.
    #[inline(always)]
    pub(crate) fn add(&mut self, worker: u32, at: Time) {
        if at < self.window.end() {
            self.come_late(worker, at);
        } else {
            self.later[worker as usize] = at;
        }
    }

    #[inline(never)]
    fn come_late(&mut self, worker: u32, at: Time) {
        self.came_late += 1;
        self.late.push(Reverse(key(at, worker)));
    }

    /// Takes the earliest event out; there must be one.
    #[inline(always)]
    pub(crate) fn pop(&mut self) -> (Time, u32) {
        while self.window.upcoming().is_empty() && self.late.is_empty() {
            self.turn_over();
        }
        match self.window.upcoming().first() {
            Some(&HandIn { at, worker, .. })
                if self.late.peek().is_none_or(|&Reverse(late)| key(at, worker) < late) =>
            {
                self.window.take(1);
                (at, worker)
            }
            _ => self.take_late(),
        }
    }

    #[inline(never)]
    fn take_late(&mut self) -> (Time, u32) {
        let Reverse(late) = self.late.pop().expect("one of the two has the next");
        (Time::from_bits((late >> 32) as u64), late as u32)
    }

    /// Moves on to the next window.
    #[inline(always)]
    fn turn_over(&mut self) {
        let mut page = self.window.page();
        let end = page.end;
        for (worker, at) in (0..).zip(&mut self.later) {
            if *at < end {
                page.write(HandIn::new(std::mem::replace(at, Time::END), worker, 0.0));
            }
        }
        self.window.step(end, LATE * std::mem::take(&mut self.came_late));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_first_is_the_least_of_all(
            workers in prop_oneof![1u32..5, 40u32..300],
            mean_s in prop_oneof![Just(1e-3), Just(1.0), Just(1e3)],
            delays in prop::collection::vec(0u8..9, 300..900),
        ) {
            let mut agenda = Agenda::new(workers, mean_s);
            let mut plain: Vec<Time> = Vec::new();
            let mut delays = delays.into_iter().map(f64::from);
            for worker in 0..workers {
                plain.push(Time::ZERO.after(delays.next().unwrap()));
                agenda.add(worker, plain[worker as usize]);
            }
            let mut now = Time::ZERO;
            for delay_s in delays {
                // `min` keeps the first of equals: the lowest worker.
                let least = (0..workers).map(|w| (plain[w as usize], w)).min().unwrap();
                prop_assert_eq!(agenda.pop(), least);
                // A server may have been busy since.
                now = now.max(least.0).after(if delay_s > 7.0 { 1.0 } else { 0.0 });
                plain[least.1 as usize] = now.after(delay_s);
                agenda.add(least.1, plain[least.1 as usize]);
            }
        }
    }
}
