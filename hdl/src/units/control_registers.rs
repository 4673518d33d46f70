//! The registers of the [map](crate::register_map): counters, flags, constants and the port to the weight memories.
//!
//! Which registers there are, at which offsets, with which bits and what a write of them does comes from the map; this
//! file knows only where the values come from.
//!
//! ```text
//!                  +-------------------+
//!  clock, resetn ->|                   |--> core_resetn, running
//!  write* -----/-->|                   |--> clear_flags
//!  write_error <---|                   |
//!  read_address -->| control_registers |<-- input_full, output_busy
//!  read_data <-/---|                   |<-- short_frame, long_frame
//!  read_error <----|                   |<-- frame_done
//!                  |                   |--> store_0, store_* (weights in RAM)
//!                  |                   |--> quality_0 (quality levels)
//!                  |                   |<-- member_0, unfamiliar_0, routed_0 (members)
//!                  |                   |--> force_0, forced_0
//!                  +-------------------+
//! ```
//!
//! Timing: `write_error`, `clear_flags` and `store` belong to the clock of the write; a read gives the value one clock after
//! its address. A write of CONTROL resets the datapath in the clock after. Whether WEIGHT_DATA can be stored is known one clock after WEIGHT_SELECT or WEIGHT_ADDRESS
//! have changed: writes must not follow each other without a pause.

use super::weight_store::StoreShape;
use crate::prelude::*;
use crate::register_map::{
    ADDRESS_BITS, Access, BYTES, Content, Field, QUALITY, Register, UnitNumbers, registers_of,
};

/// See the [module's documentation](self).
#[derive(LogicBlock)]
pub struct ControlRegisters {
    /// Name and documentation.
    pub info: ModuleInfo,
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset, active low.
    pub resetn: Wire<In>,
    /// A word is written in this clock.
    pub write: Wire<In>,
    /// Number of the register that is written.
    pub write_address: Wire<In>,
    /// The word.
    pub write_data: Wire<In>,
    /// The bytes that count.
    pub write_strobe: Wire<In>,
    /// The write is refused.
    pub write_error: Wire<Out>,
    /// Number of the register that is read.
    pub read_address: Wire<In>,
    /// Its value, one clock later.
    pub read_data: Wire<Out>,
    /// There is no such register.
    pub read_error: Wire<Out>,
    /// Which input buffers hold a frame.
    pub input_full: Wire<In>,
    /// Which output buffers are in use.
    pub output_busy: Wire<In>,
    /// Results of a frame are being written, which may go on when its last word has left.
    pub writing: Wire<In>,
    /// A short frame was dropped.
    pub short_frame: Wire<In>,
    /// A long frame was dropped.
    pub long_frame: Wire<In>,
    /// The last word of an output frame is taken.
    pub frame_done: Wire<In>,
    /// The member of the last frame; one wire, or none without members, as the two below.
    pub member: Vec<Wire<In>>,
    /// That frame is unfamiliar.
    pub unfamiliar: Vec<Wire<In>>,
    /// A frame has been routed.
    pub routed: Vec<Wire<In>>,
    /// The datapath is not being reset by software.
    pub running: Wire<Out>,
    /// Reset of the datapath, active low.
    pub core_resetn: Wire<Out>,
    /// Clears the flags: bit 0 that of short frames, bit 1 that of long frames.
    pub clear_flags: Wire<Out>,
    /// Stores a word in a weight memory; one wire, or none without writable weights, as the three below.
    pub store: Vec<Wire<Out>>,
    /// Number of the memory.
    pub store_select: Vec<Wire<Out>>,
    /// Where to.
    pub store_address: Vec<Wire<Out>>,
    /// The word.
    pub store_data: Vec<Wire<Out>>,
    /// The quality level of frames that begin; one wire, or none if there is one level.
    pub quality: Vec<Wire<Out>>,
    /// Frames go to the forced member; one wire, or none without members, as the next.
    pub force: Vec<Wire<Out>>,
    /// The forced member.
    pub forced: Vec<Wire<Out>>,
    _numbers: UnitNumbers,
    _state: State,
}

#[derive(Clone, Copy, Debug, Default)]
struct State {
    resetting: bool,
    cycles: u32,
    frames: u32,
    /// Frames that have come in and not yet gone out.
    in_flight: u64,
    full_before: u64,
    select: u32,
    address: u32,
    high: u32,
    quality: u32,
    /// Frames that were unfamiliar.
    unfamiliar: u32,
    force: u32,
    forced: u32,
    fits: bool,
    /// The register that is being read.
    read: u64,
}

/// Bits of the counter of frames in the unit: two in the input buffers, one between, two in the output buffers.
const IN_FLIGHT_BITS: u32 = 3;

/// Bits of the number of a register.
const INDEX_BITS: u32 = ADDRESS_BITS - 2;

impl ControlRegisters {
    /// The registers of a unit.
    pub fn new(numbers: UnitNumbers) -> Self {
        let shape = store_shape(&numbers);
        let store = |width: u32, comment: &str| -> Vec<Wire<Out>> {
            shape.iter().map(|_| Wire::new(width, comment)).collect()
        };
        let width = |of: fn(&StoreShape) -> u32| shape.as_ref().map_or(1, of);
        let (members, member_bits) = (numbers.members > 0, address_bits(numbers.members as usize));
        let state = State { quality: QUALITY.reset(&numbers), ..State::default() };
        Self {
            info: ModuleInfo::new("control_registers", "counters, flags, constants and weight port")
                .latency("none from a write to its result, 1 clock from `read_address` to `read_data`; the reset of the datapath follows 1 clock after the write."),
            clock: Default::default(),
            resetn: Wire::new(1, "Synchronous reset, active low"),
            write: Wire::new(1, "A word is written in this clock"),
            write_address: Wire::new(INDEX_BITS, "Number of the register that is written"),
            write_data: Wire::new(32, "The word"),
            write_strobe: Wire::new(4, "Bytes of the word that count"),
            write_error: Wire::new(1, "The write is refused"),
            read_address: Wire::new(INDEX_BITS, "Number of the register that is read"),
            read_data: Wire::new(32, "Its value, one clock later"),
            read_error: Wire::new(1, "There is no such register"),
            input_full: Wire::new(2, "Which input buffers hold a frame"),
            output_busy: Wire::new(2, "Which output buffers are in use"),
            writing: Wire::new(1, "Results of a frame are being written"),
            short_frame: Wire::new(1, "A short frame was dropped"),
            long_frame: Wire::new(1, "A long frame was dropped"),
            frame_done: Wire::new(1, "The last word of an output frame is taken"),
            member: of_units(members, member_bits, "Member of the last frame"),
            unfamiliar: of_units(members, 1, "That frame is unfamiliar"),
            routed: of_units(members, 1, "A frame has been routed"),
            running: Wire::new(1, "The datapath is not being reset by software"),
            core_resetn: Wire::new(1, "Reset of the datapath, active low"),
            clear_flags: Wire::new(2, "Clears the flags of short and of long frames"),
            store: store(1, "Stores a word in a weight memory"),
            store_select: store(width(|s| s.select), "Number of the memory"),
            store_address: store(width(|s| s.address), "Where to"),
            store_data: store(width(|s| s.data), "The word"),
            quality: of_units(
                numbers.levels > 1,
                address_bits(numbers.levels as usize),
                "Quality level of frames that begin",
            ),
            force: of_units(members, 1, "Frames go to the forced member"),
            forced: of_units(members, member_bits, "The forced member"),
            _numbers: numbers,
            _state: state,
        }
    }

    fn register(&self, index: Value) -> Option<&'static Register> {
        registers_of(&self._numbers).find(|register| index == u64::from(register.index()))
    }

    fn is_busy(&self) -> bool {
        self._state.in_flight != 0 || self.input_full.val().any() || self.writing.val().any()
    }

    /// What a field reads.
    fn value(&self, field: &Field) -> u32 {
        let state = &self._state;
        match field.content {
            Content::Number(_) | Content::Unit(_) => field.reset(&self._numbers),
            Content::Reset | Content::WeightData => 0,
            Content::Busy => self.is_busy().into(),
            Content::InputFull => self.input_full.val().as_u64() as u32,
            Content::OutputBusy => self.output_busy.val().as_u64() as u32,
            Content::ShortFrame => self.short_frame.val().any().into(),
            Content::LongFrame => self.long_frame.val().any().into(),
            Content::Cycles => state.cycles,
            Content::Frames => state.frames,
            Content::WeightSelect => state.select,
            Content::WeightAddress => state.address,
            Content::WeightHigh => state.high,
            Content::Quality => state.quality,
            Content::Member => self.member.first().map_or(0, |member| member.val().as_u64() as u32),
            Content::Unfamiliar => Self::is_set(&self.unfamiliar).into(),
            Content::UnfamiliarFrames => state.unfamiliar,
            Content::ForcedMember => state.forced,
            Content::ForceMember => state.force,
        }
    }

    fn is_set(wires: &[Wire<In>]) -> bool {
        wires.first().is_some_and(|wire| wire.val().any())
    }

    /// Whether the write of this clock is refused.
    fn refuses(&self) -> bool {
        let all = self.write_strobe.val().all();
        match self.register(self.write_address.val()) {
            None => true,
            Some(register) if register.whole_words => !all || !self._state.fits,
            Some(register) => !register.is_writable(),
        }
    }

    /// The fields that are written in this clock, with the marked bits of the word in place, and which these are.
    fn written(&self) -> Vec<(&'static Field, u32, u32)> {
        if !self.write.val().any() || self.refuses() {
            return vec![];
        }
        let strobe = self.write_strobe.val().as_u64();
        let marked =
            (0..4).filter(|byte| strobe >> byte & 1 == 1).map(|byte| 0xff << (8 * byte)).sum::<u32>();
        let data = self.write_data.val().as_u64() as u32;
        let fields = self.register(self.write_address.val()).map_or(&[][..], |register| register.fields);
        fields
            .iter()
            .map(|field| {
                let mask = field.mask_in(&self._numbers) & marked;
                (field, (data & mask) >> field.low, mask >> field.low)
            })
            .collect()
    }

    /// Whether WEIGHT_SELECT and WEIGHT_ADDRESS name a word.
    fn names_a_word(&self) -> bool {
        let words = match self._state.select {
            lane if lane < self._numbers.lanes => self._numbers.weight_words,
            memory if memory < self._numbers.memories() => self._numbers.bias_words,
            _ => 0,
        };
        self._state.address < words
    }

    fn next_state(&self) -> State {
        let before = self._state;
        let mut state = before;
        if !self.core_resetn.val().any() {
            (state.cycles, state.frames, state.in_flight, state.full_before) = (0, 0, 0, 0);
            state.unfamiliar = 0;
        } else {
            let full = self.input_full.val().as_u64();
            let (arrives, leaves) = (full & !before.full_before != 0, self.frame_done.val().any());
            state.cycles = before.cycles.wrapping_add(1);
            state.frames = before.frames.wrapping_add(leaves.into());
            state.in_flight = (before.in_flight + u64::from(arrives)).wrapping_sub(leaves.into())
                & ((1 << IN_FLIGHT_BITS) - 1);
            state.full_before = full;
            let is_unfamiliar = Self::is_set(&self.routed) && Self::is_set(&self.unfamiliar);
            state.unfamiliar = before.unfamiliar.wrapping_add(is_unfamiliar.into());
        }
        state.read = self.read_address.val().as_u64();
        state.resetting = false;
        state.fits = self.names_a_word();
        for (field, data, mask) in self.written() {
            let merged = |old: u32| old & !mask | data;
            match field.content {
                Content::Reset => state.resetting = data == 1,
                Content::WeightSelect => state.select = merged(before.select),
                Content::WeightAddress => state.address = merged(before.address),
                Content::WeightHigh => state.high = merged(before.high),
                Content::WeightData => state.address = before.address + 1,
                Content::Quality => state.quality = merged(before.quality),
                Content::ForcedMember => state.forced = merged(before.forced),
                Content::ForceMember => state.force = merged(before.force),
                _ => {}
            }
        }
        if !self.resetn.val().any() {
            (state.resetting, state.select, state.address, state.high) = (false, 0, 0, 0);
            (state.quality, state.force, state.forced) = (QUALITY.reset(&self._numbers), 0, 0);
        }
        state
    }
}

/// The widths of the weight port; none if there is nothing to write.
pub(crate) fn store_shape(numbers: &UnitNumbers) -> Option<StoreShape> {
    let field = |content: fn(&Content) -> bool| {
        let mut fields = registers_of(numbers).flat_map(|register| register.fields);
        fields.find(|field| content(&field.content)).map(|field| field.width_in(numbers))
    };
    Some(StoreShape {
        lanes: numbers.lanes as usize,
        slots: numbers.slots as usize,
        select: field(|c| matches!(c, Content::WeightSelect))?,
        address: field(|c| matches!(c, Content::WeightAddress))?,
        data: numbers.word_bits(),
        weight_address: address_bits(numbers.weight_words as usize),
        weight: numbers.weight_bits,
        bias_address: address_bits(numbers.bias_words as usize),
        bias: numbers.bias_bits,
    })
}

impl Logic for ControlRegisters {
    fn update(&mut self) {
        if self.clock.pos_edge() {
            self._state = self.next_state();
        }
        let read = self.register(Value::from(self._state.read));
        let fields = read.map_or(&[][..], |register| register.fields);
        let word: u32 = fields.iter().map(|field| self.value(field) << field.low).sum();
        self.read_data.next = Value::from(u64::from(word));
        self.read_error.next = read.is_none().into();
        self.write_error.next = self.refuses().into();
        self.running.next = (!self._state.resetting).into();
        self.core_resetn.next = (self.resetn.val().any() && !self._state.resetting).into();
        let written = self.written();
        let writes_one = |content: fn(&Content) -> bool| {
            written.iter().any(|(field, data, _)| content(&field.content) && *data == 1)
        };
        let clear_short = u64::from(writes_one(|c| matches!(c, Content::ShortFrame)));
        let clear_long = u64::from(writes_one(|c| matches!(c, Content::LongFrame)));
        self.clear_flags.next = Value::from(clear_long << 1 | clear_short);
        let stores = written.iter().any(|(field, ..)| matches!(field.content, Content::WeightData));
        let state = self._state;
        let word = u64::from(state.high) << 32 | self.write_data.val().as_u64();
        for wire in &mut self.store {
            wire.next = stores.into();
        }
        for (wires, value) in [
            (&mut self.store_select, u64::from(state.select)),
            (&mut self.store_address, u64::from(state.address)),
            (&mut self.store_data, word),
            (&mut self.quality, state.quality.into()),
            (&mut self.force, state.force.into()),
            (&mut self.forced, state.forced.into()),
        ] {
            wires.iter_mut().for_each(|wire| wire.next = Value::from(value));
        }
    }

    fn connect(&mut self) {
        self.write_error.connect();
        self.read_data.connect();
        self.read_error.connect();
        self.running.connect();
        self.core_resetn.connect();
        self.clear_flags.connect();
        self.store.iter_mut().for_each(|wire| wire.connect());
        self.store_select.iter_mut().for_each(|wire| wire.connect());
        self.store_address.iter_mut().for_each(|wire| wire.connect());
        self.store_data.iter_mut().for_each(|wire| wire.connect());
        self.quality.iter_mut().for_each(|wire| wire.connect());
        self.force.iter_mut().for_each(|wire| wire.connect());
        self.forced.iter_mut().for_each(|wire| wire.connect());
    }

    fn hdl(&self) -> Verilog {
        let sections = [
            self.addresses(),
            self.declarations(),
            self.outputs(),
            self.read_multiplexer(),
            COUNTERS.to_owned(),
            if self.member.is_empty() { String::new() } else { UNFAMILIAR_COUNTER.to_owned() },
            self.stored_fields(),
        ];
        Verilog::Custom(sections.iter().filter(|s| !s.is_empty()).cloned().collect::<Vec<_>>().join("\n\n"))
    }
}

/// The counters, which are the same in every unit.
const COUNTERS: &str = "\
always @(posedge clock) begin
    if (!core_resetn) begin
        cycles      <= 32'd0;
        frames      <= 32'd0;
        in_flight   <= 3'd0;
        full_before <= 2'b00;
    end else begin
        cycles      <= cycles + 32'd1;
        frames      <= frames + {31'd0, frame_done};
        full_before <= input_full;
        if (arrives && !frame_done) begin
            in_flight <= in_flight + 3'd1;
        end
        if (!arrives && frame_done) begin
            in_flight <= in_flight - 3'd1;
        end
    end
end";

/// The counter of units with members.
const UNFAMILIAR_COUNTER: &str = "\
always @(posedge clock) begin
    if (!core_resetn) begin
        unfamiliar_frames <= 32'd0;
    end else if (routed_0 && unfamiliar_0) begin
        unfamiliar_frames <= unfamiliar_frames + 32'd1;
    end
end";

/// A wire of some units.
fn of_units<D: Direction>(are_they: bool, width: u32, comment: &str) -> Vec<Wire<D>> {
    are_they.then(|| Wire::new(width, comment)).into_iter().collect()
}

/// The Verilog, part by part.
impl ControlRegisters {
    fn registers(&self) -> impl Iterator<Item = &'static Register> + use<> {
        registers_of(&self._numbers)
    }

    /// The fields of all registers that match, each with its register.
    fn fields(&self, which: fn(&Field) -> bool) -> Vec<(&'static Register, &'static Field)> {
        let all =
            self.registers().flat_map(|register| register.fields.iter().map(move |field| (register, field)));
        all.filter(|(_, field)| which(field)).collect()
    }

    /// Letters of the longest name, for columns.
    fn longest_name(&self) -> usize {
        self.registers().map(|register| register.name.len()).max().unwrap_or(0)
    }

    fn is_writable_memory(&self) -> bool {
        !self.store.is_empty()
    }

    /// The numbers of the registers, and which of them is written.
    fn addresses(&self) -> String {
        let mut text = String::from("// Numbers of the registers: their offsets in words.\n");
        let width = self.longest_name();
        for register in self.registers() {
            let (name, index) = (register.name, register.index());
            text += &format!("localparam [{}:0] {name:width$} = {INDEX_BITS}'d{index};\n", INDEX_BITS - 1);
        }
        for register in self.registers().filter(|register| register.is_writable()) {
            let name = register.name.to_lowercase();
            text += &format!("\nwire to_{name:width$} = write_address == {};", register.name);
        }
        text
    }

    fn declarations(&self) -> String {
        let mut text = String::from(
            "\
reg [31:0] cycles;
reg [31:0] frames;
reg [2:0] in_flight;
reg [1:0] full_before;
reg resetting;

// A frame arrives when an input buffer fills.
wire arrives = |(input_full & ~full_before);
wire busy = |in_flight || |input_full || writing;
",
        );
        for (_, field) in self.fields(|field| field.access == Access::ReadWrite) {
            text += &format!("\nreg [{}:0] {};", field.width_in(&self._numbers) - 1, field.name);
        }
        if self.is_writable_memory() {
            text += "\nreg store_fits;";
        }
        if !self.member.is_empty() {
            text += "\nreg [31:0] unfamiliar_frames;";
        }
        // Reserved bits of the word.
        let writable = self.fields(|field| field.access.is_writable());
        let taken = writable.iter().fold(0, |bits, (_, field)| bits | field.mask_in(&self._numbers));
        let unused: Vec<String> =
            (0..32).filter(|bit| taken >> bit & 1 == 0).map(|bit| format!("write_data[{bit}]")).collect();
        if !unused.is_empty() {
            text += &format!("\nwire unused_bits = &{{1'b0, {}}};", unused.join(", "));
        }
        let strobes: Vec<String> = (0..BYTES)
            .filter(|byte| !self.is_writable_memory() && taken >> (8 * byte) & 0xff == 0)
            .map(|byte| format!("write_strobe[{byte}]"))
            .collect();
        if !strobes.is_empty() {
            text += &format!("\nwire unused_strobes = &{{1'b0, {}}};", strobes.join(", "));
        }
        text
    }

    /// `write`, the register and the strobe of a byte.
    fn writes(register: &Register, byte: u32) -> String {
        format!("write && to_{} && write_strobe[{byte}]", register.name.to_lowercase())
    }

    fn outputs(&self) -> String {
        let accepted = self.registers().filter(|register| register.is_writable()).map(|register| {
            let name = register.name.to_lowercase();
            if register.whole_words {
                format!("to_{name} && (&write_strobe) && store_fits")
            } else {
                format!("to_{name}")
            }
        });
        let mut text = format!(
            "assign write_error = !({});\nassign running     = !resetting;\nassign core_resetn = resetn && !resetting;",
            accepted.collect::<Vec<_>>().join(" || ")
        );
        let clears = self.fields(|field| field.access == Access::WriteOneToClear).into_iter().rev();
        let clears: Vec<String> = clears
            .map(|(register, field)| {
                format!("{} && write_data[{}]", Self::writes(register, field.low / 8), field.low)
            })
            .collect();
        text += &format!("\nassign clear_flags = {{\n    {}\n}};", clears.join(",\n    "));
        if self.is_writable_memory() {
            let bits = self._numbers.word_bits();
            let data = match bits {
                32 => "write_data".to_owned(),
                0..32 => format!("write_data[{}:0]", bits - 1),
                _ => "{weight_high, write_data}".to_owned(),
            };
            text += &format!(
                "

assign store_0         = write && to_weight_data && !write_error;
assign store_select_0  = weight_select;
assign store_address_0 = weight_address;
assign store_data_0    = {data};"
            );
        }
        if !self.quality.is_empty() {
            text += "\n\nassign quality_0 = quality;";
        }
        if !self.force.is_empty() {
            text += "\n\nassign force_0  = force_member;\nassign forced_0 = forced_member;";
        }
        text
    }

    /// The bits of a register, highest first.
    fn word(&self, register: &Register) -> String {
        let mut parts = vec![];
        let mut above = 32;
        for field in register.fields.iter().rev() {
            let width = field.width_in(&self._numbers);
            let top = field.low + width;
            if top < above {
                parts.push(format!("{}'d0", above - top));
            }
            parts.push(match field.content {
                Content::Number(_) | Content::Unit(_) => match field.reset(&self._numbers) {
                    number if number >= 1 << 24 => format!("{width}'h{number:x}"),
                    number => format!("{width}'d{number}"),
                },
                Content::Reset | Content::WeightData => format!("{width}'d0"),
                Content::Member => "member_0".to_owned(),
                Content::Unfamiliar => "unfamiliar_0".to_owned(),
                _ => field.name.to_owned(),
            });
            above = field.low;
        }
        if above > 0 {
            parts.push(format!("{above}'d0"));
        }
        match parts.as_slice() {
            [all] => all.clone(),
            _ => format!("{{{}}}", parts.join(", ")),
        }
    }

    /// Registers of constants come from one register behind a table, the others are selected by a flag each: short paths
    /// and less logic than one multiplexer.
    fn read_multiplexer(&self) -> String {
        let is_live = |register: &Register| {
            register.fields.iter().any(|field| !matches!(field.access, Access::Constant | Access::WriteOnly))
        };
        let (live, fixed): (Vec<&Register>, Vec<&Register>) =
            self.registers().partition(|register| is_live(register));
        let width = self.longest_name();
        let (mut flags, mut selects) = (String::new(), String::new());
        let mut words = vec!["fixed".to_owned()];
        for register in &live {
            let name = register.name.to_lowercase();
            flags += &format!("reg reads_{name};\n");
            selects += &format!("    reads_{name:width$} <= read_address == {};\n", register.name);
            words.push(format!("({{32{{reads_{name}}}}} & {})", self.word(register)));
        }
        let table: String = fixed
            .iter()
            .map(|register| format!("        {:width$}: fixed <= {};\n", register.name, self.word(register)))
            .collect();
        let live: Vec<&str> = live.iter().map(|register| register.name).collect();
        format!(
            "\
reg [31:0] fixed;
{flags}
assign read_data = {words};

always @(posedge clock) begin
{selects}
    read_error <= 1'b0;
    case (read_address)
{table}        {live}: fixed <= 32'd0;
        default: begin
            fixed      <= 32'd0;
            read_error <= 1'b1;
        end
    endcase
end",
            words = words.join(" |\n                   "),
            live = live.join(", "),
        )
    }

    /// What writes change, field by field and byte by byte.
    fn stored_fields(&self) -> String {
        let (mut resets, mut writes) = (String::from("        resetting <= 1'b0;\n"), String::new());
        for (register, field) in self.fields(|field| matches!(field.content, Content::Reset)) {
            let bit = field.low;
            writes +=
                &format!("        resetting <= {} && write_data[{bit}];\n", Self::writes(register, bit / 8));
        }
        for (register, field) in self.fields(|field| field.access == Access::ReadWrite) {
            let (name, width) = (field.name, field.width_in(&self._numbers));
            resets += &format!("        {name} <= {width}'d{};\n", field.reset(&self._numbers));
            if matches!(field.content, Content::WeightAddress) {
                writes += &format!(
                    "        if (store_0) begin\n            {name} <= {name} + {width}'d1;\n        end\n"
                );
            }
            for byte in 0..width.div_ceil(8) {
                let (low, high) = (8 * byte, (8 * byte + 7).min(width - 1));
                writes += &format!(
                    "        if ({}) begin\n            {name}[{high}:{low}] <= write_data[{}:{}];\n        end\n",
                    Self::writes(register, (field.low + low) / 8),
                    field.low + high,
                    field.low + low
                );
            }
        }
        let mut text = format!(
            "always @(posedge clock) begin\n    if (!resetn) begin\n{resets}    end else begin\n{writes}    end\nend"
        );
        if let Some(shape) = store_shape(&self._numbers) {
            let UnitNumbers { lanes, weight_words, bias_words, .. } = self._numbers;
            let (select, address) = (shape.select, shape.address);
            // Not where every number that fits is that of a memory.
            let memories = self._numbers.memories();
            let exists = match memories == 1 << select {
                true => String::new(),
                false => format!("weight_select < {select}'d{memories} && "),
            };
            text += &format!(
                "

// Whether the selected word exists, for the next write.
wire [{high}:0] words = weight_select >= {select}'d{lanes} ? {address}'d{bias_words} : {address}'d{weight_words};

always @(posedge clock) begin
    store_fits <= {exists}weight_address < words;
end",
                high = address - 1,
            );
        }
        text
    }
}
