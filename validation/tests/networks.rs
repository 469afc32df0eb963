//! The mathematics of parallel SGD, for every network: what is the same must be the same. The seeds are fixed and no test
//! knows a clock.

use sim::{ClusterSpec, Learner, Policy, RandomKey, Run, Simulated, Task};
use std::ops::ControlFlow;
use std::sync::{Arc, OnceLock};
use straggle_validation::cluster::cores::Cores;
use straggle_validation::cluster::server::delays;
use straggle_validation::data::synthetic;
use straggle_validation::learner::device::OnDevice;
use straggle_validation::models::net::device;
use straggle_validation::{
    Architecture, Batches, Dataset, Digits, End, Job, LearningRateRule, ModelState, Net, Sgd, Share, Split, Velocity,
    World, train,
};

const PLAIN: Sgd = Sgd { rate: 0.05, momentum: 0.0, rule: LearningRateRule::Same };
const MOMENTUM: Sgd = Sgd { momentum: 0.9, rate: 0.01, ..PLAIN };

fn key() -> RandomKey {
    RandomKey::new(11, 0)
}

/// Images of the network's shape.
fn images(architecture: Architecture) -> Arc<Split> {
    static GREY: OnceLock<Arc<Split>> = OnceLock::new();
    static COLOUR: OnceLock<Arc<Split>> = OnceLock::new();
    match architecture.input() {
        [1, ..] => GREY.get_or_init(|| Arc::new(Dataset::embedded().train.first(1000))).clone(),
        _ => COLOUR.get_or_init(|| Arc::new(synthetic::make(0).train.first(100))).clone(),
    }
}

fn digits(architecture: Architecture, workers: u32, batch: usize, sgd: Sgd) -> Digits {
    let train = images(architecture);
    let batches = Batches::new(train.len(), batch, Share::Dealt { workers }, key()).unwrap();
    Digits::new(Net::new(architecture, &device()), train, batches, sgd, key())
}

/// The parameters of any learner after so many updates in simulated time.
fn trained<L: Learner>(learner: L, policy: Policy, workers: u32, updates: u64) -> Vec<f32>
where
    Simulated<Arc<L>>: ModelState,
{
    let spec = ClusterSpec::new("exp(2)".parse().unwrap());
    let rule = policy.rule(workers).unwrap();
    let mut run = Run::new(rule, Simulated::learning(spec, key(), workers, Arc::new(learner)));
    let steps = updates * rule.gradients_per_update();
    let on = |_: &_| ControlFlow::Continue(());
    let (journal, end) = train(&mut run, workers, steps, steps, on, |_| ControlFlow::Continue(()));
    assert_eq!(end, End::Done, "{policy}");
    assert!(journal.is_conserved());
    run.cluster().weights().values().to_vec()
}

/// Plain SGD on one worker, written down.
fn by_hand(learner: &Digits, updates: u64) -> Vec<f32> {
    let mut weights = learner.initial();
    for serial in 0..updates {
        let task = Task { serial, first_step: serial, base_version: serial, ..Task::first(0, 1) };
        let submission = learner.gradient(&weights, task);
        learner.update(&mut weights, serial + 1, &[task], &[submission]);
    }
    weights.values().to_vec()
}

/// Updates and batch that a network can afford in a test.
fn size(architecture: Architecture) -> (u64, usize) {
    if architecture == Architecture::Vgg11 { (2, 4) } else { (10, 16) }
}

fn furthest(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

#[test]
fn one_asynchronous_worker_is_sequential_sgd_to_the_bit() {
    for architecture in Architecture::ALL {
        let (updates, batch) = size(architecture);
        let hand = by_hand(&digits(architecture, 1, batch, PLAIN), updates);
        for policy in ["async", "sync", "ssp:2"].map(|text| text.parse::<Policy>().unwrap()) {
            assert!(
                trained(digits(architecture, 1, batch, PLAIN), policy, 1, updates) == hand,
                "{architecture}, {policy}"
            );
        }
        assert!(hand != architecture.initial(key()), "{architecture}");
    }
}

#[test]
fn one_local_step_is_sync_to_the_bit() {
    for architecture in Architecture::ALL {
        let (updates, batch) = size(architecture);
        let [sync, local] = [Policy::SYNC, Policy::local(1)]
            .map(|policy| trained(digits(architecture, 2, batch, PLAIN), policy, 2, updates));
        assert!(sync == local, "{architecture}");
    }
}

#[test]
fn synchronous_workers_are_one_worker_with_a_larger_batch() {
    // Networks with dropout would need the same masks. Sums in another order: 1e-7 of gradients of at most 1 an update.
    for architecture in [Architecture::Softmax, Architecture::Mlp, Architecture::LenetSmall] {
        let one = trained(digits(architecture, 1, 32, PLAIN), Policy::SYNC, 1, 10);
        let many = trained(digits(architecture, 4, 8, PLAIN), Policy::SYNC, 4, 10);
        let (apart, way) = (furthest(&one, &many), furthest(&one, &architecture.initial(key())));
        assert!(apart < 1e-6 && way > 1e-3, "{architecture}: {apart:e} apart after a way of {way:e}");
    }
}

#[test]
fn everything_on_a_device_is_the_same_training() {
    // The processor is a device, too; sums are taken in another order.
    for architecture in [Architecture::Softmax, Architecture::Mlp, Architecture::Lenet] {
        // Among them those whose tasks are cut short, and those that add gradients up at the same parameters.
        let of = |text: &str| text.parse::<Policy>().expect("a policy");
        let timed = ["drop-compute:1.2:3", "k-local:2:3"].map(of);
        let plain = [(Policy::ASYNC, PLAIN), (Policy::k_sync(2), MOMENTUM), (Policy::local(3), MOMENTUM)];
        for (policy, sgd) in plain.into_iter().chain(timed.map(|policy| (policy, MOMENTUM))) {
            let here = trained(digits(architecture, 3, 16, sgd), policy, 3, 6);
            let learner = OnDevice::new(Arc::new(digits(architecture, 3, 16, sgd)));
            let there = trained(learner, policy, 3, 6);
            let (apart, way) = (furthest(&here, &there), furthest(&here, &architecture.initial(key())));
            assert!(apart < 1e-6 && way > 1e-4, "{architecture}, {policy}: {apart:e} apart after a way of {way:e}");
        }
    }
}

#[test]
fn a_velocity_of_ones_own_is_the_servers_where_there_is_one_worker() {
    let learner = |velocity| digits(Architecture::Mlp, 1, 16, MOMENTUM).with_velocity(velocity);
    let [server, own] =
        [Velocity::Server, Velocity::Workers(1)].map(|velocity| trained(learner(velocity), Policy::ASYNC, 1, 10));
    assert!(server == own);
}

#[test]
fn each_worker_has_a_velocity_of_its_own() {
    let learner = digits(Architecture::Softmax, 2, 16, MOMENTUM).with_velocity(Velocity::Workers(2));
    let mut weights = learner.initial();
    let mut expected = weights.values().to_vec();
    let mut velocities = vec![vec![0f32; expected.len()]; 2];
    for (version, worker) in [0, 1, 1, 0].into_iter().enumerate() {
        let task = Task {
            serial: version as u64,
            first_step: version as u64,
            base_version: version as u64,
            ..Task::first(worker, 1)
        };
        let (mut images, mut labels) = (Vec::new(), Vec::new());
        let batches = Batches::new(1000, 16, Share::Dealt { workers: 2 }, key()).unwrap();
        learner.train().gather(batches.batch(worker, version as u64), &mut images, &mut labels);
        let mut dropout = key().at(sim::Purpose::Dropout, worker, version as u64);
        let (_, gradient) = learner.net().gradient(&Arc::new(expected.clone()), &images, &labels, &mut dropout);
        for ((w, v), g) in expected.iter_mut().zip(&mut velocities[worker as usize]).zip(&gradient) {
            *v = 0.9 * *v + g;
            *w -= 0.01 * *v;
        }
        let submission = learner.gradient(&weights, task);
        learner.update(&mut weights, version as u64 + 1, &[task], &[submission]);
    }
    assert!(weights.values()[..] == expected[..]);
}

#[test]
fn workers_that_begin_elsewhere_meet_at_the_average() {
    let (workers, rounds) = (3, 2);
    let architecture = Architecture::Mlp;
    let learner = digits(architecture, workers, 8, PLAIN).with_own_initial(key());
    let all = trained(learner, Policy::local(4), workers, rounds);
    // Each from its own parameters at first, then all from the average.
    let plain = digits(architecture, workers, 8, PLAIN);
    let mut starts: Vec<Vec<f32>> = (0..workers).map(|worker| architecture.initial_of(key(), worker)).collect();
    assert!(furthest(&starts[0], &starts[1]) > 0.01);
    let mut average = Vec::new();
    for round in 0..rounds {
        for worker in 0..workers {
            for step in 4 * round..4 * round + 4 {
                let task = Task { serial: step, first_step: step, ..Task::first(worker, 1) };
                let at = straggle_validation::Weights::new(starts[worker as usize].clone());
                let (mut moved, submission) = (at.clone(), plain.gradient(&at, task));
                plain.update(&mut moved, 1, &[task], &[submission]);
                starts[worker as usize] = moved.values().to_vec();
            }
        }
        average = (0..all.len()).map(|i| starts.iter().map(|start| start[i]).sum::<f32>() / 3.0).collect();
        starts = vec![average.clone(); workers as usize];
    }
    assert!(furthest(&all, &average) < 1e-6, "{:e}", furthest(&all, &average));
}

/// Hogwild with so many workers on so many places to compute.
fn hogwild(workers: u32, cores: Cores, steps: u64) -> straggle_validation::Ended {
    let job = Job {
        learner: Arc::new(digits(Architecture::Softmax, workers, 8, PLAIN)),
        policy: Policy::HOGWILD,
        rule: Policy::HOGWILD.rule(workers).unwrap(),
        steps,
        every: steps,
        world: World::Threads { cores, delays: delays(None, key()) },
        stop: Arc::default(),
        from: None,
        checkpointing: None,
    };
    job.run(|_| ControlFlow::Continue(()), |_| ControlFlow::Continue(()))
}

#[test]
fn staleness_of_hogwild_is_what_was_written_since_it_read() {
    // On one core workers compute one after another: nobody writes between another's reading and writing, though five tasks
    // are out all the time.
    let ended = hogwild(5, Cores::of_this_machine().at_most(1), 100);
    assert_eq!((ended.end, ended.journal.updates.len()), (End::Done, 100));
    assert_eq!(ended.journal.mean_staleness(), 0.0);
    // Where all compute at once, none of the steps is lost or counted twice either.
    let ended = hogwild(5, Cores::slots(5), 100);
    assert_eq!((ended.end, ended.journal.updates.len()), (End::Done, 100));
}

#[test]
fn the_clock_stands_still_while_a_snapshot_is_looked_at() {
    let rule = Policy::SYNC.rule(2).unwrap();
    let job = Job {
        learner: Arc::new(digits(Architecture::Softmax, 2, 8, PLAIN)),
        policy: Policy::SYNC,
        rule,
        steps: 20,
        every: 2,
        world: World::Threads { cores: Cores::of_this_machine(), delays: delays(None, key()) },
        stop: Arc::default(),
        from: None,
        checkpointing: None,
    };
    let (began, pause) = (std::time::Instant::now(), std::time::Duration::from_millis(20));
    let (mut pauses, mut last) = (0, 0.0);
    let ended = job.run(
        |_| ControlFlow::Continue(()),
        |snapshot| {
            std::thread::sleep(pause);
            pauses += 1;
            last = snapshot.at.seconds();
            ControlFlow::Continue(())
        },
    );
    // Whatever the machine did, the clock has not counted the pauses before the last one.
    let real = began.elapsed().as_secs_f64();
    assert_eq!((ended.end, pauses), (End::Done, 11));
    assert!(last <= real - f64::from(pauses) * pause.as_secs_f64(), "{last} of {real} s");
}
