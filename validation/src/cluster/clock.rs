//! The clock of a run in real seconds: since when it runs, whether it is to stop, and why there is nothing more to hear.

use crate::cluster::failure::Failure;
use crate::cluster::server::TimedTask;
use sim::{Cluster, Time, Variates};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// Seconds of a run that is under way, and how it ends.
pub struct Clock {
    /// When it would have begun to show what it shows now, had it never stood still.
    began: Instant,
    /// When it stood still, from and to, one after another.
    pauses: Vec<(Instant, Instant)>,
    stop: Arc<AtomicBool>,
    failure: Option<Failure>,
}

impl Clock {
    /// One that runs from now on, for a run that ends when `stop` is set.
    pub(crate) fn new(stop: Arc<AtomicBool>) -> Clock {
        Clock { began: Instant::now(), pauses: Vec::new(), stop, failure: None }
    }

    /// Counts the time anew.
    pub(crate) fn begin_anew(&mut self) {
        self.began = Instant::now();
        self.pauses.clear();
    }

    /// It has stood still since then.
    fn pause(&mut self, since: Instant) {
        let now = Instant::now();
        self.pauses.push((since, now));
        self.began += now - since;
    }

    /// What it showed then.
    pub(crate) fn at(&self, then: Instant) -> Time {
        let since = self.pauses.iter().rev().take_while(|(_, to)| *to > then);
        let began = self.began - since.map(|&(from, to)| to - from.max(then)).sum::<Duration>();
        Time::at((then - began).as_secs_f64()).expect("clocks run forwards")
    }

    /// When it will show this, if it does not stand still before; `None` if that is too far away for any clock.
    pub(crate) fn when(&self, time: Time) -> Option<Instant> {
        self.began.checked_add(Duration::try_from_secs_f64(time.seconds()).ok()?)
    }

    /// The time now.
    pub fn now(&self) -> Time {
        self.at(Instant::now())
    }

    /// Whether the run is to stop.
    pub(crate) fn is_to_stop(&self) -> bool {
        self.stop.load(Relaxed)
    }

    /// Nothing more will be heard, for this reason if there was none before.
    pub(crate) fn fail(&mut self, failure: Failure) {
        self.failure.get_or_insert(failure);
    }

    /// Why nothing more is heard, if that is so.
    pub fn failure(&self) -> Option<&Failure> {
        self.failure.as_ref()
    }
}

/// A cluster whose seconds are real, and whose workers stay from run to run.
pub trait RealTime: Cluster {
    /// Its clock.
    fn clock(&self) -> &Clock;

    /// The same.
    fn clock_mut(&mut self) -> &mut Clock;

    /// Makes ready for another run, with these delays: everybody drops what it does, the parameters are the first ones again,
    /// and the time is counted anew.
    fn begin_anew(&mut self, draws: &Variates);

    /// What each step takes from now on, and has taken since this was last asked for.
    fn time_steps(&mut self) -> Vec<TimedTask>;

    /// Why there are no more completions, if there are none.
    fn failure(&self) -> Option<&Failure> {
        self.clock().failure()
    }

    /// Does something while the clock stands still. Workers that compute go on computing.
    fn stop_clock(&mut self, work: impl FnOnce(&Self))
    where
        Self: Sized,
    {
        let before = Instant::now();
        work(self);
        self.clock_mut().pause(before);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_a_pause_does_not_pass() {
        let mut clock = Clock::new(Arc::default());
        let began = clock.began;
        let ms = |ms| began + Duration::from_millis(ms);
        clock.pauses = vec![(ms(10), ms(14)), (ms(20), ms(21))];
        clock.began += Duration::from_millis(5);
        let shown = |then: u64| clock.at(ms(then)).seconds();
        for (seen, passed) in [(0, 0), (4, 4), (10, 10), (12, 10), (14, 10), (17, 13), (20, 16), (21, 16), (30, 25)] {
            assert!((1e3 * shown(seen) - f64::from(passed)).abs() < 1e-6, "{seen} ms: {} s", shown(seen));
        }
        let late = clock.when(clock.at(ms(30))).unwrap();
        assert!(late.max(ms(30)) - late.min(ms(30)) < Duration::from_nanos(2));
        assert_eq!(clock.when(Time::END), None);
    }

    #[test]
    fn a_pause_that_is_over_is_remembered() {
        let mut clock = Clock::new(Arc::default());
        let before = clock.at(Instant::now());
        let paused = Instant::now();
        std::thread::sleep(Duration::from_millis(3));
        clock.pause(paused);
        let (_, over) = clock.pauses[0];
        assert_eq!(clock.at(over), clock.at(paused));
        assert!(before <= clock.at(paused) && clock.at(paused) <= clock.now());
    }
}
