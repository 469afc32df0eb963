//! Commands: from options to a job, and from its results to a report.
//!
//! Each file holds one command: what it does with its options (a struct in [`cli`](crate::cli), that clap fills and serde
//! writes into the manifest), its rows (a struct each, whose fields are the columns), and its
//! [`Report`](crate::report::Report). What it needs more room for stands in a folder of its name. Everything between options
//! and files is done by [`report::run`](crate::report::run).
//!
//! To add a command: a file in `src/cli` with its options, a file here that implements
//! [`Command`](crate::report::Command) for them, and in `src/cli.rs` a variant, its line in `run`, and its tables.

pub mod check;
pub mod completions;
pub mod explore;
pub mod fit;
pub mod man;
pub mod merge;
pub mod plan;
pub mod replay;
#[cfg(feature = "train")]
pub mod reproduce;
#[cfg(feature = "train")]
pub mod scaling;
#[cfg(feature = "serve")]
pub mod serve;
pub mod simulate;
#[cfg(feature = "train")]
pub mod train;
#[cfg(feature = "train")]
pub mod validate;
