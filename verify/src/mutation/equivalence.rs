//! Proves that a mutant can never be told from the design.
//!
//! Both get the same inputs, begin with all registers 0, and are reset in the first clock; from the second clock on, no
//! output may ever differ. Yosys makes the pair, ABC proves it: registers that correspond first, then reachability. The
//! proofs have no bound.

use std::fs;
use std::process::Command;

use super::netlist::{Mutation, Netlist};
use crate::error::{Error, Result};
use crate::tools::{Program, Tools, said};

/// Seconds per proof.
const TIMEOUT: u32 = 15;

/// The ports of a design, as far as a comparison needs them.
#[derive(Debug, Clone)]
pub(crate) struct Interface {
    /// Its clock.
    pub clock: String,
    /// Its reset, active low, if it has one.
    pub reset: Option<String>,
    /// Names and widths of the other inputs.
    pub inputs: Vec<(String, u32)>,
    /// Names and widths of outputs.
    pub outputs: Vec<(String, u32)>,
    /// Outputs that mean nothing while another one is 0: the positions of both.
    pub meaning: Vec<(usize, usize)>,
}

impl Interface {
    /// A module that compares the modules `gold` and `gate`.
    fn comparison(&self) -> String {
        let mut ports = vec!["input clock".to_owned()];
        ports.extend(self.reset.iter().map(|_| "input reset".to_owned()));
        ports.extend(self.inputs.iter().map(|(name, width)| format!("input [{}:0] {name}", width - 1)));
        let mut wires = String::new();
        let mut differences = vec![];
        for (index, (name, width)) in self.outputs.iter().enumerate() {
            for side in ["gold", "gate"] {
                wires += &format!("wire [{}:0] {side}_{name};\n", width - 1);
            }
            let different = format!("gold_{name} != gate_{name}");
            differences.push(match self.meaning.iter().find(|(data, _)| *data == index) {
                Some((_, valid)) => format!("(gold_{} && {different})", self.outputs[*valid].0),
                None => format!("({different})"),
            });
        }
        let instance = |side: &str| {
            let clock = std::iter::once(format!(".{}(clock)", self.clock));
            let reset = self.reset.iter().map(|name| format!(".{name}(reset && started)"));
            let inputs = self.inputs.iter().map(|(name, _)| format!(".{name}({name})"));
            let outputs = self.outputs.iter().map(|(name, _)| format!(".{name}({side}_{name})"));
            let all: Vec<String> = clock.chain(reset).chain(inputs).chain(outputs).collect();
            format!("{side} {side} ({});\n", all.join(", "))
        };
        format!(
            "module comparison({}, output different);\nreg started = 0;\nalways @(posedge clock) started <= 1;\n\
             {wires}{}{}assign different = started && ({});\nendmodule\n",
            ports.join(", "),
            instance("gold"),
            instance("gate"),
            differences.join(" || ")
        )
    }
}

/// Whether `mutation` is proven to make no difference.
///
/// # Errors
/// A tool is missing, or Yosys fails.
pub(crate) fn is_proven(
    tools: &Tools,
    netlist: &Netlist,
    mutation: &Mutation,
    interface: &Interface,
) -> Result<bool> {
    let folder = &netlist.folder;
    let write = |name: &str, text: &str| {
        let path = folder.join(name);
        fs::write(&path, text).map_err(Error::io(&path))
    };
    write("comparison.v", &interface.comparison())?;
    let top = &netlist.top;
    write(
        "comparison.ys",
        &format!(
            "read_rtlil base.il\ncopy {top} gate\n{}\nrename {top} gold\nread_verilog comparison.v\n\
             hierarchy -check -top comparison\nproc\nflatten\nopt -full\nmemory_map\nopt -full\ntechmap\nopt\n\
             setundef -undriven -zero\nsetundef -zero\nsetundef -init -zero\ndfflegalize -cell $_DFF_P_ 0\nopt_clean\n\
             aigmap\nopt_clean\nwrite_aiger -zinit comparison.aig\n",
            mutation.command_on(top, "gate")
        ),
    )?;
    tools.yosys(folder, "script comparison.ys", top)?;
    let abc = tools.find(Program::Abc)?;
    let script = format!("&read comparison.aig; &scorr -C 1000; &put; pdr -T {TIMEOUT}");
    let output =
        Command::new(&abc).args(["-c", &script]).current_dir(folder).output().map_err(Error::io(&abc))?;
    Ok(said(&output).contains("Property proved"))
}
