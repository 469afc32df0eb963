//! `straggle merge`: parts of a sweep, each made by `--shard I/N`, joined into the files that one machine would have written.
//!
//! It is the sweep itself, run where everything that it needs is finished already.

use crate::cli::{self, Merge};
use crate::error::Error;
use crate::figures::Figure;
use crate::manifest::Manifest;
use crate::memory;
use crate::report::{self, Outcome, Report};
use crate::rows::Tables;
use cli::Shard;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Options that differ between parts, or make no difference.
const OWN: [&str; 4] = ["shard", "out", "format", "threads"];

impl Merge {
    /// Joins them.
    ///
    /// # Errors
    /// If a part is missing or of another sweep.
    pub fn run(&self) -> Result<(), Error> {
        let found = self.found()?;
        let (_, (first, manifest)) = found.first_key_value().expect("at least one was found");
        let (shown, command) = (first.display(), manifest.command().to_string());
        let options = common(&manifest.arguments);
        let of = shard(manifest).map_or(1, |shard| shard.numbers().1);
        for (path, other) in found.values() {
            let other_shown = path.display();
            if (other.command(), common(&other.arguments)) != (&command, options.clone())
                || shard(other).map(|shard| shard.numbers().1) != Some(of)
            {
                return Err(Error::Input(format!(
                    "{other_shown} and {shown} are parts of different sweeps; give the parts of one"
                )));
            }
            if (other.version.as_str(), other.git_commit.as_deref())
                != (env!("CARGO_PKG_VERSION"), option_env!("STRAGGLE_COMMIT"))
            {
                return Err(Error::Input(format!(
                    "{other_shown} was made by version {}, and this is another; merge with the program that made the parts",
                    other.version
                )));
            }
        }
        let missing: Vec<u32> = (0..of).filter(|part| !found.get(part).is_some_and(|(_, one)| one.complete)).collect();
        if let Some(part) = missing.first() {
            return Err(Error::Input(format!(
                "{} of {of} parts are not there or not finished; the first: run it with --shard {part}/{of}",
                missing.len()
            )));
        }
        let nothing = || Error::Input(format!("{shown} holds a run of straggle {command}, which has no parts"));
        let built = cli::built(&command).ok_or_else(nothing)?;
        let mut typed: Vec<OsString> = vec!["straggle".into(), command.clone().into()];
        let format = serde_json::to_value(&self.format).expect("plain data");
        let whole = options.clone().into_iter().chain([("format".to_string(), format)]).collect();
        typed.extend(cli::from_map(&built, "the manifest", &whole, None)?);
        typed.extend(self.out.iter().map(|out| format!("--out={}", out.display()).into()));
        typed.extend(self.plain.json.then(|| "--json".into()));
        typed.extend(self.quiet.then(|| "--quiet".into()));
        let parts = found.values().map(|(path, _)| path.clone()).collect();
        let Some(whole) = cli::parse(&typed)? else { return Ok(()) };
        match whole.command {
            cli::Command::Simulate(simulate) => report::join(*simulate, &typed, parts),
            #[cfg(feature = "train")]
            cli::Command::Scaling(scaling) => report::join(*scaling, &typed, parts),
            _ => Err(nothing()),
        }
    }

    /// The parts by their numbers.
    fn found(&self) -> Result<BTreeMap<u32, (PathBuf, Manifest)>, Error> {
        let mut found = BTreeMap::new();
        for directory in &self.parts {
            let shown = directory.display();
            let within = std::fs::read_dir(directory)
                .map_err(|e| Error::Input(format!("cannot read {shown}: {e}; give directories of parts")))?;
            let within = within.flatten().map(|entry| entry.path());
            let mut any = false;
            for path in std::iter::once(directory.clone()).chain(within) {
                let Some((shard, manifest)) = part(&path) else { continue };
                any = true;
                found.insert(shard.numbers().0, (path, manifest));
            }
            if !any {
                return Err(Error::Input(format!(
                    "{shown} holds no part of a sweep; give the --out directory of a run with --shard I/N"
                )));
            }
        }
        Ok(found)
    }
}

/// The part in a directory, if it holds one.
fn part(directory: &Path) -> Option<(Shard, Manifest)> {
    let bytes = memory::read(&directory.join(Manifest::NAME), memory::MOST_TEXT).ok()?;
    let manifest: Manifest = serde_json::from_slice(&bytes).ok()?;
    Some((shard(&manifest)?, manifest))
}

fn shard(manifest: &Manifest) -> Option<Shard> {
    manifest.arguments.get("shard")?.as_str()?.parse().ok()
}

/// The options that all parts of a sweep have in common.
fn common(arguments: &Map<String, Value>) -> Map<String, Value> {
    let mut common = arguments.clone();
    OWN.iter().for_each(|own| drop(common.remove(*own)));
    common
}

/// A part of a sweep that has ended: no more than its word; what was finished is kept apart.
pub struct PartOfSweep {
    /// Which.
    pub shard: Shard,
    /// What its configurations are called.
    pub of_what: &'static str,
    /// Configurations that were finished.
    pub finished: usize,
    /// Configurations that it has.
    pub planned: usize,
    /// How it ended.
    pub outcome: Outcome,
}

impl Report for PartOfSweep {
    fn tables(&self, _: &mut Tables) {}

    fn figures(&self) -> Vec<(&'static str, Figure)> {
        Vec::new()
    }

    fn text(&self) -> String {
        let PartOfSweep { shard, of_what, finished, planned, .. } = self;
        format!(
            "Part {shard}: {finished} of {planned} {of_what} finished. When all parts are, type straggle merge and their directories.\n"
        )
    }

    fn outcome(&self) -> Outcome {
        self.outcome.clone()
    }
}
