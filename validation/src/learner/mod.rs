//! SGD on real gradients: under a policy ([`digits`]), or on shared parameters without locks ([`hogwild`]).

pub mod digits;
pub mod hogwild;
