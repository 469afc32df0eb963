//! Do workers share cores as they should: equally, or first come first served?
//!
//! Against plain simulations of their own, from the same draws. No false alarms.

mod common;

use common::{law, rule, run, spec};
use straggle_sim::cluster::spec::{Cancellation, Sharing};
use straggle_sim::{ClusterSpec, Event, RandomKey, Variates};

/// Instants of the first updates of a policy.
fn instants(name: &str, m: usize, spec: &ClusterSpec, key: RandomKey, count: usize) -> Vec<f64> {
    let updates = run(rule(name, m as u32), spec, key).filter(|(_, event)| matches!(event, Event::Updated(_)));
    updates.take(count).map(|(at, _)| at.seconds()).collect()
}

/// What a worker is at.
#[derive(Clone, Copy, PartialEq)]
enum At {
    /// So many seconds of computing are left.
    Computing(f64),
    /// The same for a task that was cancelled; the next one begins afterwards.
    InVain(f64),
    /// The delay ends then.
    Delayed(f64),
    /// In the server's queue, or at the server.
    Served,
    /// Handed in.
    Free,
}

/// The plain way to share cores equally: go from event to event, and take from everybody who computes what he was given
/// since. A quorum of 1 is async, a greater one is k-sync.
struct Plain {
    draws: Variates,
    cores: u32,
    cancellation: Cancellation,
    quorum: usize,
    now: f64,
    serial: Vec<u64>,
    workers: Vec<At>,
    queue: Vec<usize>,
    /// When the server is through with the first of its queue.
    done: f64,
}

impl Plain {
    fn begin(&mut self, worker: usize, serial: u64) {
        self.serial[worker] = serial;
        self.workers[worker] = At::Computing(self.draws.compute_s(worker as u32, serial));
    }

    /// The worker's task is cancelled, if it has one.
    fn begin_anew(&mut self, worker: usize) {
        match self.workers[worker] {
            At::Computing(left) | At::InVain(left) if self.cancellation == Cancellation::AfterStep => {
                self.serial[worker] += 1;
                self.workers[worker] = At::InVain(left);
            }
            At::Computing(_) | At::InVain(_) | At::Delayed(_) | At::Served | At::Free => {
                self.begin(worker, self.serial[worker] + 1);
            }
        }
    }

    /// The server begins with the first of its queue.
    fn serve(&mut self) {
        let next = self.queue.first().map(|&w| self.now + self.draws.service_s(w as u32, self.serial[w]));
        self.done = next.unwrap_or(f64::INFINITY);
    }

    fn next_update(&mut self) -> f64 {
        loop {
            let computing =
                self.workers.iter().filter(|at| matches!(at, At::Computing(_) | At::InVain(_))).count() as f64;
            let stretch = (computing / f64::from(self.cores)).max(1.0);
            let end = |at: &At| match *at {
                At::Computing(left) | At::InVain(left) => self.now + left * stretch,
                At::Delayed(until) => until,
                At::Served | At::Free => f64::INFINITY,
            };
            let ends: Vec<f64> = self.workers.iter().map(end).collect();
            let first = (0..ends.len()).min_by(|&a, &b| ends[a].total_cmp(&ends[b])).expect("workers");
            let at = ends[first].min(self.done);
            for worker in &mut self.workers {
                if let At::Computing(left) | At::InVain(left) = worker {
                    *left = (*left - (at - self.now) / stretch).max(0.0);
                }
            }
            self.now = at;
            if self.done <= ends[first] {
                let worker = self.queue.remove(0);
                self.workers[worker] = At::Free;
                self.serve();
                if self.quorum == 1 {
                    self.begin(worker, self.serial[worker] + 1);
                    return at;
                }
                if self.workers.iter().filter(|&&at| at == At::Free).count() == self.quorum {
                    self.queue.clear();
                    (0..self.workers.len()).for_each(|worker| self.begin_anew(worker));
                    self.serve();
                    return at;
                }
            } else if let At::InVain(_) = self.workers[first] {
                self.begin(first, self.serial[first]);
            } else if let At::Computing(_) = self.workers[first] {
                self.workers[first] = At::Delayed(at + self.draws.delay_s(first as u32, self.serial[first]));
            } else {
                self.workers[first] = At::Served;
                self.queue.push(first);
                if self.queue.len() == 1 {
                    self.serve();
                }
            }
        }
    }
}

/// The arithmetic is another, and with delays a difference doubles every few dozen updates (who comes later leaves more to
/// the others): many short runs, and a tolerance.
#[test]
fn equal_shares_are_processor_sharing() {
    use Cancellation::{AfterStep, AtOnce};
    let policies = [
        ("async", 1, None, AtOnce),
        ("async", 1, Some("exp(5)"), AtOnce),
        ("k-sync:2", 2, None, AtOnce),
        ("k-sync:2", 2, Some("exp(2)"), AtOnce),
        ("k-sync:2", 2, None, AfterStep),
        ("k-sync:2", 2, Some("exp(2)"), AfterStep),
    ];
    for (name, delay) in [("exp(1)", None), ("gamma(4, 0.25)", Some("exp(3)")), ("pareto(0.1, 1.05)", None)] {
        for (policy, quorum, service, cancellation) in policies {
            for (m, cores) in [(8, 2), (5, 4), (3, 1)] {
                let (delay, service, speeds) = (delay.map(law), service.map(law), vec![1.0, 0.5]);
                let spec = spec(name)
                    .with_delay(delay)
                    .with_service(service)
                    .with_cores(Some(cores))
                    .unwrap()
                    .with_cancellation(cancellation)
                    .with_speeds(speeds)
                    .unwrap();
                (0..20).for_each(|replication| is_plain(policy, quorum, m, &spec, RandomKey::new(4, replication)));
            }
        }
    }
}

fn is_plain(policy: &str, quorum: usize, m: usize, spec: &ClusterSpec, key: RandomKey) {
    let mut plain = Plain {
        draws: Variates::new(spec, key),
        cores: spec.cores().expect("shared cores"),
        cancellation: spec.cancellation(),
        quorum,
        now: 0.0,
        serial: vec![0; m],
        workers: vec![At::Free; m],
        queue: Vec::new(),
        done: f64::INFINITY,
    };
    (0..m).for_each(|worker| plain.begin(worker, 0));
    for found in instants(policy, m, spec, key, 100) {
        let expected = plain.next_update();
        assert!((found / expected - 1.0).abs() < 1e-9, "{found} not {expected}: {policy}, {m} workers on {spec:?}");
    }
}

/// First come, first served by c cores: a step begins at max(its worker is ready, the first core is free). Bit for bit.
#[test]
fn queues_for_cores_are_first_come_first_served() {
    let laws = [("exp(1)", None), ("gamma(4, 0.25)", Some("exp(3)")), ("pareto(0.1, 1.05)", Some("uniform(0, 2)"))];
    for (name, delay) in laws {
        for (m, cores) in [(8, 2), (5, 4), (3, 1), (20, 7)] {
            let (delay, speeds, sharing) = (delay.map(law), vec![1.0, 0.5], Sharing::FirstCome);
            let spec = spec(name)
                .with_delay(delay)
                .with_cores(Some(cores))
                .unwrap()
                .with_sharing(sharing)
                .with_speeds(speeds)
                .unwrap();
            let key = RandomKey::new(6, u64::from(cores));
            let draws = Variates::new(&spec, key);
            let least = |times: &[f64]| (0..times.len()).min_by(|&a, &b| times[a].total_cmp(&times[b])).expect("some");
            let (mut ready, mut serial, mut free) = (vec![0.0; m], vec![0; m], vec![0.0; cores as usize]);
            // Hand-ins come out in order of time, steps begin in order of who is ready first.
            let mut expected = Vec::new();
            for _ in 0..2000 {
                let (worker, core) = (least(&ready), least(&free));
                let end = f64::max(ready[worker], free[core]) + draws.compute_s(worker as u32, serial[worker]);
                free[core] = end;
                ready[worker] = end + draws.delay_s(worker as u32, serial[worker]);
                serial[worker] += 1;
                expected.push(ready[worker]);
            }
            let all_known_until = ready.iter().copied().fold(f64::INFINITY, f64::min);
            expected.retain(|&at| at <= all_known_until);
            expected.sort_by(f64::total_cmp);
            assert!(expected.len() > 1000);
            assert_eq!(instants("async", m, &spec, key, expected.len()), expected, "{m} on {spec:?}");
        }
    }
}

/// Enough cores are cores of one's own, however they are shared.
#[test]
fn enough_cores_change_nothing() {
    for name in ["exp(1)", "gamma(4, 0.25)"] {
        let (plain, key) = (spec(name), RandomKey::new(7, 0));
        for sharing in [Sharing::Equally, Sharing::FirstCome] {
            for policy in ["sync", "k-sync:3", "k-async:3", "async", "ssp:1"] {
                let many = plain.clone().with_cores(Some(8)).unwrap().with_sharing(sharing);
                assert_eq!(instants(policy, 8, &many, key, 500), instants(policy, 8, &plain, key, 500));
            }
        }
    }
}
