//! The requantiser against the golden model.

use emeuro_compiler::timing;
use emeuro_golden::{Format, requantise};
use emeuro_hdl::units::requantiser::Requantiser;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::bench::{Bench, Case, low_bits, once_in, ports};

ports!(Requantiser, [clock], [result, bias, shift, rectify, narrow] -> [word]);

/// Clocks from the result to the word; one more leads to the write register.
const LATENCY: usize = timing::HEAD_TO_WRITE as usize - 1;

pub(crate) fn cases() -> Vec<Case> {
    vec![
        exhaustive("requantiser_all", 10, 8),
        corners("requantiser", 40, 16, 24, 6),
        corners("requantiser_wide", 48, 16, 48, 6),
        corners("requantiser_tight", 16, 16, 16, 4),
        corners("requantiser_byte", 24, 8, 20, 5),
    ]
}

/// A value to requantise.
struct Query {
    result: i64,
    bias: i64,
    shift: u32,
    rectify: bool,
    narrow: bool,
}

/// What is added before the shift, so that it rounds half up.
fn half(shift: u32) -> i64 {
    if shift == 0 { 0 } else { 1 << (shift - 1) }
}

/// Every result with every shift that leaves room for the rounding constant.
fn exhaustive(name: &'static str, sum: u32, word: u32) -> Case {
    let mut queries = vec![];
    for shift in 0..sum {
        let results = -(1 << (sum - 1))..(1 << (sum - 1)) - half(shift);
        for result in results {
            for rectify in [false, true] {
                queries.push(Query { result, bias: half(shift), shift, rectify, narrow: false });
            }
        }
    }
    ask(name, Requantiser::new(sum, word, sum, 4), &queries)
}

/// Ties and their neighbours at both limits of words and bytes and around 0, for every shift, and random values.
fn corners(name: &'static str, sum: u32, word: u32, bias_bits: u32, shift_bits: u32) -> Case {
    let mut random = ChaCha8Rng::seed_from_u64(27);
    let limits = |bits: u32| -(1i64 << (bits - 1))..1i64 << (bits - 1);
    let quotients: Vec<i64> = [limits(word), limits(8)]
        .into_iter()
        .flat_map(|limit| {
            [limit.start - 1, limit.start, limit.start + 1, limit.end - 2, limit.end - 1, limit.end]
        })
        .chain([-2, -1, 0, 1])
        // Where a comparison with a limit would go wrong in one bit.
        .chain((7..=word).flat_map(|bit| [-(1 << bit) - 1, 1 << bit]))
        .collect();
    let mut queries = vec![];
    for shift in 0..(sum - 1).min(1 << shift_bits) {
        let ties = quotients.iter().flat_map(|q| {
            let tie = (q << shift) + half(shift);
            [tie - 1, tie, tie + 1, q << shift]
        });
        let mut values: Vec<i64> =
            ties.chain([limits(sum).start, limits(sum).end - 1 - half(shift)]).collect();
        values.extend((0..60).map(|_| {
            let bits = random.random_range(1..=sum);
            random.random_range(limits(bits))
        }));
        for value in values {
            let fits = |v: i64| limits(sum).contains(&v);
            let bias = random.random_range(limits(bias_bits)) >> random.random_range(0..bias_bits);
            let queried = Query {
                result: value - bias,
                bias: bias + half(shift),
                shift,
                rectify: once_in(&mut random, 4),
                narrow: once_in(&mut random, 2),
            };
            // The compiler has proven as much for every sum.
            if fits(queried.result) && fits(value + half(shift)) && limits(bias_bits).contains(&queried.bias)
            {
                queries.push(queried);
            }
        }
    }
    assert!(queries.len() > 1000, "{name}: {}", queries.len());
    ask(name, Requantiser::new(sum, word, bias_bits, shift_bits), &queries)
}

fn ask(name: &'static str, unit: Requantiser, queries: &[Query]) -> Case {
    let (sum, width) = (unit.result.width(), unit.word.width());
    let mut bench = Bench::new(name, unit);
    for clock in 0..queries.len() + LATENCY {
        let query = &queries[clock.min(queries.len() - 1)];
        let Query { result, bias, shift, rectify, narrow } = *query;
        let words = [low_bits(result, sum), bias as u64, shift.into(), rectify.into(), narrow.into()];
        let [word] = bench.tick(&words);
        if clock < LATENCY {
            bench.settled();
            continue;
        }
        let Query { result, bias, shift, rectify, narrow } = queries[clock - LATENCY];
        let format = Format::new(if narrow { 8 } else { width }, 0).unwrap();
        let value = result + bias - half(shift);
        let golden = requantise(value, shift, format);
        let expected = low_bits(if rectify { golden.max(0) } else { golden }.into(), width);
        assert_eq!(word, expected, "{name}: {value} >> {shift}, rectify {rectify}, narrow {narrow}");
    }
    bench.finish(vec![])
}

#[test]
fn words_are_those_of_the_golden_model() {
    cases();
}
