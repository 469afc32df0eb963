//! Finished parts of a long run, a file of JSON each, kept as they end: whatever ends the run, a rerun of the command goes on from them,
//! and parts that several processes have finished are joined by looking for them in all their directories.
//!
//! A file is written beside its place and renamed: it is there whole, or not at all.

use crate::error::Error;
use crate::manifest::sha256;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// The finished parts of a directory, and of others that it may look into.
pub struct Finished {
    path: PathBuf,
    others: Vec<PathBuf>,
    /// Until when nothing is worth a file.
    quick: Instant,
    /// What has ended until then.
    waiting: Mutex<Vec<Part>>,
    /// What could not be written, if something could not.
    failed: Mutex<Option<Error>>,
    /// Files begun by this process.
    begun: AtomicU64,
}

#[derive(Serialize, Deserialize)]
struct Part {
    /// Everything that makes a difference to the result.
    key: String,
    result: Value,
}

impl Finished {
    /// The directory that they are in, in that of the run.
    pub const NAME: &str = "finished";

    /// The finished parts in the directory of a run, and in those of other runs.
    pub fn open(directory: &Path, others: &[PathBuf]) -> Finished {
        let within = |directory: &Path| directory.join(Finished::NAME);
        let path = within(directory);
        // A process that was killed leaves the file that it was writing.
        for file in fs::read_dir(&path).into_iter().flatten().flatten().map(|entry| entry.path()) {
            if file.extension().is_some_and(|extension| extension == "new") {
                let _ = fs::remove_file(file);
            }
        }
        Finished {
            path,
            others: others.iter().map(|other| within(other)).collect(),
            quick: Instant::now(),
            waiting: Mutex::default(),
            failed: Mutex::default(),
            begun: AtomicU64::new(0),
        }
    }

    /// The same, with nothing written before so long: what takes no longer is not worth it.
    pub fn after(self, quick: Duration) -> Finished {
        Finished { quick: Instant::now() + quick, ..self }
    }

    /// Where they are.
    #[cfg(any(feature = "train", test))]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The result of this key, if it is there. A file that cannot be read counts for nothing.
    pub fn find<T: DeserializeOwned>(&self, key: &str) -> Option<T> {
        let name = name(key);
        std::iter::once(&self.path).chain(&self.others).find_map(|directory| {
            let part: Part = serde_json::from_slice(&fs::read(directory.join(&name)).ok()?).ok()?;
            serde_json::from_value(part.result).ok().filter(|_| part.key == key)
        })
    }

    /// Keeps a result. What goes wrong is told [at the end](Finished::check).
    pub fn keep(&self, key: &str, result: &impl Serialize) {
        let part = Part { key: key.to_string(), result: serde_json::to_value(result).expect("plain data") };
        let mut waiting = self.waiting.lock().expect("nobody panics with it");
        waiting.push(part);
        if Instant::now() >= self.quick {
            for part in waiting.drain(..) {
                if let Err(error) = self.write(&part) {
                    self.failed.lock().expect("nobody panics with it").get_or_insert(error);
                }
            }
        }
    }

    /// Makes sure that everything was kept.
    ///
    /// # Errors
    /// What was not.
    pub fn check(&self) -> Result<(), Error> {
        self.failed.lock().expect("nobody panics with it").take().map_or(Ok(()), Err)
    }

    fn write(&self, part: &Part) -> Result<(), Error> {
        let path = self.path.join(name(&part.key));
        let new = path.with_extension(format!("{}.new", self.begun.fetch_add(1, Relaxed)));
        let written = fs::create_dir_all(&self.path)
            .and_then(|()| fs::write(&new, serde_json::to_vec(part).expect("plain data")))
            .and_then(|()| fs::rename(&new, &path));
        written.map_err(|source| Error::Write { path, flag: "--out DIR", source })
    }
}

/// Finished runs of one simulated experiment, whose options are the prefix of every key.
pub struct FinishedRuns<'a> {
    /// Where they are kept.
    pub finished: &'a Finished,
    /// Everything that makes a difference, but for the policy and the workers.
    pub experiment: String,
}

impl FinishedRuns<'_> {
    /// The key of a part.
    pub fn key(&self, name: &str) -> String {
        format!("{} {name}", self.experiment)
    }
}

impl sim::Kept for FinishedRuns<'_> {
    fn find(&self, name: &str) -> Option<sim::Replications> {
        self.finished.find(&self.key(name))
    }

    fn keep(&self, name: &str, found: &sim::Replications) {
        self.finished.keep(&self.key(name), found);
    }
}

/// The file of a key.
fn name(key: &str) -> String {
    format!("{}.json", &sha256(key.as_bytes())[..32])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spoilt_file_forgets_only_itself_and_others_are_looked_into() {
        let (here, there) = (tempfile::tempdir().expect("a directory"), tempfile::tempdir().expect("a directory"));
        let finished = Finished::open(here.path(), &[]);
        (0..3).for_each(|i| finished.keep(&format!("part {i}"), &(i, 0.1 + 0.2)));
        finished.check().expect("written");
        fs::write(finished.path().join(name("part 1")), "{\"key\": \"part 1\", \"res").expect("written");
        fs::write(finished.path().join("x.0.new"), "cut").expect("written");
        let again = Finished::open(here.path(), &[]);
        assert_eq!(again.find("part 0"), Some((0, 0.1 + 0.2)));
        assert_eq!((again.find::<(u32, f64)>("part 1"), again.find("part 2")), (None, Some((2, 0.1 + 0.2))));
        assert_eq!(fs::read_dir(again.path()).expect("a directory").count(), 3);
        let other = Finished::open(there.path(), &[here.path().to_path_buf()]);
        assert_eq!(other.find("part 2"), Some((2, 0.1 + 0.2)));
    }

    #[test]
    fn what_is_quick_leaves_no_file_and_what_cannot_be_kept_is_told() {
        let here = tempfile::tempdir().expect("a directory");
        let quick = Finished::open(here.path(), &[]).after(Duration::from_secs(3600));
        quick.keep("part", &1);
        assert!(!quick.path().exists());
        fs::write(quick.path(), "in the way").expect("written");
        let finished = Finished::open(here.path(), &[]);
        finished.keep("part", &1);
        assert!(matches!(finished.check(), Err(Error::Write { .. })));
    }
}
