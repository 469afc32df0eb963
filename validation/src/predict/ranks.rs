//! Ranks of MPI as a testbed. Rank 0 leads: it measures, serves where there is a server, and computes with the others where there
//! is none. The others [`follow`]: they do what its messages say.
//!
//! A place to compute is a rank, by its number: the workers of a server are the ranks from 1, which are the last ones. That
//! ranks without a core of their own slow each other down is part of how long a step takes beside others.

use crate::cluster::clock::RealTime;
use crate::cluster::failure::Failure;
use crate::cluster::mpi::all_reduce::{AllReduce, NUMBERS, time_all_reduces};
use crate::cluster::mpi::messages::{ADD_UP, BESIDE, BURST, CALIBRATE, ECHO, END, ENOUGH, MEASURED};
use crate::cluster::mpi::messages::{Letter, look, receive, send};
use crate::cluster::mpi::ranks::{Served, Worker};
use crate::cluster::mpi::{Communicator, RankTimes};
use crate::cluster::server::{TimedTask, delays};
use crate::learner::wire::{Additive, Portable, read, write};
use crate::predict::calibrate::{Calibration, Conditions};
use crate::predict::companions::HandOff;
use crate::predict::experiment::{Configuration, Observed};
use crate::predict::links::Links;
use crate::predict::recorded::Recorded;
use crate::predict::session::Session;
use crate::predict::testbed::{Burst, Testbed};
use sim::{RandomKey, Rule, Task};
use std::hint::black_box;
use std::iter::once;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// Measures these configurations together with all other ranks: rank 0 writes down what came, the others follow.
///
/// # Errors
/// Why it was stopped.
pub fn record<L: Portable + Additive>(
    communicator: Communicator,
    session: &Session<'_>,
    learner: &Arc<L>,
    server: bool,
    stop: &Arc<AtomicBool>,
    configurations: &[Configuration],
    recorded: &mut Recorded,
) -> Result<Vec<RankTimes>, Failure> {
    if communicator.rank() > 0 {
        return Ok(follow(communicator, learner, configurations, stop));
    }
    let mut testbed = OnRanks::lead(communicator, learner, server, stop);
    let done = session.record(configurations, &mut testbed, recorded);
    let ranks = testbed.end();
    done.map(|()| ranks)
}

/// All ranks, seen from rank 0.
pub struct OnRanks<L: Portable + Additive> {
    learner: Arc<L>,
    links: Links,
    served: Served<L>,
    together: AllReduce<L>,
    stop: Arc<AtomicBool>,
}

/// Whoever waits for an answer waits for so long, and looks for it only now and then.
const WAITED: Duration = Duration::from_micros(400);

impl<L: Portable + Additive> OnRanks<L> {
    /// All ranks, warmed up; rank 0 calls it while the others [`follow`]. With `server` it serves them under every policy.
    pub fn lead(communicator: Communicator, learner: &Arc<L>, server: bool, stop: &Arc<AtomicBool>) -> OnRanks<L> {
        let no_delay = delays(None, RandomKey::new(0, 0));
        let together = AllReduce::new(communicator, learner.clone(), &no_delay, 1, stop.clone());
        let mut served = Served::new(communicator, learner.clone(), &no_delay, stop.clone());
        served.warm_up(1);
        let mut bytes = Vec::new();
        L::write_params(&learner.initial(), &mut bytes);
        let links = Links::new(communicator.size(), bytes.len() as u64, server);
        OnRanks { learner: learner.clone(), links, served, together, stop: stop.clone() }
    }

    /// Sends everybody home; what each did.
    pub fn end(self) -> Vec<RankTimes> {
        self.served.into_transport().end()
    }

    fn tell_all(&self, tag: i32, numbers: &[u64]) {
        (1..self.links.ranks).for_each(|rank| send(rank, tag, &words(numbers)));
    }

    /// Half of the way of so many bytes to a rank and back, s. The other one has just sent something, as a worker has that is
    /// given its next task; rank 0 has waited for a while, as a server has.
    fn one_way_s(rank: u32, bytes: u64) -> f64 {
        let numbers = vec![0.0; bytes as usize / 4];
        let began = Instant::now();
        let mut bytes = Vec::new();
        write(&numbers, &mut bytes);
        send(rank, ECHO, &bytes);
        let answer = receive(Some(rank), Some(MEASURED)).open();
        let (waited_s, answer) = answer.split_first_chunk().expect("seconds of waiting");
        black_box(read(answer));
        (began.elapsed().as_secs_f64() - f64::from_le_bytes(*waited_s)) / 2.0
    }
}

impl<L: Portable + Additive> Testbed for OnRanks<L> {
    fn cores(&self) -> usize {
        self.links.ranks as usize
    }

    fn calibrate(&mut self, core: usize, conditions: &Conditions, tasks: u64) -> Option<Calibration> {
        if self.stop.load(Relaxed) {
            return None;
        }
        let all = self.cores();
        let beside = || (1..=conditions.beside.min(all - 1)).map(|next| ((core + next) % all) as u32);
        for rank in beside().filter(|&rank| rank > 0) {
            send(rank, BESIDE, &[]);
            receive(Some(rank), Some(MEASURED)).open();
        }
        let delay_s = |serial| conditions.draws.task_delay_s(&Task { serial, ..Task::first(core as u32, 1) });
        let delays_s: Vec<f64> = (0..tasks).map(delay_s).collect();
        let calibration = if core == 0 {
            calibrate(&*self.learner, 0, conditions.steps, &delays_s)
        } else {
            let order = once(f64::from(conditions.steps)).chain(delays_s);
            send(core as u32, CALIBRATE, &order.flat_map(f64::to_le_bytes).collect::<Vec<_>>());
            let answer = match beside().any(|rank| rank == 0) {
                true => compute_until(&*self.learner, 0, || look(Some(core as u32), Some(MEASURED)).map(Letter::open)),
                false => receive(Some(core as u32), Some(MEASURED)).open(),
            };
            read_calibration(&answer)
        };
        for rank in beside().filter(|&rank| rank > 0) {
            send(rank, ENOUGH, &[]);
            receive(Some(rank), Some(MEASURED)).open();
        }
        Some(calibration)
    }

    fn measure(&mut self, burst: Burst, of: &Configuration) -> Result<(Observed, Vec<TimedTask>), Failure> {
        if self.links.all_reduces(of.rule) {
            self.tell_all(BURST, &[burst.configuration as u64, burst.seed, burst.replication, burst.updates]);
            return of.measure(&mut self.together, burst.key(), burst.updates);
        }
        let seen = of.measure(&mut self.served, burst.key(), burst.updates)?;
        // What is still under way is waited for, so that nobody computes beside what comes next.
        self.served.begin_anew(&of.draws(burst.key()));
        Ok(seen)
    }

    fn updates(&mut self, rule: Rule, count: usize) -> Option<Vec<f64>> {
        let learner = &*self.learner;
        let mut params = learner.initial();
        let mut seconds = Vec::new();
        for version in 0..=count as u64 {
            if self.stop.load(Relaxed) {
                return None;
            }
            let local = rule.steps > 1 && !rule.accumulates;
            let task = |worker: u32| Task {
                serial: version,
                first_step: version,
                local,
                base_version: version,
                ..Task::first(worker, 1)
            };
            let tasks: Vec<Task> = (0..rule.quorum).map(task).collect();
            if self.links.all_reduces(rule) {
                let submission = learner.gradient(&params, tasks[0]);
                let before = Instant::now();
                let (mut vector, score) = learner.part(version + 1, &tasks, 0, submission);
                let gradients = vector.len();
                vector.resize(gradients + NUMBERS * tasks.len() + 1, 0.0);
                learner.apply_sum(&mut params, &tasks, &vector[..gradients], vec![score; tasks.len()]);
                seconds.push(before.elapsed().as_secs_f64());
            } else {
                let submissions: Vec<_> = tasks.iter().map(|&task| learner.gradient(&params, task)).collect();
                let before = Instant::now();
                learner.update(&mut params, version + 1, &tasks, &submissions);
                seconds.push(before.elapsed().as_secs_f64());
            }
        }
        // The first one asks the system for memory.
        Some(seconds.split_off(1))
    }

    /// Server and workers are never on one core.
    fn hand_off(&mut self, _: usize) -> Option<HandOff> {
        Some(HandOff::default())
    }

    fn links(&self) -> Option<Links> {
        Some(self.links.clone())
    }

    fn time_links(&mut self, links: &mut Links, count: usize) {
        for timed in &mut links.messages {
            for rank in 1..links.ranks {
                // The first one meets somebody who has waited for long.
                timed.seconds.extend((0..=count).map(|_| Self::one_way_s(rank, timed.bytes)).skip(1));
            }
        }
        for timed in &mut links.all_reduces {
            self.tell_all(ADD_UP, &[timed.bytes / 4, count as u64]);
            timed.seconds.extend(time_all_reduces(timed.bytes as usize / 4, count));
        }
    }
}

/// What a rank does that follows: whatever rank 0 says, until it is sent home; what everybody did.
pub fn follow<L: Portable + Additive>(
    communicator: Communicator,
    learner: &Arc<L>,
    configurations: &[Configuration],
    stop: &Arc<AtomicBool>,
) -> Vec<RankTimes> {
    let no_delay = delays(None, RandomKey::new(0, 0));
    let mut together = AllReduce::new(communicator, learner.clone(), &no_delay, 1, stop.clone());
    let mut worker = Worker::new(communicator, &**learner, &no_delay);
    let rank = communicator.rank();
    loop {
        let letter = receive(Some(0), None);
        match letter.tag() {
            END => {
                letter.open();
                return worker.end();
            }
            BURST => {
                let [configuration, seed, replication, updates] = numbers(&letter.open());
                let key = RandomKey::new(seed, replication);
                // Rank 0 sees the same.
                let _ = configurations[configuration as usize].measure(&mut together, key, updates);
            }
            CALIBRATE => {
                let order: Vec<f64> = seconds(&letter.open());
                let calibration = calibrate(&**learner, rank, order[0] as u32, &order[1..]);
                send(0, MEASURED, &write_calibration(&calibration));
            }
            BESIDE => {
                letter.open();
                let mut begun = false;
                compute_until(&**learner, rank, || {
                    if !std::mem::replace(&mut begun, true) {
                        send(0, MEASURED, &[]);
                    }
                    look(Some(0), Some(ENOUGH)).map(Letter::open)
                });
                send(0, MEASURED, &[]);
            }
            ECHO => {
                let numbers = read(&letter.open());
                let waited = rest(WAITED);
                let mut bytes = waited.as_secs_f64().to_le_bytes().to_vec();
                write(&numbers, &mut bytes);
                send(0, MEASURED, &bytes);
            }
            ADD_UP => {
                let [length, count] = numbers(&letter.open());
                time_all_reduces(length as usize, count as usize);
            }
            _ => worker.hear(letter),
        }
    }
}

/// Keeps the core for so long; how long it was.
fn rest(at_least: Duration) -> Duration {
    let began = Instant::now();
    while began.elapsed() < at_least {
        std::hint::spin_loop();
    }
    began.elapsed()
}

/// Computes one gradient after the other, until this has an answer, which it is asked after each.
fn compute_until<L: sim::Learner, T>(learner: &L, worker: u32, mut answer: impl FnMut() -> Option<T>) -> T {
    let params = learner.initial();
    let mut task = Task::first(worker, 1);
    loop {
        black_box(learner.gradient(&params, task));
        (task.serial, task.first_step) = (task.serial + 1, task.first_step + 1);
        if let Some(answer) = answer() {
            return answer;
        }
    }
}

/// Computes a task of so many steps for each of the delays, which follow them, and one before, which finds everything cold.
fn calibrate<L: sim::Learner>(learner: &L, worker: u32, steps: u32, delays_s: &[f64]) -> Calibration {
    let (params, mut calibration) = (learner.initial(), Calibration::default());
    for (serial, delay_s) in (0..).zip(once(&0.0).chain(delays_s)) {
        let task = Task { serial, first_step: serial * u64::from(steps), ..Task::first(worker, steps) };
        let mut ends = vec![Instant::now()];
        let gradient = learner.gradient_until(&params, task, &mut || {
            ends.push(Instant::now());
            false
        });
        black_box(gradient);
        // What follows the last step is part of it.
        ends.truncate(steps as usize);
        ends.push(Instant::now());
        if *delay_s > 0.0 {
            std::thread::sleep(Duration::from_secs_f64(*delay_s));
        }
        let (from, computed) = (ends[0], ends[ends.len() - 1]);
        if serial > 0 {
            calibration.compute_s.extend(ends.windows(2).map(|pair| (pair[1] - pair[0]).as_secs_f64()));
            calibration.way_s.push((from.elapsed() - (computed - from)).as_secs_f64() - delay_s);
        }
    }
    calibration.way_s.iter_mut().for_each(|s| *s = s.max(0.0));
    calibration
}

fn words(numbers: &[u64]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
}

fn numbers<const N: usize>(bytes: &[u8]) -> [u64; N] {
    let (words, _) = bytes.as_chunks();
    std::array::from_fn(|i| u64::from_le_bytes(words[i]))
}

fn seconds(bytes: &[u8]) -> Vec<f64> {
    bytes.as_chunks().0.iter().map(|&word| f64::from_le_bytes(word)).collect()
}

fn write_calibration(Calibration { compute_s, way_s }: &Calibration) -> Vec<u8> {
    let all = once(compute_s.len() as f64).chain(compute_s.iter().copied()).chain(way_s.iter().copied());
    all.flat_map(f64::to_le_bytes).collect()
}

fn read_calibration(bytes: &[u8]) -> Calibration {
    let all = seconds(bytes);
    let (compute_s, way_s) = all[1..].split_at(all[0] as usize);
    Calibration { compute_s: compute_s.to_vec(), way_s: way_s.to_vec() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sim::Quadratic;

    #[test]
    fn a_calibration_crosses_whole_and_has_every_step() {
        let learner = Quadratic { curvature: 1.0, noise: 1.0, step_size: 0.01, key: RandomKey::new(0, 0) };
        let found = calibrate(&learner, 3, 1, &[0.0, 1e-4, 0.0]);
        assert_eq!((found.compute_s.len(), found.way_s.len()), (3, 3));
        assert_eq!(read_calibration(&write_calibration(&found)), found);
        assert_eq!(numbers(&words(&[1, u64::MAX, 3])), [1, u64::MAX, 3]);
    }
}
