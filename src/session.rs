//! What a run has beside its arguments: signals, a progress bar, notes to the reader, files that were read.

mod signals;

use crate::error::Error;
use crate::formats::Note;
use crate::manifest::File;
use crate::output::{Output, Written};
use indicatif::{ProgressBar, ProgressStyle};
use signals::Listener;
use sim::Progress;
use std::cell::RefCell;
use std::fmt::Display;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::Thread;
use std::time::Duration;

/// A run that is going on.
pub struct Session {
    /// How far it is, and whether it is to stop.
    pub progress: Progress,
    quiet: bool,
    notes: RefCell<Vec<String>>,
    inputs: RefCell<Vec<File>>,
    listener: Arc<Listener>,
    /// Where other processes have finished parts of the run.
    pub parts: Vec<PathBuf>,
}

impl Session {
    /// A run that begins, and that Ctrl-C, SIGTERM and SIGHUP stop; a second one leaves at once. Until it
    /// [works](Session::works) the first one does, too.
    ///
    /// # Errors
    /// If the system lets nobody listen for signals.
    pub fn begin(quiet: bool) -> Result<Session, Error> {
        let listener =
            Listener::new().map_err(|e| Error::Input(format!("cannot listen for signals: {e}; try once more")))?;
        let progress = Progress { stop: listener.stop.clone(), ..Progress::default() };
        let (notes, inputs) = (RefCell::default(), RefCell::default());
        Ok(Session { progress, quiet, notes, inputs, listener, parts: Vec::new() })
    }

    /// Takes care of the output until it [is written](Session::writes), or the process leaves.
    pub fn holds(&self, output: Output) {
        self.listener.holds(output);
    }

    /// From here on there is work that looks at the [progress](Progress) within a second, always: a signal waits for what it has
    /// finished by then.
    pub fn works(&self) {
        self.listener.works();
    }

    /// From here on nothing is lost if the process leaves at once, as what it finishes is kept in this directory as it ends, or is
    /// nothing yet.
    pub fn may_leave(&self, directory: &Path) {
        self.listener.may_leave(directory);
    }

    /// The output is to be written: a signal waits for that.
    pub fn writes(&self) -> Option<Output> {
        self.listener.writes()
    }

    /// The output was written, or cannot be: nothing is lost any more.
    pub fn has_written(&self, written: Option<&Written>) {
        self.listener.has_written(written.map(ToString::to_string));
    }

    /// The same, where other processes have finished parts of it.
    pub fn joining(mut self, parts: Vec<PathBuf>) -> Session {
        self.parts = parts;
        self
    }

    /// Whether somebody stopped it.
    pub fn stopped(&self) -> bool {
        self.progress.stop.load(Ordering::Relaxed)
    }

    /// Says what a reader has to know beside the result, and keeps it for the document.
    pub fn note(&self, note: impl Into<String>) {
        let note = note.into();
        self.tell(NOTE, &note);
        self.notes.borrow_mut().push(note);
    }

    /// Says something on stderr, unless it is to be quiet.
    pub fn tell(&self, mark: &str, what: &dyn Display) {
        if !self.quiet {
            tell(mark, what);
        }
    }

    /// All notes so far.
    pub fn notes(&self) -> Vec<String> {
        self.notes.borrow().clone()
    }

    /// The same of a file of measured times that was read, and remembers it.
    pub fn measured(&self, notes: &[Note], files: &[File]) {
        notes.iter().for_each(|note| self.note(note.to_string()));
        self.read(files);
    }

    /// Remembers files that were read, as they were then, for the manifest.
    pub fn read(&self, files: &[File]) {
        self.inputs.borrow_mut().extend_from_slice(files);
    }

    /// All files that were read.
    pub fn inputs(&self) -> Vec<File> {
        self.inputs.borrow().clone()
    }

    /// Whether somebody looks at a bar.
    fn is_watched(&self) -> bool {
        !self.quiet && std::io::stderr().is_terminal()
    }

    /// A bar of `length` with this template on the terminal, or nothing where nobody would see it.
    #[cfg(feature = "train")]
    pub fn bar(&self, length: u64, template: &str) -> ProgressBar {
        if self.is_watched() { bar(length, template) } else { ProgressBar::hidden() }
    }

    /// Does `work` while a bar on the terminal shows how many of so many configurations are done.
    pub fn with_bar<T>(&self, configurations: u64, work: impl FnOnce() -> T) -> T {
        if !self.is_watched() {
            return work();
        }
        let (progress, done) = (&self.progress, AtomicBool::new(false));
        std::thread::scope(|scope| {
            let shower = scope.spawn(|| show(progress, configurations, &done));
            // A panic ends it, too.
            let _ends = Ends { done: &done, shower: shower.thread().clone() };
            work()
        })
    }
}

impl Drop for Session {
    /// What it has not written comes to nothing.
    fn drop(&mut self) {
        drop(self.listener.writes());
    }
}

/// Ends the bar when it goes.
struct Ends<'a> {
    done: &'a AtomicBool,
    shower: Thread,
}

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.done.store(true, Ordering::Relaxed);
        self.shower.unpark();
    }
}

fn show(progress: &Progress, configurations: u64, done: &AtomicBool) {
    // A run of less than a blink needs no bar.
    std::thread::park_timeout(Duration::from_millis(300));
    let bar = bar(configurations, "{bar:30} {pos}/{len} configurations, {msg} million updates, {elapsed}, {eta} left");
    while !done.load(Ordering::Relaxed) {
        bar.set_message(format!("{:.1}", progress.updates.load(Ordering::Relaxed) as f64 / 1e6));
        bar.set_position(progress.cells.load(Ordering::Relaxed));
        std::thread::park_timeout(Duration::from_millis(100));
    }
    bar.finish_and_clear();
}

fn bar(length: u64, template: &str) -> ProgressBar {
    let style = ProgressStyle::with_template(template).expect("a template that has been tried");
    ProgressBar::new(length).with_style(style.progress_chars("━╸ "))
}

/// What launchers call the number of processes that they start together.
const WORLDS: [&str; 4] = ["OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS", "SLURM_NTASKS"];

/// Makes sure that this process is not one of several that a launcher has started to work together.
///
/// # Errors
/// What to do where all of them would do the same.
pub fn alone() -> Result<(), Error> {
    let size = |name: &&str| std::env::var(name).ok()?.parse::<u32>().ok();
    // In a script of Slurm, the step says how many tasks there are beside this one; the job, how many there might be.
    let names = WORLDS.iter().filter(|&&name| name != "SLURM_NTASKS" || size(&WORLDS[2]).is_none());
    let Some((name, size)) = names.filter_map(|name| Some((name, size(name)?))).find(|&(_, size)| size > 1) else {
        return Ok(());
    };
    let build = if cfg!(feature = "mpi") { "" } else { "build with cargo build --release --features mpi and " };
    Err(Error::Usage(format!(
        "this process is one of {size} ({name}) that would all do the same; {build}type train --cluster mpi to work together, \
         or --shard I/N for parts of a sweep"
    )))
}

/// What a note begins with.
pub const NOTE: &str = "\x1b[1;33mnote:\x1b[0m";

/// Says something on stderr, in colour only on a terminal. If even that cannot be written, there is nobody left to tell.
pub fn tell(mark: &str, what: &dyn Display) {
    let _ = writeln!(anstream::stderr().lock(), "{mark} {what}");
}

/// Prints a result, in colour only on a terminal; a reader who has seen enough (`| head`) is no error.
pub fn print(text: &str) -> Result<(), Error> {
    let mut stdout = anstream::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(source) if source.kind() != std::io::ErrorKind::BrokenPipe => Err(Error::Print(source)),
        _ => Ok(()),
    }
}
