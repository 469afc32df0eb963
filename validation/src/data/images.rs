//! Labelled images: a training and a test set, as bytes that become numbers when a batch is gathered.
//!
//! Bytes are a quarter of the memory. What a byte becomes depends on its channel's mean and standard deviation over the
//! training set, which are those of the data set as published.

use super::error::DataError;
use serde::{Deserialize, Serialize};

/// Classes of every data set here.
pub const CLASSES: usize = 10;

/// The training and the test set.
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset {
    /// What is learnt from.
    pub train: Split,
    /// What is classified to see how well it was learnt.
    pub test: Split,
}

/// Images and their labels.
#[derive(Clone, Debug, PartialEq)]
pub struct Split {
    pub(super) pixels: Vec<u8>, // [samples, stored channels, rows, columns]
    labels: Vec<u8>,            // [samples], each below CLASSES
    /// Channels, rows and columns of an image as it is gathered.
    shape: [usize; 3],
    /// Of each stored channel; a single one is gathered as often as there are channels.
    moments: Vec<Moments>,
    scale: PixelScale,
}

/// Mean and standard deviation of a channel, of bytes divided by 255.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Moments {
    /// Mean.
    pub mean: f64,
    /// Standard deviation.
    pub sd: f64,
}

/// What number a pixel becomes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, strum::Display, strum::EnumString, strum::VariantNames)]
#[strum(serialize_all = "kebab-case")]
pub enum PixelScale {
    /// `(byte / 255 − mean) / sd` of its channel: the training set then has mean 0 and variance 1.
    #[default]
    Standard,
    /// `byte / 255`: from 0 to 1. What a network of small initial weights learns from them begins later.
    Unit,
}

impl PixelScale {
    /// Factor and offset of a byte.
    fn map(self, Moments { mean, sd }: Moments) -> (f32, f32) {
        match self {
            Self::Standard => ((1.0 / 255.0 / sd) as f32, (-mean / sd) as f32),
            Self::Unit => ((1.0 / 255.0) as f32, 0.0),
        }
    }

    /// The number that a pixel from 0 to 1 becomes.
    pub fn of_unit(self, pixel: f32, moments: Moments) -> f32 {
        let (factor, offset) = self.map(moments);
        pixel * 255.0 * factor + offset
    }
}

impl Dataset {
    /// Channels, rows and columns of an image.
    pub fn shape(&self) -> [usize; 3] {
        self.train.shape
    }

    /// CRC-32 of all pixels and labels, by which it is known whether a folder still holds the same images.
    pub fn checksum(&self) -> u32 {
        let mut sum = flate2::Crc::new();
        for split in [&self.train, &self.test] {
            [&split.pixels, &split.labels].into_iter().for_each(|bytes| sum.update(bytes));
        }
        sum.sum()
    }

    /// The same set with only the first `samples` training images; the test images all stay.
    ///
    /// # Errors
    /// [`DataError::Samples`] if there are not so many, or none is asked for.
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

    /// The same images with these channels, rows and columns: of one channel, they can be resized and repeated.
    ///
    /// # Errors
    /// [`DataError::Shape`] if images in colour would have to be changed.
    pub fn fitted(self, shape: [usize; 3]) -> Result<Self, DataError> {
        let found = self.shape();
        if found == shape {
            return Ok(self);
        }
        if found[0] != 1 {
            return Err(DataError::Shape { found, expected: shape });
        }
        Ok(Dataset { train: self.train.resized(shape), test: self.test.resized(shape) })
    }
}

impl Split {
    /// Images `[samples, channels, rows, columns]` with their labels, and the moments of each channel.
    ///
    /// # Panics
    /// If the lengths do not fit together, or a label is no class.
    pub fn new(pixels: Vec<u8>, labels: Vec<u8>, shape: [usize; 3], moments: Vec<Moments>) -> Split {
        assert_eq!(pixels.len(), labels.len() * shape.iter().product::<usize>(), "every label has an image");
        assert_eq!(moments.len(), shape[0], "every channel has moments");
        assert!(labels.iter().all(|&label| usize::from(label) < CLASSES), "every label is a class");
        Split { pixels, labels, shape, moments, scale: PixelScale::default() }
    }

    /// Number of samples.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there are none; never so for a set that was read.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Channels, rows and columns of an image.
    pub fn shape(&self) -> [usize; 3] {
        self.shape
    }

    /// Pixels of an image, all channels.
    pub fn image_len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Mean and standard deviation that each channel is scaled by.
    pub fn moments(&self) -> Vec<Moments> {
        (0..self.shape[0]).map(|channel| self.moments[channel % self.moments.len()]).collect()
    }

    /// The classes, one a sample.
    pub fn labels(&self) -> &[u8] {
        &self.labels
    }

    /// The first `samples` samples, or all if there are fewer.
    pub fn first(&self, samples: usize) -> Self {
        let samples = samples.min(self.len());
        let (pixels, labels) = (self.pixels[..samples * self.stored_len()].to_vec(), self.labels[..samples].to_vec());
        Self { pixels, labels, moments: self.moments.clone(), ..*self }
    }

    /// Replaces `images` by the scaled pixels `[samples, channels, rows, columns]` and `labels` by the classes of these samples.
    pub fn gather(&self, samples: impl IntoIterator<Item = usize>, images: &mut Vec<f32>, labels: &mut Vec<u8>) {
        let maps: Vec<_> = self.moments.iter().map(|&moments| self.scale.map(moments)).collect();
        let (plane, stored) = (self.shape[1] * self.shape[2], self.stored_len());
        let copies = self.shape[0] / maps.len();
        images.clear();
        labels.clear();
        for sample in samples {
            let channels = self.pixels[sample * stored..][..stored].chunks_exact(plane).zip(&maps);
            for (pixels, &(factor, offset)) in channels {
                for _ in 0..copies {
                    images.extend(pixels.iter().map(|&byte| f32::from(byte) * factor + offset));
                }
            }
            labels.push(self.labels[sample]);
        }
    }

    /// Bytes of an image.
    fn stored_len(&self) -> usize {
        self.moments.len() * self.shape[1] * self.shape[2]
    }

    /// Images of one channel in another size, as often as there are channels.
    fn resized(&self, shape: [usize; 3]) -> Split {
        let (from, to) = ([self.shape[1], self.shape[2]], [shape[1], shape[2]]);
        let pixels = match from == to {
            true => self.pixels.clone(),
            false => self.pixels.chunks_exact(self.stored_len()).flat_map(|image| bilinear(image, from, to)).collect(),
        };
        Split { pixels, labels: self.labels.clone(), shape, moments: self.moments.clone(), scale: self.scale }
    }
}

/// A channel in another size: each new pixel is the weighted mean of the four old ones around its centre, those at the edge
/// repeated beyond it (what PyTorch's `interpolate` does with `align_corners=False`).
fn bilinear(image: &[u8], [high, wide]: [usize; 2], [rows, columns]: [usize; 2]) -> Vec<u8> {
    // The old pixel before a new one's centre, the one after it, and how much of the latter.
    let between = |new: usize, count: usize, old: usize| {
        let at = ((new as f32 + 0.5) * old as f32 / count as f32 - 0.5).max(0.0);
        let before = (at as usize).min(old - 1);
        (before, (before + 1).min(old - 1), at - before as f32)
    };
    let across: Vec<_> = (0..columns).map(|column| between(column, columns, wide)).collect();
    let row = |row: usize| {
        let (above, below, down) = between(row, rows, high);
        let pixel = |row: usize, column: usize| f32::from(image[row * wide + column]);
        across
            .iter()
            .map(move |&(left, right, share)| {
                let along = |row: usize| pixel(row, left) * (1.0 - share) + pixel(row, right) * share;
                (along(above) * (1.0 - down) + along(below) * down).round() as u8
            })
            .collect::<Vec<u8>>()
    };
    (0..rows).flat_map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HALF: Moments = Moments { mean: 0.5, sd: 0.25 };

    fn grey(images: &[[u8; 4]]) -> Split {
        Split::new(images.concat(), vec![3; images.len()], [1, 2, 2], vec![HALF])
    }

    fn gathered(split: &Split, samples: impl IntoIterator<Item = usize>) -> Vec<f32> {
        let (mut images, mut labels) = (Vec::new(), Vec::new());
        split.gather(samples, &mut images, &mut labels);
        images
    }

    #[test]
    fn pixels_become_numbers_channel_by_channel() {
        let other = Moments { mean: 0.0, sd: 0.5 };
        let split = Split::new(vec![0, 255, 0, 255], vec![1], [2, 1, 2], vec![HALF, other]);
        let near = |a: &[f32], b: &[f32]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-6);
        assert!(near(&gathered(&split, [0]), &[-2.0, 2.0, 0.0, 2.0]));
        let data = Dataset { train: split.clone(), test: split }.scaled(PixelScale::Unit);
        assert!(near(&gathered(&data.train, [0]), &[0.0, 1.0, 0.0, 1.0]));
    }

    #[test]
    fn an_image_of_one_channel_is_repeated_and_resized() {
        let split = grey(&[[0, 0, 0, 0], [0, 200, 0, 200]]);
        let data = Dataset { train: split.clone(), test: split }.scaled(PixelScale::Unit).fitted([3, 4, 4]).unwrap();
        let images = gathered(&data.train, [1]);
        assert_eq!((images.len(), data.train.len(), data.shape()), (48, 2, [3, 4, 4]));
        // Centres of the new pixels at -.25, .25, .75 and 1.25 of the old ones.
        let row: Vec<f32> = [0.0, 50.0, 150.0, 200.0].map(|byte| byte / 255.0).to_vec();
        assert!(images.chunks(4).all(|found| found.iter().zip(&row).all(|(a, b)| (a - b).abs() < 1e-6)), "{images:?}");
    }

    #[test]
    fn a_constant_image_stays_constant_in_any_size() {
        for to in [[1, 1], [5, 3], [28, 28], [32, 32], [64, 31]] {
            assert!(bilinear(&[77; 28 * 28], [28, 28], to).iter().all(|&byte| byte == 77), "{to:?}");
        }
    }

    #[test]
    fn what_fits_is_left_alone_and_colour_is_not_made_grey() {
        let split = grey(&[[1, 2, 3, 4]]);
        let data = Dataset { train: split.clone(), test: split };
        assert_eq!(data.clone().fitted([1, 2, 2]).unwrap(), data);
        let colour = Split::new(vec![0; 12], vec![0], [3, 2, 2], vec![HALF; 3]);
        let colour = Dataset { train: colour.clone(), test: colour };
        let error = colour.fitted([1, 2, 2]).unwrap_err();
        assert_eq!(error, DataError::Shape { found: [3, 2, 2], expected: [1, 2, 2] });
    }
}
