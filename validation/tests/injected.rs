//! Is a wrong simulator failed, and a right one passed? Injected faults, on recordings that a simulated machine made: its
//! speed drifts, its steps scatter, its calibrations are as short as real ones. No clock is read.

use rayon::prelude::*;
use sim::{ClusterSpec, Law, Policy, RandomKey, Rule, Run, Sharing, Simulated, Station, Variates};
use straggle_validation::cluster::server::TimedTask;
use straggle_validation::predict::experiment::simulate;
use straggle_validation::predict::recorded::{Kind, Pair};
use straggle_validation::{Calibration, Configuration, Judgement, Recorded, Verdict};

/// The machine: two cores, of which the second is 4 % slower; a step takes 1 ms with a coefficient of variation of 10 %, and
/// 12 % longer while the other core computes; handing a task out and having its result takes 30 µs, an update this long.
#[derive(Clone, Copy)]
struct Machine {
    update_s: f64,
}

const CORES: u32 = 2;
const SPEEDS: [f64; 2] = [1.0, 0.96];
const BUSY: f64 = 1.12;
const WAY_S: f64 = 3e-5;
/// Its speed wanders by this much, and differs by this much more between a burst and the calibrations beside it.
const DRIFT: f64 = 0.08;
const JUMP: f64 = 0.02;
/// Bursts of each configuration, and steps of each core in a calibration.
const PAIRS: u64 = 24;
const STEPS: u64 = 10;
const TOLERANCE: f64 = 0.05;

fn law(text: &str) -> Law {
    text.parse().expect("a law")
}

fn constant(value: f64) -> Law {
    Law::Constant { value }
}

/// Values of a law under a key, by number.
fn drawn(text: &str, key: RandomKey) -> impl Fn(u64) -> f64 + use<> {
    let variates = Variates::new(&ClusterSpec::new(law(text)), key);
    move |number| variates.compute_s(0, number)
}

const STEP: &str = "gamma(100, 0.00001)";

impl Machine {
    fn cluster(self, slowness: f64, delay: Option<Law>) -> ClusterSpec {
        let way = constant(WAY_S);
        let (service, latency) = if delay.is_none() { (Some(way), None) } else { (None, Some(way)) };
        ClusterSpec::new(law(STEP))
            .with_speeds(vec![1.0 / slowness])
            .and_then(|spec| spec.with_core_speeds(SPEEDS.to_vec()))
            .and_then(|spec| spec.with_contention(vec![1.0, BUSY]))
            .and_then(|spec| spec.with_cores(CORES))
            .expect("numbers of a cluster")
            .with_delay(delay)
            .with_uplink(latency.into_iter().map(Station::delay).collect())
            .with_service(service)
            .with_update(constant(self.update_s))
            .with_sharing(Sharing::FirstCome)
            .with_computing_server(true)
            .with_cancellation(sim::Cancellation::AfterStep)
    }

    /// What a validation on it would record.
    fn recording(self, seed: u64) -> Recorded {
        let configurations: Vec<Configuration> = [None, Some(law("exp(200)"))]
            .into_iter()
            .flat_map(|delay| [1, 2, 4].map(|workers| (workers, delay.clone())))
            .flat_map(|(workers, delay)| {
                let policies = [Policy::SYNC, Policy::ASYNC, Policy::k_sync(2)];
                policies.into_iter().filter_map(move |policy| {
                    let rule = policy.rule(workers).ok()?;
                    Some(Configuration { policy, rule, delay: delay.clone() })
                })
            })
            .collect();
        let mut recorded = Recorded { seed, ..Recorded::default() };
        let key = |what: u64| RandomKey::new(seed ^ 0xfa01, what);
        let (lognormal, step) = (drawn("lognormal(0, 1)", key(0)), drawn(STEP, key(1)));
        let normal = |number: u64| lognormal(number).ln();
        let mut steps = 0;
        let mut calibrate = |kind: &Kind, slowness: f64| -> Vec<Calibration> {
            let busy = if kind.busy > 1 { BUSY } else { 1.0 };
            let one = |speed: f64| {
                let compute_s = (0..STEPS).map(|i| step(steps + i) * slowness * busy / speed).collect();
                steps += STEPS;
                Calibration { compute_s, way_s: vec![WAY_S; STEPS as usize] }
            };
            SPEEDS.map(one).to_vec()
        };
        for configuration in &configurations {
            let kind = Kind::of(configuration, CORES as usize);
            if !recorded.kinds.contains(&kind) {
                recorded.kinds.push(kind);
                recorded.calibrations.push(Vec::new());
            }
        }
        for number in 0..PAIRS * configurations.len() as u64 {
            let index = (number % configurations.len() as u64) as usize;
            let configuration = &configurations[index];
            let kind = Kind::of(configuration, CORES as usize);
            let at = recorded.kinds.iter().position(|one| *one == kind).expect("all are there");
            let wander = DRIFT * (number as f64 / 40.0 + seed as f64).sin();
            let slowness = |which: u64| (wander + JUMP * normal(3 * number + which)).exp();
            let after = recorded.calibrations[at].len();
            recorded.calibrations[at].push(calibrate(&kind, slowness(0)));
            recorded.calibrations[at].push(calibrate(&kind, slowness(1)));
            let (rule, burst) = (configuration.rule, key(2 + number));
            let cluster = self.cluster(slowness(2), configuration.delay.clone());
            let tried = simulate(rule, cluster.clone(), RandomKey::new(0, 0), 20);
            let updates = ((0.04 / tried.s_per_update) as u64).max(6);
            let measured = simulate(rule, cluster.clone(), burst, updates);
            let (steps, took_s) = (tasks(rule, cluster, burst, updates), 0.07);
            recorded.pairs.push(Pair { configuration: index, after, key: burst, updates, measured, steps, took_s });
        }
        recorded.update_s = vec![vec![self.update_s; 10]; configurations.len()];
        let beside = (0..PAIRS).map(|i| BUSY.ln() + 0.03 * normal(1_000_000 + i)).collect();
        recorded.beside = vec![vec![0.0; PAIRS as usize], beside];
        recorded.configurations = configurations;
        recorded
    }
}

/// What each step of a run took.
fn tasks(rule: Rule, cluster: ClusterSpec, key: RandomKey, updates: u64) -> Vec<TimedTask> {
    let mut run = Run::new(rule, Simulated::new(cluster, key, rule.workers));
    let mut tasks = Vec::new();
    loop {
        let step = run.step().expect("a simulated cluster never runs dry");
        if let Some(completion) = step.completion() {
            tasks.push(TimedTask { task: completion.task, step_s: vec![completion.spent.compute_s] });
        }
        if step.orders.version == updates {
            return tasks;
        }
    }
}

/// The verdicts on so many runs of this machine, and the mean absolute structure part, by a simulator that is altered.
fn verdicts(
    machine: Machine,
    runs: u64,
    alter: impl Fn(&Configuration, ClusterSpec) -> (Rule, ClusterSpec) + Sync,
) -> Vec<(Verdict, f64)> {
    let verdict = |seed| {
        let recorded = machine.recording(seed);
        let judgement = Judgement::of(&recorded, &recorded.compare_altered(&alter), |_| TOLERANCE);
        let structure = judgement.judged.iter().filter_map(|j| Some(j.time().parts?.structure.abs())).sum::<f64>();
        (judgement.verdict(), structure / judgement.judged.len() as f64)
    };
    (0..runs).into_par_iter().map(verdict).collect()
}

fn count(verdicts: &[(Verdict, f64)], wanted: Verdict) -> usize {
    verdicts.iter().filter(|(verdict, _)| *verdict == wanted).count()
}

const LIGHT: Machine = Machine { update_s: 1e-4 };
/// The server is nine tenths of the time.
const HEAVY: Machine = Machine { update_s: 1e-2 };

#[test]
fn the_right_simulator_passes() {
    // To fail by chance has a probability of 5 % at most where the error is the tolerance, and next to none where it is 0. 19 of
    // 20 must pass: if 99 % do in truth, 2 % of such tests fail, but seeds are fixed.
    for machine in [LIGHT, HEAVY] {
        let found = verdicts(machine, 20, |configuration, spec| (configuration.rule, spec));
        assert_eq!(count(&found, Verdict::Fail), 0, "{found:?}");
        assert!(count(&found, Verdict::Pass) >= 19, "{found:?}");
    }
    // Told what each step took, the simulator is the machine. A server that computes for long would spoil that: it takes time from
    // a step that is under way, and is in what that step took.
    let found = verdicts(LIGHT, 4, |configuration, spec| (configuration.rule, spec));
    assert!(found.iter().all(|(_, structure)| *structure < 0.015), "{found:?}");
}

#[test]
fn a_server_that_is_a_tenth_too_slow_is_failed() {
    let update = constant(1.1 * HEAVY.update_s);
    let found = verdicts(HEAVY, 10, |one, spec| (one.rule, spec.with_update(update.clone())));
    assert!(count(&found, Verdict::Fail) >= 9, "{found:?}");
}

#[test]
fn a_quorum_that_is_off_by_one_is_failed() {
    let wrong = |one: &Configuration| match one.policy == Policy::k_sync(2) && one.rule.workers == 4 {
        true => Policy::k_sync(3).rule(4).expect("three of four"),
        false => one.rule,
    };
    let found = verdicts(LIGHT, 10, |one, spec| (wrong(one), spec));
    assert!(count(&found, Verdict::Fail) >= 9, "{found:?}");
}

#[test]
fn contention_that_is_ignored_is_failed() {
    let without = |one: &Configuration, spec: ClusterSpec| match one.rule.workers {
        2 => spec.with_contention(vec![1.0]).expect("a number"),
        _ => spec,
    };
    let found = verdicts(LIGHT, 10, |one, spec| (one.rule, without(one, spec)));
    assert!(count(&found, Verdict::Fail) >= 9, "{found:?}");
}
