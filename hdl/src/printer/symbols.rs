//! The signals that a module's body can name: its own and those of its instances.

use std::collections::HashMap;

use super::PrintError;
use super::names::{Lengths, Loops, flat, resolve};
use super::tree::{Module, Role};

/// An index into [`Symbols`].
pub(super) type SymbolId = usize;

/// Whose signal it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Owner {
    Module,
    /// The instance with this number.
    Instance(usize),
}

/// A signal as the body of a module sees it.
#[derive(Clone, Debug)]
pub(super) struct Symbol {
    /// Name in this module's Verilog; of an instance's port, the name of the wire at that port.
    pub name: String,
    /// Name of the port or parameter in the instance's own module.
    pub port: String,
    pub owner: Owner,
    pub role: Role,
    pub width: u32,
    pub signed: bool,
    pub comment: String,
}

impl Symbol {
    /// True if this module's body must drive it.
    pub(super) fn is_driven_here(&self) -> bool {
        match self.owner {
            Owner::Module => matches!(self.role, Role::Output | Role::Local),
            Owner::Instance(_) => matches!(self.role, Role::Input | Role::Clock),
        }
    }

    /// True for constants and parameters.
    pub(super) fn is_fixed(&self) -> bool {
        matches!(self.role, Role::Constant(_) | Role::TextParameter(_) | Role::NumberParameter(_))
    }
}

/// The symbol table of one module.
#[derive(Debug, Default)]
pub(super) struct Symbols {
    module: String,
    all: Vec<Symbol>,
    by_path: HashMap<String, SymbolId>,
    lengths: Lengths,
}

impl std::ops::Index<SymbolId> for Symbols {
    type Output = Symbol;

    fn index(&self, id: SymbolId) -> &Symbol {
        &self.all[id]
    }
}

/// The Verilog name of a module's own signal: constants and parameters are written in capitals.
fn own_name(path: &str, role: &Role) -> String {
    match role {
        Role::Constant(_) | Role::TextParameter(_) | Role::NumberParameter(_) => {
            flat(path).to_ascii_uppercase()
        }
        _ => flat(path),
    }
}

impl Symbols {
    /// Everything that the body of `module` can name. An instance's constants and local wires are its own business.
    pub(super) fn new(module: &Module) -> Self {
        let mut symbols = Self { module: module.name.clone(), ..Self::default() };
        for signal in &module.signals {
            let name = own_name(&signal.path, &signal.role);
            symbols.add(
                signal.path.clone(),
                Symbol {
                    port: name.clone(),
                    name,
                    owner: Owner::Module,
                    role: signal.role.clone(),
                    width: signal.width,
                    signed: signal.signed,
                    comment: signal.comment.clone(),
                },
            );
        }
        for (number, (instance, child)) in module.children.iter().enumerate() {
            symbols.lengths.observe(instance);
            for signal in &child.signals {
                if matches!(signal.role, Role::Local | Role::Constant(_)) {
                    continue;
                }
                let path = format!("{instance}${}", signal.path);
                symbols.add(
                    path.clone(),
                    Symbol {
                        name: flat(&path),
                        port: own_name(&signal.path, &signal.role),
                        owner: Owner::Instance(number),
                        role: signal.role.clone(),
                        width: signal.width,
                        signed: signal.signed,
                        comment: signal.comment.clone(),
                    },
                );
            }
        }
        symbols
    }

    fn add(&mut self, path: String, symbol: Symbol) {
        self.lengths.observe(&path);
        self.by_path.insert(path, self.all.len());
        self.all.push(symbol);
    }

    /// The symbol behind a name from the syntax tree.
    pub(super) fn find(&self, name: &str, loops: &Loops) -> Result<SymbolId, PrintError> {
        let path = resolve(name, loops, &self.lengths)
            .map_err(|index| PrintError::Index { module: self.module.clone(), index })?;
        self.by_path
            .get(&path)
            .copied()
            .ok_or_else(|| PrintError::Unknown { module: self.module.clone(), name: flat(&path) })
    }

    pub(super) fn module(&self) -> &str {
        &self.module
    }

    pub(super) fn ids(&self) -> std::ops::Range<SymbolId> {
        0..self.all.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (SymbolId, &Symbol)> {
        self.all.iter().enumerate()
    }
}
