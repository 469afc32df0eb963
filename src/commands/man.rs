//! `straggle man`: manual pages.

use crate::cli;
use crate::error::Error;
use crate::session;
use clap::Args;
use std::path::PathBuf;

/// `straggle man`
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:\n  straggle man | man -l -\n  straggle man ~/.local/share/man/man1")]
pub struct Man {
    /// Where to write a page for each command; without it, the page of the program is printed.
    pub directory: Option<PathBuf>,
}

impl Man {
    /// Prints or writes the pages.
    ///
    /// # Errors
    /// If they cannot be written.
    pub fn run(&self) -> Result<(), Error> {
        let Some(directory) = &self.directory else {
            let mut page = Vec::new();
            clap_mangen::Man::new(cli::command()).render(&mut page).map_err(Error::Print)?;
            return session::print(&String::from_utf8_lossy(&page));
        };
        let pages =
            std::fs::create_dir_all(directory).and_then(|()| clap_mangen::generate_to(cli::command(), directory));
        pages.map_err(|source| Error::Write { path: directory.clone(), source, flag: "another DIR" })
    }
}
