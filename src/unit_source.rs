//! An emulator compiled for a unit, with its predicted clocks and its files.

use emeuro::{
    compiler::{Cycles, Machine, Program, UnitConfig, compile},
    delivery::Delivery,
    golden::Emulator,
    hdl::UnitDesign,
    testbench::{Design, SourceFile},
};

use crate::{
    emulator_source::EmulatorSource,
    failure::{Failure, input},
};

/// A compiled unit whose Verilog nobody has asked for.
pub(crate) struct CompiledUnit {
    /// The program in its ROMs.
    pub(crate) program: Program,
    /// What the compiler predicts; at the highest quality level, if there are several.
    pub(crate) cycles: Cycles,
    /// The same of the levels below, lowest first.
    pub(crate) lower: Vec<Cycles>,
}

impl CompiledUnit {
    /// The unit of `emulator` as `config` has it.
    pub(crate) fn new(emulator: &Emulator, config: &UnitConfig) -> Result<Self, Failure> {
        let program = compile(emulator, config).map_err(|e| named(emulator, &e))?;
        let cycles = Machine::cycles(&program).map_err(|e| named(emulator, &e))?;
        let lower = (0..program.lower.len()).map(|level| Machine::cycles_at(&program, level));
        let lower = lower.collect::<Result<_, _>>().map_err(|e| named(emulator, &e))?;
        Ok(Self { program, cycles, lower })
    }
}

/// A compiled and printed unit.
pub(crate) struct UnitSource {
    /// The program in its ROMs.
    pub(crate) program: Program,
    /// What the compiler predicts.
    pub(crate) cycles: Cycles,
    /// The same of the quality levels below the highest, lowest first.
    pub(crate) lower: Vec<Cycles>,
    /// Its Verilog and hex files.
    pub(crate) design: UnitDesign,
    /// The command in the banner of its files.
    regenerate: String,
}

impl UnitSource {
    /// The unit of `emulator` as `config` has it; `regenerate` is the command for the banner of its files.
    pub(crate) fn new(emulator: &Emulator, config: &UnitConfig, regenerate: &str) -> Result<Self, Failure> {
        let CompiledUnit { program, cycles, lower } = CompiledUnit::new(emulator, config)?;
        let design = UnitDesign::new(&program, cycles, regenerate).map_err(|e| named(emulator, &e))?;
        Ok(Self { program, cycles, lower, design, regenerate: regenerate.to_owned() })
    }

    /// The unit with everything that belongs in its folder.
    pub(crate) fn delivery<'a>(&'a self, source: &'a EmulatorSource) -> Delivery<'a> {
        Delivery {
            emulator: &source.emulator,
            argument: &source.argument,
            program: &self.program,
            cycles: self.cycles,
            design: &self.design,
            regenerate: &self.regenerate,
        }
    }

    /// Share of the lanes' clocks that do useful multiply-accumulates, frames back to back.
    pub(crate) fn utilisation(&self) -> f64 {
        self.program.utilisation(self.cycles.period)
    }

    /// The unit for the test bench.
    pub(crate) fn simulated(&self) -> Design {
        let files = self.design.files().map(|(name, text)| SourceFile::new(name, text));
        Design::new(&self.design.top, files.collect())
    }
}

fn named(emulator: &Emulator, error: &dyn std::error::Error) -> Failure {
    input(format_args!("emulator {:?}: {error}", emulator.name()))
}
