//! Bias, rounding shift and saturation: from a result to an output word.
//!
//! word = saturate((result + bias + 2^(shift-1)) >> shift), round half up by an arithmetic shift; a shift of 0 adds
//! nothing. With `rectify`, negative words become 0.
//!
//! ```text
//!             +-------------+
//!   clock --->|             |
//!  result -/->|             |
//!    bias -/->| requantiser |-/--> word
//!   shift -/->|             |
//! rectify --->|             |
//!    narrow --->|             |
//!             +-------------+
//! ```
//!
//! Timing: four clocks from `result`, `shift`, `rectify` and `narrow` to `word`; `bias` comes one clock after them,
//! as it does from a ROM that is addressed together with the result.

use super::extend::sign_extended;
use crate::prelude::*;

/// See the [module's documentation](self).
#[derive(LogicBlock)]
pub struct Requantiser {
    /// Name and documentation.
    pub info: ModuleInfo,
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Sum of products.
    pub result: Wire<In>,
    /// Added to the result of the clock before.
    pub bias: Wire<In>,
    /// Right shift.
    pub shift: Wire<In>,
    /// Makes negative words 0.
    pub rectify: Wire<In>,
    /// Saturates to 8 bits instead of the full word.
    pub narrow: Wire<In>,
    /// The word.
    pub word: Wire<Out>,
    _stages: [Stage; 3],
}

/// What travels down the pipeline.
#[derive(Clone, Copy, Debug, Default)]
struct Stage {
    value: i64,
    shift: u32,
    rectify: bool,
    narrow: bool,
}

impl Requantiser {
    /// From results of `sum` bits to words of `word` bits, with biases of `bias` bits and a shift of `shift` bits.
    pub fn new(sum: u32, word: u32, bias: u32, shift: u32) -> Self {
        Self {
            info: ModuleInfo::new("requantiser", "bias, rounding shift and saturation")
                .latency("4 clocks from `result` to `word`; `bias` comes 1 clock after the result."),
            clock: Default::default(),
            result: Wire::new(sum, "Sum of products").signed(),
            bias: Wire::new(bias, "Bias of the result of the clock before").signed(),
            shift: Wire::new(shift, "Right shift"),
            rectify: Wire::new(1, "Makes negative words 0"),
            narrow: Wire::new(1, "Saturates to 8 bits"),
            word: Wire::new(word, "The word").signed(),
            _stages: [Stage::default(); 3],
        }
    }
}

impl Logic for Requantiser {
    fn update(&mut self) {
        if self.clock.pos_edge() {
            let [first, sum, shifted] = self._stages;
            let limit = if shifted.narrow { 127 } else { (1i64 << (self.word.width() - 1)) - 1 };
            let word = shifted.value.clamp(-limit - 1, limit);
            self.word.next = Value::signed(if shifted.rectify { word.max(0) } else { word });
            let half = if first.shift == 0 { 0 } else { 1i64 << (first.shift - 1) };
            let input = Stage {
                value: self.result.val().as_i64(),
                shift: self.shift.val().as_u64() as u32,
                rectify: self.rectify.val().any(),
                narrow: self.narrow.val().any(),
            };
            self._stages = [
                input,
                Stage { value: first.value + self.bias.val().as_i64() + half, ..first },
                Stage { value: sum.value >> sum.shift, ..sum },
            ];
        }
    }

    fn connect(&mut self) {
        self.word.connect();
    }

    fn hdl(&self) -> Verilog {
        let (sum, word, bias, shift) =
            (self.result.width(), self.word.width(), self.bias.width(), self.shift.width());
        let high = sum - 1;
        let extended_bias = sign_extended("bias", bias, sum);
        let limits = |bits: u32| {
            format!("({sum}'sd1 <<< {n}) - {sum}'sd1 : -({sum}'sd1 <<< {n})", n = bits - 1).replace(" : ", "|")
        };
        let (wide, narrow) = (limits(word), limits(8));
        let (wide, narrow) = (wide.split_once('|').unwrap_or_default(), narrow.split_once('|').unwrap_or_default());
        Verilog::Custom(format!(
            "\
localparam signed [{high}:0] WORD_MAX = {};
localparam signed [{high}:0] WORD_MIN = {};
localparam signed [{high}:0] NARROW_MAX = {};
localparam signed [{high}:0] NARROW_MIN = {};

reg  signed [{high}:0] raw;
reg  signed [{high}:0] half;
reg  signed [{high}:0] biased;
reg  signed [{high}:0] shifted;
reg         [{shift_high}:0] shift_1;
reg         [{shift_high}:0] shift_2;
reg  [2:0] rectify_later;
reg  [2:0] narrow_later;

wire signed [{high}:0] highest = narrow_later[2] ? NARROW_MAX : WORD_MAX;
wire signed [{high}:0] lowest  = rectify_later[2] ? {sum}'sd0 : narrow_later[2] ? NARROW_MIN : WORD_MIN;

always @(posedge clock) begin
    rectify_later <= {{rectify_later[1:0], rectify}};
    narrow_later    <= {{narrow_later[1:0], narrow}};

    raw     <= result;
    half    <= ({sum}'sd1 <<< shift) >>> 1;
    shift_1 <= shift;

    biased  <= raw + {extended_bias} + half;
    shift_2 <= shift_1;

    shifted <= biased >>> shift_2;

    if (shifted > highest) begin
        word <= highest[{word_high}:0];
    end else if (shifted < lowest) begin
        word <= lowest[{word_high}:0];
    end else begin
        word <= shifted[{word_high}:0];
    end
end",
            wide.0,
            wide.1,
            narrow.0,
            narrow.1,
            shift_high = shift - 1,
            word_high = word - 1,
        ))
    }
}
