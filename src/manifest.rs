//! Where does this number come from? The manifest beside every CSV.

use jiff::Timestamp;
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::ffi::OsString;
use std::time::Instant;

/// What a run was asked for, and on what it ran.
#[derive(Debug, Serialize)]
pub struct Manifest {
    command_line: String,
    arguments: serde_json::Value,
    seed: u64,
    version: &'static str,
    git_commit: Option<&'static str>,
    host: Host,
    started: String,
    wall_time_s: f64,
    complete: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    score: Option<serde_json::Value>,
    files: Vec<File>,
    #[serde(skip)]
    clock: Instant,
}

#[derive(Debug, Serialize)]
struct Host {
    cores: usize,
    cpu: Option<String>,
    os: &'static str,
    architecture: &'static str,
}

#[derive(Debug, Serialize)]
struct File {
    name: String,
    bytes: usize,
    sha256: String,
}

impl Manifest {
    /// The manifest of a run that begins now.
    pub fn begin(typed: &[OsString], arguments: serde_json::Value, seed: u64) -> Manifest {
        let quoted = typed.iter().skip(1).map(|argument| quote(&argument.to_string_lossy()));
        Manifest {
            command_line: std::iter::once("straggle".to_string()).chain(quoted).collect::<Vec<_>>().join(" "),
            arguments,
            seed,
            version: env!("CARGO_PKG_VERSION"),
            git_commit: option_env!("STRAGGLE_COMMIT"),
            host: Host {
                cores: std::thread::available_parallelism().map_or(1, Into::into),
                cpu: cpu(),
                os: std::env::consts::OS,
                architecture: std::env::consts::ARCH,
            },
            started: Timestamp::now().to_string(),
            wall_time_s: 0.0,
            complete: true,
            score: None,
            files: Vec::new(),
            clock: Instant::now(),
        }
    }

    /// Says that the run was interrupted.
    pub fn interrupted(&mut self) {
        self.complete = false;
    }

    /// Says how good what was learnt is.
    #[cfg(feature = "train")]
    pub fn score(&mut self, score: serde_json::Value) {
        self.score = Some(score);
    }

    /// What was typed, as a shell takes it.
    #[cfg(feature = "train")]
    pub fn command_line(&self) -> &str {
        &self.command_line
    }

    /// The manifest's text, with files of these names and bytes.
    pub fn describe<'a>(mut self, files: impl Iterator<Item = (String, &'a [u8])>) -> Vec<u8> {
        self.files = files.map(|(name, bytes)| File { name, bytes: bytes.len(), sha256: sha256(bytes) }).collect();
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
