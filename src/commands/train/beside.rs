//! Learning curve of an earlier run, read from the files that it left, to be drawn beside this one's.

use crate::error::Error;
use crate::memory;
use std::path::Path;
use validation::Method;

/// How an earlier run learnt.
pub struct Beside {
    pub policy: Method,
    pub workers: u64,
    pub points: Vec<Point>,
}

/// A row of its `metrics.csv`.
pub struct Point {
    pub time_s: f64,
    pub update: f64,
    /// NaN where it is not finite.
    pub test_loss: f64,
    pub test_accuracy: f64,
}

impl Beside {
    /// Reads `metrics.csv` and `manifest.json` in a directory.
    ///
    /// # Errors
    /// What is missing or wrong there.
    pub fn read(directory: &Path) -> Result<Beside, Error> {
        let wrong = |what: &str| {
            let directory = directory.display();
            Error::Input(format!(
                "{directory} does not hold a run to draw beside this one: {what}; give the --out directory of a train run"
            ))
        };
        let read = |name: &str| memory::read(&directory.join(name), memory::MOST_TEXT);
        let manifest = read("manifest.json");
        let manifest = manifest.map_err(|e| wrong(&format!("cannot read manifest.json: {e}")))?;
        let manifest: serde_json::Value =
            serde_json::from_slice(&manifest).map_err(|e| wrong(&format!("manifest.json is no JSON: {e}")))?;
        let argument = |name: &str| &manifest["arguments"][name];
        let policy = argument("policies").get(0).unwrap_or(argument("policy"));
        let policy = policy.as_str().and_then(|text| text.parse().ok());
        let (Some(policy), Some(workers)) = (policy, argument("workers").as_u64()) else {
            return Err(wrong("its manifest.json names no policy and workers"));
        };
        let metrics = read("metrics.csv").map_err(|e| wrong(&format!("cannot read metrics.csv: {e}")))?;
        let mut reader = csv::Reader::from_reader(&metrics[..]);
        let header = reader.headers().map_err(|e| wrong(&e.to_string()))?.clone();
        let mut points = Vec::new();
        for row in reader.records() {
            let row = row.map_err(|e| wrong(&e.to_string()))?;
            let number = |name: &str| -> Option<f64> {
                let index = header.iter().position(|column| column == name)?;
                match row.get(index)? {
                    // Of a run that diverged.
                    "" if name == "test_loss" => Some(f64::NAN),
                    cell => cell.parse().ok(),
                }
            };
            let point = (number("time_s"), number("update"), number("test_loss"), number("test_accuracy"));
            let (Some(time_s), Some(update), Some(test_loss), Some(test_accuracy)) = point else {
                return Err(wrong(&format!("line {} of metrics.csv is not one of numbers", points.len() + 2)));
            };
            points.push(Point { time_s, update, test_loss, test_accuracy });
        }
        Ok(Beside { policy, workers, points })
    }
}
