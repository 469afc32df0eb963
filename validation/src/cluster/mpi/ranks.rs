//! Messages between a parameter server, rank 0, and its workers, the ranks from 1.
//!
//! A message is bytes: the task, with its version, as little-endian numbers (worker, steps, whether they accumulate, whether
//! they are local: u32 each; serial, first step, base version: u64 each), and then to the worker the parameters, to the server
//! the seconds of computing as f64 and the submission. Whoever waits for a message looks often at first and then now and
//! then, so that a rank that waits leaves its core to one that computes.

use super::{Communicator, RankTimes};
use crate::cluster::server::{Computed, LOOK, ParameterServer, Transport, wake_up};
use crate::learner::wire::Portable;
use mpi::point_to_point::{Message, Status};
use mpi::topology::SimpleCommunicator;
use mpi::traits::{Communicator as _, Destination, MatchedReceiveVec, Source};
use sim::{Task, Variates};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread::{sleep, yield_now};
use std::time::{Duration, Instant};

/// A task, and the parameters that it reads.
const TASK: i32 = 1;
/// The same, for nothing.
const WARM_UP: i32 = 2;
/// The task is to end with the present step.
const ENOUGH: i32 = 3;
/// No more tasks come.
const END: i32 = 4;
/// What was computed.
const RESULT: i32 = 5;

/// Other ranks as workers, seen from rank 0.
pub struct Ranks {
    communicator: Communicator,
    world: SimpleCommunicator,
    /// When each was given its task, and which one if it still has it.
    given: Vec<(Instant, Option<u64>)>,
}

/// Ranks that learn, and the parameters at their server.
pub type Served<L> = ParameterServer<L, Ranks>;

impl<L: Portable> Served<L> {
    /// The server of all other ranks, who are delayed as `draws` say.
    pub fn new(communicator: Communicator, learner: Arc<L>, draws: &Variates, stop: Arc<AtomicBool>) -> Served<L> {
        let workers = communicator.size - 1;
        let given = vec![(Instant::now(), None); workers as usize];
        let ranks = Ranks { communicator, world: SimpleCommunicator::world(), given };
        ParameterServer::over(ranks, learner, draws, workers, stop)
    }
}

impl Ranks {
    fn send<L: Portable>(&mut self, tag: i32, task: Task, params: &L::Params) {
        let mut bytes = Vec::new();
        write_task(task, &mut bytes);
        L::write_params(params, &mut bytes);
        self.given[task.worker as usize] = (Instant::now(), Some(task.serial));
        self.world.process_at_rank(task.worker as i32 + 1).send_with_tag(&bytes[..], tag);
    }

    fn found<L: Portable>(&mut self, (message, status): (Message, Status)) -> Computed<L::Gradient> {
        let arrived = Instant::now();
        let (bytes, _) = (message, status).matched_receive_vec::<u8>();
        let (task, rest) = read_task(&bytes);
        let (compute_s, rest) = rest.split_first_chunk().expect("seconds of computing");
        let (from, given) = &mut self.given[task.worker as usize];
        *given = None;
        let to = *from + Duration::from_secs_f64(f64::from_le_bytes(*compute_s));
        Computed {
            task,
            result: Ok(L::read_submission(rest)),
            from: *from,
            to: to.min(arrived),
            steps_done: Vec::new(),
            arrived,
        }
    }

    /// Sends everybody home; what each did.
    pub fn end(mut self) -> Vec<RankTimes> {
        for worker in 0..self.given.len() as u32 {
            self.enough(worker);
            self.world.process_at_rank(worker as i32 + 1).send_with_tag(&[0u8; 0][..], END);
        }
        // Whoever still computes submits what nobody wants any more.
        while self.given.iter().any(|(_, task)| task.is_some()) {
            if let Some(message) = wait(&self.world.any_process(), Some(RESULT), Instant::now() + LOOK) {
                let (bytes, _) = message.matched_receive_vec::<u8>();
                self.given[read_task(&bytes).0.worker as usize].1 = None;
            }
        }
        RankTimes::new(self.communicator).gather(self.communicator)
    }

    fn enough(&self, worker: u32) {
        if let Some(serial) = self.given[worker as usize].1 {
            self.world.process_at_rank(worker as i32 + 1).send_with_tag(&serial.to_le_bytes()[..], ENOUGH);
        }
    }
}

impl<L: Portable> Transport<L> for Ranks {
    fn give(&mut self, task: Task, params: L::Params) {
        self.send::<L>(TASK, task, &params);
    }

    /// It is with its worker.
    fn withdraw(&mut self, _: u32) -> bool {
        false
    }

    fn interrupt(&mut self, worker: u32) {
        self.enough(worker);
    }

    fn begun(&self, worker: u32) -> Instant {
        self.given[worker as usize].0
    }

    fn dispatch(&mut self) {}

    fn poll(&mut self) -> Option<Computed<L::Gradient>> {
        let message = self.world.any_process().immediate_matched_probe_with_tag(RESULT)?;
        Some(self.found::<L>(message))
    }

    fn receive(&mut self, until: Option<Instant>) -> Option<Computed<L::Gradient>> {
        let message = wait(&self.world.any_process(), Some(RESULT), wake_up(until))?;
        Some(self.found::<L>(message))
    }

    fn warm_up(&mut self, task: Task, params: L::Params) -> Result<(), String> {
        self.send::<L>(WARM_UP, task, &params);
        loop {
            if let Some(computed) = Transport::<L>::receive(self, None) {
                return computed.result.map(drop);
            }
        }
    }

    fn pause(&mut self, pause: Duration) {
        self.given.iter_mut().for_each(|(given, _)| *given += pause);
    }

    fn begin_anew(&mut self) {}
}

/// A worker's life, until the server sends it home; what everybody did.
pub fn work<L: Portable>(communicator: Communicator, learner: &L, draws: &Variates) -> Vec<RankTimes> {
    let world = SimpleCommunicator::world();
    let server = world.process_at_rank(0);
    let (mut times, mut began) = (RankTimes::new(communicator), None);
    loop {
        let Some((message, status)) = wait(&server, None, Instant::now() + LOOK) else { continue };
        let tag = status.tag();
        let (bytes, _) = (message, status).matched_receive_vec::<u8>();
        match tag {
            END => break,
            // It came too late: that task has ended.
            ENOUGH => continue,
            _ => {}
        }
        let from = Instant::now();
        let (task, params) = read_task(&bytes);
        let params = L::read_params(params);
        let computes = Instant::now();
        let mut enough = || is_enough(&server, task.serial);
        let (submission, steps) = learner.gradient_until(&params, task, &mut enough);
        let compute_s = computes.elapsed().as_secs_f64();
        let task = Task { steps, ..task };
        let mut bytes = Vec::new();
        write_task(task, &mut bytes);
        bytes.extend(compute_s.to_le_bytes());
        L::write_submission(&submission, &mut bytes);
        server.send_with_tag(&bytes[..], RESULT);
        if tag == TASK {
            times.steps += u64::from(steps);
            times.compute_s += compute_s;
            times.delay_s += draws.task_delay_s(&task);
            times.wall_s = began.get_or_insert(from).elapsed().as_secs_f64();
        }
    }
    times.gather(communicator)
}

/// Whether the server has said that this task is to end; what it said of an earlier one is forgotten.
fn is_enough(server: &impl Source, serial: u64) -> bool {
    let mut enough = false;
    while let Some(message) = server.immediate_matched_probe_with_tag(ENOUGH) {
        let (bytes, _) = message.matched_receive_vec::<u8>();
        enough |= bytes[..] == serial.to_le_bytes();
    }
    enough
}

/// How long whoever waits looks all the time.
const AWAKE: Duration = Duration::from_micros(200);
/// How long it sleeps between two looks later on.
const NAP: Duration = Duration::from_micros(30);

/// Waits for a message until then.
fn wait(source: &impl Source, tag: Option<i32>, until: Instant) -> Option<(Message, Status)> {
    let began = Instant::now();
    loop {
        let found = match tag {
            Some(tag) => source.immediate_matched_probe_with_tag(tag),
            None => source.immediate_matched_probe(),
        };
        let now = Instant::now();
        if found.is_some() || now >= until {
            return found;
        }
        if now - began < AWAKE { yield_now() } else { sleep(NAP) }
    }
}

fn write_task(task: Task, bytes: &mut Vec<u8>) {
    let Task { worker, steps, accumulates, local, serial, first_step, base_version } = task;
    [worker, steps, accumulates.into(), local.into()].iter().for_each(|n: &u32| bytes.extend(n.to_le_bytes()));
    [serial, first_step, base_version].iter().for_each(|n| bytes.extend(n.to_le_bytes()));
}

/// The task that a message begins with, and the rest.
fn read_task(bytes: &[u8]) -> (Task, &[u8]) {
    let (small, rest) = bytes.split_first_chunk::<16>().expect("a task");
    let (large, rest) = rest.split_first_chunk::<24>().expect("a task");
    let [worker, steps, accumulates, local] = [0, 1, 2, 3].map(|i| u32::from_le_bytes(small.as_chunks().0[i]));
    let [serial, first_step, base_version] = [0, 1, 2].map(|i| u64::from_le_bytes(large.as_chunks().0[i]));
    let (accumulates, local) = (accumulates > 0, local > 0);
    (Task { worker, steps, accumulates, local, serial, first_step, base_version }, rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_crosses_whole() {
        let task = Task { serial: u64::MAX, first_step: 1 << 40, base_version: 7, ..Task::first(3, u32::MAX) };
        let tasks = [Task { accumulates: true, local: false, ..task }, Task { accumulates: false, ..task }];
        for task in tasks {
            let mut bytes = Vec::new();
            write_task(task, &mut bytes);
            bytes.push(9);
            assert_eq!(read_task(&bytes), (task, &[9][..]));
        }
    }
}
