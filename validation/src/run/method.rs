//! How is a published experiment run? A policy, or model averaging after each local epoch.

use crate::data::batches::Share;
use sim::{Policy, PolicyError};
use std::fmt;
use std::str::FromStr;

/// What is compared over workers and samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// A policy as it is.
    Policy(Policy),
    /// The data are scattered over the workers once; each passes over its own share, then the parameters are averaged.
    LocalEpoch,
}

impl Method {
    /// The policy, where a worker's share of the data is so many steps.
    pub fn policy(self, steps_per_epoch: u32) -> Policy {
        match self {
            Method::Policy(policy) => policy,
            Method::LocalEpoch => Policy::local(steps_per_epoch),
        }
    }

    /// The policy whose colour it has in figures.
    pub fn kind(self) -> Policy {
        self.policy(1)
    }

    /// How `workers` share the samples: dealt out anew in each pass, unless they were scattered once and for all.
    pub fn share(self, workers: u32) -> Share {
        match self {
            Method::Policy(_) => Share::Dealt { workers },
            Method::LocalEpoch => Share::Shard { workers },
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Method::Policy(policy) => policy.fmt(f),
            Method::LocalEpoch => f.pad(LOCAL_EPOCH),
        }
    }
}

impl FromStr for Method {
    type Err = PolicyError;

    fn from_str(text: &str) -> Result<Method, PolicyError> {
        match text {
            LOCAL_EPOCH => Ok(Method::LocalEpoch),
            policy => policy.parse().map(Method::Policy),
        }
    }
}

const LOCAL_EPOCH: &str = "local:epoch";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_can_be_typed_can_be_printed() {
        for method in Policy::examples().map(Method::Policy).chain([Method::LocalEpoch]) {
            assert_eq!(method.to_string().parse(), Ok(method));
        }
        assert_eq!(Method::LocalEpoch.policy(300), Policy::local(300));
        assert!("local:epochs".parse::<Method>().is_err());
    }
}
