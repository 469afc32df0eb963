//! Published beside ours: the same quantities of the same configurations, as a table and as rows.

use super::Name;
use super::experiment::{PublishedExperiment, Setting};
use super::published::{Published, speedup};
use crate::commands::scaling::Measured;
use crate::commands::scaling::summary::Summary;
use crate::text::{columns, digits, or_dash};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A published run, and ours.
pub struct Pair {
    /// Published.
    pub row: Published,
    /// Published seconds on the wall.
    pub wall_s: f64,
    /// From the published times.
    pub speedup: f64,
    /// Ours.
    pub line: Summary,
}

/// A quantity of both.
pub struct Quantity {
    /// The name in the table.
    pub label: &'static str,
    /// The name in `comparison.csv`.
    pub column: &'static str,
    /// Published.
    pub published: fn(&Pair) -> Option<f64>,
    /// Ours.
    pub ours: fn(&Pair) -> f64,
    /// Significant digits.
    pub digits: usize,
}

/// All that can be compared; the first three and the fourth are drawn.
pub const QUANTITIES: [Quantity; 8] = [
    Quantity { label: "time s", column: "time_s", published: |p| Some(p.wall_s), ours: |p| p.line.time_s, digits: 4 },
    Quantity {
        label: "speed-up",
        column: "speedup",
        published: |p| Some(p.speedup),
        ours: |p| p.line.speedup,
        digits: 3,
    },
    Quantity {
        label: "efficiency %",
        column: "efficiency",
        published: |p| Some(100.0 * p.speedup / f64::from(p.row.workers)),
        ours: |p| 100.0 * p.line.efficiency(),
        digits: 3,
    },
    Quantity {
        label: "test accuracy %",
        column: "test_accuracy",
        published: |p| p.row.test_accuracy,
        ours: |p| 100.0 * p.line.test.accuracy,
        digits: 4,
    },
    Quantity {
        label: "test loss",
        column: "test_loss",
        published: |p| p.row.test_loss,
        ours: |p| p.line.test.loss,
        digits: 3,
    },
    Quantity {
        label: "training loss",
        column: "train_loss",
        published: |p| p.row.train_loss,
        ours: |p| p.line.train.loss,
        digits: 3,
    },
    Quantity {
        label: "training accuracy %",
        column: "train_accuracy",
        published: |p| p.row.train_accuracy,
        ours: |p| 100.0 * p.line.train.accuracy,
        digits: 4,
    },
    Quantity {
        label: "staleness",
        column: "mean_staleness",
        published: |_| None,
        ours: |p| p.line.staleness,
        digits: 2,
    },
];

/// All published runs that we have too. Where there is one number of images, or one policy, it need not be the published one.
pub fn pairs(experiment: &PublishedExperiment, setting: &Setting, measured: &Measured) -> Vec<Pair> {
    let wall_s = |row: &Published| match experiment.name {
        Name::E2 => row.time_s / f64::from(row.workers),
        Name::E0 | Name::E1 | Name::E3 | Name::E4 | Name::E5 | Name::E7 | Name::All => row.time_s,
    };
    let lines = measured.summaries();
    let all = &experiment.published;
    let pair = |row: &Published| {
        let same = |line: &&Summary| {
            let samples = setting.plan.samples.len() == 1 || line.samples == row.samples;
            let method = setting.plan.policies.len() == 1 || line.method == row.method;
            line.workers == row.workers && samples && method
        };
        let line = *lines.iter().find(same)?;
        let series = match setting.label {
            "" => row.series.clone(),
            label => format!("{}, {label}", row.series),
        };
        let (wall, speedup) = (wall_s(row), speedup(row, all, wall_s));
        Some(Pair { row: Published { series, ..row.clone() }, wall_s: wall, speedup, line })
    };
    all.iter().filter_map(pair).collect()
}

/// The table, each entry "published | ours".
pub fn table(pairs: &[Pair]) -> String {
    let known = |quantity: &&Quantity| pairs.iter().any(|pair| (quantity.published)(pair).is_some());
    let is_stale = pairs.iter().any(|pair| pair.line.staleness > 0.0);
    let always = |quantity: &&Quantity| {
        known(quantity) || quantity.column == "test_accuracy" || (is_stale && quantity.column == "mean_staleness")
    };
    let quantities: Vec<&Quantity> = QUANTITIES.iter().filter(always).collect();
    let header: Vec<&str> =
        ["series", "images", "m"].into_iter().chain(quantities.iter().map(|quantity| quantity.label)).collect();
    let row = |pair: &Pair| {
        let number = |value: Option<f64>, n| or_dash(value, |value| digits(value, n));
        let both = |q: &&Quantity| {
            format!("{} | {}", number((q.published)(pair), q.digits), number(Some((q.ours)(pair)), q.digits))
        };
        let start = [pair.row.series.clone(), pair.line.samples.to_string(), pair.row.workers.to_string()];
        start.into_iter().chain(quantities.iter().map(both)).collect()
    };
    columns(&header, pairs.iter().map(row))
}

/// A row of `comparison.csv`: one quantity of one configuration.
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct ComparisonRow {
    /// Its name in the source.
    series: String,
    /// The policy.
    method: String,
    workers: u32,
    samples: usize,
    quantity: String,
    published: Option<f64>,
    ours: f64,
}

impl ComparisonRow {
    /// Seconds per iteration of one of so many ranks.
    pub fn of_rank(rank: u32, ranks: u32, samples: usize, published: f64, ours: f64) -> ComparisonRow {
        ComparisonRow {
            series: format!("rank {rank} of {ranks}"),
            method: "sync".to_string(),
            workers: ranks,
            samples,
            quantity: "iteration_s".to_string(),
            published: Some(published),
            ours,
        }
    }
}

impl Pair {
    /// A row for each quantity.
    pub fn rows(&self) -> impl Iterator<Item = ComparisonRow> + '_ {
        QUANTITIES.iter().map(|quantity| ComparisonRow {
            series: self.row.series.clone(),
            method: self.line.method.to_string(),
            workers: self.row.workers,
            samples: self.line.samples,
            quantity: quantity.column.to_string(),
            published: (quantity.published)(self),
            ours: (quantity.ours)(self),
        })
    }
}
