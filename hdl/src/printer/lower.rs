//! From Rust-HDL's syntax tree to statements on known signals: loops unrolled, names resolved, every width inferred and
//! checked.

use rust_hdl_core::ast::{
    VerilogBlock, VerilogBlockOrConditional, VerilogConditional, VerilogExpression as Source, VerilogLiteral,
    VerilogMatch, VerilogOp, VerilogOpUnary, VerilogStatement,
};

use super::PrintError;
use super::expression::{Binary, Expression, Unary};
use super::names::{Loops, parse_number};
use super::symbols::{Owner, SymbolId, Symbols};
use super::tree::Role;
use crate::value::{address_bits, mask};

/// Where a statement stands in the unrolled body: statements further down have higher numbers.
pub(super) type Position = usize;

/// A statement of a lowered body.
#[derive(Clone, Debug)]
pub(super) enum Statement {
    Assign {
        target: SymbolId,
        value: Expression,
        position: Position,
    },
    If {
        test: Expression,
        yes: Vec<Statement>,
        no: Vec<Statement>,
        position: Position,
    },
    /// Cases by value, then the default.
    Case {
        test: Expression,
        cases: Vec<(u64, Vec<Statement>)>,
        default: Vec<Statement>,
        position: Position,
    },
}

/// A body after lowering.
#[derive(Debug, Default)]
pub(super) struct Body {
    pub statements: Vec<Statement>,
    /// Instance parameters that receive a parameter of the module.
    pub handed_down: Vec<(SymbolId, SymbolId)>,
    /// Comments and the target above whose driver they stand.
    pub comments: Vec<(SymbolId, String)>,
}

/// The bits of a literal; `None` if they don't fit into 64.
pub(super) fn literal_bits(literal: &VerilogLiteral) -> Option<u64> {
    // `12'hff`, or `32'h-3`: the value of a literal is private, its text is not.
    let text = format!("{literal:x}");
    let digits = text.split("'h").nth(1)?;
    match digits.strip_prefix('-') {
        Some(digits) => u64::from_str_radix(digits, 16).ok().map(u64::wrapping_neg),
        None => u64::from_str_radix(digits, 16).ok(),
    }
}

/// The text of a `comment!("…")`, of which the macro leaves more or less of the invocation standing.
fn comment_text(source: &str) -> String {
    let text = source.split_once('"').map_or(source, |(_, text)| text);
    let text = text.trim_end().trim_end_matches(')').trim_end_matches('"');
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Lowers the body of a module.
pub(super) fn lower(symbols: &Symbols, block: &VerilogBlock) -> Result<Body, PrintError> {
    let mut lowering = Lowering {
        symbols,
        loops: vec![],
        position: 0,
        target: "condition".into(),
        handed_down: vec![],
        comments: vec![],
        pending: vec![],
    };
    let statements = lowering.block(block)?;
    let Lowering { handed_down, comments, .. } = lowering;
    Ok(Body { statements, handed_down, comments })
}

struct Lowering<'a> {
    symbols: &'a Symbols,
    loops: Loops,
    position: Position,
    /// What is being computed, for error messages.
    target: String,
    handed_down: Vec<(SymbolId, SymbolId)>,
    comments: Vec<(SymbolId, String)>,
    pending: Vec<String>,
}

type Result<T, E = PrintError> = std::result::Result<T, E>;

impl Lowering<'_> {
    fn module(&self) -> String {
        self.symbols.module().to_string()
    }

    fn unsupported<T>(&self, construct: &str, advice: &str) -> Result<T> {
        Err(PrintError::Unsupported {
            module: self.module(),
            construct: construct.into(),
            advice: advice.into(),
        })
    }

    fn width_error<T>(&self, expected: u32, found: u32) -> Result<T> {
        Err(PrintError::Width { module: self.module(), target: self.target.clone(), expected, found })
    }

    fn number_error<T>(&self, value: u64, problem: &str) -> Result<T> {
        Err(PrintError::Number {
            module: self.module(),
            target: self.target.clone(),
            value: format!("0x{value:x}"),
            problem: problem.into(),
        })
    }

    fn next_position(&mut self) -> Position {
        self.position += 1;
        self.position
    }

    fn block(&mut self, block: &VerilogBlock) -> Result<Vec<Statement>> {
        let mut statements = vec![];
        for statement in block {
            self.statement(statement, &mut statements)?;
        }
        Ok(statements)
    }

    fn statement(&mut self, statement: &VerilogStatement, out: &mut Vec<Statement>) -> Result<()> {
        match statement {
            VerilogStatement::Assignment(Source::Signal(target), value) => {
                self.assignment(target, value, out)
            }
            VerilogStatement::Assignment(..) | VerilogStatement::SliceAssignment { .. } => {
                self.unsupported("an assignment to a part of a signal", "assign the whole signal")
            }
            VerilogStatement::If(conditional) => self.conditional(conditional, out),
            VerilogStatement::Match(choice) => self.choice(choice, out),
            VerilogStatement::Loop(repeat) => {
                let (from, to) = (literal_bits(&repeat.from), literal_bits(&repeat.to));
                let (Some(from), Some(to)) = (from, to) else {
                    return self.unsupported("a loop bound beyond 64 bits", "use a smaller one");
                };
                for index in from as i64..to as i64 {
                    self.loops.push((repeat.index.clone(), index));
                    for statement in &repeat.block {
                        self.statement(statement, out)?;
                    }
                    self.loops.pop();
                }
                Ok(())
            }
            VerilogStatement::Macro(block) => {
                for statement in block {
                    self.statement(statement, out)?;
                }
                Ok(())
            }
            VerilogStatement::Comment(text) => {
                self.pending.push(comment_text(text));
                Ok(())
            }
            VerilogStatement::Link(_) => self.unsupported("`link` or `join`", "wire the signals one by one"),
        }
    }

    fn assignment(&mut self, target: &str, value: &Source, out: &mut Vec<Statement>) -> Result<()> {
        let id = self.symbols.find(target, &self.loops)?;
        let symbol = &self.symbols[id];
        self.target = symbol.name.clone();
        let is_parameter = matches!(symbol.role, Role::TextParameter(_) | Role::NumberParameter(_));
        if is_parameter && symbol.owner != Owner::Module {
            return self.hand_down(id, value);
        }
        if !symbol.is_driven_here() {
            return Err(PrintError::NotAssignable { module: self.module(), target: self.target.clone() });
        }
        let value = self.sized(value, symbol.width)?;
        let position = self.next_position();
        self.comments.extend(self.pending.drain(..).map(|text| (id, text)));
        out.push(Statement::Assign { target: id, value, position });
        Ok(())
    }

    /// Wires a parameter of the module to one of an instance; both must hold the same value, because the simulation
    /// uses the instance's.
    fn hand_down(&mut self, target: SymbolId, value: &Source) -> Result<()> {
        let own = match value {
            Source::Signal(name) => self.symbols.find(name, &self.loops)?,
            _ => {
                return self
                    .unsupported("a computed parameter", "hand down a parameter of the module itself");
            }
        };
        let (child_role, own_role) = (&self.symbols[target].role, &self.symbols[own].role);
        if self.symbols[own].owner != Owner::Module || child_role != own_role {
            let show = |role: &Role| match role {
                Role::TextParameter(text) => format!("{text:?}"),
                Role::NumberParameter(number) => format!("{number}"),
                _ => "no parameter".to_string(),
            };
            return Err(PrintError::Parameter {
                module: self.module(),
                target: self.target.clone(),
                child: show(child_role),
                own: show(own_role),
            });
        }
        if self.symbols[target].width != self.symbols[own].width {
            return self.width_error(self.symbols[target].width, self.symbols[own].width);
        }
        self.handed_down.push((target, own));
        Ok(())
    }

    fn conditional(&mut self, source: &VerilogConditional, out: &mut Vec<Statement>) -> Result<()> {
        let test = self.condition(&source.test, "if")?;
        let position = self.next_position();
        let yes = self.block(&source.then)?;
        let mut no = vec![];
        match &source.otherwise {
            VerilogBlockOrConditional::Block(block) => no = self.block(block)?,
            VerilogBlockOrConditional::Conditional(conditional) => self.statement(conditional, &mut no)?,
            VerilogBlockOrConditional::None => {}
        }
        match test.constant(self.symbols) {
            Some(0) => out.extend(no),
            Some(_) => out.extend(yes),
            None => out.push(Statement::If { test, yes, no, position }),
        }
        Ok(())
    }

    fn choice(&mut self, source: &VerilogMatch, out: &mut Vec<Statement>) -> Result<()> {
        self.target = "match".into();
        let Some(width) = self.natural_width(&source.test)? else {
            return self.unsupported("a `match` on a number", "match on a signal");
        };
        let test = self.sized(&source.test, width)?;
        let position = self.next_position();
        let mut cases = vec![];
        let mut default = None;
        for case in &source.cases {
            let statements = self.block(&case.block)?;
            if case.condition == "default" {
                default = Some(statements);
                continue;
            }
            let Some(value) = parse_number(&case.condition) else {
                return self.unsupported(
                    &format!("the pattern `{}`", case.condition),
                    "match `val().index()` against numbers",
                );
            };
            if value & !mask(width) != 0 {
                self.target = "match".into();
                return self.number_error(value, &format!("does not fit into {width} bits"));
            }
            cases.push((value, statements));
        }
        let Some(default) = default else {
            return self.unsupported("a `match` without `_`", "add one");
        };
        out.push(Statement::Case { test, cases, default, position });
        Ok(())
    }

    fn condition(&mut self, source: &Source, what: &str) -> Result<Expression> {
        self.target = what.into();
        match self.natural_width(source)? {
            Some(1) | None => self.sized(source, 1),
            Some(found) => Err(PrintError::Condition { module: self.module(), target: what.into(), found }),
        }
    }

    /// The width that an expression has of itself; `None` for plain numbers, which take their context's.
    fn natural_width(&self, source: &Source) -> Result<Option<u32>> {
        Ok(match source {
            Source::Signal(name) if self.loop_index(name).is_some() => None,
            Source::Signal(name) => Some(self.symbols[self.symbols.find(name, &self.loops)?].width),
            Source::Literal(_) => None,
            Source::Cast(_, width) | Source::Slice(_, width, _) => Some(*width as u32),
            Source::Paren(inner) => self.natural_width(inner)?,
            Source::Binary(left, operator, right) => match operator {
                VerilogOp::Add
                | VerilogOp::Sub
                | VerilogOp::BitXor
                | VerilogOp::BitAnd
                | VerilogOp::BitOr => match self.natural_width(left)? {
                    Some(width) => Some(width),
                    None => self.natural_width(right)?,
                },
                VerilogOp::Shl | VerilogOp::Shr | VerilogOp::Mul => self.natural_width(left)?,
                _ => Some(1),
            },
            Source::Unary(VerilogOpUnary::Not | VerilogOpUnary::Neg, operand) => {
                self.natural_width(operand)?
            }
            Source::Unary(..) | Source::Index(..) => Some(1),
            Source::Signed(_) | Source::Unsigned(_) | Source::IndexReplace(..) => None,
        })
    }

    fn loop_index(&self, name: &str) -> Option<i64> {
        self.loops.iter().rev().find(|(index, _)| index == name).map(|(_, value)| *value)
    }

    fn sized_number(&self, value: u64, width: u32) -> Result<Expression> {
        if value & !mask(width) != 0 {
            return self.number_error(value, &format!("does not fit into {width} bits"));
        }
        Ok(Expression::Number { value, width })
    }

    /// The expression at exactly `width` bits.
    fn sized(&self, source: &Source, width: u32) -> Result<Expression> {
        if let Some(natural) = self.natural_width(source)?
            && natural != width
        {
            return self.width_error(width, natural);
        }
        match source {
            Source::Signal(name) => match self.loop_index(name) {
                Some(index) => self.sized_number(index as u64, width),
                None => {
                    let id = self.symbols.find(name, &self.loops)?;
                    if let Role::TextParameter(_) = self.symbols[id].role {
                        return self
                            .unsupported("a text parameter in an expression", "hand it to an instance");
                    }
                    Ok(Expression::Signal(id))
                }
            },
            Source::Literal(literal) => match literal_bits(literal) {
                Some(value) => self.sized_number(value, width),
                None => self.unsupported("a number beyond 64 bits", "use a smaller one"),
            },
            Source::Paren(inner) => self.sized(inner, width),
            Source::Cast(inner, _) => self.cast(inner, width),
            Source::Slice(inner, _, offset) => match self.fixed(offset)? {
                Some(low) => self.part(inner, low, width),
                None => self.unsupported(
                    "a part select at a variable offset",
                    "write `bits_of(word >> offset, width)`",
                ),
            },
            Source::Index(inner, index) => self.bit(inner, index),
            Source::Unary(operator, operand) => self.unary(operator, operand, width),
            Source::Binary(left, operator, right) => self.binary(left, operator, right, width),
            Source::Signed(_) | Source::Unsigned(_) => {
                self.unsupported("a cast between signed and unsigned", "wire the bits; widths are the same")
            }
            Source::IndexReplace(..) => self.unsupported("`replace_bit`", "give the unit a Verilog body"),
        }
    }

    /// The value of an expression of constants.
    fn fixed(&self, source: &Source) -> Result<Option<u64>> {
        let width = self.natural_width(source)?.unwrap_or(64);
        Ok(self.sized(source, width)?.constant(self.symbols))
    }

    fn cast(&self, inner: &Source, width: u32) -> Result<Expression> {
        match self.natural_width(inner)? {
            None => self.sized(inner, width),
            Some(natural) if natural == width => self.sized(inner, width),
            Some(natural) if natural < width => {
                Ok(Expression::Extend(Box::new(self.sized(inner, natural)?), width))
            }
            Some(_) => self.part(inner, 0, width),
        }
    }

    /// Bits `low..low + width` of an expression that is a signal, or a signal shifted right by a constant.
    fn part(&self, inner: &Source, low: u64, width: u32) -> Result<Expression> {
        match inner {
            Source::Paren(inner) => self.part(inner, low, width),
            Source::Binary(inner, VerilogOp::Shr, places) if self.fixed(places)?.is_some() => {
                let places = self.fixed(places)?.unwrap_or_default();
                self.part(inner, low.saturating_add(places), width)
            }
            Source::Signal(name) if self.loop_index(name).is_none() => {
                let signal = self.symbols.find(name, &self.loops)?;
                let all = u64::from(self.symbols[signal].width);
                if low + u64::from(width) > all {
                    return self.width_error(self.symbols[signal].width, (low + u64::from(width)) as u32);
                }
                if width == 0 {
                    return self.width_error(1, 0);
                }
                if u64::from(width) == all {
                    return Ok(Expression::Signal(signal));
                }
                Ok(Expression::Part { signal, low: low as u32, width })
            }
            _ => self.unsupported(
                &format!("a part of an expression (for `{}`)", self.target),
                "put the expression on a `Wire<Local>` and take the part of that",
            ),
        }
    }

    fn bit(&self, inner: &Source, index: &Source) -> Result<Expression> {
        if let Some(place) = self.fixed(index)? {
            return self.part(inner, place, 1);
        }
        let mut inner = inner;
        while let Source::Paren(nested) = inner {
            inner = nested;
        }
        let Source::Signal(name) = inner else {
            return self.unsupported("a bit of an expression", "take the bit of a signal");
        };
        let signal = self.symbols.find(name, &self.loops)?;
        let needed = address_bits(self.symbols[signal].width as usize);
        let found = self.natural_width(index)?.unwrap_or(needed);
        if found != needed || !self.symbols[signal].width.is_power_of_two() || self.symbols[signal].width == 1
        {
            return self.unsupported(
                &format!("bit [{found}-bit index] of the {}-bit `{name}`", self.symbols[signal].width),
                "use a signal of a power of two of bits and an index that just covers it",
            );
        }
        Ok(Expression::Bit { signal, index: Box::new(self.sized(index, needed)?) })
    }

    fn unary(&self, operator: &VerilogOpUnary, operand: &Source, width: u32) -> Result<Expression> {
        let operator = match operator {
            VerilogOpUnary::Not => Unary::Not,
            VerilogOpUnary::Neg => Unary::Negate,
            VerilogOpUnary::All => Unary::All,
            VerilogOpUnary::Any => Unary::Any,
            VerilogOpUnary::Xor => Unary::Parity,
        };
        let operand_width = match operator {
            Unary::Not | Unary::Negate => width,
            _ => match self.natural_width(operand)? {
                Some(width) => width,
                None => return self.unsupported("a reduction of a number", "reduce a signal"),
            },
        };
        let operand = self.sized(operand, operand_width)?;
        let reduces_one_bit = operand_width == 1 && !matches!(operator, Unary::Not | Unary::Negate);
        Ok(if reduces_one_bit { operand } else { Expression::Unary(operator, Box::new(operand)) })
    }

    fn binary(&self, left: &Source, operator: &VerilogOp, right: &Source, width: u32) -> Result<Expression> {
        let operator = match operator {
            VerilogOp::Add => Binary::Add,
            VerilogOp::Sub => Binary::Sub,
            VerilogOp::Mul => return self.unsupported("`*`", "give the unit a Verilog body"),
            VerilogOp::LogicalAnd => Binary::LogicalAnd,
            VerilogOp::LogicalOr => Binary::LogicalOr,
            VerilogOp::BitXor => Binary::Xor,
            VerilogOp::BitAnd => Binary::And,
            VerilogOp::BitOr => Binary::Or,
            VerilogOp::Shl => Binary::ShiftLeft,
            VerilogOp::Shr => Binary::ShiftRight,
            VerilogOp::Eq => Binary::Equal,
            VerilogOp::Ne => Binary::NotEqual,
            VerilogOp::Lt => Binary::Less,
            VerilogOp::Le => Binary::LessEqual,
            VerilogOp::Gt => Binary::Greater,
            VerilogOp::Ge => Binary::GreaterEqual,
        };
        let (left, right) = match operator {
            Binary::ShiftLeft | Binary::ShiftRight => {
                let places = match (self.natural_width(right)?, right) {
                    (Some(places), _) => self.sized(right, places)?,
                    (None, _) => {
                        let value = self.fixed(right)?.unwrap_or_default();
                        self.sized_number(value, address_bits(value as usize + 1))?
                    }
                };
                (self.sized(left, width)?, places)
            }
            Binary::LogicalAnd | Binary::LogicalOr => (self.sized(left, 1)?, self.sized(right, 1)?),
            _ if operator.is_test() => {
                let natural = match self.natural_width(left)? {
                    Some(width) => Some(width),
                    None => self.natural_width(right)?,
                };
                let Some(operands) = natural else {
                    return self.unsupported("a comparison of two numbers", "compare a signal");
                };
                (self.sized(left, operands)?, self.sized(right, operands)?)
            }
            _ => (self.sized(left, width)?, self.sized(right, width)?),
        };
        if operator.is_order() && (left.has_signed(self.symbols) || right.has_signed(self.symbols)) {
            return self.unsupported(
                "an order of signed signals",
                "give the unit a Verilog body; `==` and `!=` are fine",
            );
        }
        Ok(Expression::Binary(operator, Box::new(left), Box::new(right)))
    }
}
