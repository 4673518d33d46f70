//! How large the value is that aliases make of a text.

use std::{cell::Cell, fmt};

use serde::{
    Deserializer,
    de::{
        Deserialize, DeserializeSeed, EnumAccess, Error, IgnoredAny, MapAccess, SeqAccess, VariantAccess,
        Visitor,
    },
};

/// Beside its own length, what a text may grow by.
const GROWTH: usize = 1 << 20;

/// Refuses a text whose aliases make more of it than a longer text could say.
pub(super) fn check(text: &str) -> Result<(), String> {
    let left = Cell::new(4 * text.len() + GROWTH);
    // Anything else that is wrong is found again, with its place, by who reads the values.
    let _ = Weigh(&left).deserialize(serde_yaml::Deserializer::from_str(text));
    match left.get() {
        0 => Err(String::from(
            "expected a value of about the size of its text, found aliases (*) that make it many times as large",
        )),
        _ => Ok(()),
    }
}

/// Counts values and characters down to 0.
#[derive(Clone, Copy)]
struct Weigh<'a>(&'a Cell<usize>);

impl Weigh<'_> {
    fn take<E: Error>(self, weight: usize) -> Result<(), E> {
        self.0.set(self.0.get().saturating_sub(1 + weight));
        if self.0.get() == 0 { Err(E::custom("too large")) } else { Ok(()) }
    }
}

impl<'de> DeserializeSeed<'de> for Weigh<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Weigh<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        self.take(0)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        self.take(0)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        self.take(0)
    }

    fn visit_i128<E: Error>(self, _: i128) -> Result<(), E> {
        self.take(0)
    }

    fn visit_u128<E: Error>(self, _: u128) -> Result<(), E> {
        self.take(0)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        self.take(0)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        self.take(text.len())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.take(0)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        self.take(0)?;
        while list.next_element_seed(self)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        self.take(0)?;
        while map.next_key_seed(self)?.is_some() {
            map.next_value_seed(self)?;
        }
        Ok(())
    }

    fn visit_enum<A: EnumAccess<'de>>(self, tagged: A) -> Result<(), A::Error> {
        let (_, value) = tagged.variant::<Tag>()?;
        value.newtype_variant_seed(self)
    }
}

/// The tag of a value, of which nothing matters.
struct Tag;

impl<'de> Deserialize<'de> for Tag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_identifier(IgnoredAny).map(|_| Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aliases_may_repeat_but_not_explode() {
        assert_eq!(check("a: &x {bits: 16}\nb: *x\nc: [*x, *x]\n"), Ok(()));
        let mut laughs = String::from("a0: &a0 [lol, lol]\n");
        for level in 1..40 {
            let below = level - 1;
            laughs += &format!("a{level}: &a{level} [*a{below}, *a{below}, *a{below}]\n");
        }
        // The parser itself stops after some number of jumps.
        let read = crate::text::from_yaml::<serde_yaml::Value>;
        assert!(read(&laughs, "a file", crate::text::Aliases::Followed).is_err());
        // Few jumps, each to much.
        let long = format!("a: &a {:?}\nb: [{}]\n", vec![1; 20_000], ["*a"; 20_000].join(", "));
        assert!(check(&long).unwrap_err().contains("many times as large"));
        let text = format!("a: &a \"{}\"\nb: [{}]\n", "x".repeat(100_000), ["*a"; 20_000].join(", "));
        assert!(check(&text).is_err());
        // Whatever is wrong otherwise, others say.
        assert_eq!(check("a: &a [*a]\n"), Ok(()));
        assert_eq!(check("a: [*b"), Ok(()));
        assert_eq!(check("a: !tag &a [1]\nb: !tag *a\n"), Ok(()));
    }
}
