//! In which order are things measured? Short runs of all cells in turn, each between two calibrations.

use super::Judged;
use super::args::Validate;
use crate::error::Error;
use crate::progress;
use rand::RngExt;
use rand::seq::SliceRandom;
use sim::{Law, Luck, Policy, Purpose};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use validation::calibrate::{Conditions, fleet, updates};
use validation::cores::Cores;
use validation::{Calibration, Cell, Digits, Failure, Replication, calibrate, claims};

/// What the bar shows.
const BAR: &str = "{bar:30} {pos}/{len} runs, {eta} left";

/// The machine, and what is trained on it.
pub struct Bench<'a> {
    pub arguments: &'a Validate,
    pub cores: Cores,
    pub learner: Arc<Digits>,
    pub stop: Arc<AtomicBool>,
}

/// What was found.
pub struct Outcome {
    pub judged: Vec<Judged>,
    /// Computing times of single steps without delay, from all calibrations.
    pub compute_s: Vec<f64>,
    pub interrupted: bool,
}

/// Runs of one kind of cell that follow each other, a calibration before and after each.
struct Block {
    /// When, as a share of the whole.
    phase: f64,
    kind: Kind,
    /// Cell and replication.
    runs: Vec<(usize, u64)>,
}

/// What a calibration holds for.
#[derive(Clone, Debug, PartialEq)]
struct Kind {
    steps: u32,
    delay: Option<Law>,
    /// More workers than cores.
    turns: bool,
}

/// Runs in a block.
const BLOCK: usize = 4;
/// Seconds that all runs of a cell should take together.
const CELL_S: f64 = 0.6;
/// Cycles of a single worker that a run should take.
const CYCLES: f64 = 35.0;
/// Fewest and most replications of a cell.
const REPLICATIONS: (f64, f64) = (5.0, 16.0);
/// Fewest updates in a run.
const UPDATES: u64 = 10;
/// Replications without which a cell is not judged.
const ENOUGH: usize = 3;
/// Updates that are timed in a block for each rule.
const TIMED: usize = 3;

impl Kind {
    fn of(cell: &Cell, cores: &Cores) -> Kind {
        let turns = cell.rule.workers as usize > cores.number();
        Kind { steps: cell.rule.steps, delay: cell.delay.clone(), turns }
    }

    /// About how long a worker's cycle takes, s.
    fn cycle_s(&self) -> f64 {
        f64::from(self.steps) * (2e-3 + self.delay.as_ref().map_or(0.0, Law::mean))
    }

    fn run_s(&self) -> f64 {
        (CYCLES * self.cycle_s()).min(CELL_S / REPLICATIONS.0)
    }

    fn replications(&self) -> u64 {
        (CELL_S / self.run_s()).clamp(REPLICATIONS.0, REPLICATIONS.1) as u64
    }

    /// Tasks in a calibration: about a third of a run.
    fn tasks(&self) -> u64 {
        (self.run_s() / 3.0 / self.cycle_s()).clamp(5.0, 40.0) as u64
    }
}

impl Bench<'_> {
    /// Measures and judges all cells.
    pub fn judge_all(&self, cells: Vec<Cell>) -> Result<Outcome, Error> {
        let blocks = self.blocks(&cells);
        let runs = blocks.iter().map(|block| block.runs.len()).sum::<usize>();
        let bar = progress::bar(runs as u64, BAR, self.arguments.common.quiet);
        let mut found: Vec<Vec<Replication>> = cells.iter().map(|_| Vec::new()).collect();
        let mut compute_s = Vec::new();
        let mut interrupted = false;
        for block in blocks {
            let kind = &block.kind;
            let mut before = self.calibrate(kind);
            for &(index, replication) in &block.runs {
                let cell = &cells[index];
                let Some(calibration) = &before else { break };
                let luck = Luck::new(self.arguments.common.seed, (index as u64) << 32 | replication);
                let count = self.updates(cell, calibration);
                let core = self.cores.at_most(1);
                let Some(update_s) = updates(core, &self.learner, cell.rule, TIMED, &self.stop) else {
                    before = None;
                    break;
                };
                let measured = match cell.measure(&self.cores, &self.learner, luck, count, &self.stop) {
                    Ok(measured) => measured,
                    Err(Failure::Stopped) => {
                        before = None;
                        break;
                    }
                    Err(failure) => return Err(Error::Training(failure.to_string())),
                };
                let Some(after) = self.calibrate(kind) else {
                    before = None;
                    break;
                };
                let both: Vec<_> = calibration.iter().zip(&after).map(|(a, b)| a.clone().with(b)).collect();
                let fleet = fleet(&both, cell.delay.clone(), &update_s);
                let other = Luck::new(self.arguments.common.seed, u64::MAX - ((index as u64) << 32 | replication));
                found[index].push(Replication {
                    cycle_s: fleet.mean_alone(),
                    predicted: cell.predict(fleet.clone(), luck, count),
                    elsewhere: cell.predict(fleet, other, count),
                    measured,
                });
                before = Some(after);
                bar.inc(1);
            }
            let Some(last) = before else {
                interrupted = true;
                break;
            };
            if kind.delay.is_none() && kind.steps == 1 && !kind.turns {
                compute_s.extend(last.into_iter().flat_map(|core| core.compute_s));
            }
        }
        bar.finish_and_clear();
        // Of each cell the time and the staleness; time per gradient is time per update in other words.
        let together = 2 * cells.len();
        let judge = |(cell, replications): (Cell, Vec<Replication>)| {
            let claims = claims(&cell, &replications, self.tolerance(&cell), together);
            Judged { cell, claims, replications }
        };
        let judged = cells.into_iter().zip(found).filter(|(_, found)| found.len() >= ENOUGH).map(judge).collect();
        Ok(Outcome { judged, compute_s, interrupted })
    }

    /// All runs in random order, block by block.
    fn blocks(&self, cells: &[Cell]) -> Vec<Block> {
        let mut luck = Luck::new(self.arguments.common.seed, 0).at(Purpose::Order, u32::MAX, 0);
        let mut kinds: Vec<Kind> = Vec::new();
        for kind in cells.iter().map(|cell| Kind::of(cell, &self.cores)) {
            if !kinds.contains(&kind) {
                kinds.push(kind);
            }
        }
        let mut blocks = Vec::new();
        for kind in kinds {
            let replications = kind.replications();
            for replication in 0..replications {
                let mut like: Vec<usize> =
                    (0..cells.len()).filter(|&i| Kind::of(&cells[i], &self.cores) == kind).collect();
                like.shuffle(&mut luck);
                for some in like.chunks(BLOCK) {
                    let phase = (replication as f64 + luck.random::<f64>()) / replications as f64;
                    let runs = some.iter().map(|&index| (index, replication)).collect();
                    blocks.push(Block { phase, kind: kind.clone(), runs });
                }
            }
        }
        blocks.sort_by(|a, b| a.phase.total_cmp(&b.phase));
        blocks
    }

    /// What one worker costs now.
    fn calibrate(&self, kind: &Kind) -> Option<Vec<Calibration>> {
        let rule = Policy::Sync.rule(1).expect("one worker");
        let like = Cell { policy: Policy::Sync, rule, delay: kind.delay.clone() };
        let draws = like.draws(Luck::new(self.arguments.common.seed, u64::MAX / 2));
        let conditions = Conditions { steps: kind.steps, draws, cold: kind.turns };
        let tasks = kind.tasks().div_ceil(self.cores.number() as u64).max(4);
        calibrate(&self.cores, &self.learner, &conditions, tasks, &self.stop)
    }

    /// As many updates as fit into the time of a run, by a first prediction.
    fn updates(&self, cell: &Cell, calibration: &[Calibration]) -> u64 {
        let kind = Kind::of(cell, &self.cores);
        let all = self.arguments.updates.map(|updates| updates.div_ceil(kind.replications()));
        let count = all.unwrap_or_else(|| {
            let fleet = fleet(calibration, cell.delay.clone(), &[1e-4]);
            let tried = cell.predict(fleet, Luck::new(0, 0), 50);
            (kind.run_s() / tried.s_per_update) as u64
        });
        count.max(UPDATES)
    }

    fn tolerance(&self, cell: &Cell) -> f64 {
        let usual = if cell.rule.workers as usize <= self.cores.number() { 0.05 } else { 0.10 };
        self.arguments.tolerance.map_or(usual, |percent| percent.0)
    }
}
