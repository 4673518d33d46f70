//! OpenCV's Lucas–Kanade tracker.

use std::{
    ffi::{c_int, c_void},
    ptr::NonNull,
};

use emeuro_apps::OpticalFlow;

use crate::{Baseline, Code, Kind};

unsafe extern "C" {
    fn emeuro_opencv_tracker(side: c_int, field: c_int, window: c_int) -> *mut c_void;
    fn emeuro_opencv_track(tracker: *mut c_void, first: *mut u8, second: *mut u8, flow: *mut f32) -> c_int;
    fn emeuro_opencv_forget(tracker: *mut c_void);
}

pub(super) fn trackers() -> Vec<Baseline> {
    vec![Baseline {
        app: "optical_flow",
        name: "opencv",
        kind: Kind::Other,
        about: "OpenCV's calcOpticalFlowPyrLK for the 100 pixels: window 5×5, one level, one iteration, no pixel given up, one \
                thread; u8 images. Not the same function: Scharr derivatives instead of central differences, grey levels in \
                256 steps, no λ",
        tolerance: 0.35,
        plan,
    }]
}

/// The shim's object.
struct Tracker(NonNull<c_void>);

// SAFETY: the object is a plain C++ value on the heap that one thread at a time may use.
unsafe impl Send for Tracker {}

impl Drop for Tracker {
    fn drop(&mut self) {
        // SAFETY: the pointer came from `emeuro_opencv_tracker`, and this is its only owner.
        unsafe { emeuro_opencv_forget(self.0.as_ptr()) }
    }
}

fn plan() -> Code {
    let sizes = [OpticalFlow::PATCH, OpticalFlow::FLOW, OpticalFlow::WINDOW].map(|size| size as c_int);
    // SAFETY: the function takes numbers and returns an object of its own, or null.
    let tracker = unsafe { emeuro_opencv_tracker(sizes[0], sizes[1], sizes[2]) };
    let tracker = Tracker(NonNull::new(tracker).expect("memory for a tracker"));
    let mut patches = vec![0; 2 * OpticalFlow::PATCH * OpticalFlow::PATCH];
    Code::Bytes(Box::new(move |input, output| {
        let tracker = &tracker;
        assert_eq!(output.len(), 2 * OpticalFlow::FLOW * OpticalFlow::FLOW);
        // The library's images are not constant, although it does not write to its operands.
        patches.copy_from_slice(input);
        let (first, second) = patches.split_at_mut(OpticalFlow::PATCH * OpticalFlow::PATCH);
        // SAFETY: the tracker is alive and used here alone; the patches and the flow have the sizes that it was made for; the shim
        // keeps none of the pointers and catches every exception.
        let failed = unsafe {
            emeuro_opencv_track(
                tracker.0.as_ptr(),
                first.as_mut_ptr(),
                second.as_mut_ptr(),
                output.as_mut_ptr(),
            )
        };
        assert_eq!(failed, 0, "OpenCV refused two patches");
    }))
}
