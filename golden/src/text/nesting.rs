//! How deep YAML nests, and where it has anchors: found in one pass before the parser sees the text.
//!
//! The parser looks at every open bracket again for every token: its time grows with the product of both. A text that nests deeper than
//! any file of ours is refused before that. The tokens here are those of YAML 1.1, as libyaml finds them, as far as they open, close or
//! hide brackets.

use std::collections::HashSet;

/// Open brackets of the deepest text.
const DEEPEST: usize = 64;

/// What happens to `&name` and `*name`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aliases {
    /// They are followed, as far as they do not make a large value of a small text: other programs write such files.
    Followed,
    /// They are refused: the text is a program's own, or is to say everything where it stands.
    Refused,
}

/// Checks a text; says whether it has aliases.
///
/// # Errors
/// The line of a bracket that is too deep, an anchor that is not allowed, or one with a name that another one has.
pub(super) fn check(text: &str, aliases: Aliases) -> Result<bool, String> {
    let mut scanner = Scanner {
        text: text.as_bytes(),
        at: 0,
        line: 1,
        line_start: 0,
        depth: 0,
        indent: -1,
        key: 0,
        is_fresh: true,
    };
    let mut anchors: HashSet<&[u8]> = HashSet::new();
    let mut has_aliases = false;
    while let Some(token) = scanner.next()? {
        let (Token::Anchor(name) | Token::Alias(name)) = token else { continue };
        let line = scanner.line;
        if aliases == Aliases::Refused {
            return Err(format!(
                "line {line}: expected text that says everything where it stands, found an anchor or alias (& or *)"
            ));
        }
        // The parser takes the one for the other if a name comes again.
        if matches!(token, Token::Anchor(_)) && !anchors.insert(name) {
            return Err(format!("line {line}: expected every anchor once, found one for the second time"));
        }
        has_aliases |= matches!(token, Token::Alias(_));
    }
    Ok(has_aliases)
}

enum Token<'a> {
    Anchor(&'a [u8]),
    Alias(&'a [u8]),
    Other,
}

struct Scanner<'a> {
    text: &'a [u8],
    at: usize,
    /// Of `at`, counted from 1.
    line: usize,
    line_start: usize,
    /// Open brackets.
    depth: usize,
    /// Column of the innermost list or map without brackets; -1 outside of all.
    indent: isize,
    /// Column of what may become a key.
    key: usize,
    /// Whether what comes next may become a key.
    is_fresh: bool,
}

impl<'a> Scanner<'a> {
    fn peek(&self, ahead: usize) -> u8 {
        self.text.get(self.at + ahead).copied().unwrap_or(0)
    }

    fn is_end(&self) -> bool {
        self.at >= self.text.len()
    }

    /// Whether a blank, a line break or the end comes after `ahead` bytes.
    fn is_blank(&self, ahead: usize) -> bool {
        self.text.get(self.at + ahead).is_none_or(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r'))
    }

    fn column(&self) -> usize {
        self.at - self.line_start
    }

    /// Goes on by one byte.
    fn step(&mut self) {
        let byte = self.peek(0);
        self.at += 1;
        if byte == b'\n' || (byte == b'\r' && self.peek(0) != b'\n') {
            self.line += 1;
            self.line_start = self.at;
            self.is_fresh = true;
        }
    }

    /// Goes to the end of the line.
    fn skip_line(&mut self) {
        while !self.is_end() && !matches!(self.peek(0), b'\n' | b'\r') {
            self.at += 1;
        }
    }

    /// Goes over blanks, line breaks and comments.
    fn skip_nothing(&mut self) {
        while !self.is_end() {
            match self.peek(0) {
                b' ' | b'\t' | b'\n' | b'\r' => self.step(),
                b'#' => self.skip_line(),
                _ => return,
            }
        }
    }

    fn next(&mut self) -> Result<Option<Token<'a>>, String> {
        self.skip_nothing();
        if self.is_end() {
            return Ok(None);
        }
        let (byte, column, in_brackets) = (self.peek(0), self.column(), self.depth > 0);
        if !in_brackets && matches!(byte, b'-' | b'?' | b':') && self.is_blank(1) {
            let at_key = byte == b':' && !self.is_fresh;
            self.indent = if at_key { self.key } else { column } as isize;
            self.is_fresh = byte != b':';
            self.at += 1;
            return Ok(Some(Token::Other));
        }
        if self.is_fresh {
            self.key = column;
            self.is_fresh = false;
        }
        match byte {
            b'[' | b'{' => {
                self.depth += 1;
                if self.depth > DEEPEST {
                    let line = self.line;
                    return Err(format!(
                        "line {line}: expected lists and maps up to {DEEPEST} deep, found one that is deeper"
                    ));
                }
                self.at += 1;
            }
            b']' | b'}' => {
                self.depth = self.depth.saturating_sub(1);
                self.at += 1;
            }
            b',' | b':' | b'?' | b'-' if in_brackets && (matches!(byte, b',' | b':') || self.is_blank(1)) => {
                self.at += 1
            }
            b'"' => self.skip_quoted(b'"'),
            b'\'' => self.skip_quoted(b'\''),
            b'|' | b'>' if !in_brackets => self.skip_block(),
            b'&' => return Ok(Some(Token::Anchor(self.name()))),
            b'*' => return Ok(Some(Token::Alias(self.name()))),
            b'!' => {
                let ends = |byte| in_brackets && matches!(byte, b',' | b'[' | b']' | b'{' | b'}');
                while !self.is_blank(0) && !ends(self.peek(0)) {
                    self.at += 1;
                }
            }
            b'%' if column == 0 && !in_brackets => self.skip_line(),
            _ => self.skip_plain(),
        }
        Ok(Some(Token::Other))
    }

    /// The name behind `&` or `*`.
    fn name(&mut self) -> &'a [u8] {
        let start = self.at + 1;
        self.at = start;
        while !self.is_end() && (self.peek(0).is_ascii_alphanumeric() || matches!(self.peek(0), b'_' | b'-'))
        {
            self.at += 1;
        }
        &self.text[start..self.at]
    }

    fn skip_quoted(&mut self, quote: u8) {
        self.step();
        while !self.is_end() {
            match self.peek(0) {
                b'\\' if quote == b'"' => {
                    self.step();
                    self.step();
                }
                byte if byte == quote && quote == b'\'' && self.peek(1) == quote => {
                    self.step();
                    self.step();
                }
                byte => {
                    self.step();
                    if byte == quote {
                        break;
                    }
                }
            }
        }
        self.is_fresh = false;
    }

    /// Text below `|` or `>`, by its indentation.
    fn skip_block(&mut self) {
        let header = self.at;
        self.skip_line();
        let said = self.text[header..self.at].iter().find(|byte| byte.is_ascii_digit());
        let mut indent = said.map(|digit| self.indent.max(0) as usize + usize::from(digit - b'0'));
        let least = (self.indent + 1).max(1) as usize;
        loop {
            // The line break.
            if self.peek(0) == b'\r' && self.peek(1) == b'\n' {
                self.step();
            }
            self.step();
            if self.is_end() {
                return;
            }
            let start = self.at;
            while self.peek(0) == b' ' {
                self.at += 1;
            }
            let column = self.at - start;
            if matches!(self.peek(0), b'\n' | b'\r') {
                continue;
            }
            if column < *indent.get_or_insert(column.max(least)) {
                self.at = start;
                return;
            }
            self.skip_line();
        }
    }

    /// Text without quotes, which may go on in the next line.
    fn skip_plain(&mut self) {
        let in_brackets = self.depth > 0;
        let ends_key = |scanner: &Self| {
            scanner.is_blank(1)
                || (in_brackets && matches!(scanner.peek(1), b',' | b'[' | b']' | b'{' | b'}'))
        };
        loop {
            while !self.is_blank(0) {
                match self.peek(0) {
                    b':' if ends_key(self) => return,
                    b',' | b'[' | b']' | b'{' | b'}' if in_brackets => return,
                    _ => self.at += 1,
                }
            }
            let line = self.line;
            while !self.is_end() && self.is_blank(0) {
                self.step();
            }
            let dedents = !in_brackets && self.line > line && self.column() as isize <= self.indent;
            let rest = self.text.get(self.at..).unwrap_or_default();
            let is_mark = self.column() == 0 && (rest.starts_with(b"---") || rest.starts_with(b"..."));
            if self.is_end() || dedents || is_mark || self.peek(0) == b'#' {
                return;
            }
            self.is_fresh = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_fine(text: &str) -> bool {
        check(text, Aliases::Followed).is_ok()
    }

    #[test]
    fn depth_is_that_of_open_brackets() {
        let brackets = |count: usize| "[".repeat(count);
        assert!(is_fine(&brackets(DEEPEST)) && !is_fine(&brackets(DEEPEST + 1)));
        assert!(is_fine(&"[[],{}]\n".repeat(1000)));
        let deep = brackets(100);
        // Brackets in text are none.
        for text in [
            format!("a: \"{deep}\""),
            format!("a: 'it''s {deep}'"),
            format!("a: b {deep}"),
            format!("a: b\n  {deep}\n"),
            format!("# {deep}\na: 1"),
            format!("a: 1 # {deep}"),
            format!("a: |\n  {deep}\n  it's\nb: 1"),
            format!("- a: >-\n    \"{deep}\n"),
            format!("a: \"\\\"{deep}\""),
        ] {
            assert!(is_fine(&text), "{text}");
        }
        // What looks like text hides none.
        for text in [
            format!("a: \"]\" \nb: {deep}"),
            format!("a: it's\nb: {deep}"),
            format!("a: b\n 'c\nd: {deep}"),
            format!("a: |\n  \"\nb: {deep}"),
            format!("[a\"b, \"c\", {deep}"),
            format!("[a \"b, {deep}"),
            format!("- \"\\\\\"\n- {deep}"),
            format!("? '\n'\n: {deep}"),
            format!("a:\n{deep}"),
            ["[ \"]\", "; 100].concat(),
            ["{a: "; 100].concat(),
        ] {
            assert!(!is_fine(&text), "{text}");
        }
    }

    #[test]
    fn anchors_and_aliases_are_found() {
        let check = |text: &str, aliases| check(text, aliases);
        assert_eq!(check("a: &x 1\nb: *x\n", Aliases::Followed), Ok(true));
        assert_eq!(check("a: &x 1\nb: 2*3\nc: 'a & b'\nd: a &b *c\n", Aliases::Followed), Ok(false));
        assert_eq!(check("a: b & c\nd: \"*x\"\n# *x\n", Aliases::Refused), Ok(false));
        let twice = check("a: &x 1\nb: &y 2\nc: [&x 3]\n", Aliases::Followed).unwrap_err();
        assert!(twice.starts_with("line 3: expected every anchor once"), "{twice}");
        assert!(check("a: 1\nb: &x 1\n", Aliases::Refused).unwrap_err().starts_with("line 2: "));
    }
}
