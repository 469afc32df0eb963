//! Why a file of step times cannot be read: where, why, and what to do instead; never more than a line.

pub use sim::clip;
use std::fmt;

/// A file, a place in it, a reason and an advice.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Refusal {
    /// The file, as typed.
    pub file: String,
    /// The line, from 1, where one line is at fault.
    pub line: Option<u64>,
    /// What is wrong.
    pub reason: String,
    /// What to do.
    pub advice: String,
}

impl Refusal {
    /// A refusal of something that a reader, which knows no file names, found.
    pub fn new(reason: impl Into<String>, advice: impl Into<String>) -> Refusal {
        Refusal { file: String::new(), line: None, reason: reason.into(), advice: advice.into() }
    }

    /// Refuses differences of what is a duration.
    pub fn no_clock(name: &str) -> Refusal {
        Refusal::new(format!("'{}' is a time and no clock", clip(name)), "leave diff: out")
    }

    /// The same, with the line at fault.
    pub fn at(self, line: u64) -> Refusal {
        Refusal { line: Some(line), ..self }
    }

    /// The same, with the file at fault.
    pub fn of(self, file: &str) -> Refusal {
        Refusal { file: file.to_string(), ..self }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Refusal { file, line, reason, advice } = self;
        match line {
            Some(line) => write!(f, "{file}, line {line}: {reason}; {advice}"),
            None => write!(f, "{file}: {reason}; {advice}"),
        }
    }
}

/// A few names out of many, quoted.
pub fn some_of<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let mut text = String::new();
    for (i, name) in names.into_iter().enumerate() {
        let next = clip(name);
        if i > 0 && (i == 6 || text.chars().count() + next.chars().count() > 50) {
            text.push_str(", …");
            break;
        }
        if i > 0 {
            text.push_str(", ");
        }
        text.push_str(&next);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_message_is_longer_than_a_line_whatever_the_file_holds() {
        let long = "x".repeat(300_000_000 / 1000);
        assert!(clip(&long).chars().count() <= 60 && clip("a\x1b[2J\nb") == "a·[2J·b");
        let names: Vec<String> = (0..1_000_000 / 100).map(|i| format!("column{i}{long:.9}")).collect();
        assert!(some_of(names.iter().map(String::as_str)).chars().count() <= 60);
        assert!(some_of([&long[..], &long[..]]).chars().count() <= 60);
        assert_eq!(some_of(["a", "b"]), "a, b");
    }
}
