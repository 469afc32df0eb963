//! A simulated cluster in words: what there is beyond the step times, part by part.

use crate::text::digits;
use sim::{Cancellation, ClusterSpec, Law};

/// Speeds, or factors, that are listed one by one.
const LISTED: usize = 12;

/// The parts of a cluster, in the order of a task's route; those that are as simple as can be are left out.
pub fn parts(spec: &ClusterSpec) -> Vec<String> {
    let mut parts = Vec::new();
    match spec.delays() {
        [] => {}
        [delay] => parts.push(format!("delay {delay} s")),
        delays => {
            let means: Vec<f64> = delays.iter().map(Law::mean).collect();
            parts.push(format!("delays of {} workers, mean {} s", delays.len(), span(&means)));
        }
    }
    parts.extend(spec.service().map(|service| format!("server time {service} s")));
    parts.extend(spec.cores().map(|cores| format!("cores shared: {cores}")));
    if spec.speeds() != [1.0] {
        parts.push(format!("speeds {}", list(spec.speeds())));
    }
    parts.extend(spec.common_factor().map(|factor| format!("common factor {factor}")));
    if let Some(fixed_s) = spec.global_batch() {
        let fixed = if fixed_s > 0.0 { format!(", and {} s besides", digits(fixed_s, 3)) } else { String::new() };
        parts.push(format!("the batch of a step is shared by the workers{fixed}"));
    }
    if !spec.contention().is_empty() {
        parts.push(format!("contention {}", list(spec.contention())));
    }
    parts.extend(spec.communication().map(|communication| format!("communication {communication}")));
    parts.extend(spec.failures().map(ToString::to_string));
    match spec.cancellation() {
        Cancellation::AtOnce => {}
        Cancellation::AfterStep => parts.push("cancelled workers finish their step".to_string()),
        Cancellation::Never => parts.push("nobody is cancelled, what comes late is dropped".to_string()),
    }
    parts
}

fn list(values: &[f64]) -> String {
    match values.len() <= LISTED {
        true => values.iter().map(f64::to_string).collect::<Vec<_>>().join(","),
        false => format!("of {} workers, {}", values.len(), span(values)),
    }
}

fn span(values: &[f64]) -> String {
    let (low, high) = values.iter().fold((f64::INFINITY, 0.0f64), |(low, high), v| (low.min(*v), high.max(*v)));
    format!("{} to {}", digits(low, 3), digits(high, 3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_cluster_has_no_parts_and_others_say_what_they_have() {
        let spec = ClusterSpec::new("exp(2)".parse().unwrap());
        assert!(parts(&spec).is_empty());
        let many = spec.clone().with_speeds((1..=100).map(f64::from).collect()).unwrap();
        assert_eq!(parts(&many), ["speeds of 100 workers, 1.00 to 100"]);
        let busy = spec.with_contention(vec![1.0, 1.2]).unwrap().with_cancellation(Cancellation::Never);
        assert_eq!(parts(&busy), ["contention 1,1.2", "nobody is cancelled, what comes late is dropped"]);
    }
}
