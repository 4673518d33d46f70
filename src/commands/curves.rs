//! `emeuro curves`: measures and draws the pictures of the documentation.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use emeuro::{
    apps::{
        AdaptOptions, Application, BuildOptions, Newton, Recipe, Rope, Split, adapt, applications,
        build_trained, clusters_of_rope, evaluate_at, scenario,
    },
    compiler::{DEFAULT_LANES, Machine, UnitConfig, compile},
    golden::Emulator,
    plot::{Axis, PICTURE, Plot, Series},
    trainer::Session,
};
use serde_json::{Value, json};

use crate::{
    emulator_source::EmulatorSource,
    failure::{Failure, Outcome, input, unwritten},
    report::{percent, table},
};

/// Measures what the techniques bring, and draws it: the pictures of the documentation.
///
/// `clusters` and `gradients` train anew and take minutes.
#[derive(Args)]
#[command(after_help = "Example: emeuro curves stages online --out /tmp")]
pub(crate) struct Curves {
    /// What to draw; everything if nothing is named.
    #[arg(value_enum)]
    curves: Vec<Curve>,
    /// Folder for the pictures, CURVE.svg.
    #[arg(long, default_value = "docs/src/techniques")]
    out: PathBuf,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
}

/// A picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Curve {
    /// Error against clocks of the quality levels of all applications.
    Stages,
    /// Error against the number of members.
    Clusters,
    /// Error on usual and new inputs while an emulator adapts.
    Online,
    /// Error against training frames, with and without slopes.
    Gradients,
}

/// Held-out frames.
const FRAMES: usize = 1000;
/// Seed of the held-out frames.
const SEED: u64 = 7;
/// Members that are tried.
const MEMBERS: [usize; 5] = [2, 4, 8, 12, 16];
/// Training frames that are tried.
const TRAINING_FRAMES: [usize; 4] = [1000, 2000, 4000, 8000];
/// Weight of the slopes in the loss.
const SLOPES: f64 = 1.0;

impl Curves {
    /// Draws every picture.
    pub(crate) fn run(self) -> Result<Outcome, Failure> {
        let all = [Curve::Stages, Curve::Clusters, Curve::Online, Curve::Gradients];
        let curves = if self.curves.is_empty() { &all[..] } else { &self.curves };
        let (mut text, mut values) = (String::new(), vec![]);
        for curve in curves {
            let name =
                curve.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned());
            let path = self.out.join(format!("{name}.svg"));
            PICTURE.check(&path).map_err(|e| unwritten(&path, e))?;
            let plot = curve.measure()?;
            let svg = plot.svg().map_err(input)?;
            PICTURE.write(&path, svg.as_bytes()).map_err(|e| unwritten(&path, e))?;
            text += &format!("{}\n{}{}\n\n", plot.title, points(&plot), path.display());
            let series = |s: &Series| json!({ "name": s.name, "points": s.points });
            values.push(json!({
                "curve": name,
                "x": plot.x.label,
                "y": plot.y.label,
                "series": plot.series.iter().map(series).collect::<Vec<Value>>(),
            }));
        }
        Ok(Outcome::success(if self.json { format!("{}\n", json!({ "curves": values })) } else { text }))
    }
}

/// All points of a plot as a table.
fn points(plot: &Plot) -> String {
    let mut lines = vec![vec!["series".to_owned(), plot.x.label.clone(), plot.y.label.clone()]];
    for series in &plot.series {
        lines
            .extend(series.points.iter().map(|&(x, y)| vec![series.name.clone(), x.to_string(), percent(y)]));
    }
    table(&lines)
}

/// Error of the golden model; the table shows it as a percentage.
const ERROR: &str = "NRMSE";

impl Curve {
    fn measure(self) -> Result<Plot, Failure> {
        match self {
            Self::Stages => stages(),
            Self::Clusters => clusters(),
            Self::Online => online(),
            Self::Gradients => gradients(),
        }
    }
}

fn clocks(emulator: &Emulator, level: usize, words_per_beat: usize) -> Result<f64, Failure> {
    let config = UnitConfig::new(DEFAULT_LANES).and_then(|config| config.with_words_per_beat(words_per_beat));
    let program = compile(emulator, &config.map_err(input)?).map_err(input)?;
    Ok(Machine::cycles_at(&program, level).map_err(input)?.period as f64)
}

fn stages() -> Result<Plot, Failure> {
    let mut series = vec![];
    for app in applications() {
        let emulator = EmulatorSource::find(app.name())?.emulator;
        let frames = app.frames(Split::Test, FRAMES, SEED);
        let point = |level| -> Result<(f64, f64), Failure> {
            let error = evaluate_at(&*app, &emulator, level, &frames).map_err(input)?.nrmse;
            Ok((clocks(&emulator, level, 4)?, error))
        };
        let levels = (0..emulator.levels()).map(point).collect::<Result<_, _>>()?;
        series.push(Series::line(app.name(), levels));
    }
    Ok(Plot {
        title: format!("Quality levels ({DEFAULT_LANES} lanes, 4 words per beat)"),
        x: Axis::log("clocks per frame"),
        y: Axis::log(ERROR),
        series,
    })
}

fn clusters() -> Result<Plot, Failure> {
    let session = Session { progress: true, ..Session::default() };
    let measured =
        clusters_of_rope(&Rope::new(), &MEMBERS, &BuildOptions::default(), &session).map_err(input)?;
    let members = std::iter::once(1).chain(MEMBERS);
    let points = members.zip(&measured).map(|(members, (_, error))| (members as f64, error.nrmse)).collect();
    let mut cycles = measured.iter().map(|(emulator, _)| clocks(emulator, 0, 1));
    let single = cycles.next().unwrap_or(Ok(0.0))?;
    let most = cycles.try_fold(0.0, |most: f64, clocks| clocks.map(|clocks| most.max(clocks)))?;
    Ok(Plot {
        title: format!("Rope with members ({single} clocks with one, at most {most} with several)"),
        x: Axis::linear("members"),
        y: Axis::linear(ERROR),
        series: vec![Series::line("rope", points)],
    })
}

fn online() -> Result<Plot, Failure> {
    let scenario = scenario("rope", "wide-angle").map_err(input)?;
    let emulator = EmulatorSource::find("rope_clustered")?.emulator;
    let folder = tempfile::tempdir().map_err(input)?;
    let options = AdaptOptions { patience: 250, ..AdaptOptions::default() };
    let course = adapt(&scenario, &emulator, folder.path(), &options).map_err(input)?;
    let of = |error: fn(&emeuro::apps::Moment) -> f64| {
        course.moments.iter().map(|moment| (moment.unfamiliar as f64, error(moment))).collect()
    };
    Ok(Plot {
        title: "Ropes at wide angles, retrained every 250 inputs".to_owned(),
        x: Axis::linear("inputs answered by the exact code"),
        y: Axis::linear(ERROR),
        series: vec![
            Series::line("wide angles", of(|m| m.new)),
            Series::line("usual angles", of(|m| m.usual)),
        ],
    })
}

fn gradients() -> Result<Plot, Failure> {
    let session = Session { progress: true, ..Session::default() };
    let rope = Rope::new();
    let mut series = vec![];
    for (app, weight) in [(&Newton::new() as &dyn Application, SLOPES), (&rope, SLOPES / 30.0)] {
        for (what, gradients) in [("values", None), ("values and slopes", Some(weight))] {
            let mut points = vec![];
            for frames in TRAINING_FRAMES {
                let Recipe::Trained(mut training) = app.recipe().map_err(input)? else { continue };
                training.frames.train = frames;
                training.spec.gradients = gradients;
                let built =
                    build_trained(app, *training, &BuildOptions::default(), &session).map_err(input)?;
                points.push((frames as f64, built.nrmse_float));
            }
            series.push(Series::line(format!("{}, {what}", app.name()), points));
        }
    }
    Ok(Plot {
        title: "Slopes as supervision (float networks)".to_owned(),
        x: Axis::log("training frames"),
        y: Axis::log(ERROR),
        series,
    })
}
