//! A module around a design that needs three pins, however wide the design's ports are.
//!
//! ```text
//!         +------------------------------------------------------------+
//! in ---->|-> shift register -> inputs [ design ] outputs -> registers |
//!         |                                                  |  |  |   |
//!         |                                  0 -> ^ -> ^ -> ^ -> ... --|--> out
//!         +------------------------------------------------------------+
//! ```
//!
//! A register stands at every input and at every output of the design, and one behind every exclusive or: no path of the wrapper
//! is longer than one LUT, and nothing of the design can be optimised away.

use crate::ports::Port;

/// Name of the wrapper's module.
pub(crate) const TOP: &str = "synthesis_wrapper";

/// Verilog of the wrapper; `ports` are the design's without its clock.
pub(crate) fn verilog(top: &str, clock: &str, ports: &[Port]) -> String {
    let mut widths = [0, 0];
    let mut connections = format!("        .{clock}(clock)");
    for port in ports {
        let (vector, width) =
            if port.is_input { ("inputs", &mut widths[0]) } else { ("outputs", &mut widths[1]) };
        connections += &format!(",\n        .{}({vector}[{} +: {}])", port.name, *width, port.width);
        *width += port.width;
    }
    // At least one bit each, so that a design without outputs is Verilog too.
    let [inputs, outputs] = widths.map(|width| width.max(1) - 1);
    format!(
        "`default_nettype none

module {TOP} (
    input  wire clock,
    input  wire in,
    output wire out
);

    reg  [{inputs}:0] inputs;
    wire [{outputs}:0] outputs;
    reg  [{outputs}:0] captured;
    reg  [{outputs}:0] folded;

    always @(posedge clock) begin
        inputs <= {{inputs, in}};
        captured <= outputs;
        folded <= captured ^ {{folded, 1'b0}};
    end

    assign out = folded[{outputs}];

    {top} unit (
{connections}
    );

endmodule

`default_nettype wire
"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bit_of_every_port_has_its_own_register() {
        let port = |name: &str, width, is_input| Port { name: name.into(), width, is_input };
        let ports = [port("a", 3, true), port("x", 16, false), port("b", 1, true), port("y", 2, false)];
        let text = verilog("adder", "aclk", &ports);
        for part in [
            "reg  [3:0] inputs;",
            "wire [17:0] outputs;",
            ".aclk(clock)",
            ".a(inputs[0 +: 3])",
            ".b(inputs[3 +: 1])",
            ".x(outputs[0 +: 16])",
            ".y(outputs[16 +: 2])",
            "assign out = folded[17];",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }
}
