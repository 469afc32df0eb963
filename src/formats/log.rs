//! Logs of training programs: lines that name a time and print it (`time 103.46ms`, `elapsed time per iteration (ms): 412.5`,
//! `iter time (s): 1.23`, `3.33s/it`), with a rank before them or in them, or none.

use crate::formats::columns::{Kind, likeness};
use crate::formats::derived::differences;
use crate::formats::number::{Form, number};
use crate::formats::refusal::{Refusal, clip, some_of};
use crate::formats::units::Unit;
use crate::formats::{Column, Note, Options, Reading, Value};
use regex::Regex;
use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

/// A label, perhaps a unit in parentheses, a number, perhaps a unit, perhaps per what.
static PAIR: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r#"(?ix) (?P<label> [a-z] [a-z\ _\-/]{0,48}? ) ['"]? \s* (?: [\(\[] \s* (?P<unit_before> m?s|sec|seconds|us|µs|ms|min ) \s* [\)\]] )?
        \s* [:=]? \s* \(? (?P<number> [0-9]+ (?: [.,][0-9]+ )* (?: e[-+]?[0-9]+ )? ) \s*
        (?P<unit> milliseconds | seconds | msec | secs | sec | ms | us | µs | ns | s )? \b (?P<rest> /\s*[a-z]+ )? "#,
    )
});
/// `465.29 ms/it`, without a label.
static PER_STEP: LazyLock<Regex> = LazyLock::new(|| {
    regex(r"(?i)(?P<number>[0-9]+(?:\.[0-9]+)?)\s*(?P<unit>ms|s|us|sec)\s*/\s*(?P<rest>it|iter|iteration|step|batch)\b")
});
/// `8.1it/s`, of which a step takes the inverse.
static PER_SECOND: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"(?i)(?P<number>[0-9]+(?:\.[0-9]+)?)\s*(?P<what>it|iter|iters|iterations|steps?|batch|batches)\s*/\s*s(?:ec|econd)?\b",
    )
});
/// What a launcher writes before each line: `3: `, `[3]: `, `[rank3]:`, `[default3]:`, `node-3: `, `[1,3]<stdout>: `.
static PREFIX: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"(?ix)^\s*(?: \[?\s*(?P<a>[0-9]+)\s*\]?\s*:\s | \[\s*[a-z]+[\ _\-:]?(?P<c>[0-9]+)\s*\]\s*: |
            (?:rank|worker|gpu|node|host|trainer|process|proc|replica)[\ _\-:]?(?P<d>[0-9]+)\s*[:|>]\s | \[[0-9]+,(?P<b>[0-9]+)\]<std )",
    )
});
static RANK: LazyLock<Regex> =
    LazyLock::new(|| regex(r"(?i)\b(?:global[_ ]?)?(?:rank|worker)\s*[:=#]?\s*(?P<rank>[0-9]+)\b"));
static STEP: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"(?i)(?:\b(?:global_step|iteration|iter|step|steps|batch|it)\s*[:=#]?\s*\[?\s*)(?P<step>[0-9]+)\b|\[\s*(?P<of>[0-9]+)\s*/",
    )
});

fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).expect("a pattern that a test compiles")
}

/// The longest line that is looked at, in bytes.
const LONGEST_LINE: usize = 1 << 14;

/// A time that a line prints.
struct Found<'a> {
    label: String,
    number: f64,
    unit: Option<Unit>,
    line: &'a str,
    number_of_line: u64,
    /// Whether steps a second were printed.
    is_rate: bool,
}

/// Whether most of these lines print a time beside its name.
pub fn is(text: &str) -> bool {
    let lines: Vec<&str> =
        text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')).take(200).collect();
    let with_time = lines.iter().filter(|line| !found(line, 0).is_empty()).count();
    with_time >= 2 && with_time * 2 >= lines.len()
}

/// Whether some lines do.
pub fn has_times(text: &str) -> bool {
    text.lines().filter(|line| !found(line, 0).is_empty()).nth(1).is_some()
}

fn found(line: &str, number_of_line: u64) -> Vec<Found<'_>> {
    if line.len() > LONGEST_LINE {
        return Vec::new();
    }
    // 1,214 may be either: of such a line nothing is read.
    let parse = |text: &str| match number(text)? {
        (_, Form::EitherComma) => Some(f64::NAN),
        (number, _) => Some(number),
    };
    let mut all = Vec::new();
    for pair in PAIR.captures_iter(line) {
        let of_line = pair["label"].to_lowercase();
        let words: Vec<&str> = of_line.split_whitespace().collect();
        let label = words[words.len().saturating_sub(6)..].join(" ");
        let unit = ["unit", "unit_before"]
            .into_iter()
            .find_map(|name| pair.name(name))
            .and_then(|m| Unit::of_word(m.as_str()));
        let rest = pair.name("rest").map_or("", |m| m.as_str());
        let in_words = format!("{label}{}", unit.map_or(String::new(), |unit| format!(" {unit}")));
        let timely = likeness(&label) > 0
            || (label.ends_with(" in") || label == "in" || label.ends_with("took")) && unit.is_some();
        // 12 s/epoch is no step, and 10 it/s no time.
        let per_step = rest.is_empty() || likeness(&format!("time{rest}")) >= 90;
        // 10:00:00 is a time of day.
        let end = pair.get(0).map_or(0, |whole| whole.end());
        let of_day = line[end..].strip_prefix(':').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
        if let Some(number) = parse(&pair["number"])
            && !of_day
            && timely
            && per_step
            && likeness(&in_words).max(60) > 40
        {
            all.push(Found { label, number, unit, line, number_of_line, is_rate: false });
        }
    }
    for pair in PER_STEP.captures_iter(line) {
        if let Some(number) = parse(&pair["number"]) {
            let label = format!("time per {}", pair["rest"].to_lowercase());
            all.push(Found { label, number, unit: Unit::of_word(&pair["unit"]), line, number_of_line, is_rate: false });
        }
    }
    // A rate is what is left where a line prints no time: progress bars turn s/it into it/s where that is more than one.
    if all.is_empty() {
        for pair in PER_SECOND.captures_iter(line) {
            if let Some(number) = parse(&pair["number"]).filter(|rate| *rate > 0.0) {
                let what = pair["what"].to_lowercase();
                let label = format!(
                    "time per {}",
                    if what.starts_with("it") { "it" } else { what.trim_end_matches(['s', 'e']) }
                );
                all.push(Found {
                    label,
                    number: 1.0 / number,
                    unit: Some(Unit::S),
                    line,
                    number_of_line,
                    is_rate: true,
                });
            }
        }
    }
    all
}

/// The rank whose line it is.
pub fn rank(line: &str) -> Option<u64> {
    let before =
        PREFIX.captures(line).and_then(|found| ["a", "b", "c", "d"].into_iter().find_map(|name| found.name(name)));
    let inside = || RANK.captures(line).and_then(|found| found.name("rank"));
    before.or_else(inside)?.as_str().parse().ok()
}

fn step(line: &str) -> Option<u64> {
    let found = STEP.captures(line)?;
    found.name("step").or(found.name("of"))?.as_str().parse().ok()
}

/// Reads the times that the lines print under the likeliest name, or under the one that was asked for.
///
/// # Errors
/// [`Refusal`] if there are none.
pub fn read(text: &str, options: &Options) -> Result<Reading, Refusal> {
    let all: Vec<Found> = (1..).zip(text.lines()).flat_map(|(number, line)| found(line, number)).collect();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    all.iter().for_each(|found| *counts.entry(&found.label).or_default() += 1);
    let most = counts.values().copied().max().unwrap_or(0);
    let known = || some_of(counts.keys().copied());
    let ranks_of = |lines: &[&Found]| -> (Vec<Option<u64>>, Vec<Option<u64>>) {
        let ranks: Vec<Option<u64>> = lines.iter().map(|found| rank(found.line)).collect();
        let mut distinct = ranks.clone();
        distinct.sort();
        distinct.dedup();
        // Numbers of which each stands on one line are not ranks but count the lines.
        match distinct.len() == lines.len() || distinct.contains(&None) {
            true => (vec![None; lines.len()], vec![None]),
            false => (ranks, distinct),
        }
    };
    let lines_of = |label: &str| -> Vec<&Found> {
        let mut lines: Vec<&Found> = all.iter().filter(|found| found.label == label).collect();
        lines.dedup_by_key(|found| found.number_of_line);
        lines
    };
    // What goes on growing, line by line, and is not said to be a step's.
    let is_clock = |label: &str| {
        let lines = lines_of(label);
        let seconds = |found: &Found| found.unit.unwrap_or(Unit::S).to_seconds(found.number);
        let kind = Kind::of_each(ranks_of(&lines).0.into_iter().zip(lines.iter().map(|found| seconds(found))));
        let grows = match kind {
            Kind::Cumulative => true,
            Kind::Counter | Kind::Equidistant => lines.len() >= 5,
            Kind::Empty | Kind::Text | Kind::Constant | Kind::Varying | Kind::Signed => false,
        };
        grows && likeness(label) < 90
    };
    let mut notes = Vec::new();
    let (label, clock) = match &options.column {
        Some(column @ (Column::Values(name) | Column::Differences(name))) => {
            let name = name.to_lowercase();
            if !counts.contains_key(name.as_str()) {
                return Err(Refusal::new(
                    format!("no line prints a '{name}'"),
                    format!("what lines print is: {}", known()),
                ));
            }
            let differences = matches!(column, Column::Differences(_));
            if !differences && is_clock(&name) {
                notes.push(Note::Suspicious { column: clip(&name), what: Kind::CLOCK });
            }
            (name, differences)
        }
        // What is printed now and then (an evaluation's time) is no step's.
        None => {
            let often = counts.iter().filter(|(_, count)| **count * 2 >= most);
            let likeliest = often.map(|(label, count)| (!is_clock(label), likeness(label), *count, *label)).max();
            let Some((is_time, _, _, label)) = likeliest else {
                let advice = "lines like 'step 7: time 135.42 ms' are, and so is a CSV file with a header";
                return Err(Refusal::new("no line prints a step's time and its name", advice));
            };
            (label.to_string(), !is_time)
        }
    };
    if clock {
        notes.push(Note::Differences { column: clip(&label) });
    }
    let lines = lines_of(&label);
    if let Some(found) = lines.iter().find(|found| found.number.is_nan()) {
        let reason = format!("the '{label}' of this line may be a thousand times as long");
        let advice = "write a point for the decimal sign, and nothing between thousands";
        return Err(Refusal::new(reason, advice).at(found.number_of_line));
    }
    let unit = match options.unit.or(lines.iter().find_map(|found| found.unit)) {
        Some(unit) => unit,
        None => {
            notes.push(Note::UnitAssumed { column: format!("'{label}'") });
            Unit::S
        }
    };
    if lines.iter().any(|found| found.is_rate) {
        notes.push(Note::Rates);
    }
    let (ranks, distinct) = ranks_of(&lines);
    let worker = |rank: &Option<u64>| distinct.binary_search(rank).expect("one of them") as u32;
    let mut next: HashMap<u32, u64> = HashMap::new();
    let mut last_step: HashMap<u32, u64> = HashMap::new();
    let (mut rising, mut every) = (true, Vec::new());
    let own: Vec<Option<u64>> = lines.iter().map(|found| step(found.line)).collect();
    for (rank, own) in ranks.iter().zip(&own) {
        let before = own.and_then(|own| last_step.insert(worker(rank), own));
        rising &= own.is_some() && before.is_none_or(|before| Some(before) < *own);
        every.extend(before.zip(*own).and_then(|(before, own)| own.checked_sub(before)));
    }
    every.sort_unstable();
    if let Some(&every) = every.get(every.len() / 2).filter(|&&every| every > 1 && rising && !clock) {
        notes.push(Note::Averaged { every });
    }
    let values = lines.iter().zip(&ranks).zip(own).map(|((found, rank), own)| {
        let worker = worker(rank);
        let count = next.entry(worker).or_default();
        *count += 1;
        let step = own.filter(|_| rising).unwrap_or(*count - 1);
        Value {
            worker,
            step,
            seconds: found.unit.filter(|_| options.unit.is_none()).unwrap_or(unit).to_seconds(found.number),
        }
    });
    let mut values = values.collect();
    if clock {
        values = differences(values, rising);
    }
    let labels = distinct.iter().map(|rank| rank.map_or(String::new(), |rank| rank.to_string())).collect();
    Ok(Reading { values, labels, named: distinct != [None], column: label, unit, notes })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(text: &str) -> (Vec<f64>, String) {
        let reading = read(text, &Options::default()).unwrap_or_else(|e| panic!("{text}: {e}"));
        (reading.values.iter().map(|v| v.seconds).collect(), reading.column)
    }

    #[test]
    fn lines_of_training_programs() {
        for (line, column, s) in [
            ("iter STEP: loss 3.0000, time 103.46ms, mfu 30.00%", "time", 0.10346),
            (
                " iteration       STEP/    1000 | consumed samples:          160 | elapsed time per iteration (ms): 1147.6 | learning rate: 0.000000E+00 |",
                "elapsed time per iteration",
                1.1476,
            ),
            (
                "[2024-05-01 10:00:00,123] [INFO] [logging.py:96:log_dist] steps: STEP loss: 8.1 iter time (s): 1.234 samples/sec: 12.9",
                "iter time",
                1.234,
            ),
            (
                "Epoch: [0]  [  STEP/5005]  eta: 0:52  lr: 0.1  loss: 6.9 (6.9)  time: 0.3456  data: 0.01  max mem: 123",
                "time",
                0.3456,
            ),
            (" 12%|#2        | STEP/1000 [00:30<04:30,  3.33s/it]", "time per it", 3.33),
            ("STEP/100 - 12s 35ms/step - loss: 0.5", "time per step", 0.035),
            ("step STEP {'loss': 2.3, 'step_time': 0.25, 'lr': 0.1}", "step_time", 0.25),
            ("Finished training it STEP/150 of epoch 0, 465.29 ms/it, loss 0.462829", "time per it", 0.46529),
        ] {
            let text: String = (1..=4).map(|step| line.replace("STEP", &step.to_string()) + "\n").collect();
            assert!(has_times(&text), "{line}");
            let (times, label) = seconds(&text);
            assert!(
                times.len() == 4 && times.iter().all(|t| (t / s - 1.0).abs() < 1e-12) && label == column,
                "{line}: {times:?} {label}"
            );
        }
    }

    #[test]
    fn a_clock_is_told_from_times() {
        let seconds = |text: &str, column: Option<&str>| {
            let column = column.map(|column| column.parse().unwrap());
            let reading = read(text, &Options { column, ..Options::default() }).unwrap();
            let times: Vec<f64> = reading.values.iter().map(|v| (1e3 * v.seconds).round() / 1e3).collect();
            (times, reading.notes)
        };
        let shown = [12.3, 24.7, 36.8, 49.1, 61.0, 73.4];
        let text: String = (1..).zip(shown).map(|(step, s)| format!("step {step} elapsed {s}s\n")).collect();
        let differences = [12.4, 12.1, 12.3, 11.9, 12.4].to_vec();
        let note = Note::Differences { column: "elapsed".into() };
        assert_eq!(seconds(&text, None), (differences.clone(), vec![note.clone()]));
        assert_eq!(seconds(&text, Some("diff:elapsed")), (differences, vec![note]));
        let (as_it_is, notes) = seconds(&text, Some("elapsed"));
        assert_eq!(as_it_is, shown);
        assert!(matches!(notes[..], [Note::Suspicious { .. }]));
        // Where a time stands beside it, that is read; each fifth step of a clock is five steps.
        let both = text.replace("elapsed", "took 0.5s elapsed");
        assert_eq!(seconds(&both, None), (vec![0.5; 6], vec![]));
        let fifth: String = (1..).zip(shown).map(|(step, s)| format!("step {} elapsed {s}s\n", 5 * step)).collect();
        assert_eq!(seconds(&fifth, None).0, [2.48, 2.42, 2.46, 2.38, 2.48]);
    }

    #[test]
    fn a_progress_bar_prints_seconds_or_their_inverse() {
        let text = "  1%| | 1/100 [00:01<01:50,  1.25s/it]\n  2%| | 2/100 [00:02<01:40,  1.25it/s]\n  3%| | 3/100 [00:02<01:40,  2.00it/s]\n";
        let reading = read(text, &Options::default()).unwrap();
        assert_eq!(reading.values.iter().map(|v| v.seconds).collect::<Vec<_>>(), [1.25, 0.8, 0.5]);
        assert_eq!((reading.column.as_str(), &reading.notes[..]), ("time per it", &[Note::Rates][..]));
        // Where a time is printed, it is not the rate that is read.
        assert_eq!(
            seconds("step 1 time 100ms 9.1it/s\nstep 2 time 120ms 8.9it/s\n"),
            (vec![0.1, 0.12], "time".to_string())
        );
    }

    #[test]
    fn ranks_before_the_line_or_in_it_are_workers_and_numbers_of_lines_are_not() {
        for (zero, three) in [
            ("0: iter 1 time 1.0ms", "3: iter 1 time 2.0ms"),
            ("[0]: iter 1 time 1.0ms", "[3]: iter 1 time 2.0ms"),
            ("[rank0]: step 1 time 1.0ms", "[rank3]: step 1 time 2.0ms"),
            ("[1,0]<stdout>: step 1 time 1.0ms", "[1,3]<stdout>: step 1 time 2.0ms"),
            ("[default0]:step 1 time 1.0ms", "[default3]:step 1 time 2.0ms"),
            ("node-0: step 1 time 1.0ms", "node-3: step 1 time 2.0ms"),
            ("INFO rank=0 step 1 time 1.0ms", "INFO rank=3 step 1 time 2.0ms"),
        ] {
            let second = |line: &str| line.replace("iter 1", "iter 2").replace("step 1", "step 2");
            let text = format!("{zero}\n{three}\n{}\n{}\n", second(zero), second(three));
            let reading = read(&text, &Options::default()).unwrap();
            assert_eq!(reading.labels, ["0", "3"], "{zero}");
            let steps: Vec<(u32, u64)> = reading.values.iter().map(|v| (v.worker, v.step)).collect();
            assert_eq!(steps, [(0, 1), (1, 1), (0, 2), (1, 2)], "{zero}");
        }
        let numbered = "1: time 5ms\n2: time 6ms\n3: time 7ms\n";
        assert_eq!(read(numbered, &Options::default()).unwrap().labels, [""]);
    }

    #[test]
    fn times_printed_now_and_then_are_said_to_be_means() {
        let text: String =
            (1..=5).map(|i| format!("iteration {}/ 99 | elapsed time per iteration (ms): 400.5\n", 10 * i)).collect();
        assert_eq!(read(&text, &Options::default()).unwrap().notes, [Note::Averaged { every: 10 }]);
        assert!(read("no times here\n", &Options::default()).is_err());
        assert!(!has_times("loss 3.0, lr 0.1, accuracy 98.2\n") && !has_times("10 samples/s\n"));
    }
}
