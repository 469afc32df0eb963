//! Measured configurations: a table whose rows are runs on several numbers of workers, or over several links, with a column of
//! communication; or the steps of such runs.

mod roles;

use super::{Input, Note, Options, json, sheet, source};
use crate::formats::refusal::{Refusal, clip, some_of};
use crate::formats::sheet::{Cell, Sheet};
use crate::formats::units::{Unit, words};
use crate::manifest;
use roles::{MOST_VALUES, Roles, distinct};
use sim::predict::scaling::Configuration;

/// Runs, and how they were read.
#[derive(Debug)]
pub struct Configurations {
    /// The runs, job by job: those that are alike in all that is no part of a configuration.
    pub jobs: Vec<Job>,
    /// SHA-256 of each file.
    pub files: Vec<manifest::File>,
    /// What holds the times of steps and of communication.
    pub columns: [String; 2],
    /// What a reader should know.
    pub notes: Vec<Note>,
}

/// Names of columns, and what stands in them.
type Labels = Vec<(String, String)>;

/// Runs of one job.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// What tells it from the others.
    pub labels: Labels,
    /// Its runs, in the order of the lines.
    pub runs: Vec<Configuration>,
}

impl Configurations {
    /// The runs of the only job.
    ///
    /// # Errors
    /// If there are several, with what chooses one.
    pub fn only(&self) -> Result<&[Configuration], Refusal> {
        if let [job] = &self.jobs[..] {
            return Ok(&job.runs);
        }
        let values = |place: usize| {
            let mut values: Vec<&str> = Vec::new();
            for job in &self.jobs {
                let value = job.labels.get(place).map_or("", |(_, value)| value.as_str());
                if !values.contains(&value) {
                    values.push(value);
                }
            }
            values
        };
        let labels = self.jobs.first().map_or(&[][..], |job| &job.labels);
        let differs = (0..labels.len()).find(|&place| values(place).len() > 1).unwrap_or(0);
        let (name, values) = (labels.get(differs).map_or("", |(name, _)| name), values(differs));
        Err(Refusal::new(
            format!("its runs differ in '{name}'"),
            format!(
                "choose one by --where '{name}={}' ({})",
                values.first().unwrap_or(&""),
                some_of(values.iter().copied())
            ),
        ))
    }
}

/// Reads the configurations in files, of which the first was opened; `None` if that is no such table.
///
/// # Errors
/// [`Refusal`] if a cell cannot be read.
pub(super) fn read(
    files: &[String],
    first: &source::Source,
    options: &Options,
    open: impl Fn(&str) -> Result<source::Source, Refusal>,
) -> Result<Option<Configurations>, Refusal> {
    let is_table = matches!(options.input, Input::Auto | Input::Csv | Input::Jsonl);
    if !is_table || options.column.is_some() {
        return Ok(None);
    }
    let mut all = Configurations { jobs: vec![], files: vec![], columns: Default::default(), notes: vec![] };
    for (i, file) in files.iter().enumerate() {
        let other = if i == 0 { None } else { Some(open(file)?) };
        let source = other.as_ref().unwrap_or(first);
        let sheet = match source.text.trim_start().starts_with('{') {
            true => json::lines(&source.text),
            false => sheet::delimited(&source.text),
        };
        let known = sheet.ok().and_then(|sheet| Roles::of(&sheet).map(|roles| (sheet, roles)));
        let (mut sheet, roles) = match known {
            Some(known) => known,
            None if i == 0 => return Ok(None),
            None => {
                let reason = "is no table of runs with their communication, as the first file is";
                return Err(Refusal::new(reason, "give such tables only, or leave it out").of(file));
            }
        };
        for (name, value) in &options.selection {
            sheet.select(name, value).map_err(|refusal| refusal.of(file))?;
        }
        for job in jobs(&sheet, &roles, options, &mut all.notes).map_err(|refusal| refusal.of(file))? {
            match all.jobs.iter_mut().find(|known| known.labels == job.labels) {
                Some(known) => known.runs.extend(job.runs),
                None => all.jobs.push(job),
            }
        }
        all.files.push(source.listed(file));
        let name = |c: usize| clip(&sheet.names[c]);
        all.columns = [roles.total.or(roles.computing).map_or(String::new(), name), name(roles.communication)];
    }
    Ok(Some(all))
}

fn jobs(sheet: &Sheet, roles: &Roles, options: &Options, notes: &mut Vec<Note>) -> Result<Vec<Job>, Refusal> {
    let rows = rows(sheet, roles, options, notes)?;
    let columns = that_tell_jobs_apart(sheet, roles);
    let label = |row: &Row| -> Labels {
        columns.iter().map(|&c| (clip(&sheet.names[c]), clip(&sheet.text(sheet.columns[c][row.row])))).collect()
    };
    let mut jobs: Vec<(Labels, Vec<Row>)> = Vec::new();
    for row in rows {
        let labels = label(&row);
        match jobs.iter_mut().find(|(known, _)| *known == labels) {
            Some((_, rows)) => rows.push(row),
            None => jobs.push((labels, vec![row])),
        }
    }
    jobs.into_iter().map(|(labels, rows)| Ok(Job { labels, runs: runs(sheet, roles, &rows)? })).collect()
}

/// The lines that have times.
fn rows(sheet: &Sheet, roles: &Roles, options: &Options, notes: &mut Vec<Note>) -> Result<Vec<Row>, Refusal> {
    let mut unit = |column: usize| {
        options.unit.or_else(|| Unit::of_name(&sheet.names[column])).unwrap_or_else(|| {
            let note = Note::UnitAssumed { column: format!("'{}'", clip(&sheet.names[column])) };
            if !notes.contains(&note) {
                notes.push(note);
            }
            Unit::S
        })
    };
    let units = [Some(roles.communication), roles.computing, roles.total].map(|column| Some((column?, unit(column?))));
    for (column, _) in units.iter().flatten() {
        sheet.sure(*column)?;
    }
    let seconds = |which: usize, row: usize| match units[which].map(|(column, unit)| (sheet.columns[column][row], unit))
    {
        Some((Cell::Number(number, own), unit)) => Some(own.unwrap_or(unit).to_seconds(number)),
        _ => None,
    };
    let mut rows: Vec<Row> = Vec::new();
    for row in 0..sheet.rows() {
        let Some(communication_s) = seconds(0, row) else { continue };
        let Some(computing_s) = seconds(1, row).or_else(|| seconds(2, row).map(|total_s| total_s - communication_s))
        else {
            continue;
        };
        // Nobody waits thirty thousand years, and what is no number is no time.
        let possible = |seconds: f64| seconds.abs() < 1e12;
        let are_times = computing_s >= 0.0 && possible(computing_s) && possible(communication_s);
        if !are_times {
            let reason =
                format!("{communication_s} s of communication in a step of {} s", computing_s + communication_s);
            return Err(Refusal::new(reason, "correct or drop that line").at(sheet.lines[row]));
        }
        rows.push(Row { row, communication_s, computing_s });
    }
    if rows.is_empty() {
        return Err(Refusal::new("no row has times of a step and its communication", "give a table that has both"));
    }
    Ok(rows)
}

fn runs(sheet: &Sheet, roles: &Roles, rows: &[Row]) -> Result<Vec<Configuration>, Refusal> {
    let Some(step) = roles.step else {
        let run = |row: &Row| of_rows(sheet, roles, std::slice::from_ref(row), false);
        return rows.iter().map(run).collect();
    };
    // The steps of a run are consecutive lines: where its numbers do not grow, another one begins.
    let number = |row: &Row| if let Cell::Number(n, _) = sheet.columns[step][row.row] { n } else { f64::NAN };
    let parts = [roles.workers, roles.placement, roles.machines, roles.local_steps, roles.link, roles.run];
    let same = |a: &Row, b: &Row| {
        let cells =
            parts.iter().flatten().all(|&c| sheet.text(sheet.columns[c][a.row]) == sheet.text(sheet.columns[c][b.row]));
        cells && number(b) > number(a)
    };
    rows.chunk_by(same).map(|steps| of_rows(sheet, roles, steps, true)).collect()
}

/// A line with its times.
struct Row {
    row: usize,
    communication_s: f64,
    computing_s: f64,
}

/// A run of these steps, or of one line that is the mean of its steps.
fn of_rows(sheet: &Sheet, roles: &Roles, rows: &[Row], are_steps: bool) -> Result<Configuration, Refusal> {
    let first = rows[0].row;
    let whole = |column: Option<usize>| match sheet.columns[column?][first] {
        Cell::Number(n, _) if n >= 1.0 && n.fract() == 0.0 && n < 1e9 => Some(n as u32),
        _ => None,
    };
    // One digit for each machine: how many of its workers take part.
    let placement = roles.placement.and_then(|column| {
        let text = sheet.text(sheet.columns[column][first]);
        let digits: Option<Vec<u32>> = text.chars().map(|c| c.to_digit(10)).collect();
        digits.filter(|digits| !digits.is_empty()).map(|digits| (digits.iter().sum::<u32>(), digits.len() as u32))
    });
    let workers = whole(roles.workers).or(placement.map(|(workers, _)| workers)).filter(|workers| *workers > 0);
    let Some(workers) = workers else {
        let what = roles.workers.or(roles.placement).map_or("", |column| &sheet.names[column]);
        let reason = format!("no number of workers in '{}'", clip(what));
        return Err(Refusal::new(reason, "correct or drop that line").at(sheet.lines[first]));
    };
    let bytes_per_s = match roles.link {
        Some(column) => Some(link(sheet, column, first)?),
        None => None,
    };
    let local_steps = whole(roles.local_steps).unwrap_or(1);
    let is_round = |row: &&Row| match roles.synced.map(|column| sheet.columns[column][row.row]) {
        Some(Cell::Number(n, _)) => n != 0.0,
        Some(Cell::Text(_)) => sheet.text(sheet.columns[roles.synced.unwrap_or(0)][row.row]).to_lowercase() == "true",
        Some(Cell::Missing) => false,
        None => true,
    };
    let rounds: Vec<&Row> = rows.iter().filter(is_round).collect();
    let rounds_are_known = are_steps && (roles.synced.is_some() || local_steps == 1);
    // The first step warms up.
    let warm = if are_steps && rows.len() > 1 { &rows[1..] } else { rows };
    Ok(Configuration {
        workers,
        machines: whole(roles.machines).or(placement.map(|(_, machines)| machines)),
        bytes_per_s,
        local_steps,
        steps: if are_steps { rows.len() as u64 } else { u64::from(local_steps) },
        rounds: match (are_steps, rounds_are_known) {
            (true, true) => rounds.len() as u64,
            (true, false) => (rows.len() as u64 / u64::from(local_steps)).max(1),
            (false, _) => 1,
        },
        computing_s: warm.iter().map(|row| row.computing_s).sum::<f64>() / warm.len() as f64,
        blocked_s: rows.iter().map(|row| row.communication_s).sum(),
        first_s: rounds.first().filter(|_| rounds_are_known).map(|row| row.communication_s),
    })
}

/// Columns in which runs of one job are alike: a batch size, a word.
fn that_tell_jobs_apart(sheet: &Sheet, roles: &Roles) -> Vec<usize> {
    let taken = roles.all();
    let differs = |&c: &usize| {
        let is_text = sheet.columns[c].iter().any(|cell| matches!(cell, Cell::Text(_)));
        let is_batch = words(&sheet.names[c]).iter().any(|word| word.contains("batch") || word.contains("bsz"));
        !taken.contains(&c) && (is_text || is_batch) && (2..=MOST_VALUES).contains(&distinct(sheet, c).len())
    };
    (0..sheet.names.len()).filter(differs).collect()
}

/// The bandwidth in a cell, bytes a second: with its unit, or as traffic control writes it (200m, 5g: bits), or in the unit that
/// the column's name has.
fn link(sheet: &Sheet, column: usize, row: usize) -> Result<f64, Refusal> {
    let (cell, name) = (sheet.columns[column][row], words(&sheet.names[column]));
    let text = sheet.text(cell);
    let prefix = |text: &str| match text.chars().next() {
        Some('k') => Some(1e3),
        Some('m') => Some(1e6),
        Some('g') => Some(1e9),
        Some('t') => Some(1e12),
        _ => None,
    };
    let of_name = name.iter().find(|word| ["mbps", "gbps", "kbps", "mbit", "gbit", "kbit"].contains(&word.as_str()));
    let rate = match cell {
        Cell::Number(number, None) => {
            Some(number * of_name.and_then(|word| prefix(word)).map_or(1.0, |bits| bits / 8.0))
        }
        _ => sim::units::bytes_per_s(&text).ok().or_else(|| {
            let lower = text.to_lowercase();
            let end = lower.find(|c: char| !(c.is_ascii_digit() || c == '.'))?;
            let unit = lower[end..].trim();
            let bits = ["", "bit", "bps", "bit/s", "bits", "b", "b/s"].contains(&unit.get(1..)?);
            Some(lower[..end].parse::<f64>().ok()? * prefix(unit)? / 8.0).filter(|_| bits)
        }),
    };
    rate.filter(|rate| *rate > 0.0 && rate.is_finite()).ok_or_else(|| {
        let reason = format!("'{}' is no bandwidth", clip(&text));
        Refusal::new(reason, "write 200Mbit/s or 25GB/s").at(sheet.lines[row])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, selection: &[(&str, &str)]) -> Result<Option<Configurations>, Refusal> {
        let selection = selection.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
        let options = Options { selection, ..Options::default() };
        let source = || source::from(text.as_bytes(), 1 << 20);
        super::read(&["f.csv".to_string()], &source()?, &options, |_| source())
    }

    #[test]
    fn means_of_runs_on_several_numbers_of_workers() {
        let text = "num_nodes,num_replicas,local_bsz,step_time,sync_time\n1,1,32,0.1,0\n1,4,32,0.125,0.025\n2,8,32,0.25,0.15\n2,8,64,0.3,0.1\n";
        let both = read(text, &[]).unwrap().unwrap();
        assert_eq!(both.jobs.iter().map(|job| job.runs.len()).collect::<Vec<_>>(), [3, 1]);
        let said = both.only().unwrap_err().to_string();
        assert!(said.contains("choose one by --where 'local_bsz=32' (32, 64)"), "{said}");
        let found = read(text, &[("local_bsz", "32")]).unwrap().unwrap();
        assert_eq!(found.columns, ["step_time", "sync_time"].map(String::from));
        let eight = found.only().unwrap()[2];
        assert_eq!((eight.workers, eight.machines, eight.steps, eight.rounds), (8, Some(2), 1, 1));
        assert!((eight.computing_s - 0.1).abs() < 1e-12 && eight.blocked_s == 0.15, "{eight:?}");
        // The same by placement: digit by digit the workers of each machine.
        let text = "placement,step_time_ms,sync_time_ms\n1,100,0\n4,125,25\n134,250,150\n";
        let found = read(text, &[]).unwrap().unwrap();
        let runs = found.only().unwrap();
        let places: Vec<_> = runs.iter().map(|run| (run.workers, run.machines)).collect();
        assert_eq!(places, [(1, Some(1)), (4, Some(1)), (8, Some(3))]);
        assert!((runs[2].blocked_s - 0.15).abs() < 1e-12);
    }

    #[test]
    fn steps_of_runs_over_several_links() {
        let mut text =
            "algorithm,workers,local_steps,bandwidth,run,step,synced,wall_ms,compute_ms,sync_blocked_ms\n".to_string();
        for (link, round) in [("200m", 800.0), ("5g", 40.0)] {
            for step in 0..8 {
                let blocked = if step % 4 == 3 { round + if step == 3 { 50.0 } else { 0.0 } } else { 0.0 };
                let compute = if step == 0 { 900.0 } else { 25.0 };
                text += &format!(
                    "diloco,4,4,{link},0,{step},{},{},{compute},{blocked}\n",
                    u8::from(step % 4 == 3),
                    compute + blocked
                );
            }
        }
        let found = read(&text, &[]).unwrap().unwrap();
        let [slow, fast] = found.only().unwrap()[..] else { panic!("{found:?}") };
        assert_eq!((slow.bytes_per_s, fast.bytes_per_s), (Some(25e6), Some(625e6)));
        assert_eq!((slow.steps, slow.rounds, slow.workers), (8, 2, 4));
        assert!((slow.computing_s - 0.025).abs() < 1e-12 && (slow.first_s.unwrap() - 0.85).abs() < 1e-12, "{slow:?}");
        assert!((fast.blocked_s - 0.13).abs() < 1e-12);
        for (cell, rate) in [("10gbit", 1.25e9), ("25GB/s", 25e9), ("1Gbit/s", 125e6), ("100Mbps", 12.5e6)] {
            let text = format!("workers,bandwidth,compute_s,comm_s\n2,{cell},1,2\n4,{cell},1,3\n");
            assert_eq!(read(&text, &[]).unwrap().unwrap().jobs[0].runs[0].bytes_per_s, Some(rate), "{cell}");
        }
        let named = read("workers,bw_mbps,compute_s,comm_s\n2,100,1,2\n4,100,1,3\n", &[]).unwrap().unwrap();
        assert_eq!(named.jobs[0].runs[0].bytes_per_s, Some(12.5e6));
    }

    #[test]
    fn other_tables_are_left_to_others() {
        for text in [
            "rank,step,step_time_s,comm_s\n0,0,1,0.5\n1,0,1.5,0.5\n",
            "step,world_size,step_time_s,comm_s\n0,4,1,0.5\n1,4,1.5,0.5\n",
            "step,step_time_s\n0,1\n1,1.5\n",
            "workers,train_time_s\n1,10\n2,6\n",
        ] {
            assert!(read(text, &[]).unwrap().is_none(), "{text}");
        }
        let wrong = read("workers,step_time_s,sync_time_s\n1,1,2\n2,1,0.5\n", &[]).unwrap_err();
        assert!(wrong.to_string().contains("line 2: 2 s of communication in a step of 1 s"), "{wrong}");
        let none = read("workers,bandwidth,compute_s,comm_s\n2,fast,1,2\n4,fast,1,3\n", &[]).unwrap_err();
        assert!(none.to_string().contains("'fast' is no bandwidth"), "{none}");
    }
}
