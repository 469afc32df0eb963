//! Which columns of a table of runs are the workers, the links, the times.

use crate::formats::sheet::{Cell, Sheet};
use crate::formats::units::{Unit, words};

/// Names of columns, in words joined by `_`.
const WORKERS: &[&str] = &[
    "workers",
    "num_workers",
    "n_workers",
    "world_size",
    "worldsize",
    "replicas",
    "num_replicas",
    "ranks",
    "num_ranks",
    "nranks",
    "gpus",
    "num_gpus",
    "n_gpus",
    "ngpus",
    "gpu_count",
    "devices",
    "num_devices",
    "processes",
    "num_processes",
    "nproc",
];
const MACHINES: &[&str] =
    &["machines", "num_machines", "nodes", "num_nodes", "n_nodes", "nnodes", "hosts", "num_hosts"];
const PLACEMENT: &[&str] = &["placement"];
const LOCAL_STEPS: &[&str] = &["local_steps", "h", "tau", "inner_steps", "local_iters", "sync_every", "sync_interval"];
const RUN: &[&str] = &["run", "repeat", "trial", "attempt", "seed"];
const STEP: &[&str] = &["step", "global_step", "iter", "iteration"];
const SYNCED: &[&str] = &["synced", "is_sync", "did_sync", "syncs"];

/// The columns of such a table.
pub(super) struct Roles {
    pub(super) workers: Option<usize>,
    pub(super) machines: Option<usize>,
    pub(super) placement: Option<usize>,
    pub(super) local_steps: Option<usize>,
    pub(super) link: Option<usize>,
    pub(super) run: Option<usize>,
    pub(super) step: Option<usize>,
    pub(super) synced: Option<usize>,
    pub(super) computing: Option<usize>,
    pub(super) total: Option<usize>,
    pub(super) communication: usize,
}

impl Roles {
    /// The roles of a sheet's columns; `None` if it is no such table: no column of communication, one worker a row, or all rows
    /// of one configuration.
    pub(super) fn of(sheet: &Sheet) -> Option<Roles> {
        let plain: Vec<String> = sheet.names.iter().map(|name| words(name).join("_")).collect();
        let first = |known: &[&str]| known.iter().find_map(|name| plain.iter().position(|n| n == name));
        let has = |c: usize, any: &[&str]| words(&sheet.names[c]).iter().any(|word| any.contains(&word.as_str()));
        let is_number = |c: usize| {
            let numbers = |cell: &Cell| matches!(cell, Cell::Number(n, _) if *n >= 0.0) || *cell == Cell::Missing;
            sheet.columns[c].iter().all(numbers)
        };
        let is_time = |c: usize| is_number(c) && (has(c, TIMELY) || Unit::of_name(&sheet.names[c]).is_some());
        let all = || 0..sheet.names.len();
        let communication = all().find(|&c| is_time(c) && has(c, COMMUNICATION))?;
        let computing = all().find(|&c| c != communication && is_time(c) && has(c, COMPUTING));
        let is_total = |&c: &usize| c != communication && Some(c) != computing && is_time(c) && !has(c, STAMPS);
        let total = all().filter(is_total).max_by_key(|&c| has(c, &["step", "iter", "iteration", "wall", "total"]));
        let roles = Roles {
            workers: first(WORKERS),
            machines: first(MACHINES),
            placement: first(PLACEMENT),
            local_steps: first(LOCAL_STEPS),
            link: all().find(|&c| has(c, &["bandwidth", "bw"])),
            run: first(RUN),
            step: first(STEP),
            synced: first(SYNCED),
            computing,
            total,
            communication,
        };
        let names_a_worker = !crate::formats::roles::Roles::of(sheet).worker.is_empty();
        let is_several = |column: Option<usize>| column.is_some_and(|c| distinct(sheet, c).len() > 1);
        let differ = [roles.workers, roles.placement, roles.link, roles.local_steps].into_iter().any(is_several);
        let counts = roles.workers.is_some() || roles.placement.is_some();
        let timed = computing.is_some() || total.is_some();
        (!names_a_worker && counts && timed && differ).then_some(roles)
    }

    pub(super) fn all(&self) -> Vec<usize> {
        let one = [self.workers, self.machines, self.placement, self.local_steps, self.link, self.run, self.step];
        let others = [self.synced, self.computing, self.total, Some(self.communication)];
        one.into_iter().chain(others).flatten().collect()
    }
}

const TIMELY: &[&str] = &["time", "times", "duration", "seconds", "latency", "elapsed"];
const COMMUNICATION: &[&str] =
    &["sync", "comm", "communication", "blocked", "allreduce", "reduce", "network", "exchange", "exposed"];
const COMPUTING: &[&str] = &["compute", "computing", "computation", "grad", "gradient", "forward", "fwd"];
const STAMPS: &[&str] = &["start", "end", "stamp", "timestamp", "since", "epoch", "eval", "val", "data"];

/// The texts of a column, once each, in order.
pub(super) fn distinct(sheet: &Sheet, column: usize) -> Vec<String> {
    let mut texts: Vec<String> = Vec::new();
    for &cell in &sheet.columns[column] {
        let text = sheet.text(cell);
        if !texts.contains(&text) {
            texts.push(text);
        }
        if texts.len() > MOST_VALUES {
            break;
        }
    }
    texts
}

/// Values by which rows may be chosen, at most.
pub(super) const MOST_VALUES: usize = 64;
