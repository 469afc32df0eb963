//! How wide is a text, and which pixels does it cover? The same on every machine, because the font travels with the program.

use std::sync::OnceLock;

use ab_glyph::{Font, FontRef, GlyphId, PxScale, point};

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

/// Calls `ink` with x, y (downwards from the baseline's start) and coverage of every pixel of `text`.
pub(super) fn rasterise(
    text: &str,
    size: f64,
    mut ink: impl FnMut(i32, i32, f32) -> Result<(), PlotError>,
) -> Result<(), PlotError> {
    let font = font()?;
    let units = font.units_per_em().ok_or(PlotError::Font)?;
    let em = size as f32 / units;
    // ab_glyph counts the height from ascender to descender, everyone else the em.
    let scale = PxScale::from(font.height_unscaled() * em);
    for (id, pen) in set(font, text).0 {
        let glyph = id.with_scale_and_position(scale, point(pen * em, 0.0));
        let Some(outline) = font.outline_glyph(glyph) else {
            continue;
        };
        let corner = outline.px_bounds().min;
        let mut drawn = Ok(());
        outline.draw(|x, y, coverage| {
            if drawn.is_ok() && coverage > 0.0 {
                drawn = ink(corner.x as i32 + x as i32, corner.y as i32 + y as i32, coverage.min(1.0));
            }
        });
        drawn?;
    }
    Ok(())
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
