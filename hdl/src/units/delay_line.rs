//! Delays a signal by a fixed number of clocks.
//!
//! A bit that starts something must not be random after power-up, so lines of one bit are cleared by reset; wider lines
//! carry data that such a bit makes valid, and are not.
//!
//! ```text
//!            +------------+
//!  clock --->|            |
//! resetn --->| delay_line |-/--> q
//!      d -/->|            |
//!            +------------+
//! ```
//!
//! Timing: `q` is `d` of so many clocks before.

use std::collections::VecDeque;

use crate::prelude::*;

/// See the [module's documentation](self). For one bit.
#[derive(LogicBlock)]
pub struct FlagDelay {
    /// Name and documentation.
    pub info: ModuleInfo,
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset, active low.
    pub resetn: Wire<In>,
    /// The flag.
    pub d: Wire<In>,
    /// The flag, later.
    pub q: Wire<Out>,
    _stages: VecDeque<Value>,
}

impl FlagDelay {
    /// A delay of `clocks`, at least 1.
    pub fn new(clocks: u32) -> Self {
        Self {
            info: ModuleInfo::new("flag_delay", format!("a flag, {clocks} clocks later"))
                .latency(format!("{clocks} clocks.")),
            clock: Default::default(),
            resetn: Wire::new(1, "Synchronous reset, active low"),
            d: Wire::new(1, "The flag"),
            q: Wire::new(1, "The flag, later"),
            _stages: vec![Value::new(1, 0); clocks as usize].into(),
        }
    }
}

impl Logic for FlagDelay {
    fn update(&mut self) {
        if self.clock.pos_edge() {
            if self.resetn.val().any() {
                self._stages.push_front(self.d.val());
                self._stages.pop_back();
            } else {
                self._stages.iter_mut().for_each(|stage| *stage = Value::new(1, 0));
            }
            self.q.next = *self._stages.back().expect("a delay has stages");
        }
    }

    fn connect(&mut self) {
        self.q.connect();
    }

    fn hdl(&self) -> Verilog {
        Verilog::Custom(match self._stages.len() {
            1 => "always @(posedge clock) begin\n    q <= resetn & d;\nend".to_owned(),
            n => format!(
                "\
reg [{high}:0] stages;

always @(posedge clock) begin
    if (!resetn) begin
        {{q, stages}} <= {n}'d0;
    end else begin
        {{q, stages}} <= {{stages, d}};
    end
end",
                high = n - 2
            ),
        })
    }
}

/// See the [module's documentation](self). For a word.
#[derive(LogicBlock)]
pub struct WordDelay {
    /// Name and documentation.
    pub info: ModuleInfo,
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// The word.
    pub d: Wire<In>,
    /// The word, later.
    pub q: Wire<Out>,
    _stages: VecDeque<Value>,
}

impl WordDelay {
    /// A delay of `clocks`, at least 1, for `width` bits.
    pub fn new(width: u32, clocks: u32) -> Self {
        Self {
            info: ModuleInfo::new("word_delay", format!("{width} bits, {clocks} clocks later"))
                .latency(format!("{clocks} clocks.")),
            clock: Default::default(),
            d: Wire::new(width, "The word"),
            q: Wire::new(width, "The word, later"),
            _stages: vec![Value::new(width, 0); clocks as usize].into(),
        }
    }
}

impl Logic for WordDelay {
    fn update(&mut self) {
        if self.clock.pos_edge() {
            self._stages.push_front(self.d.val());
            self._stages.pop_back();
            self.q.next = *self._stages.back().expect("a delay has stages");
        }
    }

    fn connect(&mut self) {
        self.q.connect();
    }

    fn hdl(&self) -> Verilog {
        let high = self.d.width() - 1;
        let stages = self._stages.len() - 1;
        let declarations: String = (0..stages).map(|i| format!("reg [{high}:0] stage_{i};\n")).collect();
        let name = |i: usize| if i == stages { "q".to_owned() } else { format!("stage_{i}") };
        let shifts: String = (0..=stages)
            .map(|i| {
                let from = if i == 0 { "d".to_owned() } else { name(i - 1) };
                format!("    {} <= {from};\n", name(i))
            })
            .collect();
        Verilog::Custom(format!("{declarations}\nalways @(posedge clock) begin\n{shifts}end"))
    }
}
