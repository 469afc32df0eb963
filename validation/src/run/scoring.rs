//! How much is classified to see how well a run learns: never more work than the training itself, unless it is asked for.
//!
//! A training step is a forward and a backward pass, which cost about as much as three forward passes. So n images that were
//! learnt from pay for 3n that are classified; that number, unlike seconds, is the same on every machine.

/// Snapshots and images of each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scoring {
    /// Snapshots between the beginning and the end.
    pub snapshots: u64,
    /// Test images that each is scored on.
    pub images: usize,
}

/// Forward passes that cost as much as a training step on the same images.
const PASSES: u64 = 3;
/// Snapshots that make a curve.
const MOST: u64 = 20;
/// Images without which an accuracy says little: its standard error is then at most 2.2 %.
const FEWEST_IMAGES: usize = 500;

impl Scoring {
    /// For a run that learns from so many images, repetitions counted, of a set with so many test images.
    ///
    /// Fewer snapshots come first; if two on all test images are still too many, fewer images.
    pub fn within(learnt: u64, test: usize) -> Scoring {
        let payable = PASSES.saturating_mul(learnt);
        let snapshots = (payable / test.max(1) as u64).saturating_sub(1).clamp(1, MOST);
        let images = usize::try_from(payable / (snapshots + 1)).unwrap_or(usize::MAX);
        Scoring { snapshots, images: images.max(FEWEST_IMAGES).min(test) }
    }

    /// All test images at every snapshot, whatever the run.
    pub fn all(test: usize) -> Scoring {
        Scoring { snapshots: MOST, images: test }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scoring_never_costs_more_than_training_beyond_the_fewest_images() {
        for learnt in [1, 640, 1280, 10_000, 60_000, 120_000, 10_000_000] {
            let Scoring { snapshots, images } = Scoring::within(learnt, 10_000);
            let passes = (snapshots + 1) * images as u64;
            assert!(passes <= 3 * learnt || (images, snapshots) == (FEWEST_IMAGES, 1), "{learnt}: {passes}");
        }
    }

    #[test]
    fn a_long_run_is_scored_in_full_and_a_short_one_at_both_ends() {
        assert_eq!(Scoring::within(120_000, 10_000), Scoring::all(10_000));
        assert_eq!(Scoring::within(1280, 10_000), Scoring { snapshots: 1, images: 1920 });
        assert_eq!(Scoring::within(20_000, 10_000), Scoring { snapshots: 5, images: 10_000 });
        assert_eq!(Scoring::within(10, 300), Scoring { snapshots: 1, images: 300 });
    }
}
