//! Emulator files as other programs write them, and files that are none: what they cost, and what is said.

use std::{fs, path::Path, time::Instant};

use emeuro_golden::Emulator;
use proptest::prelude::*;

fn fixture(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(name)).unwrap()
}

fn refused(text: &str) -> String {
    let message = Emulator::parse(text, "some.yaml").map(|_| ()).unwrap_err().to_string();
    assert!(message.starts_with("some.yaml: ") && message.chars().count() < 2000, "{message}");
    message
}

#[test]
fn anchors_and_marks_of_other_programs_are_read() {
    let emulator = Emulator::parse(&fixture("files/lint_8_members.yaml"), "a.yaml").unwrap();
    assert_eq!(emulator.router().map(|router| router.members()), Some(8));
    let text = fixture("all_ops.yaml");
    let expected = Emulator::parse(&text, "a.yaml").unwrap();
    assert_eq!(Emulator::parse(&format!("\u{feff}{text}"), "a.yaml").unwrap(), expected);
    assert_eq!(Emulator::parse(&text.replace('\n', "\r\n"), "a.yaml").unwrap(), expected);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.yaml");
    fs::write(&path, format!("\u{feff}{text}")).unwrap();
    assert_eq!(Emulator::load(&path).unwrap(), expected);
}

#[test]
fn what_is_no_emulator_is_called_what_it_is() {
    for (text, expected) in [
        ("x,y\n1,2\n3,4\n", "expected an emulator file, found a table of numbers"),
        ("emeuro_unit: 1\nlanes: 4\n", "expected an emulator file, found a unit file"),
        ("module top (\n", "expected an emulator file, found Verilog"),
        ("{\"a\": [1, 2]}", "expected an emulator file, found JSON"),
        ("name: a\n", "missing field `emeuro`"),
        ("emeuro: one\n", "emeuro: expected a whole number, found the text \"one\""),
        ("", "missing field `emeuro`"),
    ] {
        let message = refused(text);
        assert!(message.contains(expected), "{text:?}: {message}");
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.yaml");
    for (bytes, expected) in [
        (&b"\x93NUMPY\x01\0"[..], "expected an emulator file, found a NumPy array"),
        (b"emeuro: 1\nname: \"caf\xe9\"\n", "line 2: expected text in UTF-8, found the byte 0xe9"),
        (b"\xff\xfee\0m\0", "UTF-16: save it as UTF-8"),
    ] {
        fs::write(&path, bytes).unwrap();
        let message = Emulator::load(&path).map(|_| ()).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    }
    assert!(Emulator::load("/dev/zero").map(|_| ()).unwrap_err().to_string().contains("found a longer one"));
}

#[test]
fn hostile_text_costs_nothing_and_its_contents_do_not_show() {
    let valid = fixture("all_ops.yaml");
    let many = 200_000;
    let repeat = |part: &str| part.repeat(many / part.len());
    let mut laughs = valid.clone() + "a0: &a0 [lol, lol]\n";
    for level in 1..64 {
        let below = level - 1;
        laughs += &format!("a{level}: &a{level} [*a{below}, *a{below}, *a{below}]\n");
    }
    let texts = [
        repeat("["),
        repeat("{"),
        repeat("[{a: "),
        repeat("[ \"]\", "),
        repeat("- "),
        repeat("? "),
        repeat("!"),
        repeat("!a "),
        repeat("&a "),
        repeat("*a "),
        repeat("\""),
        repeat("'"),
        repeat(": "),
        repeat("a: "),
        repeat("a: 1\n"),
        repeat("---\n"),
        repeat("%YAML 1.1\n"),
        repeat("|"),
        repeat("{a: 1}\n"),
        repeat("\u{feff}"),
        repeat("x"),
        repeat("a\nb "),
        format!("emeuro: {}", repeat("x")),
        format!("{valid}{}: 1", repeat("x")),
        valid.replace("name: ", &format!("name: {}", repeat("x"))),
        format!("{valid}a: {}", repeat("[")),
        valid.replacen("emeuro: 1", &format!("emeuro: 1\nx: {}\n", repeat("[")), 1),
        laughs,
        format!("a: &a [{}]\nb: [{}]\n", repeat("1,"), repeat("*a,")),
    ];
    for text in texts {
        let begun = Instant::now();
        let message = refused(&text);
        assert!(begun.elapsed().as_secs_f64() < 5.0, "{:?}: {message}", &text[text.len() - 10..]);
        assert!(!message.contains(&"x".repeat(300)), "{message}");
    }
}

proptest! {
    #[test]
    fn any_text(text in any::<String>()) {
        refused(&text);
    }

    #[test]
    fn what_yaml_is_made_of(text in "(emeuro: 1\n)?((- |[a-c]+: |[&*!][a-c]? ?|[\\[\\]{},\"'|>#%?:-]|[0-9.]{1,4}|\n *){1,3}){0,30}") {
        refused(&text);
    }

    #[test]
    fn damaged_files(place in any::<prop::sample::Index>(), new in "[\\[\\]{}:,\"'&*!|>#a-z0-9 \n-]{0,3}", cut in 0usize..4) {
        let text = fixture("all_ops.yaml");
        let place = place.index(text.len() - 4);
        prop_assume!(text.is_char_boundary(place) && text.is_char_boundary(place + cut));
        let damaged = [&text[..place], &new, &text[place + cut..]].concat();
        if let Err(error) = Emulator::parse(&damaged, "some.yaml") {
            let message = error.to_string();
            prop_assert!(message.starts_with("some.yaml: ") && message.chars().count() < 2000, "{}", message);
        }
    }
}
