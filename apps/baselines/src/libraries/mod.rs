//! FFTW, OpenCV and ALGLIB through shims in C and C++: the only place of this crate that calls foreign code.
//!
//! Every library runs with one thread, as its packager has compiled it, and is planned before the first call where it can be.

#![allow(unsafe_code, reason = "foreign functions")]

mod alglib;
mod fftw;
mod opencv;

use crate::Baseline;

/// The baselines of application `app` that call libraries.
pub(crate) fn baselines(app: &str) -> Vec<Baseline> {
    match app {
        "fft" => fftw::transforms(),
        "convolution" => [alglib::convolutions(), fftw::convolutions()].into_iter().flatten().collect(),
        "optical_flow" => opencv::trackers(),
        _ => vec![],
    }
}
