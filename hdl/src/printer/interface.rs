//! What surroundings and people want to know of a design without reading its Verilog: ports and memories.

use rust_hdl_core::ast::Verilog;
use rust_hdl_core::block::Block;

use super::PrintError;
use super::names::flat;
use super::tree::{self, Module, Role, Signal};

/// Which way a port goes, seen from the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// The clock.
    Clock,
    /// Into the module.
    Input,
    /// Out of the module.
    Output,
}

/// A port of the top module, as it is printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    /// Its name in the Verilog.
    pub name: String,
    /// Which way it goes.
    pub direction: Direction,
    /// Its width in bits.
    pub width: u32,
    /// Whether its words are signed.
    pub signed: bool,
    /// What it says, for people.
    pub comment: String,
}

/// A memory somewhere in the design.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Memory {
    /// The instances on the way to it, for example `lane_3.weights`.
    pub instance: String,
    /// Number of words.
    pub words: usize,
    /// Bits per word.
    pub bits: u32,
    /// Name of the hex file that fills it.
    pub file: Option<String>,
}

/// The ports of `top`, in the order in which the unit declares them.
///
/// # Errors
/// The unit cannot be printed at all.
pub fn ports(top: &dyn Block) -> Result<Vec<Port>, PrintError> {
    let port = |signal: &Signal| {
        let direction = match signal.role {
            Role::Clock => Direction::Clock,
            Role::Input => Direction::Input,
            Role::Output => Direction::Output,
            _ => return None,
        };
        Some(Port {
            name: flat(&signal.path),
            direction,
            width: signal.width,
            signed: signal.signed,
            comment: signal.comment.clone(),
        })
    };
    Ok(tree::read(top)?.signals.iter().filter_map(port).collect())
}

/// All memories below `top`: one per instance, in the order of the tree.
///
/// # Errors
/// The unit cannot be printed at all.
pub fn memories(top: &dyn Block) -> Result<Vec<Memory>, PrintError> {
    let mut found = vec![];
    collect(&tree::read(top)?, "", &mut found);
    Ok(found)
}

fn collect(module: &Module, instance: &str, found: &mut Vec<Memory>) {
    if let Verilog::Custom(text) = &module.body {
        let file = module.signals.iter().find_map(|signal| match &signal.role {
            Role::TextParameter(text) => Some(text.clone()),
            _ => None,
        });
        found.extend(text.lines().filter_map(declared).map(|(bits, words)| Memory {
            instance: instance.to_owned(),
            words,
            bits,
            file: file.clone(),
        }));
    }
    for (name, child) in &module.children {
        let separator = if instance.is_empty() { "" } else { "." };
        collect(child, &format!("{instance}{separator}{}", flat(name)), found);
    }
}

/// Width and depth if the line declares a memory: `reg [7:0] memory [0:1023];`, attributes before it.
fn declared(line: &str) -> Option<(u32, usize)> {
    let (_, declaration) = line.split_once("reg ")?;
    let (declaration, _) = declaration.split_once(';')?;
    let parts: Vec<&str> = declaration.split_whitespace().filter(|part| *part != "signed").collect();
    let (width, depth) = match parts.as_slice() {
        [width, _, depth] => (high(width, ":0]")?, depth),
        [_, depth] => (0, depth),
        _ => return None,
    };
    let last = depth.strip_prefix("[0:")?.strip_suffix(']')?.parse::<usize>().ok()?;
    Some((width + 1, last + 1))
}

fn high(range: &str, end: &str) -> Option<u32> {
    range.strip_prefix('[')?.strip_suffix(end)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn declarations_of_memories_are_found() {
        assert_eq!(declared("(* ram_style = \"block\" *) reg [15:0] memory [0:1023];"), Some((16, 1024)));
        assert_eq!(declared("    reg signed [7:0] memory [0:0]; // one"), Some((8, 1)));
        assert_eq!(declared("reg memory [0:3];"), Some((1, 4)));
        for line in ["reg [15:0] word;", "reg flag;", "memory[0] <= a;", "// reg of [0:3]"] {
            assert_eq!(declared(line), None, "{line}");
        }
    }
}
