//! The explorable page as one file: its parts, put together.
//!
//! HTML, style, scripts, uPlot and the simulator as WebAssembly are compiled in; what differs from page to page (a trace, the
//! models of a server) goes in as JSON. Nothing in it is loaded from anywhere.

use serde::Serialize;

/// What a page begins with.
#[derive(Debug, Default, Serialize)]
pub struct Settings {
    /// A CSV that is there as if it had been dropped.
    pub trace: Option<Trace>,
    /// Names of the models of the server behind it; none where it is a file.
    pub models: Vec<String>,
}

/// A file of step times.
#[derive(Debug, Serialize)]
pub struct Trace {
    /// Its name.
    pub name: String,
    /// What is in it.
    pub text: String,
}

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
    let parts = [
        ("CSS", css.as_str()),
        ("LICENSE", include_str!("../page/vendor/uPlot.LICENSE")),
        ("UPLOT", include_str!("../page/vendor/uPlot.iife.min.js")),
        ("WASM", &base64(include_bytes!("../page/straggle.wasm"))),
        ("SETTINGS", &settings),
        ("SCRIPT", &SCRIPTS.concat()),
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

/// RFC 4648, with padding.
fn base64(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}
