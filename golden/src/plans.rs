//! What is made of an emulator for an instruction set: when it is first needed, and shared by all its runners.

use std::{
    any::Any,
    fmt,
    panic::{RefUnwindSafe, UnwindSafe},
    sync::{Arc, OnceLock},
};

use crate::Isa;

/// A plan of whatever type the kernels have.
type AnyPlan = dyn Any + Send + Sync + UnwindSafe + RefUnwindSafe;

/// One place per instruction set.
///
/// Plans follow from the emulator alone: two emulators do not differ in them, and a copy of one, which may still be changed,
/// begins without.
#[derive(Default)]
pub(crate) struct Plans([OnceLock<Arc<AnyPlan>>; Isa::ALL.len()]);

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

impl fmt::Debug for Plans {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let made = Isa::ALL.iter().zip(&self.0).filter(|(_, place)| place.get().is_some());
        f.debug_list().entries(made.map(|(isa, _)| isa)).finish()
    }
}

impl Plans {
    /// The plan for an instruction set, which `make` makes; none if there is none. All calls ask for one type.
    pub(crate) fn get<P>(&self, isa: Isa, make: impl FnOnce() -> Option<P>) -> Option<Arc<P>>
    where
        P: Any + Send + Sync + UnwindSafe + RefUnwindSafe,
    {
        let place = &self.0[Isa::ALL.iter().position(|&known| known == isa)?];
        let plan: Arc<dyn Any + Send + Sync> = match place.get() {
            Some(plan) => Arc::clone(plan) as _,
            None => {
                let made = make()?;
                Arc::clone(place.get_or_init(|| Arc::new(made))) as _
            }
        };
        Some(plan.downcast().expect("plans are of one type"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_made_once_and_a_copy_begins_without() {
        let plans = Plans::default();
        assert_eq!(plans.get(Isa::Avx2, || None::<usize>), None);
        assert_eq!(plans.get(Isa::Avx2, || Some(1)).as_deref(), Some(&1));
        assert_eq!(plans.get(Isa::Avx2, || Some(2)).as_deref(), Some(&1));
        assert_eq!(plans.get(Isa::Neon, || Some(3)).as_deref(), Some(&3));
        assert_eq!(format!("{plans:?}"), "[Neon, Avx2]");
        let copy = plans.clone();
        assert_eq!(copy, plans);
        assert_eq!(copy.get(Isa::Avx2, || Some(4)).as_deref(), Some(&4));
    }
}
