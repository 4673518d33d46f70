//! One running instance of a model.

use std::ffi::CString;
use std::fmt;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use emeuro_golden::FileKind;

use crate::coverage::CoverageCounts;
use crate::design::SourceFile;
use crate::error::{Error, Result};
use crate::model::{Coverage, Model};
use crate::raw::{Failed, RawSim, c_path};

/// Where `$readmemh` finds files with relative names. Absolute names are opened as they are.
///
/// The lookup belongs to the simulation, not to the process: simulations with different ROM contents can run side by
/// side, and the working directory plays no part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Roms<'a> {
    /// Nowhere: a design that reads a file fails to start.
    None,
    /// In a folder.
    Folder(&'a Path),
    /// Among these files, by name; other files than those that the design asks for do not matter.
    Files(&'a [SourceFile]),
}

/// What [`Sim::trace_whole`] writes, as GTKWave's library begins it, compressed as a whole or not.
pub const WAVEFORMS: FileKind = FileKind {
    name: "waveforms (FST)",
    is: |head| head.starts_with(b"\0\0\0\0\0\0\0\x01\x49") || head.starts_with(&[254]),
};

const COUNTS: FileKind =
    FileKind { name: "coverage counts", is: |head| head.starts_with(b"# SystemC::Coverage") };

/// What state that the design does not initialise holds when the power comes on.
///
/// The Verilog's own `initial` blocks and ROM contents go before it. A right design does not show after reset which it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PowerUp {
    /// Random bits, a function of the seed.
    Random(u64),
    /// All bits 0.
    Zeros,
    /// All bits 1.
    Ones,
}

impl PowerUp {
    /// Verilator's `randReset` and `randSeed`.
    fn verilator(self) -> (i32, i32) {
        match self {
            PowerUp::Random(seed) => (2, verilator_seed(seed)),
            PowerUp::Zeros => (0, 1),
            PowerUp::Ones => (1, 1),
        }
    }
}

impl From<u64> for PowerUp {
    /// Random bits.
    fn from(seed: u64) -> Self {
        PowerUp::Random(seed)
    }
}

impl fmt::Display for PowerUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PowerUp::Random(seed) => write!(f, "random, seed {seed}"),
            PowerUp::Zeros => write!(f, "all zeros"),
            PowerUp::Ones => write!(f, "all ones"),
        }
    }
}

/// An input port of a [`Model`], for use with its simulations only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InPort(PortId);

/// An output port of a [`Model`], for use with its simulations only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutPort(PortId);

/// Any port of a [`Model`], for reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PortId(usize);

impl InPort {
    pub(crate) fn at(index: usize) -> Self {
        InPort(PortId(index))
    }
}

impl OutPort {
    pub(crate) fn at(index: usize) -> Self {
        OutPort(PortId(index))
    }
}

impl From<InPort> for PortId {
    fn from(port: InPort) -> Self {
        port.0
    }
}

impl From<OutPort> for PortId {
    fn from(port: OutPort) -> Self {
        port.0
    }
}

/// One instance of a model: its state, its time, its ROM contents.
///
/// A simulation can move between threads, but only one thread may use it at a time. After an error it stays failed:
/// every further step returns an error.
///
/// The order within a clock: set inputs, [`settle`](Sim::settle), read the outputs as the next rising edge will see
/// them, [`edge`](Sim::edge). [`tick`](Sim::tick) does both steps where nobody looks in between.
///
/// ```compile_fail,E0277
/// fn needs_sync<T: Sync>() {}
/// needs_sync::<emeuro_testbench::Sim>();
/// ```
pub struct Sim {
    raw: RawSim,
    model: Model,
    clocks: u64,
}

impl fmt::Debug for Sim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sim")
            .field("top", &self.model.top())
            .field("clocks", &self.clocks)
            .finish_non_exhaustive()
    }
}

impl Sim {
    /// Creates an instance and runs its initial blocks, with the clock low and all inputs 0.
    ///
    /// `power_up` says what state that the design does not initialise holds; a number is the seed of random bits. (A design
    /// that calls `$random` itself repeats only if no other simulation starts meanwhile.)
    ///
    /// # Errors
    /// [`Error::Simulation`] if a ROM file is missing, shorter than the range that the design names, too long or
    /// malformed, or if an initial block fails. [`Error::Io`] if the folder's path cannot be passed on.
    pub fn new(model: &Model, roms: Roms<'_>, power_up: impl Into<PowerUp>) -> Result<Self> {
        let raw = RawSim::create(Arc::clone(model.raw())).ok_or_else(|| Error::Simulation {
            top: model.top().to_owned(),
            clock: 0,
            message: "out of memory".into(),
        })?;
        let mut sim = Sim { raw, model: model.clone(), clocks: 0 };
        match roms {
            Roms::None => {}
            Roms::Folder(path) => sim.raw.rom_folder(&c_path(path)?),
            Roms::Files(files) => {
                for file in files.iter().filter(|file| !file.is_verilog()) {
                    // No Verilog string can name a file with a NUL in it.
                    let Ok(name) = CString::new(file.name.as_str()) else { continue };
                    sim.raw.rom_file(&name, &file.text);
                }
            }
        }
        let (reset, seed) = power_up.into().verilator();
        let started = sim.raw.start(reset, seed);
        sim.check(started)?;
        Ok(sim)
    }

    /// The model of which this is an instance.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// The value of a port; the low 64 bits of a wider one.
    ///
    /// # Panics
    /// May panic if the port is not one of this simulation's model.
    #[inline]
    pub fn get(&self, port: impl Into<PortId>) -> u64 {
        self.raw.get(port.into().0)
    }

    /// Sets an input; the value is cut to its width, or extended by zeros if it is wider than 64 bits.
    ///
    /// # Panics
    /// May panic if the port is not one of this simulation's model.
    #[inline]
    pub fn set(&mut self, port: InPort, value: u64) {
        self.raw.set(port.0.0, value);
    }

    /// Reads a port of any width as 32-bit words, least significant first; words beyond its width are 0.
    ///
    /// # Panics
    /// May panic if the port is not one of this simulation's model.
    pub fn get_words(&self, port: impl Into<PortId>, words: &mut [u32]) {
        self.raw.get_words(port.into().0, words);
    }

    /// Sets an input of any width from 32-bit words, least significant first, cut to its width or extended by zeros.
    ///
    /// # Panics
    /// May panic if the port is not one of this simulation's model.
    pub fn set_words(&mut self, port: InPort, words: &[u32]) {
        self.raw.set_words(port.0.0, words);
    }

    /// Lets combinational outputs follow the inputs; neither clock nor time moves.
    ///
    /// # Errors
    /// [`Error::Simulation`].
    #[inline]
    pub fn eval(&mut self) -> Result<()> {
        let done = self.raw.eval();
        self.check(done)
    }

    /// The first half of a clock: low, and outputs follow the inputs.
    ///
    /// # Errors
    /// [`Error::Simulation`].
    #[inline]
    pub fn settle(&mut self) -> Result<()> {
        let done = self.raw.settle();
        self.check(done)
    }

    /// The second half of a clock: the rising edge. Assertions are checked here.
    ///
    /// # Errors
    /// [`Error::Simulation`], for example with the text of a failed assertion.
    #[inline]
    pub fn edge(&mut self) -> Result<()> {
        self.clocks += 1;
        let done = self.raw.edge();
        self.check(done)
    }

    /// One whole clock: [`settle`](Sim::settle), then [`edge`](Sim::edge).
    ///
    /// # Errors
    /// [`Error::Simulation`].
    #[inline]
    pub fn tick(&mut self) -> Result<()> {
        self.clocks += 1;
        let done = self.raw.tick();
        self.check(done)
    }

    /// Rising clock edges so far.
    pub fn clocks(&self) -> u64 {
        self.clocks
    }

    /// Whether the design has executed `$finish`.
    pub fn finished(&self) -> bool {
        self.raw.finished()
    }

    /// Takes what the design has printed (`$display`) since the last call; of very much text, the end.
    pub fn take_output(&mut self) -> String {
        self.raw.take_output()
    }

    /// Writes the waveforms of all signals from now on to an FST file, until dropped, closed or called again.
    ///
    /// # Errors
    /// [`Error::NotBuiltFor`] if the model was built without [`Options::trace`](crate::Options::trace), [`Error::Io`]
    /// if the file cannot be created, or would replace something else than waveforms.
    pub fn trace(&mut self, path: &Path) -> Result<()> {
        if !self.model.options().trace {
            return Err(self.not_built_for("tracing"));
        }
        let file = c_path(path)?;
        WAVEFORMS.destination(path).map_err(Error::io(path))?;
        // The FST writer does not say why it failed; trying first gives the system's reason.
        fs::File::create(path).map_err(Error::io(path))?;
        let opened = self.raw.trace(&file);
        self.check(opened)
    }

    /// Writes the waveforms of all that `play` does to a file, which appears under its name when it is complete, after a
    /// failure too.
    ///
    /// # Errors
    /// As [`trace`](Sim::trace), and what `play` returns.
    pub fn trace_whole<T>(&mut self, path: &Path, play: impl FnOnce(&mut Sim) -> Result<T>) -> Result<T> {
        // Nobody else writes a file of this name, whichever threads and processes trace to the same path.
        static FILES: AtomicU32 = AtomicU32::new(0);
        let number = FILES.fetch_add(1, Ordering::Relaxed);
        let whole = WAVEFORMS.destination(path).map_err(Error::io(path))?;
        let unfinished = whole.with_extension(format!("fst.{}-{number}", std::process::id()));
        self.trace(&unfinished).map_err(|error| match error {
            Error::Io { source, .. } => Error::Io { path: path.to_owned(), source },
            other => other,
        })?;
        let played = play(self);
        self.close_trace();
        fs::rename(&unfinished, &whole).map_err(Error::io(path))?;
        played
    }

    /// Completes the waveform file.
    pub fn close_trace(&mut self) {
        self.raw.close_trace();
    }

    /// Writes the coverage counts of this simulation, in the format that `verilator_coverage` merges and turns into
    /// lcov files.
    ///
    /// # Errors
    /// [`Error::NotBuiltFor`] if the model was built without [`Options::coverage`](crate::Options::coverage),
    /// [`Error::Io`] if the file cannot be created, or would replace something else than counts.
    pub fn write_coverage(&mut self, path: &Path) -> Result<()> {
        if self.model.options().coverage == Coverage::Off {
            return Err(self.not_built_for("coverage"));
        }
        let file = c_path(path)?;
        COUNTS.destination(path).map_err(Error::io(path))?;
        fs::File::create(path).map_err(Error::io(path))?;
        let written = self.raw.coverage(&file);
        self.check(written)
    }

    /// The coverage counts of this simulation since it began or they were last cleared.
    ///
    /// # Errors
    /// As [`write_coverage`](Sim::write_coverage).
    pub fn coverage(&mut self) -> Result<CoverageCounts> {
        let folder = tempfile::tempdir().map_err(Error::io(&std::env::temp_dir()))?;
        let path = folder.path().join("coverage.dat");
        self.write_coverage(&path)?;
        CoverageCounts::parse(&fs::read_to_string(&path).map_err(Error::io(&path))?, &path)
    }

    /// Sets all coverage counts to 0.
    ///
    /// # Errors
    /// [`Error::NotBuiltFor`] if the model was built without [`Options::coverage`](crate::Options::coverage).
    pub fn clear_coverage(&mut self) -> Result<()> {
        if self.model.options().coverage == Coverage::Off {
            return Err(self.not_built_for("coverage"));
        }
        let cleared = self.raw.clear_coverage();
        self.check(cleared)
    }

    fn not_built_for(&self, what: &'static str) -> Error {
        Error::NotBuiltFor { top: self.model.top().to_owned(), what }
    }

    #[inline]
    fn check(&mut self, done: Result<(), Failed>) -> Result<()> {
        match done {
            Ok(()) => Ok(()),
            Err(Failed) => Err(self.failure()),
        }
    }

    #[cold]
    fn failure(&mut self) -> Error {
        let output = self.raw.take_output();
        let message = match output.trim() {
            "" => "the simulation has failed before".to_owned(),
            text => text.to_owned(),
        };
        Error::Simulation { top: self.model.top().to_owned(), clock: self.clocks, message }
    }
}

/// Verilator takes a positive `int`, and its generator starts poorly from small numbers: spread the seed over the bits
/// (the finaliser of SplitMix64: Steele, Lea and Flood, OOPSLA 2014).
fn verilator_seed(seed: u64) -> i32 {
    let mut bits = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^= bits >> 31;
    // 0 would ask Verilator for a seed of its own choice.
    ((bits >> 33) as i32).max(1)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn seeds_are_positive_and_distinct() {
        let seeds: HashSet<i32> = (0..1000).chain([u64::MAX, 1 << 32, 1 << 63]).map(verilator_seed).collect();
        assert_eq!(seeds.len(), 1003);
        assert!(seeds.iter().all(|&seed| seed > 0));
    }
}
