//! Adds neighbouring lanes' sums and hands the results out, one or several per clock.
//!
//! A registered adder tree runs all the time; level k holds the sums over groups of 2^k lanes. When a tile is complete,
//! the results of the level that its layer uses (a *tap*) are captured in the drain register. It has one queue per slot of
//! the post-processing, and every queue moves a result to its head in every clock; a tap deals its results out to all slots,
//! or gives all to the first. A tile carries its tap along, since tiles of different layers may be in the tree together.
//! Only the adders, taps and places of queues that the program uses exist.
//!
//! ```text
//!              +---------+
//!    clock --->|         |
//!   resetn --->|         |---> capture
//! complete --->| reducer |
//!    tap_0 -/->|         |-/-> head_*
//!    sum_* -/->|         |
//!              +---------+
//! ```
//!
//! Timing: `capture` comes k clocks after `complete` for a tap at level k; the first results are at the heads one clock
//! after `capture`, the others follow clock by clock.
//!
//! # Example
//!
//! ```
//! use emeuro_hdl::prelude::*;
//! use emeuro_hdl::units::reducer::{Reducer, Tap};
//!
//! // Four lanes in pairs.
//! let mut reducer = Reducer::new(16, &[Tap { level: 1, per_clock: 1, results: 2 }]);
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
//!         reducer.head[0].val().as_u64()
//!     })
//!     .collect();
//! assert_eq!(heads[1..], [3, 70]);
//! ```

use emeuro_compiler::{Drain, Program};

use crate::prelude::*;

/// A way in which a program takes results from the adder tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tap {
    /// Results are sums over 2^`level` lanes.
    pub level: u32,
    /// Slots that the results are dealt out to: all, or one.
    pub per_clock: usize,
    /// The most results that a tile has at this tap.
    pub results: usize,
}

impl Tap {
    fn serves(&self, drain: &Drain) -> bool {
        (self.level, self.per_clock) == (drain.reduce, drain.per_clock)
    }

    /// Slot and place in its queue of a result.
    fn place(&self, result: usize) -> (usize, usize) {
        (result % self.per_clock, result / self.per_clock)
    }
}

/// The taps that `program` uses, with the most results a tile has at each.
pub fn taps(program: &Program) -> Vec<Tap> {
    let mut taps: Vec<Tap> = vec![];
    for drain in program.all_instructions().map(|i| &i.drain) {
        let found = taps.iter_mut().find(|tap| tap.serves(drain));
        match found {
            Some(tap) => tap.results = tap.results.max(drain.results),
            None => {
                taps.push(Tap { level: drain.reduce, per_clock: drain.per_clock, results: drain.results });
            }
        }
    }
    taps.sort_unstable();
    taps
}

/// The tap that serves `drain`.
pub(crate) fn tap_index(taps: &[Tap], drain: &Drain) -> usize {
    taps.iter().position(|tap| tap.serves(drain)).unwrap_or(0)
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
    /// The results at the heads of the queues.
    pub head: Vec<Wire<Out>>,
    _taps: Vec<Tap>,
    /// Sums per level of the tree; level 0 are the lanes.
    _levels: Vec<Vec<i64>>,
    /// Per tap, whether a tile of it is complete at each level below; the last is captured.
    _complete: Vec<Vec<bool>>,
    /// The queue of every slot.
    _queues: Vec<Vec<i64>>,
}

impl Reducer {
    /// A reducer of sums of `width` bits with the given taps, at least one and in order of their levels.
    pub fn new(width: u32, taps: &[Tap]) -> Self {
        let lanes = taps.iter().map(|t| t.results << t.level).max().unwrap_or(1);
        let slots = taps.iter().map(|t| t.per_clock).max().unwrap_or(1);
        let places = |slot: usize| {
            let of_tap = |t: &Tap| (0..t.results).filter(|&j| t.place(j).0 == slot).count();
            taps.iter().map(of_tap).max().unwrap_or(0).max(1)
        };
        let depth = taps.iter().map(|t| t.level).max().unwrap_or(0);
        let nodes = |level: u32| nodes(taps, level);
        let select = (taps.len() > 1)
            .then(|| Wire::new(address_bits(taps.len()), "Level whose sums are the tile's results"));
        Self {
            info: ModuleInfo::new("reducer", format!("sums of {lanes} lanes in groups, {slots} per clock"))
                .latency("`capture` as many clocks after `complete` as the level of the tap; the heads one clock later."),
            clock: Default::default(),
            resetn: Wire::new(1, "Synchronous reset, active low"),
            complete: Wire::new(1, "The sums are those of a whole tile"),
            tap: select.into_iter().collect(),
            sum: (0..lanes).map(|i| Wire::new(width, format!("Sum of lane {i}")).signed()).collect(),
            capture: Wire::new(1, "The results of a tile are being captured"),
            head: (0..slots).map(|k| Wire::new(width, format!("Result for slot {k}")).signed()).collect(),
            _taps: taps.to_vec(),
            _levels: (1..=depth).map(|level| vec![0; nodes(level)]).collect(),
            _complete: taps.iter().map(|t| vec![false; t.level as usize]).collect(),
            _queues: (0..slots).map(|slot| vec![0; places(slot)]).collect(),
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
            self._queues.iter_mut().for_each(|queue| queue.copy_within(1.., 0));
            if let Some(tap) = captured {
                let source = if tap.level == 0 { &lanes } else { &self._levels[tap.level as usize - 1] };
                for (result, &sum) in source[..tap.results].iter().enumerate() {
                    let (slot, place) = tap.place(result);
                    self._queues[slot][place] = sum;
                }
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
            for (head, queue) in self.head.iter_mut().zip(&self._queues) {
                head.next = Value::signed(queue[0]);
            }
        }
        self.capture.next = self.captured().is_some().into();
    }

    fn connect(&mut self) {
        self.capture.connect();
        self.head.iter_mut().for_each(|head| head.connect());
    }

    fn hdl(&self) -> Verilog {
        let high = self.head[0].width() - 1;
        let depth = self._levels.len();
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
        let queued = |(slot, place): (usize, usize)| match place {
            0 => format!("head_{slot}"),
            _ => format!("queue_{slot}_{place}"),
        };
        let mut moves = String::new();
        for (slot, queue) in self._queues.iter().enumerate() {
            for place in 1..queue.len() {
                declarations += &format!("reg signed [{high}:0] {};\n", queued((slot, place)));
                moves += &format!("    {} <= {};\n", queued((slot, place - 1)), queued((slot, place)));
            }
        }
        // Layers may have fewer results than the unit has slots.
        let in_use = |slot: &usize| self._taps.iter().any(|t| (0..t.results).any(|j| t.place(j).0 == *slot));
        let idle: String = (0..self._queues.len())
            .filter(|slot| !in_use(slot))
            .map(|slot| format!("assign head_{slot} = {}'d0;\n", high + 1))
            .collect();
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
        let load = |tap: &Tap, indent: &str| -> String {
            let line = |j: usize| format!("{indent}{} <= {};\n", queued(tap.place(j)), node(tap.level, j));
            (0..tap.results).map(line).collect()
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
{capture}{idle}
{tree}{flags_clocked}// The queues move on in every clock; a capture overrules it.
always @(posedge clock) begin
{moves}{loads}end"
        ))
    }
}
