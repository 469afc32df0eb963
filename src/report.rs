//! From arguments to files: the one way that every command takes.
//!
//! A [`Command`] is a set of options that can be resolved, written into the manifest, and made into a job; what the job
//! comes to is a [`Report`]: tables, figures, a text, and how it ended. [`run`] does the rest for all of them.

use crate::cli::{Common, Format, Shard};
use crate::error::Error;
use crate::figures::{self, Figure};
use crate::finished::Finished;
use crate::manifest::Manifest;
use crate::output::{Output, Written};
use crate::rows::{Table, Tables};
use crate::session::{self, Session};
use rayon::prelude::*;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;
use serde_json::{Map, Value};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// A command that leaves files. Its options serialise to what the manifest holds, by their long names.
pub trait Command: Serialize {
    /// Its name.
    const NAME: &'static str;
    /// All tables that it may write.
    const TABLES: &'static [Table];
    /// All figures that it may draw, by the names of their files.
    const FIGURES: &'static [&'static str];

    /// All other files that it may write.
    const OTHERS: &'static [&'static str] = &[];

    /// What every command takes.
    fn common(&self) -> &Common;

    /// Which part of the whole it does, if not all.
    fn shard(&self) -> Option<Shard> {
        None
    }

    /// Whether what it finishes is kept only until it ends.
    fn forgets(&self) -> bool {
        false
    }

    /// Where its files go.
    fn directory(&self) -> PathBuf {
        let directory = self.common().out.clone().unwrap_or_else(|| PathBuf::from("output").join(Self::NAME));
        self.shard().map_or(directory.clone(), |shard| directory.join(shard.directory()))
    }

    /// A file that is wanted elsewhere.
    fn save(&self) -> Option<PathBuf> {
        None
    }

    /// Whether such a file was left by a run that broke off, so that another such run may take its place.
    fn is_partial(_saved: &[u8]) -> bool {
        false
    }

    /// Whether it knows of the processes that were started together with this one.
    fn is_one_of_many(&self) -> bool {
        self.shard().is_some()
    }

    /// Whether another process reports, so that this one does its part of the job and no more.
    fn follows(&self) -> bool {
        false
    }

    /// Fills in what was not typed. Resolved options, typed again, resolve to themselves.
    ///
    /// # Errors
    /// What makes no sense together.
    fn resolve(&mut self) -> Result<(), Error> {
        Ok(())
    }

    /// Reads the inputs and makes sure that there is something to do; nothing is written until then.
    ///
    /// # Errors
    /// Everything that can be known to be wrong before the work begins.
    fn prepare<'a>(&'a self, session: &'a Session) -> Result<Job<'a>, Error>;
}

/// Work that is ready to begin. It is told the directory, to keep there what it has finished.
pub type Job<'a> = Box<dyn FnOnce(&Path) -> Result<Box<dyn Report + 'a>, Error> + 'a>;

/// What came of a run.
pub trait Report {
    /// The rows of all tables.
    fn tables(&self, tables: &mut Tables);

    /// The figures, by the names of their files.
    fn figures(&self) -> Vec<(&'static str, Figure)>;

    /// Files that are neither tables nor figures, by their names.
    fn others(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }

    /// What is printed.
    fn text(&self) -> String;

    /// How it ended.
    fn outcome(&self) -> Outcome;

    /// What is to be saved elsewhere, and how good it is.
    fn saved(&self, _manifest: &Manifest) -> Option<(Value, Vec<u8>)> {
        None
    }
}

/// How a run ended.
#[cfg_attr(not(feature = "train"), allow(dead_code, reason = "only what trains can fail or break off"))]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// As it should.
    Done,
    /// At its end, but a verdict failed: why.
    Failed(String),
    /// By itself, before its end: why, and how much is done.
    Broke(String, Option<String>),
    /// From outside: how much is done, if anything is.
    Interrupted(Option<String>),
}

/// The document that `--json` prints.
#[derive(Serialize, JsonSchema)]
pub struct Document<'a> {
    /// The command.
    command: &'a str,
    /// Version of the program.
    version: &'a str,
    /// Commit that it was built from, where known.
    git_commit: Option<&'a str>,
    /// All options as they were understood, by their long names.
    arguments: &'a Map<String, Value>,
    /// Root of all random numbers.
    seed: u64,
    /// Whether the run came to its end.
    complete: bool,
    /// Why it failed or broke off, if it did.
    error: Option<String>,
    /// What a reader has to know beside the numbers.
    notes: Vec<String>,
    /// The rows of each table, which are those of the CSV file of that name.
    #[schemars(schema_with = "tables_schema")]
    tables: Map<String, Value>,
}

fn tables_schema(generator: &mut SchemaGenerator) -> Schema {
    let property = |table: &Table| {
        let rows = table.schema(generator);
        (table.name.to_string(), serde_json::json!({ "type": "array", "items": rows }))
    };
    let properties: Map<String, Value> = crate::cli::tables().into_iter().map(property).collect();
    schemars::json_schema!({ "type": "object", "properties": properties, "additionalProperties": false })
}

/// Runs a command: resolves its options, takes its directory, does its job, writes its files, prints its text.
///
/// # Errors
/// Whatever went wrong, with the exit status that it has.
pub fn run<C: Command>(command: C, typed: &[OsString]) -> Result<(), Error> {
    join(command, typed, Vec::new())
}

/// The same, where other processes have finished parts of it in these directories.
///
/// # Errors
/// Whatever went wrong, with the exit status that it has.
pub fn join<C: Command>(mut command: C, typed: &[OsString], parts: Vec<PathBuf>) -> Result<(), Error> {
    command.resolve()?;
    if !command.is_one_of_many() {
        session::alone()?;
    }
    let follows = command.follows();
    let common = command.common();
    let session = Session::begin(common.quiet || follows)?.joining(parts);
    compute_on(common.threads)?;
    let directory = command.directory();
    let Ok(Value::Object(mut arguments)) = serde_json::to_value(&command) else { unreachable!("options have names") };
    arguments.insert("out".to_string(), directory.display().to_string().into());
    let mut manifest = Manifest::begin(C::NAME, typed, arguments, common.seed);
    let job = command.prepare(&session)?;
    if follows {
        session.works();
        return job(&directory).map(drop);
    }
    manifest.inputs = session.inputs();
    let mut output = Output::open(&directory, C::NAME, &names::<C>())?;
    if let Some(path) = command.save() {
        keeps_inputs(&path, manifest.inputs.iter().map(|file| Path::new(&file.name)), "--save FILE")?;
        output.also(&path, &names::<C>(), C::is_partial)?;
    }
    session.holds(output);
    session.works();
    let report = job(&directory)?;
    session.may_leave(&directory);
    let outcome = report.outcome();
    let complete = matches!(outcome, Outcome::Done | Outcome::Failed(_));
    manifest.complete = complete;
    if matches!(outcome, Outcome::Broke(_, None) | Outcome::Interrupted(None)) {
        return outcome.conclude(Err(&directory));
    }
    let mut tables = Tables::new(common.json);
    report.tables(&mut tables);
    let text = match tables.json.take() {
        None => report.text(),
        Some(tables) => document(&manifest, &session, (&outcome, &directory), tables),
    };
    // The result is printed even if it cannot be written.
    let written = write(&*report, common, tables, manifest, &session);
    session.has_written(written.as_ref().ok());
    if !common.silent {
        session::print(&text)?;
    }
    let written = written?;
    if complete {
        if command.forgets() && command.shard().is_none() {
            let _ = std::fs::remove_file(directory.join(Finished::NAME));
        }
        session.tell("wrote", &written);
    }
    outcome.conclude(Ok(&written))
}

/// Makes sure that what is to be written is nothing that is read.
///
/// # Errors
/// If it is one of the files.
pub fn keeps_inputs<'a>(path: &Path, inputs: impl IntoIterator<Item = &'a Path>, flag: &str) -> Result<(), Error> {
    let same = |input: &Path| matches!((path.canonicalize(), input.canonicalize()), (Ok(a), Ok(b)) if a == b);
    match inputs.into_iter().any(same) {
        true => Err(Error::Usage(format!("{} is read and would be lost; choose another with {flag}", path.display()))),
        false => Ok(()),
    }
}

/// Whatever computes side by side does so on so many threads. A process decides that once: its other runs, of a replay or of `reproduce
/// all`, have what the first one had.
fn compute_on(threads: Option<usize>) -> Result<(), Error> {
    static STARTED: OnceLock<Result<(), String>> = OnceLock::new();
    let start = || rayon::ThreadPoolBuilder::new().num_threads(threads.unwrap_or(0)).build_global();
    let started = STARTED.get_or_init(|| start().map_err(|error| error.to_string()));
    started.clone().map_err(|error| Error::Usage(format!("cannot start the threads: {error}; lower --threads")))
}

fn write(
    report: &dyn Report,
    common: &Common,
    tables: Tables,
    mut manifest: Manifest,
    session: &Session,
) -> Result<Written, Error> {
    let mut files: Vec<(String, Vec<u8>)> = Vec::new();
    if common.format.0.contains(&Format::Csv) {
        files.extend(tables.csv.into_iter().map(|(name, bytes)| (format!("{name}.csv"), bytes)));
    }
    let pictures: Vec<Format> = common.format.0.iter().copied().filter(|format| *format != Format::Csv).collect();
    if !pictures.is_empty() {
        let draw = |(name, figure): (&'static str, Figure)| (name, figures::files(&figure, &pictures));
        let drawn: Vec<_> = report.figures().into_par_iter().map(draw).collect();
        let named = |name: &'static str, (format, bytes)| (format!("{name}.{format}"), bytes);
        files.extend(drawn.into_iter().flat_map(|(name, all)| all.into_iter().map(move |file| named(name, file))));
    }
    files.extend(report.others().into_iter().map(|(name, text)| (name.to_string(), text.into_bytes())));
    let saved = report.saved(&manifest);
    let mut output = session.writes().expect("it was taken when the work began");
    files.into_iter().for_each(|(name, bytes)| output.add(name, bytes));
    if let Some((score, bytes)) = saved {
        manifest.score = Some(score);
        output.save(|| bytes);
    }
    output.commit(manifest)
}

/// All files that a command may leave.
fn names<C: Command>() -> Vec<String> {
    let tables = C::TABLES.iter().map(|table| format!("{}.csv", table.name));
    let figures = C::FIGURES.iter().flat_map(|name| ["svg", "png", "pdf"].map(|format| format!("{name}.{format}")));
    tables.chain(figures).chain(C::OTHERS.iter().map(ToString::to_string)).collect()
}

fn document(
    manifest: &Manifest,
    session: &Session,
    (outcome, directory): (&Outcome, &Path),
    tables: Map<String, Value>,
) -> String {
    let document = Document {
        command: &manifest.command,
        version: &manifest.version,
        git_commit: manifest.git_commit.as_deref(),
        arguments: &manifest.arguments,
        seed: manifest.seed,
        complete: manifest.complete,
        error: outcome.clone().conclude(Err(directory)).err().map(|error| error.to_string()),
        notes: session.notes(),
        tables,
    };
    serde_json::to_string_pretty(&document).expect("a document is plain data") + "\n"
}

impl Outcome {
    /// The error that it is, if it is one, with a word on what was kept: what was written, or in which directory.
    fn conclude(self, written: Result<&Written, &Path>) -> Result<(), Error> {
        let kept = |done: Option<String>| match (done, written) {
            (Some(done), Ok(written)) => format!("{done} and kept in {written}"),
            (Some(done), Err(_)) => done,
            (None, Err(directory)) => Finished::word(directory),
            (None, Ok(written)) => format!("what there is was kept in {written}"),
        };
        match self {
            Outcome::Done => Ok(()),
            Outcome::Failed(why) => Err(Error::Verdict(why)),
            Outcome::Broke(why, done) => Err(Error::Input(format!("{why}; {}", kept(done)))),
            Outcome::Interrupted(done) => Err(Error::Interrupted(kept(done))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The schema in the repository is that of the program. `STRAGGLE_UPDATE=1 cargo test` writes it anew.
    #[test]
    fn the_schema_in_the_repository_is_that_of_the_program() {
        let schema = schemars::schema_for!(Document);
        let text = serde_json::to_string_pretty(&schema).expect("JSON") + "\n";
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/straggle.schema.json");
        if std::env::var_os("STRAGGLE_UPDATE").is_some() {
            std::fs::write(path, &text).expect("the schema is written");
        }
        let kept = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            kept == text,
            "docs/straggle.schema.json is of another version; run STRAGGLE_UPDATE=1 cargo test schema"
        );
    }
}
