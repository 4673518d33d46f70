//! Clock rate and critical path, as nextpnr reports them (`--report`).

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use crate::error::{Error, Result};

/// What place and route has reached.
#[derive(Debug, Clone, PartialEq)]
pub struct Timing {
    /// The highest clock rate in MHz.
    pub fmax_mhz: f64,
    /// The path that sets it; none if no register follows another.
    pub critical_path: Option<CriticalPath>,
    /// Cells of the device by type: used, with the wrapper's, and available.
    pub device: BTreeMap<String, (u64, u64)>,
}

/// The slowest path from a register to a register.
#[derive(Debug, Clone, PartialEq)]
pub struct CriticalPath {
    /// Cell in which it starts, hierarchical.
    pub start: String,
    /// Net that it starts with.
    pub start_net: String,
    /// Cell in which it ends, hierarchical.
    pub end: String,
    /// Net that it ends with.
    pub end_net: String,
    /// Nanoseconds in cells, clock to output and setup included.
    pub logic_ns: f64,
    /// Nanoseconds in wires.
    pub routing_ns: f64,
}

impl CriticalPath {
    /// The register in which it starts, by the signal that the Verilog names.
    pub fn start_register(&self) -> &str {
        register(&self.start)
    }

    /// The register in which it ends, by the signal that the Verilog names.
    pub fn end_register(&self) -> &str {
        register(&self.end)
    }
}

/// Yosys names a cell by a net at it and the way from there: `lane.sum_TRELLIS_FF_Q_3` is a flip-flop of `lane.sum`.
fn register(cell: &str) -> &str {
    let cell = cell.strip_prefix("unit.").unwrap_or(cell);
    let types =
        ["_TRELLIS_FF", "_SB_DFF", "_DP16KD", "_PDPW16KD", "_MULT18X18D", "_SB_RAM40_4K", "_SB_MAC16"];
    let end = types.iter().filter_map(|name| cell.find(name)).min().unwrap_or(cell.len());
    &cell[..end]
}

impl Timing {
    /// Reads the report.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::ToolOutput`].
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(Error::io(path))?;
        let other = |found: String| Error::ToolOutput {
            path: path.to_owned(),
            expected: "a report of nextpnr",
            found,
        };
        let report: Report = serde_json::from_str(&text).map_err(|e| other(e.to_string()))?;
        let rates = report.fmax.values().map(|clock| clock.achieved);
        let fmax_mhz = rates.min_by(f64::total_cmp).ok_or_else(|| other("no clock".into()))?;
        let synchronous = |p: &&ClockPath| p.from == p.to && p.from.contains("edge ") && !p.path.is_empty();
        let slowest =
            report.critical_paths.iter().filter(synchronous).max_by(|a, b| a.ns().total_cmp(&b.ns()));
        let cells = report.utilization.into_iter();
        Ok(Self {
            fmax_mhz,
            critical_path: slowest.map(ClockPath::summary),
            device: cells.map(|(name, cell)| (name, (cell.used, cell.available))).collect(),
        })
    }
}

#[derive(Deserialize)]
struct Report {
    critical_paths: Vec<ClockPath>,
    fmax: BTreeMap<String, Clock>,
    utilization: BTreeMap<String, Use>,
}

#[derive(Deserialize)]
struct Clock {
    achieved: f64,
}

#[derive(Deserialize)]
struct Use {
    used: u64,
    available: u64,
}

#[derive(Deserialize)]
struct ClockPath {
    from: String,
    to: String,
    path: Vec<Hop>,
}

#[derive(Deserialize)]
struct Hop {
    delay: f64,
    from: Pin,
    to: Pin,
    #[serde(default)]
    net: String,
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Deserialize)]
struct Pin {
    cell: String,
}

impl Hop {
    fn is_routing(&self) -> bool {
        self.kind == "routing"
    }
}

impl ClockPath {
    fn ns(&self) -> f64 {
        self.path.iter().map(|hop| hop.delay).sum()
    }

    fn summary(&self) -> CriticalPath {
        let wires = || self.path.iter().filter(|hop| hop.is_routing());
        let net = |hop: Option<&Hop>| hop.map_or_else(String::new, |hop| hop.net.clone());
        let routing_ns = wires().map(|hop| hop.delay).sum();
        CriticalPath {
            start: self.path.first().map_or_else(String::new, |hop| hop.from.cell.clone()),
            start_net: net(wires().next()),
            end: self.path.last().map_or_else(String::new, |hop| hop.to.cell.clone()),
            end_net: net(wires().next_back()),
            logic_ns: self.ns() - routing_ns,
            routing_ns,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In the format of nextpnr 0.11; 0.4 has neither `sources` nor widths, which are not read.
    const REPORT: &str = r#"{
  "critical_paths": [
    {
      "from": "<async>", "to": "posedge $glbnet$clock",
      "path": [{ "delay": 40.0, "from": { "cell": "in", "loc": [0, 1], "port": "O" }, "to": { "cell": "a", "loc": [0, 1],
        "port": "D" }, "net": "in", "type": "routing" }]
    },
    {
      "from": "posedge $glbnet$clock", "to": "posedge $glbnet$clock",
      "path": [
        { "delay": 0.5, "from": { "cell": "unit.lane_0.sum_TRELLIS_FF_Q_3", "loc": [3, 4], "port": "Q" },
          "to": { "cell": "unit.lane_0.sum_TRELLIS_FF_Q_3", "loc": [3, 4], "port": "Q" }, "type": "clk-to-q" },
        { "delay": 1.25, "from": { "cell": "unit.lane_0.sum_TRELLIS_FF_Q_3", "loc": [3, 4], "port": "Q" },
          "net": "unit.lane_0.sum[3]", "sources": ["lane.v:3.1-3.9"],
          "to": { "cell": "unit.x_LUT4_Z", "loc": [3, 5], "port": "A" }, "type": "routing" },
        { "delay": 0.25, "from": { "cell": "unit.x_LUT4_Z", "loc": [3, 5], "port": "A" },
          "to": { "cell": "unit.x_LUT4_Z", "loc": [3, 5], "port": "F" }, "type": "logic" },
        { "delay": 1.0, "from": { "cell": "unit.x_LUT4_Z", "loc": [3, 5], "port": "F" }, "net": "unit.x",
          "to": { "cell": "unit.reducer.head_TRELLIS_FF_Q", "loc": [3, 6], "port": "DI" }, "type": "routing" },
        { "delay": 0.125, "from": { "cell": "unit.reducer.head_TRELLIS_FF_Q", "loc": [3, 6], "port": "DI" },
          "to": { "cell": "unit.reducer.head_TRELLIS_FF_Q", "loc": [3, 6], "port": "DI" }, "type": "setup" }
      ]
    }
  ],
  "fmax": { "$glbnet$clock": { "achieved": 320.5, "constraint": 200 } },
  "utilization": { "TRELLIS_FF": { "available": 83640, "used": 2 } }
}"#;

    fn timing(text: &str) -> Result<Timing> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.json");
        std::fs::write(&path, text).unwrap();
        Timing::read(&path)
    }

    #[test]
    fn the_path_between_registers_counts_and_the_pins_do_not() {
        let timing = timing(REPORT).unwrap();
        assert_eq!((timing.fmax_mhz, timing.device["TRELLIS_FF"]), (320.5, (2, 83640)));
        let path = timing.critical_path.unwrap();
        assert_eq!((path.start_register(), path.end_register()), ("lane_0.sum", "reducer.head"));
        assert_eq!(path.start, "unit.lane_0.sum_TRELLIS_FF_Q_3");
        assert_eq!((path.start_net.as_str(), path.end_net.as_str()), ("unit.lane_0.sum[3]", "unit.x"));
        assert_eq!((path.logic_ns, path.routing_ns), (0.875, 2.25));
    }

    #[test]
    fn anything_else_is_an_error_that_names_the_file() {
        for text in ["", "{}", r#"{"critical_paths": [], "fmax": {}, "utilization": {}}"#] {
            let message = timing(text).unwrap_err().to_string();
            assert!(message.contains("report.json: expected a report of nextpnr"), "{message}");
        }
    }
}
