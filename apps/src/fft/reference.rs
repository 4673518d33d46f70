//! Fourier transform as textbooks print it: in-place radix-2 Cooley–Tukey on complex numbers.

use std::f64::consts::TAU;

use realfft::num_complex::Complex;

use super::{BINS, SAMPLES};
use crate::kernel::Kernel;

pub(super) fn plan() -> Kernel {
    let mut data = vec![Complex::new(0.0, 0.0); SAMPLES];
    Kernel::new("fft", SAMPLES, 2 * BINS, move |input, output| {
        for (value, &sample) in data.iter_mut().zip(input) {
            *value = Complex::new(sample, 0.0);
        }
        transform(&mut data);
        for (pair, bin) in output.chunks_exact_mut(2).zip(&data) {
            pair[0] = bin.re;
            pair[1] = bin.im;
        }
    })
}

/// Decimation in time; the length is a power of two (CLRS, chapter 30).
fn transform(data: &mut [Complex<f64>]) {
    bit_reverse(data);
    let mut length = 2;
    while length <= data.len() {
        let root = Complex::from_polar(1.0, -TAU / length as f64);
        for start in (0..data.len()).step_by(length) {
            let mut twiddle = Complex::new(1.0, 0.0);
            for k in start..start + length / 2 {
                let even = data[k];
                let odd = twiddle * data[k + length / 2];
                data[k] = even + odd;
                data[k + length / 2] = even - odd;
                twiddle *= root;
            }
        }
        length *= 2;
    }
}

fn bit_reverse(data: &mut [Complex<f64>]) {
    let mut j = 0;
    for i in 1..data.len() {
        let mut bit = data.len() >> 1;
        while j & bit != 0 {
            j ^= bit;
            bit >>= 1;
        }
        j |= bit;
        if i < j {
            data.swap(i, j);
        }
    }
}
