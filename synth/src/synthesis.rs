//! The whole way from Verilog to area and clock rate.

use std::path::Path;

use crate::area::Area;
use crate::design::Design;
use crate::error::{Error, Result};
use crate::target::Target;
use crate::timing::Timing;
use crate::tool::{Tool, ToolKind};
use crate::{nextpnr, yosys};

/// The tools for one target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Toolchain {
    target: Target,
    yosys: Tool,
    nextpnr: Option<(Tool, &'static [&'static str])>,
}

impl Toolchain {
    /// Finds the tools that `target` needs.
    ///
    /// # Errors
    /// [`Error::ToolNotFound`] for the first that is missing.
    pub fn find(target: Target) -> Result<Self> {
        let tools = Self::find_yosys(target)?;
        let nextpnr = match target.place_and_route() {
            Some((kind, device)) => Some((Tool::find(kind)?, device)),
            None => None,
        };
        Ok(Self { nextpnr, ..tools })
    }

    /// The same without place and route: areas, but no clock rates.
    ///
    /// # Errors
    /// [`Error::ToolNotFound`] if Yosys is missing.
    pub fn find_yosys(target: Target) -> Result<Self> {
        Ok(Self { target, yosys: Tool::find(ToolKind::Yosys)?, nextpnr: None })
    }

    /// The target.
    pub fn target(&self) -> Target {
        self.target
    }

    /// The tools with their versions, in the order in which they run.
    pub fn tools(&self) -> impl Iterator<Item = &Tool> {
        std::iter::once(&self.yosys).chain(self.nextpnr.iter().map(|(tool, _)| tool))
    }
}

/// What place and route shall try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The first seed.
    pub seed: u32,
    /// How many seeds, at least 1: `seed`, `seed + 1`, …
    pub seeds: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self { seed: 1, seeds: 1 }
    }
}

/// Area and clock rate of a design.
#[derive(Debug, Clone, PartialEq)]
pub struct Synthesis {
    /// The cells of the design alone.
    pub area: Area,
    /// What place and route of the wrapped design came to.
    pub placement: Placement,
}

/// What place and route came to.
#[derive(Debug, Clone, PartialEq)]
pub enum Placement {
    /// There is no such tool for the target, or it was not asked for.
    None,
    /// The design does not fit the device, or cannot be routed; nextpnr's own words.
    Failed(String),
    /// One run per seed, at least one.
    Placed(Vec<Run>),
}

/// A run of place and route.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// Its seed.
    pub seed: u32,
    /// What it reached.
    pub timing: Timing,
}

impl Placement {
    /// The fastest run.
    pub fn best(&self) -> Option<&Run> {
        self.runs().iter().max_by(|a, b| a.timing.fmax_mhz.total_cmp(&b.timing.fmax_mhz))
    }

    /// The median clock rate in MHz; of an even number of runs, the lower one of the two in the middle.
    pub fn median_mhz(&self) -> Option<f64> {
        let mut rates: Vec<f64> = self.runs().iter().map(|run| run.timing.fmax_mhz).collect();
        rates.sort_by(f64::total_cmp);
        rates.get(rates.len().saturating_sub(1) / 2).copied()
    }

    /// All runs, in the order of their seeds.
    pub fn runs(&self) -> &[Run] {
        match self {
            Self::Placed(runs) => runs,
            Self::None | Self::Failed(_) => &[],
        }
    }
}

/// Synthesises `design` in `folder`, which must exist and keeps all files of the tools. `progress` is told what happens next.
///
/// # Errors
/// [`Error::Design`], [`Error::Io`], [`Error::ToolFailed`] if Yosys refuses the design, [`Error::ToolOutput`]. A failure of place
/// and route is no error: the area is known all the same.
pub fn synthesise(
    tools: &Toolchain,
    design: &Design,
    options: &Options,
    folder: &Path,
    progress: &mut dyn FnMut(&str),
) -> Result<Synthesis> {
    design.write(folder)?;
    progress("synthesis");
    let area = yosys::map(&tools.yosys, tools.target, design, folder)?;
    let Some((nextpnr, device)) = &tools.nextpnr else {
        return Ok(Synthesis { area, placement: Placement::None });
    };
    yosys::wrap(&tools.yosys, tools.target, design, folder)?;
    let mut runs = vec![];
    for seed in (options.seed..).take(options.seeds.max(1) as usize) {
        progress(&format!("place and route, seed {seed}"));
        match nextpnr::place_and_route(nextpnr, tools.target, device, seed, &design.top, folder) {
            Ok(timing) => runs.push(Run { seed, timing }),
            Err(Error::ToolFailed { message, .. }) => {
                return Ok(Synthesis { area, placement: Placement::Failed(message) });
            }
            Err(other) => return Err(other),
        }
    }
    Ok(Synthesis { area, placement: Placement::Placed(runs) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn best_and_median_of_several_runs() {
        let run = |(seed, fmax_mhz): (u32, f64)| Run {
            seed,
            timing: Timing { fmax_mhz, critical_path: None, device: Default::default() },
        };
        let placed = |rates: &[(u32, f64)]| Placement::Placed(rates.iter().copied().map(run).collect());
        let odd = placed(&[(1, 90.0), (2, 120.0), (3, 100.0)]);
        assert_eq!((odd.best().unwrap().seed, odd.median_mhz()), (2, Some(100.0)));
        assert_eq!(placed(&[(1, 90.0), (2, 120.0)]).median_mhz(), Some(90.0));
        assert_eq!((Placement::None.best(), Placement::None.median_mhz()), (None, None));
    }
}
