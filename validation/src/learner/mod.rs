//! SGD on real gradients ([`sgd`]): under a policy ([`digits`]), on shared parameters without locks ([`hogwild`]), or with
//! everything on a device ([`device`]).

pub mod device;
pub mod digits;
pub mod hogwild;
pub mod sgd;
pub mod wire;
