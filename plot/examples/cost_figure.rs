//! Draws `sim/cost.csv`: what a task costs the simulator.
//!
//! `cargo run --release -p straggle-plot --example cost_figure` writes `sim/cost.svg`.

use straggle_plot::{Axis, Entry, Figure, Mark, Panel, colour, shape};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let csv = std::fs::read_to_string("sim/cost.csv")?;
    let rows: Vec<Vec<&str>> = csv.lines().skip(1).map(|line| line.split(',').collect()).collect();
    let series = |varied: &str, policy: &str| -> Result<Vec<(f64, f64)>, std::num::ParseFloatError> {
        let wanted = rows.iter().filter(|row| row[0] == varied && row[1] == policy);
        wanted.map(|row| Ok((row[2].parse()?, row[3].parse()?))).collect()
    };
    let (mut by_workers, mut by_policies, mut by_tasks, mut legend) = (vec![], vec![], vec![], vec![]);
    for (i, policy) in ["sync", "async", "k-async:4", "ssp:2", "k-sync:4", "all"].into_iter().enumerate() {
        let mut first = None;
        for (varied, marks) in [("workers", &mut by_workers), ("policies", &mut by_policies), ("tasks", &mut by_tasks)]
        {
            let points = series(varied, policy)?;
            if !points.is_empty() {
                let (line, points) = (Mark::line(points.clone(), colour(i)), Mark::points(points, colour(i), shape(i)));
                first.get_or_insert_with(|| Entry::new(policy, [&line, &points]));
                marks.extend([line, points]);
            }
        }
        legend.extend(first);
    }
    let cost = || "Time per task (ns)";
    let panels = vec![
        Panel::new(Axis::log("Number of workers m"), Axis::log(cost()), by_workers),
        Panel::new(Axis::linear("Policies, m = 20").integer(), Axis::linear(cost()).from_zero(), by_policies),
        Panel::new(Axis::log("Tasks, m = 20"), Axis::log(cost()), by_tasks),
    ];
    std::fs::write("sim/cost.svg", straggle_plot::svg(&Figure { legend, ..Figure::new(panels) })?)?;
    Ok(())
}
