//! Wait for the slowest worker, never wait, or something between? The model on one page.
//!
//! m workers each read the parameters, compute for a random time X, and hand in a gradient. When enough gradients are in,
//! the server averages them into the parameters: an *update*. What is enough, and what everybody does then, is a
//! [`Policy`]:
//!
//! - **sync** waits for all: an update takes the maximum of m times. For X exponential of rate mu, E = H_m / mu, with
//!   H_m = 1 + 1/2 + ... + 1/m, and it carries m gradients.
//! - **async** never waits: updates come every E\[X\]/m on average, whatever the law, with one gradient each, which is
//!   m - 1 updates old on average by the time it is applied.
//! - **k-sync, k-async, k-batch-..., ssp, local, backup** lie between.
//!
//! Three axes are kept apart, and any combination runs: a policy knows *when* to update and whom to release
//! ([`policy`]); a cluster knows *what time it is* ([`cluster`]); a learner
//! knows *what a gradient is* ([`learn`]). The policy lowers to a [`Rule`] of four dials, and the one [`Coordinator`]
//! that obeys it is the same in simulated time and on real threads.
//!
//! ```
//! use straggle_sim::{ClusterSpec, Experiment, Length, Model, Policy, Progress, theory};
//!
//! let spec = ClusterSpec::new("exp(2)".parse()?); // half a second per step
//! let (policies, workers) = (vec![Policy::SYNC], vec![20]);
//! let experiment = Experiment { policies, workers, spec, model: Model::Event, length: Length::Honest, seed: 0, deadline_s: None };
//! let found = experiment.observe(&Progress::default()).remove(0).expect("nobody stopped it");
//! let exact = found.theory.expect("known").seconds;
//! assert!((exact - theory::harmonic(20) / 2.0).abs() < 1e-12); // 1.79887
//! assert!(found.mean.z(exact).expect("some noise").abs() < 4.0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Rooms, in the order in which to read them: [`policy`], [`cluster`], [`random`], [`learn`], [`measure`], [`theory`],
//! [`predict`], [`experiment`], [`fast`].
//!
//! # What this leaves out
//!
//! - The network is a few formulas and one shared link: no topology, no congestion by others, no lost packets.
//! - Cores are shared without loss, equally or first come first served; a kernel's time slices and caches are not modelled.
//! - Failures of workers are independent and exponential; nothing else fails, neither the server nor the network.
//! - Laws are stationary: steps may depend on each other (measured rows and blocks, a common factor, passing phases), but nothing
//!   drifts.

pub mod cluster;
pub mod experiment;
#[doc(hidden)]
pub mod fast;
pub mod learn;
pub mod measure;
mod parallel;
pub mod policy;
pub mod predict;
pub mod random;
pub mod theory;
pub mod units;

pub use cluster::{
    Cancellation, Cluster, ClusterSpec, Completion, Event, Failures, Recording, Replay, Run, Sharing, Signal,
    Simulated, SpecError, Spent, Station, Step, Time, Variates,
};
pub use experiment::{Configuration, Experiment, Kept, Length, Model, Observation, Progress};
pub use learn::{Learner, LearnerText, Learning, Quadratic};
pub use measure::{Accounts, Estimate, Gaps, Method, Moments, Plan, Replications, StalenessAudit, TimeSpent};
pub use policy::{Coordinator, OnCompletion, Orders, Policy, PolicyError, Rule, Task};
pub use random::{
    Compute, Dependence, Law, LawError, LawText, Phases, Purpose, RandomKey, StepTime, StepTimes, StepTimesError,
    TraceSource,
};

/// The name that is most like what was typed, if one is like it: for "did you mean".
pub fn nearest<'a>(typed: &str, names: &[&'a str]) -> Option<&'a str> {
    let likeness = |name: &str| strsim::jaro_winkler(&typed.to_lowercase(), &name.to_lowercase());
    let nearest = names.iter().copied().max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
    nearest.filter(|name| likeness(name) > 0.6)
}

/// The most characters that a message quotes of what was typed or stands in a file.
const QUOTED: usize = 40;

/// What may be quoted of a text from outside: a few characters, none of which moves the cursor.
pub fn clip(text: &str) -> String {
    let printable = |c: char| if c.is_control() || c == char::REPLACEMENT_CHARACTER { '·' } else { c };
    let mut clipped: String = text.chars().take(QUOTED).map(printable).collect();
    if text.chars().nth(QUOTED).is_some() {
        clipped.push('…');
    }
    clipped
}

/// The sentence for a name that does not exist.
pub(crate) fn unknown(what: &str, typed: &str, names: &[&str]) -> String {
    let all = names.join(", ");
    let shown = clip(typed);
    match nearest(typed, names) {
        Some(name) => format!("there is no {what} '{shown}'; did you mean '{name}'? (known: {all})"),
        None => format!("there is no {what} '{shown}'; type one of {all}"),
    }
}
