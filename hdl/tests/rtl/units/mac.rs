//! The multiply-accumulate datapath against sums over its own past.

use emeuro_compiler::timing;
use emeuro_hdl::units::mac::{Mac, MacShape};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use crate::bench::{Bench, Case, low_bits, once_in, ports, signed, word};

ports!(Mac, [clock], [operand, weight, enable, first, hold, use_held] -> [sum]);

pub(crate) fn cases() -> Vec<Case> {
    let shape = |word, weight, sum, element_wise| MacShape { word, weight, sum, element_wise };
    vec![
        accumulate("mac", shape(16, 8, 40, false)),
        // Sums as wide as the product, narrower, and wider than both.
        accumulate("mac_tight", shape(8, 8, 16, false)),
        accumulate("mac_narrow", shape(16, 16, 27, false)),
        accumulate("mac_nibble", shape(8, 4, 13, false)),
        accumulate("mac_element_wise", shape(16, 8, 36, true)),
        // The weight is the wider factor, and the sum is narrower than the product.
        accumulate("mac_element_wise_bytes", shape(8, 16, 20, true)),
    ]
}

/// Inputs of one clock.
struct Clock {
    operand: i64,
    weight: i64,
    hold: bool,
    use_held: bool,
}

/// Clocks from the operand to `hold` and `use_held`, and to `enable` and `first`; the sum follows one clock later.
const TO_FACTOR: usize = 1;
const TO_ENABLE: usize = timing::ISSUE_TO_SUM as usize - 2;

/// The product that the accumulator may add in `clock`, from the operands and weights of the past.
fn product(past: &[Clock], clock: usize) -> i64 {
    let (operand, control) = (&past[clock - TO_ENABLE], clock - TO_ENABLE + TO_FACTOR);
    let held = past[..control].iter().rposition(|c| c.hold);
    match (past[control].use_held, held) {
        (true, Some(at)) => operand.operand * past[at - TO_FACTOR].operand,
        (true, None) => panic!("nothing was held"),
        (false, _) => operand.operand * operand.weight,
    }
}

fn accumulate(name: &'static str, shape: MacShape) -> Case {
    let mut random = ChaCha8Rng::seed_from_u64(25);
    let mut bench = Bench::new(name, Mac::new(shape));
    let mut past: Vec<Clock> = vec![];
    let mut terms: Option<Vec<i64>> = None;
    for clock in 0..4000 {
        // What is held must be held once before it is used, and a sum must have begun.
        let warm = clock > 10;
        let (operand, weight) = (word(&mut random, shape.word), word(&mut random, shape.weight));
        let enable = once_in(&mut random, 2);
        let first = clock == 10 || once_in(&mut random, 12);
        let hold = shape.element_wise && (clock == 5 || clock > 5 && once_in(&mut random, 4));
        let use_held = shape.element_wise && warm && once_in(&mut random, 2);
        let enable = enable || clock == 10;
        let mut words = vec![operand, weight, enable.into(), first.into()];
        if shape.element_wise {
            words.extend([u64::from(hold), use_held.into()]);
        }
        let [sum] = bench.tick(&words);
        if let Some(terms) = &terms {
            let expected = low_bits(terms.iter().fold(0, |a, b| a.wrapping_add(*b)), shape.sum);
            assert_eq!(sum, expected, "{name}, clock {clock}: {terms:?}");
        } else {
            bench.settled();
        }
        let (operand, weight) = (signed(operand, shape.word), signed(weight, shape.weight));
        past.push(Clock { operand, weight, hold, use_held });
        if clock >= 10 && enable {
            let term = product(&past, clock);
            match &mut terms {
                Some(terms) if !first => terms.push(term),
                terms => *terms = Some(vec![term]),
            }
        }
    }
    bench.finish(vec![])
}

#[test]
fn sums_are_sums_of_products() {
    cases();
}
