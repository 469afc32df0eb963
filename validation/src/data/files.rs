//! Files of a data set: found under their usual names, gzipped or not.

use super::error::DataError;
use flate2::read::MultiGzDecoder;
use std::fs::File;
use std::io::{self, Cursor, Read};
use std::path::{Path, PathBuf};

/// The file of that name, or with a dot before `idx3`, with or without `.gz`.
pub(super) fn find(dir: &Path, name: &str) -> Result<PathBuf, DataError> {
    let dotted = name.replace("-idx", ".idx");
    [name, &dotted]
        .into_iter()
        .flat_map(|name| [dir.join(name), dir.join(format!("{name}.gz"))])
        .find(|path| path.is_file())
        .ok_or_else(|| DataError::Missing { dir: dir.into(), name: name.into() })
}

/// Opens a file.
pub(super) fn open(path: &Path) -> Result<File, DataError> {
    File::open(path).map_err(|error| DataError::Unreadable { path: path.into(), reason: error.to_string() })
}

/// The contents of a file that may be gzipped, told by its first two bytes and not by its name.
pub(super) fn unpacked<'a>(mut file: impl Read + 'a) -> io::Result<Box<dyn Read + 'a>> {
    let mut start = Vec::new();
    file.by_ref().take(2).read_to_end(&mut start)?;
    let gzipped = start == [0x1f, 0x8b];
    let whole = Cursor::new(start).chain(file);
    Ok(if gzipped { Box::new(MultiGzDecoder::new(whole)) } else { Box::new(whole) })
}
