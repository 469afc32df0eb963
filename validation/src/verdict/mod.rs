//! The verdict as statistics of what was recorded: a [`sample`] of log ratios for each claim, an [`equivalence`] test of all
//! of them together, a [`summary`] in a line, and the [`claims`] about a recording. Nothing here measures, and nothing here
//! knows a clock.

pub mod claims;
pub mod equivalence;
pub mod sample;
pub mod summary;
