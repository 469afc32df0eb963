//! Clusters: where tasks run, and what time it is there.
//!
//! Read [`run`] first (the seam between the coordinator and every world, and the only event loop), then [`spec`] (what a
//! simulated cluster is made of), [`des`] (discrete-event simulation), [`replay`] (a recorded run once more), [`time`].

pub mod des;
pub mod replay;
pub mod run;
pub mod spec;
pub mod time;

pub use des::Simulated;
pub use replay::{Recording, Replay};
pub use run::{Cluster, Completion, Event, Run, Spent, Step};
pub use spec::{Cancellation, ClusterSpec, Sharing, Variates};
pub use time::Time;
