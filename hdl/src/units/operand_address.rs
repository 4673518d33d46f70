//! A lane's own operand address: the common address plus the lane's offset.
//!
//! Lanes share one address generator. Which word a lane reads differs by a constant that depends on the layer: its
//! place in the group that reduces one result, and its result of the tile. These constants are the parameters
//! `OFFSET_k`; `pattern` selects one of them.
//!
//! ```text
//!              +-----------------+
//!   common -/->| operand_address |-/--> address
//!  pattern -/->|                 |
//!              +-----------------+
//! ```
//!
//! Timing: none; the memory registers the address.

use crate::prelude::*;

/// See the [module's documentation](self).
#[derive(LogicBlock)]
pub struct OperandAddress {
    /// Name and documentation.
    pub info: ModuleInfo,
    /// Offset per pattern.
    pub offset: Vec<NumberParameter>,
    /// Address of lane 0 in this step.
    pub common: Wire<In>,
    /// Selects the offset.
    pub pattern: Wire<In>,
    /// Address of this lane.
    pub address: Wire<Out>,
}

impl OperandAddress {
    /// Addresses of `width` bits with the given `offsets`, at least one.
    pub fn new(width: u32, offsets: &[u64]) -> Self {
        Self {
            info: ModuleInfo::new("operand_address", "the common address plus the lane's offset")
                .latency("none.")
                .limits("addresses wrap at their width."),
            offset: offset_parameters(width, offsets),
            common: Wire::new(width, "Address of the first lane"),
            pattern: Wire::new(address_bits(offsets.len()), "Selects the offset"),
            address: Wire::new(width, "Address of this lane"),
        }
    }
}

/// One parameter per offset.
pub(crate) fn offset_parameters(width: u32, offsets: &[u64]) -> Vec<NumberParameter> {
    let parameter = |(k, &offset)| NumberParameter::new(width, offset, format!("Offset of pattern {k}"));
    offsets.iter().enumerate().map(parameter).collect()
}

impl Logic for OperandAddress {
    fn update(&mut self) {
        let pattern = self.pattern.val().index().min(self.offset.len() - 1);
        self.address.next = self.common.val() + self.offset[pattern].val();
    }

    fn connect(&mut self) {
        self.address.connect();
    }

    fn hdl(&self) -> Verilog {
        let (high, bits) = (self.address.width() - 1, self.pattern.width());
        let last = self.offset.len() - 1;
        let cases: String =
            (0..last).map(|k| format!("        {bits}'d{k}: offset = OFFSET_{k};\n")).collect();
        // With one pattern the selector is still looked at, so that no port hangs in the air.
        let cases = if last == 0 { format!("        {bits}'d0: offset = OFFSET_0;\n") } else { cases };
        Verilog::Custom(format!(
            "\
reg [{high}:0] offset;

always @(*) begin
    case (pattern)
{cases}        default: offset = OFFSET_{last};
    endcase
end

assign address = common + offset;"
        ))
    }
}
