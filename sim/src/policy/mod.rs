//! Policies: when to update, and whom to release. No clocks, threads or gradients.
//!
//! Read [`rule`] first (what people type, and the dials that it lowers to), then [`coordinator`], the one machine that
//! obeys the dials in every world.

pub mod coordinator;
pub mod rule;

pub use coordinator::{Coordinator, Orders, Task};
pub use rule::{OnCompletion, OnUpdate, Policy, PolicyError, Rule};
