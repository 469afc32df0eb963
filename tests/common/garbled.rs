//! Garbled input: good samples with a few bytes changed, lost, repeated or put in, as bad disks, editors and people do it.
//!
//! A reader of anything from outside is given thousands of them by the tests called `garbled_...`: it must read each or refuse
//! it in one short sentence, and never panic. `TMPDIR=/dev/shm FUZZ=1000000 cargo test --workspace garbled` gives a million to each,
//! with the files that some readers need in memory.

#![allow(dead_code)] // each test binary uses its share of this

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::{Config, RngSeed, TestRunner};

/// Longer messages are echoes.
const LONGEST: usize = 600;

/// What people, programs and attackers put into files.
const PIECES: &[&[u8]] = &[
    b"\0",
    b"\n",
    b"\r\n",
    b"\t",
    b",",
    b";",
    b"\"",
    b"'",
    b"(",
    b")",
    b"[",
    b"]",
    b"{",
    b"}",
    b":",
    b"..",
    b"=",
    b"#",
    b"-",
    b"%",
    b" ",
    b"e",
    b"1e400",
    b"-1",
    b"0",
    b"nan",
    b"inf",
    b"1e-320",
    b"99999999999999999999",
    b"4294967296",
    b"\xef\xbb\xbf",
    b"\xff\xfe",
    b"\xe9",
    "µs".as_bytes(),
    "½".as_bytes(),
    b"ms",
    b"null",
    b"true",
    b"\x1f\x8b",
    b"../",
    b"((((((((((((((((",
    b"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
];

#[derive(Clone, Debug)]
enum Change {
    Set(Index, u8),
    Lose(Index, Index),
    Repeat(Index, Index),
    Put(Index, &'static [u8]),
    End(Index),
}

fn change() -> impl Strategy<Value = Change> {
    let at = any::<Index>;
    prop_oneof![
        (at(), any::<u8>()).prop_map(|(at, byte)| Change::Set(at, byte)),
        (at(), at()).prop_map(|(from, length)| Change::Lose(from, length)),
        (at(), at()).prop_map(|(from, length)| Change::Repeat(from, length)),
        (at(), select(PIECES)).prop_map(|(at, piece)| Change::Put(at, piece)),
        at().prop_map(Change::End),
    ]
}

fn changed(mut bytes: Vec<u8>, change: &Change) -> Vec<u8> {
    let room = bytes.len() + 1;
    let span = |from: &Index, length: &Index| {
        let from = from.index(room);
        from..from + length.index((room - from).min(40))
    };
    match change {
        Change::Set(at, byte) => {
            let at = at.index(room);
            bytes.splice(at..(at + 1).min(room - 1), [*byte]);
        }
        Change::Lose(from, length) => drop(bytes.drain(span(from, length))),
        Change::Repeat(from, length) => {
            let span = span(from, length);
            let part = bytes[span.clone()].repeat(2);
            bytes.splice(span, part);
        }
        Change::Put(at, piece) => {
            let at = at.index(room);
            bytes.splice(at..at, piece.iter().copied());
        }
        Change::End(at) => bytes.truncate(at.index(room)),
    }
    bytes
}

/// Gives garbled samples to a reader, which answers with its refusal, if it refuses; a panic or a long refusal fails the test.
pub fn garbled<E: ToString>(samples: &[&[u8]], read: impl Fn(&[u8]) -> Result<(), E>) {
    let cases = std::env::var("FUZZ").ok().and_then(|count| count.parse().ok()).unwrap_or(1000);
    let config = Config { cases, failure_persistence: None, rng_seed: RngSeed::Fixed(0), ..Config::default() };
    let samples: Vec<Vec<u8>> = samples.iter().map(|sample| sample.to_vec()).collect();
    let strategy = (select(samples), vec(change(), 0..6));
    let judged = TestRunner::new(config).run(&strategy, |(sample, changes)| {
        let input = changes.iter().fold(sample, changed);
        if let Err(refusal) = read(&input) {
            let refusal = refusal.to_string();
            prop_assert!(refusal.chars().count() <= LONGEST, "{} characters: {refusal}", refusal.chars().count());
            prop_assert!(!refusal.trim().is_empty() && !refusal.trim().contains('\n'), "no sentence: {refusal:?}");
        }
        Ok(())
    });
    judged.unwrap_or_else(|failure| panic!("{failure}"));
}

/// The same for what reads text; other bytes are replaced.
pub fn garbled_text<E: ToString>(samples: &[&str], read: impl Fn(&str) -> Result<(), E>) {
    let samples: Vec<&[u8]> = samples.iter().map(|sample| sample.as_bytes()).collect();
    garbled(&samples, |bytes| read(&String::from_utf8_lossy(bytes)));
}
