//! The three block stages of the emulator in floating point: what it would compute without rounding.

use super::emulator::{POINTS, POSITIONS, root};
use super::{BINS, SAMPLES};
use crate::kernel::Kernel;

/// Y_p\[s\] = Σ_a x\[64a + s\] exp(-2πi·ap/8), Z_m\[c\] = Σ_b exp(-2πi·bm/64) · Y_p\[8b + c\] with p = m mod 8,
/// X\[k\] = Σ_c exp(-2πi·ck/512) · Z_m\[c\] with m = k mod 64.
pub(super) fn plan() -> Kernel {
    let roots: Vec<[f64; 2]> = (0..SAMPLES).map(root).collect();
    let times = move |[re, im]: [f64; 2], angle: usize| {
        let [cos, sin] = roots[angle % SAMPLES];
        [cos * re - sin * im, cos * im + sin * re]
    };
    let sum = |terms: &mut dyn Iterator<Item = [f64; 2]>| {
        terms.fold([0.0; 2], |sum, term| [sum[0] + term[0], sum[1] + term[1]])
    };
    Kernel::new("fft", SAMPLES, 2 * BINS, move |input, output| {
        let short = |p: usize, s: usize| {
            sum(&mut (0..POINTS).map(|a| times([input[POSITIONS * a + s], 0.0], POSITIONS * a * p)))
        };
        let short: Vec<Vec<[f64; 2]>> =
            (0..POINTS).map(|p| (0..POSITIONS).map(|s| short(p, s)).collect()).collect();
        let middle = |m: usize, c: usize| {
            sum(&mut (0..POINTS).map(|b| times(short[m % POINTS][POINTS * b + c], POINTS * b * m)))
        };
        let middle: Vec<Vec<[f64; 2]>> =
            (0..POSITIONS).map(|m| (0..POINTS).map(|c| middle(m, c)).collect()).collect();
        for (k, bin) in output.chunks_exact_mut(2).enumerate() {
            bin.copy_from_slice(&sum(&mut (0..POINTS).map(|c| times(middle[k % POSITIONS][c], c * k))));
        }
    })
}

#[cfg(test)]
mod tests {
    use crate::testing::relative_error;
    use crate::{Application, Fft, Split};

    #[test]
    fn without_rounding_the_three_stages_are_the_transform() {
        let frames = Fft.frames(Split::Test, 3, 1);
        let mut output = [0.0; 514];
        for (input, target) in frames.inputs.chunks_exact(512).zip(frames.targets.chunks_exact(514)) {
            super::plan().run(input, &mut output).unwrap();
            assert!(relative_error(&output, target) < 1e-13);
        }
    }
}
