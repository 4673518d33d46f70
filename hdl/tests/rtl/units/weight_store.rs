//! The distributor of weights: every word goes to its memory and to no other.

use emeuro_hdl::units::weight_store::{StoreShape, WeightStore};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::bench::{Bench, Case, once_in, ports, word};

ports!(
    WeightStore, [clock], [resetn, store, select, address, data] -> [
        lane, biases, weight_address, weight, bias_address, bias,
    ]
);

pub(crate) fn cases() -> Vec<Case> {
    let shape = StoreShape {
        lanes: 3,
        slots: 1,
        select: 2,
        address: 6,
        data: 20,
        weight_address: 5,
        weight: 8,
        bias_address: 2,
        bias: 20,
    };
    let narrow = StoreShape { lanes: 1, select: 1, address: 2, data: 16, weight: 16, bias: 12, ..shape };
    let narrow = StoreShape { weight_address: 1, bias_address: 1, ..narrow };
    let slots = StoreShape { lanes: 2, slots: 4, select: 3, ..shape };
    vec![
        distribute("weight_store", shape),
        distribute("weight_store_one", narrow),
        distribute("weight_store_slots", slots),
    ]
}

fn distribute(name: &'static str, shape: StoreShape) -> Case {
    let mut random = ChaCha8Rng::seed_from_u64(42);
    let mut bench = Bench::new(name, WeightStore::new(shape));
    // Whatever is asked for before and in reset is not done.
    bench.clock(&[0, 1, 0, 1, 1]);
    bench.settled();
    let mut expected: Option<[u64; 3]> = None;
    let mut stored = vec![0; shape.lanes + shape.slots];
    for clock in 0..2000 {
        let resetn = !once_in(&mut random, 10);
        let store = once_in(&mut random, 2);
        let select = random.random_range(0..1 << shape.select);
        let (address, data) = (word(&mut random, shape.address), word(&mut random, shape.data));
        let found = bench.clock(&[resetn.into(), store.into(), select, address, data]);
        let (enables, words) = found.split_at(shape.lanes + shape.slots);
        for (memory, enable) in enables.iter().enumerate() {
            let hit = expected.is_some_and(|[select, ..]| select == memory as u64);
            assert_eq!(*enable == 1, hit, "{name}, clock {clock}");
            stored[memory] += enable;
        }
        if let Some([_, address, data]) = expected {
            let low = |value: u64, bits: u32| value & ((1 << bits) - 1);
            let here = [
                low(address, shape.weight_address),
                low(data, shape.weight),
                low(address, shape.bias_address),
                low(data, shape.bias),
            ];
            assert_eq!(words, here, "{name}, clock {clock}");
        }
        expected = (resetn && store).then_some([select, address, data]);
    }
    assert!(stored.iter().all(|&count| count > 50), "{name}: {stored:?}");
    bench.finish(vec![])
}

#[test]
fn words_go_where_they_belong() {
    cases();
}
