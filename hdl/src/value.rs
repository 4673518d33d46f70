//! What a wire carries during simulation: up to 64 bits that know their width.

use std::ops::{Add, BitAnd, BitOr, BitXor, Neg, Not, Shl, Shr, Sub};

/// The value of a [`Wire`](crate::Wire): up to 64 bits, and how many of them count.
///
/// Arithmetic is unsigned and wraps at the width, exactly as in the Verilog that the printer makes of it. Both
/// operands must have the same width; a plain number takes the width of the other side. (The simulation takes the
/// wider of two different widths; the printer refuses them.) Signed arithmetic belongs in a unit with its own
/// `update` and Verilog body, through [`as_i64`](Value::as_i64) and [`signed`](Value::signed).
///
/// ```
/// use emeuro_hdl::Value;
///
/// let count = Value::new(4, 15);
/// assert_eq!(count + 1, 0);
/// assert_eq!(!Value::new(1, 0), 1);
/// assert_eq!(Value::new(8, 0xfe).as_i64(), -2);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Value {
    bits: u64,
    /// 0: a plain number that takes the width of whatever it meets.
    width: u8,
}

/// All ones in the low `width` bits.
pub(crate) fn mask(width: u32) -> u64 {
    if width >= 64 { u64::MAX } else { (1 << width) - 1 }
}

/// The number of bits that address `count` things: at least 1, because Verilog has no empty vectors.
///
/// ```
/// use emeuro_hdl::address_bits;
///
/// assert_eq!([1, 2, 3, 256, 257].map(address_bits), [1, 1, 2, 8, 9]);
/// ```
pub fn address_bits(count: usize) -> u32 {
    count.saturating_sub(1).checked_ilog2().map_or(1, |top| top + 1)
}

impl Value {
    /// The low `width` bits (1 to 64) of `bits`.
    pub fn new(width: u32, bits: u64) -> Self {
        let width = width.min(64);
        Self { bits: bits & mask(width), width: width as u8 }
    }

    /// A signed number in two's complement; it takes the width of the wire that it is assigned to.
    pub fn signed(value: i64) -> Self {
        Self { bits: value as u64, width: 0 }
    }

    /// The bits, unsigned.
    pub fn as_u64(self) -> u64 {
        self.bits
    }

    /// The bits as a number in two's complement: the top bit of the width is the sign.
    pub fn as_i64(self) -> i64 {
        let unused = if self.width == 0 { 0 } else { 64 - u32::from(self.width) };
        ((self.bits << unused) as i64) >> unused
    }

    /// The bits as an index. Allowed inside `#[hdl_gen]`, where it has no effect: `match self.state.val().index()`.
    pub fn index(self) -> usize {
        self.bits as usize
    }

    /// The width in bits; 0 for a plain number that was not yet assigned to a wire.
    pub fn bits(self) -> usize {
        usize::from(self.width)
    }

    /// True if any bit is set. Inside `#[hdl_gen]` this turns a one-bit wire into a condition.
    pub fn any(self) -> bool {
        self.bits != 0
    }

    /// True if all bits are set.
    pub fn all(self) -> bool {
        self.bits == mask(u32::from(self.width))
    }

    /// The parity: true if an odd number of bits is set.
    pub fn xor(self) -> bool {
        self.bits.count_ones() % 2 == 1
    }

    /// Bit `index`; false beyond the width.
    pub fn get_bit(self, index: usize) -> bool {
        index < 64 && (self.bits >> index) & 1 == 1
    }

    /// `N` bits from bit `offset` on: `word.get_bits::<8>(16)` is `word[23:16]`.
    ///
    /// A width that is known at run time only is written `bits_of(word >> offset, width)`.
    pub fn get_bits<const N: usize>(self, offset: usize) -> Value {
        Value::new(N as u32, self.bits.checked_shr(offset as u32).unwrap_or(0))
    }

    /// The same bits at another width: zero-extended or cut.
    pub(crate) fn resized(self, width: u32) -> Value {
        Value::new(width, self.bits)
    }

    /// `bits` at the wider of both widths.
    fn joined(self, other: Value, bits: u64) -> Value {
        match self.width.max(other.width) {
            0 => Value { bits, width: 0 },
            width => Value::new(u32::from(width), bits),
        }
    }
}

/// `value` zero-extended or cut to `width` bits; works inside `#[hdl_gen]`, where it prints as an extension or a part
/// select. (Its name begins with `bits` because that is how the macro recognises a cast.)
///
/// ```
/// use emeuro_hdl::{Value, bits_of};
///
/// assert_eq!(bits_of(Value::new(16, 0x1234) >> 8, 4), Value::new(4, 2));
/// ```
pub fn bits_of(value: Value, width: u32) -> Value {
    value.resized(width)
}

impl From<u64> for Value {
    /// A plain number. There is no other conversion from an integer type, so that `3.into()` needs no annotation.
    fn from(bits: u64) -> Self {
        Self { bits, width: 0 }
    }
}

impl From<bool> for Value {
    fn from(bit: bool) -> Self {
        Self::new(1, u64::from(bit))
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Value) -> bool {
        self.bits == other.bits
    }
}

impl Eq for Value {}

impl PartialOrd for Value {
    fn partial_cmp(&self, other: &Value) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Value {
    fn cmp(&self, other: &Value) -> std::cmp::Ordering {
        self.bits.cmp(&other.bits)
    }
}

impl PartialEq<u64> for Value {
    fn eq(&self, other: &u64) -> bool {
        self.bits == *other
    }
}

impl PartialOrd<u64> for Value {
    fn partial_cmp(&self, other: &u64) -> Option<std::cmp::Ordering> {
        Some(self.bits.cmp(other))
    }
}

macro_rules! binary {
    ($($operator:ident $method:ident $apply:expr;)*) => { $(
        impl $operator for Value {
            type Output = Value;
            fn $method(self, other: Value) -> Value {
                let apply: fn(u64, u64) -> u64 = $apply;
                self.joined(other, apply(self.bits, other.bits))
            }
        }
        impl $operator<u64> for Value {
            type Output = Value;
            fn $method(self, other: u64) -> Value {
                $operator::$method(self, Value::from(other))
            }
        }
    )* };
}

binary! {
    Add add u64::wrapping_add;
    Sub sub u64::wrapping_sub;
    BitAnd bitand |a, b| a & b;
    BitOr bitor |a, b| a | b;
    BitXor bitxor |a, b| a ^ b;
}

impl Shl for Value {
    type Output = Value;
    fn shl(self, places: Value) -> Value {
        self << places.bits
    }
}

impl Shl<u64> for Value {
    type Output = Value;
    fn shl(self, places: u64) -> Value {
        self.joined(self, if places < 64 { self.bits << places } else { 0 })
    }
}

impl Shr for Value {
    type Output = Value;
    fn shr(self, places: Value) -> Value {
        self >> places.bits
    }
}

impl Shr<u64> for Value {
    type Output = Value;
    fn shr(self, places: u64) -> Value {
        self.joined(self, if places < 64 { self.bits >> places } else { 0 })
    }
}

impl Not for Value {
    type Output = Value;
    fn not(self) -> Value {
        self.joined(self, !self.bits)
    }
}

impl Neg for Value {
    type Output = Value;
    fn neg(self) -> Value {
        self.joined(self, self.bits.wrapping_neg())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wraps_at_the_width() {
        assert_eq!((Value::new(3, 7) + 1).as_u64(), 0);
        assert_eq!((Value::new(3, 0) - 1).as_u64(), 7);
        assert_eq!((Value::new(3, 5) << 1).as_u64(), 2);
        assert_eq!((-Value::new(64, 1)).as_u64(), u64::MAX);
        assert_eq!((!Value::new(3, 5)).as_u64(), 2);
        assert_eq!((Value::new(3, 5) >> 64).as_u64(), 0);
    }

    #[test]
    fn reads_signed_numbers() {
        for width in 1..=64 {
            let least = Value::signed(i64::MIN >> (64 - width)).resized(width);
            assert_eq!(least.as_u64(), 1 << (width - 1));
            assert_eq!(least.as_i64(), i64::MIN >> (64 - width));
            assert_eq!(Value::signed(-1).resized(width).as_i64(), -1);
            assert_eq!(Value::signed(0).resized(width).as_i64(), 0);
        }
    }

    #[test]
    fn selects_and_reduces() {
        let word = Value::new(16, 0xa53c);
        assert_eq!(word.get_bits::<4>(12), 0xa);
        assert_eq!(word.get_bits::<4>(12).bits(), 4);
        assert_eq!(word.get_bits::<4>(70), 0);
        assert!(word.get_bit(15) && !word.get_bit(16) && !word.get_bit(99));
        assert!(word.any() && !word.all() && !word.xor());
        assert!(Value::new(5, 31).all());
    }
}
