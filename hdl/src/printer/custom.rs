//! Verilog bodies that a unit brings along: which names they use, and which of them they assign continuously.

use std::collections::HashSet;

/// What a Verilog text says about names.
#[derive(Debug, Default)]
pub(super) struct Usage {
    /// Every identifier outside comments and strings.
    pub mentioned: HashSet<String>,
    /// Targets of `assign` statements: nets. A driven name that is not among them is assigned in `always` or `initial`
    /// and must be a `reg`; an `if (y <= z)` can't be mistaken for an assignment this way.
    pub nets: HashSet<String>,
}

/// A token of Verilog, as far as this needs them.
#[derive(Clone, Debug, PartialEq)]
enum Token {
    Word(String),
    Symbol(char),
}

fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = vec![];
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '/' if chars.peek() == Some(&'/') => {
                chars.by_ref().find(|c| *c == '\n');
            }
            '/' if chars.peek() == Some(&'*') => {
                chars.next();
                let mut previous = ' ';
                for c in chars.by_ref() {
                    if previous == '*' && c == '/' {
                        break;
                    }
                    previous = c;
                }
            }
            '"' => {
                let mut escaped = false;
                for c in chars.by_ref() {
                    if c == '"' && !escaped {
                        break;
                    }
                    escaped = c == '\\' && !escaped;
                }
            }
            // The base of a literal is no name, nor is a system task.
            '\'' | '$' | '`' => while chars.next_if(|c| c.is_ascii_alphanumeric() || *c == '_').is_some() {},
            c if c.is_ascii_alphanumeric() || c == '_' => {
                let mut word = c.to_string();
                while let Some(c) = chars.next_if(|c| c.is_ascii_alphanumeric() || *c == '_' || *c == '$') {
                    word.push(c);
                }
                tokens.push(Token::Word(word));
            }
            c if c.is_whitespace() => {}
            c => tokens.push(Token::Symbol(c)),
        }
    }
    tokens
}

/// Reads a body.
pub(super) fn usage(text: &str) -> Usage {
    let tokens = tokens(text);
    let mut usage = Usage::default();
    let mut in_assign = false;
    // Left of `=`; indices on the left are reads.
    let mut is_target = false;
    let (mut brackets, mut nesting) = (0, 0);
    for token in &tokens {
        match token {
            Token::Word(word) => {
                usage.mentioned.insert(word.clone());
                if word == "assign" {
                    (in_assign, is_target, brackets, nesting) = (true, true, 0, 0);
                } else if in_assign && is_target && brackets == 0 {
                    usage.nets.insert(word.clone());
                }
            }
            Token::Symbol(';') => in_assign = false,
            Token::Symbol('[') => brackets += 1,
            Token::Symbol(']') => brackets -= 1,
            Token::Symbol('(' | '{') => nesting += 1,
            Token::Symbol(')' | '}') => nesting -= 1,
            Token::Symbol('=') if in_assign => is_target = false,
            Token::Symbol(',') if in_assign && !is_target && nesting == 0 => is_target = true,
            Token::Symbol(_) => {}
        }
    }
    usage
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nets(text: &str) -> Vec<String> {
        let mut nets: Vec<String> = usage(text).nets.into_iter().collect();
        nets.sort();
        nets
    }

    #[test]
    fn finds_continuous_targets() {
        assert_eq!(nets("assign y = a;\nassign z[3:0] = b[i] == c;"), ["y", "z"]);
        assert_eq!(nets("assign {carry, sum[n - 1:0]} = a + b;"), ["carry", "sum"]);
        assert_eq!(nets("assign p = f(a, b), q = {c, d};"), ["p", "q"]);
        assert!(
            nets("always @(posedge clock) if (y <= z) y <= a; // assign y = 0;\n/* assign y */").is_empty()
        );
        assert!(nets("initial $display(\"assign y = %d\", a);").is_empty());
    }

    #[test]
    fn finds_names() {
        let usage = usage("y <= 4'b0x0z + x; // hidden\n$readmemh(FILE, mem); `define_like");
        for name in ["y", "x", "FILE", "mem"] {
            assert!(usage.mentioned.contains(name), "{name}");
        }
        for name in ["hidden", "b0x0z", "readmemh", "define_like"] {
            assert!(!usage.mentioned.contains(name), "{name}");
        }
    }
}
