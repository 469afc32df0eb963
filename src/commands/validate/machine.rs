//! What else the machine does: its load before, and what other processes and other machines take of the cores meanwhile.
//! Known where the system tells (Linux); a virtual machine is told what its host gives to others.

use std::fmt::Write;
use std::time::Instant;
use validation::cluster::cores::Cores;

/// The machine before the work.
pub struct Look {
    load: Option<f64>,
    ticks: Option<Ticks>,
    began: Instant,
}

/// What the machine did beside the work.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Machine {
    /// Threads that wanted to run before, on average over a minute.
    pub load: Option<f64>,
    /// Share of the cores' time that other processes took meanwhile.
    pub others: Option<f64>,
    /// Share that other machines took.
    pub stolen: Option<f64>,
}

/// Clock ticks of all cores.
struct Ticks {
    all: u64,
    busy: u64,
    stolen: u64,
    /// Of this process.
    own: u64,
}

impl Ticks {
    fn now() -> Option<Ticks> {
        let numbers = |text: &str| text.split_whitespace().map_while(|t| t.parse().ok()).collect::<Vec<u64>>();
        let stat = std::fs::read_to_string("/proc/stat").ok()?;
        let cpu = numbers(stat.lines().next()?.strip_prefix("cpu")?);
        let own = std::fs::read_to_string("/proc/self/stat").ok()?;
        // After the name, which may hold anything: the state, then numbers; user and system time are the 14th and 15th of all.
        let (_, rest) = own.rsplit_once(") ")?;
        let own: Vec<u64> = rest.split_whitespace().skip(11).take(2).filter_map(|t| t.parse().ok()).collect();
        // user, nice, system, idle, iowait, irq, softirq, steal
        let (idle, stolen) = (cpu.get(3)? + cpu.get(4)?, *cpu.get(7)?);
        let all: u64 = cpu.iter().take(8).sum();
        Some(Ticks { all, busy: all - idle - stolen, stolen, own: own.iter().sum() })
    }
}

impl Look {
    /// Looks.
    pub fn now() -> Look {
        let load = std::fs::read_to_string("/proc/loadavg").ok();
        let load = load.and_then(|text| text.split_whitespace().next()?.parse().ok());
        Look { load, ticks: Ticks::now(), began: Instant::now() }
    }

    /// What to know before one waits for minutes.
    pub fn warning(&self) -> Option<String> {
        let cores = Cores::of_this_machine().number();
        let load = self.load.filter(|load| *load > 0.25 * cores as f64)?;
        Some(format!(
            "the machine is busy: a load of {load:.1} on {cores} cores before the first measurement; intervals will be wide"
        ))
    }

    /// What happened since, and for how many minutes.
    pub fn until_now(self) -> (Machine, f64) {
        let shares = self.ticks.zip(Ticks::now()).map(|(before, now)| {
            let all = (now.all - before.all).max(1) as f64;
            let others = (now.busy - before.busy).saturating_sub(now.own - before.own) as f64;
            (others / all, now.stolen.saturating_sub(before.stolen) as f64 / all)
        });
        let machine =
            Machine { load: self.load, others: shares.map(|shares| shares.0), stolen: shares.map(|shares| shares.1) };
        (machine, self.began.elapsed().as_secs_f64() / 60.0)
    }
}

impl Machine {
    /// Whether it did enough of other things to be felt.
    pub fn was_busy(&self) -> bool {
        self.others.is_some_and(|share| share > 0.03) || self.stolen.is_some_and(|share| share > 0.01)
    }

    /// A sentence on it, where the system tells.
    pub fn sentence(&self) -> Option<String> {
        let (others, stolen) = (self.others?, self.stolen?);
        let mut text = String::new();
        if let Some(load) = self.load {
            let _ = write!(text, "Load before: {load:.1}. ");
        }
        let _ = write!(
            text,
            "Meanwhile other processes took {:.0} % of the cores' time, other machines {:.0} %.",
            100.0 * others,
            100.0 * stolen
        );
        Some(text)
    }
}
