//! What else the machine does: its load before, and what other processes and other machines take of the cores meanwhile.
//! Known where the system tells (Linux); a virtual machine is told what its host gives to others.

use crate::text::count;
use std::fmt::Write;
use std::time::Instant;

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

    /// What to know before one waits for minutes on so many cores.
    pub fn warning(&self, cores: usize) -> Option<String> {
        let load = self.load.filter(|load| *load > 0.25 * cores as f64)?;
        Some(format!(
            "the machine is busy: a load of {load:.1} on {} before the first measurement; intervals will be wide",
            count(cores as u64, "core")
        ))
    }

    /// What happened since, and for how many minutes. Of several processes that work together, each would count the others among
    /// those that disturb it, and none knows who else did.
    pub fn until_now(self, together: bool) -> (Machine, f64) {
        let shares = self.ticks.zip(Ticks::now()).map(|(before, now)| {
            // Some of the system's counters may fall.
            let since = |count: fn(&Ticks) -> u64| count(&now).saturating_sub(count(&before));
            let all = since(|ticks| ticks.all).max(1) as f64;
            let others = since(|ticks| ticks.busy).saturating_sub(since(|ticks| ticks.own)) as f64;
            (others / all, since(|ticks| ticks.stolen) as f64 / all)
        });
        let others = shares.filter(|_| !together).map(|shares| shares.0);
        let machine = Machine { load: self.load, others, stolen: shares.map(|shares| shares.1) };
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
        let stolen = self.stolen?;
        let mut text = String::new();
        if let Some(load) = self.load {
            let _ = write!(text, "Load before: {load:.1}. ");
        }
        text += "Meanwhile ";
        if let Some(others) = self.others {
            let _ = write!(text, "other processes took {:.0} % of the cores' time, ", 100.0 * others);
        }
        let _ =
            write!(text, "other machines {}{:.0} %.", if self.others.is_some() { "" } else { "took " }, 100.0 * stolen);
        Some(text)
    }
}
