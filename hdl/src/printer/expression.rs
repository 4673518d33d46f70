//! Expressions of known width, and their Verilog.

use super::symbols::{SymbolId, Symbols};
use super::tree::Role;
use crate::value::mask;

/// An operator with two operands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Binary {
    Add,
    Sub,
    And,
    Or,
    Xor,
    ShiftLeft,
    ShiftRight,
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    LogicalAnd,
    LogicalOr,
}

impl Binary {
    fn text(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Sub => "-",
            Self::And => "&",
            Self::Or => "|",
            Self::Xor => "^",
            Self::ShiftLeft => "<<",
            Self::ShiftRight => ">>",
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessEqual => "<=",
            Self::Greater => ">",
            Self::GreaterEqual => ">=",
            Self::LogicalAnd => "&&",
            Self::LogicalOr => "||",
        }
    }

    /// True if the result is one bit, whatever the operands.
    pub(super) fn is_test(self) -> bool {
        use Binary::*;
        matches!(self, Equal | NotEqual | Less | LessEqual | Greater | GreaterEqual | LogicalAnd | LogicalOr)
    }

    /// True if the order of numbers matters, and with it their sign.
    pub(super) fn is_order(self) -> bool {
        matches!(self, Self::Less | Self::LessEqual | Self::Greater | Self::GreaterEqual)
    }
}

/// An operator with one operand.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Unary {
    Not,
    Negate,
    All,
    Any,
    Parity,
}

/// An expression whose width is known.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Expression {
    Signal(SymbolId),
    /// Bits `low` to `low + width - 1` of a signal.
    Part {
        signal: SymbolId,
        low: u32,
        width: u32,
    },
    /// One bit, chosen at run time.
    Bit {
        signal: SymbolId,
        index: Box<Expression>,
    },
    Number {
        value: u64,
        width: u32,
    },
    Unary(Unary, Box<Expression>),
    Binary(Binary, Box<Expression>, Box<Expression>),
    /// Zeros above an expression.
    Extend(Box<Expression>, u32),
    /// Condition, value if true, value if false.
    Choice(Box<Expression>, Box<Expression>, Box<Expression>),
}

use Expression as E;

impl Expression {
    pub(super) fn width(&self, symbols: &Symbols) -> u32 {
        match self {
            E::Signal(id) => symbols[*id].width,
            E::Part { width, .. } | E::Number { width, .. } | E::Extend(_, width) => *width,
            E::Bit { .. } => 1,
            E::Unary(Unary::Not | Unary::Negate, operand) => operand.width(symbols),
            E::Unary(..) => 1,
            E::Binary(operator, left, _) => {
                if operator.is_test() {
                    1
                } else {
                    left.width(symbols)
                }
            }
            E::Choice(_, yes, _) => yes.width(symbols),
        }
    }

    /// Calls `visit` for every signal that is read, with the bits that are.
    pub(super) fn reads(&self, symbols: &Symbols, visit: &mut impl FnMut(SymbolId, u64)) {
        match self {
            E::Signal(id) => visit(*id, mask(symbols[*id].width)),
            E::Part { signal, low, width } => visit(*signal, mask(*width) << low),
            E::Bit { signal, index } => {
                visit(*signal, mask(symbols[*signal].width));
                index.reads(symbols, visit);
            }
            E::Number { .. } => {}
            E::Unary(_, operand) | E::Extend(operand, _) => operand.reads(symbols, visit),
            E::Binary(_, left, right) => {
                left.reads(symbols, visit);
                right.reads(symbols, visit);
            }
            E::Choice(test, yes, no) => {
                test.reads(symbols, visit);
                yes.reads(symbols, visit);
                no.reads(symbols, visit);
            }
        }
    }

    /// True if it reads the signal.
    pub(super) fn mentions(&self, symbols: &Symbols, signal: SymbolId) -> bool {
        let mut found = false;
        self.reads(symbols, &mut |id, _| found |= id == signal);
        found
    }

    /// True if a signed signal takes part in it.
    pub(super) fn has_signed(&self, symbols: &Symbols) -> bool {
        let mut found = false;
        self.reads(symbols, &mut |id, _| found |= symbols[id].signed);
        found
    }

    /// The value, if constants alone decide it. Parameters do not count: instances differ in them.
    pub(super) fn constant(&self, symbols: &Symbols) -> Option<u64> {
        let width = self.width(symbols);
        let value = match self {
            E::Signal(id) => match symbols[*id].role {
                Role::Constant(value) => value,
                _ => return None,
            },
            E::Part { signal, low, .. } => E::Signal(*signal).constant(symbols)? >> low,
            E::Bit { signal, index } => {
                let places = u32::try_from(index.constant(symbols)?).ok()?;
                E::Signal(*signal).constant(symbols)?.checked_shr(places)? & 1
            }
            E::Number { value, .. } => *value,
            E::Extend(operand, _) => operand.constant(symbols)?,
            E::Unary(operator, operand) => {
                let value = operand.constant(symbols)?;
                match operator {
                    Unary::Not => !value,
                    Unary::Negate => value.wrapping_neg(),
                    Unary::All => u64::from(value == mask(operand.width(symbols))),
                    Unary::Any => u64::from(value != 0),
                    Unary::Parity => u64::from(value.count_ones() % 2 == 1),
                }
            }
            E::Binary(operator, left, right) => {
                let (left, right) = (left.constant(symbols)?, right.constant(symbols)?);
                let places = u32::try_from(right).unwrap_or(64);
                match operator {
                    Binary::Add => left.wrapping_add(right),
                    Binary::Sub => left.wrapping_sub(right),
                    Binary::And => left & right,
                    Binary::Or => left | right,
                    Binary::Xor => left ^ right,
                    Binary::ShiftLeft => left.checked_shl(places).unwrap_or(0),
                    Binary::ShiftRight => left.checked_shr(places).unwrap_or(0),
                    Binary::Equal => u64::from(left == right),
                    Binary::NotEqual => u64::from(left != right),
                    Binary::Less => u64::from(left < right),
                    Binary::LessEqual => u64::from(left <= right),
                    Binary::Greater => u64::from(left > right),
                    Binary::GreaterEqual => u64::from(left >= right),
                    Binary::LogicalAnd => left & right,
                    Binary::LogicalOr => left | right,
                }
            }
            E::Choice(..) => return None,
        };
        Some(value & mask(width))
    }

    /// True if it can stand in a port list: a name, a constant part of one, or a number.
    pub(super) fn is_plain(&self) -> bool {
        matches!(self, E::Signal(_) | E::Part { .. } | E::Number { .. })
    }

    /// The Verilog. `name` says what a signal is called.
    pub(super) fn text(&self, symbols: &Symbols, name: &dyn Fn(SymbolId) -> String) -> String {
        let inner = |expression: &Expression| {
            let text = expression.text(symbols, name);
            match expression {
                E::Unary(..) | E::Binary(..) | E::Choice(..) => format!("({text})"),
                _ => text,
            }
        };
        match self {
            E::Signal(id) => name(*id),
            E::Part { signal, low, width } => match (symbols[*signal].width, *width) {
                (all, width) if all == width => name(*signal),
                (_, 1) => format!("{}[{low}]", name(*signal)),
                (_, width) => format!("{}[{}:{low}]", name(*signal), low + width - 1),
            },
            E::Bit { signal, index } => format!("{}[{}]", name(*signal), index.text(symbols, name)),
            E::Number { value, width } => number(*value, *width),
            E::Unary(operator, operand) => {
                let one_bit = operand.width(symbols) == 1;
                match operator {
                    Unary::Not => format!("~{}", inner(operand)),
                    Unary::Negate => format!("-{}", inner(operand)),
                    _ if one_bit => operand.text(symbols, name),
                    Unary::All => format!("&{}", inner(operand)),
                    Unary::Any => format!("|{}", inner(operand)),
                    Unary::Parity => format!("^{}", inner(operand)),
                }
            }
            E::Binary(operator, left, right) => {
                format!("{} {} {}", inner(left), operator.text(), inner(right))
            }
            E::Extend(operand, width) => {
                let narrow = operand.width(symbols);
                format!("{{{}, {}}}", number(0, width - narrow), operand.text(symbols, name))
            }
            E::Choice(test, yes, no) => format!("{} ? {} : {}", inner(test), inner(yes), inner(no)),
        }
    }
}

/// A sized literal: a bit in binary, a short number in decimal.
pub(super) fn number(value: u64, width: u32) -> String {
    if width == 1 {
        format!("1'b{value}")
    } else if value < 10_000 {
        format!("{width}'d{value}")
    } else {
        format!("{width}'h{value:x}")
    }
}
