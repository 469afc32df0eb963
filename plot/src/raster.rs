//! How does a page become PNG?

use plotters::prelude::{BitMapBackend, Color, DrawingBackend, RGBAColor};

use super::colour::Colour;
use super::figure::Align;
use super::geometry::{Px, distance, nearest};
use super::surface::{Lettering, Surface};
use super::{PlotError, font};

/// Pixels of the picture to a CSS pixel.
const SHARPNESS: usize = 2;
/// Dots drawn along each side of a pixel; their mean is the pixel, which smooths every edge alike.
const DOTS: usize = 2;
/// Dots to a CSS pixel.
const SCALE: f64 = (SHARPNESS * DOTS) as f64;
/// Plotters paints the dots on the edge of an area too, so that it comes out this much wider.
const FRINGE: f64 = 1.0 / SCALE;
/// CSS pixels to a metre, at 96 to the inch.
const PER_METRE: f64 = 96.0 / 0.0254;
/// A page of dots.
pub(super) struct Raster<'a> {
    backend: BitMapBackend<'a>,
}

/// Draws a page of this size and returns the file.
pub(super) fn picture(
    (width, height): (f64, f64),
    draw: impl FnOnce(&mut Raster<'_>) -> Result<(), PlotError>,
) -> Result<Vec<u8>, PlotError> {
    let pixels = |length: f64| (length * SHARPNESS as f64).ceil().max(1.0) as usize;
    let (wide, high) = (pixels(width), pixels(height));
    let mut dots = vec![255; wide * high * DOTS * DOTS * 3];
    let size = ((wide * DOTS) as u32, (high * DOTS) as u32);
    draw(&mut Raster { backend: BitMapBackend::with_buffer(&mut dots, size) })?;
    encoded(&averaged(&dots, wide), wide as u32, high as u32)
}

/// The mean of every square of dots.
fn averaged(dots: &[u8], wide: usize) -> Vec<u8> {
    let row = wide * DOTS * 3;
    let mut pixels = Vec::with_capacity(dots.len() / (DOTS * DOTS));
    let mut sums = vec![0_u16; row];
    for rows in dots.chunks_exact(row * DOTS) {
        sums.fill(0);
        for line in rows.chunks_exact(row) {
            for (sum, &dot) in sums.iter_mut().zip(line) {
                *sum += u16::from(dot);
            }
        }
        for square in sums.chunks_exact(DOTS * 3) {
            let mean = |channel: usize| {
                let sum: u16 = (0..DOTS).map(|dot| square[dot * 3 + channel]).sum();
                (sum / (DOTS * DOTS) as u16) as u8
            };
            pixels.extend_from_slice(&[mean(0), mean(1), mean(2)]);
        }
    }
    pixels
}

fn encoded(pixels: &[u8], wide: u32, high: u32) -> Result<Vec<u8>, PlotError> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, wide, high);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_deflate_compression(png::DeflateCompression::Level(1));
    encoder.set_filter(png::Filter::Up);
    let density = (PER_METRE * SHARPNESS as f64).round() as u32;
    encoder.set_pixel_dims(Some(png::PixelDimensions { xppu: density, yppu: density, unit: png::Unit::Meter }));
    let failed = |error: png::EncodingError| PlotError::Encode(error.to_string());
    let mut writer = encoder.write_header().map_err(failed)?;
    writer.write_image_data(pixels).map_err(failed)?;
    writer.finish().map_err(failed)?;
    Ok(file)
}

fn paint(Colour(r, g, b): Colour, alpha: f64) -> RGBAColor {
    RGBAColor(r, g, b, alpha)
}

fn dot((x, y): Px) -> (i32, i32) {
    (nearest(x * SCALE) as i32, nearest(y * SCALE) as i32)
}

impl Raster<'_> {
    /// An upright or level stroke, moved to whole pixels so that axes and grid are crisp.
    fn straight(&mut self, a: Px, b: Px, colour: Colour, width: f64) -> Result<(), PlotError> {
        let upright = a.0 == b.0;
        let thick = nearest(width * SHARPNESS as f64).max(1.0) as i32 * DOTS as i32;
        let (a, b) = (dot(a), dot(b));
        let snapped = |centre: i32| {
            let start = centre - thick / 2;
            start - start.rem_euclid(DOTS as i32)
        };
        let (from, to) = match upright {
            true => {
                let x = snapped(a.0);
                ((x, a.1.min(b.1)), (x + thick, a.1.max(b.1)))
            }
            false => {
                let y = snapped(a.1);
                ((a.0.min(b.0), y), (a.0.max(b.0), y + thick))
            }
        };
        self.backend.draw_rect(from, to, &paint(colour, 1.0), true).map_err(PlotError::refused)
    }
}

impl Surface for Raster<'_> {
    fn area(&mut self, points: &[Px], colour: Colour, alpha: f64) -> Result<(), PlotError> {
        let dots: Vec<(i32, i32)> = points.iter().map(|&p| dot(p)).collect();
        if let [a, b, c, d] = dots[..]
            && a.1 == b.1
            && b.0 == c.0
            && c.1 == d.1
            && d.0 == a.0
        {
            return self.backend.draw_rect(a, c, &paint(colour, alpha), true).map_err(PlotError::refused);
        }
        self.backend.fill_polygon(dots, &paint(colour, alpha)).map_err(PlotError::refused)
    }

    // Segment by segment, for plotters fills a thick path as one outline, which leaves holes where the path meets itself.
    fn stroke(&mut self, points: &[Px], colour: Colour, width: f64) -> Result<(), PlotError> {
        if let [a, b] = points
            && (a.0 == b.0 || a.1 == b.1)
        {
            return self.straight(*a, *b, colour, width);
        }
        for (i, pair) in points.windows(2).enumerate() {
            let (a, b) = (pair[0], pair[1]);
            let length = distance(a, b);
            if i > 0 && width * SCALE > 3.0 {
                self.disc(a, width / 2.0, colour)?;
            }
            if length > 0.0 {
                let across = (width - FRINGE).max(FRINGE) / 2.0 / length;
                let (nx, ny) = (-(b.1 - a.1) * across, (b.0 - a.0) * across);
                let quad = [(a.0 + nx, a.1 + ny), (b.0 + nx, b.1 + ny), (b.0 - nx, b.1 - ny), (a.0 - nx, a.1 - ny)];
                self.area(&quad, colour, 1.0)?;
            }
        }
        Ok(())
    }

    fn disc(&mut self, centre: Px, radius: f64, colour: Colour) -> Result<(), PlotError> {
        let radius = nearest(radius * SCALE).max(1.0) as u32;
        let style = paint(colour, 1.0);
        self.backend.draw_circle(dot(centre), radius, &style, true).map_err(PlotError::refused)
    }

    fn text(&mut self, text: &str, style: &Lettering) -> Result<(), PlotError> {
        let shift = match style.align {
            Align::Start => 0.0,
            Align::Middle => -0.5,
            Align::End => -1.0,
        } * font::width(text, style.size)?;
        let start = match style.upwards {
            false => dot((style.at.0 + shift, style.at.1)),
            true => dot((style.at.0, style.at.1 - shift)),
        };
        let ink = paint(style.colour, 1.0).to_backend_color();
        let backend = &mut self.backend;
        font::rasterise(text, style.size * SCALE, |x, y, coverage| {
            let at = match style.upwards {
                false => (start.0 + x, start.1 + y),
                true => (start.0 + y, start.1 - x),
            };
            backend.draw_pixel(at, ink.mix(f64::from(coverage))).map_err(PlotError::refused)
        })
    }
}
