//! What happens, one event after the other: three workers, an update at every second submission, nobody is cancelled.

use straggle_sim::{ClusterSpec, Event, Policy, RandomKey, Run, Simulated};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let spec = ClusterSpec::new("exp(2)".parse()?);
    let run = Run::new(Policy::k_async(2).rule(3)?, Simulated::new(spec, RandomKey::new(0, 0), 3));
    for (time, event) in run.take(30) {
        let what = match event {
            Event::Started(task) => format!("worker {} reads version {}", task.worker, task.base_version),
            Event::Finished(done) => format!("worker {} hands in", done.task.worker),
            Event::Applied(task) => format!("  its gradient at version {} is applied", task.base_version),
            Event::Discarded(task) => format!("what worker {} submitted is too stale", task.worker),
            Event::Failed(worker) => format!("worker {worker} fails"),
            Event::Returned(worker) => format!("worker {worker} is back"),
            Event::Lost(task) => format!("worker {}'s task {} is lost", task.worker, task.serial),
            Event::Interrupted(task) => format!("worker {} submits what it has", task.worker),
            Event::Updated(version) => format!("  the parameters become version {version}"),
            Event::Cancelled(task) => format!("  worker {} is cancelled", task.worker),
        };
        println!("{:6.3} s  {what}", time.seconds());
    }
    Ok(())
}
