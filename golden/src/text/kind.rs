//! What a file is, for the message if it is something else than was expected.

/// Lines that are looked at.
const LINES: usize = 100;

/// What bytes are that are no text.
pub(super) fn of_bytes(bytes: &[u8]) -> Option<&'static str> {
    const KINDS: [(&[u8], &str); 8] = [
        (b"\x93NUMPY", "a NumPy array"),
        (b"PK\x03\x04", "a ZIP archive"),
        (b"\x1f\x8b", "compressed data"),
        (b"\x89PNG", "a picture"),
        (b"RIFF", "a sound or a film"),
        (b"\x7fELF", "a program"),
        (b"\xff\xfe", "text in UTF-16: save it as UTF-8"),
        (b"\xfe\xff", "text in UTF-16: save it as UTF-8"),
    ];
    let known = KINDS.iter().find(|(start, _)| bytes.starts_with(start)).map(|(_, kind)| *kind);
    known.or_else(|| bytes.contains(&0).then_some("binary data"))
}

/// What text is, if it shows.
pub(super) fn of_text(text: &str) -> Option<&'static str> {
    let text = text.trim_start();
    let lines = || text.lines().take(LINES).map(|line| line.get(..200).unwrap_or(line));
    let has = |start: &str| lines().any(|line| line.starts_with(start));
    match () {
        () if text.contains('\0') => Some("binary data"),
        () if text.starts_with("EMEURO ") => Some("a journal or checkpoint"),
        () if has("emeuro_unit:") || text.starts_with("{\"emeuro_unit\"") => Some("a unit file"),
        () if has("emeuro_front:") => Some("the front of a search"),
        () if has("emeuro:") || text.starts_with("{\"emeuro\"") => Some("an emulator file"),
        () if has("calls:") && has("regions:") => Some("the file of a profile"),
        () if has("module ") || has("endmodule") || has("`timescale") => Some("Verilog"),
        () if text.starts_with('<') => Some("HTML or XML"),
        () if is_table(lines()) => Some("a table of numbers"),
        () if text.starts_with("{\"") || text.starts_with("{\n") || text.starts_with("[{") => Some("JSON"),
        () => None,
    }
}

/// Whether most lines are numbers, and several on one of them or several lines.
fn is_table<'a>(lines: impl Iterator<Item = &'a str>) -> bool {
    let (mut all, mut rows, mut numbers) = (0, 0, 0);
    for line in lines.map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        all += 1;
        let mut fields =
            line.split([',', ';', '\t', ' ']).map(|field| field.trim_matches('"')).filter(|f| !f.is_empty());
        let mut count = 0;
        if fields.all(|field| {
            count += 1;
            field.parse::<f64>().is_ok()
        }) {
            rows += 1;
            numbers += count;
        }
    }
    // A header and a row of units may stand above.
    rows > 0 && numbers > 1 && all <= rows + 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_called_what_they_are() {
        for (text, expected) in [
            ("x,y\n1,2\n", Some("a table of numbers")),
            ("1;2,5\n3;4\n", Some("a table of numbers")),
            ("1\n2\n", Some("a table of numbers")),
            ("1\n", None),
            ("# made by hand\nemeuro: 1\n", Some("an emulator file")),
            ("{\"emeuro\": 1}", Some("an emulator file")),
            ("{\"a\": 1}", Some("JSON")),
            ("emeuro_unit: 1\nlanes: 4\n", Some("a unit file")),
            ("seconds: 1\ncalls: []\nregions: []\n", Some("the file of a profile")),
            ("// top\nmodule a (\n", Some("Verilog")),
            ("reach:\n  mode: exact\n", None),
            ("", None),
        ] {
            assert_eq!(of_text(text), expected, "{text:?}");
        }
        assert_eq!(of_bytes(b"\x93NUMPY\x01"), Some("a NumPy array"));
        assert_eq!(of_bytes(b"caf\xe9"), None);
    }
}
