//! The example in the documentation does what it says.

#[path = "../examples/own_bench.rs"]
#[expect(unreachable_pub, reason = "an example is a program, its `main` is public for this test alone")]
mod own_bench;

use emeuro_testbench::RtlPolicy;

#[test]
fn a_bench_of_your_own_runs() {
    if RtlPolicy::current().verilator_or_skip().is_some() {
        own_bench::main().unwrap();
    }
}
