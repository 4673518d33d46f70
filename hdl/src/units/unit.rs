//! The NN augmentation unit: a microcoded vector engine that runs one emulator.
//!
//! Input frames come in over an AXI4-Stream and wait in one of two buffers; the issue sequencer walks through the
//! program; the lanes multiply and accumulate; the reducer adds neighbouring lanes; the drain sequencer tells every
//! result where it belongs; results go back to the lanes' memory or to the output buffers, which the output stream
//! empties. Input, computation and output of three successive frames overlap.
//!
//! ```text
//!             +-------------------------------------------------------------+
//!             |            issue ----------------.        drain             |
//!             |              |                    |         |               |
//! s_axis --->-|-> input --> write --> lanes --> reducer -> requantiser -.   |
//!             |   loader    port      (L x)                (interpolator) |  |
//!             |              ^------------------------------------------'   |
//!             |              '----------------> output streamer ------------|->- m_axis
//!             +-------------------------------------------------------------+
//! ```
//!
//! Timing: see [`emeuro_compiler::timing`]; latency and period of a program are what
//! [`Machine::cycles`](emeuro_compiler::Machine::cycles) says.
//!
//! # Example
//!
//! ```
//! use emeuro_compiler::{UnitConfig, compile};
//! use emeuro_hdl::{print, units::Unit};
//!
//! let emulator = emeuro_golden::sample_emulator(1);
//! let program = compile(&emulator, &UnitConfig::new(4)?)?;
//! let files = print(&Unit::new(&program, "sample"), "sample_unit", "sample", "An example.")?;
//! assert_eq!(files.last().unwrap().name, "sample_unit.v");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use emeuro_compiler::{Combine, Control, Program, WeightMemory, timing};

use super::{
    MemoryStyle, Rom,
    control_registers::store_shape,
    delay_line::{FlagDelay, WordDelay},
    drain::Drain,
    input_loader::{InputLoader, stream_data},
    interpolator::Interpolator,
    issue::Issue,
    lane::Lane,
    mac::MacShape,
    output_streamer::{OutputStreamer, StreamShape, keep_wire},
    program_counter::level_wire,
    reducer::{Reducer, taps},
    requantiser::Requantiser,
    router::{Router, RouterShape},
    weight_store::WeightStore,
    write_port::{WritePort, WriteShape},
};
use crate::prelude::*;
use crate::register_map::UnitNumbers;

/// See the [module's documentation](self).
#[derive(LogicBlock)]
pub struct Unit {
    /// Name and documentation.
    pub info: ModuleInfo,
    /// Clock.
    pub aclk: Signal<In, Clock>,
    /// Synchronous reset, active low.
    pub aresetn: Wire<In>,
    /// Input stream: the words of a beat, the first in the low bits.
    pub s_axis_tdata: Wire<In>,
    /// Input stream: a beat is there.
    pub s_axis_tvalid: Wire<In>,
    /// Input stream: it is the last of its frame.
    pub s_axis_tlast: Wire<In>,
    /// Input stream: the beat is taken.
    pub s_axis_tready: Wire<Out>,
    /// Output stream: the words of a beat, the first in the low bits.
    pub m_axis_tdata: Wire<Out>,
    /// Output stream: which bytes of the beat belong to the frame.
    pub m_axis_tkeep: Wire<Out>,
    /// Output stream: a beat is there.
    pub m_axis_tvalid: Wire<Out>,
    /// Output stream: it is the last of its frame.
    pub m_axis_tlast: Wire<Out>,
    /// Output stream: the beat is taken.
    pub m_axis_tready: Wire<In>,
    /// A short input frame was dropped.
    pub short_frame: Wire<Out>,
    /// A long input frame was dropped.
    pub long_frame: Wire<Out>,
    /// The quality level of frames that begin, the lowest being 0; one wire, or none if there is one level.
    pub quality_pin: Vec<Wire<In>>,
    /// The member that the last frame was computed with; one wire, or none without members, as the next.
    pub member_pin: Vec<Wire<Out>>,
    /// Whether that frame is unlike those that the member with its largest score was trained on.
    pub unfamiliar_pin: Vec<Wire<Out>>,
    /// A frame has been routed; one wire, or none without a control port and members, as the two below.
    pub routed: Vec<Wire<Out>>,
    /// Frames go to the forced member.
    pub force: Vec<Wire<In>>,
    /// The forced member.
    pub forced: Vec<Wire<In>>,
    /// Clears the flags: bit 0 that of short frames, bit 1 that of long frames; one wire, or none without a control port,
    /// as the four below.
    pub clear_flags: Vec<Wire<In>>,
    /// The reset is the unit's alone: the input stream goes on.
    pub stream_goes_on: Vec<Wire<In>>,
    /// Which input buffers hold a frame.
    pub input_full: Vec<Wire<Out>>,
    /// Which output buffers are in use.
    pub output_busy: Vec<Wire<Out>>,
    /// Results of a frame are being written to an output buffer.
    pub writing: Vec<Wire<Out>>,
    /// Stores a word in a weight memory; one wire, or none if the weights are in ROMs, as the three below.
    pub store: Vec<Wire<In>>,
    /// Number of a lane, or of a slot after the last lane for its biases.
    pub store_select: Vec<Wire<In>>,
    /// Where to.
    pub store_address: Vec<Wire<In>>,
    /// The word.
    pub store_data: Vec<Wire<In>>,
    weight_store: Vec<WeightStore>,
    loader: InputLoader,
    issue: Issue,
    enable: FlagDelay,
    first: WordDelay,
    use_held: Vec<WordDelay>,
    keep_largest: Vec<WordDelay>,
    complete: FlagDelay,
    tap: Vec<WordDelay>,
    lane: Vec<Lane>,
    reducer: Reducer,
    drain: Drain,
    biases: Vec<Rom>,
    requantiser: Vec<Requantiser>,
    count: Vec<WordDelay>,
    lookup: Vec<WordDelay>,
    interpolator: Vec<Interpolator>,
    to_memory: FlagDelay,
    to_output: FlagDelay,
    result_address: WordDelay,
    parity: WordDelay,
    level: Vec<WordDelay>,
    score: Vec<FlagDelay>,
    router: Vec<Router>,
    write: WritePort,
    streamer: OutputStreamer,
    /// Bits of the number of a member.
    _member_bits: u32,
}

/// Clocks from the issue of a step to the operand at the lane's multiplier.
const ISSUE_TO_OPERAND: u32 = timing::ISSUE_TO_SUM - 3;

/// Clocks from the issue of a step to the product at the lane's accumulator.
const ISSUE_TO_PRODUCT: u32 = timing::ISSUE_TO_SUM - 1;

/// Clocks from a result at the head of the drain register to the word that leaves the requantiser.
const HEAD_TO_WORD: u32 = timing::HEAD_TO_WRITE - 1;

impl Unit {
    /// The unit that runs `program`; its hex files are called `<prefix>_….hex`.
    pub fn new(program: &Program, prefix: &str) -> Self {
        let file = |name: &str| format!("{prefix}_{name}.hex");
        let is_controlled = program.config.control() == Control::AxiLite;
        let is_writable = program.config.weights() == WeightMemory::Ram;
        let store = store_shape(&UnitNumbers::of(program));
        let stored = |width: u32, comment: &str| store.iter().map(|_| Wire::new(width, comment)).collect();
        let status = |comment: &str| is_controlled.then(|| Wire::new(2, comment)).into_iter().collect();
        let taps = taps(program);
        let address = program.address_bits();
        let buffer = address_bits(program.output_span());
        let members = program.members.as_ref();
        let result = address.max(buffer).max(members.map_or(0, |members| address_bits(members.count())));
        let weight = address_bits(program.weights[0].len());
        let shape = MacShape {
            word: program.word_bits,
            weight: program.weight_bits,
            sum: program.accumulator_bits,
            element_wise: program.combines(Combine::Product),
            maximum: program.combines(Combine::Maximum),
            multiplier: program.config.multiplier(),
        };
        let mask = (1 << address) - 1;
        let lane = (0..program.used_lanes()).map(|i| {
            let offsets: Vec<u64> = program.patterns.iter().map(|p| p[i] as u64 & mask).collect();
            let weights = program.weights[i].iter().map(|&w| w as u64).collect();
            let row = program.memory_row();
            let lane = Lane::new(shape, 1 << address, row, weights, &file(&format!("weights_{i}")), &offsets);
            if is_writable { lane.with_writable_weights() } else { lane }
        });
        let bias_bits = program.bias_bits();
        let slots = program.slots;
        let slot_file = |name: &str, slot: usize| match slots {
            1 => file(name),
            _ => file(&format!("{name}_{slot}")),
        };
        let bias = |(slot, words): (usize, &Vec<i64>)| {
            let words = words.iter().map(|&b| b as u64).collect();
            let rom = Rom::new(bias_bits, words, MemoryStyle::Auto, slot_file("biases", slot));
            if is_writable { rom.with_write_port() } else { rom }
        };
        let biases: Vec<Rom> = program.bias.iter().enumerate().map(bias).collect();
        let issue = Issue::new(program, &taps, address, weight, &file("issue"));
        let drain = Drain::new(program, result, biases[0].address.width(), &file("drain"));
        let router = members.map(|members| {
            let (word, bias_address) = (program.word_bits, biases[0].address.width());
            let shape = RouterShape { members, word, weight_address: weight, bias_address };
            if is_controlled { Router::new(shape).with_force() } else { Router::new(shape) }
        });
        let member_bits = router.iter().map(|router| router.member.width());
        let force = router.iter().flat_map(|router| &router.force);
        let to_write = program.head_to_write();
        let per_beat = program.config.words_per_beat();
        let loader =
            InputLoader::new(program.input_words, program.input_bits, per_beat, program.input_span, address);
        let stream = StreamShape {
            buffer: &program.output,
            width: program.output_bits,
            per_beat,
            row: program.output_row(),
            span: program.output_span(),
        };
        let streamer = OutputStreamer::new(stream, &format!("{prefix}_order"));
        let streamer = if is_controlled { streamer.with_writing() } else { streamer };
        let element_wise = |_: &Wire<Out>| WordDelay::new(1, ISSUE_TO_OPERAND);
        Self {
            info: describe(program),
            aclk: Default::default(),
            aresetn: Wire::new(1, "Synchronous reset, active low"),
            s_axis_tdata: stream_data(program.input_bits, per_beat, "Input"),
            s_axis_tvalid: Wire::new(1, "The input is valid"),
            s_axis_tlast: Wire::new(1, "The input is the last of its frame"),
            s_axis_tready: Wire::new(1, "The input is taken"),
            m_axis_tdata: stream_data(program.output_bits, per_beat, "Output"),
            m_axis_tkeep: keep_wire(stream),
            m_axis_tvalid: Wire::new(1, "The output is valid"),
            m_axis_tlast: Wire::new(1, "The output is the last of its frame"),
            m_axis_tready: Wire::new(1, "The output is taken"),
            short_frame: Wire::new(1, "An input frame was too short and was dropped; stays until reset"),
            long_frame: Wire::new(1, "An input frame was too long and was dropped; stays until reset"),
            quality_pin: level_wire(program, "Quality level of frames that begin to compute, the lowest 0"),
            member_pin: member_bits
                .clone()
                .map(|bits| Wire::new(bits, "Member that the last frame was computed with"))
                .collect(),
            unfamiliar_pin: member_bits
                .clone()
                .map(|_| Wire::new(1, "That frame is unlike those that the members were trained on"))
                .collect(),
            routed: force.clone().map(|_| Wire::new(1, "A frame has been routed")).collect(),
            forced: force
                .clone()
                .zip(member_bits)
                .map(|(_, bits)| Wire::new(bits, "The forced member"))
                .collect(),
            force: force.map(|_| Wire::new(1, "Frames go to the forced member")).collect(),
            clear_flags: is_controlled.then(|| Wire::new(2, "Clears the flags")).into_iter().collect(),
            stream_goes_on: is_controlled
                .then(|| Wire::new(1, "The reset is not one of the input stream"))
                .into_iter()
                .collect(),
            input_full: status("Which input buffers hold a frame"),
            output_busy: status("Which output buffers are in use"),
            writing: is_controlled
                .then(|| Wire::new(1, "Results of a frame are being written"))
                .into_iter()
                .collect(),
            store: stored(1, "Stores a word in a weight memory"),
            store_select: stored(
                store.map_or(1, |s| s.select),
                "Number of a lane; after the last one, the biases of the slots",
            ),
            store_address: stored(store.map_or(1, |s| s.address), "Where to"),
            store_data: stored(store.map_or(1, |s| s.data), "The word"),
            weight_store: store.map(WeightStore::new).into_iter().collect(),
            loader: if is_controlled { loader.with_clear() } else { loader },
            enable: FlagDelay::new(ISSUE_TO_PRODUCT),
            first: WordDelay::new(1, ISSUE_TO_PRODUCT),
            use_held: issue.use_held.iter().map(element_wise).collect(),
            keep_largest: issue.keep_largest.iter().map(|_| WordDelay::new(1, ISSUE_TO_PRODUCT)).collect(),
            complete: FlagDelay::new(timing::ISSUE_TO_SUM),
            tap: issue.tap.iter().map(|t| WordDelay::new(t.width(), timing::ISSUE_TO_SUM)).collect(),
            lane: lane.collect(),
            reducer: Reducer::new(program.accumulator_bits, &taps),
            requantiser: (0..slots)
                .map(|_| {
                    let shift = drain.shift.width();
                    Requantiser::new(program.accumulator_bits, program.word_bits, bias_bits, shift)
                })
                .collect(),
            count: drain.count.iter().map(|t| WordDelay::new(t.width(), to_write - 1)).collect(),
            lookup: drain.lookup.iter().map(|t| WordDelay::new(t.width(), HEAD_TO_WORD)).collect(),
            interpolator: (0..if program.tables.is_empty() { 0 } else { slots })
                .map(|_| Interpolator::new(program.word_bits, &program.tables, &file("tables")))
                .collect(),
            to_memory: FlagDelay::new(to_write - 1),
            to_output: FlagDelay::new(to_write - 1),
            result_address: WordDelay::new(result, to_write - 1),
            parity: WordDelay::new(1, to_write - 1),
            level: drain.level.iter().map(|level| WordDelay::new(level.width(), to_write)).collect(),
            score: router.iter().map(|_| FlagDelay::new(to_write - 1)).collect(),
            router: router.into_iter().collect(),
            write: WritePort::new(WriteShape {
                result_address: result,
                memory_address: address,
                output_address: buffer,
                word: program.word_bits,
                input: program.input_bits,
                output: program.output_bits,
                slots,
                beat: per_beat,
                memory_row: program.memory_row(),
                output_row: program.output_row(),
            }),
            streamer: match program.levels() {
                1 => streamer,
                levels => streamer
                    .with_levels(&(0..levels).map(|level| program.writes_at(level)).collect::<Vec<_>>()),
            },
            _member_bits: members.map_or(1, |members| address_bits(members.count())),
            issue,
            drain,
            biases,
        }
    }

    /// The hex files: names and texts.
    pub fn hex_files(&self) -> Vec<(String, String)> {
        let mut files: Vec<(String, String)> =
            self.lane.iter().map(|lane| (lane.weight_file.text().to_owned(), lane.weights_hex())).collect();
        files.extend(self.biases.iter().map(|rom| (rom.init_file.text().to_owned(), rom.hex())));
        files.push((self.issue.program_file.text().to_owned(), self.issue.hex()));
        files.push((self.drain.program_file.text().to_owned(), self.drain.hex()));
        files.extend(self.interpolator.iter().take(1).map(|i| (i.table_file.text().to_owned(), i.hex())));
        files.extend(self.streamer.hex_files());
        files
    }
}

fn describe(program: &Program) -> ModuleInfo {
    let beats = match program.config.words_per_beat() {
        1 => String::new(),
        n => format!(", {n} per beat"),
    };
    let text = format!(
        "Frames of {} words of {} bits come in, frames of {} words of {} bits go out{beats}; `tlast` marks the last \
         beat of a frame. A frame of the wrong length is dropped whole and sets a flag.",
        program.input_words,
        program.input_bits,
        program.output.frame_words(),
        program.output_bits
    );
    let (name, what) = match program.config.control() {
        Control::None => ("unit", "NN augmentation unit"),
        Control::AxiLite => ("core", "NN augmentation unit without its registers"),
    };
    ModuleInfo::new(name, format!("{what} for the emulator {}", program.name)).prose(text)
}

impl Logic for Unit {
    #[hdl_gen]
    fn update(&mut self) {
        self.loader.clock.next = self.aclk.val();
        self.issue.clock.next = self.aclk.val();
        self.enable.clock.next = self.aclk.val();
        self.first.clock.next = self.aclk.val();
        self.complete.clock.next = self.aclk.val();
        self.reducer.clock.next = self.aclk.val();
        self.drain.clock.next = self.aclk.val();
        self.to_memory.clock.next = self.aclk.val();
        self.to_output.clock.next = self.aclk.val();
        self.result_address.clock.next = self.aclk.val();
        self.parity.clock.next = self.aclk.val();
        self.write.clock.next = self.aclk.val();
        self.streamer.clock.next = self.aclk.val();
        self.loader.resetn.next = self.aresetn.val();
        self.issue.resetn.next = self.aresetn.val();
        self.enable.resetn.next = self.aresetn.val();
        self.complete.resetn.next = self.aresetn.val();
        self.reducer.resetn.next = self.aresetn.val();
        self.drain.resetn.next = self.aresetn.val();
        self.to_memory.resetn.next = self.aresetn.val();
        self.to_output.resetn.next = self.aresetn.val();
        self.write.resetn.next = self.aresetn.val();
        self.streamer.resetn.next = self.aresetn.val();

        comment!("Input stream to memory");
        self.loader.s_axis_tdata.next = self.s_axis_tdata.val();
        self.loader.s_axis_tvalid.next = self.s_axis_tvalid.val();
        self.loader.s_axis_tlast.next = self.s_axis_tlast.val();
        self.s_axis_tready.next = self.loader.s_axis_tready.val();
        self.loader.blocked.next = self.write.blocked.val();
        self.loader.release_buffer.next = self.issue.release_input.val();
        self.loader.parity.next = self.issue.parity.val();
        self.short_frame.next = self.loader.short_frame.val();
        self.long_frame.next = self.loader.long_frame.val();
        for i in 0..self.clear_flags.len() {
            self.loader.clear_flags[i].next = self.clear_flags[i].val();
            self.loader.stream_goes_on[i].next = self.stream_goes_on[i].val();
            self.input_full[i].next = self.loader.full.val();
            self.output_busy[i].next = self.streamer.busy.val();
            self.writing[i].next = self.streamer.writing[i].val();
        }

        comment!("Program to lanes");
        self.issue.input_full.next = self.loader.full.val();
        self.issue.output_busy.next = self.streamer.busy.val();
        for i in 0..self.quality_pin.len() {
            self.issue.quality[i].next = self.quality_pin[i].val();
            self.issue.taken[i].next = self.drain.taken[i].val();
            self.drain.frame_level[i].next = self.issue.level[i].val();
            self.level[i].clock.next = self.aclk.val();
            self.level[i].d.next = self.drain.level[i].val();
            self.streamer.level[i].next = self.level[i].q.val();
        }
        self.enable.d.next = self.issue.enable.val();
        self.first.d.next = self.issue.first.val();
        self.complete.d.next = self.issue.complete.val();
        for i in 0..self.use_held.len() {
            self.use_held[i].clock.next = self.aclk.val();
            self.use_held[i].d.next = self.issue.use_held[i].val();
        }
        for i in 0..self.keep_largest.len() {
            self.keep_largest[i].clock.next = self.aclk.val();
            self.keep_largest[i].d.next = self.issue.keep_largest[i].val();
        }
        for i in 0..self.lane.len() {
            self.lane[i].clock.next = self.aclk.val();
            self.lane[i].operand_address.next = self.issue.operand_address.val();
            self.lane[i].pattern.next = self.issue.pattern.val();
            self.lane[i].weight_address.next = self.issue.weight_address.val();
            self.lane[i].enable.next = self.enable.q.val();
            self.lane[i].first.next = self.first.q.val();
            self.lane[i].write_enable.next = self.write.memory_enable.val();
            self.lane[i].write_address.next = self.write.memory_address.val();
            for j in 0..self.write.memory_data.len() {
                self.lane[i].write_data[j].next = self.write.memory_data[j].val();
            }
            self.reducer.sum[i].next = self.lane[i].sum.val();
            for j in 0..self.use_held.len() {
                self.lane[i].use_held[j].next = self.use_held[j].q.val();
            }
            for j in 0..self.keep_largest.len() {
                self.lane[i].keep_largest[j].next = self.keep_largest[j].q.val();
            }
        }
        for i in 0..self.weight_store.len() {
            self.weight_store[i].clock.next = self.aclk.val();
            self.weight_store[i].resetn.next = self.aresetn.val();
            self.weight_store[i].store.next = self.store[i].val();
            self.weight_store[i].select.next = self.store_select[i].val();
            self.weight_store[i].address.next = self.store_address[i].val();
            self.weight_store[i].data.next = self.store_data[i].val();
            for j in 0..self.biases.len() {
                self.biases[j].write_enable[i].next = self.weight_store[i].biases[j].val();
                self.biases[j].write_address[i].next = self.weight_store[i].bias_address.val();
                self.biases[j].write_data[i].next = self.weight_store[i].bias.val();
            }
            for j in 0..self.lane.len() {
                self.lane[j].store[i].next = self.weight_store[i].lane[j].val();
                self.lane[j].store_address[i].next = self.weight_store[i].weight_address.val();
                self.lane[j].store_data[i].next = self.weight_store[i].weight.val();
            }
        }

        comment!("Sums to results");
        self.reducer.complete.next = self.complete.q.val();
        self.drain.capture.next = self.reducer.capture.val();
        for i in 0..self.issue.joined.len() {
            self.drain.joined[i].next = self.issue.joined[i].val();
        }
        for i in 0..self.tap.len() {
            self.tap[i].clock.next = self.aclk.val();
            self.tap[i].d.next = self.issue.tap[i].val();
            self.reducer.tap[i].next = self.tap[i].q.val();
        }
        for i in 0..self.requantiser.len() {
            self.biases[i].clock.next = self.aclk.val();
            self.requantiser[i].clock.next = self.aclk.val();
            self.biases[i].address.next = self.drain.bias_address.val();
            self.requantiser[i].result.next = self.reducer.head[i].val();
            self.requantiser[i].bias.next = self.biases[i].data.val();
            self.requantiser[i].shift.next = self.drain.shift.val();
            self.requantiser[i].rectify.next = self.drain.rectify.val();
            self.requantiser[i].narrow.next = self.drain.narrow.val();
            self.write.result[i].next = self.requantiser[i].word.val();
        }
        for i in 0..self.lookup.len() {
            self.lookup[i].clock.next = self.aclk.val();
            self.lookup[i].d.next = self.drain.lookup[i].val();
        }
        for i in 0..self.interpolator.len() {
            self.interpolator[i].clock.next = self.aclk.val();
            self.interpolator[i].x.next = self.requantiser[i].word.val();
            self.interpolator[i].select.next = self.lookup[0].q.val();
            self.write.result[i].next = self.interpolator[i].y.val();
        }

        comment!("Results to memory and output stream");
        self.to_memory.d.next = self.drain.to_memory.val();
        self.to_output.d.next = self.drain.to_output.val();
        for i in 0..self.count.len() {
            self.count[i].clock.next = self.aclk.val();
            self.count[i].d.next = self.drain.count[i].val();
            self.write.count[i].next = self.count[i].q.val();
        }
        for i in 0..self.router.len() {
            self.score[i].clock.next = self.aclk.val();
            self.score[i].resetn.next = self.aresetn.val();
            self.score[i].d.next = self.drain.to_router[i].val();
            self.router[i].clock.next = self.aclk.val();
            self.router[i].resetn.next = self.aresetn.val();
            self.router[i].score.next = self.score[i].q.val();
            self.router[i].number.next = bits_of(self.result_address.q.val(), self._member_bits);
            self.router[i].word.next = self.requantiser[i].word.val();
            self.issue.weight_offset[i].next = self.router[i].weight_offset.val();
            self.drain.bias_offset[i].next = self.router[i].bias_offset.val();
            self.member_pin[i].next = self.router[i].member.val();
            self.unfamiliar_pin[i].next = self.router[i].unfamiliar.val();
            for j in 0..self.lookup.len() {
                self.router[i].word.next = self.interpolator[j].y.val();
            }
            for j in 0..self.force.len() {
                self.routed[j].next = self.router[i].routed.val();
                self.router[i].force[j].next = self.force[j].val();
                self.router[i].forced[j].next = self.forced[j].val();
            }
        }
        self.result_address.d.next = self.drain.result_address.val();
        self.parity.d.next = self.drain.parity.val();
        self.write.to_memory.next = self.to_memory.q.val();
        self.write.to_output.next = self.to_output.q.val();
        self.write.parity.next = self.parity.q.val();
        self.write.result_address.next = self.result_address.q.val();
        self.write.input_valid.next = self.loader.word_valid.val();
        self.write.input_address.next = self.loader.word_address.val();
        for i in 0..self.loader.word.len() {
            self.write.word[i].next = self.loader.word[i].val();
        }
        self.streamer.write_enable.next = self.write.output_enable.val();
        self.streamer.write_address.next = self.write.output_address.val();
        for i in 0..self.write.output_data.len() {
            self.streamer.write_data[i].next = self.write.output_data[i].val();
        }
        self.streamer.reserve.next = self.issue.reserve.val();
        self.streamer.reserved.next = self.issue.parity.val();
        self.streamer.m_axis_tready.next = self.m_axis_tready.val();
        self.m_axis_tdata.next = self.streamer.m_axis_tdata.val();
        self.m_axis_tkeep.next = self.streamer.m_axis_tkeep.val();
        self.m_axis_tvalid.next = self.streamer.m_axis_tvalid.val();
        self.m_axis_tlast.next = self.streamer.m_axis_tlast.val();
    }
}
