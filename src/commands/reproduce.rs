//! `straggle reproduce`: published experiments with their published setting, and ours beside the published figures.

pub mod comparison;
mod experiment;
mod gated;
mod nodes;
mod published;
mod tradeoff;
mod words;

use crate::cli::Common;
use crate::cli::reproduce::{Name, Reproduce};
use crate::commands::scaling::{Measured, measure};
use crate::commands::simulate::IterationTime;
use crate::error::Error;
use crate::figures::{self, Figure};
use crate::finished::Finished;
use crate::report::{Command, Job, Outcome, Report};
use crate::rows::{Row, Table, Tables};
use crate::session::Session;
use clap::ValueEnum;
use comparison::{ComparisonRow, Pair};
use experiment::PublishedExperiment;
use std::path::PathBuf;
use tradeoff::{CrossingRow, GoalRow, TradeoffRow};

use crate::commands::scaling::{EpochRow, ScalingRow};

impl Reproduce {
    /// One run for each experiment.
    pub fn each(self) -> Vec<Reproduce> {
        match self.experiment {
            Name::All => {
                let names = Name::value_variants()
                    .iter()
                    .filter(|&&name| name != Name::All && (cfg!(feature = "mpi") || name != Name::E5));
                let one = |&experiment| {
                    let repeats = self.repeats.filter(|_| !matches!(experiment, Name::E0 | Name::E5 | Name::E7));
                    Reproduce { experiment, repeats, ..self.clone() }
                };
                names.map(one).collect()
            }
            Name::E0 | Name::E1 | Name::E2 | Name::E3 | Name::E4 | Name::E5 | Name::E7 => vec![self],
        }
    }
}

impl Command for Reproduce {
    const NAME: &'static str = "reproduce";
    const TABLES: &'static [Table] = &[
        Table::of::<IterationTime>(),
        Table::of::<ComparisonRow>(),
        Table::of::<ScalingRow>(),
        Table::of::<EpochRow>(),
        Table::of::<TradeoffRow>(),
        Table::of::<GoalRow>(),
        Table::of::<CrossingRow>(),
    ];
    const FIGURES: &'static [&'static str] = &[
        "comparison",
        "epochs",
        "time_by_size",
        "tradeoff_exp",
        "tradeoff_pareto",
        "tradeoff_digits_exp",
        "tradeoff_digits_pareto",
    ];

    fn common(&self) -> &Common {
        &self.common
    }

    fn directory(&self) -> PathBuf {
        let parent = self.common.out.clone().unwrap_or_else(|| PathBuf::from("output/reproduce"));
        parent.join(format!("{}{}", self.experiment, if self.quick { "-quick" } else { "" }))
    }

    // Trials are measured, and not again until somebody wants that.
    fn forgets(&self) -> bool {
        matches!(self.experiment, Name::E5 | Name::E7)
    }

    fn prepare<'a>(&'a self, session: &'a Session) -> Result<Job<'a>, Error> {
        if let (Some(_), Name::E0 | Name::E5 | Name::E7) = (self.repeats, self.experiment) {
            return Err(Error::Usage(format!("{} is run once; leave --repeats out", self.experiment)));
        }
        if self.experiment == Name::E5 {
            return nodes::prepare(self, session);
        }
        if self.experiment == Name::E7 {
            return tradeoff::prepare(self, session);
        }
        let Some(experiment) = PublishedExperiment::new(self) else { return gated::prepare(self, session) };
        for setting in &experiment.settings {
            setting.plan.check()?;
        }
        let data = experiment.settings[0].plan.dataset()?;
        Ok(Box::new(move |directory| {
            experiment.settings[0].plan.note(session);
            let finished = Finished::open(directory, &[]);
            let (mut measured, mut pairs) = (Vec::new(), Vec::new());
            for setting in &experiment.settings {
                let one = measure(setting.plan.clone(), &data, &setting.plan.net()?, session, &finished, None)?;
                pairs.extend(comparison::pairs(&experiment, setting, &one));
                let broke = one.broke.is_some();
                measured.push(one);
                if broke {
                    break;
                }
            }
            Ok(Box::new(Reproduction { experiment, measured, pairs, quick: self.quick }))
        }))
    }
}

/// Ours beside what was published.
struct Reproduction {
    experiment: PublishedExperiment,
    /// Of each setting, as far as they were measured.
    measured: Vec<Measured>,
    pairs: Vec<Pair>,
    quick: bool,
}

impl Report for Reproduction {
    fn tables(&self, tables: &mut Tables) {
        tables.add(self.pairs.iter().flat_map(Pair::rows));
        Measured::add_rows(&self.measured, tables);
    }

    fn figures(&self) -> Vec<(&'static str, Figure)> {
        let plan = &self.experiment.settings[0].plan;
        let mut figures = vec![
            ("comparison", figures::reproduce::comparison(plan, &self.pairs)),
            ("epochs", figures::scaling::epochs(&self.measured[0])),
        ];
        if plan.samples.len() > 1 {
            figures.push(("time_by_size", figures::scaling::time_by_size(&self.measured[0])));
        }
        figures
    }

    fn text(&self) -> String {
        words::report(&self.experiment, &self.measured, &self.pairs, self.quick)
    }

    fn outcome(&self) -> Outcome {
        self.measured.last().expect("an experiment has a setting").outcome()
    }
}

impl Row for ComparisonRow {
    const TABLE: &'static str = "comparison";
}
