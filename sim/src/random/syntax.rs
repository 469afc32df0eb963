//! How are things with parameters typed? `name(number, number)` or `name(a = number, b = number)`: one reader for all.

use crate::{clip, unknown};
use std::fmt;

/// The form in which something is typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Form {
    /// Its name.
    pub name: &'static str,
    /// The names of its arguments, in order.
    pub arguments: &'static [&'static str],
    /// The whole, typed correctly.
    pub example: &'static str,
}

impl Form {
    pub(crate) const fn new(name: &'static str, arguments: &'static [&'static str], example: &'static str) -> Form {
        Form { name, arguments, example }
    }

    /// Finds the form of `text` and splits its arguments. `what` is the kind of thing: "law".
    pub(crate) fn split<'a>(
        text: &'a str,
        what: &'static str,
        forms: &'static [Form],
    ) -> Result<(Form, Vec<&'a str>), FormError> {
        let find = |name: &str| {
            let form = forms.iter().find(|form| form.name == name);
            form.copied().ok_or_else(|| FormError::Unknown { what, name: name.to_string(), forms })
        };
        let text = text.trim();
        let Some((name, rest)) = text.split_once('(') else {
            return Ok((find(text)?, Vec::new()));
        };
        let form = find(name.trim())?;
        let inside = rest.strip_suffix(')').ok_or_else(|| FormError::Open { text: text.to_string(), form })?.trim();
        Ok((form, if inside.is_empty() { vec![] } else { arguments(inside) }))
    }

    /// The values of the arguments, in the order of the form, however they were typed.
    pub(crate) fn numbers(self, given: &[&str]) -> Result<Vec<f64>, FormError> {
        if given.len() != self.arguments.len() {
            return Err(FormError::Count { form: self, given: given.len() });
        }
        let mut values = vec![None; given.len()];
        for (position, typed) in given.iter().enumerate() {
            let (position, number) = match typed.split_once('=') {
                None => (position, *typed),
                Some((name, number)) => {
                    let known = self.arguments.iter().position(|a| *a == name.trim());
                    let unknown = || FormError::Name { form: self, name: name.trim().to_string() };
                    (known.ok_or_else(unknown)?, number.trim())
                }
            };
            let argument = self.arguments[position];
            let wrong = |_| FormError::Number { form: self, argument, text: number.to_string() };
            if values[position].replace(number.parse::<f64>().map_err(wrong)?).is_some() {
                return Err(FormError::Twice { form: self, argument });
            }
        }
        Ok(values.into_iter().map(|v| v.expect("as many as there are, and none twice")).collect())
    }

    /// Demands that argument number `i` is finite and that `holds`; `needed` says what it has to be.
    pub(crate) fn need(self, values: &[f64], i: usize, holds: bool, needed: &'static str) -> Result<(), FormError> {
        match holds && values[i].is_finite() {
            true => Ok(()),
            false => Err(FormError::Range { form: self, argument: self.arguments[i], value: values[i], needed }),
        }
    }

    /// Demands that argument number `i` is positive and finite.
    pub(crate) fn need_positive(self, values: &[f64], i: usize) -> Result<(), FormError> {
        self.need(values, i, values[i] > 0.0, "positive and finite")
    }
}

/// What is between the commas that are in no parentheses.
fn arguments(text: &str) -> Vec<&str> {
    let mut depth = 0u32;
    let between = |c: char| {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        c == ',' && depth == 0
    };
    text.split(between).map(str::trim).collect()
}

/// Why a text does not have the form it should.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum FormError {
    /// Nothing has this name.
    Unknown {
        /// What kind of thing it should be.
        what: &'static str,
        /// What was typed.
        name: String,
        /// What is known.
        forms: &'static [Form],
    },
    /// The closing parenthesis is missing.
    Open {
        /// What was typed.
        text: String,
        /// What it looks like.
        form: Form,
    },
    /// Too few or too many arguments.
    Count {
        /// The form.
        form: Form,
        /// How many were typed.
        given: usize,
    },
    /// There is no argument of that name.
    Name {
        /// The form.
        form: Form,
        /// What was typed.
        name: String,
    },
    /// An argument was given twice.
    Twice {
        /// The form.
        form: Form,
        /// The argument.
        argument: &'static str,
    },
    /// An argument is not a number.
    Number {
        /// The form.
        form: Form,
        /// The argument.
        argument: &'static str,
        /// What was typed.
        text: String,
    },
    /// An argument is out of its range.
    Range {
        /// The form.
        form: Form,
        /// The argument.
        argument: &'static str,
        /// What was typed.
        value: f64,
        /// What it has to be.
        needed: &'static str,
    },
}

impl fmt::Display for FormError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let example = match self {
            FormError::Unknown { what, name, forms } => {
                let names: Vec<&str> = forms.iter().map(|form| form.name).collect();
                return f.write_str(&unknown(what, name, &names));
            }
            FormError::Open { text, form } => {
                write!(f, "'{}' does not end with a closing parenthesis", clip(text))?;
                form.example
            }
            FormError::Count { form, given } => {
                let Form { name, arguments, .. } = form;
                let plural = if arguments.len() == 1 { "" } else { "s" };
                let all = arguments.join(", ");
                write!(f, "{name} takes {} argument{plural} ({all}), not {given}", arguments.len())?;
                form.example
            }
            FormError::Name { form, name } => {
                write!(f, "{} has no argument '{}', only {}", form.name, clip(name), form.arguments.join(", "))?;
                form.example
            }
            FormError::Twice { form, argument } => {
                write!(f, "{argument} is given twice")?;
                form.example
            }
            FormError::Number { form, argument, text } => {
                write!(f, "{argument} of {} is not a number: '{}'", form.name, clip(text))?;
                form.example
            }
            FormError::Range { form, argument, value, needed } => {
                write!(f, "{argument} of {} must be {needed}, not {value}", form.name)?;
                form.example
            }
        };
        write!(f, "; type {example}, for example")
    }
}
