//! Tables for people.

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

/// A share as a percentage, with three digits behind the point if it is below a thousandth.
pub(crate) fn percent(share: f64) -> String {
    match 100.0 * share {
        small if 0.0 < small && small < 0.1 => format!("{small:.3} %"),
        percent => format!("{percent:.2} %"),
    }
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
        assert_eq!([0.0, 0.000_156, 0.0046].map(percent), ["0.00 %", "0.016 %", "0.46 %"]);
        assert_eq!((ratio(0.5), ratio(320.4)), ("0.50×".to_owned(), "320×".to_owned()));
    }
}
