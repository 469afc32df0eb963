//! What can be wrong with a data set, and what to do about it.

use std::path::PathBuf;

use crate::data::images::CLASSES;
use crate::data::mnist::SIDE;

/// Why a data set cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DataError {
    /// A file is not there.
    #[error(
        "{dir} holds neither {name} nor {name}.gz; --data takes a folder with the four IDX files of MNIST or the six binary files of CIFAR-10"
    )]
    Missing {
        /// The folder it was looked for in.
        dir: PathBuf,
        /// Its usual name.
        name: String,
    },
    /// A file cannot be opened, read or unpacked.
    #[error("{path} cannot be read ({reason}); check it, or fetch it again")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system or the decoder says.
        reason: String,
    },
    /// A file ends too early.
    #[error("{path} ends before the data that its header announces; fetch it again")]
    Truncated {
        /// The file.
        path: PathBuf,
    },
    /// A file does not end where it should.
    #[error("{path} goes on after the {items} items that its header announces; fetch it again")]
    Surplus {
        /// The file.
        path: PathBuf,
        /// How many items its header announces.
        items: usize,
    },
    /// A file is of another kind.
    #[error(
        "{path} begins with {found:#010x} where an IDX file of this kind begins with {expected:#010x}; are images and labels swapped?"
    )]
    Magic {
        /// The file.
        path: PathBuf,
        /// The four bytes that it should begin with, as a big-endian number.
        expected: u32,
        /// Those that it begins with.
        found: u32,
    },
    /// The images are of another size.
    #[error("{path} holds images of {rows} x {columns} pixels, where {SIDE} x {SIDE} are read; rescale them")]
    Size {
        /// The file.
        path: PathBuf,
        /// Pixels from top to bottom.
        rows: u32,
        /// Pixels from left to right.
        columns: u32,
    },
    /// A file holds nothing.
    #[error("{path} holds no items; give a file with at least one")]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// Images and labels differ in number.
    #[error("{images} holds {samples} images but {labels} {count} labels; take both from one set")]
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
    #[error("{path} has label {label} at item {sample} (from 0), and labels go from 0 to {}; relabel the data", CLASSES - 1)]
    Label {
        /// The file.
        path: PathBuf,
        /// The first such label's place, from 0.
        sample: usize,
        /// The label.
        label: u8,
    },
    /// A file is not made of whole records.
    #[error("{path} has {bytes} bytes, which are not whole records of {record}; fetch it again")]
    Records {
        /// The file.
        path: PathBuf,
        /// Its length.
        bytes: usize,
        /// The length of a record.
        record: usize,
    },
    /// The set is not in the binary.
    #[error(
        "CIFAR-10 is not in the binary; fetch cifar-10-binary.tar.gz from https://www.cs.toronto.edu/~kriz/cifar.html, unpack it and type --data DIR"
    )]
    NotIncluded,
    /// A network takes images of another shape.
    #[error("the images are {}, and the model takes {}; type --model vgg11 for images in colour", size(.found), size(.expected))]
    Shape {
        /// Channels, rows and columns that the images have.
        found: [usize; 3],
        /// Channels, rows and columns that the network takes.
        expected: [usize; 3],
    },
    /// Fewer, or more, images are asked for than there can be.
    #[error(
        "--samples {asked} is not between 1 and the {available} training images there are; type --samples {available}"
    )]
    Samples {
        /// How many were asked for.
        asked: usize,
        /// How many there are.
        available: usize,
    },
}

/// Channels, rows and columns in words.
fn size([channels, rows, columns]: &[usize; 3]) -> String {
    format!("{channels} x {rows} x {columns}")
}
