//! What there is of MPI in a build without it: a process cannot join, so there is never anybody to talk to.

pub use crate::cluster::times::RankTimes;

/// This process among all that were started together: there are no others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Communicator {}

/// A process that has joined.
pub enum Joined {}

/// Joins nobody.
///
/// # Errors
/// Always: it was not built for that.
pub fn join() -> Result<Joined, String> {
    Err("this straggle was built without MPI; build it with cargo build --release --features mpi, which needs \
         libopenmpi-dev, openmpi-bin and libclang-dev"
        .to_string())
}

/// This process's place, if it has joined.
pub fn here() -> Option<Communicator> {
    None
}

/// Whether all that ranks do together is done.
pub fn is_over() -> bool {
    true
}

/// Ends this process, and with it all that it has joined.
pub fn end_all(status: i32) -> ! {
    std::process::exit(status)
}

impl Communicator {
    /// Its number, from 0.
    pub fn rank(self) -> u32 {
        match self {}
    }

    /// How many there are.
    pub fn size(self) -> u32 {
        match self {}
    }

    /// Cores that all of them may use together.
    pub fn cores(self) -> u32 {
        match self {}
    }
}
