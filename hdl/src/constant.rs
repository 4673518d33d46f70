//! A sized constant whose width and value are run-time values.

use rust_hdl_core::signal::get_signal_id;

use crate::annotation::Annotation;
use crate::marker::impl_marker;
use crate::value::Value;

/// A constant of 1 to 64 bits, read with `val()` in `#[hdl_gen]` bodies; printed as a `localparam` with the field's
/// name in capitals.
///
/// Two instances with different constants are two modules; where they should share one, use a
/// [`NumberParameter`](crate::NumberParameter).
///
/// ```
/// use emeuro_hdl::ConstantWire;
///
/// let last = ConstantWire::new(4, 11, "Index of the last lane");
/// assert_eq!(last.val(), 11);
/// ```
#[derive(Clone, Debug)]
pub struct ConstantWire {
    value: Value,
    comment: String,
    id: usize,
}

impl ConstantWire {
    /// A constant of `width` bits; the comment stands beside its declaration in the Verilog.
    ///
    /// # Panics
    /// If `width` is not 1 to 64 or `value` does not fit.
    pub fn new(width: u32, value: u64, comment: impl Into<String>) -> Self {
        assert!((1..=64).contains(&width), "a constant has 1 to 64 bits, not {width}");
        let sized = Value::new(width, value);
        assert!(sized == value, "{value} does not fit into {width} bits");
        Self { value: sized, comment: comment.into(), id: get_signal_id() }
    }

    /// The value.
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
        Annotation::Constant { value: self.number(), comment: self.comment.clone() }
    }
}

impl_marker!(ConstantWire);
