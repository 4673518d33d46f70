//! What the words of a unit's frames stand for.

use emeuro_golden::{Emulator, Port, Segment};

use super::report::{row, table};
use crate::figures::number;

/// The section of the report: for both frames, name, unit, binary point, scale, offset and place of every word.
pub(super) fn words(emulator: &Emulator) -> String {
    let frame = |what: &str, port: &Port| {
        let mut rows = vec![row([what, "Name", "Unit", "Binary point", "Scale", "Offset", "Made for"])];
        let mut begin = 0;
        for segment in &port.segments {
            let end = begin + segment.size;
            let place = if segment.size == 1 { begin.to_string() } else { format!("{begin} to {}", end - 1) };
            rows.push(vec![
                place,
                format!("`{}`", segment.name),
                cell(&segment.unit),
                segment.frac.to_string(),
                if segment.scale == 0 { "1".to_owned() } else { format!("2^{}", segment.scale) },
                segment.offset.to_string(),
                range(segment),
            ]);
            begin = end;
        }
        table(&rows, 3..4)
    };
    format!(
        "## Words\n\nThe value of a word is offset + scale · word · 2^-(binary point), with the word in two's complement. Places count \
         from the first word of a frame.\n\n{}{}",
        frame("Input", emulator.input()),
        frame("Output", &emulator.output().port)
    )
}

/// A text that stays in its cell.
fn cell(text: &str) -> String {
    let plain: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    plain.replace('|', "\\|")
}

/// The values that an emulator was made for, of all words of a segment.
fn range(segment: &Segment) -> String {
    let low = segment.ranges.iter().map(|range| range[0]).fold(f64::INFINITY, f64::min);
    let high = segment.ranges.iter().map(|range| range[1]).fold(f64::NEG_INFINITY, f64::max);
    if low <= high { format!("{} to {}", number(low, 6), number(high, 6)) } else { "–".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_ranges_those_of_all_words() {
        let texts = [0.0, -1.0 / 3.0, 12_345.678_9, 1e-30, -2.5e11].map(|value| number(value, 6));
        assert_eq!(texts, ["0", "-0.333333", "12345.7", "1e-30", "-2.5e11"]);
        let ranges = vec![[-1.0, 2.0], [0.0, 3.5]];
        assert_eq!(range(&Segment { ranges, ..Segment::new("x", "m", 2, 8) }), "-1 to 3.5");
        assert_eq!(
            (range(&Segment::new("x", "m", 2, 8)), cell("a|b\n")),
            ("–".to_owned(), "a\\|b ".to_owned())
        );
    }
}
