//! The golden model with vector instructions against its specification, word for word.

use std::{collections::BTreeSet, io::Write, sync::Once};

use emeuro_golden::*;

/// The instruction sets that this machine has beside the specification; those that it has not are named on standard output.
fn fast() -> Vec<Isa> {
    static SKIPPED: Once = Once::new();
    SKIPPED.call_once(|| {
        for isa in Isa::ALL.into_iter().filter(|isa| !isa.is_available()) {
            // Written past the capture of a test's output: what is not tested must be seen.
            let line = format!("skipped: this machine has no {isa}\n");
            std::io::stdout().write_all(line.as_bytes()).unwrap();
        }
    });
    Isa::available().filter(|&isa| isa != Isa::Scalar).collect()
}

/// Compares the words of `frames`, one at a time and in one batch, at every level; the number of words compared.
fn compare(emulator: &Emulator, frames: &[i16], what: &str) -> usize {
    let (inputs, outputs) = (emulator.input().size(), emulator.output().port.size());
    let count = frames.len() / inputs;
    let mut specified = Runner::with_isa(emulator, Isa::Scalar).unwrap();
    let mut fast: Vec<_> = fast().into_iter().map(|isa| Runner::with_isa(emulator, isa).unwrap()).collect();
    let mut words = 0;
    for level in 0..emulator.levels() {
        let (mut expected, mut found) = (vec![0; outputs * count], vec![0; outputs * count]);
        let of_level = emulator.at_level(level);
        for (x, y) in frames.chunks(inputs).zip(expected.chunks_mut(outputs)) {
            specified.infer_at(level, x, y).unwrap();
            for runner in &mut fast {
                let mut word = vec![0; outputs];
                runner.infer_at(level, x, &mut word).unwrap();
                let place = format!("{what}, level {level}, {}", runner.isa());
                for (index, node) in emulator.nodes().iter().enumerate() {
                    if of_level.nodes().iter().any(|other| other.name == node.name) {
                        let vector = emulator.vector_of(index);
                        assert_eq!(runner.vector(vector), specified.vector(vector), "{place}: {}", node.name);
                    }
                }
                assert_eq!(word, y, "{place}");
                assert_eq!(runner.selected(), specified.selected(), "{place}");
                words += outputs;
            }
        }
        for runner in &mut fast {
            found.fill(0);
            runner.infer_batch_at(level, frames, &mut found).unwrap();
            assert_eq!(found, expected, "{what}, level {level}, {} frames, {}", count, runner.isa());
            assert_eq!(runner.selected(), specified.selected());
            words += found.len();
        }
    }
    words
}

/// What is done with a network, frames of it, and what it is.
type Each<'a> = &'a mut dyn FnMut(&Emulator, &[i16], &str);

/// Compares the words of all of `networks`; the number of words compared.
fn compare_all(networks: fn(Each)) -> usize {
    let mut words = 0;
    networks(&mut |emulator, frames, what| words += compare(emulator, frames, what));
    println!("{words} words");
    words
}

fn frames(sampler: &mut Sampler, emulator: &Emulator, count: usize) -> Vec<i16> {
    let (size, format) = (emulator.input().size(), emulator.format(VectorId::INPUT));
    (0..count).flat_map(|_| sampler.frame(size, format)).collect()
}

/// The emulator of one layer.
fn alone(
    size: usize,
    format: Format,
    layer: impl FnOnce(&mut EmulatorBuilder) -> Result<VectorId, EmulatorError>,
    outputs: usize,
    to: Format,
) -> Result<Emulator, EmulatorError> {
    let mut builder = EmulatorBuilder::new("alone", Port::new("x", size, format), 48)?;
    let y = layer(&mut builder)?;
    let output =
        OutputSpec { sources: vec![y], lower: vec![], order: None, port: Port::new("y", outputs, to) };
    builder.finish(output, Provenance::default())
}

/// Weights of which some are extreme, and biases of up to 2^`bias` in magnitude.
fn affine(sampler: &mut Sampler, rows: usize, row: usize, bits: u32, bias: u32) -> (Weights, Vec<i64>) {
    let format = Format::new(bits, 0).unwrap();
    let (min, max) = (i64::from(format.min()), i64::from(format.max()));
    let extreme = sampler.once_in(4);
    let mut word = || match extreme {
        true => [min, max, min, 0][sampler.range(0, 3) as usize] as i16,
        false => sampler.range(min, max) as i16,
    };
    let values = (0..rows * row).map(|_| word()).collect();
    let bias = (0..rows).map(|_| sampler.range(-(1 << bias), 1 << bias)).collect();
    (Weights { format, values }, bias)
}

/// A format of the result that shifts by about what the sums are larger than words, or by much less or more.
fn after(sampler: &mut Sampler, weights: u32, operand: Format, row: usize) -> Format {
    let usual = i64::from(weights + row.ilog2() / 2) - 1;
    let shift = match sampler.range(0, 7) {
        0 => 0,
        1 => 31,
        2 => sampler.range(0, 40),
        _ => (usual + sampler.range(-2, 2)).max(0),
    };
    let bits = if sampler.once_in(3) { 8 } else { 16 };
    Format::new(bits, (operand.frac() - shift as i32).max(-32)).unwrap()
}

fn random_emulators(each: Each) {
    for seed in 0..120 {
        let mut sampler = Sampler::new(seed);
        for emulator in [sample_emulator(seed), sample_levels(seed), sample_clusters(seed)] {
            let frames = frames(&mut sampler, &emulator, 1 + seed as usize % 9);
            each(&emulator, &frames, &format!("seed {seed}"));
        }
    }
}

#[test]
fn random_emulators_agree() {
    compare_all(random_emulators);
}

#[test]
fn batches_of_every_size_agree() {
    for seed in 0..6 {
        let mut sampler = Sampler::new(seed);
        for emulator in [sample_emulator(seed), sample_clusters(seed)] {
            for count in (1..=9).chain([256]) {
                let frames = frames(&mut sampler, &emulator, count);
                compare(&emulator, &frames, &format!("seed {seed}"));
            }
        }
    }
}

fn dense_layers(each: Each) {
    let mut sampler = Sampler::new(1);
    for size in 1..=130 {
        for (inputs, outputs) in [(size, 1 + size * 37 % 130), (1 + size * 53 % 130, size)] {
            for (bits, weight_bits) in [(8, 4), (8, 8), (8, 16), (16, 4), (16, 8), (16, 16)] {
                let format = Format::new(bits, 8).unwrap();
                let members = if size % 10 == 0 { 3 } else { 1 };
                let bias = [8, 20, 30, 40][sampler.range(0, 3) as usize];
                let to = after(&mut sampler, weight_bits, format, inputs);
                let emulator = match members {
                    1 => {
                        let (weights, bias) = affine(&mut sampler, outputs, inputs, weight_bits, bias);
                        let x = VectorId::INPUT;
                        alone(inputs, format, |b| b.dense("y", x, weights, bias, to), outputs, to)
                    }
                    _ => {
                        let (scores, zeros) = affine(&mut sampler, members, inputs, 8, 8);
                        let (weights, bias) =
                            affine(&mut sampler, members * outputs, inputs, weight_bits, bias);
                        let layers = |b: &mut EmulatorBuilder| {
                            let scores = b.dense("scores", VectorId::INPUT, scores, zeros, format)?;
                            b.route(scores, vec![0; members])?;
                            b.dense_of_members("y", VectorId::INPUT, weights, bias, to)
                        };
                        alone(inputs, format, layers, outputs, to)
                    }
                };
                let emulator = emulator.unwrap();
                let frames = frames(&mut sampler, &emulator, 3);
                each(&emulator, &frames, &format!("{inputs} to {outputs}, w{weight_bits}a{bits}"));
            }
        }
    }
}

#[test]
fn dense_layers_of_every_size_agree() {
    let words = compare_all(dense_layers);
    assert!(words >= 1_000_000, "{words} words");
}

fn long_sums(each: Each) {
    let mut sampler = Sampler::new(8);
    // Windows of every remainder, and such that low sums are carried before the end.
    let sizes = (1..=130).chain([254, 255, 256, 257, 509, 510, 511, 512, 513, 767, 1022, 1024, 1300]);
    let mut wide = [0; 17];
    for size in sizes {
        for (turn, outputs) in [1 + size * 37 % 130, 1 + size % 17].into_iter().enumerate() {
            let (inputs, outputs) = if size % 2 == turn { (size, outputs) } else { (outputs, size) };
            let format = Format::new(16, 8).unwrap();
            let members = if size % 5 == 0 { 3 } else { 1 };
            let (mut weights, bias) =
                affine(&mut sampler, members * outputs, inputs, 16, 30 + size as u32 % 15);
            match size % 7 {
                0 => weights.values.fill(i16::MIN),
                1 => weights.values.fill(i16::MAX),
                // Low parts of all widths of two thirds of the largest magnitude, and of one sign.
                2 => weights.values.fill(0x5555),
                3 => weights.values.iter_mut().for_each(|w| *w = 1 << (*w & 15)),
                _ => {}
            }
            let scores = affine(&mut sampler, members, inputs, 8, 8);
            let x = VectorId::INPUT;
            for shift in [sampler.range(0, 14) as i32, 15, 16 + sampler.range(0, 20) as i32] {
                let to = Format::new(if sampler.once_in(3) { 8 } else { 16 }, 8 - shift).unwrap();
                let (weights, bias, scores) = (weights.clone(), bias.clone(), scores.clone());
                let shape =
                    Affine { weights: weights.clone(), bias: bias.clone(), members, shift: shift as u32 };
                let bits = accumulator_bits(&shape, format);
                wide[bits.saturating_sub(32) as usize] += 1;
                let layers = |b: &mut EmulatorBuilder| {
                    if members == 1 {
                        return b.dense("y", x, weights, bias, to);
                    }
                    let scores = b.dense("scores", x, scores.0, scores.1, format)?;
                    b.route(scores, vec![0; members])?;
                    b.dense_of_members("y", x, weights, bias, to)
                };
                let emulator = alone(inputs, format, layers, outputs, to).unwrap();
                let mut x = frames(&mut sampler, &emulator, 2);
                x.extend(vec![i16::MIN; inputs]);
                x.extend((0..inputs).map(|i| if i % 3 == 0 { i16::MIN } else { i16::MAX }));
                each(&emulator, &x, &format!("{inputs} to {outputs}, {bits} bits, shift {shift}"));
            }
        }
    }
    println!("sums of 32 bits and of more: {wide:?}");
    assert!(wide[1..14].iter().all(|&layers| layers > 0), "{wide:?}");
}

#[test]
fn sums_of_more_than_32_bits_agree() {
    compare_all(long_sums);
}

/// A block of one dimension with its outputs after one another, or each in a line of its own.
fn geometry(sampler: &mut Sampler) -> (BlockGeometry, usize) {
    let mut up_to = |most: i64| sampler.range(1, most);
    let (repeat, rows) = (up_to(70), up_to(3));
    let (window, outputs) = (up_to(20), up_to(20));
    let (in_stride, in_step) =
        ([1, 1, 2, window][up_to(4) as usize - 1], [1, 1, 3, 16][up_to(4) as usize - 1]);
    let backwards = up_to(6) == 1;
    let along = up_to(2) == 1;
    let reach = (repeat - 1) * in_stride + (window - 1) * in_step;
    let row_stride = up_to(9) - 1;
    let offset = up_to(40) - 1 + if backwards { (repeat - 1) * in_stride } else { 0 };
    let blocks = repeat * rows;
    let (out_stride, out_step) = match along {
        true => (vec![repeat * outputs, outputs], 1),
        false => (vec![repeat, 1], blocks),
    };
    let geometry = BlockGeometry {
        offset,
        repeat: vec![rows as usize, repeat as usize],
        in_stride: vec![row_stride, if backwards { -in_stride } else { in_stride }],
        out_stride,
        window: vec![window as usize],
        in_step: vec![in_step],
        outputs: outputs as usize,
        out_step,
        shared: up_to(2) == 1,
    };
    (geometry, (offset + reach + (rows - 1) * row_stride + 1) as usize)
}

fn blocks(each: Each) {
    let mut sampler = Sampler::new(2);
    for turn in 0..500 {
        let (geometry, size) = geometry(&mut sampler);
        let (bits, weight_bits) = [(16, 8), (16, 8), (8, 8), (16, 4), (16, 16)][turn % 5];
        let format = Format::new(bits, 8).unwrap();
        let (rows, row) = (geometry.weight_sets() * geometry.outputs, geometry.window_len());
        let bias = [8, 20, 30, 40][sampler.range(0, 3) as usize];
        let (weights, bias) = affine(&mut sampler, rows, row, weight_bits, bias);
        let to = after(&mut sampler, weight_bits, format, row);
        let outputs = geometry.output_len();
        let what = format!("{geometry:?}, w{weight_bits}a{bits}");
        let layer = |b: &mut EmulatorBuilder| b.block("y", VectorId::INPUT, geometry, weights, bias, to);
        let emulator = alone(size, format, layer, outputs, to).unwrap();
        let frames = frames(&mut sampler, &emulator, 2);
        each(&emulator, &frames, &what);
    }
}

#[test]
fn blocks_of_every_kind_agree() {
    let words = compare_all(blocks);
    assert!(words >= 1_000_000, "{words} words");
}

fn short_blocks(each: Each) {
    let mut sampler = Sampler::new(8);
    for repeats in 1..=9 {
        for window in 1..=20 {
            for bits in [8, 16] {
                let outputs = [16, 16, 12, 13][sampler.range(0, 3) as usize];
                let stride = usize::next_multiple_of(window, 4);
                let geometry = BlockGeometry {
                    offset: 0,
                    repeat: vec![repeats],
                    in_stride: vec![stride as i64],
                    out_stride: vec![outputs as i64],
                    window: vec![window],
                    in_step: vec![1],
                    outputs,
                    out_step: 1,
                    shared: false,
                };
                let format = Format::new(bits, 8).unwrap();
                let (weights, bias) = affine(&mut sampler, repeats * outputs, window, 8, 8);
                let to = after(&mut sampler, 8, format, window);
                let what = format!("{repeats} repeats of {window} to {outputs}, w8a{bits}");
                let count = geometry.output_len();
                let layer =
                    |b: &mut EmulatorBuilder| b.block("y", VectorId::INPUT, geometry, weights, bias, to);
                let emulator = alone(repeats * stride, format, layer, count, to).unwrap();
                each(&emulator, &frames(&mut sampler, &emulator, 3), &what);
            }
        }
    }
}

#[test]
fn short_blocks_of_their_own_weights_agree() {
    let words = compare_all(short_blocks);
    assert!(words >= 50_000, "{words} words");
}

/// Random knots of words of `format` over a whole range, in 2^`segments` segments.
fn table(sampler: &mut Sampler, segments: u32, format: Format) -> Activation {
    let (min, max) = (i64::from(format.min()), i64::from(format.max()));
    let extreme = sampler.once_in(3);
    let knot = |i: i32| match extreme {
        true => [min, max][i as usize % 2] as i16,
        false => sampler.range(min, max) as i16,
    };
    let knots = (0..=1 << segments).map(knot).collect();
    Activation::Table { function: "random".into(), knots }
}

fn sums_and_products(each: Each) {
    let mut sampler = Sampler::new(3);
    for turn in 0..600 {
        let (size, shift, gap) = (1 + turn % 130, turn as i32 % 41, sampler.range(-6, 6) as i32);
        let format = Format::new([8, 16][turn % 2], 12).unwrap();
        let other = Format::new(if sampler.once_in(2) { 8 } else { 16 }, 12 + gap).unwrap();
        let bits = if sampler.once_in(3) { 8 } else { 16 };
        let random = table(&mut sampler, 1 + turn as u32 % 8, other);
        let x = VectorId::INPUT;
        let to = Format::new(bits, 12.max(12 + gap) - shift).unwrap();
        let sum = |b: &mut EmulatorBuilder| {
            let y = b.activate("other", x, random.clone(), other)?;
            b.add("y", x, y, to)
        };
        let sum = alone(size, format, sum, size, to).unwrap();
        let larger = |b: &mut EmulatorBuilder| {
            let y = b.activate("other", x, random.clone(), other)?;
            b.maximum("y", x, y, to)
        };
        let larger = alone(size, format, larger, size, to).unwrap();
        let to = Format::new(bits, 24 + gap - shift % 32).unwrap();
        let product = |b: &mut EmulatorBuilder| {
            let y = b.activate("other", x, random.clone(), other)?;
            b.multiply("y", x, y, to)
        };
        let product = alone(size, format, product, size, to).unwrap();
        let square =
            alone(size, format, |b| b.multiply("y", x, x, Format::new(bits, to.frac() - gap)?), size, to);
        let made = [
            ("sum", Some(sum)),
            ("maximum", Some(larger)),
            ("product", Some(product)),
            ("square", square.ok()),
        ];
        for (what, emulator) in made {
            let Some(emulator) = emulator else { continue };
            let frames = frames(&mut sampler, &emulator, 3);
            each(&emulator, &frames, &format!("{what}, {size} words, shift {shift}, {format:?}, {other:?}"));
        }
    }
}

#[test]
fn sums_and_products_agree_at_every_shift() {
    compare_all(sums_and_products);
}

fn tables(each: Each) {
    let mut sampler = Sampler::new(4);
    for bits in [8, 16] {
        for segments in 1..=(if bits == 8 { 8 } else { 10 }) {
            for to in [8, 16].map(|bits| Format::new(bits, 4).unwrap()) {
                let format = Format::new(bits, 4).unwrap();
                let words: Vec<i16> = (format.min()..=format.max()).map(|word| word as i16).collect();
                let table = table(&mut sampler, segments, to);
                let layer = |b: &mut EmulatorBuilder| b.activate("y", VectorId::INPUT, table, to);
                let emulator = alone(words.len(), format, layer, words.len(), to).unwrap();
                each(&emulator, &words, &format!("2^{segments} segments of {bits} bits"));
            }
        }
    }
}

#[test]
fn tables_agree_on_every_word() {
    compare_all(tables);
}

fn rectified_layers(each: Each) {
    let mut sampler = Sampler::new(5);
    for size in 1..=130 {
        let format = Format::new([8, 16][size % 2], 8).unwrap();
        let (first, zeros) = affine(&mut sampler, size, 1 + size % 40, 8, 12);
        let (second, others) = affine(&mut sampler, 1 + size % 17, size, 8, 12);
        let to = after(&mut sampler, 8, format, 1 + size % 40);
        let Ok(last) = Format::new(16, to.frac() - 9) else { continue };
        let layers = |b: &mut EmulatorBuilder| {
            let sums = b.dense("sums", VectorId::INPUT, first, zeros, to)?;
            let rectified = b.activate("rectified", sums, Activation::Relu, to)?;
            b.dense("y", rectified, second, others, last)
        };
        let emulator = alone(1 + size % 40, format, layers, 1 + size % 17, last).unwrap();
        let frames = frames(&mut sampler, &emulator, 3);
        each(&emulator, &frames, &format!("{size} words rectified"));
    }
}

#[test]
fn rectified_layers_agree() {
    compare_all(rectified_layers);
}

/// Values at which rounding and saturation decide, in units of the last place, and any.
fn values(sampler: &mut Sampler, formats: &[Format]) -> Vec<f64> {
    let corner =
        [0.5, -0.5, 1.5, -1.5, 0.49999999999999994, 32767.4, 32767.5, -32768.5, -32768.6, 127.5, -128.5];
    let far =
        [1e300, -1e300, 5e9, -5e9, 1e-320, -1e-320, f64::MAX, f64::MIN, -0.0, 2f64.powi(31), -2f64.powi(31)];
    formats
        .iter()
        .map(|format| match sampler.range(0, 3) {
            0 => corner[sampler.range(0, 10) as usize] * 2f64.powi(-format.frac()),
            1 => far[sampler.range(0, 10) as usize],
            2 => (sampler.range(-70000, 70000) as f64 / 2.0) * 2f64.powi(-format.frac()),
            _ => {
                (sampler.range(-40000, 40000) as f64 + 1e-6 * sampler.range(0, 999_999) as f64)
                    * 2f64.powi(-format.frac())
            }
        })
        .collect()
}

/// The same in single precision: at ties and beside them, at the ends of its range, and any.
fn singles(sampler: &mut Sampler, formats: &[Format]) -> Vec<f32> {
    let least = f32::from_bits(1);
    let far = [f32::MAX, f32::MIN_POSITIVE, f32::MIN_POSITIVE - least, least, 0.0, 2f32.powi(31), 5e9, 1e30];
    formats
        .iter()
        .map(|format| match sampler.range(0, 3) {
            0 => far[sampler.range(0, 7) as usize] * [1.0, -1.0][sampler.range(0, 1) as usize],
            1 => loop {
                let any = f32::from_bits(sampler.range(0, u32::MAX.into()) as u32);
                if any.is_finite() {
                    break any;
                }
            },
            _ => {
                let tie = (sampler.range(-33000, 33000) as f32 + 0.5) * 2f32.powi(-format.frac());
                [tie.next_down(), tie, tie.next_up()][sampler.range(0, 2) as usize]
            }
        })
        .collect()
}

/// An emulator whose output is its input, whose words are of these bits and have 2^-frac for each segment of so many words.
fn unchanged(bits: u32, segments: &[(usize, i32)], order: Option<Vec<usize>>) -> Emulator {
    let segment = |(i, &(size, frac)): (usize, &(usize, i32))| Segment::new(format!("x{i}"), "1", size, frac);
    let port = Port { bits, segments: segments.iter().enumerate().map(segment).collect() };
    let builder = EmulatorBuilder::new("values", port.clone(), 32).unwrap();
    let output = OutputSpec { sources: vec![VectorId::INPUT], lower: vec![], order, port };
    builder.finish(output, Provenance::default()).unwrap()
}

/// Compares the values of `x`, frame by frame and in one batch, with what the specification gives; and what is refused.
fn compare_values<V: Value + From<f32> + std::fmt::Debug>(emulator: &Emulator, x: &[V], what: &str) {
    let size = emulator.input().size();
    let mut specified = Runner::with_isa(emulator, Isa::Scalar).unwrap();
    let mut expected = vec![V::from(0.0); x.len()];
    specified.infer_values_batch(x, &mut expected).unwrap();
    for isa in fast() {
        let mut runner = Runner::with_isa(emulator, isa).unwrap();
        let mut found = vec![V::from(1.0); x.len()];
        runner.infer_values_batch(x, &mut found).unwrap();
        assert_eq!(found, expected, "{isa}, {what}");
        for (x, y) in x.chunks(size).zip(expected.chunks(size)) {
            runner.infer_values(x, &mut found[..size]).unwrap();
            assert_eq!(&found[..size], y, "{isa}, {what}");
        }
        let last = x.len() - size;
        for wrong in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY].map(V::from) {
            for place in [0, size / 2, size - 1] {
                let mut x = x.to_vec();
                x[last + place] = wrong;
                let refused = runner.infer_values(&x[last..], &mut found[..size]).unwrap_err();
                let alone = specified.infer_values(&x[last..], &mut found[..size]).unwrap_err();
                assert_eq!(refused, alone);
                let refused = runner.infer_values_batch(&x, &mut found).unwrap_err();
                assert_eq!(refused, specified.infer_values_batch(&x, &mut found).unwrap_err());
                assert_eq!(refused.place, format!("frame {}: input word {place}", last / size));
            }
        }
    }
}

/// Pairs of words of a matrix from columns to rows, some columns upside down, and a few words from elsewhere.
fn transposed(sampler: &mut Sampler, columns: usize, rows: usize) -> Vec<usize> {
    let down: Vec<bool> = (0..columns).map(|_| sampler.once_in(3)).collect();
    let mut order = vec![];
    for row in 0..rows {
        for (column, &down) in down.iter().enumerate() {
            let pair = column * rows + if down { rows - 1 - row } else { row };
            order.extend([2 * pair, 2 * pair + 1]);
        }
    }
    for _ in 0..sampler.range(0, 9) {
        let mut place = || sampler.range(0, order.len() as i64 - 1) as usize;
        let (to, from) = (place(), place());
        order[to] = from;
    }
    order
}

/// Networks of which the output is the input in another order.
fn transposed_outputs(each: Each) {
    let mut sampler = Sampler::new(8);
    for columns in [1, 7, 15, 16, 17, 24, 32, 33, 50, 64, 88] {
        for rows in [1, 2, 3, 4, 5, 7, 8, 9] {
            let order = transposed(&mut sampler, columns, rows);
            let words = order.len();
            let fracs = [sampler.range(-5, 20) as i32, sampler.range(-5, 20) as i32];
            let emulator =
                unchanged(16, &[(words - words / 2, fracs[0]), (words / 2, fracs[1])], Some(order));
            let what = format!("{columns} columns, {rows} rows");
            each(&emulator, &frames(&mut sampler, &emulator, 3), &what);
        }
    }
}

#[test]
fn transposed_outputs_agree() {
    let mut sampler = Sampler::new(8);
    transposed_outputs(&mut |emulator, words, what| {
        compare(emulator, words, what);
        let formats: Vec<Format> = emulator.input().formats().collect();
        compare_values(emulator, &values(&mut sampler, &formats), what);
        compare_values(emulator, &singles(&mut sampler, &formats), what);
    });
}

#[test]
fn values_agree_in_every_format() {
    let mut sampler = Sampler::new(6);
    for size in (1..=130).chain([195, 196, 509]) {
        for bits in [8, 16] {
            let mut fracs = [sampler.range(-32, 32) as i32, sampler.range(-32, 32) as i32];
            if sampler.once_in(2) {
                fracs[1] = fracs[0];
            }
            let order = (size % 3 == 0).then(|| (0..size + 5).rev().collect());
            // The words of the input are the output, in another order or as they are.
            let emulator = unchanged(bits, &[(size, fracs[0]), (5, fracs[1])], order);
            let formats: Vec<Format> = emulator.input().formats().collect();
            let what = format!("{bits} bits, fracs {fracs:?}");
            let doubles: Vec<f64> = (0..3).flat_map(|_| values(&mut sampler, &formats)).collect();
            compare_values(&emulator, &doubles, &what);
            let singles: Vec<f32> = (0..3).flat_map(|_| singles(&mut sampler, &formats)).collect();
            compare_values(&emulator, &singles, &what);
            // The specification gives them what it gives their doubles.
            let mut specified = Runner::with_isa(&emulator, Isa::Scalar).unwrap();
            let doubles: Vec<f64> = singles.iter().map(|&value| f64::from(value)).collect();
            let (mut of_singles, mut of_doubles) = (vec![0f32; doubles.len()], vec![0f64; doubles.len()]);
            specified.infer_values_batch(&singles, &mut of_singles).unwrap();
            specified.infer_values_batch(&doubles, &mut of_doubles).unwrap();
            assert!(of_singles.iter().zip(&of_doubles).all(|(&y, &double)| f64::from(y) == double), "{what}");
        }
    }
}

#[test]
fn values_agree_with_every_scale_and_offset() {
    let mut sampler = Sampler::new(9);
    for size in (1..=70).chain([195, 509]) {
        let mut segment = |name: &str, size| {
            let scale = [0, 0, 37, -40, 70, -99, 900, -900][sampler.range(0, 7) as usize];
            let offset = [0.0, 1e6, -12.75, 1e-3][sampler.range(0, 3) as usize] * 2f64.powi(scale).min(1e240);
            let frac = sampler.range(-32, 32) as i32;
            Segment { scale, offset, ..Segment::new(name, "1", size, frac) }
        };
        let port = Port { bits: [8, 16][size % 2], segments: vec![segment("a", size), segment("b", 5)] };
        let builder = EmulatorBuilder::new("values", port.clone(), 32).unwrap();
        let order = (size % 3 == 0).then(|| (0..size + 5).rev().collect());
        // The words of the input are the output, in another order and with its last scale first.
        let back = Port { bits: port.bits, segments: vec![segment("a", 5), segment("b", size)] };
        let output = OutputSpec { sources: vec![VectorId::INPUT], lower: vec![], order, port: back };
        let emulator = builder.finish(output, Provenance::default()).unwrap();
        let what = format!("{:?}", emulator.input());
        let words: Vec<Conversion> = emulator.input().conversions().collect();
        let formats: Vec<Format> = emulator.input().formats().collect();
        for _ in 0..3 {
            let inner = values(&mut sampler, &formats);
            let near = |(x, word): (&f64, &Conversion)| {
                (x * 2f64.powi(word.format().frac() - word.point()) + word.offset()).clamp(f64::MIN, f64::MAX)
            };
            let doubles: Vec<f64> = inner.iter().zip(&words).map(near).collect();
            compare_values(&emulator, &doubles, &what);
            let finite = |&x: &f64| (x as f32).clamp(f32::MIN, f32::MAX);
            let near: Vec<f32> = doubles.iter().map(finite).collect();
            compare_values(&emulator, &near, &what);
            compare_values(&emulator, &singles(&mut sampler, &formats), &what);
        }
    }
}

/// The nearest word to a number in single precision, from its integer and the rounding of sums.
fn nearest(value: f32, format: Format) -> i16 {
    let exponent = (value.to_bits() >> 23 & 0xff) as i32;
    let magnitude = i64::from(value.to_bits() & 0x7f_ffff | if exponent > 0 { 1 << 23 } else { 0 });
    let integer = if value.is_sign_negative() { -magnitude } else { magnitude };
    // value · 2^frac = integer · 2^-shift
    match 150 - exponent.max(1) - format.frac() {
        shift @ 1.. => requantise(integer, shift.min(62) as u32, format),
        shift => requantise(integer << (-shift).min(39), 0, format),
    }
}

#[test]
fn every_tie_of_every_format_goes_up_in_single_precision() {
    const SIZE: usize = 96;
    for frac in -32..=32 {
        let bits = [8, 16, 16][(frac + 32) as usize % 3];
        let format = Format::new(bits, frac).unwrap();
        let emulator = unchanged(bits, &[(SIZE, frac)], None);
        let scale = 2f32.powi(-frac);
        let ties = (format.min() - 2..=format.max() + 2).flat_map(|word| {
            let tie = (word as f32 + 0.5) * scale;
            [word as f32 * scale, tie.next_down(), tie, tie.next_up()]
        });
        let least = f32::from_bits(1);
        let ends = [0.0, least, f32::MIN_POSITIVE - least, f32::MIN_POSITIVE, 2f32.powi(63), 1e30, f32::MAX];
        let mut x: Vec<f32> = ties.chain(ends.into_iter().flat_map(|end| [end, -end])).collect();
        x.resize(x.len().next_multiple_of(SIZE), -0.0);
        let expected: Vec<f32> = x.iter().map(|&x| f32::from(nearest(x, format)) * scale).collect();
        for isa in Isa::available() {
            let mut found = vec![0f32; x.len()];
            Runner::with_isa(&emulator, isa).unwrap().infer_values_batch(&x, &mut found).unwrap();
            let wrong = (0..x.len()).find(|&i| found[i] != expected[i]);
            assert!(wrong.is_none(), "{isa}, {format:?}: {:e}", x[wrong.unwrap_or(0)]);
        }
    }
}

#[test]
fn what_does_not_fit_is_refused_and_named() {
    let format = Format::new(8, 4).unwrap();
    let relu = |b: &mut EmulatorBuilder| b.activate("y", VectorId::INPUT, Activation::Relu, format);
    let emulator = alone(40, format, relu, 40, format).unwrap();
    for isa in Isa::available() {
        let mut runner = Runner::with_isa(&emulator, isa).unwrap();
        // More frames than are computed at once.
        let (mut x, mut y) = (vec![-128; 40 * 30], vec![0; 40 * 30]);
        runner.infer_batch(&x, &mut y).unwrap();
        for frame in [29, 13, 1, 0] {
            for wrong in [128, -129, i16::MAX, i16::MIN] {
                x[40 * frame + 7] = wrong;
                let error = runner.infer_batch(&x, &mut y).unwrap_err().to_string();
                assert_eq!(error, format!("frame {frame}: input word 7: {wrong} does not fit 8 bits"));
            }
        }
        let (mut x_values, mut y_values) = (vec![0.5f32; x.len()], vec![0f32; y.len()]);
        for frame in [29, 13, 0] {
            x_values[40 * frame + 7] = f32::NAN;
            let error = runner.infer_values_batch(&x_values, &mut y_values).unwrap_err().to_string();
            assert_eq!(error, format!("frame {frame}: input word 7: expected a finite number, found NaN"));
        }
        let error = runner.infer_batch(&x[1..], &mut y).unwrap_err().to_string();
        assert_eq!(error, "inputs: expected frames of 40 words, found 1199 words");
        let error = runner.infer_batch(&x[..40], &mut y).unwrap_err().to_string();
        assert_eq!(error, "outputs: expected 40 words, found 1200");
    }
}

#[test]
fn other_thresholds_make_other_plans() {
    for seed in 0..20 {
        let clusters = sample_clusters(seed);
        let x = frames(&mut Sampler::new(seed), &clusters, 9);
        compare(&clusters, &x, "before");
        let members = clusters.router().unwrap().members();
        for threshold in [0, 1] {
            let other = clusters.clone().with_thresholds(vec![threshold; members]).unwrap();
            compare(&other, &x, "after");
            let again = other.with_thresholds(vec![-threshold; members]).unwrap();
            compare(&again, &x, "again");
        }
    }
}

#[test]
fn the_last_frame_is_the_last_that_was_computed() {
    let format = Format::new(8, 4).unwrap();
    let relu = |b: &mut EmulatorBuilder| b.activate("y", VectorId::INPUT, Activation::Relu, format);
    let emulator = alone(40, format, relu, 40, format).unwrap();
    for isa in Isa::available() {
        let mut runner = Runner::with_isa(&emulator, isa).unwrap();
        let x: Vec<i16> = (0..30).flat_map(|frame| [frame; 40]).collect();
        let mut y = vec![0; x.len()];
        runner.infer_batch(&x, &mut y).unwrap();
        runner.infer_batch(&[], &mut []).unwrap();
        assert!(runner.infer(&[128; 40], &mut y[..40]).is_err());
        assert_eq!(runner.vector(emulator.vector_of(0)), Some(&[29; 40][..]), "{isa}");
        runner.infer_values(&[0.5f32; 40], &mut [0.0; 40]).unwrap();
        assert_eq!(runner.vector(emulator.vector_of(0)), Some(&[8; 40][..]), "{isa}");
    }
}

#[test]
fn an_instruction_set_of_another_machine_is_refused() {
    let emulator = sample_emulator(1);
    for isa in Isa::ALL {
        assert_eq!(isa.to_string().parse::<Isa>().unwrap(), isa);
        assert_eq!(Runner::with_isa(&emulator, isa).is_ok(), isa.is_available());
        if isa.is_available() {
            assert_eq!(Runner::with_isa(&emulator, isa).unwrap().isa(), isa);
        }
    }
    assert_eq!(Runner::new(&emulator).isa(), Isa::best());
    let error = "sse".parse::<Isa>().unwrap_err().to_string();
    assert_eq!(error, "isa: expected one of scalar, portable, neon, avx2, avx512, found \"sse\"");
}

/// One block at many places of a vector of `size` words of so many bits, with weights of so many and those of a router's choice if there
/// are several members, and biases of up to 2^`bias`. None if `shift` is not possible for them.
fn block(
    sampler: &mut Sampler,
    geometry: &BlockGeometry,
    size: usize,
    [bits, weight_bits]: [u32; 2],
    members: usize,
    [bias, shift]: [u32; 2],
) -> (Emulator, String) {
    let format = Format::new(bits, 8).unwrap();
    let rows = members * geometry.weight_sets() * geometry.outputs;
    let (weights, bias) = affine(sampler, rows, geometry.window_len(), weight_bits, bias);
    let scores = affine(sampler, members, size, 8, 8);
    let to = Format::new(if sampler.once_in(3) { 8 } else { 16 }, 8 - shift as i32).unwrap();
    let layers = |b: &mut EmulatorBuilder| {
        if members == 1 {
            return b.block("y", VectorId::INPUT, geometry.clone(), weights, bias, to);
        }
        let scores = b.dense("scores", VectorId::INPUT, scores.0, scores.1, format)?;
        b.route(scores, vec![0; members])?;
        b.block_of_members("y", VectorId::INPUT, geometry.clone(), weights, bias, to)
    };
    let emulator = alone(size, format, layers, geometry.output_len(), to).unwrap();
    (emulator, format!("{geometry:?}, w{weight_bits}a{bits}, {members} members, shift {shift}"))
}

/// Blocks whose neighbouring repeats read and write neighbours, with windows of every kind of pairs.
fn stencils(each: Each) {
    let mut sampler = Sampler::new(10);
    for turn in 0..600 {
        let window = 1 + turn % 10;
        let (window, in_step) = match sampler.range(0, 5) {
            0 | 1 => (vec![window], vec![1]),
            2 => (vec![window], vec![16]),
            3 => (vec![window], vec![[3, 32, 40][window % 3]]),
            // Pairs of neighbours that are not all as far apart.
            4 => (vec![window, 2], vec![5, 1]),
            _ => (vec![window], vec![-1]),
        };
        let rows = sampler.range(1, 3) as usize;
        let repeat = sampler.range(16, 130) as usize;
        let outputs = [1, 1, 1, 2, 4, 5, 9][sampler.range(0, 6) as usize];
        let geometry = BlockGeometry {
            offset: 10,
            repeat: vec![rows, repeat],
            in_stride: vec![sampler.range(0, 9), 1],
            out_stride: vec![repeat as i64, 1],
            window,
            in_step,
            outputs,
            out_step: (rows * repeat) as i64,
            shared: true,
        };
        let bits = [[16, 8], [8, 8], [16, 4]][turn % 3];
        let members = if sampler.once_in(3) { 3 } else { 1 };
        let (emulator, what) = block(&mut sampler, &geometry, 640, bits, members, [12, 5]);
        each(&emulator, &frames(&mut sampler, &emulator, 3), &what);
    }
}

/// Blocks of many outputs, on windows of four neighbours here and there; and of 16 repeats whose first outputs are neighbours, then
/// their second ones, and so on: all read by tiles in one way.
fn blocks_of_many_tiles(each: Each) {
    let mut sampler = Sampler::new(11);
    for turn in 0..(9 * 4 * 12) {
        let (tiles, turn) = (1 + turn % 9, turn / 9);
        let (bits, shift) = [([16, 8], 5), ([8, 8], 5), ([16, 16], 5), ([16, 16], 18)][turn % 4];
        let bias = if shift == 18 { 40 } else { 12 };
        let outputs = 16 * tiles - sampler.range(0, 15) as usize;
        let fours = sampler.range(1, 12) as usize;
        let repeats = sampler.range(1, 2);
        let here_and_there = BlockGeometry {
            offset: 4,
            repeat: vec![repeats as usize],
            in_stride: vec![8],
            out_stride: vec![outputs as i64],
            window: vec![fours, 4],
            in_step: vec![8, 1],
            outputs,
            out_step: 1,
            shared: false,
        };
        let window = sampler.range(1, 12) as usize;
        let sixteen = BlockGeometry {
            offset: 0,
            repeat: vec![16],
            in_stride: vec![[1, 1, 3, 8][turn / 4 % 4]],
            out_stride: vec![1],
            window: vec![window],
            in_step: vec![1],
            outputs: tiles,
            out_step: 16,
            shared: false,
        };
        for geometry in [here_and_there, sixteen] {
            let members = if sampler.once_in(5) { 2 } else { 1 };
            let (emulator, what) = block(&mut sampler, &geometry, 160, bits, members, [bias, shift]);
            each(&emulator, &frames(&mut sampler, &emulator, 3), &what);
        }
    }
}

/// Blocks whose windows are put one after the other first: of sums of 64 bits, and where lanes read words far apart that are none of
/// each other's neighbours.
fn gathered_windows(each: Each) {
    let mut sampler = Sampler::new(12);
    for turn in 0..60 {
        let (window, in_step) = [
            (vec![3, 20], vec![64, 1]),
            (vec![10, 2], vec![7, 1]),
            (vec![9], vec![11]),
            (vec![20], vec![0]),
            (vec![5, 3], vec![50, 2]),
        ][turn % 5]
            .clone();
        let outputs = sampler.range(1, 20);
        let geometry = BlockGeometry {
            offset: 0,
            repeat: vec![5],
            in_stride: vec![sampler.range(30, 40)],
            out_stride: vec![outputs],
            window,
            in_step,
            outputs: outputs as usize,
            out_step: 1,
            shared: sampler.once_in(2),
        };
        let (bits, bias, shift) = [([16, 16], 40, 0), ([16, 8], 12, 5), ([16, 16], 40, 18)][turn % 3];
        let (emulator, what) = block(&mut sampler, &geometry, 400, bits, 1, [bias, shift]);
        each(&emulator, &frames(&mut sampler, &emulator, 3), &what);
    }
}

/// Networks of which the output is the input in an order of every kind.
fn orders(each: Each) {
    let mut sampler = Sampler::new(13);
    for size in 1..=130 {
        let words =
            |order: &dyn Fn(usize) -> usize| (0..size).map(|i| order(i) % size).collect::<Vec<usize>>();
        // A port of an odd number of words more than the order has pairs.
        for order in [
            words(&|i| i),
            words(&|i| i + size / 2),
            words(&|i| i / 10),
            words(&|i| i ^ 2),
            words(&|i| 7 * i),
        ] {
            let emulator = unchanged(16, &[(size, 3)], Some(order));
            each(&emulator, &frames(&mut sampler, &emulator, 3), &format!("{size} words in another order"));
        }
        let (columns, rows) = (16 + size / 4, 4 + size % 5);
        let pair = |i: usize| i % columns * rows + i / columns;
        let order: Vec<usize> = (0..columns * rows).flat_map(|i| [2 * pair(i), 2 * pair(i) + 1]).collect();
        let emulator = unchanged(16, &[(order.len(), 3)], Some(order));
        each(&emulator, &frames(&mut sampler, &emulator, 3), &format!("{columns} columns of {rows}"));
    }
}

#[test]
fn blocks_for_every_kernel_agree() {
    for networks in [stencils, blocks_of_many_tiles, gathered_windows] {
        compare_all(networks);
    }
}

#[test]
fn outputs_in_every_order_agree() {
    compare_all(orders);
}

/// All networks whose words are compared above.
const NETWORKS: [fn(Each); 13] = [
    random_emulators,
    dense_layers,
    long_sums,
    blocks,
    short_blocks,
    sums_and_products,
    tables,
    rectified_layers,
    transposed_outputs,
    stencils,
    blocks_of_many_tiles,
    gathered_windows,
    orders,
];

/// What [`Emulator::steps_at`] can name with these instructions: every step, and all that its kernel has code of its own for.
fn steps_and_variants(isa: Isa) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    let mut add = |step: &str, variants: &str| {
        all.extend(variants.split("; ").map(|variant| format!("{step}: {variant}")));
    };
    let has_bytes = isa == Isa::Avx512;
    // Tiles whose sums fit the registers.
    let tiles = match isa {
        Isa::Avx512 => 8,
        Isa::Avx2 | Isa::Neon => 4,
        _ => 2,
    };
    add("gemv_acc64", "all frames; members");
    for reads in ["broadcast", "permuted", "gathered"] {
        (1..=tiles).for_each(|tiles| add("grouped_gemv_s16", &format!("{reads}, {tiles} tiles")));
        (1..=tiles / 2)
            .for_each(|tiles| add("grouped_gemv_s16", &format!("{reads}, {tiles} tiles, two parts")));
    }
    add(
        "grouped_gemv_s16",
        "0 last pairs; 1 last pairs; carried once; carried again and again; members; relu",
    );
    for pairs in 1..=4 {
        add("stencil", &format!("any, {pairs} pairs; neighbours, {pairs} pairs"));
    }
    add("stencil", "rolling, 2 pairs; rolling, 3 pairs; rolling, 4 pairs");
    add("stencil", "few outputs; four outputs; whole vectors; cut vectors; members");
    add("im2col", "one word again and again; runs; pairs; pairs, and words");
    add("output", "whole; one word again and again; runs; pairs; pairs, and words");
    add("output", "transposed; transposed, and words");
    add("add", "saturating; aligned");
    add("maximum", "plain; aligned");
    add("multiply", "whole; halved");
    add("lookup", "8 bits; 16 bits; two segments");
    add("input", "words");
    if has_bytes {
        for of in ["words", "bytes"] {
            for tiles in 1..=tiles {
                add("gemv_u8s8", &format!("broadcast, {of}, {tiles} tiles; permuted, {of}, {tiles} tiles"));
            }
            for quads in [2, 4] {
                add("gemv_u8s8_batched", &format!("{of}, {quads} quads; {of}, {quads} quads, clamped"));
            }
        }
        add("gemv_u8s8", "broadcast, words, 2 tiles, short; permuted, words, 2 tiles, short");
        (0..8).for_each(|quads| add("gemv_u8s8", &format!("{quads} last quads")));
        for reads in ["broadcast", "permuted"] {
            add("gemv_u8s8", &format!("{reads}, one block; {reads}, blocks"));
        }
        add("gemv_u8s8", "frames alone; two frames at once; members; kin; others behind");
        add("gemv_u8s8", "relu; bytes; relu and bytes");
        add("gemv_u8s8_split_k", "words; bytes; 0 last fours; 1 last fours");
        add("split_bytes", "8 bits; 16 bits");
        add("input", "bytes; words and bytes");
        ["add", "maximum", "multiply", "lookup", "relu"].iter().for_each(|step| add(step, "bytes"));
    }
    all.extend(["relu", "route"].map(String::from));
    all
}

#[test]
fn every_step_and_variant_is_run() {
    let mut run: Vec<_> = fast().into_iter().map(|isa| (isa, BTreeSet::new())).collect();
    for networks in NETWORKS {
        networks(&mut |emulator, frames, what| {
            let mut is_new = false;
            for (isa, run) in &mut run {
                for level in 0..emulator.levels() {
                    for name in emulator.steps_at(*isa, level) {
                        is_new |= run.insert(name);
                    }
                }
            }
            // All networks are compared in tests of their own; here, the first of everything.
            if is_new {
                compare(emulator, frames, what);
            }
        });
    }
    for (isa, run) in run {
        let all = steps_and_variants(isa);
        let [missing, unknown] =
            [(&all, &run), (&run, &all)].map(|(a, b)| a.difference(b).collect::<Vec<_>>());
        assert!(missing.is_empty(), "{isa}: never run: {missing:#?}");
        assert!(unknown.is_empty(), "{isa}: not listed: {unknown:#?}");
    }
}
