//! The kernels, compiled once for every instruction set.

use super::{
    copies::Copies,
    dense::{Dense, Own, Quad, Quads, Same},
    element::Element,
    elementwise::{Add, Multiply, Relu},
    groups::{Broadcast, Carry, Gathered, Groups, Operand, Operands, Permuted},
    lanes::Lanes,
    peak,
    plan::{Place, Plan, Step},
    split::Split,
    table::Table,
    taps::{Each, Neighbours, Pairing, Rolling, Taps, Way},
    tiles::Block,
    wide::Wide,
};
use crate::{Isa, Router, Selected};

/// Frames of memory that a plan runs over.
#[derive(Clone, Copy)]
pub(super) struct Frames {
    pub(super) first: *mut i16,
    /// Distance of frames in words.
    pub(super) stride: usize,
}

impl Frames {
    fn at(self, index: usize) -> *mut i16 {
        self.first.wrapping_add(index * self.stride)
    }
}

/// Computes a dense step.
///
/// # Safety
/// As [`Dense::block`] for all blocks.
#[derive(Clone, Copy, Debug)]
pub(super) struct DenseKernel {
    /// Of a frame.
    pub(super) one: unsafe fn(&Dense, [*mut i16; 1], usize),
    /// Of two frames, if their sums fit the registers.
    pub(super) two: Option<unsafe fn(&Dense, [*mut i16; 2], usize)>,
}

/// A level from words or values to such; false if a word does not fit the input's width, or a value is not finite. Then the outputs
/// are arbitrary.
///
/// # Safety
/// A machine with the instructions, memory for frames of the plan, a level that the plan has, and for every frame as many words or
/// values in a row as the ports have.
#[derive(Clone, Copy, Debug)]
pub struct Infer<X> {
    /// Of one frame of memory.
    pub(super) one: unsafe fn(&Plan, usize, *mut i16, &mut Option<Selected>, *const X, *mut X) -> bool,
    /// Of so many frames, of which memory holds as many as there are places for what the router selected, at least one.
    pub(super) many: Many<X>,
}

/// See [`Infer::many`].
type Many<X> = unsafe fn(&Plan, usize, Frames, &mut [Option<Selected>], *const X, *mut X, usize) -> bool;

/// The functions of an instruction set.
#[derive(Clone, Copy, Debug)]
pub struct Kernels {
    /// From words to words.
    pub(super) words: Infer<i16>,
    /// From values to values in double precision.
    pub(super) doubles: Infer<f64>,
    /// The same in single precision.
    pub(super) singles: Infer<f32>,
    /// As [`peak::busy`], on a machine with the instructions.
    pub(super) busy: unsafe fn(usize) -> [i16; 32],
    /// The kernel of a dense step whose blocks all have as many tiles.
    pub(super) dense: fn(&Dense) -> Option<DenseKernel>,
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

/// What the router says about a frame whose scores begin at a place.
///
/// # Safety
/// A frame with the scores.
#[inline(never)]
unsafe fn route(router: &Router, scores: Place, frame: *const i16) -> Selected {
    // SAFETY: the caller promises the scores.
    router.select(unsafe { std::slice::from_raw_parts(frame.add(scores), router.members()) })
}

macro_rules! kernels {
    ($module:ident, $lanes:ty, $(#[$features:meta])?) => {
        mod $module {
            use super::*;

            pub(super) const KERNELS: Kernels = Kernels {
                words: Infer { one: infer_one, many: infer_many },
                doubles: Infer { one: infer_one, many: infer_many },
                singles: Infer { one: infer_one, many: infer_many },
                dense,
                busy,
                tiles: <$lanes>::TILES,
                bytes: <$lanes>::BYTES,
            };

            $(#[$features])?
            unsafe fn run(plan: &Plan, level: usize, frames: Frames, selected: &mut [Option<Selected>]) {
                selected.fill(None);
                if let [selected] = selected {
                    // SAFETY: as for this function.
                    return unsafe { run_alone(plan, level, frames.first, selected) };
                }
                for step in &plan.levels[level].steps {
                    let step = &plan.steps[*step];
                    if let Step::Dense(dense, DenseKernel { one, two }) = step {
                        let member = |index: usize| selected[index].map_or(0, |selected| selected.member);
                        let mut index = 0;
                        while index < selected.len() {
                            let frame = frames.at(index);
                            // SAFETY: the caller promises frames of the plan on a machine with the instructions.
                            unsafe {
                                if let Some(two) = two
                                    && index + 1 < selected.len()
                                    && member(index) == member(index + 1)
                                {
                                    two(dense, [frame, frames.at(index + 1)], member(index));
                                    index += 2;
                                } else {
                                    one(dense, [frame], member(index));
                                    index += 1;
                                }
                            }
                        }
                        continue;
                    }
                    for (index, selected) in selected.iter_mut().enumerate() {
                        // SAFETY: the caller promises frames of the plan on a machine with the instructions.
                        unsafe { run_step(step, frames.at(index), selected) }
                    }
                }
            }

            /// Runs a level over one frame.
            #[inline]
            $(#[$features])?
            unsafe fn run_alone(
                plan: &Plan,
                level: usize,
                frame: *mut i16,
                selected: &mut Option<Selected>,
            ) {
                let mut member = 0;
                // SAFETY: the caller promises a level, and a plan's levels are made of its steps.
                for step in unsafe { &plan.levels.get_unchecked(level).steps } {
                    // SAFETY: as for `run`.
                    unsafe {
                        match plan.steps.get_unchecked(*step) {
                            // Most steps of small networks, where every call counts.
                            Step::Dense(step, kernel) => (kernel.one)(step, [frame], member),
                            step => {
                                run_step(step, frame, selected);
                                member = selected.map_or(0, |selected| selected.member);
                            }
                        }
                    }
                }
            }

            $(#[$features])?
            unsafe fn infer_one<X: Element<$lanes>>(
                plan: &Plan,
                level: usize,
                frame: *mut i16,
                selected: &mut Option<Selected>,
                inputs: *const X,
                outputs: *mut X,
            ) -> bool {
                // SAFETY: the caller promises memory for a frame and numbers of both ports on a machine with the instructions.
                unsafe {
                    if !put(plan, inputs, frame) {
                        return false;
                    }
                    *selected = None;
                    run_alone(plan, level, frame, selected);
                    X::take(plan, level, frame, outputs);
                }
                true
            }

            $(#[$features])?
            unsafe fn infer_many<X: Element<$lanes>>(
                plan: &Plan,
                level: usize,
                frames: Frames,
                selected: &mut [Option<Selected>],
                mut inputs: *const X,
                mut outputs: *mut X,
                mut count: usize,
            ) -> bool {
                while count > 0 {
                    let at_once = count.min(selected.len());
                    // SAFETY: as for `infer_one`, of every frame.
                    unsafe {
                        if !put_all(plan, inputs, frames, at_once) {
                            return false;
                        }
                        run(plan, level, frames, &mut selected[..at_once]);
                        take_all(plan, level, frames, at_once, outputs);
                        inputs = inputs.add(at_once * plan.ports[0].words);
                        outputs = outputs.add(at_once * plan.ports[1].words);
                    }
                    count -= at_once;
                }
                true
            }

            // Within `infer_one`, its loop is slower.
            #[inline(never)]
            $(#[$features])?
            unsafe fn put<X: Element<$lanes>>(plan: &Plan, elements: *const X, frame: *mut i16) -> bool {
                // SAFETY: as for `Element::put`.
                unsafe { X::put(plan, elements, frame) }
            }

            #[inline(never)]
            $(#[$features])?
            unsafe fn put_all<X: Element<$lanes>>(
                plan: &Plan,
                elements: *const X,
                frames: Frames,
                count: usize,
            ) -> bool {
                let mut right = true;
                for index in 0..count {
                    // SAFETY: as for `Element::put`, of every frame.
                    right &= unsafe { X::put(plan, elements.add(index * plan.ports[0].words), frames.at(index)) };
                }
                right
            }

            #[inline(never)]
            $(#[$features])?
            unsafe fn take_all<X: Element<$lanes>>(
                plan: &Plan,
                level: usize,
                frames: Frames,
                count: usize,
                elements: *mut X,
            ) {
                for index in 0..count {
                    // SAFETY: as for `Element::take`, of every frame.
                    unsafe {
                        X::take(plan, level, frames.at(index), elements.add(index * plan.ports[1].words));
                    }
                }
            }

            #[inline(never)]
            $(#[$features])?
            unsafe fn run_step(
                step: &Step,
                frame: *mut i16,
                selected: &mut Option<Selected>,
            ) {
                let member = selected.map_or(0, |selected| selected.member);
                // SAFETY: as for `run`.
                unsafe {
                    match step {
                        Step::Split(step) => split(step, frame),
                        Step::Dense(step, kernel) => (kernel.one)(step, [frame], member),
                        Step::Groups(step) => groups(step, frame, member),
                        Step::Taps(step) => taps(step, frame, member),
                        Step::Wide(step) => wide(step, frame, member),
                        Step::Copy(step, place) => copy(step, frame, *place),
                        Step::Add(step) => add(step, frame),
                        Step::Multiply(step) => multiply(step, frame),
                        Step::Relu(step) => relu(step, frame),
                        Step::Table(step) => table(step, frame),
                        Step::Route(router, scores) => *selected = Some(route(router, *scores, frame)),
                    }
                }
            }

            kernels!(@each $(#[$features])?
                split(step: &Split, frame: *mut i16) { step.run::<$lanes>(frame) }
                lines(step: &Taps, frame: *mut i16, member: usize) { step.run::<$lanes>(frame, member) }
                wide(step: &Wide, frame: *mut i16, member: usize) { step.run(frame, member) }
                copy(step: &Copies, frame: *mut i16, place: usize) {
                    step.run::<$lanes>(frame, frame.add(place))
                }
                add(step: &Add, frame: *mut i16) { step.run::<$lanes>(frame) }
                multiply(step: &Multiply, frame: *mut i16) { step.run::<$lanes>(frame) }
                relu(step: &Relu, frame: *mut i16) { step.run::<$lanes>(frame) }
                table(step: &Table, frame: *mut i16) { step.run::<$lanes>(frame) }
            );

            /// The kernel of a dense step: as many phases as hide the latency of a dot product.
            fn dense(step: &Dense) -> Option<DenseKernel> {
                let repeats = match (step.repeats(), step.wide) {
                    (Some(2), true) => Some(dense_repeats::<2, true> as unsafe fn(&Dense, [*mut i16; 1], usize)),
                    (Some(4), true) => Some(dense_repeats::<4, true> as _),
                    (Some(2), false) => Some(dense_repeats::<2, false> as _),
                    (Some(4), false) => Some(dense_repeats::<4, false> as _),
                    _ => None,
                };
                if let Some(one) = repeats {
                    return Some(DenseKernel { one, two: None });
                }
                match (&step.operands, step.wide) {
                    (Quads::Quarters, true) => Some(dense_in_quarters::<true>()),
                    (Quads::Quarters, false) => Some(dense_in_quarters::<false>()),
                    (Quads::Broadcast, true) => dense_of_words::<Same>(step),
                    (Quads::Broadcast, false) => dense_of_bytes::<Same>(step),
                    (Quads::Permuted { .. }, true) => dense_of_words::<Own>(step),
                    (Quads::Permuted { .. }, false) => dense_of_bytes::<Own>(step),
                }
            }

            /// Kernels of blocks whose operands are words. None if blocks differ in their number of tiles.
            fn dense_of_words<Q: Quad>(step: &Dense) -> Option<DenseKernel> {
                Some(match step.tiles()? {
                    1 => in_pairs::<Q, 1, 4, 2, true>(),
                    // With few quads, adding up four phases costs more than the latency that they hide.
                    2 if step.quads <= 8 => in_pairs::<Q, 2, 2, 2, true>(),
                    2 => in_pairs::<Q, 2, 4, 2, true>(),
                    3 => in_pairs::<Q, 3, 2, 1, true>(),
                    4 => in_pairs::<Q, 4, 2, 1, true>(),
                    5 => in_pairs::<Q, 5, 1, 1, true>(),
                    6 => in_pairs::<Q, 6, 1, 1, true>(),
                    7 => alone::<Q, 7, 1, true>(),
                    _ => alone::<Q, 8, 1, true>(),
                })
            }

            /// The same where they are bytes.
            fn dense_of_bytes<Q: Quad>(step: &Dense) -> Option<DenseKernel> {
                Some(match step.tiles()? {
                    1 => in_pairs::<Q, 1, 4, 4, false>(),
                    2 => in_pairs::<Q, 2, 4, 4, false>(),
                    3 => in_pairs::<Q, 3, 4, 2, false>(),
                    4 => in_pairs::<Q, 4, 4, 2, false>(),
                    5 => in_pairs::<Q, 5, 2, 2, false>(),
                    6 => in_pairs::<Q, 6, 2, 1, false>(),
                    7 => in_pairs::<Q, 7, 2, 1, false>(),
                    _ => in_pairs::<Q, 8, 2, 1, false>(),
                })
            }

            /// T tiles of one frame in S phases.
            fn alone<Q: Quad, const T: usize, const S: usize, const WIDE: bool>() -> DenseKernel {
                DenseKernel { one: dense_blocks::<Q, T, S, 1, WIDE>, two: None }
            }

            /// The same, and of two frames in P phases.
            fn in_pairs<Q: Quad, const T: usize, const S: usize, const P: usize, const WIDE: bool>(
            ) -> DenseKernel {
                DenseKernel { two: Some(dense_blocks::<Q, T, P, 2, WIDE>), ..alone::<Q, T, S, WIDE>() }
            }

            /// Two phases for one frame, and one for each of two.
            fn dense_in_quarters<const WIDE: bool>() -> DenseKernel {
                DenseKernel { one: dense_quarters::<2, 1, WIDE>, two: Some(dense_quarters::<1, 2, WIDE>) }
            }

            $(#[$features])?
            unsafe fn dense_quarters<const S: usize, const F: usize, const WIDE: bool>(
                step: &Dense,
                frames: [*mut i16; F],
                member: usize,
            ) {
                // SAFETY: as for `run`.
                unsafe { step.run_quarters::<$lanes, S, F, WIDE>(frames, member) }
            }

            $(#[$features])?
            unsafe fn dense_repeats<const Q: usize, const WIDE: bool>(
                step: &Dense,
                [frame]: [*mut i16; 1],
                member: usize,
            ) {
                // SAFETY: as for `run`.
                unsafe { step.run_repeats::<$lanes, Q, WIDE>(frame, member) }
            }

            $(#[$features])?
            unsafe fn dense_blocks<
                Q: Quad,
                const T: usize,
                const S: usize,
                const F: usize,
                const WIDE: bool,
            >(
                step: &Dense,
                frames: [*mut i16; F],
                member: usize,
            ) {
                // SAFETY: as for `run`.
                unsafe {
                    match &step.blocks[..] {
                        [block] if !Q::MANY => dense_block::<Q, T, S, F, WIDE>(step, frames, member, block),
                        _ => dense_each::<Q, T, S, F, WIDE>(step, frames, member),
                    }
                }
            }

            #[inline(never)]
            $(#[$features])?
            unsafe fn dense_each<Q: Quad, const T: usize, const S: usize, const F: usize, const WIDE: bool>(
                step: &Dense,
                frames: [*mut i16; F],
                member: usize,
            ) {
                for block in &step.blocks {
                    // SAFETY: as for `run`.
                    unsafe {
                        match Q::MANY {
                            true => step.block::<$lanes, Q, T, S, F, WIDE>(block, frames, member),
                            false => dense_block::<Q, T, S, F, WIDE>(step, frames, member, block),
                        }
                    }
                }
            }

            // Without the loop, it uses few of the registers that it would have to save.
            #[inline(never)]
            $(#[$features])?
            unsafe fn dense_block<Q: Quad, const T: usize, const S: usize, const F: usize, const WIDE: bool>(
                step: &Dense,
                frames: [*mut i16; F],
                member: usize,
                block: &Block,
            ) {
                // SAFETY: as for `run`.
                unsafe { step.block::<$lanes, Q, T, S, F, WIDE>(block, frames, member) }
            }

            $(#[$features])?
            unsafe fn groups(step: &Groups, frame: *mut i16, member: usize) {
                // SAFETY: as for `run`.
                unsafe {
                    match &step.operands {
                        Operands::Broadcast => groups_of::<Broadcast>(step, frame, member),
                        Operands::Permuted { .. } => groups_of::<Permuted>(step, frame, member),
                        Operands::Gathered { .. } => groups_of::<Gathered>(step, frame, member),
                    }
                }
            }

            $(#[$features])?
            unsafe fn groups_of<O: Operand>(step: &Groups, frame: *mut i16, member: usize) {
                if let Some(carry) = step.carry {
                    // SAFETY: as for `run`.
                    return unsafe { parts_of::<O>(step, carry, frame, member) };
                }
                // Blocks of one number of tiles follow each other.
                for blocks in step.blocks.chunk_by(|a, b| a.tiles == b.tiles) {
                    // SAFETY: as for `run`. As many independent sums as hide the latency of a dot product.
                    unsafe {
                        match blocks[0].tiles {
                            1 => group_blocks::<O, 1, 2>(step, blocks, frame, member),
                            2 => group_blocks::<O, 2, 2>(step, blocks, frame, member),
                            3 if <$lanes>::TILES >= 4 => group_blocks::<O, 3, 2>(step, blocks, frame, member),
                            4 if <$lanes>::TILES >= 4 => group_blocks::<O, 4, 2>(step, blocks, frame, member),
                            5 if <$lanes>::TILES >= 8 => group_blocks::<O, 5, 2>(step, blocks, frame, member),
                            6 if <$lanes>::TILES >= 8 => group_blocks::<O, 6, 2>(step, blocks, frame, member),
                            7 if <$lanes>::TILES >= 8 => group_blocks::<O, 7, 1>(step, blocks, frame, member),
                            8 if <$lanes>::TILES >= 8 => group_blocks::<O, 8, 1>(step, blocks, frame, member),
                            _ => unreachable!("blocks have no more tiles than the registers"),
                        }
                    }
                }
            }

            /// Half as many tiles as with sums in one part.
            $(#[$features])?
            unsafe fn parts_of<O: Operand>(step: &Groups, carry: Carry, frame: *mut i16, member: usize) {
                for blocks in step.blocks.chunk_by(|a, b| a.tiles == b.tiles) {
                    // SAFETY: as for `run`.
                    unsafe {
                        match blocks[0].tiles {
                            1 => part_blocks::<O, 1, 2>(step, blocks, carry, frame, member),
                            2 if <$lanes>::TILES >= 4 => part_blocks::<O, 2, 2>(step, blocks, carry, frame, member),
                            3 if <$lanes>::TILES >= 8 => part_blocks::<O, 3, 2>(step, blocks, carry, frame, member),
                            4 if <$lanes>::TILES >= 8 => part_blocks::<O, 4, 2>(step, blocks, carry, frame, member),
                            _ => unreachable!("blocks have no more tiles than the registers"),
                        }
                    }
                }
            }

            #[inline(never)]
            $(#[$features])?
            unsafe fn part_blocks<O: Operand, const T: usize, const S: usize>(
                step: &Groups,
                blocks: &[Block],
                carry: Carry,
                frame: *mut i16,
                member: usize,
            ) {
                for block in blocks {
                    // SAFETY: as for `run`.
                    unsafe { step.block_of_parts::<$lanes, O, T, S>(block, carry, frame, member) }
                }
            }

            #[inline(never)]
            $(#[$features])?
            unsafe fn group_blocks<O: Operand, const T: usize, const S: usize>(
                step: &Groups,
                blocks: &[Block],
                frame: *mut i16,
                member: usize,
            ) {
                for block in blocks {
                    // SAFETY: as for `run`.
                    unsafe { step.block::<$lanes, O, T, S>(block, frame, member) }
                }
            }

            $(#[$features])?
            unsafe fn taps(step: &Taps, frame: *mut i16, member: usize) {
                // SAFETY: as for `run`.
                unsafe {
                    match step.pairing {
                        Pairing::Neighbours => taps_of::<Neighbours>(step, frame, member),
                        Pairing::Rolling => taps_of::<Rolling>(step, frame, member),
                        Pairing::Any => taps_of::<Each>(step, frame, member),
                    }
                }
            }

            $(#[$features])?
            unsafe fn taps_of<W: Way>(step: &Taps, frame: *mut i16, member: usize) {
                // SAFETY: as for `run`.
                unsafe {
                    match step.single() {
                        Some(1) => taps_single::<W, 1>(step, frame, member),
                        Some(2) => taps_single::<W, 2>(step, frame, member),
                        Some(3) => taps_single::<W, 3>(step, frame, member),
                        Some(4) => taps_single::<W, 4>(step, frame, member),
                        _ => lines(step, frame, member),
                    }
                }
            }

            #[inline(never)]
            $(#[$features])?
            unsafe fn taps_single<W: Way, const P: usize>(step: &Taps, frame: *mut i16, member: usize) {
                // SAFETY: as for `run`.
                unsafe { step.run_single::<$lanes, W, P>(frame, member) }
            }

            $(#[$features])?
            unsafe fn busy(rounds: usize) -> [i16; 32] {
                // SAFETY: as for `peak::busy`.
                unsafe { peak::busy::<$lanes>(rounds) }
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
