//! The router: finds the largest score of a frame and names the member whose weights the frame is computed with.
//!
//! Scores come one per clock, in any order, each with the number of its member; of equal ones the lowest number wins. A frame
//! is unfamiliar if the largest score does not reach the threshold of its member. Software can force a member: the frame is
//! then computed with that one; familiarity is still that of the member with the largest score.
//!
//! ```text
//!                  +--------+
//! clock, resetn -->|        |-/-> member
//!         score -->|        |---> unfamiliar, routed
//!        number -/>| router |
//!          word -/>|        |-/-> weight_offset, bias_offset
//!  force, forced ->|        |
//!                  +--------+
//! ```
//!
//! Timing: three clocks from the last score of a frame to `member`, `unfamiliar` and the offsets, which stay until the next frame
//! is routed; `routed` is 1 in the first clock of them. The offsets follow from `member` in the same clock.
//!
//! # Example
//!
//! ```
//! use emeuro_compiler::Members;
//! use emeuro_hdl::prelude::*;
//! use emeuro_hdl::units::router::{Router, RouterShape};
//!
//! // Two members; the weights of the second lie 100 words behind those of the first.
//! let members = Members { thresholds: vec![10, 10], weight_words: 100, bias_words: 8 };
//! let shape = RouterShape { members: &members, word: 16, weight_address: 8, bias_address: 4 };
//! let mut router = Router::new(shape);
//! router.connect_all();
//! let mut clock = |resetn: bool, score: Option<(u64, u64)>| {
//!     router.resetn.next = resetn.into();
//!     router.score.next = score.is_some().into();
//!     (router.number.next, router.word.next) = score.map_or((0.into(), 0.into()), |(n, w)| (n.into(), w.into()));
//!     for clk in [false, true] {
//!         router.clock.next = Clock { clk };
//!         assert!(simulate(&mut router, 10));
//!     }
//!     [&router.member, &router.unfamiliar, &router.weight_offset].map(|wire| wire.val().as_u64())
//! };
//! clock(false, None);
//! clock(true, Some((0, 5)));
//! clock(true, Some((1, 9)));
//! clock(true, None);
//! assert_eq!(clock(true, None), [1, 1, 100]);
//! ```

use emeuro_compiler::Members;

use crate::prelude::*;

/// See the [module's documentation](self).
#[derive(LogicBlock)]
pub struct Router {
    /// Name and documentation.
    pub info: ModuleInfo,
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset, active low.
    pub resetn: Wire<In>,
    /// A score is there.
    pub score: Wire<In>,
    /// Number of the member that it is for.
    pub number: Wire<In>,
    /// The score.
    pub word: Wire<In>,
    /// Frames go to the forced member; one wire, or none without registers, as the next.
    pub force: Vec<Wire<In>>,
    /// The forced member; too high a number is the highest.
    pub forced: Vec<Wire<In>>,
    /// The member whose weights the frame is computed with.
    pub member: Wire<Out>,
    /// Whether the frame is unlike those that its member was trained on.
    pub unfamiliar: Wire<Out>,
    /// A frame has been routed.
    pub routed: Wire<Out>,
    /// How far the weights of the member lie behind those of the first.
    pub weight_offset: Wire<Out>,
    /// How far its biases lie behind those of the first.
    pub bias_offset: Wire<Out>,
    _members: Members,
    _state: State,
}

/// What a router is for.
#[derive(Clone, Copy, Debug)]
pub struct RouterShape<'a> {
    /// The members.
    pub members: &'a Members,
    /// Bits of a score.
    pub word: u32,
    /// Bits of a weight address.
    pub weight_address: u32,
    /// Bits of a bias address.
    pub bias_address: u32,
}

#[derive(Clone, Copy, Debug, Default)]
struct State {
    /// Scores of the frame that have come.
    count: usize,
    /// A score, its member, and whether it is the first or the last of its frame.
    score: Option<(i64, u64, bool, bool)>,
    best: i64,
    best_number: u64,
    is_done: bool,
    member: u64,
    unfamiliar: bool,
    routed: bool,
}

impl Router {
    /// A router as `shape` says.
    pub fn new(shape: RouterShape) -> Self {
        let RouterShape { members, word, weight_address, bias_address } = shape;
        let bits = address_bits(members.count());
        Self {
            info: ModuleInfo::new(
                "router",
                format!("picks one of {} members for every frame", members.count()),
            )
            .latency("3 clocks from the last score of a frame to `member` and what follows from it."),
            clock: Default::default(),
            resetn: Wire::new(1, "Synchronous reset, active low"),
            score: Wire::new(1, "A score is there"),
            number: Wire::new(bits, "Number of the member that it is for"),
            word: Wire::new(word, "The score").signed(),
            force: vec![],
            forced: vec![],
            member: Wire::new(bits, "The member whose weights the frame is computed with"),
            unfamiliar: Wire::new(1, "The frame is unlike those that its member was trained on"),
            routed: Wire::new(1, "A frame has been routed"),
            weight_offset: Wire::new(
                weight_address,
                "Distance of its weights from those of the first member",
            ),
            bias_offset: Wire::new(bias_address, "Distance of its biases from those of the first member"),
            _members: members.clone(),
            _state: State::default(),
        }
    }

    /// The same router with a member that can be forced: `force_0`, `forced_0`.
    pub fn with_force(self) -> Self {
        Self {
            force: vec![Wire::new(1, "Frames go to the forced member")],
            forced: vec![Wire::new(
                self.member.width(),
                "The forced member; too high a number is the highest",
            )],
            ..self
        }
    }

    fn highest(&self) -> u64 {
        self._members.count() as u64 - 1
    }

    /// The member that a frame goes to if the largest score is that of `best`.
    fn chosen(&self, best: u64) -> u64 {
        match (self.force.first(), self.forced.first()) {
            (Some(force), Some(forced)) if force.val().any() => forced.val().as_u64().min(self.highest()),
            _ => best,
        }
    }

    fn next_state(&self) -> State {
        let before = self._state;
        let mut state = State { score: None, is_done: false, routed: before.is_done, ..before };
        if self.score.val().any() {
            let (first, last) = (before.count == 0, before.count + 1 == self._members.count());
            state.score = Some((self.word.val().as_i64(), self.number.val().as_u64(), first, last));
            state.count = if last { 0 } else { before.count + 1 };
        }
        if let Some((word, number, first, last)) = before.score {
            if first || word > before.best || word == before.best && number < before.best_number {
                (state.best, state.best_number) = (word, number);
            }
            state.is_done = last;
        }
        if before.is_done {
            state.member = self.chosen(before.best_number);
            let threshold = self._members.thresholds.get(before.best_number as usize);
            state.unfamiliar = threshold.is_some_and(|&threshold| before.best < i64::from(threshold));
        }
        state
    }
}

impl Logic for Router {
    fn update(&mut self) {
        if self.clock.pos_edge() {
            self._state = if self.resetn.val().any() { self.next_state() } else { State::default() };
        }
        let state = self._state;
        self.member.next = Value::from(state.member);
        self.unfamiliar.next = state.unfamiliar.into();
        self.routed.next = state.routed.into();
        self.weight_offset.next = Value::from(state.member * self._members.weight_words as u64);
        self.bias_offset.next = Value::from(state.member * self._members.bias_words as u64);
    }

    fn connect(&mut self) {
        self.member.connect();
        self.unfamiliar.connect();
        self.routed.connect();
        self.weight_offset.connect();
        self.bias_offset.connect();
    }

    fn hdl(&self) -> Verilog {
        let (bits, word) = (self.member.width(), self.word.width());
        let (weight, bias) = (self.weight_offset.width(), self.bias_offset.width());
        let last = self._members.count() - 1;
        let signed = |value: i16| match value < 0 {
            true => format!("-{word}'sd{}", i32::from(value).abs()),
            false => format!("{word}'sd{value}"),
        };
        let thresholds = table(bits, last, "threshold", |member| signed(self._members.thresholds[member]));
        let weights = table(bits, last, "weight_distance", |member| {
            format!("{weight}'d{}", member * self._members.weight_words)
        });
        let biases = table(bits, last, "bias_distance", |member| {
            format!("{bias}'d{}", member * self._members.bias_words)
        });
        let chosen = match (self.force.is_empty(), last + 1 == 1 << bits) {
            (true, _) => "best_number".to_owned(),
            (false, true) => "force_0 ? forced_0 : best_number".to_owned(),
            (false, false) => {
                format!("!force_0 ? best_number : forced_0 < {bits}'d{last} ? forced_0 : {bits}'d{last}")
            }
        };
        Verilog::Custom(format!(
            "\
reg [{high}:0] count;
reg there;
reg is_first;
reg is_last;
reg [{high}:0] its_number;
reg signed [{word_high}:0] its_word;
reg done;
reg [{high}:0] best_number;
reg signed [{word_high}:0] best;
reg signed [{word_high}:0] threshold;
reg [{weight_high}:0] weight_distance;
reg [{bias_high}:0] bias_distance;

wire ends = count == {bits}'d{last};
wire wins = is_first || its_word > best || (its_word == best && its_number < best_number);

assign weight_offset = weight_distance;
assign bias_offset   = bias_distance;

// The least score of a frame that is familiar.
always @(*) begin
    case (best_number)
{thresholds}    endcase
end

always @(*) begin
    case (member)
{weights}    endcase
    case (member)
{biases}    endcase
end

always @(posedge clock) begin
    is_first   <= count == {bits}'d0;
    is_last    <= ends;
    its_number <= number;
    its_word   <= word;
    if (there && wins) begin
        best_number <= its_number;
        best        <= its_word;
    end
    if (!resetn) begin
        count      <= {bits}'d0;
        there      <= 1'b0;
        done       <= 1'b0;
        routed     <= 1'b0;
        member     <= {bits}'d0;
        unfamiliar <= 1'b0;
    end else begin
        if (score) begin
            count <= ends ? {bits}'d0 : count + {bits}'d1;
        end
        there  <= score;
        done   <= there && is_last;
        routed <= done;
        if (done) begin
            member     <= {chosen};
            unfamiliar <= best < threshold;
        end
    end
end",
            high = bits - 1,
            word_high = word - 1,
            weight_high = weight - 1,
            bias_high = bias - 1,
        ))
    }
}

/// The branches of a case statement that gives `name` a value per member.
fn table(bits: u32, last: usize, name: &str, value: impl Fn(usize) -> String) -> String {
    let branch = |member: usize| match member == last {
        true => format!("        default: {name} = {};\n", value(member)),
        false => format!("        {bits}'d{member}: {name} = {};\n", value(member)),
    };
    (0..=last).map(branch).collect()
}
