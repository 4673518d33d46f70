//! FFTW 3, planned by measurement, in both precisions.

use std::{
    ffi::{c_int, c_void},
    ptr::NonNull,
    slice,
    sync::Mutex,
};

use emeuro_apps::{Convolution, Fft};

use crate::{Baseline, Code, Kind};

unsafe extern "C" {
    fn emeuro_fftw_forward(samples: c_int, signal: *mut f64, spectrum: *mut f64) -> *mut c_void;
    fn emeuro_fftw_inverse(samples: c_int, spectrum: *mut f64, signal: *mut f64) -> *mut c_void;
    fn emeuro_fftw_execute(plan: *mut c_void);
    fn emeuro_fftw_execute_on(plan: *mut c_void, signal: *const f64, spectrum: *mut f64);
    fn emeuro_fftw_alignment(values: *const f64) -> c_int;
    fn emeuro_fftw_destroy(plan: *mut c_void);
    fn emeuro_fftwf_forward(samples: c_int, signal: *mut f32, spectrum: *mut f32) -> *mut c_void;
    fn emeuro_fftwf_inverse(samples: c_int, spectrum: *mut f32, signal: *mut f32) -> *mut c_void;
    fn emeuro_fftwf_execute(plan: *mut c_void);
    fn emeuro_fftwf_execute_on(plan: *mut c_void, signal: *const f32, spectrum: *mut f32);
    fn emeuro_fftwf_alignment(values: *const f32) -> c_int;
    fn emeuro_fftwf_destroy(plan: *mut c_void);
    fn emeuro_fftw_malloc(bytes: usize) -> *mut c_void;
    fn emeuro_fftw_free(buffer: *mut c_void);
}

/// Length of the transforms of a convolution.
const LENGTH: usize = (Convolution::RESULT + 1).next_power_of_two();

pub(super) fn transforms() -> Vec<Baseline> {
    vec![
        Baseline {
            app: "fft",
            name: "fftw",
            kind: Kind::Library,
            about: "FFTW 3's r2c plan, FFTW_MEASURE, f64",
            tolerance: 1e-12,
            plan: || Code::double(transform::<f64>()),
        },
        Baseline {
            app: "fft",
            name: "fftw-f32",
            kind: Kind::Optimised,
            about: "the same in f32, from and to f32",
            tolerance: 1e-6,
            plan: || Code::single(transform::<f32>()),
        },
    ]
}

pub(super) fn convolutions() -> Vec<Baseline> {
    vec![
        Baseline {
            app: "convolution",
            name: "fftw",
            kind: Kind::Optimised,
            about: "FFTW 3's r2c and c2r plans of 1024 points, FFTW_MEASURE, f64, the spectrum of the taps computed once",
            tolerance: 1e-12,
            plan: || Code::double(convolution::<f64>()),
        },
        Baseline {
            app: "convolution",
            name: "fftw-f32",
            kind: Kind::Optimised,
            about: "the same in f32, from and to f32",
            tolerance: 1e-5,
            plan: || Code::single(convolution::<f32>()),
        },
    ]
}

fn transform<T: Number>() -> impl FnMut(&[T], &mut [T]) + Send + 'static {
    let mut forward = Transform::<T>::new(Fft::SAMPLES, Direction::Forward);
    move |input, output| forward.execute_on(input, output)
}

fn convolution<T: Number>() -> impl FnMut(&[T], &mut [T]) + Send + 'static {
    let mut forward = Transform::<T>::new(LENGTH, Direction::Forward);
    let mut inverse = Transform::<T>::new(LENGTH, Direction::Inverse);
    let signal = forward.signal.values();
    signal.fill(T::of(0.0));
    for (value, tap) in signal.iter_mut().zip(Convolution::kernel()) {
        // The inverse transform is unnormalised.
        *value = T::of(tap / LENGTH as f64);
    }
    forward.execute();
    let response = forward.spectrum.values().to_vec();
    move |input, output| {
        let signal = forward.signal.values();
        signal[..Convolution::SAMPLES].copy_from_slice(input);
        signal[Convolution::SAMPLES..].fill(T::of(0.0));
        forward.execute();
        let bins = forward.spectrum.values().chunks_exact(2).zip(response.chunks_exact(2));
        for (product, (bin, gain)) in inverse.spectrum.values().chunks_exact_mut(2).zip(bins) {
            product[0] = bin[0] * gain[0] - bin[1] * gain[1];
            product[1] = bin[0] * gain[1] + bin[1] * gain[0];
        }
        inverse.execute();
        output.copy_from_slice(&inverse.signal.values()[..Convolution::RESULT]);
    }
}

enum Direction {
    Forward,
    Inverse,
}

/// A precision of FFTW.
trait Number: crate::real::Real {
    const PLAN: [unsafe extern "C" fn(c_int, *mut Self, *mut Self) -> *mut c_void; 2];
    const EXECUTE: unsafe extern "C" fn(*mut c_void);
    const EXECUTE_ON: unsafe extern "C" fn(*mut c_void, *const Self, *mut Self);
    const ALIGNMENT: unsafe extern "C" fn(*const Self) -> c_int;
    const DESTROY: unsafe extern "C" fn(*mut c_void);
}

impl Number for f64 {
    const PLAN: [unsafe extern "C" fn(c_int, *mut f64, *mut f64) -> *mut c_void; 2] =
        [emeuro_fftw_forward, emeuro_fftw_inverse];
    const EXECUTE: unsafe extern "C" fn(*mut c_void) = emeuro_fftw_execute;
    const EXECUTE_ON: unsafe extern "C" fn(*mut c_void, *const f64, *mut f64) = emeuro_fftw_execute_on;
    const ALIGNMENT: unsafe extern "C" fn(*const f64) -> c_int = emeuro_fftw_alignment;
    const DESTROY: unsafe extern "C" fn(*mut c_void) = emeuro_fftw_destroy;
}

impl Number for f32 {
    const PLAN: [unsafe extern "C" fn(c_int, *mut f32, *mut f32) -> *mut c_void; 2] =
        [emeuro_fftwf_forward, emeuro_fftwf_inverse];
    const EXECUTE: unsafe extern "C" fn(*mut c_void) = emeuro_fftwf_execute;
    const EXECUTE_ON: unsafe extern "C" fn(*mut c_void, *const f32, *mut f32) = emeuro_fftwf_execute_on;
    const ALIGNMENT: unsafe extern "C" fn(*const f32) -> c_int = emeuro_fftwf_alignment;
    const DESTROY: unsafe extern "C" fn(*mut c_void) = emeuro_fftwf_destroy;
}

/// FFTW's planner is the one part of it that threads must not share.
static PLANNER: Mutex<()> = Mutex::new(());

/// A real signal, its spectrum (interleaved), and the plan that makes one from the other.
struct Transform<T: Number> {
    signal: Buffer<T>,
    spectrum: Buffer<T>,
    plan: NonNull<c_void>,
}

// SAFETY: plan and buffers are FFTW's own memory, which no other value refers to; one thread at a time executes a plan.
unsafe impl<T: Number> Send for Transform<T> {}

impl<T: Number> Transform<T> {
    fn new(samples: usize, direction: Direction) -> Self {
        let (mut signal, mut spectrum) = (Buffer::new(samples), Buffer::new(2 * (samples / 2 + 1)));
        let length = c_int::try_from(samples).expect("a length of an application");
        let (signal_start, spectrum_start) = (signal.values().as_mut_ptr(), spectrum.values().as_mut_ptr());
        let _alone = PLANNER.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        // SAFETY: both buffers are as long as FFTW's manual says for `samples` and live as long as the plan; nobody else plans.
        let plan = unsafe {
            match direction {
                Direction::Forward => T::PLAN[0](length, signal_start, spectrum_start),
                Direction::Inverse => T::PLAN[1](length, spectrum_start, signal_start),
            }
        };
        Self { signal, spectrum, plan: NonNull::new(plan).expect("FFTW plans every length") }
    }

    fn execute(&mut self) {
        // SAFETY: the plan and the buffers that it was made for are alive, and `self` is borrowed alone.
        unsafe { T::EXECUTE(self.plan.as_ptr()) }
    }
}

impl<T: Number> Transform<T> {
    /// The forward transform of `signal`, without copies if both slices are aligned as the plan's buffers are.
    fn execute_on(&mut self, signal: &[T], spectrum: &mut [T]) {
        assert_eq!((signal.len(), spectrum.len()), (self.signal.length, self.spectrum.length));
        // SAFETY: the function looks at the addresses alone.
        let aligned = unsafe { T::ALIGNMENT(signal.as_ptr()) | T::ALIGNMENT(spectrum.as_ptr()) } == 0;
        if aligned {
            // SAFETY: the slices have the lengths (asserted) and the alignment of the buffers that the plan was made for, and are
            // different memory, as those are; FFTW does not write to the operand of such a plan.
            unsafe { T::EXECUTE_ON(self.plan.as_ptr(), signal.as_ptr(), spectrum.as_mut_ptr()) }
        } else {
            self.signal.values().copy_from_slice(signal);
            self.execute();
            spectrum.copy_from_slice(self.spectrum.values());
        }
    }
}

impl<T: Number> Drop for Transform<T> {
    fn drop(&mut self) {
        let _alone = PLANNER.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        // SAFETY: the plan came from FFTW, this is its only owner, and nobody plans meanwhile.
        unsafe { T::DESTROY(self.plan.as_ptr()) }
    }
}

/// Memory from FFTW, aligned for its vectors.
struct Buffer<T> {
    start: NonNull<T>,
    length: usize,
}

impl<T: Number> Buffer<T> {
    fn new(length: usize) -> Self {
        // SAFETY: the function takes a size and returns memory of that size, or null.
        let start = unsafe { emeuro_fftw_malloc(length * size_of::<T>()) };
        let start = NonNull::new(start.cast::<T>()).expect("memory for a buffer");
        for i in 0..length {
            // SAFETY: element i is within the memory just made, which is aligned for vectors and hence for T.
            unsafe { start.add(i).write(T::of(0.0)) }
        }
        Self { start, length }
    }

    fn values(&mut self) -> &mut [T] {
        // SAFETY: `length` initialised elements begin there; the plan that also points to them runs only in `execute`, which
        // borrows the buffer's owner alone.
        unsafe { slice::from_raw_parts_mut(self.start.as_ptr(), self.length) }
    }
}

impl<T> Drop for Buffer<T> {
    fn drop(&mut self) {
        // SAFETY: the memory came from `emeuro_fftw_malloc`, and this is its only owner.
        unsafe { emeuro_fftw_free(self.start.as_ptr().cast()) }
    }
}
