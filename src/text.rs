//! Numbers and tables as they are printed.

use comfy_table::{CellAlignment, ContentArrangement, Table};

/// A table: the first column to the left, the others to the right.
#[cfg(feature = "train")]
pub fn table<const N: usize>(header: [&str; N], rows: impl IntoIterator<Item = [String; N]>) -> String {
    columns(&header, rows.into_iter().map(Vec::from))
}

/// A table whose number of columns is known only now.
pub fn columns(header: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_preset("     ──            ").set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(header.iter().copied()).add_rows(rows);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

/// A number with so many significant digits: plain where that is short, else with an exponent.
pub fn digits(value: f64, significant: usize) -> String {
    if value == 0.0 || !value.is_finite() {
        return value.to_string();
    }
    let rounded: f64 = format!("{value:.*e}", significant - 1).parse().expect("a printed number");
    let magnitude = rounded.abs().log10().floor() as i32;
    match magnitude {
        -5..6 => format!("{rounded:.*}", (significant as i32 - 1 - magnitude).max(0) as usize),
        _ => format!("{value:.*e}", significant - 1),
    }
}

/// A share in per cent.
pub fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

/// What is known, or a dash.
pub fn or_dash<T>(value: Option<T>, text: impl FnOnce(T) -> String) -> String {
    value.map_or("–".to_string(), text)
}

/// A number of things: `1 update`, `2 updates`.
pub fn count(n: impl Into<u64>, thing: &str) -> String {
    let n = n.into();
    format!("{n} {thing}{}", if n == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn significant_digits_are_kept() {
        assert_eq!(digits(1.798_87, 5), "1.7989");
        assert_eq!(digits(0.025, 5), "0.025000");
        assert_eq!(digits(9.999_96, 5), "10.000");
        assert_eq!(digits(123_456.0, 2), "120000");
        assert_eq!(digits(1.5e-9, 2), "1.5e-9");
        assert_eq!(digits(0.0, 3), "0");
    }
}
