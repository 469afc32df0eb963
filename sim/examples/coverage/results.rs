//! The file of results: a line for each batch of seeds of a cell, with sums that add up to those of the cell.

use crate::grid::{Cell, JUDGED, LAWS, POLICIES, Truth};
use std::error::Error;
use std::fmt::{self, Write};
use std::ops::Range;
use std::path::PathBuf;

/// How many intervals held the truth, of those that there were.
#[derive(Clone, Copy, Default)]
pub struct Judged {
    pub held: u64,
    pub of: u64,
    pub truth: f64,
}

impl Judged {
    pub fn add(self, holds: bool) -> Judged {
        Judged { held: self.held + u64::from(holds), of: self.of + 1, ..self }
    }
}

/// What a batch of seeds came to. Times are over the true mean.
#[derive(Clone)]
pub struct Batch {
    pub policy: String,
    pub law: String,
    pub workers: u32,
    pub length: String,
    pub seeds: Range<u64>,
    /// Mean of the runs' means.
    pub mean: f64,
    /// Sum of the squares of their distances from it.
    pub squares: f64,
    /// Mean half-width.
    pub half: f64,
    /// Updates of a run, on average.
    pub updates: u64,
    /// Milliseconds that the batch took, on all cores.
    pub ms: f64,
    /// Whether the true mean is known exactly, and if not its standard error.
    pub exact: bool,
    pub error: f64,
    pub judged: [Judged; JUDGED],
}

impl Batch {
    pub const COLUMNS: &str = "policy;step_time;workers;length;from;to;mean;squares;half_width;updates;ms;exact;error;\
        mean_held;staleness_held;idle_held;p50_held;p95_held;p99_held";

    fn read(line: &str) -> Option<Batch> {
        let fields: Vec<&str> = line.split(';').collect();
        let [policy, law, workers, length, from, to, mean, squares, half, updates, ms, exact, error, judged @ ..] =
            &fields[..]
        else {
            return None;
        };
        let of = |text: &&str| {
            let (counts, truth) = text.split_once('@')?;
            let (held, of) = counts.split_once('/')?;
            Some(Judged { held: held.parse().ok()?, of: of.parse().ok()?, truth: truth.parse().ok()? })
        };
        Some(Batch {
            policy: policy.to_string(),
            law: law.to_string(),
            workers: workers.parse().ok()?,
            length: length.to_string(),
            seeds: from.parse().ok()?..to.parse().ok()?,
            mean: mean.parse().ok()?,
            squares: squares.parse().ok()?,
            half: half.parse().ok()?,
            updates: updates.parse().ok()?,
            ms: ms.parse().ok()?,
            exact: exact.parse().ok()?,
            error: error.parse().ok()?,
            judged: judged.iter().map(of).collect::<Option<Vec<_>>>()?.try_into().ok()?,
        })
    }

    fn count(&self) -> f64 {
        (self.seeds.end - self.seeds.start) as f64
    }

    fn is_of(&self, cell: &Cell) -> bool {
        self.policy == cell.policy
            && self.law == cell.law
            && self.workers == cell.workers
            && self.length == cell.length()
    }

    fn is_like(&self, other: &Batch) -> bool {
        (&self.policy, &self.law, self.workers, &self.length)
            == (&other.policy, &other.law, other.workers, &other.length)
    }

    /// Both together (Chan, Golub and LeVeque, Am. Stat. 37, 1983, for the squares).
    fn and(mut self, other: &Batch) -> Batch {
        let (a, b) = (self.count(), other.count());
        let mix = |mine: f64, others: f64| (a * mine + b * others) / (a + b);
        self.squares += other.squares + (self.mean - other.mean).powi(2) * a * b / (a + b);
        self.mean = mix(self.mean, other.mean);
        self.half = mix(self.half, other.half);
        self.updates = mix(self.updates as f64, other.updates as f64) as u64;
        self.ms += other.ms;
        for (mine, others) in self.judged.iter_mut().zip(&other.judged) {
            mine.held += others.held;
            mine.of += others.of;
        }
        // Only the number of seeds is asked of a sum.
        self.seeds = 0..(a + b) as u64;
        self
    }

    /// A row of the table.
    fn row(&self) -> String {
        let n = self.count();
        let sd = (self.squares / (n - 1.0)).sqrt();
        let error = (sd * sd / n + self.error * self.error).sqrt();
        let share = |judged: &Judged| match 2 * judged.of >= n as u64 {
            true => format!("{:.1}", 100.0 * judged.held as f64 / judged.of as f64),
            false => "–".to_string(),
        };
        let [mean, others @ ..] = &self.judged;
        let length = match self.length.parse::<f64>() {
            Ok(precision) => format!(" to {} %", 100.0 * precision),
            Err(_) => String::new(),
        };
        let mut row = format!(
            "| {}{length} | {} | {} | {n} | {} | {:.2} | {}{:+.2} ± {:.2} | {:.2} | {} |",
            self.policy,
            self.law,
            self.workers,
            share(mean),
            self.half / (1.96 * sd),
            if self.exact { "" } else { "~" },
            (self.mean - 1.0) / self.half,
            error / self.half,
            100.0 * self.half,
            self.updates,
        );
        others.iter().for_each(|judged| write!(row, " {} |", share(judged)).expect("memory"));
        row
    }
}

/// The line of the file.
impl fmt::Display for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Batch { policy, law, workers, length, seeds, mean, squares, half, updates, ms, exact, error, judged } =
            self;
        write!(f, "{policy};{law};{workers};{length};{};{};", seeds.start, seeds.end)?;
        write!(f, "{mean};{squares};{half};{updates};{ms:.0};{exact};{error}")?;
        judged.iter().try_for_each(|Judged { held, of, truth }| write!(f, ";{held}/{of}@{truth}"))
    }
}

/// All batches of some files.
pub struct Results(Vec<Batch>);

impl Results {
    /// A file that does not exist is empty; a line that was cut off is left out, and so are seeds that were there before.
    pub fn read(files: &[PathBuf]) -> Result<Results, Box<dyn Error>> {
        let mut all = Results(Vec::new());
        for file in files.iter().filter(|file| file.exists()) {
            for batch in std::fs::read_to_string(file)?.lines().filter_map(Batch::read) {
                let overlaps =
                    |other: &Batch| other.seeds.start < batch.seeds.end && batch.seeds.start < other.seeds.end;
                if !all.0.iter().any(|other| other.is_like(&batch) && overlaps(other)) {
                    all.0.push(batch);
                }
            }
        }
        Ok(all)
    }

    /// What is known of the truth of a cell.
    pub fn truth(&self, cell: &Cell) -> Option<Truth> {
        let batch = self.0.iter().find(|batch| batch.is_of(cell) && batch.judged[0].truth.is_finite())?;
        let values = batch.judged.map(|judged| judged.truth);
        Some(Truth { values, error: batch.error * values[0], exact: batch.exact })
    }

    /// Those of the seeds of a cell that are not here.
    pub fn missing(&self, cell: &Cell, seeds: Range<u64>) -> Vec<Range<u64>> {
        let mut known: Vec<Range<u64>> =
            self.0.iter().filter(|batch| batch.is_of(cell)).map(|batch| batch.seeds.clone()).collect();
        known.sort_by_key(|range| range.start);
        let (mut missing, mut from) = (Vec::new(), seeds.start);
        for range in known {
            if range.start > from && from < seeds.end {
                missing.push(from..range.start.min(seeds.end));
            }
            from = from.max(range.end);
        }
        if from < seeds.end {
            missing.push(from..seeds.end);
        }
        missing
    }

    /// Cell by cell, as Markdown; what the whole grid came to below.
    pub fn table(&self) -> String {
        let mut cells: Vec<Batch> = Vec::new();
        for batch in &self.0 {
            match cells.iter_mut().find(|cell| cell.is_like(batch)) {
                Some(cell) => *cell = cell.clone().and(batch),
                None => cells.push(batch.clone()),
            }
        }
        let at = |known: &[&str], word: &str| known.iter().position(|&one| one == word).unwrap_or(known.len());
        cells
            .sort_by_key(|cell| (at(&POLICIES, &cell.policy), at(&LAWS, &cell.law), cell.workers, cell.length.clone()));
        let mut text = String::from(
            "| policy | step time | m | seeds | hold, % | width | bias | ± % | updates | staleness | idle | p50 | p95 | p99 |\n\
             |---|---|---|---|---|---|---|---|---|---|---|---|---|---|\n",
        );
        cells.iter().for_each(|cell| writeln!(text, "{}", cell.row()).expect("memory"));
        let (mut held, mut of) = (0, 0);
        let mut outside = Vec::new();
        for cell in &cells {
            let Judged { held: here, of: all, .. } = cell.judged[0];
            (held, of) = (held + here, of + all);
            let share = here as f64 / all as f64;
            if !(0.93..=0.97).contains(&share) {
                outside.push(format!("{}, {}, m = {}: {here} of {all}", cell.policy, cell.law, cell.workers));
            }
        }
        writeln!(text, "\n{} cells, {held} of {of} hold ({:.2} %)", cells.len(), 100.0 * held as f64 / of as f64)
            .expect("memory");
        writeln!(text, "beyond 93 to 97 %: {}", outside.join("; ")).expect("memory");
        text
    }
}
