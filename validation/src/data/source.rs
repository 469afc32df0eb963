//! Where images come from, by the word that people type.

use super::error::DataError;
use super::images::Dataset;
use super::{cifar, mnist, synthetic};
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// A data set by name, or a folder with one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// The digits in the binary: 60 000 training and 10 000 test images of 1 x 28 x 28.
    Mnist,
    /// CIFAR-10, which is not in the binary.
    Cifar10,
    /// Gratings made from the seed: 10 000 training and 2 000 test images of 3 x 32 x 32.
    Synthetic,
    /// A folder with the four IDX files of MNIST, or of a set of that format, or the six binary files of CIFAR-10.
    Folder(PathBuf),
}

impl Source {
    /// Reads or makes the set.
    ///
    /// # Errors
    /// What is missing or wrong with its files.
    pub fn open(&self, seed: u64) -> Result<Dataset, DataError> {
        match self {
            Source::Mnist => Ok(Dataset::embedded()),
            Source::Cifar10 => Err(DataError::NotIncluded),
            Source::Synthetic => Ok(synthetic::make(seed)),
            Source::Folder(dir) => match cifar::folder(dir) {
                Some(dir) => cifar::read(&dir),
                None => mnist::from_dir(dir),
            },
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Mnist => f.pad("mnist"),
            Source::Cifar10 => f.pad("cifar10"),
            Source::Synthetic => f.pad("synthetic"),
            Source::Folder(dir) => dir.display().fmt(f),
        }
    }
}

impl FromStr for Source {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Source, Self::Err> {
        Ok(match text {
            "mnist" => Source::Mnist,
            "cifar10" => Source::Cifar10,
            "synthetic" => Source::Synthetic,
            dir => Source::Folder(PathBuf::from(dir)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_can_be_typed_can_be_printed() {
        let folder = Source::Folder(PathBuf::from("some/where"));
        for source in [Source::Mnist, Source::Cifar10, Source::Synthetic, folder] {
            assert_eq!(source.to_string().parse(), Ok(source));
        }
    }

    #[test]
    fn what_is_not_included_is_said_with_where_to_find_it() {
        let error = Source::Cifar10.open(0).unwrap_err().to_string();
        assert!(error.contains("cifar-10-binary.tar.gz") && error.contains("--data DIR"), "{error}");
    }
}
