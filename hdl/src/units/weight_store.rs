//! Distributes words from the control port to the weight memories of the lanes and to the bias memories of the slots.
//!
//! `select` is the number of a lane, or that of a slot after the last lane; of any other number, nothing is written.
//!
//! ```text
//!                  +--------------+
//!  clock, resetn ->|              |--> lane_*      one write enable per lane
//!          store ->|              |--> biases_*    one write enable per slot
//!  select -----/-->| weight_store |--> weight_address, weight
//!  address ----/-->|              |--> bias_address, bias
//!  data -------/-->|              |
//!                  +--------------+
//! ```
//!
//! Timing: one clock. Nothing is written before the first reset, so that power-up leaves the memories alone.

use crate::prelude::*;

/// See the [module's documentation](self).
#[derive(LogicBlock)]
pub struct WeightStore {
    /// Name and documentation.
    pub info: ModuleInfo,
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset, active low.
    pub resetn: Wire<In>,
    /// Stores a word.
    pub store: Wire<In>,
    /// Number of the memory.
    pub select: Wire<In>,
    /// Where to.
    pub address: Wire<In>,
    /// The word.
    pub data: Wire<In>,
    /// Write enable of every lane.
    pub lane: Vec<Wire<Out>>,
    /// Write enable of every slot's biases.
    pub biases: Vec<Wire<Out>>,
    /// Address in a lane.
    pub weight_address: Wire<Out>,
    /// The weight.
    pub weight: Wire<Out>,
    /// Address in a bias memory.
    pub bias_address: Wire<Out>,
    /// The bias.
    pub bias: Wire<Out>,
    _state: State,
}

#[derive(Clone, Copy, Debug, Default)]
struct State {
    stores: bool,
    select: usize,
    address: u64,
    data: u64,
}

/// The widths around the writable memories.
#[derive(Clone, Copy, Debug)]
pub struct StoreShape {
    /// Number of lanes.
    pub lanes: usize,
    /// Number of slots.
    pub slots: usize,
    /// Bits of the number of a memory.
    pub select: u32,
    /// Bits of an address that comes in, at least those of either memory.
    pub address: u32,
    /// Bits of a word that comes in, at least those of either memory.
    pub data: u32,
    /// Bits of an address of a weight memory.
    pub weight_address: u32,
    /// Bits of a weight.
    pub weight: u32,
    /// Bits of an address of the bias memory.
    pub bias_address: u32,
    /// Bits of a bias.
    pub bias: u32,
}

impl WeightStore {
    /// A distributor of the given widths.
    pub fn new(shape: StoreShape) -> Self {
        Self {
            info: ModuleInfo::new("weight_store", "distributes words to the weight and bias memories")
                .latency("1 clock."),
            clock: Default::default(),
            resetn: Wire::new(1, "Synchronous reset, active low"),
            store: Wire::new(1, "Stores a word"),
            select: Wire::new(shape.select, "Number of a lane, or of a slot after the last lane"),
            address: Wire::new(shape.address, "Where to"),
            data: Wire::new(shape.data, "The word"),
            lane: (0..shape.lanes).map(|i| Wire::new(1, format!("Writes a weight of lane {i}"))).collect(),
            biases: (0..shape.slots).map(|i| Wire::new(1, format!("Writes a bias of slot {i}"))).collect(),
            weight_address: Wire::new(shape.weight_address, "Where to"),
            weight: Wire::new(shape.weight, "The weight").signed(),
            bias_address: Wire::new(shape.bias_address, "Where to"),
            bias: Wire::new(shape.bias, "The bias").signed(),
            _state: State::default(),
        }
    }
}

impl Logic for WeightStore {
    fn update(&mut self) {
        if self.clock.pos_edge() {
            self._state = State {
                stores: self.resetn.val().any() && self.store.val().any(),
                select: self.select.val().index(),
                address: self.address.val().as_u64(),
                data: self.data.val().as_u64(),
            };
        }
        let State { stores, select, address, data } = self._state;
        for (lane, enable) in self.lane.iter_mut().enumerate() {
            enable.next = (stores && select == lane).into();
        }
        for (slot, enable) in self.biases.iter_mut().enumerate() {
            enable.next = (stores && select == self.lane.len() + slot).into();
        }
        self.weight_address.next = Value::from(address);
        self.bias_address.next = Value::from(address);
        self.weight.next = Value::from(data);
        self.bias.next = Value::from(data);
    }

    fn connect(&mut self) {
        self.lane.iter_mut().for_each(|wire| wire.connect());
        self.biases.iter_mut().for_each(|wire| wire.connect());
        self.weight_address.connect();
        self.weight.connect();
        self.bias_address.connect();
        self.bias.connect();
    }

    fn hdl(&self) -> Verilog {
        let (select, address, data) = (self.select.width(), self.address.width(), self.data.width());
        let lanes = (0..self.lane.len()).map(|i| format!("lane_{i}"));
        let names = lanes.chain((0..self.biases.len()).map(|i| format!("biases_{i}")));
        let memories = self.lane.len() + self.biases.len();
        let (mut enables, mut selects) = (String::new(), String::new());
        for (number, name) in names.enumerate() {
            enables += &format!("assign {name:14} = stores && selected[{number}];\n");
            let place = format!("{number}]");
            selects += &format!("    selected[{place:13} <= select == {select}'d{number};\n");
        }
        // What no memory has bits for.
        let used = |a: u32, b: u32| a.max(b);
        let mut unused = String::new();
        for (name, width, used) in [
            ("store_address", address, used(self.weight_address.width(), self.bias_address.width())),
            ("store_data", data, used(self.weight.width(), self.bias.width())),
        ] {
            if width > used {
                unused += &format!("wire unused_{name} = &{{1'b0, {name}[{}:{used}]}};\n", width - 1);
            }
        }
        let low = |wire: &Wire<Out>, all: u32| match wire.width() {
            width if width == all => String::new(),
            width => format!("[{}:0]", width - 1),
        };
        Verilog::Custom(format!(
            "\
reg stores;
reg [{}:0] selected;
reg [{}:0] store_address;
reg [{}:0] store_data;
{unused}
{enables}assign weight_address = store_address{};
assign bias_address   = store_address{};
assign weight         = store_data{};
assign bias           = store_data{};

// Before the first clock nothing may be written.
initial begin
    stores = 1'b0;
end

always @(posedge clock) begin
    stores                 <= resetn && store;
    store_address          <= address;
    store_data             <= data;
{selects}end",
            memories - 1,
            address - 1,
            data - 1,
            low(&self.weight_address, address),
            low(&self.bias_address, address),
            low(&self.weight, data),
            low(&self.bias, data),
        ))
    }
}
