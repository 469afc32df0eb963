//! Policies: when to update, and whom to release. No clocks, threads or gradients.
//!
//! Read [`table`] first (every policy is one row), then [`rule`] (the dials that a row sets), [`coordinator`] (the one
//! machine that obeys the dials in every world), [`typed`] (what people type).

pub mod coordinator;
pub mod rule;
pub mod table;
pub mod typed;

pub use coordinator::{Coordinator, Orders, Task};
pub use rule::{OnCompletion, OnUpdate, Rule};
pub use table::{POLICIES, Row};
pub use typed::{Policy, PolicyError};
