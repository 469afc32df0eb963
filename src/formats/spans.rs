//! Chrome, Perfetto and PyTorch-profiler traces: JSON events with a name, a begin and a duration in microseconds; a file a
//! rank, or a process a rank.

use crate::formats::refusal::{Refusal, clip, some_of};
use crate::formats::units::{Unit, words};
use crate::formats::{Column, Note, Options, Reading, Value};
use serde::Deserialize;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// A trace, where it is an object and not the bare list of its events.
#[derive(Deserialize)]
struct Trace<'a> {
    #[serde(borrow, rename = "traceEvents")]
    events: Vec<Event<'a>>,
    #[serde(default, rename = "distributedInfo")]
    distributed: Option<Distributed>,
}

#[derive(Deserialize)]
struct Distributed {
    rank: Option<u64>,
}

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(borrow, default)]
    name: Cow<'a, str>,
    #[serde(default)]
    ph: Cow<'a, str>,
    #[serde(default)]
    cat: Cow<'a, str>,
    #[serde(default)]
    ts: Option<f64>,
    #[serde(default)]
    dur: Option<f64>,
    #[serde(default)]
    pid: Option<Id>,
    #[serde(default)]
    tid: Option<Id>,
}

#[derive(Clone, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(untagged)]
enum Id {
    Number(i64),
    Text(String),
}

impl Id {
    fn label(&self) -> String {
        match self {
            Id::Number(n) => n.to_string(),
            Id::Text(text) => clip(text),
        }
    }
}

/// Whether a text begins as such a trace does.
pub fn is(text: &str) -> bool {
    let head: String = text.chars().take(4096).collect();
    let list_of_events = head.trim_start().starts_with('[') && head.contains("\"ph\"");
    text.contains("\"traceEvents\"") || list_of_events
}

/// A name without the number at its end: `ProfilerStep#12` is one of `ProfilerStep#`.
fn stem(name: &str) -> &str {
    name.trim_end_matches(|c: char| c.is_ascii_digit())
}

/// Spans of one kind on one process: begin and duration, µs.
type Spans = BTreeMap<Option<Id>, Vec<(f64, f64)>>;

/// The name and the begin of a span that has not ended, µs.
type Begun = (String, f64);

/// Reads the spans of one name.
///
/// # Errors
/// [`Refusal`] if the trace is broken, or no name is that of steps.
pub fn read(text: &str, options: &Options) -> Result<Reading, Refusal> {
    let broken = |e: serde_json::Error| {
        let reason = format!("is no whole trace: {}", clip(&e.to_string()));
        Refusal::new(reason, "export it again, as Chrome trace JSON").at(e.line() as u64)
    };
    let (events, rank) = match text.trim_start().starts_with('[') {
        true => (serde_json::from_str::<Vec<Event>>(text).map_err(broken)?, None),
        false => {
            let trace: Trace = serde_json::from_str(text).map_err(broken)?;
            (trace.events, trace.distributed.and_then(|info| info.rank))
        }
    };
    let mut kinds: BTreeMap<String, Spans> = BTreeMap::new();
    let mut open: BTreeMap<(Option<Id>, Option<Id>), Vec<Begun>> = BTreeMap::new();
    let mut mirrored: BTreeMap<String, Spans> = BTreeMap::new();
    for event in events {
        let (Some(ts), mut name) = (event.ts, stem(&event.name).to_string()) else { continue };
        let span = match &*event.ph {
            "X" => event.dur.map(|dur| (ts, dur)),
            "B" => {
                open.entry((event.pid.clone(), event.tid)).or_default().push((name.clone(), ts));
                None
            }
            "E" => {
                // One without a name ends what began last.
                let begun = open.get_mut(&(event.pid.clone(), event.tid)).and_then(|open| {
                    let last = open.iter().rposition(|(begun, _)| name.is_empty() || *begun == name)?;
                    Some(open.remove(last))
                });
                begun.map(|(begun, begin)| {
                    name = begun;
                    (begin, ts - begin)
                })
            }
            _ => None,
        };
        if let Some(span) = span {
            let kinds = if event.cat == "gpu_user_annotation" { &mut mirrored } else { &mut kinds };
            kinds.entry(name).or_default().entry(event.pid).or_default().push(span);
        }
    }
    // The profiler draws a span of the program once more on its device: that is no other worker's.
    for (name, spans) in mirrored {
        kinds.entry(name).or_insert(spans);
    }
    let (name, spans) = choose(kinds, options)?;
    let several = spans.len() > 1;
    let mut reading = Reading {
        values: Vec::new(),
        labels: Vec::new(),
        named: several || rank.is_some(),
        column: clip(&name),
        unit: options.unit.unwrap_or(Unit::Us),
        notes: vec![Note::Spans { name: clip(&name) }],
    };
    for (worker, (process, mut spans)) in (0..).zip(spans) {
        spans.sort_by(|a, b| a.0.total_cmp(&b.0));
        for (step, (_, duration)) in (0..).zip(spans) {
            reading.values.push(Value { worker, step, seconds: reading.unit.to_seconds(duration) });
        }
        let process = process.map_or(String::new(), |id| id.label());
        reading.labels.push(match rank {
            Some(rank) if !several => rank.to_string(),
            _ => process,
        });
    }
    Ok(reading)
}

/// The spans that were asked for, or those whose name is that of a step.
fn choose(mut kinds: BTreeMap<String, Spans>, options: &Options) -> Result<(String, Spans), Refusal> {
    let count = |spans: &Spans| spans.values().map(Vec::len).sum::<usize>();
    let mut often: Vec<(usize, String)> =
        kinds.iter().map(|(name, spans)| (count(spans), name.clone())).filter(|(count, _)| *count >= 2).collect();
    often.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
    let wanted = match &options.column {
        Some(Column::Values(name)) => stem(name).to_string(),
        Some(Column::Differences(name)) => return Err(Refusal::no_clock(name)),
        None => {
            let is_step = |name: &String| {
                let words = words(name);
                let step = ["step", "steps", "iteration", "iter", "profilerstep", "trainstep"];
                words.iter().any(|word| step.contains(&word.as_str()))
            };
            let mut steps = often.iter().filter(|(_, name)| is_step(name));
            let profiler = often.iter().find(|(_, name)| name == "ProfilerStep#");
            match (profiler, steps.next(), steps.next()) {
                (Some((_, name)), _, _) | (None, Some((_, name)), None) => name.clone(),
                (None, one, _) => {
                    let names = some_of(often.iter().map(|(_, name)| name.as_str()));
                    let reason = if one.is_none() { "no span is that of a step" } else { "several spans may be steps" };
                    return Err(Refusal::new(
                        format!("{reason} among {names}"),
                        "name the span of one step by --column NAME",
                    ));
                }
            }
        }
    };
    match kinds.remove(&wanted) {
        Some(spans) => Ok((wanted, spans)),
        None => {
            let names = some_of(often.iter().map(|(_, name)| name.as_str()));
            Err(Refusal::new(format!("no span is called '{}'", clip(&wanted)), format!("name one of {names}")))
        }
    }
}
