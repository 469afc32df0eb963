//! What is said.

pub use crate::output::{print, tell};
