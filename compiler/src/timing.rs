//! The pipeline of the unit: how many clocks lie between its registers.
//!
//! Time is counted in clocks. The issue sequencer's address registers hold a step's addresses in its *issue* clock I.
//!
//! | clock | what is visible then |
//! | --- | --- |
//! | I | operand address, weight address |
//! | I + 1 | operand's row and weight, read from the memories |
//! | I + 2 | operand and weight in the memories' output registers |
//! | I + 3 | operand and weight in the multiplier's input registers |
//! | I + 4 | product |
//! | I + 5 | accumulator with the product in it |
//!
//! The last step of a tile completes the accumulators. A sum over groups of 2^k lanes leaves the adder tree k clocks later;
//! in that *capture* clock the drain register loads all sums of the tile. From the next clock on it hands one sum per
//! clock to the post-processor.

/// Clocks from the issue of a step to the accumulator that holds its product.
pub const ISSUE_TO_SUM: u32 = 5;

/// Clocks from the capture of a tile to its first sum at the head of the drain register.
pub const CAPTURE_TO_HEAD: u32 = 1;

/// Clocks from a sum at the head of the drain register to the memory's write register: operands, sum with the bias,
/// shift, saturation.
pub const HEAD_TO_WRITE: u32 = 4;

/// Clocks from a word in the write register to the first step that can read it from memory.
pub const WRITE_TO_READ: u32 = 1;

/// Additional clocks of the table look-up: read, operands, product, interpolation.
pub const TABLE: u32 = 4;

/// Idle clocks between two captures of different instructions, in which the drain sequencer changes its fields.
pub const DRAIN_SWITCH: u32 = 1;

/// Clocks in which the issue sequencer loads the next instruction.
pub const LOAD: u32 = 1;

/// Clocks from the write of the last word of the head start to the clock in which the first word is read.
pub const WRITE_TO_OUTPUT_READ: u32 = 1;

/// Clocks from the write of the last word of an output frame's head start to the frame's first word at the output.
pub const WRITE_TO_OUTPUT: u32 = 3;

/// Additional clocks when the output order is looked up.
pub const OUTPUT_ORDER: u32 = 1;

/// Clocks from the last score of a frame in the router's register to the first step that can use the member's weights: the
/// largest score, the member, its weight address.
pub const SCORE_TO_STEP: u32 = 3;
