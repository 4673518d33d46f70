//! The ports of a module, as Yosys lists them (`write_json`).

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::error::{Error, Result};

/// A port of a module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Port {
    /// Its name.
    pub(crate) name: String,
    /// Its width in bits.
    pub(crate) width: usize,
    /// Whether it goes into the module; otherwise out of it.
    pub(crate) is_input: bool,
}

/// Reads the ports of the module `top` from the file that `write_json` wrote, in the order of their names.
///
/// # Errors
/// [`Error::Io`]; [`Error::ToolOutput`] if the module is not there; [`Error::Design`] for a port that goes both ways.
pub(crate) fn read(path: &Path, top: &str) -> Result<Vec<Port>> {
    let text = std::fs::read_to_string(path).map_err(Error::io(path))?;
    let other = |found: String| Error::ToolOutput {
        path: path.to_owned(),
        expected: "the ports of the top module as JSON",
        found,
    };
    let mut netlist: Netlist = serde_json::from_str(&text).map_err(|e| other(e.to_string()))?;
    let module = netlist.modules.remove(top).ok_or_else(|| other(format!("no module `{top}`")))?;
    let port = |(name, port): (String, PortEntry)| {
        let is_input = match port.direction.as_str() {
            "input" => true,
            "output" => false,
            _ => {
                let message = format!("port `{name}` goes both ways");
                return Err(Error::Design { top: top.to_owned(), message });
            }
        };
        Ok(Port { name, width: port.bits.len(), is_input })
    };
    module.ports.into_iter().map(port).collect()
}

#[derive(Deserialize)]
struct Netlist {
    modules: BTreeMap<String, Module>,
}

#[derive(Deserialize)]
struct Module {
    ports: BTreeMap<String, PortEntry>,
}

#[derive(Deserialize)]
struct PortEntry {
    direction: String,
    bits: Vec<IgnoredAny>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ports(direction: &str) -> Result<Vec<Port>> {
        let text = format!(
            r#"{{
  "creator": "Yosys 0.70 (git sha1 28ba3cb92, Release)",
  "modules": {{
    "a": {{
      "attributes": {{ "blackbox": "00000000000000000000000000000001" }},
      "ports": {{
        "q": {{ "direction": "output", "bits": [ 3, "0", 5 ] }},
        "aclk": {{ "direction": "{direction}", "bits": [ 2 ] }}
      }},
      "cells": {{ }},
      "netnames": {{ }}
    }}
  }}
}}"#
        );
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ports.json");
        std::fs::write(&path, text).unwrap();
        read(&path, "a")
    }

    #[test]
    fn directions_and_widths_are_read() {
        let expected = [("aclk", 1, true), ("q", 3, false)].map(|(name, width, is_input)| Port {
            name: name.into(),
            width,
            is_input,
        });
        assert_eq!(ports("input").unwrap(), expected);
    }

    #[test]
    fn a_port_that_goes_both_ways_is_refused() {
        assert!(ports("inout").unwrap_err().to_string().contains("`aclk` goes both ways"));
    }
}
