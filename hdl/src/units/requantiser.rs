//! Bias, shift and saturation: from a result to an output word.
//!
//! word = saturate((result + bias) >> shift) by an arithmetic shift. The biases contain the rounding constant
//! 2^(shift-1), which makes it round half up. With `rectify`, negative words become 0.
//!
//! ```text
//!             +-------------+
//!   clock --->|             |
//!  result -/->|             |
//!    bias -/->| requantiser |-/--> word
//!   shift -/->|             |
//! rectify --->|             |
//!  narrow --->|             |
//!             +-------------+
//! ```
//!
//! Timing: three clocks from `result`, `bias`, `shift`, `rectify` and `narrow` to `word`, which is not registered: it
//! goes to the write register or to the interpolator.
//!
//! # Example
//!
//! ```
//! use emeuro_hdl::prelude::*;
//! use emeuro_hdl::units::requantiser::Requantiser;
//!
//! let mut requantiser = Requantiser::new(32, 16, 20, 5);
//! requantiser.connect_all();
//! // (39 + 100) / 8 = 17.375; the bias contains the rounding constant.
//! requantiser.result.next = 39.into();
//! requantiser.bias.next = (100 + 4).into();
//! requantiser.shift.next = 3.into();
//! for _ in 0..3 {
//!     for clk in [false, true] {
//!         requantiser.clock.next = Clock { clk };
//!         assert!(simulate(&mut requantiser, 10));
//!     }
//! }
//! assert_eq!(requantiser.word.val(), 17);
//! ```

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
    /// Added to the result.
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
    /// Results have at least as many bits as words, bytes and biases.
    pub fn new(sum: u32, word: u32, bias: u32, shift: u32) -> Self {
        Self {
            info: ModuleInfo::new("requantiser", "bias, rounding shift and saturation")
                .prose("The biases contain the rounding constant 2^(shift-1).")
                .latency("3 clocks from `result` to `word`, which is not registered."),
            clock: Default::default(),
            result: Wire::new(sum, "Sum of products").signed(),
            bias: Wire::new(bias, "Bias with the rounding constant").signed(),
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
            let [first, sum, _] = self._stages;
            let input = Stage {
                value: self.result.val().as_i64() + self.bias.val().as_i64(),
                shift: self.shift.val().as_u64() as u32,
                rectify: self.rectify.val().any(),
                narrow: self.narrow.val().any(),
            };
            self._stages = [input, first, Stage { value: sum.value >> sum.shift, ..sum }];
        }
        let shifted = self._stages[2];
        let limit = if shifted.narrow { 127 } else { (1i64 << (self.word.width() - 1)) - 1 };
        let word = shifted.value.clamp(-limit - 1, limit);
        self.word.next = Value::signed(if shifted.rectify { word.max(0) } else { word });
    }

    fn connect(&mut self) {
        self.word.connect();
    }

    fn hdl(&self) -> Verilog {
        let (sum, word, bias, shift) =
            (self.result.width(), self.word.width(), self.bias.width(), self.shift.width());
        let high = sum - 1;
        let extended_bias = sign_extended("bias_1", bias, sum);
        let largest = |bits: u32| format!("({sum}'sd1 <<< {}) - {sum}'sd1", bits - 1);
        let smallest = |bits: u32| format!("-({sum}'sd1 <<< {})", bits - 1);
        Verilog::Custom(format!(
            "\
localparam signed [{high}:0] WORD_MAX   = {};
localparam signed [{high}:0] WORD_MIN   = {};
localparam signed [{high}:0] NARROW_MAX = {};
localparam signed [{high}:0] NARROW_MIN = {};

reg  signed [{high}:0] raw;
reg  signed [{bias_high}:0] bias_1;
reg  signed [{high}:0] biased;
reg  signed [{high}:0] shifted;
reg         [{shift_high}:0] shift_1;
reg         [{shift_high}:0] shift_2;
reg  [2:0] rectify_later;
reg  [2:0] narrow_later;

wire signed [{high}:0] highest = narrow_later[2] ? NARROW_MAX : WORD_MAX;
wire signed [{high}:0] lowest  = rectify_later[2] ? {sum}'sd0 : narrow_later[2] ? NARROW_MIN : WORD_MIN;

assign word = shifted > highest ? highest[{word_high}:0] :
              shifted < lowest  ? lowest[{word_high}:0]  : shifted[{word_high}:0];

always @(posedge clock) begin
    rectify_later <= {{rectify_later[1:0], rectify}};
    narrow_later  <= {{narrow_later[1:0], narrow}};

    raw     <= result;
    bias_1  <= bias;
    shift_1 <= shift;

    biased  <= raw + {extended_bias};
    shift_2 <= shift_1;

    shifted <= biased >>> shift_2;
end",
            largest(word),
            smallest(word),
            largest(8),
            smallest(8),
            bias_high = bias - 1,
            shift_high = shift - 1,
            word_high = word - 1,
        ))
    }
}
