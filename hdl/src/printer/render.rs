//! Writes one module.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Write;

use rust_hdl_core::ast::{Verilog, VerilogBlock};

use super::PrintError;
use super::custom::usage;
use super::drivers::{Driver, split};
use super::expression::{Expression, number};
use super::layout::{Declaration, Line, columns, comment, indented};
use super::lower::{Statement, lower};
use super::names::{check_identifier, flat};
use super::symbols::{Owner, Symbol, SymbolId, Symbols};
use super::tree::{Module, Role};
use crate::value::mask;

/// The wire that collects what nothing reads; linters know names with `unused`.
const UNUSED: &str = "unused";

/// What the parameters of a module are where nobody sets them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Defaults {
    /// Empty or zero: every instance sets its own.
    Neutral,
    /// What the unit holds: nobody sets those of the top.
    Held,
}

/// A module as text, its name still a placeholder. `children` are the names of the modules of its instances.
pub(super) fn module(module: &Module, children: &[String], defaults: Defaults) -> Result<String, PrintError> {
    let symbols = Symbols::new(module);
    for (_, symbol) in symbols.iter() {
        if let Role::TextParameter(text) = &symbol.role
            && text.chars().any(|c| !(' '..='~').contains(&c) || c == '"' || c == '\\')
        {
            return Err(PrintError::Text { module: module.name.clone(), text: text.clone() });
        }
    }
    let body = match &module.body {
        Verilog::Combinatorial(block) => Generated::new(module, &symbols, block)?.text(children)?,
        Verilog::Custom(text) => given(module, &symbols, text)?,
        Verilog::Empty => return Err(PrintError::NoBody { module: module.name.clone() }),
        Verilog::Blackbox(_) | Verilog::Wrapper(_) => {
            return Err(PrintError::Unsupported {
                module: module.name.clone(),
                construct: "a black box or wrapper".into(),
                advice: "use `Verilog::Custom`".into(),
            });
        }
    };
    let mut text = header(module);
    text.push_str("\n`default_nettype none\n\n");
    let _ = write!(text, "module {}", super::PLACEHOLDER);
    text.push_str(&parameters(&symbols, defaults));
    text.push_str(" (\n");
    text.push_str(&columns(&ports(&symbols, &body.registers), ','));
    text.push_str(");\n\n");
    text.push_str(&body.text);
    text.push_str("\nendmodule\n\n`default_nettype wire\n");
    Ok(text)
}

/// What stands between the port list and `endmodule`, and which outputs it assigns in `always` blocks.
struct BodyText {
    text: String,
    registers: HashSet<SymbolId>,
}

fn header(module: &Module) -> String {
    let mut text = format!("{}: {}\n", super::PLACEHOLDER, module.summary);
    for (title, note) in &module.notes {
        text.push('\n');
        if !title.is_empty() {
            let _ = write!(text, "{title}: ");
        }
        text.push_str(note.trim());
        text.push('\n');
    }
    comment(&text)
}

fn parameters(symbols: &Symbols, defaults: Defaults) -> String {
    let is_held = defaults == Defaults::Held;
    let lines: Vec<Line> = own(symbols)
        .filter_map(|(_, symbol)| {
            let (width, default) = match &symbol.role {
                Role::TextParameter(text) => (1, format!("\"{}\"", if is_held { text } else { "" })),
                Role::NumberParameter(value) => {
                    (symbol.width, number(if is_held { *value } else { 0 }, symbol.width))
                }
                _ => return None,
            };
            Some(Line::Declaration(Declaration {
                kind: "parameter".into(),
                signed: false,
                width,
                name: format!("{} = {default}", symbol.name),
                comment: symbol.comment.clone(),
            }))
        })
        .collect();
    if lines.is_empty() { String::new() } else { format!(" #(\n{})", columns(&lines, ',')) }
}

/// The module's own signals.
fn own(symbols: &Symbols) -> impl Iterator<Item = (SymbolId, &Symbol)> {
    symbols.iter().filter(|(_, symbol)| symbol.owner == Owner::Module)
}

fn is_reset(name: &str) -> bool {
    ["reset", "reset_n", "rst", "rst_n", "aresetn", "resetn"].contains(&name)
}

fn ports(symbols: &Symbols, registers: &HashSet<SymbolId>) -> Vec<Line> {
    let mut lines = vec![];
    let is_common =
        |symbol: &Symbol| symbol.role == Role::Clock || symbol.role == Role::Input && is_reset(&symbol.name);
    type Members<'a> = &'a dyn Fn(&Symbol) -> bool;
    let groups: [(&'static str, Members); 3] = [
        ("Clock and reset", &is_common),
        ("Input ports", &|symbol| symbol.role == Role::Input && !is_common(symbol)),
        ("Output ports", &|symbol| symbol.role == Role::Output),
    ];
    for (heading, belongs) in groups {
        let mut members = own(symbols).filter(|(_, symbol)| belongs(symbol)).peekable();
        if members.peek().is_some() {
            lines.push(Line::Heading(heading));
        }
        for (id, symbol) in members {
            let kind = match symbol.role {
                Role::Output if registers.contains(&id) => "output reg",
                Role::Output => "output wire",
                _ => "input  wire",
            };
            lines.push(Line::Declaration(declaration(kind, symbol, &symbol.name)));
        }
    }
    lines
}

fn declaration(kind: &str, symbol: &Symbol, name: &str) -> Declaration {
    Declaration {
        kind: kind.into(),
        signed: symbol.signed,
        width: symbol.width,
        name: name.into(),
        comment: symbol.comment.clone(),
    }
}

fn local_parameters(symbols: &Symbols, is_used: impl Fn(SymbolId) -> bool) -> String {
    let lines: Vec<Line> = own(symbols)
        .filter(|(id, _)| is_used(*id))
        .filter_map(|(_, symbol)| match symbol.role {
            Role::Constant(value) => {
                let name = format!("{} = {}", symbol.name, number(value, symbol.width));
                Some(Line::Declaration(declaration("localparam", symbol, &name)))
            }
            _ => None,
        })
        .collect();
    section(columns(&lines, ';'))
}

/// A part of a body with an empty line behind it, if there is anything in it.
fn section(mut text: String) -> String {
    if !text.is_empty() {
        text.push('\n');
    }
    text
}

/// Checks the names that a module declares.
fn check_names<'a>(
    module: &Module,
    names: impl IntoIterator<Item = &'a str>,
) -> Result<HashSet<String>, PrintError> {
    let mut seen = HashSet::new();
    for name in names {
        check_identifier(&module.name, name)?;
        if !seen.insert(name.to_string()) {
            return Err(PrintError::DuplicateName { module: module.name.clone(), name: name.into() });
        }
    }
    Ok(seen)
}

/// The body that a unit brings as Verilog: its outputs and local wires are declared as it assigns them.
fn given(module: &Module, symbols: &Symbols, text: &str) -> Result<BodyText, PrintError> {
    if let Some((instance, _)) = module.children.first() {
        return Err(PrintError::Unsupported {
            module: module.name.clone(),
            construct: format!("the instance `{}` beside a Verilog body", flat(instance)),
            advice: "wire instances with `#[hdl_gen]` and put the Verilog into a unit of its own".into(),
        });
    }
    check_names(module, own(symbols).map(|(_, symbol)| symbol.name.as_str()))?;
    let usage = usage(text);
    let is_register = |symbol: &Symbol| !usage.nets.contains(&symbol.name);
    let mut registers = HashSet::new();
    let mut locals = vec![];
    for (id, symbol) in symbols.iter() {
        let is_mentioned = usage.mentioned.contains(&symbol.name);
        match symbol.role {
            Role::Output if !is_mentioned => {
                let (module, target) = (module.name.clone(), symbol.name.clone());
                return Err(PrintError::NotDriven { module, target });
            }
            Role::Output if is_register(symbol) => {
                registers.insert(id);
            }
            Role::Local if is_mentioned => {
                let kind = if is_register(symbol) { "reg" } else { "wire" };
                locals.push(Line::Declaration(declaration(kind, symbol, &symbol.name)));
            }
            _ => {}
        }
    }
    let mut body = local_parameters(symbols, |id| usage.mentioned.contains(&symbols[id].name));
    body.push_str(&section(columns(&locals, ';')));
    body.push_str(&indented(text));
    Ok(BodyText { text: body, registers })
}

/// A body that is made from Rust-HDL's syntax tree.
struct Generated<'a> {
    module: &'a Module,
    symbols: &'a Symbols,
    drivers: Vec<(SymbolId, Driver)>,
    comments: BTreeMap<SymbolId, Vec<String>>,
    handed_down: HashMap<SymbolId, SymbolId>,
    /// Outputs of instances that go straight to an output or local wire and take its name.
    merged: HashMap<SymbolId, SymbolId>,
    /// Bits of each signal that something reads.
    read: HashMap<SymbolId, u64>,
}

impl<'a> Generated<'a> {
    fn new(module: &'a Module, symbols: &'a Symbols, block: &VerilogBlock) -> Result<Self, PrintError> {
        let body = lower(symbols, block)?;
        let drivers = split(symbols, &body)?;
        let mut comments: BTreeMap<SymbolId, Vec<String>> = BTreeMap::new();
        for (target, text) in body.comments {
            comments.entry(target).or_default().push(text);
        }
        let mut generated = Self {
            module,
            symbols,
            drivers,
            comments,
            handed_down: body.handed_down.into_iter().collect(),
            merged: HashMap::new(),
            read: HashMap::new(),
        };
        generated.merge();
        generated.find_reads();
        generated.check_constant_blocks()?;
        Ok(generated)
    }

    /// Lets outputs of instances drive the module's outputs and local wires directly, outputs first.
    fn merge(&mut self) {
        for role in [Role::Output, Role::Local] {
            for (target, driver) in &self.drivers {
                if let Driver::Expression(Expression::Signal(source)) = driver
                    && self.symbols[*target].role == role
                    && self.symbols[*target].owner == Owner::Module
                    && matches!(self.symbols[*source].owner, Owner::Instance(_))
                    && self.symbols[*source].role == Role::Output
                {
                    self.merged.entry(*source).or_insert(*target);
                }
            }
        }
    }

    /// True if the target's driver is the connection of an instance's output.
    fn is_merged_target(&self, target: SymbolId, driver: &Driver) -> bool {
        match driver {
            Driver::Expression(Expression::Signal(source)) => self.merged.get(source) == Some(&target),
            _ => false,
        }
    }

    /// The symbol that stands for a signal in the text.
    fn shown(&self, id: SymbolId) -> SymbolId {
        self.merged.get(&id).copied().unwrap_or(id)
    }

    fn name(&self, id: SymbolId) -> String {
        self.symbols[self.shown(id)].name.clone()
    }

    fn expression(&self, expression: &Expression) -> String {
        expression.text(self.symbols, &|id| self.name(id))
    }

    fn find_reads(&mut self) {
        let mut read: HashMap<SymbolId, u64> = HashMap::new();
        let mut note = |id: SymbolId, bits: u64| *read.entry(self.shown(id)).or_default() |= bits;
        for (target, driver) in &self.drivers {
            match driver {
                _ if self.is_merged_target(*target, driver) => {}
                Driver::Expression(expression) => expression.reads(self.symbols, &mut note),
                Driver::Statements(statements) => block_reads(statements, self.symbols, &mut note),
            }
        }
        for own in self.handed_down.values() {
            note(*own, u64::MAX);
        }
        self.read = read;
    }

    /// An `always @(*)` block that reads nothing variable would never run.
    fn check_constant_blocks(&self) -> Result<(), PrintError> {
        for (target, driver) in &self.drivers {
            if let Driver::Statements(statements) = driver {
                let mut varies = false;
                block_reads(statements, self.symbols, &mut |id, _| {
                    varies |= id != *target && !self.symbols[id].is_fixed();
                });
                if !varies {
                    return Err(PrintError::Unsupported {
                        module: self.module.name.clone(),
                        construct: format!("`{}`, which only parameters decide", self.symbols[*target].name),
                        advice: "choose with one `if` and `else`".into(),
                    });
                }
            }
        }
        Ok(())
    }

    /// True if the instance's input is connected in the port list rather than through a wire of its own.
    fn is_direct(&self, target: SymbolId, driver: &Driver) -> bool {
        matches!(self.symbols[target].owner, Owner::Instance(_))
            && !self.read.contains_key(&target)
            && matches!(driver, Driver::Expression(expression) if expression.is_plain())
    }

    fn text(&self, children: &[String]) -> Result<BodyText, PrintError> {
        let by_target: HashMap<SymbolId, &Driver> =
            self.drivers.iter().map(|(target, driver)| (*target, driver)).collect();
        let registers: HashSet<SymbolId> = self
            .drivers
            .iter()
            .filter(|(_, driver)| matches!(driver, Driver::Statements(_)))
            .map(|(target, _)| *target)
            .collect();

        // Declarations: local wires in the order of their fields, then the wires at the ports of instances.
        let mut declared = vec![];
        let mut wires = vec![];
        for id in self.symbols.ids() {
            let symbol = &self.symbols[id];
            let is_wire = match (symbol.owner, &symbol.role) {
                (Owner::Module, Role::Local) => by_target.contains_key(&id),
                (Owner::Module, _) => false,
                (Owner::Instance(_), Role::Output) => !self.merged.contains_key(&id),
                (Owner::Instance(_), Role::Input | Role::Clock) => {
                    by_target.get(&id).is_some_and(|driver| !self.is_direct(id, driver))
                }
                _ => false,
            };
            if is_wire {
                let kind = if registers.contains(&id) { "reg" } else { "wire" };
                wires.push(Line::Declaration(declaration(kind, symbol, &symbol.name)));
                declared.push(symbol.name.as_str());
            }
        }
        let instances: Vec<String> = self.module.children.iter().map(|(path, _)| flat(path)).collect();
        let fixed_or_port = own(self.symbols)
            .filter(|(_, symbol)| symbol.role != Role::Local)
            .map(|(_, symbol)| symbol.name.as_str());
        check_names(
            self.module,
            fixed_or_port.chain(declared).chain(instances.iter().map(String::as_str)).chain([UNUSED]),
        )?;

        let mut text = local_parameters(self.symbols, |id| self.read.contains_key(&id));
        text.push_str(&section(columns(&wires, ';')));
        for (index, (instance, child)) in instances.iter().zip(children).enumerate() {
            text.push_str(&section(self.instance(index, instance, child, &by_target)));
        }
        text.push_str(&self.assignments());
        text.push_str(&self.unused());
        // One empty line before `endmodule` is written by the caller.
        let text = text.trim_end_matches('\n');
        let text = if text.is_empty() { String::new() } else { format!("{text}\n") };
        Ok(BodyText { text, registers })
    }

    fn instance(
        &self,
        index: usize,
        instance: &str,
        child: &str,
        drivers: &HashMap<SymbolId, &Driver>,
    ) -> String {
        let mut parameters = vec![];
        let mut ports = vec![];
        for (id, symbol) in self.symbols.iter().filter(|(_, symbol)| symbol.owner == Owner::Instance(index)) {
            let connection = match &symbol.role {
                Role::TextParameter(_) | Role::NumberParameter(_) => {
                    let value = match (self.handed_down.get(&id), &symbol.role) {
                        (Some(own), _) => self.symbols[*own].name.clone(),
                        (None, Role::TextParameter(text)) => format!("\"{text}\""),
                        (None, Role::NumberParameter(value)) => number(*value, symbol.width),
                        _ => continue,
                    };
                    parameters.push((symbol.port.clone(), value));
                    continue;
                }
                Role::Output => self.name(id),
                _ => match drivers.get(&id) {
                    Some(driver @ Driver::Expression(expression)) if self.is_direct(id, driver) => {
                        self.expression(expression)
                    }
                    _ => symbol.name.clone(),
                },
            };
            ports.push((symbol.port.clone(), connection));
        }
        let list = |connections: &[(String, String)]| {
            let longest = connections.iter().map(|(port, _)| port.len()).max().unwrap_or(0);
            let rows: Vec<String> = connections
                .iter()
                .map(|(port, value)| format!("        .{port:longest$} ({value})"))
                .collect();
            rows.join(",\n")
        };
        let mut text = format!("    {child} ");
        if !parameters.is_empty() {
            let _ = write!(text, "#(\n{}\n    ) ", list(&parameters));
        }
        if ports.is_empty() {
            let _ = writeln!(text, "{instance} ();");
        } else {
            let _ = writeln!(text, "{instance} (\n{}\n    );", list(&ports));
        }
        text
    }

    fn assignments(&self) -> String {
        let mut text = String::new();
        let mut after_block = false;
        for (target, driver) in &self.drivers {
            if self.is_merged_target(*target, driver) || self.is_direct(*target, driver) {
                continue;
            }
            let notes = self.comments.get(target).map(Vec::as_slice).unwrap_or_default();
            if after_block || (!notes.is_empty() && !text.is_empty() && !text.ends_with("\n\n")) {
                text.push('\n');
            }
            for note in notes {
                let _ = writeln!(text, "    // {note}");
            }
            let name = self.name(*target);
            match driver {
                Driver::Expression(expression) => {
                    let _ = writeln!(text, "    assign {name} = {};", self.expression(expression));
                    after_block = false;
                }
                Driver::Statements(statements) => {
                    if notes.is_empty() && !text.is_empty() && !text.ends_with("\n\n") {
                        text.push('\n');
                    }
                    text.push_str("    always @(*) begin\n");
                    self.statements(statements, 2, &mut text);
                    text.push_str("    end\n");
                    after_block = true;
                }
            }
        }
        section(text)
    }

    fn statements(&self, statements: &[Statement], depth: usize, text: &mut String) {
        let indent = "    ".repeat(depth);
        for statement in statements {
            match statement {
                Statement::Assign { target, value, .. } => {
                    let _ = writeln!(text, "{indent}{} = {};", self.name(*target), self.expression(value));
                }
                Statement::If { .. } => {
                    text.push_str(&indent);
                    self.conditional(statement, depth, text);
                }
                Statement::Case { test, cases, default, .. } => {
                    let width = test.width(self.symbols);
                    let _ = writeln!(text, "{indent}case ({})", self.expression(test));
                    let labelled = cases.iter().map(|(value, block)| (number(*value, width), block));
                    for (label, block) in labelled.chain([("default".to_string(), default)]) {
                        match block.as_slice() {
                            [] => {
                                let _ = writeln!(text, "{indent}    {label}: ;");
                            }
                            [Statement::Assign { target, value, .. }] => {
                                let value = self.expression(value);
                                let _ =
                                    writeln!(text, "{indent}    {label}: {} = {value};", self.name(*target));
                            }
                            block => {
                                let _ = writeln!(text, "{indent}    {label}: begin");
                                self.statements(block, depth + 2, text);
                                let _ = writeln!(text, "{indent}    end");
                            }
                        }
                    }
                    let _ = writeln!(text, "{indent}endcase");
                }
            }
        }
    }

    /// An `if` from its keyword on, so that `else if` chains stay flat.
    fn conditional(&self, statement: &Statement, depth: usize, text: &mut String) {
        let Statement::If { test, yes, no, .. } = statement else { return };
        let indent = "    ".repeat(depth);
        let _ = writeln!(text, "if ({}) begin", self.expression(test));
        self.statements(yes, depth + 1, text);
        match no.as_slice() {
            [] => {
                let _ = writeln!(text, "{indent}end");
            }
            [chained @ Statement::If { .. }] => {
                let _ = write!(text, "{indent}end else ");
                self.conditional(chained, depth, text);
            }
            no => {
                let _ = writeln!(text, "{indent}end else begin");
                self.statements(no, depth + 1, text);
                let _ = writeln!(text, "{indent}end");
            }
        }
    }

    /// Gathers the bits that nothing reads, so that linters stay silent about exactly these.
    fn unused(&self) -> String {
        let mut parts = vec![];
        for (id, symbol) in self.symbols.iter() {
            let is_source = match symbol.owner {
                Owner::Module => matches!(symbol.role, Role::Clock | Role::Input | Role::Local),
                Owner::Instance(_) => symbol.role == Role::Output && !self.merged.contains_key(&id),
            };
            let is_there = symbol.role != Role::Local || self.drivers.iter().any(|(target, _)| *target == id);
            let unread = mask(symbol.width) & !self.read.get(&id).copied().unwrap_or(0);
            if is_source && is_there {
                parts.extend(
                    runs(unread)
                        .map(|(low, width)| self.expression(&Expression::Part { signal: id, low, width })),
                );
            }
        }
        if parts.is_empty() {
            return String::new();
        }
        format!("    // Nothing reads these.\n    wire {UNUSED} = &{{1'b0, {}}};\n", parts.join(", "))
    }
}

/// The runs of ones in a word: lowest bit and length.
fn runs(mut bits: u64) -> impl Iterator<Item = (u32, u32)> {
    let mut shifted = 0;
    std::iter::from_fn(move || {
        if bits == 0 {
            return None;
        }
        let zeros = bits.trailing_zeros();
        bits >>= zeros;
        let ones = bits.trailing_ones();
        bits = bits.checked_shr(ones).unwrap_or(0);
        let low = shifted + zeros;
        shifted = low + ones;
        Some((low, ones))
    })
}

fn block_reads(statements: &[Statement], symbols: &Symbols, visit: &mut impl FnMut(SymbolId, u64)) {
    for statement in statements {
        match statement {
            Statement::Assign { value, .. } => value.reads(symbols, visit),
            Statement::If { test, yes, no, .. } => {
                test.reads(symbols, visit);
                block_reads(yes, symbols, visit);
                block_reads(no, symbols, visit);
            }
            Statement::Case { test, cases, default, .. } => {
                test.reads(symbols, visit);
                cases.iter().for_each(|(_, block)| block_reads(block, symbols, visit));
                block_reads(default, symbols, visit);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn finds_runs() {
        let runs = |bits| super::runs(bits).collect::<Vec<_>>();
        assert_eq!(runs(0), []);
        assert_eq!(runs(u64::MAX), [(0, 64)]);
        assert_eq!(runs(0b1101_1000), [(3, 2), (6, 2)]);
        assert_eq!(runs(1 << 63), [(63, 1)]);
    }
}
