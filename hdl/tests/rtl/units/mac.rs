//! The multiply-accumulate datapath against sums and maxima over its own past.

use emeuro_compiler::{Multiplier, timing};
use emeuro_hdl::units::mac::{Mac, MacShape};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use crate::bench::{Bench, Case, low_bits, once_in, ports, signed, word};

ports!(Mac, [clock], [operand, weight, enable, first, use_held, keep_largest] -> [sum]);

pub(crate) fn cases() -> Vec<Case> {
    let shape =
        |word, weight, sum, element_wise| MacShape { word, weight, sum, element_wise, ..MacShape::default() };
    let maximum = |shape: MacShape| MacShape { maximum: true, ..shape };
    let ecp5 = |shape: MacShape| MacShape { multiplier: Multiplier::Ecp5, ..shape };
    vec![
        accumulate("mac", shape(16, 8, 40, false)),
        // Sums as wide as the product, narrower, and wider than both.
        accumulate("mac_tight", shape(8, 8, 16, false)),
        accumulate("mac_narrow", shape(16, 16, 27, false)),
        accumulate("mac_nibble", shape(8, 4, 13, false)),
        accumulate("mac_element_wise", shape(16, 8, 36, true)),
        // The weight is the wider factor, and the sum is narrower than the product.
        accumulate("mac_element_wise_bytes", shape(8, 16, 20, true)),
        accumulate("mac_maximum", maximum(shape(16, 8, 40, false))),
        accumulate("mac_maximum_tight", maximum(shape(8, 8, 16, true))),
        accumulate("mac_ecp5", ecp5(shape(16, 8, 40, false))),
        accumulate("mac_ecp5_element_wise", ecp5(shape(16, 8, 36, true))),
    ]
}

/// Inputs of one clock.
struct Clock {
    operand: i64,
    weight: i64,
    use_held: bool,
}

/// Clocks from the operand to `enable` and `first`; the sum follows one clock later.
const TO_ENABLE: usize = timing::ISSUE_TO_SUM as usize - 3;

/// The product that the accumulator may add in `clock`, from the operands and weights of the past.
fn product(past: &[Clock], clock: usize) -> i64 {
    let at = clock - TO_ENABLE;
    past[at].operand * if past[at].use_held { past[at - 1].operand } else { past[at].weight }
}

fn accumulate(name: &'static str, shape: MacShape) -> Case {
    let mut random = ChaCha8Rng::seed_from_u64(25);
    let mut bench = Bench::new(name, Mac::new(shape));
    let mut past: Vec<Clock> = vec![];
    // The sum so far.
    let mut expected: Option<i64> = None;
    for clock in 0..4000 {
        // Products that differ by little, where they are compared.
        let is_small = shape.maximum && once_in(&mut random, 2);
        let [operand, weight] = [shape.word, shape.weight].map(|width| match is_small {
            true => low_bits(signed(word(&mut random, 2), 2), width),
            false => word(&mut random, width),
        });
        let enable = once_in(&mut random, 2);
        let first = clock == 10 || once_in(&mut random, 12);
        let use_held = shape.element_wise && once_in(&mut random, 2);
        let enable = enable || clock == 10;
        let mut words = vec![operand, weight, enable.into(), first.into()];
        let keep_largest = shape.maximum && once_in(&mut random, 2);
        words.extend(shape.element_wise.then_some(u64::from(use_held)));
        words.extend(shape.maximum.then_some(u64::from(keep_largest)));
        let [sum] = bench.tick(&words);
        if let Some(expected) = expected {
            assert_eq!(sum, low_bits(expected, shape.sum), "{name}, clock {clock}");
        } else {
            bench.settled();
        }
        let (operand, weight) = (signed(operand, shape.word), signed(weight, shape.weight));
        past.push(Clock { operand, weight, use_held });
        if clock >= 10 && enable {
            let term = product(&past, clock);
            expected = Some(match expected {
                Some(sum) if !first && keep_largest => sum.max(term),
                // The accumulator wraps.
                Some(sum) if !first => signed(low_bits(sum + term, shape.sum), shape.sum),
                _ => term,
            });
        }
    }
    bench.finish(vec![])
}

#[test]
fn sums_are_sums_of_products_or_the_largest() {
    cases();
}
