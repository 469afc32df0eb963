//! Where do results go? All files of a run into one directory, all or none.

use crate::error::Error;
use crate::manifest::Manifest;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// A directory that was found writable before the run began, and the files that are to be put into it.
#[derive(Debug)]
pub struct Output {
    directory: PathBuf,
    files: Vec<(&'static str, Vec<u8>)>,
}

impl Output {
    /// Makes the directory and makes sure that it can be written, so that no long run is made in vain.
    pub fn open(directory: &Path) -> Result<Output, Error> {
        let failed = |source| Error::Write { path: directory.to_path_buf(), source };
        fs::create_dir_all(directory).map_err(failed)?;
        NamedTempFile::new_in(directory).map_err(failed)?;
        Ok(Output { directory: directory.to_path_buf(), files: Vec::new() })
    }

    /// Adds a file.
    pub fn add(&mut self, name: &'static str, bytes: Vec<u8>) {
        self.files.push((name, bytes));
    }

    /// Writes the files and the manifest that describes them beside their places, and moves them there when all are
    /// written: a full disk leaves what was there before.
    pub fn commit(mut self, manifest: Manifest) -> Result<Written, Error> {
        let manifest = manifest.describe(&self.files);
        self.files.push(("manifest.json", manifest));
        let mut written = Vec::new();
        for (name, bytes) in &self.files {
            let path = self.directory.join(name);
            let file = write_beside(&self.directory, bytes);
            written.push((file.map_err(|source| Error::Write { path: path.clone(), source })?, path));
        }
        for (file, path) in written {
            file.persist(&path).map_err(|e| Error::Write { path, source: e.error })?;
        }
        let names = self.files.iter().map(|(name, _)| *name).collect();
        Ok(Written { directory: self.directory, names })
    }
}

fn write_beside(directory: &Path, bytes: &[u8]) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644));
    let mut file = builder.tempfile_in(directory)?;
    file.write_all(bytes)?;
    file.flush()?;
    Ok(file)
}

/// What was written, and where.
#[derive(Debug)]
pub struct Written {
    directory: PathBuf,
    names: Vec<&'static str>,
}

impl std::fmt::Display for Written {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.directory.display(), self.names.join(", "))
    }
}

/// Prints a result; a reader who has seen enough (`| head`) is no error.
pub fn print(text: &str) -> Result<(), Error> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(source) if source.kind() != io::ErrorKind::BrokenPipe => {
            Err(Error::Write { path: "the standard output".into(), source })
        }
        _ => Ok(()),
    }
}
