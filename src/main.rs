//! `straggle`: wait for the slowest worker, never wait, or something between?

mod args;
mod error;
#[allow(dead_code)]
mod figures;
mod manifest;
mod output;
mod progress;
mod report;
#[cfg(feature = "train")]
mod reproduce;
#[cfg(feature = "train")]
mod scaling;
mod simulate;
mod trace;
#[cfg(feature = "train")]
mod train;
#[cfg(feature = "train")]
mod validate;

use args::{Arguments, Command};
use clap::Parser;
use error::Error;
use std::ffi::OsString;
use std::process::ExitCode;

/// A gradient is a megabyte, and the system's allocator gives it back to the kernel after each step: a quarter of the time
/// of training would go into asking for it again.
#[cfg(feature = "train")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let typed: Vec<OsString> = std::env::args_os().collect();
    let result = match Arguments::try_parse_from(args::with_hyphens(&typed)) {
        Ok(arguments) => run(&arguments, &typed),
        Err(error) => args::explain(&error),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output::tell("\x1b[1;31merror:\x1b[0m", &error);
            ExitCode::from(error.status())
        }
    }
}

fn run(arguments: &Arguments, typed: &[OsString]) -> Result<(), Error> {
    match &arguments.command {
        Command::Simulate(simulate) => simulate::run(simulate, typed),
        #[cfg(feature = "train")]
        Command::Train(arguments) => train::run(arguments, typed),
        #[cfg(feature = "train")]
        Command::Scaling(arguments) => scaling::run(arguments, typed),
        #[cfg(feature = "train")]
        Command::Reproduce(arguments) => reproduce::run(arguments, typed),
        #[cfg(feature = "train")]
        Command::Validate(arguments) => validate::run(arguments, typed),
    }
}
