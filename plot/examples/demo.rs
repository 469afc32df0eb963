//! Draws one figure of each kind that straggle makes, as SVG and PNG, into the directory named by the argument.

use std::time::Instant;
use std::{env, fs, path::Path};

use straggle_plot::Colour;
use straggle_plot::{Align, Axis, Dash, Entry, Figure, Fill, Mark, Panel, Rect, Reference, colour, png, shape, svg};

fn wobble(i: u32) -> f64 {
    f64::from(i * 7919 % 101) / 101.0 - 0.5
}

fn harmonic(m: u32) -> f64 {
    (1..=m).map(|k| 1.0 / f64::from(k)).sum()
}

fn iteration_times() -> Figure {
    let theories: [fn(u32) -> f64; 2] = [|m| harmonic(m) / 2.0, |m| 0.5 / f64::from(m)];
    let mut marks = Vec::new();
    let mut legend = Vec::new();
    for (index, (name, theory)) in ["sync", "async"].into_iter().zip(theories).enumerate() {
        let ink = colour(index);
        let seen = |m: u32| theory(m) * (1.0 + 0.02 * wobble(m + 3 * index as u32));
        let line = Mark::line((1..=20).map(|m| (f64::from(m), theory(m))), ink);
        let band = Mark::band((1..=20).map(|m| (f64::from(m), 0.95 * seen(m), 1.05 * seen(m))), ink);
        let points = Mark::points((1..=20).map(|m| (f64::from(m), seen(m))), ink, shape(index));
        let formula = ["Hₘ/λ", "1/(λm)"][index];
        legend.push(Entry::new(format!("{name}, simulated (95 %)"), [&band, &points]));
        legend.push(Entry::new(format!("{name}, theory {formula}"), [&line]));
        marks.extend([band, line, points]);
    }
    let workers = || Axis::linear("Workers m").integer();
    let time = "Mean iteration time (s)";
    let panels = vec![
        Panel::new(workers(), Axis::linear(time).from_zero(), marks.clone()).titled("Linear"),
        Panel::new(workers(), Axis::log(time), marks).titled("Logarithmic"),
    ];
    Figure { legend, ..Figure::new(panels) }
}

fn agreement() -> Figure {
    let diagonal = Mark::reference(Reference::Diagonal).labelled("y = x");
    let within = Mark::reference(Reference::Within(0.05));
    let mut legend = vec![Entry::new("±5 %", [&within])];
    let mut marks = vec![within, diagonal];
    for (index, name) in ["sync", "async", "k-sync", "k-batch-async", "ssp"].into_iter().enumerate() {
        let ink = colour(index);
        let pairs = (1..8).map(|i| {
            let x = 0.02 * 1.6_f64.powi(i as i32) * (1.0 + 0.1 * index as f64);
            (x, x * (1.0 + 0.08 * wobble(13 * i + index as u32)))
        });
        let bars = Mark::error_bars(pairs.clone().map(|(x, y)| (x, 0.93 * y, 1.07 * y)), ink);
        let mut points = Mark::points(pairs, ink, shape(index));
        if index % 2 == 1 {
            points = points.hollow();
        }
        legend.push(Entry::new(name, [&bars, &points]));
        marks.extend([bars, points]);
    }
    let log = Panel::new(Axis::log("Predicted (s per update)"), Axis::log("Measured (s per update)"), marks.clone());
    let linear = Panel::new(Axis::linear("Predicted (s per update)"), Axis::linear("Measured (s per update)"), marks);
    Figure {
        title: Some("Predicted against measured".into()),
        legend,
        panel_size: (280.0, 280.0),
        ..Figure::new(vec![log, linear])
    }
}

fn timeline() -> Figure {
    let kinds = [
        ("compute", colour(0), Fill::Solid),
        ("delay", colour(4), Fill::Pale),
        ("idle", Colour::SILVER, Fill::Solid),
        ("cancelled", colour(1), Fill::Hatched),
    ];
    let mut spans: [Vec<Rect>; 4] = Default::default();
    for worker in 0..4_u32 {
        let mut now = 0.0;
        for step in 0..5 {
            for (kind, rects) in spans.iter_mut().enumerate() {
                if kind == 3 && (worker + step) % 3 > 0 {
                    continue;
                }
                let long = 0.22 + 0.3 * wobble(worker * 31 + step * 7 + kind as u32).abs();
                let middle = f64::from(3 - worker);
                rects.push(Rect { x0: now, x1: now + long, y0: middle - 0.32, y1: middle + 0.32 });
                now += long;
            }
        }
    }
    let mut marks: Vec<Mark> =
        spans.into_iter().zip(kinds).map(|(rects, (_, ink, fill))| Mark::rects(rects, ink, fill)).collect();
    let legend = marks.iter().zip(kinds).map(|(mark, kind)| Entry::new(kind.0, [mark])).collect();
    marks.push(Mark::reference(Reference::Vertical(1.7)).labelled("update 1"));
    marks.push(Mark::reference(Reference::Vertical(3.6)).labelled("update 2"));
    let workers = Axis::categories("", ["worker 3", "worker 2", "worker 1", "worker 0"]);
    Figure {
        legend,
        panel_size: (640.0, 150.0),
        ..Figure::new(vec![Panel::new(Axis::linear("Time (s)").from_zero(), workers, marks)])
    }
}

fn step_times() -> Figure {
    let density = |x: f64| 4.0 * x * (-2.0 * x).exp();
    let bins = (0..40).map(|i| {
        let x0 = f64::from(i) * 0.1;
        Rect { x0, x1: x0 + 0.1, y0: 0.0, y1: density(x0 + 0.05) * (1.0 + 0.3 * wobble(i as u32)) }
    });
    let histogram = Mark::rects(bins, colour(4), Fill::Light);
    let grid = || (0..=400).map(|i| f64::from(i) / 100.0);
    let gamma = Mark::line(grid().map(|x| (x, density(x))), colour(1));
    let exponential = Mark::line(grid().map(|x| (x, (-x).exp())), colour(2)).dashed(Dash::Dashed);
    let normal = Mark::line(grid().map(|x| (x, 0.56 * (-(x - 1.0) * (x - 1.0)).exp())), colour(3)).dashed(Dash::Dotted);
    let legend = vec![
        Entry::new("measured", [&histogram]),
        Entry::new("gamma(2, 0.5)", [&gamma]),
        Entry::new("exp(1)", [&exponential]),
        Entry::new("normal", [&normal]),
    ];
    let mean = Mark::reference(Reference::Vertical(1.0)).labelled("mean 1.00 s");
    let noisy = Mark::line(
        (0..100_000).map(|i| (f64::from(i), 2.3 * (-f64::from(i) / 3e4).exp() + 0.2 + 0.2 * wobble(i as u32 % 10_007))),
        colour(0),
    );
    let panels = vec![
        Panel::new(
            Axis::linear("Step time (s)").from_zero(),
            Axis::linear("Density (1/s)").from_zero(),
            vec![histogram, gamma, exponential, normal, mean],
        ),
        Panel::new(Axis::linear("Update"), Axis::linear("Training loss").from_zero(), vec![noisy])
            .titled("A long learning curve"),
        Panel::new(
            Axis::log("Time (s)"),
            Axis::linear("Test accuracy (%)"),
            vec![Mark::line([(f64::NAN, 1.0)], colour(0))],
        )
        .titled("Nothing measured"),
        Panel::new(
            Axis::log("Learning rate").fixed(1e-7, 1.0),
            Axis::linear("Gradients per second").fixed(0.0, 25_000.0),
            vec![
                Mark::line([(1e-7, 0.0), (1e-4, 20_000.0), (1.0, 40_000.0)], colour(5)),
                Mark::text((1e-5, 5_000.0), "clipped at the top"),
                Mark::reference(Reference::Horizontal(24_000.0)).labelled("limit"),
            ],
        ),
    ];
    Figure { legend, columns: 2, ..Figure::new(panels) }
}

fn bars() -> Figure {
    let policies = ["sync", "k-sync:3", "async", "k-batch-async:2", "ssp:4", "local-sgd:8"];
    let looks = [("m = 2", 0, Fill::Solid), ("m = 4", 1, Fill::Solid), ("m = 8", 2, Fill::Hatched)];
    let mut marks = Vec::new();
    let mut legend = Vec::new();
    for (slot, (name, ink, fill)) in looks.into_iter().enumerate() {
        let height = |p: usize| 1.0 + (p as f64 + 1.0) * (slot as f64 + 1.0) * 0.35;
        let at = |p: usize| p as f64 + 0.26 * (slot as f64 - 1.0);
        let bar = Mark::bars((0..policies.len()).map(|p| (at(p), height(p))), 0.24, colour(ink), fill);
        legend.push(Entry::new(name, [&bar]));
        marks.push(bar);
        marks.push(Mark::error_bars(
            (0..policies.len()).map(|p| (at(p), 0.94 * height(p), 1.06 * height(p))),
            Colour::BLACK,
        ));
    }
    marks.push(Mark::reference(Reference::Horizontal(1.0)).labelled("one worker"));
    marks.push(Mark::Text { at: (5.26, 8.0), text: "best".into(), colour: colour(2), align: Align::Middle });
    Figure {
        legend,
        panel_size: (460.0, 240.0),
        ..Figure::new(vec![Panel::new(
            Axis::categories("Policy", policies),
            Axis::linear("Speedup over one worker").from_zero(),
            marks,
        )])
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let directory = env::args().nth(1).unwrap_or_else(|| "target/figures".into());
    let directory = Path::new(&directory);
    fs::create_dir_all(directory)?;
    let figures = [
        ("iteration_times", iteration_times()),
        ("agreement", agreement()),
        ("timeline", timeline()),
        ("step_times", step_times()),
        ("bars", bars()),
    ];
    for (name, figure) in figures {
        let start = Instant::now();
        let document = svg(&figure)?;
        let between = start.elapsed();
        let picture = png(&figure)?;
        let total = start.elapsed();
        println!(
            "{name:16} svg {:7} bytes {:6.1} ms   png {:7} bytes {:6.1} ms",
            document.len(),
            between.as_secs_f64() * 1e3,
            picture.len(),
            (total - between).as_secs_f64() * 1e3,
        );
        fs::write(directory.join(format!("{name}.svg")), document)?;
        fs::write(directory.join(format!("{name}.png")), picture)?;
    }
    Ok(())
}
