//! The only unsafe code: calls into a compiled model, and reads and writes of its ports.
#![allow(unsafe_code)]

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::fmt;
use std::path::Path;
use std::ptr::NonNull;
use std::sync::Arc;

use libloading::Library;

use crate::design::Port;
use crate::error::{Error, Result};
use crate::shim;

/// The C++ `Sim` of `shim.cpp`.
type Handle = NonNull<c_void>;
type Step = unsafe extern "C" fn(Handle) -> c_int;
type Action = unsafe extern "C" fn(Handle);
type WithPath = unsafe extern "C" fn(Handle, *const c_char) -> c_int;

/// The entry points of `shim.cpp`, copied out of the library, which outlives them in [`RawModel`].
struct Entries {
    create: unsafe extern "C" fn() -> Option<Handle>,
    rom_folder: unsafe extern "C" fn(Handle, *const c_char),
    rom_file: unsafe extern "C" fn(Handle, *const c_char, *const c_char, usize),
    start: unsafe extern "C" fn(Handle, c_int, c_int) -> c_int,
    bind: unsafe extern "C" fn(Handle, *mut *mut c_void),
    eval: Step,
    settle: Step,
    edge: Step,
    tick: Step,
    finished: Step,
    output: unsafe extern "C" fn(Handle, *mut usize) -> *const c_char,
    clear_output: Action,
    trace: WithPath,
    trace_close: Action,
    coverage: WithPath,
    clear_coverage: Step,
    destroy: Action,
}

/// A loaded model.
pub(crate) struct RawModel {
    entries: Entries,
    ports: Vec<Port>,
    _library: Library,
}

impl fmt::Debug for RawModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawModel").field("ports", &self.ports).finish_non_exhaustive()
    }
}

impl RawModel {
    /// Loads a shared object that `model.rs` has built.
    pub(crate) fn load(path: &Path) -> Result<Self> {
        let error = |message: String| Error::Load { path: path.to_owned(), message };
        // SAFETY: the file comes from the cache, where only complete builds of our shim appear; its initialisers are
        // those of Verilator's run-time, which are constructors of empty containers.
        let library = unsafe { Library::new(path) }.map_err(|reason| error(reason.to_string()))?;
        macro_rules! entry {
            ($name:literal) => {
                // SAFETY: `shim.cpp` defines the symbol with the type of the field that it initialises; the cache key
                // covers the text of the shim, so that an older shim is never loaded.
                *unsafe { library.get($name) }.map_err(|reason| error(reason.to_string()))?
            };
        }
        let port_list: unsafe extern "C" fn() -> *const c_char = entry!("emeuro_port_list");
        let entries = Entries {
            create: entry!("emeuro_create"),
            rom_folder: entry!("emeuro_rom_folder"),
            rom_file: entry!("emeuro_rom_file"),
            start: entry!("emeuro_start"),
            bind: entry!("emeuro_bind"),
            eval: entry!("emeuro_eval"),
            settle: entry!("emeuro_settle"),
            edge: entry!("emeuro_edge"),
            tick: entry!("emeuro_tick"),
            finished: entry!("emeuro_finished"),
            output: entry!("emeuro_output"),
            clear_output: entry!("emeuro_clear_output"),
            trace: entry!("emeuro_trace"),
            trace_close: entry!("emeuro_trace_close"),
            coverage: entry!("emeuro_coverage"),
            clear_coverage: entry!("emeuro_clear_coverage"),
            destroy: entry!("emeuro_destroy"),
        };
        // SAFETY: the function takes nothing and returns a string literal of the library, which is loaded.
        let text = unsafe { CStr::from_ptr(port_list()) }.to_string_lossy();
        let ports = shim::parse_port_list(&text).ok_or_else(|| error("its port list is malformed".into()))?;
        Ok(RawModel { entries, ports, _library: library })
    }

    /// The ports, in the order of the indices of [`RawSim::get`] and [`RawSim::set`].
    pub(crate) fn ports(&self) -> &[Port] {
        &self.ports
    }
}

/// How Verilator stores a port of some width.
#[derive(Clone, Copy)]
enum Storage {
    Bits8,
    Bits16,
    Bits32,
    Bits64,
    /// An array of 32-bit words, least significant first.
    Words(usize),
}

impl Storage {
    fn of(width: u32) -> Self {
        match width {
            0..=8 => Storage::Bits8,
            9..=16 => Storage::Bits16,
            17..=32 => Storage::Bits32,
            33..=64 => Storage::Bits64,
            _ => Storage::Words(width.div_ceil(32) as usize),
        }
    }
}

/// A port of one simulation.
struct Slot {
    address: NonNull<c_void>,
    storage: Storage,
    /// The valid bits of the value, or of the most significant word of a wide one.
    mask: u64,
}

/// One instance of a model.
pub(crate) struct RawSim {
    slots: Box<[Slot]>,
    handle: Handle,
    model: Arc<RawModel>,
}

// SAFETY: the C++ object is owned by this value alone and has no tie to a thread: each entry point first makes the
// object's context the current one of its thread. All methods that enter the model, and so may write to it, take
// `&mut self`, or are called by an owner that does.
unsafe impl Send for RawSim {}

/// A status other than 0 of the shim: the reason is in the simulation's output.
#[derive(Debug)]
pub(crate) struct Failed;

fn status(code: c_int) -> Result<(), Failed> {
    if code == 0 { Ok(()) } else { Err(Failed) }
}

impl RawSim {
    /// A simulation that is not yet running: ROM files can be given, nothing else. `None` if memory is exhausted.
    pub(crate) fn create(model: Arc<RawModel>) -> Option<Self> {
        // SAFETY: no precondition.
        let handle = unsafe { (model.entries.create)() }?;
        Some(RawSim { slots: Box::new([]), handle, model })
    }

    /// The folder in which `$readmemh` looks up relative names.
    pub(crate) fn rom_folder(&mut self, path: &CStr) {
        // SAFETY: the handle is live until drop; the shim copies the string.
        unsafe { (self.model.entries.rom_folder)(self.handle, path.as_ptr()) }
    }

    /// A file that `$readmemh` finds under that name.
    pub(crate) fn rom_file(&mut self, name: &CStr, text: &str) {
        // SAFETY: the handle is live until drop; the shim copies both, the text by its length.
        unsafe { (self.model.entries.rom_file)(self.handle, name.as_ptr(), text.as_ptr().cast(), text.len()) }
    }

    /// Constructs the model, runs its initial blocks and makes the ports accessible.
    ///
    /// `reset` and `seed` are Verilator's `randReset` and `randSeed`.
    pub(crate) fn start(&mut self, reset: c_int, seed: c_int) -> Result<(), Failed> {
        // SAFETY: the handle is live; the caller starts a simulation once (`Sim::new`).
        status(unsafe { (self.model.entries.start)(self.handle, reset, seed) })?;
        let ports = self.model.ports();
        let mut addresses = vec![std::ptr::null_mut(); ports.len()];
        // SAFETY: the start has succeeded, and there is room for one address for each port of the model's own list.
        unsafe { (self.model.entries.bind)(self.handle, addresses.as_mut_ptr()) };
        let slot = |(address, port): (*mut c_void, &Port)| {
            let storage = Storage::of(port.width);
            let top_bits = if port.width > 64 { (port.width - 1) % 32 + 1 } else { port.width };
            let mask = u64::MAX >> (64 - top_bits.clamp(1, 64));
            Some(Slot { address: NonNull::new(address)?, storage, mask })
        };
        self.slots = addresses.into_iter().zip(ports).map(slot).collect::<Option<_>>().ok_or(Failed)?;
        Ok(())
    }

    /// The value of a port; the low 64 bits of a wide one.
    #[inline]
    pub(crate) fn get(&self, index: usize) -> u64 {
        let Slot { address, storage, .. } = self.slots[index];
        // SAFETY: the address is that of a live C++ variable, aligned and of the size that `Storage` says (Verilator's
        // rule for port types, which the parsed widths follow); the model does not run while we borrow `self`.
        unsafe {
            match storage {
                Storage::Bits8 => address.cast::<u8>().read().into(),
                Storage::Bits16 => address.cast::<u16>().read().into(),
                Storage::Bits32 => address.cast::<u32>().read().into(),
                Storage::Bits64 => address.cast::<u64>().read(),
                Storage::Words(_) => {
                    let low = address.cast::<u32>();
                    u64::from(low.read()) | u64::from(low.add(1).read()) << 32
                }
            }
        }
    }

    /// Sets a port to the value, cut to its width and extended by zeros if it is wider.
    #[inline]
    pub(crate) fn set(&mut self, index: usize, value: u64) {
        let Slot { address, storage, mask } = self.slots[index];
        // Verilator requires that the bits above the width are zero.
        let cut = value & mask;
        // SAFETY: as in `get`; nobody else has access while we borrow `self` exclusively.
        unsafe {
            match storage {
                Storage::Bits8 => address.cast::<u8>().write(cut as u8),
                Storage::Bits16 => address.cast::<u16>().write(cut as u16),
                Storage::Bits32 => address.cast::<u32>().write(cut as u32),
                Storage::Bits64 => address.cast::<u64>().write(cut),
                Storage::Words(_) => self.set_words(index, &[value as u32, (value >> 32) as u32]),
            }
        }
    }

    /// The value of a port as 32-bit words, least significant first; missing words of `words` are not read, further
    /// ones are zero.
    pub(crate) fn get_words(&self, index: usize, words: &mut [u32]) {
        let Slot { address, storage, .. } = self.slots[index];
        let Storage::Words(count) = storage else {
            let value = self.get(index);
            for (position, word) in words.iter_mut().enumerate() {
                *word = if position < 2 { (value >> (32 * position)) as u32 } else { 0 };
            }
            return;
        };
        for (position, word) in words.iter_mut().enumerate() {
            // SAFETY: as in `get`; the variable has `count` words.
            *word = if position < count { unsafe { address.cast::<u32>().add(position).read() } } else { 0 };
        }
    }

    /// Sets a port from 32-bit words, least significant first, cut to its width and extended by zeros.
    pub(crate) fn set_words(&mut self, index: usize, words: &[u32]) {
        let word = |position: usize| words.get(position).copied().unwrap_or(0);
        let Slot { address, storage, mask } = self.slots[index];
        let Storage::Words(count) = storage else {
            return self.set(index, u64::from(word(0)) | u64::from(word(1)) << 32);
        };
        for position in 0..count {
            let cut = if position + 1 == count { word(position) & mask as u32 } else { word(position) };
            // SAFETY: as in `set`; the variable has `count` words.
            unsafe { address.cast::<u32>().add(position).write(cut) }
        }
    }

    /// Evaluates with the clock as it is.
    #[inline]
    pub(crate) fn eval(&mut self) -> Result<(), Failed> {
        self.step(self.model.entries.eval)
    }

    /// Clock low, evaluate.
    #[inline]
    pub(crate) fn settle(&mut self) -> Result<(), Failed> {
        self.step(self.model.entries.settle)
    }

    /// Clock high, evaluate.
    #[inline]
    pub(crate) fn edge(&mut self) -> Result<(), Failed> {
        self.step(self.model.entries.edge)
    }

    /// Clock low, evaluate, clock high, evaluate.
    #[inline]
    pub(crate) fn tick(&mut self) -> Result<(), Failed> {
        self.step(self.model.entries.tick)
    }

    #[inline]
    fn step(&mut self, step: Step) -> Result<(), Failed> {
        if self.slots.is_empty() {
            // The model does not exist unless the start has succeeded.
            return Err(Failed);
        }
        // SAFETY: the handle is live and started.
        status(unsafe { step(self.handle) })
    }

    /// Whether the design has executed `$finish`.
    pub(crate) fn finished(&self) -> bool {
        // SAFETY: the handle is live; the function reads one flag.
        unsafe { (self.model.entries.finished)(self.handle) != 0 }
    }

    /// Takes what the design and the run-time have printed.
    pub(crate) fn take_output(&mut self) -> String {
        let mut size = 0;
        // SAFETY: the handle is live.
        let text = unsafe { (self.model.entries.output)(self.handle, &mut size) };
        // SAFETY: the shim returns a buffer of that many initialised bytes, which stays until the next call into it.
        let bytes = unsafe { std::slice::from_raw_parts(text.cast::<u8>(), size) };
        let output = String::from_utf8_lossy(bytes).into_owned();
        // SAFETY: the handle is live, and the buffer has been copied.
        unsafe { (self.model.entries.clear_output)(self.handle) };
        output
    }

    /// Opens a waveform file. The model must have been built with tracing.
    pub(crate) fn trace(&mut self, path: &CStr) -> Result<(), Failed> {
        if self.slots.is_empty() {
            return Err(Failed);
        }
        // SAFETY: the handle is live and started; the shim copies the path.
        status(unsafe { (self.model.entries.trace)(self.handle, path.as_ptr()) })
    }

    /// Closes the waveform file, if one is open.
    pub(crate) fn close_trace(&mut self) {
        // SAFETY: the handle is live.
        unsafe { (self.model.entries.trace_close)(self.handle) }
    }

    /// Writes the coverage counts. The model must have been built with coverage.
    pub(crate) fn coverage(&mut self, path: &CStr) -> Result<(), Failed> {
        // SAFETY: the handle is live; the shim copies the path.
        status(unsafe { (self.model.entries.coverage)(self.handle, path.as_ptr()) })
    }

    /// Sets the coverage counts to 0. The model must have been built with coverage.
    pub(crate) fn clear_coverage(&mut self) -> Result<(), Failed> {
        // SAFETY: the handle is live.
        status(unsafe { (self.model.entries.clear_coverage)(self.handle) })
    }
}

impl Drop for RawSim {
    fn drop(&mut self) {
        // SAFETY: the handle is live and not used again; the library is loaded, since we hold the model.
        unsafe { (self.model.entries.destroy)(self.handle) }
    }
}

/// A path as the shim takes it.
pub(crate) fn c_path(path: &Path) -> Result<CString> {
    let error = |reason: std::io::Error| Error::Io { path: path.to_owned(), source: reason };
    let absolute = std::path::absolute(path).map_err(error)?;
    CString::new(absolute.as_os_str().as_encoded_bytes()).map_err(|reason| error(reason.into()))
}
