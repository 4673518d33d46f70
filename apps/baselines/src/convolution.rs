//! Convolution of 512 samples with 512 fixed taps in Rust: by its definition, and by transforms.

use emeuro_apps::{Application, Convolution};
use realfft::RealFftPlanner;

use crate::{Baseline, Code, Kind};

/// Length of the transforms: the result fits without wrapping around.
const LENGTH: usize = (Convolution::RESULT + 1).next_power_of_two();

pub(crate) fn baselines() -> Vec<Baseline> {
    vec![
        Baseline {
            app: "convolution",
            name: "loops",
            kind: Kind::Textbook,
            about: "the definition, two nested loops in f64, of which the compiler vectorises the inner one",
            tolerance: 1e-12,
            plan: || Code::of_kernel(Convolution::new().plan_reference()),
        },
        Baseline {
            app: "convolution",
            name: "realfft",
            kind: Kind::Optimised,
            about: "two real transforms of 1024 points with realfft, f64, the spectrum of the taps computed once",
            tolerance: 1e-12,
            plan: || Code::of_kernel(Convolution::new().plan_exact()),
        },
        Baseline {
            app: "convolution",
            name: "realfft-f32",
            kind: Kind::Optimised,
            about: "the same in f32, from and to f32",
            tolerance: 1e-5,
            plan: single,
        },
    ]
}

fn single() -> Code {
    let mut planner = RealFftPlanner::<f32>::new();
    let (forward, inverse) = (planner.plan_fft_forward(LENGTH), planner.plan_fft_inverse(LENGTH));
    let mut signal = forward.make_input_vec();
    let mut spectrum = forward.make_output_vec();
    let mut scratch = vec![Default::default(); forward.get_scratch_len().max(inverse.get_scratch_len())];
    let mut response = forward.make_output_vec();
    for (value, tap) in signal.iter_mut().zip(Convolution::kernel()) {
        // The inverse transform is unnormalised.
        *value = (tap / LENGTH as f64) as f32;
    }
    forward.process_with_scratch(&mut signal, &mut response, &mut scratch).expect("buffers fit the plan");
    Code::single(move |input, output| {
        signal[..Convolution::SAMPLES].copy_from_slice(input);
        signal[Convolution::SAMPLES..].fill(0.0);
        forward.process_with_scratch(&mut signal, &mut spectrum, &mut scratch).expect("buffers fit the plan");
        for (bin, gain) in spectrum.iter_mut().zip(&response) {
            *bin *= gain;
        }
        // Rounding leaves dust in the imaginary parts that the inverse insists are 0.
        spectrum[0].im = 0.0;
        spectrum[LENGTH / 2].im = 0.0;
        inverse.process_with_scratch(&mut spectrum, &mut signal, &mut scratch).expect("buffers fit the plan");
        output.copy_from_slice(&signal[..Convolution::RESULT]);
    })
}
