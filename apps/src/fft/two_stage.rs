//! The two block stages of the emulator in floating point: what it would compute without rounding.

use super::emulator::{PHASES, POINTS, root};
use super::{BINS, SAMPLES};
use crate::kernel::Kernel;

/// Yₚ\[r\] = Σₘ x\[32m + r\] exp(-2πi·mp/16), then X\[k\] = Σᵣ exp(-2πi·rk/512) · Yₚ\[r\] with p = k mod 16.
pub(super) fn plan() -> Kernel {
    let roots: Vec<[f64; 2]> = (0..SAMPLES).map(root).collect();
    let mut short = vec![[0.0; 2]; PHASES * POINTS];
    Kernel::new("fft", SAMPLES, 2 * BINS, move |input, output| {
        for (p, row) in short.chunks_exact_mut(PHASES).enumerate() {
            for (r, value) in row.iter_mut().enumerate() {
                *value = [0.0; 2];
                for m in 0..POINTS {
                    let [re, im] = roots[PHASES * m * p % SAMPLES];
                    value[0] += re * input[PHASES * m + r];
                    value[1] += im * input[PHASES * m + r];
                }
            }
        }
        for (k, bin) in output.chunks_exact_mut(2).enumerate() {
            let row = &short[k % POINTS * PHASES..][..PHASES];
            bin.fill(0.0);
            for (r, y) in row.iter().enumerate() {
                let [re, im] = roots[r * k % SAMPLES];
                bin[0] += re * y[0] - im * y[1];
                bin[1] += re * y[1] + im * y[0];
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use crate::testing::relative_error;
    use crate::{Application, Fft, Split};

    #[test]
    fn without_rounding_the_two_stages_are_the_transform() {
        let frames = Fft.frames(Split::Test, 3, 1);
        let mut output = [0.0; 514];
        for (input, target) in frames.inputs.chunks_exact(512).zip(frames.targets.chunks_exact(514)) {
            super::plan().run(input, &mut output).unwrap();
            assert!(relative_error(&output, target) < 1e-13);
        }
    }
}
