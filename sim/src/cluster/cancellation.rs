//! What becomes of a worker whose task is cancelled.

/// When a worker whose task is cancelled is free again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, strum::Display, strum::EnumString, strum::VariantNames)]
#[strum(serialize_all = "kebab-case")]
pub enum Cancellation {
    /// At once.
    AtOnce,
    /// When the present step is done, which goes on and is discarded; a delay ends at once. So do threads.
    AfterStep,
    /// Nobody is stopped: late results are dropped when they arrive. So do most systems.
    Never,
}
