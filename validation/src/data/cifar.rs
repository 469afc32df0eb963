//! CIFAR-10 from its binary files (Krizhevsky 2009): 50 000 training and 10 000 test images of 3 x 32 x 32.
//!
//! Each file is records of 3073 bytes: a label, then the red, the green and the blue pixels, row by row. They are not in the
//! binary of this program; a directory that has them is found by its file names.

use super::error::DataError;
use super::files::{find, open, unpacked};
use super::images::{CLASSES, Dataset, Moments, Split};
use std::io::Read;
use std::path::{Path, PathBuf};

/// Channels, rows and columns.
pub const SHAPE: [usize; 3] = [3, 32, 32];
const IMAGE: usize = 3 * 32 * 32;
const RECORD: usize = 1 + IMAGE;

const TRAIN: [&str; 5] =
    ["data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin"];
const TEST: [&str; 1] = ["test_batch.bin"];
/// The folder in the published archive.
const FOLDER: &str = "cifar-10-batches-bin";

/// Of the training set, channel by channel.
pub const MOMENTS: [Moments; 3] =
    [Moments { mean: 0.4914, sd: 0.2470 }, Moments { mean: 0.4822, sd: 0.2435 }, Moments { mean: 0.4465, sd: 0.2616 }];

/// The folder with the files: this one, or the archive's in it.
pub fn folder(dir: &Path) -> Option<PathBuf> {
    [dir.to_path_buf(), dir.join(FOLDER)].into_iter().find(|dir| find(dir, TRAIN[0]).is_ok())
}

/// The set from a folder's six files, gzipped or not.
///
/// # Errors
/// What is missing or wrong there.
pub fn read(dir: &Path) -> Result<Dataset, DataError> {
    Ok(Dataset { train: split(dir, &TRAIN)?, test: split(dir, &TEST)? })
}

fn split(dir: &Path, names: &[&str]) -> Result<Split, DataError> {
    let (mut pixels, mut labels) = (Vec::new(), Vec::new());
    for name in names {
        let path = find(dir, name)?;
        let mut bytes = Vec::new();
        let read = open(&path).and_then(|file| {
            let unreadable =
                |error: std::io::Error| DataError::Unreadable { path: path.clone(), reason: error.to_string() };
            unpacked(file).and_then(|mut file| file.read_to_end(&mut bytes)).map_err(unreadable)
        });
        read?;
        if bytes.is_empty() {
            return Err(DataError::Empty { path });
        }
        if bytes.len() % RECORD != 0 {
            return Err(DataError::Records { path, bytes: bytes.len(), record: RECORD });
        }
        for (sample, record) in bytes.chunks_exact(RECORD).enumerate() {
            if usize::from(record[0]) >= CLASSES {
                return Err(DataError::Label { path, sample, label: record[0] });
            }
            labels.push(record[0]);
            pixels.extend_from_slice(&record[1..]);
        }
    }
    Ok(Split::new(pixels, labels, SHAPE, MOMENTS.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// Files with so many records; pixel `i` of a record is `i` modulo 256.
    fn written(count: usize, label: u8) -> Vec<u8> {
        let record = || std::iter::once(label).chain((0..IMAGE).map(|i| i as u8));
        (0..count).flat_map(|_| record()).collect()
    }

    fn good() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (i, name) in TRAIN.iter().chain(&TEST).enumerate() {
            fs::write(dir.path().join(name), written(2, i as u8)).unwrap();
        }
        dir
    }

    #[test]
    fn six_files_are_read_in_their_order() {
        let dir = good();
        let data = read(&folder(dir.path()).unwrap()).unwrap();
        assert_eq!(data.train.labels(), [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]);
        assert_eq!((data.test.labels(), data.shape()), (&[5u8, 5][..], SHAPE));
        let (mut images, mut labels) = (Vec::new(), Vec::new());
        data.train.gather([3], &mut images, &mut labels);
        // Green's first pixel is byte 1024 of the record's pixels, which is 0.
        assert!((images[1024] - (0.0 - 0.4822) / 0.2435).abs() < 1e-5);
        assert!((images[1] - (1.0 / 255.0 - 0.4914) / 0.2470).abs() < 1e-5);
    }

    #[test]
    fn the_archives_folder_is_found() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(folder(dir.path()), None);
        fs::create_dir(dir.path().join(FOLDER)).unwrap();
        fs::write(dir.path().join(FOLDER).join(TRAIN[0]), written(1, 0)).unwrap();
        assert_eq!(folder(dir.path()), Some(dir.path().join(FOLDER)));
    }

    #[test]
    fn what_is_wrong_with_a_file_is_told() {
        let error = |name: &str, bytes: Option<&[u8]>| {
            let dir = good();
            match bytes {
                Some(bytes) => fs::write(dir.path().join(name), bytes).unwrap(),
                None => fs::remove_file(dir.path().join(name)).unwrap(),
            }
            read(dir.path()).unwrap_err()
        };
        assert!(matches!(error(TRAIN[4], None), DataError::Missing { name, .. } if name == TRAIN[4]));
        assert!(matches!(error(TEST[0], Some(&[])), DataError::Empty { .. }));
        let cut = &written(2, 0)[..RECORD + 7];
        assert!(matches!(error(TRAIN[1], Some(cut)), DataError::Records { bytes, .. } if bytes == RECORD + 7));
        let wrong = written(3, 10);
        assert!(matches!(error(TRAIN[2], Some(&wrong)), DataError::Label { sample: 0, label: 10, .. }));
    }
}
