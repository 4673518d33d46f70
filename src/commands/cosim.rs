//! `emeuro cosim`: generated Verilog in Verilator against the golden model.

use std::path::PathBuf;

use clap::Args;
use emeuro::{
    apps::{Application, Split},
    compiler::{Cycles, UnitConfig},
    golden::{Emulator, Sampler, VectorId},
    hdl::top_name,
    testbench::{self, Cache, Comparison, Design, Options},
};
use serde_json::{Value, json};

use crate::{
    commands::{
        coverage::{Collection, CoverageArgs},
        unit_args::{regenerate, unit_config},
    },
    design_folder,
    emulator_source::EmulatorSource,
    failure::{Failure, Outcome, input},
    report::table,
    unit_source::{CompiledUnit, UnitSource},
};

/// Simulates units in Verilator and compares every output word, and the clocks, with golden model and compiler.
///
/// Without --lanes and --unit, the files of a generated folder are simulated as they stand there; with one of them, units
/// are generated for the purpose. Frames are the application's own held-out frames, and every fourth a random one with
/// extreme words. They arrive and leave with random gaps and pauses.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  emeuro cosim --all --frames 200 --seed 7\n  emeuro cosim rope --lanes 1,16,64\n  \
    emeuro cosim newton --unit UNIT.yaml\n  emeuro cosim fft --coverage --lcov fft.info\n\n\
    Needs Verilator 5 and a C++ compiler."
)]
pub(crate) struct Cosim {
    /// Applications, or paths of emulator files.
    #[arg(required_unless_present = "all")]
    emulators: Vec<String>,
    /// All five applications.
    #[arg(long, conflicts_with = "emulators")]
    all: bool,
    /// Generates and simulates units with these numbers of lanes.
    #[arg(long, value_delimiter = ',')]
    lanes: Vec<usize>,
    /// Generates and simulates units as this unit file (YAML) says; --lanes goes before its lanes.
    #[arg(long, value_name = "FILE")]
    unit: Option<PathBuf>,
    /// Folder with the units to simulate: one folder per application, or the folder of the one emulator that is named;
    /// rtl-out if an application is named, generated if a file is.
    #[arg(long, conflicts_with_all = ["lanes", "unit"])]
    rtl: Option<PathBuf>,
    /// Frames per unit.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    frames: u32,
    /// Seed of frames, gaps, pauses and power-up values.
    #[arg(long, default_value_t = 7)]
    seed: u64,
    #[command(flatten)]
    coverage: CoverageArgs,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
}

/// One unit and what became of it.
struct Row {
    name: String,
    lanes: usize,
    predicted: Cycles,
    comparison: Comparison,
}

impl Cosim {
    /// Simulates all units.
    pub(crate) fn run(self) -> Result<Outcome, Failure> {
        testbench::Verilator::detect().map_err(input)?;
        let sources = EmulatorSource::find_all(&self.emulators)?;
        let mut rows = vec![];
        let mut coverage = self.coverage.collection();
        for source in &sources {
            let frames = frames(source, self.frames as usize, self.seed)?;
            for (lanes, predicted, design) in self.designs(source)? {
                let options = Options::new(Cache::from_env_or(default_cache()));
                let comparison = testbench::cosim(&source.emulator, &design, &options, &frames, self.seed)
                    .map_err(|e| failure_of(&design, e))?;
                if let Some(coverage) = &mut coverage {
                    coverage.add(&source.emulator, &design, lanes, &options, &frames, self.seed)?;
                }
                rows.push(Row { name: source.emulator.name().to_owned(), lanes, predicted, comparison });
            }
        }
        let passed = rows.iter().all(|row| row.comparison.holds(row.predicted));
        let coverage = coverage.map(Collection::finish).transpose()?;
        let text = if self.json {
            let mut summary = json!({ "designs": rows.iter().map(Row::json).collect::<Vec<_>>() });
            if let Some((_, modules)) = coverage {
                summary["coverage"] = modules;
            }
            format!("{summary}\n")
        } else {
            let mut lines = vec![Row::header()];
            lines.extend(rows.iter().map(Row::cells));
            let verdict = if passed { "All words and clocks as predicted.\n" } else { "FAILED\n" };
            table(&lines) + &coverage.map(|(text, _)| text).unwrap_or_default() + verdict
        };
        Ok(Outcome { text, passed })
    }

    fn designs(&self, source: &EmulatorSource) -> Result<Vec<(usize, Cycles, Design)>, Failure> {
        let config = unit_config(self.unit.as_deref())?;
        let generated = |config: &UnitConfig| {
            let command = regenerate("generate", &source.argument, config);
            let unit = UnitSource::new(&source.emulator, config, &command)?;
            Ok((config.lanes(), unit.cycles, unit.simulated()))
        };
        if !self.lanes.is_empty() {
            let with = |&lanes: &usize| generated(&config.clone().with_lanes(lanes).map_err(input)?);
            return self.lanes.iter().map(with).collect();
        }
        if self.unit.is_some() {
            return Ok(vec![generated(&config)?]);
        }
        let folder = match (&self.rtl, &source.application) {
            (None, None) => return Ok(vec![generated(&config)?]),
            (None, Some(_)) => PathBuf::from("rtl-out").join(&source.argument),
            (Some(rtl), None) => rtl.clone(),
            (Some(rtl), Some(_)) => match design_folder::is_unit(rtl) {
                true => rtl.clone(),
                false => rtl.join(&source.argument),
            },
        };
        let (config, design) = design_folder::read(&folder)?;
        let CompiledUnit { program, cycles } = CompiledUnit::new(&source.emulator, &config)?;
        let top = top_name(&program);
        if design.top != top {
            let problem = format!("expected the unit {top}, found {}", design.top);
            return Err(Failure::Input(format!("{}: {problem}", folder.display())));
        }
        Ok(vec![(config.lanes(), cycles, design)])
    }
}

/// Raw input frames: the application's own, or random ones.
fn frames(source: &EmulatorSource, count: usize, seed: u64) -> Result<Vec<Vec<i16>>, Failure> {
    let emulator = &source.emulator;
    let mut sampler = Sampler::new(seed);
    let mut random = || sampler.frame(emulator.input().size(), emulator.format(VectorId::INPUT));
    match &source.application {
        None => Ok((0..count).map(|_| random()).collect()),
        Some(app) => {
            let own = own_frames(&**app, emulator, count, seed)?;
            Ok(own
                .into_iter()
                .enumerate()
                .map(|(i, frame)| if i % 4 == 3 { random() } else { frame })
                .collect())
        }
    }
}

/// Held-out frames of an application as raw words.
pub(crate) fn own_frames(
    app: &dyn Application,
    emulator: &Emulator,
    count: usize,
    seed: u64,
) -> Result<Vec<Vec<i16>>, Failure> {
    let frames = app.frames(Split::Test, count, seed);
    frames.inputs.chunks(app.inputs()).map(|frame| emulator.quantise(frame).map_err(input)).collect()
}

/// Compiled models are kept here unless `EMEURO_CACHE` says otherwise.
fn default_cache() -> PathBuf {
    std::env::temp_dir().join("emeuro-cache")
}

/// A unit that breaks the bus or hangs has failed its check; anything else is bad input.
pub(crate) fn failure_of(design: &Design, error: testbench::Error) -> Failure {
    let message = format!("{}: {error}", design.top);
    match error {
        testbench::Error::Failure(_)
        | testbench::Error::Simulation { .. }
        | testbench::Error::Unsteady { .. } => Failure::Check(message),
        _ => Failure::Input(message),
    }
}

impl Row {
    fn header() -> Vec<String> {
        ["app", "lanes", "frames", "words", "mismatches", "cycles", "simulated", "latency", "simulated"]
            .map(str::to_owned)
            .to_vec()
    }

    fn cells(&self) -> Vec<String> {
        let c = &self.comparison;
        let clocks = |clocks: Option<u64>| clocks.map_or_else(|| "–".to_owned(), |n| n.to_string());
        vec![
            self.name.clone(),
            self.lanes.to_string(),
            c.frames.to_string(),
            c.words.to_string(),
            c.mismatches.to_string(),
            self.predicted.period.to_string(),
            clocks(c.timing.map(|t| t.period)),
            self.predicted.latency.to_string(),
            clocks(c.timing.map(|t| t.latency)),
        ]
    }

    fn json(&self) -> Value {
        let c = &self.comparison;
        json!({
            "app": self.name,
            "lanes": self.lanes,
            "frames": c.frames,
            "words": c.words,
            "mismatches": c.mismatches,
            "clocks": c.clocks,
            "cycles_predicted": self.predicted.period,
            "cycles_simulated": c.timing.map(|t| t.period),
            "latency_predicted": self.predicted.latency,
            "latency_simulated": c.timing.map(|t| t.latency),
        })
    }
}
