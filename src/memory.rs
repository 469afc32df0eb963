//! Memory: what is left for this process, and a refusal before it runs out.

use crate::error::Error;
use std::fs::{File, read_to_string};
use std::io::{self, Read};
use std::path::Path;

/// Bytes that this process may still take, as far as the system tells: what the machine has left, what its control group and
/// the limit on its address space allow.
fn left() -> Option<u64> {
    let number = |text: &str| text.split_whitespace().find_map(|word| word.parse::<u64>().ok());
    let after = |file: &str, name: &str| {
        let text = read_to_string(file).ok()?;
        number(text.lines().find_map(|line| line.strip_prefix(name))?)
    };
    let machine = after("/proc/meminfo", "MemAvailable:").map(|kilobytes| 1024 * kilobytes);
    let of_group = |file: &str| number(&read_to_string(format!("/sys/fs/cgroup/memory.{file}")).ok()?);
    // Files that it has read and may forget are no loss.
    let cached = after("/sys/fs/cgroup/memory.stat", "inactive_file ").unwrap_or(0);
    let held = of_group("current").map_or(0, |current| current.saturating_sub(cached));
    let group = of_group("max").map(|most| most.saturating_sub(held));
    let taken = after("/proc/self/status", "VmSize:").map_or(0, |kilobytes| 1024 * kilobytes);
    let space = after("/proc/self/limits", "Max address space").map(|limit| limit.saturating_sub(taken));
    [machine, group, space].into_iter().flatten().min()
}

/// Refuses what would take more memory than there is.
///
/// # Errors
/// If these bytes are more than what is left, with both figures and this advice.
pub fn afford(bytes: u64, what: &str, advice: &str) -> Result<(), Error> {
    match left() {
        Some(left) if bytes > left => {
            let (bytes, left) = (shown(bytes), shown(left));
            Err(Error::Usage(format!("{what} would take about {bytes} of memory, and {left} are left; {advice}")))
        }
        _ => Ok(()),
    }
}

/// The bytes of a file, so many at most: what has no end is not read to it.
///
/// # Errors
/// If it cannot be read, or is longer.
pub fn read(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(most + 1).read_to_end(&mut bytes)?;
    match bytes.len() as u64 > most {
        true => Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("it is longer than {}", shown(most)))),
        false => Ok(bytes),
    }
}

/// The longest manifest, settings or metrics that are read, in bytes.
pub const MOST_TEXT: u64 = 64 << 20;

/// The gradients that training keeps: each worker has what it computes on and what it submits, an update all that go into it,
/// the server its own state.
///
/// # Errors
/// If they do not fit.
#[cfg(feature = "train")]
pub fn afford_gradients(parameters: usize, rule: sim::Rule) -> Result<(), Error> {
    let vectors = 4 * u64::from(rule.workers) + u64::from(rule.quorum) + 4;
    let bytes = (4 * parameters as u64).saturating_mul(vectors);
    let what =
        format!("gradients of {parameters} parameters, {} in an update of {} workers,", rule.quorum, rule.workers);
    afford(bytes, &what, "lower --workers, or the K of the policy, or take a smaller --model")
}

fn shown(bytes: u64) -> String {
    match bytes as f64 {
        few if few < 1e6 => format!("{:.0} kB", few / 1e3),
        some if some < 1e9 => format!("{:.0} MB", some / 1e6),
        many => format!("{:.1} GB", many / 1e9),
    }
}
