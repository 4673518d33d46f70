//! What the printer refuses, named by module and signal.

/// A unit that can't be printed. `module` is the name in the unit's `ModuleInfo`, or its path where it has none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PrintError {
    /// A unit without the field that names its module.
    #[error("unit `{path}` has no `ModuleInfo` field, so its module has no name")]
    NoInfo {
        /// Path of the unit in the tree.
        path: String,
    },
    /// A unit whose `hdl` is empty.
    #[error("module `{module}` has no Verilog body: use `#[hdl_gen]` or return `Verilog::Custom`")]
    NoBody {
        /// Module concerned.
        module: String,
    },
    /// A construct of Rust-HDL that has no counterpart here.
    #[error("module `{module}`: {construct} can't be printed; {advice}")]
    Unsupported {
        /// Module concerned.
        module: String,
        /// What was found.
        construct: String,
        /// What to write in its place.
        advice: String,
    },
    /// A name that is a keyword of Verilog or SystemVerilog.
    #[error("module `{module}`: `{name}` is a keyword of Verilog; rename the field")]
    Keyword {
        /// Module concerned.
        module: String,
        /// The name.
        name: String,
    },
    /// A name that is not a plain Verilog identifier.
    #[error(
        "module `{module}`: `{name}` is not a Verilog identifier (letters, digits and `_`, no digit first)"
    )]
    BadName {
        /// Module concerned.
        module: String,
        /// The name.
        name: String,
    },
    /// Two things that would have the same name in Verilog, such as a field `x_0` beside a vector `x`.
    #[error("module `{module}`: two signals or instances are called `{name}` in Verilog")]
    DuplicateName {
        /// Module concerned.
        module: String,
        /// The name.
        name: String,
    },
    /// Two widths that must be the same and are not.
    #[error("module `{module}`, `{target}`: {expected} bits meet {found} bits")]
    Width {
        /// Module concerned.
        module: String,
        /// What is assigned or compared.
        target: String,
        /// Width of the target, or of the left operand.
        expected: u32,
        /// Width of the value, or of the right operand.
        found: u32,
    },
    /// A condition of more than one bit.
    #[error("module `{module}`, `{target}`: a condition has 1 bit, not {found}; use `any()` or a comparison")]
    Condition {
        /// Module concerned.
        module: String,
        /// What the condition decides.
        target: String,
        /// Width of the condition.
        found: u32,
    },
    /// A number that does not fit where it stands, or whose width nothing determines.
    #[error("module `{module}`, `{target}`: the number {value} {problem}")]
    Number {
        /// Module concerned.
        module: String,
        /// What is assigned or compared.
        target: String,
        /// The number, hexadecimal.
        value: String,
        /// Why not.
        problem: String,
    },
    /// A name that the module does not have.
    #[error("module `{module}`: there is no signal `{name}`")]
    Unknown {
        /// Module concerned.
        module: String,
        /// The name as the macro saw it.
        name: String,
    },
    /// An index that can't be computed at generation time.
    #[error("module `{module}`: the index `{index}` is not a number here")]
    Index {
        /// Module concerned.
        module: String,
        /// The index expression.
        index: String,
    },
    /// An output, a local wire or an instance's input that nothing drives.
    #[error("module `{module}`: nothing drives `{target}`")]
    NotDriven {
        /// Module concerned.
        module: String,
        /// The signal.
        target: String,
    },
    /// An assignment to an input of the module, to an instance's output or to a constant.
    #[error("module `{module}` assigns to `{target}`, which it does not drive")]
    NotAssignable {
        /// Module concerned.
        module: String,
        /// The signal.
        target: String,
    },
    /// A signal that keeps its value on some path: a latch.
    #[error("module `{module}`: `{target}` is not assigned on every path; give it a default first")]
    Latch {
        /// Module concerned.
        module: String,
        /// The signal.
        target: String,
    },
    /// A signal that is read above an assignment to it: simulation and Verilog would differ.
    #[error("module `{module}`: `{target}` reads `{name}` before the last assignment to it; move it below")]
    ReadEarly {
        /// Module concerned.
        module: String,
        /// What is computed.
        target: String,
        /// What is read too early.
        name: String,
    },
    /// A parameter that is handed down to an instance which holds another value.
    #[error("module `{module}`: `{target}` holds {child}, but the parameter handed down is {own}")]
    Parameter {
        /// Module concerned.
        module: String,
        /// Parameter of the instance.
        target: String,
        /// Value in the instance.
        child: String,
        /// Value of the module's own parameter.
        own: String,
    },
    /// A text that can't stand in a Verilog string.
    #[error(
        "module `{module}`: the parameter text {text:?} has characters other than printable ASCII, or a quote or backslash"
    )]
    Text {
        /// Module concerned.
        module: String,
        /// The text.
        text: String,
    },
}
