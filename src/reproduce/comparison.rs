//! Published beside ours: the same quantities of the same cells, as a table and as rows.

use super::args::Name;
use super::experiment::Experiment;
use super::published::{Row, speedup};
use crate::report::rows::csv;
use crate::report::table::digits;
use crate::scaling::Measured;
use crate::scaling::summary::Line;
use comfy_table::{CellAlignment, ContentArrangement, Table};

/// A published run, and ours.
pub struct Pair {
    /// Published.
    pub row: Row,
    /// Published seconds on the wall.
    pub wall_s: f64,
    /// From the published times.
    pub speedup: f64,
    /// Ours.
    pub line: Line,
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
pub const QUANTITIES: [Quantity; 7] = [
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
];

/// All published runs that we have too. Where there is one number of images, it need not be the published one.
pub fn pairs(experiment: &Experiment, measured: &Measured) -> Vec<Pair> {
    let wall_s = |row: &Row| match experiment.name {
        Name::E2 => row.time_s / f64::from(row.workers),
        Name::E0 | Name::E1 | Name::E3 | Name::E4 => row.time_s,
    };
    let lines = measured.lines();
    let all = &experiment.published;
    let pair = |row: &Row| {
        let same = |line: &&Line| {
            let samples = experiment.plan.samples.len() == 1 || line.samples == row.samples;
            (line.method, line.workers, samples) == (row.method, row.workers, true)
        };
        let line = *lines.iter().find(same)?;
        Some(Pair { row: row.clone(), wall_s: wall_s(row), speedup: speedup(row, all, wall_s), line })
    };
    all.iter().filter_map(pair).collect()
}

/// The table, each cell "published | ours".
pub fn table(pairs: &[Pair]) -> String {
    let known = |quantity: &&Quantity| pairs.iter().any(|pair| (quantity.published)(pair).is_some());
    let always = |quantity: &&Quantity| known(quantity) || quantity.column == "test_accuracy";
    let quantities: Vec<&Quantity> = QUANTITIES.iter().filter(always).collect();
    let mut table = Table::new();
    table.load_preset("     ──            ").set_content_arrangement(ContentArrangement::Disabled);
    let heads = quantities.iter().map(|quantity| quantity.label.to_string());
    table.set_header(["series", "images", "m"].map(String::from).into_iter().chain(heads));
    for pair in pairs {
        let number = |value: Option<f64>, n| value.map_or("–".to_string(), |value| digits(value, n));
        let both = |q: &&Quantity| {
            format!("{} | {}", number((q.published)(pair), q.digits), number(Some((q.ours)(pair)), q.digits))
        };
        let cell = [pair.row.series.clone(), pair.line.samples.to_string(), pair.row.workers.to_string()];
        table.add_row(cell.into_iter().chain(quantities.iter().map(both)));
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.to_string()
}

/// `comparison.csv`: one row for each quantity of each cell.
pub fn comparison(pairs: &[Pair]) -> Vec<u8> {
    let rows = pairs.iter().flat_map(|pair| {
        QUANTITIES.iter().map(move |quantity| {
            [
                pair.row.series.clone(),
                pair.row.method.to_string(),
                pair.row.workers.to_string(),
                pair.line.samples.to_string(),
                quantity.column.to_string(),
                (quantity.published)(pair).map(|value| value.to_string()).unwrap_or_default(),
                (quantity.ours)(pair).to_string(),
            ]
        })
    });
    csv(&["series", "method", "workers", "samples", "quantity", "published", "ours"], rows)
}
