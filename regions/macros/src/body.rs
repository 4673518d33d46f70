//! The code of a region: what in it is exact, and what it calls.

use std::collections::BTreeSet;

use proc_macro2::{Delimiter, Group, Spacing, TokenStream, TokenTree};
use syn::{Error, Result};

/// The code of a function, looked through.
#[derive(Default)]
pub(crate) struct Body {
    /// Where statements, blocks or expressions are marked with `#[exact]`: file and line.
    pub(crate) marks: Vec<String>,
    /// What looks like a call: `name` of a function, `.name` of a method.
    pub(crate) calls: BTreeSet<String>,
}

impl Body {
    /// Looks through `tokens`, and gives them back without the marks, which only the region understands.
    pub(crate) fn look(tokens: TokenStream) -> Result<(Self, TokenStream)> {
        let mut body = Self::default();
        let rest = body.strip(tokens)?;
        Ok((body, rest))
    }

    fn strip(&mut self, tokens: TokenStream) -> Result<TokenStream> {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut kept = vec![];
        let mut index = 0;
        while index < tokens.len() {
            if is_mark(&tokens[index..])? && !is_function(&tokens[index + 2..]) {
                let place = tokens[index].span().unwrap();
                self.marks.push(format!("{}:{}", place.file(), place.line()));
                index += 2;
                continue;
            }
            if let TokenTree::Ident(name) = &tokens[index]
                && is_called(&tokens[index + 1..])
            {
                let is_method = index > 0 && is_dot(&tokens[index - 1]);
                self.calls.insert(format!("{}{name}", if is_method { "." } else { "" }));
            }
            kept.push(match &tokens[index] {
                TokenTree::Group(group) => {
                    let mut inner = Group::new(group.delimiter(), self.strip(group.stream())?);
                    inner.set_span(group.span());
                    TokenTree::Group(inner)
                }
                token => token.clone(),
            });
            index += 1;
        }
        Ok(kept.into_iter().collect())
    }
}

/// Whether the tokens begin with `#[exact]`, with or without the path of the crate.
fn is_mark(tokens: &[TokenTree]) -> Result<bool> {
    let [TokenTree::Punct(hash), TokenTree::Group(group), ..] = tokens else { return Ok(false) };
    if hash.as_char() != '#' || group.delimiter() != Delimiter::Bracket {
        return Ok(false);
    }
    let Ok(attribute) = syn::parse2::<syn::Meta>(group.stream()) else { return Ok(false) };
    if !is_exact(attribute.path()) {
        return Ok(false);
    }
    match attribute {
        syn::Meta::Path(_) => Ok(true),
        other => Err(Error::new_spanned(other, "`#[exact]` takes no arguments")),
    }
}

/// Whether a path is that of the attribute `#[exact]`.
pub(crate) fn is_exact(path: &syn::Path) -> bool {
    path.is_ident("exact")
        || (path.segments.len() == 2
            && path.segments[0].ident == "emeuro_regions"
            && path.segments[1].ident == "exact")
}

/// Whether what is marked is a function: it says at run time that it is called.
fn is_function(tokens: &[TokenTree]) -> bool {
    for token in tokens {
        match token {
            TokenTree::Ident(word) if word == "fn" => return true,
            TokenTree::Ident(word) => {
                if !["pub", "unsafe", "extern", "const", "async"].iter().any(|before| word == before) {
                    return false;
                }
            }
            // What stands before a function: other attributes, `(crate)` after `pub`, `"C"` after `extern`.
            TokenTree::Group(group) if group.delimiter() != Delimiter::Brace => {}
            TokenTree::Punct(hash) if hash.as_char() == '#' => {}
            TokenTree::Literal(_) => {}
            _ => return false,
        }
    }
    false
}

/// Whether a name with these tokens behind it is called: `(…)` or `::<…>(…)`.
fn is_called(tokens: &[TokenTree]) -> bool {
    match tokens {
        [TokenTree::Group(group), ..] => group.delimiter() == Delimiter::Parenthesis,
        [TokenTree::Punct(first), TokenTree::Punct(_), TokenTree::Punct(less), ..] => {
            first.as_char() == ':' && first.spacing() == Spacing::Joint && less.as_char() == '<'
        }
        _ => false,
    }
}

fn is_dot(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Punct(dot) if dot.as_char() == '.')
}
