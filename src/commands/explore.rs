//! `straggle explore`: the question as a page to play with.

use crate::cli::Explore;
use crate::error::Error;
use crate::formats::{self, Options};
use crate::output;
use crate::page::{self, Cluster, Settings, Times};
use crate::profile::Profile;
use crate::report;
use crate::session;
use sim::TraceSource;
use std::path::{Path, PathBuf};

impl Explore {
    /// Writes the page.
    ///
    /// # Errors
    /// If a file cannot be read or written.
    pub fn run(&self) -> Result<(), Error> {
        let inputs = [&self.trace, &self.profile].into_iter().flatten().map(PathBuf::as_path);
        report::keeps_inputs(&self.out, inputs, "--out FILE")?;
        let settings = Settings {
            trace: self.trace.as_deref().map(|file| self.measured(file)).transpose()?,
            profile: self.profile.as_deref().map(cluster).transpose()?,
            models: Vec::new(),
        };
        let page = page::html(&settings);
        output::put(&self.out, page.as_bytes()).map_err(|source| Error::Write {
            path: self.out.clone(),
            source,
            flag: "--out FILE",
        })?;
        let file = self.out.display().to_string();
        if !self.quiet {
            let note = format!("{file} ({} kB); open it in a browser", page.len().div_ceil(1000));
            session::tell("wrote", &note);
        }
        self.plain.print("", &serde_json::json!({ "file": file, "bytes": page.len() }))
    }

    /// The times of a file.
    fn measured(&self, file: &Path) -> Result<Times, Error> {
        let path = file.to_string_lossy().into_owned();
        let recorded = formats::read(&[path], &Options::default()).map_err(|e| Error::Input(e.to_string()))?;
        if !self.quiet {
            recorded.notes.iter().for_each(|note| session::tell(session::NOTE, note));
        }
        let file = file.file_name().unwrap_or(file.as_os_str()).to_string_lossy().into_owned();
        Ok(Times::new(&TraceSource::file(file), &recorded.times))
    }
}

/// What a profile says.
fn cluster(path: &Path) -> Result<Cluster, Error> {
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
    let (options, times) = Profile::read(path)?.0.typed(path)?;
    let data = times.map(|(source, times)| Times::new(&source, &times));
    Ok(Cluster { name, options, data })
}
