//! ALGLIB's convolution of two real signals.

use std::ffi::{c_int, c_long};

use emeuro_apps::Convolution;

use crate::{Baseline, Code, Kind};

unsafe extern "C" {
    fn emeuro_alglib_convr1d(
        signal: *mut f64,
        samples: c_long,
        kernel: *mut f64,
        taps: c_long,
        result: *mut f64,
    ) -> c_int;
}

pub(super) fn convolutions() -> Vec<Baseline> {
    vec![Baseline {
        app: "convolution",
        name: "alglib",
        kind: Kind::Library,
        about: "ALGLIB's convr1d, f64, which chooses its algorithm itself and has no plans: it transforms the taps in every call",
        tolerance: 1e-12,
        plan,
    }]
}

fn plan() -> Code {
    let mut kernel = Convolution::kernel();
    let mut signal = vec![0.0; Convolution::SAMPLES];
    Code::double(move |input, output| {
        assert_eq!((input.len(), output.len()), (signal.len(), signal.len() + kernel.len() - 1));
        // The library's arrays are not constant, although it does not write to its operands.
        signal.copy_from_slice(input);
        // SAFETY: the pointers come from slices of the lengths that are handed over, and the result is as long as the assertion
        // says; the shim keeps none of them and catches every exception.
        let failed = unsafe {
            emeuro_alglib_convr1d(
                signal.as_mut_ptr(),
                signal.len() as c_long,
                kernel.as_mut_ptr(),
                kernel.len() as c_long,
                output.as_mut_ptr(),
            )
        };
        assert_eq!(failed, 0, "ALGLIB refused a convolution");
    })
}
