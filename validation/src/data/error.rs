//! What can be wrong with a data set, and what to do about it.

use std::fmt;
use std::path::PathBuf;

use crate::data::images::CLASSES;
use crate::data::mnist::SIDE;

/// Why a data set cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DataError {
    /// A file is not there.
    Missing {
        /// The folder it was looked for in.
        dir: PathBuf,
        /// Its usual name.
        name: String,
    },
    /// A file cannot be opened, read or unpacked.
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system or the decoder says.
        reason: String,
    },
    /// A file ends too early.
    Truncated {
        /// The file.
        path: PathBuf,
    },
    /// A file does not end where it should.
    Surplus {
        /// The file.
        path: PathBuf,
        /// How many items its header announces.
        items: usize,
    },
    /// A file is of another kind.
    Magic {
        /// The file.
        path: PathBuf,
        /// The four bytes that it should begin with, as a big-endian number.
        expected: u32,
        /// Those that it begins with.
        found: u32,
    },
    /// The images are of another size.
    Size {
        /// The file.
        path: PathBuf,
        /// Pixels from top to bottom.
        rows: u32,
        /// Pixels from left to right.
        columns: u32,
    },
    /// A file holds nothing.
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// Images and labels differ in number.
    Mismatch {
        /// The file of images.
        images: PathBuf,
        /// How many images there are.
        samples: usize,
        /// The file of labels.
        labels: PathBuf,
        /// How many labels there are.
        count: usize,
    },
    /// A label is no digit.
    Label {
        /// The file.
        path: PathBuf,
        /// The first such label's place, from 0.
        sample: usize,
        /// The label.
        label: u8,
    },
    /// A file is not made of whole records.
    Records {
        /// The file.
        path: PathBuf,
        /// Its length.
        bytes: usize,
        /// The length of a record.
        record: usize,
    },
    /// The set is not in the binary.
    NotIncluded,
    /// A network takes images of another shape.
    Shape {
        /// Channels, rows and columns that the images have.
        found: [usize; 3],
        /// Channels, rows and columns that the network takes.
        expected: [usize; 3],
    },
    /// Fewer, or more, images are asked for than there can be.
    Samples {
        /// How many were asked for.
        asked: usize,
        /// How many there are.
        available: usize,
    },
}

impl fmt::Display for DataError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { dir, name } => write!(
                f,
                "{} holds neither {name} nor {name}.gz; --data takes a folder with the four IDX files of MNIST or the six binary files of CIFAR-10",
                dir.display()
            ),
            Self::Unreadable { path, reason } => {
                write!(f, "{} cannot be read ({reason}); check it, or fetch it again", path.display())
            }
            Self::Truncated { path } => {
                write!(f, "{} ends before the data that its header announces; fetch it again", path.display())
            }
            Self::Surplus { path, items } => write!(
                f,
                "{} goes on after the {items} items that its header announces; fetch it again",
                path.display()
            ),
            Self::Magic { path, expected, found } => write!(
                f,
                "{} begins with {found:#010x} where an IDX file of this kind begins with {expected:#010x}; \
                 are images and labels swapped?",
                path.display()
            ),
            Self::Size { path, rows, columns } => write!(
                f,
                "{} holds images of {rows} x {columns} pixels, where {SIDE} x {SIDE} are read; rescale them",
                path.display()
            ),
            Self::Empty { path } => write!(f, "{} holds no items; give a file with at least one", path.display()),
            Self::Mismatch { images, samples, labels, count } => write!(
                f,
                "{} holds {samples} images but {} {count} labels; take both from one set",
                images.display(),
                labels.display()
            ),
            Self::Label { path, sample, label } => write!(
                f,
                "{} has label {label} at item {sample} (from 0), and labels go from 0 to {}; relabel the data",
                path.display(),
                CLASSES - 1
            ),
            Self::Records { path, bytes, record } => write!(
                f,
                "{} has {bytes} bytes, which are not whole records of {record}; fetch it again",
                path.display()
            ),
            Self::NotIncluded => write!(
                f,
                "CIFAR-10 is not in the binary; fetch cifar-10-binary.tar.gz from https://www.cs.toronto.edu/~kriz/cifar.html, unpack it and type --data DIR"
            ),
            Self::Shape { found: [channels, rows, columns], expected: [to_channels, to_rows, to_columns] } => write!(
                f,
                "the images are {channels} x {rows} x {columns}, and the model takes {to_channels} x {to_rows} x {to_columns}; type --model vgg11 for images in colour"
            ),
            Self::Samples { asked, available } => {
                write!(
                    f,
                    "--samples {asked} is not between 1 and the {available} training images there are; type --samples {available}"
                )
            }
        }
    }
}

impl std::error::Error for DataError {}
