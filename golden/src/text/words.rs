//! A parser's message in the words of users: numbers and text, not the types of a programming language.

use std::fmt::Display;

/// Characters of a word from the file in a message.
const WORD: usize = 40;

/// Characters of a message.
const MOST: usize = 500;

/// The message of a parser of YAML or JSON in plain words, with its place, and of the file's contents no more than a word.
///
/// ```
/// let message = "[0].lanes: invalid type: string \"many\", expected usize at line 2 column 8";
/// assert_eq!(
///     emeuro_golden::text::in_plain_words(&message),
///     "[0].lanes: expected a whole number, found the text \"many\" at line 2 column 8"
/// );
/// ```
pub fn in_plain_words(error: &impl Display) -> String {
    let message: String = error.to_string().chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    // The root of a list is a point.
    let message = match message.strip_prefix('.') {
        Some(rest) if rest.starts_with('[') => rest,
        _ => &message,
    };
    shortened(&reworded(message).unwrap_or_else(|| without_long_names(message)))
}

/// A message about a value of the wrong type, or outside of its type.
fn reworded(message: &str) -> Option<String> {
    let (kind, place) = ["invalid type: ", "invalid value: "]
        .iter()
        .filter_map(|kind| message.find(kind).map(|place| (*kind, place)))
        .min_by_key(|(_, place)| *place)?;
    let (before, rest) = (&message[..place], &message[place + kind.len()..]);
    let (found, expected) = rest.rsplit_once(", expected ")?;
    let (expected, place) = match expected.find(" at line ") {
        Some(place) => expected.split_at(place),
        None => (expected, ""),
    };
    let with_range = kind == "invalid value: ";
    Some(format!(
        "{before}expected {}, found {}{place}",
        type_in_words(expected, with_range),
        value_in_words(found)
    ))
}

/// A type as serde names it.
fn type_in_words(expected: &str, with_range: bool) -> String {
    let (zero, name) = match expected.strip_prefix("a nonzero ") {
        Some(name) => (false, name),
        None => (true, expected),
    };
    let range: Option<(i128, i128)> = match name {
        "u8" => Some((0, u8::MAX.into())),
        "u16" => Some((0, u16::MAX.into())),
        "u32" => Some((0, u32::MAX.into())),
        "u64" | "usize" => Some((0, u64::MAX.into())),
        "i8" => Some((i8::MIN.into(), i8::MAX.into())),
        "i16" => Some((i16::MIN.into(), i16::MAX.into())),
        "i32" => Some((i32::MIN.into(), i32::MAX.into())),
        "i64" | "isize" => Some((i64::MIN.into(), i64::MAX.into())),
        _ => None,
    };
    if let Some((least, most)) = range {
        return match (with_range, zero) {
            (true, true) => format!("a whole number from {least} to {most}"),
            (true, false) => format!("a whole number from {} to {most}", least.max(1)),
            (false, _) => "a whole number".to_owned(),
        };
    }
    match name {
        "f32" | "f64" => "a number".to_owned(),
        "a boolean" | "bool" => "true or false".to_owned(),
        "a string" | "string" | "str" | "path string" | "a borrowed string" => "text".to_owned(),
        "a sequence" | "sequence" => "a list".to_owned(),
        "a map" | "map" => "fields with names".to_owned(),
        "unit" | "null" => "nothing".to_owned(),
        _ if name.starts_with("struct ") => "fields with names".to_owned(),
        _ if name.starts_with("enum ") => "a word".to_owned(),
        _ => name.to_owned(),
    }
}

/// A value as serde shows it.
fn value_in_words(found: &str) -> String {
    let inside = |name: &str| found.strip_prefix(name)?.strip_prefix('`')?.strip_suffix('`');
    if let Some(text) = found.strip_prefix("string \"") {
        let text = text.strip_suffix('"').unwrap_or(text);
        return match text.char_indices().nth(WORD) {
            Some((end, _)) => format!("the text \"{}…\"", &text[..end]),
            None => format!("the text \"{text}\""),
        };
    }
    for name in ["integer ", "floating point ", "boolean ", "character "] {
        if let Some(value) = inside(name) {
            return cut(value);
        }
    }
    match found {
        "sequence" => "a list".to_owned(),
        "map" => "fields with names".to_owned(),
        "unit value" | "null" | "Option value" => "nothing".to_owned(),
        other => cut(other),
    }
}

/// A name from the file that no one expects is as long as the file allows.
fn without_long_names(message: &str) -> String {
    let mut parts = message.splitn(3, '`');
    match (parts.next(), parts.next(), parts.next()) {
        (Some(before), Some(name), Some(after)) => format!("{before}`{}`{after}", cut(name)),
        _ => message.to_owned(),
    }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(WORD) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// The beginning and the end of a message, where field and place are.
pub(crate) fn shortened(message: &str) -> String {
    let count = message.chars().count();
    if count <= MOST {
        return message.to_owned();
    }
    let start: String = message.chars().take(MOST / 2).collect();
    let end: String = message.chars().skip(count - MOST / 2).collect();
    format!("{start} … {end}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_numbers_and_text() {
        for (message, expected) in [
            (
                "layers[0].bias[1]: invalid type: floating point `0.5`, expected i64 at line 3 column 9",
                "layers[0].bias[1]: expected a whole number, found 0.5 at line 3 column 9",
            ),
            (
                "rows[0]: invalid value: integer `40000`, expected i16 at line 3 column 9",
                "rows[0]: expected a whole number from -32768 to 32767, found 40000 at line 3 column 9",
            ),
            (
                "a: invalid value: integer `0`, expected a nonzero u32",
                "a: expected a whole number from 1 to 4294967295, found 0",
            ),
            ("invalid type: unit value, expected a string", "expected text, found nothing"),
            ("invalid type: map, expected a sequence", "expected a list, found fields with names"),
            ("invalid type: sequence, expected struct Version", "expected fields with names, found a list"),
            (
                "invalid type: string \"a, expected b\", expected f64",
                "expected a number, found the text \"a, expected b\"",
            ),
            ("missing field `emeuro`", "missing field `emeuro`"),
            (
                "unknown field `lane`, expected one of `a`, `b`",
                "unknown field `lane`, expected one of `a`, `b`",
            ),
            ("two\nlines", "two lines"),
        ] {
            assert_eq!(in_plain_words(&message), expected);
        }
    }

    #[test]
    fn contents_do_not_show() {
        let secret = "x".repeat(100_000);
        for message in [
            format!("invalid type: string \"{secret}\", expected usize at line 1 column 1"),
            format!("unknown field `{secret}`, expected one of `a`, `b` at line 1 column 1"),
            format!("{secret}: missing field `a` at line 1 column 1"),
        ] {
            let message = in_plain_words(&message);
            assert!(message.chars().count() < 600 && message.ends_with("at line 1 column 1"), "{message}");
        }
    }
}
