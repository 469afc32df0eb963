//! Finished parts of a long run, a line of JSON each, kept as they end: whatever ends the run, a rerun of the command goes on from them.

use crate::error::Error;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

/// The finished parts of a directory.
pub struct Finished {
    path: PathBuf,
    file: Option<File>,
    lines: Vec<Line>,
}

#[derive(Serialize, Deserialize)]
struct Line {
    /// Everything that makes a difference to the result.
    key: String,
    result: serde_json::Value,
}

impl Finished {
    /// The name of the file.
    pub const NAME: &str = "finished.jsonl";

    /// Reads what is there. A line that cannot be read, as an interruption may leave one, counts for nothing.
    pub fn open(directory: &Path) -> Finished {
        let path = directory.join(Finished::NAME);
        let bytes = std::fs::read(&path).unwrap_or_default();
        let lines = bytes.split(|&byte| byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect();
        Finished { path, file: None, lines }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The latest result of this key.
    pub fn find<T: DeserializeOwned>(&self, key: &str) -> Option<T> {
        let line = self.lines.iter().rev().find(|line| line.key == key)?;
        serde_json::from_value(line.result.clone()).ok()
    }

    /// Keeps a result.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn keep(&mut self, key: &str, result: &impl Serialize) -> Result<(), Error> {
        let failed = |source| Error::Write { path: self.path.clone(), flag: "--out DIR", source };
        let result = serde_json::to_value(result).expect("plain data");
        let line = serde_json::to_string(&Line { key: key.to_string(), result }).expect("plain data");
        let mut file = match self.file.take() {
            Some(file) => file,
            None => OpenOptions::new().append(true).create(true).open(&self.path).map_err(failed)?,
        };
        // A line of its own, whatever an interruption left before it.
        file.write_all(format!("\n{line}\n").as_bytes()).and_then(|()| file.flush()).map_err(failed)?;
        self.file = Some(file);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spoilt_line_forgets_only_itself() {
        let directory = tempfile::tempdir().expect("a directory");
        let mut finished = Finished::open(directory.path());
        (0..3).for_each(|i| finished.keep(&format!("part {i}"), &(i, 0.1 + 0.2)).expect("written"));
        let mut bytes = std::fs::read(finished.path()).expect("a file");
        let second = bytes.windows(6).position(|part| part == b"part 1").expect("it is there");
        bytes[second] = 0xff;
        bytes.truncate(bytes.len() - 3);
        std::fs::write(finished.path(), &bytes).expect("written");
        let mut again = Finished::open(directory.path());
        assert_eq!(again.find("part 0"), Some((0, 0.1 + 0.2)));
        assert_eq!((again.find::<(u32, f64)>("part 1"), again.find::<(u32, f64)>("part 2")), (None, None));
        again.keep("part 2", &(2, 1.0)).expect("written");
        assert_eq!(Finished::open(directory.path()).find("part 2"), Some((2, 1.0)));
    }
}
