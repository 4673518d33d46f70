//! The name and the documentation of a module: a field of every unit.

use rust_hdl_core::signal::get_signal_id;

use crate::annotation::Annotation;
use crate::marker::impl_marker;

/// Names the module that a unit becomes, and documents it in the header of its Verilog file.
///
/// The text is part of the definition: two instances share one module only if they say the same, so it must not
/// mention what a parameter decides.
///
/// ```
/// use emeuro_hdl::ModuleInfo;
///
/// let info = ModuleInfo::new("lane", "one multiply-accumulate datapath")
///     .prose("Multiplies a weight from its own ROM with an activation and adds the product to its accumulator.")
///     .latency("2 cycles from `en` to `acc`")
///     .limits("the accumulator wraps; the compiler proves that it does not overflow");
/// ```
#[derive(Clone, Debug)]
pub struct ModuleInfo {
    name: String,
    summary: String,
    notes: Vec<(String, String)>,
    id: usize,
}

impl ModuleInfo {
    /// A module `name` (lower case, without the prefix of the design) and what it does, in one line.
    pub fn new(name: impl Into<String>, summary: impl Into<String>) -> Self {
        Self { name: name.into(), summary: summary.into(), notes: vec![], id: get_signal_id() }
    }

    /// Adds a paragraph; it is wrapped by the printer. Empty lines separate paragraphs.
    pub fn prose(self, text: impl Into<String>) -> Self {
        self.note("", text)
    }

    /// Says how many cycles lie between input and output.
    pub fn latency(self, text: impl Into<String>) -> Self {
        self.note("Latency", text)
    }

    /// Says what the module does not do.
    pub fn limits(self, text: impl Into<String>) -> Self {
        self.note("Limits", text)
    }

    /// Adds a paragraph with a title of its own.
    pub fn note(mut self, title: impl Into<String>, text: impl Into<String>) -> Self {
        self.notes.push((title.into(), text.into()));
        self
    }

    /// The module's name, without the prefix of the design.
    pub fn name(&self) -> &str {
        &self.name
    }

    fn width(&self) -> u32 {
        1
    }

    fn number(&self) -> u64 {
        0
    }

    fn annotation(&self) -> Annotation {
        Annotation::Module {
            name: self.name.clone(),
            summary: self.summary.clone(),
            notes: self.notes.clone(),
        }
    }
}

impl_marker!(ModuleInfo);
