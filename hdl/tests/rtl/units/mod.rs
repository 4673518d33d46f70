//! Every unit alone: its Rust simulation against an independent statement of what it does. The recorded clocks are then
//! replayed in the printed Verilog (see `behaviour`), and the Verilog is linted.

mod address_generator;
mod axi_lite;
mod control_registers;
mod controlled_unit;
mod delay_line;
mod drain;
mod input_loader;
mod interpolator;
mod issue;
mod lane;
mod loop_counters;
mod mac;
mod member_base;
mod memories;
mod nest;
mod operand_address;
mod output_streamer;
mod program_counter;
mod program_rom;
mod programs;
mod reducer;
mod requantiser;
mod router;
mod unit;
mod weight_store;
mod write_port;

use emeuro_hdl::VerilogFile;

use crate::bench::Case;
use crate::tools;

/// What all units were seen to do.
pub(crate) fn cases() -> Vec<Case> {
    [
        address_generator::cases,
        axi_lite::cases,
        control_registers::cases,
        controlled_unit::cases,
        delay_line::cases,
        drain::cases,
        input_loader::cases,
        interpolator::cases,
        issue::cases,
        lane::cases,
        loop_counters::cases,
        mac::cases,
        member_base::cases,
        memories::cases,
        operand_address::cases,
        output_streamer::cases,
        program_counter::cases,
        program_rom::cases,
        reducer::cases,
        requantiser::cases,
        router::cases,
        unit::cases,
        weight_store::cases,
        write_port::cases,
    ]
    .into_iter()
    .flat_map(|cases| cases())
    .collect()
}

#[test]
fn all_are_clean() {
    let cases = cases();
    let folder = tempfile::tempdir().unwrap();
    for case in &cases {
        tools::write(folder.path(), &case.files);
        for (name, text) in &case.hex {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
    }
    let files: Vec<VerilogFile> = cases.iter().flat_map(|case| case.files.clone()).collect();
    tools::lint_together(folder.path(), &files);
    let designs: Vec<_> = cases.iter().map(|case| (case.files.as_slice(), case.name.as_str())).collect();
    tools::check_all(folder.path(), &designs);
}
