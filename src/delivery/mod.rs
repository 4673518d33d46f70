//! What an engineer gets with a unit: its Verilog and ROMs, and everything that stands beside them.
//!
//! | file | holds |
//! | --- | --- |
//! | `<top>.v`, `*.v`, `*.hex` | the unit |
//! | `<top>.f` | the Verilog files, instances before what contains them |
//! | `<top>.core` | the same for FuseSoC, with targets for lint and synthesis |
//! | `<top>.xdc`, `<top>.lpf`, `<top>.pcf` | examples of clock constraints |
//! | `symbol.svg`, `waveform.svg` | the ports, and how words pass them |
//! | `REPORT.md` | configuration, clocks and memory of the unit, layer by layer |
//! | `unit.yaml` | configuration and names, for people and for this program |

mod constraints;
mod core_file;
mod layers;
mod memory;
mod port_group;
mod report;
mod svg;
mod symbol;
mod waveform;
mod words;

use emeuro_compiler::{Cycles, DesignNames, Program, UnitFile};
use emeuro_golden::Emulator;
use emeuro_hdl::UnitDesign;

pub use layers::{LayerClocks, layers};
pub use memory::{MemoryUse, Purpose, memory};
pub use report::{Synthesis, report};

/// The file with configuration and names.
pub const UNIT_FILE: &str = "unit.yaml";

/// The file with the figures.
pub const REPORT_FILE: &str = "REPORT.md";

/// A generated unit and where it comes from.
#[derive(Clone, Copy, Debug)]
pub struct Delivery<'a> {
    /// The emulator.
    pub emulator: &'a Emulator,
    /// What names the emulator on the command line: an application, or the path of a file.
    pub argument: &'a str,
    /// The program in the unit's ROMs.
    pub program: &'a Program,
    /// The clocks that the compiler predicts.
    pub cycles: Cycles,
    /// Verilog and hex files.
    pub design: &'a UnitDesign,
    /// The command that makes the folder.
    pub regenerate: &'a str,
}

impl Delivery<'_> {
    /// All files of the folder: names and texts. Equal units have equal texts.
    pub fn files(&self) -> Vec<(String, String)> {
        let top = &self.design.top;
        let mut files: Vec<(String, String)> = self.design.files().cloned().collect();
        let list: String = self.design.verilog.iter().map(|(name, _)| format!("{name}\n")).collect();
        files.push((format!("{top}.f"), list));
        files.push((format!("{top}.core"), core_file::core_file(self)));
        files.extend(constraints::constraints(top).map(|(ending, text)| (format!("{top}.{ending}"), text)));
        files.push(("symbol.svg".to_owned(), symbol::symbol(top, &self.design.ports)));
        files.push(("waveform.svg".to_owned(), waveform::waveform(self)));
        files.push((UNIT_FILE.to_owned(), self.unit_file().to_yaml()));
        files.push((REPORT_FILE.to_owned(), report(self, None)));
        files
    }

    /// The description of the folder.
    pub fn unit_file(&self) -> UnitFile {
        let names = DesignNames { emulator: self.argument.to_owned(), top: self.design.top.clone() };
        UnitFile { config: self.program.config.clone(), design: Some(names) }
    }
}
