//! Any text and any header end in a table or in a short error that names the file.

use emeuro_tables::{Reading, TooMany};
use proptest::prelude::*;

fn check(bytes: &[u8]) {
    for too_many in [TooMany::Refuse, TooMany::Sample { seed: 1 }] {
        match (Reading { most: 64, too_many, ..Reading::default() }).parse(bytes, "some.file") {
            Ok(table) => {
                assert!(!table.rows().is_empty() && table.rows().iter().all(|value| value.is_finite()));
                assert!(table.columns().is_none_or(|columns| columns.len() == table.rows().ncols()));
                let width = table.rows().ncols();
                for inputs in ["1", "1-2", "x", "a,b"] {
                    let _ = table.inputs_and_outputs(inputs, None);
                }
                let _ = table.frames(width, Some(&["a"]));
            }
            Err(error) => {
                let message = error.to_string();
                assert!(message.len() < 2000 && message.starts_with("some.file: "), "{message}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn bytes(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        check(&bytes);
    }

    #[test]
    fn text(text in any::<String>()) {
        check(text.as_bytes());
    }

    #[test]
    fn lines_of_what_tables_are_made_of(
        text in "(sep=;\n)?(((-?[0-9]{1,3}([.,][0-9]{0,2})?(e-?[0-9]{1,3})?|[a-c]( \\[m\\])?|\"[a0-9,;\"]{0,3}\"|nan|NA|#|°|)[,;\t ]{0,2}){0,4}\r?\n){0,6}"
    ) {
        check(text.as_bytes());
    }

    #[test]
    fn headers_of_arrays(
        version in 0u8..5,
        kind in "[<>|=]?[biufcOUVM?]([1248]|16)?",
        order in "True|False|1",
        rows in prop_oneof![0u64..5, any::<u64>()],
        columns in prop_oneof![0u64..5, any::<u64>()],
        data in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        for shape in [format!("({rows}, {columns})"), format!("({rows},)"), "()".to_owned()] {
            let header = format!("{{'descr': '{kind}', 'fortran_order': {order}, 'shape': {shape}, }}\n");
            let length = (header.len() as u32).to_le_bytes();
            let length = if version == 1 { &length[..2] } else { &length[..] };
            check(&[b"\x93NUMPY", &[version, 0][..], length, header.as_bytes(), &data].concat());
        }
    }

    #[test]
    fn damaged_arrays(place in 0usize..200, byte in any::<u8>(), end in 0usize..300) {
        let mut bytes = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/files/integers.npy")).unwrap();
        bytes[place] = byte;
        check(&bytes);
        bytes.truncate(end);
        check(&bytes);
    }
}
