//! Typing a law and printing it.

use super::{Law, LawError, Phases};
use crate::random::compute::Dependence;
use crate::random::syntax::{Form, FormError};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// Where a trace is to be read from: a column of a CSV file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceSource {
    /// The file, as typed.
    pub file: String,
    /// The column with seconds; `step_time_s` unless named.
    pub column: Option<String>,
    /// What draws from it keep of the measured steps.
    pub dependence: Dependence,
}

impl TraceSource {
    /// A file's usual column, of which every time is as good as any other.
    pub fn file(file: impl Into<String>) -> TraceSource {
        TraceSource { file: file.into(), column: None, dependence: Dependence::Pooled }
    }
}

/// What may be typed for a law: one that is known at once, or one whose trace is still to be read.
#[derive(Clone, Debug, PartialEq)]
pub enum LawText {
    /// A law.
    Law(Law),
    /// A trace; make it a law with [`Law::trace`].
    Trace(TraceSource),
}

const FORMS: &[Form] = &[
    Form::new("exp", &["rate"], "exp(2)"),
    Form::new("shifted-exp", &["shift", "rate"], "shifted-exp(0.1, 2)"),
    Form::new("constant", &["value"], "constant(0.5)"),
    Form::new("uniform", &["low", "high"], "uniform(0.1, 0.9)"),
    Form::new("gamma", &["shape", "scale"], "gamma(4, 0.25)"),
    Form::new("weibull", &["shape", "scale"], "weibull(2, 0.5)"),
    Form::new("lognormal", &["mu", "sigma"], "lognormal(-1, 0.5)"),
    Form::new("pareto", &["scale", "shape"], "pareto(0.3, 2.5)"),
    Form::new("gumbel", &["location", "scale"], "gumbel(0.5, 0.1)"),
    Form::new("hyper-exp", &["p", "rate1", "rate2"], "hyper-exp(0.9, 2, 0.2)"),
    Form::new("normal", &["mean", "cv"], "normal(0.5, 0.2)"),
    Form::new("markov", &["fast law", "slow law", "mean stay", "mean stay"], "markov(exp(4), exp(1), 20, 5)"),
    Form::new("trace", &["file", "column"], "trace(steps.csv, step_time_s)"),
];

/// Below this the negative part of a law is neglected.
const NEGLIGIBLE: f64 = 1e-9;

/// Means outside of this, in seconds, and their squares, leave no room for numbers.
const MEASURABLE: std::ops::RangeInclusive<f64> = 1e-100..=1e100;

impl Law {
    pub(super) fn with_a_measurable_mean(self) -> Result<Law, LawError> {
        match MEASURABLE.contains(&self.mean()) {
            true => Ok(self),
            false => Err(LawError::Mean { law: self.to_string(), mean: self.mean() }),
        }
    }

    /// The law of this name with these parameters, in the order in which they are typed.
    ///
    /// # Errors
    /// [`LawError`] if there is no such law, or one of its parameters is out of its range.
    ///
    /// ```
    /// use straggle_sim::Law;
    /// assert_eq!(Law::with("exp", &[2.0]).unwrap().to_string(), "exp(2)");
    /// assert!(Law::with("exp", &[0.0]).is_err());
    /// ```
    pub fn with(name: &str, parameters: &[f64]) -> Result<Law, LawError> {
        let form = FORMS.iter().find(|form| form.name == name && !["trace", "markov"].contains(&name));
        let form = *form.ok_or_else(|| FormError::Unknown { what: "law", name: name.to_string(), forms: FORMS })?;
        if form.arguments.len() != parameters.len() {
            return Err(FormError::Count { form, given: parameters.len() }.into());
        }
        Law::new(form, parameters)
    }

    /// Every law that has parameters, with means near one half second: for tests and help texts.
    pub fn examples() -> Vec<Law> {
        FORMS.iter().filter(|form| form.name != "trace").map(|form| form.example.parse().expect("an example")).collect()
    }

    fn new(form: Form, a: &[f64]) -> Result<Law, LawError> {
        let need = |i, holds, needed| form.need(a, i, holds, needed);
        let positive = |i| form.need_positive(a, i);
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
            "normal" => {
                positive(0)?;
                positive(1)?;
                Law::Normal { mean: a[0], cv: a[1] }
            }
            other => unreachable!("{other} is not a law of numbers"),
        };
        law.with_a_measurable_mean()
    }
}

/// Two laws and two mean stays.
fn markov(form: Form, given: &[&str]) -> Result<Law, LawError> {
    let &[fast, slow, stay_fast, stay_slow] = given else {
        return Err(FormError::Count { form, given: given.len() }.into());
    };
    let phase = |text: &str| match text.parse()? {
        LawText::Trace(_) => Err(LawError::Phase { text: text.to_string() }),
        LawText::Law(law) => Ok(law),
    };
    let stay = |text: &str| {
        let wrong = |_| FormError::Number { form, argument: "mean stay", text: text.to_string() };
        text.parse::<f64>().map_err(wrong)
    };
    let (fast, slow, a, b) = (phase(fast)?, phase(slow)?, stay(stay_fast)?, stay(stay_slow)?);
    Law::in_phases(fast, slow, a, b)
}

impl Law {
    /// Phases of two laws without phases, with mean stays of so many steps.
    pub(super) fn in_phases(fast: Law, slow: Law, a: f64, b: f64) -> Result<Law, LawError> {
        let form = *FORMS.iter().find(|form| form.name == "markov").expect("it is one of them");
        if let Some(law) = [&fast, &slow].into_iter().find(|law| matches!(law, Law::Markov(_))) {
            return Err(LawError::Phase { text: law.to_string() });
        }
        for (i, value) in [(2, a), (3, b)] {
            form.need(&[0.0, 0.0, a, b], i, (1.0..=LONGEST_STAY).contains(&value), "from 1 to 100000 steps")?;
        }
        form.need(
            &[0.0, 0.0, a, b],
            2,
            // Up to the rounding of steps that come by chance.
            1.0 / a + 1.0 / b <= 1.0 + 1e-12,
            "so long that 1/stay + 1/stay is at most 1, as with 2 and 2",
        )?;
        Law::Markov(Arc::new(Phases { fast, slow, stay_fast: a, stay_slow: b })).with_a_measurable_mean()
    }
}

/// A look back over the steps of a longer phase takes too long.
const LONGEST_STAY: f64 = 1e5;

impl fmt::Display for TraceSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "trace({}", self.file)?;
        if let Some(column) = &self.column {
            write!(f, ", {column}")?;
        }
        match self.dependence {
            Dependence::Pooled => f.write_str(")"),
            dependence => write!(f, ", {dependence})"),
        }
    }
}

impl fmt::Display for Law {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Very large and very small numbers are typed, and printed, with an exponent.
        let n = |value: &f64| match value.abs() {
            0.0 | 1e-5..1e16 => value.to_string(),
            _ => format!("{value:e}"),
        };
        match self {
            Law::Exp { rate } => write!(f, "exp({})", n(rate)),
            Law::ShiftedExp { shift, rate } => write!(f, "shifted-exp({}, {})", n(shift), n(rate)),
            Law::Constant { value } => write!(f, "constant({})", n(value)),
            Law::Uniform { low, high } => write!(f, "uniform({}, {})", n(low), n(high)),
            Law::Gamma { shape, scale } => write!(f, "gamma({}, {})", n(shape), n(scale)),
            Law::Weibull { shape, scale } => write!(f, "weibull({}, {})", n(shape), n(scale)),
            Law::LogNormal { mu, sigma } => write!(f, "lognormal({}, {})", n(mu), n(sigma)),
            Law::Pareto { scale, shape } => write!(f, "pareto({}, {})", n(scale), n(shape)),
            Law::Gumbel { location, scale } => write!(f, "gumbel({}, {})", n(location), n(scale)),
            Law::HyperExp { p, rate1, rate2 } => write!(f, "hyper-exp({}, {}, {})", n(p), n(rate1), n(rate2)),
            Law::Normal { mean, cv } => write!(f, "normal({}, {})", n(mean), n(cv)),
            Law::Markov(phases) => {
                let Phases { fast, slow, stay_fast, stay_slow } = &**phases;
                write!(f, "markov({fast}, {slow}, {}, {})", n(stay_fast), n(stay_slow))
            }
            Law::Trace(trace) => trace.source.fmt(f),
        }
    }
}

impl fmt::Display for LawText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LawText::Law(law) => law.fmt(f),
            LawText::Trace(source) => source.fmt(f),
        }
    }
}

impl FromStr for LawText {
    type Err = LawError;

    fn from_str(text: &str) -> Result<LawText, LawError> {
        let (form, given) = Form::split(text, "law", FORMS)?;
        if form.name == "markov" {
            return markov(form, &given).map(LawText::Law);
        }
        if form.name != "trace" {
            return Law::new(form, &form.numbers(&given)?).map(LawText::Law);
        }
        // The last argument may say how to draw, the one before may name a column.
        let (named, dependence) = match given.split_last() {
            Some((last, named @ [_, ..])) if last.parse::<Dependence>().is_ok() => {
                (named, last.parse().unwrap_or_default())
            }
            _ => (&given[..], Dependence::Pooled),
        };
        let (file, column) = match *named {
            [file] => (file, None),
            [file, column] => (file, Some(column.to_string())),
            _ => return Err(LawError::Columns { given: given.len() }),
        };
        Ok(LawText::Trace(TraceSource { file: file.to_string(), column, dependence }))
    }
}

impl FromStr for Law {
    type Err = LawError;

    /// Reads any law but a trace, whose times are in a file.
    fn from_str(text: &str) -> Result<Law, LawError> {
        match text.parse()? {
            LawText::Law(law) => Ok(law),
            LawText::Trace(source) => Err(LawError::Trace { trace: source, wrong: None }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn laws_that_can_be_typed_can_be_printed() {
        for law in Law::examples() {
            assert_eq!(law.to_string().parse(), Ok(law));
        }
        assert_eq!("gamma(scale=0.25, shape=4)".parse::<Law>(), "gamma(4, 0.25)".parse());
        for text in
            ["trace(a b.csv, seconds)", "trace(f, rows)", "trace(f, c, blocks:7)", "trace(f, by-worker)", "trace(f)"]
        {
            match text.parse() {
                Ok(LawText::Trace(source)) => assert_eq!(source.to_string(), text),
                other => panic!("{text}: {other:?}"),
            }
        }
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
            ("exp(2", "does not end with a closing parenthesis"),
            ("gamma(4)", "gamma takes 2 arguments (shape, scale), not 1"),
            ("gamma(4, mean=2)", "gamma has no argument 'mean', only shape, scale"),
            ("gamma(4, shape=2)", "shape is given twice"),
            ("gama(4, 1)", "did you mean 'gamma'"),
            ("uniform(2, 1)", "high of uniform must be finite and greater than low"),
            ("pareto(1, 1)", "shape of pareto must be finite and greater than 1"),
            ("hyper-exp(1.5, 1, 1)", "p of hyper-exp must be between 0 and 1"),
            ("gumbel(1, 1)", "location of gumbel must be finite and more than 3.04 times the scale"),
            ("lognormal(1000, 1)", "the mean of lognormal(1000, 1) is inf"),
            ("normal(1, 0)", "cv of normal must be positive"),
            ("markov(exp(1), exp(2), 5)", "markov takes 4 arguments (fast law, slow law, mean stay, mean stay), not 3"),
            ("markov(exp(1), exp(0), 5, 5)", "rate of exp must be positive"),
            ("markov(exp(1), trace(a), 5, 5)", "a phase of markov has a law of numbers, not trace(a)"),
            ("markov(exp(1), exp(2), 1, 5)", "mean stay of markov must be so long that 1/stay + 1/stay is at most 1"),
            ("markov(exp(1), exp(2), 5, 1e9)", "mean stay of markov must be from 1 to 100000 steps"),
            ("trace()", "trace takes a file and, if need be, a column, not 0 arguments"),
        ] {
            let message = text.parse::<LawText>().unwrap_err().to_string();
            assert!(message.contains(part), "{text}: {message}");
        }
    }
}
