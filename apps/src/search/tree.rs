//! The subroutine tree of a region, and what may be done about every subroutine.

use std::fmt;

/// What is done about a subroutine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Way {
    /// Its operations are done in closed form: with blocks, products and tables in the emulator; for a whole region, by the
    /// exact code, without a unit.
    Exact,
    /// One network stands in for all of it.
    Emulate,
    /// Its children are decided on their own.
    Descend,
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Self::Exact => "exact",
            Self::Emulate => "emulate",
            Self::Descend => "descend",
        })
    }
}

/// A subroutine of a region: the region itself is the root of the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subroutine {
    /// Name, unique in the tree.
    pub name: &'static str,
    /// Numbers that it reads.
    pub inputs: usize,
    /// Numbers that it makes.
    pub outputs: usize,
    /// What is searched over.
    pub ways: Vec<Way>,
    /// What is not, and why.
    pub refused: Vec<(Way, &'static str)>,
    /// The subroutines that it calls, in the order of the data flow.
    pub children: Vec<Subroutine>,
}

impl Subroutine {
    /// A subroutine without children and without ways.
    pub(crate) fn new(name: &'static str, inputs: usize, outputs: usize) -> Self {
        Self { name, inputs, outputs, ways: vec![], refused: vec![], children: vec![] }
    }

    /// The same with what may be done about it.
    pub(crate) fn ways(self, ways: &[Way]) -> Self {
        Self { ways: ways.to_vec(), ..self }
    }

    /// The same with what may not be done about it.
    pub(crate) fn refuse(mut self, way: Way, reason: &'static str) -> Self {
        self.refused.push((way, reason));
        self
    }

    /// The same with its children.
    pub(crate) fn children(self, children: Vec<Subroutine>) -> Self {
        Self { children, ..self }
    }

    /// Whether `decisions` are complete and allowed: one for the root, and one for every child of a subroutine that is descended
    /// into, in the order of the tree.
    pub fn allows(&self, decisions: &[Decision]) -> bool {
        self.consume(decisions).is_some_and(<[Decision]>::is_empty)
    }

    /// What is left of `decisions` after those of this subroutine.
    fn consume<'a>(&self, decisions: &'a [Decision]) -> Option<&'a [Decision]> {
        let (first, mut rest) = decisions.split_first()?;
        if first.subroutine != self.name || !self.ways.contains(&first.way) {
            return None;
        }
        if first.way == Way::Descend {
            for child in &self.children {
                rest = child.consume(rest)?;
            }
        }
        Some(rest)
    }

    /// This subroutine and all below it.
    pub fn all(&self) -> Vec<&Subroutine> {
        std::iter::once(self).chain(self.children.iter().flat_map(Subroutine::all)).collect()
    }
}

/// What is done about one subroutine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Decision {
    /// Name of the subroutine.
    pub subroutine: &'static str,
    /// What is done about it.
    pub way: Way,
}

impl Decision {
    pub(crate) fn new(subroutine: &'static str, way: Way) -> Self {
        Self { subroutine, way }
    }
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}: {}", self.subroutine, self.way)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decisions_follow_the_tree() {
        let leaf = |name| Subroutine::new(name, 1, 1).ways(&[Way::Exact, Way::Emulate]);
        let tree = Subroutine::new("root", 1, 1)
            .ways(&[Way::Emulate, Way::Descend])
            .children(vec![leaf("first"), leaf("second")]);
        let root = |way| Decision::new("root", way);
        let (first, second) = (Decision::new("first", Way::Exact), Decision::new("second", Way::Emulate));
        assert!(tree.allows(&[root(Way::Emulate)]));
        assert!(tree.allows(&[root(Way::Descend), first, second]));
        assert!(!tree.allows(&[root(Way::Exact)]));
        assert!(!tree.allows(&[root(Way::Descend), second, first]));
        assert!(!tree.allows(&[root(Way::Descend), first]));
        assert!(!tree.allows(&[root(Way::Emulate), first]));
        assert_eq!(tree.all().len(), 3);
    }
}
