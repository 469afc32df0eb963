//! What was finished before? A file of finished cells, a line each, so that a long experiment can be interrupted.

use super::Plan;
use crate::error::Error;
use crate::manifest;
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use validation::{Expectation, NUMERICS, Outcome, Trial};

/// The finished cells of a directory.
pub struct Store {
    path: PathBuf,
    file: File,
    lines: Vec<Line>,
}

#[derive(Serialize, Deserialize)]
struct Line {
    cell: String,
    outcome: Outcome,
    expectation: Expectation,
}

impl Store {
    /// The name of the file.
    pub const NAME: &str = "finished.jsonl";

    /// Reads what is there; a last line that an interruption left incomplete is not.
    pub fn open(directory: &Path) -> Result<Store, Error> {
        let path = directory.join(Store::NAME);
        let failed = |source| Error::Write { path: path.clone(), flag: "--out", source };
        let file = OpenOptions::new().read(true).append(true).create(true).open(&path).map_err(failed)?;
        let read = BufReader::new(&file).lines().map_while(Result::ok);
        let lines = read.filter_map(|line| serde_json::from_str(&line).ok()).collect();
        Ok(Store { path, file, lines })
    }

    /// A cell that was finished with the same settings on the same machine.
    pub fn find(&self, plan: &Plan, trial: &Trial) -> Option<(Outcome, Expectation)> {
        let cell = key(plan, trial);
        let line = self.lines.iter().rev().find(|line| line.cell == cell)?;
        Some((line.outcome.clone(), line.expectation))
    }

    /// Keeps a finished cell.
    pub fn keep(
        &mut self,
        plan: &Plan,
        trial: &Trial,
        outcome: &Outcome,
        expectation: Expectation,
    ) -> Result<(), Error> {
        let line = Line { cell: key(plan, trial), outcome: outcome.clone(), expectation };
        // A line of its own, whatever an interruption left before it.
        let text = format!("\n{}\n", serde_json::to_string(&line).expect("plain data"));
        let written = self.file.write_all(text.as_bytes()).and_then(|()| self.file.flush());
        written.map_err(|source| Error::Write { path: self.path.clone(), flag: "--out", source })
    }
}

/// Everything that makes a difference to what is measured.
fn key(plan: &Plan, trial: &Trial) -> String {
    format!(
        "{} m={} n={} repeat={} model={} data={} epochs={} batch={} lr={} momentum={} seed={} pin={} version={} cores={} cpu={} pixels={} initial={} clock={:?} threads={:?} numerics={}",
        trial.method,
        trial.workers,
        trial.samples,
        trial.repeat,
        plan.model,
        plan.data.display(),
        trial.epochs,
        trial.batch_size,
        trial.sgd.rate,
        trial.sgd.momentum,
        trial.seed,
        plan.pinned,
        env!("CARGO_PKG_VERSION"),
        plan.cores().number(),
        manifest::cpu().unwrap_or_default(),
        plan.pixels,
        trial.initial,
        trial.clock,
        plan.threads,
        NUMERICS,
    )
}
