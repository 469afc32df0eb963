//! Asynchronous workers in nexosim: one model that sends itself an event for every worker, on one thread.

use nexosim::model::{Context, Model, schedulable};
use nexosim::ports::EventSource;
use nexosim::simulation::{Mailbox, SimInit};
use nexosim::time::MonotonicTime;
use rand::SeedableRng;
use rand::rngs::Xoshiro256PlusPlus;
use rand_distr::{Distribution, Exp1};
use serde::{Deserialize, Serialize};
use std::cell::RefCell;
use std::time::{Duration, Instant};

thread_local! {
    static LUCK: RefCell<Xoshiro256PlusPlus> = RefCell::new(Xoshiro256PlusPlus::seed_from_u64(0));
}

#[derive(Default, Serialize, Deserialize)]
struct Server {
    version: u64,
    staleness: u64,
    base: Vec<u64>,
}

#[Model]
impl Server {
    fn begin(&mut self, workers: usize, cx: &Context<Self>) {
        self.base = vec![0; workers];
        (0..workers).for_each(|worker| self.start(worker, cx));
    }

    fn start(&mut self, worker: usize, cx: &Context<Self>) {
        let seconds: f64 = LUCK.with_borrow_mut(|luck| Exp1.sample(luck));
        self.base[worker] = self.version;
        let delay = Duration::from_nanos((seconds * 0.5e9) as u64 + 1);
        cx.schedule_event(delay, schedulable!(Self::hand_in), worker).expect("a delay");
    }

    #[nexosim(schedulable)]
    fn hand_in(&mut self, worker: usize, cx: &Context<Self>) {
        self.staleness += self.version - self.base[worker];
        self.version += 1;
        self.start(worker, cx);
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut next = || arguments.next().ok_or("type: nexosim-async WORKERS UPDATES");
    let (workers, updates): (usize, u64) = (next()?.parse()?, next()?.parse()?);
    let mailbox = Mailbox::new();
    let mut bench = SimInit::with_num_threads(1);
    let begin = EventSource::new().connect(Server::begin, &mailbox).register(&mut bench);
    let mut simulation = bench.add_model(Server::default(), mailbox, "server").init(MonotonicTime::EPOCH)?;
    simulation.process_event(&begin, workers)?;
    let began = Instant::now();
    for _ in 0..updates {
        simulation.step()?;
    }
    println!("{}", began.elapsed().as_secs_f64());
    Ok(())
}
