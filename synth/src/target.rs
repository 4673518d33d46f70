//! The devices, and the options with which the tools do best on them.

use std::fmt;

use crate::tool::ToolKind;

/// A device family with the one device that stands for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// Lattice LFE5U-85F, package CABGA756, speed grade 6.
    Ecp5,
    /// Lattice iCE40 UP5K, package SG48.
    Ice40,
    /// AMD 7 series; synthesis only, since no free tool of the Debian archive places and routes it.
    Xc7,
}

impl Target {
    /// All targets.
    pub const ALL: [Self; 3] = [Self::Ecp5, Self::Ice40, Self::Xc7];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ecp5 => "ecp5",
            Self::Ice40 => "ice40",
            Self::Xc7 => "xc7",
        }
    }

    /// The device, with package and speed grade where it has them.
    pub fn device(self) -> &'static str {
        match self {
            Self::Ecp5 => "LFE5U-85F-6CABGA756",
            Self::Ice40 => "iCE40UP5K-SG48",
            Self::Xc7 => "7 series",
        }
    }

    /// Yosys' synthesis command for the family. `-abc9` is the default of newer versions; in 0.23 it saves 11 % of the logic.
    pub(crate) fn synthesis(self) -> &'static str {
        match self {
            Self::Ecp5 => "synth_ecp5 -abc9",
            Self::Ice40 => "synth_ice40 -abc9 -device u -dsp",
            Self::Xc7 => "synth_xilinx -family xc7 -noiopad -noclkbuf",
        }
    }

    /// The place and route tool, if there is one, and its arguments for the device.
    pub(crate) fn place_and_route(self) -> Option<(ToolKind, &'static [&'static str])> {
        match self {
            Self::Ecp5 => Some((ToolKind::NextpnrEcp5, &["--85k", "--package", "CABGA756", "--speed", "6"])),
            Self::Ice40 => Some((ToolKind::NextpnrIce40, &["--up5k", "--package", "sg48"])),
            Self::Xc7 => None,
        }
    }

    /// The clock rate in MHz that is asked of place and route: above what units reach, so that it does not rest before. How far
    /// above does not matter: 120 and 200 MHz gave the same placement of a unit that reaches 112.
    pub(crate) fn frequency(self) -> u32 {
        match self {
            Self::Ecp5 => 200,
            Self::Ice40 => 50,
            Self::Xc7 => 300,
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
