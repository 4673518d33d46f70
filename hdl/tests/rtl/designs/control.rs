//! Unsigned control in every form that `#[hdl_gen]` has: choices, cases, slices, reductions, constants, parameters.

use emeuro_hdl::prelude::*;

/// A register with enable, reset and a reset value that instances differ in.
#[derive(LogicBlock)]
pub(crate) struct Register {
    pub info: ModuleInfo,
    pub reset_value: NumberParameter,
    pub clock: Signal<In, Clock>,
    pub reset: Wire<In>,
    pub d: Wire<In>,
    pub q: Wire<Out>,
}

impl Register {
    pub(crate) fn new(width: u32, reset_value: u64) -> Self {
        Self {
            info: ModuleInfo::new("register", format!("{width} bits with reset")),
            reset_value: NumberParameter::new(width, reset_value, "Value after reset"),
            clock: Default::default(),
            reset: Wire::new(1, "Loads the reset value"),
            d: Wire::new(width, "Next value"),
            q: Wire::new(width, "Value"),
        }
    }
}

impl Logic for Register {
    fn update(&mut self) {
        if self.clock.pos_edge() {
            self.q.next = if self.reset.val().any() { self.reset_value.val() } else { self.d.val() };
        }
    }

    fn connect(&mut self) {
        self.q.connect();
    }

    fn hdl(&self) -> Verilog {
        let width = self.q.width();
        Verilog::Custom(format!(
            "initial q = {{{width}{{1'b0}}}};\nalways @(posedge clock) q <= reset ? RESET_VALUE : d;"
        ))
    }
}

#[derive(LogicBlock)]
pub(crate) struct Control {
    pub info: ModuleInfo,
    pub clock: Signal<In, Clock>,
    pub reset: Wire<In>,
    pub go: Wire<In>,
    pub a: Wire<In>,
    pub b: Wire<In>,
    pub word: Wire<In>,
    pub busy: Wire<Out>,
    pub count: Wire<Out>,
    pub chosen: Wire<Out>,
    pub wide: Wire<Out>,
    pub flags: Vec<Wire<Out>>,
    pub sum: Wire<Out>,
    pub masked: Wire<Out>,
    pub field: Wire<Out>,
    pub picked: Wire<Out>,
    pub shifted: Wire<Out>,
    pub option: Wire<Out>,
    state: Register,
    counter: Register,
    spare: Register,
    last: ConstantWire,
    field_offset: ConstantWire,
    has_option: ConstantWire,
    total: Wire<Local>,
    idle_now: Wire<Local>,
}

impl Control {
    pub(crate) fn new(has_option: bool) -> Self {
        Self {
            info: ModuleInfo::new("control", "counts while it runs"),
            clock: Default::default(),
            reset: Wire::new(1, "Synchronous reset"),
            go: Wire::new(1, "Starts"),
            a: Wire::new(8, "First operand"),
            b: Wire::new(8, "Second operand"),
            word: Wire::new(16, "A word with fields"),
            busy: Wire::new(1, "Runs"),
            count: Wire::new(4, "Steps so far"),
            chosen: Wire::new(8, "The larger operand while running"),
            wide: Wire::new(12, "Operand, extended"),
            flags: (0..7).map(|index| Wire::new(1, format!("Flag {index}"))).collect(),
            sum: Wire::new(8, "Sum, wrapped"),
            masked: Wire::new(8, "Operands, combined"),
            field: Wire::new(4, "A field of the word"),
            picked: Wire::new(1, "The bit of the word that the count picks"),
            shifted: Wire::new(8, "Operand, shifted"),
            option: Wire::new(8, "What the option makes"),
            state: Register::new(2, 0),
            counter: Register::new(4, 3),
            spare: Register::new(4, 0),
            last: ConstantWire::new(4, 11, "The last step"),
            field_offset: ConstantWire::new(4, 6, "Where the field begins"),
            has_option: ConstantWire::new(1, u64::from(has_option), "The option is built in"),
            total: Wire::new(8, "Both operands"),
            idle_now: Wire::new(1, "State 0"),
        }
    }
}

impl Logic for Control {
    #[hdl_gen]
    fn update(&mut self) {
        self.state.clock.next = self.clock.val();
        self.state.reset.next = self.reset.val();
        self.counter.clock.next = self.clock.val();
        self.counter.reset.next = self.reset.val();
        self.spare.clock.next = self.clock.val();
        self.spare.reset.next = false.into();
        self.spare.d.next = self.word.val().get_bits::<4>(12);

        // A state machine: three states, the fourth never happens.
        self.state.d.next = self.state.q.val();
        self.counter.d.next = self.counter.q.val();
        match self.state.q.val().index() {
            0 => {
                if self.go.val().any() {
                    self.state.d.next = 1.into();
                }
            }
            1 => {
                self.counter.d.next = self.counter.q.val() + 1;
                if self.counter.q.val() == self.last.val() {
                    self.state.d.next = 2.into();
                } else if !self.go.val().any() {
                    self.state.d.next = 0.into();
                }
            }
            _ => {
                self.counter.d.next = 0.into();
                self.state.d.next = 0.into();
            }
        }
        self.count.next = self.counter.q.val();
        self.idle_now.next = (self.state.q.val() == 0).into();
        comment!("Busy is not idle.");
        self.busy.next = !self.idle_now.val();

        if self.a.val() > self.b.val() {
            self.chosen.next = self.a.val();
        } else if self.idle_now.val().any() {
            self.chosen.next = 0xff.into();
        } else {
            self.chosen.next = self.b.val();
        }
        self.wide.next = bits_of(self.a.val(), 12);
        if self.go.val().any() & (self.a.val() >= 0x80) {
            self.wide.next = bits_of(self.a.val() + 1, 12) << 2;
        }

        // Precedence and wrapping.
        self.flags[0].next = ((self.a.val() & self.b.val()) == self.b.val()).into();
        self.flags[1].next = ((self.a.val() + 1) == self.b.val()).into();
        self.flags[2].next = (self.a.val().all() || self.b.val().xor()).into();
        self.flags[3].next = (self.a.val().any() && !self.b.val().any()).into();
        self.flags[4].next = (self.a.val().get_bit(7) ^ self.go.val().any()).into();
        self.flags[5].next = ((self.a.val() - self.b.val() < 16) ^ (self.b.val() != 3)).into();
        self.flags[6].next = ((self.a.val() + self.b.val()).any() & (self.a.val() <= self.b.val())).into();
        self.total.next = self.a.val() + self.b.val();
        self.sum.next = -(self.total.val() + 3);
        self.masked.next = (!self.a.val() | (self.b.val() ^ 0x55)) & (self.a.val() - 1);
        self.field.next = bits_of(self.word.val() >> self.field_offset.val(), 4);
        self.picked.next = self.word.val().get_bit(self.count.val().index()).into();
        self.shifted.next = (self.a.val() << self.state.q.val()) ^ (self.b.val() >> 3);
        if self.has_option.val().any() {
            self.option.next = self.a.val();
        } else {
            self.option.next = 0.into();
        }
    }
}
