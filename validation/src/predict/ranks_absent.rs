//! What there is of ranks as a testbed in a build without MPI: nobody.

use crate::cluster::failure::Failure;
use crate::cluster::mpi::{Communicator, RankTimes};
use crate::predict::experiment::Configuration;
use crate::predict::recorded::Recorded;
use crate::predict::session::Session;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Measures nothing.
///
/// # Errors
/// None: there is nobody to call it.
pub fn record<L>(
    communicator: Communicator,
    _: &Session<'_>,
    _: &Arc<L>,
    _: bool,
    _: &Arc<AtomicBool>,
    _: &[Configuration],
    _: &mut Recorded,
) -> Result<Vec<RankTimes>, Failure> {
    match communicator {}
}
