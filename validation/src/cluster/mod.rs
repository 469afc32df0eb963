//! Real workers. [`server`] keeps the parameters and the book, whatever carries its messages; [`threads`] are workers of this
//! process, on real [`cores`]; [`failure`] is what happens when one of them fails.

pub mod cores;
pub mod failure;
pub mod server;
pub mod threads;
pub(crate) mod worker;
