//! How does a page become PNG?

use std::io::Write;

use ab_glyph::{OutlineCurve, Point, point};

use super::colour::Colour;
use super::figure::Align;
use super::geometry::{Px, nearest, outlined};
use super::strip::{Shape, Strip};
use super::surface::{Lettering, Surface};
use super::{PlotError, font};

/// Pixels of the picture to a CSS pixel.
const SHARPNESS: f64 = 2.0;
/// CSS pixels to a metre, at 96 to the inch.
const PER_METRE: f64 = 96.0 / 0.0254;
/// Corners of a quarter of a disc: the largest marker is a twentieth of a pixel from round.
const CORNERS: u32 = 8;
/// Of the compressed bytes, how many make a chunk of the file.
const CHUNK: usize = 1 << 16;

/// A page of shapes, the first at the bottom, in pixels of the picture.
#[derive(Default)]
pub(super) struct Raster {
    shapes: Vec<Shape>,
}

/// Draws a page of this size and returns the file.
///
/// The picture is drawn strip by strip, each while the one above is compressed, so that it is never in memory as a whole:
/// its pixels are many times what the caches hold, and asking the system for so much costs more than drawing on it.
pub(super) fn picture(
    (width, height): (f64, f64),
    draw: impl FnOnce(&mut Raster) -> Result<(), PlotError>,
) -> Result<Vec<u8>, PlotError> {
    let mut page = Raster::default();
    draw(&mut page)?;
    let pixels = |length: f64| (length * SHARPNESS).ceil().max(1.0) as u32;
    let (wide, high) = (pixels(width), pixels(height));
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, wide, high);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_deflate_compression(png::DeflateCompression::FdeflateUltraFast);
    encoder.set_filter(png::Filter::Paeth);
    let density = (PER_METRE * SHARPNESS).round() as u32;
    encoder.set_pixel_dims(Some(png::PixelDimensions { xppu: density, yppu: density, unit: png::Unit::Meter }));
    let mut writer = encoder.write_header().map_err(refused)?;
    let mut stream = writer.stream_writer_with_size(CHUNK).map_err(refused)?;
    let (wide, high) = (wide as usize, high as usize);
    let (mut ready, mut next) = (Strip::new(wide, high), Strip::new(wide, high));
    ready.draw(&page.shapes, 0);
    for top in (0..high).step_by(Strip::ROWS) {
        let draw_next = || next.draw(&page.shapes, top + Strip::ROWS);
        rayon::join(|| stream.write_all(ready.pixels()), draw_next).0.map_err(refused)?;
        std::mem::swap(&mut ready, &mut next);
    }
    stream.finish().map_err(refused)?;
    writer.finish().map_err(refused)?;
    Ok(file)
}

fn refused(error: impl std::fmt::Display) -> PlotError {
    PlotError::Encode(error.to_string())
}

fn pixel((x, y): Px) -> Point {
    point((x * SHARPNESS) as f32, (y * SHARPNESS) as f32)
}

impl Raster {
    fn fill(&mut self, corners: &[Px], colour: Colour, alpha: f64) {
        let next = corners.iter().cycle().skip(1);
        let outline = corners.iter().zip(next).map(|(&a, &b)| OutlineCurve::Line(pixel(a), pixel(b)));
        self.shapes.extend(Shape::new(outline.collect(), colour, alpha));
    }

    /// An upright or level stroke, moved to whole pixels so that axes and grid are crisp.
    fn straight(&mut self, a: Px, b: Px, colour: Colour, width: f64) {
        let thick = nearest(width * SHARPNESS).max(1.0) / SHARPNESS;
        let snapped = |centre: f64| nearest((centre - thick / 2.0) * SHARPNESS) / SHARPNESS;
        let corners = if a.0 == b.0 {
            let x = snapped(a.0);
            [(x, a.1), (x + thick, a.1), (x + thick, b.1), (x, b.1)]
        } else {
            let y = snapped(a.1);
            [(a.0, y), (b.0, y), (b.0, y + thick), (a.0, y + thick)]
        };
        self.fill(&corners, colour, 1.0);
    }
}

impl Surface for Raster {
    fn area(&mut self, points: &[Px], colour: Colour, alpha: f64) -> Result<(), PlotError> {
        self.fill(points, colour, alpha);
        Ok(())
    }

    fn stroke(&mut self, points: &[Px], colour: Colour, width: f64) -> Result<(), PlotError> {
        match points {
            &[a, b] if a.0 == b.0 || a.1 == b.1 => self.straight(a, b, colour, width),
            _ => self.fill(&outlined(points, width), colour, 1.0),
        }
        Ok(())
    }

    fn disc(&mut self, centre: Px, radius: f64, colour: Colour) -> Result<(), PlotError> {
        // Points of the circle in operations that are exact to the last bit everywhere, which a sine is not.
        let quarter = (0..CORNERS).map(|i| f64::from(i) / f64::from(CORNERS)).map(|t| {
            let scale = radius / (1.0 + t * t);
            ((1.0 - t * t) * scale, 2.0 * t * scale)
        });
        let turns = [(1.0, 0.0), (0.0, 1.0), (-1.0, 0.0), (0.0, -1.0)];
        let turned = |(c, s): Px| quarter.clone().map(move |(x, y)| (c * x - s * y, s * x + c * y));
        let corners: Vec<Px> = turns.into_iter().flat_map(turned).map(|(x, y)| (centre.0 + x, centre.1 + y)).collect();
        self.fill(&corners, colour, 1.0);
        Ok(())
    }

    fn text(&mut self, text: &str, style: &Lettering) -> Result<(), PlotError> {
        let shift = match style.align {
            Align::Start => 0.0,
            Align::Middle => -0.5,
            Align::End => -1.0,
        } * font::width(text, style.size)?;
        // The baseline stands on a whole pixel, so that the feet of letters are crisp.
        let whole = |length: f64| nearest(length * SHARPNESS) / SHARPNESS;
        let start = match style.upwards {
            false => pixel((style.at.0 + shift, whole(style.at.1))),
            true => pixel((whole(style.at.0), style.at.1 - shift)),
        };
        let placed = |p: Point| match style.upwards {
            false => point(start.x + p.x, start.y + p.y),
            true => point(start.x + p.y, start.y - p.x),
        };
        let outline = font::outline(text, style.size * SHARPNESS, placed)?;
        self.shapes.extend(Shape::new(outline, style.colour, 1.0));
        Ok(())
    }
}
