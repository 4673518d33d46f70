//! The operand address: every common address with every pattern.

use emeuro_hdl::units::operand_address::OperandAddress;

use crate::bench::{Bench, Case, ports};

ports!(OperandAddress, [], [common, pattern] -> [address]);

pub(crate) fn cases() -> Vec<Case> {
    vec![
        add("operand_address", 6, &[0, 63, 1, 40]),
        // The selector has more values than there are patterns.
        add("operand_address_three", 7, &[5, 100, 127]),
        add("operand_address_one", 5, &[9]),
    ]
}

fn add(name: &'static str, width: u32, offsets: &[u64]) -> Case {
    let unit = OperandAddress::new(width, offsets);
    let selections = 1 << unit.pattern.width();
    let mut bench = Bench::new(name, unit);
    for pattern in 0..selections {
        for common in 0..1 << width {
            let offset = offsets[(pattern as usize).min(offsets.len() - 1)];
            assert_eq!(bench.tick(&[common, pattern]), [(common + offset) % (1 << width)], "{name}");
        }
    }
    bench.finish(vec![])
}

#[test]
fn offsets_are_added() {
    cases();
}
