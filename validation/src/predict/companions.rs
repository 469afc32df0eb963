//! Companions: a thread on each core that computes gradients, for nothing or for an update, while something else is timed.

use crate::cluster::cores::{Cores, Thread};
use serde::{Deserialize, Serialize};
use sim::{Learner, Rule, Task};
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::Instant;

/// What a companion is to do.
enum Order<P, G> {
    /// Compute one gradient after the other until told to stop; it answers after the first one and after the last one.
    Compute(Arc<AtomicBool>, Sender<()>),
    /// Compute one gradient of a task, and how long that took, s.
    One(Task, P, Sender<(G, f64)>),
}

/// Companions, one on each core.
pub struct Companions<L: Learner> {
    learner: Arc<L>,
    cores: Cores,
    inboxes: Vec<Sender<Order<L::Params, L::Gradient>>>,
    threads: Vec<JoinHandle<()>>,
    stop: Arc<AtomicBool>,
    /// Who computes now.
    computing: Vec<Receiver<()>>,
}

/// How long things take where worker and server are on one core, and where they are apart, s.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct HandOff {
    /// An update by a gradient that was computed on the server's core.
    pub update_together_s: Vec<f64>,
    /// By one that was computed on another.
    pub update_apart_s: Vec<f64>,
    /// A gradient at parameters that were updated on the worker's core.
    pub gradient_together_s: Vec<f64>,
    /// At parameters that were updated on another.
    pub gradient_apart_s: Vec<f64>,
}

impl HandOff {
    /// Adds what was measured later.
    pub fn extend(&mut self, later: &HandOff) {
        self.update_together_s.extend(&later.update_together_s);
        self.update_apart_s.extend(&later.update_apart_s);
        self.gradient_together_s.extend(&later.gradient_together_s);
        self.gradient_apart_s.extend(&later.gradient_apart_s);
    }
}

impl<L> Companions<L>
where
    L: Learner + Send + Sync + 'static,
    L::Params: Send + 'static,
    L::Gradient: Send + 'static,
{
    /// One on each of these cores.
    pub fn on(cores: &Cores, learner: Arc<L>) -> Companions<L> {
        let mut companions = Companions {
            learner,
            cores: cores.clone(),
            inboxes: Vec::new(),
            threads: Vec::new(),
            stop: Arc::default(),
            computing: Vec::new(),
        };
        for core in cores.all() {
            let (inbox, orders) = channel();
            let (learner, cores) = (companions.learner.clone(), cores.clone());
            let obey = move || {
                cores.put(Thread::this(), core);
                obey(&*learner, &orders);
            };
            let thread = std::thread::Builder::new().name(format!("companion {}", core.index())).spawn(obey);
            companions.threads.push(thread.expect("the system starts threads"));
            companions.inboxes.push(inbox);
        }
        companions
    }

    /// Those on these cores, by index, compute from now on; it returns when each has computed a gradient.
    pub fn begin(&mut self, cores: impl IntoIterator<Item = usize>) {
        self.stop = Arc::default();
        for core in cores {
            let (here, answers) = channel();
            // One that has panicked computes no more, and the worker that is calibrated says why.
            if self.inboxes[core].send(Order::Compute(self.stop.clone(), here)).is_ok() {
                self.computing.push(answers);
            }
        }
        for answers in &self.computing {
            let _ = answers.recv();
        }
    }

    /// Nobody computes any more.
    pub fn end(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for answers in self.computing.drain(..) {
            let _ = answers.recv();
        }
    }

    fn one(&self, core: usize, task: Task, params: &L::Params) -> Option<Receiver<(L::Gradient, f64)>> {
        let (here, answer) = channel();
        self.inboxes[core].send(Order::One(task, params.clone(), here)).ok()?;
        Some(answer)
    }

    /// Seconds of `count` updates as `rule` has them, by the calling thread on the first core. Its last gradient was computed
    /// there, as the server works on the core of the worker who woke it, and the others on all cores in turn.
    ///
    /// `None` if a companion has panicked.
    pub fn updates(&self, rule: Rule, count: usize) -> Option<Vec<f64>> {
        let (server, cores) = (Thread::this(), self.cores.all());
        self.cores.put(server, cores[0]);
        let updates = self.updates_here(rule, count, cores.len());
        self.cores.release(server);
        updates
    }

    fn updates_here(&self, rule: Rule, count: usize, cores: usize) -> Option<Vec<f64>> {
        // Parameters that somebody still reads are not overwritten.
        let somebody_reads = rule.workers > 1 && !rule.waits_for_all();
        let mut params = self.learner.initial();
        let mut seconds = Vec::new();
        for version in 0..=count as u64 {
            let local = rule.steps > 1 && !rule.accumulates;
            let task = |i: u32| {
                let serial = version * u64::from(rule.quorum) + u64::from(i);
                Task { serial, first_step: serial, local, base_version: version, ..Task::first(0, 1) }
            };
            let tasks: Vec<Task> = (0..rule.quorum).map(task).collect();
            let (last, others) = tasks.split_last()?;
            let elsewhere = others.iter().zip((1..cores).chain([0]).cycle());
            let answers: Vec<_> = elsewhere.map(|(task, core)| self.one(core, *task, &params)).collect();
            let mut gradients = Vec::new();
            for answer in answers {
                gradients.push(answer?.recv().ok()?.0);
            }
            gradients.push(self.one(0, *last, &params)?.recv().ok()?.0);
            let read = somebody_reads.then(|| params.clone());
            let before = Instant::now();
            self.learner.update(&mut params, version + 1, &tasks, &gradients);
            seconds.push(before.elapsed().as_secs_f64());
            drop(read);
        }
        // The first one asks the system for memory.
        Some(seconds.split_off(1))
    }

    /// Times `count` updates and gradients of a worker on the first core, whose server is there, too, or on the next core.
    ///
    /// `None` if a companion has panicked; nothing is timed on a single core.
    pub fn hand_off(&self, count: usize) -> Option<HandOff> {
        let (server, cores) = (Thread::this(), self.cores.all());
        let mut found = HandOff::default();
        if cores.len() < 2 {
            return Some(found);
        }
        for apart in [false, true] {
            self.cores.put(server, cores[usize::from(apart)]);
            let mut params = self.learner.initial();
            for version in 0..=count as u64 {
                let task = Task { serial: version, first_step: version, base_version: version, ..Task::first(0, 1) };
                let (gradient, gradient_s) = self.one(0, task, &params)?.recv().ok()?;
                let before = Instant::now();
                self.learner.update(&mut params, version + 1, &[task], &[gradient]);
                let update_s = before.elapsed().as_secs_f64();
                if version > 0 {
                    let (gradients, updates) = match apart {
                        true => (&mut found.gradient_apart_s, &mut found.update_apart_s),
                        false => (&mut found.gradient_together_s, &mut found.update_together_s),
                    };
                    gradients.push(gradient_s);
                    updates.push(update_s);
                }
            }
        }
        self.cores.release(server);
        Some(found)
    }
}

impl<L: Learner> Drop for Companions<L> {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.inboxes.clear();
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

/// A companion's life, until nobody can tell it anything any more.
fn obey<L: Learner>(learner: &L, orders: &Receiver<Order<L::Params, L::Gradient>>) {
    let params = learner.initial();
    let mut step = 0;
    for order in orders {
        match order {
            Order::Compute(stop, answers) => {
                for turn in 0.. {
                    let task = Task { serial: step, first_step: step, ..Task::first(0, 1) };
                    black_box(learner.gradient(&params, task));
                    step += 1;
                    if turn == 0 {
                        let _ = answers.send(());
                    }
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                }
                let _ = answers.send(());
            }
            Order::One(task, at, answer) => {
                let before = Instant::now();
                let gradient = learner.gradient(&at, task);
                drop(at);
                let _ = answer.send((gradient, before.elapsed().as_secs_f64()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sim::{Policy, Quadratic, RandomKey};

    #[test]
    fn companions_compute_until_they_are_told_to_stop_and_update_as_a_rule_has_it() {
        let cores = Cores::of_this_machine().at_most(2);
        let learner = Quadratic { curvature: 1.0, noise: 0.1, step_size: 0.1, key: RandomKey::new(0, 0) };
        let mut companions = Companions::on(&cores, Arc::new(learner));
        companions.begin(0..cores.number());
        companions.end();
        let rule = Policy::k_sync(3).rule(5).unwrap();
        assert_eq!(companions.updates(rule, 4).map(|seconds| seconds.len()), Some(4));
        let found = companions.hand_off(3).unwrap();
        let expected = if cores.number() > 1 { 3 } else { 0 };
        assert_eq!([found.update_apart_s.len(), found.gradient_together_s.len()], [expected; 2]);
    }
}
