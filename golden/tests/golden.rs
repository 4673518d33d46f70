//! The golden model against arithmetic done by hand and against the definitions in real numbers.

use std::path::Path;

use emeuro_golden::*;
use proptest::prelude::*;

fn fixture(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(name)
}

#[test]
fn every_operation_matches_arithmetic_by_hand() {
    let emulator = Emulator::load(fixture("all_ops.yaml")).unwrap();
    let mut runner = Runner::new(&emulator);
    let mut output = [0; 6];
    runner.infer(&[100, -200, 300, 400, 10, -20], &mut output).unwrap();
    let vector = |node: usize| runner.vector(emulator.vector_of(node)).unwrap().to_vec();
    assert_eq!(runner.vector(VectorId::INPUT), None);
    // One more layer than there is.
    let mut longer = EmulatorBuilder::reopened(&emulator, emulator.input().clone()).unwrap();
    let last = emulator.vector_of(5);
    let beyond = longer.activate("beyond", last, Activation::Relu, emulator.format(last)).unwrap();
    assert!(!emulator.graph().has(beyond) && emulator.maker(beyond).is_none());
    for isa in Isa::available() {
        assert_eq!(Runner::with_isa(&emulator, isa).unwrap().vector(beyond), None, "{isa}");
    }
    // mix = (bias + Σ w·x + 8) >> 4:
    //   1600 + 80            = 1680 -> 105
    //   8 - 3200 + 160       = -3032 -> (-3024) >> 4 = -189
    //   -8 + 4800 + 400      = 5192 -> 325
    //   100 + 590            = 690 -> 698 >> 4 = 43
    assert_eq!(vector(0), [105, -189, 325, 43]);
    assert_eq!(vector(1), [105, 0, 325, 43]);
    // pairs reads words 3, 2 and then 1, 0; shift 8 + 2 - 7 = 3:
    //   repeat 0: (4·43 + 4·325) = 1472 -> 184; (4·43 - 4·325) = -1128 -> -141
    //   repeat 1: 1 + 2·0 = 1 -> 5 >> 3 = 0; 2 + 2·105 = 212 -> 216 >> 3 = 27
    // and writes outputs two apart.
    assert_eq!(vector(2), [184, 0, -141, 27]);
    // total = (2·pairs + mix + 2) >> 2: 473 -> 475>>2=118; -189 -> -187>>2=-47; 43 -> 45>>2=11; 97 -> 99>>2=24
    assert_eq!(vector(3), [118, -47, 11, 24]);
    // product, shift 7 + 6 - 4 = 9: 21712+256 >> 9 = 42; 0; -1551+256 = -1295 >> 9 = -3; 648+256 >> 9 = 1
    assert_eq!(vector(4), [42, 0, -3, 1]);
    // folded: |x| through knots 2^14 apart, exactly.
    assert_eq!(output, [42, 0, 3, 1, 1, -3]);
}

#[test]
fn values_pass_through_each_segments_own_binary_point() {
    let emulator = Emulator::load(fixture("all_ops.yaml")).unwrap();
    assert_eq!(emulator.quantise(&[1.0, 0.0, 0.0, 0.0, 1.0, -0.5]).unwrap(), [256, 0, 0, 0, 64, -32]);
    assert_eq!(emulator.dequantise(&[16, 8, 0, 0, 0, -1]), [1.0, 0.5, 0.0, 0.0, 0.0, -0.0625]);
    let nan = emulator.quantise(&[0.0, f64::NAN, 0.0, 0.0, 0.0, 0.0]).unwrap_err();
    assert_eq!(nan.to_string(), "input word 1: expected a finite number, found NaN");
    assert_eq!(emulator.run(&[0; 5]).unwrap_err().to_string(), "input: expected 6 words, found 5");
}

#[test]
fn multiply_accumulates_are_weights_applied_and_products() {
    let emulator = Emulator::load(fixture("all_ops.yaml")).unwrap();
    let macs: Vec<_> = emulator.nodes().iter().map(|node| (node.name.as_str(), node.macs())).collect();
    let expected =
        [("mix", 6 * 4), ("rectified", 0), ("pairs", 2 * 2 * 2), ("total", 0), ("product", 4), ("folded", 0)];
    assert_eq!(macs, expected);
    assert_eq!(emulator.macs(), 24 + 8 + 4);
}

#[test]
fn errors_say_what_was_expected_and_what_was_found() {
    let error = Format::new(17, 0).unwrap_err();
    let expected = Problem::Unexpected { expected: "1..=16".into(), found: "17".into() };
    assert_eq!((error.place.as_str(), &error.problem), ("format: bits", &expected));
    assert_eq!(error.to_string(), "format: bits: expected 1..=16, found 17");
}

#[test]
fn operands_of_another_emulator_are_refused() {
    let word = Format::new(8, 4).unwrap();
    let port = Port::new("x", 2, word);
    let builder = || EmulatorBuilder::new("x", port.clone(), 32).unwrap();
    let mut other = builder();
    let first = other.activate("first", VectorId::INPUT, Activation::Relu, word).unwrap();
    let stranger = other.activate("second", first, Activation::Relu, word).unwrap();
    let refused = |result: Result<VectorId, EmulatorError>| {
        let expected = "layer \"y\": input: the operand belongs to another emulator";
        assert_eq!(result.unwrap_err().to_string(), expected);
    };
    refused(builder().activate("y", stranger, Activation::Relu, word));
    refused(builder().add("y", VectorId::INPUT, stranger, word));
    refused(builder().multiply("y", stranger, VectorId::INPUT, word));
    refused(builder().maximum("y", VectorId::INPUT, stranger, word));
}

#[test]
fn the_larger_operand_is_taken_at_one_binary_point() {
    let word = |bits, frac| Format::new(bits, frac).unwrap();
    let input = VectorId::INPUT;
    let mut builder = EmulatorBuilder::new("larger", Port::new("x", 2, word(8, 2)), 16).unwrap();
    // The same words in turn, with four places behind the point instead of two.
    let turn = Weights { format: word(8, 2), values: vec![0, 1, 1, 0] };
    let fine = builder.dense("fine", input, turn, vec![0; 2], word(8, 4)).unwrap();
    let larger = builder.maximum("larger", input, fine, word(8, 3)).unwrap();
    let port = Port::new("y", 2, word(8, 3));
    let spec = OutputSpec { sources: vec![larger], lower: vec![], order: None, port };
    let emulator = builder.finish(spec, Provenance::default()).unwrap();
    // (max(4 a, b) + 1) >> 1: max(20, 7) = 20 -> 10; max(28, 5) = 28 -> 14
    assert_eq!(emulator.run(&[5, 7]).unwrap(), [10, 14]);
    // max(-12, -9) = -9 -> -8 >> 1 = -4; max(-36, -3) = -3 -> -2 >> 1 = -1
    assert_eq!(emulator.run(&[-3, -9]).unwrap(), [-4, -1]);
    // max(508, -128) -> 509 >> 1 = 254, and words end at 127; max(-512, 127) -> 128 >> 1 = 64
    assert_eq!(emulator.run(&[127, -128]).unwrap(), [127, 64]);
    let text = emulator.to_yaml();
    assert!(
        text.starts_with("emeuro: 3\n") && text.contains("op: maximum\n    inputs: [input, fine]"),
        "{text}"
    );
    assert_eq!(Emulator::parse(&text, "larger.yaml").unwrap(), emulator);
}

#[test]
fn files_survive_a_round_trip() {
    let emulator = Emulator::load(fixture("all_ops.yaml")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("copy.yaml");
    emulator.save(&path).unwrap();
    assert_eq!(Emulator::load(&path).unwrap(), emulator);
    assert_eq!(
        std::fs::read_to_string(&path).unwrap(),
        std::fs::read_to_string(fixture("all_ops.yaml")).unwrap()
    );
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "no temporary file stays behind");
}

#[test]
fn errors_of_outputs_stay_in_the_file_with_their_names() {
    let emulator = Emulator::load(fixture("all_ops.yaml")).unwrap();
    let names = ["folded[0]", "folded[1]", "folded[2]", "folded[3]", "product[0]", "product[1]"];
    assert_eq!(emulator.output_names(), names);
    let names: Vec<String> = ["a", "b \"c\"", "y", "no", "1", "\u{7}"].map(str::to_owned).to_vec();
    // Seven frames; the fourth output is constant.
    let targets: Vec<f64> = (0..42).map(|k| if k % 6 == 3 { 2.0 } else { (k as f64).sin() }).collect();
    let estimates: Vec<f64> = targets.iter().enumerate().map(|(k, t)| t + k as f64 * 1e-3).collect();
    let outputs = Errors::of(&names, &targets, &estimates).outputs;
    let provenance = Provenance { outputs: outputs.clone(), ..emulator.provenance().clone() };
    let emulator = emulator.with_provenance(provenance);
    let read = Emulator::parse(&emulator.to_yaml(), "copy.yaml").unwrap();
    assert_eq!((read.provenance().outputs.as_slice(), read.output_names()), (outputs.as_slice(), names));
    assert_eq!(read, emulator);
}

#[test]
fn a_folder_that_is_not_there_is_named() {
    let emulator = Emulator::load(fixture("all_ops.yaml")).unwrap();
    let error = emulator.save("no/such/folder/x.yaml").unwrap_err().to_string();
    assert!(error.starts_with("no/such/folder/x.yaml: "), "{error}");
}

/// Every `NAME.edit` of a folder holds `old => new` lines to apply to the valid file, then `---`, then the expected message.
#[test]
fn broken_files_are_explained() {
    for (file, folder, least) in [("all_ops.yaml", "errors", 32), ("members.yaml", "errors_members", 11)] {
        let valid = std::fs::read_to_string(fixture(file)).unwrap();
        let mut cases = 0;
        for entry in std::fs::read_dir(fixture(folder)).unwrap() {
            let path = entry.unwrap().path();
            let case = std::fs::read_to_string(&path).unwrap();
            let (edits, expected) = case.split_once("---\n").expect("edits, ---, message");
            let mut text = valid.clone();
            for edit in edits.lines() {
                let (old, new) = edit.split_once(" => ").expect("old => new");
                assert!(text.contains(&old.replace("\\n", "\n")), "{path:?}: {old:?} is not in {file}");
                text = text.replacen(&old.replace("\\n", "\n"), &new.replace("\\n", "\n"), 1);
            }
            let message = Emulator::parse(&text, "broken.yaml").map(|_| ()).unwrap_err().to_string();
            assert_eq!(message, expected.trim_end(), "{path:?}");
            cases += 1;
        }
        assert!(cases >= least, "{folder}: {cases} cases");
    }
}

#[test]
fn members_and_levels_match_arithmetic_by_hand() {
    let emulator = Emulator::load(fixture("members.yaml")).unwrap();
    assert_eq!(emulator.to_yaml(), std::fs::read_to_string(fixture("members.yaml")).unwrap());
    let mut runner = Runner::new(&emulator);
    let mut frame = |level: usize, input: [i16; 2]| {
        let mut output = [0];
        runner.infer_at(level, &input, &mut output).unwrap();
        (output[0], runner.selected().map(|selected| (selected.member, selected.familiar)))
    };
    // Member 0 is a + 3, member 1 is 2 b; both are added to a + b, which is level 0.
    assert_eq!(frame(1, [30, 12]), (42 + 33, Some((0, true))));
    assert_eq!(frame(1, [5, 19]), (24 + 38, Some((1, false))));
    // The first of equals wins.
    assert_eq!(frame(1, [7, 7]), (14 + 10, Some((0, false))));
    assert_eq!(frame(0, [30, 12]), (42, None));
    assert_eq!((emulator.levels(), emulator.macs_at(0), emulator.macs()), (2, 2, 8));
    assert_eq!(emulator.parameters(), 2 + 1 + 4 + 2 + 4 + 2);
    assert!(emulator.at_level(0).router().is_none());
}

#[test]
fn a_truncated_file_is_an_error_at_every_length() {
    let text = std::fs::read_to_string(fixture("all_ops.yaml")).unwrap();
    let end = text.find("    - {name: product").unwrap();
    for length in 0..end {
        assert!(Emulator::parse(&text[..length], "cut.yaml").is_err(), "cut at {length}");
    }
}

#[test]
fn scales_offsets_and_ranges_survive_a_file() {
    let text = std::fs::read_to_string(fixture("all_ops.yaml")).unwrap();
    let text = text.replacen("emeuro: 1", "emeuro: 2", 1).replacen(
        "size: 2, frac: 6}",
        "size: 2, frac: 6, scale: -40, offset: 1e-300, ranges: [[-1.5e-300, 1e300], [0.1, 0.1]]}",
        1,
    );
    let emulator = Emulator::parse(&text, "scaled.yaml").unwrap();
    assert_eq!(emulator.to_yaml(), text);
    let ranges: Vec<_> = emulator.input().ranges().collect();
    assert_eq!(ranges[3..], [None, Some([-1.5e-300, 1e300]), Some([0.1, 0.1])]);
    // Layers see the same words.
    let plain = Emulator::load(fixture("all_ops.yaml")).unwrap();
    let [values, inner] = [2f64.powi(-41), 0.5].map(|v| [0.1, 0.2, 0.3, 0.4, v, -v]);
    assert_eq!(emulator.quantise(&values).unwrap(), plain.quantise(&inner).unwrap());
    assert!(emulator.input().formats().eq(plain.input().formats()));
}

#[test]
fn names_that_yaml_would_take_for_something_else_survive() {
    let segment = |name: &str| Segment::new(name, "\u{1}\"\\", 1, 0);
    let port = |name| Port { bits: 8, segments: vec![segment(name)] };
    let mut builder = EmulatorBuilder::new("true", port("null"), 32).unwrap();
    let byte = Format::new(8, 0).unwrap();
    let y = builder.activate("null", VectorId::INPUT, Activation::Relu, byte).unwrap();
    let output = OutputSpec { sources: vec![y], lower: vec![], order: None, port: port("Off") };
    let emulator = builder.finish(output, Provenance::default()).unwrap();
    assert_eq!(Emulator::parse(&emulator.to_yaml(), "x.yaml").unwrap(), emulator);
}

/// A two-dimensional block with random strides against its definition, evaluated in another order in real numbers.
fn block_by_definition(g: &BlockGeometry, weights: &[i16], bias: &[i64], x: &[i16], shift: u32) -> Vec<i16> {
    let mut y = vec![None; g.output_len()];
    let window = g.window_len();
    for o in (0..g.outputs).rev() {
        for r0 in (0..g.repeat[0]).rev() {
            for r1 in (0..g.repeat[1]).rev() {
                let set = if g.shared { 0 } else { r0 * g.repeat[1] + r1 };
                let row = set * g.outputs + o;
                let mut sum = bias[row] as f64;
                for w0 in 0..g.window[0] {
                    for w1 in 0..g.window[1] {
                        let at = g.offset
                            + r0 as i64 * g.in_stride[0]
                            + r1 as i64 * g.in_stride[1]
                            + w0 as i64 * g.in_step[0]
                            + w1 as i64 * g.in_step[1];
                        sum += f64::from(weights[row * window + w0 * g.window[1] + w1])
                            * f64::from(x[at as usize]);
                    }
                }
                let to = r0 as i64 * g.out_stride[0] + r1 as i64 * g.out_stride[1] + o as i64 * g.out_step;
                let half = if shift == 0 { 0.0 } else { 0.5 };
                let rounded = (sum / 2f64.powi(shift as i32) + half).floor().clamp(-32768.0, 32767.0);
                assert_eq!(y[to as usize].replace(rounded as i16), None);
            }
        }
    }
    y.into_iter().map(Option::unwrap).collect()
}

proptest! {
    #[test]
    fn blocks_follow_their_definition(
        repeat in (1usize..4, 1usize..4),
        window in (1usize..3, 1usize..4),
        outputs in 1usize..4,
        shared in any::<bool>(),
        interleaved in any::<bool>(),
        shift in 0i32..8,
        seed in any::<u64>(),
    ) {
        let (r0, r1) = repeat;
        let (out_stride, out_step) = if interleaved {
            (vec![r1 as i64, 1], (r0 * r1) as i64)
        } else {
            (vec![(r1 * outputs) as i64, outputs as i64], 1)
        };
        let geometry = BlockGeometry {
            offset: 1,
            repeat: vec![r0, r1],
            in_stride: vec![5, 1],
            out_stride,
            window: vec![window.0, window.1],
            in_step: vec![5, 1],
            outputs,
            out_step,
            shared,
        };
        let mut state = seed | 1;
        let mut word = |bits: u32| {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            ((state >> 33) as i64 % (1 << bits)) - (1 << (bits - 1))
        };
        let rows = geometry.weight_sets() * outputs;
        let weights: Vec<i16> = (0..rows * geometry.window_len()).map(|_| word(8) as i16).collect();
        let bias: Vec<i64> = (0..rows).map(|_| word(12)).collect();
        let x: Vec<i16> = (0..40).map(|_| word(16) as i16).collect();
        let port = |size| Port::new("x", size, Format::new(16, 0).unwrap());
        let mut builder = EmulatorBuilder::new("t", port(40), 32).unwrap();
        let values = Weights { format: Format::new(8, 0).unwrap(), values: weights.clone() };
        let to = Format::new(16, -shift).unwrap();
        let y = builder.block("b", VectorId::INPUT, geometry.clone(), values, bias.clone(), to).unwrap();
        let output = OutputSpec { sources: vec![y], lower: vec![], order: None, port: port(geometry.output_len()) };
        let emulator = builder.finish(output, Provenance::default()).unwrap();
        prop_assert_eq!(emulator.run(&x).unwrap(), block_by_definition(&geometry, &weights, &bias, &x, shift as u32));
    }
}
