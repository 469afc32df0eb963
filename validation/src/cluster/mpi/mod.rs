//! Processes as workers, anywhere, under MPI.
//!
//! A launcher (`mpirun`, `srun`) starts n processes, which [`join`] and have a rank each. [`ranks`] is the transport of a
//! parameter server: rank 0 serves, the others compute. [`all_reduce`] is for policies that wait for everybody: each rank has
//! the parameters and a coordinator of its own, and gradients are added up by `MPI_Allreduce`.
//!
//! Every call of MPI is made by the thread that joined (`MPI_THREAD_FUNNELED`), except that any thread may end the whole job.
//! A rank that panics ends it at once: the others would wait for its messages for ever.

pub mod all_reduce;
pub(crate) mod messages;
pub mod ranks;

use crate::cluster::cores::Cores;
pub use crate::cluster::times::RankTimes;
use mpi::Threading;
use mpi::environment::Universe;
use mpi::topology::SimpleCommunicator;
use mpi::traits::{Communicator as _, CommunicatorCollectives};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// This process among all that were started together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Communicator {
    rank: u32,
    size: u32,
}

/// A process that has joined; it leaves when this is dropped, which waits for all others to leave.
pub struct Joined(#[allow(dead_code, reason = "its drop is MPI_Finalize")] Universe);

/// Status of a job that a panic ended: that of bad input or I/O.
const PANICKED: i32 = 3;

/// Whether all that ranks do together is done, so that nobody waits for anybody any more.
static OVER: AtomicBool = AtomicBool::new(false);

/// Joins the others. Once in a process.
///
/// # Errors
/// Why that cannot be.
pub fn join() -> Result<Joined, String> {
    let joined = mpi::initialize_with_threading(Threading::Funneled);
    let (universe, granted) = joined.ok_or("this process has joined already")?;
    if granted < Threading::Funneled {
        return Err("this MPI library lets no other thread run beside it; install Open MPI or MPICH".to_string());
    }
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        before(panic);
        let world = SimpleCommunicator::world();
        eprintln!("rank {} of {} has panicked, so all ranks are stopped", world.rank(), world.size());
        end_all(PANICKED);
    }));
    Ok(Joined(universe))
}

/// This process's place, if it has joined.
pub fn here() -> Option<Communicator> {
    let joined = mpi::environment::is_initialized() && !mpi::environment::is_finalized();
    joined.then(|| {
        let world = SimpleCommunicator::world();
        Communicator { rank: world.rank() as u32, size: world.size() as u32 }
    })
}

/// Whether all that ranks do together is done.
pub fn is_over() -> bool {
    OVER.load(Relaxed)
}

/// Ends this process, and with it all that it has joined.
pub fn end_all(status: i32) -> ! {
    match here() {
        Some(_) => SimpleCommunicator::world().abort(status),
        None => std::process::exit(status),
    }
}

impl Communicator {
    /// Its number, from 0.
    pub fn rank(self) -> u32 {
        self.rank
    }

    /// How many there are.
    pub fn size(self) -> u32 {
        self.size
    }

    /// Cores that all of them may use together, host by host; all ranks call it.
    pub fn cores(self) -> u32 {
        let world = SimpleCommunicator::world();
        let mut own = [0u8; CORES / 8];
        for core in Cores::of_this_machine().numbers().into_iter().filter(|&core| core < CORES) {
            own[core / 8] |= 1 << (core % 8);
        }
        let size = self.size as usize;
        let (mut sets, mut names) = (vec![0u8; own.len() * size], vec![0u8; NAME * size]);
        world.all_gather_into(&own[..], &mut sets[..]);
        world.all_gather_into(&host()[..], &mut names[..]);
        let mut hosts: BTreeMap<&[u8], [u8; CORES / 8]> = BTreeMap::new();
        for (name, set) in names.chunks(NAME).zip(sets.chunks(CORES / 8)) {
            let all = hosts.entry(name).or_insert([0; CORES / 8]);
            all.iter_mut().zip(set).for_each(|(all, own)| *all |= own);
        }
        hosts.values().flatten().map(|byte| byte.count_ones()).sum()
    }
}

/// The name of this host, padded.
fn host() -> [u8; NAME] {
    let mut name = [0u8; NAME];
    let known = mpi::environment::processor_name().unwrap_or_default();
    name.iter_mut().zip(known.bytes()).for_each(|(to, from)| *to = from);
    name
}

/// Numbers of [`RankTimes`] that cross, bytes of a host's name, and cores that a host may have.
const NUMBERS: usize = 4;
const NAME: usize = 64;
const CORES: usize = 1024;

impl RankTimes {
    /// Of a rank that has done nothing yet.
    fn new(communicator: Communicator) -> RankTimes {
        let host = mpi::environment::processor_name().unwrap_or_default();
        RankTimes { rank: communicator.rank, host, steps: 0, wall_s: 0.0, compute_s: 0.0, delay_s: 0.0 }
    }

    /// Everybody's, at every rank: all ranks call it, and what they do together is over.
    fn gather(&self, communicator: Communicator) -> Vec<RankTimes> {
        let world = SimpleCommunicator::world();
        let own = [self.steps as f64, self.wall_s, self.compute_s, self.delay_s];
        let size = communicator.size as usize;
        let (mut all, mut names) = (vec![0.0; NUMBERS * size], vec![0u8; NAME * size]);
        world.all_gather_into(&own[..], &mut all[..]);
        world.all_gather_into(&host()[..], &mut names[..]);
        OVER.store(true, Relaxed);
        let one = |((numbers, name), rank): ((&[f64], &[u8]), u32)| RankTimes {
            rank,
            host: String::from_utf8_lossy(name).trim_end_matches('\0').to_string(),
            steps: numbers[0] as u64,
            wall_s: numbers[1],
            compute_s: numbers[2],
            delay_s: numbers[3],
        };
        all.chunks(NUMBERS).zip(names.chunks(NAME)).zip(0..).map(one).collect()
    }
}
