//! Policies that drop, wait a little, or stop early: times, gradients and staleness against closed forms.
//!
//! The step time is exponential of rate 1, 8 workers. A judgement fails a correct program with probability 1e-5.

mod common;

use common::{judge_mean, policy, rule, spec};
use straggle_sim::theory::{Kind, time_per_update};
use straggle_sim::{Accounts, RandomKey, Run, Simulated};

const RUNS: u64 = 200;
const UPDATES: u64 = 400;
/// Updates until it no longer matters that all workers began together.
const WARM_UP: u64 = 200;

/// Run by run: seconds per update, gradients per update, staleness of what was applied, share of the time thrown away.
fn observed(name: &str, law: &str) -> [Vec<f64>; 4] {
    let rule = rule(name, 8);
    let mut columns = [const { Vec::new() }; 4];
    for replication in 0..RUNS {
        let mut run = Run::new(rule, Simulated::new(spec(law), RandomKey::new(21, replication), 8));
        let (mut accounts, mut updates) = (Accounts::new(8), 0);
        while updates < WARM_UP + UPDATES {
            let step = run.step().expect("simulated runs do not end");
            accounts.add(&step);
            updates += u64::from(!step.orders.update.is_empty());
            if updates == WARM_UP && !step.orders.update.is_empty() {
                accounts.begin(|worker| run.cluster().spent_so_far(worker));
            }
        }
        accounts.end(|worker| run.cluster().spent_so_far(worker));
        let spent = accounts.spent();
        let values = [
            accounts.gaps().mean().expect("many updates"),
            accounts.gradients_per_update().expect("many updates"),
            accounts.mean_staleness().expect("many updates"),
            spent.discarded_s / spent.total_s(),
        ];
        columns.iter_mut().zip(values).for_each(|(column, value)| column.push(value));
    }
    columns
}

/// What theory says of a policy on 8 workers of a law.
fn exact(name: &str, law: &str) -> f64 {
    let theory = time_per_update(rule(name, 8), &spec(law)).expect("a formula");
    assert_eq!(theory.kind, Kind::Exact, "{name}");
    theory.seconds
}

/// Beside the time there are K + (P-K)(1 - e^-g) gradients.
#[test]
fn grace_waits_a_little_for_a_few_more() {
    let (k, g) = (4u32, 0.5);
    let seconds = exact("grace:4:0.5", "exp(1)");
    assert!((seconds - 1.1317).abs() < 1e-4);
    let [times, gradients, staleness, _] = observed("grace:4:0.5", "exp(1)");
    judge_mean("grace, seconds", &times, seconds);
    judge_mean("grace, gradients", &gradients, f64::from(k) + f64::from(8 - k) * (1.0 - f64::exp(-g)));
    assert!(staleness.iter().all(|&s| s == 0.0));
}

#[test]
fn rennala_takes_its_recursion_and_nothing_stale() {
    for (k, printed) in [(1, 0.406), (4, 1.076), (8, 1.722), (16, 2.827)] {
        let name = format!("rennala:{k}");
        let exact = exact(&name, "exp(1)");
        assert!((exact - printed).abs() < 1e-3, "{exact}");
        let [times, gradients, staleness, _] = observed(&name, "exp(1)");
        judge_mean(&name, &times, exact);
        assert!(gradients.iter().all(|&g| g == f64::from(k)) && staleness.iter().all(|&s| s == 0.0));
    }
}

/// The share that Ringmaster drops is a mean-field approximation, within half a per cent for 8 workers; its throughput says it.
#[test]
fn ringmaster_drops_about_what_its_mean_field_says() {
    for (r, dropped) in [(8, 0.2474), (16, 0.0962)] {
        let name = format!("ringmaster:{r}");
        let theory = time_per_update(rule(&name, 8), &spec("exp(1)")).expect("a formula");
        assert_eq!(theory.kind, Kind::Approximation);
        let [times, _, staleness, _] = observed(&name, "exp(1)");
        let mean = times.iter().sum::<f64>() / times.len() as f64;
        assert!((theory.seconds / mean - 1.0).abs() < 0.004, "{name}: {mean} against {}", theory.seconds);
        // Arrivals come every 1/8 s, whatever is dropped.
        let found = 1.0 - 0.125 / mean;
        assert!((found - dropped).abs() < 0.004, "{name} drops {found}");
        assert!(staleness.iter().all(|&s| s < f64::from(r)));
    }
}

/// Everybody computes for a fixed time: Poisson many gradients each. Whoever has none keeps nobody waiting.
#[test]
fn anytime_is_a_poisson_number_of_gradients() {
    let [times, gradients, staleness, _] = observed("anytime:2", "exp(1)");
    assert!(times.iter().all(|&t| (t - 2.0).abs() < 1e-9));
    judge_mean("anytime, gradients", &gradients, 16.0);
    assert!(staleness.iter().all(|&s| s == 0.0));
}

/// Sync with M micro-batches that all last equally long, stopped after some of them: what is done by then counts, exactly.
#[test]
fn drop_compute_keeps_the_micro_batches_that_are_done() {
    let [times, gradients, ..] = observed("drop-compute:2.5:8", "constant(1)");
    assert!(times.iter().all(|&t| (t - 2.5).abs() < 1e-9) && gradients.iter().all(|&g| g == 16.0));
    assert!((exact("drop-compute:2.5:8", "constant(1)") - 2.5).abs() < 1e-12);
    assert!((exact("drop-compute:9:8", "constant(1)") - 8.0).abs() < 1e-12);
    let [times, gradients, ..] = observed("drop-compute:9:8", "constant(1)");
    assert!(times.iter().all(|&t| (t - 8.0).abs() < 1e-9) && gradients.iter().all(|&g| g == 64.0));
}

/// FedBuff is k-batch-async with H local steps: K H E[X]/P.
#[test]
fn fedbuff_is_a_renewal_of_its_local_steps() {
    let [times, gradients, ..] = observed("fedbuff:4:3", "exp(1)");
    assert_eq!(exact("fedbuff:4:3", "exp(1)"), 4.0 * 3.0 / 8.0);
    judge_mean("fedbuff", &times, 4.0 * 3.0 / 8.0);
    assert!(gradients.iter().all(|&g| g == 12.0));
    assert_eq!(policy("fedbuff:4:3").row().citation, "Nguyen et al. 2022");
}

/// Tenths of a second add up to 0.3 and 0.6 in any rounding: what is done at the very moment counts.
#[test]
fn steps_that_end_with_the_budget_count() {
    for (name, steps) in [("anytime:0.3", 3.0), ("anytime:0.6", 6.0), ("anytime:1", 10.0), ("drop-compute:0.3:5", 3.0)]
    {
        let [times, gradients, ..] = observed(name, "constant(0.1)");
        assert!(gradients.iter().all(|&g| g == 8.0 * steps), "{name}: {gradients:?}");
        assert!(times.iter().all(|&t| (t - 0.1 * steps).abs() < 1e-9), "{name}: {times:?}");
    }
}
