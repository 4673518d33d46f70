//! Fourier transform of 512 real samples in Rust: the textbook's radix 2, and RustFFT.

use emeuro_apps::{Application, Fft};
use realfft::{RealFftPlanner, num_complex::Complex};

use crate::{Baseline, Code, Kind};

pub(crate) fn baselines() -> Vec<Baseline> {
    vec![
        Baseline {
            app: "fft",
            name: "radix-2",
            kind: Kind::Textbook,
            about: "in-place radix-2 Cooley–Tukey on complex f64, as in Cormen et al., chapter 30",
            tolerance: 1e-12,
            plan: || Code::of_kernel(Fft::new().plan_reference()),
        },
        Baseline {
            app: "fft",
            name: "realfft",
            kind: Kind::Optimised,
            about: "RustFFT's mixed radix with AVX through realfft, f64, planned once",
            tolerance: 1e-12,
            plan: || Code::of_kernel(Fft::new().plan_exact()),
        },
        Baseline {
            app: "fft",
            name: "realfft-f32",
            kind: Kind::Optimised,
            about: "the same in f32, from and to f32",
            tolerance: 1e-6,
            plan: single,
        },
    ]
}

fn single() -> Code {
    let fft = RealFftPlanner::<f32>::new().plan_fft_forward(Fft::SAMPLES);
    let mut samples = fft.make_input_vec();
    let mut spectrum: Vec<Complex<f32>> = fft.make_output_vec();
    let mut scratch = fft.make_scratch_vec();
    Code::single(move |input, output| {
        samples.copy_from_slice(input);
        fft.process_with_scratch(&mut samples, &mut spectrum, &mut scratch)
            .expect("buffers have the sizes of the plan");
        for (pair, bin) in output.chunks_exact_mut(2).zip(&spectrum) {
            pair.copy_from_slice(&[bin.re, bin.im]);
        }
    })
}
