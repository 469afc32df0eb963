//! What stands around the steps, as options: links, failures, contention; each named as in `straggle simulate`.

use sim::cluster::comm::Communication;
use sim::{ClusterSpec, Failures, units};

/// The options that only make sense together, until all of them are read.
#[derive(Debug, Default)]
pub(crate) struct Around {
    given: Vec<(&'static str, String)>,
}

const NAMES: [&str; 11] = [
    "comm",
    "payload",
    "latency",
    "bandwidth",
    "group-bandwidth",
    "overlap",
    "mtbf",
    "restart",
    "checkpoint",
    "checkpoint-cost",
    "contention",
];

impl Around {
    /// Takes an option; whether it is one of these.
    pub(crate) fn take(&mut self, name: &str, value: &str) -> bool {
        let known = NAMES.into_iter().find(|known| *known == name);
        self.given.extend(known.map(|known| (known, value.to_string())));
        known.is_some()
    }

    fn value<T>(&self, name: &str, read: impl Fn(&str) -> Result<T, String>) -> Result<Option<T>, String> {
        self.given.iter().rev().find(|given| given.0 == name).map(|given| read(&given.1)).transpose()
    }

    /// The cluster with all of it.
    pub(crate) fn onto(&self, mut spec: ClusterSpec) -> Result<ClusterSpec, String> {
        let or_zero = |value: Option<f64>| value.unwrap_or(0.0);
        if let Some(scheme) = self.value("comm", str::parse)? {
            let (payload, rate) = (self.value("payload", units::bytes)?, self.value("bandwidth", units::bytes_per_s)?);
            let latency = self.value("latency", units::seconds)?;
            let (payload, bandwidth) = match (payload, rate) {
                (Some(payload), Some(rate)) => (payload, rate),
                // Nothing depends on how fast no bytes travel.
                (None, None) if latency.is_some() => (0.0, 1e9),
                _ => return Err("--comm needs --payload and --bandwidth, or --latency alone".into()),
            };
            let overlap = or_zero(self.value("overlap", units::share)?);
            let mut links = Communication::new(scheme, payload, or_zero(latency), bandwidth, overlap)?;
            if let Some(inside) = self.value("group-bandwidth", units::bytes_per_s)? {
                links = links.with_group_bandwidth(inside)?;
            }
            spec = spec.with_communication(links);
        }
        if let Some(mtbf) = self.value("mtbf", units::seconds)? {
            let cost = or_zero(self.value("checkpoint-cost", units::seconds)?);
            let checkpoint = self.value("checkpoint", units::seconds)?.map(|interval| (interval, cost));
            let restart = or_zero(self.value("restart", units::seconds)?);
            let failures = Failures::new(mtbf, restart, checkpoint).map_err(|error| error.to_string())?;
            spec = spec.with_failures(failures);
        }
        let factors = |text: &str| {
            let factor = |one: &str| one.trim().parse::<f64>().map_err(|_| format!("'{one}' is no factor"));
            text.split(',').map(factor).collect::<Result<Vec<f64>, String>>()
        };
        match self.value("contention", factors)? {
            Some(factors) => spec.with_contention(factors).map_err(|error| error.to_string()),
            None => Ok(spec),
        }
    }
}
