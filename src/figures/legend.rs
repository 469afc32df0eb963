//! Legend: the names of the marks, each once, with what they look like; in columns above the panels, so that it never hides
//! data.

use super::draw::{Canvas, SMALL, Text};
use super::{Data, Figure, Mark, Style, font};

/// Pixels from one line to the next.
const LINE: f64 = 18.0;
/// Pixels for what a series looks like.
const GLYPH: f64 = 26.0;
/// Pixels between a glyph and its name, and between columns.
const GAP: (f64, f64) = (6.0, 22.0);

/// Entries that have been given places.
pub(super) struct Legend {
    entries: Vec<Entry>,
    rows: usize,
    column_widths: Vec<f64>,
}

struct Entry {
    name: String,
    looks: Vec<(Data, Style)>,
}

impl Legend {
    /// The legend of a figure of this width.
    pub(super) fn new(figure: &Figure, width: f64) -> Legend {
        let mut entries: Vec<Entry> = Vec::new();
        let named = figure.panels.iter().flat_map(|panel| &panel.marks).filter(|mark| !mark.name.is_empty());
        for Mark { data, style, name } in named {
            let looks = (data.emptied(), *style);
            let same = |(other, with): &(Data, Style)| with == style && other.is_like(data);
            match entries.iter_mut().find(|entry| entry.name == *name) {
                Some(entry) if entry.looks.iter().any(same) => {}
                Some(entry) => entry.looks.push(looks),
                None => entries.push(Entry { name: name.clone(), looks: vec![looks] }),
            }
        }
        let of_columns = |columns: usize| -> (usize, Vec<f64>) {
            let rows = entries.len().div_ceil(columns.max(1)).max(1);
            let wide = |entry: &Entry| GLYPH + GAP.0 + font::width(&entry.name, SMALL);
            let widths = entries.chunks(rows).map(|column| column.iter().map(wide).fold(0.0, f64::max));
            (rows, widths.collect())
        };
        let total = |widths: &[f64]| widths.iter().sum::<f64>() + GAP.1 * widths.len().saturating_sub(1) as f64;
        let fit = (1..=entries.len()).rev().map(of_columns).find(|(_, widths)| total(widths) <= width);
        let (rows, column_widths) = fit.unwrap_or_else(|| of_columns(1));
        Legend { entries, rows, column_widths }
    }

    /// In pixels.
    pub(super) fn height(&self) -> f64 {
        if self.entries.is_empty() { 0.0 } else { LINE * self.rows as f64 + 6.0 }
    }

    /// In pixels.
    pub(super) fn width(&self) -> f64 {
        self.column_widths.iter().sum::<f64>() + GAP.1 * self.column_widths.len().saturating_sub(1) as f64
    }

    /// Draws it with its upper left corner there.
    pub(super) fn draw(&self, canvas: &Canvas, (left, top): (f64, f64)) {
        if self.entries.is_empty() {
            return;
        }
        canvas.open(&[("class", "legend".to_string())], "");
        let mut x = left;
        for (column, width) in self.entries.chunks(self.rows).zip(&self.column_widths) {
            for (row, entry) in column.iter().enumerate() {
                let y = top + LINE * (row as f64 + 0.5);
                for (data, style) in &entry.looks {
                    glyph(canvas, data, style, (x, y));
                }
                let at = (x + GLYPH + GAP.0, y + 0.36 * SMALL);
                canvas.text(&Text { at, size: SMALL, ..Text::new(&entry.name) });
            }
            x += width + GAP.1;
        }
        canvas.close();
    }
}

/// A mark in miniature.
fn glyph(canvas: &Canvas, data: &Data, style: &Style, (x, y): (f64, f64)) {
    let middle = x + GLYPH / 2.0;
    match data {
        Data::Line(_) | Data::Horizontal(_) | Data::Diagonal => canvas.line(&[(x, y), (x + GLYPH, y)], style),
        Data::Vertical(_) => canvas.line(&[(middle, y - 7.0), (middle, y + 7.0)], style),
        Data::Points(_) => canvas.marker((middle, y), style),
        Data::Intervals(_) => canvas.interval([(middle, y - 7.0), (middle, y + 7.0)], [true, true], style),
        Data::Band(_) => canvas.band(&[(x, y - 6.0), (x + GLYPH, y - 6.0), (x + GLYPH, y + 6.0), (x, y + 6.0)], style),
        Data::Rects(_) => canvas.rect([(x + 3.0, y - 5.5), (x + GLYPH - 3.0, y + 5.5)], style),
        Data::Text(..) => {}
    }
}

impl Data {
    /// The same kind without values.
    fn emptied(&self) -> Data {
        match self {
            Data::Line(_) => Data::Line(Vec::new()),
            Data::Points(_) => Data::Points(Vec::new()),
            Data::Intervals(_) => Data::Intervals(Vec::new()),
            Data::Band(_) => Data::Band(Vec::new()),
            Data::Rects(_) => Data::Rects(Vec::new()),
            Data::Horizontal(_) => Data::Horizontal(0.0),
            Data::Vertical(_) => Data::Vertical(0.0),
            Data::Diagonal => Data::Diagonal,
            Data::Text(..) => Data::Text((0.0, 0.0), String::new()),
        }
    }

    fn is_like(&self, other: &Data) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }
}
