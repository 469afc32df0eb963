//! `straggle`: wait for the slowest worker, never wait, or something between?

mod args;
mod error;
mod manifest;
mod output;
mod progress;
mod report;
mod simulate;
mod trace;

use args::{Arguments, Command};
use clap::Parser;
use error::Error;
use std::process::ExitCode;

fn main() -> ExitCode {
    let typed: Vec<String> = std::env::args_os().map(|a| a.to_string_lossy().into_owned()).collect();
    let result = match Arguments::try_parse_from(args::with_hyphens(&typed)) {
        Ok(arguments) => run(&arguments, &typed),
        Err(error) => return args::explain(&error),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            anstream::eprintln!("\x1b[1;31merror:\x1b[0m {error}");
            ExitCode::from(error.status())
        }
    }
}

fn run(arguments: &Arguments, typed: &[String]) -> Result<(), Error> {
    match &arguments.command {
        Command::Simulate(simulate) => simulate::run(simulate, typed),
    }
}
