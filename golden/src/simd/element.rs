//! What frames are put in from and taken out to: words, or values.

use super::{convert::Convert, lanes::Lanes, plan::Plan};

/// A word or a value, to an instruction set.
pub(super) trait Element<L: Lanes>: Copy {
    /// Puts a frame in; whether all words fit the port's width, or all values are finite.
    ///
    /// # Safety
    /// As [`Lanes`], with a frame of the plan, and as many elements as its input has words.
    unsafe fn put(plan: &Plan, elements: *const Self, frame: *mut i16) -> bool;

    /// Takes the output of a level out.
    ///
    /// # Safety
    /// As [`Lanes`], with a level and a frame of the plan, and room for as many elements as its output has words.
    unsafe fn take(plan: &Plan, level: usize, frame: *mut i16, elements: *mut Self);
}

impl<L: Lanes> Element<L> for i16 {
    #[inline(always)]
    unsafe fn put(plan: &Plan, words: *const Self, frame: *mut i16) -> bool {
        // SAFETY: the caller promises the frame and the machine.
        unsafe { plan.ports[0].put_words::<L>(words, frame, &plan.input) }
    }

    #[inline(always)]
    unsafe fn take(plan: &Plan, level: usize, frame: *mut i16, words: *mut Self) {
        // SAFETY: the caller promises the frame and the machine.
        unsafe { plan.levels[level].output.run::<L>(frame, words) }
    }
}

macro_rules! value {
    ($($value:ty)*) => {
        $(
            impl<L: Convert<$value> + Convert<f64>> Element<L> for $value {
                #[inline(always)]
                unsafe fn put(plan: &Plan, values: *const Self, frame: *mut i16) -> bool {
                    // SAFETY: the caller promises the frame and the machine.
                    unsafe { plan.ports[0].put_values::<L, Self>(values, frame, &plan.input) }
                }

                #[inline(always)]
                unsafe fn take(plan: &Plan, level: usize, frame: *mut i16, values: *mut Self) {
                    let copies = &plan.levels[level].output;
                    // SAFETY: the caller promises the frame and the machine.
                    unsafe { plan.ports[1].take_values::<L, Self>(copies, frame, plan.output, values) }
                }
            }
        )*
    };
}

value!(f64 f32);
