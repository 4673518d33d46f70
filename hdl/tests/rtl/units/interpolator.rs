//! The interpolator against the golden model's activations, word by word.

use emeuro_compiler::{Table, timing};
use emeuro_golden::{Activation, Format};
use emeuro_hdl::units::interpolator::Interpolator;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::bench::{Bench, Case, low_bits, ports};

ports!(Interpolator, [clock], [x, select] -> [y]);

const LATENCY: usize = timing::TABLE as usize;

/// A table's activation and the format of its input.
type Function = (Activation, Format);

pub(crate) fn cases() -> Vec<Case> {
    let (word, byte) = (Format::new(16, 12).unwrap(), Format::new(8, 4).unwrap());
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    let table = |name, f: &dyn Fn(f64) -> f64, from, frac| {
        (Activation::table(name, f, from, Format::new(16, frac).unwrap()).unwrap(), from)
    };
    let of_words = table("sigmoid", &sigmoid, word, 15);
    let of_bytes = table("tanh", &f64::tanh, byte, 7);
    // The steepest segments there are; an odd slope meets every remainder.
    let steep =
        |low: i16, high: i16| Activation::Table { function: "steep".into(), knots: vec![high, low, high] };
    vec![
        // One table, every word.
        interpolate("interpolator", 16, &[of_words], &[every(16, 1), some(0, 5000)].concat()),
        // Tables of different sizes, among them one with a segment for every word; 8-bit inputs in 16-bit words.
        interpolate(
            "interpolator_mixed",
            16,
            &[
                (steep(-32768, 32767), word),
                of_bytes,
                (random_knots(16, 16, 1), byte),
                (random_knots(1024, 16, 2), word),
                (steep(-32768, 32767), byte),
            ],
            &[every(16, 1), every(8, 2), every(8, 3), every(16, 4), every(8, 5), some(0, 5000)].concat(),
        ),
        interpolate(
            "interpolator_bytes_in_words",
            16,
            &[(random_knots(32, 16, 3), byte)],
            &[every(8, 0), every(8, 1)].concat(),
        ),
        interpolate(
            "interpolator_bytes",
            8,
            &[(random_knots(256, 8, 4), byte), (random_knots(16, 8, 5), byte), (steep(-128, 127), byte)],
            &[every(8, 0), every(8, 1), every(8, 2), every(8, 3)].concat(),
        ),
        interpolate(
            "interpolator_every_byte",
            8,
            &[(random_knots(256, 8, 7), byte)],
            &[every(8, 0), every(8, 1)].concat(),
        ),
    ]
}

/// Knots of `bits`, extreme ones among them.
fn random_knots(segments: usize, bits: u32, seed: u64) -> Activation {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let format = Format::new(bits, 0).unwrap();
    let mut knot = || match random.random_range(0..4) {
        0 => format.min() as i16,
        1 => format.max() as i16,
        _ => random.random_range(format.min()..=format.max()) as i16,
    };
    Activation::Table { function: "random".into(), knots: (0..=segments).map(|_| knot()).collect() }
}

/// Every word of `bits` for one selection.
fn every(bits: u32, select: u64) -> Vec<(i16, u64)> {
    (-(1i64 << (bits - 1))..1 << (bits - 1)).map(|x| (x as i16, select)).collect()
}

/// Random 16-bit words for one selection.
fn some(select: u64, count: usize) -> Vec<(i16, u64)> {
    let mut random = ChaCha8Rng::seed_from_u64(28);
    (0..count).map(|_| (random.random(), select)).collect()
}

fn interpolate(name: &'static str, width: u32, functions: &[Function], queries: &[(i16, u64)]) -> Case {
    let tables: Vec<Table> = functions
        .iter()
        .map(|(activation, input)| {
            let Activation::Table { function, knots } = activation else { unreachable!() };
            Table {
                function: function.clone(),
                input_bits: input.bits(),
                values: knots[..knots.len() - 1].to_vec(),
                slopes: knots.windows(2).map(|k| i32::from(k[1]) - i32::from(k[0])).collect(),
            }
        })
        .collect();
    // Neighbouring selections differ, so that a selection that comes too early or too late is seen.
    let mut queries = queries.to_vec();
    let mut random = ChaCha8Rng::seed_from_u64(29);
    for last in (1..queries.len()).rev() {
        queries.swap(last, random.random_range(0..=last));
    }
    let file = format!("{name}.hex");
    let mut bench = Bench::new(name, Interpolator::new(width, &tables, &file));
    for clock in 0..queries.len() + LATENCY {
        let (x, select) = queries[clock.min(queries.len() - 1)];
        let [y] = bench.tick(&[low_bits(x.into(), width), select]);
        if clock < LATENCY {
            bench.settled();
            continue;
        }
        let (x, select) = queries[clock - LATENCY];
        let golden = match select {
            0 => x,
            table => functions[table as usize - 1].0.apply(x, functions[table as usize - 1].1),
        };
        assert_eq!(y, low_bits(golden.into(), width), "{name}: table {select} of {x}");
    }
    let hex = bench.unit.hex();
    bench.finish(vec![(file, hex)])
}

#[test]
fn words_are_those_of_the_golden_model() {
    cases();
}
