//! Does a graphics card compute what the processor computes? Steps of training on both, on the same batches, where there is
//! a card; a software one counts. Where there is none, the tests are ignored, and say why. Built with `--features gpu` only.

use burn::tensor::Device;
use libtest_mimic::{Arguments, Trial};
use sim::{ClusterSpec, Policy, RandomKey, Run, Simulated, Variates};
use std::ops::ControlFlow;
use std::process::ExitCode;
use std::sync::{Arc, OnceLock};
use straggle_validation::run::training::Journal;
use straggle_validation::{
    Architecture, Backend, Batches, Dataset, Digits, End, LearningRateRule, ModelState, Net, Sgd, Share, Threaded,
    train,
};

/// Both add the same numbers in different orders: a single-precision sum of some hundred terms is good to about 1e-6 of
/// its size, and a few steps of training carry that on without much amplifying it.
const TOLERANCE: f64 = 1e-4;

fn main() -> ExitCode {
    let card = Backend::Gpu.device().inspect_err(|reason| eprintln!("{reason}")).ok();
    let test = |name: &str, test: fn(&Device)| {
        let (ignored, card) = (card.is_none(), card.clone());
        let run = move || {
            test(&card.expect("ignored without one"));
            Ok(())
        };
        Trial::test(name, run).with_ignored_flag(ignored)
    };
    let tests = vec![
        test("a_card_trains_as_the_processor_does", a_card_trains_as_the_processor_does),
        test("workers_on_threads_share_a_card", workers_on_threads_share_a_card),
    ];
    libtest_mimic::run(&Arguments::from_args(), tests).exit_code()
}

fn digits() -> &'static Dataset {
    static DIGITS: OnceLock<Dataset> = OnceLock::new();
    DIGITS.get_or_init(Dataset::embedded)
}

fn spec() -> ClusterSpec {
    ClusterSpec::new("exp(2)".parse().unwrap())
}

fn learner(architecture: Architecture, device: &Device) -> Arc<Digits> {
    let key = RandomKey::new(8, 0);
    let few = Arc::new(digits().train.first(2000));
    let batches = Batches::new(few.len(), 32, Share::Dealt { workers: 2 }, key).unwrap();
    let sgd = Sgd { rate: 0.1, momentum: 0.0, rule: LearningRateRule::Same };
    Arc::new(Digits::new(Net::new(architecture, device), few, batches, sgd, key))
}

/// Batch losses of some updates.
fn journal<C: sim::Cluster + ModelState>(cluster: C, updates: u64) -> Journal {
    let rule = Policy::ASYNC.rule(2).unwrap();
    let (journal, end) = train(
        &mut Run::new(rule, cluster),
        2,
        updates,
        1,
        |_| ControlFlow::Continue(()),
        |_| ControlFlow::Continue(()),
    );
    assert_eq!((end, journal.updates.len() as u64), (End::Done, updates));
    assert!(journal.is_conserved());
    journal
}

fn near(card: f64, processor: f64, what: &str) {
    assert!((card - processor).abs() < TOLERANCE * processor.abs().max(0.1), "{what}: {card} for {processor}");
}

fn a_card_trains_as_the_processor_does(card: &Device) {
    let test = digits().test.first(300);
    for (architecture, updates) in
        [(Architecture::Softmax, 10), (Architecture::Mlp, 10), (Architecture::LenetSmall, 4), (Architecture::Lenet, 4)]
    {
        let [on_card, on_processor] = [card, &Backend::Cpu.device().unwrap()].map(|device| {
            let learner = learner(architecture, device);
            let journal = journal(Simulated::learning(spec(), RandomKey::new(8, 0), 2, learner.clone()), updates);
            let score = learner.score(&journal.snapshots.last().unwrap().weights, &test);
            (journal, score)
        });
        let losses = on_card.0.updates.iter().zip(&on_processor.0.updates);
        for (update, (card, processor)) in losses.enumerate() {
            near(card.loss(), processor.loss(), &format!("{architecture}, update {update}"));
        }
        near(on_card.1.loss, on_processor.1.loss, &format!("{architecture}, test loss"));
        let wrong = (on_card.1.accuracy - on_processor.1.accuracy).abs() * test.len() as f64;
        assert!(wrong < 1.5, "{architecture}: {wrong} of {} images are told otherwise", test.len());
        let [first, last] = [&on_card.0.updates[0], on_card.0.updates.last().unwrap()].map(|update| update.loss());
        println!("{architecture}: loss {first:.6} to {last:.6} on the card in {updates} updates, as on the processor");
    }
}

fn workers_on_threads_share_a_card(card: &Device) {
    let learner = learner(Architecture::Softmax, card);
    let threads = Threaded::new(learner, &Variates::new(&spec(), RandomKey::new(8, 0)), 2, Arc::default());
    let journal = journal(threads, 40);
    let [first, last] = [&journal.updates[0], journal.updates.last().unwrap()].map(|update| update.loss());
    assert!(last < first, "loss {first} to {last}");
}
