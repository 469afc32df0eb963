//! How far is it, and should it stop? A bar on stderr, and Ctrl-C.

use crate::error::Error;
use indicatif::{ProgressBar, ProgressStyle};
use sim::Progress;
use std::io::IsTerminal;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// The run that Ctrl-C stops.
pub fn progress() -> Result<Arc<Progress>, Error> {
    static WATCH: OnceLock<Arc<Progress>> = OnceLock::new();
    let progress = WATCH.get_or_init(Arc::default).clone();
    let seen = progress.clone();
    let second_time_leaves_at_once = move || {
        if seen.stop.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
    };
    ctrlc::set_handler(second_time_leaves_at_once)
        .map_err(|e| Error::Input(format!("cannot listen for Ctrl-C: {e}")))?;
    Ok(progress)
}

/// Does `work` while a bar on the terminal shows how many of `cells` are done.
pub fn with_bar<T>(progress: &Progress, cells: u64, quiet: bool, work: impl FnOnce() -> T) -> T {
    if quiet || !std::io::stderr().is_terminal() {
        return work();
    }
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let shower = scope.spawn(|| show(progress, cells, &done));
        let result = work();
        done.store(true, Ordering::Relaxed);
        shower.thread().unpark();
        result
    })
}

fn show(progress: &Progress, cells: u64, done: &AtomicBool) {
    // A run of less than a blink needs no bar.
    std::thread::park_timeout(Duration::from_millis(300));
    let bar = ProgressBar::new(cells);
    let style =
        ProgressStyle::with_template("{bar:30} {pos}/{len} cells, {msg} million updates, {elapsed}, {eta} left");
    bar.set_style(style.expect("a template that has been tried").progress_chars("━╸ "));
    while !done.load(Ordering::Relaxed) {
        bar.set_message(format!("{:.1}", progress.updates.load(Ordering::Relaxed) as f64 / 1e6));
        bar.set_position(progress.cells.load(Ordering::Relaxed));
        std::thread::park_timeout(Duration::from_millis(100));
    }
    bar.finish_and_clear();
}

/// A bar of `length` with this template on the terminal, or nothing where nobody would see it.
#[cfg(feature = "train")]
pub fn bar(length: u64, template: &str, quiet: bool) -> ProgressBar {
    if quiet || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template(template).expect("a template that has been tried");
    ProgressBar::new(length).with_style(style.progress_chars("━╸ "))
}
