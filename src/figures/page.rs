//! Page: plotters' SVG backend with groups.
//!
//! plotters' backend writes one element for each primitive and knows neither groups nor dashes. Both are the same thing in
//! SVG: attributes of a `<g>` are inherited by what is inside, `stroke-dasharray` among them. The backend holds its string
//! as long as it lives, so nothing can be written between two elements; therefore each primitive is written by a backend of
//! its own, and its element is taken out of that document. A private language of marked elements that are replaced
//! afterwards would be the other way, and the more fragile one.
//!
//! Plotters places everything at whole units; a tenth of a pixel is the unit here, so that slopes stay smooth.

use plotters::prelude::SVGBackend;
use plotters_backend::{BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingBackend, DrawingErrorKind};
use std::fmt::Write;
use std::io::Error;

/// Units in a pixel.
pub(super) const UNIT: i32 = 10;

/// An SVG document that is being written.
pub(super) struct Page {
    body: String,
    size: (u32, u32),
}

type Drawn = Result<(), DrawingErrorKind<Error>>;

impl Page {
    /// An empty, white page of so many pixels.
    pub(super) fn new((width, height): (f64, f64)) -> Page {
        let (width, height) = (width.ceil(), height.ceil());
        let unit = UNIT as u32;
        let mut body = String::new();
        let (w, h) = (width as u32 * unit, height as u32 * unit);
        let _ = writeln!(
            body,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {w} {h}\" \
             stroke-linejoin=\"round\">\n<rect width=\"{w}\" height=\"{h}\" fill=\"#FFFFFF\"/>"
        );
        Page { body, size: (w, h) }
    }

    /// Opens a group with these attributes; whoever points at it is told the title, unless that is empty.
    pub(super) fn open(&mut self, attributes: &[(&str, String)], title: &str) {
        self.body.push_str("<g");
        for (name, value) in attributes {
            let _ = write!(self.body, " {name}=\"{}\"", escaped(value));
        }
        self.body.push_str(">\n");
        if !title.is_empty() {
            let _ = writeln!(self.body, "<title>{}</title>", escaped(title));
        }
    }

    /// Closes the group opened last.
    pub(super) fn close(&mut self) {
        self.body.push_str("</g>\n");
    }

    /// The document.
    pub(super) fn finish(mut self) -> String {
        self.body.push_str("</svg>\n");
        self.body
    }

    fn element(&mut self, draw: impl FnOnce(&mut SVGBackend<'_>) -> Drawn) -> Drawn {
        let mut document = String::new();
        // It closes its document when it is dropped.
        draw(&mut SVGBackend::with_string(&mut document, self.size))?;
        let head = document.find(">\n").map_or(0, |end| end + 2);
        let tail = document.rfind("</svg>").unwrap_or(document.len());
        self.body.push_str(&document[head..tail]);
        Ok(())
    }
}

/// Text as XML has it; most control characters it cannot have at all.
fn escaped(text: &str) -> String {
    let text = text.replace(char::is_control, " ");
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

impl DrawingBackend for Page {
    type ErrorType = Error;

    fn get_size(&self) -> (u32, u32) {
        self.size
    }

    fn ensure_prepared(&mut self) -> Drawn {
        Ok(())
    }

    fn present(&mut self) -> Drawn {
        Ok(())
    }

    fn draw_pixel(&mut self, point: BackendCoord, color: BackendColor) -> Drawn {
        self.element(|svg| svg.draw_pixel(point, color))
    }

    fn draw_line<S: BackendStyle>(&mut self, from: BackendCoord, to: BackendCoord, style: &S) -> Drawn {
        self.element(|svg| svg.draw_line(from, to, style))
    }

    fn draw_rect<S: BackendStyle>(&mut self, from: BackendCoord, to: BackendCoord, style: &S, fill: bool) -> Drawn {
        self.element(|svg| svg.draw_rect(from, to, style, fill))
    }

    fn draw_path<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(&mut self, path: I, style: &S) -> Drawn {
        self.element(|svg| svg.draw_path(path, style))
    }

    fn draw_circle<S: BackendStyle>(&mut self, centre: BackendCoord, radius: u32, style: &S, fill: bool) -> Drawn {
        self.element(|svg| svg.draw_circle(centre, radius, style, fill))
    }

    fn fill_polygon<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(&mut self, path: I, style: &S) -> Drawn {
        self.element(|svg| svg.fill_polygon(path, style))
    }

    fn draw_text<S: BackendTextStyle>(&mut self, text: &str, style: &S, at: BackendCoord) -> Drawn {
        let text = text.replace(char::is_control, " ");
        self.element(|svg| svg.draw_text(&text, style, at))
    }
}
