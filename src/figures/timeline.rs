//! Timelines: what each worker does in a window of time that all of them, and all policies in a figure, have in common.
//!
//! They are collected from the events of a [`Run`], whatever cluster it is on, or given as spans. As Chrome's trace format
//! (T. Duca and D. Sinclair, Trace Event Format) they can be looked at in Perfetto.

use super::{Axis, Colour, Data, Figure, Fill, Mark, Panel, Style, few};
use serde_json::{Value, json};
use sim::{Cluster, Event, Run};

/// What the workers of one policy do.
#[derive(Clone, Debug, PartialEq)]
pub struct Timeline {
    /// Policy and number of workers.
    pub title: String,
    /// Number of workers.
    pub workers: u32,
    /// Everything but waiting, in any order; a worker does one thing at a time.
    pub spans: Vec<Span>,
    /// When the parameters were updated, s.
    pub updates: Vec<f64>,
}

/// A stretch of time in which a worker does one thing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Span {
    /// 0, 1, 2, ...
    pub worker: u32,
    /// From, s.
    pub from_s: f64,
    /// To, s.
    pub to_s: f64,
    /// What it does.
    pub activity: Activity,
}

/// What a worker does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activity {
    /// A task that is submitted.
    Computing,
    /// What needs no core.
    Delay,
    /// A task that is thrown away.
    Cancelled,
    /// Nothing.
    Waiting,
}

const ACTIVITIES: [(Activity, &str, Style); 4] = [
    (Activity::Computing, "computing", Style { fill: Fill::Light, ..Style::new(Colour::BLUE) }),
    (Activity::Delay, "delay", Style { fill: Fill::Hollow, ..Style::new(Colour::SKY) }),
    (Activity::Cancelled, "cancelled", Style { fill: Fill::Hatched, ..Style::new(Colour::VERMILION) }),
    (Activity::Waiting, "waiting", Style::new(Colour::SILVER)),
];

/// Workers that a figure shows, and policies.
const ROWS: u32 = 12;
const PANELS: usize = 24;

impl Timeline {
    /// The first `until_s` seconds of a run on so many workers.
    pub fn of_run<C: Cluster>(title: String, run: Run<C>, workers: u32, until_s: f64) -> Timeline {
        let mut timeline = Timeline { title, workers, spans: Vec::new(), updates: Vec::new() };
        let mut given: Vec<Option<f64>> = vec![None; workers as usize];
        for (at, event) in run {
            let at = at.seconds();
            if at > until_s && given.iter().flatten().all(|&start| start >= until_s) {
                break;
            }
            match event {
                Event::Started(task) => given[task.worker as usize] = Some(at),
                Event::Finished(done) => {
                    let start = given[done.task.worker as usize].take().unwrap_or(at);
                    let parts = [
                        (done.spent.discarded_s, Activity::Cancelled),
                        (done.spent.compute_s, Activity::Computing),
                        (done.spent.delay_s, Activity::Delay),
                    ];
                    timeline.add(done.task.worker, start, parts);
                }
                Event::Cancelled(task) | Event::Lost(task) => {
                    let start = given[task.worker as usize].take().unwrap_or(at);
                    timeline.add(task.worker, start, [(at - start, Activity::Cancelled)]);
                }
                Event::Updated(_) => timeline.updates.push(at),
                Event::Applied(_)
                | Event::Discarded(_)
                | Event::Interrupted(_)
                | Event::Failed(_)
                | Event::Returned(_) => {}
            }
        }
        timeline
    }

    /// Adds what a worker did one after the other, each for so many seconds.
    pub fn add(&mut self, worker: u32, start_s: f64, parts: impl IntoIterator<Item = (f64, Activity)>) {
        let mut from_s = start_s;
        for (seconds, activity) in parts.into_iter().filter(|(seconds, _)| *seconds > 0.0) {
            self.spans.push(Span { worker, from_s, to_s: from_s + seconds, activity });
            from_s += seconds;
        }
    }

    /// The spans of a worker that begin within the window, in order, and the waiting between them.
    fn of_worker(&self, worker: u32, until_s: f64) -> Vec<Span> {
        let mut spans: Vec<Span> =
            self.spans.iter().filter(|span| span.worker == worker && span.from_s < until_s).copied().collect();
        spans.sort_by(|a, b| a.from_s.total_cmp(&b.from_s));
        let (mut all, mut free_s) = (Vec::new(), 0.0);
        // Less than a millionth of the window is rounding.
        let waiting = |from_s: f64, to_s: f64| {
            (to_s - from_s > 1e-6 * until_s).then_some(Span { worker, from_s, to_s, activity: Activity::Waiting })
        };
        for span in spans {
            all.extend(waiting(free_s, span.from_s));
            all.push(span);
            free_s = span.to_s;
        }
        all.extend(waiting(free_s, until_s));
        all
    }
}

/// One panel for each timeline, all over the same window of time from the beginning.
pub fn timeline(timelines: &[Timeline], until_s: f64, caption: String) -> Figure {
    let rows = timelines.iter().map(|timeline| timeline.workers.min(ROWS)).max().unwrap_or(1);
    let (shown, left_out) = few(timelines.iter().collect(), PANELS, "policy");
    let panels = shown.into_iter().map(|timeline| panel(timeline, until_s)).collect();
    let panel_size = (640.0, 16.0 + 22.0 * f64::from(rows + 1));
    Figure { columns: 1, panel_size, ..Figure::new(panels, caption + &left_out) }
}

fn panel(timeline: &Timeline, until_s: f64) -> Panel {
    let shown = timeline.workers.min(ROWS);
    let spans: Vec<Span> = (0..shown).flat_map(|worker| timeline.of_worker(worker, until_s)).collect();
    let mut marks = Vec::new();
    for (activity, name, style) in ACTIVITIES {
        let half = if activity == Activity::Waiting { 0.08 } else { 0.36 };
        let rect = |span: &Span| {
            let row = f64::from(span.worker) + 1.0;
            [(span.from_s, row - half), (span.to_s.min(until_s), row + half)]
        };
        let rects: Vec<_> = spans.iter().filter(|span| span.activity == activity).map(rect).collect();
        if !rects.is_empty() {
            marks.push(Mark::rects(rects, style).named(name));
        }
    }
    let tick = |&at: &f64| [(at, -0.36), (at, 0.36), (f64::NAN, f64::NAN)];
    let ticks: Vec<(f64, f64)> = timeline.updates.iter().filter(|&&at| at <= until_s).flat_map(tick).collect();
    if !ticks.is_empty() {
        marks.push(Mark {
            data: Data::Line(ticks),
            style: Style { width: 1.4, ..Style::new(Colour::INK) },
            name: "update".to_string(),
        });
    }
    let names = std::iter::once("updates".to_string()).chain((1..=shown).map(|worker| format!("worker {worker}")));
    let more = if shown < timeline.workers { format!(" ({shown} of them)") } else { String::new() };
    Panel::new(Axis::linear("Time (s)").over(0.0, until_s), Axis::names(names.collect()), marks)
        .titled(format!("{}{more}", timeline.title))
}

/// The timelines as a JSON document in Chrome's trace format, a process for each and a thread for each worker.
pub fn chrome_trace(timelines: &[Timeline]) -> String {
    let micros = |seconds: f64| seconds * 1e6;
    let mut events: Vec<Value> = Vec::new();
    for (pid, timeline) in timelines.iter().enumerate() {
        events.push(json!({"ph": "M", "pid": pid, "name": "process_name", "args": {"name": timeline.title}}));
        for worker in 0..timeline.workers {
            let name = format!("worker {}", worker + 1);
            events.push(json!({"ph": "M", "pid": pid, "tid": worker, "name": "thread_name", "args": {"name": name}}));
        }
        for span in &timeline.spans {
            let (_, name, _) = ACTIVITIES.iter().find(|row| row.0 == span.activity).expect("all are there");
            let (ts, dur) = (micros(span.from_s), micros(span.to_s - span.from_s));
            events.push(json!({"ph": "X", "pid": pid, "tid": span.worker, "name": name, "ts": ts, "dur": dur}));
        }
        for (i, at) in timeline.updates.iter().enumerate() {
            let name = format!("update {}", i + 1);
            events.push(json!({"ph": "i", "s": "p", "pid": pid, "tid": 0, "name": name, "ts": micros(*at)}));
        }
    }
    serde_json::to_string(&json!({"traceEvents": events, "displayTimeUnit": "ms"})).expect("plain data") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use sim::{ClusterSpec, Policy, RandomKey, Simulated};

    fn simulated(policy: &str, until_s: f64) -> Timeline {
        let rule = policy.parse::<Policy>().expect("a policy").rule(4).expect("a rule");
        let spec =
            ClusterSpec::new("exp(1)".parse().expect("a law")).with_delay(Some("exp(10)".parse().expect("a law")));
        let run = Run::new(rule, Simulated::new(spec, RandomKey::new(7, 0), 4));
        Timeline::of_run(policy.to_string(), run, 4, until_s)
    }

    #[test]
    fn a_worker_does_one_thing_at_a_time_all_the_time() {
        for policy in ["sync", "k-sync:2", "async", "k-async:2", "ssp:0"] {
            let timeline = simulated(policy, 12.0);
            for worker in 0..4 {
                let spans = timeline.of_worker(worker, 12.0);
                assert_eq!(spans[0].from_s, 0.0, "{policy}");
                for pair in spans.windows(2) {
                    assert!((pair[1].from_s - pair[0].to_s).abs() < 1e-4, "{policy}: {pair:?}");
                }
                assert!(spans.last().expect("something").to_s >= 12.0 - 1e-4, "{policy}");
            }
        }
    }

    #[test]
    fn only_who_may_wait_waits_and_only_who_may_cancel_cancels() {
        let occurs = |policy: &str, activity: Activity| {
            let timeline = simulated(policy, 12.0);
            (0..4).flat_map(|worker| timeline.of_worker(worker, 12.0)).any(|span| span.activity == activity)
        };
        assert!(occurs("sync", Activity::Waiting) && !occurs("async", Activity::Waiting));
        assert!(occurs("k-sync:2", Activity::Cancelled) && !occurs("sync", Activity::Cancelled));
        assert!(occurs("async", Activity::Delay));
    }

    #[test]
    fn a_trace_is_json_with_all_spans_and_updates() {
        let timeline = simulated("k-sync:2", 5.0);
        let trace: Value = serde_json::from_str(&chrome_trace(std::slice::from_ref(&timeline))).expect("JSON");
        let events = trace["traceEvents"].as_array().expect("events");
        let of = |phase: &str| events.iter().filter(|event| event["ph"] == phase).count();
        assert_eq!((of("X"), of("i"), of("M")), (timeline.spans.len(), timeline.updates.len(), 5));
        let whole: f64 = events.iter().filter_map(|event| event["dur"].as_f64()).sum();
        let spans: f64 = timeline.spans.iter().map(|span| span.to_s - span.from_s).sum();
        assert!((whole / 1e6 - spans).abs() < 1e-9 * spans);
    }
}
