//! The figure of the losses of `simulate`, and who reaches a loss when.
//!
//! Between two points of a curve the logarithm of the loss is taken to be straight in time: exact for a loss that decays
//! exponentially, and a straight line in a figure whose loss axis is logarithmic.

use super::{Axis, Dash, Data, Figure, Mark, Panel, Shape, Style, few, looks};
use super::{Colour, ticks::shortest};
use serde::{Deserialize, Serialize};

/// The loss of one policy over time and updates, averaged over runs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Curve {
    /// The policy, as it is typed.
    pub policy: String,
    /// Number of workers.
    pub workers: u32,
    /// In order of time.
    pub points: Vec<Point>,
    /// Where it settles by theory.
    pub floor: Option<f64>,
}

/// The loss around an update.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Point {
    /// When, s.
    pub time_s: f64,
    /// After how many updates.
    pub update: f64,
    /// Mean loss over the runs.
    pub loss: f64,
    /// Its 95 % interval over the runs.
    pub band: Option<(f64, f64)>,
}

/// When one policy's loss falls below that of another, which was below so far.
#[derive(Clone, Debug, PartialEq)]
pub struct Crossing {
    /// When, s.
    pub time_s: f64,
    /// The loss of both.
    pub loss: f64,
    /// The lower one before.
    pub from: String,
    /// The lower one after.
    pub to: String,
}

/// A row of the table "time to loss".
#[derive(Clone, Debug, PartialEq)]
pub struct TimeToLoss {
    /// The policy, as it is typed.
    pub policy: String,
    /// Number of workers.
    pub workers: u32,
    /// The loss that is to be reached.
    pub loss: f64,
    /// When it is reached for the first time, s; `None` if it is not.
    pub time_s: Option<f64>,
}

/// Shares of the first loss in the table "time to loss".
const SHARES: [f64; 5] = [0.5, 0.2, 0.1, 0.05, 0.01];

/// Curves of a figure.
const MOST_CURVES: usize = 16;

/// How much lower a loss must get than another before it counts as lower, at least; and lower by more than the bands of both, or it is
/// noise.
const CLEAR: f64 = 0.05;

impl Curve {
    /// Time and logarithm of the loss, where there is one.
    fn logs(&self) -> Vec<(f64, f64)> {
        let drawable = |point: &&Point| point.loss > 0.0 && point.loss.is_finite();
        self.points.iter().filter(drawable).map(|point| (point.time_s, point.loss.ln())).collect()
    }

    /// Time and half the width of the band, on a logarithmic scale; nothing without bands.
    fn noise(&self) -> Vec<(f64, f64)> {
        let half = |point: &Point| {
            let (low, high) = point.band.filter(|&(low, _)| low > 0.0)?;
            Some((point.time_s, (high / low).ln() / 2.0)).filter(|(_, half)| half.is_finite())
        };
        self.points.iter().filter_map(half).collect()
    }

    /// When the loss is that low for the first time, s.
    pub fn time_to(&self, loss: f64) -> Option<f64> {
        let (logs, goal) = (self.logs(), loss.ln());
        let first = logs.iter().position(|&(_, log)| log <= goal)?;
        let (time, log) = logs[first];
        let Some(&(before, above)) = first.checked_sub(1).map(|i| &logs[i]) else { return Some(time) };
        Some(before + (time - before) * (above - goal) / (above - log))
    }
}

/// When each curve reaches a half, a fifth, a tenth, ... of the first loss: as far as one of them gets there.
pub fn time_to_loss(curves: &[Curve]) -> Vec<TimeToLoss> {
    let first = curves.iter().filter_map(|curve| curve.points.first()).map(|point| point.loss).fold(0.0, f64::max);
    let goals = SHARES.into_iter().map(|share| share * first);
    let reached = goals.filter(|&loss| curves.iter().any(|curve| curve.time_to(loss).is_some()));
    let row = |loss: f64, curve: &Curve| TimeToLoss {
        policy: curve.policy.clone(),
        workers: curve.workers,
        loss,
        time_s: curve.time_to(loss),
    };
    reached.flat_map(|loss| curves.iter().map(move |curve| row(loss, curve))).collect()
}

/// Where the lowest loss passes from one policy to another. A lead counts once it is clear, and is dated back to the crossing
/// before.
pub fn crossings(curves: &[Curve]) -> Vec<Crossing> {
    let mut all = Vec::new();
    for (i, a) in curves.iter().enumerate() {
        for b in &curves[i + 1..] {
            all.extend(pair(a, b));
        }
    }
    // Of those the ones on the lower edge of all curves.
    all.retain(|crossing| {
        let below = |curve: &Curve| {
            at(&curve.logs(), crossing.time_s).is_some_and(|log| log.exp() < (1.0 - CLEAR) * crossing.loss)
        };
        !curves.iter().any(below)
    });
    all.sort_by(|a, b| a.time_s.total_cmp(&b.time_s));
    all
}

/// The crossings of two curves.
fn pair(a: &Curve, b: &Curve) -> Vec<Crossing> {
    let (of_a, of_b) = (a.logs(), b.logs());
    let noise = [a.noise(), b.noise()];
    let mut times: Vec<f64> = of_a.iter().chain(&of_b).map(|point| point.0).collect();
    times.sort_unstable_by(f64::total_cmp);
    times.dedup();
    let (mut found, mut leader, mut crossed) = (Vec::new(), 0.0f64, None);
    let mut before: Option<(f64, f64)> = None;
    for time in times {
        let Some((log_a, log_b)) = at(&of_a, time).zip(at(&of_b, time)) else { continue };
        let gap = log_b - log_a;
        if let Some((earlier, gap_before)) =
            before.filter(|(_, gap_before)| gap_before * gap <= 0.0 && *gap_before != gap)
        {
            crossed = Some(earlier + (time - earlier) * gap_before / (gap_before - gap));
        }
        let [noise_a, noise_b] = noise.each_ref().map(|noise| at(noise, time).unwrap_or(0.0));
        if gap.abs() > CLEAR.max(noise_a.hypot(noise_b)) {
            let (from, to) = if gap > 0.0 { (b, a) } else { (a, b) };
            if let (true, Some(time_s)) = (leader * gap < 0.0, crossed) {
                let loss = at(&of_a, time_s).map_or(f64::NAN, f64::exp);
                found.push(Crossing { time_s, loss, from: from.policy.clone(), to: to.policy.clone() });
            }
            leader = gap;
            crossed = None;
        }
        before = Some((time, gap));
    }
    found
}

/// The logarithm of the loss at a time, if the curve reaches so far.
fn at(logs: &[(f64, f64)], time: f64) -> Option<f64> {
    let after = logs.partition_point(|point| point.0 < time);
    let &(t1, log1) = logs.get(after)?;
    match after.checked_sub(1).map(|i| logs[i]) {
        _ if t1 == time => Some(log1),
        Some((t0, log0)) => Some(log0 + (log1 - log0) * (time - t0) / (t1 - t0)),
        None => None,
    }
}

/// Loss against time and against updates for the largest number of workers: curves with their bands, floors, and where one
/// policy overtakes another.
pub fn loss_curve(curves: &[Curve], caption: String) -> Figure {
    let most = curves.iter().map(|curve| curve.workers).max().unwrap_or(1);
    let shown = curves.iter().filter(|curve| curve.workers == most).cloned().collect();
    let (shown, left_out): (Vec<Curve>, _) = few(shown, MOST_CURVES, "policy");
    let styles = looks(shown.iter().map(|curve| curve.policy.as_str()));
    // A loss out of all bounds would leave no room for the others.
    let first = shown.iter().filter_map(|curve| curve.points.first()).map(|point| point.loss).fold(0.0, f64::max);
    let drawn = |loss: f64| if loss < 1e3 * first { loss } else { f64::NAN };
    let panel = |x: fn(&Point) -> f64, label: &str| {
        let mut marks = Vec::new();
        for (curve, style) in shown.iter().zip(&styles) {
            let banded = curve.points.iter().filter_map(|p| p.band.map(|(low, high)| (x(p), low, drawn(high))));
            let banded: Vec<_> = banded.collect();
            if !banded.is_empty() {
                marks.push(Mark::band(banded, *style));
            }
        }
        for (curve, style) in shown.iter().zip(&styles) {
            let points = curve.points.iter().map(|point| (x(point), drawn(point.loss)));
            marks.push(Mark::line(points, *style).named(&curve.policy));
            let ends = [curve.points.len() / 2, curve.points.len().saturating_sub(1)];
            if let (Some(floor), [from, to]) = (curve.floor, ends.map(|i| curve.points.get(i).map_or(f64::NAN, x))) {
                marks
                    .push(Mark::line([(from, floor), (to, floor)], Style { width: 1.2, ..style.dashed(Dash::Dotted) }));
            }
        }
        Panel::new(Axis::log(label), Axis::log("Mean loss"), marks)
    };
    let mut panels = vec![panel(|point| point.time_s, "Time (s)"), panel(|point| point.update, "Updates")];
    if shown.iter().any(|curve| curve.floor.is_some()) {
        let grey = Style::new(Colour::GREY).dashed(Dash::Dotted);
        panels[0].marks.push(Mark::line([], Style { width: 1.2, ..grey }).named("floor by theory"));
    }
    if shown.iter().any(|curve| curve.points.iter().any(|point| point.band.is_some())) {
        panels[0].marks.push(Mark::band([], Style::new(Colour::GREY)).named("95 % over the runs"));
    }
    for crossing in crossings(&shown) {
        let style = Style { shape: Shape::Circle, radius: 4.5, fill: super::Fill::Hollow, ..Style::new(Colour::INK) };
        let place = (crossing.time_s, crossing.loss);
        panels[0].marks.push(Mark::points([place], style).named("overtakes"));
        let words = format!("{} s", shortest(rounded(crossing.time_s)));
        panels[0].marks.push(Mark::new(Data::Text(place, words), style));
    }
    Figure::new(panels, caption + &left_out)
}

/// Three significant digits.
fn rounded(value: f64) -> f64 {
    format!("{value:.2e}").parse().unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A loss that decays from `first` at this rate until `until`.
    fn decay(policy: &str, first: f64, rate: f64, until: f64) -> Curve {
        let point = |i: u32| {
            let time_s = until * f64::from(i) / 10.0;
            Point { time_s, update: f64::from(i), loss: first * (-rate * time_s).exp(), band: None }
        };
        Curve { policy: policy.to_string(), workers: 4, points: (0..=10).map(point).collect(), floor: None }
    }

    #[test]
    fn exponential_decays_cross_where_they_should() {
        // 4 exp(-2 t) = exp(-t) at t = ln 4, where both are 1/4.
        let crossed = crossings(&[decay("slow", 1.0, 1.0, 5.0), decay("fast", 4.0, 2.0, 7.0)]);
        assert_eq!(crossed.len(), 1);
        assert!((crossed[0].time_s - 4f64.ln()).abs() < 1e-12 && (crossed[0].loss - 0.25).abs() < 1e-12, "{crossed:?}");
        assert_eq!((crossed[0].from.as_str(), crossed[0].to.as_str()), ("slow", "fast"));
    }

    #[test]
    fn a_crossing_above_a_third_curve_is_none() {
        let lowest = decay("lowest", 0.01, 1.5, 7.0);
        let crossed = crossings(&[decay("slow", 1.0, 1.0, 5.0), decay("fast", 4.0, 2.0, 7.0), lowest]);
        assert!(crossed.iter().all(|crossing| crossing.from == "lowest"), "{crossed:?}");
    }

    #[test]
    fn noise_around_the_same_floor_is_no_crossing() {
        let wobble = |sign: f64| {
            let mut curve = decay("flat", 1.0, 0.0, 10.0);
            curve
                .points
                .iter_mut()
                .enumerate()
                .for_each(|(i, p)| p.loss += if i % 2 == 0 { 0.01 * sign } else { -0.01 * sign });
            curve
        };
        assert_eq!(crossings(&[wobble(1.0), wobble(-1.0)]), []);
        // Ten times as much, and known to a fifth: noise as well. Known to one per cent it is real.
        let known_to = |share: f64, sign: f64| {
            let mut curve = wobble(10.0 * sign);
            curve.points.iter_mut().for_each(|p| p.band = Some((p.loss * (1.0 - share), p.loss * (1.0 + share))));
            curve
        };
        assert_eq!(crossings(&[known_to(0.2, 1.0), known_to(0.2, -1.0)]), []);
        assert_eq!(crossings(&[known_to(0.01, 1.0), known_to(0.01, -1.0)]).len(), 10);
    }

    #[test]
    fn losses_are_reached_when_they_should_be() {
        let curve = decay("sync", 8.0, 0.5, 20.0);
        for share in [0.5, 0.2, 0.01] {
            let time = curve.time_to(8.0 * share).expect("it gets there");
            assert!((time - -share.ln() / 0.5).abs() < 1e-12, "{share}: {time}");
        }
        assert_eq!(curve.time_to(1e-9), None);
        assert_eq!(curve.time_to(9.0), Some(0.0));
        let rows = time_to_loss(&[curve, decay("async", 8.0, 0.1, 20.0)]);
        assert_eq!(rows.len(), 2 * SHARES.len());
        assert_eq!(
            rows.iter().filter(|row| row.time_s.is_none()).count(),
            3,
            "exp(-2) = 0.135 of the loss is left: {rows:?}"
        );
    }
}
