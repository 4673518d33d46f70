//! From Verilog to a loaded shared object: Verilator, the C++ compiler, the cache.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use crate::cache::{Cache, Key};
use crate::design::{Design, Direction, Port};
use crate::error::{Error, Result};
use crate::raw::RawModel;
use crate::runtime;
use crate::shim;
use crate::sim::{InPort, OutPort};
use crate::verilator::Verilator;

/// How the Verilog is translated. Uninitialised state is random per seed, and assertions are on.
const VERILATOR_FLAGS: &[&str] = &[
    "--cc",
    "--prefix",
    "Vdut",
    "--Mdir",
    ".",
    "-O3",
    "--assert",
    "--x-assign",
    "unique",
    "--x-initial",
    "unique",
    "--timescale",
    "1ns/1ns",
];
/// How C++ is compiled. Hidden visibility keeps each model's copy of the run-time to itself.
const COMPILER_FLAGS: &[&str] = &["-std=gnu++17", "-O2", "-fPIC", "-fvisibility=hidden", "-DVL_TIME_CONTEXT"];
/// How a model that counts toggles is compiled instead: optimising its many statements takes minutes and saves seconds.
const TOGGLE_FLAGS: &[&str] = &["-O0"];
/// How the shared object is linked. Its own symbols win over equal ones of other models.
const LINKER_FLAGS: &[&str] = &["-shared", "-pthread", "-Wl,-Bsymbolic", "-Wl,--exclude-libs,ALL"];
/// No symbol is left open, unless the program has the run-time.
const CLOSED_FLAGS: &[&str] = if runtime::IS_SHARED { &[] } else { &["-Wl,-z,defs"] };
/// The generated C++ as one translation unit: most of the compile time is the run-time's headers.
const UNITY_FILE: &str = "unity.cc";

/// Which coverage points a model counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Coverage {
    /// None: the fast build.
    #[default]
    Off,
    /// Lines, branches and `cover` statements.
    Line,
    /// Also toggles of every bit of every signal, which can slow a simulation by a factor of 100.
    LineAndToggle,
}

/// How a model is built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Where compiled models are kept.
    pub cache: Cache,
    /// Whether [`Sim::trace`](crate::Sim::trace) can write waveforms. Costs build time, and some speed even when unused.
    pub trace: bool,
    /// Coverage.
    pub coverage: Coverage,
    /// More arguments for Verilator, such as `-GDEPTH=4` or `+define+X`. Paths in them must be absolute.
    pub verilator_flags: Vec<String>,
}

impl Options {
    /// The fast build: no waveforms, no coverage.
    pub fn new(cache: Cache) -> Self {
        Options { cache, trace: false, coverage: Coverage::Off, verilator_flags: Vec::new() }
    }

    fn translation_flags(&self) -> Vec<&str> {
        let mut flags = VERILATOR_FLAGS.to_vec();
        if self.trace {
            flags.push("--trace-fst");
        }
        match self.coverage {
            Coverage::Off => {}
            Coverage::Line => flags.extend(["--coverage-line", "--coverage-user"]),
            Coverage::LineAndToggle => flags.push("--coverage"),
        }
        flags.extend(self.verilator_flags.iter().map(String::as_str));
        flags
    }

    /// What Verilator's own makefile would define.
    fn definitions(&self) -> Vec<String> {
        let (trace, coverage) = (u8::from(self.trace), u8::from(self.coverage != Coverage::Off));
        vec![
            format!("-DVM_COVERAGE={coverage}"),
            format!("-DVM_TRACE={trace}"),
            format!("-DVM_TRACE_FST={trace}"),
            "-DVM_TRACE_VCD=0".into(),
            "-DVM_SC=0".into(),
        ]
    }

    /// What the C++ of the model is compiled with beyond the flags of the run-time.
    fn model_flags(&self) -> &'static [&'static str] {
        if self.coverage == Coverage::LineAndToggle { TOGGLE_FLAGS } else { &[] }
    }

    fn runtime_sources(&self) -> Vec<&'static str> {
        let mut sources = vec![];
        if !runtime::IS_SHARED {
            sources.extend(["verilated", "verilated_threads"]);
        }
        if self.coverage != Coverage::Off {
            sources.push("verilated_cov");
        }
        if self.trace {
            sources.push("verilated_fst_c");
        }
        sources
    }
}

/// A compiled design. Cheap to clone; simulations of one model share its code and run in parallel.
#[derive(Debug, Clone)]
pub struct Model {
    raw: Arc<RawModel>,
    top: String,
    options: Options,
    path: PathBuf,
}

impl Model {
    /// Translates, compiles and loads a design, or loads it from the cache.
    ///
    /// The product depends on the Verilog, the flags and the tools only: other files of the design, such as ROM
    /// contents, do not matter. Verilator's default warnings are errors.
    ///
    /// # Errors
    /// [`Error::VerilatorNotFound`], [`Error::VerilatorTooOld`]; [`Error::Design`] if the design is inconsistent;
    /// [`Error::Verilog`] with Verilator's message; [`Error::Compiler`], [`Error::Io`], [`Error::Load`].
    pub fn build(design: &Design, options: &Options) -> Result<Self> {
        design.check()?;
        let verilator = Verilator::detect()?;
        runtime::check(verilator)?;
        let build = Build { verilator, compiler: Compiler::detect()?, design, options };
        let path = build.model()?;
        let raw = RawModel::load(&path)?;
        Ok(Model { raw: Arc::new(raw), top: design.top.clone(), options: options.clone(), path })
    }

    /// The name of the top module.
    pub fn top(&self) -> &str {
        &self.top
    }

    /// The ports of the top module, in an order of Verilator's choice.
    pub fn ports(&self) -> &[Port] {
        self.raw.ports()
    }

    /// The shared object in the cache.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The input port of that name.
    ///
    /// # Errors
    /// [`Error::NoSuchPort`].
    pub fn input(&self, name: &str) -> Result<InPort> {
        self.find(name, Direction::Input).map(InPort::at)
    }

    /// The output port of that name.
    ///
    /// # Errors
    /// [`Error::NoSuchPort`].
    pub fn output(&self, name: &str) -> Result<OutPort> {
        self.find(name, Direction::Output).map(OutPort::at)
    }

    /// The width in bits of the port of that name, or `None` if there is none.
    pub fn width(&self, name: &str) -> Option<u32> {
        self.ports().iter().find(|port| port.name == name).map(|port| port.width)
    }

    pub(crate) fn raw(&self) -> &Arc<RawModel> {
        &self.raw
    }

    pub(crate) fn options(&self) -> &Options {
        &self.options
    }

    fn find(&self, name: &str, direction: Direction) -> Result<usize> {
        let index = self.ports().iter().position(|port| port.name == name && port.direction == direction);
        index.ok_or_else(|| {
            let direction = shim::direction_name(direction);
            let describe = |port: &Port| format!("{} {}", shim::direction_name(port.direction), port.name);
            let available = self.ports().iter().map(describe).collect::<Vec<_>>().join(", ");
            Error::NoSuchPort { top: self.top.clone(), direction, name: name.to_owned(), available }
        })
    }
}

/// The C++ compiler: `CXX`, or else `g++`.
struct Compiler {
    program: OsString,
    version: String,
}

impl Compiler {
    fn detect() -> Result<Self> {
        let program = env::var_os("CXX").filter(|name| !name.is_empty()).unwrap_or_else(|| "g++".into());
        let tool = program.to_string_lossy().into_owned();
        let output = Command::new(&program).arg("--version").output().map_err(|error| Error::Compiler {
            tool: tool.clone(),
            message: format!("{error}; a C++ compiler is needed, for example `apt-get install g++`"),
        })?;
        Ok(Compiler { program, version: String::from_utf8_lossy(&output.stdout).into_owned() })
    }

    fn flags(&self) -> Vec<&'static str> {
        let mut flags = COMPILER_FLAGS.to_vec();
        // GCC marks some symbols as unique over the process, against the hidden visibility: models would share state
        // and could not be unloaded. Clang never does, and refuses the flag.
        if !self.version.contains("clang") {
            flags.push("-fno-gnu-unique");
        }
        flags
    }

    fn command(&self, folder: &Path) -> Command {
        let mut command = Command::new(&self.program);
        command.current_dir(folder);
        command
    }
}

/// One call of [`Model::build`].
struct Build<'a> {
    verilator: &'a Verilator,
    compiler: Compiler,
    design: &'a Design,
    options: &'a Options,
}

impl Build<'_> {
    /// The path of the model's shared object, which exists on return.
    fn model(&self) -> Result<PathBuf> {
        let flags = self.options.translation_flags();
        let mut key = self.tools_key().with(&self.design.top).with(&self.design.clock).with(shim::SHIM);
        for flag in flags.iter().chain(LINKER_FLAGS).chain(CLOSED_FLAGS).chain(self.options.model_flags()) {
            key = key.with(flag);
        }
        for source in self.design.sources.iter().filter(|source| source.is_verilog()) {
            key = key.with(&source.name).with(&source.text);
        }
        let name = format!("{}-{}.so", self.design.top, key.hex());
        self.options.cache.get_or_build(&name, |folder| {
            self.translate(folder, &flags)?;
            self.compile(folder)?;
            self.link(folder)
        })
    }

    /// Everything that the compiled run-time depends on.
    fn tools_key(&self) -> Key {
        let definitions = self.options.definitions();
        let simulation = [shim::HOOKS, shim::SIMULATION_HEADER, shim::SIMULATION];
        let parts = [self.verilator.version(), &self.compiler.version].into_iter().chain(simulation);
        let flags = self.compiler.flags();
        let flags = flags.into_iter().chain(self.options.runtime_sources());
        Key::new(parts.chain(flags).chain(definitions.iter().map(String::as_str)))
    }

    /// Verilog to C++.
    fn translate(&self, folder: &Path, flags: &[&str]) -> Result<()> {
        let Design { top, sources, clock } = self.design;
        for source in sources.iter().filter(|source| source.is_verilog()) {
            write(folder, &source.name, &source.text)?;
        }
        let mut command = self.verilator.command();
        // Relative names make the messages the same wherever the cache is.
        command.current_dir(folder).args(flags).args(["--top-module", top]);
        command.args(sources.iter().filter(|source| source.is_module()).map(|source| &source.name));
        let output = command.output().map_err(Error::io(folder))?;
        if !output.status.success() {
            let message = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).trim().to_owned();
            return Err(Error::Verilog { top: top.clone(), message });
        }
        let header_path = folder.join("Vdut.h");
        let header = fs::read_to_string(&header_path).map_err(Error::io(&header_path))?;
        let error = |message: String| Error::Design { top: top.clone(), message };
        let ports = shim::parse_ports(&header).map_err(error)?;
        let has_clock =
            |port: &Port| port.name == *clock && port.width == 1 && port.direction == Direction::Input;
        if !ports.iter().any(has_clock) {
            return Err(error(format!("it has no one-bit input `{clock}`, its clock")));
        }
        write(folder, "ports.h", &shim::ports_header(clock, &ports))?;
        write(folder, "simulation.h", shim::SIMULATION_HEADER)?;
        write(folder, "shim.cpp", shim::SHIM)
    }

    /// C++ to one object file.
    fn compile(&self, folder: &Path) -> Result<()> {
        let mut names = Vec::new();
        for entry in fs::read_dir(folder).map_err(Error::io(folder))? {
            let name = entry.map_err(Error::io(folder))?.file_name().to_string_lossy().into_owned();
            if name.ends_with(".cpp") {
                names.push(name);
            }
        }
        names.sort();
        let unity: String = names.iter().map(|name| format!("#include \"{name}\"\n")).collect();
        write(folder, UNITY_FILE, &unity)?;
        let mut command = self.compile_command(folder);
        command.args(self.options.model_flags()).args(["-c", UNITY_FILE, "-o", "model.o"]);
        run(&mut command)
    }

    fn link(&self, folder: &Path) -> Result<PathBuf> {
        let runtime = self.runtime()?;
        let mut command = self.compiler.command(folder);
        command.args(LINKER_FLAGS).args(CLOSED_FLAGS).args(["-o", "model.so", "model.o"]).arg(runtime);
        if self.options.trace {
            command.arg("-lz");
        }
        run(&mut command)?;
        Ok(folder.join("model.so"))
    }

    /// Verilator's run-time as an archive, compiled once for all models with the same flags.
    fn runtime(&self) -> Result<PathBuf> {
        let name = format!("runtime-{}.a", self.tools_key().hex());
        self.options.cache.get_or_build(&name, |folder| {
            write(folder, "hooks.h", shim::HOOKS)?;
            write(folder, "simulation.h", shim::SIMULATION_HEADER)?;
            write(folder, "simulation.cpp", shim::SIMULATION)?;
            let mut sources: Vec<PathBuf> = self
                .options
                .runtime_sources()
                .into_iter()
                .map(|source| self.verilator.include().join(format!("{source}.cpp")))
                .collect();
            if !runtime::IS_SHARED {
                sources.push("simulation.cpp".into());
            }
            let mut objects = Vec::new();
            for source in sources {
                let object = source.with_extension("o").file_name().unwrap_or_default().to_owned();
                let mut command = self.compile_command(folder);
                command.args(["-include", "hooks.h", "-c"]).arg(source).arg("-o").arg(&object);
                run(&mut command)?;
                objects.push(object);
            }
            let mut archive = Command::new("ar");
            archive.current_dir(folder).args(["crs", "runtime.a"]).args(objects);
            run(&mut archive)?;
            Ok(folder.join("runtime.a"))
        })
    }

    fn compile_command(&self, folder: &Path) -> Command {
        let include = self.verilator.include();
        let mut command = self.compiler.command(folder);
        command.args(self.compiler.flags()).args(self.options.definitions());
        command.arg("-I").arg(include).arg("-I").arg(include.join("vltstd"));
        command
    }
}

fn write(folder: &Path, name: &str, text: &str) -> Result<()> {
    let path = folder.join(name);
    fs::write(&path, text).map_err(Error::io(&path))
}

/// Runs a tool of the C++ tool chain.
fn run(command: &mut Command) -> Result<()> {
    let tool = command.get_program().to_string_lossy().into_owned();
    let error = |message: String| Error::Compiler { tool: tool.clone(), message };
    let output = command.output().map_err(|reason| error(reason.to_string()))?;
    if !output.status.success() {
        return Err(error(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
    }
    Ok(())
}
