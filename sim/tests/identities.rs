//! Are policies that should be the same the same, event for event, and is staleness conserved, exactly?
//!
//! Nothing here is random but the luck that is the same on both sides: no tolerance, no false alarms.

mod common;

use common::{events, law, odd_fleets, policy, rule, run, spec};
use std::collections::HashMap;
use straggle_sim::policy::OnUpdate;
use straggle_sim::{
    Accounts, ClusterSpec, Completion, Event, Law, Policy, RandomKey, Rule, Spent, StalenessAudit, Step, Task, Time,
    Variates, theory,
};

const EVENTS: usize = 6000;

/// All laws on equal workers, and fleets in which something is unusual.
fn fleets() -> Vec<ClusterSpec> {
    Law::examples().into_iter().map(ClusterSpec::new).chain(odd_fleets()).collect()
}

/// Every policy for m workers; K, B and S as they fit.
fn rules(m: u32) -> Vec<Rule> {
    // The number of the example, or the greatest that fits.
    let fits = |policy: Policy| {
        let smaller = (1..=m).rev().map(|k| policy.to_string().replacen(":4", &format!(":{k}"), 1));
        let fitting = smaller.map(|text| common::policy(&text)).chain([common::policy("backup:0")]);
        std::iter::once(policy).chain(fitting).find_map(|policy| policy.rule(m).ok()).expect("one that fits")
    };
    Policy::examples().map(fits).collect()
}

/// Asserts that all these policies, for m workers, make the very same events.
fn all_the_same(policies: &[&str], m: u32) {
    let policies: Vec<Policy> = policies.iter().map(|text| policy(text)).collect();
    let policies = &policies[..];
    for (i, spec) in fleets().iter().enumerate() {
        let key = RandomKey::new(i as u64, u64::from(m));
        let [first, others @ ..] = policies else { panic!("nothing to compare") };
        let expected = events(first.rule(m).unwrap(), spec, key, EVENTS);
        assert_eq!(expected.len(), EVENTS);
        for other in others {
            let found = events(other.rule(m).unwrap(), spec, key, EVENTS);
            assert!(found == expected, "{other} is not {first} for {m} workers on {spec:?}");
        }
    }
}

#[test]
fn waiting_for_all_is_sync_whatever_it_is_called() {
    for m in [1, 2, 3, 8, 20] {
        let m_of_m = ["k-sync", "k-async"].map(|name| format!("{name}:{m}"));
        let [k_sync, k_async] = m_of_m.each_ref().map(String::as_str);
        let (grace, k_local) = (format!("grace:{m}:1"), format!("k-local:{m}:1"));
        let others = ["local:1", "backup:0", "grace:1:infinite", &grace, &k_local, "drop-compute:infinite:1"];
        all_the_same(&[&["sync", k_sync, k_async][..], &others].concat(), m);
    }
}

#[test]
fn waiting_for_nobody_is_async_whatever_it_is_called() {
    for m in [1, 2, 3, 8, 20] {
        let at_a_time =
            ["async", "k-async:1", "k-batch-async:1", "hogwild", "rennala:1", "fedbuff:1:1", "async-local:1"];
        let far = ["ssp:infinite", "ssp:4294967295", "ringmaster:infinite", "ringmaster:4294967295"];
        let never_stale = &at_a_time[..if m == 1 { 5 } else { 4 }];
        all_the_same(&[never_stale, &at_a_time[5..], &far].concat(), m);
    }
}

#[test]
fn backup_workers_are_k_sync_and_one_gradient_needs_no_batch() {
    for (m, b) in [(2, 1), (3, 1), (8, 1), (8, 5), (20, 7)] {
        let k_sync = format!("k-sync:{}", m - b);
        all_the_same(&[&format!("backup:{b}"), &k_sync, &format!("grace:{}:0", m - b)], m);
        all_the_same(&["k-batch-sync:1", "k-sync:1"], m);
    }
}

#[test]
fn alone_every_policy_of_one_gradient_is_the_same() {
    let of_one_gradient = ["sync", "async", "k-sync:1", "k-async:1", "ssp:0", "ssp:3", "k-batch-sync:1"];
    all_the_same(&[&of_one_gradient[..], &["rennala:1", "ringmaster:1", "grace:1:2"]].concat(), 1);
    all_the_same(&["local:3", "async-local:3", "fedbuff:1:3", "k-local:1:3"], 1);
}

#[test]
fn buffers_of_single_steps_need_no_name_of_their_own() {
    for (m, k) in [(1, 2), (3, 2), (8, 5)] {
        all_the_same(&[&format!("fedbuff:{k}:1"), &format!("k-batch-async:{k}")], m);
    }
}

/// Each gradient is its own update, but a round ends when a sync iteration does.
#[test]
fn ssp_0_is_not_sync_but_its_rounds_are() {
    for m in [2, 3, 8] {
        for spec in Law::examples().into_iter().map(ClusterSpec::new) {
            let key = RandomKey::new(5, 0);
            let times = |rule: Rule, every: usize| -> Vec<Time> {
                let updates = run(rule, &spec, key).filter(|(_, event)| matches!(event, Event::Updated(_)));
                updates.skip(every - 1).step_by(every).take(500).map(|(at, _)| at).collect()
            };
            let (sync, ssp) = (rule("sync", m), rule("ssp:0", m));
            assert_ne!(events(sync, &spec, key, 100), events(ssp, &spec, key, 100));
            assert_eq!(times(ssp, m as usize), times(sync, 1), "{m} workers, {}", spec.compute().law(0));
        }
    }
}

/// Calls `each` with every step.
fn steps(rule: Rule, spec: &ClusterSpec, key: RandomKey, count: usize, mut each: impl FnMut(&Step<'_>)) {
    let mut run = run(rule, spec, key);
    for _ in 0..count {
        each(&run.step().expect("simulated clusters never run dry"));
    }
}

/// The law of conservation by its definition: every update adds 1 to each task in flight, counted task by task.
///
/// What a task has when it is applied or cancelled is what its versions say, and the ledger has it all.
#[test]
fn staleness_is_conserved_at_every_single_turn() {
    let heavy = ["pareto(0.1, 1.05)", "lognormal(-3, 3)", "weibull(0.2, 0.01)"].map(spec);
    for spec in fleets().into_iter().chain(heavy) {
        for rule in [2, 5, 8].into_iter().flat_map(rules) {
            let (mut audit, mut closed, mut version) = (StalenessAudit::default(), 0u128, 0);
            let mut in_flight: Vec<Option<(Task, u64)>> = vec![None; rule.workers as usize];
            // Handed in, and waiting for the quorum: out of the workers' hands, but not out of flight.
            let mut gathered: Vec<(Task, u64)> = Vec::new();
            steps(rule, &spec, RandomKey::new(1, 0), 2000, |step| {
                audit.add(step);
                let orders = step.orders;
                if let Some(&Completion { task, .. }) = step.completion() {
                    gathered.push(in_flight[task.worker as usize].take().expect("only tasks under way are handed in"));
                    let (given, staleness) = gathered.pop().unwrap();
                    assert!(given.is(&task) && task.steps <= given.steps);
                    // What has no step, or is too stale, goes into no update.
                    match task.steps > 0 && orders.discard != Some(task) {
                        true => gathered.push((task, staleness)),
                        false => closed += u128::from(staleness),
                    }
                }
                if !orders.update.is_empty() {
                    assert!(
                        gathered.iter().map(|(task, _)| task).eq(&orders.update),
                        "all of them, in order of arrival"
                    );
                    for (task, staleness) in gathered.drain(..) {
                        assert_eq!(staleness, version - task.base_version);
                        closed += u128::from(staleness);
                    }
                    in_flight.iter_mut().flatten().for_each(|(_, staleness)| *staleness += 1);
                    version += 1;
                    assert_eq!(orders.version, version);
                }
                for task in &orders.cancel {
                    let (known, staleness) =
                        in_flight[task.worker as usize].take().expect("only what runs is cancelled");
                    assert_eq!((known, staleness), (*task, version - task.base_version));
                    closed += u128::from(staleness);
                }
                for task in &orders.start {
                    assert_eq!(task.base_version, version, "it reads the newest parameters");
                    assert!(in_flight[task.worker as usize].replace((*task, 0)).is_none());
                }
                let open = in_flight.iter().flatten().chain(&gathered).map(|(_, staleness)| u128::from(*staleness));
                let all = closed + open.sum::<u128>();
                assert_eq!(audit.sides(), (all, all), "{rule:?} on {spec:?}");
            });
            assert_eq!(audit.updates(), version);
            let nobody_in_flight = rule.waits_for_all() || rule.is_timed();
            assert!(closed > 0 || nobody_in_flight, "nothing to conserve under {rule:?}");
        }
    }
}

/// An own ledger, from the events: applied and open staleness are together what theory says of each update, exactly.
#[test]
fn mean_staleness_is_theory_but_for_what_is_still_open() {
    for spec in fleets() {
        for rule in rules(8).into_iter().chain([rule("k-async:7", 8), rule("k-batch-async:11", 8)]) {
            let Some(theory) = theory::mean_staleness(rule).filter(|_| rule.on_update == OnUpdate::CarriesOn) else {
                continue;
            };
            let (mut accounts, mut version, mut open) = (Accounts::new(8), 0, HashMap::new());
            steps(rule, &spec, RandomKey::new(2, 0), 5000, |step| {
                accounts.add(step);
                version = step.orders.version.max(version);
                step.orders.update.iter().for_each(|task| assert!(open.remove(&(task.worker, task.serial)).is_some()));
                open.extend(step.orders.start.iter().map(|task| ((task.worker, task.serial), task.base_version)));
            });
            let mut applied: u64 =
                accounts.staleness().iter().zip(0..).map(|(count, staleness)| count * staleness).sum();
            let gradients: u64 = accounts.staleness().iter().sum();
            assert_eq!(gradients, version * u64::from(rule.quorum));
            assert_eq!(accounts.mean_staleness(), Some(applied as f64 / gradients as f64));
            // Hand-ins since the last update were in flight at updates too.
            applied += open.values().map(|base| version - base).sum::<u64>();
            assert_eq!(applied as f64, theory * gradients as f64, "{rule:?} on {spec:?}");
        }
    }
}

/// With tails that are not heavy, what is open is of the order of m rounds: m^2 gradients of N.
#[test]
fn the_tally_meets_theory_up_to_the_edge() {
    for (name, m) in [("async", 8), ("k-async:4", 8), ("k-batch-async:4", 8), ("sync", 8), ("async", 20)] {
        let rule = rule(name, m);
        let mut accounts = Accounts::new(m);
        steps(rule, &spec("gamma(4, 0.25)"), RandomKey::new(3, 0), 100_000, |step| accounts.add(step));
        let (found, exact) = (accounts.mean_staleness().unwrap(), theory::mean_staleness(rule).unwrap());
        // At most m tasks are open, of ten rounds' staleness at the very most (P(X > 10) is 1e-13 for this law).
        let applied: u64 = accounts.staleness().iter().sum();
        let edge = f64::from(m) * 10.0 * (exact + 1.0) / applied as f64;
        assert!(found <= exact && found >= exact - edge, "{name}: {found} against {exact}");
    }
}

/// The two sides can differ: a task that is given a version which is not the newest shows at once.
#[test]
fn a_ledger_notices_a_version_that_was_not_the_newest() {
    let mut audit = StalenessAudit::default();
    let mut lies = 0;
    steps(rule("async", 4), &spec("exp(1)"), RandomKey::new(0, 0), 50, |step| {
        let mut orders = step.orders.clone();
        if let Some(task) = orders.start.iter_mut().find(|task| task.serial == 5 && task.worker == 0) {
            task.base_version -= 1;
            lies += 1;
        }
        audit.add(&Step { orders: &orders, ..*step });
        let (added, had) = audit.sides();
        assert_eq!(had - added, lies);
    });
    assert_eq!(lies, 1);
}

#[test]
fn a_workers_nth_step_takes_the_same_time_under_every_policy() {
    for (i, spec) in fleets().into_iter().filter(|spec| spec.cores().is_none()).enumerate() {
        let key = RandomKey::new(i as u64, 0);
        let draws = Variates::new(&spec, key);
        for rule in [2, 8].into_iter().flat_map(rules) {
            let mut seen = 0;
            for (_, event) in events(rule, &spec, key, EVENTS) {
                let Event::Finished(Completion { task, spent, .. }) = event else { continue };
                if task.steps < rule.steps {
                    // It was interrupted in the middle of a step.
                    continue;
                }
                seen += 1;
                let compute = (task.serial * u64::from(task.steps)..(task.serial + 1) * u64::from(task.steps))
                    .map(|step| draws.compute_s(task.worker, step))
                    .fold(0.0, |sum, seconds| sum + seconds);
                let delay = draws.delay_s(task.worker, task.serial);
                assert_eq!((spent.compute_s, spent.delay_s), (compute, delay), "{task:?} of {rule:?} on {spec:?}");
            }
            assert!(seen > 300 || rule.on_update == OnUpdate::Submits, "{rule:?}");
        }
    }
}

/// Seconds at the stations add up to the time that passed, for what was submitted and for what was cancelled, on every
/// cluster; the only difference is rounding, of instants that are sums of thousands of pieces.
#[test]
fn a_tasks_stations_add_up_to_its_time() {
    for (i, spec) in fleets().iter().enumerate() {
        for rule in [2, 8].into_iter().flat_map(rules) {
            let (mut given, mut checked) = (vec![Time::ZERO; rule.workers as usize], 0);
            steps(rule, spec, RandomKey::new(i as u64, 1), 3000, |step| {
                let finished = step.completion().map(|c| (c.task, c.spent, c.at));
                let cancelled =
                    step.orders.cancel.iter().zip(step.cancelled).map(|(&task, &spent)| (task, spent, step.at));
                for (task, spent, at) in finished.into_iter().chain(cancelled) {
                    let Spent { discarded_s, core_s, compute_s, delay_s, link_s, queue_s, service_s } = spent;
                    let parts = [discarded_s, core_s, compute_s, delay_s, link_s, queue_s, service_s];
                    assert!(parts.iter().all(|&s| s >= 0.0), "{spent:?} of {rule:?} on {spec:?}");
                    let (passed, rounding) = (at.since(given[task.worker as usize]), 1e-12 * at.seconds());
                    assert!((spent.total_s() - passed).abs() <= rounding, "{passed} s: {spent:?}, {rule:?}, {spec:?}");
                    checked += 1;
                }
                step.orders.start.iter().for_each(|task| given[task.worker as usize] = step.at);
            });
            assert!(checked >= 1000, "{checked} under {rule:?}");
        }
    }
}

/// Cores that are shared stretch computing and nothing else.
#[test]
fn shared_cores_only_ever_stretch() {
    let spec = spec("gamma(4, 0.25)").with_cores(Some(2)).unwrap().with_delay(Some(law("exp(4)")));
    let key = RandomKey::new(0, 0);
    let draws = Variates::new(&spec, key);
    for rule in rules(8).into_iter().filter(|rule| rule.steps == 1) {
        for (_, event) in events(rule, &spec, key, EVENTS) {
            let Event::Finished(Completion { task, spent, .. }) = event else { continue };
            let Spent { compute_s, delay_s, .. } = spent;
            let alone_s = draws.compute_s(task.worker, task.serial);
            // Rounding: the counter of Cores has been added up from many thousand pieces.
            assert!((1.0 - 1e-9..4.0 + 1e-9).contains(&(compute_s / alone_s)), "{compute_s} for {alone_s}, {rule:?}");
            assert_eq!(delay_s, draws.delay_s(task.worker, task.serial));
        }
    }
}
