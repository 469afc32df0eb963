//! Finished parts of a long run, a line of JSON each, kept as they end: whatever ends the run, a rerun of the command goes on from
//! them, and parts that several processes have finished are joined by looking for them in all their directories.
//!
//! The file only ever grows. A line that a process was killed in, or a disk has spoilt, forgets itself and nothing else. The
//! key of a part is everything that makes a difference to its result; version and commit of the program are in every key.

use crate::error::Error;
use crate::manifest::sha256;
use crate::report::Command;
use crate::session::Session;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// The finished parts of a directory, and of others that it may look into.
pub struct Finished {
    path: PathBuf,
    /// Where the part of a key is: in which file, from which byte on, and how many of them.
    places: HashMap<String, (PathBuf, u64, usize)>,
    /// Until when nothing is worth a line.
    quick: Instant,
    writing: Mutex<Writing>,
}

/// What is on its way into the file.
#[derive(Default)]
struct Writing {
    /// Opened when the first part is written.
    file: Option<File>,
    /// Lines that have ended while nothing was worth one.
    waiting: Vec<u8>,
    /// What went wrong, if something did; nothing more is written then.
    failed: Option<io::Error>,
}

#[derive(Serialize)]
struct Part<'a, T> {
    key: &'a str,
    result: &'a T,
}

#[derive(Deserialize)]
struct Found<T> {
    key: String,
    result: T,
}

impl Finished {
    /// The file that they are in, in the directory of the run.
    pub const NAME: &str = "finished.jsonl";

    /// A run that ends so soon is not worth keeping parts of it.
    pub const QUICK: Duration = Duration::from_millis(500);

    /// What there is to say of a run that was stopped in this directory, and has no result.
    pub fn word(directory: &Path) -> String {
        let path = directory.join(Finished::NAME);
        match path.exists() {
            true => {
                format!("what was finished is kept in {}, and the same command goes on from there", path.display())
            }
            false => "nothing was finished, and nothing was written".to_string(),
        }
    }

    /// The finished parts in the directory of a run, and in those of other runs.
    pub fn open(directory: &Path, others: &[PathBuf]) -> Finished {
        let path = directory.join(Finished::NAME);
        let mut places = HashMap::new();
        // What is here comes first.
        for path in others.iter().map(|other| other.join(Finished::NAME)).chain([path.clone()]) {
            let _ = index(&path, &mut places);
        }
        Finished { path, places, quick: Instant::now(), writing: Mutex::default() }
    }

    /// The same, with nothing written as long as that is [quick](Finished::QUICK).
    pub fn unless_quick(self) -> Finished {
        Finished { quick: Instant::now() + Finished::QUICK, ..self }
    }

    /// Where they are.
    #[cfg(any(feature = "train", test))]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The result of this key, if it is there. A line that cannot be read counts for nothing.
    pub fn find<T: DeserializeOwned>(&self, key: &str) -> Option<T> {
        let key = full(key);
        let (path, from, length) = self.places.get(&name(&key))?;
        let mut line = vec![0; *length];
        let mut file = File::open(path).ok()?;
        file.seek(SeekFrom::Start(*from)).and_then(|_| file.read_exact(&mut line)).ok()?;
        let found: Found<T> = serde_json::from_slice(&line).ok()?;
        (found.key == key).then_some(found.result)
    }

    /// Keeps a result. What goes wrong is told [at the end](Finished::check).
    pub fn keep(&self, key: &str, result: &impl Serialize) {
        let mut line = serde_json::to_vec(&Part { key: &full(key), result }).expect("plain data");
        line.push(b'\n');
        let mut writing = self.writing.lock().expect("nobody panics with it");
        writing.waiting.extend(line);
        if Instant::now() >= self.quick && writing.failed.is_none() {
            writing.failed = self.write(&mut writing).err();
        }
    }

    /// The result of this key: what is kept, or else what the work comes to, which is kept then.
    ///
    /// # Errors
    /// Those of the work.
    pub fn once<T, E>(&self, key: &str, work: impl FnOnce() -> Result<T, E>) -> Result<T, E>
    where
        T: Serialize + DeserializeOwned,
    {
        match self.find(key) {
            Some(found) => Ok(found),
            None => work().inspect(|result| self.keep(key, result)),
        }
    }

    /// Makes sure that everything was kept.
    ///
    /// # Errors
    /// What went wrong.
    pub fn check(&self) -> Result<(), Error> {
        let failed = self.writing.lock().expect("nobody panics with it").failed.take();
        failed.map_or(Ok(()), |source| Err(Error::Write { path: self.path.clone(), source, flag: "--out DIR" }))
    }

    /// Tells what went wrong, where the run does without.
    pub fn told(&self, session: &Session) {
        if let Err(error) = self.check() {
            session.note(format!("{error}; without that, a run that is killed is lost"));
        }
    }

    /// Writes what is waiting.
    fn write(&self, writing: &mut Writing) -> io::Result<()> {
        if writing.file.is_none() {
            fs::create_dir_all(self.path.parent().unwrap_or(Path::new(".")))?;
            let mut file = File::options().read(true).append(true).create(true).open(&self.path)?;
            // A line that was cut short ends here.
            let cut = file.seek(SeekFrom::End(-1)).is_ok() && {
                let mut last = [0];
                file.read_exact(&mut last)?;
                last != *b"\n"
            };
            if cut {
                writing.waiting.insert(0, b'\n');
            }
            writing.file = Some(file);
        }
        let Writing { file: Some(file), waiting, .. } = writing else { unreachable!("it was just opened") };
        file.write_all(waiting)?;
        waiting.clear();
        Ok(())
    }
}

/// Adds the places of all parts in a file: the last one of a key counts.
fn index(path: &Path, places: &mut HashMap<String, (PathBuf, u64, usize)>) -> io::Result<()> {
    let mut file = BufReader::new(File::open(path)?);
    let (mut from, mut line) = (0, Vec::new());
    loop {
        line.clear();
        let length = file.read_until(b'\n', &mut line)?;
        if length == 0 {
            return Ok(());
        }
        if let Ok(found) = serde_json::from_slice::<Found<IgnoredAny>>(&line) {
            places.insert(name(&found.key), (path.to_path_buf(), from, length));
        }
        from += length as u64;
    }
}

/// Finished runs of one simulated experiment, whose options are the prefix of every key.
#[derive(Clone)]
pub struct FinishedRuns<'a> {
    /// Where they are kept.
    pub finished: &'a Finished,
    /// Everything that makes a difference, but for the policy and the workers.
    pub experiment: String,
}

impl<'a> FinishedRuns<'a> {
    /// Those of one of several experiments, which is called so.
    pub fn of(&self, name: &str) -> FinishedRuns<'a> {
        FinishedRuns { finished: self.finished, experiment: self.key(name) }
    }

    /// The key of a part.
    pub fn key(&self, name: &str) -> String {
        format!("{} {name}", self.experiment)
    }

    /// What is kept of this name, or else what the work comes to, which is kept then; nothing if that is stopped.
    pub fn once<T: Serialize + DeserializeOwned>(&self, name: &str, work: impl FnOnce() -> Option<T>) -> Option<T> {
        self.finished.once(&self.key(name), || work().ok_or(())).ok()
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

/// The options of a command, but for its `own` that make no difference to what is kept, and the inputs that were read.
pub fn everything<C: Command>(command: &C, own: &[&str], session: &Session) -> String {
    let Ok(Value::Object(mut options)) = serde_json::to_value(command) else { unreachable!("options have names") };
    own.iter().for_each(|own| drop(options.remove(*own)));
    let inputs: Vec<String> = session.inputs().into_iter().map(|input| input.sha256).collect();
    format!("{} {} {}", C::NAME, Value::Object(options), inputs.join(" "))
}

/// A key and the program that it is for.
fn full(key: &str) -> String {
    let (version, commit) = (env!("CARGO_PKG_VERSION"), option_env!("STRAGGLE_COMMIT").unwrap_or_default());
    format!("{key} version={version} {commit}")
}

/// Keys are long, and there may be many.
fn name(key: &str) -> String {
    sha256(key.as_bytes())[..32].to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::garbled::garbled;

    fn kept(directory: &Path, parts: impl IntoIterator<Item = u32>) -> Finished {
        let finished = Finished::open(directory, &[]);
        parts.into_iter().for_each(|i| finished.keep(&format!("part {i}"), &(i, 0.1 + 0.2)));
        finished.check().expect("written");
        Finished::open(directory, &[])
    }

    fn part(finished: &Finished, i: u32) -> Option<(u32, f64)> {
        finished.find(&format!("part {i}"))
    }

    #[test]
    fn a_spoilt_line_forgets_only_itself_and_others_are_looked_into() {
        let (here, there) = (tempfile::tempdir().expect("a directory"), tempfile::tempdir().expect("a directory"));
        let path = kept(here.path(), 0..3).path().to_path_buf();
        let text = fs::read_to_string(&path).expect("lines");
        // The second is spoilt, and whoever wrote the third was killed.
        let cut = text[..text.len() - 5].replacen("part 1", "part \u{0}", 1);
        fs::write(&path, cut).expect("written");
        let again = Finished::open(here.path(), &[]);
        assert_eq!([0, 1, 2].map(|i| part(&again, i)), [Some((0, 0.1 + 0.2)), None, None]);
        let again = kept(here.path(), 2..4);
        assert_eq!([0, 1, 2, 3].map(|i| part(&again, i).map(|part| part.0)), [Some(0), None, Some(2), Some(3)]);
        let other = Finished::open(there.path(), &[here.path().to_path_buf()]);
        assert_eq!(part(&other, 3), Some((3, 0.1 + 0.2)));
        assert_eq!(part(&other, 1), None);
    }

    #[test]
    fn what_is_quick_leaves_no_file_and_what_cannot_be_kept_is_told() {
        let here = tempfile::tempdir().expect("a directory");
        let mut quick = Finished::open(here.path(), &[]).unless_quick();
        quick.quick += Duration::from_secs(3600);
        quick.keep("part", &1);
        assert!(!quick.path().exists());
        fs::create_dir(quick.path()).expect("in the way");
        let finished = Finished::open(here.path(), &[]);
        (0..3).for_each(|i| finished.keep("part", &i));
        assert!(matches!(finished.check(), Err(Error::Write { .. })));
    }

    #[test]
    fn garbled_parts_are_what_they_were_or_forgotten() {
        let here = tempfile::tempdir().expect("a directory");
        let path = kept(here.path(), 0..3).path().to_path_buf();
        let whole = fs::read(&path).expect("lines");
        garbled(&[&whole], |bytes| {
            fs::write(&path, bytes).expect("written");
            let again = Finished::open(here.path(), &[]);
            std::hint::black_box([0, 1, 2].map(|i| part(&again, i)));
            Ok::<_, String>(())
        });
    }
}
