//! Options of a simulated cluster: how long steps take, and everything that can come between a worker and an update.
//!
//! Two groups, as some commands know the step times from elsewhere. Both become one [`ClusterSpec`], here and nowhere else.

use super::quantities::{Comm, Factors, Laws, Quantity, bandwidth, bytes, factors, rate, seconds, share};
use super::values::{Delay, Delays, Speeds, Typed, at_least, choice, speeds};
use crate::error::Error;
use crate::formats::{Devices, Options, Refusal, Unit};
use crate::session::Session;
use crate::trace;
use clap::Args;
use serde::Serialize;
use sim::cluster::comm::Communication;
use sim::{Cancellation, ClusterSpec, Compute, Failures, LawText, SpecError};

/// How long a step takes.
#[derive(Clone, Debug, Default, Args, Serialize)]
#[command(next_help_heading = "Cluster")]
pub struct StepTime {
    /// Rate of exponential step times, per second; short for --step-time 'exp(RATE)' [default: 2].
    #[arg(long, value_name = "RATE", value_parser = exponential, allow_hyphen_values = true, conflicts_with = "step_time")]
    pub lambda: Option<Typed<Laws>>,
    /// Law of the computing time of a step, in seconds: exp(2), gamma(4, 0.25), 'trace(steps.csv, step_time_s)', ...
    ///
    /// Known: exp(rate), shifted-exp(shift, rate), constant(value), uniform(low, high), gamma(shape, scale),
    /// weibull(shape, scale), lognormal(mu, sigma), pareto(scale, shape), gumbel(location, scale),
    /// hyper-exp(p, rate1, rate2), normal(mean, cv), markov(fast law, slow law, mean stay, mean stay), trace(FILE.csv), trace(FILE.csv, COLUMN), trace(FILE.csv, COLUMN, HOW) where HOW is
    /// pooled, by-worker, rows or blocks:L. A law for each worker: 'exp(2); exp(1)'.
    #[arg(long, value_name = "LAW")]
    pub step_time: Option<Typed<Laws>>,
    /// Unit of the times in traces whose column does not name one [default: s].
    #[arg(long, value_enum, value_name = "UNIT")]
    pub unit: Option<Unit>,
    /// First steps of each worker in a trace that are left out [default: 0].
    #[arg(long, value_name = "N", value_parser = at_least::<u32>(0, 2), allow_hyphen_values = true)]
    pub skip: Option<u32>,
}

/// Everything else: workers, machines, links, server, failures.
#[derive(Clone, Debug, Default, Args, Serialize)]
#[command(next_help_heading = "Cluster")]
pub struct Cluster {
    /// Law of a factor by which a step takes longer on all workers alike.
    #[arg(long, value_name = "LAW")]
    pub common_factor: Option<Typed<LawText>>,
    /// Speeds of the workers, repeated over them; at 0.5 computing takes twice as long. Or a table with a row for each: FILE.csv, or
    /// FILE.csv,COLUMN [default: 1].
    #[arg(long, value_name = "LIST|FILE", value_parser = speeds, allow_hyphen_values = true)]
    pub speeds: Option<Speeds>,
    /// Strong scaling: the law is for the whole batch on one worker, and each of m workers computes an m-th part of it.
    #[arg(long)]
    pub global_batch: bool,
    /// What every worker needs for its part of the batch besides, however small that is.
    #[arg(long, value_name = "TIME", value_parser = seconds, allow_hyphen_values = true)]
    pub fixed_time: Option<Quantity>,
    /// Cores that the workers share [default: one each].
    #[arg(long, value_name = "C", value_parser = at_least::<u32>(1, 20), allow_hyphen_values = true)]
    pub cores: Option<u32>,
    /// How many times as long a step takes while 1, 2, 3, ... workers compute; the last number holds for more. Or none.
    #[arg(long, value_name = "LIST", value_parser = factors, allow_hyphen_values = true)]
    pub contention: Option<Factors>,
    /// Law of a delay after the computing, which needs no core: 'exp(100)', or none. Or a table with a constant delay for each worker,
    /// repeated over them: FILE.csv, or FILE.csv,COLUMN [default: none].
    #[arg(long, value_name = "LAW|FILE|none")]
    pub delay: Option<Typed<Delays>>,
    /// Law of the time for which the server is busy with each submitted gradient, first come first served.
    #[arg(long, value_name = "LAW")]
    pub server_time: Option<Typed<LawText>>,
    /// How gradients come together: none, ps (parameter server), ring, tree, halving, hierarchical or hierarchical:G (groups of G)
    /// [default: none].
    #[arg(long, value_name = "SCHEME")]
    pub comm: Option<Typed<Comm>>,
    /// Size of the gradient: 100MB.
    #[arg(long, value_name = "SIZE", value_parser = bytes, allow_hyphen_values = true)]
    pub payload: Option<Quantity>,
    /// Time until a message arrives, beyond its transfer: 10us [default: 0].
    #[arg(long, value_name = "TIME", value_parser = seconds, allow_hyphen_values = true)]
    pub latency: Option<Quantity>,
    /// Bandwidth of a link: 25GB/s, 10Gbit/s; 2x is twice that of the profile.
    #[arg(long, value_name = "RATE", value_parser = bandwidth, allow_hyphen_values = true)]
    pub bandwidth: Option<Quantity>,
    /// Bandwidth of the links inside a group, with --comm hierarchical [default: as --bandwidth].
    #[arg(long, value_name = "RATE", value_parser = rate, allow_hyphen_values = true)]
    pub group_bandwidth: Option<Quantity>,
    /// Share of an all-reduce that is hidden behind computing: 0.5, 50% [default: 0].
    #[arg(long, value_name = "SHARE", value_parser = share, allow_hyphen_values = true)]
    pub overlap: Option<Quantity>,
    /// Mean time between failures of one worker: 1d, 300h.
    #[arg(long, value_name = "TIME", value_parser = seconds, allow_hyphen_values = true)]
    pub mtbf: Option<Quantity>,
    /// Time until a failed worker is back: 5m [default: 0].
    #[arg(long, value_name = "TIME", value_parser = seconds, allow_hyphen_values = true)]
    pub restart: Option<Quantity>,
    /// Work between two checkpoints: 10m [default: no checkpoints].
    #[arg(long, value_name = "TIME", value_parser = seconds, allow_hyphen_values = true)]
    pub checkpoint: Option<Quantity>,
    /// Time that a checkpoint takes: 20s [default: 0].
    #[arg(long, value_name = "TIME", value_parser = seconds, allow_hyphen_values = true)]
    pub checkpoint_cost: Option<Quantity>,
    /// When a worker whose work an update does not need is free again: at once, after its present step, or never, so that its
    /// late gradient is dropped on arrival [default: at-once].
    #[arg(long, value_name = "WHEN", value_parser = choice::<Cancellation>())]
    pub cancellation: Option<Typed<Cancellation>>,
}

fn exponential(text: &str) -> Result<Typed<Laws>, String> {
    let not = || format!("'{text}' is not a positive, finite rate; type --lambda 2, for example");
    let rate = text.parse::<f64>().map_err(|_| not())?;
    format!("exp({rate})").parse().map_err(|_| not())
}

fn is_trace(law: &LawText) -> bool {
    matches!(law, LawText::Trace(_))
}

fn usage(sentence: impl Into<String>) -> Error {
    Error::Usage(sentence.into())
}

fn out_of_range(error: SpecError) -> Error {
    usage(format!("{error}; see straggle simulate --help for examples"))
}

/// The rows of a table of devices, of which the manifest is told.
fn devices<T>(read: Result<Devices<T>, Refusal>, session: &Session) -> Result<Vec<T>, Error> {
    let Devices { values, file, note } = read.map_err(|e| Error::Input(e.to_string()))?;
    session.read(&[file]);
    note.into_iter().for_each(|note| session.note(note));
    Ok(values)
}

impl StepTime {
    /// Fills in the default.
    pub fn resolve(&mut self) {
        let short = self.lambda.take();
        let exponential = || "exp(2)".parse().expect("a law");
        self.step_time.get_or_insert_with(|| short.unwrap_or_else(exponential));
    }

    /// How the traces of this and of the rest of a cluster are read.
    ///
    /// # Errors
    /// If something was typed for them, and there are none.
    pub fn reading(&self, rest: &Cluster) -> Result<Options, Error> {
        let typed = [("unit", self.unit.is_some()), ("skip", self.skip.is_some())];
        match typed.iter().find(|(_, typed)| *typed).filter(|_| !self.is_measured() && !rest.is_measured()) {
            Some((name, _)) => Err(usage(format!(
                "--{name} is for measured times, and none are read; type --step-time 'trace(steps.csv)', or leave it out"
            ))),
            None => Ok(Options { unit: self.unit, skip: self.skip.unwrap_or(0) as usize, ..Options::default() }),
        }
    }

    fn is_measured(&self) -> bool {
        self.step_time.as_ref().is_some_and(|Typed(Laws(laws))| laws.iter().any(is_trace))
    }

    /// The step times that were typed, measured or by laws; resolved before.
    ///
    /// # Errors
    /// If a trace cannot be read, or cannot be one law among others.
    pub fn compute(&self, reading: &Options, session: &Session) -> Result<Compute, Error> {
        let Typed(Laws(laws)) = self.step_time.as_ref().expect("resolved");
        if let [law] = &laws[..] {
            return trace::compute(law, reading, session);
        }
        let one = |law: &LawText| match trace::compute(law, reading, session)? {
            Compute::Laws(laws) if laws.len() == 1 => Ok(laws.into_iter().next().expect("one law")),
            Compute::Laws(_) | Compute::Rows(_) => Err(usage(format!(
                "{law} is for all workers together; type it alone, or pooled among laws for each worker"
            ))),
        };
        laws.iter().map(one).collect::<Result<_, _>>().map(Compute::Laws)
    }
}

impl Cluster {
    /// Fills in the defaults that are not nothing.
    pub fn resolve(&mut self) {
        self.speeds.get_or_insert_with(|| Speeds::List(vec![1.0]));
        self.delay.get_or_insert(Typed(Delays::Law(Delay(None))));
        self.comm.get_or_insert(Typed(Comm(None)));
        self.cancellation.get_or_insert(Typed(Cancellation::AtOnce));
    }

    fn is_measured(&self) -> bool {
        let laws = [&self.common_factor, &self.server_time].into_iter().flatten().map(|Typed(law)| law);
        let delay = match &self.delay {
            Some(Typed(Delays::Law(Delay(delay)))) => delay.as_ref().is_some_and(is_trace),
            Some(Typed(Delays::Table(_))) => true,
            None => false,
        };
        delay || laws.into_iter().any(is_trace)
    }

    /// `spec` with what was typed, and as it was in everything else.
    ///
    /// # Errors
    /// One sentence for numbers out of range, options that make no sense without another, and traces that cannot be read.
    pub fn onto(&self, spec: ClusterSpec, reading: &Options, session: &Session) -> Result<ClusterSpec, Error> {
        let law = |law: &Typed<LawText>| trace::law(&law.0, reading, session);
        let mut spec = spec;
        if let Some(factor) = &self.common_factor {
            spec = spec.with_common_factor(law(factor)?);
        }
        if let Some(speeds) = &self.speeds {
            let speeds = match speeds {
                Speeds::List(speeds) => speeds.clone(),
                Speeds::Table(table) => devices(table.speeds(), session)?,
            };
            spec = spec.with_speeds(speeds).map_err(out_of_range)?;
        }
        match (self.global_batch, &self.fixed_time) {
            (true, fixed) => {
                let fixed_s = fixed.as_ref().map_or(0.0, |fixed| fixed.value);
                spec = spec.with_global_batch(fixed_s).map_err(out_of_range)?;
            }
            (false, Some(_)) => {
                return Err(usage("--fixed-time is for --global-batch; type that, too, or leave it out"));
            }
            (false, None) => {}
        }
        if let Some(cores) = self.cores {
            spec = spec.with_cores(cores).map_err(out_of_range)?;
        }
        if let Some(Factors(contention)) = &self.contention {
            spec = match contention.is_empty() {
                true => spec.without_contention(),
                false => spec.with_contention(contention.clone()).map_err(out_of_range)?,
            };
        }
        match &self.delay {
            None => {}
            Some(Typed(Delays::Law(Delay(delay)))) => {
                spec = spec.with_delay(delay.as_ref().map(|delay| trace::law(delay, reading, session)).transpose()?);
            }
            Some(Typed(Delays::Table(table))) => {
                spec = spec.with_delays(devices(table.delays(reading.unit), session)?);
            }
        }
        if let Some(service) = &self.server_time {
            spec = spec.with_service(law(service)?);
        }
        if let Some(communication) = self.communication(spec.communication())? {
            spec = spec.with_communication(communication);
        }
        if let Some(failures) = self.failures(spec.failures())? {
            spec = spec.with_failures(failures);
        }
        if let Some(Typed(cancellation)) = self.cancellation {
            spec = spec.with_cancellation(cancellation);
        }
        Ok(spec)
    }

    /// What was typed of communication, and in everything else what there is; `Some(None)` is none at all.
    fn communication(&self, present: Option<&Communication>) -> Result<Option<Option<Communication>>, Error> {
        let parts = [
            ("payload", &self.payload),
            ("latency", &self.latency),
            ("bandwidth", &self.bandwidth),
            ("group-bandwidth", &self.group_bandwidth),
            ("overlap", &self.overlap),
        ];
        let typed = self.comm.is_some() || parts.iter().any(|(_, typed)| typed.is_some());
        if let (Some(present), true, false) = (present, typed, matches!(self.comm, Some(Typed(Comm(None))))) {
            let value = |quantity: &Option<Quantity>| quantity.as_ref().map(|quantity| quantity.value);
            let relative = self.bandwidth.as_ref().is_some_and(Quantity::is_relative);
            let bandwidth = value(&self.bandwidth).map(|b| if relative { b * present.bytes_per_s() } else { b });
            let scheme = self.comm.and_then(|Typed(Comm(scheme))| scheme);
            let numbers = [value(&self.payload), value(&self.latency), bandwidth, value(&self.overlap)];
            let changed = present.changed(scheme, numbers).and_then(|changed| match &self.group_bandwidth {
                Some(inside) => changed.with_group_bandwidth(inside.value),
                None => Ok(changed),
            });
            return changed.map(|changed| Some(Some(changed))).map_err(usage);
        }
        if self.bandwidth.as_ref().is_some_and(Quantity::is_relative) {
            return Err(usage("--bandwidth 2x is for a profile that has a bandwidth; type --bandwidth 25GB/s"));
        }
        let Some(Typed(Comm(Some(scheme)))) = self.comm else {
            return match parts.iter().find(|(_, typed)| typed.is_some()) {
                Some((name, _)) => Err(usage(format!(
                    "--{name} is for --comm; type --comm ring --payload 100MB --bandwidth 25GB/s, for example"
                ))),
                None => Ok(self.comm.map(|_| None)),
            };
        };
        let (Some(payload), Some(bandwidth)) = (&self.payload, &self.bandwidth) else {
            return Err(usage(format!(
                "--comm {scheme} needs to know how much goes how fast; type --payload 100MB --bandwidth 25GB/s, for example"
            )));
        };
        let or_zero = |quantity: &Option<Quantity>| quantity.as_ref().map_or(0.0, |quantity| quantity.value);
        let (latency_s, overlap) = (or_zero(&self.latency), or_zero(&self.overlap));
        let mut communication = Communication::new(scheme, payload.value, latency_s, bandwidth.value, overlap)
            .map_err(|e| usage(format!("{e}; type --payload 100MB --latency 10us --bandwidth 25GB/s, for example")))?;
        if let Some(inside) = &self.group_bandwidth {
            communication = communication.with_group_bandwidth(inside.value).map_err(|e| {
                usage(format!("{e}; type --comm hierarchical:8 --group-bandwidth 300GB/s, for example"))
            })?;
        }
        Ok(Some(Some(communication)))
    }

    /// What was typed of failures, and in everything else what there is.
    fn failures(&self, present: Option<&Failures>) -> Result<Option<Failures>, Error> {
        let value = |quantity: &Option<Quantity>| quantity.as_ref().map(|quantity| quantity.value);
        let parts =
            [("restart", &self.restart), ("checkpoint", &self.checkpoint), ("checkpoint-cost", &self.checkpoint_cost)];
        let typed = parts.iter().find(|(_, typed)| typed.is_some());
        let mtbf_s = match (value(&self.mtbf), present, typed) {
            (None, _, None) => return Ok(None),
            (None, None, Some((name, _))) => {
                return Err(usage(format!("--{name} is for workers that fail; type --mtbf 1d, too, for example")));
            }
            (None, Some(present), Some(_)) => present.mtbf_s(),
            (Some(mtbf_s), _, _) => mtbf_s,
        };
        let restart_s = value(&self.restart).or(present.map(Failures::restart_s)).unwrap_or(0.0);
        let (before, cost) = (present.and_then(Failures::checkpoint), value(&self.checkpoint_cost));
        let checkpoint = match (value(&self.checkpoint).or(before.map(|(interval_s, _)| interval_s)), cost) {
            (Some(interval_s), cost) => Some((interval_s, cost.or(before.map(|(_, cost)| cost)).unwrap_or(0.0))),
            (None, None) => None,
            (None, Some(_)) => {
                return Err(usage("--checkpoint-cost is for --checkpoint; type --checkpoint 10m, too, for example"));
            }
        };
        let example = "type --mtbf 1d --restart 5m --checkpoint 10m, for example";
        let failures = Failures::new(mtbf_s, restart_s, checkpoint);
        failures.map(Some).map_err(|e| usage(format!("{e}; {example}")))
    }
}
