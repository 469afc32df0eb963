//! The explorable page as one file: its parts, put together.
//!
//! HTML, style, scripts, uPlot and the simulator as WebAssembly are compiled in; what differs from page to page (measured times, a
//! profile, the models of a server) goes in as JSON. Nothing in it is loaded from anywhere. The module and the scripts are
//! packed by gzip, and unpacked by the browser, which makes the page half as long.

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
    // "</script" in a text would end the element that holds it.
    let settings = serde_json::to_string(settings).expect("strings are JSON").replace("</", "<\\/");
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

/// RFC 1952 without a time of day, in RFC 4648 with padding.
fn packed(bytes: &[u8]) -> String {
    use base64::Engine;
    let mut packer = GzBuilder::new().write(Vec::new(), Compression::best());
    packer.write_all(bytes).expect("memory takes every byte");
    base64::engine::general_purpose::STANDARD.encode(packer.finish().expect("memory takes every byte"))
}
