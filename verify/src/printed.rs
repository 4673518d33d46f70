//! A unit as the printer prints it, with the hex files of its ROMs.

use emeuro_hdl::prelude::*;

use crate::edit::Edit;
use crate::error::{Error, Result};

/// A printed unit.
#[derive(Debug, Clone)]
pub(crate) struct Printed {
    /// Verilog files: names and texts.
    pub verilog: Vec<(String, String)>,
    /// Hex files: names and texts.
    pub hex: Vec<(String, String)>,
}

impl Printed {
    /// Prints `unit` as module `top`; its parts get the prefix `part`.
    ///
    /// # Errors
    /// [`Error::Unit`] if the printer refuses it.
    pub(crate) fn new(unit: &mut impl Block, top: &str, hex: Vec<(String, String)>) -> Result<Self> {
        unit.connect_all();
        let files = emeuro_hdl::print(unit, top, "part", "").map_err(Error::unit)?;
        let verilog = files.into_iter().map(|file| (file.name, file.text)).collect();
        Ok(Self { verilog, hex })
    }

    /// The same design with a change.
    ///
    /// # Errors
    /// [`Error::Edit`].
    pub(crate) fn with(mut self, edit: &Edit) -> Result<Self> {
        edit.apply(&mut self.verilog)?;
        Ok(self)
    }

    /// All files.
    pub(crate) fn files(&self) -> impl Iterator<Item = &(String, String)> {
        self.verilog.iter().chain(&self.hex)
    }
}
