//! Nested loop counters: tell which loop of a nest advances next.
//!
//! `level` is the loop that advances in this clock if `advance` is set: 0 as long as the innermost loop runs, k when
//! the k innermost loops end together, and the number of loops when the whole nest ends. The counters then start again.
//! On request, the innermost loop has another number of iterations in the last iteration of the loop around it.
//!
//! ```text
//!             +---------------+
//!   clock --->|               |
//!  resetn --->| loop_counters |-/--> level
//! advance --->|               |
//! limit_* -/->|               |
//!             +---------------+
//! ```
//!
//! Timing: `level` belongs to the clock of the counters. Limits must be there one clock before a nest begins: whether a
//! loop is in its last iteration is a register, so that addresses that follow from `level` have the whole clock.
//!
//! # Example
//!
//! Three iterations inside two:
//!
//! ```
//! use emeuro_hdl::prelude::*;
//! use emeuro_hdl::units::loop_counters::LoopCounters;
//!
//! let mut loops = LoopCounters::new(&[2, 1]);
//! loops.connect_all();
//! loops.limit[0].next = 2.into();
//! loops.limit[1].next = 1.into();
//! loops.advance.next = true.into();
//! let levels: Vec<u64> = (0..8)
//!     .map(|clock| {
//!         loops.resetn.next = (clock > 0).into();
//!         for clk in [false, true] {
//!             loops.clock.next = Clock { clk };
//!             assert!(simulate(&mut loops, 10));
//!         }
//!         loops.level.val().as_u64()
//!     })
//!     .collect();
//! assert_eq!(levels, [0, 0, 1, 0, 0, 2, 0, 0]);
//! ```

use crate::prelude::*;

/// See the [module's documentation](self).
#[derive(LogicBlock)]
pub struct LoopCounters {
    /// Name and documentation.
    pub info: ModuleInfo,
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset, active low.
    pub resetn: Wire<In>,
    /// Ends one iteration of the innermost loop.
    pub advance: Wire<In>,
    /// Iterations less one, per loop.
    pub limit: Vec<Wire<In>>,
    /// The same for the innermost loop in the last iteration of the next; one wire or none.
    pub last_limit: Vec<Wire<In>>,
    /// The loop that advances.
    pub level: Wire<Out>,
    _counters: Vec<u64>,
    /// Whether each loop is in its last iteration.
    _ends: Vec<bool>,
}

impl LoopCounters {
    /// Counters for loops of which `widths` are the bits of their limits, innermost first.
    pub fn new(widths: &[u32]) -> Self {
        let limit =
            widths.iter().enumerate().map(|(k, &w)| Wire::new(w, format!("Iterations of loop {k}, less 1")));
        Self {
            info: ModuleInfo::new("loop_counters", format!("{} nested loops", widths.len()))
                .latency("none from the counters to `level`; limits must be there one clock before."),
            clock: Default::default(),
            resetn: Wire::new(1, "Synchronous reset, active low"),
            advance: Wire::new(1, "Ends an iteration of the innermost loop"),
            limit: limit.collect(),
            last_limit: vec![],
            level: Wire::new(
                address_bits(widths.len() + 1),
                "Loop that advances; all loops end at the highest value",
            ),
            _counters: vec![0; widths.len()],
            _ends: vec![false; widths.len()],
        }
    }

    /// The same counters, at least two, with a `last_limit_0`.
    pub fn with_last_limit(mut self) -> Self {
        let comment = "The same for loop 0 in the last iteration of loop 1";
        self.last_limit = vec![Wire::new(self.limit[0].width(), comment)];
        self
    }

    fn level(&self) -> usize {
        self._ends.iter().position(|ends| !ends).unwrap_or(self._ends.len())
    }
}

impl Logic for LoopCounters {
    fn update(&mut self) {
        if self.clock.pos_edge() {
            if !self.resetn.val().any() {
                self._counters.fill(0);
            } else if self.advance.val().any() {
                let level = self.level();
                self._counters[..level].fill(0);
                if let Some(counter) = self._counters.get_mut(level) {
                    *counter += 1;
                }
            }
            for ((ends, counter), limit) in self._ends.iter_mut().zip(&self._counters).zip(&self.limit) {
                *ends = *counter == limit.val().as_u64();
            }
            if let Some(last_limit) = self.last_limit.first().filter(|_| self._ends[1]) {
                self._ends[0] = self._counters[0] == last_limit.val().as_u64();
            }
        }
        self.level.next = Value::from(self.level() as u64);
    }

    fn connect(&mut self) {
        self.level.connect();
    }

    fn hdl(&self) -> Verilog {
        let loops = self.limit.len();
        let bits = self.level.width();
        let (mut declarations, mut resets, mut advances) = (String::new(), String::new(), String::new());
        let mut inner = "advance".to_owned();
        for (k, limit) in self.limit.iter().enumerate() {
            let width = limit.width();
            declarations += &format!(
                "\
reg  [{high}:0] counter_{k};
reg  ends_{k};
wire [{high}:0] next_{k} = !({inner}) ? counter_{k} : ends_{k} ? {width}'d0 : counter_{k} + {width}'d1;
",
                high = width - 1
            );
            let (reset_limit, next_limit) = match k == 0 && !self.last_limit.is_empty() {
                false => (format!("limit_{k}"), format!("limit_{k}")),
                true => {
                    let outer = self.limit[1].width();
                    let choice = |counter: &str| format!("({counter} == limit_1 ? last_limit_0 : limit_0)");
                    (choice(&format!("{outer}'d0")), choice("next_1"))
                }
            };
            resets += &format!(
                "        counter_{k} <= {width}'d0;\n        ends_{k}    <= {reset_limit} == {width}'d0;\n"
            );
            advances += &format!(
                "        counter_{k} <= next_{k};\n        ends_{k}    <= next_{k} == {next_limit};\n"
            );
            inner += &format!(" && ends_{k}");
        }
        let level: String =
            (0..loops).map(|k| format!("!ends_{k} ? {bits}'d{k} :\n               ")).collect();
        Verilog::Custom(format!(
            "\
{declarations}
assign level = {level}{bits}'d{loops};

always @(posedge clock) begin
    if (!resetn) begin
{resets}    end else begin
{advances}    end
end"
        ))
    }
}
