//! Commands that leave no run behind: a page, a server, a verdict.

pub mod check;
pub mod explore;
#[cfg(feature = "serve")]
pub mod serve;
