//! The embedded font and how wide it sets a text: DejaVu Sans, the glyphs that figures need, licence beside it.

use plotters::style::{FontStyle, IntoFont, register_font};
use std::sync::Once;

/// The font file.
pub(super) const BYTES: &[u8] = include_bytes!("font/DejaVuSans.subset.ttf");

/// What it is called in itself.
pub(super) const NAME: &str = "DejaVu Sans";

/// What a viewer of the SVG is asked for; plotters knows the embedded font by the whole of it.
pub(super) const FAMILY: &str = "DejaVu Sans, Verdana, sans-serif";

/// Plotters takes this many ems for the size of any font.
const PLOTTERS_SIZE: f64 = 1.24;

/// Ascent and descent of the font in ems: what ab_glyph, and so plotters in its estimates, takes for the size.
const HEIGHT: f64 = 1.164;

/// Plotters' name for `pixels` to the em, in units of [`UNIT`](super::page::UNIT).
pub(super) fn size(pixels: f64) -> f64 {
    register();
    pixels * PLOTTERS_SIZE * f64::from(super::page::UNIT)
}

fn register() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let registered = register_font(FAMILY, FontStyle::Normal, BYTES);
        assert!(registered.is_ok(), "the embedded font parses");
    });
}

/// Width in pixels of a text of `pixels` to the em.
pub(super) fn width(text: &str, pixels: f64) -> f64 {
    // In thousands, as plotters rounds.
    let font = (FAMILY, size(1000.0)).into_font();
    let (width, _) = font.box_size(text).expect("the font is registered");
    f64::from(width) * HEIGHT / PLOTTERS_SIZE / f64::from(super::page::UNIT) / 1000.0 * pixels
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sign_of_our_labels_is_in_the_font() {
        // A missing glyph has the width of the empty box.
        let missing = width("\u{10FFFD}", 10.0);
        for sign in "Hₘ₋₄₀λ1µ²→∞−×±≥≤–·⁻⁷⁰%γσ".chars() {
            assert_ne!(width(&sign.to_string(), 10.0), missing, "{sign}");
        }
    }

    #[test]
    fn widths_are_those_of_the_font() {
        // Digits of DejaVu Sans are 1303 of 2048 units wide.
        assert!((width("0000000000", 10.0) - 100.0 * 1303.0 / 2048.0).abs() < 0.05);
        assert!((width("10", 20.0) - 2.0 * width("10", 10.0)).abs() < 1e-9);
    }
}
