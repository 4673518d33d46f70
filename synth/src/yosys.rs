//! Yosys: the mapped design, its cells, and the netlist with the wrapper for place and route.

use std::fs;
use std::path::Path;

use crate::area::Area;
use crate::design::Design;
use crate::error::{Error, Result};
use crate::ports;
use crate::target::Target;
use crate::tool::Tool;
use crate::wrapper;

const STATISTICS: &str = "stat.json";
const MAPPED: &str = "mapped.il";
const PORTS: &str = "ports.json";
const WRAPPER: &str = "synthesis_wrapper.v";

/// The netlist of the wrapped design, in the folder.
pub(crate) const NETLIST: &str = "netlist.json";

/// Maps `design`, whose files are in `folder`, and counts its cells.
pub(crate) fn map(yosys: &Tool, target: Target, design: &Design, folder: &Path) -> Result<Area> {
    let (top, sources) = (&design.top, design.verilog().collect::<Vec<_>>().join(" "));
    let script = format!(
        "read_verilog {sources}; {synthesis} -top {top}; tee -q -o {STATISTICS} stat -json -top {top}; \
         select {top}; write_rtlil -selected {MAPPED}; select -clear; blackbox {top}; write_json {PORTS}\n",
        synthesis = target.synthesis(),
    );
    run(yosys, folder, "map", &script, top)?;
    Area::read(target, &folder.join(STATISTICS))
}

/// Wraps what [`map`] has left in `folder`. The design's cells stay as they are: what is placed is what was counted.
pub(crate) fn wrap(yosys: &Tool, target: Target, design: &Design, folder: &Path) -> Result<()> {
    let ports = ports::read(&folder.join(PORTS), &design.top)?;
    let is_clock = |port: &&ports::Port| port.name == design.clock && port.is_input && port.width == 1;
    if ports.iter().find(is_clock).is_none() {
        let message = format!("expected a clock input `{}`", design.clock);
        return Err(Error::Design { top: design.top.clone(), message });
    }
    let others: Vec<ports::Port> = ports.into_iter().filter(|port| port.name != design.clock).collect();
    write(folder, WRAPPER, &wrapper::verilog(&design.top, &design.clock, &others))?;
    let script = format!(
        "read_rtlil {MAPPED}; read_verilog {WRAPPER}; {synthesis} -top {top}; write_json {NETLIST}\n",
        synthesis = target.synthesis(),
        top = wrapper::TOP,
    );
    run(yosys, folder, "wrap", &script, &design.top)
}

/// The script goes through a file, so that a kept folder shows what was done.
fn run(yosys: &Tool, folder: &Path, step: &str, script: &str, top: &str) -> Result<()> {
    let (file, log) = (format!("{step}.ys"), format!("{step}.log"));
    write(folder, &file, &script.replace("; ", "\n"))?;
    yosys.run(folder, &["-q", "-l", &log, "-s", &file], top)
}

fn write(folder: &Path, name: &str, text: &str) -> Result<()> {
    let path = folder.join(name);
    fs::write(&path, text).map_err(Error::io(&path))
}
