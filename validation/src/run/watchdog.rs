//! Watchdog: ends a job in which nothing has been completed for too long, as nobody else would where a network was cut.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Somebody who looks on; stops when dropped.
pub struct Watchdog {
    completed: Arc<AtomicU64>,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Watchdog {
    /// Calls `stalled` if nothing is completed for `timeout`.
    pub fn watch(timeout: Duration, stalled: impl FnOnce() + Send + 'static) -> Watchdog {
        let (completed, over) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let (seen, ended) = (completed.clone(), over.clone());
        let look = move || {
            let (mut last, mut since) = (0, Instant::now());
            while !ended.load(Relaxed) {
                let now = seen.load(Relaxed);
                if now != last {
                    (last, since) = (now, Instant::now());
                } else if since.elapsed() >= timeout {
                    return stalled();
                }
                std::thread::park_timeout((timeout / 10).min(Duration::from_secs(1)));
            }
        };
        let thread = std::thread::Builder::new().name("watchdog".to_string()).spawn(look).expect("a thread starts");
        Watchdog { completed, over, thread: Some(thread) }
    }

    /// Something was completed.
    pub fn completed(&self) {
        self.completed.fetch_add(1, Relaxed);
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.over.store(true, Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;

    #[test]
    fn a_stall_is_seen_and_an_end_is_none() {
        let (tell, told) = channel();
        let (again, ended) = (tell.clone(), Watchdog::watch(Duration::from_secs(3600), || panic!("nothing stalls")));
        ended.completed();
        drop(ended);
        let _stalled = Watchdog::watch(Duration::from_millis(50), move || again.send(()).expect("somebody listens"));
        told.recv().expect("it is seen");
    }
}
