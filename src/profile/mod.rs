//! Profile of a cluster: what `fit` finds in measured step times, or a person writes, and `plan` and `simulate` read. TOML,
//! one thing a line, times and sizes with their units.

mod cluster;

pub use cluster::Described;

use crate::error::Error;
use crate::formats::{self, Column, Input, Options, Recorded, Unit, clip};
use crate::manifest::File;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// What a profile says. Everything but the law of the step times may be left out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// A law, one for each worker, `0.35s ± 4%`, or `trace` for the times of the source.
    pub step_time: OneOrMany,
    /// What draws from the source keep of it: pooled, by-worker, rows, blocks:L.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dependence: Option<String>,
    /// Workers that were measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workers: Option<u32>,
    /// The policy under which they were.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub measured_under: Option<String>,
    /// How many times as long a step takes with 1, 2, 3, ... workers computing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contention: Option<Vec<f64>>,
    /// Shares of the variance of the step times, for the reader.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variance: Option<Variance>,
    /// Where the times come from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<SourceFiles>,
    /// Steps that take longer for a while.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slow: Option<Slow>,
    /// How gradients travel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub communication: Option<Communication>,
    /// How machines fail.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failures: Option<Failures>,
}

/// One text, or a list of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum OneOrMany {
    /// The same for all workers.
    One(String),
    /// One for each worker.
    Many(Vec<String>),
}

impl Default for OneOrMany {
    fn default() -> OneOrMany {
        OneOrMany::One("trace".to_string())
    }
}

/// Shares of the variance of step times, and their correlation from step to step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Variance {
    /// Between workers.
    pub worker: f64,
    /// Between steps.
    pub step: f64,
    /// Neither.
    pub rest: f64,
    /// Correlation of a worker's successive steps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lag1: Option<f64>,
}

/// The files that the times were read from, and how.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceFiles {
    /// The files, from where the profile is.
    pub files: Vec<String>,
    /// SHA-256 of each.
    pub sha256: Vec<String>,
    /// The column, span or label that holds the times, if it was named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// The unit, if it was typed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// The layout, if it was typed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input: Option<String>,
    /// First steps of each worker that are left out.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub skip: usize,
    /// Rows that are read: `column=value`.
    #[serde(default, rename = "where", skip_serializing_if = "Vec::is_empty")]
    pub selection: Vec<String>,
}

fn is_zero(n: &usize) -> bool {
    *n == 0
}

/// A share of the steps that takes longer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Slow {
    /// How many times as long.
    pub factor: f64,
    /// Share of a worker's steps.
    pub share: f64,
    /// Mean number of slow steps in a row; without it they come one by one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lasts: Option<f64>,
}

/// How gradients travel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Communication {
    /// ps, ring, tree, halving, hierarchical or hierarchical:G.
    pub scheme: String,
    /// Bytes of a gradient: `1.2GB`; without them a message takes its latency.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payload: Option<String>,
    /// Bytes a second of a link: `25GB/s`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bandwidth: Option<String>,
    /// The same inside a group, of hierarchical.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group_bandwidth: Option<String>,
    /// Time of an empty message: `10us`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency: Option<String>,
    /// Share that computing hides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub overlap: Option<f64>,
}

/// How machines fail.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Failures {
    /// Mean time between failures of one worker: `64d`.
    pub mtbf: String,
    /// Time until it is back.
    pub restart: String,
    /// Work between two checkpoints.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<String>,
    /// How long a checkpoint takes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checkpoint_cost: Option<String>,
}

/// The longest profile that is read, in bytes.
const LONGEST: u64 = 1 << 20;

const ABOUT: &str = "# Profile of a cluster. Times are in seconds unless a unit stands beside them; edit it as you like.\n\
                     # step_time: \"trace\" (the times of [source]), or a law such as \"gamma(25, 0.014)\", or one for each worker.\n\n";

impl Profile {
    /// The profile in a file, and the file.
    ///
    /// # Errors
    /// If it cannot be read, or says what is not known: in one sentence.
    pub fn read(path: &Path) -> Result<(Profile, File), Error> {
        let name = path.to_string_lossy();
        let source = formats::source::read(&name, LONGEST).map_err(|refusal| {
            Error::Input(format!("{} {}; give a profile that straggle fit wrote", clip(&name), refusal.reason))
        })?;
        Ok((Profile::parse(&source.text, path)?, source.listed(&name)))
    }

    /// The profile that the file at `path` holds, from its text.
    fn parse(text: &str, path: &Path) -> Result<Profile, Error> {
        toml::from_str(text).map_err(|e| {
            let line = e.span().map_or(1, |span| text[..span.start.min(text.len())].matches('\n').count() + 1);
            let message = clip(e.message().lines().next().unwrap_or_default());
            let shown = path.display();
            Error::Input(format!(
                "line {line} of {shown}: {message}; correct it, or let straggle fit write the profile"
            ))
        })
    }

    /// The file that says this.
    pub fn to_toml(&self) -> String {
        format!("{ABOUT}{}", toml::to_string(self).expect("a profile is plain data"))
    }

    /// The measured times that it stands on; `path` is the profile's own.
    ///
    /// # Errors
    /// If a file cannot be read, or is not what it was when the profile was written.
    pub fn recorded(&self, path: &Path) -> Result<Option<Recorded>, Error> {
        let Some(source) = &self.source else { return Ok(None) };
        let folder = path.parent().unwrap_or(Path::new(""));
        let place = |file: &String| if Path::new(file).is_absolute() { PathBuf::from(file) } else { folder.join(file) };
        let files: Vec<String> = source.files.iter().map(|file| place(file).to_string_lossy().into_owned()).collect();
        let recorded = formats::read(&files, &source.options()?).map_err(|e| Error::Input(e.to_string()))?;
        if let Some(changed) = recorded.files.iter().zip(&source.sha256).position(|(now, then)| now.sha256 != *then) {
            return Err(Error::Input(format!(
                "{} is not what it was when {} was written; fit it again",
                clip(&files[changed]),
                path.display()
            )));
        }
        Ok(Some(recorded))
    }
}

impl SourceFiles {
    /// The options with which the files are read.
    ///
    /// # Errors
    /// If one of them is not known.
    pub fn options(&self) -> Result<Options, Error> {
        let one_of =
            |what: &str, text: &str| Error::Input(format!("the profile's {what} '{}' is not known", clip(text)));
        let unit =
            self.unit.as_deref().map(|text| Unit::of_word(text).ok_or_else(|| one_of("unit", text))).transpose()?;
        let input =
            self.input.as_deref().map(|text| clap::ValueEnum::from_str(text, true).map_err(|_| one_of("input", text)));
        let pair = |text: &String| match text.split_once('=') {
            Some((name, value)) => Ok((name.trim().to_string(), value.trim().to_string())),
            None => Err(one_of("where", text)),
        };
        Ok(Options {
            input: input.transpose()?.unwrap_or(Input::Auto),
            column: self.column.as_ref().map(|text| text.parse::<Column>().expect("any text names a column")),
            unit,
            skip: self.skip,
            selection: self.selection.iter().map(pair).collect::<Result<_, _>>()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::garbled::garbled_text;

    #[test]
    fn garbled_profiles_are_read_or_refused() {
        let whole = "step_time = \"0.35s ± 4%\"\n[slow]\nfactor = 1.2\nshare = 0.1\n[communication]\nscheme = \"ring\"\n\
                     payload = \"1.2GB\"\nbandwidth = \"25GB/s\"\n[failures]\nmtbf = \"64d\"\nrestart = \"5m\"\n";
        let path = Path::new("P");
        let workers = "step_time = [\"exp(2)\", \"0.4s ± 5%\", \"shifted-exp(0.1, 3)\"]\ncontention = [1.0, 1.1, 1.3]\n[communication]\n\
                       scheme = \"hierarchical:8\"\npayload = \"100MB\"\nbandwidth = \"1GB/s\"\ngroup_bandwidth = \"50GB/s\"\n\
                       latency = \"10us\"\noverlap = 0.5\n";
        garbled_text(&[whole, "step_time = \"gamma(25, 0.014)\"\n", workers], |text| {
            let profile = Profile::parse(text, path)?;
            let again = toml::from_str::<Profile>(&profile.to_toml()).expect("what is written can be read");
            // As text: a number that is none equals nothing.
            assert_eq!(again.to_toml(), profile.to_toml());
            // What it describes is a cluster, or refused; a worker that is taken away is missed by nobody.
            let described = profile.cluster(path)?;
            std::hint::black_box((described.without_stragglers(), described.balanced(), described.without(0)));
            described.spec().map(drop)
        });
    }

    #[test]
    fn a_profile_says_what_it_said() {
        let text = "step_time = \"0.35s ± 4%\"\n[slow]\nfactor = 1.2\nshare = 0.1\nlasts = 20.0\n[communication]\nscheme = \"ring\"\n\
                    payload = \"1.2GB\"\nbandwidth = \"25GB/s\"\n[failures]\nmtbf = \"64d\"\nrestart = \"5m\"\n";
        let profile: Profile = toml::from_str(text).unwrap();
        assert_eq!(toml::from_str::<Profile>(&profile.to_toml()).unwrap(), profile);
        let source = SourceFiles {
            files: vec!["a.csv".into()],
            sha256: vec!["0".into()],
            column: Some("diff:Wall time".into()),
            unit: Some("ms".into()),
            input: None,
            skip: 2,
            selection: vec!["stage=0".into()],
        };
        let full = Profile { step_time: OneOrMany::default(), source: Some(source.clone()), ..profile };
        assert_eq!(toml::from_str::<Profile>(&full.to_toml()).unwrap(), full);
        let options = source.options().unwrap();
        assert_eq!((options.unit, options.skip, options.selection.len()), (Some(Unit::Ms), 2, 1));
        assert_eq!(options.column, Some(Column::Differences("Wall time".into())));
    }

    #[test]
    fn what_is_wrong_in_a_profile_is_said_in_one_sentence() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("p.toml");
        for (text, part) in [
            ("step_time = 3\n", "line 1 of"),
            ("step_time = \"exp(2)\"\nstep_tiem = 1\n", "line 2 of"),
            ("step_time = \"exp(2)\n", "line 1 of"),
            ("step_time = \"exp(2)\"\n[communication]\npayload = \"1GB\"\n", "missing field `scheme`"),
        ] {
            std::fs::write(&path, text).unwrap();
            let said = Profile::read(&path).unwrap_err().to_string();
            assert!(said.contains(part) && !said.contains('\n') && said.len() < 300, "{said}");
        }
        assert!(Profile::read(&folder.path().join("none.toml")).is_err());
    }
}
