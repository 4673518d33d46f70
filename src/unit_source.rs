//! An emulator compiled for a number of lanes, with its predicted clocks and its files.

use emeuro::{
    compiler::{Cycles, Machine, Program, UnitConfig, compile},
    golden::Emulator,
    hdl::UnitDesign,
    testbench::{Design, SourceFile},
};

use crate::failure::{Failure, input};

/// A compiled and printed unit.
pub(crate) struct UnitSource {
    /// The program in its ROMs.
    pub(crate) program: Program,
    /// What the compiler predicts.
    pub(crate) cycles: Cycles,
    /// Its Verilog and hex files.
    pub(crate) design: UnitDesign,
}

impl UnitSource {
    /// The unit of `emulator` with `lanes` lanes; `regenerate` is the command for the banner of its files.
    pub(crate) fn new(emulator: &Emulator, lanes: usize, regenerate: &str) -> Result<Self, Failure> {
        let config = UnitConfig::new(lanes).map_err(input)?;
        let program = compile(emulator, &config).map_err(|e| named(emulator, &e))?;
        let cycles = Machine::cycles(&program).map_err(|e| named(emulator, &e))?;
        let design = UnitDesign::new(&program, cycles, regenerate).map_err(|e| named(emulator, &e))?;
        Ok(Self { program, cycles, design })
    }

    /// Share of the lanes' clocks that do useful multiply-accumulates, frames back to back.
    pub(crate) fn utilisation(&self) -> f64 {
        self.program.macs as f64 / (self.program.lanes() as f64 * self.cycles.period as f64)
    }

    /// The unit for the test bench.
    pub(crate) fn simulated(&self) -> Design {
        let files = self.design.files().map(|(name, text)| SourceFile::new(name, text));
        Design::new(&self.design.top, files.collect())
    }
}

fn named(emulator: &Emulator, error: &dyn std::error::Error) -> Failure {
    Failure::Input(format!("emulator {:?}: {error}", emulator.name()))
}
