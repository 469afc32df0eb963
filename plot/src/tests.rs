//! Does every figure come out, the same each time, whatever it is given?

use super::*;

const POISON: [f64; 8] = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.0, -0.0, -1.0, 1e308, 5e-324];

/// Two panels with one of everything.
fn everything(points: &[(f64, f64)]) -> Figure {
    let spans = || points.iter().map(|&(x, y)| (x, 0.9 * y, 1.1 * y));
    let boxes = |fill| {
        let rects = points.iter().map(|&(x, y)| Rect { x0: x - 0.2, x1: x + 0.2, y0: 0.0, y1: y });
        Mark::rects(rects, colour(4), fill)
    };
    let marks = || {
        let mut marks = vec![
            boxes(Fill::Solid),
            boxes(Fill::Light),
            boxes(Fill::Pale),
            boxes(Fill::Hatched),
            boxes(Fill::Outline),
            Mark::band(spans(), colour(0)),
            Mark::error_bars(spans(), colour(1)),
            Mark::reference(Reference::Horizontal(1.0)).labelled("level"),
            Mark::reference(Reference::Vertical(1.0)).labelled("upright"),
            Mark::reference(Reference::Diagonal).labelled("y = x"),
            Mark::reference(Reference::Within(0.05)),
            Mark::text((1.0, 1.0), "here & <there>"),
        ];
        for index in 0..10 {
            let line = Mark::line(points.iter().copied(), colour(index));
            marks.push(line.dashed(dash(8 * index)));
            let points = Mark::points(points.iter().copied(), colour(index), shape(index));
            marks.push(if index % 2 == 0 { points } else { points.hollow() });
        }
        marks
    };
    let panels = vec![
        Panel::new(Axis::linear("Workers").integer(), Axis::linear("Mean iteration time (s)").from_zero(), marks())
            .titled("Linear"),
        Panel::new(Axis::log("Predicted (s)"), Axis::log("Measured (s)"), marks()),
    ];
    let legend = marks().iter().map(|mark| Entry::new("an entry", [mark])).collect();
    Figure { title: Some("Everything".into()), legend, ..Figure::new(panels) }
}

#[test]
fn equal_figures_give_equal_bytes() {
    let figure = everything(&[(1.0, 0.5), (2.0, 0.25), (4.0, 3.0)]);
    assert_eq!(svg(&figure), svg(&figure.clone()));
    assert_eq!(png(&figure), png(&figure.clone()));
}

#[test]
fn a_picture_is_the_same_on_any_number_of_threads() {
    let figure = everything(&[(1.0, 0.5), (2.0, 0.25), (4.0, 3.0)]);
    let drawn = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        pool.install(|| png(&figure))
    };
    assert_eq!(drawn(1), drawn(3));
}

#[test]
fn no_data_makes_a_figure_fail() {
    let mut cases: Vec<Vec<(f64, f64)>> = vec![
        Vec::new(),
        vec![(3.0, 3.0); 2],
        vec![(1e99, 1e-99), (1.0, 1.0)],
        vec![(1.0, 1.0), (1.0 + 1e-15, 1.0 - 1e-15)],
    ];
    for x in POISON {
        cases.push(vec![(x, 1.0), (1.0, x), (x, x)]);
        cases.push(vec![(1.0, 1.0), (x, 2.0), (3.0, x), (4.0, 4.0)]);
    }
    for points in cases {
        let figure = everything(&points);
        let text = String::from_utf8(svg(&figure).expect("drawn")).expect("UTF-8");
        assert!(!text.contains("NaN") && !text.contains("inf"), "{points:?}");
        assert!(png(&figure).is_ok(), "{points:?}");
    }
}

#[test]
fn strange_axes_are_drawn_too() {
    for (low, high) in [(1.0, 1.0), (5.0, -5.0), (f64::NAN, 1.0), (0.0, f64::INFINITY), (1e9, 1e9 + 1.0)] {
        let mut figure = everything(&[(1.0, 2.0), (3.0, 4.0)]);
        for panel in &mut figure.panels {
            panel.x = panel.x.clone().fixed(low, high);
            panel.y = panel.y.clone().fixed(low, high);
        }
        figure.columns = 0;
        assert!(svg(&figure).is_ok() && png(&figure).is_ok());
    }
    let nothing = Figure::new(Vec::new());
    assert!(svg(&nothing).is_ok() && png(&nothing).is_ok());
    let unnamed = Axis::categories("", Vec::<String>::new());
    let long = Axis::categories("Policy", ["a very long name indeed"; 30]);
    assert!(png(&Figure::new(vec![Panel::new(long, unnamed, Vec::new())])).is_ok());
}

#[test]
fn words_reach_the_document() {
    let figure = everything(&[(1.0, 0.5), (2.0, 0.25)]);
    let text = String::from_utf8(svg(&figure).expect("drawn")).expect("UTF-8");
    for words in ["Everything", "Linear", "Workers", "Mean iteration time (s)", "here &amp; &lt;there&gt;", "an entry"]
    {
        assert!(text.contains(words), "{words} is missing");
    }
    let empty = Panel::new(Axis::linear("x"), Axis::log("y"), Vec::new());
    let text = String::from_utf8(svg(&Figure::new(vec![empty])).expect("drawn")).expect("UTF-8");
    assert!(text.contains("no data"));
}

#[test]
fn a_page_of_kilometres_is_refused() {
    for side in [1e7, f64::INFINITY] {
        let figure = Figure { panel_size: (side, side), ..everything(&[]) };
        assert!(matches!(svg(&figure), Err(PlotError::TooLarge { .. })));
        assert!(matches!(png(&figure), Err(PlotError::TooLarge { .. })));
    }
}
