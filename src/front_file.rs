//! The files of a search: every point as YAML, and a picture of error against clocks.

use emeuro::{
    apps::{Choice, Point, SearchReport, Subroutine},
    plot::{Axis, Plot, PlotError, Series},
    trainer::{Quantisation, search::Ended},
};
use serde::Serialize;

/// `APP.front.yaml`.
#[derive(Serialize)]
struct FrontFile<'a> {
    emeuro_front: u32,
    app: &'a str,
    command: &'a str,
    seed: u64,
    budget_seconds: f64,
    seconds: f64,
    ended: &'static str,
    evaluations: usize,
    candidates: usize,
    /// Of the unit whose clocks are counted.
    lanes: usize,
    rule: &'static str,
    chosen: &'a str,
    reference: &'a str,
    exact: Exact,
    tree: Node,
    /// Names, cheapest first.
    front: Vec<&'a str>,
    points: Vec<PointEntry>,
    refused: Vec<Refused<'a>>,
}

/// The exact code: no error, no unit.
#[derive(Serialize)]
struct Exact {
    nrmse: f64,
    cpu_ns: f64,
}

#[derive(Serialize)]
struct Node {
    name: &'static str,
    inputs: usize,
    outputs: usize,
    ways: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    refused: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    children: Vec<Node>,
}

impl Node {
    fn new(subroutine: &Subroutine) -> Self {
        Self {
            name: subroutine.name,
            inputs: subroutine.inputs,
            outputs: subroutine.outputs,
            ways: subroutine.ways.iter().map(ToString::to_string).collect(),
            refused: subroutine.refused.iter().map(|(way, reason)| format!("{way}: {reason}")).collect(),
            children: subroutine.children.iter().map(Self::new).collect(),
        }
    }
}

#[derive(Serialize)]
struct PointEntry {
    name: String,
    decisions: Vec<String>,
    topology: String,
    quantisation: String,
    /// For trained ones, for example `2 of 3`: how far its training was taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    rung: Option<String>,
    front: bool,
    /// On the validation frames, which chose.
    nrmse: f64,
    /// On the test frames, which chose nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    nrmse_test: Option<f64>,
    clocks: u64,
    weight_bits: u64,
    cpu_ns: f64,
}

impl PointEntry {
    fn new(point: &Point) -> Self {
        let Quantisation { weight_bits, activation_bits } = point.quantisation;
        Self {
            name: point.name.clone(),
            decisions: point.decisions.iter().map(ToString::to_string).collect(),
            topology: point.topology.clone(),
            quantisation: format!("w{weight_bits}a{activation_bits}"),
            rung: point.rung.map(|(rung, rungs)| format!("{rung} of {rungs}")),
            front: point.on_front,
            nrmse: rounded(point.score.error),
            nrmse_test: point.test.map(rounded),
            clocks: point.score.clocks,
            weight_bits: point.score.weight_bits,
            cpu_ns: point.score.cpu_ns.round(),
        }
    }
}

#[derive(Serialize)]
struct Refused<'a> {
    name: &'a str,
    reason: &'a str,
}

/// To a ten-thousandth of a per cent, as in the provenance of emulators.
fn rounded(error: f64) -> f64 {
    (error * 1e6).round() / 1e6
}

/// The points of the front, cheapest first.
pub(crate) fn front(report: &SearchReport) -> Vec<&Point> {
    let mut front: Vec<&Point> = report.points.iter().filter(|point| point.on_front).collect();
    front.sort_by_key(|point| point.score.clocks);
    front
}

/// The text of `APP.front.yaml`.
pub(crate) fn yaml(
    report: &SearchReport,
    command: &str,
    seed: u64,
    budget: f64,
    lanes: usize,
) -> Result<String, serde_yaml::Error> {
    let name = |index: usize| report.points[index].name.as_str();
    serde_yaml::to_string(&FrontFile {
        emeuro_front: 1,
        app: report.app,
        command,
        seed,
        budget_seconds: budget,
        seconds: report.seconds.round(),
        ended: match report.ended {
            Ended::Complete => "nothing was left to evaluate",
            Ended::Limits => "the budget was used up",
            Ended::Stopped => "it was stopped",
        },
        evaluations: report.evaluations,
        candidates: report.candidates,
        lanes,
        rule: Choice::RULE,
        chosen: name(report.chosen),
        reference: name(0),
        exact: Exact { nrmse: 0.0, cpu_ns: report.exact_ns.round() },
        tree: Node::new(&report.tree),
        front: front(report).into_iter().map(|point| point.name.as_str()).collect(),
        points: report.points.iter().map(PointEntry::new).collect(),
        refused: report.refused.iter().map(|(name, reason)| Refused { name, reason }).collect(),
    })
}

/// The picture of `APP.front.svg`.
pub(crate) fn svg(report: &SearchReport) -> Result<String, PlotError> {
    let place = |point: &Point| (point.score.clocks as f64, 100.0 * point.score.error);
    let one = |index: usize| vec![place(&report.points[index])];
    let plot = Plot {
        title: format!("{}: error against clocks", report.app),
        x: Axis::log("clocks per frame, 16 lanes"),
        y: Axis::log("NRMSE on validation frames, %"),
        series: vec![
            Series::line("front", front(report).into_iter().map(place).collect()),
            Series::cloud("evaluated", report.points.iter().map(place).collect()).radius(2),
            Series::cloud("chosen", one(report.chosen)).radius(7),
            Series::cloud("reference", one(0)).radius(4),
        ],
    };
    plot.svg()
}
