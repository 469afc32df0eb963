//! Dropout whose mask comes from the caller's random stream (Srivastava et al. 2014).
//!
//! burn draws its masks from one generator of the process, so that of several threads each run would be another. Here a
//! worker hands in the stream of its own step: equal seeds, equal masks, in any thread.

use burn::module::Module;
use burn::tensor::{Tensor, TensorData};
use rand::Rng;
use sim::random::key::Stream;

/// Multiplies each number by 0 or by 1/(1 − p), at random.
#[derive(Module, Debug)]
pub struct Dropout {
    p: f64,
}

/// Bits of a random word that decide about one number: p is a multiple of 2^-16.
const BITS: u32 = u16::BITS;

impl Dropout {
    /// Drops each number with probability `p`, 0 to less than 1.
    pub fn new(p: f64) -> Dropout {
        Dropout { p }
    }

    /// The numbers under a mask drawn from `stream`; without one they are left alone, as for a test.
    pub fn forward<const D: usize>(&self, x: Tensor<D>, stream: Option<&mut Stream>) -> Tensor<D> {
        let Some(stream) = stream else { return x };
        let mask = TensorData::new(self.mask(x.shape().num_elements(), stream), x.shape());
        let mask = Tensor::from_data(mask, &x.device().inner());
        x * mask
    }

    fn mask(&self, count: usize, stream: &mut Stream) -> Vec<f32> {
        let dropped = (self.p * f64::from(1u32 << BITS)).round() as u16;
        let scale = (1.0 / (1.0 - self.p)) as f32;
        let mut mask = Vec::with_capacity(count + 3);
        while mask.len() < count {
            let word = stream.next_u64();
            mask.extend((0..4).map(|i| if (word >> (BITS * i)) as u16 >= dropped { scale } else { 0.0 }));
        }
        mask.truncate(count);
        mask
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;
    use sim::{Purpose, RandomKey};

    fn stream(step: u64) -> Stream {
        RandomKey::new(3, 0).at(Purpose::Dropout, 1, step)
    }

    #[test]
    fn a_mask_drops_its_share_and_keeps_the_mean() {
        for p in [0.5, 0.25, 0.1] {
            let n = 200_000;
            let mask = Dropout::new(p).mask(n, &mut stream(0));
            let scale = (1.0 / (1.0 - p)) as f32;
            assert!(mask.iter().all(|&x| x == 0.0 || x == scale));
            let dropped = mask.iter().filter(|x| **x == 0.0).count() as f64;
            // Binomial; 4.5 standard deviations: 7 false alarms in a million seeds. The seed is fixed.
            let z = (dropped - n as f64 * p) / (n as f64 * p * (1.0 - p)).sqrt();
            assert!(z.abs() < 4.5, "p = {p}: {z:+.1} standard deviations away");
        }
    }

    #[test]
    fn a_mask_is_a_function_of_its_stream() {
        let dropout = Dropout::new(0.5);
        assert_eq!(dropout.mask(1001, &mut stream(4)), dropout.mask(1001, &mut stream(4)));
        assert_ne!(dropout.mask(1001, &mut stream(4)), dropout.mask(1001, &mut stream(5)));
    }

    #[test]
    fn a_test_drops_nothing() {
        let x = Tensor::<1>::from_floats([1.0, -2.0, 3.0], &Device::flex());
        assert_eq!(Dropout::new(0.5).forward(x.clone(), None).into_data(), x.into_data());
    }
}
