//! Do 95 % intervals hold the truth 95 times in a hundred? Policies by laws by numbers of workers, at the default length.
//!
//! `coverage run FILE` runs the grid, or a part of it, cheap cells first, and adds a line to FILE for every hundred or so seeds of a
//! cell as soon as they end: it may be stopped at any time, by itself after `--seconds`, and goes on where it was. `coverage list FILE`
//! says what is missing and about how long that takes; `coverage table FILE..` merges files, and prints the table of the book.
//!
//! The truth is theory where that is exact, else a run up to a thousand times as long under another seed; its own error is part of the
//! error that is given for the bias. Shares, staleness and quantiles are judged by that long run in any case.

mod grid;
mod results;

use clap::{Args, Parser};
use grid::{Cell, Truth};
use results::{Batch, Results};
use std::error::Error;
use std::fs::OpenOptions;
use std::io::Write;
use std::ops::Range;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Do 95 % intervals hold the truth 95 times in a hundred?
#[derive(Parser)]
enum Command {
    /// Runs what FILE does not have of the chosen cells, cheap cells first.
    Run {
        /// Results, a line for each batch of seeds.
        file: PathBuf,
        #[command(flatten)]
        chosen: Chosen,
        /// Begin nothing that would end later than this.
        #[arg(long, value_name = "S")]
        seconds: Option<f64>,
    },
    /// Prints what FILE does not have of the chosen cells, cheap cells first, with the core-seconds that it takes, about.
    List {
        /// Results, a line for each batch of seeds.
        file: PathBuf,
        #[command(flatten)]
        chosen: Chosen,
    },
    /// Prints the table of the book.
    Table {
        /// Results, a line for each batch of seeds.
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
}

/// Which cells, and how many seeds of each.
#[derive(Args)]
struct Chosen {
    /// A policy; all of the grid unless typed. May be repeated, as the next two.
    #[arg(long)]
    policy: Vec<String>,
    /// A law of step times.
    #[arg(long)]
    law: Vec<String>,
    /// A number of workers.
    #[arg(long)]
    workers: Vec<u32>,
    /// The cells that stand in this file, `policy;law;workers` on each line, in its order.
    #[arg(long, conflicts_with_all = ["policy", "law", "workers"])]
    cells: Option<PathBuf>,
    /// Seeds, as FROM..TO.
    #[arg(long, default_value = "0..1000", value_parser = range)]
    seeds: Range<u64>,
    /// Fewer seeds, but at least --fewest, where all of a cell would take longer than this many core-seconds.
    #[arg(long, value_name = "S", default_value_t = 60.0)]
    most: f64,
    /// Seeds of an expensive cell, at least.
    #[arg(long, default_value_t = 100)]
    fewest: u64,
    /// Run until half the interval is this share of the mean, and not as long as the default.
    #[arg(long)]
    precision: Option<f64>,
}

fn range(text: &str) -> Result<Range<u64>, String> {
    let ends = text.split_once("..").and_then(|(from, to)| Some(from.parse().ok()?..to.parse().ok()?));
    ends.filter(|seeds| !seeds.is_empty()).ok_or_else(|| "type seeds as FROM..TO, as in 0..1000".to_string())
}

/// A cell, and which of its seeds.
type Part = (Cell, Range<u64>);

impl Chosen {
    /// The cells, cheap ones first unless their order was given; and which seeds of each.
    fn cells(&self) -> Result<Vec<Part>, Box<dyn Error>> {
        let cells = match &self.cells {
            Some(file) => {
                let text = std::fs::read_to_string(file)?;
                let cells =
                    text.lines().filter(|line| !line.trim().is_empty()).map(|line| Cell::read(line, self.precision));
                cells.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect()
            }
            None => {
                let mut cells = grid::cells(&self.policy, &self.law, &self.workers, self.precision)?;
                cells.sort_by(|a, b| self.cost_s(a).total_cmp(&self.cost_s(b)));
                cells
            }
        };
        let seeds = |cell: Cell| {
            let seeds = self.seeds.start..self.seeds.start + self.seeds_of(&cell);
            (cell, seeds)
        };
        Ok(cells.into_iter().map(seeds).collect())
    }

    /// How many seeds of a cell are affordable.
    fn seeds_of(&self, cell: &Cell) -> u64 {
        let all = self.seeds.end - self.seeds.start;
        all.min(((self.most / cell.run_s()) as u64).max(self.fewest))
    }

    /// Core-seconds of a cell, about.
    fn cost_s(&self, cell: &Cell) -> f64 {
        self.seeds_of(cell) as f64 * cell.run_s() + cell.truth_s()
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    match Command::parse() {
        Command::Run { file, chosen, seconds } => run(&file, &chosen, seconds),
        Command::List { file, chosen } => {
            let known = Results::read(&[file])?;
            let mut sum = 0.0;
            for (cell, seeds) in chosen.cells()? {
                let missing = known.missing(&cell, seeds);
                let count: u64 = missing.iter().map(|seeds| seeds.end - seeds.start).sum();
                if count > 0 {
                    let truth_s = if known.truth(&cell).is_some() { 0.0 } else { cell.truth_s() };
                    let cost_s = count as f64 * cell.run_s() + truth_s;
                    sum += cost_s;
                    println!("{cell}; {count} seeds, {cost_s:.1} core-seconds ({sum:.0} so far)");
                }
            }
            Ok(())
        }
        Command::Table { files } => {
            print!("{}", Results::read(&files)?.table());
            Ok(())
        }
    }
}

fn run(path: &PathBuf, chosen: &Chosen, seconds: Option<f64>) -> Result<(), Box<dyn Error>> {
    let began = Instant::now();
    let end = seconds.map(Duration::from_secs_f64);
    let known = Results::read(std::slice::from_ref(path))?;
    let mut file = OpenOptions::new().create(true).append(true).open(path)?;
    if file.metadata()?.len() == 0 {
        writeln!(file, "{}", Batch::COLUMNS)?;
    }
    let cores = rayon::current_num_threads() as u64;
    // Core-seconds that were expected of what has ended, and that it took.
    let (mut expected_s, mut took_s) = (1e-3, 1e-3);
    'cells: for (cell, seeds) in chosen.cells()? {
        let mut truth: Option<Truth> = known.truth(&cell);
        for missing in known.missing(&cell, seeds) {
            // A batch has work for all cores, and ends soon.
            let size =
                ((20.0 * cores as f64 / cell.run_s()) as u64).clamp(cores, 250.max(cores)).div_ceil(cores) * cores;
            let mut from = missing.start;
            while from < missing.end {
                let batch = from..missing.end.min(from + size);
                let truth_s = if truth.is_some() { 0.0 } else { cell.truth_s() };
                let core_s = (batch.end - from) as f64 * cell.run_s() + truth_s;
                let takes = Duration::from_secs_f64(core_s / cores as f64 * took_s / expected_s);
                if end.is_some_and(|end| began.elapsed() + takes > end) {
                    println!(
                        "{cell}; not begun: seeds {}..{} take {:.0} s",
                        batch.start,
                        batch.end,
                        takes.as_secs_f64()
                    );
                    continue 'cells;
                }
                let line = grid::run(&cell, batch.clone(), &mut truth);
                expected_s += core_s;
                took_s += line.ms / 1e3 * cores as f64;
                writeln!(file, "{line}")?;
                println!("{line}");
                from = batch.end;
            }
        }
    }
    println!("{:.0} s", began.elapsed().as_secs_f64());
    Ok(())
}
