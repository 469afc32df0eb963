//! MLPerf logs: lines with `:::MLLOG {json}`. A step's time is printed (`tracked_stats`), or lies between a start and a stop,
//! or between two events of one name.

use crate::formats::columns::{Kind, likeness};
use crate::formats::log::rank;
use crate::formats::refusal::{Refusal, some_of};
use crate::formats::units::Unit;
use crate::formats::{Column, Note, Options, Reading, Value};
use serde_json::Value as Json;
use std::collections::BTreeMap;

const MARK: &str = ":::MLLOG";

/// Whether any line is one of such a log.
pub fn is(text: &str) -> bool {
    text.contains(MARK)
}

/// Times in seconds under one name, by rank.
type Times = BTreeMap<Option<u64>, Vec<f64>>;

/// Reads the times that the log holds, of the finest part that occurs at least twice: step, block, epoch.
///
/// # Errors
/// [`Refusal`] if there are none.
pub fn read(text: &str, options: &Options) -> Result<Reading, Refusal> {
    let mut printed: BTreeMap<String, (Option<Unit>, Times)> = BTreeMap::new();
    let mut intervals: BTreeMap<String, Times> = BTreeMap::new();
    let mut events: BTreeMap<String, Times> = BTreeMap::new();
    let mut open: BTreeMap<(Option<u64>, String), f64> = BTreeMap::new();
    let mut broken = 0u64;
    for line in text.lines() {
        let Some(at) = line.find(MARK) else { continue };
        let Ok(event) = serde_json::from_str::<Json>(line[at + MARK.len()..].trim()) else {
            broken += 1;
            continue;
        };
        let (Some(key), Some(ms)) = (event["key"].as_str(), event["time_ms"].as_f64()) else { continue };
        let worker = event["metadata"]["rank"].as_u64().or_else(|| rank(&line[..at]));
        let part = |ends: [&str; 2]| ends.into_iter().find_map(|end| key.strip_suffix(end));
        if let Some(part) = part(["_start", "_begin"]) {
            open.insert((worker, part.to_string()), ms);
        } else if let Some(part) = part(["_stop", "_end"]) {
            if let Some(begin) = open.remove(&(worker, part.to_string())) {
                intervals.entry(part.to_string()).or_default().entry(worker).or_default().push((ms - begin) / 1e3);
            }
        } else {
            events.entry(key.to_string()).or_default().entry(worker).or_default().push(ms / 1e3);
        }
        numbers(key, &event["value"], &mut |name, number| {
            let times = printed.entry(name.to_string()).or_insert_with(|| (Unit::of_name(name), Times::new()));
            times.1.entry(worker).or_default().push(number);
        });
    }
    let often = |times: &Times| times.values().map(Vec::len).sum::<usize>() >= 2;
    let mut notes = Vec::new();
    if broken > 0 {
        notes.push(Note::BrokenLines { lines: broken });
    }
    let wanted = options.column.as_ref().map(|(Column::Values(name) | Column::Differences(name))| name.as_str());
    let by_name = |name: &String| wanted.map_or(likeness(name) >= 60, |wanted| wanted == name);
    if let Some((name, (unit, times))) =
        printed.iter().filter(|(name, (_, times))| by_name(name) && often(times)).max_by_key(|(name, _)| likeness(name))
    {
        let unit = options.unit.or(*unit).unwrap_or_else(|| {
            notes.push(Note::UnitAssumed { column: format!("'{name}'") });
            Unit::S
        });
        let shown = || times.iter().flat_map(|(worker, times)| times.iter().map(move |time| (worker, *time)));
        let is_clock = || likeness(name) < 90 && Kind::of_each(shown()) == Kind::Cumulative;
        if matches!(options.column, Some(Column::Differences(_))) || (wanted.is_none() && is_clock()) {
            notes.push(Note::Differences { column: name.clone() });
            return Ok(reading(name, unit, &gaps(times), |number| unit.to_seconds(number), notes));
        }
        return Ok(reading(name, unit, times, |number| unit.to_seconds(number), notes));
    }
    // An evaluation, or the whole run, is no step.
    let fine = |name: &str| match () {
        () if wanted == Some(name) => 9,
        () if wanted.is_some() => 0,
        () if ["eval", "run", "init", "staged"].iter().any(|other| name.contains(other)) => 0,
        () if name.contains("step") || name.contains("iter") => 4,
        () if name.contains("block") => 3,
        () if name.contains("epoch") => 2,
        () => 1,
    };
    let candidates = intervals.iter().filter(|(name, times)| fine(name) > 0 && often(times));
    if let Some((name, times)) =
        candidates.max_by_key(|(name, times)| (fine(name), times.values().map(Vec::len).sum::<usize>()))
    {
        notes.push(Note::Spans { name: name.clone() });
        return Ok(reading(name, Unit::Ms, times, |s| s, notes));
    }
    let clocks = events.iter().map(|(name, times)| (name, gaps(times))).filter(|(_, gaps)| often(gaps));
    let (one, several): (Vec<_>, Vec<_>) =
        clocks.partition(|(name, _)| wanted == Some(name.as_str()) || wanted.is_none());
    let longest = one.into_iter().max_by_key(|(_, gaps)| gaps.values().map(Vec::len).sum::<usize>());
    let Some((name, gaps)) = longest else {
        let known = printed.keys().chain(intervals.keys()).chain(several.iter().map(|(name, _)| *name));
        let known = some_of(known.map(String::as_str));
        return Err(Refusal::new(
            "no part of a run is there twice",
            format!("name one by --column NAME; the log has {known}"),
        ));
    };
    notes.push(Note::Differences { column: name.clone() });
    Ok(reading(name, Unit::Ms, &gaps, |s| s, notes))
}

/// The times between a worker's, one after the other.
fn gaps(times: &Times) -> Times {
    times.iter().map(|(&worker, at)| (worker, at.windows(2).map(|pair| pair[1] - pair[0]).collect())).collect()
}

/// All numbers in a value, with their names.
fn numbers(name: &str, value: &Json, found: &mut impl FnMut(&str, f64)) {
    match value {
        Json::Number(number) => found(name, number.as_f64().unwrap_or(f64::NAN)),
        Json::Object(fields) => fields.iter().for_each(|(field, value)| numbers(field, value, found)),
        _ => {}
    }
}

fn reading(name: &str, unit: Unit, times: &Times, seconds: impl Fn(f64) -> f64, notes: Vec<Note>) -> Reading {
    let mut values = Vec::new();
    for (worker, numbers) in (0..).zip(times.values()) {
        values.extend((0..).zip(numbers).map(|(step, &number)| Value { worker, step, seconds: seconds(number) }));
    }
    let labels = times.keys().map(|rank| rank.map_or(String::new(), |rank| rank.to_string())).collect();
    let named = times.keys().all(Option::is_some);
    Reading { values, labels, named, column: name.to_string(), unit, notes }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(time_ms: u64, key: &str, value: &str, metadata: &str) -> String {
        format!(
            ":::MLLOG {{\"namespace\": \"\", \"time_ms\": {time_ms}, \"event_type\": \"X\", \"key\": \"{key}\", \"value\": {value}, \"metadata\": {metadata}}}\n"
        )
    }

    fn seconds(text: &str) -> (Vec<f64>, String) {
        let reading = read(text, &Options::default()).unwrap_or_else(|e| panic!("{text}: {e}"));
        (reading.values.iter().map(|v| v.seconds).collect(), reading.column)
    }

    #[test]
    fn printed_times_then_intervals_then_events() {
        let run = line(0, "run_start", "null", "{}");
        let stats: String = (1..=3)
            .map(|i| line(1000 * i, "tracked_stats", "{\"throughput\": 9.0, \"train_step_time\": 0.25}", "{}"))
            .collect();
        assert_eq!(seconds(&(run.clone() + &stats)), (vec![0.25; 3], "train_step_time".to_string()));
        let epoch = |i: u64, at: u64, took: u64| {
            line(at, "epoch_start", "null", &format!("{{\"epoch_num\": {i}}}"))
                + &line(at + took, "epoch_stop", "null", "{}")
        };
        let epochs = epoch(1, 10, 2000) + &epoch(2, 3000, 1500);
        assert_eq!(seconds(&(run.clone() + &epochs)), (vec![2.0, 1.5], "epoch".to_string()));
        let losses: String =
            [0, 400, 900].into_iter().map(|at| line(at, "train_loss", "3.5", "{\"step_num\": 1}")).collect();
        assert_eq!(seconds(&(run + &losses)), (vec![0.4, 0.5], "train_loss".to_string()));
    }

    #[test]
    fn ranks_stand_before_the_line_or_in_its_metadata() {
        let of = |rank: u64, i: u64| {
            format!("{rank}: {}", line(1000 * i, "tracked_stats", "{\"step_time_ms\": 250.0}", "{}"))
        };
        let text: String = (0..4).map(|i| of(i % 2, i)).collect();
        let reading = read(&text, &Options::default()).unwrap();
        assert_eq!((reading.labels, reading.values[0].seconds), (vec!["0".to_string(), "1".into()], 0.25));
        assert!(read(&line(0, "seed", "3", "{}"), &Options::default()).is_err());
        let cut = text + ":::MLLOG {\"namespace\": \"\", \"time";
        assert_eq!(read(&cut, &Options::default()).unwrap().notes, [Note::BrokenLines { lines: 1 }]);
    }
}
