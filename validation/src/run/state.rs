//! The model state of a cluster: parameters and scores, wherever they are kept.

use crate::cluster::clock::RealTime;
use crate::cluster::server::{ParameterServer, Transport};
use crate::learner::device::OnDevice;
use crate::learner::digits::{Digits, Weights};
use crate::learner::hogwild::Hogwild;
use crate::models::net::Score;
use sim::{Learner, Replay, Simulated};
use std::sync::Arc;

/// A learner whose parameters can be looked at.
pub trait Observable: Learner {
    /// The parameters.
    fn weights(params: &Self::Params) -> Weights;
    /// How the tasks in the last update did on their batches, in their order.
    fn scores(params: &Self::Params) -> &[Score];
    /// How stale each of them was, in updates, where workers count it themselves.
    fn staleness(_: &Self::Params) -> Option<&[u64]> {
        None
    }
}

impl Observable for Digits {
    fn weights(params: &Weights) -> Weights {
        params.clone()
    }

    fn scores(params: &Weights) -> &[Score] {
        params.scores()
    }
}

impl Observable for Hogwild {
    fn weights(params: &Self::Params) -> Weights {
        params.weights()
    }

    fn scores(params: &Self::Params) -> &[Score] {
        params.scores()
    }

    fn staleness(params: &Self::Params) -> Option<&[u64]> {
        Some(params.staleness())
    }
}

impl Observable for OnDevice {
    fn weights(params: &Self::Params) -> Weights {
        params.weights()
    }

    fn scores(params: &Self::Params) -> &[Score] {
        params.scores()
    }
}

/// A cluster that holds a network's parameters.
pub trait ModelState {
    /// The parameters now.
    fn weights(&self) -> Weights;
    /// How the tasks in the last update did on their batches, in their order.
    fn scores(&self) -> &[Score];
    /// How stale each of them was, in updates, where workers count it themselves.
    fn staleness(&self) -> Option<&[u64]> {
        None
    }
    /// Does something that takes no time in the run.
    fn off_the_clock(&mut self, work: impl FnOnce(&Self))
    where
        Self: Sized,
    {
        work(self);
    }
}

impl<L: Observable, T: Transport<L>> ModelState for ParameterServer<L, T> {
    fn weights(&self) -> Weights {
        L::weights(self.params())
    }

    fn scores(&self) -> &[Score] {
        L::scores(self.params())
    }

    fn staleness(&self) -> Option<&[u64]> {
        L::staleness(self.params())
    }

    fn off_the_clock(&mut self, work: impl FnOnce(&Self)) {
        self.stop_clock(work);
    }
}

#[cfg(feature = "mpi")]
impl<L: Observable + crate::learner::wire::Additive> ModelState for crate::cluster::mpi::all_reduce::AllReduce<L> {
    fn weights(&self) -> Weights {
        L::weights(self.params())
    }

    fn scores(&self) -> &[Score] {
        L::scores(self.params())
    }

    fn off_the_clock(&mut self, work: impl FnOnce(&Self)) {
        self.stop_clock(work);
    }
}

impl<L: Observable> ModelState for Simulated<Arc<L>> {
    fn weights(&self) -> Weights {
        L::weights(self.learner().params())
    }

    fn scores(&self) -> &[Score] {
        L::scores(self.learner().params())
    }
}

impl<L: Observable> ModelState for Replay<Arc<L>> {
    fn weights(&self) -> Weights {
        L::weights(self.learning().params())
    }

    fn scores(&self) -> &[Score] {
        L::scores(self.learning().params())
    }
}
