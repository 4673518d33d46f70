//! `emeuro cosim`: generated Verilog in Verilator against the golden model.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use clap::Args;
use emeuro::{
    apps::{Application, Split},
    compiler::{Control, Cycles, Program, UnitConfig},
    golden::{Emulator, FileKind, Sampler, VectorId},
    hdl::{register_map::UnitNumbers, top_name},
    testbench::{
        self, Cache, Comparison, Design, Evidence, Finding, Options, Recipe, Scenario, Score, UnitBench,
        WAVEFORMS, cosim_scenario,
    },
};
use rayon::prelude::*;

use crate::{
    commands::{
        coverage::CoverageArgs,
        unit_args::{regenerate, unit_config},
    },
    cosim_report::{self, Row},
    design_folder,
    emulator_source::EmulatorSource,
    failure::{Failure, Outcome, input, input_in, unwritten},
    unit_source::{CompiledUnit, UnitSource},
};

/// Simulates units in Verilator and compares every output word, and the clocks, with golden model and compiler.
///
/// Units with quality levels are compared at each of them, and scenarios change the level between frames.
///
/// Without --lanes and --unit, the files of a generated folder are simulated as they stand there; with one of them, units
/// are generated for the purpose. Frames are the application's own held-out frames, and every fourth a random one with
/// extreme words. They arrive and leave with random gaps and pauses. Then random scenarios are played: resets at any
/// time, frames of the wrong length and, if the unit has registers, accesses while frames run.
///
/// Of a failure, the shortest stimulus that is found is kept with its waveform, in target/waves or the folder that
/// EMEURO_KEEP_WAVES names, and the command is printed that plays it again.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  emeuro cosim --all --frames 200 --seed 7\n  emeuro cosim rope --lanes 1,16,64\n  \
    emeuro cosim newton --unit UNIT.yaml --junit newton.xml\n  \
    emeuro cosim rope --lanes 16 --seed 7 --frames 12 --trace rope.fst\n  \
    emeuro cosim fft --coverage --lcov fft.info\n\n\
    Needs Verilator 5 and a C++ compiler."
)]
pub(crate) struct Cosim {
    /// Checked-in emulators by name (see `emeuro build --help`), or paths of emulator files.
    #[arg(required_unless_present_any = ["all", "app"])]
    emulators: Vec<String>,
    /// A checked-in emulator, by name; the same as naming it without the option.
    #[arg(long, value_name = "APP", value_delimiter = ',')]
    app: Vec<String>,
    /// All checked-in emulators: those of the five applications and rope_clustered.
    #[arg(long, conflicts_with_all = ["emulators", "app"])]
    all: bool,
    /// Generates and simulates units with these numbers of lanes.
    #[arg(long, value_delimiter = ',')]
    lanes: Vec<usize>,
    /// Generates and simulates units as these unit files (YAML) say; --lanes goes before their lanes.
    #[arg(long, value_name = "FILE", value_delimiter = ',')]
    unit: Vec<PathBuf>,
    /// Folder with the units to simulate: one folder per checked-in emulator, or the folder of the one emulator that is named;
    /// rtl-out if a checked-in emulator is named, generated if a file is.
    #[arg(long, conflicts_with_all = ["lanes", "unit"])]
    rtl: Option<PathBuf>,
    /// Frames per unit.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(0..=10_000_000))]
    frames: u32,
    /// Random scenarios per unit; their seeds count up from --seed.
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(0..=10_000_000))]
    scenarios: u32,
    /// Seed of frames, gaps, pauses, scenarios and power-up values.
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// Plays only the scenario in this file, as a failure has left it.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["frames", "scenarios", "seed"])]
    play: Option<PathBuf>,
    /// Writes the waveforms of all signals to this file (FST): while the frames are compared or, with --frames 0, of the
    /// one scenario. Of one unit only.
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
    /// Writes the outcome to this file as JUnit XML, one test case per unit.
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Writes the outcome to this file as JSON.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    #[command(flatten)]
    coverage: CoverageArgs,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
}

/// A unit to simulate.
struct Target<'a> {
    source: &'a EmulatorSource,
    config: UnitConfig,
    predicted: Cycles,
    /// Of the quality levels below the highest, lowest first.
    predicted_lower: Vec<Cycles>,
    design: Design,
    /// Of its registers, if it has some.
    numbers: Option<UnitNumbers>,
    /// The unit file that was given.
    unit_file: Option<&'a Path>,
    /// The options that choose this unit alone.
    options: Vec<String>,
}

impl Cosim {
    /// Simulates all units.
    pub(crate) fn run(self) -> Result<Outcome, Failure> {
        testbench::Verilator::detect().map_err(input)?;
        let play = self.play.as_deref().map(|path| Scenario::load(path).map_err(input)).transpose()?;
        let sources = EmulatorSource::find_all(&[self.emulators.as_slice(), &self.app].concat())?;
        let mut targets = vec![];
        for source in &sources {
            targets.extend(self.targets(source)?);
        }
        self.check_trace(targets.len())?;
        // Simulating takes long: what cannot be written is refused before.
        for (path, kind) in [(&self.report, cosim_report::JSON), (&self.junit, cosim_report::JUNIT)] {
            if let Some(path) = path {
                kind.check(path).map_err(|e| unwritten(path, e))?;
            }
        }
        self.coverage.check()?;
        // Building models takes most of the time: as many at once as there are processors.
        let simulate = |target| self.simulate(target, play.as_ref());
        let rows = targets.par_iter().map(simulate).collect::<Result<Vec<Row>, Failure>>()?;
        let coverage = self.count(&targets)?;
        let mut report = cosim_report::json(&rows);
        if let Some((_, modules)) = &coverage {
            report["coverage"] = modules.clone();
        }
        if let Some(path) = &self.report {
            write(cosim_report::JSON, path, &format!("{report:#}\n"))?;
        }
        if let Some(path) = &self.junit {
            write(cosim_report::JUNIT, path, &cosim_report::junit(&rows)?)?;
        }
        let text = match (self.json, coverage) {
            (true, _) => format!("{report}\n"),
            (false, None) => cosim_report::text(&rows),
            (false, Some((table, _))) => table + &cosim_report::text(&rows),
        };
        Ok(Outcome { text, passed: cosim_report::passed(&rows) })
    }

    /// Simulates all units once more if coverage is asked for: the table of what ran, and the same for machines.
    fn count(&self, targets: &[Target<'_>]) -> Result<Option<(String, serde_json::Value)>, Failure> {
        let Some(mut collection) = self.coverage.collection() else { return Ok(None) };
        let options = Options::new(Cache::from_env_or(default_cache()));
        for target in targets {
            let (emulator, lanes) = (&target.source.emulator, target.config.lanes());
            let frames = frames(target.source, self.frames as usize, self.seed)?;
            collection.add(emulator, &target.design, lanes, &options, &frames, self.seed)?;
        }
        collection.finish().map(Some)
    }

    /// Refuses a waveform of several simulations, and one that would replace something else.
    fn check_trace(&self, units: usize) -> Result<(), Failure> {
        let Some(path) = &self.trace else { return Ok(()) };
        let refused = |problem: &str| Err(Failure::Input(format!("--trace {}: {problem}", path.display())));
        if units != 1 {
            return refused(&format!("expected one unit, found {units}"));
        }
        if self.play.is_none() && self.frames == 0 && self.scenarios != 1 {
            return refused("with --frames 0, expected --scenarios 1");
        }
        WAVEFORMS.destination(path).map(drop).map_err(|e| unwritten(path, e))
    }

    fn simulate(&self, target: &Target<'_>, play: Option<&Scenario>) -> Result<Row, Failure> {
        let begin = Instant::now();
        let options = Options::new(Cache::from_env_or(default_cache()));
        let bench = target.bench(&options)?;
        let command = target.command();
        let evidence = Evidence::new("target/waves", |scenario, waveform| {
            format!("{command} --play {} --trace {}", scenario.display(), waveform.display())
        });
        let mut row = target.row();
        match play {
            Some(scenario) => self.play_again(scenario, &bench, &mut row)?,
            None => {
                if self.frames > 0 {
                    self.compare_frames(target, &bench, &options, &evidence, &mut row)?;
                    if row.failures.is_empty() {
                        self.compare_lower_levels(target, &bench, &options, &evidence, &mut row)?;
                    }
                }
                // What fails already would mostly be found again.
                if row.failures.is_empty() {
                    self.play_scenarios(target, &bench, &evidence, &mut row)?;
                }
            }
        }
        row.time = begin.elapsed();
        Ok(row)
    }

    /// One scenario from a file, as short as it is.
    fn play_again(&self, scenario: &Scenario, bench: &UnitBench<'_>, row: &mut Row) -> Result<(), Failure> {
        let played = match &self.trace {
            Some(path) => bench.trace(scenario, path),
            None => bench.play(scenario),
        };
        row.scenarios.0 = 1;
        match played {
            Ok(score) => row.scenarios.1 = score,
            Err(testbench::Error::Failure(failure)) => row.failures.push(failure.to_string()),
            Err(error) => return Err(input(error)),
        }
        Ok(())
    }

    /// Frames under all kinds of traffic, and the clocks.
    fn compare_frames(
        &self,
        target: &Target<'_>,
        bench: &UnitBench<'_>,
        options: &Options,
        evidence: &Evidence<'_>,
        row: &mut Row,
    ) -> Result<(), Failure> {
        let (emulator, design) = (&target.source.emulator, &target.design);
        let frames = frames(target.source, self.frames as usize, self.seed)?;
        let compared = match &self.trace {
            None => testbench::cosim(emulator, design, options, &frames, self.seed),
            Some(path) => testbench::cosim_traced(emulator, design, options, &frames, self.seed, path),
        };
        (row.comparison, row.failures) = judged(compared, target.predicted, design)?;
        if row.failures.is_empty() {
            return Ok(());
        }
        let are_words_wrong = row.comparison.is_none_or(|comparison| comparison.mismatches > 0);
        let checked = match are_words_wrong {
            true => bench.check(&cosim_scenario(&frames, self.seed), evidence),
            false => Ok(Score::default()),
        };
        match checked {
            Err(testbench::Error::Finding(finding)) => {
                let found = format!("--seed {} --frames {}", self.seed, self.frames);
                row.failures = vec![target.tell(&finding, &found)];
            }
            // The clocks alone are wrong, which any few frames show.
            Ok(_) => {
                let frames = &frames[..frames.len().min(FEW_FRAMES)];
                let kept = self.keep_waveform(target, options, evidence, frames)?;
                row.failures = vec![format!("{}\n{kept}", row.failures.join("\n"))];
            }
            Err(error) => return Err(failure_of(design, error)),
        }
        Ok(())
    }

    /// As [`compare_frames`](Self::compare_frames), at the quality levels below the highest.
    fn compare_lower_levels(
        &self,
        target: &Target<'_>,
        bench: &UnitBench<'_>,
        options: &Options,
        evidence: &Evidence<'_>,
        row: &mut Row,
    ) -> Result<(), Failure> {
        let (emulator, design) = (&target.source.emulator, &target.design);
        let frames = frames(target.source, self.frames as usize, self.seed)?;
        for (level, &predicted) in target.predicted_lower.iter().enumerate() {
            let at_level = |text: String| format!("quality level {level}: {text}");
            let compared = testbench::cosim_at(emulator, level, design, options, &frames, self.seed);
            let (comparison, wrong) = judged(compared, predicted, design)?;
            row.lower[level].1 = comparison;
            if wrong.is_empty() {
                continue;
            }
            row.failures = wrong.into_iter().map(at_level).collect();
            match bench.check(&cosim_scenario(&frames, self.seed).at_level(level), evidence) {
                Err(testbench::Error::Finding(finding)) => {
                    let found = format!("--seed {} --frames {}", self.seed, self.frames);
                    row.failures = vec![at_level(target.tell(&finding, &found))];
                }
                Err(error) => return Err(failure_of(design, error)),
                // The clocks alone are wrong.
                Ok(_) => {}
            }
            return Ok(());
        }
        Ok(())
    }

    /// Keeps the waveform of a comparison of a few frames; says where, and which command plays them again.
    fn keep_waveform(
        &self,
        target: &Target<'_>,
        options: &Options,
        evidence: &Evidence<'_>,
        frames: &[Vec<i16>],
    ) -> Result<String, Failure> {
        let (emulator, design) = (&target.source.emulator, &target.design);
        let (folder, lanes) = (evidence.folder(), target.config.lanes());
        fs::create_dir_all(folder).map_err(|e| input_in(folder, e))?;
        let waveform = folder.join(format!("{}-{lanes}-lanes-{}.fst", design.top, self.seed));
        let played = testbench::cosim_traced(emulator, design, options, frames, self.seed, &waveform);
        if let Err(error @ testbench::Error::Io { .. }) = played {
            return Err(input(error));
        }
        let (command, file) = (target.command(), waveform.display());
        let count = frames.len();
        let again = format!("{command} --seed {} --frames {count} --scenarios 0 --trace {file}", self.seed);
        Ok(format!("waveform: {file}\nreproduce: {again}"))
    }

    /// Random scenarios, up to the first that fails.
    fn play_scenarios(
        &self,
        target: &Target<'_>,
        bench: &UnitBench<'_>,
        evidence: &Evidence<'_>,
        row: &mut Row,
    ) -> Result<(), Failure> {
        let recipe = Recipe { clocks_per_frame: scale(target.predicted), ..Recipe::of(bench) };
        for index in 0..self.scenarios {
            let seed = self.seed.wrapping_add(u64::from(index));
            let scenario = recipe.draw(seed);
            if let Some(path) = self.trace.as_ref().filter(|_| self.frames == 0)
                && let Err(error) = bench.trace(&scenario, path)
                && !matches!(error, testbench::Error::Failure(_))
            {
                return Err(input(error));
            }
            row.scenarios.0 += 1;
            match bench.check(&scenario, evidence) {
                Ok(score) => row.scenarios.1 += score,
                Err(testbench::Error::Finding(finding)) => {
                    let found = format!("--frames 0 --scenarios 1 --seed {seed}");
                    row.failures.push(target.tell(&finding, &found));
                    return Ok(());
                }
                Err(error) => return Err(failure_of(&target.design, error)),
            }
        }
        Ok(())
    }

    fn targets<'a>(&'a self, source: &'a EmulatorSource) -> Result<Vec<Target<'a>>, Failure> {
        if self.lanes.is_empty() && self.unit.is_empty() {
            return Ok(vec![self.standing(source)?]);
        }
        let files: Vec<Option<&Path>> = match self.unit.is_empty() {
            true => vec![None],
            false => self.unit.iter().map(|file| Some(file.as_path())).collect(),
        };
        let mut targets = vec![];
        for file in files {
            let config = unit_config(file)?;
            if self.lanes.is_empty() {
                targets.push(Target::generated(source, config, file, None)?);
                continue;
            }
            for &lanes in &self.lanes {
                let config = config.clone().with_lanes(lanes).map_err(input)?;
                targets.push(Target::generated(source, config, file, Some(lanes))?);
            }
        }
        Ok(targets)
    }

    /// The unit that stands in a folder, or the default one for an emulator file.
    fn standing<'a>(&'a self, source: &'a EmulatorSource) -> Result<Target<'a>, Failure> {
        let folder = match (&self.rtl, &source.application) {
            (None, None) => return Target::generated(source, UnitConfig::default(), None, None),
            (None, Some(_)) => PathBuf::from("rtl-out").join(&source.argument),
            (Some(rtl), None) => rtl.clone(),
            (Some(rtl), Some(_)) => match design_folder::is_unit(rtl) {
                true => rtl.clone(),
                false => rtl.join(&source.argument),
            },
        };
        let (config, design) = design_folder::read(&folder)?;
        let CompiledUnit { program, cycles, lower } = CompiledUnit::new(&source.emulator, &config)?;
        let top = top_name(&program);
        if design.top != top {
            let problem = format!("expected the unit {top}, found {}", design.top);
            return Err(input_in(&folder, problem));
        }
        let options = self.rtl.iter().map(|rtl| format!("--rtl {}", rtl.display())).collect();
        let numbers = numbers_of(&program);
        let (predicted, predicted_lower) = (cycles, lower);
        Ok(Target { source, config, predicted, predicted_lower, design, numbers, unit_file: None, options })
    }
}

impl<'a> Target<'a> {
    /// A unit that is generated for the purpose.
    fn generated(
        source: &'a EmulatorSource,
        config: UnitConfig,
        unit_file: Option<&'a Path>,
        lanes: Option<usize>,
    ) -> Result<Self, Failure> {
        let command = regenerate("generate", &source.argument, &config);
        let unit = UnitSource::new(&source.emulator, &config, &command)?;
        let file = unit_file.map(|file| format!("--unit {}", file.display()));
        let options = file.into_iter().chain(lanes.map(|lanes| format!("--lanes {lanes}"))).collect();
        let (predicted, design, numbers) = (unit.cycles, unit.simulated(), numbers_of(&unit.program));
        let predicted_lower = unit.lower;
        Ok(Target { source, config, predicted, predicted_lower, design, numbers, unit_file, options })
    }

    /// Nothing has been simulated yet.
    fn row(&self) -> Row {
        Row {
            name: self.source.emulator.name().to_owned(),
            unit: self.name(),
            lanes: self.config.lanes(),
            predicted: self.predicted,
            comparison: None,
            lower: self.predicted_lower.iter().map(|&predicted| (predicted, None)).collect(),
            scenarios: (0, Score::default()),
            failures: vec![],
            time: Duration::ZERO,
        }
    }

    /// The command that simulates this unit.
    fn command(&self) -> String {
        let words =
            [&["emeuro".to_owned(), "cosim".to_owned(), self.source.argument.clone()], &self.options[..]];
        words.concat().join(" ")
    }

    /// A finding, and the options that find it again.
    fn tell(&self, finding: &Finding, options: &str) -> String {
        let (command, name) = (self.command(), self.source.emulator.name());
        format!("{finding}\nas it was found: {command} {options} --trace {name}.fst")
    }

    /// What tells it from other units of the same emulator.
    fn name(&self) -> String {
        let lanes = format!("{} lanes", self.config.lanes());
        match self.unit_file {
            Some(file) => format!("{}, {lanes}", file.display()),
            None => lanes,
        }
    }

    fn bench(&self, options: &Options) -> Result<UnitBench<'_>, Failure> {
        let failed = |error| failure_of(&self.design, error);
        let bench = UnitBench::of_emulator(&self.source.emulator, &self.design, options).map_err(failed)?;
        let latency = self.predicted.latency;
        let bench = bench.with_quiet(latency + QUIET_CLOCKS).with_watchdog(PATIENCE + 4 * latency);
        match self.numbers {
            Some(numbers) => bench.with_registers(numbers).map_err(failed),
            None => Ok(bench),
        }
    }
}

/// Clocks beyond the latency in which a word too many is noticed.
const QUIET_CLOCKS: u64 = 64;
/// Clocks without any progress beyond four latencies: more than the longest pause of a receiver.
const PATIENCE: u64 = 20_000;

/// Frames that show wrong clocks.
const FEW_FRAMES: usize = 6;

/// The scale of pauses and interruptions.
fn scale(predicted: Cycles) -> u32 {
    u32::try_from(predicted.latency).unwrap_or(u32::MAX)
}

fn numbers_of(program: &Program) -> Option<UnitNumbers> {
    (program.config.control() == Control::AxiLite).then(|| UnitNumbers::of(program))
}

/// Writes a whole file or none, in a folder that is made if there is none.
pub(crate) fn write(kind: FileKind, path: &Path, text: &str) -> Result<(), Failure> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let made = folder.map_or(Ok(()), fs::create_dir_all);
    made.and_then(|()| kind.write(path, text.as_bytes())).map_err(|e| unwritten(path, e))
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

/// A unit that does not start has failed its check; anything else is bad input.
pub(crate) fn failure_of(design: &Design, error: testbench::Error) -> Failure {
    let message = format!("{}: {error}", design.top);
    match is_fault(&error) {
        true => Failure::Check(message),
        false => Failure::Input(message),
    }
}

/// Whether the unit is to blame.
fn is_fault(error: &testbench::Error) -> bool {
    use testbench::Error::{Failure, Simulation, Unsteady};
    matches!(error, Failure(_) | Simulation { .. } | Unsteady { .. })
}

/// The comparison, if it came to an end, and what is wrong with the unit.
fn judged(
    compared: testbench::Result<Comparison>,
    predicted: Cycles,
    design: &Design,
) -> Result<(Option<Comparison>, Vec<String>), Failure> {
    match compared {
        Ok(comparison) => Ok((Some(comparison), differences(&comparison, predicted))),
        Err(error) if is_fault(&error) => Ok((None, vec![error.to_string()])),
        Err(error) => Err(failure_of(design, error)),
    }
}

/// What is wrong with a comparison of frames that came to an end.
fn differences(comparison: &Comparison, predicted: Cycles) -> Vec<String> {
    let Comparison { mismatches, words, timing, .. } = comparison;
    match timing {
        _ if comparison.holds(predicted) => vec![],
        Some(timing) => vec![format!(
            "expected a latency of {} and a period of {} clocks, got {} and {}",
            predicted.latency, predicted.period, timing.latency, timing.period
        )],
        None => vec![format!("{mismatches} of {words} words are wrong")],
    }
}
