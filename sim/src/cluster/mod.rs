//! Clusters: where tasks run, and what time it is there.
//!
//! Read [`run`] first (the seam between the coordinator and every world, and the only event loop), then [`spec`] (what a
//! simulated cluster is made of: `station`s on a route, `limits` of its numbers, machines that are `failing`, `cancellation`, its times
//! on average, `means`, and what a policy makes of it, `for_rule`), [`comm`] (communication, which becomes stations), [`variates`], [`des`]
//! (discrete-event simulation), [`replay`] (a recorded run once more), [`time`].

mod cancellation;
pub mod comm;
pub mod des;
mod failing;
mod for_rule;
mod limits;
mod means;
pub mod replay;
pub mod run;
pub mod spec;
mod station;
pub mod time;
pub mod variates;

pub use des::Simulated;
pub use replay::{Recording, Replay};
pub use run::{Cluster, Completion, Event, Run, Signal, Spent, Step};
pub use spec::{Cancellation, ClusterSpec, Failures, Sharing, SpecError, Station};
pub use time::Time;
pub use variates::Variates;
