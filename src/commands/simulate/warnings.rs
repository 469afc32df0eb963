//! What a reader must know to trust the numbers, before they are there.

use crate::text::{count, digits, percent};
use sim::measure::length::{Honest, Plan};
use sim::theory::{self, Kind};
use sim::{Configuration, Experiment, Law, Model};

/// All of them, for what is planned.
pub fn warnings(experiment: &Experiment, plans: &[(Configuration, Plan)]) -> Vec<String> {
    let mut warnings = Vec::new();
    let Experiment { spec, .. } = experiment;
    for law in spec.compute().laws().iter().chain(spec.delays()).chain(spec.service()) {
        if law.variance() == f64::INFINITY {
            warnings.push(format!("the variance of {law} is infinite, so no interval is honest, and none is given"));
        }
    }
    if let &Law::Pareto { shape, .. } = spec.compute().law(0) {
        // Of the mean, what times are rarer than one in 2^52 make, which a draw cannot be.
        let missing = 2f64.powf(-52.0 * (1.0 - 1.0 / shape));
        if missing > 0.01 {
            warnings.push(format!(
                "{} of the mean of {} is made by times so rare that none is ever drawn: simulated means are too short by that",
                percent(missing),
                spec.compute()
            ));
        }
    }
    warnings.extend(too_few(plans));
    warnings.extend(cut_warm_up(plans));
    warnings.extend(short_traces(experiment));
    warnings.extend(gate_warning(experiment));
    if let Some(sharers) = spec.cores().filter(|&cores| experiment.workers.iter().all(|&m| m <= cores)) {
        warnings.push(format!("{sharers} cores are enough for all workers, so --cores changes nothing"));
    }
    warnings
}

/// Where there are too few updates for an honest interval.
fn too_few(plans: &[(Configuration, Plan)]) -> Option<String> {
    let without = |(_, plan): &&(Configuration, Plan)| plan.honest != Honest::Yes;
    let few: Vec<_> = plans.iter().filter(without).collect();
    let enough = few.iter().filter_map(|(_, plan)| match plan.honest {
        Honest::From(updates) => Some(updates),
        Honest::Yes | Honest::Never => None,
    });
    let (cell, _) = few.first()?;
    let (policy, m) = (cell.policy, cell.rule.workers);
    let of = count(few.len() as u64, "configuration");
    Some(match enough.max() {
        Some(enough) => format!(
            "too few updates for an honest interval of {of}, {policy} at m = {m} for one; type --updates {enough}"
        ),
        None => format!(
            "the tail of the step times is too heavy for an honest interval of {of}, {policy} at m = {m} for one"
        ),
    })
}

/// Where what a run begins with may last longer than it is given time to pass.
fn cut_warm_up(plans: &[(Configuration, Plan)]) -> Option<String> {
    let cut: Vec<_> = plans.iter().filter_map(|(cell, plan)| Some((cell, plan, plan.warm_up_wanted?))).collect();
    let (cell, plan, wanted) = cut.first()?;
    Some(format!(
        "{} may not be in its steady state when it begins to count, {} at m = {} for one: after {} updates, where up to {wanted} can \
         matter; its interval does not know of that",
        count(cut.len() as u64, "configuration"),
        cell.policy,
        cell.rule.workers,
        plan.warm_up
    ))
}

/// How far a trace of few rows can be trusted.
fn short_traces(experiment: &Experiment) -> Vec<String> {
    let spec = &experiment.spec;
    let most = experiment.workers.iter().copied().max().unwrap_or(1);
    let laws = [spec.compute().laws().first(), spec.delay(), spec.service()];
    let short = laws.into_iter().flatten().filter_map(|law| {
        let Law::Trace(_) = law else { return None };
        let rows = law.atoms()?.len();
        let warning = format!(
            "{law} has {rows} rows: intervals hold their error as a sample, but no step is longer than the longest of them, and \
             the slowest of {most} workers is beyond what {rows} rows can tell"
        );
        (rows < 20 * most as usize).then_some(warning)
    });
    short.collect()
}

/// Where the gated model is run although it does not hold.
fn gate_warning(experiment: &Experiment) -> Option<String> {
    if experiment.model == Model::Event {
        return None;
    }
    let spec = &experiment.spec;
    let factors = experiment.cells().0.into_iter().filter_map(|cell| {
        let truth = theory::time_per_update(cell.rule, spec).filter(|t| t.kind == Kind::Exact)?;
        let gated = theory::time_per_update(cell.rule.gated(), spec).filter(|t| t.kind == Kind::Exact)?;
        Some((gated.seconds / truth.seconds, cell))
    });
    let (factor, cell) = factors.max_by(|a, b| a.0.ln().abs().total_cmp(&b.0.ln().abs()))?;
    if (factor - 1.0).abs() < 0.01 {
        return None;
    }
    Some(format!(
        "the gated model is wrong for {} under {}, which is not memoryless: its time per update is {} times the true one at m = {}; use --model event",
        cell.policy,
        spec.compute(),
        digits(factor, 3),
        cell.rule.workers,
    ))
}
