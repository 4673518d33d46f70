//! The steps compiled for every instruction set, and the loops over steps and frames that call them.

use super::table::{Infer, Kernels};
#[cfg(target_arch = "aarch64")]
use crate::simd::isa::Neon;
#[cfg(target_arch = "x86_64")]
use crate::simd::isa::{Avx2, Avx512};
use crate::{
    Router, Selected,
    number::Both,
    simd::{
        isa::{self, Lanes, Portable},
        memory::{Frames, Place},
        steps::{
            add::Add,
            element::Element,
            gemv_acc64::GemvAcc64,
            gemv_u8s8::{GemvU8S8, GemvU8S8Kernel, Own, Quad, Quads, Same},
            grouped_gemv_s16::{Broadcast, Carry, Gathered, GroupedGemv, Operand, Operands, Permuted},
            lookup::Lookup,
            maximum::Maximum,
            multiply::Multiply,
            permutation::Permutation,
            plan::{Plan, Step},
            relu::Relu,
            split_bytes::SplitBytes,
            stencil::{Each, Neighbours, Pairing, Rolling, Stencil, Way},
            tiles::Block,
        },
    },
};

/// What the router says about a frame whose scores begin at a place.
///
/// # Safety
/// *Frame*, *step*.
#[inline(never)]
unsafe fn route(router: &Router, scores: Place, frame: *const i16) -> Selected {
    // SAFETY: *frame*, *step*.
    router.select(unsafe { std::slice::from_raw_parts(frame.add(scores), router.members()) })
}

/// The functions of an instruction set. The unsafe ones ask for *machine*, *frame*, *step* and *member*, and for *level* and *ports* if
/// they are given a level or elements of the ports.
macro_rules! kernels {
    ($module:ident, $lanes:ty, $(#[$features:meta])?) => {
        pub(super) mod $module {
            use super::*;

            pub(crate) const KERNELS: Kernels = Kernels {
                words: Infer { one: infer_one, many: infer_many },
                values: Both {
                    doubles: Infer { one: infer_one, many: infer_many },
                    singles: Infer { one: infer_one, many: infer_many },
                },
                gemv_u8s8,
                busy,
                tiles: <$lanes>::TILES,
                bytes: <$lanes>::BYTES,
            };

            $(#[$features])?
            unsafe fn run(plan: &Plan, level: usize, frames: Frames, selected: &mut [Option<Selected>]) {
                selected.fill(None);
                if let [selected] = selected {
                    // SAFETY: *machine*, *frame*, *level*.
                    return unsafe { run_alone(plan, level, frames.first, selected) };
                }
                for step in &plan.levels[level].steps {
                    let step = &plan.steps[*step];
                    if let Step::GemvU8S8(gemv, GemvU8S8Kernel { one, two }) = step {
                        let member = |index: usize| selected[index].map_or(0, |selected| selected.member);
                        let mut index = 0;
                        while index < selected.len() {
                            let frame = frames.at(index);
                            // SAFETY: *machine*, *frame*, *step* and *member*, as a plan's levels are made of its steps and
                            // its router selects among its members.
                            unsafe {
                                if let Some(two) = two
                                    && index + 1 < selected.len()
                                    && member(index) == member(index + 1)
                                {
                                    two(gemv, [frame, frames.at(index + 1)], member(index));
                                    index += 2;
                                } else {
                                    one(gemv, [frame], member(index));
                                    index += 1;
                                }
                            }
                        }
                        continue;
                    }
                    for (index, selected) in selected.iter_mut().enumerate() {
                        // SAFETY: *machine*, *frame*, *step*.
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
                // SAFETY: *level*.
                for step in unsafe { &plan.levels.get_unchecked(level).steps } {
                    // SAFETY: *machine*, *frame*, *step* and *member*, as in `run`.
                    unsafe {
                        match plan.steps.get_unchecked(*step) {
                            // Most steps of small networks, where every call counts.
                            Step::GemvU8S8(step, kernel) => (kernel.one)(step, [frame], member),
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
                // SAFETY: *machine*, *frame*, *level*, *ports*.
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
                    // SAFETY: *machine*, *frame*, *level*, *ports*, of every frame.
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
                // SAFETY: *machine*, *frame*, *ports*.
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
                    // SAFETY: *machine*, *frame*, *ports*, of every frame.
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
                    // SAFETY: *machine*, *frame*, *level*, *ports*, of every frame.
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
                // SAFETY: *machine*, *frame*, *step*, *member*.
                unsafe {
                    match step {
                        Step::SplitBytes(step) => split_bytes(step, frame),
                        Step::GemvU8S8(step, kernel) => (kernel.one)(step, [frame], member),
                        Step::GroupedGemv(step) => grouped_gemv(step, frame, member),
                        Step::Stencil(step) => stencil(step, frame, member),
                        Step::GemvAcc64(step) => gemv_acc64(step, frame, member),
                        Step::Im2col(step, place) => im2col(step, frame, *place),
                        Step::Add(step) => add(step, frame),
                        Step::Multiply(step) => multiply(step, frame),
                        Step::Maximum(step) => maximum(step, frame),
                        Step::Relu(step) => relu(step, frame),
                        Step::Lookup(step) => lookup(step, frame),
                        Step::Route(router, scores) => *selected = Some(route(router, *scores, frame)),
                    }
                }
            }

            kernels!(@each $(#[$features])?
                split_bytes(step: &SplitBytes, frame: *mut i16) { step.run::<$lanes>(frame) }
                lines(step: &Stencil, frame: *mut i16, member: usize) { step.run::<$lanes>(frame, member) }
                gemv_acc64(step: &GemvAcc64, frame: *mut i16, member: usize) { step.run(frame, member) }
                im2col(step: &Permutation, frame: *mut i16, place: usize) {
                    step.run::<$lanes>(frame, frame.add(place))
                }
                add(step: &Add, frame: *mut i16) { step.run::<$lanes>(frame) }
                multiply(step: &Multiply, frame: *mut i16) { step.run::<$lanes>(frame) }
                maximum(step: &Maximum, frame: *mut i16) { step.run::<$lanes>(frame) }
                relu(step: &Relu, frame: *mut i16) { step.run::<$lanes>(frame) }
                lookup(step: &Lookup, frame: *mut i16) { step.run::<$lanes>(frame) }
            );

            /// The kernel of a step on bytes: as many phases as hide the latency of a dot product.
            fn gemv_u8s8(step: &GemvU8S8) -> Option<GemvU8S8Kernel> {
                let batched = match (step.batched(), step.high) {
                    (Some(2), true) => Some(gemv_batched::<2, true> as unsafe fn(&GemvU8S8, [*mut i16; 1], usize)),
                    (Some(4), true) => Some(gemv_batched::<4, true> as _),
                    (Some(2), false) => Some(gemv_batched::<2, false> as _),
                    (Some(4), false) => Some(gemv_batched::<4, false> as _),
                    _ => None,
                };
                if let Some(one) = batched {
                    return Some(GemvU8S8Kernel { one, two: None });
                }
                match (&step.operands, step.high) {
                    (Quads::SplitK, true) => Some(in_split_k::<true>()),
                    (Quads::SplitK, false) => Some(in_split_k::<false>()),
                    (Quads::Broadcast, true) => of_words::<Same>(step),
                    (Quads::Broadcast, false) => of_bytes::<Same>(step),
                    (Quads::Permuted { .. }, true) => of_words::<Own>(step),
                    (Quads::Permuted { .. }, false) => of_bytes::<Own>(step),
                }
            }

            /// Kernels of blocks whose operands are words. None if blocks differ in their number of tiles.
            fn of_words<Q: Quad>(step: &GemvU8S8) -> Option<GemvU8S8Kernel> {
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
            fn of_bytes<Q: Quad>(step: &GemvU8S8) -> Option<GemvU8S8Kernel> {
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
            fn alone<Q: Quad, const T: usize, const S: usize, const HIGH: bool>() -> GemvU8S8Kernel {
                GemvU8S8Kernel { one: gemv_blocks::<Q, T, S, 1, HIGH>, two: None }
            }

            /// The same, and of two frames in P phases.
            fn in_pairs<Q: Quad, const T: usize, const S: usize, const P: usize, const HIGH: bool>(
            ) -> GemvU8S8Kernel {
                GemvU8S8Kernel { two: Some(gemv_blocks::<Q, T, P, 2, HIGH>), ..alone::<Q, T, S, HIGH>() }
            }

            /// Two phases for one frame, and one for each of two.
            fn in_split_k<const HIGH: bool>() -> GemvU8S8Kernel {
                GemvU8S8Kernel { one: gemv_split_k::<2, 1, HIGH>, two: Some(gemv_split_k::<1, 2, HIGH>) }
            }

            $(#[$features])?
            unsafe fn gemv_split_k<const S: usize, const F: usize, const HIGH: bool>(
                step: &GemvU8S8,
                frames: [*mut i16; F],
                member: usize,
            ) {
                // SAFETY: *machine*, *frame*, *step*, *member*.
                unsafe { step.run_split_k::<$lanes, S, F, HIGH>(frames, member) }
            }

            $(#[$features])?
            unsafe fn gemv_batched<const Q: usize, const HIGH: bool>(
                step: &GemvU8S8,
                [frame]: [*mut i16; 1],
                member: usize,
            ) {
                // SAFETY: *machine*, *frame*, *step*, *member*.
                unsafe { step.run_batched::<$lanes, Q, HIGH>(frame, member) }
            }

            $(#[$features])?
            unsafe fn gemv_blocks<
                Q: Quad,
                const T: usize,
                const S: usize,
                const F: usize,
                const HIGH: bool,
            >(
                step: &GemvU8S8,
                frames: [*mut i16; F],
                member: usize,
            ) {
                // SAFETY: *machine*, *frame*, *step*, *member*.
                unsafe {
                    match &step.blocks[..] {
                        [block] if !Q::MANY => gemv_block::<Q, T, S, F, HIGH>(step, frames, member, block),
                        _ => gemv_each::<Q, T, S, F, HIGH>(step, frames, member),
                    }
                }
            }

            #[inline(never)]
            $(#[$features])?
            unsafe fn gemv_each<Q: Quad, const T: usize, const S: usize, const F: usize, const HIGH: bool>(
                step: &GemvU8S8,
                frames: [*mut i16; F],
                member: usize,
            ) {
                for block in &step.blocks {
                    // SAFETY: *machine*, *frame*, *step*, *member*.
                    unsafe {
                        match Q::MANY {
                            true => step.block::<$lanes, Q, T, S, F, HIGH>(block, frames, member),
                            false => gemv_block::<Q, T, S, F, HIGH>(step, frames, member, block),
                        }
                    }
                }
            }

            // Without the loop, it uses few of the registers that it would have to save.
            #[inline(never)]
            $(#[$features])?
            unsafe fn gemv_block<Q: Quad, const T: usize, const S: usize, const F: usize, const HIGH: bool>(
                step: &GemvU8S8,
                frames: [*mut i16; F],
                member: usize,
                block: &Block,
            ) {
                // SAFETY: *machine*, *frame*, *step*, *member*.
                unsafe { step.block::<$lanes, Q, T, S, F, HIGH>(block, frames, member) }
            }

            $(#[$features])?
            unsafe fn grouped_gemv(step: &GroupedGemv, frame: *mut i16, member: usize) {
                // SAFETY: *machine*, *frame*, *step*, *member*.
                unsafe {
                    match &step.operands {
                        Operands::Broadcast => grouped_gemv_of::<Broadcast>(step, frame, member),
                        Operands::Permuted { .. } => grouped_gemv_of::<Permuted>(step, frame, member),
                        Operands::Gathered { .. } => grouped_gemv_of::<Gathered>(step, frame, member),
                    }
                }
            }

            $(#[$features])?
            unsafe fn grouped_gemv_of<O: Operand>(step: &GroupedGemv, frame: *mut i16, member: usize) {
                if let Some(carry) = step.carry {
                    // SAFETY: *machine*, *frame*, *step*, *member*.
                    return unsafe { parts_of::<O>(step, carry, frame, member) };
                }
                // Blocks of one number of tiles follow each other.
                for blocks in step.blocks.chunk_by(|a, b| a.tiles == b.tiles) {
                    // SAFETY: *machine*, *frame*, *step*, *member*. As many independent sums as hide the latency of a dot product.
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
            unsafe fn parts_of<O: Operand>(step: &GroupedGemv, carry: Carry, frame: *mut i16, member: usize) {
                for blocks in step.blocks.chunk_by(|a, b| a.tiles == b.tiles) {
                    // SAFETY: *machine*, *frame*, *step*, *member*.
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
                step: &GroupedGemv,
                blocks: &[Block],
                carry: Carry,
                frame: *mut i16,
                member: usize,
            ) {
                for block in blocks {
                    // SAFETY: *machine*, *frame*, *step*, *member*.
                    unsafe { step.block_of_parts::<$lanes, O, T, S>(block, carry, frame, member) }
                }
            }

            #[inline(never)]
            $(#[$features])?
            unsafe fn group_blocks<O: Operand, const T: usize, const S: usize>(
                step: &GroupedGemv,
                blocks: &[Block],
                frame: *mut i16,
                member: usize,
            ) {
                for block in blocks {
                    // SAFETY: *machine*, *frame*, *step*, *member*.
                    unsafe { step.block::<$lanes, O, T, S>(block, frame, member) }
                }
            }

            $(#[$features])?
            unsafe fn stencil(step: &Stencil, frame: *mut i16, member: usize) {
                // SAFETY: *machine*, *frame*, *step*, *member*.
                unsafe {
                    match step.pairing {
                        Pairing::Neighbours => stencil_of::<Neighbours>(step, frame, member),
                        Pairing::Rolling => stencil_of::<Rolling>(step, frame, member),
                        Pairing::Any => stencil_of::<Each>(step, frame, member),
                    }
                }
            }

            $(#[$features])?
            unsafe fn stencil_of<W: Way>(step: &Stencil, frame: *mut i16, member: usize) {
                // SAFETY: *machine*, *frame*, *step*, *member*.
                unsafe {
                    match step.single() {
                        Some(1) => stencil_single::<W, 1>(step, frame, member),
                        Some(2) => stencil_single::<W, 2>(step, frame, member),
                        Some(3) => stencil_single::<W, 3>(step, frame, member),
                        Some(4) => stencil_single::<W, 4>(step, frame, member),
                        _ => lines(step, frame, member),
                    }
                }
            }

            #[inline(never)]
            $(#[$features])?
            unsafe fn stencil_single<W: Way, const P: usize>(step: &Stencil, frame: *mut i16, member: usize) {
                // SAFETY: *machine*, *frame*, *step*, *member*.
                unsafe { step.run_single::<$lanes, W, P>(frame, member) }
            }

            $(#[$features])?
            unsafe fn busy(rounds: usize) -> [i16; 32] {
                // SAFETY: *machine*.
                unsafe { isa::busy::<$lanes>(rounds) }
            }
        }
    };
    (@each #[$features:meta] $($name:ident $args:tt $body:block)*) => {
        $(
            // One function each: together they would not fit the registers.
            #[inline(never)]
            #[$features]
            unsafe fn $name $args {
                // SAFETY: *machine*, *frame*, *step*, *member*.
                unsafe { $body }
            }
        )*
    };
    (@each $($name:ident $args:tt $body:block)*) => {
        $(
            #[inline(never)]
            unsafe fn $name $args {
                // SAFETY: *frame*, *step*, *member*; plain code runs on every *machine*.
                unsafe { $body }
            }
        )*
    };
}

kernels!(portable, Portable,);

#[cfg(target_arch = "x86_64")]
kernels!(avx2, Avx2, #[target_feature(enable = "avx2,fma")]);

#[cfg(target_arch = "x86_64")]
kernels!(
    avx512,
    Avx512,
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx512vbmi")]
);

#[cfg(target_arch = "aarch64")]
kernels!(neon, Neon, #[target_feature(enable = "neon")]);
