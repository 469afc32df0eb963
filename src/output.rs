//! Output directory: it holds one run, and never half of one.
//!
//! A run owns what its `manifest.json` lists *with that SHA-256*. The next run of the same command replaces those files
//! and touches nothing else; a directory of another command, a foreign `manifest.json`, or a file in the way that no
//! manifest vouches for is refused before anything is computed. The directory is locked while the run lasts.
//!
//! The switch: all files are written into `.straggle-new`, which is renamed to `.straggle-decided`; from there on the new
//! run counts. Then the old manifest and the old files go, the new files move up, their manifest last: where there is a
//! manifest, every file that it lists is there. Whoever opens the directory next finishes a switch that was cut short,
//! and clears what never came to be decided. This holds for killed processes; nothing is forced to disk against a loss
//! of power.
//!
//! A run that broke off does not replace one that is complete: it goes to the directory `partial` within.

use crate::error::Error;
use crate::manifest::{File, Manifest};
use crate::memory;
use std::collections::BTreeSet;
use std::fs::{self, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

const NEW: &str = ".straggle-new";
const DECIDED: &str = ".straggle-decided";
/// The old manifest, while the switch goes on.
const REPLACED: &str = "replaced.json";
const PARTIAL: &str = "partial";
const OUT: &str = "--out DIR";
const SAVE: &str = "--save FILE";
/// A file that somebody saved and that is longer is not ours, in bytes.
const MOST_SAVED: u64 = 1 << 30;

/// The place of a run that has begun, found writable, and the files that are to be put there.
#[derive(Debug)]
pub struct Output {
    directory: PathBuf,
    /// The run that is there.
    old: Option<Manifest>,
    files: Vec<(String, Vec<u8>)>,
    saved: Option<Saved>,
    /// Whether the directory was made for this run.
    made: bool,
    _lock: Option<fs::File>,
}

/// A file elsewhere, written beside its place first.
#[derive(Debug)]
struct Saved {
    path: PathBuf,
    new: PathBuf,
    lock: PathBuf,
    _locked: fs::File,
    /// Whether what is there is of a run that came to its end.
    complete: bool,
    bytes: Option<Vec<u8>>,
}

impl Output {
    /// Takes a directory for a run of `command`, which may leave files of these `names`.
    ///
    /// # Errors
    /// If it cannot be written, another process writes to it, or it holds what is not this command's.
    pub fn open(directory: &Path, command: &str, names: &[String]) -> Result<Output, Error> {
        let failed = |source| Error::Write { path: directory.to_path_buf(), source, flag: OUT };
        let made = !directory.exists();
        fs::create_dir_all(directory).map_err(failed)?;
        let lock = lock(directory)?;
        let old = take(directory, command, names.iter().map(String::as_str))?;
        Ok(Output { directory: directory.to_path_buf(), old, files: Vec::new(), saved: None, made, _lock: lock })
    }

    /// Takes a place outside the directory, too, for a file; whether the one that is there `is_partial`, so that a run that breaks
    /// off may replace it, its own bytes tell.
    ///
    /// # Errors
    /// If it cannot be written, or is a place of the run itself.
    pub fn also(&mut self, path: &Path, names: &[String], is_partial: fn(&[u8]) -> bool) -> Result<(), Error> {
        let failed = |path: &Path, source| Error::Write { path: path.to_path_buf(), source, flag: SAVE };
        // What a link leads to is replaced, not the link.
        let path = &match path.is_symlink() {
            true => path.canonicalize().map_err(|e| failed(path, e))?,
            false => path.to_path_buf(),
        };
        let complete = match path.metadata() {
            Ok(there) if there.is_dir() => return Err(failed(path, io::ErrorKind::IsADirectory.into())),
            Ok(there) if !there.is_file() => {
                let shown = path.display();
                return Err(Error::Input(format!("{shown} is no regular file; choose another with --save FILE")));
            }
            Ok(_) => match memory::read(path, MOST_SAVED) {
                Ok(bytes) => !is_partial(&bytes),
                Err(e) if e.kind() == io::ErrorKind::FileTooLarge => true,
                Err(e) => return Err(failed(path, e)),
            },
            Err(_) => false,
        };
        let Some(name) = path.file_name() else {
            return Err(Error::Usage(format!("'{}' is no name of a file; type --save FILE", path.display())));
        };
        let parent = path.parent().filter(|parent| *parent != Path::new("")).unwrap_or(Path::new("."));
        fs::create_dir_all(parent).map_err(|e| failed(path, e))?;
        let same = |a: &Path, b: &Path| matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b);
        if names.iter().map(String::as_str).chain([Manifest::NAME]).any(|taken| name == taken)
            && same(parent, &self.directory)
        {
            let name = path.display();
            return Err(Error::Usage(format!("{name} is a file of the run itself; choose another with --save FILE")));
        }
        let new = |ending| parent.join(format!(".{}.straggle-{ending}", name.to_string_lossy()));
        let lock = new("lock");
        let locked = fs::File::create(&lock).map_err(|e| failed(path, e))?;
        if let Err(TryLockError::WouldBlock) = locked.try_lock() {
            let shown = path.display();
            return Err(Error::Input(format!("another run is to save {shown}; choose another with --save FILE")));
        }
        self.saved =
            Some(Saved { path: path.to_path_buf(), new: new("new"), lock, _locked: locked, complete, bytes: None });
        Ok(())
    }

    /// Adds a file, one of the names that [`open`](Output::open) was told.
    pub fn add(&mut self, name: String, bytes: Vec<u8>) {
        self.files.push((name, bytes));
    }

    /// Fills the file that [`also`](Output::also) was told, if there is one.
    pub fn save(&mut self, bytes: impl FnOnce() -> Vec<u8>) {
        if let Some(saved) = &mut self.saved {
            saved.bytes = Some(bytes());
        }
    }

    /// Puts everything in its place: all of it, or none.
    ///
    /// # Errors
    /// If the system refuses; the old run is then still there.
    pub fn commit(mut self, mut manifest: Manifest) -> Result<Written, Error> {
        manifest.files = self.files.iter().map(|(name, bytes)| File::new(name, bytes)).collect();
        let beside = |old: Option<&Manifest>| !manifest.complete && old.is_some_and(|old| old.complete);
        let saved = self.saved.take_if(|saved| saved.bytes.is_some());
        let saved = saved.map(|saved| {
            let apart = !manifest.complete && saved.complete;
            let path = if apart { partial_name(&saved.path) } else { saved.path.clone() };
            manifest.files.push(File::new(path.display().to_string(), saved.bytes.as_deref().unwrap_or_default()));
            (path, saved)
        });
        let names = manifest.files.iter().map(|file| file.name.clone()).collect();
        let target = if beside(self.old.as_ref()) { self.directory.join(PARTIAL) } else { self.directory.clone() };
        let described = manifest.described();
        if target != self.directory {
            fs::create_dir_all(&target).map_err(|e| not_written(&target, e))?;
            take(&target, manifest.command(), self.files.iter().map(|(name, _)| name.as_str()))?;
        }
        let files = self.files.iter().map(|(name, bytes)| (name.as_str(), &bytes[..]));
        for (name, bytes) in files.chain([(Manifest::NAME, &described[..])]) {
            fs::write(target.join(NEW).join(name), bytes).map_err(|e| not_written(&target.join(name), e))?;
        }
        if let Some((path, saved)) = saved {
            saved.put(&path)?;
        }
        fs::rename(target.join(NEW), target.join(DECIDED)).map_err(|e| not_written(&target, e))?;
        switch(&target).map_err(|e| not_written(&target, e))?;
        if manifest.complete {
            forget(&self.directory.join(PARTIAL), manifest.command());
        }
        Ok(Written { directory: target, names })
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(self.directory.join(NEW));
        if self.made {
            let _ = fs::remove_dir(&self.directory);
        }
    }
}

impl Saved {
    /// Writes the file, and puts it there. What it says of itself is in it.
    fn put(self, path: &Path) -> Result<(), Error> {
        let written = fs::write(&self.new, self.bytes.as_deref().unwrap_or_default());
        let put = written.and_then(|()| fs::rename(&self.new, path));
        put.map_err(|source| Error::Write { path: path.to_path_buf(), source, flag: SAVE })
    }
}

impl Drop for Saved {
    fn drop(&mut self) {
        for leftover in [&self.new, &self.lock] {
            let _ = fs::remove_file(leftover);
        }
    }
}

fn not_written(path: &Path, source: io::Error) -> Error {
    Error::Write { path: path.to_path_buf(), source, flag: OUT }
}

/// Finishes or clears what an earlier process left of a switch, makes sure that the directory belongs to the command and
/// that nothing else is in the way of these names, and gives the manifest of the run that is there.
fn take<'a>(directory: &Path, command: &str, names: impl Iterator<Item = &'a str>) -> Result<Option<Manifest>, Error> {
    switch(directory).map_err(|e| not_written(directory, e))?;
    let old = owner(directory, command)?;
    for name in names {
        let path = directory.join(name);
        let shown = path.display();
        match path.symlink_metadata() {
            Ok(there) if there.is_dir() => return Err(Error::Occupied(format!("{shown} is a directory;"))),
            Ok(_) if !old.as_ref().is_some_and(|old| is_of(old, directory, name)) => {
                return Err(Error::Occupied(format!(
                    "{shown} is not as a run of straggle {command} left it; move it away, or"
                )));
            }
            _ => {}
        }
    }
    let _ = fs::remove_dir_all(directory.join(NEW));
    fs::create_dir(directory.join(NEW)).map_err(|e| not_written(directory, e))?;
    Ok(old)
}

/// The lock on a directory, where the system can lock one. It needs no file, and goes with the process.
fn lock(directory: &Path) -> Result<Option<fs::File>, Error> {
    let Ok(file) = fs::File::open(directory) else { return Ok(None) };
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::Error(_)) => Ok(None),
        Err(TryLockError::WouldBlock) => {
            Err(Error::Occupied(format!("another run is writing to {}; wait for it, or", directory.display())))
        }
    }
}

/// The manifest of the run in a directory, if there is one.
fn owner(directory: &Path, command: &str) -> Result<Option<Manifest>, Error> {
    let (path, shown) = (directory.join(Manifest::NAME), directory.display());
    if !path.exists() {
        return Ok(None);
    }
    match read(&path) {
        None => Err(Error::Occupied(format!("{} is not the manifest of a run;", path.display()))),
        Some(manifest) if manifest.command() == command => Ok(Some(manifest)),
        Some(manifest) => {
            Err(Error::Occupied(format!("{shown} holds a run of straggle {}, not of {command};", manifest.command())))
        }
    }
}

fn read(manifest: &Path) -> Option<Manifest> {
    serde_json::from_slice(&memory::read(manifest, memory::MOST_TEXT).ok()?).ok()
}

/// Whether a file is what this manifest says, and lies in its directory.
fn is_of(manifest: &Manifest, directory: &Path, name: &str) -> bool {
    name == Manifest::NAME
        || Path::new(name).file_name().is_some_and(|plain| plain == name)
            && manifest.files.iter().any(|file| file.name == name && file.is(&directory.join(name)))
}

/// Removes what is left of a run that this manifest describes, but for `kept`.
fn remove(manifest: &Manifest, directory: &Path, kept: &BTreeSet<String>) -> io::Result<()> {
    let stale = manifest.files.iter().filter(|file| !kept.contains(&file.name));
    stale
        .filter(|file| is_of(manifest, directory, &file.name))
        .try_for_each(|file| fs::remove_file(directory.join(&file.name)))
}

/// Removes a partial run that a complete one has made worthless.
fn forget(directory: &Path, command: &str) {
    if let Ok(Some(old)) = owner(directory, command) {
        let _ = remove(&old, directory, &BTreeSet::new());
        let _ = fs::remove_file(directory.join(Manifest::NAME));
        let _ = fs::remove_dir(directory);
    }
}

/// Makes the switch that was decided on, if there is one, from wherever it was cut short.
fn switch(directory: &Path) -> io::Result<()> {
    let decided = directory.join(DECIDED);
    if !decided.exists() {
        return Ok(());
    }
    let (here, new, replaced) = (directory.join(Manifest::NAME), decided.join(Manifest::NAME), decided.join(REPLACED));
    if let Some(manifest) = read(&new) {
        if here.exists() {
            fs::rename(&here, &replaced)?;
        }
        let names: BTreeSet<String> = manifest.files.into_iter().map(|file| file.name).collect();
        if let Some(old) = read(&replaced) {
            remove(&old, directory, &names)?;
        }
        for name in names.iter().filter(|name| decided.join(name).is_file()) {
            fs::rename(decided.join(name), directory.join(name))?;
        }
        fs::rename(new, here)?;
    }
    fs::remove_dir_all(decided)
}

/// Puts a file in its place, whole or not at all; what is there and is no file, such as /dev/stdout, is written to.
///
/// # Errors
/// If the system refuses.
pub fn put(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let path = if path.is_symlink() { &path.canonicalize()? } else { path };
    let Some(name) = path.file_name().filter(|_| path.is_file() || !path.exists()) else {
        return fs::write(path, bytes);
    };
    let new = path.with_file_name(format!(".{}.straggle-new", name.to_string_lossy()));
    let put = fs::write(&new, bytes).and_then(|()| fs::rename(&new, path));
    put.inspect_err(|_| drop(fs::remove_file(&new)))
}

/// The name beside which a partial file goes: `net.partial.safetensors`.
fn partial_name(path: &Path) -> PathBuf {
    let extension = path.extension().map(|extension| format!(".{}", extension.to_string_lossy())).unwrap_or_default();
    path.with_extension(format!("partial{extension}"))
}

/// What was written, and where.
#[derive(Debug)]
pub struct Written {
    directory: PathBuf,
    names: Vec<String>,
}

impl std::fmt::Display for Written {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{}: {}",
            self.directory.display(),
            self.names.iter().map(String::as_str).chain([Manifest::NAME]).collect::<Vec<_>>().join(", ")
        )
    }
}
