//! What cannot be a region is refused by the compiler: the message says what is wrong and points at it.
//!
//! `TRYBUILD=overwrite cargo test -p emeuro-regions-macros` accepts changed messages.

#[test]
fn signatures_and_attributes_that_make_no_sense_are_refused() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/refused/*.rs");
}
