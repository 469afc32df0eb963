//! How is a random word made an exponential time? By a logarithm of our own: the same bits on every machine, and quick.
//!
//! The platform's `ln` differs from libm to libm, and cannot be vectorised. This one is FreeBSD's (and musl's), without
//! its special cases: plain additions, multiplications and one division, nothing that a compiler may contract. Written
//! without a branch, a loop over it becomes vector code at whatever width the processor has, with the same bits at each.
//! There is no fused multiply-add: it would save a fifth where it exists, and give other bits than where it does not.

/// The unit exponential time of a random word: -ln u.
///
/// The mean is 1; nothing is longer than 52 ln 2 = 36.04.
#[inline(always)]
pub(crate) fn exponential(word: u64) -> f64 {
    -ln(share(word))
}

/// One of 2^52 equally spaced numbers u in (0, 1].
#[inline(always)]
pub(crate) fn share(word: u64) -> f64 {
    // The high 52 bits as the fraction of a float in [1, 2): no conversion from integers, which SSE2 and AVX2 lack.
    2.0 - f64::from_bits(word >> 12 | 1.0f64.to_bits())
}

/// The natural logarithm of a positive, normal, finite float, within one unit in the last place.
#[inline(always)]
pub(crate) fn ln(x: f64) -> f64 {
    const LN2_HIGH: f64 = 6.931_471_803_691_238e-1;
    const LN2_LOW: f64 = 1.908_214_929_270_587_7e-10;
    // Remez polynomial of FreeBSD's e_log.c for ln((1+s)/(1-s)) = 2s + s R(s^2).
    const R: [f64; 7] = [
        6.666_666_666_666_735e-1,
        3.999_999_999_940_942e-1,
        2.857_142_874_366_239e-1,
        2.222_219_843_214_978_4e-1,
        1.818_357_216_161_805e-1,
        1.531_383_769_920_937_3e-1,
        1.479_819_860_511_658_6e-1,
    ];
    // x = 2^k m with m from sqrt(1/2) to sqrt(2): adding the distance from sqrt(1/2) to 1 carries into the exponent there.
    const HALF_ROOT: u64 = 0x3fe6_a09e_0000_0000;
    const ONE: u64 = 0x3ff0_0000_0000_0000;
    let shifted = x.to_bits().wrapping_add(ONE - HALF_ROOT);
    let mantissa = f64::from_bits((shifted & 0x000f_ffff_ffff_ffff).wrapping_add(HALF_ROOT));
    // The exponent as a float, again without a conversion: as the low bits of 2^52, which is then subtracted.
    const TWO_52: u64 = 0x4330_0000_0000_0000;
    let k = f64::from_bits(TWO_52 | shifted >> 52) - (4_503_599_627_370_496.0 + 1023.0);

    let f = mantissa - 1.0;
    let half_square = 0.5 * f * f;
    let s = f / (2.0 + f);
    let z = s * s;
    let w = z * z;
    let odd = w * (R[1] + w * (R[3] + w * R[5]));
    let even = z * (R[0] + w * (R[2] + w * (R[4] + w * R[6])));
    s * (half_square + (odd + even)) + k * LN2_LOW - half_square + f + k * LN2_HIGH
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_logarithm_to_the_last_place() {
        let mut word = 1u64;
        for i in 0..200_000 {
            word = word.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            // All over the range, close to 1, and numbers that exponential times are made of.
            let x = match i % 3 {
                0 => f64::from_bits((word % 0x7fe0_0000_0000_0000).max(0x0010_0000_0000_0000)),
                1 => 1.0 + (word >> 40) as f64 * 1e-12,
                _ => ((word >> 12) as f64 + 1.0) / 4_503_599_627_370_496.0,
            };
            let (found, libm) = (ln(x), x.ln());
            let places = (found.to_bits() as i64 - libm.to_bits() as i64).abs();
            assert!(places <= 2, "ln {x:e}: {found:e} is {places} places from {libm:e}");
        }
        assert_eq!(ln(1.0).to_bits(), 0);
    }

    #[test]
    fn the_ends_of_the_range_are_0_and_52_ln_2() {
        assert_eq!(exponential(0), 0.0);
        assert!((exponential(u64::MAX) - 52.0 * std::f64::consts::LN_2).abs() < 1e-14);
        // Half of all words are below 2^63: their times are shorter than the median.
        assert!((exponential(1 << 63) - std::f64::consts::LN_2).abs() < 1e-15);
    }
}
