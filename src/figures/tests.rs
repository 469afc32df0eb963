//! What holds of every figure, whatever it shows: the same bytes again, a document that parses, nothing outside the page.

use super::*;
use usvg::roxmltree::{Document, Node};

/// All kinds of marks, with values that are easy and values that are not.
fn everything(scale: Scale, values: &[f64]) -> Figure {
    let axis = |label: &str| Axis { scale, ..Axis::linear(label) };
    let pairs = || values.iter().zip(values.iter().rev()).map(|(&x, &y)| (x, y));
    let around = || pairs().map(|(x, y)| (x, y / 3.0, y * 3.0));
    let corners = || pairs().map(|(x, y)| [(x / 2.0, y / 2.0), (x, y)]);
    let mut marks = vec![Mark::new(Data::Diagonal, Style::REFERENCE).named("x = y")];
    for (i, fill) in [Fill::Solid, Fill::Light, Fill::Hollow, Fill::Hatched].into_iter().enumerate() {
        marks.push(Mark::rects(corners(), nth(i).filled(fill)).named("rectangles"));
        marks.push(Mark::points(pairs(), nth(i).filled(fill)).named("points"));
    }
    marks.push(Mark::band(around(), nth(0)).named("band"));
    marks.push(Mark::intervals(around(), nth(1)).named("intervals & <more>"));
    marks.push(Mark::intervals_across(around(), nth(2)));
    for dash in [Dash::Solid, Dash::Dashed, Dash::Dotted] {
        marks.push(Mark::line(pairs(), nth(3).dashed(dash)).named(format!("{dash:?}")));
    }
    for &value in values {
        marks.push(Mark::new(Data::Horizontal(value), Style::REFERENCE));
        marks.push(Mark::new(Data::Vertical(value), Style::REFERENCE));
        marks.push(Mark::new(Data::Text((value, value), "here".to_string()), nth(0)));
    }
    marks.extend((0..9).map(|i| Mark::points(pairs(), nth(i))));
    let plain = Panel::new(axis("x (s)"), axis("y (s)"), marks.clone()).titled("\"Fitted\" & titled");
    let middle = values.get(values.len() / 2).copied().filter(|v| v.is_finite() && *v > 0.0).unwrap_or(1.0);
    let within = |axis: Axis| axis.over(0.9 * middle, 1.1 * middle);
    let cut = Panel::new(within(axis("x")), within(axis("y")), marks);
    Figure { columns: 1, ..Figure::new(vec![plain, cut], "What was run, and with what seed. ".repeat(12)) }
}

fn figures() -> Vec<Figure> {
    let values: [&[f64]; 7] = [
        &[],
        &[1.0],
        &[1.0, 2.0, 3.0, 2.5],
        &[-3.0, 0.0, 4.0, f64::NAN, f64::INFINITY, 8.0],
        &[1e-12, 3e-12, 5e-12],
        &[1e300, 1e-300, 2.0],
        &[5.0, 5.0, 5.0],
    ];
    values.iter().flat_map(|values| [Scale::Linear, Scale::Log].map(|scale| everything(scale, values))).collect()
}

/// All coordinates that an element names, along x and along y.
fn coordinates(node: Node<'_, '_>) -> Vec<(f64, f64)> {
    let number = |name: &str| node.attribute(name).map(|text| text.parse::<f64>().expect("a number"));
    let pair = |x: &str, y: &str| number(x).zip(number(y));
    let mut all: Vec<(f64, f64)> =
        [("x", "y"), ("x1", "y1"), ("x2", "y2"), ("cx", "cy")].into_iter().filter_map(|(x, y)| pair(x, y)).collect();
    if let (Some((x, y)), Some((width, height))) = (pair("x", "y"), pair("width", "height")) {
        assert!(width >= 0.0 && height >= 0.0, "a rectangle of {width} by {height}");
        all.push((x + width, y + height));
    }
    for point in node.attribute("points").unwrap_or_default().split_whitespace() {
        let (x, y) = point.split_once(',').expect("x,y");
        all.push((x.parse().expect("a number"), y.parse().expect("a number")));
    }
    all
}

#[test]
fn a_figure_of_thousands_shows_some_evenly_and_says_so() {
    let (all, words) = few((0..10).collect(), 10, "policy");
    assert_eq!((all.len(), words.as_str()), (10, ""));
    for many in [11, 1000, 99_999] {
        let (some, words) = few((0..many).collect(), 50, "policy");
        assert!((25..=50).contains(&some.len()) || many == 11, "{many}: {}", some.len());
        assert!(
            some[0] == 0
                && words == if many > 50 { format!(" One policy in {} is drawn.", some[1]) } else { String::new() }
        );
    }
}

#[test]
fn equal_figures_have_equal_bytes_in_every_format() {
    for figure in figures() {
        let document = svg(&figure);
        assert!(document == svg(&figure.clone()), "SVG");
        assert!(png(&document) == png(&document), "PNG");
        assert!((0..2).all(|_| pdf(&document) == pdf(&document)), "PDF");
    }
}

#[test]
fn documents_parse_and_nothing_is_outside_the_page() {
    for figure in figures() {
        let text = svg(&figure);
        let document = Document::parse(&text).expect("XML");
        let size = document.root_element().attribute("viewBox").expect("a size");
        let size: Vec<f64> = size.split(' ').map(|number| number.parse().expect("a number")).collect();
        for node in document.descendants().filter(Node::is_element) {
            for (x, y) in coordinates(node) {
                assert!(
                    (0.0..=size[2]).contains(&x) && (0.0..=size[3]).contains(&y),
                    "({x}, {y}) on {size:?}: {node:?}"
                );
            }
        }
    }
}

#[test]
fn marks_are_groups_with_their_names_and_dashes_are_attributes() {
    let text = svg(&everything(Scale::Linear, &[1.0, 2.0, 3.0]));
    let document = Document::parse(&text).expect("XML");
    let groups = |class: &str| document.descendants().filter(|node| node.attribute("class") == Some(class)).count();
    assert_eq!((groups("panel"), groups("axes"), groups("legend")), (2, 2, 1));
    for class in ["line", "points", "intervals", "band", "rects", "reference", "text"] {
        assert!(groups(class) > 0, "no {class}");
    }
    let title = document.descendants().find(|node| node.text() == Some("intervals & <more>"));
    assert!(title.is_some_and(|node| node.has_tag_name("title")));
    // One in the legend, one in each panel at least.
    let dashed = |node: &Node<'_, '_>| node.attribute("stroke-dasharray") == Some("60,40");
    assert!(document.descendants().filter(dashed).count() >= 3);
}

#[test]
fn each_name_is_in_the_legend_once() {
    let text = svg(&everything(Scale::Linear, &[1.0, 2.0, 3.0]));
    let document = Document::parse(&text).expect("XML");
    let legend = document.descendants().find(|node| node.attribute("class") == Some("legend")).expect("a legend");
    let mut names: Vec<String> = legend
        .descendants()
        .filter(|node| node.has_tag_name("text"))
        .map(|node| node.text().unwrap_or("").trim().to_string())
        .collect();
    let all = names.len();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), all);
    assert!(names.contains(&"rectangles".to_string()) && names.contains(&"Dotted".to_string()), "{names:?}");
}

#[test]
fn pictures_are_as_large_as_the_document_says() {
    let document = svg(&everything(Scale::Log, &[0.1, 1.0, 30.0]));
    let tree = tree(&document);
    let png = png(&document);
    assert_eq!(&png[..8], b"\x89PNG\r\n\x1a\n");
    let number = |at: usize| u32::from_be_bytes(png[at..at + 4].try_into().expect("four bytes")) as f32;
    assert_eq!((number(16), number(20)), (2.0 * tree.size().width(), 2.0 * tree.size().height()));
    let pdf = pdf(&document);
    assert!(pdf.starts_with(b"%PDF-1."));
    let points = |pixels: f32| (pixels * 0.75).to_string();
    let text = String::from_utf8_lossy(&pdf);
    let media = format!("/MediaBox [0 0 {} {}]", points(tree.size().width()), points(tree.size().height()));
    assert!(text.contains(&media), "no {media}");
}

#[test]
fn a_picture_is_not_blank() {
    let blank = Figure::new(vec![Panel::new(Axis::linear(""), Axis::linear(""), Vec::new())], "");
    let filled = Mark::rects([[(0.0, 0.0), (1.0, 1.0)]], nth(0));
    let drawn = Figure::new(
        vec![Panel::new(Axis::linear("").over(0.0, 1.0), Axis::linear("").over(0.0, 1.0), vec![filled])],
        "",
    );
    let ink = |figure: &Figure| {
        let pixels = tiny_skia::Pixmap::decode_png(&png(&svg(figure))).expect("a picture");
        let Colour(red, green, blue) = Colour::BLUE;
        let same = |p: &&tiny_skia::PremultipliedColorU8| (p.red(), p.green(), p.blue()) == (red, green, blue);
        pixels.pixels().iter().filter(same).count()
    };
    assert_eq!(ink(&blank), 0);
    // The panel is 340 x 250 pixels; axes may cover its rim.
    let all = 4 * 340 * 250;
    assert!((all * 99 / 100..=all).contains(&ink(&drawn)), "{} of {all}", ink(&drawn));
}

#[test]
fn twenty_seven_series_and_all_policies_look_different() {
    let mut seen: Vec<Style> = (0..27).map(nth).collect();
    let all = seen.len();
    seen.dedup();
    for (i, style) in seen.iter().enumerate() {
        assert!(!seen[..i].iter().any(|other| (other.colour, other.shape) == (style.colour, style.shape)), "{i}");
    }
    assert_eq!(seen.len(), all);
    let policies = looks(["async", "k-sync:2", "sync", "ssp:3"]);
    assert_eq!([policies[0].colour, policies[2].colour], [Colour::VERMILION, Colour::BLUE]);
    assert_ne!(policies[1], policies[3]);
}
