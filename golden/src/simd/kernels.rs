//! The kernels, compiled once for every instruction set.

use super::{
    copies::Copies,
    dense::Dense,
    elementwise::{Add, Multiply, Relu},
    groups::Groups,
    lanes::Lanes,
    plan::{Plan, Step},
    port::Scales,
    sink::Sink,
    split::Split,
    table::Table,
    taps::Taps,
    wide::Wide,
};
use crate::{Isa, Router, Selected};

/// Frames of memory that a plan runs over.
#[derive(Clone, Copy)]
pub(super) struct Frames<'a> {
    pub(super) first: *mut i16,
    /// Distance of frames in words.
    pub(super) stride: usize,
    pub(super) router: Option<&'a Router>,
}

/// The functions of an instruction set.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kernels {
    /// Runs a level over as many frames as there are places for what the router selected.
    ///
    /// # Safety
    /// A machine with the instructions, frames of the plan's length, and a level that the plan has.
    pub(super) run: unsafe fn(&Plan, usize, Frames, &mut [Option<Selected>]),
    /// As [`Scales::put_values`], on a machine with the instructions.
    pub(super) put_values: unsafe fn(&Scales, *const f64, *mut i16, &Sink) -> bool,
    /// As [`Scales::put_words`], on a machine with the instructions.
    pub(super) put_words: unsafe fn(&Scales, *const i16, *mut i16, &Sink),
    /// As [`Scales::take_values`], on a machine with the instructions.
    pub(super) take_values: unsafe fn(&Scales, *const i16, *mut f64),
    /// Tiles whose sums fit the registers.
    pub(super) tiles: usize,
    /// Whether there is a dot product of bytes.
    pub(super) bytes: bool,
}

impl Kernels {
    /// Those of an instruction set; none for the specification, or if they are not for this kind of machine.
    pub(super) fn of(isa: Isa) -> Option<&'static Self> {
        match isa {
            Isa::Portable => Some(&portable::KERNELS),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => Some(&avx2::KERNELS),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => Some(&avx512::KERNELS),
            #[cfg(target_arch = "aarch64")]
            Isa::Neon => Some(&neon::KERNELS),
            _ => None,
        }
    }
}

macro_rules! kernels {
    ($module:ident, $lanes:ty, $(#[$features:meta])?) => {
        mod $module {
            use super::*;

            pub(super) const KERNELS: Kernels = Kernels {
                run,
                put_values,
                put_words,
                take_values,
                tiles: <$lanes>::TILES,
                bytes: <$lanes>::BYTES,
            };

            $(#[$features])?
            unsafe fn run(plan: &Plan, level: usize, frames: Frames, selected: &mut [Option<Selected>]) {
                let Frames { first, stride, router } = frames;
                for step in &plan.levels[level].steps {
                    let step = &plan.steps[*step];
                    for (index, selected) in selected.iter_mut().enumerate() {
                        let frame = first.wrapping_add(index * stride);
                        let member = selected.map_or(0, |selected| selected.member);
                        // SAFETY: the caller promises frames of the plan on a machine with the instructions.
                        unsafe {
                            match step {
                                Step::Split(step) => split(step, frame),
                                Step::Dense(step) => dense(step, frame, member),
                                Step::Groups(step) => groups(step, frame, member),
                                Step::Taps(step) => taps(step, frame, member),
                                Step::Wide(step) => wide(step, frame, member),
                                Step::Copy(step, place) => copy(step, frame, *place),
                                Step::Add(step) => add(step, frame),
                                Step::Multiply(step) => multiply(step, frame),
                                Step::Relu(step) => relu(step, frame),
                                Step::Table(step) => table(step, frame),
                                Step::Route => {
                                    *selected = router.map(|router| {
                                        let (place, size) = plan.vectors[router.scores.0];
                                        router.select(std::slice::from_raw_parts(frame.add(place), size))
                                    });
                                }
                            }
                        }
                    }
                }
            }

            kernels!(@each $(#[$features])?
                split(step: &Split, frame: *mut i16) { step.run::<$lanes>(frame) }
                dense(step: &Dense, frame: *mut i16, member: usize) { step.run::<$lanes>(frame, member) }
                groups(step: &Groups, frame: *mut i16, member: usize) { step.run::<$lanes>(frame, member) }
                taps(step: &Taps, frame: *mut i16, member: usize) { step.run::<$lanes>(frame, member) }
                wide(step: &Wide, frame: *mut i16, member: usize) { step.run(frame, member) }
                copy(step: &Copies, frame: *mut i16, place: usize) { step.run(frame, frame.add(place)) }
                add(step: &Add, frame: *mut i16) { step.run::<$lanes>(frame) }
                multiply(step: &Multiply, frame: *mut i16) { step.run::<$lanes>(frame) }
                relu(step: &Relu, frame: *mut i16) { step.run::<$lanes>(frame) }
                table(step: &Table, frame: *mut i16) { step.run::<$lanes>(frame) }
                put_words(scales: &Scales, words: *const i16, frame: *mut i16, sink: &Sink) {
                    scales.put_words::<$lanes>(words, frame, sink)
                }
                take_values(scales: &Scales, words: *const i16, values: *mut f64) {
                    scales.take_values::<$lanes>(words, values)
                }
            );

            $(#[$features])?
            unsafe fn put_values(scales: &Scales, values: *const f64, frame: *mut i16, sink: &Sink) -> bool {
                // SAFETY: as for `Scales::put_values`.
                unsafe { scales.put_values::<$lanes>(values, frame, sink) }
            }
        }
    };
    (@each #[$features:meta] $($name:ident $args:tt $body:block)*) => {
        $(
            // One function each: together they would not fit the registers.
            #[inline(never)]
            #[$features]
            unsafe fn $name $args {
                // SAFETY: `run` promises frames of the plan on a machine with the instructions.
                unsafe { $body }
            }
        )*
    };
    (@each $($name:ident $args:tt $body:block)*) => {
        $(
            #[inline(never)]
            unsafe fn $name $args {
                // SAFETY: `run` promises frames of the plan.
                unsafe { $body }
            }
        )*
    };
}

kernels!(portable, crate::simd::portable::Portable,);

#[cfg(target_arch = "x86_64")]
kernels!(avx2, crate::simd::avx2::Avx2, #[target_feature(enable = "avx2,fma")]);

#[cfg(target_arch = "x86_64")]
kernels!(
    avx512,
    crate::simd::avx512::Avx512,
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx512vbmi")]
);

#[cfg(target_arch = "aarch64")]
kernels!(neon, crate::simd::neon::Neon, #[target_feature(enable = "neon")]);
