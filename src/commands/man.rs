//! `straggle man`: manual pages.

use crate::cli;
use crate::error::Error;
use crate::{output, session};
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
        let failed = |source| Error::Write { path: directory.clone(), source, flag: "another DIR" };
        std::fs::create_dir_all(directory).map_err(failed)?;
        let mut program = cli::command().disable_help_subcommand(true);
        program.build();
        let mut commands = vec![program];
        while let Some(command) = commands.pop() {
            commands.extend(command.get_subcommands().filter(|sub| !sub.is_hide_set()).cloned());
            let (page, mut text) = (clap_mangen::Man::new(command), Vec::new());
            let rendered = page.render(&mut text);
            rendered.and_then(|()| output::put(&directory.join(page.get_filename()), &text)).map_err(failed)?;
        }
        Ok(())
    }
}
