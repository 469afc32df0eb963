//! E0: the model behind `simulate` as it was published, with fresh draws at each iteration.

use super::{Name, Reproduce};
use crate::commands::simulate::{Simulation, simulate};
use crate::error::Error;
use crate::figures::{self, Figure};
use crate::report::{Job, Outcome, Report};
use crate::rows::Tables;
use crate::session::Session;
use crate::text::{digits, table};
use serde::Deserialize;
use sim::theory::harmonic;
use sim::{ClusterSpec, Experiment, Length, Model, Observation, Policy};
use std::fmt::Write;

const RATE: f64 = 2.0;
const MOST: u32 = 20;

/// What was published of m workers.
#[derive(Deserialize)]
struct Published {
    workers: u32,
    sync_s: f64,
    async_s: f64,
}

/// Makes it ready to run: with a fifth of the published iterations, if it is to be quick.
pub fn prepare<'a>(arguments: &'a Reproduce, session: &'a Session) -> Result<Job<'a>, Error> {
    let iterations = if arguments.quick { 1000 } else { 5000 };
    let experiment = Experiment {
        policies: vec![Policy::SYNC, Policy::ASYNC],
        workers: (1..=MOST).collect(),
        spec: ClusterSpec::new(format!("exp({RATE})").parse().expect("a law")),
        model: Model::Gated,
        length: Length::Updates(iterations),
        seed: arguments.common.seed,
        deadline_s: None,
    };
    Ok(Box::new(move |_| {
        let simulation = simulate(experiment.clone(), experiment.cells().0, None, None, session)?;
        Ok(Box::new(Gated { simulation, iterations }))
    }))
}

struct Gated {
    simulation: Simulation,
    iterations: u64,
}

impl Report for Gated {
    fn tables(&self, tables: &mut Tables) {
        self.simulation.tables(tables);
    }

    fn figures(&self) -> Vec<(&'static str, Figure)> {
        vec![("comparison", figures::reproduce::gated(&self.simulation.observations, RATE))]
    }

    fn text(&self) -> String {
        words(&self.simulation.observations, self.iterations)
    }

    fn outcome(&self) -> Outcome {
        self.simulation.outcome()
    }
}

fn words(observations: &[Observation], iterations: u64) -> String {
    let of = |policy, m| observations.iter().find(|o| (o.cell.policy, o.cell.rule.workers) == (policy, m));
    let ours = |policy, m| {
        of(policy, m).map_or_else(String::new, |o| {
            format!(
                "{} ± {}",
                digits(o.mean.mean, 5),
                o.mean.half_width().map_or("–".to_string(), |half| digits(half, 2))
            )
        })
    };
    let rows = (1..=MOST).map(|m| {
        let exact = [harmonic(m) / RATE, 1.0 / (f64::from(m) * RATE)].map(|seconds| digits(seconds, 5));
        let [sync, r#async] = exact;
        [m.to_string(), sync, ours(Policy::SYNC, m), r#async, ours(Policy::ASYNC, m)]
    });
    let mut text = format!(
        "{}: the gated model, mean seconds per iteration of m workers with steps exp({RATE}); {iterations} iterations\n\n{}",
        Name::E0,
        table(["m", "sync, exact", "ours", "async, exact", "ours"], rows),
    );
    let table = include_str!("published/e0.csv");
    for row in csv::Reader::from_reader(table.as_bytes()).into_deserialize::<Published>() {
        let row = row.expect("the table in the program is whole");
        let ours = |policy| of(policy, row.workers).map_or(f64::NAN, |o| o.mean.mean);
        let _ = writeln!(
            text,
            "\nPublished for m = {}: {} s and {} s; ours: {} s and {} s.",
            row.workers,
            row.sync_s,
            row.async_s,
            digits(ours(Policy::SYNC), 5),
            digits(ours(Policy::ASYNC), 5)
        );
    }
    text.push_str(
        "- An asynchronous iteration as the least of m fresh draws is right for the exponential law only, which forgets how long a worker has been at work.\n",
    );
    text
}
