//! Is the embedded set the published one, and is every kind of bad file told apart?

use std::fs;
use std::io::Write;

use flate2::{Compression, write::GzEncoder};
use sha2::{Digest, Sha256};

use super::super::images::PixelScale;
use super::*;
use crate::garbled::garbled;

#[test]
fn garbled_files_are_read_or_refused() {
    let (images, labels) = (images(2), labels(&[4, 5]));
    let zipped = |bytes: &[u8]| {
        let mut zipped = GzEncoder::new(Vec::new(), Compression::fast());
        zipped.write_all(bytes).unwrap();
        zipped.finish().unwrap()
    };
    garbled(&[&images, &zipped(&images)], |bytes| idx::<3>(bytes, Path::new("F"), PIXELS).map(drop));
    garbled(&[&labels, &zipped(&labels)], |bytes| idx::<1>(bytes, Path::new("F"), 1).map(drop));
}

const NAMES: [&str; 4] = [TRAIN.images, TRAIN.labels, TEST.images, TEST.labels];

/// A folder that is removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("straggle-mnist-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// A folder with a good little set: 3 training and 2 test images.
    fn good(name: &str) -> Self {
        let folder = Self::new(name);
        for (part, samples) in [(TRAIN, 3), (TEST, 2)] {
            folder.put(part.images, &images(samples));
            folder.put(part.labels, &labels(&vec![4; samples]));
        }
        folder
    }

    fn put(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, bytes).unwrap();
        path
    }

    fn error(&self) -> DataError {
        from_dir(&self.0).unwrap_err()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn header(sizes: &[u32]) -> Vec<u8> {
    let magic = 0x0800 + sizes.len() as u32;
    std::iter::once(&magic).chain(sizes).flat_map(|word| word.to_be_bytes()).collect()
}

fn images(samples: usize) -> Vec<u8> {
    let pixels = (0..samples * PIXELS).map(|i| (i % 251) as u8);
    header(&[samples as u32, 28, 28]).into_iter().chain(pixels).collect()
}

fn labels(labels: &[u8]) -> Vec<u8> {
    [header(&[labels.len() as u32]), labels.to_vec()].concat()
}

fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn the_embedded_set_is_the_published_one() {
    let Dataset { train, test } = Dataset::embedded();
    let sum = |header: Vec<u8>, bytes: &[u8]| -> String {
        let digest = Sha256::new().chain_update(header).chain_update(bytes).finalize();
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    };
    // The reader refuses any other header and any other length, so these are the sums of the uncompressed files.
    assert_eq!(
        [
            sum(header(&[60_000, 28, 28]), &train.pixels),
            sum(header(&[60_000]), train.labels()),
            sum(header(&[10_000, 28, 28]), &test.pixels),
            sum(header(&[10_000]), test.labels()),
        ],
        [
            "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
            "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
            "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
            "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        ]
    );
}

#[test]
fn the_training_images_are_normalised() {
    let train = Dataset::embedded().train;
    let (mut images, mut labels) = (Vec::new(), Vec::new());
    train.gather(0..train.len(), &mut images, &mut labels);
    let n = images.len() as f64;
    let mean = images.iter().map(|&x| f64::from(x)).sum::<f64>() / n;
    let variance = images.iter().map(|&x| (f64::from(x) - mean).powi(2)).sum::<f64>() / n;
    assert!(mean.abs() < 1e-3 && (variance - 1.0).abs() < 1e-3, "mean {mean}, variance {variance}");
    assert_eq!(labels, train.labels());
}

#[test]
fn pixels_can_be_numbers_from_0_to_1_instead() {
    let Dataset { train, test } = Dataset::embedded().scaled(PixelScale::Unit);
    let (mut images, mut labels) = (Vec::new(), Vec::new());
    for split in [train.first(1000), test.first(1000)] {
        split.gather(0..split.len(), &mut images, &mut labels);
        let each = images.iter().zip(&split.pixels);
        assert!(each.clone().all(|(&x, &byte)| (f64::from(x) - f64::from(byte) / 255.0).abs() < 1e-7));
        assert!(each.clone().any(|(_, &byte)| byte == 0) && each.clone().any(|(_, &byte)| byte == 255));
    }
}

#[test]
fn every_spelling_of_a_name_is_found_and_gzip_changes_nothing() {
    let plain = Folder::good("plain");
    let set = from_dir(&plain.0).unwrap();
    assert_eq!((set.train.len(), set.test.len()), (3, 2));
    let spelt = |name: &str, change: fn(&str, Vec<u8>) -> (String, Vec<u8>)| {
        let folder = Folder::new(name);
        for name in NAMES {
            let (name, bytes) = change(name, fs::read(plain.0.join(name)).unwrap());
            folder.put(&name, &bytes);
        }
        from_dir(&folder.0).unwrap()
    };
    assert_eq!(spelt("dotted", |name, bytes| (name.replace("-idx", ".idx"), bytes)), set);
    assert_eq!(spelt("gz", |name, bytes| (format!("{name}.gz"), gzipped(&bytes))), set);
    assert_eq!(spelt("gz-unnamed", |name, bytes| (name.into(), gzipped(&bytes))), set);
    assert_eq!(spelt("named-gz", |name, bytes| (format!("{name}.gz"), bytes)), set);
}

#[test]
fn a_missing_file_is_named() {
    for name in NAMES {
        let folder = Folder::good("missing");
        fs::remove_file(folder.0.join(name)).unwrap();
        assert_eq!(folder.error(), DataError::Missing { dir: folder.0.clone(), name: name.into() });
    }
}

#[test]
fn a_file_that_ends_early_is_truncated_wherever_it_ends() {
    let folder = Folder::good("truncated");
    for whole in [images(3), gzipped(&images(3))] {
        for length in [0, 1, 3, 15, 16, 30, whole.len() - 1] {
            let path = folder.put(TRAIN.images, &whole[..length]);
            assert_eq!(folder.error(), DataError::Truncated { path }, "at {length} of {}", whole.len());
        }
    }
}

#[test]
fn a_file_that_goes_on_is_refused() {
    let folder = Folder::good("surplus");
    let path = folder.put(TEST.labels, &[labels(&[1, 2]), vec![3]].concat());
    assert_eq!(folder.error(), DataError::Surplus { path, items: 2 });
}

#[test]
fn swapped_files_have_the_wrong_magic() {
    let folder = Folder::good("magic");
    let path = folder.put(TRAIN.images, &labels(&[1, 2, 3]));
    assert_eq!(folder.error(), DataError::Magic { path, expected: 0x0803, found: 0x0801 });
}

#[test]
fn images_of_another_size_are_refused() {
    let folder = Folder::good("size");
    let path = folder.put(TRAIN.images, &[header(&[3, 32, 28]), vec![0; 3 * 32 * 28]].concat());
    assert_eq!(folder.error(), DataError::Size { path, rows: 32, columns: 28 });
}

#[test]
fn a_set_of_nothing_is_refused() {
    let folder = Folder::good("empty");
    let path = folder.put(TRAIN.images, &header(&[0, 28, 28]));
    assert_eq!(folder.error(), DataError::Empty { path });
}

#[test]
fn images_without_their_labels_are_refused() {
    let folder = Folder::good("mismatch");
    let labels = folder.put(TRAIN.labels, &labels(&[1, 2]));
    let images = folder.0.join(TRAIN.images);
    assert_eq!(folder.error(), DataError::Mismatch { images, samples: 3, labels, count: 2 });
}

#[test]
fn a_label_that_is_no_digit_is_refused() {
    let folder = Folder::good("label");
    let path = folder.put(TEST.labels, &labels(&[9, 10]));
    assert_eq!(folder.error(), DataError::Label { path, sample: 1, label: 10 });
}

#[test]
fn broken_gzip_is_unreadable() {
    let folder = Folder::good("gzip");
    let mut bytes = gzipped(&images(3));
    bytes[2] = 99; // no such compression method
    folder.put(TRAIN.images, &bytes);
    assert!(matches!(folder.error(), DataError::Unreadable { .. }), "{}", folder.error());
}

#[test]
fn samples_are_the_first_of_the_training_set() {
    let folder = Folder::good("samples");
    let set = from_dir(&folder.0).unwrap();
    let less = set.clone().take(2).unwrap();
    assert_eq!((less.train.len(), less.test.len()), (2, 2));
    assert_eq!(less.train.pixels, set.train.pixels[..2 * PIXELS]);
    for asked in [0, 4] {
        assert_eq!(set.clone().take(asked), Err(DataError::Samples { asked, available: 3 }));
    }
}
