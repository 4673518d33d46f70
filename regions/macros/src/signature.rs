//! What a function takes and gives, as parts of frames.

use std::collections::BTreeMap;

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::{
    Error, Expr, FnArg, Ident, ItemFn, Pat, Result, ReturnType, Token, Type, parenthesized,
    parse::{Parse, ParseStream},
    punctuated::Punctuated,
    token,
};

/// What stands in the brackets of the attribute: `name = "f"`, `x = 40` for the length of the slice `x`, and `out(y)` for a parameter
/// that is only written.
pub(crate) struct Arguments {
    pub(crate) name: Option<String>,
    lengths: BTreeMap<Ident, Expr>,
    written: Vec<Ident>,
}

enum Argument {
    Value { name: Ident, value: Expr },
    Written(Vec<Ident>),
}

impl Parse for Argument {
    fn parse(input: ParseStream) -> Result<Self> {
        let name: Ident = input.parse()?;
        if name == "out" && input.peek(token::Paren) {
            let names;
            parenthesized!(names in input);
            let names = Punctuated::<Ident, Token![,]>::parse_terminated(&names)?;
            return Ok(Self::Written(names.into_iter().collect()));
        }
        if !input.peek(Token![=]) {
            let problem = "expected `name = \"…\"`, the length of a slice as in `x = 40`, or `out(y)` for what is only written";
            return Err(Error::new_spanned(name, problem));
        }
        input.parse::<Token![=]>()?;
        Ok(Self::Value { name, value: input.parse()? })
    }
}

impl Parse for Arguments {
    fn parse(input: ParseStream) -> Result<Self> {
        let mut arguments = Self { name: None, lengths: BTreeMap::new(), written: vec![] };
        for argument in Punctuated::<Argument, Token![,]>::parse_terminated(input)? {
            let (name, value) = match argument {
                Argument::Value { name, value } => (name, value),
                Argument::Written(names) => {
                    arguments.written.extend(names);
                    continue;
                }
            };
            match (&value, name == "name") {
                (Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }), true) => {
                    // It is also the name of files.
                    let is_plain = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
                    if text.value().is_empty() || !text.value().chars().all(is_plain) {
                        let problem = "expected a name of letters, digits, `_` and `-`";
                        return Err(Error::new_spanned(text, problem));
                    }
                    if arguments.name.replace(text.value()).is_some() {
                        return Err(Error::new_spanned(name, "the name is given twice"));
                    }
                }
                (_, true) => return Err(Error::new_spanned(value, "expected a name in quotes")),
                (Expr::Lit(syn::ExprLit { lit, .. }), false) if !matches!(lit, syn::Lit::Int(_)) => {
                    return Err(Error::new_spanned(
                        value,
                        format!("expected the length of `{name}`, a whole number"),
                    ));
                }
                (_, false) => {
                    if let Some(other) = arguments.lengths.insert(name.clone(), value) {
                        return Err(Error::new_spanned(
                            other,
                            format!("the length of `{name}` is given twice"),
                        ));
                    }
                }
            }
        }
        Ok(arguments)
    }
}

/// A parameter of the function.
pub(crate) struct Parameter {
    pub(crate) name: Ident,
    /// The type behind a reference.
    frame: Type,
    /// The length of a slice.
    length: Option<Expr>,
    by_reference: bool,
    is_input: bool,
    is_output: bool,
}

/// All of them.
pub(crate) struct Signature {
    pub(crate) parameters: Vec<Parameter>,
    /// What the function returns, if anything.
    pub(crate) result: Option<Type>,
}

impl Signature {
    /// Of `function`, with the lengths of its slices from the attribute.
    pub(crate) fn new(function: &ItemFn, mut arguments: Arguments) -> Result<Self> {
        let signature = &function.sig;
        let refused: [(Option<TokenStream>, &str); 5] = [
            (
                signature.asyncness.map(|t| quote!(#t)),
                "async functions cannot be approximated: a region is one computation",
            ),
            (signature.unsafety.map(|t| quote!(#t)), "unsafe functions cannot be approximated"),
            (
                signature.constness.map(|t| quote!(#t)),
                "const functions cannot be approximated: emulators are chosen at run time",
            ),
            (signature.variadic.as_ref().map(|t| quote!(#t)), "expected a fixed number of parameters"),
            (
                signature.generics.params.first().map(|t| quote!(#t)),
                "generic functions cannot be approximated: a region has one frame size; wrap the instance that you need",
            ),
        ];
        for (tokens, problem) in refused {
            if let Some(tokens) = tokens {
                return Err(Error::new_spanned(tokens, problem));
            }
        }
        let parameters = signature
            .inputs
            .iter()
            .map(|input| Parameter::new(input, &mut arguments))
            .collect::<Result<Vec<_>>>()?;
        if let Some((name, _)) = arguments.lengths.first_key_value() {
            return Err(Error::new_spanned(name, format!("`{name}` is no slice among the parameters")));
        }
        if let Some(name) = arguments.written.first() {
            let problem = format!("`{name}` is no parameter behind `&mut`: nothing can be written to it");
            return Err(Error::new_spanned(name, problem));
        }
        let result = match &signature.output {
            ReturnType::Default => None,
            ReturnType::Type(_, ty) => match &**ty {
                Type::Tuple(tuple) if tuple.elems.is_empty() => None,
                Type::Reference(_) => {
                    return Err(Error::new_spanned(
                        ty,
                        "expected a value: an emulator has nothing to refer to",
                    ));
                }
                ty => {
                    refuse_unsized(ty)?;
                    Some(ty.clone())
                }
            },
        };
        if !parameters.iter().any(|parameter| parameter.is_input) {
            return Err(Error::new_spanned(
                &signature.ident,
                "expected at least one parameter: the input frame",
            ));
        }
        if result.is_none() && !parameters.iter().any(|parameter| parameter.is_output) {
            let problem = "expected a result or a `&mut` parameter: the output frame";
            return Err(Error::new_spanned(&signature.ident, problem));
        }
        Ok(Self { parameters, result })
    }

    /// The parameters that are read.
    pub(crate) fn inputs(&self) -> impl Iterator<Item = &Parameter> {
        self.parameters.iter().filter(|parameter| parameter.is_input)
    }

    /// The parameters that results are written to.
    pub(crate) fn outputs(&self) -> impl Iterator<Item = &Parameter> {
        self.parameters.iter().filter(|parameter| parameter.is_output)
    }
}

impl Parameter {
    fn new(input: &FnArg, arguments: &mut Arguments) -> Result<Self> {
        let FnArg::Typed(typed) = input else {
            let problem = "methods cannot be approximated: expected a free function, which a method may call";
            return Err(Error::new_spanned(input, problem));
        };
        let Pat::Ident(pattern) = &*typed.pat else {
            return Err(Error::new_spanned(
                &typed.pat,
                "expected a name: it names a part of the input frame",
            ));
        };
        let name = pattern.ident.clone();
        let (ty, by_reference, is_output) = match &*typed.ty {
            Type::Reference(reference) => (&*reference.elem, true, reference.mutability.is_some()),
            ty => (ty, false, false),
        };
        let length = arguments.lengths.remove(&name);
        let frame = match (ty, &length) {
            (Type::Slice(slice), Some(_)) => (*slice.elem).clone(),
            (Type::Slice(slice), None) => {
                let problem =
                    format!("a frame has a fixed size: give the length, as in #[approximate({name} = 40)]");
                return Err(Error::new_spanned(slice, problem));
            }
            (_, Some(length)) => {
                return Err(Error::new_spanned(
                    length,
                    format!("`{name}` is no slice: its length follows from its type"),
                ));
            }
            (ty, None) => {
                refuse_unsized(ty)?;
                ty.clone()
            }
        };
        let place = arguments.written.iter().position(|written| is_output && *written == name);
        let is_input = place.map(|place| arguments.written.remove(place)).is_none();
        Ok(Self { name, frame, length, by_reference, is_input, is_output })
    }

    /// How many numbers it has.
    pub(crate) fn size(&self) -> TokenStream {
        let frame = &self.frame;
        match &self.length {
            Some(length) => quote!((#length) * <#frame as ::emeuro_regions::Frame>::SIZE),
            None => quote!(<#frame as ::emeuro_regions::Frame>::SIZE),
        }
    }

    /// Whether it has as many numbers as the frame has room for.
    pub(crate) fn fits(&self) -> TokenStream {
        let name = &self.name;
        match &self.length {
            Some(length) => quote!(#name.len() == (#length)),
            None => quote!(true),
        }
    }

    /// Writes it into the slice `part`.
    pub(crate) fn write(&self) -> TokenStream {
        let (name, frame, site) = (&self.name, &self.frame, Span::mixed_site());
        match (&self.length, self.by_reference) {
            (Some(_), _) => quote_spanned!(site=> ::emeuro_regions::write_slice::<#frame>(&*#name, part);),
            (None, true) => quote_spanned!(site=> <#frame as ::emeuro_regions::Frame>::write(&*#name, part);),
            (None, false) => quote_spanned!(site=> <#frame as ::emeuro_regions::Frame>::write(&#name, part);),
        }
    }

    /// Replaces it by what is in the slice `part`.
    pub(crate) fn read(&self) -> TokenStream {
        let (name, frame, site) = (&self.name, &self.frame, Span::mixed_site());
        match &self.length {
            Some(_) => quote_spanned!(site=> ::emeuro_regions::read_slice::<#frame>(part, &mut *#name);),
            None => quote_spanned!(site=> *#name = <#frame as ::emeuro_regions::Frame>::read(part);),
        }
    }
}

/// Refuses types whose size nobody knows, where the compiler would only say that they are no [`Frame`].
fn refuse_unsized(ty: &Type) -> Result<()> {
    let problem = match ty {
        Type::ImplTrait(_) | Type::TraitObject(_) => {
            "expected numbers, arrays, slices, tuples or structs of numbers"
        }
        Type::Path(path) if is_growing(path) => {
            "a frame has a fixed size: expected an array, or a slice whose length is given"
        }
        _ => return Ok(()),
    };
    Err(Error::new_spanned(ty, problem))
}

/// Whether a type is one of the usual ones without a fixed size.
fn is_growing(path: &syn::TypePath) -> bool {
    let last = path.path.segments.last().map(|segment| segment.ident.to_string());
    last.is_some_and(|name| matches!(name.as_str(), "Vec" | "VecDeque" | "String" | "HashMap" | "BTreeMap"))
}
