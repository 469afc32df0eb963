//! `straggle completions`: what a shell needs to complete the command line.

use crate::cli::{self, Plain};
use crate::error::Error;
use clap::Args;
use clap_complete::Shell;
use serde_json::json;

/// `straggle completions`
#[derive(Clone, Debug, Args)]
#[command(
    after_help = "Examples:\n  straggle completions bash > ~/.local/share/bash-completion/completions/straggle\n  \
                        straggle completions zsh > ~/.zfunc/_straggle"
)]
pub struct Completions {
    /// The shell.
    pub shell: Shell,
    /// What every command takes.
    #[command(flatten)]
    pub plain: Plain,
}

impl Completions {
    /// Prints them.
    ///
    /// # Errors
    /// If the standard output cannot be written.
    pub fn run(&self) -> Result<(), Error> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut cli::command(), "straggle", &mut script);
        let script = String::from_utf8_lossy(&script);
        self.plain.print(&script, &json!({ "shell": self.shell.to_string(), "script": script }))
    }
}
