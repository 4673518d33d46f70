//! What separates the fields of a line.

use std::borrow::Cow;

use super::number;

/// What separates the fields of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Separator {
    Tab,
    Semicolon,
    Comma,
    Blanks,
    /// One field per line.
    None,
}

impl Separator {
    /// In words, for messages.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Tab => "tabs",
            Self::Semicolon => "semicolons",
            Self::Comma => "commas",
            Self::Blanks => "blanks",
            Self::None => "line breaks alone",
        }
    }

    /// The separator of a character, as `sep=;` in the first line of a file names it.
    pub(super) fn of(c: char) -> Option<Self> {
        match c {
            '\t' => Some(Self::Tab),
            ';' => Some(Self::Semicolon),
            ',' => Some(Self::Comma),
            ' ' => Some(Self::Blanks),
            _ => None,
        }
    }

    /// What separates the fields of `lines`: what makes most lines rows of several numbers.
    pub(super) fn detect<'a>(lines: impl Iterator<Item = &'a str> + Clone) -> Self {
        let mut best = (Self::None, (0, 0, 0));
        // Of those that explain as much, the rarer in numbers and names goes first.
        for separator in [Self::Tab, Self::Semicolon, Self::Comma, Self::Blanks] {
            let (mut rows, mut numbers, mut several) = (0, 0, 0);
            let mut fields = vec![];
            for line in lines.clone() {
                separator.split(line, &mut fields);
                if fields.len() < 2 {
                    continue;
                }
                several += 1;
                let found = fields.iter().filter(|field| number::is(field)).count();
                numbers += found;
                // A separator at the end makes an empty field.
                let ends = usize::from(fields.last().is_some_and(|field| field.is_empty()));
                rows += usize::from(found > 0 && found + ends == fields.len());
            }
            // Blanks are in names and comments too: without numbers they separate nothing.
            let several = if separator == Self::Blanks && numbers == 0 { 0 } else { several };
            let score = (rows, numbers, several);
            if score > best.1 {
                best = (separator, score);
            }
        }
        best.0
    }

    /// Splits `line` into `fields`, without the blanks and quotes around them.
    pub(super) fn split<'a>(self, line: &'a str, fields: &mut Vec<Cow<'a, str>>) {
        fields.clear();
        let line = match self {
            Self::Tab => line,
            _ => line.trim(),
        };
        if line.contains('"') {
            return self.split_quoted(line, fields);
        }
        let trimmed = |field: &'a str| Cow::Borrowed(field.trim());
        match self {
            Self::Tab => fields.extend(line.split('\t').map(trimmed)),
            Self::Semicolon => fields.extend(line.split(';').map(trimmed)),
            Self::Comma => fields.extend(line.split(',').map(trimmed)),
            Self::Blanks => fields.extend(line.split_whitespace().map(Cow::Borrowed)),
            Self::None => fields.push(trimmed(line)),
        }
    }

    /// The same where a field may stand in quotes: they hold separators, and `""` is a quote.
    fn split_quoted<'a>(self, line: &'a str, fields: &mut Vec<Cow<'a, str>>) {
        let is_end = |c: char| match self {
            Self::Tab => c == '\t',
            Self::Semicolon => c == ';',
            Self::Comma => c == ',',
            Self::Blanks => c.is_whitespace(),
            Self::None => false,
        };
        let mut rest = line;
        loop {
            rest =
                rest.trim_start_matches(|c: char| c.is_whitespace() && (self == Self::Blanks || !is_end(c)));
            if let Some(mut quoted) = rest.strip_prefix('"') {
                let mut field = String::new();
                loop {
                    // Without an end, all that is left is the field.
                    let (part, after) = quoted.split_once('"').unwrap_or((quoted, ""));
                    field += part;
                    quoted = after;
                    match after.strip_prefix('"') {
                        Some(more) => {
                            field.push('"');
                            quoted = more;
                        }
                        None => break,
                    }
                }
                // What stands between the quotes and the separator belongs to the field, which is then no number.
                let end = quoted.find(is_end).unwrap_or(quoted.len());
                field += quoted[..end].trim();
                fields.push(Cow::Owned(field));
                rest = &quoted[end..];
            } else {
                let end = rest.find(is_end).unwrap_or(rest.len());
                fields.push(Cow::Borrowed(rest[..end].trim()));
                rest = &rest[end..];
            }
            let mut chars = rest.chars();
            match chars.next() {
                Some(_) => rest = chars.as_str(),
                None => return,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detect(text: &str) -> Separator {
        Separator::detect(text.lines())
    }

    #[test]
    fn the_separator_is_what_makes_rows_of_numbers() {
        for (text, expected) in [
            ("1,2\n3,4\n", Separator::Comma),
            ("1;2\n3;4\n", Separator::Semicolon),
            ("1,5;2,5\n3,5;4,5\n", Separator::Semicolon),
            ("1,5\t2,5\n", Separator::Tab),
            ("1,5 2,5\n", Separator::Blanks),
            ("1, 2, 3\n", Separator::Comma),
            ("  1   2\n 3 4\n", Separator::Blanks),
            ("flow rate,y\n1,2\n", Separator::Comma),
            ("flow rate;y, z\n1;2\n", Separator::Semicolon),
            ("1\n2\n3\n", Separator::None),
            ("1,5\n2,5\n", Separator::Comma),
            ("1;2;x\n3;4;y\n", Separator::Semicolon),
            ("1;2;\n3;4;\n", Separator::Semicolon),
            ("a;b;c\n", Separator::Semicolon),
            ("one name\n1\n2\n", Separator::None),
            ("", Separator::None),
        ] {
            assert_eq!(detect(text), expected, "{text:?}");
        }
    }

    #[test]
    fn fields_in_quotes_hold_separators_and_quotes() {
        let split = |separator: Separator, line: &'static str| {
            let mut fields = vec![];
            separator.split(line, &mut fields);
            fields.into_iter().map(Cow::into_owned).collect::<Vec<String>>()
        };
        assert_eq!(split(Separator::Comma, "\"a, b\", \"c \"\"d\"\"\" ,e"), ["a, b", "c \"d\"", "e"]);
        assert_eq!(split(Separator::Comma, "\"1,5\",\"\","), ["1,5", "", ""]);
        assert_eq!(split(Separator::Blanks, "\"a b\"   c  "), ["a b", "c"]);
        assert_eq!(split(Separator::Comma, "\"open, 1"), ["open, 1"]);
        assert_eq!(split(Separator::Comma, "\"1\"x,2"), ["1x", "2"]);
        assert_eq!(split(Separator::Tab, "\t1\t\t"), ["", "1", "", ""]);
        assert_eq!(split(Separator::Tab, "\"a\"\t\t\"b\""), ["a", "", "b"]);
    }
}
