//! Where Verilator's run-time is: in the model, or, with the feature `verilated`, in the program alone.

mod common;

use std::process::Command;

use common::build;
use emeuro_testbench::{Roms, RtlPolicy, Sim};

/// Symbols of the run-time that every model uses, mangled: the constructors of its context and of a symbol table.
const RUNTIME: [&str; 2] = ["_ZN16VerilatedContextC1Ev", "_ZN13VerilatedSymsC2EP16VerilatedContext"];

#[test]
fn models_have_the_run_time_unless_the_program_has_it() {
    if RtlPolicy::current().verilator_or_skip().is_none() {
        return;
    }
    let model = build("widths");
    let nm = Command::new("nm").arg(model.path()).output().unwrap();
    assert!(nm.status.success(), "{}", String::from_utf8_lossy(&nm.stderr));
    let text = String::from_utf8(nm.stdout).unwrap();
    for symbol in RUNTIME {
        let line = text.lines().find(|line| line.ends_with(&format!(" {symbol}")));
        let line = line.unwrap_or_else(|| panic!("the model does not use {symbol}"));
        let is_open = line.contains(" U ");
        assert_eq!(is_open, cfg!(feature = "verilated"), "{line}");
    }
    // And it runs where it is.
    Sim::new(&model, Roms::None, 1).unwrap().tick().unwrap();
}
