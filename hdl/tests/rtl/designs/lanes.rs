//! A chain of lanes: vectors, indices, shared modules, parameters that are handed down.

use emeuro_hdl::prelude::*;
use emeuro_hdl::units::{MemoryStyle, Rom};

/// Adds weight times x to its sum; shifts the sums of the chain on.
#[derive(LogicBlock)]
pub(crate) struct Accumulate {
    pub info: ModuleInfo,
    pub clock: Signal<In, Clock>,
    pub reset: Wire<In>,
    pub shift: Wire<In>,
    pub weight: Wire<In>,
    pub x: Wire<In>,
    pub chain: Wire<In>,
    pub sum: Wire<Out>,
    product: Wire<Local>,
}

impl Accumulate {
    pub(crate) fn new() -> Self {
        Self {
            info: ModuleInfo::new("accumulate", "one multiply-accumulate unit").latency("1 cycle."),
            clock: Default::default(),
            reset: Wire::new(1, "Clears the sum"),
            shift: Wire::new(1, "Takes the sum of the neighbour"),
            weight: Wire::new(8, "Weight").signed(),
            x: Wire::new(8, "Activation").signed(),
            chain: Wire::new(20, "Sum of the neighbour").signed(),
            sum: Wire::new(20, "Sum").signed(),
            product: Wire::new(16, "Weight times activation").signed(),
        }
    }
}

impl Logic for Accumulate {
    fn update(&mut self) {
        if self.clock.pos_edge() {
            let product = self.weight.val().as_i64() * self.x.val().as_i64();
            self.sum.next = if self.reset.val().any() {
                0.into()
            } else if self.shift.val().any() {
                self.chain.val()
            } else {
                Value::signed(self.sum.val().as_i64() + product)
            };
        }
    }

    fn connect(&mut self) {
        self.sum.connect();
        self.product.connect();
    }

    fn hdl(&self) -> Verilog {
        Verilog::Custom(
            "\
assign product = weight * x;

always @(posedge clock) begin
    if (reset)      sum <= 20'sd0;
    else if (shift) sum <= chain;
    else            sum <= sum + {{4{product[15]}}, product};
end"
            .into(),
        )
    }
}

#[derive(LogicBlock)]
pub(crate) struct Lane {
    pub info: ModuleInfo,
    pub weight_file: TextParameter,
    pub clock: Signal<In, Clock>,
    pub reset: Wire<In>,
    pub address: Wire<In>,
    pub shift: Wire<In>,
    pub x: Wire<In>,
    pub chain: Wire<In>,
    pub sum: Wire<Out>,
    pub weights: Rom,
    unit: Accumulate,
}

impl Lane {
    pub(crate) fn new(weights: Vec<u64>, file: String) -> Self {
        let weights = Rom::new(8, weights, MemoryStyle::Block, file.clone());
        Self {
            info: ModuleInfo::new("lane", "weights and a multiply-accumulate unit")
                .prose(
                    "The weight arrives one cycle after its address, so the activation has to be one cycle late, too; \
                     this sentence is long enough to be wrapped.",
                )
                .latency("2 cycles from `address` to `sum`."),
            weight_file: TextParameter::new(file, "Hex file with the weights"),
            clock: Default::default(),
            reset: Wire::new(1, "Clears the sum"),
            address: Wire::new(weights.address.width(), "Address of the weight"),
            shift: Wire::new(1, "Takes the sum of the neighbour"),
            x: Wire::new(8, "Activation").signed(),
            chain: Wire::new(20, "Sum of the neighbour").signed(),
            sum: Wire::new(20, "Sum").signed(),
            weights,
            unit: Accumulate::new(),
        }
    }
}

impl Logic for Lane {
    #[hdl_gen]
    fn update(&mut self) {
        self.weights.clock.next = self.clock.val();
        self.unit.clock.next = self.clock.val();
        self.weights.init_file.next = self.weight_file.val();
        self.weights.address.next = self.address.val();
        self.unit.reset.next = self.reset.val();
        self.unit.shift.next = self.shift.val();
        self.unit.x.next = self.x.val();
        self.unit.weight.next = self.weights.data.val();
        self.unit.chain.next = self.chain.val();
        self.sum.next = self.unit.sum.val();
    }
}

#[derive(LogicBlock)]
pub(crate) struct Lanes {
    pub info: ModuleInfo,
    pub clock: Signal<In, Clock>,
    pub reset: Wire<In>,
    pub address: Wire<In>,
    pub shift: Wire<In>,
    pub x: Vec<Wire<In>>,
    pub last: Wire<Out>,
    pub top_bits: Wire<Out>,
    pub lanes: Vec<Lane>,
    sum: Wire<Local>,
}

impl Lanes {
    pub(crate) fn new(lanes: usize) -> Self {
        let weight = |lane: usize, index: usize| ((lane * 57 + index * 31) % 256) as u64;
        let lane = |lane| {
            Lane::new((0..6).map(|index| weight(lane, index)).collect(), format!("weights_{lane}.hex"))
        };
        Self {
            info: ModuleInfo::new("lanes", "a chain of lanes"),
            clock: Default::default(),
            reset: Wire::new(1, "Clears the sums"),
            address: Wire::new(3, "Address of the weights"),
            shift: Wire::new(1, "Shifts the sums by one lane"),
            x: (0..lanes).map(|lane| Wire::new(8, format!("Activation of lane {lane}")).signed()).collect(),
            last: Wire::new(20, "Sum of the last lane").signed(),
            top_bits: Wire::new(4, "Top bits of the first sum"),
            lanes: (0..lanes).map(lane).collect(),
            sum: Wire::new(20, "Sum of the first lane").signed(),
        }
    }
}

impl Logic for Lanes {
    #[hdl_gen]
    fn update(&mut self) {
        for i in 0..self.lanes.len() {
            self.lanes[i].clock.next = self.clock.val();
            self.lanes[i].reset.next = self.reset.val();
            self.lanes[i].address.next = self.address.val();
            self.lanes[i].shift.next = self.shift.val();
            self.lanes[i].x.next = self.x[i].val();
        }
        self.lanes[0].chain.next = 0.into();
        for i in 0..(self.lanes.len() - 1) {
            self.lanes[i + 1].chain.next = self.lanes[i].sum.val();
        }
        self.sum.next = self.lanes[0].sum.val();
        self.top_bits.next = self.sum.val().get_bits::<4>(16);
        self.last.next = self.lanes[self.lanes.len() - 1].sum.val();
    }
}
