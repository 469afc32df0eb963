//! Ranks that all compute and add their gradients up by `MPI_Allreduce`, for policies that wait for everybody.
//!
//! Each rank has the parameters and a coordinator of its own, which hears the same completions in the same order as all the
//! others: nobody has to be told anything. In a round, each rank computes its task and waits its drawn delay; then one flat
//! vector of f32 is added up over all ranks, which ends the round: the weighted gradients, and behind them a place for each
//! rank's loss, accuracy and seconds, where the others add nothing.

use super::{Communicator, RankTimes};
use crate::cluster::clock::{Clock, RealTime};
use crate::cluster::failure::Failure;
use crate::cluster::server::TimedTask;
use crate::learner::wire::Additive;
use crate::models::net::Score;
use mpi::collective::SystemOperation;
use mpi::topology::SimpleCommunicator;
use mpi::traits::CommunicatorCollectives;
use sim::{Cluster, Completion, Learner, Signal, Spent, Task, Time, Variates};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

/// This rank's share of a run in which all wait for all.
pub struct AllReduce<L: Learner> {
    communicator: Communicator,
    learner: Arc<L>,
    draws: Variates,
    params: L::Params,
    /// The tasks of the round, one for each rank, in their order.
    round: Vec<Task>,
    /// Completions of the round that the coordinator has not heard of.
    ready: VecDeque<Completion>,
    /// What the round has added up, and how everybody did.
    sum: Vec<f32>,
    scores: Vec<Score>,
    clock: Clock,
    round_began: Time,
    /// What each task took, where that is kept.
    timed: Option<Vec<TimedTask>>,
    times: RankTimes,
}

/// Numbers behind the gradients for each rank: loss, accuracy, seconds of computing and of delay.
pub(crate) const NUMBERS: usize = 4;

/// Steps that every rank takes to be warm.
const WARM_UP: u32 = 3;

impl<L: Additive> AllReduce<L> {
    /// All ranks about to learn, warmed up by tasks of so many steps or fewer.
    pub fn new(
        communicator: Communicator,
        learner: Arc<L>,
        draws: &Variates,
        steps: u32,
        stop: Arc<AtomicBool>,
    ) -> AllReduce<L> {
        let params = learner.initial();
        let steps = steps.min(WARM_UP);
        let task = |rank| Task::first(rank, steps);
        let round: Vec<Task> = (0..communicator.size).map(task).collect();
        for _ in 0..WARM_UP.div_ceil(steps) {
            let submission = learner.gradient(&params, round[communicator.rank as usize]);
            let (mut part, _) = learner.part(1, &round, communicator.rank as usize, submission);
            let sum = part.clone();
            SimpleCommunicator::world().all_reduce_into(&sum[..], &mut part[..], SystemOperation::sum());
        }
        AllReduce {
            communicator,
            learner,
            draws: draws.clone(),
            params,
            round: Vec::new(),
            ready: VecDeque::new(),
            sum: Vec::new(),
            scores: Vec::new(),
            clock: Clock::new(stop),
            round_began: Time::ZERO,
            timed: None,
            times: RankTimes::new(communicator),
        }
    }

    /// Computes, and adds up what all have computed; `None` if somebody is to stop, which all hear at once.
    fn go_round(&mut self) -> Option<()> {
        let own = self.communicator.rank as usize;
        let task = self.round[own];
        let from = Instant::now();
        let submission = self.learner.gradient(&self.params, task);
        let compute_s = from.elapsed().as_secs_f64();
        let (mut vector, score) = self.learner.part(task.base_version + 1, &self.round, own, submission);
        let delay_s = self.draws.task_delay_s(&task);
        if delay_s > 0.0 {
            std::thread::sleep(Duration::from_secs_f64(delay_s));
        }
        let gradients = vector.len();
        vector.resize(gradients + NUMBERS * self.round.len() + 1, 0.0);
        let place = gradients + NUMBERS * own;
        let numbers = [score.loss, score.accuracy, compute_s, delay_s].map(|number| number as f32);
        vector[place..place + NUMBERS].copy_from_slice(&numbers);
        *vector.last_mut().expect("at least that") = self.clock.is_to_stop().into();
        self.sum.resize(vector.len(), 0.0);
        SimpleCommunicator::world().all_reduce_into(&vector[..], &mut self.sum[..], SystemOperation::sum());
        let at = self.clock.now();
        let round_s = at.since(self.round_began);
        self.times.steps += u64::from(task.steps);
        self.times.compute_s += compute_s;
        self.times.delay_s += delay_s;
        self.times.wall_s += round_s;
        let numbers = self.sum.split_off(gradients);
        if numbers.last().is_some_and(|&stops| stops > 0.0) {
            return None;
        }
        for (&task, numbers) in self.round.iter().zip(numbers.chunks(NUMBERS)) {
            let [loss, accuracy, compute_s, delay_s] = [0, 1, 2, 3].map(|i| f64::from(numbers[i]));
            self.scores.push(Score { loss, accuracy });
            if let Some(timed) = &mut self.timed {
                timed.push(TimedTask { task, step_s: vec![compute_s / f64::from(task.steps); task.steps as usize] });
            }
            let link_s = (round_s - compute_s - delay_s).max(0.0);
            self.ready.push_back(Completion {
                at,
                task,
                spent: Spent { compute_s, delay_s, link_s, ..Spent::default() },
            });
        }
        Some(())
    }

    /// What each rank did; all ranks call it.
    pub fn end(self) -> Vec<RankTimes> {
        self.times.gather(self.communicator)
    }
}

impl<L: Learner> AllReduce<L> {
    /// The parameters.
    pub fn params(&self) -> &L::Params {
        &self.params
    }
}

impl<L: Additive> RealTime for AllReduce<L> {
    fn clock(&self) -> &Clock {
        &self.clock
    }

    fn clock_mut(&mut self) -> &mut Clock {
        &mut self.clock
    }

    /// All ranks do so after the same update, when nobody waits for anybody.
    fn begin_anew(&mut self, draws: &Variates) {
        self.round.clear();
        self.ready.clear();
        self.scores.clear();
        self.draws = draws.clone();
        self.params = self.learner.initial();
        self.clock.begin_anew();
    }

    fn time_steps(&mut self) -> Vec<TimedTask> {
        self.timed.replace(Vec::new()).unwrap_or_default()
    }
}

/// Seconds of so many all-reduces of so many numbers, one right after the other as in a run; all ranks call it.
pub(crate) fn time_all_reduces(length: usize, count: usize) -> Vec<f64> {
    let (own, mut sum) = (vec![0f32; length], vec![0f32; length]);
    let mut one = || {
        let before = Instant::now();
        SimpleCommunicator::world().all_reduce_into(&own[..], &mut sum[..], SystemOperation::sum());
        before.elapsed().as_secs_f64()
    };
    // The first one waits for whoever comes last.
    one();
    (0..count).map(|_| one()).collect()
}

/// Why nothing else is ever ordered.
const ALL_WAIT: &str = "who waits for everybody cancels, interrupts and discards nothing";

impl<L: Additive> Cluster for AllReduce<L> {
    fn start(&mut self, task: Task) {
        if self.round.is_empty() {
            self.round_began = self.clock.now();
        }
        self.round.push(task);
    }

    fn discard(&mut self, _: Task) {
        unreachable!("{ALL_WAIT}");
    }

    fn interrupt(&mut self, _: Task) {
        unreachable!("{ALL_WAIT}");
    }

    fn alarm(&mut self, _: Duration) {
        unreachable!("{ALL_WAIT}");
    }

    fn cancel(&mut self, _: Task) -> Spent {
        unreachable!("{ALL_WAIT}");
    }

    fn update(&mut self, _: u64, from: &[Task]) -> Time {
        let scores = std::mem::take(&mut self.scores);
        self.learner.apply_sum(&mut self.params, from, &self.sum, scores);
        self.round.clear();
        self.clock.now()
    }

    fn wait(&mut self) -> Option<Signal> {
        if self.ready.is_empty() && self.go_round().is_none() {
            self.clock.fail(Failure::Stopped);
        }
        self.ready.pop_front().map(Signal::Finished)
    }
}
