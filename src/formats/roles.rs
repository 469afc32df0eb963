//! Which columns name the worker of a row and order its steps.

use crate::formats::refusal::clip;
use crate::formats::sheet::{Cell, Sheet};
use crate::formats::units::words;

/// A column whose name is that of a worker's number: all by itself, or together with the machine it is on.
pub struct Roles {
    /// Columns that together name the worker.
    pub worker: Vec<usize>,
    /// Columns that together order the steps, the slowest to change first.
    pub step: Vec<usize>,
}

/// Names of columns, the better first.
const WORKER: &[&str] = &[
    "worker",
    "worker_id",
    "rank",
    "global_rank",
    "dp_rank",
    "world_rank",
    "mpi_rank",
    "process",
    "process_id",
    "proc",
    "replica",
    "replica_id",
    "client",
    "client_id",
    "trainer",
    "task_id",
];
const MACHINE: &[&str] = &["node", "node_id", "node_rank", "host", "hostname", "machine", "server"];
const PART: &[&str] = &["local_rank", "gpu", "gpu_id", "device", "device_id", "slot"];
const GROUP: &[&str] = &[
    "stage",
    "pp_rank",
    "pipeline_stage",
    "pipeline_rank",
    "pp",
    "tp_rank",
    "tensor_rank",
    "tp",
    "cp_rank",
    "ep_rank",
    "shard",
];
const STEP: &[&str] = &[
    "step",
    "global_step",
    "iter",
    "iteration",
    "it",
    "batch",
    "batch_idx",
    "step_id",
    "iter_id",
    "update",
    "step_num",
    "iteration_id",
];
const OUTER: &[&str] = &["run", "repeat", "trial", "attempt", "restart", "seed", "epoch", "pass"];

impl Roles {
    /// The roles of a sheet's columns, by their names.
    pub fn of(sheet: &Sheet) -> Roles {
        let plain: Vec<String> = sheet.names.iter().map(|name| words(name).join("_")).collect();
        let first = |known: &[&str]| known.iter().find_map(|name| plain.iter().position(|n| n == name));
        let full = |column: &usize| !sheet.columns[*column].iter().all(|cell| *cell == Cell::Missing);
        let mut worker: Vec<usize> = match first(WORKER).filter(full) {
            Some(worker) => vec![worker],
            None => [MACHINE, PART].into_iter().filter_map(first).filter(full).collect(),
        };
        let mut step: Vec<usize> = OUTER.iter().filter_map(|name| plain.iter().position(|n| n == name)).collect();
        match first(STEP).filter(full) {
            Some(column) => step.push(column),
            None => step.clear(),
        }
        // A rank among those of its stage is a worker together with the stage.
        if !worker.is_empty() && !step.is_empty() && !is_unique(sheet, worker.iter().chain(&step)) {
            worker.splice(0..0, GROUP.iter().filter_map(|name| plain.iter().position(|n| n == name)));
        }
        Roles { worker, step }
    }

    /// The worker of each row, as numbers from 0 in the order of the workers' names, and the names. One for all if no column
    /// names workers.
    pub fn workers(&self, sheet: &Sheet) -> (Vec<u32>, Vec<String>) {
        let key =
            |row: usize| -> Vec<Key> { self.worker.iter().map(|&c| Key::of(sheet, sheet.columns[c][row])).collect() };
        let keys: Vec<Vec<Key>> = (0..sheet.rows()).map(key).collect();
        let mut distinct: Vec<&Vec<Key>> = keys.iter().collect();
        distinct.sort();
        distinct.dedup();
        let number = |key: &Vec<Key>| distinct.binary_search(&key).expect("one of them") as u32;
        let label = |key: &Vec<Key>| key.iter().map(Key::label).collect::<Vec<_>>().join("/");
        (keys.iter().map(number).collect(), distinct.iter().map(|key| label(key)).collect())
    }
}

/// Whether no two rows have the same cells in these columns.
fn is_unique<'a>(sheet: &Sheet, columns: impl Iterator<Item = &'a usize> + Clone) -> bool {
    let key = |row: usize| columns.clone().map(|&c| Key::of(sheet, sheet.columns[c][row])).collect::<Vec<Key>>();
    let mut keys: Vec<Vec<Key>> = (0..sheet.rows()).map(key).collect();
    keys.sort_unstable();
    keys.windows(2).all(|pair| pair[0] != pair[1])
}

/// A part of a worker's name: numbers come in the order of numbers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Missing,
    Number(i64),
    /// What stands before the number at the end, the number, and all of it: `rank_2` comes before `rank_10`.
    Text(String, u64, String),
}

impl Key {
    fn of(sheet: &Sheet, cell: Cell) -> Key {
        match cell {
            Cell::Missing => Key::Missing,
            Cell::Number(n, None) if n.fract() == 0.0 && n.abs() < 1e15 => Key::Number(n as i64),
            other => {
                let text = sheet.text(other);
                let stem = text.trim_end_matches(|c: char| c.is_ascii_digit());
                let number = text[stem.len()..].parse().unwrap_or(0);
                Key::Text(stem.to_string(), number, text)
            }
        }
    }

    fn label(&self) -> String {
        match self {
            Key::Missing => "?".to_string(),
            Key::Number(n) => n.to_string(),
            Key::Text(_, _, text) => clip(text),
        }
    }
}
