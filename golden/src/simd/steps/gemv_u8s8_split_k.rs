//! [`GemvU8S8`] with its sums split in four: dense layers of up to 16 outputs and of long windows.
//!
//! Four neighbouring lanes compute one output, each from every fourth quad, so that one load brings four quads to all of them; at the
//! end the four are added.

use super::gemv_u8s8::GemvU8S8;
use crate::simd::isa::Lanes;

/// The fewest quads that are worth the sum at the end.
pub(crate) const LONG: usize = 12;

/// The rows and quads of packed weights, in the order in which they are read: four steps of 16 lanes for every four quads.
pub(crate) fn order(quads: usize) -> impl Iterator<Item = [usize; 2]> {
    let lane = |four: usize, step: usize| move |lane: usize| [lane / 4 * 4 + step, 4 * four + lane % 4];
    let steps = (0..quads.div_ceil(4)).flat_map(|four| (0..4).map(move |step| (four, step)));
    steps.flat_map(move |(four, step)| (0..16).map(lane(four, step)))
}

impl GemvU8S8 {
    /// The only block, for F frames, in S phases of sums of their own.
    ///
    /// # Safety
    /// *Machine*, *frame*, *member*, and *step*: its operands are [split](super::gemv_u8s8::Quads::SplitK), and HIGH as its words
    /// have high bytes.
    #[inline(always)]
    pub(crate) unsafe fn run_split_k<L: Lanes, const S: usize, const F: usize, const HIGH: bool>(
        &self,
        frames: [*mut i16; F],
        member: usize,
    ) {
        let block = &self.blocks[0];
        // SAFETY: *machine*, *frame*, *step*, *member*.
        unsafe {
            let (mut weights, bias) = self.packed.of(member);
            let zero = L::splat_sum(0);
            let (mut low, mut high) = ([[[zero; 4]; F]; S], [[[zero; 4]; F]; S]);
            let mut x = block.x;
            macro_rules! four {
                ($half:literal) => {
                    let mut bytes = [[L::splat(0); 2]; F];
                    for f in 0..F {
                        let x = frames[f].add(x + 8 * $half).cast_const();
                        bytes[f] = [L::splat_eight(x), L::splat_eight(x.add(16))];
                    }
                    for j in 0..4 {
                        let weights = L::load(weights.add(32 * j));
                        for f in 0..F {
                            let [l, h] = bytes[f];
                            low[$half % S][f][j] = L::dot_bytes(low[$half % S][f][j], l, weights);
                            if HIGH {
                                high[$half % S][f][j] = L::dot_bytes(high[$half % S][f][j], h, weights);
                            }
                        }
                    }
                    weights = weights.add(32 * 4);
                };
            }
            let fours = self.quads.div_ceil(4);
            for _ in 0..fours / 2 {
                four!(0);
                four!(1);
                x += 32;
            }
            if fours % 2 == 1 {
                four!(0);
            }
            let _ = weights;
            let (bias, shift) = (L::load_sums(bias), L::load_sums(self.shifts.as_ptr().cast()));
            for f in 0..F {
                let mut sums = [zero; 4];
                for j in 0..4 {
                    let (mut l, mut h) = (low[0][f][j], high[0][f][j]);
                    for s in 1..S {
                        l = L::add_sums(l, low[s][f][j]);
                        h = L::add_sums(h, high[s][f][j]);
                    }
                    sums[j] = if HIGH { L::add_sums(l, L::shift_left(h, 8)) } else { l };
                }
                let sums = [L::shift_right(L::add_sums(L::add_fours(sums), bias), shift)];
                match self.end {
                    None => self.rounding.put::<L, 1>(sums, frames[f], &self.sink, block.y),
                    Some(end) => {
                        self.rounding.put_until::<L, 1>(sums, frames[f].add(self.sink.y), block.y, end);
                    }
                }
            }
        }
    }
}
