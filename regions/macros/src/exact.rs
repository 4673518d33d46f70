//! `#[exact]`: the function says when it is called.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::{Error, FnArg, ItemFn, Result};

pub(crate) fn expand(arguments: TokenStream, item: TokenStream) -> Result<TokenStream> {
    if !arguments.is_empty() {
        return Err(Error::new_spanned(arguments, "`#[exact]` takes no arguments"));
    }
    let Ok(function) = syn::parse2::<ItemFn>(item.clone()) else {
        let problem = "expected a function; statements and blocks can be marked inside a function with `#[approximate]`";
        return Err(Error::new_spanned(item, problem));
    };
    let ItemFn { attrs, vis, sig, block } = &function;
    if let Some(token) = sig.constness {
        return Err(Error::new_spanned(token, "const functions have no effects: there is nothing to keep"));
    }
    if let Some(token) = sig.asyncness {
        let problem = "async functions cannot be marked: their code runs later, inside whatever waits for it";
        return Err(Error::new_spanned(token, problem));
    }
    if let Some(other) =
        attrs.iter().find(|a| a.path().segments.last().is_some_and(|s| s.ident == "approximate"))
    {
        return Err(Error::new_spanned(other, BOTH));
    }
    let name = sig.ident.to_string();
    let is_method = matches!(sig.inputs.first(), Some(FnArg::Receiver(_)));
    let begin = quote_spanned! {Span::mixed_site()=>
        {
            static __EXACT: ::emeuro_regions::ExactCode =
                ::emeuro_regions::ExactCode::new(#name, ::core::module_path!(), #is_method);
            ::emeuro_regions::inventory::submit! { ::emeuro_regions::RegisteredExact(&__EXACT) }
            __EXACT.is_called();
        }
    };
    let statements = &block.stmts;
    Ok(quote! {
        #(#attrs)*
        #vis #sig {
            #begin
            #(#statements)*
        }
    })
}

/// Why a function has not both attributes.
pub(crate) const BOTH: &str =
    "a function is either approximated or exact: expected one of the two attributes";
