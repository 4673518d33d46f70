//! The plans of an emulator, made when they are first needed and shared by all its runners.

use std::sync::{Arc, OnceLock};

use super::plan::Plan;
use crate::{Emulator, Isa};

/// One place per instruction set.
///
/// Plans follow from the emulator alone: two emulators do not differ in them, and a copy of one, which may still be changed,
/// begins without.
#[derive(Debug, Default)]
pub(crate) struct Plans([OnceLock<Arc<Plan>>; Isa::ALL.len()]);

impl Clone for Plans {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl PartialEq for Plans {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Plans {
    /// The plan of `emulator`, which these are the plans of.
    pub(super) fn get(&self, emulator: &Emulator, isa: Isa) -> Option<Arc<Plan>> {
        let place = &self.0[Isa::ALL.iter().position(|&known| known == isa)?];
        if let Some(plan) = place.get() {
            return Some(Arc::clone(plan));
        }
        let made = Arc::new(Plan::of(emulator, isa)?);
        Some(Arc::clone(place.get_or_init(|| made)))
    }
}
