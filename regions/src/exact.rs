//! Exact code: which regions it is inside.
//!
//! 1. Marks in a region's own code are known when it is compiled.
//! 2. Calls by name of functions with `#[exact]`, and of regions that contain exact code, are known when the program starts: a region has
//!    the names that its code calls. A function with the same name in another module is taken for it; better a region too few.
//! 3. Everything else is seen when it runs while a region is profiled or checked, or when an emulated region is called for the first time,
//!    which its own code answers if the program has exact code.

use std::{cell::RefCell, collections::BTreeSet};

use crate::{Region, region::Source, regions};

/// A function with `#[exact]`.
#[doc(hidden)]
pub struct ExactCode {
    name: &'static str,
    module: &'static str,
    is_method: bool,
}

/// The same, as it is submitted.
#[doc(hidden)]
pub struct RegisteredExact(pub &'static ExactCode);

inventory::collect!(RegisteredExact);

impl ExactCode {
    #[doc(hidden)]
    pub const fn new(name: &'static str, module: &'static str, is_method: bool) -> Self {
        Self { name, module, is_method }
    }

    fn path(&self) -> String {
        format!("{}::{}", self.module, self.name)
    }

    /// Tells the regions that it runs inside.
    #[doc(hidden)]
    #[inline]
    pub fn is_called(&self) {
        is_inside(|region| region.meet([self.path()]));
    }

    /// Whether a call may be one of this.
    fn may_be(&self, call: &str) -> bool {
        call == self.name || self.is_method && call.strip_prefix('.') == Some(self.name)
    }
}

thread_local! {
    /// The regions whose own code is watched in this thread, the innermost last.
    static WATCHED: RefCell<Vec<&'static Region>> = const { RefCell::new(vec![]) };
}

/// As long as it lives, the region's own code runs in this thread.
pub(crate) struct Inside;

impl Inside {
    pub(crate) fn enter(region: &'static Region) -> Self {
        let _ = WATCHED.try_with(|watched| watched.borrow_mut().push(region));
        Self
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        let _ = WATCHED.try_with(|watched| watched.borrow_mut().pop());
    }
}

/// Does something with every region whose own code is watched in this thread.
pub(crate) fn is_inside(tell: impl Fn(&Region)) {
    let _ = WATCHED.try_with(|watched| watched.borrow().iter().for_each(|region| tell(region)));
}

/// Whether the program has exact code.
pub(crate) fn is_any() -> bool {
    inventory::iter::<RegisteredExact>.into_iter().next().is_some()
        || regions().iter().any(|region| !region.source().marks.is_empty())
}

/// The exact code inside a region and the regions that it calls, as far as it is known.
pub(crate) fn inside(region: &Region) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let (mut seen, mut waiting) = (vec![std::ptr::from_ref(region)], vec![region]);
    while let Some(region) = waiting.pop() {
        let source = region.source();
        found.extend(source.marks.iter().map(|place| (*place).to_owned()));
        let calls = |code: &&ExactCode| source.calls.iter().any(|call| code.may_be(call));
        let codes = inventory::iter::<RegisteredExact>.into_iter().map(|registered| registered.0);
        found.extend(codes.filter(calls).map(ExactCode::path));
        found.extend(region.met().iter().cloned());
        for inner in called_regions(source) {
            if !seen.contains(&std::ptr::from_ref(inner)) {
                seen.push(inner);
                waiting.push(inner);
            }
        }
    }
    found
}

/// The regions that a region calls by name.
pub(crate) fn called_regions(source: &Source) -> impl Iterator<Item = &'static Region> {
    regions().into_iter().filter(|region| source.calls.contains(&region.source().function))
}
