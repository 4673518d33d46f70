//! `emeuro build`: the main job for the applications.

use std::{path::PathBuf, time::Duration};

use clap::Args;
use emeuro::{
    apps::{Application, Frames, Split, evaluate},
    compiler::UnitConfig,
    golden::{Emulator, Runner},
};
use serde_json::{Value, json};

use crate::{
    commands::unit_args::{UnitArgs, regenerate},
    design_folder,
    emulator_source::EmulatorSource,
    failure::{Failure, Outcome, input},
    measure::medians,
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
    /// Applications; all five if none is named.
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
            json: false,
        }
    }
}

/// What is known about one application after the job.
struct Row {
    app: &'static str,
    nrmse: f64,
    nrmse_float: Option<f64>,
    share: f64,
    macs: usize,
    parameters: usize,
    times: Times,
    unit: UnitSource,
}

/// Medians of one frame, in nanoseconds.
struct Times {
    exact: f64,
    reference: f64,
    emulated: f64,
}

impl Build {
    /// Does the job for every application.
    pub(crate) fn run(self) -> Result<Outcome, Failure> {
        let sources = EmulatorSource::find_all(&self.apps)?;
        let config = self.unit.config()?;
        let rows =
            sources.iter().map(|source| self.row(source, &config)).collect::<Result<Vec<Row>, Failure>>()?;
        if self.json {
            let apps: Vec<Value> = rows.iter().map(Row::json).collect();
            return Ok(Outcome::success(format!("{}\n", json!({ "apps": apps }))));
        }
        let mut lines = vec![Row::header()];
        lines.extend(rows.iter().map(Row::cells));
        let mut text = table(&lines);
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

    fn row(&self, source: &EmulatorSource, config: &UnitConfig) -> Result<Row, Failure> {
        let Some(app) = &source.application else {
            return Err(Failure::Input(format!("{}: expected the name of an application", source.argument)));
        };
        let emulator = &source.emulator;
        let unit = UnitSource::new(emulator, config, &regenerate("build", app.name(), config))?;
        design_folder::write(&self.out.join(app.name()), &unit.delivery(source).files())?;
        let frames = app.frames(Split::Test, self.frames as usize, self.seed);
        let evaluation = evaluate(&**app, emulator, &frames).map_err(input)?;
        Ok(Row {
            app: app.name(),
            nrmse: evaluation.nrmse,
            nrmse_float: emulator.provenance().nrmse_float,
            share: evaluation.share,
            macs: emulator.macs(),
            parameters: emulator.parameters(),
            times: time(&**app, emulator, &frames)?,
            unit,
        })
    }
}

/// Exact code, reference code and golden model in turn on the same frames, all from and to doubles: the golden model's time
/// includes quantising its inputs and scaling its outputs.
fn time(app: &dyn Application, emulator: &Emulator, frames: &Frames) -> Result<Times, Failure> {
    let (inputs, outputs) = (app.inputs(), app.outputs());
    let input_of = |frame: usize| &frames.inputs[frame * inputs..][..inputs];
    let (mut exact, mut reference) = (app.plan_exact(), app.plan_reference());
    let mut runner = Runner::new(emulator);
    let mut values = [vec![0.0; outputs], vec![0.0; outputs], vec![0.0; outputs]];
    let [first, second, third] = &mut values;
    // One call each finds wrong lengths; the timed calls cannot fail after it.
    exact.run(input_of(0), first).map_err(input)?;
    reference.run(input_of(0), second).map_err(input)?;
    runner.infer_values(input_of(0), third).map_err(input)?;
    let [exact, reference, emulated] = medians(
        frames.count,
        BUDGET,
        [
            &mut |frame| drop(std::hint::black_box(exact.run(input_of(frame), first))),
            &mut |frame| drop(std::hint::black_box(reference.run(input_of(frame), second))),
            &mut |frame| drop(std::hint::black_box(runner.infer_values(input_of(frame), third))),
        ],
    );
    Ok(Times { exact, reference, emulated })
}

impl Row {
    fn header() -> Vec<String> {
        [
            "app",
            "NRMSE",
            "float",
            "MACs",
            "reference",
            "exact",
            "emulated",
            "vs reference",
            "vs exact",
            "lanes",
            "cycles",
            "latency",
            "utilisation",
        ]
        .map(str::to_owned)
        .to_vec()
    }

    fn cells(&self) -> Vec<String> {
        let Times { exact, reference, emulated } = self.times;
        vec![
            self.app.to_owned(),
            percent(self.nrmse),
            self.nrmse_float.map_or_else(|| "–".to_owned(), percent),
            self.macs.to_string(),
            nanoseconds(reference),
            nanoseconds(exact),
            nanoseconds(emulated),
            ratio(reference / emulated),
            ratio(exact / emulated),
            self.unit.program.lanes().to_string(),
            self.unit.cycles.period.to_string(),
            self.unit.cycles.latency.to_string(),
            format!("{:.1} %", 100.0 * self.unit.utilisation()),
        ]
    }

    fn json(&self) -> Value {
        let Times { exact, reference, emulated } = self.times;
        json!({
            "app": self.app,
            "nrmse": self.nrmse,
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
        })
    }
}
