//! Fourier transform with RustFFT's real transform: SIMD mixed radix, packed as half the complex length.

use realfft::RealFftPlanner;

use super::{BINS, SAMPLES};
use crate::kernel::Kernel;

pub(super) fn plan() -> Kernel {
    let fft = RealFftPlanner::<f64>::new().plan_fft_forward(SAMPLES);
    let mut samples = fft.make_input_vec();
    let mut spectrum = fft.make_output_vec();
    let mut scratch = fft.make_scratch_vec();
    Kernel::new("fft", SAMPLES, 2 * BINS, move |input, output| {
        samples.copy_from_slice(input);
        fft.process_with_scratch(&mut samples, &mut spectrum, &mut scratch)
            .expect("buffers have the sizes of the plan");
        for (pair, bin) in output.chunks_exact_mut(2).zip(&spectrum) {
            pair.copy_from_slice(&[bin.re, bin.im]);
        }
    })
}
