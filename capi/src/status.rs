//! What a call has to say, and the message that goes with it.

use std::{cell::RefCell, ffi::CString};

/// How a call has ended.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// As asked.
    Ok = 0,
    /// A pointer is null, not aligned, or input and output overlap.
    BadPointer = 1,
    /// A file cannot be read.
    BadFile = 2,
    /// A text is no emulator.
    BadEmulator = 3,
    /// A buffer does not hold whole frames, or the output not as many as the input.
    BadSize = 4,
    /// An input is not finite, or a word does not fit its port.
    BadValue = 5,
    /// A fault of this library.
    Internal = 6,
}

/// A status other than [`Status::Ok`], and what is wrong.
pub(crate) struct Problem {
    pub(crate) status: Status,
    pub(crate) message: String,
}

impl Problem {
    pub(crate) fn new(status: Status, message: impl ToString) -> Self {
        Self { status, message: message.to_string() }
    }
}

thread_local! {
    static LAST: RefCell<CString> = RefCell::new(CString::default());
}

/// Keeps the message of a problem for the thread, and gives its status.
pub(crate) fn report(problem: Problem) -> Status {
    // Messages may quote what a caller has passed.
    let text = CString::new(problem.message.replace('\0', "\\0")).unwrap_or_default();
    // A thread that is ending keeps no messages any more.
    let _ = LAST.try_with(|last| *last.borrow_mut() = text);
    problem.status
}

/// The thread's last message; it stays where it is until the next one.
pub(crate) fn last() -> *const std::ffi::c_char {
    LAST.try_with(|last| last.borrow().as_ptr()).unwrap_or(c"".as_ptr())
}
