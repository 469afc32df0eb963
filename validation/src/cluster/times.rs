//! Where the time of each process went, as it saw it.

/// What a rank did, in its own seconds.
#[derive(Clone, Debug, PartialEq)]
pub struct RankTimes {
    /// Its rank.
    pub rank: u32,
    /// The host that it ran on.
    pub host: String,
    /// Steps that it took.
    pub steps: u64,
    /// From its first task to the end of its last.
    pub wall_s: f64,
    /// Of these, computing.
    pub compute_s: f64,
    /// Of these, drawn delays.
    pub delay_s: f64,
}
