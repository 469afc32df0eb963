//! How wide is a text, and what outline has it? The same on every machine, because the font travels with the program.

use std::sync::OnceLock;

use ab_glyph::{Font, FontRef, GlyphId, OutlineCurve, Point, point};

use super::PlotError;

/// What an SVG viewer is asked for; the first is the font that texts are measured with.
pub(super) const FAMILY: &str = "DejaVu Sans, Verdana, sans-serif";

/// DejaVu Sans without the glyphs no figure needs; licence beside it.
static BYTES: &[u8] = include_bytes!("../assets/DejaVuSans.subset.ttf");

fn font() -> Result<&'static FontRef<'static>, PlotError> {
    static FONT: OnceLock<Option<FontRef<'static>>> = OnceLock::new();
    FONT.get_or_init(|| FontRef::try_from_slice(BYTES).ok()).as_ref().ok_or(PlotError::Font)
}

/// Each glyph of `text` and where its pen stands, in font units, then where the pen ends.
fn set(font: &FontRef<'_>, text: &str) -> (Vec<(GlyphId, f32)>, f32) {
    let mut pen = 0.0;
    let mut glyphs: Vec<(GlyphId, f32)> = Vec::new();
    for c in text.chars() {
        let id = font.glyph_id(c);
        if let Some((before, _)) = glyphs.last() {
            pen += font.kern_unscaled(*before, id);
        }
        glyphs.push((id, pen));
        pen += font.h_advance_unscaled(id);
    }
    (glyphs, pen)
}

/// Width of `text` at `size` pixels to the em.
pub(super) fn width(text: &str, size: f64) -> Result<f64, PlotError> {
    let font = font()?;
    let units = font.units_per_em().ok_or(PlotError::Font)?;
    Ok(f64::from(set(font, text).1 / units) * size)
}

/// The outline of `text` at `size` pixels to the em: `placed` is given points right of and below the baseline's start.
pub(super) fn outline(text: &str, size: f64, placed: impl Fn(Point) -> Point) -> Result<Vec<OutlineCurve>, PlotError> {
    let font = font()?;
    let units = font.units_per_em().ok_or(PlotError::Font)?;
    let em = size as f32 / units;
    let mut curves = Vec::new();
    for (id, pen) in set(font, text).0 {
        let Some(glyph) = font.outline(id) else { continue };
        let at = |p: Point| placed(point((pen + p.x) * em, -p.y * em));
        curves.extend(glyph.curves.into_iter().map(|curve| match curve {
            OutlineCurve::Line(a, b) => OutlineCurve::Line(at(a), at(b)),
            OutlineCurve::Quad(a, b, c) => OutlineCurve::Quad(at(a), at(b), at(c)),
            OutlineCurve::Cubic(a, b, c, d) => OutlineCurve::Cubic(at(a), at(b), at(c), at(d)),
        }));
    }
    Ok(curves)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sign_our_labels_use_is_in_the_font() {
        let font = font().expect("the embedded font parses");
        for c in "09azAZéµλγσ−×±·≤≥≈–—…ₘ²³→∞⁰⁻⁷%\u{2009}".chars() {
            assert_ne!(font.glyph_id(c).0, 0, "{c} is missing");
        }
    }

    #[test]
    fn width_grows_with_size_and_text() {
        let ten = width("ten", 10.0).expect("measured");
        assert_eq!(width("ten", 20.0).expect("measured"), 2.0 * ten);
        assert!(width("often", 10.0).expect("measured") > ten);
    }
}
