//! Takes input frames from the stream into one of two buffers of the lanes' memory.
//!
//! A beat of the stream brings one or several words; words of the last beat beyond the frame are ignored. A frame ends with
//! `tlast`. A frame of the wrong length is dropped whole: a short one is overwritten by the next, the
//! rest of a long one is swallowed up to its `tlast`. Either sets a flag that stays until reset. A reset that the stream does not know
//! of (`stream_goes_on_0`) leaves the rest of a long frame to be swallowed, and its flag set.
//!
//! ```text
//!                  +--------------+
//!  clock, resetn ->|              |--> word_valid, word_address, word_*
//!  s_axis_* ----/->| input_loader |--> full
//!        blocked ->|              |--> short_frame, long_frame
//!  release_buffer >|              |
//!          parity >|              |
//!                  +--------------+
//! ```
//!
//! Timing: words leave in the clock in which they are accepted; `full` follows one clock after the last beat.

use crate::prelude::*;

/// See the [module's documentation](self).
#[derive(LogicBlock)]
pub struct InputLoader {
    /// Name and documentation.
    pub info: ModuleInfo,
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset, active low.
    pub resetn: Wire<In>,
    /// Stream: the words of a beat, the first in the low bits.
    pub s_axis_tdata: Wire<In>,
    /// Stream: a beat is there.
    pub s_axis_tvalid: Wire<In>,
    /// Stream: it is the last of its frame.
    pub s_axis_tlast: Wire<In>,
    /// Stream: the beat is taken.
    pub s_axis_tready: Wire<Out>,
    /// The write port is taken.
    pub blocked: Wire<In>,
    /// A buffer is given back.
    pub release_buffer: Wire<In>,
    /// Which buffer.
    pub parity: Wire<In>,
    /// Words for the memory.
    pub word_valid: Wire<Out>,
    /// Address of the first.
    pub word_address: Wire<Out>,
    /// The words.
    pub word: Vec<Wire<Out>>,
    /// Which buffers hold a frame.
    pub full: Wire<Out>,
    /// Clears the flags: bit 0 that of short frames, bit 1 that of long frames; one wire or none.
    pub clear_flags: Vec<Wire<In>>,
    /// The reset is not one of the stream; one wire, or none without a control port.
    pub stream_goes_on: Vec<Wire<In>>,
    /// A short frame was dropped.
    pub short_frame: Wire<Out>,
    /// A long frame was dropped.
    pub long_frame: Wire<Out>,
    _beats: u64,
    _span: u64,
    _state: State,
}

#[derive(Clone, Copy, Debug, Default)]
struct State {
    count: u64,
    buffer: u64,
    full: u64,
    dropping: bool,
    short: bool,
    long: bool,
}

/// The data of a stream with `per_beat` words of `width` bits.
pub(crate) fn stream_data<D: Direction>(width: u32, per_beat: usize, kind: &str) -> Wire<D> {
    match per_beat {
        1 => Wire::new(width, format!("{kind} word, two's complement")).signed(),
        n => Wire::new(
            width * n as u32,
            format!("{n} {} words, the first in the low bits", kind.to_lowercase()),
        ),
    }
}

/// Verilog that takes `data` apart.
fn words_of(data: &str, words: &[Wire<Out>]) -> String {
    let width = words[0].width() as usize;
    let assign = |k: usize| format!("assign word_{k} = {data}[{}:{}];\n", (k + 1) * width - 1, k * width);
    (0..words.len()).map(assign).collect()
}

impl InputLoader {
    /// Frames of `words` words of `width` bits in beats of `per_beat`, buffers `span` words apart in a memory of `address`
    /// bits.
    pub fn new(words: usize, width: u32, per_beat: usize, span: usize, address: u32) -> Self {
        Self {
            info: ModuleInfo::new("input_loader", format!("takes frames of {words} words from the stream"))
                .prose("A frame of the wrong length is dropped whole and sets a flag that stays until reset.")
                .latency("none from the stream to the word; `full` follows 1 clock after the last word."),
            clock: Default::default(),
            resetn: Wire::new(1, "Synchronous reset, active low"),
            s_axis_tdata: stream_data(width, per_beat, "Input"),
            s_axis_tvalid: Wire::new(1, "The beat is valid"),
            s_axis_tlast: Wire::new(1, "The beat is the last of its frame"),
            s_axis_tready: Wire::new(1, "The beat is taken"),
            blocked: Wire::new(1, "The write port is taken"),
            release_buffer: Wire::new(1, "A buffer is given back"),
            parity: Wire::new(1, "Which buffer is given back"),
            word_valid: Wire::new(1, "Words for the memory"),
            word_address: Wire::new(address, "Address of the first"),
            word: (0..per_beat).map(|k| Wire::new(width, format!("Word {k}")).signed()).collect(),
            full: Wire::new(2, "Which buffers hold a frame"),
            clear_flags: vec![],
            stream_goes_on: vec![],
            short_frame: Wire::new(1, "A frame was too short and was dropped; stays until reset"),
            long_frame: Wire::new(1, "A frame was too long and was dropped; stays until reset"),
            _beats: words.div_ceil(per_beat) as u64,
            _span: span as u64,
            _state: State::default(),
        }
    }

    /// The same loader with flags that can be cleared, and with resets that the stream does not know of.
    pub fn with_clear(self) -> Self {
        let flag =
            |kind: &str| Wire::new(1, format!("A frame was too {kind} and was dropped; stays until cleared"));
        Self {
            clear_flags: vec![Wire::new(2, "Clears the flags of short and of long frames")],
            stream_goes_on: vec![Wire::new(1, "The reset is not one of the stream")],
            short_frame: flag("short"),
            long_frame: flag("long"),
            ..self
        }
    }

    fn count_width(&self) -> u32 {
        address_bits(self._beats as usize)
    }

    fn ready(&self) -> bool {
        (self._state.full >> self._state.buffer) & 1 == 0 && !self.blocked.val().any()
    }

    fn next_state(&self) -> State {
        let mut state = self._state;
        for clear in &self.clear_flags {
            state.short &= !clear.val().get_bit(0);
            state.long &= !clear.val().get_bit(1);
        }
        if self.release_buffer.val().any() {
            state.full &= !(1 << self.parity.val().as_u64());
        }
        if !(self.ready() && self.s_axis_tvalid.val().any()) {
            return state;
        }
        let (last, end) = (self.s_axis_tlast.val().any(), state.count + 1 == self._beats);
        state.count = if last || end || state.dropping { 0 } else { state.count + 1 };
        if state.dropping {
            state.dropping = !last;
        } else if last && end {
            state.full |= 1 << state.buffer;
            state.buffer ^= 1;
        } else if last {
            state.short = true;
        } else if end {
            (state.long, state.dropping) = (true, true);
        }
        state
    }
}

impl Logic for InputLoader {
    fn update(&mut self) {
        if self.clock.pos_edge() {
            let dropping = self._state.dropping && self.stream_goes_on.iter().any(|wire| wire.val().any());
            self._state = match self.resetn.val().any() {
                true => self.next_state(),
                false => State { dropping, long: dropping, ..State::default() },
            };
        }
        let state = self._state;
        self.s_axis_tready.next = self.ready().into();
        self.word_valid.next = (self.ready() && self.s_axis_tvalid.val().any() && !state.dropping).into();
        let first = state.count * self.word.len() as u64;
        self.word_address.next = Value::from(first | if state.buffer == 1 { self._span } else { 0 });
        for (k, word) in self.word.iter_mut().enumerate() {
            word.next = Value::from(self.s_axis_tdata.val().as_u64() >> (k as u32 * word.width()));
        }
        self.full.next = Value::from(state.full);
        self.short_frame.next = state.short.into();
        self.long_frame.next = state.long.into();
    }

    fn connect(&mut self) {
        self.s_axis_tready.connect();
        self.word_valid.connect();
        self.word_address.connect();
        self.word.iter_mut().for_each(|word| word.connect());
        self.full.connect();
        self.short_frame.connect();
        self.long_frame.connect();
    }

    fn hdl(&self) -> Verilog {
        let (count, address) = (self.count_width(), self.word_address.width());
        let span_bit = self._span.ilog2();
        // The buffer's bit lies above the counter, with zeros around it.
        let mut parts = vec![];
        match address - span_bit - 1 {
            0 => {}
            n => parts.push(format!("{n}'d0")),
        }
        parts.push("buffer".to_owned());
        let low = self.word.len().ilog2();
        if span_bit > count + low {
            parts.push(format!("{}'d0", span_bit - count - low));
        }
        parts.push("count".to_owned());
        if low > 0 {
            parts.push(format!("{low}'d0"));
        }
        let words = match self.word.len() {
            1 => "assign word_0        = s_axis_tdata;\n".to_owned(),
            _ => words_of("s_axis_tdata", &self.word),
        };
        // A flag that is set in the clock in which it is cleared stays set: the later assignment wins.
        let clears: String = ["short_seen", "long_seen"]
            .iter()
            .enumerate()
            .filter(|_| !self.clear_flags.is_empty())
            .map(|(bit, flag)| {
                format!("        if (clear_flags_0[{bit}]) begin\n            {flag} <= 1'b0;\n        end\n")
            })
            .collect();
        Verilog::Custom(format!(
            "\
reg [{high}:0] count;
reg buffer;
reg dropping;
reg [1:0] buffers;
reg short_seen;
reg long_seen;

wire accept = s_axis_tvalid && s_axis_tready;
wire at_end = count == {count}'d{last};

assign s_axis_tready = !buffers[buffer] && !blocked;
assign word_valid    = accept && !dropping;
assign word_address  = {{{parts}}};
{words}assign full          = buffers;
assign short_frame   = short_seen;
assign long_frame    = long_seen;

always @(posedge clock) begin
    if (!resetn) begin
        count      <= {count}'d0;
        buffer     <= 1'b0;
        dropping   <= {dropped};
        buffers    <= 2'b00;
        short_seen <= 1'b0;
        long_seen  <= {dropped};
    end else begin
{clears}        if (release_buffer) begin
            buffers[parity] <= 1'b0;
        end
        if (accept) begin
            count <= s_axis_tlast || at_end || dropping ? {count}'d0 : count + {count}'d1;
            if (dropping) begin
                dropping <= !s_axis_tlast;
            end else if (s_axis_tlast && at_end) begin
                buffers[buffer] <= 1'b1;
                buffer          <= !buffer;
            end else if (s_axis_tlast) begin
                short_seen <= 1'b1;
            end else if (at_end) begin
                long_seen <= 1'b1;
                dropping  <= 1'b1;
            end
        end
    end
end",
            high = count - 1,
            last = self._beats - 1,
            parts = parts.join(", "),
            dropped = match self.stream_goes_on.as_slice() {
                [] => "1'b0",
                _ => "stream_goes_on_0 && dropping",
            },
        ))
    }
}
