//! `straggle explore`: the question as a page to play with.

use crate::error::Error;
use crate::page::{self, Settings, Trace};
use crate::session;
use clap::Args;
use std::path::PathBuf;

/// `straggle explore`
#[derive(Clone, Debug, Args)]
#[command(
    after_help = "Examples:\n  straggle explore -o page.html\n  straggle explore --trace steps.csv -o steps.html"
)]
pub struct Explore {
    /// Where to write the page: one HTML file that loads nothing from anywhere.
    #[arg(short, long, value_name = "FILE", default_value = "page.html")]
    pub out: PathBuf,
    /// A CSV file of step times that the page begins with, as if it had been dropped there.
    #[arg(long, value_name = "FILE")]
    pub trace: Option<PathBuf>,
    /// No notes.
    #[arg(short, long)]
    pub quiet: bool,
}

impl Explore {
    /// Writes the page.
    ///
    /// # Errors
    /// If a file cannot be read or written.
    pub fn run(&self) -> Result<(), Error> {
        let trace = self.trace.as_ref().map(|file| {
            let unreadable = |reason: String| {
                Error::Input(format!(
                    "cannot read {}: {reason}; give a CSV file with a column of times",
                    file.display()
                ))
            };
            let bytes = std::fs::read(file).map_err(|error| unreadable(error.to_string()))?;
            let text = String::from_utf8(bytes).map_err(|_| unreadable("it is not UTF-8 text".to_string()))?;
            let name = file.file_name().unwrap_or(file.as_os_str()).to_string_lossy().into_owned();
            Ok::<Trace, Error>(Trace { name, text })
        });
        let page = page::html(&Settings { trace: trace.transpose()?, models: Vec::new() });
        std::fs::write(&self.out, &page).map_err(|source| Error::Write {
            path: self.out.clone(),
            source,
            flag: "--out FILE",
        })?;
        if !self.quiet {
            let note = format!("{} ({} kB); open it in a browser", self.out.display(), page.len().div_ceil(1000));
            session::tell("wrote", &note);
        }
        Ok(())
    }
}
