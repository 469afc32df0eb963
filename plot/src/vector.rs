//! How does a page become SVG?

use plotters::prelude::{DrawingBackend, RGBAColor, SVGBackend, ShapeStyle};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{FontTransform, IntoFont, TextStyle};

use super::colour::Colour;
use super::figure::Align;
use super::geometry::{Px, nearest};
use super::surface::{Lettering, Surface};
use super::{PlotError, font};

/// Plotters rounds to whole units: tenths of a pixel keep slopes smooth.
const UNITS: f64 = 10.0;
/// Plotters' font size is this many ems, whatever the font.
const PLOTTERS_SIZE: f64 = 1.24;
/// Plotters hangs text anchored at its top this far, in ems, above the baseline: the one anchor that no viewer's x-height changes.
const PLOTTERS_TOP: f64 = 0.76;

/// A page of paths.
pub(super) struct Vector<'a> {
    backend: SVGBackend<'a>,
}

/// Draws a page of this size and returns the document.
pub(super) fn document(
    (width, height): (f64, f64),
    draw: impl FnOnce(&mut Vector<'_>) -> Result<(), PlotError>,
) -> Result<Vec<u8>, PlotError> {
    let mut body = String::new();
    let size = (units(width).max(1) as u32, units(height).max(1) as u32);
    let mut page = Vector { backend: SVGBackend::with_string(&mut body, size) };
    page.area(&[(0.0, 0.0), (width, 0.0), (width, height), (0.0, height)], Colour::WHITE, 1.0)?;
    draw(&mut page)?;
    page.backend.present().map_err(PlotError::refused)?;
    drop(page);
    // The document is measured in tenths of pixels: its own header tells how large it is shown.
    let inside = body.find("viewBox").unwrap_or(0);
    let header = format!("<svg width=\"{width}\" height=\"{height}\" stroke-linejoin=\"round\" ");
    Ok((header + &body[inside..]).into_bytes())
}

fn units(length: f64) -> i32 {
    nearest(length * UNITS) as i32
}

fn style(colour: Colour, alpha: f64, width: f64) -> ShapeStyle {
    ShapeStyle {
        color: RGBAColor(colour.0, colour.1, colour.2, alpha),
        filled: true,
        stroke_width: units(width).max(1) as u32,
    }
}

fn placed(points: &[Px]) -> impl Iterator<Item = (i32, i32)> + '_ {
    points.iter().map(|p| (units(p.0), units(p.1)))
}

impl Surface for Vector<'_> {
    fn area(&mut self, points: &[Px], colour: Colour, alpha: f64) -> Result<(), PlotError> {
        self.backend.fill_polygon(placed(points), &style(colour, alpha, 0.0)).map_err(PlotError::refused)
    }

    fn stroke(&mut self, points: &[Px], colour: Colour, width: f64) -> Result<(), PlotError> {
        let style = style(colour, 1.0, width);
        self.backend.draw_path(placed(points), &style).map_err(PlotError::refused)
    }

    fn disc(&mut self, centre: Px, radius: f64, colour: Colour) -> Result<(), PlotError> {
        let at = (units(centre.0), units(centre.1));
        let style = style(colour, 1.0, 0.0);
        let radius = units(radius).max(1) as u32;
        self.backend.draw_circle(at, radius, &style, true).map_err(PlotError::refused)
    }

    fn text(&mut self, text: &str, style: &Lettering) -> Result<(), PlotError> {
        // XML has no way to write most control characters.
        let text = text.replace(char::is_control, " ");
        let hang = PLOTTERS_TOP * style.size;
        let h_pos = match style.align {
            Align::Start => HPos::Left,
            Align::Middle => HPos::Center,
            Align::End => HPos::Right,
        };
        let (at, turn) = match style.upwards {
            false => ((style.at.0, style.at.1 - hang), FontTransform::None),
            true => ((style.at.0 - hang, style.at.1), FontTransform::Rotate270),
        };
        let font = (font::FAMILY, style.size * UNITS * PLOTTERS_SIZE).into_font();
        let Colour(r, g, b) = style.colour;
        let ink = RGBAColor(r, g, b, 1.0);
        let set = TextStyle::from(font.transform(turn)).color(&ink).pos(Pos::new(h_pos, VPos::Top));
        self.backend.draw_text(&text, &set, (units(at.0), units(at.1))).map_err(PlotError::refused)
    }
}
