//! What drives each signal: the body of a module, cut into one driver per target.
//!
//! A Rust-HDL body is one sequence of assignments in which the last one wins. Hardware has no sequence, so every target
//! gets the statements that concern it, and nothing may be read above its last assignment: there simulation and Verilog
//! would differ.

use std::collections::{BTreeMap, HashMap};

use super::PrintError;
use super::expression::{Expression, Unary};
use super::lower::{Body, Position, Statement};
use super::symbols::{Owner, SymbolId, Symbols};
use super::tree::Role;

/// What drives a signal.
#[derive(Debug)]
pub(super) enum Driver {
    /// One expression.
    Expression(Expression),
    /// Statements for an `always` block.
    Statements(Vec<Statement>),
}

/// The drivers of a module by target, in the order of their first assignment.
pub(super) fn split(symbols: &Symbols, body: &Body) -> Result<Vec<(SymbolId, Driver)>, PrintError> {
    let mut order = vec![];
    let mut last = HashMap::new();
    scan(&body.statements, &mut |target, position| {
        if last.insert(target, position).is_none() {
            order.push(target);
        }
    });
    for (id, symbol) in symbols.iter() {
        if symbol.is_driven_here() && !last.contains_key(&id) && symbol.role != Role::Local {
            return Err(PrintError::NotDriven {
                module: symbols.module().into(),
                target: symbol.name.clone(),
            });
        }
    }
    let mut slices: BTreeMap<SymbolId, Vec<Statement>> = BTreeMap::new();
    slice_all(&body.statements, &mut slices);
    order
        .into_iter()
        .map(|target| {
            let mut slice = slices.remove(&target).unwrap_or_default();
            drop_overwritten(symbols, target, &mut slice);
            let check = Check { symbols, last: &last, target };
            if !check.block(&slice, false)? {
                return Err(PrintError::Latch {
                    module: symbols.module().into(),
                    target: symbols[target].name.clone(),
                });
            }
            Ok((target, simplify(symbols, slice)))
        })
        .collect()
}

/// Visits every assignment.
fn scan(statements: &[Statement], visit: &mut impl FnMut(SymbolId, Position)) {
    for statement in statements {
        match statement {
            Statement::Assign { target, position, .. } => visit(*target, *position),
            Statement::If { yes, no, .. } => {
                scan(yes, visit);
                scan(no, visit);
            }
            Statement::Case { cases, default, .. } => {
                cases.iter().for_each(|(_, block)| scan(block, visit));
                scan(default, visit);
            }
        }
    }
}

/// Distributes statements over their targets; conditions are copied to every target that they decide.
fn slice_all(statements: &[Statement], slices: &mut BTreeMap<SymbolId, Vec<Statement>>) {
    for statement in statements {
        match statement {
            Statement::Assign { target, .. } => slices.entry(*target).or_default().push(statement.clone()),
            Statement::If { test, yes, no, position } => {
                let [mut yes, mut no] = [yes, no].map(|block| {
                    let mut inner = BTreeMap::new();
                    slice_all(block, &mut inner);
                    inner
                });
                let mut targets: Vec<SymbolId> = yes.keys().chain(no.keys()).copied().collect();
                targets.sort_unstable();
                targets.dedup();
                for target in targets {
                    let yes = yes.remove(&target).unwrap_or_default();
                    let no = no.remove(&target).unwrap_or_default();
                    // An empty branch is the second one.
                    let (test, yes, no) = if yes.is_empty() {
                        (Expression::Unary(Unary::Not, Box::new(test.clone())), no, yes)
                    } else {
                        (test.clone(), yes, no)
                    };
                    let slice = Statement::If { test, yes, no, position: *position };
                    slices.entry(target).or_default().push(slice);
                }
            }
            Statement::Case { test, cases, default, position } => {
                let mut inner: Vec<BTreeMap<SymbolId, Vec<Statement>>> = vec![];
                for block in cases.iter().map(|(_, block)| block).chain([default]) {
                    let mut slices = BTreeMap::new();
                    slice_all(block, &mut slices);
                    inner.push(slices);
                }
                let mut targets: Vec<SymbolId> = inner.iter().flat_map(|map| map.keys().copied()).collect();
                targets.sort_unstable();
                targets.dedup();
                for target in targets {
                    let mut blocks = inner.iter_mut().map(|map| map.remove(&target).unwrap_or_default());
                    let mut sliced = vec![];
                    for (value, _) in cases {
                        sliced.push((*value, blocks.next().unwrap_or_default()));
                    }
                    let default = blocks.next().unwrap_or_default();
                    // A case that does nothing may go only where the default does nothing either.
                    if default.is_empty() {
                        sliced.retain(|(_, block)| !block.is_empty());
                    }
                    let slice =
                        Statement::Case { test: test.clone(), cases: sliced, default, position: *position };
                    slices.entry(target).or_default().push(slice);
                }
            }
        }
    }
}

/// Removes what a later unconditional assignment overwrites.
fn drop_overwritten(symbols: &Symbols, target: SymbolId, slice: &mut Vec<Statement>) {
    let overwrites = |statement: &Statement| match statement {
        Statement::Assign { value, .. } => !value.mentions(symbols, target),
        _ => false,
    };
    if let Some(place) = slice.iter().rposition(overwrites) {
        slice.drain(..place);
    }
}

/// Checks one target's statements: nothing read too early, a value on every path.
struct Check<'a> {
    symbols: &'a Symbols,
    last: &'a HashMap<SymbolId, Position>,
    target: SymbolId,
}

impl Check<'_> {
    fn expression(&self, value: &Expression, position: Position, assigned: bool) -> Result<(), PrintError> {
        let mut early = None;
        value.reads(self.symbols, &mut |id, _| {
            let symbol = &self.symbols[id];
            if symbol.owner != Owner::Module || !symbol.is_driven_here() {
                return;
            }
            let is_early = match self.last.get(&id) {
                // Its own value so far may be read once it has one.
                Some(_) if id == self.target => !assigned,
                Some(last) => *last > position,
                None => {
                    early = Some(PrintError::NotDriven {
                        module: self.symbols.module().into(),
                        target: symbol.name.clone(),
                    });
                    false
                }
            };
            if is_early {
                early = Some(PrintError::ReadEarly {
                    module: self.symbols.module().into(),
                    target: self.symbols[self.target].name.clone(),
                    name: symbol.name.clone(),
                });
            }
        });
        early.map_or(Ok(()), Err)
    }

    /// True if the target has a value after the block on every path.
    fn block(&self, statements: &[Statement], mut assigned: bool) -> Result<bool, PrintError> {
        for statement in statements {
            assigned = match statement {
                Statement::Assign { value, position, .. } => {
                    self.expression(value, *position, assigned)?;
                    true
                }
                Statement::If { test, yes, no, position } => {
                    self.expression(test, *position, assigned)?;
                    let yes = self.block(yes, assigned)?;
                    let no = self.block(no, assigned)?;
                    yes && no
                }
                Statement::Case { test, cases, default, position } => {
                    self.expression(test, *position, assigned)?;
                    let mut all = self.block(default, assigned)?;
                    for (_, block) in cases {
                        all &= self.block(block, assigned)?;
                    }
                    all
                }
            };
        }
        Ok(assigned)
    }
}

/// Makes an expression of the forms that have one: a single assignment, a choice of two.
fn simplify(symbols: &Symbols, mut slice: Vec<Statement>) -> Driver {
    fn value(block: &[Statement]) -> Option<&Expression> {
        match block {
            [Statement::Assign { value, .. }] => Some(value),
            _ => None,
        }
    }
    let choice = |test: &Expression, yes: &Expression, no: &Expression| {
        Driver::Expression(Expression::Choice(
            Box::new(test.clone()),
            Box::new(yes.clone()),
            Box::new(no.clone()),
        ))
    };
    let driver = match slice.as_slice() {
        [Statement::Assign { value, .. }] => Some(Driver::Expression(value.clone())),
        [Statement::If { test, yes, no, .. }] => {
            value(yes).zip(value(no)).map(|(yes, no)| choice(test, yes, no))
        }
        [Statement::Assign { target, value: default, .. }, Statement::If { test, yes, no, .. }]
            if no.is_empty() =>
        {
            let reads_default = |part: &Expression| part.mentions(symbols, *target);
            value(yes)
                .filter(|yes| !reads_default(yes) && !reads_default(test))
                .map(|yes| choice(test, yes, default))
        }
        _ => None,
    };
    driver.unwrap_or_else(|| Driver::Statements(std::mem::take(&mut slice)))
}
