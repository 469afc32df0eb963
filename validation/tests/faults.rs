//! What if something goes wrong? A run on threads ends, says why, and leaves no thread and no lock behind.

use sim::{Cluster, ClusterSpec, Learner, Policy, RandomKey, Run, Signal, Spent, StalenessAudit, Task, Time, Variates};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use straggle_validation::cluster::cores::Cores;
use straggle_validation::models::net::device;
use straggle_validation::{
    Architecture, Batches, Dataset, Digits, End, Failure, LearningRateRule, ModelState, Net, RealTime, Score, Sgd,
    Share, Threaded, Weights, train,
};

/// One policy of each kind, with seconds as short as threads are quick.
fn policies() -> impl Iterator<Item = Policy> {
    Policy::examples().map(|policy| policy.with_seconds(0.002))
}

/// Counts gradients, and panics on one of them.
#[derive(Default)]
struct Frail {
    /// Who, and from which of its tasks on: the first of these may be cancelled before it is begun.
    breaks_at: Option<(u32, u64)>,
    gradients: AtomicU64,
    updates: AtomicU64,
}

impl Learner for Frail {
    type Params = ();
    type Gradient = ();
    fn initial(&self) {}
    fn gradient(&self, (): &(), task: Task) {
        self.gradients.fetch_add(1, Ordering::Relaxed);
        let breaks = self.breaks_at.is_some_and(|(worker, serial)| task.worker == worker && task.serial >= serial);
        assert!(!breaks, "out of luck");
    }
    fn update(&self, (): &mut (), _: u64, _: &[Task], _: &[()]) {
        self.updates.fetch_add(1, Ordering::Relaxed);
    }
    fn loss(&self, (): &()) -> f64 {
        0.0
    }
}

fn draws(delay: Option<&str>) -> Variates {
    let spec = ClusterSpec::new("constant(1)".parse().unwrap());
    Variates::new(&spec.with_delay(delay.map(|law| law.parse().unwrap())), RandomKey::new(0, 0))
}

#[test]
fn a_worker_that_panics_ends_the_run_with_its_words() {
    for policy in policies() {
        let learner = Arc::new(Frail { breaks_at: Some((2, 1)), ..Frail::default() });
        let threads = Threaded::new(learner.clone(), &draws(Some("exp(20000)")), 5, Arc::default());
        let mut run = Run::new(policy.rule(5).unwrap(), threads);
        while run.step().is_some() {}
        let Some(Failure::Panicked { worker: 2, serial: 1.., words }) = run.cluster().failure() else {
            panic!("{policy}: {:?}", run.cluster().failure())
        };
        assert!(words.contains("out of luck"), "{words}");
        assert!(run.step().is_none(), "what has failed stays failed");
        drop(run);
        assert_eq!(Arc::strong_count(&learner), 1, "{policy}: a thread was left behind");
    }
}

#[test]
fn a_worker_that_panics_while_it_warms_up_ends_the_run_with_its_words() {
    let learner = Arc::new(Frail { breaks_at: Some((2, 0)), ..Frail::default() });
    let mut threads = Threaded::new(learner.clone(), &draws(None), 5, Arc::default());
    threads.warm_up(1);
    let mut run = Run::new(Policy::SYNC.rule(5).unwrap(), threads);
    while run.step().is_some() {}
    let Some(Failure::Panicked { worker: 2, serial: 0, words }) = run.cluster().failure() else {
        panic!("{:?}", run.cluster().failure())
    };
    assert!(words.contains("out of luck"), "{words}");
    drop(run);
    assert_eq!(Arc::strong_count(&learner), 1, "a thread was left behind");
}

/// Learns digits, until one worker panics on one of its tasks.
struct Breaking {
    digits: Digits,
    breaks_at: (u32, u64),
}

impl Learner for Breaking {
    type Params = <Digits as Learner>::Params;
    type Gradient = <Digits as Learner>::Gradient;
    fn initial(&self) -> Self::Params {
        self.digits.initial()
    }
    fn gradient(&self, at: &Self::Params, task: Task) -> Self::Gradient {
        assert!((task.worker, task.serial) < self.breaks_at || task.worker != self.breaks_at.0, "out of luck");
        self.digits.gradient(at, task)
    }
    fn update(&self, params: &mut Self::Params, version: u64, tasks: &[Task], from: &[Self::Gradient]) {
        self.digits.update(params, version, tasks, from);
    }
    fn loss(&self, params: &Self::Params) -> f64 {
        self.digits.loss(params)
    }
}

/// The threads of such learners.
struct Team(Threaded<Breaking>);

impl Cluster for Team {
    fn start(&mut self, task: Task) {
        self.0.start(task);
    }
    fn cancel(&mut self, task: Task) -> Spent {
        self.0.cancel(task)
    }
    fn update(&mut self, version: u64, from: &[Task]) -> Time {
        self.0.update(version, from)
    }
    fn discard(&mut self, task: Task) {
        self.0.discard(task);
    }
    fn interrupt(&mut self, task: Task) {
        self.0.interrupt(task);
    }
    fn alarm(&mut self, after: Duration) {
        self.0.alarm(after);
    }
    fn wait(&mut self) -> Option<Signal> {
        self.0.wait()
    }
}

impl ModelState for Team {
    fn weights(&self) -> Weights {
        self.0.params().clone()
    }

    fn scores(&self) -> &[Score] {
        self.0.params().scores()
    }
}

#[test]
fn a_worker_that_panics_leaves_the_journal_of_all_that_was_done() {
    let key = RandomKey::new(3, 0);
    let few = Arc::new(Dataset::embedded().train.first(300));
    for policy in policies() {
        let batches = Batches::new(few.len(), 10, Share::Dealt { workers: 5 }, key).unwrap();
        let sgd = Sgd { rate: 0.1, momentum: 0.0, rule: LearningRateRule::Same };
        let digits = Digits::new(Net::new(Architecture::Softmax, &device()), few.clone(), batches, sgd, key);
        let learner = Arc::new(Breaking { digits, breaks_at: (2, 3) });
        let threads = Threaded::new(learner.clone(), &draws(Some("exp(20000)")), 5, Arc::default());
        let mut run = Run::new(policy.rule(5).unwrap(), Team(threads));
        let mut seen = 0;
        let (journal, end) = train(
            &mut run,
            5,
            u64::MAX,
            1,
            |journal| {
                seen = journal.updates.len();
                ControlFlow::Continue(())
            },
            |_| ControlFlow::Continue(()),
        );
        assert_eq!(end, End::Exhausted, "{policy}");
        assert!(matches!(run.cluster().0.failure(), Some(Failure::Panicked { worker: 2, .. })), "{policy}");
        // Nothing that was finished is missing, and the parameters are there as they were after the last update.
        assert!(seen >= 1 && journal.updates.len() == seen && journal.is_conserved(), "{policy}: {seen} updates");
        let last = journal.snapshots.last().unwrap();
        assert_eq!(last.update, seen as u64, "{policy}");
        assert!(Arc::ptr_eq(last.weights.values(), run.cluster().weights().values()), "{policy}");
        drop(run);
        assert_eq!(Arc::strong_count(&learner), 1, "{policy}: a thread was left behind");
    }
}

#[test]
fn the_servers_thread_may_run_where_it_could_before() {
    let before = Cores::of_this_machine();
    for cores in before.all().iter().map(|&core| before.only(core)).chain([before.clone()]) {
        let threads = Threaded::on(cores, Arc::new(Frail::default()), &draws(Some("exp(20000)")), 3, Arc::default());
        let mut run = Run::new(Policy::ASYNC.rule(3).unwrap(), threads);
        (0..50).for_each(|_| assert!(run.step().is_some()));
        drop(run);
        assert_eq!(Cores::of_this_machine(), before);
    }
}

#[test]
fn a_run_that_is_stopped_stops_in_the_middle_of_a_long_sleep() {
    for policy in policies() {
        let learner = Arc::new(Frail::default());
        let stop = Arc::new(AtomicBool::new(false));
        // A sleep of a day: only a stop ends it.
        let threads = Threaded::new(learner.clone(), &draws(Some("constant(86400)")), 5, stop.clone());
        let mut run = Run::new(policy.rule(5).unwrap(), threads);
        assert!(run.step().is_some(), "the beginning");
        stop.store(true, Ordering::Relaxed);
        assert!(run.step().is_none());
        assert_eq!(run.cluster().failure(), Some(&Failure::Stopped));
        drop(run);
        assert_eq!(Arc::strong_count(&learner), 1, "{policy}: a thread was left behind");
    }
}

#[test]
fn a_hundred_thousand_rounds_lose_nothing() {
    // Half the workers of k-sync are cancelled at each update: in their sleep, while computing, or on the way.
    for (policy, updates) in [("async", 40_000), ("k-sync:2", 15_000), ("k-batch-async:3", 10_000), ("ssp:1", 20_000)] {
        let rule = policy.parse::<Policy>().unwrap().rule(4).unwrap();
        let learner = Arc::new(Frail::default());
        let threads = Threaded::new(learner.clone(), &draws(Some("hyper-exp(0.9, 1000000, 50000)")), 4, Arc::default());
        let mut run = Run::new(rule, threads);
        let (mut audit, mut applied, mut cancelled, mut started) = (StalenessAudit::default(), 0, 0, 0);
        while audit.updates() < updates {
            let step = run.step().expect("nothing goes wrong here");
            audit.add(&step);
            applied += step.orders.update.len() as u64;
            cancelled += step.orders.cancel.len() as u64;
            started += step.orders.start.len() as u64;
        }
        let (added, had) = audit.sides();
        assert_eq!(added, had);
        drop(run);
        let computed = learner.gradients.load(Ordering::Relaxed);
        assert_eq!(learner.updates.load(Ordering::Relaxed), updates);
        assert_eq!(applied, updates * u64::from(rule.quorum));
        assert!(applied <= computed && computed <= started, "{policy}: {applied} <= {computed} <= {started}");
        assert!(started <= applied + cancelled + 4, "{policy}");
    }
}
