//! The explorable page as one file: its parts, put together.
//!
//! HTML, style, scripts, uPlot and the simulator as WebAssembly are compiled in; what differs from page to page (measured times, a
//! profile, the models of a server) goes in as JSON. Nothing in it is loaded from anywhere. The module and the scripts are
//! packed by gzip, and unpacked by the browser, which makes the page less than half as long.

use flate2::{Compression, GzBuilder};
use serde::Serialize;
use sim::{StepTimes, TraceSource};
use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::LazyLock;

/// What a page begins with.
#[derive(Debug, Default, Serialize)]
pub struct Settings {
    /// Measured times that are there as if they had been dropped.
    pub trace: Option<Times>,
    /// A cluster that is chosen.
    pub profile: Option<Cluster>,
    /// Names of the models of the server behind it; none where it is a file.
    pub models: Vec<String>,
}

/// A cluster of a profile.
#[derive(Debug, Serialize)]
pub struct Cluster {
    /// The file of the profile.
    pub name: String,
    /// Options that say what it says.
    pub options: String,
    /// Its measured times, if it has some.
    pub data: Option<Times>,
}

/// Measured step times.
#[derive(Debug, Serialize)]
pub struct Times {
    /// What they are called.
    pub name: String,
    /// File and column, as they stand in `trace(...)`.
    pub typed: String,
    /// The workers' names.
    pub names: Vec<String>,
    /// A line for each: worker, step, seconds.
    pub lines: String,
}

impl Times {
    /// The times of a table that was read from a source.
    pub fn new(source: &TraceSource, times: &StepTimes) -> Times {
        let mut lines = String::new();
        for time in times.iter() {
            writeln!(lines, "{},{},{}", time.worker, time.step, time.seconds).expect("a text takes every line");
        }
        let name = source.file.rsplit('/').next().unwrap_or_default().to_string();
        let column = source.column.as_ref().map_or(String::new(), |column| format!(", {column}"));
        Times { typed: format!("{}{column}", source.file), name, names: times.labels().to_vec(), lines }
    }
}

/// Program and module, packed once.
static PACKED: LazyLock<[String; 2]> = LazyLock::new(|| {
    let figures = include_str!("../page/vendor/uPlot.iife.min.js");
    let program = ["'use strict';\n", figures, "\n", &SCRIPTS.concat()].concat();
    [packed(program.as_bytes()), packed(include_bytes!("../page/straggle.wasm"))]
});

const SCRIPTS: [&str; 9] = [
    include_str!("../page/js/1-engine.js"),
    include_str!("../page/js/2-state.js"),
    include_str!("../page/js/3-lanes.js"),
    include_str!("../page/js/4-charts.js"),
    include_str!("../page/js/5-lessons.js"),
    include_str!("../page/js/6-data.js"),
    include_str!("../page/js/7-exercise.js"),
    include_str!("../page/js/8-pad.js"),
    include_str!("../page/js/9-main.js"),
];

/// The page.
pub fn html(settings: &Settings) -> String {
    // "</script" in a text would end the element that holds it, and "<!--" can keep it open.
    let settings = serde_json::to_string(settings).expect("strings are JSON").replace('<', "\\u003c");
    let css = [include_str!("../page/vendor/uPlot.min.css"), include_str!("../page/style.css")].concat();
    let [program, module] = &*PACKED;
    let parts = [
        ("CSS", css.as_str()),
        ("LICENSE", include_str!("../page/vendor/uPlot.LICENSE")),
        ("PROGRAM", program),
        ("WASM", module),
        ("SETTINGS", &settings),
        ("SCRIPT", include_str!("../page/js/0-unpack.js")),
    ];
    let mut pieces = include_str!("../page/index.html").split("@@");
    let mut page = String::from(pieces.next().unwrap_or_default());
    // Between each pair of marks stands the name of a part.
    while let (Some(name), Some(after)) = (pieces.next(), pieces.next()) {
        let part = parts.iter().find(|part| part.0 == name).map_or("", |part| part.1);
        page.push_str(part);
        page.push_str(after);
    }
    page
}

/// RFC 1952 without a time of day, as text.
fn packed(bytes: &[u8]) -> String {
    let mut packer = GzBuilder::new().write(Vec::new(), Compression::best());
    packer.write_all(bytes).expect("memory takes every byte");
    text(&packer.finish().expect("memory takes every byte"))
}

/// Digits of Z85 (ZeroMQ's RFC 32), none of which means anything between quotes.
const DIGITS: &[u8; 85] = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";

/// Five digits of base 85 for four bytes, which is 6 % shorter than base 64; one digit more than bytes at the end, as in
/// Ascii85.
fn text(bytes: &[u8]) -> String {
    let digits = |four: &[u8]| {
        let number = (0..4).fold(0u32, |number, i| number << 8 | u32::from(*four.get(i).unwrap_or(&0)));
        let digit = move |i: u32| char::from(DIGITS[(number / 85u32.pow(4 - i) % 85) as usize]);
        (0..=four.len() as u32).map(digit)
    };
    bytes.chunks(4).flat_map(digits).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_written_as_zeromq_writes_them() {
        let bytes = [0x86, 0x4f, 0xd2, 0x6f, 0xb5, 0x59, 0xf7, 0x5b];
        assert_eq!(text(&bytes), "HelloWorld"); // the example of its specification
        assert_eq!((text(&[]), text(&[0]), text(&[0, 0, 0])), (String::new(), "00".into(), "0000".into()));
    }

    #[test]
    fn what_is_packed_does_not_end_its_element() {
        for packed in PACKED.iter() {
            assert!(!packed.contains("</script") && !packed.contains("<!--"));
        }
    }
}
