//! Published tables, and what follows from them.

use serde::Deserialize;
use validation::Method;

/// A published run.
#[derive(Clone, Debug, Deserialize)]
pub struct Published {
    /// Its name in the source.
    pub series: String,
    /// What it is called here.
    #[serde(deserialize_with = "method")]
    pub method: Method,
    /// Workers.
    pub workers: u32,
    /// Images to learn from.
    pub samples: usize,
    /// Seconds, as published.
    pub time_s: f64,
    /// In per cent.
    pub test_accuracy: Option<f64>,
    /// Cross-entropy.
    pub test_loss: Option<f64>,
    /// In the last epoch, mean over the workers.
    pub train_loss: Option<f64>,
    /// In per cent, in the last epoch, mean over the workers.
    pub train_accuracy: Option<f64>,
}

fn method<'de, D: serde::Deserializer<'de>>(text: D) -> Result<Method, D::Error> {
    String::deserialize(text)?.parse().map_err(serde::de::Error::custom)
}

/// The rows of a table.
pub fn rows(csv: &str) -> Vec<Published> {
    let rows = csv::Reader::from_reader(csv.as_bytes()).into_deserialize();
    rows.map(|row| row.expect("the tables in the program are whole: a test reads them")).collect()
}

/// Time of one worker over time of each row's workers, from the `time` of a row.
pub fn speedup(row: &Published, all: &[Published], time: impl Fn(&Published) -> f64) -> f64 {
    let alone = |other: &&Published| (&other.series, other.samples, other.workers) == (&row.series, row.samples, 1);
    let alone = all.iter().find(alone).expect("every table has one worker: a test makes sure");
    time(alone) / time(row)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_whole() {
        for (table, count) in [
            (include_str!("published/e1.csv"), 10),
            (include_str!("published/e2.csv"), 5),
            (include_str!("published/e3.csv"), 5),
            (include_str!("published/e4.csv"), 12),
        ] {
            let rows = rows(table);
            assert_eq!(rows.len(), count);
            for row in &rows {
                let speedup = speedup(row, &rows, |row| row.time_s);
                assert!(speedup > 0.0 && (row.workers > 1 || speedup == 1.0), "{row:?}");
            }
        }
    }

    #[test]
    fn speedups_are_computed() {
        let rows = rows(include_str!("published/e3.csv"));
        assert!((speedup(&rows[1], &rows, |row| row.time_s) - 303.7632 / 257.5364).abs() < 1e-12);
    }
}
