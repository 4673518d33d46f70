//! `emeuro build`: the main job for the applications.

use std::{path::PathBuf, time::Duration};

use clap::Args;
use emeuro::{
    apps::{Application, Frames, Split, evaluate_at},
    compiler::{Cycles, Machine, UnitConfig},
    figures::{errors_json, nrmse_text, output_cells},
    golden::{Emulator, Errors, Port, Runner},
};
use serde_json::{Value, json};

use crate::{
    commands::unit_args::{UnitArgs, regenerate},
    emulator_source::EmulatorSource,
    failure::{Failure, Outcome, input},
    measure::{Contender, measure},
    owned_folder::{Contents, OwnedFolder},
    report::{nanoseconds, percent, ratio, table},
    unit_source::UnitSource,
};

/// Time for the measurements of one application.
const BUDGET: Duration = Duration::from_millis(900);

/// Runs applications on held-out frames, exactly and emulated, and generates their units.
///
/// For every application: the error of the golden model against the exact code, the time of both, and the unit's clocks and
/// utilisation. Writes the unit to OUT/APP.
#[derive(Args)]
#[command(after_help = "Example: emeuro build fft rope --lanes 32 --out /tmp/rtl")]
pub(crate) struct Build {
    /// Checked-in emulators: optical_flow, fft, convolution, rope, newton, rope_clustered; all of them if none is named.
    apps: Vec<String>,
    #[command(flatten)]
    unit: UnitArgs,
    /// Held-out frames per application.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    frames: u32,
    /// Seed of the held-out frames.
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// Folder for the units.
    #[arg(long, default_value = "rtl-out")]
    out: PathBuf,
    /// Replaces files that this program wrote to the folders even if they were changed since; all others stay.
    #[arg(long)]
    force: bool,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
}

impl Default for Build {
    fn default() -> Self {
        Self {
            apps: vec![],
            unit: UnitArgs::default(),
            frames: 200,
            seed: 7,
            out: "rtl-out".into(),
            force: false,
            json: false,
        }
    }
}

/// What is known about one application after the job.
struct Row {
    app: String,
    /// At the highest quality level.
    errors: Errors,
    port: Port,
    nrmse_float: Option<f64>,
    share: f64,
    macs: usize,
    parameters: usize,
    times: Times,
    unit: UnitSource,
    /// All quality levels, the cheapest first.
    stages: Vec<Stage>,
}

/// A quality level of one application.
struct Stage {
    errors: Errors,
    macs: usize,
    cycles: Cycles,
    emulated: f64,
}

/// Medians of one frame, in nanoseconds.
struct Times {
    exact: f64,
    reference: f64,
    /// Of every quality level, the cheapest first.
    emulated: Vec<f64>,
}

impl Build {
    /// Does the job for every application.
    pub(crate) fn run(self) -> Result<Outcome, Failure> {
        let sources = EmulatorSource::find_all(&self.apps)?;
        let config = self.unit.config()?;
        // Measuring takes long: what cannot be written is refused before.
        sources.iter().try_for_each(|source| self.folder(source).map(drop))?;
        let rows =
            sources.iter().map(|source| self.row(source, &config)).collect::<Result<Vec<Row>, Failure>>()?;
        if self.json {
            let apps: Vec<Value> = rows.iter().map(Row::json).collect();
            return Ok(Outcome::success(format!("{}\n", json!({ "apps": apps }))));
        }
        let mut lines = vec![Row::header()];
        lines.extend(rows.iter().map(Row::cells));
        let mut text = table(&lines);
        let mut lines = vec![Row::unit_header()];
        lines.extend(rows.iter().map(Row::unit_cells));
        text += &format!("\nThe units:\n\n{}", table(&lines));
        let mut lines = vec![Stage::header()];
        lines.extend(rows.iter().flat_map(Row::stage_cells));
        text += &format!("\nQuality levels, the cheapest first:\n\n{}\n", table(&lines));
        text += &format!(
            "Outputs that err most, of every application; --json has all:\n\n{}\n",
            worst_outputs(&rows)
        );
        for row in rows.iter().filter(|row| row.share < 1.0) {
            text += &format!(
                "{}: the error is over {} of the outputs, the well conditioned ones.\n",
                row.app,
                percent(row.share)
            );
        }
        text += &format!("Units written to {}.\n", self.out.join("<app>").display());
        Ok(Outcome::success(text))
    }

    /// The folder of an application's unit.
    fn folder(&self, source: &EmulatorSource) -> Result<OwnedFolder, Failure> {
        application(source)?;
        OwnedFolder::open(&self.out.join(&source.argument), Contents::Unit, self.force)
    }

    fn row(&self, source: &EmulatorSource, config: &UnitConfig) -> Result<Row, Failure> {
        let app = application(source)?;
        let emulator = &source.emulator;
        let unit = UnitSource::new(emulator, config, &regenerate("build", &source.argument, config))?;
        self.folder(source)?.replace(&unit.delivery(source).files())?;
        let frames = app.frames(Split::Test, self.frames as usize, self.seed);
        let times = time(app, emulator, &frames)?;
        let stage = |(level, &emulated): (usize, &f64)| {
            Ok(Stage {
                errors: evaluate_at(app, emulator, level, &frames).map_err(input)?.errors,
                macs: emulator.macs_at(level),
                cycles: Machine::cycles_at(&unit.program, level).map_err(input)?,
                emulated,
            })
        };
        let stages = times.emulated.iter().enumerate().map(stage).collect::<Result<Vec<Stage>, Failure>>()?;
        Ok(Row {
            app: source.argument.clone(),
            errors: stages[stages.len() - 1].errors.clone(),
            port: emulator.output().port.clone(),
            nrmse_float: emulator.provenance().nrmse_float,
            share: frames.share(),
            macs: emulator.macs(),
            parameters: emulator.parameters(),
            times,
            unit,
            stages,
        })
    }
}

/// Of every application the output with the largest NRMSE.
fn worst_outputs(rows: &[Row]) -> String {
    let mut lines: Vec<Vec<String>> = vec![];
    for row in rows {
        let mut cells = output_cells(&row.errors.outputs, &row.port, "frame", 1);
        lines.extend(cells.drain(..).skip(usize::from(!lines.is_empty())).map(|mut cells| {
            cells.insert(0, row.app.clone());
            cells
        }));
    }
    if let Some(header) = lines.first_mut() {
        header[0] = "app".to_owned();
    }
    table(&lines)
}

fn application(source: &EmulatorSource) -> Result<&dyn Application, Failure> {
    let problem = || Failure::Input(format!("{}: expected the name of an application", source.argument));
    source.application.as_deref().ok_or_else(problem)
}

/// Exact code, reference code and golden model in turn on the same frames, all from and to doubles: the golden model's time
/// includes quantising its inputs and scaling its outputs.
fn time(app: &dyn Application, emulator: &Emulator, frames: &Frames) -> Result<Times, Failure> {
    // One call each finds wrong lengths; the timed calls cannot fail after it.
    let (first, mut output) = (&frames.inputs[..app.inputs()], vec![0.0; app.outputs()]);
    for mut kernel in [app.plan_exact(), app.plan_reference()] {
        kernel.run(first, &mut output).map_err(input)?;
    }
    Runner::new(emulator).infer_values(first, &mut output).map_err(input)?;
    let times = measure(BUDGET, [(); 2].map(|()| contenders(app, emulator, frames)));
    let median = |contender: usize| times.spread(contender).median;
    Ok(Times {
        exact: median(0),
        reference: median(1),
        emulated: (0..emulator.levels()).map(|level| median(2 + level)).collect(),
    })
}

/// Exact code, reference code, and the golden model at every level.
fn contenders<'a>(app: &dyn Application, emulator: &'a Emulator, frames: &'a Frames) -> Vec<Contender<'a>> {
    let inputs = app.inputs();
    let input_of = move |frame: usize| &frames.inputs[frame * inputs..][..inputs];
    let output = || vec![0.0; app.outputs()];
    let mut contenders = vec![];
    for mut kernel in [app.plan_exact(), app.plan_reference()] {
        let mut output = output();
        contenders.push(Contender::new(frames.count, 1, move |calls| {
            for frame in calls {
                drop(std::hint::black_box(kernel.run(input_of(frame), &mut output)));
            }
        }));
    }
    for level in 0..emulator.levels() {
        let (mut runner, mut output) = (Runner::new(emulator), output());
        contenders.push(Contender::new(frames.count, 1, move |calls| {
            for frame in calls {
                drop(std::hint::black_box(runner.infer_values_at(level, input_of(frame), &mut output)));
            }
        }));
    }
    contenders
}

impl Times {
    /// Of the highest quality level.
    fn emulated(&self) -> f64 {
        self.emulated[self.emulated.len() - 1]
    }
}

impl Stage {
    fn header() -> Vec<String> {
        ["app", "level", "NRMSE", "MACs", "emulated", "cycles", "latency"].map(str::to_owned).to_vec()
    }
}

impl Row {
    fn header() -> Vec<String> {
        ["app", "NRMSE", "float", "reference", "exact", "emulated", "vs reference", "vs exact"]
            .map(str::to_owned)
            .to_vec()
    }

    fn unit_header() -> Vec<String> {
        ["app", "MACs", "lanes", "cycles", "latency", "utilisation"].map(str::to_owned).to_vec()
    }

    fn cells(&self) -> Vec<String> {
        let (Times { exact, reference, .. }, emulated) = (&self.times, self.times.emulated());
        vec![
            self.app.clone(),
            nrmse_text(self.errors.nrmse),
            self.nrmse_float.map_or_else(|| "–".to_owned(), percent),
            nanoseconds(*reference),
            nanoseconds(*exact),
            nanoseconds(emulated),
            ratio(reference / emulated),
            ratio(exact / emulated),
        ]
    }

    fn unit_cells(&self) -> Vec<String> {
        vec![
            self.app.clone(),
            self.macs.to_string(),
            self.unit.program.lanes().to_string(),
            self.unit.cycles.period.to_string(),
            self.unit.cycles.latency.to_string(),
            format!("{:.1} %", 100.0 * self.unit.utilisation()),
        ]
    }

    fn stage_cells(&self) -> impl Iterator<Item = Vec<String>> + '_ {
        self.stages.iter().enumerate().map(|(level, stage)| {
            vec![
                self.app.clone(),
                level.to_string(),
                nrmse_text(stage.errors.nrmse),
                stage.macs.to_string(),
                nanoseconds(stage.emulated),
                stage.cycles.period.to_string(),
                stage.cycles.latency.to_string(),
            ]
        })
    }

    fn json(&self) -> Value {
        let (Times { exact, reference, .. }, emulated) = (&self.times, self.times.emulated());
        let stages = self.stages.iter().enumerate().map(|(level, stage)| {
            json!({
                "level": level,
                "nrmse": stage.errors.nrmse,
                "nrmse_even": stage.errors.even,
                "macs": stage.macs,
                "cycles": stage.cycles.period,
                "latency": stage.cycles.latency,
                "emulated_ns": stage.emulated,
            })
        });
        let errors = errors_json(&self.errors, &self.port);
        json!({
            "app": self.app,
            "nrmse": errors["nrmse"],
            "nrmse_even": errors["nrmse_even"],
            "nrmse_float": self.nrmse_float,
            "outputs_counted": self.share,
            "macs": self.macs,
            "parameters": self.parameters,
            "lanes": self.unit.program.lanes(),
            "cycles": self.unit.cycles.period,
            "latency": self.unit.cycles.latency,
            "utilisation": self.unit.utilisation(),
            "exact_ns": exact,
            "emulated_ns": emulated,
            "speedup": exact / emulated,
            "reference_ns": reference,
            "speedup_reference": reference / emulated,
            "stages": stages.collect::<Vec<Value>>(),
            "outputs": errors["outputs"],
            "segments": errors["segments"],
        })
    }
}
