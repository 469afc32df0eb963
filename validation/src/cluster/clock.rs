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
    stop: Arc<AtomicBool>,
    failure: Option<Failure>,
}

impl Clock {
    /// One that runs from now on, for a run that ends when `stop` is set.
    pub(crate) fn new(stop: Arc<AtomicBool>) -> Clock {
        Clock { began: Instant::now(), stop, failure: None }
    }

    /// Counts the time anew.
    pub(crate) fn begin_anew(&mut self) {
        self.began = Instant::now();
    }

    /// It has stood still for so long.
    pub(crate) fn pause(&mut self, pause: Duration) {
        self.began += pause;
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
