//! The module tree as the printer needs it, read from Rust-HDL's blocks with a probe.

use rust_hdl_core::ast::Verilog;
use rust_hdl_core::atom::{Atom, AtomKind};
use rust_hdl_core::block::Block;
use rust_hdl_core::probe::Probe;
use rust_hdl_core::type_descriptor::TypeKind;

use super::PrintError;
use crate::annotation::Annotation;

/// What a signal is to the module that declares it.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Role {
    Clock,
    Input,
    Output,
    Local,
    Constant(u64),
    TextParameter(String),
    NumberParameter(u64),
}

/// One atom of a module.
#[derive(Clone, Debug)]
pub(super) struct Signal {
    /// Path inside the module, with `$` between its parts.
    pub path: String,
    pub role: Role,
    pub width: u32,
    pub signed: bool,
    pub comment: String,
}

/// One module with everything below it.
#[derive(Debug)]
pub(super) struct Module {
    pub name: String,
    pub summary: String,
    pub notes: Vec<(String, String)>,
    pub signals: Vec<Signal>,
    /// Instance paths (`lanes$3`) and what they are instances of.
    pub children: Vec<(String, Module)>,
    pub body: Verilog,
}

/// Reads the tree below `top`.
pub(super) fn read(top: &dyn Block) -> Result<Module, PrintError> {
    let mut reader = Reader::default();
    top.accept("top", &mut reader);
    match reader.error {
        Some(error) => Err(error),
        None => reader.done.ok_or(PrintError::NoInfo { path: "top".into() }),
    }
}

/// What a `ModuleInfo` says.
struct Header {
    name: String,
    summary: String,
    notes: Vec<(String, String)>,
}

/// A module whose scope is still open.
struct Open {
    instance: String,
    header: Option<Header>,
    signals: Vec<Signal>,
    children: Vec<(String, Module)>,
    body: Verilog,
    namespaces: Vec<String>,
}

#[derive(Default)]
struct Reader {
    open: Vec<Open>,
    done: Option<Module>,
    error: Option<PrintError>,
}

impl Reader {
    fn path(&self) -> String {
        self.open.iter().map(|module| module.instance.as_str()).collect::<Vec<_>>().join(".")
    }

    fn fail(&mut self, error: PrintError) {
        self.error.get_or_insert(error);
    }
}

impl Probe for Reader {
    fn visit_start_scope(&mut self, name: &str, node: &dyn Block) {
        self.open.push(Open {
            instance: name.to_string(),
            header: None,
            signals: vec![],
            children: vec![],
            body: node.hdl(),
            namespaces: vec![],
        });
    }

    fn visit_start_namespace(&mut self, name: &str, _node: &dyn Block) {
        if let Some(module) = self.open.last_mut() {
            module.namespaces.push(name.to_string());
        }
    }

    fn visit_end_namespace(&mut self, _name: &str, _node: &dyn Block) {
        if let Some(module) = self.open.last_mut() {
            module.namespaces.pop();
        }
    }

    fn visit_atom(&mut self, name: &str, atom: &dyn Atom) {
        let unit = self.path();
        let Some(module) = self.open.last_mut() else { return };
        let mut path = module.namespaces.join("$");
        if !path.is_empty() {
            path.push('$');
        }
        path.push_str(name);

        let descriptor = atom.descriptor();
        let is_clock = descriptor.name == "clock";
        let mut signed = false;
        let mut unsupported = match descriptor.kind {
            TypeKind::Bits(_) => None,
            TypeKind::Signed(_) => {
                signed = true;
                None
            }
            TypeKind::Enum(_) | TypeKind::Composite(_) => Some(format!("the type of `{path}`")),
        };
        let direction = match atom.kind() {
            AtomKind::InputParameter if is_clock => Role::Clock,
            AtomKind::InputParameter => Role::Input,
            AtomKind::OutputParameter => Role::Output,
            AtomKind::LocalSignal => Role::Local,
            // A plain Rust-HDL constant: its literal shows its bits.
            AtomKind::Constant => match super::lower::literal_bits(&atom.verilog()) {
                Some(bits) => Role::Constant(bits & crate::value::mask(atom.bits() as u32)),
                None => {
                    unsupported = Some(format!("the constant `{path}`"));
                    Role::Local
                }
            },
            _ => {
                unsupported = Some(format!("the direction of `{path}`"));
                Role::Local
            }
        };
        let (role, comment) = match Annotation::decode(&descriptor.name) {
            Some(Annotation::Module { name, summary, notes }) => {
                module.header = Some(Header { name, summary, notes });
                return;
            }
            Some(Annotation::Constant { value, comment }) => (Role::Constant(value), comment),
            Some(Annotation::TextParameter { value, comment }) => (Role::TextParameter(value), comment),
            Some(Annotation::NumberParameter { value, comment }) => (Role::NumberParameter(value), comment),
            Some(Annotation::Wire { comment }) => (direction, comment),
            None if is_clock => (direction, "Clock, rising edge".to_string()),
            None => (direction, String::new()),
        };
        let comment = comment.split_whitespace().collect::<Vec<_>>().join(" ");
        module.signals.push(Signal { path, role, width: atom.bits() as u32, signed, comment });
        if let Some(construct) = unsupported {
            let advice = "use `Wire`, `ConstantWire` and `Signal<In, Clock>`".to_string();
            self.fail(PrintError::Unsupported { module: unit, construct, advice });
        }
    }

    fn visit_end_scope(&mut self, _name: &str, _node: &dyn Block) {
        let path = self.path();
        let Some(open) = self.open.pop() else { return };
        let Some(header) = open.header else {
            return self.fail(PrintError::NoInfo { path });
        };
        let Open { signals, children, body, instance, .. } = open;
        let Header { name, summary, notes } = header;
        let module = Module { name, summary, notes, signals, children, body };
        match self.open.last_mut() {
            Some(parent) => parent.children.push((instance, module)),
            None => self.done = Some(module),
        }
    }
}
