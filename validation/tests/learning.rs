//! Is it the right thing that is learnt? Networks under every policy, replayed to the last bit, and beside loops of SGD
//! that are written down here by hand. The seeds are fixed and no test knows a clock: there are no false alarms.

use sim::{
    Cluster, ClusterSpec, Learner, Policy, Purpose, RandomKey, Recording, Replay, Run, Simulated, Task, Variates,
};
use std::ops::ControlFlow;
use std::sync::{Arc, OnceLock};
use straggle_validation::models::net::device;
use straggle_validation::run::training::Journal;
use straggle_validation::{
    Architecture, Batches, Dataset, Digits, End, Hogwild, LearningRateRule, ModelState, Net, Sgd, Share, Split,
    Threaded, Weights, train,
};

/// One policy of each kind, with seconds as short as threads are quick.
fn policies() -> impl Iterator<Item = Policy> {
    Policy::examples().map(|policy| policy.with_seconds(0.002))
}

fn key() -> RandomKey {
    RandomKey::new(5, 0)
}

const PLAIN: Sgd = Sgd { rate: 0.1, momentum: 0.0, rule: LearningRateRule::Same };

fn digits() -> &'static Dataset {
    static DIGITS: OnceLock<Dataset> = OnceLock::new();
    DIGITS.get_or_init(Dataset::embedded)
}

fn few() -> Arc<Split> {
    static FEW: OnceLock<Arc<Split>> = OnceLock::new();
    FEW.get_or_init(|| Arc::new(digits().train.first(2000))).clone()
}

fn dealt(workers: u32, batch: usize) -> Batches {
    Batches::new(few().len(), batch, Share::Dealt { workers }, key()).unwrap()
}

fn mlp() -> Net {
    Net::new(Architecture::Mlp, &device())
}

/// The mlp, about to learn from a few digits.
fn learner(workers: u32, batch: usize, sgd: Sgd) -> Arc<Digits> {
    Arc::new(Digits::new(mlp(), few(), dealt(workers, batch), sgd, key()))
}

/// Half a second a step on average, and nothing else.
fn spec() -> ClusterSpec {
    ClusterSpec::new("exp(2)".parse().unwrap())
}

/// Delays of 50 microseconds on average, so that threads overtake each other.
fn draws() -> Variates {
    Variates::new(&spec().with_delay(Some("exp(20000)".parse().unwrap())), key())
}

fn threads(learner: &Arc<Digits>, workers: u32) -> Threaded<Digits> {
    Threaded::new(learner.clone(), &draws(), workers, Arc::default())
}

/// Trains for so many updates: the parameters then, and what happened. The staleness must be conserved.
fn trained<C: Cluster + ModelState>(cluster: C, policy: Policy, workers: u32, updates: u64) -> (Vec<f32>, Journal) {
    let rule = policy.rule(workers).unwrap();
    let mut run = Run::new(rule, cluster);
    // Where time decides how many gradients an update has, updates are counted and not steps.
    let steps = if rule.is_timed() { u64::MAX } else { updates * rule.gradients_per_update() };
    let enough = |journal: &Journal| match rule.is_timed() && journal.updates.len() as u64 >= updates {
        true => ControlFlow::Break(()),
        false => ControlFlow::Continue(()),
    };
    let (journal, end) = train(&mut run, workers, steps, 1, enough, |_| ControlFlow::Continue(()));
    let expected = if rule.is_timed() { End::Broken } else { End::Done };
    assert_eq!((end, journal.updates.len() as u64), (expected, updates), "{policy}");
    assert!(journal.is_conserved(), "{policy}");
    (run.cluster().weights().values().to_vec(), journal)
}

/// The parameters after training under the simulated clock.
fn simulated(policy: Policy, workers: u32, batch: usize, sgd: Sgd, updates: u64) -> Vec<f32> {
    let cluster = Simulated::learning(spec(), key(), workers, learner(workers, batch, sgd));
    trained(cluster, policy, workers, updates).0
}

/// SGD on one worker, by hand.
fn by_hand(batch: usize, Sgd { rate, momentum, rule: _ }: Sgd, updates: u64) -> Vec<f32> {
    let mut w = Architecture::Mlp.initial(key());
    let mut v = vec![0.0; w.len()];
    for step in 0..updates {
        let g = gradient(&w, dealt(1, batch), 0, step);
        for i in 0..w.len() {
            v[i] = momentum * v[i] + g[i];
            w[i] -= rate * v[i];
        }
    }
    w
}

fn gradient(at: &[f32], batches: Batches, worker: u32, step: u64) -> Vec<f32> {
    let (mut images, mut labels) = (Vec::new(), Vec::new());
    few().gather(batches.batch(worker, step), &mut images, &mut labels);
    let mut stream = key().at(Purpose::Dropout, worker, step);
    mlp().gradient(&Arc::new(at.to_vec()), &images, &labels, &mut stream).1
}

fn assert_same_bits(a: &[f32], b: &[f32], what: &str) {
    let other = a.iter().zip(b).filter(|(a, b)| a.to_bits() != b.to_bits()).count();
    assert!(a.len() == b.len() && other == 0, "{what}: {other} of {} parameters differ", a.len());
}

/// Equal up to the rounding of sums in another order, and both far from where they began.
///
/// A sum of n numbers in f32 has a relative error of about 6e-8 sqrt(n), and the gradients, up to about 0.1, are sums of
/// some dozens of products: 1e-8 to 1e-7 an update, which 50 updates at a rate of 0.1 bring to less than 1e-6 if nothing
/// amplifies it (measured: 6e-8). A batch of 63 samples for one of 64 makes 1e-2.
fn assert_near(a: &[f32], b: &[f32], what: &str) {
    let furthest = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    let (apart, way) = (furthest(a, b), furthest(a, &Architecture::Mlp.initial(key())));
    assert!(apart < 1e-6 && way > 1e-2, "{what}: {apart:e} apart after a way of {way:e}");
}

#[test]
fn a_replayed_race_of_networks_ends_on_the_same_bits() {
    /// Goes on until there is nothing more, or so many updates were made.
    fn progress<C: Cluster>(run: &mut Run<C>, updates: u64) -> (Vec<(sim::Time, sim::Event)>, Recording) {
        let (mut events, mut recording, mut done) = (Vec::new(), Recording::default(), 0);
        while let Some(step) = (done < updates).then(|| run.step()).flatten() {
            events.extend(step.events());
            recording.add(&step);
            done += u64::from(!step.orders.update.is_empty());
        }
        (events, recording)
    }
    let workers = 5;
    for policy in policies() {
        let sgd = Sgd { momentum: 0.5, rule: LearningRateRule::PerStaleness, ..PLAIN };
        let (learner, rule) = (learner(workers, 16, sgd), policy.rule(workers).unwrap());
        let mut race = Run::new(rule, threads(&learner, workers));
        let (events, recording) = progress(&mut race, (40 / u64::from(rule.steps)).max(3));

        let mut replay = Run::new(rule, Replay::new(recording.clone(), learner.clone(), workers));
        let (same_events, same_recording) = progress(&mut replay, u64::MAX);
        assert_eq!(replay.cluster().mismatch(), None, "{policy}");
        assert_eq!(same_events, events, "{policy}");
        assert_eq!(same_recording, recording, "{policy}");
        let (raced, told) = (race.cluster().weights(), replay.cluster().weights());
        assert_same_bits(told.values(), raced.values(), &policy.to_string());
        assert_eq!(told.scores(), raced.scores(), "{policy}");
        assert!(raced.values() != learner.initial().values());
    }
}

#[test]
fn staleness_is_conserved_on_real_threads() {
    for policy in policies() {
        let (_, journal) = trained(threads(&learner(5, 4, PLAIN), 5), policy, 5, 20);
        let applied = journal.steps.iter().filter(|step| step.applied_version.is_some()).count();
        assert_eq!(applied, journal.updates.iter().map(|update| update.from.len()).sum::<usize>());
    }
}

#[test]
fn synchronous_workers_are_one_worker_with_a_larger_batch() {
    let one = simulated(Policy::SYNC, 1, 64, PLAIN, 50);
    for (workers, batch) in [(2, 32), (4, 16)] {
        let many = simulated(Policy::SYNC, workers, batch, PLAIN, 50);
        assert_near(&many, &one, &format!("{workers} workers"));
    }
}

#[test]
fn one_asynchronous_worker_is_sequential_sgd() {
    let hand = by_hand(32, PLAIN, 50);
    for policy in ["async", "ssp:2", "k-async:1", "sync"] {
        assert_same_bits(&simulated(policy.parse().unwrap(), 1, 32, PLAIN, 50), &hand, policy);
    }
    let (threaded, _) = trained(threads(&learner(1, 32, PLAIN), 1), Policy::ASYNC, 1, 50);
    assert_same_bits(&threaded, &hand, "on a thread");
}

#[test]
fn momentum_is_kept_by_the_server() {
    let sgd = Sgd { momentum: 0.9, rate: 0.01, ..PLAIN };
    let hand = by_hand(32, sgd, 30);
    assert_same_bits(&simulated(Policy::SYNC, 1, 32, sgd, 30), &hand, "momentum");
    assert!(hand != by_hand(32, Sgd { momentum: 0.0, ..sgd }, 30));
    let many = simulated(Policy::SYNC, 4, 8, sgd, 30);
    assert_near(&many, &hand, "momentum with four workers");
}

#[test]
fn one_local_step_is_sync() {
    for sgd in [PLAIN, Sgd { momentum: 0.9, rate: 0.01, ..PLAIN }] {
        let [sync, local] = [Policy::SYNC, Policy::local(1)].map(|policy| simulated(policy, 3, 16, sgd, 20));
        assert_same_bits(&local, &sync, "local:1");
    }
}

#[test]
fn local_steps_end_at_the_average_of_the_walks() {
    let (workers, steps, batch, rounds) = (3, 4, 16, 6);
    let mut w = Architecture::Mlp.initial(key());
    for round in 0..rounds {
        let mut average = vec![0.0f64; w.len()];
        for worker in 0..workers {
            let mut own = w.clone();
            for step in round * steps..(round + 1) * steps {
                let g = gradient(&own, dealt(workers, batch), worker, step);
                own.iter_mut().zip(&g).for_each(|(own, g)| *own -= PLAIN.rate * g);
            }
            average.iter_mut().zip(&own).for_each(|(average, &own)| *average += f64::from(own) / f64::from(workers));
        }
        w = average.into_iter().map(|average| average as f32).collect();
    }
    let local = simulated(Policy::local(steps as u32), workers, batch, PLAIN, rounds);
    assert_near(&local, &w, "local:4");
}

#[test]
fn a_simulated_training_is_the_same_each_time() {
    for policy in ["async", "k-sync:2", "k-batch-async:3"].map(|name| name.parse::<Policy>().unwrap()) {
        let [first, second] = [(); 2].map(|()| {
            let cluster = Simulated::learning(spec(), key(), 4, learner(4, 16, PLAIN));
            trained(cluster, policy, 4, 30)
        });
        assert_same_bits(&first.0, &second.0, &policy.to_string());
        assert_eq!((first.1.updates, first.1.steps), (second.1.updates, second.1.steps), "{policy}");
    }
}

#[test]
fn synchronous_threads_end_on_the_same_bits_whoever_was_first() {
    let predicted = simulated(Policy::SYNC, 4, 16, PLAIN, 40);
    for _ in 0..3 {
        let (raced, journal) = trained(threads(&learner(4, 16, PLAIN), 4), Policy::SYNC, 4, 40);
        assert_same_bits(&raced, &predicted, "sync on threads");
        assert!(journal.updates.iter().all(|update| update.from.iter().all(|&(_, staleness)| staleness == 0)));
    }
}

#[test]
fn one_worker_is_sequential_without_a_server_and_with_one() {
    for momentum in [0.0, 0.9] {
        let sgd = Sgd { momentum, ..PLAIN };
        let alone = learner(1, 16, sgd);
        let expected = by_hand(16, sgd, 60);
        let commons = Threaded::new(Arc::new(Hogwild::new(alone.clone(), 1)), &draws(), 1, Arc::default()).at_most(60);
        let (hogwild, journal) = trained(commons, Policy::HOGWILD, 1, 60);
        assert_same_bits(&hogwild, &expected, "hogwild alone");
        let (asynchronous, same) = trained(threads(&alone, 1), Policy::ASYNC, 1, 60);
        assert_same_bits(&asynchronous, &expected, "async alone");
        for (ours, theirs) in journal.updates.iter().zip(&same.updates) {
            assert_eq!((&ours.from, &ours.scores), (&theirs.from, &theirs.scores));
        }
    }
}

#[test]
fn a_crowd_without_order_learns_all_the_same() {
    for (workers, momentum) in [(2, 0.5), (8, 0.0)] {
        let learner = learner(workers, 16, Sgd { momentum, ..PLAIN });
        let commons = Arc::new(Hogwild::new(learner.clone(), workers));
        let cluster = Threaded::new(commons, &draws(), workers, Arc::default());
        let (parameters, journal) = trained(cluster, Policy::HOGWILD, workers, 400);
        let before = learner.score(&learner.initial(), &few());
        let after = learner.score(&Weights::new(parameters), &few());
        assert!(after.loss < before.loss / 3.0, "{workers} workers: {before:?}, then {after:?}");
        let (first, last) = (journal.updates.first().expect("many"), journal.updates.last().expect("many"));
        assert!(last.loss() < first.loss(), "{workers} workers");
    }
}

#[test]
fn the_rate_follows_its_rule() {
    use LearningRateRule::{Linear, PerStaleness, Same};
    let with = |rule, rate, policy| simulated(policy, 4, 16, Sgd { rate, rule, ..PLAIN }, 20);
    let same = with(Same, 0.1, Policy::SYNC);
    // Of four: multiplying by a power of two does not round.
    assert_same_bits(&with(Linear, 0.025, Policy::SYNC), &same, "linear with four gradients");
    assert_same_bits(&with(PerStaleness, 0.1, Policy::SYNC), &same, "nothing is stale in sync");
    let stale = with(Same, 0.1, Policy::ASYNC);
    assert_same_bits(&with(Linear, 0.1, Policy::ASYNC), &stale, "linear with one gradient");
    assert!(with(PerStaleness, 0.1, Policy::ASYNC) != stale);

    // A fresh gradient and one that is four updates old, by hand: (1/2) (1 and 1/4).
    let learner = learner(2, 16, Sgd { rule: PerStaleness, ..PLAIN });
    let mut weights = learner.initial();
    let begin = weights.values().to_vec();
    let tasks = [(1, 4), (0, 8)].map(|(worker, base_version)| Task {
        serial: 3,
        first_step: 3,
        base_version,
        ..Task::first(worker, 1)
    });
    let from = tasks.map(|task| learner.gradient(&weights, task));
    learner.update(&mut weights, 9, &tasks, &from);
    let [old, fresh] = [1, 0].map(|worker| gradient(&begin, dealt(2, 16), worker, 3));
    let expected = (0..begin.len()).map(|i| begin[i] - 0.1 * (fresh[i] / 2.0 + old[i] / 8.0));
    assert!(weights.values().iter().zip(expected).all(|(w, expected)| (w - expected).abs() < 1e-7));
}

#[test]
fn a_loss_that_is_no_number_ends_the_run() {
    let mad = Sgd { rate: 1e30, ..PLAIN };
    for policy in policies() {
        let (learner, rule) = (learner(5, 8, mad), policy.rule(5).unwrap());
        let mut run = Run::new(rule, threads(&learner, 5));
        let (journal, end) =
            train(&mut run, 5, 100_000, 10, |_| ControlFlow::Continue(()), |_| ControlFlow::Continue(()));
        let End::Diverged { update } = end else { panic!("{policy}: {end:?}") };
        let (last, before) = journal.updates.split_last().expect("an update");
        assert!(last.update == update && !last.loss().is_finite(), "{policy}");
        assert!(before.iter().all(|update| update.loss().is_finite()) && journal.is_conserved(), "{policy}");
        drop(run);
        assert_eq!(Arc::strong_count(&learner), 1, "{policy}: a thread was left behind");
    }
}

/// The share of the test images that one pass over all digits teaches the mlp.
fn taught(policy: Policy, workers: u32) -> f64 {
    let Dataset { train: all, test } = digits();
    let batches = Batches::new(all.len(), 64, Share::Dealt { workers }, key()).unwrap();
    let learner = Arc::new(Digits::new(mlp(), Arc::new(all.clone()), batches, PLAIN, key()));
    let mut run = Run::new(policy.rule(workers).unwrap(), Simulated::learning(spec(), key(), workers, learner.clone()));
    let (_, end) =
        train(&mut run, workers, 60_000 / 64, 1, |_| ControlFlow::Continue(()), |_| ControlFlow::Continue(()));
    assert_eq!(end, End::Done);
    learner.score(&run.cluster().weights(), test).accuracy
}

#[test]
fn one_epoch_teaches_93_percent_of_the_digits() {
    for (policy, workers) in [(Policy::SYNC, 1), (Policy::SYNC, 2), (Policy::ASYNC, 2)] {
        let accuracy = taught(policy, workers);
        assert!(accuracy > 0.93, "{policy} with {workers} workers: {accuracy}");
    }
}
