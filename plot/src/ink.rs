//! How is each shape drawn once its place on the page is known: markers, broken lines, intervals, filled rectangles?

use super::PlotError;
use super::colour::{Colour, Dash, Fill, Shape};
use super::geometry::{Frame, Px, dashes, distance, nearest};
use super::surface::Surface;

/// Opacity of bands.
pub(super) const TRANSLUCENT: f64 = 0.22;
/// White rim that keeps overlapping markers apart.
const RIM: f64 = 0.7;
/// Line of hollow markers and of crosses.
const PEN: f64 = 1.5;
/// Distance between hatching strokes, along x.
const HATCH: f64 = 6.0;
/// Outline of rectangles.
const OUTLINE: f64 = 1.0;

/// A line with its dashes.
pub(super) fn broken(
    page: &mut impl Surface,
    points: &[Px],
    colour: Colour,
    dash: Dash,
    width: f64,
) -> Result<(), PlotError> {
    let strokes = match dash {
        Dash::Solid => return page.stroke(points, colour, width),
        Dash::Dashed => dashes(points, 6.0, 3.5),
        Dash::Dotted => dashes(points, 1.6, 2.8),
    };
    strokes.iter().try_for_each(|stroke| page.stroke(stroke, colour, width))
}

/// One marker.
pub(super) fn marker(
    page: &mut impl Surface,
    at: Px,
    shape: Shape,
    radius: f64,
    colour: Colour,
    filled: bool,
) -> Result<(), PlotError> {
    let arms: [Px; 2] = match shape {
        Shape::Cross => [(0.85, 0.85), (0.85, -0.85)],
        Shape::Plus => [(1.05, 0.0), (0.0, 1.05)],
        Shape::Circle | Shape::Square | Shape::Triangle | Shape::Diamond | Shape::Inverted => {
            blob(page, at, shape, radius, RIM, Colour::WHITE)?;
            blob(page, at, shape, radius, 0.0, colour)?;
            return match filled {
                true => Ok(()),
                false => blob(page, at, shape, radius, -PEN, Colour::WHITE),
            };
        }
    };
    for (ink, rim) in [(Colour::WHITE, RIM), (colour, 0.0)] {
        for arm in arms {
            let length = distance((0.0, 0.0), arm);
            let (dx, dy) = (arm.0 * (radius + rim / length), arm.1 * (radius + rim / length));
            let ends = [(at.0 - dx, at.1 - dy), (at.0 + dx, at.1 + dy)];
            page.stroke(&ends, ink, PEN + 0.2 + 2.0 * rim)?;
        }
    }
    Ok(())
}

/// A filled marker whose every edge is moved outwards by `grown`.
fn blob(
    page: &mut impl Surface,
    (x, y): Px,
    shape: Shape,
    radius: f64,
    grown: f64,
    colour: Colour,
) -> Result<(), PlotError> {
    const HALF_SQRT_3: f64 = 0.866_025_403_784_438_6;
    // Corners at unit distance from the centre; the edges stand `edge` from it.
    let (corners, reach, edge): (&[Px], f64, f64) = match shape {
        Shape::Circle => return page.disc((x, y), (radius + grown).max(0.0), colour),
        Shape::Triangle => (&[(0.0, -1.0), (HALF_SQRT_3, 0.5), (-HALF_SQRT_3, 0.5)], 1.3, 0.5),
        Shape::Inverted => (&[(0.0, 1.0), (-HALF_SQRT_3, -0.5), (HALF_SQRT_3, -0.5)], 1.3, 0.5),
        Shape::Diamond => (&[(0.0, -1.0), (1.0, 0.0), (0.0, 1.0), (-1.0, 0.0)], 1.25, std::f64::consts::FRAC_1_SQRT_2),
        Shape::Square | Shape::Cross | Shape::Plus => {
            (&[(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)], 0.88, 1.0)
        }
    };
    let far = (reach * radius + grown / edge).max(0.0);
    let points: Vec<Px> = corners.iter().map(|c| (x + far * c.0, y + far * c.1)).collect();
    page.area(&points, colour, 1.0)
}

/// An upright interval with caps.
pub(super) fn interval(page: &mut impl Surface, top: Px, bottom: Px, colour: Colour) -> Result<(), PlotError> {
    let cap = |(x, y): Px| [(x - 3.0, y), (x + 3.0, y)];
    page.stroke(&[top, bottom], colour, 1.2)?;
    page.stroke(&cap(top), colour, 1.2)?;
    page.stroke(&cap(bottom), colour, 1.2)
}

/// A rectangle filled in one of the five ways.
pub(super) fn rectangle(page: &mut impl Surface, frame: &Frame, colour: Colour, fill: Fill) -> Result<(), PlotError> {
    let corners = frame.corners();
    match fill {
        Fill::Solid => return page.area(&corners, colour, 1.0),
        Fill::Light => page.area(&corners, colour, TRANSLUCENT)?,
        Fill::Pale => {
            page.area(&corners, Colour::WHITE, 1.0)?;
            page.area(&corners, colour, TRANSLUCENT)?;
        }
        Fill::Hatched => hatching(page, frame, colour)?,
        Fill::Outline => page.area(&corners, Colour::WHITE, 1.0)?,
    }
    let [a, b, c, d] = corners;
    for side in [[a, b], [b, c], [c, d], [d, a]] {
        page.stroke(&side, colour, OUTLINE)?;
    }
    Ok(())
}

fn hatching(page: &mut impl Surface, frame: &Frame, colour: Colour) -> Result<(), PlotError> {
    page.area(&frame.corners(), Colour::WHITE, 1.0)?;
    // On half pixels, which both kinds of page show exactly: slanted strokes rounded each its own way look uneven.
    let half = |length: f64| nearest(2.0 * length) / 2.0;
    let frame =
        &Frame { left: half(frame.left), top: half(frame.top), right: half(frame.right), bottom: half(frame.bottom) };
    // Counted from the corner of the page, so that neighbours share one pattern.
    let first = ((frame.left + frame.top) / HATCH).floor() as i32;
    let last = ((frame.right + frame.bottom) / HATCH).ceil() as i32;
    for n in first..=last {
        let sum = f64::from(n) * HATCH;
        let ends = ((sum - frame.top, frame.top), (sum - frame.bottom, frame.bottom));
        if let Some((a, b)) = frame.segment(ends.0, ends.1) {
            page.stroke(&[a, b], colour, 1.3)?;
        }
    }
    Ok(())
}
