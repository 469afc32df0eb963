//! Where do the images come from? MNIST, embedded in the binary, or a user's IDX files of the same shape.
//!
//! Pixels are kept as the bytes of the file (47 MB instead of 188) and become numbers when a batch is gathered.

use std::fmt;
use std::fs::File;
use std::io::{self, Cursor, Read};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use flate2::read::MultiGzDecoder;

use crate::data::error::DataError;

/// Rows, and columns, of an image.
pub const SIDE: usize = 28;
/// Pixels of an image, row by row from the top left.
pub const PIXELS: usize = SIDE * SIDE;
/// Digits.
pub const CLASSES: usize = 10;

/// The training and the test set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dataset {
    /// What is learnt from.
    pub train: Split,
    /// What the learner is examined with.
    pub test: Split,
}

/// Images and their labels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    pixels: Vec<u8>, // [samples, PIXELS]
    labels: Vec<u8>, // [samples], each below CLASSES
    scale: PixelScale,
}

/// What number a pixel becomes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PixelScale {
    /// `(byte / 255 − 0.1307) / 0.3081`: MNIST's training set then has mean 0 and variance 1.
    #[default]
    Standard,
    /// `byte / 255`: from 0 to 1. What a network of small initial weights learns from them begins later.
    Unit,
}

impl PixelScale {
    /// Factor and offset of a byte.
    fn map(self) -> (f32, f32) {
        match self {
            Self::Standard => ((1.0 / 255.0 / 0.3081) as f32, (-0.1307 / 0.3081) as f32),
            Self::Unit => ((1.0 / 255.0) as f32, 0.0),
        }
    }

    /// The number that a pixel from 0 to 1 becomes.
    pub fn of_unit(self, pixel: f32) -> f32 {
        let (factor, offset) = self.map();
        pixel * 255.0 * factor + offset
    }
}

impl fmt::Display for PixelScale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Standard => "standard",
            Self::Unit => "unit",
        })
    }
}

impl FromStr for PixelScale {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let scale = [Self::Standard, Self::Unit].into_iter().find(|scale| scale.to_string() == name);
        scale.ok_or(format!("there is no scale '{name}'; type standard (mean 0, variance 1) or unit (0 to 1)"))
    }
}

impl Dataset {
    /// The set in the binary: 60 000 training and 10 000 test images. Unpacks 11 MB; call it once.
    pub fn embedded() -> Self {
        let read = |part: &Part, images: &[u8], labels: &[u8]| {
            Split::read(Cursor::new(images), part.images.into(), Cursor::new(labels), part.labels.into())
                .expect("the embedded files are whole: a test checks their sums")
        };
        Self {
            train: read(
                &TRAIN,
                include_bytes!("../../data/mnist/train-images-idx3-ubyte.gz"),
                include_bytes!("../../data/mnist/train-labels-idx1-ubyte.gz"),
            ),
            test: read(
                &TEST,
                include_bytes!("../../data/mnist/t10k-images-idx3-ubyte.gz"),
                include_bytes!("../../data/mnist/t10k-labels-idx1-ubyte.gz"),
            ),
        }
    }

    /// The four files of a folder by their usual names (`train-images-idx3-ubyte`, or with a dot before `idx3`), gzipped
    /// or not, with or without `.gz`.
    pub fn from_dir(dir: &Path) -> Result<Self, DataError> {
        let read = |part: &Part| {
            let (images, labels) = (find(dir, part.images)?, find(dir, part.labels)?);
            Split::read(open(&images)?, images, open(&labels)?, labels)
        };
        Ok(Self { train: read(&TRAIN)?, test: read(&TEST)? })
    }

    /// The same set with only the first `samples` training images; the test images all stay.
    pub fn take(mut self, samples: usize) -> Result<Self, DataError> {
        let available = self.train.len();
        if !(1..=available).contains(&samples) {
            return Err(DataError::Samples { asked: samples, available });
        }
        self.train = self.train.first(samples);
        Ok(self)
    }

    /// The same images in other numbers; as read, they are `Standard`.
    pub fn scaled(mut self, scale: PixelScale) -> Self {
        (self.train.scale, self.test.scale) = (scale, scale);
        self
    }
}

impl Split {
    /// Number of samples.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there are none; never so for a set that was read.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// The digits, one a sample.
    pub fn labels(&self) -> &[u8] {
        &self.labels
    }

    /// The first `samples` samples, or all if there are fewer.
    pub fn first(&self, samples: usize) -> Self {
        let samples = samples.min(self.len());
        let (pixels, labels) = (self.pixels[..samples * PIXELS].to_vec(), self.labels[..samples].to_vec());
        Self { pixels, labels, scale: self.scale }
    }

    /// Replaces `images` by the scaled pixels `[samples, PIXELS]` and `labels` by the digits of these samples.
    pub fn gather(&self, samples: impl IntoIterator<Item = usize>, images: &mut Vec<f32>, labels: &mut Vec<u8>) {
        let (factor, offset) = self.scale.map();
        images.clear();
        labels.clear();
        for sample in samples {
            let pixels = &self.pixels[sample * PIXELS..][..PIXELS];
            images.extend(pixels.iter().map(|&byte| f32::from(byte) * factor + offset));
            labels.push(self.labels[sample]);
        }
    }

    fn read(images: impl Read, at: PathBuf, labels: impl Read, labels_at: PathBuf) -> Result<Self, DataError> {
        let (samples, pixels) = idx::<3>(images, &at, PIXELS)?;
        let (count, labels) = idx::<1>(labels, &labels_at, 1)?;
        if samples != count {
            return Err(DataError::Mismatch { images: at, samples, labels: labels_at, count });
        }
        match labels.iter().position(|&label| usize::from(label) >= CLASSES) {
            Some(sample) => Err(DataError::Label { path: labels_at, sample, label: labels[sample] }),
            None => Ok(Self { pixels, labels, scale: PixelScale::default() }),
        }
    }
}

struct Part {
    images: &'static str,
    labels: &'static str,
}

const TRAIN: Part = Part { images: "train-images-idx3-ubyte", labels: "train-labels-idx1-ubyte" };
const TEST: Part = Part { images: "t10k-images-idx3-ubyte", labels: "t10k-labels-idx1-ubyte" };

fn find(dir: &Path, name: &str) -> Result<PathBuf, DataError> {
    let dotted = name.replace("-idx", ".idx");
    [name, &dotted]
        .into_iter()
        .flat_map(|name| [dir.join(name), dir.join(format!("{name}.gz"))])
        .find(|path| path.is_file())
        .ok_or_else(|| DataError::Missing { dir: dir.into(), name: name.into() })
}

fn open(path: &Path) -> Result<File, DataError> {
    File::open(path).map_err(|error| DataError::Unreadable { path: path.into(), reason: error.to_string() })
}

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

/// The contents of a file that may be gzipped, told by its first two bytes and not by its name.
fn unpacked<'a>(mut file: impl Read + 'a) -> io::Result<Box<dyn Read + 'a>> {
    let mut start = Vec::new();
    file.by_ref().take(2).read_to_end(&mut start)?;
    let gzipped = start == [0x1f, 0x8b];
    let whole = Cursor::new(start).chain(file);
    Ok(if gzipped { Box::new(MultiGzDecoder::new(whole)) } else { Box::new(whole) })
}

#[cfg(test)]
#[path = "mnist_tests.rs"]
mod tests;
