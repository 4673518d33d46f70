//! `#[derive(Frame)]`: a struct is its fields, one after the other.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, DeriveInput, Error, Fields, Index, Member, Result, Type};

pub(crate) fn expand(item: TokenStream) -> Result<TokenStream> {
    let DeriveInput { ident, generics, data, .. } = syn::parse2(item)?;
    if let Some(parameter) = generics.params.first() {
        return Err(Error::new_spanned(
            parameter,
            "a frame has a fixed size: expected a struct without parameters",
        ));
    }
    let fields = match data {
        Data::Struct(data) => data.fields,
        Data::Enum(_) | Data::Union(_) => {
            return Err(Error::new_spanned(ident, "expected a struct: every frame has the same numbers"));
        }
    };
    if fields.is_empty() {
        return Err(Error::new_spanned(ident, "expected at least one field"));
    }
    let types: Vec<&Type> = fields.iter().map(|field| &field.ty).collect();
    let members: Vec<Member> = members(&fields);
    Ok(quote! {
        impl ::emeuro_regions::Frame for #ident {
            const SIZE: usize = 0 #(+ <#types as ::emeuro_regions::Frame>::SIZE)*;

            fn write(&self, values: &mut [f64]) {
                let mut rest = values;
                #(
                    let (part, after) = rest.split_at_mut(<#types as ::emeuro_regions::Frame>::SIZE);
                    ::emeuro_regions::Frame::write(&self.#members, part);
                    rest = after;
                )*
                let _ = rest;
            }

            fn read(values: &[f64]) -> Self {
                let mut start = 0;
                let made = Self {
                    #(#members: {
                        let part = &values[start..start + <#types as ::emeuro_regions::Frame>::SIZE];
                        start += part.len();
                        <#types as ::emeuro_regions::Frame>::read(part)
                    }),*
                };
                let _ = start;
                made
            }
        }
    })
}

fn members(fields: &Fields) -> Vec<Member> {
    let member = |(index, field): (usize, &syn::Field)| match &field.ident {
        Some(name) => Member::Named(name.clone()),
        None => Member::Unnamed(Index::from(index)),
    };
    fields.iter().enumerate().map(member).collect()
}
