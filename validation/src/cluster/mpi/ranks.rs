//! Messages between a parameter server, rank 0, and its workers, the ranks from 1.
//!
//! A message is bytes: the task, with its version, as little-endian numbers (worker, steps, whether they accumulate, whether
//! they are local: u32 each; serial, first step, base version: u64 each), and then to the worker the parameters, to the server
//! the seconds of computing as f64 and the submission.

use super::messages::{ANY, END, ENOUGH, Letter, RESULT, TASK, WARM_UP, look, send, wait};
use super::{Communicator, RankTimes};
use crate::cluster::server::{Computed, LOOK, ParameterServer, Transport, wake_up};
use crate::learner::wire::Portable;
use sim::{Task, Variates};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

/// Other ranks as workers, seen from rank 0.
pub struct Ranks {
    communicator: Communicator,
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
        let ranks = Ranks { communicator, given };
        ParameterServer::over(ranks, learner, draws, workers, stop)
    }
}

impl Ranks {
    fn send<L: Portable>(&mut self, tag: i32, task: Task, params: &L::Params) {
        let mut bytes = Vec::new();
        write_task(task, &mut bytes);
        L::write_params(params, &mut bytes);
        self.given[task.worker as usize] = (Instant::now(), Some(task.serial));
        send(task.worker + 1, tag, &bytes);
    }

    fn found<L: Portable>(&mut self, letter: Letter) -> Computed<L::Gradient> {
        let (arrived, bytes) = (Instant::now(), letter.open());
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
            send(worker + 1, END, &[]);
        }
        // Whoever still computes submits what nobody wants any more.
        while self.given.iter().any(|(_, task)| task.is_some()) {
            if let Some(letter) = wait(ANY, Some(RESULT), Instant::now() + LOOK) {
                self.given[read_task(&letter.open()).0.worker as usize].1 = None;
            }
        }
        RankTimes::new(self.communicator).gather(self.communicator)
    }

    fn enough(&self, worker: u32) {
        if let Some(serial) = self.given[worker as usize].1 {
            send(worker + 1, ENOUGH, &serial.to_le_bytes());
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
        let letter = look(ANY, Some(RESULT))?;
        Some(self.found::<L>(letter))
    }

    fn receive(&mut self, until: Option<Instant>) -> Option<Computed<L::Gradient>> {
        let letter = wait(ANY, Some(RESULT), wake_up(until))?;
        Some(self.found::<L>(letter))
    }

    fn warm_up(&mut self, task: Task, params: L::Params) -> Result<(), String> {
        self.send::<L>(WARM_UP, task, &params);
        loop {
            if let Some(computed) = Transport::<L>::receive(self, None) {
                return computed.result.map(drop);
            }
        }
    }

    fn begin_anew(&mut self) {}
}

/// A rank that computes what it is given.
pub struct Worker<'a, L> {
    communicator: Communicator,
    learner: &'a L,
    draws: &'a Variates,
    times: RankTimes,
    began: Option<Instant>,
}

impl<L: Portable> Worker<'_, L> {
    /// One that learns, and whose delays pass with the server.
    pub fn new<'a>(communicator: Communicator, learner: &'a L, draws: &'a Variates) -> Worker<'a, L> {
        Worker { communicator, learner, draws, times: RankTimes::new(communicator), began: None }
    }

    /// Does what a letter from the server says: a task, or a word on one that has ended.
    pub(crate) fn hear(&mut self, letter: Letter) {
        let (tag, from) = (letter.tag(), Instant::now());
        let bytes = letter.open();
        // It came too late: that task has ended.
        if tag == ENOUGH {
            return;
        }
        let (task, params) = read_task(&bytes);
        let params = L::read_params(params);
        let computes = Instant::now();
        let (submission, steps) = self.learner.gradient_until(&params, task, &mut || is_enough(task.serial));
        let compute_s = computes.elapsed().as_secs_f64();
        let task = Task { steps, ..task };
        let mut bytes = Vec::new();
        write_task(task, &mut bytes);
        bytes.extend(compute_s.to_le_bytes());
        L::write_submission(&submission, &mut bytes);
        send(0, RESULT, &bytes);
        if tag == TASK {
            self.times.steps += u64::from(steps);
            self.times.compute_s += compute_s;
            self.times.delay_s += self.draws.task_delay_s(&task);
            self.times.wall_s = self.began.get_or_insert(from).elapsed().as_secs_f64();
        }
    }

    /// It is over; what everybody did.
    pub fn end(self) -> Vec<RankTimes> {
        self.times.gather(self.communicator)
    }
}

/// A worker's life, until the server sends it home; what everybody did.
pub fn work<L: Portable>(communicator: Communicator, learner: &L, draws: &Variates) -> Vec<RankTimes> {
    let mut worker = Worker::new(communicator, learner, draws);
    loop {
        match wait(Some(0), None, Instant::now() + LOOK) {
            None => {}
            Some(letter) if letter.tag() == END => {
                letter.open();
                break worker.end();
            }
            Some(letter) => worker.hear(letter),
        }
    }
}

/// Whether the server has said that this task is to end; what it said of an earlier one is forgotten.
fn is_enough(serial: u64) -> bool {
    let mut enough = false;
    while let Some(letter) = look(Some(0), Some(ENOUGH)) {
        enough |= letter.open()[..] == serial.to_le_bytes();
    }
    enough
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
