//! The text of a file: plain or gzipped, from disk or standard input, in whatever encoding, and never more than fits.

use crate::formats::refusal::Refusal;
use crate::manifest;
use flate2::read::MultiGzDecoder;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};

/// The longest text of step times that is read, in bytes, after it is unzipped.
pub const LONGEST: u64 = 256 << 20;

/// A text, and what it was before it was one.
#[derive(Debug)]
pub struct Source {
    /// The text: UTF-8 without a byte order mark; bytes that are no text are replaced.
    pub text: String,
    /// SHA-256 of the bytes as they were on disk or came in, in hexadecimal.
    pub sha256: String,
    /// How many they were.
    pub size: usize,
}

impl Source {
    /// What the manifest says of it.
    pub fn listed(&self, name: &str) -> manifest::File {
        manifest::File::summed(name, self.size, self.sha256.clone())
    }
}

/// Reads a file of at most `longest` bytes, or standard input if it is called `-`.
///
/// # Errors
/// [`Refusal`] if it cannot be read, holds no text, or is longer.
pub fn read(file: &str, longest: u64) -> Result<Source, Refusal> {
    let unreadable = |e: io::Error| Refusal::new(format!("cannot be read: {e}"), "give a file of step times");
    match file {
        "-" => from(io::stdin().lock(), longest).map_err(|r| r.of("standard input")),
        _ => {
            let open = File::open(file).map_err(unreadable).map_err(|r| r.of(file))?;
            if open.metadata().is_ok_and(|meta| meta.is_dir()) {
                return Err(Refusal::new("is a directory", "give the files in it").of(file));
            }
            from(open, longest).map_err(|r| r.of(file))
        }
    }
}

/// Reads a text of at most `longest` bytes.
pub fn from(input: impl Read, longest: u64) -> Result<Source, Refusal> {
    let broken = |e: io::Error| Refusal::new(format!("cannot be read: {e}"), "give a whole file");
    let mut input = Hashing { input, hash: Sha256::new(), size: 0 };
    let mut buffered = BufReader::with_capacity(1 << 16, &mut input);
    let zipped = buffered.fill_buf().map_err(broken)?.starts_with(&[0x1f, 0x8b]);
    let mut bytes = Vec::new();
    let mut unzipped: Box<dyn BufRead> = match zipped {
        true => Box::new(BufReader::with_capacity(1 << 16, MultiGzDecoder::new(buffered))),
        false => Box::new(buffered),
    };
    // What begins with bytes that are in no text is not read to its end, which /dev/zero has not.
    let head = unzipped.fill_buf().map_err(broken)?;
    if is_binary(head) {
        return Err(Refusal::new("is no text", "give a text file: CSV, JSON, or a log; PROFILE.json for a profile"));
    }
    unzipped.take(longest + 1).read_to_end(&mut bytes).map_err(broken)?;
    if bytes.len() as u64 > longest {
        let (limit, size) = (longest >> 20, if zipped { "unzips to" } else { "is" });
        return Err(Refusal::new(
            format!("{size} more than {limit} MiB, which is all that is read"),
            "give what is needed of it alone",
        ));
    }
    // The rest of what is not text, if there is any, belongs to the hash too.
    let text = decoded(bytes)?;
    // Some programs end a line, or write over it, by a carriage return alone.
    let text = if text.contains('\r') { text.replace("\r\n", "\n").replace('\r', "\n") } else { text };
    let text = if text.contains('\x1b') { without_colours(&text) } else { text };
    let size = input.size;
    Ok(Source { text, size, sha256: input.hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect() })
}

/// The text without what makes terminals colour it or move their cursor: ESC [ parameters letter (ECMA-48).
fn without_colours(text: &str) -> String {
    let mut parts = text.split('\x1b');
    let mut plain = parts.next().unwrap_or_default().to_string();
    for part in parts {
        let rest = part
            .strip_prefix('[')
            .map(|rest| rest.trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, ';' | '?')));
        plain.push_str(rest.map_or(part, |rest| rest.strip_prefix(|c: char| c.is_ascii_alphabetic()).unwrap_or(rest)));
    }
    plain
}

/// A reader that remembers the hash of what was read, and how much that was.
struct Hashing<R> {
    input: R,
    hash: Sha256,
    size: usize,
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.input.read(buffer)?;
        self.hash.update(&buffer[..n]);
        self.size += n;
        Ok(n)
    }
}

/// UTF-16, by its byte order mark or by the zeros in it, if these bytes are: whether it is little-endian.
fn utf16(bytes: &[u8]) -> Option<bool> {
    let zeros = |odd: usize| bytes.iter().skip(odd).step_by(2).take(64).filter(|&&b| b == 0).count();
    let few = (bytes.len() / 2).min(64);
    match bytes {
        [0xff, 0xfe, ..] => Some(true),
        [0xfe, 0xff, ..] => Some(false),
        _ if few >= 2 && zeros(1) * 10 >= few * 9 && zeros(0) == 0 => Some(true),
        _ if few >= 2 && zeros(0) * 10 >= few * 9 && zeros(1) == 0 => Some(false),
        _ => None,
    }
}

/// A text that was cut short may have a zero, or some; a program, an image or /dev/zero has more.
fn is_binary(head: &[u8]) -> bool {
    utf16(head).is_none() && 10 * head.iter().filter(|&&byte| byte == 0).count() > head.len()
}

fn decoded(bytes: Vec<u8>) -> Result<String, Refusal> {
    if let Some(little) = utf16(&bytes) {
        let unit = |pair: &[u8]| match little {
            true => u16::from_le_bytes([pair[0], pair[1]]),
            false => u16::from_be_bytes([pair[0], pair[1]]),
        };
        let units: Vec<u16> = bytes.chunks_exact(2).map(unit).collect();
        return Ok(String::from_utf16_lossy(&units).trim_start_matches('\u{feff}').to_string());
    }
    if let Some(at) = bytes.iter().position(|&b| b == 0) {
        let line = 1 + bytes[..at].iter().filter(|&&b| b == b'\n').count() as u64;
        return Err(
            Refusal::new("a byte is zero, which no text has", "give a file that was written to its end").at(line)
        );
    }
    let text = match String::from_utf8(bytes) {
        Ok(text) => text,
        // What is no UTF-8 is Latin-1, whose bytes are the numbers of their characters.
        Err(error) => {
            let chunks = error.as_bytes().utf8_chunks();
            chunks
                .flat_map(|chunk| chunk.valid().chars().chain(chunk.invalid().iter().map(|&b| char::from(b))))
                .collect()
        }
    };
    match text.strip_prefix('\u{feff}') {
        Some(text) => Ok(text.to_string()),
        None => Ok(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use std::io::Write;

    #[test]
    fn every_encoding_gives_the_same_text() {
        let text = "step,worker\n0,\u{e9}\n";
        let units: Vec<u16> = text.encode_utf16().collect();
        let little: Vec<u8> = units.iter().flat_map(|u| u.to_le_bytes()).collect();
        let big: Vec<u8> = units.iter().flat_map(|u| u.to_be_bytes()).collect();
        let marked = |mark: &[u8], bytes: &[u8]| [mark, bytes].concat();
        for bytes in [
            text.as_bytes().to_vec(),
            marked(b"\xef\xbb\xbf", text.as_bytes()),
            marked(b"\xff\xfe", &little),
            marked(b"\xfe\xff", &big),
            little,
            big,
        ] {
            assert_eq!(from(&bytes[..], 100).unwrap().text, text, "{bytes:?}");
        }
        assert_eq!(from(&b"\x1b[1;32mstep 1\x1b[0m time 5ms\x1b[K\n"[..], 100).unwrap().text, "step 1 time 5ms\n");
        assert_eq!(from(&b"a\xe9 (\xb5s),1\n"[..], 100).unwrap().text, "a\u{e9} (\u{b5}s),1\n");
    }

    #[test]
    fn what_is_no_text_or_too_long_is_refused_with_the_figure() {
        let refused = |bytes: &[u8], longest| from(bytes, longest).unwrap_err().reason;
        assert_eq!(refused(&[0; 1000], 100), "is no text");
        assert_eq!(refused(b"\x7fELF\x02\x01\x01\0\0\0\0", 100), "is no text");
        assert!(refused(&vec![b'1'; (1 << 20) + 1], 1 << 20).starts_with("is more than 1 MiB"));
        let mut zip = GzEncoder::new(Vec::new(), Compression::fast());
        zip.write_all(&vec![b'1'; 3 << 20]).unwrap();
        let bomb = zip.finish().unwrap();
        assert!(refused(&bomb, 1 << 20).starts_with("unzips to more than 1 MiB"));
        // A zero or two: the line is told.
        assert_eq!(from(&b"step_time_s\n1\n2\0\n"[..], 100).unwrap_err().line, Some(3));
        let late = [vec![b'1'; 1 << 17], b"\n2\0".to_vec()].concat();
        assert_eq!(from(&late[..], 1 << 20).unwrap_err().line, Some(2));
        assert_eq!(refused(&bomb[..40], 1 << 30).split(':').next(), Some("cannot be read"));
        assert!(read("/", 100).is_err() && read("no such file", 100).is_err());
        let endless = File::open("/dev/zero").map(|zeros| from(zeros, 1 << 20).unwrap_err().reason);
        assert!(endless.is_err() || endless.is_ok_and(|reason| reason == "is no text"));
    }

    #[test]
    fn the_hash_is_of_what_is_on_disk() {
        // SHA-256 of "abc" (FIPS 180-4, example B.1).
        let source = from(&b"abc"[..], 100).unwrap();
        assert_eq!(source.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        let mut zip = GzEncoder::new(Vec::new(), Compression::fast());
        zip.write_all(b"abc").unwrap();
        let source = from(&zip.finish().unwrap()[..], 100).unwrap();
        assert_eq!(source.text, "abc");
        assert_ne!(source.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
