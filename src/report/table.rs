//! The table on the terminal: theory beside simulation, cell by cell.

use super::{Report, words};
use comfy_table::{CellAlignment, ContentArrangement, Row, Table};
use sim::theory::{Kind, Theory};
use sim::{Model, Observation};

/// The table, and what it means in words.
pub fn text(report: &Report) -> String {
    let experiment = &report.experiment;
    let usage = experiment.model == Model::Event;
    let gated = usage && report.observations.iter().any(gate_differs);
    let mut table = Table::new();
    table.load_preset("     ──            ").set_content_arrangement(ContentArrangement::Disabled);
    let mut header = vec!["policy", "m", "s/update", "± 95 %", "theory", "z"];
    if gated {
        header.push("gated");
    }
    header.extend(["s/gradient", "speed-up", "efficiency"]);
    if usage {
        header.extend(["staleness", "idle", "wasted"]);
    }
    table.set_header(header);
    for o in &report.observations {
        let mut row = vec![
            o.cell.policy.to_string(),
            o.cell.rule.workers.to_string(),
            digits(o.mean.mean, 5),
            o.mean.half_width().map_or("–".to_string(), |half| digits(half, 2)),
            theory(o.theory),
            o.z().map_or("–".to_string(), |z| format!("{z:+.1}")),
        ];
        if gated {
            row.push(or_dash(o.gated_s));
        }
        row.extend([digits(o.s_per_gradient.mean, 5), format!("{:.2}", o.speedup.mean), percent(o.efficiency.mean)]);
        if let Some(u) = &o.usage {
            row.extend([
                format!("{:.2}", u.mean_staleness.mean),
                percent(u.idle_share.mean),
                percent(u.wasted_share.mean),
            ]);
        }
        table.add_row(Row::from(row));
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    format!("{}\n{table}\n\n{}", words::heading(experiment), words::summary(report))
}

/// Whether the gated model would mislead about this cell.
pub fn gate_differs(o: &Observation) -> bool {
    let Some((theory, gated)) = o.theory.filter(|t| t.kind == Kind::Exact).zip(o.gated_s) else { return false };
    (gated / theory.seconds - 1.0).abs() > 0.01
}

fn theory(theory: Option<Theory>) -> String {
    let Some(Theory { seconds, kind }) = theory else { return "–".to_string() };
    match kind {
        Kind::Exact => digits(seconds, 5),
        Kind::Lower => format!("≥ {}", digits(seconds, 5)),
        Kind::Upper => format!("≤ {}", digits(seconds, 5)),
    }
}

fn or_dash(value: Option<f64>) -> String {
    value.map_or("–".to_string(), |value| digits(value, 5))
}

fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
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

#[cfg(test)]
mod tests {
    use super::digits;

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
