//! Faster ways to the numbers of the event engine, where little can happen. Each is tested equal to it.

#[doc(hidden)]
pub mod bench;
pub(crate) mod rounds;
pub(crate) mod superposition;
pub(crate) mod width;
pub(crate) mod window;
