//! Tables for people.

use emeuro::{
    figures::{MOST_OUTPUTS, left_out, nrmse_text, output_cells, segments},
    golden::{Errors, Port},
};

pub(crate) use emeuro::figures::percent;

/// Figures of the outputs, the worst of many; `place` is what the user calls a row.
pub(crate) fn outputs_text(errors: &Errors, port: &Port, place: &str) -> String {
    let mut text = table(&output_cells(&errors.outputs, port, place, MOST_OUTPUTS));
    if errors.outputs.len() > MOST_OUTPUTS {
        text += &format!("{}; --json has all.\n", left_out(errors.outputs.len()));
        let parts = segments(errors, port).map(|(name, nrmse)| format!("{name} {}", nrmse_text(nrmse)));
        text += &format!("Segments: {}.\n", parts.collect::<Vec<_>>().join(", "));
    }
    text
}

/// Rows of cells as aligned columns; the first column to the left, the others to the right.
pub(crate) fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |c: usize| rows.iter().filter_map(|row| row.get(c)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..columns).map(|c| width(c).unwrap_or(0)).collect();
    let cell = |(c, cell): (usize, &String)| match c {
        0 => format!("{cell:<width$}", width = widths[c]),
        _ => format!("{cell:>width$}", width = widths[c]),
    };
    let line = |row: &Vec<String>| {
        let cells: Vec<String> = row.iter().enumerate().map(cell).collect();
        format!("| {} |\n", cells.join(" | "))
    };
    let rule = |c: usize| if c == 0 { "-".repeat(widths[c]) } else { "-".repeat(widths[c] - 1) + ":" };
    let mut text: Vec<String> = rows.iter().map(line).collect();
    if !text.is_empty() {
        let rules: Vec<String> = (0..columns).map(rule).collect();
        text.insert(1, format!("| {} |\n", rules.join(" | ")));
    }
    text.concat()
}

/// A duration in the unit that suits it.
pub(crate) fn nanoseconds(ns: f64) -> String {
    match ns {
        ns if ns < 1e3 => format!("{ns:.0} ns"),
        ns if ns < 1e6 => format!("{:.1} µs", ns / 1e3),
        ns => format!("{:.2} ms", ns / 1e6),
    }
}

/// A ratio with two or three digits.
pub(crate) fn ratio(ratio: f64) -> String {
    if ratio < 9.95 { format!("{ratio:.2}×") } else { format!("{ratio:.0}×") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned() {
        let row = |cells: [&str; 2]| cells.map(str::to_owned).to_vec();
        let expected = "| app  |  ns |\n| ---- | --: |\n| rope | 120 |\n";
        assert_eq!(table(&[row(["app", "ns"]), row(["rope", "120"])]), expected);
    }

    #[test]
    fn numbers_have_units_that_suit() {
        assert_eq!(nanoseconds(870.4), "870 ns");
        assert_eq!(nanoseconds(85_600.0), "85.6 µs");
        assert_eq!(nanoseconds(1_850_000.0), "1.85 ms");
        assert_eq!((ratio(0.5), ratio(320.4)), ("0.50×".to_owned(), "320×".to_owned()));
    }
}
