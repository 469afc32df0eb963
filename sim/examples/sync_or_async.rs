//! From nothing to an answer: how long does an update take, by simulation and by theory?

use straggle_sim::{ClusterSpec, Experiment, Length, Model, Progress};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let experiment = Experiment {
        policies: vec!["sync".parse()?, "async".parse()?, "k-async:2".parse()?],
        workers: vec![4, 8],
        spec: ClusterSpec::new("gamma(4, 0.25)".parse()?),
        model: Model::Event,
        length: Length::Honest,
        seed: 0,
        deadline_s: None,
    };
    println!("policy      m   s/update            theory");
    for observation in experiment.observe(&Progress::default()).into_iter().flatten() {
        let (cell, mean) = (observation.cell, observation.mean);
        let theory = observation.theory.map(|t| format!("{} {:.4}", t.kind, t.seconds)).unwrap_or_default();
        println!(
            "{:10} {:2}   {:.4} ± {:.4}   {theory}",
            cell.policy,
            cell.rule.workers,
            mean.mean,
            mean.half_width().unwrap_or(f64::NAN)
        );
    }
    Ok(())
}
