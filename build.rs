//! With the feature `verilated`, the program exports Verilator's run-time, for the models that it loads.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if cfg!(feature = "verilated") {
        println!("cargo::rustc-link-arg=-rdynamic");
    }
}
