//! E5: VGG-11 data parallel over several nodes, and the time per iteration of each. Ours are ranks of MPI on this machine, each
//! number of them a job of its own that `mpirun` starts.

use super::comparison::ComparisonRow;
use super::{Name, Reproduce};
use crate::commands::train::RankRow;
use crate::error::Error;
use crate::figures::Figure;
use crate::finished::{self, Finished};
use crate::formats::clip;
use crate::report::{Job, Outcome, Report};
use crate::rows::{Row, Tables};
use crate::session::Session;
use crate::text::{digits, or_dash, table};
use std::fmt::Write;
use std::path::Path;
use std::process::Command;

/// Published seconds per iteration of each rank.
const PUBLISHED: [&[f64]; 2] = [&[1.90275], &[1.97573, 1.97568, 1.97588]];

/// What is asked for.
struct Setting {
    data: String,
    batch: u32,
    updates: u32,
}

/// A job that has ended: a row for each rank.
struct Measured {
    ranks: Vec<RankRow>,
    published: &'static [f64],
}

struct Nodes {
    setting: Setting,
    measured: Vec<Measured>,
    interrupted: bool,
}

/// Makes it ready to run.
///
/// # Errors
/// If the program was built without MPI.
pub fn prepare<'a>(arguments: &'a Reproduce, session: &'a Session) -> Result<Job<'a>, Error> {
    if !cfg!(feature = "mpi") {
        return Err(Error::Usage(
            "E5 runs on several processes; build with cargo build --release --features mpi, which needs libopenmpi-dev, openmpi-bin and libclang-dev"
                .to_string(),
        ));
    }
    let data = match arguments.data.display().to_string().as_str() {
        // The digits have one colour.
        "mnist" => "synthetic".to_string(),
        other => other.to_string(),
    };
    let (batch, updates) = if arguments.quick { (4, 5) } else { (16, 20) };
    let setting = Setting { data, batch, updates };
    Ok(Box::new(move |directory| {
        let finished = Finished::open(directory, &[]);
        let key = finished::everything(arguments, &["threads", "out", "format"], session);
        let scratch =
            tempfile::tempdir().map_err(|e| Error::Input(format!("cannot make a directory to train in: {e}")))?;
        let (mut measured, mut interrupted) = (Vec::new(), false);
        for published in PUBLISHED {
            let job = || run(&setting, published.len(), arguments.common.seed, scratch.path());
            match finished.once(&format!("{key} ranks={}", published.len()), job) {
                Ok(ranks) => measured.push(Measured { ranks, published }),
                Err(_) if session.stopped() => {
                    interrupted = true;
                    break;
                }
                Err(error) => return Err(error),
            }
        }
        finished.told(session);
        Ok(Box::new(Nodes { setting, measured, interrupted }))
    }))
}

/// Trains on so many ranks; what each did.
fn run(setting: &Setting, ranks: usize, seed: u64, scratch: &Path) -> Result<Vec<RankRow>, Error> {
    let program = std::env::current_exe().map_err(|e| Error::Input(format!("cannot find this program: {e}")))?;
    let out = scratch.join(format!("ranks-{ranks}"));
    let mut launch = Command::new("mpirun");
    // More ranks than cores wait without taking one. What another MPI calls it, it is told on its own command line.
    launch.env("OMPI_MCA_rmaps_base_oversubscribe", "1").env("OMPI_MCA_mpi_yield_when_idle", "1");
    launch.arg("-n").arg(ranks.to_string()).arg(program);
    launch.args(["train", "--cluster", "mpi", "--policies", "sync", "--model", "vgg11", "--lr", "0.01", "--quiet"]);
    launch.args(["--data", &setting.data, "--batch-size", &setting.batch.to_string()]);
    launch.args(["--updates", &setting.updates.to_string(), "--seed", &seed.to_string(), "--format", "csv"]);
    let ended = launch.arg("--out").arg(&out).output();
    let ended = ended
        .map_err(|e| Error::Input(format!("cannot start mpirun: {e}; install openmpi-bin, or what your MPI has")))?;
    if !ended.status.success() {
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        let why = said.lines().find(|line| line.contains("error:")).or(said.lines().find(|line| !line.is_empty()));
        let why = clip(why.unwrap_or("nobody says why"));
        return Err(Error::Input(format!("{ranks} ranks did not train: {why}; try mpirun -n {ranks} true")));
    }
    let path = out.join(format!("{}.csv", RankRow::TABLE));
    let wrong = |e: csv::Error| Error::Input(format!("{ranks} ranks left no times: {e}"));
    csv::Reader::from_path(path).map_err(wrong)?.into_deserialize().map(|row| row.map_err(wrong)).collect()
}

impl Measured {
    fn mean_s(&self) -> f64 {
        let steps = self.ranks.iter().filter_map(RankRow::step_s);
        steps.sum::<f64>() / self.ranks.len() as f64
    }

    fn published_s(&self) -> f64 {
        self.published.iter().sum::<f64>() / self.published.len() as f64
    }
}

impl Report for Nodes {
    fn tables(&self, tables: &mut Tables) {
        let samples = (self.setting.batch * self.setting.updates) as usize;
        let rows = self.measured.iter().flat_map(|one| {
            let all = one.ranks.iter().zip(one.published).zip(0..);
            all.filter_map(move |((ours, &published), rank)| {
                let size = one.ranks.len() as u32;
                Some(ComparisonRow::of_rank(rank, size, samples * one.ranks.len(), published, ours.step_s()?))
            })
        });
        tables.add(rows);
    }

    fn figures(&self) -> Vec<(&'static str, Figure)> {
        Vec::new()
    }

    fn text(&self) -> String {
        let Setting { data, batch, updates } = &self.setting;
        let rows = self.measured.iter().flat_map(|one| {
            one.ranks.iter().zip(one.published).map(|(ours, published)| {
                let [rank, host, _, step, compute, comm] = ours.cells();
                [one.ranks.len().to_string(), rank, host, digits(*published, 4), step, compute, comm]
            })
        });
        let mut text = format!(
            "{}: VGG-11 data parallel on ranks, seconds per iteration of each rank\nvgg11, {data}, {updates} iterations, batch {batch} per rank, lr 0.01\n\n{}\n",
            Name::E5,
            table(["ranks", "rank", "host", "published s", "ours s", "compute s", "comm s"], rows),
        );
        if let [one, three] = &self.measured[..] {
            let more = |of: fn(&Measured) -> f64| format!("{:+.1} %", 100.0 * (of(three) / of(one) - 1.0));
            let (published, ours) = (more(Measured::published_s), more(Measured::mean_s));
            let _ = writeln!(
                text,
                "With three ranks an iteration takes {published} published, {ours} here, and a third of the iterations are left."
            );
        }
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let _ = writeln!(
            text,
            "- The original had a node for each rank. Here all ranks share {} cores of one machine: with more ranks than cores, or with memory that they compete for, computing itself takes longer. On nodes of your own, type the mpirun line of straggle train --help.",
            or_dash(Some(cores), |cores| cores.to_string())
        );
        text
    }

    fn outcome(&self) -> Outcome {
        match self.interrupted {
            false => Outcome::Done,
            true => {
                let finished = self.measured.len();
                Outcome::Interrupted(
                    (finished > 0).then(|| format!("{finished} of {} jobs were finished", PUBLISHED.len())),
                )
            }
        }
    }
}
