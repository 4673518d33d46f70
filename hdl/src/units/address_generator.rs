//! An address that walks through a nest of loops by adding one constant per step.
//!
//! `load` sets the address to `base`; `advance` adds the delta of the loop level that advances. There is no multiplier:
//! the compiler has folded strides and the way back to the beginning of inner loops into the deltas. Addresses wrap.
//!
//! ```text
//!              +-------------------+
//!    clock --->|                   |
//!     load --->|                   |
//!     base -/->| address_generator |-/--> address
//!  advance --->|                   |
//!    level -/->|                   |
//!  delta_* -/->|                   |
//!              +-------------------+
//! ```
//!
//! Timing: the address is a register; it changes one clock after `load` or `advance`.
//!
//! # Example
//!
//! Rows of three neighbouring words, ten words apart:
//!
//! ```
//! use emeuro_hdl::prelude::*;
//! use emeuro_hdl::units::address_generator::AddressGenerator;
//!
//! let mut walk = AddressGenerator::new(8, 2);
//! walk.connect_all();
//! walk.base.next = 100.into();
//! walk.delta[0].next = 1.into();
//! walk.delta[1].next = 8.into();
//! let mut clock = |load: bool, level: u64| {
//!     walk.load.next = load.into();
//!     walk.advance.next = true.into();
//!     walk.level.next = level.into();
//!     for clk in [false, true] {
//!         walk.clock.next = Clock { clk };
//!         assert!(simulate(&mut walk, 10));
//!     }
//!     walk.address.val().as_u64()
//! };
//! assert_eq!(clock(true, 0), 100);
//! assert_eq!([0, 0, 1, 0].map(|level| clock(false, level)), [101, 102, 110, 111]);
//! ```

use crate::prelude::*;

/// See the [module's documentation](self).
#[derive(LogicBlock)]
pub struct AddressGenerator {
    /// Name and documentation.
    pub info: ModuleInfo,
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Takes the base address.
    pub load: Wire<In>,
    /// Address of the first element.
    pub base: Wire<In>,
    /// Adds a delta.
    pub advance: Wire<In>,
    /// The loop level that advances, innermost 0; a level beyond the outermost counts as the outermost.
    pub level: Wire<In>,
    /// What to add, per level.
    pub delta: Vec<Wire<In>>,
    /// The address.
    pub address: Wire<Out>,
}

impl AddressGenerator {
    /// A generator of addresses of `width` bits over `levels` loops.
    pub fn new(width: u32, levels: usize) -> Self {
        let delta = (0..levels).map(|k| Wire::new(width, format!("Added when level {k} advances"))).collect();
        Self {
            info: ModuleInfo::new("address_generator", format!("walks through {levels} nested loops"))
                .latency("1 clock from `load` or `advance` to `address`.")
                .limits("addresses wrap at their width."),
            clock: Default::default(),
            load: Wire::new(1, "Takes the base address"),
            base: Wire::new(width, "Address of the first element"),
            advance: Wire::new(1, "Adds the delta of the level"),
            level: Wire::new(address_bits(levels + 1), "Loop level that advances, innermost 0"),
            delta,
            address: Wire::new(width, "The address"),
        }
    }

    fn following(&self) -> Value {
        if self.load.val().any() {
            self.base.val()
        } else if self.advance.val().any() {
            let level = self.level.val().index().min(self.delta.len() - 1);
            self.address.val() + self.delta[level].val()
        } else {
            self.address.val()
        }
    }
}

impl Logic for AddressGenerator {
    fn update(&mut self) {
        if self.clock.pos_edge() {
            self.address.next = self.following();
        }
    }

    fn connect(&mut self) {
        self.address.connect();
    }

    fn hdl(&self) -> Verilog {
        let (width, bits) = (self.address.width(), self.level.width());
        let last = self.delta.len() - 1;
        let cases: String = (0..last).map(|k| format!("        {bits}'d{k}: step = delta_{k};\n")).collect();
        Verilog::Custom(format!(
            "\
reg [{high}:0] step;

always @(*) begin
    case (level)
{cases}        default: step = delta_{last};
    endcase
end

always @(posedge clock) begin
    if (load) begin
        address <= base;
    end else if (advance) begin
        address <= address + step;
    end
end",
            high = width - 1
        ))
    }
}
