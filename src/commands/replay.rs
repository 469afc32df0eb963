//! `straggle replay`: a run again, from its manifest, and whether it leaves the same bytes.

use crate::cli::{self, Replay};
use crate::error::Error;
use crate::manifest::{File, Manifest};
use crate::memory;
use serde_json::json;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

impl Replay {
    /// Runs it again, and compares.
    ///
    /// # Errors
    /// If it cannot be run again, or comes out differently.
    pub fn run(&self) -> Result<(), Error> {
        let mut old = read(&self.manifest)?;
        // What was saved elsewhere is not made again: a replay writes to its own directory and nowhere else.
        let saved = old.arguments.get("save").and_then(serde_json::Value::as_str).map(str::to_string);
        old.files.retain(|file| saved.as_ref() != Some(&file.name));
        let scratch =
            tempfile::tempdir().map_err(|e| Error::Input(format!("cannot make a directory to replay in: {e}")))?;
        let out = self.out.clone().unwrap_or_else(|| scratch.path().join("replay"));
        let typed = old.command_line_in(&out)?;
        let Some(cli) = cli::parse(&typed)? else { return Ok(()) };
        // What it finds may be no success, and is found again; what kept it from running leaves nothing to compare.
        let ended = cli.command.run(&typed);
        if !matches!(ended, Ok(()) | Err(Error::Verdict(_))) {
            return ended;
        }
        let Some(new) = manifest_below(&out) else { return ended };
        let new = read(&new)?;
        let differing = self::differing(&old.files, &new.files);
        if differing.is_empty() {
            let same = json!({ "files": old.files.len(), "differing": [] });
            let but = saved.map_or(String::new(), |saved| format!("; {saved}, saved elsewhere, was not made again"));
            return self.plain.print(&format!("the same {} files, byte for byte{but}\n", old.files.len()), &same);
        }
        let changed = self::differing(&old.inputs, &new.inputs);
        let mut reasons: Vec<String> = changed.into_iter().map(|name| format!("{name} has changed")).collect();
        if (&old.version, &old.git_commit) != (&new.version, &new.git_commit) {
            let name = |manifest: &Manifest| {
                format!("{} ({})", manifest.version, manifest.git_commit.as_deref().unwrap_or("unknown commit"))
            };
            reasons.push(format!("it was made by {}, and this is {}", name(&old), name(&new)));
        }
        if reasons.is_empty() {
            reasons.push("what is measured in real seconds is never the same".to_string());
        }
        let why = reasons.join("; ");
        if self.plain.json {
            self.plain.print("", &json!({ "files": old.files.len(), "differing": differing, "why": why }))?;
        }
        Err(Error::Verdict(format!(
            "{} of {} files differ ({}): {why}",
            differing.len(),
            old.files.len(),
            differing.join(", ")
        )))
    }
}

/// The names of files that are not the same in the other list.
fn differing<'a>(files: &'a [File], others: &[File]) -> Vec<&'a str> {
    let same = |file: &File, other: &File| (&file.name, &file.sha256) == (&other.name, &other.sha256);
    let differs = |file: &&File| !others.iter().any(|other| same(file, other));
    files.iter().filter(differs).map(|file| file.name.as_str()).collect()
}

/// The manifest of the run in a directory, or in the only directory within.
fn manifest_below(directory: &Path) -> Option<PathBuf> {
    let within = std::fs::read_dir(directory).ok()?.flatten().map(|entry| entry.path().join(Manifest::NAME));
    std::iter::once(directory.join(Manifest::NAME)).chain(within).find(|path| path.is_file())
}

fn read(path: &Path) -> Result<Manifest, Error> {
    let wrong = |what: String| Error::Input(format!("{} {what}; give the manifest.json of a run", path.display()));
    let bytes = memory::read(path, memory::MOST_TEXT).map_err(|e| wrong(format!("cannot be read: {e}")))?;
    serde_json::from_slice(&bytes).map_err(|_| wrong("is not the manifest of a run".to_string()))
}

impl Manifest {
    /// What to type for the same run in another directory.
    fn command_line_in(&self, out: &Path) -> Result<Vec<OsString>, Error> {
        let mut typed: Vec<OsString> = vec!["straggle".into(), self.command().into()];
        let extra = ["--quiet".into(), "--silent".into(), format!("--out={}", out.display()).into()];
        let Some(command) = cli::built(self.command()) else {
            let name = crate::formats::clip(self.command());
            return Err(Error::Input(format!("there is no command '{name}' to replay")));
        };
        let mut options = self.arguments.clone();
        options.remove("out");
        options.remove("save");
        typed.extend(cli::from_map(&command, "the manifest", &options, None)?);
        typed.extend(extra);
        Ok(typed)
    }
}
