//! A call that the emulator answers allocates nothing, whatever its parameters are.

mod common;

use allocation_counter::measure;
use common::emulator;
use emeuro_regions::*;

#[derive(Frame)]
struct Point {
    x: f64,
    y: f32,
}

#[approximate(out = 3)]
fn mixed(point: &Point, values: [f64; 2], out: &mut [f64]) -> (f64, f32) {
    out.fill(point.x);
    (values[0], point.y)
}

#[test]
fn emulated_and_exact_calls_allocate_nothing() {
    let region = region("mixed").unwrap();
    let identity: Vec<f64> = (0..5 * 7).map(|i| f64::from(i / 7 == i % 7)).collect();
    region.load(emulator("identity", 7, &identity)).unwrap();
    let call = || mixed(&Point { x: 1.0, y: 2.0 }, [3.0, 4.0], &mut [5.0, 6.0, 7.0]);
    let allocations = |mode: &str| {
        region.set_mode(mode.parse().unwrap()).unwrap();
        // Once, to make the thread's runner and buffers.
        call();
        measure(|| (0..100).for_each(|_| assert_ne!(call().0, 9.0))).count_total
    };
    assert_eq!(allocations("exact"), 0);
    assert_eq!(allocations("emulate"), 0);
    assert_eq!(call(), (4.0, 5.0));
    assert_eq!(allocations("emulate:0"), 0);
    assert_eq!(allocations("check:3"), 0, "checks do not allocate either");
    assert!(measure(|| drop(vec![0u8; 1])).count_total > 0, "it does count");
}
