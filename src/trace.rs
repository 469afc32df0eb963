//! Measured step times as a law: a trace that was typed, read from its file.

use crate::error::Error;
use crate::formats::{self, Options};
use crate::session::Session;
use sim::{Law, LawText};
use std::path::Path;

/// The law that was typed, with its trace read where it has one. What a reader should know of the file is noted.
///
/// # Errors
/// If the file holds no step times.
pub fn law(text: &LawText, session: &Session) -> Result<Law, Error> {
    let source = match text {
        LawText::Law(law) => return Ok(law.clone()),
        LawText::Trace(source) => source,
    };
    let column = source.column.as_ref().map(|column| column.parse().expect("any text names a column"));
    let options = Options { column, ..Options::default() };
    let recorded =
        formats::read(std::slice::from_ref(&source.file), &options).map_err(|e| Error::Input(e.to_string()))?;
    for note in &recorded.notes {
        session.note(format!("{}: {note}", formats::clip(&source.file)));
    }
    if let (true, Ok(bytes)) = (Path::new(&source.file).is_file(), std::fs::read(&source.file)) {
        session.input(&source.file, &bytes);
    }
    Law::trace(source.clone(), recorded.times.pooled().to_vec()).map_err(|e| Error::Input(e.to_string()))
}
