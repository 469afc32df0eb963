//! Numbers as people write them: with a decimal point or a decimal comma, with thousands set apart, or not.
//!
//! `1.5` and `1,5` can be read, and so can `1.234,5` and `1,234.5`, since thousands come in threes. Of `1,234` and `1.234` only the
//! other numbers of the column can tell: [`Signs`] looks at them all. A point alone is a decimal sign unless they say otherwise; a
//! comma alone is not read on a guess.

use super::refusal::{Refusal, clip};

/// What the signs of a number say of those of its neighbours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Digits only, perhaps with an exponent.
    Plain,
    /// The decimal sign is a point, and a comma sets thousands apart.
    Point,
    /// The decimal sign is a comma, and a point sets thousands apart.
    Comma,
    /// `1.234`: either.
    EitherPoint,
    /// `1,234`: either.
    EitherComma,
}

/// Whether these are thousands set apart: up to three digits, of which the first is no zero, and then threes.
fn in_threes(text: &str, sign: char) -> bool {
    let mut groups = text.split(sign);
    let first = groups.next().unwrap_or_default();
    let digits = |group: &str| group.bytes().all(|b| b.is_ascii_digit());
    let is_first = (1..=3).contains(&first.len()) && digits(first) && !first.starts_with('0');
    is_first && groups.all(|group| group.len() == 3 && digits(group))
}

/// The number of a text, and what its signs say; `None` if it is none.
pub fn number(text: &str) -> Option<(f64, Form)> {
    let unsigned = text.trim_start_matches(['+', '-']);
    let plain = |text: &str| text.parse::<f64>().ok();
    // 1 234,5 and 1'234.5: spaces and apostrophes are nothing but marks between thousands.
    if let Some(mark) = unsigned.chars().find(|c| matches!(c, ' ' | '\u{a0}' | '\u{202f}' | '\'' | '’')) {
        let whole = unsigned.split([',', '.']).next().unwrap_or_default();
        return if in_threes(whole, mark) { number(&text.replace(mark, "")) } else { None };
    }
    let (points, commas) = (unsigned.matches('.').count(), unsigned.matches(',').count());
    match (points, commas) {
        (0, 0) => Some((plain(text)?, Form::Plain)),
        (1, 0) if in_threes(unsigned, '.') => Some((plain(text)?, Form::EitherPoint)),
        (1, 0) => Some((plain(text)?, Form::Point)),
        (0, 1) if in_threes(unsigned, ',') => Some((plain(&text.replace(',', "."))?, Form::EitherComma)),
        (0, 1) => Some((plain(&text.replace(',', "."))?, Form::Comma)),
        (_, 0) if in_threes(unsigned, '.') => Some((plain(&text.replace('.', ""))?, Form::Comma)),
        (0, _) if in_threes(unsigned, ',') => Some((plain(&text.replace(',', ""))?, Form::Point)),
        (_, 1) | (1, _) => {
            // The last sign is the decimal one.
            let is_comma = unsigned.rfind(',') > unsigned.rfind('.');
            let (decimal, mark, form) = if is_comma { (',', '.', Form::Comma) } else { ('.', ',', Form::Point) };
            let whole = unsigned.split(decimal).next()?;
            let is_one = unsigned.matches(decimal).count() == 1 && in_threes(whole, mark);
            is_one.then(|| plain(&text.replace(mark, "").replace(decimal, "."))).flatten().map(|number| (number, form))
        }
        _ => None,
    }
}

/// The signs of the numbers of a column.
#[derive(Debug, Default)]
pub struct Signs {
    /// A number whose decimal sign is a point, and one whose decimal sign is a comma.
    point: Option<String>,
    comma: Option<String>,
    /// The first of those that may be thousands, and their rows.
    either: [Option<String>; 2],
    rows: [Vec<u32>; 2],
}

impl Signs {
    /// Looks at the number in the next row.
    pub fn look_at(&mut self, text: &str, form: Form, row: usize) {
        let note = |seen: &mut Option<String>| _ = seen.get_or_insert_with(|| clip(text));
        match form {
            Form::Plain => {}
            Form::Point => note(&mut self.point),
            Form::Comma => note(&mut self.comma),
            Form::EitherPoint | Form::EitherComma => {
                let which = usize::from(form == Form::EitherComma);
                note(&mut self.either[which]);
                self.rows[which].push(row as u32);
            }
        }
    }

    /// Rows whose number is a thousand times what was read, where the column says so; why nobody can tell, where it does not.
    ///
    /// A point alone stays a decimal sign, unless `commas_are_decimal` in other columns of the file, or may be: between
    /// `semicolons`.
    ///
    /// # Errors
    /// [`Refusal`] with the numbers that leave it open.
    pub fn thousands(self, commas_are_decimal: bool, semicolons: bool) -> Result<Vec<u32>, Refusal> {
        let Signs { point, comma, either: [first_point, first_comma], rows: [points, commas] } = self;
        let advice = "write a point for the decimal sign, and nothing between thousands";
        let open = |sentence: String| Err(Refusal::new(sentence, advice));
        match (point, comma, first_point, first_comma) {
            (_, _, None, None) => Ok(Vec::new()),
            (Some(point), Some(comma), ..) => open(format!(
                "'{point}' has a decimal point and '{comma}' a decimal comma, and others may be thousands"
            )),
            (None, Some(_), ..) => Ok(points),
            (Some(_), None, ..) => Ok(commas),
            (None, None, Some(point), Some(comma)) => open(format!("'{point}' or '{comma}' may be thousands")),
            (None, None, Some(point), None) if commas_are_decimal => {
                open(format!("'{point}' may be thousands or a decimal point, where other columns have decimal commas"))
            }
            (None, None, Some(point), None) if semicolons => Err(Refusal::new(
                format!("'{point}' may be thousands or a decimal point, between semicolons"),
                "separate the columns by commas if it is a decimal point, and take it out if it sets thousands apart",
            )),
            (None, None, Some(_), None) => Ok(Vec::new()),
            (None, None, None, Some(_)) if commas_are_decimal => Ok(Vec::new()),
            (None, None, None, Some(comma)) => open(format!("'{comma}' may be thousands or a decimal comma")),
        }
    }

    /// Whether commas are decimal signs here.
    pub fn has_decimal_comma(&self) -> bool {
        self.comma.is_some() && self.point.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_what_their_signs_say() {
        for (text, value, form) in [
            ("1.5", 1.5, Form::Point),
            ("-2e-3", -0.002, Form::Plain),
            ("0.123", 0.123, Form::Point),
            ("1.5e3", 1500.0, Form::Point),
            ("1.234e3", 1234.0, Form::Point),
            ("0,5", 0.5, Form::Comma),
            ("0,125", 0.125, Form::Comma),
            ("1.234", 1.234, Form::EitherPoint),
            ("1,234", 1.234, Form::EitherComma),
            ("1234.567", 1234.567, Form::Point),
            ("1.234,56", 1234.56, Form::Comma),
            ("1,234.56", 1234.56, Form::Point),
            ("1.234.567", 1_234_567.0, Form::Comma),
            ("1,234,567", 1_234_567.0, Form::Point),
            ("-1.234.567,8", -1_234_567.8, Form::Comma),
            ("1 234,5", 1234.5, Form::Comma),
            ("1\u{202f}234", 1234.0, Form::Plain),
            ("1'234.5", 1234.5, Form::Point),
        ] {
            assert_eq!(number(text), Some((value, form)), "{text}");
        }
        for text in ["", "1.2.3", "1,2,3", "12.34,5", "1,23.4", "1.234,5,6", "1 23", "12 apples", "1.234.56", "3 4"] {
            assert_eq!(number(text), None, "{text}");
        }
    }

    /// What a column of these numbers says, where other columns have decimal commas, or not.
    fn rows(numbers: &[&str], elsewhere: bool) -> Result<Vec<u32>, String> {
        let mut signs = Signs::default();
        for (row, text) in numbers.iter().enumerate() {
            signs.look_at(text, number(text).unwrap().1, row);
        }
        signs.thousands(elsewhere, false).map_err(|refusal| refusal.reason)
    }

    #[test]
    fn a_column_tells_thousands_from_decimals_or_is_refused() {
        assert_eq!(rows(&["987,5", "1.023", "1.005,25"], false), Ok(vec![1]));
        assert_eq!(rows(&["987.5", "1,023", "1,005.25"], false), Ok(vec![1]));
        assert_eq!(rows(&["1.234", "1.250"], false), Ok(vec![]));
        assert_eq!(rows(&["1,234", "2,500"], true), Ok(vec![]));
        assert_eq!(rows(&["1.5", "1,5"], false), Ok(vec![]));
        for (numbers, elsewhere, part) in [
            (&["1,234", "2,500"][..], false, "'1,234' may be thousands or a decimal comma"),
            (&["1.234", "987"], true, "'1.234' may be thousands or a decimal point"),
            (&["1.5", "1,5", "1.234"], false, "'1.5' has a decimal point and '1,5' a decimal comma"),
            (&["1.234", "1,234"], false, "'1.234' or '1,234' may be thousands"),
        ] {
            assert!(rows(numbers, elsewhere).unwrap_err().contains(part), "{numbers:?}");
        }
    }
}
