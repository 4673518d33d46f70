//! A design as a netlist with many mutants in it, of which an input selects one at run time.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::tools::Tools;

/// The input that selects a mutant; 0 is the design itself.
pub(crate) const SELECT: &str = "mutant_select";
/// Its width.
const SELECT_BITS: u32 = 10;
/// Ports that are left alone. A mutant without a clock would only show that nothing works without one; and enables and resets of
/// read ports that have no register mean nothing, so that Yosys refuses to write them.
const LEFT_ALONE: [&str; 6] = ["CLK", "RD_CLK", "WR_CLK", "RD_EN", "RD_ARST", "RD_SRST"];

/// A change of one bit of one cell's port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mutation {
    /// The Yosys command that makes it.
    command: String,
    /// What is done: `const0`, `const1`, `inv`, `cnot0`, `cnot1`.
    pub mode: String,
    /// The cell, the port and the bit.
    pub place: String,
    /// File and line of the Verilog that the cell comes from; empty for cells of no line.
    pub source: String,
}

impl Mutation {
    /// Reads a line of `mutate -list`. Of the lines that it names, those of instances are not the origin: it is in the first
    /// of `files`, which stand before what contains them.
    fn parse(line: &str, files: &[&str]) -> Option<Self> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let after =
            |option: &str| words.iter().position(|word| *word == option).and_then(|i| words.get(i + 1));
        let cell = after("-cell")?;
        let port = after("-port")?;
        let bit = after("-portbit")?;
        let sources = words.windows(2).filter(|two| two[0] == "-src").map(|two| two[1]);
        let rank = |source: &&str| {
            let file = source.split(':').next().unwrap_or_default();
            files.iter().position(|name| *name == file).unwrap_or(files.len())
        };
        Some(Self {
            command: line.trim().to_owned(),
            mode: (*after("-mode")?).to_owned(),
            place: format!("{cell}.{port}[{bit}]"),
            source: sources.min_by_key(rank).unwrap_or_default().to_owned(),
        })
        .filter(|_| !LEFT_ALONE.contains(port))
    }

    /// The file that the cell comes from.
    pub(crate) fn file(&self) -> &str {
        self.source.split(':').next().unwrap_or_default()
    }

    /// The command on `module`, which is in the place of the listed one.
    pub(crate) fn command_on(&self, top: &str, module: &str) -> String {
        self.command.replacen(&format!("-module {top} "), &format!("-module {module} "), 1)
    }
}

/// A design's netlist and its mutants.
#[derive(Debug)]
pub(crate) struct Netlist {
    /// Where its files are; `base.il` is the netlist itself.
    pub folder: PathBuf,
    /// The top module.
    pub top: String,
    /// Mutant k is number k + 1 of the select input.
    pub mutations: Vec<Mutation>,
    /// The netlist with all mutants.
    pub verilog: String,
}

impl Netlist {
    /// The netlist of the design with `count` mutants, fewer if it has no more places. `seed` decides which.
    ///
    /// # Errors
    /// Yosys fails, or [`Error::Unit`] for more mutants than can be selected.
    pub(crate) fn new(
        tools: &Tools,
        folder: &Path,
        top: &str,
        files: &[(String, String)],
        hex: &[(String, String)],
        count: usize,
        seed: u64,
    ) -> Result<Self> {
        if count >= 1 << SELECT_BITS {
            return Err(Error::Unit(format!(
                "{count} mutants of one design: expected fewer than {}",
                1 << SELECT_BITS
            )));
        }
        fs::create_dir_all(folder).map_err(Error::io(folder))?;
        for (name, text) in files.iter().chain(hex) {
            let path = folder.join(name);
            fs::write(&path, text).map_err(Error::io(&path))?;
        }
        let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
        // Twice as many are listed, since some are left alone and some come twice.
        let script = format!(
            "read_verilog {}; hierarchy -check -top {top}; proc; flatten; opt -full; wreduce; opt -full; \
             memory_collect; opt_clean; write_rtlil base.il; mutate -list {} -seed {} -o mutants.list",
            names.join(" "),
            2 * count,
            seed % (1 << 31)
        );
        tools.yosys(folder, &script, top)?;
        let path = folder.join("mutants.list");
        let list = fs::read_to_string(&path).map_err(Error::io(&path))?;
        let mut seen = HashSet::new();
        let distinct = |mutation: &Mutation| seen.insert((mutation.mode.clone(), mutation.place.clone()));
        let mutations: Vec<Mutation> = list
            .lines()
            .filter_map(|line| Mutation::parse(line, &names))
            .filter(distinct)
            .take(count)
            .collect();
        let mut apply = String::from("read_rtlil base.il\n");
        for (number, mutation) in (1..).zip(&mutations) {
            let options = mutation.command.trim_start_matches("mutate ");
            apply += &format!("mutate -ctrl {SELECT} {SELECT_BITS} {number} {options}\n");
        }
        apply += "opt_clean\nwrite_verilog -noattr mutants.v\n";
        let path = folder.join("mutants.ys");
        fs::write(&path, apply).map_err(Error::io(&path))?;
        tools.yosys(folder, "script mutants.ys", top)?;
        let path = folder.join("mutants.v");
        let verilog = fs::read_to_string(&path).map_err(Error::io(&path))?;
        Ok(Self { folder: folder.to_owned(), top: top.to_owned(), mutations, verilog })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_list_is_read() {
        let line = "mutate -mode inv -module top -cell $procdff$6 -port Q -portbit 2 -wire q -wirebit 2 \
                    -src m.v:1.56-1.57 -src m.v:3.2-3.51";
        let mutation = Mutation::parse(line, &["m.v"]).unwrap();
        assert_eq!((mutation.mode.as_str(), mutation.place.as_str()), ("inv", "$procdff$6.Q[2]"));
        assert_eq!((mutation.source.as_str(), mutation.file()), ("m.v:1.56-1.57", "m.v"));
        assert!(mutation.command_on("top", "gate").starts_with("mutate -mode inv -module gate -cell"));
        let of_part = line.replace("-src m.v:3", "-src part.v:3");
        assert_eq!(Mutation::parse(&of_part, &["part.v", "m.v"]).unwrap().source, "part.v:3.2-3.51");
        let clock = line.replace("-port Q", "-port CLK");
        assert!(Mutation::parse(&clock, &["m.v"]).is_none(), "clocks are left alone");
    }
}
