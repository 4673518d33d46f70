//! A number in a field of text.

/// A number, and how its fraction is written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Number {
    pub(super) value: f64,
    pub(super) mark: Mark,
}

/// What stands before the fraction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    None,
    Point,
    Comma,
}

/// The number that `field` is, if it is one.
pub(super) fn parse(field: &str) -> Option<Number> {
    if let Ok(value) = field.parse() {
        let mark = if field.contains('.') { Mark::Point } else { Mark::None };
        return Some(Number { value, mark });
    }
    let (whole, fraction) = field.split_once(',')?;
    let is_digit = |c: Option<char>| c.is_some_and(|c| c.is_ascii_digit());
    if !is_digit(whole.chars().last()) || !is_digit(fraction.chars().next()) || whole.contains('.') {
        return None;
    }
    let value = format!("{whole}.{fraction}").parse().ok()?;
    Some(Number { value, mark: Mark::Comma })
}

/// Whether `field` is a number.
pub(super) fn is(field: &str) -> bool {
    parse(field).is_some()
}

/// Whether `field` stands for a value that is not there.
pub(super) fn is_missing(field: &str) -> bool {
    const WORDS: [&str; 9] = ["", "na", "n/a", "#n/a", "null", "none", "missing", "-", "?"];
    WORDS.iter().any(|word| field.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_and_commas_are_read() {
        let value = |field: &str| parse(field).map(|number| number.value);
        for (field, expected) in [
            ("1", 1.0),
            ("-1.5e3", -1500.0),
            ("+.5", 0.5),
            ("5.", 5.0),
            ("-1,5e3", -1500.0),
            ("20,25", 20.25),
        ] {
            assert_eq!(value(field), Some(expected), "{field}");
        }
        for field in ["", "x", "1,", ",5", "1,2,3", "1.234,5", "1 2", "1,x", "1,5x"] {
            assert_eq!(value(field), None, "{field}");
        }
        assert_eq!(parse("1,5").unwrap().mark, Mark::Comma);
        assert_eq!(parse("1.5").unwrap().mark, Mark::Point);
        assert!(is("nan") && is("-inf") && is_missing("NA") && !is_missing("x"));
    }
}
