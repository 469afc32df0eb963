//! Speed-up against the number of workers with the recommendation marked, and a map of policies by numbers of workers.

use crate::commands::plan::{Advice, Point};
use crate::figures::{Axis, Colour, Data, Figure, Fill, Mark, Panel, Style, looks};

/// Shares of the best speed-up with as many workers, in classes of their own colour.
const CLASSES: [(f64, &str, Colour); 5] = [
    (0.98, "≥ 98 % of the fastest", Colour(0x08, 0x45, 0x7e)),
    (0.9, "≥ 90 %", Colour(0x3d, 0x86, 0xbe)),
    (0.75, "≥ 75 %", Colour(0x8c, 0xb9, 0xdb)),
    (0.5, "≥ 50 %", Colour(0xc9, 0xde, 0xee)),
    (0.0, "less", Colour(0xf0, 0xf0, 0xf0)),
];

/// Left the speed-up with bands, right how close each policy comes to the fastest one on as many workers.
pub fn plan(advice: &Advice, points: &[Point], best: Option<&Point>, caption: &str) -> Figure {
    let mut names: Vec<String> = points.iter().map(|point| point.policy().to_string()).collect();
    names.dedup();
    let styles = looks(names.iter().map(String::as_str));
    let workers = || Axis::workers(points.iter().map(Point::workers));
    let m = |point: &Point| f64::from(point.workers());
    let of = |name: &str| points.iter().filter(move |point| point.policy().to_string() == name).collect::<Vec<_>>();
    let value = |point: &Point| advice.value(point).map(|value| value.speedup().mean);
    let place = |point: &&Point| Some((m(point), value(point)?));
    let mut lines = Vec::new();
    let most = points.iter().map(m).fold(1.0, f64::max);
    lines.push(Mark::line([(1.0, 1.0), (most, most)], Style::REFERENCE).named("one for each worker"));
    for (name, style) in names.iter().zip(&styles) {
        let band = |point: &&Point| advice.value(point)?.speedup().interval.map(|(low, high)| (m(point), low, high));
        lines.push(Mark::band(of(name).iter().filter_map(band), *style));
        lines.push(Mark::line(of(name).iter().filter_map(place), *style).named(name));
    }
    if let (Some(best), Some(at)) = (best, best.and_then(|best| place(&best))) {
        let style = Style { radius: 6.0, fill: Fill::Hollow, width: 2.0, ..Style::new(Colour::BLACK) };
        lines.push(Mark::points([at], style).named("recommended"));
        lines.push(Mark::new(
            Data::Text(at, format!("{}, m = {}", best.policy(), best.workers())),
            Style::new(Colour::INK),
        ));
    }
    let fastest =
        |workers: u32| points.iter().filter(|point| point.workers() == workers).filter_map(value).fold(0.0, f64::max);
    let class = |point: &Point| {
        let share = value(point).map_or(0.0, |value| value / fastest(point.workers()));
        CLASSES.iter().position(|(least, _, _)| share >= *least).unwrap_or(CLASSES.len() - 1)
    };
    // A rectangle reaches halfway to the neighbours that its policy was simulated on.
    let edges = |own: &[&Point], place: usize| {
        let here = m(own[place]);
        let before = place.checked_sub(1).map_or(here - 0.5, |i| (m(own[i]) + here) / 2.0);
        let after = own.get(place + 1).map_or(here + 0.5, |next| (m(next) + here) / 2.0);
        (before, after)
    };
    let mut map = Vec::new();
    for (i, (_, words, colour)) in CLASSES.iter().enumerate() {
        let mut rects: Vec<[(f64, f64); 2]> = Vec::new();
        for (row, name) in names.iter().enumerate() {
            let own = of(name);
            for place in (0..own.len()).filter(|&place| class(own[place]) == i) {
                let ((left, right), row) = (edges(&own, place), row as f64);
                match rects.last_mut().filter(|[from, to]| to.0 == left && from.1 == row - 0.44) {
                    Some([_, to]) => to.0 = right,
                    None => rects.push([(left, row - 0.44), (right, row + 0.44)]),
                }
            }
        }
        map.push(Mark::rects(rects, Style::new(*colour)).named(*words));
    }
    if let Some(best) = best {
        let row = names.iter().position(|name| *name == best.policy().to_string()).unwrap_or(0) as f64;
        let style = Style { radius: 4.0, fill: Fill::Hollow, width: 1.6, ..Style::new(Colour::BLACK) };
        map.push(Mark::points([(m(best), row)], style).named("recommended"));
    }
    let (label, title) = match advice.has_goal() {
        false => ("Speed-up over one worker", "Gradients a second"),
        true => ("Times as soon as one worker", "Time to the goal"),
    };
    let panels = vec![
        Panel::new(workers(), Axis::linear(label).with_zero(), lines).titled(title),
        Panel::new(workers(), Axis::names(names.clone()), map).titled("Against the fastest on as many workers"),
    ];
    Figure { panel_size: (360.0, 290.0), ..Figure::new(panels, caption) }
}
