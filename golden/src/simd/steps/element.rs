//! Frames of a plan in and out, from and to words or values.

use super::plan::Plan;
use crate::simd::isa::{Convert, Lanes};

/// A word or a value, to an instruction set.
pub(crate) trait Element<L: Lanes>: Copy {
    /// Puts a frame in; whether all words fit the port's width, or all values are finite.
    ///
    /// # Safety
    /// *Machine*, *frame*, *ports*.
    unsafe fn put(plan: &Plan, elements: *const Self, frame: *mut i16) -> bool;

    /// Takes the output of a level out.
    ///
    /// # Safety
    /// *Machine*, *frame*, *level*, *ports*.
    unsafe fn take(plan: &Plan, level: usize, frame: *mut i16, elements: *mut Self);
}

impl<L: Lanes> Element<L> for i16 {
    #[inline(always)]
    unsafe fn put(plan: &Plan, words: *const Self, frame: *mut i16) -> bool {
        // SAFETY: *machine*, *frame*, *ports*.
        unsafe { plan.ports[0].put_words::<L>(words, frame, &plan.input) }
    }

    #[inline(always)]
    unsafe fn take(plan: &Plan, level: usize, frame: *mut i16, words: *mut Self) {
        // SAFETY: *machine*, *frame*, *level*, *ports*.
        unsafe { plan.levels[level].output.run::<L>(frame, words) }
    }
}

macro_rules! value {
    ($($value:ty)*) => {
        $(
            impl<L: Convert<$value> + Convert<f64>> Element<L> for $value {
                #[inline(always)]
                unsafe fn put(plan: &Plan, values: *const Self, frame: *mut i16) -> bool {
                    // SAFETY: *machine*, *frame*, *ports*.
                    unsafe { plan.ports[0].put_values::<L, Self>(values, frame, &plan.input) }
                }

                #[inline(always)]
                unsafe fn take(plan: &Plan, level: usize, frame: *mut i16, values: *mut Self) {
                    let copies = &plan.levels[level].output;
                    // SAFETY: *machine*, *frame*, *level*, *ports*.
                    unsafe { plan.ports[1].take_values::<L, Self>(copies, frame, plan.output, values) }
                }
            }
        )*
    };
}

value!(f64 f32);
