//! Adds neighbouring lanes' sums and hands the results out one per clock.
//!
//! A registered adder tree runs all the time; level k holds the sums over groups of 2^k lanes. When a tile is complete,
//! the results of the level that its layer uses (a *tap*) are captured in the drain register, which moves one result
//! to its head in every clock. A tile carries its tap along, since tiles of different layers may be in the tree
//! together. Only the adders and taps that the program uses exist.
//!
//! ```text
//!              +---------+
//!    clock --->|         |
//!   resetn --->|         |---> capture
//! complete --->| reducer |
//!    tap_0 -/->|         |-/-> head
//!    sum_* -/->|         |
//!              +---------+
//! ```
//!
//! Timing: `capture` comes k clocks after `complete` for a tap at level k; the first result is at the head one clock
//! after `capture`, the others follow clock by clock.
//!
//! # Example
//!
//! ```
//! use emeuro_hdl::prelude::*;
//! use emeuro_hdl::units::reducer::{Reducer, Tap};
//!
//! // Four lanes in pairs.
//! let mut reducer = Reducer::new(16, &[Tap { level: 1, results: 2 }]);
//! reducer.connect_all();
//! reducer.resetn.next = true.into();
//! for (sum, value) in reducer.sum.iter_mut().zip([1, 2, 30, 40]) {
//!     sum.next = Value::from(value);
//! }
//! let heads: Vec<u64> = (0..3)
//!     .map(|clock| {
//!         reducer.complete.next = (clock == 0).into();
//!         for clk in [false, true] {
//!             reducer.clock.next = Clock { clk };
//!             assert!(simulate(&mut reducer, 10));
//!         }
//!         reducer.head.val().as_u64()
//!     })
//!     .collect();
//! assert_eq!(heads[1..], [3, 70]);
//! ```

use crate::prelude::*;

/// A level of the adder tree that a program uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tap {
    /// Results are sums over 2^`level` lanes.
    pub level: u32,
    /// The most results that a tile has at this level.
    pub results: usize,
}

/// See the [module's documentation](self).
#[derive(LogicBlock)]
pub struct Reducer {
    /// Name and documentation.
    pub info: ModuleInfo,
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset, active low.
    pub resetn: Wire<In>,
    /// The lanes' sums are those of a whole tile.
    pub complete: Wire<In>,
    /// Index of the tile's tap; comes with `complete`. One wire, or none if there is one tap.
    pub tap: Vec<Wire<In>>,
    /// The lanes' sums.
    pub sum: Vec<Wire<In>>,
    /// The drain register takes the results of a tile.
    pub capture: Wire<Out>,
    /// The result at the head of the drain register.
    pub head: Wire<Out>,
    _taps: Vec<Tap>,
    /// Sums per level of the tree; level 0 are the lanes.
    _levels: Vec<Vec<i64>>,
    /// Per tap, whether a tile of it is complete at each level below; the last is captured.
    _complete: Vec<Vec<bool>>,
    _results: Vec<i64>,
}

impl Reducer {
    /// A reducer of sums of `width` bits with the given taps, at least one and in order of their levels.
    pub fn new(width: u32, taps: &[Tap]) -> Self {
        let lanes = taps.iter().map(|t| t.results << t.level).max().unwrap_or(1);
        let depth = taps.iter().map(|t| t.level).max().unwrap_or(0);
        let nodes = |level: u32| nodes(taps, level);
        let select = (taps.len() > 1)
            .then(|| Wire::new(address_bits(taps.len()), "Level whose sums are the tile's results"));
        Self {
            info: ModuleInfo::new("reducer", format!("sums of {lanes} lanes in groups, one result per clock"))
                .latency("`capture` as many clocks after `complete` as the level of the tap; the head one clock later."),
            clock: Default::default(),
            resetn: Wire::new(1, "Synchronous reset, active low"),
            complete: Wire::new(1, "The sums are those of a whole tile"),
            tap: select.into_iter().collect(),
            sum: (0..lanes).map(|i| Wire::new(width, format!("Sum of lane {i}")).signed()).collect(),
            capture: Wire::new(1, "The results of a tile are being captured"),
            head: Wire::new(width, "The result at the head of the drain register").signed(),
            _taps: taps.to_vec(),
            _levels: (1..=depth).map(|level| vec![0; nodes(level)]).collect(),
            _complete: taps.iter().map(|t| vec![false; t.level as usize]).collect(),
            _results: vec![0; taps.iter().map(|t| t.results).max().unwrap_or(1)],
        }
    }

    /// Whether a tile of tap `index` enters the tree in this clock.
    fn enters(&self, index: usize) -> bool {
        let tap = self.tap.first().map_or(0, |tap| tap.val().index());
        self.complete.val().any() && tap == index
    }

    /// The tap that is captured in this clock.
    fn captured(&self) -> Option<usize> {
        let arrives = |index: &usize| match self._complete[*index].last() {
            Some(arrives) => *arrives,
            None => self.enters(*index),
        };
        (0..self._taps.len()).find(arrives)
    }
}

/// How many sums of a level anything needs.
fn nodes(taps: &[Tap], level: u32) -> usize {
    let needed = |t: &Tap| t.results << (t.level - level);
    taps.iter().filter(|t| t.level >= level).map(needed).max().unwrap_or(0)
}

impl Logic for Reducer {
    fn update(&mut self) {
        if self.clock.pos_edge() {
            let lanes: Vec<i64> = self.sum.iter().map(|s| s.val().as_i64()).collect();
            let captured = self.captured().map(|index| self._taps[index]);
            self._results.copy_within(1.., 0);
            if let Some(tap) = captured {
                let source = if tap.level == 0 { &lanes } else { &self._levels[tap.level as usize - 1] };
                self._results[..tap.results].copy_from_slice(&source[..tap.results]);
            }
            for level in (0..self._levels.len()).rev() {
                let (below, here) = self._levels.split_at_mut(level);
                let below = below.last().unwrap_or(&lanes);
                for (j, node) in here[0].iter_mut().enumerate() {
                    *node = below[2 * j] + below[2 * j + 1];
                }
            }
            for index in 0..self._taps.len() {
                let enters = self.enters(index) && self.resetn.val().any();
                let stages = &mut self._complete[index];
                stages.insert(0, enters);
                stages.pop();
                if !self.resetn.val().any() {
                    stages.fill(false);
                }
            }
            self.head.next = Value::signed(self._results[0]);
        }
        self.capture.next = self.captured().is_some().into();
    }

    fn connect(&mut self) {
        self.capture.connect();
        self.head.connect();
    }

    fn hdl(&self) -> Verilog {
        let high = self.head.width() - 1;
        let (depth, results) = (self._levels.len(), self._results.len());
        let node =
            |level: u32, j: usize| if level == 0 { format!("sum_{j}") } else { format!("level_{level}_{j}") };
        let (mut declarations, mut adders) = (String::new(), String::new());
        for (level, sums) in (1..).zip(&self._levels) {
            for j in 0..sums.len() {
                declarations += &format!("reg signed [{high}:0] {};\n", node(level, j));
                let (a, b) = (node(level - 1, 2 * j), node(level - 1, 2 * j + 1));
                adders += &format!("    {} <= {a} + {b};\n", node(level, j));
            }
        }
        for j in 1..results {
            declarations += &format!("reg signed [{high}:0] result_{j};\n");
        }
        // One shift register per tap: a tile leaves it when the sums of the tap's level are its own.
        let (mut flags, mut shifts, mut clears) = (String::new(), String::new(), String::new());
        let mut arrivals = vec![];
        for (i, tap) in self._taps.iter().enumerate() {
            let enters = match self.tap.first() {
                None => "complete".to_owned(),
                Some(select) => format!("complete && tap_0 == {}'d{i}", select.width()),
            };
            flags += &format!("wire enters_{i} = {enters};\n");
            match tap.level {
                0 => arrivals.push(format!("enters_{i}")),
                1 => {
                    flags += &format!("reg  on_its_way_{i};\n");
                    shifts += &format!("        on_its_way_{i} <= enters_{i};\n");
                    clears += &format!("        on_its_way_{i} <= 1'b0;\n");
                    arrivals.push(format!("on_its_way_{i}"));
                }
                n => {
                    flags += &format!("reg  [{}:0] on_its_way_{i};\n", n - 1);
                    shifts +=
                        &format!("        on_its_way_{i} <= {{on_its_way_{i}[{}:0], enters_{i}}};\n", n - 2);
                    clears += &format!("        on_its_way_{i} <= {n}'d0;\n");
                    arrivals.push(format!("on_its_way_{i}[{}]", n - 1));
                }
            }
        }
        let capture = format!("assign capture = {};\n", arrivals.join(" || "));
        let result = |j: usize| if j == 0 { "head".to_owned() } else { format!("result_{j}") };
        let shift: String = (0..results.saturating_sub(1))
            .map(|j| format!("    {} <= {};\n", result(j), result(j + 1)))
            .collect();
        let load = |tap: &Tap, indent: &str| -> String {
            (0..tap.results).map(|j| format!("{indent}{} <= {};\n", result(j), node(tap.level, j))).collect()
        };
        let loads: String = self
            ._taps
            .iter()
            .zip(&arrivals)
            .map(|(tap, arrives)| format!("    if ({arrives}) begin\n{}    end\n", load(tap, "        ")))
            .collect();
        let flags_clocked = match shifts.as_str() {
            "" => String::new(),
            shifts => format!(
                "always @(posedge clock) begin\n    if (!resetn) begin\n{clears}    end else begin\n{shifts}    end\nend\n\n"
            ),
        };
        // Without a tree nothing has to be reset.
        let unused = if depth == 0 { "wire unused = resetn;\n" } else { "" };
        let tree = match adders.as_str() {
            "" => String::new(),
            adders => format!("always @(posedge clock) begin\n{adders}end\n\n"),
        };
        Verilog::Custom(format!(
            "\
{declarations}{flags}{unused}
{capture}
{tree}{flags_clocked}// The drain register moves on in every clock; a capture overrules it.
always @(posedge clock) begin
{shift}{loads}end"
        ))
    }
}
