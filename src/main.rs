//! `straggle`: wait for the slowest worker, never wait, or something between?

mod cli;
mod commands;
mod described;
mod error;
#[cfg_attr(not(feature = "train"), allow(dead_code))]
mod figures;
mod finished;
mod formats;
#[cfg(test)]
#[path = "../tests/common/garbled.rs"]
mod garbled;
mod manifest;
mod memory;
mod output;
mod page;
mod profile;
mod report;
mod rows;
#[cfg(feature = "serve")]
mod serve;
mod session;
mod text;
mod trace;

use error::Error;
use std::ffi::OsString;
use std::process::ExitCode;

/// A gradient is a megabyte, and the system's allocator gives it back to the kernel after each step: a quarter of the time
/// of training would go into asking for it again.
#[cfg(feature = "train")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match run(&std::env::args_os().collect::<Vec<OsString>>()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            session::tell("\x1b[1;31merror:\x1b[0m", &error);
            ExitCode::from(error.status())
        }
    }
}

fn run(typed: &[OsString]) -> Result<(), Error> {
    cli::parse(typed)?.map_or(Ok(()), |cli| cli.command.run(typed))
}
