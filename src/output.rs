//! Where do results go? All files of a run into one directory, and one beside if asked for: all or none.

use crate::error::Error;
use crate::manifest::Manifest;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// Places that were found writable before the run began, and the files that are to be put there.
#[derive(Debug)]
pub struct Output {
    directory: PathBuf,
    /// All files that a command can make.
    names: &'static [&'static str],
    /// Where another file goes, outside the directory.
    saved: Option<PathBuf>,
    files: Vec<File>,
}

#[derive(Debug)]
struct File {
    path: PathBuf,
    bytes: Vec<u8>,
    /// What another place is chosen with.
    flag: &'static str,
}

const OUT: &str = "--out DIR";
#[cfg(feature = "train")]
const SAVE: &str = "--save FILE";
const MANIFEST: &str = "manifest.json";

impl Output {
    /// Makes the directory and makes sure that it can be written, so that no long run is made in vain. `names` are all
    /// files that the command can make, with or without its options.
    pub fn open(directory: &Path, names: &'static [&'static str]) -> Result<Output, Error> {
        make_writable(directory, OUT)?;
        let output = Output { directory: directory.to_path_buf(), names, saved: None, files: Vec::new() };
        names.iter().try_for_each(|name| is_no_directory(&directory.join(name), OUT))?;
        Ok(output)
    }

    /// Makes sure that a file outside the directory can be written, too, with the manifest beside it.
    #[cfg(feature = "train")]
    pub fn also(&mut self, path: &Path) -> Result<(), Error> {
        is_no_directory(path, SAVE)?;
        let Some(name) = path.file_name() else {
            return Err(Error::Usage(format!("'{}' is no name of a file; type --save FILE", path.display())));
        };
        let (directory, path) = (parent(path), path.with_file_name(name));
        make_writable(&directory, SAVE)?;
        is_no_directory(&manifest_of(&path), SAVE)?;
        let same = |a: &Path, b: &Path| matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b);
        if self.names.iter().any(|taken| name == *taken) && same(&directory, &self.directory) {
            let name = path.display();
            return Err(Error::Usage(format!("{name} is a file of the run itself; choose another with --save FILE")));
        }
        self.saved = Some(path);
        Ok(())
    }

    /// Adds a file, one of the names that [`open`](Output::open) was told.
    pub fn add(&mut self, name: &'static str, bytes: Vec<u8>) {
        debug_assert!(self.names.contains(&name), "{name}");
        self.files.push(File { path: self.directory.join(name), bytes, flag: OUT });
    }

    /// Adds the file that [`also`](Output::also) was told, if there is one.
    #[cfg(feature = "train")]
    pub fn save(&mut self, bytes: impl FnOnce() -> Vec<u8>) {
        if let Some(path) = &self.saved {
            self.files.push(File { path: path.clone(), bytes: bytes(), flag: SAVE });
        }
    }

    /// Writes the files and the manifest that describes them beside their places, and moves them there when all are
    /// written: a full disk leaves what was there before. What an earlier run left and this one does not make goes away,
    /// so that the manifest describes all that is there.
    pub fn commit(mut self, manifest: Manifest) -> Result<Written, Error> {
        let described = self.files.iter().map(|file| (self.shown(&file.path), &file.bytes[..]));
        let manifest = manifest.describe(described);
        let beside = self.files.iter().filter(|file| self.saved.as_ref() == Some(&file.path));
        let beside: Vec<_> = beside.map(|file| (manifest_of(&file.path), file.flag)).collect();
        let places = [(self.directory.join(MANIFEST), OUT)].into_iter().chain(beside);
        self.files.extend(places.map(|(path, flag)| File { path, bytes: manifest.clone(), flag }));
        let mut written = Vec::new();
        for File { path, bytes, flag } in &self.files {
            let file = write_beside(&parent(path), bytes);
            written.push(file.map_err(|source| Error::Write { path: path.clone(), source, flag })?);
        }
        for (file, File { path, flag, .. }) in written.into_iter().zip(&self.files) {
            file.persist(path).map_err(|e| Error::Write { path: path.clone(), source: e.error, flag })?;
        }
        let is_there = |path: &Path| self.files.iter().any(|file| file.path == path);
        for stale in self.names.iter().map(|name| self.directory.join(name)).filter(|path| !is_there(path)) {
            let _ = fs::remove_file(stale);
        }
        let names = self.files.iter().map(|file| self.shown(&file.path)).collect();
        Ok(Written { directory: self.directory, names })
    }

    /// A file's name: in the directory without it, elsewhere with its path.
    fn shown(&self, path: &Path) -> String {
        path.strip_prefix(&self.directory).unwrap_or(path).display().to_string()
    }
}

/// Where a file lies.
fn parent(path: &Path) -> PathBuf {
    path.parent().filter(|parent| *parent != Path::new("")).unwrap_or(Path::new(".")).to_path_buf()
}

/// The manifest beside a file that lies alone.
fn manifest_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(MANIFEST);
    name.into()
}

fn make_writable(directory: &Path, flag: &'static str) -> Result<(), Error> {
    let failed = |source| Error::Write { path: directory.to_path_buf(), source, flag };
    fs::create_dir_all(directory).map_err(failed)?;
    NamedTempFile::new_in(directory).map(drop).map_err(failed)
}

fn is_no_directory(path: &Path, flag: &'static str) -> Result<(), Error> {
    if path.is_dir() {
        return Err(Error::Write { path: path.to_path_buf(), source: io::ErrorKind::IsADirectory.into(), flag });
    }
    Ok(())
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
    names: Vec<String>,
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
