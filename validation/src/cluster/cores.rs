//! Which core does a thread run on? Told to the system where the system can be told.
//!
//! A kernel that wakes a thread guesses where: behind one that computes, or on a core that sleeps and takes a while to
//! wake up. Whoever hands out the cores knows better.

use std::sync::OnceLock;
use std::thread::available_parallelism;

/// A core of this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Core(usize);

impl Core {
    /// Its number among [`Cores::all`], from 0.
    pub fn index(self) -> usize {
        self.0
    }
}

/// Cores of this machine that threads can be put on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cores {
    number: usize,
    /// Their numbers in the system, if threads can be put on them.
    known: Vec<usize>,
}

impl Cores {
    /// All that this process may use. Where the system grants less time than it shows cores, or cannot be told, threads are
    /// not put anywhere.
    pub fn of_this_machine() -> Cores {
        // Asked once: whoever asks later may have been put on one of them.
        static ALL: OnceLock<Cores> = OnceLock::new();
        let ask = || {
            let number = available_parallelism().map_or(1, usize::from);
            let known = Some(system::cores()).filter(|known| known.len() == number).unwrap_or_default();
            Cores { number, known }
        };
        ALL.get_or_init(ask).clone()
    }

    /// As many, but threads run on whichever the system chooses.
    pub fn anywhere() -> Cores {
        Cores { known: Vec::new(), ..Cores::of_this_machine() }
    }

    /// So many places to compute at the same time, which are no cores: where the operating system alone decides which threads
    /// run, or where a graphics card does the computing.
    pub fn slots(number: usize) -> Cores {
        Cores { number: number.max(1), known: Vec::new() }
    }

    /// How many there are.
    pub fn number(&self) -> usize {
        self.number
    }

    /// Their numbers in the system, or from 0 where it does not tell.
    pub fn numbers(&self) -> Vec<usize> {
        if self.known.is_empty() { (0..self.number).collect() } else { self.known.clone() }
    }

    /// So many of them at most.
    pub fn at_most(&self, number: usize) -> Cores {
        let known = self.known.iter().copied().take(number).collect();
        Cores { number: self.number.min(number.max(1)), known }
    }

    /// This one alone.
    pub fn only(&self, core: Core) -> Cores {
        Cores { number: 1, known: self.known.get(core.0).copied().into_iter().collect() }
    }

    /// Each of them.
    pub fn all(&self) -> Vec<Core> {
        (0..self.number).map(Core).collect()
    }

    /// The core that the calling thread is on, where the system tells; a thread that was not put there may leave it.
    pub fn here(&self) -> Option<Core> {
        let here = system::here()?;
        self.known.iter().position(|&core| core == here).map(Core)
    }

    /// From now on, the thread runs on this core only.
    pub fn put(&self, thread: Thread, core: Core) {
        if let Some(&core) = self.known.get(core.0) {
            system::allow(thread.0, &[core]);
        }
    }

    /// From now on, the thread runs on any of them.
    pub fn release(&self, thread: Thread) {
        if !self.known.is_empty() {
            system::allow(thread.0, &self.known);
        }
    }
}

/// Who decides on which core a worker computes, and when.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, strum::Display, strum::EnumString, strum::VariantNames)]
#[strum(serialize_all = "kebab-case")]
pub enum Placement {
    /// As many workers compute as there are cores, each on its own; the others queue.
    #[default]
    Cores,
    /// All workers compute at once, and the operating system slices their time, so that reads and writes interleave.
    Kernel,
}

/// A thread of this process.
#[derive(Clone, Copy, Debug)]
pub struct Thread(system::Id);

impl Thread {
    /// The one that asks.
    pub fn this() -> Thread {
        Thread(system::this())
    }
}

#[cfg(target_os = "linux")]
mod system {
    use rustix::thread::{CpuSet, gettid, sched_getaffinity, sched_getcpu, sched_setaffinity};

    pub type Id = rustix::thread::Pid;

    pub fn this() -> Id {
        gettid()
    }

    pub fn here() -> Option<usize> {
        Some(sched_getcpu())
    }

    pub fn cores() -> Vec<usize> {
        let set = sched_getaffinity(None);
        set.map_or_else(|_| Vec::new(), |set| (0..CpuSet::MAX_CPU).filter(|&core| set.is_set(core)).collect())
    }

    pub fn allow(thread: Id, cores: &[usize]) {
        let mut set = CpuSet::new();
        cores.iter().for_each(|&core| set.set(core));
        // Where the system refuses, or the thread has ended, it runs where it may.
        let _ = sched_setaffinity(Some(thread), &set);
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    pub type Id = ();

    pub fn this() {}

    pub fn here() -> Option<usize> {
        None
    }

    pub fn cores() -> Vec<usize> {
        Vec::new()
    }

    pub fn allow((): Id, _: &[usize]) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_goes_where_it_is_put_and_is_let_go_again() {
        let cores = Cores::of_this_machine();
        let all = system::cores();
        std::thread::spawn(move || {
            let last = *cores.all().last().expect("a machine has a core");
            cores.put(Thread::this(), last);
            if let Some(&known) = cores.known.last() {
                assert_eq!(system::cores(), [known]);
                assert_eq!(cores.here(), Some(last));
                assert_eq!(Cores::of_this_machine(), cores, "as many as ever, from wherever one asks");
            }
            cores.release(Thread::this());
            assert_eq!(system::cores(), all);
        })
        .join()
        .expect("as it should be");
    }
}
