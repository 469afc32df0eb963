//! The verdict: predicted against measured, with intervals.

pub mod agreement;
