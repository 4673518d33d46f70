//! Words of any width and kind, against the definitions in wide integers.

use emeuro_golden::*;

/// round(value / 2^shift), ties upwards, within the words of `format`.
fn rounded(value: i128, shift: u32, format: Format) -> i16 {
    let whole = value.div_euclid(1 << shift);
    let up = shift > 0 && value.rem_euclid(1 << shift) >= 1 << (shift - 1);
    (whole + i128::from(up)).clamp(format.min().into(), format.max().into()) as i16
}

/// All vectors of a frame by the definitions, each number in 128 bits.
fn defined(emulator: &Emulator, input: &[i16]) -> Vec<Vec<i16>> {
    let mut vectors = vec![input.to_vec()];
    for node in emulator.nodes() {
        let x = |v: &VectorId| &vectors[v.index()];
        let word = |v: &VectorId, i: usize| i128::from(x(v)[i]);
        let row = |affine: &Affine, row: usize, inputs: &mut dyn Iterator<Item = i128>| {
            let weights = affine.weights.values[row * affine.row()..][..affine.row()].iter();
            let sum: i128 = weights.zip(inputs).map(|(&w, x)| i128::from(w) * x).sum();
            rounded(sum + i128::from(affine.bias[row]), affine.shift, node.format)
        };
        let mut y = vec![0; node.size];
        match &node.op {
            Op::Dense(Dense { input, affine, .. }) => {
                for (k, y) in y.iter_mut().enumerate() {
                    *y = row(affine, k, &mut x(input).iter().map(|&x| i128::from(x)));
                }
            }
            Op::Block(Block { input, geometry, affine }) => {
                for (repeat, (read, write)) in geometry.origins().enumerate() {
                    for output in 0..geometry.outputs {
                        let k = output + if geometry.shared { 0 } else { repeat * geometry.outputs };
                        let mut window = geometry.window_offsets().map(|w| word(input, (read + w) as usize));
                        y[(write + output as i64 * geometry.out_step) as usize] = row(affine, k, &mut window);
                    }
                }
            }
            Op::Add(Add { inputs: [a, b], align, shift }) => {
                for (k, y) in y.iter_mut().enumerate() {
                    *y = rounded((word(a, k) << align[0]) + (word(b, k) << align[1]), *shift, node.format);
                }
            }
            Op::Maximum(Maximum { inputs: [a, b], align, shift }) => {
                for (k, y) in y.iter_mut().enumerate() {
                    *y = rounded((word(a, k) << align[0]).max(word(b, k) << align[1]), *shift, node.format);
                }
            }
            Op::Multiply(Multiply { inputs: [a, b], shift }) => {
                for (k, y) in y.iter_mut().enumerate() {
                    *y = rounded(word(a, k) * word(b, k), *shift, node.format);
                }
            }
            Op::Activate(Activate { input, function }) => {
                let format = emulator.format(*input);
                for (k, y) in y.iter_mut().enumerate() {
                    *y = match function {
                        Activation::Relu => word(input, k).max(0) as i16,
                        Activation::Table { knots, .. } => {
                            let step = (1i128 << format.bits()) / (knots.len() as i128 - 1);
                            let u = word(input, k) - i128::from(format.min());
                            let (segment, rest) = ((u / step) as usize, u % step);
                            let [from, to] = [knots[segment], knots[segment + 1]].map(i128::from);
                            let moved = (rest * (to - from)).div_euclid(step);
                            let up = 2 * (rest * (to - from)).rem_euclid(step) >= step && step > 1;
                            (from + moved + i128::from(up)) as i16
                        }
                    };
                }
            }
        }
        vectors.push(y);
    }
    vectors
}

#[test]
fn words_of_any_width_and_kind_are_those_of_the_definitions() {
    let mut seen = std::collections::BTreeSet::new();
    for seed in 0..300 {
        let emulator = sample_formats(seed);
        assert_eq!(Emulator::parse(&emulator.to_yaml(), "sample.yaml").unwrap(), emulator);
        let mut runner = Runner::new(&emulator);
        let mut output = vec![0; emulator.output().port.size()];
        let mut sampler = Sampler::new(seed);
        for _ in 0..5 {
            let input = sampler.frame(emulator.input().size(), emulator.format(VectorId::INPUT));
            runner.infer(&input, &mut output).unwrap();
            let expected = defined(&emulator, &input);
            for (index, node) in emulator.nodes().iter().enumerate() {
                let vector = emulator.vector_of(index);
                let format = node.format;
                assert_eq!(
                    runner.vector(vector).unwrap(),
                    expected[vector.index()],
                    "seed {seed}, {}",
                    node.name
                );
                assert!(expected[vector.index()].iter().all(|&word| format.holds(word.into())));
                seen.insert((node.op.keyword(), format.kind() == Kind::Signed));
                seen.extend(node.op.affine().map(|affine| match affine.weights.format.kind() {
                    Kind::Bipolar => ("bipolar", true),
                    Kind::Unsigned => ("unsigned", true),
                    Kind::Signed => ("signed", true),
                }));
            }
        }
    }
    // A ReLU of words from 0 on is one, too.
    assert_eq!(seen.len(), 2 * 6 + 3, "{seen:?}");
}

/// Two inputs, one output by `weights` through a hidden word of `format`.
fn network(weights: Weights, format: Format) -> Result<Emulator, EmulatorError> {
    let word = Format::new(16, 8)?;
    let mut builder = EmulatorBuilder::new("net", Port::new("x", 2, word), 32)?;
    let hidden = builder.dense("hidden", VectorId::INPUT, weights, vec![0], format)?;
    let one = Weights { format: Format::new(8, 0)?, values: vec![1] };
    let y = builder.dense("y", hidden, one, vec![0], Format::new(16, format.frac())?)?;
    let port = Port::new("y", 1, Format::new(16, format.frac())?);
    builder.finish(OutputSpec { sources: vec![y], lower: vec![], order: None, port }, Provenance::default())
}

#[test]
fn files_of_such_words_are_of_version_3_and_all_others_as_before() {
    let signs = || Weights { format: Format::bipolar(0).unwrap(), values: vec![1, -1] };
    let emulator = network(signs(), Format::unsigned(6, 8).unwrap()).unwrap();
    let text = emulator.to_yaml();
    assert!(text.starts_with("emeuro: 3\n"), "{text}");
    assert!(text.contains("format: {bits: 6, frac: 8, signed: false}"), "{text}");
    assert!(text.contains("format: {bits: 1, frac: 0, bipolar: true}"), "{text}");
    assert_eq!(emulator.run(&[50, 20]).unwrap(), [30]);
    assert_eq!(emulator.run(&[20, 50]).unwrap(), [0]);
    assert_eq!(emulator.run(&[500, 20]).unwrap(), [63]);
    let plain = Weights { format: Format::new(4, 0).unwrap(), values: vec![1, -1] };
    assert!(network(plain, Format::new(8, 8).unwrap()).unwrap().to_yaml().starts_with("emeuro: 1\n"));
    let wrong = |from: &str, to: &str| {
        assert!(text.contains(from), "{from}");
        Emulator::parse(&text.replacen(from, to, 1), "net.yaml").unwrap_err().to_string()
    };
    let both = wrong("signed: false", "signed: false, bipolar: true");
    assert_eq!(both, "net.yaml: layer \"hidden\": format: signed: not a field of bipolar words");
    let wide = wrong("{bits: 6, frac: 8, signed: false}", "{bits: 16, frac: 8, signed: false}");
    assert_eq!(wide, "net.yaml: layer \"hidden\": format: bits: expected 1..=15, found 16");
    let zero = wrong("- [1, -1]", "- [1, 0]");
    assert_eq!(zero, "net.yaml: layer \"hidden\": weights[0][1]: 0 is none of the words of -1 and 1");
}

#[test]
fn kernels_and_ports_refuse_what_they_have_not() {
    let weights = || Weights { format: Format::new(8, 0).unwrap(), values: vec![3, -2] };
    let emulator = network(weights(), Format::new(12, 8).unwrap()).unwrap();
    assert_eq!(Runner::new(&emulator).isa(), Isa::Scalar);
    let message = Runner::with_isa(&emulator, Isa::Portable).unwrap_err().to_string();
    let expected = "layer \"hidden\": has 12-bit words in two's complement; kernels take 8 or 16 bits in two's complement, scalar computes it";
    assert_eq!(message, expected);
    let word = Format::new(16, 8).unwrap();
    let mut builder = EmulatorBuilder::new("net", Port::new("x", 2, word), 32).unwrap();
    let made =
        builder.dense("y", VectorId::INPUT, weights(), vec![0], Format::unsigned(8, 8).unwrap()).unwrap();
    let port = Port::new("y", 1, Format::new(8, 8).unwrap());
    let spec = OutputSpec { sources: vec![made], lower: vec![], order: None, port };
    let message = builder.finish(spec, Provenance::default()).unwrap_err().to_string();
    assert_eq!(
        message,
        "output: bits: expected vectors in two's complement, \"y\" has 8-bit words from 0 on"
    );
    let mut builder = EmulatorBuilder::new("net", Port::new("x", 2, word), 32).unwrap();
    let signs = builder.dense("y", VectorId::INPUT, weights(), vec![0], Format::bipolar(8).unwrap());
    let message = signs.unwrap_err().to_string();
    assert_eq!(message, "layer \"y\": format: words of -1 and 1 are for weights; expected a number of bits");
}
