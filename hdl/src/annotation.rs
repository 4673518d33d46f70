//! What our atoms tell the printer: documentation and parameters, carried in the atom's type name.
//!
//! A probe sees atoms as `&dyn Atom` only, and the type name is the one free text in that trait. The encoding is private
//! to the crate: atoms encode, the printer decodes.

/// Separates the parts of an encoded annotation; no source text contains it.
const SEPARATOR: char = '\u{1f}';

/// One annotation.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Annotation {
    /// A wire and the comment beside its declaration.
    Wire { comment: String },
    /// A sized constant.
    Constant { value: u64, comment: String },
    /// A module parameter that is a text, such as a file name.
    TextParameter { value: String, comment: String },
    /// A module parameter that is a sized number.
    NumberParameter { value: u64, comment: String },
    /// The module itself.
    Module { name: String, summary: String, notes: Vec<(String, String)> },
}

impl Annotation {
    /// The annotation as a type name.
    pub(crate) fn encode(&self) -> String {
        let mut parts: Vec<&str> = vec!["emeuro"];
        let number;
        match self {
            Self::Wire { comment } => parts.extend(["wire", comment]),
            Self::Constant { value, comment } => {
                number = value.to_string();
                parts.extend(["constant", &number, comment]);
            }
            Self::TextParameter { value, comment } => parts.extend(["text", value, comment]),
            Self::NumberParameter { value, comment } => {
                number = value.to_string();
                parts.extend(["number", &number, comment]);
            }
            Self::Module { name, summary, notes } => {
                parts.extend(["module", name, summary]);
                for (title, text) in notes {
                    parts.extend([title.as_str(), text]);
                }
            }
        }
        parts.join(&SEPARATOR.to_string())
    }

    /// The annotation in a type name, if it is one of ours.
    pub(crate) fn decode(name: &str) -> Option<Self> {
        let parts: Vec<String> = name.split(SEPARATOR).map(String::from).collect();
        let text = |index: usize| parts.get(index).cloned();
        if text(0)? != "emeuro" {
            return None;
        }
        Some(match parts.get(1)?.as_str() {
            "wire" => Self::Wire { comment: text(2)? },
            "constant" => Self::Constant { value: text(2)?.parse().ok()?, comment: text(3)? },
            "text" => Self::TextParameter { value: text(2)?, comment: text(3)? },
            "number" => Self::NumberParameter { value: text(2)?.parse().ok()?, comment: text(3)? },
            "module" => Self::Module {
                name: text(2)?,
                summary: text(3)?,
                notes: parts[4..].chunks_exact(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect(),
            },
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_what_it_encodes() {
        for annotation in [
            Annotation::Wire { comment: String::new() },
            Annotation::Constant { value: u64::MAX, comment: "Last".into() },
            Annotation::TextParameter { value: "a b.hex".into(), comment: "File".into() },
            Annotation::NumberParameter { value: 0, comment: "Start".into() },
            Annotation::Module {
                name: "lane".into(),
                summary: "one lane".into(),
                notes: vec![(String::new(), "Prose\nin lines".into()), ("Latency".into(), "2 cycles".into())],
            },
        ] {
            assert_eq!(Annotation::decode(&annotation.encode()), Some(annotation));
        }
        assert_eq!(Annotation::decode("Bits::<8>"), None);
        assert_eq!(Annotation::decode("clock"), None);
    }
}
