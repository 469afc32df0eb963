//! Random numbers: streams with a key for every number, and laws of positive random times.
//!
//! Read [`key`] first (common random numbers: which number belongs to which step), then [`law`].

pub mod key;
pub mod law;
pub(crate) mod ln;
pub mod syntax;

pub use key::{Purpose, RandomKey, Stream};
pub use law::{Law, LawError, LawText, TraceSource};
