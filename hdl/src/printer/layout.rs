//! How the Verilog looks: columns, comments, indentation.

use std::fmt::Write;

/// Width to which prose is wrapped.
const COLUMNS: usize = 100;

/// One declaration: the parts before the name, the name with what follows it, the comment.
#[derive(Clone, Debug)]
pub(super) struct Declaration {
    /// `input  wire`, `wire`, `reg`.
    pub kind: String,
    pub signed: bool,
    pub width: u32,
    pub name: String,
    pub comment: String,
}

/// A part of a column layout: a heading or a declaration.
#[derive(Clone, Debug)]
pub(super) enum Line {
    Heading(&'static str),
    Declaration(Declaration),
}

/// Declarations in columns, with `separator` after each but, if it is a comma, the last.
pub(super) fn columns(lines: &[Line], separator: char) -> String {
    let declarations: Vec<&Declaration> = lines
        .iter()
        .filter_map(|line| match line {
            Line::Declaration(declaration) => Some(declaration),
            Line::Heading(_) => None,
        })
        .collect();
    let range = |declaration: &Declaration| match declaration.width {
        1 => String::new(),
        width => format!("[{}:0]", width - 1),
    };
    let longest = |part: &dyn Fn(&Declaration) -> usize| {
        declarations.iter().map(|declaration| part(declaration)).max().unwrap_or(0)
    };
    let kind_width = longest(&|declaration| declaration.kind.len());
    let range_width = longest(&|declaration| range(declaration).len());
    let name_width = longest(&|declaration| declaration.name.len()) + 1;
    let any_signed = declarations.iter().any(|declaration| declaration.signed);

    let mut text = String::new();
    let mut left = declarations.len();
    for line in lines {
        let declaration = match line {
            Line::Heading(heading) => {
                let _ = writeln!(text, "    // {heading}");
                continue;
            }
            Line::Declaration(declaration) => declaration,
        };
        left -= 1;
        let mut row = format!("    {:kind_width$} ", declaration.kind);
        if any_signed {
            let _ = write!(row, "{:7}", if declaration.signed { "signed" } else { "" });
        }
        if range_width > 0 {
            let _ = write!(row, "{:range_width$} ", range(declaration));
        }
        let end = if separator == ',' && left == 0 { ' ' } else { separator };
        let _ = write!(row, "{:name_width$}", format!("{}{end}", declaration.name));
        if !declaration.comment.is_empty() {
            let _ = write!(row, "  // {}", declaration.comment);
        }
        let _ = writeln!(text, "{}", row.trim_end());
    }
    text
}

/// A comment block: every line behind `//`, long ones wrapped, empty ones kept.
pub(super) fn comment(text: &str) -> String {
    let mut block = String::new();
    for line in text.lines() {
        let mut row = String::new();
        let indent: String = line.chars().take_while(|c| *c == ' ').collect();
        // Lines with columns of their own are left alone.
        if line.trim_start().contains("  ") || line.len() <= COLUMNS {
            let _ = writeln!(block, "{}", format!("// {line}").trim_end());
            continue;
        }
        for word in line.split_whitespace() {
            if !row.is_empty() && row.len() + word.len() + 1 > COLUMNS {
                let _ = writeln!(block, "// {row}");
                row.clear();
            }
            row.push_str(if row.is_empty() { &indent } else { " " });
            row.push_str(word);
        }
        let _ = writeln!(block, "// {row}");
    }
    block
}

/// The text with every line that is not empty indented by four spaces; common indentation is removed first.
pub(super) fn indented(text: &str) -> String {
    let text = text.trim_matches('\n');
    let common = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .map(|line| line.len() - line.trim_start_matches(' ').len())
        .min()
        .unwrap_or(0);
    let mut result = String::new();
    for line in text.lines() {
        if line.trim().is_empty() {
            result.push('\n');
        } else {
            let _ = writeln!(result, "    {}", line[common..].trim_end());
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indents() {
        assert_eq!(indented("\n  a\n\n    b  \n"), "    a\n\n      b\n");
    }

    #[test]
    fn wraps_prose_only() {
        let long = "word ".repeat(30);
        assert!(comment(&long).lines().count() == 2 && comment(&long).lines().all(|line| line.len() <= 103));
        assert_eq!(comment("a\n\nb"), "// a\n//\n// b\n");
        let table = format!("{long}  | column");
        assert_eq!(comment(&table).lines().count(), 1);
    }
}
