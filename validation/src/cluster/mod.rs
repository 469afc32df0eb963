//! Real workers: threads ([`threads`]) on real [`cores`], and what happens when one of them fails ([`failure`]).

pub mod cores;
pub mod failure;
pub mod threads;
pub(crate) mod worker;
