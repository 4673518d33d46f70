//! A signal whose width and documentation are run-time values.

use std::marker::PhantomData;

use rust_hdl_core::prelude::*;
use rust_hdl_core::signal::get_signal_id;

use crate::annotation::Annotation;
use crate::value::{Value, mask};

/// A signal of 1 to 64 bits with a comment: the port and wire type of every unit.
///
/// Rust-HDL's own `Signal` carries its width in its type; lane counts, formats and buffer sizes of a unit are known at
/// run time only, so a `Wire` carries them in its value. It is used the same way: `next` is written, `val()` is read,
/// in `#[derive(LogicBlock)]` structs and in `#[hdl_gen]` bodies. Clocks stay `Signal<In, Clock>`.
///
/// ```
/// use emeuro_hdl::prelude::*;
///
/// #[derive(LogicBlock)]
/// pub struct Gate {
///     pub info: ModuleInfo,
///     pub open: Wire<In>,
///     pub a: Wire<In>,
///     pub y: Wire<Out>,
/// }
///
/// impl Gate {
///     pub fn new(width: u32) -> Self {
///         Self {
///             info: ModuleInfo::new("gate", "passes a word or zero"),
///             open: Wire::new(1, "Lets the word through"),
///             a: Wire::new(width, "Word"),
///             y: Wire::new(width, "Word, or 0"),
///         }
///     }
/// }
///
/// impl Logic for Gate {
///     #[hdl_gen]
///     fn update(&mut self) {
///         self.y.next = 0.into();
///         if self.open.val().any() {
///             self.y.next = self.a.val();
///         }
///     }
/// }
///
/// let mut gate = Gate::new(12);
/// gate.connect_all();
/// gate.a.next = 0xabc.into();
/// gate.open.next = true.into();
/// assert!(simulate(&mut gate, 10));
/// assert_eq!(gate.y.val(), 0xabc);
/// ```
#[derive(Clone, Debug)]
pub struct Wire<D: Direction> {
    /// The value to take at the next update; bits beyond the width are dropped.
    pub next: Value,
    value: Value,
    width: u32,
    signed: bool,
    changed: bool,
    claimed: bool,
    id: usize,
    comment: String,
    direction: PhantomData<D>,
}

impl<D: Direction> Wire<D> {
    /// A wire of `width` bits; the comment stands beside its declaration in the Verilog, on one line.
    ///
    /// # Panics
    /// If `width` is not 1 to 64: widths come from configurations that were checked when they were read.
    pub fn new(width: u32, comment: impl Into<String>) -> Self {
        assert!((1..=64).contains(&width), "a wire has 1 to 64 bits, not {width}");
        Self {
            next: Value::new(width, 0),
            value: Value::new(width, 0),
            width,
            signed: false,
            changed: false,
            claimed: false,
            id: get_signal_id(),
            comment: comment.into(),
            direction: PhantomData,
        }
    }

    /// The same wire, declared `signed` in the Verilog. The bits are the same; [`Value::as_i64`] reads them.
    pub fn signed(mut self) -> Self {
        self.signed = true;
        self
    }

    /// The width in bits.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// The present value: of an input, the one that arrived at the last update; of any other wire, the one that was
    /// last assigned.
    pub fn val(&self) -> Value {
        if D::KIND == AtomKind::InputParameter { self.value } else { self.next.resized(self.width) }
    }
}

impl<D: Direction> Logic for Wire<D> {
    fn update(&mut self) {}

    fn connect(&mut self) {
        self.claimed = true;
    }
}

impl<D: Direction> Block for Wire<D> {
    fn connect_all(&mut self) {}

    fn update_all(&mut self) {
        self.next = self.next.resized(self.width);
        self.changed = self.next != self.value;
        self.value = self.next;
    }

    fn has_changed(&self) -> bool {
        self.changed
    }

    fn accept(&self, name: &str, probe: &mut dyn Probe) {
        probe.visit_atom(name, self);
    }
}

impl<D: Direction> Atom for Wire<D> {
    fn bits(&self) -> usize {
        self.width as usize
    }

    fn connected(&self) -> bool {
        self.claimed
    }

    fn changed(&self) -> bool {
        self.changed
    }

    fn kind(&self) -> AtomKind {
        D::KIND
    }

    fn descriptor(&self) -> TypeDescriptor {
        let width = self.width as usize;
        TypeDescriptor {
            name: Annotation::Wire { comment: self.comment.clone() }.encode(),
            kind: if self.signed { TypeKind::Signed(width) } else { TypeKind::Bits(width) },
        }
    }

    fn vcd(&self) -> VCDValue {
        vcd_bits(self.value.as_u64(), self.width)
    }

    fn id(&self) -> usize {
        self.id
    }

    fn verilog(&self) -> VerilogLiteral {
        (self.value.as_u64() & mask(self.width)).into()
    }

    fn constraints(&self) -> Vec<PinConstraint> {
        vec![]
    }
}

/// The wave form of a value, most significant bit first.
pub(crate) fn vcd_bits(bits: u64, width: u32) -> VCDValue {
    let bit = |index| if (bits >> index) & 1 == 1 { Bits::<1>::from(1) } else { Bits::<1>::from(0) };
    let mut digits = vec![];
    for index in (0..width).rev() {
        if let VCDValue::Vector(digit) = bit(index).into() {
            digits.extend(digit);
        }
    }
    VCDValue::Vector(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drops_bits_beyond_the_width() {
        let mut wire = Wire::<Out>::new(4, "");
        wire.next = Value::signed(-3);
        assert_eq!(wire.val(), 13);
        wire.update_all();
        assert_eq!((wire.val().as_u64(), wire.val().as_i64()), (13, -3));
        assert!(wire.has_changed());
        wire.update_all();
        assert!(!wire.has_changed());
    }

    #[test]
    fn an_input_changes_at_the_update() {
        let mut wire = Wire::<In>::new(8, "");
        wire.next = 200.into();
        assert_eq!(wire.val(), 0);
        wire.update_all();
        assert_eq!(wire.val(), 200);
    }
}
