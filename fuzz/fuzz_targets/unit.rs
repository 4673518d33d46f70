#![no_main]
#![allow(missing_docs, unsafe_code)]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| emeuro_fuzz::unit(bytes));
