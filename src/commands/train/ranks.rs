//! Ranks of MPI as workers: what is wrong with the world, and `ranks.csv`.

use crate::cli::{Ranks, Where};
use crate::error::Error;
use crate::rows::Row;
use crate::session;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use validation::Method;
use validation::cluster::mpi::{self, Communicator, RankTimes};
use validation::run::runner::can_all_reduce;
use validation::run::watchdog::Watchdog;

impl Ranks {
    /// Does the work together with all other ranks, if that is asked for: whoever fails ends all of them.
    ///
    /// # Errors
    /// Whatever went wrong, here or in the work.
    pub fn together(&self, work: impl FnOnce() -> Result<(), Error>) -> Result<(), Error> {
        if self.cluster == Where::Threads {
            return work();
        }
        let _joined = mpi::join().map_err(Error::Usage)?;
        let done = work();
        if let Err(error) = &done
            && !mpi::is_over()
        {
            // The others would wait for this one.
            session::tell("\x1b[1;31merror:\x1b[0m", &format!("{error} (rank {})", self.rank().unwrap_or(0)));
            mpi::end_all(error.status().into());
        }
        done
    }

    /// Somebody who ends everything if nothing is completed for as long as was typed; `stalls` says what does not happen then.
    pub fn watch(&self, stalls: &'static str) -> Option<Watchdog> {
        let seconds = self.stall_timeout?;
        Some(Watchdog::watch(Duration::from_secs(seconds.into()), move || {
            let error = Error::Input(format!(
                "{stalls} for {seconds} s, so the job is ended; look for a rank, a disk or a network that hangs, or raise --stall-timeout"
            ));
            session::tell("\x1b[1;31merror:\x1b[0m", &error);
            mpi::end_all(error.status().into());
        }))
    }

    /// This process among the ranks, if it is to work with them.
    pub fn communicator(&self) -> Option<Communicator> {
        mpi::here().filter(|_| self.cluster == Where::Mpi)
    }

    /// Its number, if it is to work with others.
    pub fn rank(&self) -> Option<u32> {
        self.communicator().map(Communicator::rank)
    }

    /// Whether ranks add up what they compute under this method.
    pub fn all_reduces(&self, method: Method) -> bool {
        let rule = self.communicator().and_then(|communicator| method.kind().rule(communicator.size()).ok());
        !self.server && rule.is_some_and(can_all_reduce)
    }

    /// The world, if there is to be one; `launch` is what to type for a world of so many, and `wanted` how many are asked for.
    ///
    /// # Errors
    /// If the world is another than was asked for.
    pub fn world(&self, wanted: u32, launch: impl Fn(u32) -> String) -> Result<Option<Communicator>, Error> {
        let Some(communicator) = self.communicator() else {
            if self.num_nodes.is_some() || self.rank.is_some() || self.master_ip.is_some() {
                return Err(Error::Usage(format!(
                    "--num-nodes, --rank and --master-ip are for --cluster mpi, where the launcher says who is where; type {}",
                    launch(self.num_nodes.unwrap_or(wanted))
                )));
            }
            return Ok(None);
        };
        let size = communicator.size();
        if let Some(wanted) = self.num_nodes.filter(|&wanted| wanted != size) {
            return Err(Error::Usage(format!("--num-nodes {wanted} in a world of {size}; type {}", launch(wanted))));
        }
        if let Some(wanted) = self.rank.filter(|&wanted| wanted != communicator.rank()) {
            return Err(Error::Usage(format!(
                "--rank {wanted} in the process of rank {}; the launcher gives ranks, so leave --rank out: {}",
                communicator.rank(),
                launch(size)
            )));
        }
        Ok(Some(communicator))
    }

    /// How many workers there are to train: `typed`, or as many as there are ranks for them.
    ///
    /// # Errors
    /// If the world is another than was asked for.
    pub fn workers(&self, typed: Option<u32>, method: Method) -> Result<u32, Error> {
        let servers = |all_reduces: bool| if all_reduces { 0 } else { 1 };
        let alone = !self.server && method.kind().rule(2).is_ok_and(can_all_reduce);
        let wanted = typed.map_or(3, |workers| workers.saturating_add(servers(alone)));
        let policies = format!("--policies {method}{}", if self.server { " --server" } else { "" });
        let launch = |size| self.launch(size, "train", &policies);
        let Some(communicator) = self.world(wanted, launch)? else { return Ok(typed.unwrap_or(2)) };
        let (size, all_reduces) = (communicator.size(), self.all_reduces(method));
        let there_are = size - servers(all_reduces);
        if there_are == 0 {
            return Err(Error::Usage(format!("a server needs workers, and this is a world of 1; type {}", launch(3))));
        }
        match typed {
            Some(typed) if typed != there_are => {
                let line = launch(typed.saturating_add(servers(all_reduces)));
                Err(Error::Usage(format!("--workers {typed} where {size} ranks have {there_are}; type {line}")))
            }
            _ => Ok(there_are),
        }
    }

    /// What to type for so many ranks.
    pub fn launch(&self, size: u32, command: &str, options: &str) -> String {
        let host = self.master_ip.as_ref().map_or(String::new(), |host| format!("--host {host},.. "));
        let space = if options.is_empty() { "" } else { " " };
        format!("mpirun -n {size} {host}straggle {command} --cluster mpi{space}{options}")
    }
}

/// A row of `ranks.csv`: what a rank did, by its own clock.
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct RankRow {
    rank: u32,
    host: String,
    /// 0 where it served the others.
    steps: u64,
    /// From one step to the next.
    mean_step_s: Option<f64>,
    /// Of these, computing.
    mean_compute_s: Option<f64>,
    /// Of these, neither computing nor a drawn delay: messages, and waiting in them for others.
    mean_comm_s: Option<f64>,
}

impl Row for RankRow {
    const TABLE: &'static str = "ranks";
}

impl RankRow {
    /// The row of a rank.
    pub fn new(times: &RankTimes) -> RankRow {
        let per_step = |seconds: f64| (times.steps > 0).then(|| seconds / times.steps as f64);
        RankRow {
            rank: times.rank,
            host: times.host.clone(),
            steps: times.steps,
            mean_step_s: per_step(times.wall_s),
            mean_compute_s: per_step(times.compute_s),
            mean_comm_s: per_step((times.wall_s - times.compute_s - times.delay_s).max(0.0)),
        }
    }

    /// Mean seconds from one step to the next.
    pub fn step_s(&self) -> Option<f64> {
        self.mean_step_s
    }

    /// Its entries in a printed table.
    pub fn cells(&self) -> [String; 6] {
        let seconds = |value: Option<f64>| crate::text::or_dash(value, |value| crate::text::digits(value, 4));
        let (step, compute, comm) = (self.mean_step_s, self.mean_compute_s, self.mean_comm_s);
        let [step, compute, comm] = [step, compute, comm].map(seconds);
        [self.rank.to_string(), self.host.clone(), self.steps.to_string(), step, compute, comm]
    }
}
