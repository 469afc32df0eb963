//! Which part of a shape lies inside a panel, and how is a line broken into dashes? All in pixels.

/// A point on the page, y downwards.
pub(super) type Px = (f64, f64);

/// Far less than anyone sees, far more than the last bits in which logarithms differ between machines.
const HAIR: f64 = 1e-6;

/// The nearest whole number, the same one on every machine: lengths on a page often end in exactly a half.
pub(super) fn nearest(length: f64) -> f64 {
    (length + 0.5 + HAIR).floor()
}

/// The next whole number, likewise.
pub(super) fn next_whole(length: f64) -> f64 {
    (length - HAIR).ceil()
}

/// The distance between two points, in operations that are exact to the last bit everywhere.
pub(super) fn distance(a: Px, b: Px) -> f64 {
    let (dx, dy) = (b.0 - a.0, b.1 - a.1);
    (dx * dx + dy * dy).sqrt()
}

/// An upright rectangle on the page.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Frame {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) right: f64,
    pub(super) bottom: f64,
}

impl Frame {
    pub(super) fn contains(&self, (x, y): Px) -> bool {
        // A tenth of a pixel of slack keeps a marker that sits exactly on an axis.
        x > self.left - 0.1 && x < self.right + 0.1 && y > self.top - 0.1 && y < self.bottom + 0.1
    }

    pub(super) fn corners(&self) -> [Px; 4] {
        [(self.left, self.top), (self.right, self.top), (self.right, self.bottom), (self.left, self.bottom)]
    }

    /// The part of a segment inside (Liang and Barsky, 1984).
    pub(super) fn segment(&self, a: Px, b: Px) -> Option<(Px, Px)> {
        let (dx, dy) = (b.0 - a.0, b.1 - a.1);
        let (mut from, mut to) = (0.0_f64, 1.0_f64);
        for (speed, room) in
            [(-dx, a.0 - self.left), (dx, self.right - a.0), (-dy, a.1 - self.top), (dy, self.bottom - a.1)]
        {
            if speed == 0.0 {
                if room < 0.0 {
                    return None;
                }
            } else if speed < 0.0 {
                from = from.max(room / speed);
            } else {
                to = to.min(room / speed);
            }
        }
        let along = |t: f64| (a.0 + t * dx, a.1 + t * dy);
        (from <= to).then(|| (along(from), along(to)))
    }

    /// The pieces of a line inside.
    pub(super) fn line(&self, points: &[Px]) -> Vec<Vec<Px>> {
        let mut pieces: Vec<Vec<Px>> = Vec::new();
        for pair in points.windows(2) {
            let Some((a, b)) = self.segment(pair[0], pair[1]) else {
                continue;
            };
            match pieces.last_mut() {
                Some(piece) if piece.last() == Some(&a) => piece.push(b),
                _ => pieces.push(vec![a, b]),
            }
        }
        pieces
    }

    /// The part of an area inside (Sutherland and Hodgman, 1974).
    pub(super) fn area(&self, points: &[Px]) -> Vec<Px> {
        let sides: [&dyn Fn(Px) -> f64; 4] =
            [&|p| p.0 - self.left, &|p| self.right - p.0, &|p| p.1 - self.top, &|p| self.bottom - p.1];
        let mut kept = points.to_vec();
        for depth in sides {
            let whole = std::mem::take(&mut kept);
            for (i, &b) in whole.iter().enumerate() {
                let a = whole[(i + whole.len() - 1) % whole.len()];
                let (inside_a, inside_b) = (depth(a), depth(b));
                if (inside_a < 0.0) != (inside_b < 0.0) {
                    let t = inside_a / (inside_a - inside_b);
                    kept.push((a.0 + t * (b.0 - a.0), a.1 + t * (b.1 - a.1)));
                }
                if inside_b >= 0.0 {
                    kept.push(b);
                }
            }
        }
        kept
    }
}

/// At most four points per half pixel of width: first, lowest, highest, last, which look the same as all of them.
pub(super) fn thinned(points: Vec<Px>) -> Vec<Px> {
    let column = |p: &Px| nearest(p.0 * 2.0);
    let mut kept = Vec::with_capacity(points.len().min(4096));
    for run in points.chunk_by(|a, b| column(a) == column(b)) {
        if run.len() <= 4 {
            kept.extend_from_slice(run);
            continue;
        }
        let by_y = |a: &usize, b: &usize| run[*a].1.total_cmp(&run[*b].1);
        let lowest = (0..run.len()).min_by(by_y).unwrap_or(0);
        let highest = (0..run.len()).max_by(by_y).unwrap_or(0);
        let mut chosen = [0, lowest, highest, run.len() - 1];
        chosen.sort_unstable();
        kept.extend(chosen.map(|i| run[i]));
    }
    kept.dedup();
    kept
}

/// A line cut into strokes of length `on` with gaps of length `off`.
pub(super) fn dashes(points: &[Px], on: f64, off: f64) -> Vec<Vec<Px>> {
    let mut strokes = Vec::new();
    let mut stroke: Vec<Px> = points.first().copied().into_iter().collect();
    let (mut drawing, mut left) = (true, on);
    for pair in points.windows(2) {
        let (mut a, b) = (pair[0], pair[1]);
        loop {
            let length = distance(a, b);
            if length <= left + HAIR {
                left = (left - length).max(0.0);
                if drawing {
                    stroke.push(b);
                }
                break;
            }
            let t = left / length;
            a = (a.0 + t * (b.0 - a.0), a.1 + t * (b.1 - a.1));
            if drawing {
                stroke.push(a);
                strokes.push(std::mem::take(&mut stroke));
            } else {
                stroke = vec![a];
            }
            drawing = !drawing;
            left = if drawing { on } else { off };
        }
    }
    if stroke.len() > 1 {
        strokes.push(stroke);
    }
    strokes
}

/// The outline of a line drawn with a pen so wide: cut off straight at its ends, round at its corners.
pub(super) fn outlined(points: &[Px], width: f64) -> Vec<Px> {
    let mut points = points.to_vec();
    points.dedup();
    let mut outline = side(&points, width / 2.0);
    points.reverse();
    outline.extend(side(&points, width / 2.0));
    outline
}

/// What runs beside a line: round where the line turns away from it, by way of the corner itself where it turns towards it.
fn side(points: &[Px], aside: f64) -> Vec<Px> {
    let mut outline = Vec::with_capacity(3 * points.len());
    let mut before: Option<Px> = None;
    for pair in points.windows(2) {
        let (a, b) = (pair[0], pair[1]);
        let share = aside / distance(a, b);
        let across = ((a.1 - b.1) * share, (b.0 - a.0) * share);
        match before {
            None => {}
            Some(last) if last.0 * across.1 > last.1 * across.0 => outline.push(a),
            Some(last) => {
                let middle = halfway(last, across);
                let spokes = [halfway(last, middle), middle, halfway(middle, across)];
                outline.extend(spokes.map(|spoke| (a.0 + spoke.0, a.1 + spoke.1)));
            }
        }
        outline.extend([(a.0 + across.0, a.1 + across.1), (b.0 + across.0, b.1 + across.1)]);
        before = Some(across);
    }
    outline
}

/// The spoke of a wheel in the middle between two others; ahead of the line where it turns back.
fn halfway(a: Px, b: Px) -> Px {
    let origin = (0.0, 0.0);
    let sum = (a.0 + b.0, a.1 + b.1);
    let (length, radius) = (distance(origin, sum), distance(origin, a));
    if length < HAIR * radius {
        return (a.1, -a.0);
    }
    (sum.0 * radius / length, sum.1 * radius / length)
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNIT: Frame = Frame { left: 0.0, top: 0.0, right: 1.0, bottom: 1.0 };

    #[test]
    fn only_what_is_inside_remains() {
        let across = UNIT.line(&[(-1.0, 0.5), (2.0, 0.5), (2.0, 9.0)]);
        assert_eq!(across, [[(0.0, 0.5), (1.0, 0.5)]]);
        let corner = UNIT.area(&[(0.5, 0.5), (2.0, 0.5), (2.0, 2.0), (0.5, 2.0)]);
        let expected = [(0.5, 0.5), (1.0, 0.5), (1.0, 1.0), (0.5, 1.0)];
        assert_eq!(corner.len(), 4);
        assert!(expected.iter().all(|p| corner.contains(p)), "{corner:?}");
    }

    #[test]
    fn a_pen_goes_round_corners() {
        let level = outlined(&[(0.0, 0.0), (0.0, 0.0), (4.0, 0.0)], 2.0);
        assert_eq!(level, [(0.0, 1.0), (4.0, 1.0), (4.0, -1.0), (0.0, -1.0)]);
        for end in [(4.0, 4.0), (4.0, -4.0), (0.0, 0.0), (8.0, 0.0)] {
            let bent = outlined(&[(0.0, 0.0), (4.0, 0.0), end], 2.0);
            assert!(
                bent.iter().all(|&p| p == (4.0, 0.0) || p.1.abs() == 1.0 || distance(p, (4.0, 0.0)) > 0.999),
                "{bent:?}"
            );
        }
        assert!(outlined(&[(1.0, 1.0); 3], 2.0).is_empty());
    }

    #[test]
    fn dashes_turn_corners() {
        let strokes = dashes(&[(0.0, 0.0), (3.0, 0.0), (3.0, 3.0)], 2.0, 1.0);
        assert_eq!(strokes, [[(0.0, 0.0), (2.0, 0.0)], [(3.0, 0.0), (3.0, 2.0)]]);
    }

    #[test]
    fn thinning_keeps_the_extremes() {
        let noisy = (0..1000).map(|i| (f64::from(i) / 1e4, f64::from(i * 7919 % 1000))).collect();
        let kept = thinned(noisy);
        assert!(kept.len() <= 4);
        assert!(kept.iter().any(|p| p.1 == 0.0) && kept.iter().any(|p| p.1 == 999.0));
    }
}
