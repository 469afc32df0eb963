//! Which share of each pixel does a shape cover, and what colour does that make it?

use ab_glyph::{OutlineCurve, Point, point};
use ab_glyph_rasterizer::Rasterizer;

use super::colour::Colour;

/// Of a pixel, the share that makes no difference to its colour.
const LEAST: f32 = 1.0 / 512.0;

/// A closed outline and its filling.
pub(super) struct Shape {
    outline: Vec<OutlineCurve>,
    top: f32,
    bottom: f32,
    colour: Colour,
    alpha: f32,
}

impl Shape {
    /// None if there is nothing to fill.
    pub(super) fn new(outline: Vec<OutlineCurve>, colour: Colour, alpha: f64) -> Option<Self> {
        let mut heights = outline.iter().map(|curve| extent(curve, |p| p.y));
        let first = heights.next()?;
        let (top, bottom) = heights.fold(first, union);
        Some(Self { outline, top, bottom, colour, alpha: alpha as f32 })
    }

    /// Between which columns the outline stays from one row to another.
    fn columns(&self, top: f32, bottom: f32) -> Option<(f32, f32)> {
        let reach = |curve: &OutlineCurve| {
            let (above, below) = extent(curve, |p| p.y);
            if below <= top || above >= bottom {
                return None;
            }
            let OutlineCurve::Line(a, b) = *curve else {
                return Some(extent(curve, |p| p.x));
            };
            let slope = (b.x - a.x) / (b.y - a.y);
            let at = |y: f32| a.x + (y - a.y) * slope;
            let ends = if a.y == b.y { (a.x, b.x) } else { (at(above.max(top)), at(below.min(bottom))) };
            Some((ends.0.min(ends.1), ends.0.max(ends.1)))
        };
        self.outline.iter().filter_map(reach).reduce(union)
    }
}

fn union(a: (f32, f32), b: (f32, f32)) -> (f32, f32) {
    (a.0.min(b.0), a.1.max(b.1))
}

/// The least and the largest coordinate of a curve's points, between which it stays.
fn extent(curve: &OutlineCurve, along: impl Fn(&Point) -> f32) -> (f32, f32) {
    let both = |a: &Point, b: &Point| {
        let (a, b) = (along(a), along(b));
        (a.min(b), a.max(b))
    };
    match curve {
        OutlineCurve::Line(a, b) => both(a, b),
        OutlineCurve::Quad(a, b, c) => union(both(a, b), both(b, c)),
        OutlineCurve::Cubic(a, b, c, d) => union(both(a, b), both(c, d)),
    }
}

/// Some rows of a picture.
pub(super) struct Strip {
    /// Of the whole picture, in pixels.
    width: usize,
    height: usize,
    /// The first row and the one after the last.
    top: usize,
    bottom: usize,
    /// Red, green, blue, row by row.
    pixels: Vec<u8>,
    coverage: Rasterizer,
}

impl Strip {
    /// Few enough for the caches, enough that few shapes are met twice.
    pub(super) const ROWS: usize = 32;

    /// No rows as yet, of a picture of so many pixels.
    pub(super) fn new(width: usize, height: usize) -> Self {
        Self { width, height, top: 0, bottom: 0, pixels: Vec::new(), coverage: Rasterizer::new(0, 0) }
    }

    /// The rows from `top` on, as far as there are any: these shapes on white.
    pub(super) fn draw(&mut self, shapes: &[Shape], top: usize) {
        self.top = top.min(self.height);
        self.bottom = (top + Self::ROWS).min(self.height);
        self.pixels.clear();
        self.pixels.resize((self.bottom - self.top) * self.width * 3, 255);
        for shape in shapes {
            self.fill(shape);
        }
    }

    pub(super) fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    fn fill(&mut self, shape: &Shape) {
        let top = shape.top.floor().max(self.top as f32);
        let bottom = shape.bottom.ceil().min(self.bottom as f32);
        if top >= bottom {
            return;
        }
        let Some((left, right)) = shape.columns(top, bottom) else { return };
        // A column to spare on each side, for rounding may put an edge there.
        let (left, right) = (left.floor() - 1.0, right.ceil() + 1.0);
        self.coverage.reset((right - left) as usize, (bottom - top) as usize);
        let moved = |p: Point| point(p.x - left, p.y - top);
        for curve in &shape.outline {
            match *curve {
                OutlineCurve::Line(a, b) => self.coverage.draw_line(moved(a), moved(b)),
                OutlineCurve::Quad(a, b, c) => self.coverage.draw_quad(moved(a), moved(b), moved(c)),
                OutlineCurve::Cubic(a, b, c, d) => self.coverage.draw_cubic(moved(a), moved(b), moved(c), moved(d)),
            }
        }
        let Colour(red, green, blue) = shape.colour;
        let ink = [red, green, blue];
        let (left, columns) = (left as i32, (right - left) as usize);
        // Where the row's first column would be in the whole strip, and at which index of the coverage the row ends.
        let (mut row, mut end) = ((top as usize - self.top) * self.width, columns);
        self.coverage.for_each_pixel(|index, covered| {
            if covered < LEAST {
                return;
            }
            while index >= end {
                (row, end) = (row + self.width, end + columns);
            }
            let x = left + (index + columns - end) as i32;
            if !(0..self.width as i32).contains(&x) {
                return;
            }
            let at = (row + x as usize) * 3;
            let share = (covered.min(1.0) * shape.alpha * 256.0 + 0.5) as u32;
            for (old, new) in self.pixels[at..at + 3].iter_mut().zip(ink) {
                *old = ((u32::from(*old) * (256 - share) + u32::from(new) * share + 128) >> 8) as u8;
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rectangle(left: f32, top: f32, right: f32, bottom: f32) -> Shape {
        let corners = [point(left, top), point(right, top), point(right, bottom), point(left, bottom)];
        let side = |i: usize| OutlineCurve::Line(corners[i], corners[(i + 1) % 4]);
        Shape::new((0..4).map(side).collect(), Colour::BLACK, 1.0).expect("a shape")
    }

    #[test]
    fn a_pixel_is_as_dark_as_it_is_covered() {
        let mut strip = Strip::new(3, 2);
        strip.draw(&[rectangle(0.5, 0.25, 2.0, 1.0)], 0);
        let grey: Vec<u8> = strip.pixels().chunks(3).map(|pixel| pixel[0]).collect();
        assert_eq!(grey, [159, 64, 255, 255, 255, 255]);
    }

    #[test]
    fn no_strip_shows_where_it_ends() {
        let high = 2 * Strip::ROWS + 5;
        let mut strip = Strip::new(4, high);
        let shapes = [rectangle(-7.0, -3.0, 2.0, 1e4), rectangle(3.0, 1.0, 4e3, 1.0)];
        let mut rows = 0;
        for top in (0..high + Strip::ROWS).step_by(Strip::ROWS) {
            strip.draw(&shapes, top);
            for row in strip.pixels().chunks(4 * 3) {
                assert_eq!(row, [0, 0, 0, 0, 0, 0, 255, 255, 255, 255, 255, 255]);
                rows += 1;
            }
        }
        assert_eq!(rows, high);
    }
}
