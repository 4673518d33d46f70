//! `emeuro bench`: exact code against emulators, side by side.

use std::{hint::black_box, str::FromStr, time::Duration};

use clap::Args;
use emeuro::{
    apps::{Frames, Split, applications, evaluate_at},
    baselines::{Baseline, Code, FloatNetwork, Inputs, Kind, baselines},
    golden::{self, Emulator, Isa, Runner, Sampler, VectorId},
};
use serde_json::{Map, Value, json};

use crate::{
    emulator_source::EmulatorSource,
    failure::{Failure, Outcome, input},
    measure::{Contender, Spread, Times, measure},
    processor,
    report::{nanoseconds, percent, ratio, table},
};

/// Frames of a large batch, and frames that are timed.
const BATCH: usize = 256;

/// Measures exact code and emulators side by side on held-out frames.
///
/// All contenders of an application take short turns in one process, on one thread: every baseline, and the emulator from and
/// to f64, f32 or words, one frame per call or 256. Printed are medians; speed-ups are medians of the ratios within rounds, to the
/// emulator from and to the numbers of the other side.
///
/// `library` is the library of the original work (build with --features library-baselines), or the textbook code that stands for
/// it, called by its name; `best` is the fastest of all exact code. Emulator files without an application run on random words.
#[derive(Args)]
#[command(after_help = "Example: emeuro bench rope newton --seconds 5 --json")]
pub(crate) struct Bench {
    /// Checked-in emulators by name (see `emeuro build --help`), or emulator files; those of the five applications if none is named.
    apps: Vec<String>,
    /// Held-out frames per application.
    #[arg(long, default_value_t = 512, value_parser = clap::value_parser!(u32).range(256..=100_000))]
    frames: u32,
    /// Seed of the held-out frames.
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// Time for the measurements of each, seconds.
    #[arg(long, default_value_t = 2.0, value_parser = seconds)]
    seconds: f64,
    /// Quality level from 0, or `all`; by default the cheapest level whose error is below the target.
    #[arg(long)]
    quality: Option<Quality>,
    /// NRMSE that the default quality level stays below; the highest level if none does.
    #[arg(long, default_value_t = 0.02)]
    target: f64,
    /// How the emulator is computed: scalar, portable, avx2, avx512, neon; by default the fastest of this machine.
    #[arg(long)]
    isa: Option<Isa>,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
}

fn seconds(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(seconds) if (0.0..=3600.0).contains(&seconds) => Ok(seconds),
        _ => Err("expected a number of seconds from 0 to 3600".to_owned()),
    }
}

/// Which quality levels are measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Quality {
    Level(usize),
    All,
}

impl FromStr for Quality {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "all" => Ok(Self::All),
            _ => text.parse().map(Self::Level).map_err(|_| "expected a quality level or `all`".to_owned()),
        }
    }
}

/// The frames that are timed, as the emulator takes them: one large batch, which caches hold.
struct Data {
    doubles: Vec<f64>,
    singles: Vec<f32>,
    words: Vec<i16>,
}

impl Data {
    fn of_values(emulator: &Emulator, doubles: Vec<f64>) -> Result<Self, Failure> {
        let mut words = Vec::with_capacity(doubles.len());
        for frame in doubles.chunks_exact(emulator.input().size()) {
            words.extend(emulator.quantise(frame).map_err(input)?);
        }
        Ok(Self::new(doubles, words))
    }

    fn new(doubles: Vec<f64>, words: Vec<i16>) -> Self {
        Self { singles: doubles.iter().map(|&value| value as f32).collect(), doubles, words }
    }

    fn random(emulator: &Emulator, seed: u64) -> Self {
        let mut sampler = Sampler::new(seed);
        let size = emulator.input().size();
        let words = sampler.frame(BATCH * size, emulator.format(VectorId::INPUT));
        let of: Vec<_> = emulator.input().conversions().collect();
        let values = words.iter().enumerate().map(|(i, &word)| of[i % size].value(word)).collect();
        Self::new(values, words)
    }
}

/// The ways to call an emulator, in the order of the contenders: from and to `f64`, `f32` or words, one frame per call or 256.
const WAYS: [&str; 6] = ["values", "f32", "words", "batch_values", "batch_f32", "batch_words"];

/// What the first baseline is called: only two applications have a library that computes the same, the others textbook code.
const LIBRARY: &str = if cfg!(feature = "library-baselines") { "library" } else { "textbook" };

/// The numbers of the ways with one frame per call, and of those with 256.
const NUMBERS: [&str; 3] = ["f64", "f32", "words"];

/// The way with one frame per call that a contender is compared with: that in its own numbers, or in `f64` if it takes bytes.
fn way_of(numbers: &str) -> usize {
    NUMBERS.iter().position(|&known| known == numbers).unwrap_or(0)
}

/// What was measured for one quality level of one emulator.
struct Level {
    level: usize,
    macs: usize,
    /// NRMSE; none without an application.
    error: Option<f64>,
    /// Contender of the first of the [`WAYS`].
    first: usize,
}

/// Everything about one emulator.
struct Report {
    name: String,
    inputs: usize,
    outputs: usize,
    /// Share of outputs that the error is over.
    share: f64,
    baselines: Vec<(Baseline, &'static str)>,
    levels: Vec<Level>,
    /// Contenders of the same network in `f32`, one frame and a batch.
    plain: Option<[usize; 2]>,
    times: Times,
}

impl Bench {
    /// Measures all.
    pub(crate) fn run(self) -> Result<Outcome, Failure> {
        let isa = self.isa.unwrap_or_else(Isa::best);
        if !isa.is_available() {
            let available: Vec<String> = Isa::available().map(|isa| isa.to_string()).collect();
            let expected = format!("expected one of {}", available.join(", "));
            return Err(Failure::Input(format!("--isa: this machine has no {isa}; {expected}")));
        }
        let names = match self.apps.is_empty() {
            true => applications().iter().map(|app| app.name().to_owned()).collect(),
            false => self.apps.clone(),
        };
        let mut reports = vec![];
        for source in EmulatorSource::find_all(&names)? {
            reports.push(self.report(&source, isa)?);
        }
        let text = match self.json {
            true => format!("{}\n", self.json(isa, &reports)),
            false => text(isa, &reports),
        };
        Ok(Outcome::success(text))
    }

    fn report(&self, source: &EmulatorSource, isa: Isa) -> Result<Report, Failure> {
        let emulator = &source.emulator;
        let count = self.frames as usize;
        let frames = source.application.as_ref().map(|app| app.frames(Split::Test, count, self.seed));
        let (inputs, outputs) = (emulator.input().size(), emulator.output().port.size());
        let data = || match &frames {
            Some(frames) => Data::of_values(emulator, frames.inputs[..BATCH * inputs].to_vec()),
            None => Ok(Data::random(emulator, self.seed)),
        };
        let app = source.application.as_ref();
        let known: Vec<Baseline> = app.map(|app| baselines(app.name())).unwrap_or_default();
        let found = self.levels(source, frames.as_ref())?;
        let data = [data()?, data()?];
        let plan = || known.iter().map(Baseline::plan).collect::<Vec<Code>>();
        let codes = [plan(), plan()];
        let numbers: Vec<&str> = codes[0].iter().map(Code::numbers).collect();
        let levels: Vec<usize> = found.iter().map(|(level, _)| *level).collect();
        let [first, second] = codes;
        let placements = [
            contenders(emulator, isa, first, &levels, &data[0])?,
            contenders(emulator, isa, second, &levels, &data[1])?,
        ];
        let behind = known.len() + found.len() * WAYS.len();
        let plain = (placements[0].len() > behind).then_some([behind, behind + 1]);
        let times = measure(Duration::from_secs_f64(self.seconds), placements);
        let levels = found.iter().enumerate().map(|(k, &(level, error))| {
            let first = known.len() + k * WAYS.len();
            Level { level, macs: emulator.macs_at(level), error, first }
        });
        let levels = levels.collect();
        let share = frames.as_ref().map_or(1.0, Frames::share);
        Ok(Report {
            name: source.argument.clone(),
            inputs,
            outputs,
            share,
            baselines: known.into_iter().zip(numbers).collect(),
            levels,
            plain,
            times,
        })
    }

    /// The levels that are to be measured, with their errors.
    fn levels(
        &self,
        source: &EmulatorSource,
        frames: Option<&Frames>,
    ) -> Result<Vec<(usize, Option<f64>)>, Failure> {
        let highest = source.emulator.levels() - 1;
        let error = |level: usize| match (&source.application, frames) {
            (Some(app), Some(frames)) => {
                evaluate_at(&**app, &source.emulator, level, frames).map(|e| Some(e.nrmse)).map_err(input)
            }
            _ => Ok(None),
        };
        match self.quality {
            Some(Quality::Level(level)) => {
                let level = level.min(highest);
                Ok(vec![(level, error(level)?)])
            }
            Some(Quality::All) => (0..=highest).map(|level| Ok((level, error(level)?))).collect(),
            None => {
                for level in 0..highest {
                    let error = error(level)?;
                    if error.is_some_and(|error| error < self.target) {
                        return Ok(vec![(level, error)]);
                    }
                }
                Ok(vec![(highest, error(highest)?)])
            }
        }
    }

    fn json(&self, isa: Isa, reports: &[Report]) -> Value {
        json!({
            "processor": processor::name(),
            "isa": isa.to_string(),
            "threads": 1,
            "frames": self.frames,
            "seed": self.seed,
            "batch": BATCH,
            "library_baselines": cfg!(feature = "library-baselines"),
            "apps": reports.iter().flat_map(Report::json).collect::<Vec<Value>>(),
        })
    }
}

/// The baselines, all ways to call the emulator at every level, and its network in `f32`.
fn contenders<'a>(
    emulator: &'a Emulator,
    isa: Isa,
    codes: Vec<Code>,
    levels: &[usize],
    data: &'a Data,
) -> Result<Vec<Contender<'a>>, Failure> {
    let converted = Inputs::new(&data.doubles, emulator.input().size());
    let outputs = emulator.output().port.size();
    let exact = codes.into_iter().map(|code| Contender::new(BATCH, 1, code.on(&converted, outputs)));
    let mut contenders: Vec<Contender> = exact.collect();
    for &level in levels {
        contenders.extend(emulated(emulator, isa, level, data)?);
    }
    contenders.extend([1, BATCH].into_iter().filter_map(|at_once| plain_network(emulator, at_once, data)));
    Ok(contenders)
}

/// All [`WAYS`] to call an emulator at a level.
fn emulated<'a>(
    emulator: &'a Emulator,
    isa: Isa,
    level: usize,
    data: &'a Data,
) -> Result<Vec<Contender<'a>>, Failure> {
    let outputs = emulator.output().port.size();
    let runner = || Runner::with_isa(emulator, isa).map_err(input);
    // One call finds whatever is wrong with the frames; the timed calls cannot fail after it.
    let mut first = vec![0; BATCH * outputs];
    runner()?.infer_batch_at(level, &data.words, &mut first).map_err(input)?;

    let mut contenders = vec![];
    for at_once in [1, BATCH] {
        contenders.push(on_values(runner()?, level, &data.doubles, at_once, outputs));
        contenders.push(on_values(runner()?, level, &data.singles, at_once, outputs));
        let mut runner = runner()?;
        contenders.push(on_frames(&data.words, at_once, outputs, move |x, y| match at_once {
            1 => runner.infer_at(level, x, y),
            _ => runner.infer_batch_at(level, x, y),
        }));
    }
    Ok(contenders)
}

/// A runner from values to values.
fn on_values<'a, V: golden::Value + Default>(
    mut runner: Runner<&'a Emulator>,
    level: usize,
    values: &'a [V],
    at_once: usize,
    outputs: usize,
) -> Contender<'a> {
    on_frames(values, at_once, outputs, move |x, y| match at_once {
        1 => runner.infer_values_at(level, x, y),
        _ => runner.infer_values_batch_at(level, x, y),
    })
}

/// Calls with `at_once` of the frames in `inputs`, whose outputs, `outputs` numbers per frame, are thrown away.
fn on_frames<'a, T: Copy + Default, R>(
    inputs: &'a [T],
    at_once: usize,
    outputs: usize,
    mut call: impl FnMut(&[T], &mut [T]) -> R + 'a,
) -> Contender<'a> {
    let size = inputs.len() / BATCH * at_once;
    let mut output = vec![T::default(); at_once * outputs];
    Contender::new(BATCH / at_once, at_once, move |calls| {
        for number in calls {
            let frames = black_box(&inputs[number * size..][..size]);
            let _ = black_box(call(frames, black_box(&mut output)));
        }
    })
}

/// The same network in `f32`, `at_once` frames per call.
fn plain_network(emulator: &Emulator, at_once: usize, data: &Data) -> Option<Contender<'static>> {
    let mut network = FloatNetwork::new(emulator, at_once)?;
    let size = at_once * emulator.input().size();
    let mut output = vec![0.0; at_once * emulator.output().port.size()];
    let values = FloatNetwork::values(&data.words, emulator.format(VectorId::INPUT));
    Some(Contender::new(BATCH / at_once, at_once, move |calls| {
        for call in calls {
            network.run(std::hint::black_box(&values[call * size..][..size]), &mut output);
            std::hint::black_box(&mut output);
        }
    }))
}

impl Report {
    /// The library of the original work that computes the same function, or else the first textbook code.
    fn library(&self) -> Option<usize> {
        self.baselines.iter().position(|(baseline, _)| baseline.kind != Kind::Other)
    }

    /// The fastest textbook code.
    fn textbook(&self) -> Option<usize> {
        self.fastest(|baseline| baseline.kind == Kind::Textbook)
    }

    /// The fastest exact code of any kind.
    fn best(&self) -> Option<usize> {
        self.fastest(|baseline| baseline.kind != Kind::Other)
    }

    fn fastest(&self, counts: impl Fn(&Baseline) -> bool) -> Option<usize> {
        let candidates = self.baselines.iter().enumerate().filter(|(_, (baseline, _))| counts(baseline));
        let time = |k: usize| self.times.spread(k).median;
        candidates.map(|(k, _)| k).min_by(|&a, &b| time(a).total_cmp(&time(b)))
    }

    /// One object per level.
    fn json(&self) -> impl Iterator<Item = Value> + '_ {
        self.levels.iter().map(move |level| {
            let mut object = Map::new();
            let mut put = |key: &str, value: Value| object.insert(key.to_owned(), value);
            put("app", json!(self.name));
            put("inputs", json!(self.inputs));
            put("outputs", json!(self.outputs));
            put("level", json!(level.level));
            put("macs", json!(level.macs));
            put("nrmse", json!(level.error));
            put("outputs_counted", json!(self.share));
            let chosen = [("library", self.library()), ("textbook", self.textbook()), ("best", self.best())];
            for (key, baseline) in chosen {
                let Some(k) = baseline else { continue };
                put(key, json!(self.baselines[k].0.name));
                put(&format!("{key}_kind"), json!(self.baselines[k].0.kind.to_string()));
                put(&format!("{key}_numbers"), json!(self.baselines[k].1));
                put(&format!("{key}_ns"), json!(self.times.spread(k).median));
                let way = way_of(self.baselines[k].1);
                put(&format!("speedup_{key}"), json!(self.times.ratio(k, level.first + way).median));
                put(&format!("speedup_{key}_numbers"), json!(NUMBERS[way]));
                let ways = WAYS.iter().enumerate();
                let speedups = ways
                    .map(|(way, name)| ((*name).to_owned(), self.times.ratio(k, level.first + way).json()));
                put(&format!("speedups_{key}"), Value::Object(speedups.collect()));
            }
            put("emulated_ns", json!(self.times.spread(level.first).median));
            for (way, name) in WAYS.iter().enumerate() {
                put(&format!("emulated_{name}_ns"), self.times.spread(level.first + way).json());
            }
            if let Some([one, batch]) = self.plain {
                put("plain_f32_ns", self.times.spread(one).json());
                put("plain_f32_batch_ns", self.times.spread(batch).json());
            }
            let all = self.baselines.iter().enumerate().map(|(k, (baseline, numbers))| {
                json!({
                    "name": baseline.name,
                    "kind": baseline.kind.to_string(),
                    "numbers": numbers,
                    "about": baseline.about,
                    "ns": self.times.spread(k).json(),
                })
            });
            put("baselines", all.collect());
            let unsteady = self.unsteady().map(|(name, factor)| json!({ "name": name, "factor": factor }));
            put("unsteady", unsteady.collect());
            Value::Object(object)
        })
    }

    /// Contenders that were much slower in one of their placements in memory, and how many times.
    fn unsteady(&self) -> impl Iterator<Item = (String, f64)> + '_ {
        let exact = self.baselines.iter().map(|(baseline, _)| baseline.name.to_owned());
        let ways =
            self.levels.iter().flat_map(|level| WAYS.map(|way| format!("level {} {way}", level.level)));
        let plain = self.plain.iter().flatten().map(|_| "plain".to_owned());
        let names = exact.chain(ways).chain(plain).enumerate();
        names.filter_map(|(k, name)| Some((name, self.times.unsteady(k)?)))
    }

    /// The median time of a contender.
    fn time(&self, contender: usize) -> String {
        nanoseconds(self.times.spread(contender).median)
    }

    /// Error and times of every level, one frame per call.
    fn time_cells(&self) -> impl Iterator<Item = Vec<String>> + '_ {
        self.levels.iter().map(move |level| {
            let mut cells = vec![
                self.name.clone(),
                level.level.to_string(),
                level.error.map_or_else(|| "–".to_owned(), percent),
            ];
            for baseline in [self.library(), self.best()] {
                cells.push(baseline.map_or_else(
                    || "–".to_owned(),
                    |k| format!("{} {}", self.baselines[k].0.name, self.time(k)),
                ));
            }
            cells.extend((0..NUMBERS.len()).map(|way| self.time(level.first + way)));
            cells
        })
    }

    /// The emulator's times of every level, 256 frames per call.
    fn batch_cells(&self) -> impl Iterator<Item = Vec<String>> + '_ {
        self.levels.iter().map(move |level| {
            let mut cells = vec![self.name.clone(), level.level.to_string()];
            cells.extend((NUMBERS.len()..WAYS.len()).map(|way| self.time(level.first + way)));
            cells
        })
    }

    /// Ratios of every level, one frame per call.
    fn ratio_cells(&self) -> impl Iterator<Item = Vec<String>> + '_ {
        self.levels.iter().map(move |level| {
            let mut cells = vec![self.name.clone(), level.level.to_string()];
            for baseline in [self.library(), self.best()] {
                let Some(k) = baseline else {
                    cells.extend(["–", "–"].map(str::to_owned));
                    continue;
                };
                let way = way_of(self.baselines[k].1);
                let to = |way: usize| ratio(self.times.ratio(k, level.first + way).median);
                cells.extend([format!("{} {}", to(way), NUMBERS[way]), to(way_of("words"))]);
            }
            cells
        })
    }

    /// A line per contender; ratios are to the first level that was measured.
    fn contender_cells(&self) -> Vec<Vec<String>> {
        let emulated = self.levels[0].first;
        let cells = |name: &str, kind: &str, numbers: &str, contender: usize| {
            let Spread { least, lower, median, upper } = self.times.spread(contender);
            let [least, lower, median, upper] = [least, lower, median, upper].map(nanoseconds);
            let ways = [way_of(numbers), way_of("words")];
            let ratios = ways.map(|way| ratio(self.times.ratio(contender, emulated + way).median));
            let quartiles = format!("{median} ({lower} – {upper})");
            let cells = [&self.name, name, kind, numbers, &least, &quartiles, &ratios[0], &ratios[1]];
            cells.map(str::to_owned).to_vec()
        };
        let mut rows: Vec<Vec<String>> = self
            .baselines
            .iter()
            .enumerate()
            .map(|(k, (baseline, numbers))| cells(baseline.name, &baseline.kind.to_string(), numbers, k))
            .collect();
        for level in &self.levels {
            let name = format!("level {}", level.level);
            for way in 0..WAYS.len() {
                let calls = ["one frame", "256 frames"][way / NUMBERS.len()];
                let numbers = NUMBERS[way % NUMBERS.len()];
                rows.push(cells(&name, &format!("emulated, {calls}"), numbers, level.first + way));
            }
        }
        for (contender, calls) in self.plain.into_iter().flatten().zip(["one frame", "256 frames"]) {
            rows.push(cells("plain", &format!("network, {calls}"), "f32", contender));
        }
        rows
    }
}

fn text(isa: Isa, reports: &[Report]) -> String {
    let mut text = format!("{}; emulators with {isa}; one thread\n\n", processor::name());
    text += &titled(
        &["app", "level", "NRMSE", LIBRARY, "best", "f64", "f32", "words"],
        reports.iter().flat_map(Report::time_cells),
    );
    text += "\nTimes per frame, one frame per call. f64, f32, words: the emulator from and to these numbers, words being its own.\n";
    if !cfg!(feature = "library-baselines") {
        text += "With --features library-baselines, libraries of the original work are compared with, too.\n";
    }
    for report in reports.iter().filter(|report| report.share < 1.0) {
        text += &format!(
            "{}: the error is over {} of the outputs, the well conditioned ones.\n",
            report.name,
            percent(report.share)
        );
    }
    text += "\nRatios to the emulator from and to the numbers that they name, those of the library or of the best code, f64 for bytes; \
             or to words:\n\n";
    text += &titled(
        &["app", "level", &format!("vs {LIBRARY}"), "words", "vs best", "words"],
        reports.iter().flat_map(Report::ratio_cells),
    );
    text += &format!("\nThe emulator with {BATCH} frames per call, times per frame:\n\n");
    text += &titled(&["app", "level", "f64", "f32", "words"], reports.iter().flat_map(Report::batch_cells));
    text += "\nAll contenders:\n\n";
    text += &titled(
        &["app", "code", "kind", "numbers", "minimum", "median (quartiles)", "/ emulated", "/ words"],
        reports.iter().flat_map(Report::contender_cells),
    );
    for (report, (name, factor)) in reports.iter().flat_map(|r| r.unsteady().map(move |found| (r, found))) {
        text += &format!(
            "Note: {}: {name} took {factor:.1} times as long in one of two placements in memory; the other one is shown.\n",
            report.name
        );
    }
    text
}

/// A table under titles.
fn titled(titles: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let titles = titles.iter().map(|&title| title.to_owned()).collect();
    table(&std::iter::once(titles).chain(rows).collect::<Vec<Vec<String>>>())
}
