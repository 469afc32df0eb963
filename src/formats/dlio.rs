//! Output of the DLIO benchmark, `RANK_output.json`: for each epoch and block a list of seconds a step, as `proc` (loading
//! and computing) and `compute`.

use crate::formats::refusal::Refusal;
use crate::formats::units::Unit;
use crate::formats::{Column, Options, Reading, Value};
use serde_json::Value as Json;

/// Whether a document is one.
pub fn is(document: &Json) -> bool {
    epochs(document).next().is_some()
}

fn epochs(document: &Json) -> impl Iterator<Item = (u64, &Json)> {
    let mut epochs: Vec<(u64, &Json)> = document
        .as_object()
        .into_iter()
        .flatten()
        .filter_map(|(epoch, parts)| Some((epoch.parse().ok()?, parts)))
        .filter(|(_, parts)| parts.get("proc").or(parts.get("compute")).is_some_and(Json::is_object))
        .collect();
    epochs.sort_by_key(|(epoch, _)| *epoch);
    epochs.into_iter()
}

/// Reads one rank's output, all epochs and blocks one after the other.
///
/// # Errors
/// [`Refusal`] if it has no steps of the part that is asked for.
pub fn read(document: &Json, options: &Options) -> Result<Reading, Refusal> {
    let part = match &options.column {
        Some(Column::Values(name)) => name.as_str(),
        Some(Column::Differences(name)) => return Err(Refusal::no_clock(name)),
        None if epochs(document).all(|(_, parts)| parts.get("proc").is_some_and(Json::is_object)) => "proc",
        None => "compute",
    };
    let mut values = Vec::new();
    for (_, parts) in epochs(document) {
        let mut blocks: Vec<(u64, &Json)> =
            parts.get(part).and_then(Json::as_object).into_iter().flatten().map(number).collect();
        blocks.sort_by_key(|(block, _)| *block);
        for seconds in blocks.into_iter().flat_map(|(_, list)| list.as_array().into_iter().flatten()) {
            let seconds = seconds.as_f64().unwrap_or(f64::NAN);
            values.push(Value { worker: 0, step: values.len() as u64, seconds });
        }
    }
    if values.is_empty() {
        let known = "proc, compute or load";
        return Err(Refusal::new(format!("no epoch has steps under '{part}'"), format!("type --column with {known}")));
    }
    let unit = options.unit.unwrap_or(Unit::S);
    values.iter_mut().for_each(|value| value.seconds = unit.to_seconds(value.seconds));
    Ok(Reading { values, labels: vec![String::new()], named: false, column: part.to_string(), unit, notes: Vec::new() })
}

/// `block3`, with its number.
fn number<'a>((name, list): (&String, &'a Json)) -> (u64, &'a Json) {
    (name.trim_start_matches(|c: char| !c.is_ascii_digit()).parse().unwrap_or(0), list)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_come_epoch_by_epoch_and_block_by_block() {
        let text = r#"{"hostname": "a", "10": {"proc": {"block1": [5.0]}},
            "2": {"load": {"block1": [0.1, 0.1]}, "proc": {"block10": [4.0], "block2": [2.0, 3.0]}, "throughput": {"block1": 9}}}"#;
        let document: Json = serde_json::from_str(text).unwrap();
        assert!(is(&document));
        let reading = read(&document, &Options::default()).unwrap();
        assert_eq!(reading.values.iter().map(|v| v.seconds).collect::<Vec<_>>(), [2.0, 3.0, 4.0, 5.0]);
        let column = Some(Column::Values("nothing".into()));
        let refusal = read(&document, &Options { column, ..Options::default() }).unwrap_err();
        assert!(refusal.to_string().contains("type --column with proc"));
        assert!(!is(&serde_json::json!({"1": [1.0]})) && !is(&serde_json::json!([1.0])));
    }
}
