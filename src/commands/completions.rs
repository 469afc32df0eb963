//! `straggle completions`: what a shell needs to complete the command line.

use crate::cli::{self, Completions};
use crate::error::Error;
use serde_json::json;

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
