//! Do workers take turns? Never more of them compute than there are cores, first come first served, each where it should.

use sim::{ClusterSpec, Learner, Policy, RandomKey, Run, Task, Variates};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use straggle_validation::Threaded;
use straggle_validation::cluster::cores::Cores;

/// One policy of each kind, with seconds as short as threads are quick.
fn policies() -> impl Iterator<Item = Policy> {
    Policy::examples().map(|policy| policy.with_seconds(0.002))
}

/// Notes who computes, beside how many others, and where.
#[derive(Default)]
struct Watched {
    at_once: AtomicUsize,
    most: AtomicUsize,
    computed: Mutex<Vec<(u32, usize)>>,
}

impl Learner for Watched {
    type Params = ();
    type Gradient = ();
    fn initial(&self) {}
    fn gradient(&self, (): &(), task: Task) {
        let now = self.at_once.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
        self.computed.lock().unwrap().push((task.worker, here()));
        // Time for others to come in, if they could.
        (0..20).for_each(|_| std::thread::yield_now());
        self.at_once.fetch_sub(1, Ordering::SeqCst);
    }
    fn update(&self, (): &mut (), _: u64, _: &[Task], _: &[()]) {}
    fn loss(&self, (): &()) -> f64 {
        0.0
    }
}

#[cfg(target_os = "linux")]
fn here() -> usize {
    rustix::thread::sched_getcpu()
}

#[cfg(not(target_os = "linux"))]
fn here() -> usize {
    0
}

/// What came of so many turns of a policy.
fn watched(policy: Policy, workers: u32, cores: &Cores, delay: Option<&str>, turns: usize) -> Arc<Watched> {
    let learner = Arc::new(Watched::default());
    let spec = ClusterSpec::new("constant(1)".parse().unwrap());
    let draws = Variates::new(&spec.with_delay(delay.map(|law| law.parse().unwrap())), RandomKey::new(0, 0));
    let threads = Threaded::on(cores.clone(), learner.clone(), &draws, workers, Arc::default());
    let mut run = Run::new(policy.rule(workers).unwrap(), threads);
    (0..turns).for_each(|_| assert!(run.step().is_some()));
    drop(run);
    learner
}

#[test]
fn no_more_workers_compute_than_there_are_cores() {
    for number in 1..=Cores::of_this_machine().number() {
        let cores = Cores::of_this_machine().at_most(number);
        for policy in policies() {
            for delay in [None, Some("exp(20000)")] {
                let learner = watched(policy, 5, &cores, delay, 200);
                let most = learner.most.load(Ordering::SeqCst);
                assert!((1..=number).contains(&most), "{policy}: {most} at once on {number} cores");
            }
        }
    }
}

#[test]
fn on_one_core_workers_that_carry_on_take_turns() {
    let learner = watched(Policy::ASYNC, 4, &Cores::of_this_machine().at_most(1), None, 100);
    let computed = learner.computed.lock().unwrap();
    assert!(computed.len() >= 99, "{}", computed.len());
    for (i, &(worker, _)) in computed.iter().enumerate() {
        assert_eq!(worker as usize, i % 4, "task {i}");
    }
}

#[test]
#[cfg_attr(no_pinning, ignore = "threads cannot be put on cores here")]
fn a_single_worker_keeps_its_core() {
    let cores = Cores::of_this_machine();
    let learner = watched(Policy::ASYNC, 1, &cores, None, 200);
    let computed = learner.computed.lock().unwrap();
    assert!(computed.iter().all(|(_, core)| *core == computed[0].1), "{computed:?}");
}

#[test]
#[cfg_attr(any(no_pinning, one_core), ignore = "threads cannot be put on two cores here")]
fn workers_of_a_barrier_keep_their_cores() {
    // The first and the last to finish a round must not swap cores: each would find the other's caches.
    let cores = Cores::of_this_machine().at_most(2);
    let learner = watched(Policy::SYNC, 2, &cores, None, 400);
    let computed = learner.computed.lock().unwrap();
    for worker in 0..2 {
        let mut places: Vec<usize> = computed.iter().filter(|(one, _)| *one == worker).map(|(_, core)| *core).collect();
        assert!(places.len() >= 199, "{}", places.len());
        places.dedup();
        assert_eq!(places.len(), 1, "worker {worker} moved: {places:?}");
    }
}
