//! Manifest of a run: what was asked for, on what it ran, and the SHA-256 of every file that it left.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::time::Instant;

/// The manifest beside the files of a run; `replay` reads it back.
#[derive(Debug, Serialize, Deserialize)]
pub struct Manifest {
    /// What was typed, as a shell takes it.
    pub command_line: String,
    /// The command: `simulate`, `train`, ...
    #[serde(default)]
    pub command: String,
    /// All options as they were understood, by their long names.
    pub arguments: Map<String, Value>,
    /// Root of all random numbers.
    pub seed: u64,
    /// Version of the program.
    pub version: String,
    /// Commit that it was built from, where known.
    pub git_commit: Option<String>,
    host: Host,
    started: String,
    wall_time_s: f64,
    /// Whether the run came to its end.
    pub complete: bool,
    /// How good what was learnt is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score: Option<Value>,
    /// Files that were read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<File>,
    /// Files that were written.
    pub files: Vec<File>,
    #[serde(skip, default = "Instant::now")]
    clock: Instant,
}

#[derive(Debug, Serialize, Deserialize)]
struct Host {
    cores: usize,
    cpu: Option<String>,
    os: String,
    architecture: String,
}

/// A file by its sum.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct File {
    /// In the directory of the run, or a path.
    pub name: String,
    bytes: usize,
    /// In hexadecimal digits.
    pub sha256: String,
}

impl File {
    /// A file of this name and these bytes.
    pub fn new(name: impl Into<String>, bytes: &[u8]) -> File {
        File { name: name.into(), bytes: bytes.len(), sha256: sha256(bytes) }
    }

    /// Whether a file is this one: no link, and with the same sum.
    pub fn is(&self, path: &Path) -> bool {
        let as_long = path.symlink_metadata().is_ok_and(|there| there.is_file() && there.len() == self.bytes as u64);
        as_long && fs::read(path).is_ok_and(|bytes| sha256(&bytes) == self.sha256)
    }

    /// A file of this name, of so many bytes that have this sum.
    pub fn summed(name: impl Into<String>, bytes: usize, sha256: String) -> File {
        File { name: name.into(), bytes, sha256 }
    }
}

impl Manifest {
    /// The name of its file.
    pub const NAME: &str = "manifest.json";

    /// The manifest of a run that begins now.
    pub fn begin(command: &str, typed: &[OsString], arguments: Map<String, Value>, seed: u64) -> Manifest {
        let quoted = typed.iter().skip(1).map(|argument| quote(&argument.to_string_lossy()));
        Manifest {
            command_line: std::iter::once("straggle".to_string()).chain(quoted).collect::<Vec<_>>().join(" "),
            command: command.to_string(),
            arguments,
            seed,
            version: env!("CARGO_PKG_VERSION").to_string(),
            git_commit: option_env!("STRAGGLE_COMMIT").map(str::to_string),
            host: Host {
                cores: std::thread::available_parallelism().map_or(1, Into::into),
                cpu: cpu(),
                os: std::env::consts::OS.to_string(),
                architecture: std::env::consts::ARCH.to_string(),
            },
            started: Timestamp::now().to_string(),
            wall_time_s: 0.0,
            complete: true,
            score: None,
            inputs: Vec::new(),
            files: Vec::new(),
            clock: Instant::now(),
        }
    }

    /// The command; first manifests had it in the command line only.
    pub fn command(&self) -> &str {
        match self.command.as_str() {
            "" => self.command_line.split(' ').nth(1).unwrap_or_default(),
            command => command,
        }
    }

    /// Its text, once the run has ended.
    pub fn described(&mut self) -> Vec<u8> {
        self.wall_time_s = self.clock.elapsed().as_secs_f64();
        let mut text = serde_json::to_vec_pretty(&self).expect("a manifest is plain data");
        text.push(b'\n');
        text
    }
}

/// The SHA-256 of these bytes, in hexadecimal digits.
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// An argument as a shell takes it.
fn quote(argument: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_=,.:/%+".contains(c);
    if !argument.is_empty() && argument.chars().all(plain) {
        argument.to_string()
    } else {
        format!("'{}'", argument.replace('\'', r"'\''"))
    }
}

/// The CPU's model, where the system tells.
pub fn cpu() -> Option<String> {
    let cpuinfo = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = cpuinfo.lines().find(|line| line.starts_with("model name"))?;
    line.split_once(':').map(|(_, model)| model.trim().to_string())
}
