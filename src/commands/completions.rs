//! `straggle completions`: what a shell needs to complete the command line.

use crate::cli;
use crate::error::Error;
use crate::session;
use clap::Args;
use clap_complete::Shell;

/// `straggle completions`
#[derive(Clone, Debug, Args)]
#[command(
    after_help = "Examples:\n  straggle completions bash > ~/.local/share/bash-completion/completions/straggle\n  \
                        straggle completions zsh > ~/.zfunc/_straggle"
)]
pub struct Completions {
    /// The shell.
    pub shell: Shell,
}

impl Completions {
    /// Prints them.
    ///
    /// # Errors
    /// If the standard output cannot be written.
    pub fn run(&self) -> Result<(), Error> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut cli::command(), "straggle", &mut script);
        session::print(&String::from_utf8_lossy(&script))
    }
}
