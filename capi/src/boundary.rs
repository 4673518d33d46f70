//! The C functions. What a pointer must be is said once in the header; every function checks what can be checked.
#![allow(unsafe_code)] // Pointers of a foreign caller become slices and handles here and nowhere else.

use std::{
    ffi::{CStr, c_char},
    panic::{AssertUnwindSafe, catch_unwind},
    ptr, slice,
};

use crate::{
    Status,
    handle::{Emulator, Runner, Word},
    status::{self, Problem},
};

/// The version of this library.
#[unsafe(no_mangle)]
pub extern "C" fn emeuro_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}

/// What was wrong with the last call of this thread that did not end well; empty before there was one.
///
/// The text stays until the next such call of the thread. It belongs to the library.
#[unsafe(no_mangle)]
pub extern "C" fn emeuro_last_error() -> *const c_char {
    status::last()
}

/// Loads the emulator in the file `path` (UTF-8); NULL if it cannot be.
///
/// # Safety
/// `path` is a text that ends with a zero.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emeuro_load(path: *const c_char) -> *mut Emulator {
    made(|| {
        let path = not_null("path", path)?;
        // SAFETY: it is not null, and the caller says that it ends with a zero.
        let path = unsafe { CStr::from_ptr(path) };
        let path = path.to_str().map_err(|e| Problem::new(Status::BadFile, format!("path: {e}")))?;
        Emulator::load(path)
    })
}

/// Reads an emulator from the `length` bytes of an emulator file at `text`; NULL if it cannot be.
///
/// # Safety
/// There are as many bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emeuro_parse(text: *const c_char, length: usize) -> *mut Emulator {
    made(|| {
        check("text", text, length)?;
        // SAFETY: it was checked, and the caller says that there are as many bytes.
        let bytes = unsafe { slice::from_raw_parts(text.cast::<u8>(), length) };
        let text =
            str::from_utf8(bytes).map_err(|e| Problem::new(Status::BadEmulator, format!("text: {e}")))?;
        Emulator::parse(text)
    })
}

/// Frees an emulator. Its runners go on: they share what they need. NULL is allowed.
///
/// # Safety
/// It is from `emeuro_load` or `emeuro_parse`, was not freed before, and no thread uses it any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emeuro_free(emulator: *mut Emulator) {
    // SAFETY: the caller says that it was made here and that this is the last use.
    unsafe { freed(emulator) }
}

/// The name of an emulator; it belongs to the emulator. NULL for NULL.
///
/// # Safety
/// `emulator` is NULL or was not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emeuro_name(emulator: *const Emulator) -> *const c_char {
    // SAFETY: the caller says that it was not freed.
    asked(unsafe { emulator.as_ref() }, ptr::null(), |emulator| emulator.name.as_ptr())
}

/// How many numbers an input frame has; 0 for NULL.
///
/// # Safety
/// `emulator` is NULL or was not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emeuro_inputs(emulator: *const Emulator) -> usize {
    // SAFETY: the caller says that it was not freed.
    asked(unsafe { emulator.as_ref() }, 0, |emulator| emulator.sizes()[0])
}

/// How many numbers an output frame has; 0 for NULL.
///
/// # Safety
/// `emulator` is NULL or was not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emeuro_outputs(emulator: *const Emulator) -> usize {
    // SAFETY: the caller says that it was not freed.
    asked(unsafe { emulator.as_ref() }, 0, |emulator| emulator.sizes()[1])
}

/// How many quality levels there are, at least 1; level 0 is the cheapest. 0 for NULL.
///
/// # Safety
/// `emulator` is NULL or was not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emeuro_levels(emulator: *const Emulator) -> usize {
    // SAFETY: the caller says that it was not freed.
    asked(unsafe { emulator.as_ref() }, 0, |emulator| emulator.emulator.levels())
}

/// What number `index` of an input frame is, and what its word stands for. If the status is not EMEURO_STATUS_OK, nothing was written
/// to `word`.
///
/// # Safety
/// `emulator` is NULL or was not freed; there is room for a word.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emeuro_input_word(
    emulator: *const Emulator,
    index: usize,
    word: *mut Word,
) -> Status {
    // SAFETY: the caller says what `described` asks for.
    unsafe { described(emulator, false, index, word) }
}

/// The same of an output frame.
///
/// # Safety
/// As `emeuro_input_word`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emeuro_output_word(
    emulator: *const Emulator,
    index: usize,
    word: *mut Word,
) -> Status {
    // SAFETY: the caller says what `described` asks for.
    unsafe { described(emulator, true, index, word) }
}

/// # Safety
/// `emulator` is null or valid; there is room for a word.
unsafe fn described(emulator: *const Emulator, of_output: bool, index: usize, word: *mut Word) -> Status {
    guarded(|| {
        not_null("emulator", emulator)?;
        check("word", word.cast_const(), 1)?;
        // SAFETY: it is not null, and the caller says that it was not freed.
        let described = unsafe { &*emulator }.word(of_output, index)?;
        // SAFETY: it was checked, and the caller says that there is room.
        unsafe { word.write(described) };
        Ok(())
    })
    .map_or_else(status::report, |()| Status::Ok)
}

/// A runner for an emulator, which may be freed before the runner; NULL for NULL.
///
/// # Safety
/// `emulator` is NULL or was not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emeuro_runner_new(emulator: *const Emulator) -> *mut Runner {
    made(|| {
        not_null("emulator", emulator)?;
        // SAFETY: it is not null, and the caller says that it was not freed.
        Ok(Runner::new(unsafe { &*emulator }))
    })
}

/// Frees a runner. NULL is allowed.
///
/// # Safety
/// It is from `emeuro_runner_new`, was not freed before, and no thread uses it any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emeuro_runner_free(runner: *mut Runner) {
    // SAFETY: the caller says that it was made here and that this is the last use.
    unsafe { freed(runner) }
}

/// Runs one frame or several, one after the other, of physical values.
///
/// `input_length` and `output_length` count numbers: as many whole frames of both. Inputs beyond the range of the emulator's
/// port saturate. `level` is the quality level, the highest for any beyond. If the status is not EMEURO_STATUS_OK, nothing was written to
/// `output`.
///
/// # Safety
/// `runner` is NULL or was not freed, and no other thread uses it meanwhile; both buffers have as many numbers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emeuro_run(
    runner: *mut Runner,
    level: usize,
    input: *const f64,
    input_length: usize,
    output: *mut f64,
    output_length: usize,
) -> Status {
    let buffers = Buffers { input, input_length, output, output_length };
    // SAFETY: the caller says what `run` asks for.
    unsafe { run(runner, buffers, |runner, input, output| runner.run_values(level, input, output)) }
}

/// The same for values in single precision: an input counts as the double of the same value, and outputs are the doubles to the nearest.
///
/// # Safety
/// As `emeuro_run`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emeuro_run_f32(
    runner: *mut Runner,
    level: usize,
    input: *const f32,
    input_length: usize,
    output: *mut f32,
    output_length: usize,
) -> Status {
    let buffers = Buffers { input, input_length, output, output_length };
    // SAFETY: the caller says what `run` asks for.
    unsafe { run(runner, buffers, |runner, input, output| runner.run_values(level, input, output)) }
}

/// The same for raw words, as the hardware takes and gives them.
///
/// # Safety
/// As `emeuro_run`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emeuro_run_words(
    runner: *mut Runner,
    level: usize,
    input: *const i16,
    input_length: usize,
    output: *mut i16,
    output_length: usize,
) -> Status {
    let buffers = Buffers { input, input_length, output, output_length };
    // SAFETY: the caller says what `run` asks for.
    unsafe { run(runner, buffers, |runner, input, output| runner.run_words(level, input, output)) }
}

/// Where frames come from and go to.
struct Buffers<T> {
    input: *const T,
    input_length: usize,
    output: *mut T,
    output_length: usize,
}

/// # Safety
/// `runner` is null or valid and not used elsewhere; the buffers have as many numbers as they say.
unsafe fn run<T>(
    runner: *mut Runner,
    buffers: Buffers<T>,
    compute: impl FnOnce(&mut Runner, &[T], &mut [T]) -> Result<(), Problem>,
) -> Status {
    let Buffers { input: from, input_length, output: to, output_length } = buffers;
    guarded(|| {
        not_null("runner", runner.cast_const())?;
        check("input", from, input_length)?;
        check("output", to.cast_const(), output_length)?;
        if overlap(from.addr(), size_of::<T>() * input_length, to.addr(), size_of::<T>() * output_length) {
            return Err(Problem::new(Status::BadPointer, "input and output overlap"));
        }
        // SAFETY: it was checked, and the caller says that there are as many numbers.
        let input = unsafe { slice::from_raw_parts(from, input_length) };
        // SAFETY: it was checked and does not overlap the input; the caller says that there are as many numbers.
        let output = unsafe { slice::from_raw_parts_mut(to, output_length) };
        // SAFETY: it is not null; the caller says that it was not freed and that no other thread uses it.
        compute(unsafe { &mut *runner }, input, output)
    })
    .map_or_else(status::report, |()| Status::Ok)
}

fn overlap(a: usize, a_bytes: usize, b: usize, b_bytes: usize) -> bool {
    a < b.saturating_add(b_bytes) && b < a.saturating_add(a_bytes)
}

fn not_null<T>(name: &str, pointer: *const T) -> Result<*const T, Problem> {
    match pointer.is_null() {
        true => Err(Problem::new(Status::BadPointer, format!("{name} is NULL"))),
        false => Ok(pointer),
    }
}

/// That a pointer is one to numbers, as far as this can be seen.
fn check<T>(name: &str, pointer: *const T, length: usize) -> Result<(), Problem> {
    not_null(name, pointer)?;
    if !pointer.is_aligned() {
        return Err(Problem::new(Status::BadPointer, format!("{name} is not aligned")));
    }
    if length > isize::MAX as usize / size_of::<T>() {
        return Err(Problem::new(Status::BadSize, format!("{name}: {length} numbers do not fit the memory")));
    }
    Ok(())
}

/// Runs `f`; a panic is a problem like any other. Handles stay usable: an emulator never changes, and a runner begins every frame
/// anew.
fn guarded<T>(f: impl FnOnce() -> Result<T, Problem>) -> Result<T, Problem> {
    catch_unwind(AssertUnwindSafe(f)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or(panic.downcast_ref::<&str>().copied()).unwrap_or("panic");
        Err(Problem::new(Status::Internal, text))
    })
}

/// A handle for what `f` makes, or null.
fn made<T>(f: impl FnOnce() -> Result<T, Problem>) -> *mut T {
    match guarded(f) {
        Ok(value) => Box::into_raw(Box::new(value)),
        Err(problem) => {
            status::report(problem);
            ptr::null_mut()
        }
    }
}

/// # Safety
/// The handle is null or from [`made`], and this is its last use.
unsafe fn freed<T>(handle: *mut T) {
    if !handle.is_null() {
        // SAFETY: it is from `made`, and this is its last use.
        drop(unsafe { Box::from_raw(handle) });
    }
}

/// What `f` says about a handle, or `none` with a message.
fn asked<T>(emulator: Option<&Emulator>, none: T, f: impl FnOnce(&Emulator) -> T) -> T {
    match emulator {
        Some(emulator) => f(emulator),
        None => {
            status::report(Problem::new(Status::BadPointer, "emulator is NULL"));
            none
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_a_status_and_a_message() {
        let status =
            guarded::<()>(|| panic!("spilt {}", "milk")).map_or_else(status::report, |()| Status::Ok);
        assert_eq!(status, Status::Internal);
        // SAFETY: a message of this thread, which ends with a zero.
        assert_eq!(unsafe { CStr::from_ptr(emeuro_last_error()) }, c"spilt milk");
        assert!(made::<Emulator>(|| panic!("spilt")).is_null());
    }

    #[test]
    fn buffers_overlap_if_they_share_a_byte() {
        assert!(overlap(8, 16, 16, 8) && overlap(16, 8, 8, 9) && overlap(8, 16, 8, 16));
        assert!(!overlap(8, 8, 16, 8) && !overlap(16, 8, 8, 8) && !overlap(8, 0, 8, 8));
    }

    #[test]
    fn threads_may_share_an_emulator_and_hand_on_a_runner() {
        fn is_shared<T: Send + Sync>() {}
        fn is_sent<T: Send>() {}
        is_shared::<Emulator>();
        is_sent::<Runner>();
    }
}
