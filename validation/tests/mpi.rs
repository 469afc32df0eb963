//! Ranks against threads and against the replay: run by a launcher with several ranks (`mpirun -n 4`), or alone as a world of
//! one, which has nothing to say. Every rank runs all checks; one that fails ends all of them.

mod race;

use race::progress;
use sim::{Learner, Policy, RandomKey, Replay, Run, Task};
use std::sync::Arc;
use straggle_validation::cluster::mpi::{self, Communicator, all_reduce::AllReduce, ranks};
use straggle_validation::cluster::server::delays;
use straggle_validation::learner::wire::{Additive, Portable};
use straggle_validation::models::net::device;
use straggle_validation::{
    Architecture, Batches, Digits, LearningRateRule, ModelState, Net, PixelScale, Score, Sgd, Share, Source, Weights,
};

const SAMPLES: usize = 2000;

/// A small network and some of the digits.
fn learner(workers: u32, batch: usize, momentum: f32) -> Arc<Digits> {
    let data = "mnist".parse::<Source>().unwrap().open(0).unwrap().scaled(PixelScale::Standard).take(SAMPLES).unwrap();
    let key = RandomKey::new(5, 0);
    let batches = Batches::new(SAMPLES, batch, Share::Dealt { workers }, key).unwrap();
    let sgd = Sgd { rate: 0.1, momentum, rule: LearningRateRule::Same };
    Arc::new(Digits::new(Net::new(Architecture::Softmax, &device()), Arc::new(data.train), batches, sgd, key))
}

fn bits(weights: &Weights) -> Vec<u32> {
    weights.values().iter().map(|number| number.to_bits()).collect()
}

/// A server's run over messages, replayed from its record, is the same to the last bit.
fn a_race_over_ranks_is_replayed(here: Communicator, policy: Policy) {
    let workers = here.size() - 1;
    let Ok(rule) = policy.rule(workers) else { return };
    let (learner, draws) =
        (learner(workers, 16, 0.9), delays(Some("exp(2000)".parse().unwrap()), RandomKey::new(1, 0)));
    if here.rank() > 0 {
        ranks::work(here, &*learner, &draws);
        return;
    }
    let mut server = ranks::Served::new(here, learner.clone(), &draws, Arc::default());
    server.warm_up(rule.steps);
    let mut race = Run::new(rule, server);
    let (events, recording) = progress(&mut race, 40);
    let params = race.cluster().weights();
    let times = race.into_cluster().into_transport().end();
    assert!(times.iter().skip(1).all(|rank| rank.steps > 0), "{policy}: {times:?}");
    let mut replay = Run::new(rule, Replay::new(recording, learner, workers));
    let (same_events, _) = progress(&mut replay, u64::MAX);
    assert_eq!(replay.cluster().mismatch(), None, "{policy}");
    assert!(same_events == events, "{policy}: the events differ");
    assert!(bits(replay.cluster().learning().params()) == bits(&params), "{policy}: the parameters differ");
    println!("{policy} on {workers} workers: {} events and all parameters replayed", events.len());
}

/// n ranks with batches of b are one worker with batches of n b, up to the order of sums.
fn sync_on_ranks_is_one_worker_with_a_large_batch(here: Communicator) {
    const UPDATES: u64 = 30;
    let ranks = here.size();
    let rule = Policy::SYNC.rule(ranks).unwrap();
    for momentum in [0.0, 0.9] {
        let cluster =
            AllReduce::new(here, learner(ranks, 16, momentum), &delays(None, RandomKey::new(0, 0)), 1, Arc::default());
        let mut run = Run::new(rule, cluster);
        progress(&mut run, UPDATES);
        let added = run.cluster().weights();
        run.into_cluster().end();
        let alone = Policy::SYNC.rule(1).unwrap();
        let spec = sim::ClusterSpec::new("constant(1)".parse().unwrap());
        let one = learner(1, 16 * ranks as usize, momentum);
        let cluster = sim::Simulated::learning(spec, RandomKey::new(0, 0), 1, one);
        let mut run = Run::new(alone, cluster);
        progress(&mut run, UPDATES);
        let large = run.cluster().weights();
        let scale = large.values().iter().map(|w| w.abs()).fold(0.0, f32::max);
        let apart = added.values().iter().zip(large.values().iter()).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        // Each of 30 sums of some hundred numbers of f32 rounds to 2^-24 of its size.
        assert!(apart < 1e-4 * scale, "{ranks} ranks, momentum {momentum}: {apart} of {scale}");
        if here.rank() == 0 {
            println!("sync on {ranks} ranks, momentum {momentum}: {apart:.1e} of {scale:.2} from one large batch");
        }
    }
}

/// Learns as another one does, and panics on one task of the last rank.
struct Frail {
    sound: Arc<Digits>,
    worker: u32,
}

impl Learner for Frail {
    type Params = Weights;
    type Gradient = <Digits as Learner>::Gradient;
    fn initial(&self) -> Weights {
        self.sound.initial()
    }
    fn gradient(&self, at: &Weights, task: Task) -> Self::Gradient {
        assert!((task.worker, task.serial) != (self.worker, 5), "out of luck");
        self.sound.gradient(at, task)
    }
    fn update(&self, params: &mut Weights, version: u64, tasks: &[Task], from: &[Self::Gradient]) {
        self.sound.update(params, version, tasks, from);
    }
    fn loss(&self, params: &Weights) -> f64 {
        self.sound.loss(params)
    }
}

impl Additive for Frail {
    fn part(&self, version: u64, tasks: &[Task], index: usize, submission: Self::Gradient) -> (Vec<f32>, Score) {
        self.sound.part(version, tasks, index, submission)
    }
    fn apply_sum(&self, params: &mut Weights, tasks: &[Task], sum: &[f32], scores: Vec<Score>) {
        self.sound.apply_sum(params, tasks, sum, scores);
    }
}

impl Portable for Frail {
    fn write_params(params: &Weights, bytes: &mut Vec<u8>) {
        Digits::write_params(params, bytes);
    }
    fn read_params(bytes: &[u8]) -> Weights {
        Digits::read_params(bytes)
    }
    fn write_submission(submission: &Self::Gradient, bytes: &mut Vec<u8>) {
        Digits::write_submission(submission, bytes);
    }
    fn read_submission(bytes: &[u8]) -> Self::Gradient {
        Digits::read_submission(bytes)
    }
}

/// The last rank panics in the middle of a run, and everything has to end; that it does is seen from outside.
fn panic_in_the_middle(here: Communicator, served: bool) {
    let workers = here.size() - u32::from(served);
    let frail = Arc::new(Frail { sound: learner(workers, 16, 0.0), worker: workers - 1 });
    let no_delay = delays(None, RandomKey::new(0, 0));
    if served && here.rank() > 0 {
        ranks::work(here, &*frail, &no_delay);
    } else if served {
        let server = ranks::Served::new(here, frail, &no_delay, Arc::default());
        progress(&mut Run::new(Policy::ASYNC.rule(workers).unwrap(), server), 1000);
    } else {
        let cluster = AllReduce::new(here, frail, &no_delay, 1, Arc::default());
        progress(&mut Run::new(Policy::SYNC.rule(workers).unwrap(), cluster), 1000);
    }
    unreachable!("a run that has panicked goes on");
}

fn main() {
    let _joined = match mpi::join() {
        Ok(joined) => joined,
        Err(why) => panic!("{why}"),
    };
    let here = mpi::here().expect("just joined");
    match std::env::args().nth(1).as_deref() {
        None => {}
        Some("panic") => panic_in_the_middle(here, false),
        Some("panic-served") => panic_in_the_middle(here, true),
        Some(what) => panic!("there is nothing called {what} here"),
    }
    sync_on_ranks_is_one_worker_with_a_large_batch(here);
    if here.size() > 1 {
        for policy in Policy::examples().filter(|&policy| policy != Policy::HOGWILD) {
            a_race_over_ranks_is_replayed(here, policy.with_seconds(0.002));
        }
    }
}
