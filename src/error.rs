//! What went wrong, and with which exit status?

use std::fmt;
use std::io;
use std::path::PathBuf;

/// Why a command did not do what it was asked to.
#[derive(Debug)]
pub enum Error {
    /// The arguments make no sense together.
    Usage(String),
    /// An input cannot be used.
    Input(String),
    /// A file or the terminal could not be written.
    Write {
        /// What was to be written.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
        /// What to choose another place with.
        flag: &'static str,
    },
    /// The result could not be printed.
    Print(io::Error),
    /// A figure could not be drawn.
    Draw(String),
    /// A training run broke off by itself.
    #[cfg(feature = "train")]
    Training(String),
    /// A claim did not hold.
    Verdict(String),
    /// Someone pressed Ctrl-C.
    Interrupted {
        /// What was finished by then.
        done: String,
    },
}

impl Error {
    /// The process's exit status.
    pub fn status(&self) -> u8 {
        match self {
            Error::Verdict(_) => 1,
            Error::Usage(_) => 2,
            Error::Input(_) | Error::Write { .. } | Error::Print(_) | Error::Draw(_) => 3,
            #[cfg(feature = "train")]
            Error::Training(_) => 3,
            Error::Interrupted { .. } => 130,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Usage(sentence) | Error::Input(sentence) | Error::Verdict(sentence) => f.write_str(sentence),
            #[cfg(feature = "train")]
            Error::Training(sentence) => f.write_str(sentence),
            Error::Write { path, source, flag } => {
                write!(f, "cannot write {}: {source}; choose another place with {flag}", path.display())
            }
            Error::Print(source) => {
                write!(f, "cannot print the result: {source}; send the standard output to a place with room")
            }
            Error::Draw(reason) => write!(f, "cannot draw the figure: {reason}"),
            Error::Interrupted { done } => write!(f, "interrupted; {done}"),
        }
    }
}

impl std::error::Error for Error {}
