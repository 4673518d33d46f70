//! The attributes of `emeuro-regions`, which documents them.

mod approximate;
mod body;
mod exact;
mod frame;
mod signature;

use proc_macro::TokenStream;

/// Lets a function be answered by an emulator. See `emeuro_regions`.
#[proc_macro_attribute]
pub fn approximate(arguments: TokenStream, item: TokenStream) -> TokenStream {
    approximate::expand(arguments.into(), item.into()).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Marks code that is never replaced: a function, or inside a function with [`approximate`](macro@approximate) a statement or block.
/// See `emeuro_regions`.
#[proc_macro_attribute]
pub fn exact(arguments: TokenStream, item: TokenStream) -> TokenStream {
    exact::expand(arguments.into(), item.into()).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Makes a struct of numbers a part of a frame, field by field.
#[proc_macro_derive(Frame)]
pub fn frame(item: TokenStream) -> TokenStream {
    frame::expand(item.into()).unwrap_or_else(syn::Error::into_compile_error).into()
}
