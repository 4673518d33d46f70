//! `#[approximate]`: the function becomes a region.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{FnArg, Ident, ItemFn, Pat, PatType, Result};

use crate::signature::{Arguments, Signature};

pub(crate) fn expand(arguments: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let arguments: Arguments = syn::parse2(arguments)?;
    let function: ItemFn = syn::parse2(item)?;
    let name = arguments.name.clone().unwrap_or_else(|| function.sig.ident.to_string());
    let signature = Signature::new(&function, arguments)?;
    let Signature { parameters, result } = &signature;
    let ItemFn { attrs, vis, sig, block } = &function;

    let mut exact = sig.clone();
    exact.ident = Ident::new("exact", sig.ident.span());
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
    let labels: Vec<String> = names.iter().map(|name| name.to_string()).collect();
    let (sizes, writes): (Vec<_>, Vec<_>) = parameters.iter().map(|p| (p.size(), p.write())).unzip();
    let fits = parameters.iter().map(|p| p.fits());

    let outputs: Vec<_> = signature.outputs().collect();
    let mut output_labels: Vec<String> = outputs.iter().map(|parameter| parameter.name.to_string()).collect();
    let mut output_sizes: Vec<TokenStream> = outputs.iter().map(|parameter| parameter.size()).collect();
    let (output_reads, output_writes): (Vec<_>, Vec<_>) =
        outputs.iter().map(|p| (p.read(), p.write())).unzip();
    let outputs_fit = outputs.iter().map(|p| p.size());
    let (mut read_result, mut write_result) = (quote!(), quote!());
    if let Some(ty) = result {
        output_labels.push("result".to_owned());
        let size = quote!(<#ty as ::emeuro_regions::Frame>::SIZE);
        output_sizes.push(size.clone());
        read_result = quote!(<#ty as ::emeuro_regions::Frame>::read(rest));
        write_result = quote!(<#ty as ::emeuro_regions::Frame>::write(&result, rest););
    }
    let outputs_fit: Vec<_> = outputs_fit.collect();

    Ok(quote! {
        #(#attrs)*
        #vis #sig {
            #[inline(always)]
            #exact #block

            const INPUTS: &[::emeuro_regions::Part] =
                &[#(::emeuro_regions::Part { name: #labels, size: #sizes }),*];
            const OUTPUTS: &[::emeuro_regions::Part] =
                &[#(::emeuro_regions::Part { name: #output_labels, size: #output_sizes }),*];
            static REGION: ::emeuro_regions::Region =
                ::emeuro_regions::Region::new(#name, ::core::module_path!(), INPUTS, OUTPUTS);
            ::emeuro_regions::inventory::submit! { ::emeuro_regions::Registered(&REGION) }

            if REGION.is_exact() {
                return exact(#(#names),*);
            }
            ::std::thread_local! {
                static LOCAL: ::emeuro_regions::Local = const { ::emeuro_regions::Local::new() };
            }
            if !(#(#fits)&&*) {
                REGION.count_other_size();
                return exact(#(#names),*);
            }
            let mut inputs = [0.0; ::emeuro_regions::size(INPUTS)];
            {
                let rest = &mut inputs[..];
                #(
                    let (part, rest) = rest.split_at_mut(#sizes);
                    #writes
                )*
                let _ = rest;
            }
            let mut answer = [0.0; ::emeuro_regions::size(OUTPUTS)];
            match REGION.begin(&LOCAL, &inputs, &mut answer) {
                ::emeuro_regions::Plan::Emulated => {
                    let rest = &answer[..];
                    #(
                        let (part, rest) = rest.split_at(#outputs_fit);
                        #output_reads
                    )*
                    let _ = rest;
                    #read_result
                }
                ::emeuro_regions::Plan::Exact => exact(#(#names),*),
                ::emeuro_regions::Plan::Watched(watch) => {
                    let result = exact(#(#names),*);
                    let mut truth = [0.0; ::emeuro_regions::size(OUTPUTS)];
                    {
                        let rest = &mut truth[..];
                        #(
                            let (part, rest) = rest.split_at_mut(#outputs_fit);
                            #output_writes
                        )*
                        let _ = &rest;
                        #write_result
                    }
                    watch.end(&inputs, &truth, &answer);
                    result
                }
            }
        }
    })
}
