//! Errors of the program, each with its sentence and its exit status.

use std::io;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Why a command did not do what it was asked to.
#[derive(Debug, Error)]
pub enum Error {
    /// The arguments make no sense, alone or together.
    #[error("{0}")]
    Usage(String),
    /// An input cannot be used, or a run broke off by itself.
    #[error("{0}")]
    Input(String),
    /// A file could not be written.
    #[error("cannot write {}: {source}; choose another place with {flag}", shown(path))]
    Write {
        /// What was to be written.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
        /// The option that chooses another place.
        flag: &'static str,
    },
    /// The output directory is not ours to write to.
    #[error("{0} choose another place with --out DIR")]
    Occupied(String),
    /// The result could not be printed.
    #[error("cannot print the result: {0}; send the standard output to a place with room")]
    Print(io::Error),
    /// A verdict failed.
    #[error("{0}")]
    Verdict(String),
    /// The run was stopped from outside.
    #[error("interrupted; {0}")]
    Interrupted(String),
}

/// A path, in the middle of which some is left out where it is longer than a message should be.
fn shown(path: &Path) -> String {
    const EACH: usize = 60;
    let letters: Vec<char> = path.display().to_string().chars().collect();
    if letters.len() <= 2 * EACH {
        return letters.into_iter().collect();
    }
    letters[..EACH].iter().chain(&['…']).chain(&letters[letters.len() - EACH..]).collect()
}

impl Error {
    /// The exit status of the process.
    pub fn status(&self) -> u8 {
        match self {
            Error::Verdict(_) => 1,
            Error::Usage(_) => 2,
            Error::Input(_) | Error::Write { .. } | Error::Occupied(_) | Error::Print(_) => 3,
            Error::Interrupted(_) => 130,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_of_a_thousand_folders_is_no_message_of_a_thousand() {
        let long = Error::Write { path: "a/".repeat(1000).into(), source: io::ErrorKind::NotFound.into(), flag: "-o" };
        assert!(long.to_string().chars().count() < 220 && long.to_string().contains("/a/…a/"), "{long}");
        assert_eq!(shown(Path::new("output/simulate")), "output/simulate");
    }

    #[test]
    fn every_error_has_the_status_of_the_contract() {
        let full = || io::Error::from(io::ErrorKind::StorageFull);
        let write = Error::Write { path: "out".into(), source: full(), flag: "--out DIR" };
        assert_eq!(write.to_string(), "cannot write out: no storage space; choose another place with --out DIR");
        for (error, status) in [
            (Error::Verdict("no".into()), 1),
            (Error::Usage("no".into()), 2),
            (Error::Input("no".into()), 3),
            (Error::Occupied("no".into()), 3),
            (Error::Print(full()), 3),
            (write, 3),
            (Error::Interrupted("2 of 3".into()), 130),
        ] {
            assert_eq!(error.status(), status, "{error}");
        }
    }
}
