//! Adds neighbouring lanes' sums and hands the results out one per clock.
//!
//! A registered adder tree runs all the time; level k holds the sums over groups of 2^k lanes. When a tile is complete,
//! the results of the level that the layer uses (a *tap*) are captured in the drain register, which moves one result
//! to its head in every clock. Only the adders and taps that the program uses exist.
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
    /// Index of the tap that is captured; one wire, or none if there is one tap.
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
    _complete: Vec<bool>,
    _results: Vec<i64>,
}

impl Reducer {
    /// A reducer of sums of `width` bits with the given taps, at least one and in order of their levels.
    pub fn new(width: u32, taps: &[Tap]) -> Self {
        let lanes = taps.iter().map(|t| t.results << t.level).max().unwrap_or(1);
        let depth = taps.iter().map(|t| t.level).max().unwrap_or(0);
        let nodes = |level: u32| nodes(taps, level);
        let select =
            (taps.len() > 1).then(|| Wire::new(address_bits(taps.len()), "Level whose sums are the results"));
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
            _complete: vec![false; depth as usize],
            _results: vec![0; taps.iter().map(|t| t.results).max().unwrap_or(1)],
        }
    }

    fn selected(&self) -> Tap {
        let index = self.tap.first().map_or(0, |tap| tap.val().index());
        self._taps[index.min(self._taps.len() - 1)]
    }

    fn captures(&self) -> bool {
        match self.selected().level {
            0 => self.complete.val().any(),
            level => self._complete[level as usize - 1],
        }
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
            let tap = self.selected();
            let captures = self.captures();
            let source = if tap.level == 0 { &lanes } else { &self._levels[tap.level as usize - 1] };
            for j in 0..self._results.len() {
                let shifted = self._results.get(j + 1).copied().unwrap_or(0);
                self._results[j] = if captures && j < tap.results { source[j] } else { shifted };
            }
            for level in (0..self._levels.len()).rev() {
                let (below, here) = self._levels.split_at_mut(level);
                let below = below.last().unwrap_or(&lanes);
                for (j, node) in here[0].iter_mut().enumerate() {
                    *node = below[2 * j] + below[2 * j + 1];
                }
            }
            self._complete.insert(0, self.complete.val().any());
            self._complete.pop();
            if !self.resetn.val().any() {
                self._complete.fill(false);
            }
            self.head.next = Value::signed(self._results[0]);
        }
        self.capture.next = self.captures().into();
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
        let complete = |level: u32| match level {
            0 => "complete".to_owned(),
            _ if depth == 1 => "complete_later".to_owned(),
            _ => format!("complete_later[{}]", level - 1),
        };
        if depth > 0 {
            let range = if depth == 1 { String::new() } else { format!(" [{}:0]", depth - 1) };
            declarations += &format!("reg{range} complete_later;\n");
        }
        let (bits, last) = (self.tap.first().map_or(0, Wire::width), self._taps.len() - 1);
        let label = |i: usize| if i == last { "default".to_owned() } else { format!("{bits}'d{i}") };
        let capture = match self._taps.as_slice() {
            [tap] => format!("assign capture = {};\n", complete(tap.level)),
            taps => {
                let choice = |(i, t): (usize, &Tap)| match i == last {
                    true => complete(t.level),
                    false => format!("tap_0 == {bits}'d{i} ? {} : ", complete(t.level)),
                };
                format!("assign capture = {};\n", taps.iter().enumerate().map(choice).collect::<String>())
            }
        };
        let result = |j: usize| if j == 0 { "head".to_owned() } else { format!("result_{j}") };
        let shift: String = (0..results.saturating_sub(1))
            .map(|j| format!("    {} <= {};\n", result(j), result(j + 1)))
            .collect();
        let load = |tap: &Tap, indent: &str| -> String {
            (0..tap.results).map(|j| format!("{indent}{} <= {};\n", result(j), node(tap.level, j))).collect()
        };
        let loads = match self._taps.as_slice() {
            [tap] => load(tap, "        "),
            taps => {
                let case = |(i, t): (usize, &Tap)| {
                    format!(
                        "            {}: begin\n{}            end\n",
                        label(i),
                        load(t, "                ")
                    )
                };
                let cases: String = taps.iter().enumerate().map(case).collect();
                format!("        case (tap_0)\n{cases}        endcase\n")
            }
        };
        let flags = match depth {
            0 => String::new(),
            1 => {
                "always @(posedge clock) begin\n    complete_later <= resetn & complete;\nend\n\n".to_owned()
            }
            n => format!(
                "\
always @(posedge clock) begin
    if (!resetn) begin
        complete_later <= {n}'d0;
    end else begin
        complete_later <= {{complete_later[{}:0], complete}};
    end
end

",
                n - 2
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
{declarations}{unused}
{capture}
{tree}{flags}// The drain register moves on in every clock; a capture overrules it.
always @(posedge clock) begin
{shift}    if (capture) begin
{loads}    end
end"
        ))
    }
}
