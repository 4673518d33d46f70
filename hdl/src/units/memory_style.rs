//! Where synthesis should put a memory.

/// A hint to synthesis tools, written as `rom_style` or `ram_style` attribute (read by Yosys, Vivado and others).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MemoryStyle {
    /// The tool decides by size.
    #[default]
    Auto,
    /// Block RAM.
    Block,
    /// Look-up tables: for memories too small to be worth a block.
    Distributed,
}

impl MemoryStyle {
    /// The attribute `<kind>_style` with a space behind it; empty if the tool decides.
    pub(crate) fn attribute(self, kind: &str) -> String {
        match self {
            Self::Auto => String::new(),
            Self::Block => format!("(* {kind}_style = \"block\" *) "),
            Self::Distributed => format!("(* {kind}_style = \"distributed\" *) "),
        }
    }
}
