//! Cells of a mapped design, as Yosys counts them (`stat -json`).

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use crate::error::{Error, Result};
use crate::target::Target;

/// The cells of a design.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Area {
    /// Logic in equivalents of a 4-input LUT; see [`Area::new`].
    pub lut4_eq: u64,
    /// Flip-flops.
    pub ff: u64,
    /// Multiplier blocks.
    pub dsp: u64,
    /// Block RAMs.
    pub bram: u64,
    /// Cells by type, as Yosys counts them.
    pub cells: BTreeMap<String, u64>,
}

impl Area {
    /// The area of counted cells.
    ///
    /// LUT4-equivalents are, for ECP5, LUT4 + 2·CCU2C + 6·TRELLIS_DPR16X4 (a carry cell takes two LUTs, a distributed RAM
    /// six). For iCE40 a LUT and a carry share a cell: SB_LUT4. For 7 series a LUT5 counts 2, a LUT6 4, and so do the LUTs
    /// that are RAM; what a CARRY4 adds is counted by the LUTs beside it.
    pub fn new(target: Target, cells: BTreeMap<String, u64>) -> Self {
        // Not a cell: it keeps the hierarchy's names.
        let cells: BTreeMap<String, u64> =
            cells.into_iter().filter(|(name, _)| !name.starts_with('$')).collect();
        let total = |weight: &dyn Fn(&str) -> u64| cells.iter().map(|(name, n)| n * weight(name)).sum();
        let is = |yes: bool| u64::from(yes);
        let (lut4_eq, ff, dsp, bram) = match target {
            Target::Ecp5 => (
                total(&|name| match name {
                    "LUT4" => 1,
                    "CCU2C" => 2,
                    "TRELLIS_DPR16X4" => 6,
                    _ => 0,
                }),
                total(&|name| is(name == "TRELLIS_FF")),
                total(&|name| is(matches!(name, "MULT18X18D" | "MULT9X9D"))),
                total(&|name| is(matches!(name, "DP16KD" | "PDPW16KD"))),
            ),
            Target::Ice40 => (
                total(&|name| is(name == "SB_LUT4")),
                total(&|name| is(name.starts_with("SB_DFF"))),
                total(&|name| is(name == "SB_MAC16")),
                total(&|name| is(name.starts_with("SB_RAM40_4K"))),
            ),
            Target::Xc7 => (
                total(&|name| match name {
                    "LUT1" | "LUT2" | "LUT3" | "LUT4" | "SRL16E" | "INV" => 1,
                    "LUT5" => 2,
                    "LUT6" | "SRLC32E" => 4,
                    "RAM32X1D" | "RAM64X1D" => 8,
                    "RAM32M" | "RAM64M" => 16,
                    "RAM128X1D" => 16,
                    _ => 0,
                }),
                total(&|name| is(matches!(name, "FDRE" | "FDSE" | "FDCE" | "FDPE"))),
                total(&|name| is(name == "DSP48E1")),
                total(&|name| is(matches!(name, "RAMB18E1" | "RAMB36E1"))),
            ),
        };
        Self { lut4_eq, ff, dsp, bram, cells }
    }

    /// Reads what `stat -json` wrote to `path`.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::ToolOutput`].
    pub(crate) fn read(target: Target, path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(Error::io(path))?;
        let found = |found: String| Error::ToolOutput {
            path: path.to_owned(),
            expected: "the cells of a design as JSON",
            found,
        };
        // The totals stand last. What stands before them is no JSON where Yosys 0.23 has kept a hierarchy.
        let (_, design) = text.rsplit_once("\"design\":").ok_or_else(|| found("no design".to_owned()))?;
        let mut values = serde_json::Deserializer::from_str(design).into_iter::<Counts>();
        match values.next() {
            Some(Ok(counts)) => Ok(Self::new(target, counts.num_cells_by_type)),
            Some(Err(e)) => Err(found(e.to_string())),
            None => Err(found("nothing".to_owned())),
        }
    }
}

#[derive(Deserialize)]
struct Counts {
    num_cells_by_type: BTreeMap<String, u64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn area(target: Target, text: &str) -> Result<Area> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("stat.json");
        std::fs::write(&path, text).unwrap();
        Area::read(target, &path)
    }

    /// In the format of Yosys 0.23.
    const OLD: &str = r#"{
   "creator": "Yosys 0.23 (git sha1 7ce5011c24b)",
   "invocation": "stat -json -top a ",
   "modules": { "\\a": { "num_wires": 9, "num_cells": 47, "num_cells_by_type": { "LUT4": 1 } } },
      "design": {
         "num_wires":         9,
         "num_processes":     0,
         "num_cells":         47,
         "num_cells_by_type": {
            "CCU2C": 3, "DP16KD": 2, "L6MUX21": 4, "LUT4": 20, "MULT18X18D": 5, "PFUMX": 7,
            "TRELLIS_DPR16X4": 1, "TRELLIS_FF": 11
         }
      }
}
"#;

    /// In the format of Yosys 0.70.
    const NEW: &str = r#"{
   "creator": "Yosys 0.70 (git sha1 28ba3cb92, Release)",
   "modules": { "\\a": { "num_ports": 4, "num_submodules": 0, "num_cells_by_type": { "SB_LUT4": 6 } } },
   "design": {
      "num_ports": 4, "num_port_bits": 12, "num_submodules": 0,
      "num_cells_by_type": {
         "$scopeinfo": 3, "SB_CARRY": 5, "SB_DFFER": 2, "SB_DFFSR": 4, "SB_LUT4": 6, "SB_MAC16": 1,
         "SB_RAM40_4K": 2, "SB_RAM40_4KNR": 1
      }
   }
}
"#;

    #[test]
    fn the_statistics_of_old_and_new_versions_are_read() {
        let old = area(Target::Ecp5, OLD).unwrap();
        assert_eq!((old.lut4_eq, old.ff, old.dsp, old.bram), (20 + 2 * 3 + 6, 11, 5, 2));
        assert_eq!(old.cells["PFUMX"], 7);
        let new = area(Target::Ice40, NEW).unwrap();
        assert_eq!((new.lut4_eq, new.ff, new.dsp, new.bram), (6, 6, 1, 3));
        assert!(!new.cells.contains_key("$scopeinfo"));
    }

    #[test]
    fn a_hierarchy_that_is_no_json_is_passed_over() {
        let hierarchy = "} },\n       $paramod\\b\\X=6'000000      1\n         c      2\n      \"design\"";
        let kept = area(Target::Ecp5, &OLD.replace("} },\n      \"design\"", hierarchy)).unwrap();
        assert_eq!(kept, area(Target::Ecp5, OLD).unwrap());
    }

    #[test]
    fn large_luts_count_as_several() {
        let cells = [("LUT3", 5), ("LUT5", 2), ("LUT6", 3), ("CARRY4", 9), ("FDRE", 4), ("RAMB18E1", 1)];
        let cells = cells.map(|(name, n)| (name.to_owned(), n)).into();
        let area = Area::new(Target::Xc7, cells);
        assert_eq!((area.lut4_eq, area.ff, area.dsp, area.bram), (5 + 4 + 12, 4, 0, 1));
    }

    #[test]
    fn anything_else_is_an_error_that_names_the_file() {
        let message = area(Target::Ecp5, "{\"modules\": {}}").unwrap_err().to_string();
        assert!(message.contains("stat.json: expected the cells of a design"), "{message}");
        for text in ["{\"design\":", "{\"design\": {}}", "{\"design\": 3}"] {
            assert!(area(Target::Ecp5, text).is_err());
        }
    }
}
