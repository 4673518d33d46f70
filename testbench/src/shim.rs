//! The C++ around a model: the fixed shim, and the port table that is generated for each model.

use std::fmt::Write;

use crate::design::{Direction, Port};

/// The C interface of a model; the same for every model.
pub(crate) const SHIM: &str = include_str!("shim.cpp");
/// Included before everything when Verilator's run-time is compiled.
pub(crate) const HOOKS: &str = include_str!("hooks.h");
/// What the run-time's callbacks and the shim share.
pub(crate) const SIMULATION_HEADER: &str = include_str!("simulation.h");
/// The run-time's callbacks.
pub(crate) const SIMULATION: &str = include_str!("simulation.cpp");

/// Reads the ports from the header of the class that Verilator generated, for example `VL_INW(&data,127,0,4);`.
///
/// Verilator is the authority on names, widths and directions after parameters; a list kept beside the Verilog could
/// disagree with it silently. Returns the line that is not understood as an error.
pub(crate) fn parse_ports(header: &str) -> Result<Vec<Port>, String> {
    let mut ports = Vec::new();
    for line in header.lines().map(str::trim) {
        let Some((kind, arguments)) = line.strip_prefix("VL_").and_then(|rest| rest.split_once('(')) else {
            continue;
        };
        // `INOUT` begins with `IN` too.
        let direction = match kind.trim_end_matches(|c: char| c.is_ascii_digit() || c == 'W') {
            "IN" => Direction::Input,
            "OUT" => Direction::Output,
            "INOUT" => return Err(format!("bidirectional ports are not supported: {line}")),
            _ => continue,
        };
        let fields: Vec<&str> =
            arguments.split(',').map(|field| field.trim_matches(|c: char| " &();".contains(c))).collect();
        let bounds = fields.get(1).zip(fields.get(2)).and_then(|(high, low)| {
            Some((high.parse::<i64>().ok()?, low.parse::<i64>().ok()?)).filter(|(high, low)| high >= low)
        });
        let (Some(&name), Some((high, low))) = (fields.first(), bounds) else {
            return Err(format!("port not understood: {line}"));
        };
        if name.contains('[') || arguments.contains('[') {
            return Err(format!("unpacked array ports are not supported: {line}"));
        }
        let width = u32::try_from(high - low + 1).map_err(|_| format!("port not understood: {line}"))?;
        ports.push(Port { name: name.to_owned(), width, direction });
    }
    Ok(ports)
}

/// The generated header `ports.h`: the clock, and the ports as an X-macro.
pub(crate) fn ports_header(clock: &str, ports: &[Port]) -> String {
    let mut text = format!("#pragma once\n#define EMEURO_CLOCK {clock}\n#define EMEURO_PORTS(X)");
    for port in ports {
        let direction = direction_name(port.direction);
        // Writing to a String cannot fail.
        let _ = write!(text, " \\\n    X({}, {direction}, {})", port.name, port.width);
    }
    text.push('\n');
    text
}

/// Parses the list that the compiled shim returns: `name direction width` per line.
pub(crate) fn parse_port_list(text: &str) -> Option<Vec<Port>> {
    text.lines()
        .map(|line| {
            let mut fields = line.split(' ');
            let name = fields.next()?.to_owned();
            let direction = match fields.next()? {
                "input" => Direction::Input,
                "output" => Direction::Output,
                _ => return None,
            };
            Some(Port { name, width: fields.next()?.parse().ok()?, direction })
        })
        .collect()
}

/// `input` or `output`.
pub(crate) fn direction_name(direction: Direction) -> &'static str {
    match direction {
        Direction::Input => "input",
        Direction::Output => "output",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn port(name: &str, width: u32, direction: Direction) -> Port {
        Port { name: name.into(), width, direction }
    }

    #[test]
    fn ports_are_read_from_verilators_header() {
        let header = "
            // PORTS
            VL_IN8(&aclk,0,0);
            VL_OUT16(&m_axis_tdata,15,0);
            VL_IN(&word,31,0);
            VL_IN64(&pair,63,0);
            VL_OUTW((&wide),127,0,4);
            VL_ATTR_COLD void final();
            Vdut___024root* const rootp;";
        let ports = parse_ports(header).unwrap();
        assert_eq!(
            ports,
            [
                port("aclk", 1, Direction::Input),
                port("m_axis_tdata", 16, Direction::Output),
                port("word", 32, Direction::Input),
                port("pair", 64, Direction::Input),
                port("wide", 128, Direction::Output),
            ]
        );
    }

    #[test]
    fn ports_that_cannot_be_driven_are_refused() {
        for line in ["VL_INOUT8(&pad,0,0);", "VL_IN8(&x,0);", "VL_IN8((&x)[4],0,0);"] {
            assert!(parse_ports(line).is_err(), "{line}");
        }
    }

    #[test]
    fn the_generated_table_lists_every_port() {
        let ports = [port("aclk", 1, Direction::Input), port("q", 70, Direction::Output)];
        assert_eq!(
            ports_header("aclk", &ports),
            "#pragma once\n#define EMEURO_CLOCK aclk\n#define EMEURO_PORTS(X) \\\n    X(aclk, input, 1) \\\n    X(q, output, 70)\n"
        );
        assert_eq!(parse_port_list("aclk input 1\nq output 70\n").unwrap(), ports);
        assert_eq!(parse_port_list("aclk sideways 1\n"), None);
    }
}
