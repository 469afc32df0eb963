//! A part of a sweep: `2/3` is one of three.

use std::fmt::{self, Display};
use std::str::FromStr;

/// One of so many parts, which hold every configuration once together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    part: u32,
    of: u32,
}

impl Shard {
    /// More than anybody has machines.
    const MOST: u32 = 100_000;

    /// Its number, from 0, and how many there are.
    pub fn numbers(self) -> (u32, u32) {
        (self.part % self.of, self.of)
    }

    /// Whether the `index`-th configuration is in it.
    pub fn holds(self, index: usize) -> bool {
        index as u64 % u64::from(self.of) == u64::from(self.part % self.of)
    }

    /// The name of its directory in that of the sweep.
    pub fn directory(self) -> String {
        let (part, of) = self.numbers();
        format!("part-{part}-of-{of}")
    }
}

impl FromStr for Shard {
    type Err = String;

    /// Schedulers count from 0 or from 1; the last of the one is the first of the other.
    fn from_str(text: &str) -> Result<Shard, String> {
        let numbers = text.split_once('/').map(|(part, of)| (part.trim().parse(), of.trim().parse()));
        match numbers {
            Some((Ok(part), Ok(of))) if part <= of && (1..=Shard::MOST).contains(&of) => Ok(Shard { part, of }),
            _ => Err(format!(
                "'{}' is not a part of a whole; type 1/3, 2/3 and 3/3, or 0/3, 1/3 and 2/3",
                crate::formats::clip(text)
            )),
        }
    }
}

impl Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.part, self.of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_parts_hold_every_configuration_once_counted_from_0_or_from_1() {
        for of in 1..7 {
            for first in [0, 1] {
                let parts: Vec<Shard> = (first..first + of).map(|i| format!("{i}/{of}").parse().unwrap()).collect();
                for index in 0..50 {
                    assert_eq!(parts.iter().filter(|part| part.holds(index)).count(), 1, "{index} of {of} parts");
                }
            }
        }
        for wrong in ["", "3", "4/3", "1/0", "-1/3", "a/b", "1/3/5", "1/1000000"] {
            assert!(wrong.parse::<Shard>().is_err(), "{wrong}");
        }
    }
}
