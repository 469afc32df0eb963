//! MNIST (LeCun et al. 1998): embedded in the binary, or a user's IDX files of the same shape.

use super::error::DataError;
use super::files::{find, open, unpacked};
use super::images::{CLASSES, Dataset, Moments, Split};
use std::io::{self, Cursor, Read};
use std::path::{Path, PathBuf};

/// Rows, and columns, of an image.
pub const SIDE: usize = 28;
/// Pixels of an image, row by row from the top left.
pub const PIXELS: usize = SIDE * SIDE;
/// Channels, rows and columns of an image.
pub const SHAPE: [usize; 3] = [1, SIDE, SIDE];

/// Of the training set.
pub const MOMENTS: Moments = Moments { mean: 0.1307, sd: 0.3081 };

impl Dataset {
    /// MNIST from the binary: 60 000 training and 10 000 test images. Unpacks 11 MB; call it once.
    pub fn embedded() -> Self {
        let split = |part: &Part, images: &[u8], labels: &[u8]| {
            read(Cursor::new(images), part.images.into(), Cursor::new(labels), part.labels.into())
                .expect("the embedded files are whole: a test checks their sums")
        };
        Self {
            train: split(
                &TRAIN,
                include_bytes!("../../data/mnist/train-images-idx3-ubyte.gz"),
                include_bytes!("../../data/mnist/train-labels-idx1-ubyte.gz"),
            ),
            test: split(
                &TEST,
                include_bytes!("../../data/mnist/t10k-images-idx3-ubyte.gz"),
                include_bytes!("../../data/mnist/t10k-labels-idx1-ubyte.gz"),
            ),
        }
    }
}

/// The four files of a folder by their usual names (`train-images-idx3-ubyte`, or with a dot before `idx3`), gzipped or not, with
/// or without `.gz`.
///
/// # Errors
/// What is missing or wrong there.
pub fn from_dir(dir: &Path) -> Result<Dataset, DataError> {
    let split = |part: &Part| {
        let (images, labels) = (find(dir, part.images)?, find(dir, part.labels)?);
        read(open(&images)?, images, open(&labels)?, labels)
    };
    Ok(Dataset { train: split(&TRAIN)?, test: split(&TEST)? })
}

fn read(images: impl Read, at: PathBuf, labels: impl Read, labels_at: PathBuf) -> Result<Split, DataError> {
    let (samples, pixels) = idx::<3>(images, &at, PIXELS)?;
    let (count, labels) = idx::<1>(labels, &labels_at, 1)?;
    if samples != count {
        return Err(DataError::Mismatch { images: at, samples, labels: labels_at, count });
    }
    match labels.iter().position(|&label| usize::from(label) >= CLASSES) {
        Some(sample) => Err(DataError::Label { path: labels_at, sample, label: labels[sample] }),
        None => Ok(Split::new(pixels, labels, SHAPE, vec![MOMENTS])),
    }
}

struct Part {
    images: &'static str,
    labels: &'static str,
}

const TRAIN: Part = Part { images: "train-images-idx3-ubyte", labels: "train-labels-idx1-ubyte" };
const TEST: Part = Part { images: "t10k-images-idx3-ubyte", labels: "t10k-labels-idx1-ubyte" };

/// Reads an IDX file of unsigned bytes with `D` dimensions, gzipped or not: its number of items, and their bytes, `item`
/// each. The header is four bytes of magic (0, 0, 8 for unsigned bytes, `D`) and `D` big-endian sizes.
fn idx<const D: usize>(file: impl Read, path: &Path, item: usize) -> Result<(usize, Vec<u8>), DataError> {
    let fail = |error: io::Error| match error.kind() {
        io::ErrorKind::UnexpectedEof => DataError::Truncated { path: path.into() },
        _ => DataError::Unreadable { path: path.into(), reason: error.to_string() },
    };
    let mut file = unpacked(file).map_err(fail)?;
    let mut word = || -> Result<u32, DataError> {
        let mut bytes = [0; 4];
        file.read_exact(&mut bytes).map_err(fail)?;
        Ok(u32::from_be_bytes(bytes))
    };
    let (found, expected) = (word()?, 0x0800 + D as u32);
    if found != expected {
        return Err(DataError::Magic { path: path.into(), expected, found });
    }
    let mut sizes = [0; D];
    for size in &mut sizes {
        *size = word()?;
    }
    if D == 3 && sizes[1..] != [SIDE as u32; 2] {
        return Err(DataError::Size { path: path.into(), rows: sizes[1], columns: sizes[2] });
    }
    let items = sizes[0] as usize;
    if items == 0 {
        return Err(DataError::Empty { path: path.into() });
    }
    let mut bytes = Vec::new();
    let length = items as u64 * item as u64; // below 2^42; one byte more tells whether the file ends there
    file.take(length + 1).read_to_end(&mut bytes).map_err(fail)?;
    match (bytes.len() as u64).cmp(&length) {
        std::cmp::Ordering::Less => Err(DataError::Truncated { path: path.into() }),
        std::cmp::Ordering::Equal => Ok((items, bytes)),
        std::cmp::Ordering::Greater => Err(DataError::Surplus { path: path.into(), items }),
    }
}

#[cfg(test)]
#[path = "mnist_tests.rs"]
mod tests;
