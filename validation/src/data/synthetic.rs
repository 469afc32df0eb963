//! Gratings: made-up images in colour that a convolutional network learns, so that vgg11 runs without any files.
//!
//! An image is a sinusoidal grating in noise. Its class decides direction and wavelength of the stripes and which colours they
//! take turns in; phase, contrast and noise are drawn for each image. As the phase is uniform, the mean image of every
//! class is grey: no linear classifier can tell them apart, while filters of a few pixels can. All is drawn from the seed.

use super::images::{CLASSES, Dataset, Moments, Split};
use rand::Rng;
use sim::{Purpose, RandomKey};
use std::f32::consts::{PI, TAU};

/// Channels, rows and columns.
pub const SHAPE: [usize; 3] = [3, 32, 32];
/// Training images.
pub const TRAIN: usize = 10_000;
/// Test images.
pub const TEST: usize = 2_000;

/// Of all channels: grey, with the variance of a grating of mean square contrast and of the noise.
const MOMENTS: Moments = Moments { mean: 0.5, sd: 0.183 };
/// Greatest difference from grey, of 255.
const CONTRAST: (f32, f32) = (30.0, 90.0);
/// Half the width of the uniform noise, of 255.
const NOISE: f32 = 60.0;

/// The set of a seed.
pub fn make(seed: u64) -> Dataset {
    let key = RandomKey::new(seed, 0);
    Dataset { train: split(key, 0, TRAIN), test: split(key, 1, TEST) }
}

fn split(key: RandomKey, part: u32, samples: usize) -> Split {
    let [channels, rows, columns] = SHAPE;
    let mut pixels = Vec::with_capacity(samples * channels * rows * columns);
    let labels: Vec<u8> = (0..samples).map(|sample| (sample % CLASSES) as u8).collect();
    let mut waves = vec![0f32; rows * columns];
    for (sample, &class) in labels.iter().enumerate() {
        let mut stream = key.at(Purpose::Images, part, sample as u64);
        let mut unit = || (stream.next_u64() >> 40) as f32 / (1u64 << 24) as f32;
        let (phase, contrast) = (TAU * unit(), CONTRAST.0 + (CONTRAST.1 - CONTRAST.0) * unit());
        // Five directions, two wavelengths; classes with the same direction differ in colour, too.
        let direction = PI / 5.0 * f32::from(class % 5);
        let wavelength = if class < 5 { 5.0 } else { 8.0 };
        let (down, across) = (TAU / wavelength * direction.sin(), TAU / wavelength * direction.cos());
        for (i, wave) in waves.iter_mut().enumerate() {
            *wave = (down * (i / columns) as f32 + across * (i % columns) as f32 + phase).sin();
        }
        for channel in 0..channels {
            let turn = TAU / 3.0 * (channel as f32 + f32::from(class) / 2.0);
            let strength = contrast * turn.cos();
            for pair in waves.chunks_exact(2) {
                let word = stream.next_u64();
                pixels.extend(pair.iter().enumerate().map(|(i, wave)| {
                    let noise = ((word >> (32 * i)) as u32 >> 8) as f32 / (1u32 << 23) as f32 - 1.0;
                    (127.5 + strength * wave + NOISE * noise).round().clamp(0.0, 255.0) as u8
                }));
            }
        }
    }
    Split::new(pixels, labels, SHAPE, vec![MOMENTS; channels])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gathered(split: &Split, samples: std::ops::Range<usize>) -> Vec<f32> {
        let (mut images, mut labels) = (Vec::new(), Vec::new());
        split.gather(samples, &mut images, &mut labels);
        images
    }

    #[test]
    fn a_set_is_a_function_of_its_seed() {
        assert_eq!(split(RandomKey::new(4, 0), 0, 50), split(RandomKey::new(4, 0), 0, 50));
        assert_ne!(split(RandomKey::new(4, 0), 0, 50), split(RandomKey::new(5, 0), 0, 50));
        assert_ne!(split(RandomKey::new(4, 0), 0, 50), split(RandomKey::new(4, 0), 1, 50));
    }

    #[test]
    fn pixels_have_the_moments_that_they_are_scaled_by() {
        let images = gathered(&split(RandomKey::new(0, 0), 0, 2000), 0..2000);
        let n = images.len() as f64;
        let mean = images.iter().map(|&x| f64::from(x)).sum::<f64>() / n;
        let variance = images.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>() / n - mean * mean;
        assert!(mean.abs() < 0.02 && (variance - 1.0).abs() < 0.05, "mean {mean:.4}, variance {variance:.4}");
    }

    #[test]
    fn classes_can_be_told_apart_by_the_energy_of_their_grating() {
        let [_, rows, columns] = SHAPE;
        let energy = |image: &[f32], class: usize| -> f32 {
            let direction = PI / 5.0 * (class % 5) as f32;
            let frequency = TAU / if class < 5 { 5.0 } else { 8.0 };
            let (mut sine, mut cosine) = (0.0, 0.0);
            for (i, x) in image.iter().enumerate() {
                let (channel, row, column) = (i / (rows * columns), i / columns % rows, i % columns);
                let turn = TAU / 3.0 * (channel as f32 + class as f32 / 2.0);
                let at = frequency * (direction.sin() * row as f32 + direction.cos() * column as f32);
                sine += x * turn.cos() * at.sin();
                cosine += x * turn.cos() * at.cos();
            }
            sine * sine + cosine * cosine
        };
        let split = split(RandomKey::new(2, 0), 0, 500);
        let correct = (0..500).filter(|&sample| {
            let image = gathered(&split, sample..sample + 1);
            let best = (0..CLASSES).max_by(|&a, &b| energy(&image, a).total_cmp(&energy(&image, b)));
            best == Some(usize::from(split.labels()[sample]))
        });
        assert!(correct.count() > 490);
    }

    #[test]
    fn the_mean_image_of_a_class_is_grey() {
        // Of n images the mean of a pixel is within its sd 1/√n of 0: over 30 720 pixels, 6 sd is 6e-5 false alarms.
        let (n, split) = (200, split(RandomKey::new(1, 0), 0, 2000));
        for class in 0..CLASSES {
            let mut sum = vec![0f64; split.image_len()];
            for sample in (class..2000).step_by(CLASSES) {
                let image = gathered(&split, sample..sample + 1);
                sum.iter_mut().zip(image).for_each(|(sum, x)| *sum += f64::from(x));
            }
            let furthest = sum.iter().map(|sum| (sum / f64::from(n)).abs()).fold(0.0, f64::max);
            assert!(furthest < 6.0 * 1.4 / f64::from(n).sqrt(), "class {class}: {furthest:.3}");
        }
    }
}
