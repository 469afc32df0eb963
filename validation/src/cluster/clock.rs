//! The clock of a run in real seconds: since when it runs, whether it is to stop, and why there is nothing more to hear.

use crate::cluster::failure::Failure;
use crate::cluster::server::TimedTask;
use sim::{Cluster, Time, Variates};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// Seconds of a run that is under way, and how it ends.
pub struct Clock {
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

    /// It has stood still for so long.
    pub(crate) fn pause(&mut self, pause: Duration) {
        let now = Instant::now();
        self.pauses.push((now - pause, now));
        self.began += pause;
    }

    /// An instant that somebody saw who did not know of the pauses, later by all that came since then: of two on both sides of a
    /// pause, the time between them is then what passed on this clock.
    pub(crate) fn shifted(&self, then: Instant) -> Instant {
        let since = self.pauses.iter().rev().take_while(|(_, to)| *to > then);
        then + since.map(|&(from, to)| to - from.max(then)).sum::<Duration>()
    }

    /// The time then.
    pub(crate) fn at(&self, then: Instant) -> Time {
        Time::at((then - self.began).as_secs_f64()).expect("clocks run forwards")
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

    /// The clock has stood still for so long: all that is to come comes later.
    fn pause(&mut self, pause: Duration);

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
        self.pause(before.elapsed());
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
        let shown = |ms: u64| clock.at(clock.shifted(began + Duration::from_millis(ms))).seconds();
        for (seen, passed) in [(0, 0), (4, 4), (10, 10), (12, 10), (14, 10), (17, 13), (20, 16), (21, 16), (30, 25)] {
            assert!((1e3 * shown(seen) - f64::from(passed)).abs() < 1e-6, "{seen} ms: {} s", shown(seen));
        }
    }

    #[test]
    fn a_pause_that_is_over_is_remembered() {
        let mut clock = Clock::new(Arc::default());
        let before = Instant::now();
        std::thread::sleep(Duration::from_millis(3));
        clock.pause(Duration::from_millis(2));
        let shift = clock.shifted(before) - before;
        assert_eq!(shift, Duration::from_millis(2));
        let now = Instant::now();
        assert_eq!(clock.shifted(now), now);
    }
}
