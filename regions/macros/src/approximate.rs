//! `#[approximate]`: the function becomes a region.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::{Error, FnArg, Ident, ItemFn, Pat, PatType, Result};

use crate::{
    body::{Body, is_exact},
    exact::BOTH,
    signature::{Arguments, Signature},
};

pub(crate) fn expand(arguments: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let arguments: Arguments = syn::parse2(arguments)?;
    let Ok(function) = syn::parse2::<ItemFn>(item.clone()) else {
        return Err(Error::new_spanned(item, "expected a free function"));
    };
    if let Some(other) = function.attrs.iter().find(|attribute| is_exact(attribute.path())) {
        return Err(Error::new_spanned(other, BOTH));
    }
    let ident = function.sig.ident.to_string();
    let name = arguments.name.clone().unwrap_or_else(|| ident.clone());
    let signature = Signature::new(&function, arguments)?;
    let Signature { parameters, result } = &signature;
    let ItemFn { attrs, vis, sig, block } = &function;
    let (Body { marks, calls }, block) = Body::look(block.to_token_stream())?;

    let mut exact = sig.clone();
    exact.ident = Ident::new("__exact", sig.ident.span());
    // Only the function's own code changes its parameters.
    let mut sig = sig.clone();
    for input in &mut sig.inputs {
        if let FnArg::Typed(PatType { pat, .. }) = input
            && let Pat::Ident(pattern) = &mut **pat
        {
            pattern.mutability = None;
        }
    }
    let names: Vec<&Ident> = parameters.iter().map(|parameter| &parameter.name).collect();
    let labels: Vec<String> = signature.inputs().map(|parameter| parameter.name.to_string()).collect();
    let (sizes, writes): (Vec<_>, Vec<_>) = signature.inputs().map(|p| (p.size(), p.write())).unzip();
    let fits = parameters.iter().map(|p| p.fits());

    let outputs: Vec<_> = signature.outputs().collect();
    let mut output_labels: Vec<String> = outputs.iter().map(|parameter| parameter.name.to_string()).collect();
    let mut output_sizes: Vec<TokenStream> = outputs.iter().map(|parameter| parameter.size()).collect();
    let (output_reads, output_writes): (Vec<_>, Vec<_>) =
        outputs.iter().map(|p| (p.read(), p.write())).unzip();
    let outputs_fit: Vec<_> = outputs.iter().map(|p| p.size()).collect();
    // Names of the generated code: a parameter may have the same.
    let site = Span::mixed_site();
    let block = match marks.is_empty() {
        true => block,
        false => quote_spanned!(site=> { __REGION.runs_marked(); #block }),
    };
    let (mut read_result, mut write_result) = (quote!(), quote!());
    if let Some(ty) = result {
        output_labels.push("result".to_owned());
        output_sizes.push(quote!(<#ty as ::emeuro_regions::Frame>::SIZE));
        read_result = quote_spanned!(site=> <#ty as ::emeuro_regions::Frame>::read(rest));
        write_result = quote_spanned!(site=> <#ty as ::emeuro_regions::Frame>::write(&result, rest););
    }

    Ok(quote_spanned! {site=>
        #(#attrs)*
        #vis #sig {
            #[inline(always)]
            #exact #block

            const __INPUTS: &[::emeuro_regions::Part] =
                &[#(::emeuro_regions::Part { name: #labels, size: #sizes }),*];
            const __OUTPUTS: &[::emeuro_regions::Part] =
                &[#(::emeuro_regions::Part { name: #output_labels, size: #output_sizes }),*];
            static __REGION: ::emeuro_regions::Region =
                ::emeuro_regions::Region::new(::emeuro_regions::Source {
                    name: #name,
                    function: #ident,
                    module: ::core::module_path!(),
                    inputs: __INPUTS,
                    outputs: __OUTPUTS,
                    marks: &[#(#marks),*],
                    calls: &[#(#calls),*],
                });
            ::emeuro_regions::inventory::submit! { ::emeuro_regions::Registered(&__REGION) }

            if __REGION.is_exact() {
                return __exact(#(#names),*);
            }
            ::std::thread_local! {
                static __LOCAL: ::emeuro_regions::Local = const { ::emeuro_regions::Local::new() };
            }
            if !(#(#fits)&&*) {
                __REGION.count_other_size();
                return __exact(#(#names),*);
            }
            let mut buffers = __REGION.buffers(&__LOCAL);
            {
                let rest = buffers.inputs();
                #(
                    let (part, rest) = rest.split_at_mut(#sizes);
                    #writes
                )*
                let _ = rest;
            }
            match __REGION.begin(&__LOCAL, &mut buffers) {
                ::emeuro_regions::Plan::Emulated => {
                    let rest = buffers.answer();
                    #(
                        let (part, rest) = rest.split_at(#outputs_fit);
                        #output_reads
                    )*
                    let _ = rest;
                    #read_result
                }
                ::emeuro_regions::Plan::Exact => {
                    ::core::mem::drop(buffers);
                    __exact(#(#names),*)
                }
                ::emeuro_regions::Plan::Watched(mut watch) => {
                    let result = watch.run(|| __exact(#(#names),*));
                    {
                        let rest = buffers.truth();
                        #(
                            let (part, rest) = rest.split_at_mut(#outputs_fit);
                            #output_writes
                        )*
                        let _ = &rest;
                        #write_result
                    }
                    watch.end(&buffers);
                    result
                }
            }
        }
    })
}
