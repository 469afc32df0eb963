//! How long does a step take? Loss, gradient and SGD of a batch on one core; and the server's work on an update. Beside it,
//! `step.py` measures the same steps of the same networks in PyTorch on one thread.
//!
//! `cargo bench --workspace --profile dev --bench step`: the profile of everything else, already compiled. A shared machine slows either down for seconds at a time: alternate the two, and compare the
//! fastest runs or the medians.

use divan::{Bencher, black_box};
use sim::{Learner, Purpose, RandomKey, Task};
use std::sync::Arc;
use straggle_validation::models::net::device;
use straggle_validation::{Architecture, Batches, Dataset, Digits, LearningRateRule, Net, Sgd, Share};

/// The program's own.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    divan::main();
}

const RATE: f32 = 0.01;

fn key() -> RandomKey {
    RandomKey::new(1, 0)
}

/// Loss, gradient, and the step that follows from it.
fn step(bencher: Bencher, architecture: Architecture, batch: usize) {
    let (mut images, mut labels) = (Vec::new(), Vec::new());
    Dataset::embedded().train.gather(0..batch, &mut images, &mut labels);
    let net = Net::new(architecture, &device());
    let mut parameters = Arc::new(architecture.initial(key()));
    let mut serial = 0;
    bencher.bench_local(|| {
        serial += 1;
        let mut dropout = key().at(Purpose::Dropout, 0, serial);
        let (score, gradient) = net.gradient(&parameters, &images, &labels, &mut dropout);
        Arc::make_mut(&mut parameters).iter_mut().zip(&gradient).for_each(|(w, g)| *w -= RATE * g);
        black_box(score)
    });
}

#[divan::bench(args = [32, 64, 256], sample_count = 300, sample_size = 1)]
fn mlp(bencher: Bencher, batch: usize) {
    step(bencher, Architecture::Mlp, batch);
}

#[divan::bench(args = [32, 64, 256], sample_count = 50, sample_size = 1)]
fn lenet(bencher: Bencher, batch: usize) {
    step(bencher, Architecture::Lenet, batch);
}

/// The server averages so many gradients of the mlp's 203 530 parameters and applies them. With one gradient somebody still
/// reads the old parameters, as under async, and new ones are written; with several, nobody does, as under sync.
#[divan::bench(args = [1, 2, 8], sample_count = 300, sample_size = 1)]
fn update(bencher: Bencher, gradients: u32) {
    let few = Arc::new(Dataset::embedded().train.first(640));
    let batches = Batches::new(few.len(), 1, Share::Dealt { workers: gradients }, key()).expect("enough for all");
    let sgd = Sgd { rate: RATE, momentum: 0.0, rule: LearningRateRule::Same };
    let learner = Digits::new(Net::new(Architecture::Mlp, &device()), few, batches, sgd, key());
    let tasks: Vec<_> = (0..gradients).map(|worker| Task::first(worker, 1)).collect();
    let mut weights = learner.initial();
    let handed_in: Vec<_> = tasks.iter().map(|&task| learner.gradient(&weights, task)).collect();
    bencher.bench_local(|| {
        let reader = (gradients == 1).then(|| weights.clone());
        learner.update(&mut weights, 1, &tasks, &handed_in);
        reader
    });
}
