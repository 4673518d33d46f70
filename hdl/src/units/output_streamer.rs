//! Sends finished output frames to the stream, from two buffers in turn.
//!
//! A buffer is busy from its reservation to the moment its last word has been read. A frame begins to leave when so many
//! of its words have been written that it cannot overtake the rest: the head start.
//! If the words leave in another order than they lie in the buffer, a ROM translates the address (one clock more).
//!
//! ```text
//!                  +-----------------+
//!  clock, resetn ->|                 |--> m_axis_*
//!  write_* -----/->|                 |
//!        reserve ->| output_streamer |--> busy
//!       reserved ->|                 |
//!                  +-----------------+
//! ```
//!
//! Timing: three clocks from the write that completes the head start to the first word, four with an order. All outputs
//! are registers.

use emeuro_compiler::OutputBuffer;

use super::{MemoryStyle, Ram, Rom};
use crate::prelude::*;

/// See the [module's documentation](self).
#[derive(LogicBlock)]
pub struct OutputStreamer {
    /// Name and documentation.
    pub info: ModuleInfo,
    /// Name of the hex file with the order; one or none.
    pub order_file: Vec<TextParameter>,
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset, active low.
    pub resetn: Wire<In>,
    /// Writes a word.
    pub write_enable: Wire<In>,
    /// Where to; the top bit is the buffer.
    pub write_address: Wire<In>,
    /// The word.
    pub write_data: Wire<In>,
    /// A buffer is taken.
    pub reserve: Wire<In>,
    /// Which buffer is taken.
    pub reserved: Wire<In>,
    /// Which buffers are in use.
    pub busy: Wire<Out>,
    /// Stream: the word.
    pub m_axis_tdata: Wire<Out>,
    /// Stream: a word is there.
    pub m_axis_tvalid: Wire<Out>,
    /// Stream: it is the last of its frame.
    pub m_axis_tlast: Wire<Out>,
    /// Stream: the word is taken.
    pub m_axis_tready: Wire<In>,
    control: StreamControl,
    order: Vec<Rom>,
    frames: Ram,
    data: OutputRegister,
}

impl OutputStreamer {
    /// Frames of words of `width` bits in buffers of `span` words (a power of two); the order, if there is one, in
    /// `order_file`.
    pub fn new(buffer: &OutputBuffer, width: u32, span: usize, order_file: &str) -> Self {
        let words = buffer.frame_words();
        let order = buffer.order.as_deref().map(|order| (order, order_file));
        let memory = Ram::new(width, 2 * span, MemoryStyle::Block).without_collisions().with_read_enable();
        let address = memory.read_address.width();
        let rom = order.map(|(order, file)| {
            Rom::new(address_bits(span), order.iter().map(|&i| i as u64).collect(), MemoryStyle::Auto, file)
                .with_read_enable()
        });
        Self {
            info: ModuleInfo::new("output_streamer", format!("sends frames of {words} words to the stream"))
                .latency(format!(
                    "{} clocks from the write of word {} of a frame to its first word at the output.",
                    3 + usize::from(order.is_some()),
                    buffer.head_start
                )),
            order_file: order
                .iter()
                .map(|(_, file)| TextParameter::new(*file, "Hex file with the address of every word"))
                .collect(),
            clock: Default::default(),
            resetn: Wire::new(1, "Synchronous reset, active low"),
            write_enable: Wire::new(1, "Writes a word"),
            write_address: Wire::new(address, "Where to; the top bit is the buffer"),
            write_data: Wire::new(width, "The word").signed(),
            reserve: Wire::new(1, "A buffer is taken"),
            reserved: Wire::new(1, "The buffer that is taken"),
            busy: Wire::new(2, "Which buffers are in use"),
            m_axis_tdata: Wire::new(width, "Output word").signed(),
            m_axis_tvalid: Wire::new(1, "The word is valid"),
            m_axis_tlast: Wire::new(1, "The word is the last of its frame"),
            m_axis_tready: Wire::new(1, "The word is taken"),
            control: StreamControl::new(buffer, address - 1),
            order: rom.into_iter().collect(),
            frames: memory,
            data: OutputRegister::new(width),
        }
    }

    /// The text of the order's hex file.
    pub fn hex(&self) -> Option<String> {
        self.order.first().map(Rom::hex)
    }
}

impl Logic for OutputStreamer {
    #[hdl_gen]
    fn update(&mut self) {
        self.control.clock.next = self.clock.val();
        self.frames.clock.next = self.clock.val();
        self.control.resetn.next = self.resetn.val();
        self.control.write_enable.next = self.write_enable.val();
        self.control.write_address.next = self.write_address.val();
        self.control.reserve.next = self.reserve.val();
        self.control.reserved.next = self.reserved.val();
        self.control.m_axis_tready.next = self.m_axis_tready.val();
        for i in 0..self.order.len() {
            self.order[i].clock.next = self.clock.val();
            self.order[i].init_file.next = self.order_file[i].val();
            self.order[i].read_enable[0].next = self.control.read_enable.val();
            self.order[i].address.next = self.control.word[i].val();
            self.control.translated[i].next = self.order[i].data.val();
        }
        self.frames.write_enable.next = self.write_enable.val();
        self.frames.write_address.next = self.write_address.val();
        self.frames.write_data.next = self.write_data.val();
        self.frames.read_enable[0].next = self.control.read_enable.val();
        self.frames.read_address.next = self.control.read_address.val();
        self.busy.next = self.control.busy.val();
        self.data.clock.next = self.clock.val();
        self.data.enable.next = self.control.read_enable.val();
        self.data.d.next = self.frames.read_data.val();
        self.m_axis_tdata.next = self.data.q.val();
        self.m_axis_tvalid.next = self.control.m_axis_tvalid.val();
        self.m_axis_tlast.next = self.control.m_axis_tlast.val();
    }
}

/// The register behind the frame memory.
#[derive(LogicBlock)]
struct OutputRegister {
    info: ModuleInfo,
    clock: Signal<In, Clock>,
    enable: Wire<In>,
    d: Wire<In>,
    q: Wire<Out>,
}

impl OutputRegister {
    fn new(width: u32) -> Self {
        Self {
            info: ModuleInfo::new("output_register", format!("{width} bits with an enable"))
                .latency("1 clock."),
            clock: Default::default(),
            enable: Wire::new(1, "Takes the word"),
            d: Wire::new(width, "The word").signed(),
            q: Wire::new(width, "The word, later").signed(),
        }
    }
}

impl Logic for OutputRegister {
    fn update(&mut self) {
        if self.clock.pos_edge() && self.enable.val().any() {
            self.q.next = self.d.val();
        }
    }

    fn connect(&mut self) {
        self.q.connect();
    }

    fn hdl(&self) -> Verilog {
        Verilog::Custom(
            "always @(posedge clock) begin\n    if (enable) begin\n        q <= d;\n    end\nend".into(),
        )
    }
}

/// Counts words and keeps track of the buffers.
#[derive(LogicBlock)]
struct StreamControl {
    info: ModuleInfo,
    clock: Signal<In, Clock>,
    resetn: Wire<In>,
    write_enable: Wire<In>,
    write_address: Wire<In>,
    reserve: Wire<In>,
    reserved: Wire<In>,
    /// Index of the word for the order ROM; one wire or none.
    word: Vec<Wire<Out>>,
    /// Its address; one wire or none.
    translated: Vec<Wire<In>>,
    read_enable: Wire<Out>,
    read_address: Wire<Out>,
    busy: Wire<Out>,
    m_axis_tready: Wire<In>,
    m_axis_tvalid: Wire<Out>,
    m_axis_tlast: Wire<Out>,
    _words: u64,
    _written_words: u64,
    _head_start: u64,
    _state: State,
}

#[derive(Clone, Copy, Debug, Default)]
struct State {
    written: u64,
    count: u64,
    buffer: u64,
    full: u64,
    busy: u64,
    /// Behind the order ROM: valid, last and buffer.
    looked_up: Option<(bool, u64)>,
    /// Behind the memory: valid and last.
    read: Option<bool>,
    valid: bool,
    last: bool,
}

impl StreamControl {
    fn new(buffer: &OutputBuffer, address: u32) -> Self {
        let (words, ordered) = (buffer.frame_words(), buffer.order.is_some());
        let index = address_bits(words);
        Self {
            info: ModuleInfo::new("stream_control", "counts output words and keeps track of the buffers"),
            clock: Default::default(),
            resetn: Wire::new(1, "Synchronous reset, active low"),
            write_enable: Wire::new(1, "A word is being written"),
            write_address: Wire::new(address + 1, "Where to; the top bit is the buffer"),
            reserve: Wire::new(1, "A buffer is taken"),
            reserved: Wire::new(1, "The buffer that is taken"),
            word: if ordered { vec![Wire::new(index, "Index of the word")] } else { vec![] },
            translated: if ordered {
                vec![Wire::new(address, "Address of the word in its buffer")]
            } else {
                vec![]
            },
            read_enable: Wire::new(1, "The memories read"),
            read_address: Wire::new(address + 1, "Address of the word"),
            busy: Wire::new(2, "Which buffers are in use"),
            m_axis_tready: Wire::new(1, "The word is taken"),
            m_axis_tvalid: Wire::new(1, "The word is valid"),
            m_axis_tlast: Wire::new(1, "The word is the last of its frame"),
            _words: words as u64,
            _written_words: buffer.words as u64,
            _head_start: buffer.head_start as u64,
            _state: State::default(),
        }
    }

    fn ordered(&self) -> bool {
        !self.word.is_empty()
    }

    fn moves(&self) -> bool {
        self.m_axis_tready.val().any() || !self._state.valid
    }

    /// The word that is looked up in this clock: whether it is the last, and its buffer.
    fn begins(&self) -> Option<(bool, u64)> {
        let state = self._state;
        ((state.full >> state.buffer) & 1 == 1).then_some((state.count + 1 == self._words, state.buffer))
    }

    fn next_state(&self) -> State {
        let mut state = self._state;
        if self.write_enable.val().any() {
            let buffer = self.write_address.val().as_u64() >> (self.write_address.width() - 1);
            state.written += 1;
            if state.written == self._head_start {
                state.full |= 1 << buffer;
            }
            if state.written == self._written_words {
                state.written = 0;
            }
        }
        if self.reserve.val().any() {
            state.busy |= 1 << self.reserved.val().as_u64();
        }
        if !self.moves() {
            return state;
        }
        let begins = self.begins();
        let reads = if self.ordered() { state.looked_up } else { begins };
        state.looked_up = begins;
        (state.valid, state.last) = (state.read.is_some(), state.read.unwrap_or(false));
        state.read = reads.map(|(last, _)| last);
        if let Some((true, buffer)) = reads {
            state.full &= !(1 << buffer);
            state.busy &= !(1 << buffer);
        }
        if let Some((last, _)) = begins {
            state.count = if last { 0 } else { state.count + 1 };
            state.buffer ^= u64::from(last);
        }
        state
    }
}

impl Logic for StreamControl {
    fn update(&mut self) {
        if self.clock.pos_edge() {
            self._state = if self.resetn.val().any() { self.next_state() } else { State::default() };
        }
        let state = self._state;
        let bits = self.read_address.width() - 1;
        for word in &mut self.word {
            word.next = Value::from(state.count);
        }
        let (buffer, low) = match self.translated.first() {
            Some(address) => (state.looked_up.map_or(0, |(_, buffer)| buffer), address.val().as_u64()),
            None => (state.buffer, state.count),
        };
        self.read_address.next = Value::from(buffer << bits | low);
        self.read_enable.next = self.moves().into();
        self.busy.next = Value::from(state.busy);
        self.m_axis_tvalid.next = state.valid.into();
        self.m_axis_tlast.next = state.last.into();
    }

    fn connect(&mut self) {
        self.word.iter_mut().for_each(|w| w.connect());
        self.read_enable.connect();
        self.read_address.connect();
        self.busy.connect();
        self.m_axis_tvalid.connect();
        self.m_axis_tlast.connect();
    }

    fn hdl(&self) -> Verilog {
        let index = address_bits(self._words as usize);
        let written = address_bits(self._written_words as usize);
        let address = self.read_address.width() - 1;
        let (wires, stage, registers) = if self.ordered() {
            (
                "\
assign word_0 = count;
assign read_address = {buffer_1, translated_0};
wire reads      = valid_1;
wire reads_last = last_1;
wire from       = buffer_1;
"
                .to_owned(),
                "            valid_1  <= begins;\n            last_1   <= at_end;\n            buffer_1 <= buffer;\n",
                "reg valid_1;\nreg last_1;\nreg buffer_1;\n",
            )
        } else {
            let low = match address - index {
                0 => "count".to_owned(),
                n => format!("{n}'d0, count"),
            };
            let wires = format!(
                "\
assign read_address = {{buffer, {low}}};
wire reads      = begins;
wire reads_last = at_end;
wire from       = buffer;
"
            );
            (wires, "", "")
        };
        let reset = if self.ordered() { "        valid_1 <= 1'b0;\n" } else { "" };
        Verilog::Custom(format!(
            "\
reg [{written_high}:0] written;
reg [{high}:0] count;
reg buffer;
reg [1:0] full;
reg [1:0] in_use;
reg read;
reg read_last;
reg valid;
reg last;
{registers}
wire written_buffer = write_address[{address}];
wire unused = &{{1'b0, write_address[{address_high}:0]}};

wire moves  = m_axis_tready || !valid;
wire begins = full[buffer];
wire at_end = count == {index}'d{end};
{wires}
assign read_enable   = moves;
assign busy          = in_use;
assign m_axis_tvalid = valid;
assign m_axis_tlast  = last;

always @(posedge clock) begin
    if (!resetn) begin
        written <= {written}'d0;
        count  <= {index}'d0;
        buffer <= 1'b0;
        full   <= 2'b00;
        in_use <= 2'b00;
        read   <= 1'b0;
        valid  <= 1'b0;
        last   <= 1'b0;
{reset}    end else begin
        if (write_enable) begin
            written <= written == {written}'d{last_written} ? {written}'d0 : written + {written}'d1;
            if (written == {written}'d{ready}) begin
                full[written_buffer] <= 1'b1;
            end
        end
        if (reserve) begin
            in_use[reserved] <= 1'b1;
        end
        if (moves) begin
            read      <= reads;
            read_last <= reads_last;
            valid     <= read;
            last      <= read && read_last;
{stage}            if (reads && reads_last) begin
                full[from]   <= 1'b0;
                in_use[from] <= 1'b0;
            end
            if (begins) begin
                count <= at_end ? {index}'d0 : count + {index}'d1;
                if (at_end) begin
                    buffer <= !buffer;
                end
            end
        end
    end
end",
            high = index - 1,
            end = self._words - 1,
            written_high = written - 1,
            address_high = address - 1,
            last_written = self._written_words - 1,
            ready = self._head_start - 1,
        ))
    }
}
