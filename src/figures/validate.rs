//! The figures of `validate`: how wrong the predictions are, and what they stand on.

use super::ticks::shortest;
use super::{Axis, Colour, Dash, Data, Figure, Fill, Mark, Panel, Shape, Style, looks, nth};
use crate::commands::validate::Validated;
use crate::text::count;
use validation::predict::experiment::histogram;
use validation::{Claim, Histogram, Interval, Judged, Parts, Quantity, Verdict, density_curve, quantile_pairs};

/// The tolerance, behind everything.
const PALE: Style = Style::new(Colour(0xDD, 0xEA, 0xF3));

impl Validated {
    fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for judged in &self.judgement.judged {
            let name = self.first(judged).policy.to_string();
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    /// With a delay, and without; only what there is.
    fn families(&self) -> Vec<(String, Vec<&Judged>)> {
        let all = &self.judgement.judged;
        let of = |delayed: bool| all.iter().filter(|j| self.first(j).delay.is_some() == delayed).collect::<Vec<_>>();
        let title = |delayed: bool| match (&self.delay, delayed) {
            (Some(delay), true) => format!("Delay {delay} s"),
            _ => "No delay".to_string(),
        };
        [true, false]
            .map(|delayed| (title(delayed), of(delayed)))
            .into_iter()
            .filter(|family| !family.1.is_empty())
            .collect()
    }

    fn caption(&self) -> String {
        let within = |share: f64| format!("±{} %", shortest(100.0 * share));
        let tolerance = match self.tolerance {
            t if t.within == t.beyond => within(t.within),
            t => format!("{}, and {} for more workers than cores", within(t.within), within(t.beyond)),
        };
        format!("{}; tolerance {tolerance}.", count(self.cores, "core"))
    }
}

impl Validated {
    fn workers(&self, judged: &Judged) -> f64 {
        f64::from(self.first(judged).rule.workers)
    }

    fn row_names(&self, judged: &[&Judged]) -> Vec<String> {
        judged.iter().map(|j| format!("{}, m = {}", self.label(j), self.first(j).rule.workers)).collect()
    }
}

/// A row of a figure of errors.
pub struct ErrorRow {
    /// What it is about.
    pub name: String,
    /// The error with its 90 % interval.
    pub error: Interval,
    /// How large it may be.
    pub tolerance: f64,
    /// Whether it is; none of what is not judged.
    pub verdict: Option<Verdict>,
}

impl ErrorRow {
    fn of(name: String, claim: &Claim) -> ErrorRow {
        ErrorRow { name, error: claim.error(), tolerance: claim.tolerance, verdict: claim.verdict }
    }
}

/// Errors in order, over the tolerance that was asked for.
pub fn errors(rows: &[ErrorRow], title: &str) -> Panel {
    let mut marks = vec![Mark::rects([], PALE).named("tolerance"), Mark::new(Data::Vertical(0.0), Style::REFERENCE)];
    let (mut bands, mut drawn): (Vec<[(f64, f64); 2]>, Vec<Mark>) = (Vec::new(), Vec::new());
    for (place, row) in rows.iter().enumerate() {
        let (place, tolerance) = (place as f64, 100.0 * row.tolerance);
        match bands.last_mut() {
            Some([_, (same, below)]) if *same == tolerance => *below = place + 0.5,
            _ => bands.push([(-tolerance, place - 0.5), (tolerance, place + 0.5)]),
        }
        let (colour, shape, fill) = match row.verdict {
            Some(Verdict::Pass) => (Colour::BLUE, Shape::Circle, Fill::Solid),
            Some(Verdict::Undecided) | None => (Colour::ORANGE, Shape::Circle, Fill::Hollow),
            Some(Verdict::Fail) => (Colour::VERMILION, Shape::Cross, Fill::Solid),
        };
        let verdict = row.verdict.map_or("not judged".to_string(), |verdict| verdict.to_string());
        let style = Style { shape, fill, ..Style::new(colour) };
        let Interval { value, low, high } = row.error.map(|share| 100.0 * share);
        drawn.push(Mark::intervals_across([(place, low, high)], style).named(verdict.clone()));
        drawn.push(Mark::points([(value, place)], style).named(verdict));
    }
    marks[0].data = Data::Rects(bands);
    marks.extend(drawn);
    let names = rows.iter().map(|row| row.name.clone()).collect();
    Panel::new(Axis::linear("Measured over predicted, less one (%)"), Axis::names(names), marks).titled(title)
}

/// Height of a panel with so many rows.
pub fn height(rows: usize) -> f64 {
    20.0 + 19.0 * rows as f64
}

/// The relative error of each configuration's time per update.
pub fn relative_error(validated: &Validated) -> Figure {
    let families = validated.families();
    let most = families.iter().map(|(_, judged)| judged.len()).max().unwrap_or(1);
    let panels = families.iter().map(|(title, judged)| {
        let rows: Vec<ErrorRow> =
            validated.row_names(judged).into_iter().zip(judged).map(|(name, j)| ErrorRow::of(name, j.time())).collect();
        errors(&rows, title)
    });
    let panels = panels.collect();
    let caption = format!("{} Intervals are 90 %.", validated.caption());
    Figure { panel_size: (300.0, height(most)), ..Figure::new(panels, caption) }
}

/// What each error is made of: structure, law and contention beside each other.
pub fn error_parts(validated: &Validated) -> Figure {
    type Part = fn(&Parts) -> f64;
    let families = validated.families();
    let most = families.iter().map(|(_, judged)| judged.len()).max().unwrap_or(1);
    let parts: [(&str, Part, Colour, Shape); 3] = [
        ("structure", |parts| parts.structure, Colour::BLUE, Shape::Circle),
        ("law", |parts| parts.law, Colour::ORANGE, Shape::Diamond),
        ("contention", |parts| parts.contention, Colour::VERMILION, Shape::Cross),
    ];
    let panels = families.iter().map(|(title, judged)| {
        let mut marks = vec![Mark::new(Data::Vertical(0.0), Style::REFERENCE)];
        for (name, of, colour, shape) in parts {
            let rows = judged.iter().enumerate().filter_map(|(row, j)| Some((row as f64, j.time().parts?)));
            let points = rows.map(|(row, parts)| (100.0 * of(&parts), row));
            marks.push(Mark::points(points, Style { shape, ..Style::new(colour) }).named(name));
        }
        Panel::new(Axis::linear("Part of the error (%)"), Axis::names(validated.row_names(judged)), marks).titled(title)
    });
    let panels = panels.collect();
    Figure { panel_size: (300.0, height(most)), ..Figure::new(panels, validated.caption()) }
}

/// Measured against predicted time per update, over the tolerance.
pub fn agreement(validated: &Validated) -> Figure {
    let ms = |seconds: f64| 1e3 * seconds;
    let names = validated.names();
    let panels = validated.families().into_iter().map(|(title, judged)| {
        let mut marks = vec![Mark::new(Data::Diagonal, Style::REFERENCE).named("measured = predicted")];
        let claims: Vec<_> = judged.iter().map(|j| (validated.first(j).policy, j.time())).collect();
        let values = claims.iter().flat_map(|(_, c)| [c.predicted.value, c.measured.value]).map(ms);
        let (least, most) = values.fold((f64::INFINITY, 0.0f64), |(low, high), v| (low.min(v), high.max(v)));
        let tolerance = claims.iter().map(|(_, c)| c.tolerance).fold(0.0, f64::max);
        let around = [0.9 * least, 1.1 * most].map(|v| (v, v * (1.0 - tolerance), v * (1.0 + tolerance)));
        marks.push(Mark::band(around, Style::new(Colour::BLUE)).named("tolerance"));
        for (name, style) in names.iter().zip(looks(names.iter().map(String::as_str))) {
            let these = || claims.iter().filter(|(policy, _)| policy.to_string() == *name).map(|(_, claim)| claim);
            let ends = these().map(|c| (ms(c.predicted.value), ms(c.measured.low), ms(c.measured.high)));
            marks.push(Mark::intervals(ends, style));
            marks.push(Mark::points(these().map(|c| (ms(c.predicted.value), ms(c.measured.value))), style).named(name));
        }
        Panel::new(Axis::log("Predicted time per update (ms)"), Axis::log("Measured time per update (ms)"), marks)
            .titled(title)
    });
    let panels = panels.collect();
    Figure { panel_size: (290.0, 290.0), ..Figure::new(panels, validated.caption()) }
}

/// Time per update against workers: measured, predicted, and by the plain exponential model.
pub fn time_per_update(validated: &Validated) -> Figure {
    let ms = |seconds: f64| 1e3 * seconds;
    let names = validated.names();
    let panels = validated.families().into_iter().map(|(title, judged)| {
        let mut marks = Vec::new();
        let counts = Axis::workers(judged.iter().map(|j| validated.first(j).rule.workers));
        let span = judged.iter().map(|j| validated.workers(j)).fold(0.0, f64::max);
        for (i, (name, style)) in names.iter().zip(looks(names.iter().map(String::as_str))).enumerate() {
            let beside = |m: f64| super::scaling::dodged(m, i, names.len(), &counts, span);
            let of = |quantity: Quantity| {
                let these = judged.iter().filter(|j| validated.members(j).any(|one| one.policy.to_string() == *name));
                these.filter_map(|j| Some((validated.workers(j), j.claim(quantity)?))).collect::<Vec<_>>()
            };
            let (ours, gated) = (of(Quantity::PerUpdate), of(Quantity::PerUpdateByGate));
            let solid = Style { dash: Dash::Solid, ..style };
            marks.push(Mark::line(ours.iter().map(|(m, c)| (*m, ms(c.predicted.value))), solid));
            marks.push(Mark::line(gated.iter().map(|(m, c)| (*m, ms(c.predicted.value))), style.dashed(Dash::Dotted)));
            marks.push(Mark::intervals(
                ours.iter().map(|(m, c)| (beside(*m), ms(c.measured.low), ms(c.measured.high))),
                solid,
            ));
            marks.push(Mark::points(ours.iter().map(|(m, c)| (beside(*m), ms(c.measured.value))), solid).named(name));
        }
        Panel::new(counts, Axis::log("Time per update (ms)"), marks).titled(title)
    });
    let mut panels: Vec<Panel> = panels.collect();
    if let Some(panel) = panels.first_mut() {
        let grey = Style::new(Colour::GREY);
        panel
            .marks
            .extend([Mark::intervals([], grey), Mark::points([], grey)].map(|mark| mark.named("measured, 95 %")));
        panel.marks.push(Mark::line([], grey).named("predicted"));
        panel.marks.push(Mark::line([], grey.dashed(Dash::Dotted)).named("exponential model"));
    }
    Figure { panel_size: (300.0, 250.0), ..Figure::new(panels, validated.caption()) }
}

/// How stale gradients are at the largest number of workers: measured as bars, predicted as points; policies whose gradients
/// are never stale are left out.
pub fn staleness(validated: &Validated) -> Figure {
    let most = validated.judgement.judged.iter().map(|j| validated.first(j).rule.workers).max().unwrap_or(1);
    let share = |counts: &[u64]| -> Vec<(f64, f64)> {
        let all: u64 = counts.iter().sum();
        counts.iter().enumerate().map(|(s, &n)| (s as f64, n as f64 / all.max(1) as f64)).collect()
    };
    let mut panels = Vec::new();
    for (title, judged) in validated.families() {
        for j in judged.into_iter().filter(|j| validated.first(j).rule.workers == most) {
            let measured = histogram(j.observed.iter().map(|(_, measured)| measured));
            if measured.len() < 2 {
                continue;
            }
            let predicted = share(&histogram(j.observed.iter().map(|(predicted, _)| predicted)));
            let bars = share(&measured).into_iter().map(|(s, n)| [(s - 0.4, 0.0), (s + 0.4, n)]);
            let marks = vec![
                Mark::rects(bars, Style::new(Colour::BLUE).filled(Fill::Light)).named("measured"),
                Mark::points(predicted, Style { shape: Shape::Diamond, ..Style::new(Colour::VERMILION) })
                    .named("predicted"),
            ];
            let stale = Axis { ticks: super::Ticks::CountsFrom(0.0), ..Axis::linear("Staleness (updates)") };
            let title = format!("{}. {title}", validated.label(j));
            panels.push(Panel::new(stale, Axis::linear("Share of gradients").with_zero(), marks).titled(title));
        }
    }
    let columns = panels.len().clamp(1, 3);
    let caption = format!("m = {most}. {}", validated.caption());
    Figure { columns, panel_size: (220.0, 150.0), ..Figure::new(panels, caption) }
}

/// The largest factor between the quantiles of a law and the measured ones, but for the outermost twentieths.
fn misses_by(pairs: &[(f64, f64)]) -> f64 {
    let cut = pairs.len() / 20;
    let ratios = pairs[cut..pairs.len() - cut].iter().map(|(law, seen)| (law / seen).max(seen / law));
    ratios.fold(1.0, f64::max)
}

/// A law that misses by more than this is named, not drawn.
const FACTOR: f64 = 1.5;

/// How long computing took, the laws that fit, and the quantiles of both.
pub fn step_times(validated: &Validated) -> Figure {
    let seconds = &validated.compute_s;
    let (mut densities, mut quantiles) = (Vec::new(), vec![Mark::new(Data::Diagonal, Style::REFERENCE)]);
    let (mut x, mut left_out) = (Axis::linear("Computing time (ms)"), Vec::new());
    if let (Some(histogram), Some(fitted)) = (Histogram::new(seconds), &validated.fitted) {
        let bars = histogram.edges.windows(2).zip(&histogram.densities);
        let bars = bars.map(|(edge, density)| [(1e3 * edge[0], 0.0), (1e3 * edge[1], density / 1e3)]);
        densities.push(Mark::rects(bars, Style::new(Colour::GREY).filled(Fill::Light)).named("measured"));
        let (first, last) = (histogram.edges[0], histogram.edges[histogram.edges.len() - 1]);
        x = x.over(1e3 * first, 1e3 * last);
        let mut drawn = 0;
        for goodness in &fitted.fitted {
            let pairs = quantile_pairs(&goodness.law, seconds);
            let factor = misses_by(&pairs);
            if factor > FACTOR {
                left_out.push(format!("{} (misses by a factor of {factor:.1})", goodness.family));
                continue;
            }
            let (style, name) = (nth(drawn), format!("{} (KS {:.3})", goodness.family, goodness.ks));
            let curve = density_curve(&goodness.law, first, last, 300).into_iter().map(|(t, d)| (1e3 * t, d / 1e3));
            densities.push(Mark::line(curve, Style { dash: Dash::Solid, ..style }).named(&name));
            if drawn < 2 {
                let cut = pairs.len() / 100;
                let inner = pairs[cut..pairs.len() - cut].iter().map(|(law, seen)| (1e3 * law, 1e3 * seen));
                let light = Style { fill: Fill::Hollow, radius: 2.2, ..style };
                quantiles.push(Mark::points(inner, light).named(&name));
            }
            drawn += 1;
        }
    }
    let fitted = |axis: Axis, of: fn(&(f64, f64)) -> f64| {
        let values =
            quantiles.iter().filter_map(|mark| if let Data::Points(points) = &mark.data { Some(points) } else { None });
        let (low, high) =
            values.flatten().map(of).fold((f64::INFINITY, 0.0f64), |(low, high), v| (low.min(v), high.max(v)));
        let margin = 0.04 * (high - low);
        if low < high { axis.over(low - margin, high + margin) } else { axis }
    };
    let law = fitted(Axis::linear("Quantile of the law (ms)"), |pair| pair.0);
    let seen = fitted(Axis::linear("Measured quantile (ms)"), |pair| pair.1);
    let panels =
        vec![Panel::new(x, Axis::linear("Density (1/ms)").with_zero(), densities), Panel::new(law, seen, quantiles)];
    let mut caption = format!("{} steps of one worker. Quantiles from 1 % to 99 %.", seconds.len());
    if !left_out.is_empty() {
        caption += &format!(" Not drawn: {}.", left_out.join(", "));
    }
    Figure { panel_size: (320.0, 260.0), ..Figure::new(panels, caption) }
}
