//! Where the workers' time went.

use crate::cluster::Spent;
use serde::{Deserialize, Serialize};

/// Where the workers' time went, in seconds of workers: together workers x elapsed time, up to rounding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TimeSpent {
    /// Computing what was not thrown away, and waiting for a core to do so.
    pub computing_s: f64,
    /// The delay after computing.
    pub delay_s: f64,
    /// Messages on their way, and waiting for a link.
    pub communication_s: f64,
    /// Waiting for the server, and being served by it.
    pub server_s: f64,
    /// Waiting for other workers.
    pub waiting_s: f64,
    /// Work that was thrown away: on tasks that were cancelled, before or after they were.
    pub discarded_s: f64,
}

impl TimeSpent {
    /// All of it, s.
    pub fn total_s(&self) -> f64 {
        self.computing_s + self.delay_s + self.communication_s + self.server_s + self.waiting_s + self.discarded_s
    }

    /// Having nothing to do: waiting for the server or for others, s.
    pub fn idle_s(&self) -> f64 {
        self.server_s + self.waiting_s
    }

    /// Enters what was spent on a task.
    #[inline]
    pub(super) fn enter(&mut self, spent: &Spent, thrown_away: bool) {
        let Spent { discarded_s, core_s, compute_s, delay_s, link_s, queue_s, service_s } = *spent;
        self.server_s += queue_s + service_s;
        if thrown_away {
            self.discarded_s += discarded_s + core_s + compute_s + delay_s + link_s;
        } else {
            self.discarded_s += discarded_s;
            self.computing_s += core_s + compute_s;
            self.delay_s += delay_s;
            self.communication_s += link_s;
        }
    }

    /// All of it with the opposite sign.
    pub(super) fn owed(&self) -> TimeSpent {
        TimeSpent {
            computing_s: 0.0 - self.computing_s,
            delay_s: 0.0 - self.delay_s,
            communication_s: 0.0 - self.communication_s,
            server_s: 0.0 - self.server_s,
            waiting_s: 0.0 - self.waiting_s,
            discarded_s: 0.0 - self.discarded_s,
        }
    }
}
