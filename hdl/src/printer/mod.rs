//! The Verilog printer: a tree of units in, one Verilog-2001 file per distinct module out.
//!
//! 1. `tree` reads the units with a probe; `symbols` lists what the body of each can name.
//! 2. `lower` unrolls loops and infers every width; `drivers` cuts the body into one driver per signal.
//! 3. `render` writes a module; `layout` knows what looks good; `custom` looks into bodies that are Verilog already.
//! 4. Modules are printed children first; two that read the same are one.
//!
//! # Example
//!
//! ```
//! use emeuro_hdl::prelude::*;
//!
//! #[derive(LogicBlock)]
//! struct Inverter {
//!     info: ModuleInfo,
//!     pub a: Wire<In>,
//!     pub y: Wire<Out>,
//! }
//!
//! impl Logic for Inverter {
//!     #[hdl_gen]
//!     fn update(&mut self) {
//!         self.y.next = !self.a.val();
//!     }
//! }
//!
//! let inverter = Inverter {
//!     info: ModuleInfo::new("inverter", "inverts a byte"),
//!     a: Wire::new(8, "Byte"),
//!     y: Wire::new(8, "Inverted byte"),
//! };
//! let files = emeuro_hdl::print(&inverter, "top", "demo", "Made by an example.")?;
//! assert_eq!(files[0].name, "top.v");
//! assert!(files[0].text.contains("assign y = ~a;"));
//! # Ok::<(), emeuro_hdl::PrintError>(())
//! ```

mod custom;
mod drivers;
mod error;
mod expression;
mod interface;
mod layout;
mod lower;
mod names;
mod render;
mod symbols;
mod tree;

use std::collections::{HashMap, HashSet};

use rust_hdl_core::block::Block;

pub use error::PrintError;
pub use interface::{Direction, Memory, Port, memories, ports};
use render::Defaults;
use tree::Module;

/// One file of the design.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerilogFile {
    /// File name: the module's name with `.v`.
    pub name: String,
    /// Contents.
    pub text: String,
}

/// Stands for a module's own name until it is known whether the module is new.
const PLACEHOLDER: &str = "\u{1}";

/// Prints a unit and everything below it: one file per distinct module, instances before what contains them, so that
/// the top is the last file.
///
/// The top module is called `top_name`, every other one `<prefix>_<name in its ModuleInfo>`; different modules with the
/// same name get `_2`, `_3` and so on in the order of the tree. `banner` becomes the comment on top of each file (plain
/// text, any number of lines).
///
/// # Errors
/// A [`PrintError`] names the module and the signal. In particular every width must match exactly.
pub fn print(
    top: &dyn Block,
    top_name: &str,
    prefix: &str,
    banner: &str,
) -> Result<Vec<VerilogFile>, PrintError> {
    let tree = tree::read(top)?;
    names::check_identifier(top_name, top_name)?;
    let mut library = Library {
        prefix,
        banner,
        names: HashSet::from([top_name.to_string()]),
        by_text: HashMap::new(),
        files: vec![],
    };
    let text = library.text(&tree, Defaults::Held)?;
    library.store(&text, top_name);
    Ok(library.files)
}

/// The modules printed so far.
struct Library<'a> {
    prefix: &'a str,
    banner: &'a str,
    names: HashSet<String>,
    /// Name of a module by its text with the placeholder for a name.
    by_text: HashMap<String, String>,
    files: Vec<VerilogFile>,
}

impl Library<'_> {
    /// Prints what is below `module`, then the module, still without a name.
    fn text(&mut self, module: &Module, defaults: Defaults) -> Result<String, PrintError> {
        let children = module
            .children
            .iter()
            .map(|(_, child)| self.add(child))
            .collect::<Result<Vec<String>, PrintError>>()?;
        render::module(module, &children, defaults)
    }

    /// The name of the module, which is printed if it is not there yet.
    fn add(&mut self, module: &Module) -> Result<String, PrintError> {
        let text = self.text(module, Defaults::Neutral)?;
        if let Some(name) = self.by_text.get(&text) {
            return Ok(name.clone());
        }
        let base = format!("{}_{}", self.prefix, module.name);
        names::check_identifier(&module.name, &base)?;
        let mut name = base.clone();
        let mut number = 2;
        while !self.names.insert(name.clone()) {
            name = format!("{base}_{number}");
            number += 1;
        }
        self.store(&text, &name);
        self.by_text.insert(text, name.clone());
        Ok(name)
    }

    fn store(&mut self, text: &str, name: &str) {
        let mut file = layout::comment(self.banner);
        if !file.is_empty() {
            file.push('\n');
        }
        file.push_str(&text.replace(PLACEHOLDER, name));
        self.files.push(VerilogFile { name: format!("{name}.v"), text: file });
    }
}
