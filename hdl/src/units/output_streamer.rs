//! Sends finished output frames to the stream, from two buffers in turn.
//!
//! A buffer is busy from its reservation to the moment its last word has been read. A frame begins to leave when so many
//! of its writes have been made that it cannot overtake the rest: the head start. A beat of the stream takes one or several
//! words along.
//! Frames of different quality levels are written in different ways; `level_0` is that of the frame that is written.
//! If the words leave in another order than they lie in the buffer, a ROM translates the address (one clock more); then
//! every word of a beat has a ROM and a copy of the buffers of its own.
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
//! Timing: three clocks from the write that completes the head start to the first beat, four with an order. All outputs
//! are registers.

use emeuro_compiler::OutputBuffer;

use super::{MemoryStyle, Ram, Rom, input_loader::stream_data};
use crate::prelude::*;

/// See the [module's documentation](self).
#[derive(LogicBlock)]
pub struct OutputStreamer {
    /// Name and documentation.
    pub info: ModuleInfo,
    /// Names of the hex files with the order: one per word of a beat, or none.
    pub order_file: Vec<TextParameter>,
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset, active low.
    pub resetn: Wire<In>,
    /// Writes words, one bit per word of a row.
    pub write_enable: Wire<In>,
    /// Which row; the top bit is the buffer.
    pub write_address: Wire<In>,
    /// The words.
    pub write_data: Vec<Wire<In>>,
    /// Quality level of the frame that is written; one wire, or none if there is one level.
    pub level: Vec<Wire<In>>,
    /// A buffer is taken.
    pub reserve: Wire<In>,
    /// Which buffer is taken.
    pub reserved: Wire<In>,
    /// Which buffers are in use.
    pub busy: Wire<Out>,
    /// Writes of a frame have begun and not ended; one wire, or none without a control port. Words that the order leaves out may
    /// be written when the frame has left.
    pub writing: Vec<Wire<Out>>,
    /// Stream: the words of a beat, the first in the low bits.
    pub m_axis_tdata: Wire<Out>,
    /// Stream: which bytes of the beat belong to the frame.
    pub m_axis_tkeep: Wire<Out>,
    /// Stream: a beat is there.
    pub m_axis_tvalid: Wire<Out>,
    /// Stream: it is the last of its frame.
    pub m_axis_tlast: Wire<Out>,
    /// Stream: the beat is taken.
    pub m_axis_tready: Wire<In>,
    control: StreamControl,
    order: Vec<Rom>,
    frames: Vec<Ram>,
    data: OutputRegister,
    /// Words that a memory reads at once.
    _read_words: usize,
}

/// What an output streamer has to do.
#[derive(Clone, Copy, Debug)]
pub struct StreamShape<'a> {
    /// The frame.
    pub buffer: &'a OutputBuffer,
    /// Bits of a word.
    pub width: u32,
    /// Words of a beat, a power of two.
    pub per_beat: usize,
    /// Words of a row of the buffers, a power of two; at least `per_beat` if there is no order.
    pub row: usize,
    /// Distance of the two buffers in words, a power of two and at least two rows.
    pub span: usize,
}

impl OutputStreamer {
    /// Frames as `shape` says; the order, if there is one, in the hex files `<order_file>_<word of the beat>.hex`.
    pub fn new(shape: StreamShape, order_file: &str) -> Self {
        let StreamShape { buffer, width, per_beat, row, span } = shape;
        let words = buffer.frame_words();
        let memory = |read: usize| {
            let ram = Ram::new(width, 2 * span, MemoryStyle::Block).without_collisions().with_read_enable();
            ram.with_rows(row, read)
        };
        let frames: Vec<Ram> = match &buffer.order {
            None => vec![memory(per_beat)],
            Some(_) => (0..per_beat).map(|_| memory(1)).collect(),
        };
        let file = |word: usize| match per_beat {
            1 => format!("{order_file}.hex"),
            _ => format!("{order_file}_{word}.hex"),
        };
        let order: Vec<Rom> = buffer
            .order
            .iter()
            .flat_map(|order| {
                (0..per_beat).map(move |word| {
                    let mut addresses: Vec<u64> =
                        order.iter().skip(word).step_by(per_beat).map(|&i| i as u64).collect();
                    // The last beat may have fewer words.
                    addresses.resize(words.div_ceil(per_beat), 0);
                    Rom::new(address_bits(span), addresses, MemoryStyle::Auto, file(word)).with_read_enable()
                })
            })
            .collect();
        let (write_bits, words_written) = (frames[0].write_address.width(), buffer.writes);
        Self {
            info: ModuleInfo::new("output_streamer", format!("sends frames of {words} words to the stream"))
                .latency(format!(
                    "{} clocks from write {} of the {words_written} of a frame to its first beat at the output.",
                    3 + usize::from(!order.is_empty()),
                    buffer.head_start
                )),
            order_file: (0..order.len())
                .map(|word| TextParameter::new(file(word), "Hex file with the addresses of words"))
                .collect(),
            clock: Default::default(),
            resetn: Wire::new(1, "Synchronous reset, active low"),
            write_enable: Wire::new(row as u32, "Writes words, one bit per word of a row"),
            write_address: Wire::new(write_bits, "Which row; the top bit is the buffer"),
            write_data: (0..row)
                .map(|k| Wire::new(width, format!("Word {k} of the row")).signed())
                .collect(),
            level: vec![],
            reserve: Wire::new(1, "A buffer is taken"),
            reserved: Wire::new(1, "The buffer that is taken"),
            busy: Wire::new(2, "Which buffers are in use"),
            writing: vec![],
            m_axis_tdata: stream_data(width, per_beat, "Output"),
            m_axis_tkeep: keep_wire(shape),
            m_axis_tvalid: Wire::new(1, "The beat is valid"),
            m_axis_tlast: Wire::new(1, "The beat is the last of its frame"),
            m_axis_tready: Wire::new(1, "The beat is taken"),
            control: StreamControl::new(shape, write_bits),
            data: OutputRegister::new(width, per_beat),
            _read_words: frames[0].read_data.len(),
            order,
            frames,
        }
    }

    /// The same streamer for frames of several quality levels: of each, the lowest first, the writes of a frame and after how
    /// many of them it may leave.
    pub fn with_levels(self, levels: &[(usize, usize)]) -> Self {
        let level =
            || vec![Wire::new(address_bits(levels.len()), "Quality level of the frame that is written")];
        Self {
            level: level(),
            control: StreamControl { level: level(), ..self.control.of_levels(levels) },
            ..self
        }
    }

    /// The same streamer with a wire that says whether a frame is being written.
    pub fn with_writing(self) -> Self {
        let writing = || vec![Wire::new(1, "Writes of a frame have begun and not ended")];
        Self { writing: writing(), control: StreamControl { writing: writing(), ..self.control }, ..self }
    }

    /// The hex files of the order: names and texts.
    pub fn hex_files(&self) -> impl Iterator<Item = (String, String)> {
        self.order_file.iter().zip(&self.order).map(|(file, rom)| (file.text().to_owned(), rom.hex()))
    }
}

/// The wire that says which bytes of a beat belong to the frame.
pub(crate) fn keep_wire(shape: StreamShape) -> Wire<Out> {
    let bytes = shape.per_beat as u32 * shape.width / 8;
    Wire::new(bytes, "Which bytes of the output belong to the frame")
}

impl Logic for OutputStreamer {
    #[hdl_gen]
    fn update(&mut self) {
        self.control.clock.next = self.clock.val();
        self.control.resetn.next = self.resetn.val();
        self.control.write_enable.next = self.write_enable.val();
        self.control.write_address.next = self.write_address.val();
        for i in 0..self.level.len() {
            self.control.level[i].next = self.level[i].val();
        }
        self.control.reserve.next = self.reserve.val();
        self.control.reserved.next = self.reserved.val();
        self.control.m_axis_tready.next = self.m_axis_tready.val();
        for i in 0..self.order.len() {
            self.order[i].clock.next = self.clock.val();
            self.order[i].init_file.next = self.order_file[i].val();
            self.order[i].read_enable[0].next = self.control.read_enable.val();
            self.order[i].address.next = self.control.beat[0].val();
            self.control.translated[i].next = self.order[i].data.val();
        }
        for i in 0..self.frames.len() {
            self.frames[i].clock.next = self.clock.val();
            self.frames[i].write_enable.next = self.write_enable.val();
            self.frames[i].write_address.next = self.write_address.val();
            self.frames[i].read_enable[0].next = self.control.read_enable.val();
            self.frames[i].read_address.next = self.control.read_address[i].val();
            for j in 0..self.write_data.len() {
                self.frames[i].write_data[j].next = self.write_data[j].val();
            }
            for j in 0..self._read_words {
                self.data.d[i + j].next = self.frames[i].read_data[j].val();
            }
        }
        self.busy.next = self.control.busy.val();
        for i in 0..self.writing.len() {
            self.writing[i].next = self.control.writing[i].val();
        }
        self.data.clock.next = self.clock.val();
        self.data.enable.next = self.control.read_enable.val();
        self.m_axis_tdata.next = self.data.q.val();
        self.m_axis_tkeep.next = self.control.m_axis_tkeep.val();
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
    d: Vec<Wire<In>>,
    q: Wire<Out>,
}

impl OutputRegister {
    fn new(width: u32, words: usize) -> Self {
        Self {
            info: ModuleInfo::new("output_register", format!("{words} words of {width} bits with an enable"))
                .latency("1 clock."),
            clock: Default::default(),
            enable: Wire::new(1, "Takes the words"),
            d: (0..words).map(|k| Wire::new(width, format!("Word {k}"))).collect(),
            q: stream_data(width, words, "Output"),
        }
    }
}

impl Logic for OutputRegister {
    fn update(&mut self) {
        if self.clock.pos_edge() && self.enable.val().any() {
            let joined = |q: u64, word: &Wire<In>| q << (word.width() % 64) | word.val().as_u64();
            self.q.next = Value::from(self.d.iter().rev().fold(0, joined));
        }
    }

    fn connect(&mut self) {
        self.q.connect();
    }

    fn hdl(&self) -> Verilog {
        let words: Vec<String> = (0..self.d.len()).rev().map(|k| format!("d_{k}")).collect();
        Verilog::Custom(format!(
            "always @(posedge clock) begin\n    if (enable) begin\n        q <= {{{}}};\n    end\nend",
            words.join(", ")
        ))
    }
}

/// Counts beats and keeps track of the buffers.
#[derive(LogicBlock)]
struct StreamControl {
    info: ModuleInfo,
    clock: Signal<In, Clock>,
    resetn: Wire<In>,
    write_enable: Wire<In>,
    write_address: Wire<In>,
    /// One wire, or none if there is one level.
    level: Vec<Wire<In>>,
    reserve: Wire<In>,
    reserved: Wire<In>,
    /// Index of the beat for the order ROMs; one wire or none.
    beat: Vec<Wire<Out>>,
    /// Addresses of its words, or none.
    translated: Vec<Wire<In>>,
    read_enable: Wire<Out>,
    read_address: Vec<Wire<Out>>,
    busy: Wire<Out>,
    /// One wire or none.
    writing: Vec<Wire<Out>>,
    m_axis_tready: Wire<In>,
    m_axis_tkeep: Wire<Out>,
    m_axis_tvalid: Wire<Out>,
    m_axis_tlast: Wire<Out>,
    _beats: u64,
    /// Bytes of the last beat, as a mask.
    _last_bytes: u64,
    /// Writes of a frame, and after how many of them it may leave, of every level.
    _levels: Vec<(u64, u64)>,
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
    fn new(shape: StreamShape, write_bits: u32) -> Self {
        let StreamShape { buffer, width, per_beat, span, .. } = shape;
        let (words, ordered) = (buffer.frame_words(), buffer.order.is_some());
        let beats = words.div_ceil(per_beat);
        let (readers, read_words) = if ordered { (per_beat, 1) } else { (1, per_beat) };
        let last_words = words - (beats - 1) * per_beat;
        Self {
            info: ModuleInfo::new("stream_control", "counts output beats and keeps track of the buffers"),
            clock: Default::default(),
            resetn: Wire::new(1, "Synchronous reset, active low"),
            write_enable: Wire::new(shape.row as u32, "Words are being written"),
            write_address: Wire::new(write_bits, "Which row; the top bit is the buffer"),
            level: vec![],
            reserve: Wire::new(1, "A buffer is taken"),
            reserved: Wire::new(1, "The buffer that is taken"),
            beat: ordered.then(|| Wire::new(address_bits(beats), "Index of the beat")).into_iter().collect(),
            translated: (0..if ordered { per_beat } else { 0 })
                .map(|k| Wire::new(address_bits(span), format!("Address of word {k} in its buffer")))
                .collect(),
            read_enable: Wire::new(1, "The memories read"),
            read_address: (0..readers)
                .map(|_| Wire::new(address_bits(2 * span / read_words), "Address of the words"))
                .collect(),
            busy: Wire::new(2, "Which buffers are in use"),
            writing: vec![],
            m_axis_tready: Wire::new(1, "The beat is taken"),
            m_axis_tkeep: keep_wire(shape),
            m_axis_tvalid: Wire::new(1, "The beat is valid"),
            m_axis_tlast: Wire::new(1, "The beat is the last of its frame"),
            _beats: beats as u64,
            _last_bytes: (1 << (last_words as u32 * width / 8)) - 1,
            _levels: vec![(buffer.writes as u64, buffer.head_start as u64)],
            _state: State::default(),
        }
    }

    fn of_levels(self, levels: &[(usize, usize)]) -> Self {
        let levels = levels.iter().map(|&(writes, head_start)| (writes as u64, head_start as u64));
        Self { _levels: levels.collect(), ..self }
    }

    /// Of the frame that is written.
    fn writes(&self) -> (u64, u64) {
        let level = self.level.first().map_or(0, |level| level.val().index());
        self._levels[level.min(self._levels.len() - 1)]
    }

    /// The number of a write, less 1, as a Verilog expression that depends on the level.
    fn of_level(&self, bits: u32, count: fn(&(u64, u64)) -> u64) -> String {
        let level_bits = address_bits(self._levels.len());
        let number = |level: &(u64, u64)| format!("{bits}'d{}", count(level) - 1);
        let [lower @ .., highest] = self._levels.as_slice() else { return String::new() };
        let choices = lower.iter().enumerate();
        let choices =
            choices.map(|(k, level)| format!("level_0 == {level_bits}'d{k} ? {} : ", number(level)));
        choices.chain([number(highest)]).collect()
    }

    fn ordered(&self) -> bool {
        !self.beat.is_empty()
    }

    fn moves(&self) -> bool {
        self.m_axis_tready.val().any() || !self._state.valid
    }

    /// The beat that is looked up in this clock: whether it is the last, and its buffer.
    fn begins(&self) -> Option<(bool, u64)> {
        let state = self._state;
        ((state.full >> state.buffer) & 1 == 1).then_some((state.count + 1 == self._beats, state.buffer))
    }

    fn next_state(&self) -> State {
        let mut state = self._state;
        if self.write_enable.val().any() {
            let buffer = self.write_address.val().as_u64() >> (self.write_address.width() - 1);
            let (writes, head_start) = self.writes();
            state.written += 1;
            if state.written == head_start {
                state.full |= 1 << buffer;
            }
            if state.written == writes {
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
        for beat in &mut self.beat {
            beat.next = Value::from(state.count);
        }
        for (k, read_address) in self.read_address.iter_mut().enumerate() {
            let (buffer, low) = match self.translated.get(k) {
                Some(address) => (state.looked_up.map_or(0, |(_, buffer)| buffer), address.val().as_u64()),
                None => (state.buffer, state.count),
            };
            read_address.next = Value::from(buffer << (read_address.width() - 1) | low);
        }
        let all = !Value::new(self.m_axis_tkeep.width(), 0);
        self.m_axis_tkeep.next = if state.last { Value::from(self._last_bytes) } else { all };
        self.read_enable.next = self.moves().into();
        self.busy.next = Value::from(state.busy);
        self.writing.iter_mut().for_each(|wire| wire.next = (state.written != 0).into());
        self.m_axis_tvalid.next = state.valid.into();
        self.m_axis_tlast.next = state.last.into();
    }

    fn connect(&mut self) {
        self.beat.iter_mut().for_each(|w| w.connect());
        self.read_enable.connect();
        self.read_address.iter_mut().for_each(|w| w.connect());
        self.m_axis_tkeep.connect();
        self.busy.connect();
        self.writing.iter_mut().for_each(|w| w.connect());
        self.m_axis_tvalid.connect();
        self.m_axis_tlast.connect();
    }

    fn hdl(&self) -> Verilog {
        let index = address_bits(self._beats as usize);
        let most = self._levels.iter().map(|level| level.0).max().unwrap_or(1);
        let written = address_bits(most as usize);
        let (last_written, ready) =
            (self.of_level(written, |level| level.0), self.of_level(written, |level| level.1));
        let (levels, last_written, ready) = match self.level.is_empty() {
            true => (String::new(), last_written, ready),
            false => (
                format!(
                    "// Numbers of writes, less 1: the last of a frame, and that with which it may leave.\n\
                     wire [{high}:0] last_write  = {last_written};\n\
                     wire [{high}:0] ready_write = {ready};\n",
                    high = written - 1
                ),
                "last_write".to_owned(),
                "ready_write".to_owned(),
            ),
        };
        let (address, buffer_bit) = (self.read_address[0].width() - 1, self.write_address.width() - 1);
        let any = if self.write_enable.width() == 1 { "write_enable" } else { "|write_enable" };
        let (bytes, last_bytes) = (self.m_axis_tkeep.width(), self._last_bytes);
        let keep = match last_bytes == (1 << bytes) - 1 {
            true => format!("{{{bytes}{{1'b1}}}}"),
            false => format!("last ? {bytes}'d{last_bytes} : {{{bytes}{{1'b1}}}}"),
        };
        let (wires, stage, registers) = if self.ordered() {
            let addresses: String = (0..self.translated.len())
                .map(|k| format!("assign read_address_{k} = {{buffer_1, translated_{k}}};\n"))
                .collect();
            (
                format!(
                    "\
assign beat_0 = count;
{addresses}wire reads      = valid_1;
wire reads_last = last_1;
wire from       = buffer_1;
"
                ),
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
assign read_address_0 = {{buffer, {low}}};
wire reads      = begins;
wire reads_last = at_end;
wire from       = buffer;
"
            );
            (wires, "", "")
        };
        let writing = match self.writing.as_slice() {
            [] => String::new(),
            _ => format!("assign writing_0     = written != {written}'d0;\n"),
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
{levels}wire writes = {any};
wire written_buffer = write_address[{buffer_bit}];
wire unused = &{{1'b0, write_address[{unused_high}:0]}};

wire moves  = m_axis_tready || !valid;
wire begins = full[buffer];
wire at_end = count == {index}'d{end};
{wires}
assign read_enable   = moves;
assign busy          = in_use;
{writing}assign m_axis_tvalid = valid;
assign m_axis_tlast  = last;
assign m_axis_tkeep  = {keep};

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
        if (writes) begin
            written <= written == {last_written} ? {written}'d0 : written + {written}'d1;
            if (written == {ready}) begin
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
            end = self._beats - 1,
            written_high = written - 1,
            unused_high = buffer_bit - 1,
        ))
    }
}
