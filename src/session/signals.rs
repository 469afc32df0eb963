//! Signals: whoever works looks whether to stop and keeps what is finished; where nothing would be lost, the process leaves at once.
//!
//! Reading a file, working out a theory, drawing a figure and printing to a reader who does not read all hear a signal so, without
//! a look at anything.

use crate::error::Error;
use crate::finished::Finished;
use crate::output::Output;
use signal_hook::consts;
#[cfg(unix)]
use signal_hook::{iterator::Signals, low_level};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};

/// Who hears the signals of this process.
#[derive(Default)]
pub struct Listener {
    /// Whether work is to stop.
    pub stop: Arc<AtomicBool>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Whether to leave at once.
    at_once: bool,
    /// Where finished parts are kept, if some are.
    directory: Option<PathBuf>,
    /// What has been written.
    written: Option<String>,
    /// What has to be cleared before.
    output: Option<Output>,
}

impl State {
    /// What becomes of the run.
    fn word(&self) -> String {
        match (&self.written, &self.directory) {
            (Some(written), _) => format!("everything had been written: {written}"),
            (None, Some(directory)) => Finished::word(directory),
            (None, None) => "nothing was finished, and nothing was written".to_string(),
        }
    }
}

impl Listener {
    /// The one of this process, in which a run begins.
    ///
    /// # Errors
    /// If the system lets nobody listen.
    pub fn new() -> io::Result<Arc<Listener>> {
        static ONLY: OnceLock<Arc<Listener>> = OnceLock::new();
        if ONLY.get().is_none() {
            listen(ONLY.get_or_init(Arc::default).clone())?;
        }
        let listener = ONLY.get_or_init(Arc::default).clone();
        *listener.state() = State { at_once: true, ..State::default() };
        Ok(listener)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nobody panics with it")
    }

    /// See [`Session::holds`](super::Session::holds).
    pub fn holds(&self, output: Output) {
        self.state().output = Some(output);
    }

    /// See [`Session::works`](super::Session::works).
    pub fn works(&self) {
        self.state().at_once = false;
    }

    /// See [`Session::may_leave`](super::Session::may_leave).
    pub fn may_leave(&self, directory: &Path) {
        let mut state = self.state();
        (state.at_once, state.directory) = (true, Some(directory.to_path_buf()));
    }

    /// See [`Session::writes`](super::Session::writes).
    pub fn writes(&self) -> Option<Output> {
        let mut state = self.state();
        state.at_once = false;
        state.output.take()
    }

    /// See [`Session::has_written`](super::Session::has_written).
    pub fn has_written(&self, written: Option<String>) {
        let mut state = self.state();
        (state.at_once, state.written) = (true, written);
    }

    /// A signal has come.
    #[cfg(unix)]
    fn hear(&self) {
        // Whoever wants to write or to work waits for this, and so for ever.
        let mut state = self.state();
        if !state.at_once && !self.stop.swap(true, Ordering::Relaxed) {
            return;
        }
        drop(state.output.take());
        if state.at_once {
            super::tell("\x1b[1;31merror:\x1b[0m", &Error::Interrupted(state.word()));
        }
        low_level::exit(130);
    }
}

/// Hears signals from now on.
#[cfg(unix)]
fn listen(listener: Arc<Listener>) -> io::Result<()> {
    let mut signals = Signals::new(signals())?;
    let hear = move || signals.forever().for_each(|_| listener.hear());
    std::thread::Builder::new().name("signals".to_string()).spawn(hear).map(drop)
}

/// Hears Ctrl-C from now on, between two looks of whoever works.
#[cfg(not(unix))]
fn listen(listener: Arc<Listener>) -> io::Result<()> {
    for signal in [consts::SIGINT, consts::SIGTERM] {
        signal_hook::flag::register_conditional_shutdown(signal, 130, listener.stop.clone())?;
        signal_hook::flag::register(signal, listener.stop.clone())?;
    }
    Ok(())
}

/// The signals that stop a run: those that end a process, but for SIGHUP where it is ignored, as `nohup` wants it.
#[cfg(unix)]
fn signals() -> Vec<i32> {
    let hangup = (!is_ignored(consts::SIGHUP)).then_some(consts::SIGHUP);
    [consts::SIGINT, consts::SIGTERM].into_iter().chain(hangup).collect()
}
/// Whether this process was started with a signal ignored, where the system tells.
#[cfg(unix)]
fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| u64::from_str_radix(line.strip_prefix("SigIgn:")?.trim(), 16).ok());
    mask.is_some_and(|mask| mask >> (signal - 1) & 1 == 1)
}
