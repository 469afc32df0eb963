//! Real workers. [`server`] keeps the parameters and the book, whatever carries its messages; [`threads`] are workers of this
//! process, on real [`cores`]; [`mpi`] are processes anywhere, with [`times`] of their own. All of them share a [`clock`];
//! [`failure`] is what happens when one of them fails.

mod bell;
pub mod clock;
pub mod cores;
pub mod failure;
#[cfg(feature = "mpi")]
pub mod mpi;
#[cfg(not(feature = "mpi"))]
#[path = "mpi_absent.rs"]
pub mod mpi;
pub mod server;
mod sync;
pub mod threads;
pub mod times;
pub(crate) mod worker;
