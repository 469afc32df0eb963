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
    /// All files that a command can make.
    names: &'static [&'static str],
    files: Vec<(&'static str, Vec<u8>)>,
}

impl Output {
    /// Makes the directory and makes sure that it can be written, so that no long run is made in vain. `names` are all
    /// files that the command can make, with or without its options.
    pub fn open(directory: &Path, names: &'static [&'static str]) -> Result<Output, Error> {
        let failed = |source| Error::Write { path: directory.to_path_buf(), source };
        fs::create_dir_all(directory).map_err(failed)?;
        NamedTempFile::new_in(directory).map_err(failed)?;
        if let Some(path) = names.iter().map(|name| directory.join(name)).find(|path| path.is_dir()) {
            return Err(Error::Write { path, source: io::ErrorKind::IsADirectory.into() });
        }
        Ok(Output { directory: directory.to_path_buf(), names, files: Vec::new() })
    }

    /// Adds a file, one of the names that [`open`](Output::open) was told.
    pub fn add(&mut self, name: &'static str, bytes: Vec<u8>) {
        debug_assert!(self.names.contains(&name), "{name}");
        self.files.push((name, bytes));
    }

    /// Writes the files and the manifest that describes them beside their places, and moves them there when all are
    /// written: a full disk leaves what was there before. What an earlier run left and this one does not make goes away,
    /// so that the manifest describes all that is there.
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
        let names: Vec<&str> = self.files.iter().map(|(name, _)| *name).collect();
        for stale in self.names.iter().filter(|name| !names.contains(name)) {
            let _ = fs::remove_file(self.directory.join(stale));
        }
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

/// Prints a result, in colour only on a terminal; a reader who has seen enough (`| head`) is no error.
pub fn print(text: &str) -> Result<(), Error> {
    let mut stdout = anstream::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(source) if source.kind() != io::ErrorKind::BrokenPipe => Err(Error::Print(source)),
        _ => Ok(()),
    }
}

/// Says something beside the result. If even that cannot be written, there is nobody left to tell.
pub fn tell(mark: &str, what: &dyn std::fmt::Display) {
    let _ = writeln!(anstream::stderr().lock(), "{mark} {what}");
}
