//! What the tests of real threads share.

use sim::Policy;

/// One policy of each kind, with budgets and grace as short as the steps of these threads: the examples' own are seconds.
pub fn policies() -> impl Iterator<Item = Policy> + Clone {
    Policy::examples().map(|policy| {
        let short = match policy.name() {
            "grace" => "grace:4:0.001",
            "drop-compute" => "drop-compute:0.002:4",
            "anytime" => "anytime:0.002",
            _ => return policy,
        };
        short.parse().expect("a policy")
    })
}
