//! Module parameters: what instances of one module may differ in.

use rust_hdl_core::signal::get_signal_id;

use crate::annotation::Annotation;
use crate::marker::impl_marker;
use crate::value::Value;

/// A module parameter that is a text, such as the name of a hex file.
///
/// Instances that differ only in their parameters share one module. The Verilog name is the field's name in capitals:
/// a field `init_file` is printed as `parameter INIT_FILE = ""`, and an instance as `#(.INIT_FILE("w3.hex"))`. A unit
/// hands a parameter of its own down to a child by wiring it; the printer checks that both have the same value:
///
/// ```
/// use emeuro_hdl::prelude::*;
/// # #[derive(LogicBlock)]
/// # pub struct Inner { pub info: ModuleInfo, pub init_file: TextParameter, pub y: Wire<Out> }
/// # impl Logic for Inner {
/// #     fn update(&mut self) {}
/// #     fn connect(&mut self) { self.y.connect(); }
/// #     fn hdl(&self) -> Verilog { Verilog::Custom("initial $display(INIT_FILE);\nassign y = 1'b0;".into()) }
/// # }
/// #[derive(LogicBlock)]
/// pub struct Lane {
///     pub info: ModuleInfo,
///     pub weight_file: TextParameter,
///     pub y: Wire<Out>,
///     memory: Inner,
/// }
///
/// impl Logic for Lane {
///     #[hdl_gen]
///     fn update(&mut self) {
///         self.memory.init_file.next = self.weight_file.val();
///         self.y.next = self.memory.y.val();
///     }
/// }
/// ```
#[derive(Clone, Debug)]
pub struct TextParameter {
    /// Where `#[hdl_gen]` bodies hand a parameter down; carries nothing in simulation.
    pub next: TextToken,
    value: String,
    comment: String,
    id: usize,
}

/// Stands for the value of a [`TextParameter`] in `#[hdl_gen]` bodies.
#[derive(Clone, Copy, Debug)]
pub struct TextToken;

impl TextParameter {
    /// A parameter with this instance's value (printable ASCII without quotes or backslashes) and its comment.
    pub fn new(value: impl Into<String>, comment: impl Into<String>) -> Self {
        Self { next: TextToken, value: value.into(), comment: comment.into(), id: get_signal_id() }
    }

    /// For wiring in `#[hdl_gen]` bodies.
    pub fn val(&self) -> TextToken {
        TextToken
    }

    /// This instance's value.
    pub fn text(&self) -> &str {
        &self.value
    }

    /// Replaces this instance's value.
    pub fn set(&mut self, value: impl Into<String>) {
        self.value = value.into();
    }

    fn width(&self) -> u32 {
        1
    }

    fn number(&self) -> u64 {
        0
    }

    fn annotation(&self) -> Annotation {
        Annotation::TextParameter { value: self.value.clone(), comment: self.comment.clone() }
    }
}

impl_marker!(TextParameter);

/// A module parameter that is a number of a fixed width, such as a reset value or a lane's index.
///
/// Read with `val()` like a constant; handed down to a child by wiring, as a [`TextParameter`].
#[derive(Clone, Debug)]
pub struct NumberParameter {
    /// Where `#[hdl_gen]` bodies hand a parameter down; without effect in simulation.
    pub next: Value,
    value: Value,
    comment: String,
    id: usize,
}

impl NumberParameter {
    /// A parameter of `width` bits with this instance's value and its comment.
    ///
    /// # Panics
    /// If `width` is not 1 to 64 or `value` does not fit.
    pub fn new(width: u32, value: u64, comment: impl Into<String>) -> Self {
        assert!((1..=64).contains(&width), "a parameter has 1 to 64 bits, not {width}");
        let sized = Value::new(width, value);
        assert!(sized == value, "{value} does not fit into {width} bits");
        Self { next: sized, value: sized, comment: comment.into(), id: get_signal_id() }
    }

    /// This instance's value.
    pub fn val(&self) -> Value {
        self.value
    }

    fn width(&self) -> u32 {
        self.value.bits() as u32
    }

    fn number(&self) -> u64 {
        self.value.as_u64()
    }

    fn annotation(&self) -> Annotation {
        Annotation::NumberParameter { value: self.number(), comment: self.comment.clone() }
    }
}

impl_marker!(NumberParameter);
