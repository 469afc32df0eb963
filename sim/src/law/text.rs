//! Typing a law and printing it; what is wrong with what was typed.

use super::Law;
use crate::nearest;
use std::fmt;
use std::str::FromStr;

/// Where a trace is to be read from: a column of a CSV file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceSource {
    /// The file, as typed.
    pub file: String,
    /// The column with seconds; `step_time_s` unless named.
    pub column: Option<String>,
}

/// What may be typed for a law: one that is known at once, or one whose trace is still to be read.
#[derive(Clone, Debug, PartialEq)]
pub enum LawText {
    /// A law.
    Law(Law),
    /// A trace; make it a law with [`Law::trace`].
    Trace(TraceSource),
}

/// The form in which a law is typed: its name, its arguments, an example.
struct Form {
    name: &'static str,
    arguments: &'static [&'static str],
    example: &'static str,
}

const fn form(name: &'static str, arguments: &'static [&'static str], example: &'static str) -> Form {
    Form { name, arguments, example }
}

const FORMS: [Form; 11] = [
    form("exp", &["rate"], "exp(2)"),
    form("shifted-exp", &["shift", "rate"], "shifted-exp(0.1, 2)"),
    form("constant", &["value"], "constant(0.5)"),
    form("uniform", &["low", "high"], "uniform(0.1, 0.9)"),
    form("gamma", &["shape", "scale"], "gamma(4, 0.25)"),
    form("weibull", &["shape", "scale"], "weibull(2, 0.5)"),
    form("lognormal", &["mu", "sigma"], "lognormal(-1, 0.5)"),
    form("pareto", &["scale", "shape"], "pareto(0.3, 2.5)"),
    form("gumbel", &["location", "scale"], "gumbel(0.5, 0.1)"),
    form("hyper-exp", &["p", "rate1", "rate2"], "hyper-exp(0.9, 2, 0.2)"),
    form("trace", &["file", "column"], "trace(steps.csv, step_time_s)"),
];

/// Below this the negative part of a law is neglected.
const NEGLIGIBLE: f64 = 1e-9;

impl Law {
    /// Every law that has parameters, with means near one half second: for tests and help texts.
    pub fn examples() -> Vec<Law> {
        FORMS.iter().filter(|form| form.name != "trace").map(|form| form.example.parse().expect("an example")).collect()
    }

    fn new(form: &'static Form, a: &[f64]) -> Result<Law, LawError> {
        let need = |i: usize, holds: bool, what: &'static str| -> Result<(), LawError> {
            match holds && a[i].is_finite() {
                true => Ok(()),
                false => Err(LawError::Range { form_of: form.into(), argument: form.arguments[i], value: a[i], what }),
            }
        };
        let positive = |i: usize| need(i, a[i] > 0.0, "positive and finite");
        let law = match form.name {
            "exp" => {
                positive(0)?;
                Law::Exp { rate: a[0] }
            }
            "shifted-exp" => {
                need(0, a[0] >= 0.0, "finite and at least 0")?;
                positive(1)?;
                Law::ShiftedExp { shift: a[0], rate: a[1] }
            }
            "constant" => {
                positive(0)?;
                Law::Constant { value: a[0] }
            }
            "uniform" => {
                need(0, a[0] >= 0.0, "finite and at least 0")?;
                need(1, a[1] > a[0], "finite and greater than low")?;
                Law::Uniform { low: a[0], high: a[1] }
            }
            "gamma" => {
                positive(0)?;
                positive(1)?;
                Law::Gamma { shape: a[0], scale: a[1] }
            }
            "weibull" => {
                positive(0)?;
                positive(1)?;
                Law::Weibull { shape: a[0], scale: a[1] }
            }
            "lognormal" => {
                need(0, true, "finite")?;
                positive(1)?;
                Law::LogNormal { mu: a[0], sigma: a[1] }
            }
            "pareto" => {
                positive(0)?;
                need(1, a[1] > 1.0, "finite and greater than 1, as the mean is infinite otherwise")?;
                Law::Pareto { scale: a[0], shape: a[1] }
            }
            "gumbel" => {
                positive(1)?;
                let negative = (-(a[0] / a[1]).exp()).exp();
                need(
                    0,
                    negative < NEGLIGIBLE,
                    "finite and more than 3.04 times the scale, so that times are positive",
                )?;
                Law::Gumbel { location: a[0], scale: a[1] }
            }
            "hyper-exp" => {
                need(0, (0.0..=1.0).contains(&a[0]), "between 0 and 1")?;
                positive(1)?;
                positive(2)?;
                Law::HyperExp { p: a[0], rate1: a[1], rate2: a[2] }
            }
            other => unreachable!("{other} is not a law of numbers"),
        };
        match law.mean() > 0.0 && law.mean().is_finite() {
            true => Ok(law),
            false => Err(LawError::Mean { law: law.to_string(), mean: law.mean() }),
        }
    }
}

impl fmt::Display for TraceSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.column {
            None => write!(f, "trace({})", self.file),
            Some(column) => write!(f, "trace({}, {column})", self.file),
        }
    }
}

impl fmt::Display for Law {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Law::Exp { rate } => write!(f, "exp({rate})"),
            Law::ShiftedExp { shift, rate } => write!(f, "shifted-exp({shift}, {rate})"),
            Law::Constant { value } => write!(f, "constant({value})"),
            Law::Uniform { low, high } => write!(f, "uniform({low}, {high})"),
            Law::Gamma { shape, scale } => write!(f, "gamma({shape}, {scale})"),
            Law::Weibull { shape, scale } => write!(f, "weibull({shape}, {scale})"),
            Law::LogNormal { mu, sigma } => write!(f, "lognormal({mu}, {sigma})"),
            Law::Pareto { scale, shape } => write!(f, "pareto({scale}, {shape})"),
            Law::Gumbel { location, scale } => write!(f, "gumbel({location}, {scale})"),
            Law::HyperExp { p, rate1, rate2 } => write!(f, "hyper-exp({p}, {rate1}, {rate2})"),
            Law::Trace(trace) => trace.source.fmt(f),
        }
    }
}

impl FromStr for LawText {
    type Err = LawError;

    fn from_str(text: &str) -> Result<LawText, LawError> {
        let shape = || LawError::Shape { text: text.to_string() };
        let (name, rest) = text.trim().split_once('(').ok_or_else(|| match find(text.trim()) {
            Ok(form) => LawError::Arguments { form_of: form.into(), given: 0 },
            Err(unknown) => unknown,
        })?;
        let form = find(name.trim())?;
        let inside = rest.strip_suffix(')').ok_or_else(shape)?.trim();
        let given: Vec<&str> = if inside.is_empty() { vec![] } else { inside.split(',').map(str::trim).collect() };
        if form.name == "trace" {
            return match given[..] {
                [file] if !file.is_empty() => Ok(LawText::Trace(TraceSource { file: file.to_string(), column: None })),
                [file, column] if !file.is_empty() && !column.is_empty() => {
                    Ok(LawText::Trace(TraceSource { file: file.to_string(), column: Some(column.to_string()) }))
                }
                _ => Err(LawError::Arguments { form_of: form.into(), given: given.len() }),
            };
        }
        if given.len() != form.arguments.len() {
            return Err(LawError::Arguments { form_of: form.into(), given: given.len() });
        }
        let mut values = vec![None; given.len()];
        for (position, typed) in given.into_iter().enumerate() {
            let (position, number) = match typed.split_once('=') {
                None => (position, typed),
                Some((argument, number)) => {
                    let argument = argument.trim();
                    let known = form.arguments.iter().position(|a| *a == argument);
                    let unnamed = || LawError::Name { form_of: form.into(), name: argument.to_string() };
                    (known.ok_or_else(unnamed)?, number.trim())
                }
            };
            let argument = form.arguments[position];
            let value = number.parse::<f64>();
            let value =
                value.map_err(|_| LawError::Number { form_of: form.into(), argument, text: number.to_string() })?;
            if values[position].replace(value).is_some() {
                return Err(LawError::Twice { form_of: form.into(), argument });
            }
        }
        let values: Vec<f64> = values.into_iter().map(|v| v.expect("as many as there are, and none twice")).collect();
        Law::new(form, &values).map(LawText::Law)
    }
}

impl FromStr for Law {
    type Err = LawError;

    /// Reads any law but a trace, whose times are in a file.
    fn from_str(text: &str) -> Result<Law, LawError> {
        match text.parse()? {
            LawText::Law(law) => Ok(law),
            LawText::Trace(source) => Err(LawError::Trace { source, wrong: None }),
        }
    }
}

fn find(name: &str) -> Result<&'static Form, LawError> {
    let form = FORMS.iter().find(|form| form.name == name);
    form.ok_or_else(|| LawError::Unknown { name: name.to_string() })
}

/// The form of a law, to be shown in an error: `gamma(shape, scale)`, and an example.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FormOf {
    name: &'static str,
    arguments: &'static [&'static str],
    example: &'static str,
}

impl From<&'static Form> for FormOf {
    fn from(form: &'static Form) -> FormOf {
        FormOf { name: form.name, arguments: form.arguments, example: form.example }
    }
}

/// Why a text is no law.
#[derive(Clone, Debug, PartialEq)]
pub enum LawError {
    /// It does not look like `name(arguments)`.
    Shape {
        /// What was typed.
        text: String,
    },
    /// No law has this name.
    Unknown {
        /// What was typed.
        name: String,
    },
    /// Too few or too many arguments.
    Arguments {
        /// The law.
        form_of: FormOf,
        /// How many were typed.
        given: usize,
    },
    /// The law has no argument of that name.
    Name {
        /// The law.
        form_of: FormOf,
        /// What was typed.
        name: String,
    },
    /// An argument was given twice.
    Twice {
        /// The law.
        form_of: FormOf,
        /// The argument.
        argument: &'static str,
    },
    /// An argument is not a number.
    Number {
        /// The law.
        form_of: FormOf,
        /// The argument.
        argument: &'static str,
        /// What was typed.
        text: String,
    },
    /// An argument is out of its range.
    Range {
        /// The law.
        form_of: FormOf,
        /// The argument.
        argument: &'static str,
        /// What was typed.
        value: f64,
        /// What it has to be.
        what: &'static str,
    },
    /// The mean is infinite, or too small for a number.
    Mean {
        /// The law.
        law: String,
        /// Its mean.
        mean: f64,
    },
    /// A trace without times (`wrong` is `None`), or with one that is not positive and finite.
    Trace {
        /// The trace.
        source: TraceSource,
        /// Which time, counted from 0, and what it is.
        wrong: Option<(usize, f64)>,
    },
}

impl fmt::Display for LawError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LawError::Shape { text } => write!(f, "'{text}' has no closing parenthesis; type exp(2), for example"),
            LawError::Unknown { name } => {
                let names = FORMS.map(|form| form.name);
                let nearest = nearest(name, names);
                write!(f, "there is no law '{name}'; did you mean '{nearest}'? (known: {})", names.join(", "))
            }
            LawError::Arguments { form_of, given } => {
                let FormOf { name, arguments, example } = form_of;
                let wanted = match (*name, arguments.len()) {
                    ("trace", _) => "a file and, if need be, a column".to_string(),
                    (_, 1) => format!("1 argument ({})", arguments[0]),
                    (_, n) => format!("{n} arguments ({})", arguments.join(", ")),
                };
                write!(f, "{name} takes {wanted}, not {given}; type {example}, for example")
            }
            LawError::Name { form_of, name } => {
                let FormOf { name: law, arguments, example: _ } = form_of;
                write!(f, "{law} has no argument '{name}'; it has {}", arguments.join(", "))
            }
            LawError::Twice { form_of, argument } => {
                write!(f, "{argument} is given twice; type {}, for example", form_of.example)
            }
            LawError::Number { form_of, argument, text } => {
                let FormOf { name, arguments: _, example } = form_of;
                write!(f, "{argument} of {name} is not a number: '{text}'; type {example}, for example")
            }
            LawError::Range { form_of, argument, value, what } => {
                let FormOf { name, arguments: _, example } = form_of;
                write!(f, "{argument} of {name} must be {what}, not {value}; type {example}, for example")
            }
            LawError::Mean { law, mean } => {
                write!(f, "the mean of {law} is {mean} seconds, which no run can measure; choose milder arguments")
            }
            LawError::Trace { source, wrong: None } => {
                write!(f, "{source} holds no times; give a CSV file with a column of measured seconds")
            }
            LawError::Trace { source, wrong: Some((index, value)) } => {
                write!(f, "time {} of {source} is {value}; step times are positive, finite seconds", index + 1)
            }
        }
    }
}

impl std::error::Error for LawError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn laws_that_can_be_typed_can_be_printed() {
        for law in Law::examples() {
            assert_eq!(law.to_string().parse(), Ok(law));
        }
        assert_eq!("gamma(scale=0.25, shape=4)".parse::<Law>(), "gamma(4, 0.25)".parse());
        let source = TraceSource { file: "a b.csv".into(), column: Some("seconds".into()) };
        assert_eq!("trace(a b.csv, seconds)".parse(), Ok(LawText::Trace(source)));
    }

    #[test]
    fn what_is_no_law_says_what_would_be() {
        for (text, part) in [
            ("exp(0)", "rate of exp must be positive and finite, not 0"),
            ("exp(-1)", "must be positive and finite, not -1"),
            ("exp(NaN)", "must be positive and finite, not NaN"),
            ("exp(1e400)", "must be positive and finite, not inf"),
            ("exp(two)", "rate of exp is not a number: 'two'"),
            ("exp(1, 2)", "exp takes 1 argument (rate), not 2; type exp(2)"),
            ("exp", "exp takes 1 argument (rate), not 0"),
            ("exp(2", "no closing parenthesis"),
            ("gamma(4)", "gamma takes 2 arguments (shape, scale), not 1"),
            ("gamma(4, mean=2)", "gamma has no argument 'mean'; it has shape, scale"),
            ("gamma(4, shape=2)", "shape is given twice"),
            ("gama(4, 1)", "did you mean 'gamma'"),
            ("uniform(2, 1)", "high of uniform must be finite and greater than low"),
            ("pareto(1, 1)", "shape of pareto must be finite and greater than 1"),
            ("hyper-exp(1.5, 1, 1)", "p of hyper-exp must be between 0 and 1"),
            ("gumbel(1, 1)", "location of gumbel must be finite and more than 3.04 times the scale"),
            ("lognormal(1000, 1)", "the mean of lognormal(1000, 1) is inf"),
            ("trace()", "trace takes a file"),
        ] {
            let message = text.parse::<LawText>().unwrap_err().to_string();
            assert!(message.contains(part), "{text}: {message}");
        }
    }
}
