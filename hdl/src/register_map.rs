//! The registers of a unit, described once: the AXI4-Lite slave, the reference in the documentation and the software that
//! drives a unit are made from this list, and offsets stand nowhere else.
//!
//! A [`Register`] has 32 bits; its [`Field`]s say what they mean, and [`Content`] where a field's value comes from. Some
//! registers exist only in units that need them ([`Register::is_in`]), and some fields have only as many bits as a unit
//! needs ([`Field::width_in`]); bits without a field read 0. [`UnitNumbers`] is what all of that depends on.
//!
//! # Example
//!
//! ```
//! use emeuro_compiler::{UnitConfig, compile};
//! use emeuro_hdl::register_map::{LANES, REGISTERS, UnitNumbers, WEIGHT_DATA};
//!
//! let program = compile(&emeuro_golden::sample_emulator(1), &UnitConfig::new(4)?)?;
//! let numbers = UnitNumbers::of(&program);
//! assert_eq!(LANES.reset(&numbers) as usize, program.used_lanes());
//! assert!(!WEIGHT_DATA.is_in(&numbers), "the weights are in ROMs");
//! assert!(REGISTERS.iter().all(|register| register.offset % 4 == 0));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use emeuro_compiler::{Program, WeightMemory};

use crate::address_bits;

/// The version of this map. The register [`VERSION`] holds the lowest version that has all registers of its unit: 1 without
/// quality levels and members.
pub const MAP_VERSION: u32 = 2;

/// Bits of a byte address that the slave looks at.
pub const ADDRESS_BITS: u32 = 8;

/// Bytes of a register.
pub const BYTES: u32 = 4;

/// What the bus may do to a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Reads; never changes.
    Constant,
    /// Reads.
    ReadOnly,
    /// Reads what was written.
    ReadWrite,
    /// Reads; writing 1 clears the bit, writing 0 leaves it.
    WriteOneToClear,
    /// Writing does something; reads 0.
    WriteOnly,
}

impl Access {
    /// Whether a write can do anything.
    pub fn is_writable(self) -> bool {
        !matches!(self, Self::Constant | Self::ReadOnly)
    }

    /// For tables.
    pub fn text(self) -> &'static str {
        match self {
            Self::Constant => "constant",
            Self::ReadOnly => "read-only",
            Self::ReadWrite => "read/write",
            Self::WriteOneToClear => "write 1 to clear",
            Self::WriteOnly => "write-only",
        }
    }
}

/// Where a field's value comes from, or what a write of it does.
#[derive(Clone, Copy, Debug)]
pub enum Content {
    /// The same number in every unit.
    Number(u32),
    /// A number of the unit.
    Unit(fn(&UnitNumbers) -> u32),
    /// Resets the datapath.
    Reset,
    /// Whether a frame is in the unit.
    Busy,
    /// Which input buffers hold a frame.
    InputFull,
    /// Which output buffers are in use.
    OutputBusy,
    /// Whether a short frame was dropped.
    ShortFrame,
    /// Whether a long frame was dropped.
    LongFrame,
    /// The clocks since reset.
    Cycles,
    /// The output frames since reset.
    Frames,
    /// The memory that is written.
    WeightSelect,
    /// The address that is written.
    WeightAddress,
    /// The upper bits of the word that is written.
    WeightHigh,
    /// The word that is written.
    WeightData,
    /// The quality level of frames that begin.
    Quality,
    /// The member that the last frame was computed with.
    Member,
    /// Whether the last frame was unfamiliar.
    Unfamiliar,
    /// The unfamiliar frames since reset.
    UnfamiliarFrames,
    /// The member that frames are forced to.
    ForcedMember,
    /// Whether frames are forced to a member.
    ForceMember,
}

/// Some bits of a register with one meaning.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Unique name in lower case; signals and functions are called by it.
    pub name: &'static str,
    /// Highest bit that any unit has.
    pub high: u32,
    /// Lowest bit.
    pub low: u32,
    /// What the bus may do to it.
    pub access: Access,
    /// Where its value comes from.
    pub content: Content,
    /// What it means.
    pub description: &'static str,
}

impl Field {
    /// The most bits that a unit has.
    pub fn width(&self) -> u32 {
        self.high - self.low + 1
    }

    /// The bits that this unit has, from `low` on; the rest is reserved.
    pub fn width_in(&self, numbers: &UnitNumbers) -> u32 {
        let needed = match self.content {
            Content::WeightSelect => address_bits(numbers.memories() as usize),
            // One more address than there are words: where the address stands after the last word.
            Content::WeightAddress => address_bits(numbers.memory_words() as usize + 1),
            Content::WeightHigh => numbers.word_bits().saturating_sub(32).max(1),
            Content::WeightData => numbers.word_bits(),
            Content::Quality => address_bits(numbers.levels as usize),
            Content::Member | Content::ForcedMember => address_bits(numbers.members as usize),
            _ => self.width(),
        };
        needed.min(self.width())
    }

    /// The bits that this unit has, as a mask in the register.
    pub fn mask_in(&self, numbers: &UnitNumbers) -> u32 {
        (u32::MAX >> (32 - self.width_in(numbers))) << self.low
    }

    /// The value after reset, in the lowest bits.
    pub fn reset(&self, numbers: &UnitNumbers) -> u32 {
        match self.content {
            Content::Number(number) => number,
            Content::Unit(number) => number(numbers),
            Content::Quality => numbers.levels - 1,
            _ => 0,
        }
    }

    /// `31:0`, or the number of a single bit.
    fn bits(&self) -> String {
        if self.high == self.low { self.low.to_string() } else { format!("{}:{}", self.high, self.low) }
    }
}

/// Which units have a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// All.
    Always,
    /// Those with weights in RAM.
    WritableWeights,
    /// Those of them whose biases are wider than a register.
    WideBiases,
    /// Those with several quality levels.
    Levels,
    /// Those with members.
    Members,
}

/// 32 bits at an offset.
#[derive(Clone, Copy, Debug)]
pub struct Register {
    /// Unique name in capitals.
    pub name: &'static str,
    /// Byte offset, a multiple of 4.
    pub offset: u32,
    /// Which units have it.
    pub presence: Presence,
    /// A write has to cover all of its bytes; of other registers, the bytes of a write that are marked count.
    pub whole_words: bool,
    /// What its bits mean, lowest first.
    pub fields: &'static [Field],
    /// What it is for.
    pub description: &'static str,
}

impl Register {
    /// Whether a unit has it.
    pub fn is_in(&self, numbers: &UnitNumbers) -> bool {
        let writable = numbers.weights == WeightMemory::Ram;
        match self.presence {
            Presence::Always => true,
            Presence::WritableWeights => writable,
            Presence::WideBiases => writable && numbers.word_bits() > 32,
            Presence::Levels => numbers.levels > 1,
            Presence::Members => numbers.members > 0,
        }
    }

    /// Whether a write can do anything; others are answered with an error.
    pub fn is_writable(&self) -> bool {
        self.fields.iter().any(|field| field.access.is_writable())
    }

    /// What the register reads after reset.
    pub fn reset(&self, numbers: &UnitNumbers) -> u32 {
        self.fields.iter().map(|field| field.reset(numbers) << field.low).sum()
    }

    /// The number of the register: its offset in words.
    pub(crate) fn index(&self) -> u32 {
        self.offset / BYTES
    }

    /// The access of all fields, each kind once.
    fn access(&self) -> String {
        let mut kinds: Vec<&str> = vec![];
        for field in self.fields {
            if !kinds.contains(&field.access.text()) {
                kinds.push(field.access.text());
            }
        }
        kinds.join(", ")
    }
}

/// What the registers of a unit depend on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnitNumbers {
    /// Lanes that are built.
    pub lanes: u32,
    /// Slots of the post-processing: so many bias memories.
    pub slots: u32,
    /// Words per beat of both streams.
    pub words_per_beat: u32,
    /// Words of an input frame.
    pub input_words: u32,
    /// Words of an output frame.
    pub output_words: u32,
    /// Bits of an input word.
    pub input_bits: u32,
    /// Bits of an output word.
    pub output_bits: u32,
    /// Weights of every lane.
    pub weight_words: u32,
    /// Bits of a weight.
    pub weight_bits: u32,
    /// Biases.
    pub bias_words: u32,
    /// Bits of a bias.
    pub bias_bits: u32,
    /// Where the weights are.
    pub weights: WeightMemory,
    /// Quality levels.
    pub levels: u32,
    /// Members that frames are routed to; 0 if there is no router.
    pub members: u32,
}

impl UnitNumbers {
    /// Those of the unit that is built for `program`.
    pub fn of(program: &Program) -> Self {
        Self {
            lanes: program.used_lanes() as u32,
            slots: program.slots as u32,
            words_per_beat: program.config.words_per_beat() as u32,
            input_words: program.input_words as u32,
            output_words: program.output.frame_words() as u32,
            input_bits: program.input_bits,
            output_bits: program.output_bits,
            weight_words: program.weights[0].len() as u32,
            weight_bits: program.weight_bits,
            bias_words: program.bias[0].len() as u32,
            bias_bits: program.bias_bits(),
            weights: program.config.weights(),
            levels: program.levels() as u32,
            members: program.members.as_ref().map_or(0, |members| members.count() as u32),
        }
    }

    /// The lowest version of the map that has all registers of the unit.
    pub fn map_version(&self) -> u32 {
        if self.levels > 1 || self.members > 0 { MAP_VERSION } else { 1 }
    }

    /// Bits of the widest word that can be written.
    pub fn word_bits(&self) -> u32 {
        self.weight_bits.max(self.bias_bits)
    }

    /// Memories that can be written: of the lanes, then of the slots.
    pub fn memories(&self) -> u32 {
        self.lanes + self.slots
    }

    /// Words of the largest memory that can be written.
    pub fn memory_words(&self) -> u32 {
        self.weight_words.max(self.bias_words)
    }
}

const fn word(name: &'static str, access: Access, content: Content, description: &'static str) -> Field {
    Field { name, high: 31, low: 0, access, content, description }
}

const fn number(
    name: &'static str,
    offset: u32,
    fields: &'static [Field],
    description: &'static str,
) -> Register {
    Register { name, offset, presence: Presence::Always, whole_words: false, fields, description }
}

/// What is at the other end of the bus.
pub const ID: Register = number(
    "ID",
    0x00,
    &const { [word("id", Access::Constant, Content::Number(u32::from_be_bytes(*b"EMEU")), "`EMEU` in ASCII")] },
    "Tells software that this is a unit.",
);

/// The version of the map.
pub const VERSION: Register = number(
    "VERSION",
    0x04,
    &const {
        [word(
            "version",
            Access::Constant,
            Content::Unit(UnitNumbers::map_version),
            "version of the register map: 1, or 2 in units with quality levels or members",
        )]
    },
    "A higher version has everything that is described here and more.",
);

/// What the unit is told.
pub const CONTROL: Register = number(
    "CONTROL",
    0x08,
    &[Field {
        name: "reset",
        high: 0,
        low: 0,
        access: Access::WriteOnly,
        content: Content::Reset,
        description: "writing 1 resets the datapath for one clock: frames in the unit are dropped, CYCLES, FRAMES, \
                      UNFAMILIAR and the flags in STATUS become 0. Weights and the registers that software has written stay",
    }],
    "Commands.",
);

/// What the unit does, and what went wrong.
pub const STATUS: Register = number(
    "STATUS",
    0x0c,
    &[
        Field {
            name: "busy",
            high: 0,
            low: 0,
            access: Access::ReadOnly,
            content: Content::Busy,
            description: "a frame is in the unit: its last word came in, its last word has not yet gone out",
        },
        Field {
            name: "input_full",
            high: 5,
            low: 4,
            access: Access::ReadOnly,
            content: Content::InputFull,
            description: "the input buffers that hold a frame, one bit each",
        },
        Field {
            name: "output_busy",
            high: 9,
            low: 8,
            access: Access::ReadOnly,
            content: Content::OutputBusy,
            description: "the output buffers that are being filled or emptied, one bit each",
        },
        Field {
            name: "short_frame",
            high: 16,
            low: 16,
            access: Access::WriteOneToClear,
            content: Content::ShortFrame,
            description: "an input frame was too short and was dropped; also the port `short_frame`",
        },
        Field {
            name: "long_frame",
            high: 17,
            low: 17,
            access: Access::WriteOneToClear,
            content: Content::LongFrame,
            description: "an input frame was too long and was dropped; also the port `long_frame`",
        },
    ],
    "State of the datapath. A flag that is set in the clock in which it is cleared stays set.",
);

/// The clock counter.
pub const CYCLES: Register = number(
    "CYCLES",
    0x10,
    &const { [word("cycles", Access::ReadOnly, Content::Cycles, "clocks since reset, modulo 2^32")] },
    "Counts clocks.",
);

/// The frame counter.
pub const FRAMES: Register = number(
    "FRAMES",
    0x14,
    &const {
        [word(
            "frames",
            Access::ReadOnly,
            Content::Frames,
            "output frames whose last word was taken since reset, modulo 2^32",
        )]
    },
    "Counts output frames.",
);

const fn of_units(
    presence: Presence,
    name: &'static str,
    offset: u32,
    fields: &'static [Field],
    description: &'static str,
) -> Register {
    Register { presence, ..number(name, offset, fields, description) }
}

/// The quality level.
pub const QUALITY: Register = of_units(
    Presence::Levels,
    "QUALITY",
    0x18,
    &[Field {
        name: "quality",
        high: 7,
        low: 0,
        access: Access::ReadWrite,
        content: Content::Quality,
        description: "level of frames that begin to compute from now on: 0 is the lowest, LEVELS - 1 the highest, which is also \
                      that of any higher number and that after reset; as many bits as the levels need",
    }],
    "Chooses between quality and time, frame by frame.",
);

/// Where the last frame went.
pub const MEMBER: Register = of_units(
    Presence::Members,
    "MEMBER",
    0x1c,
    &[
        Field {
            name: "member",
            high: 7,
            low: 0,
            access: Access::ReadOnly,
            content: Content::Member,
            description: "member that the last frame was computed with; also the port `member`. As many bits as the members need",
        },
        Field {
            name: "unfamiliar",
            high: 8,
            low: 8,
            access: Access::ReadOnly,
            content: Content::Unfamiliar,
            description: "its largest score did not reach the threshold of that score's member; also the port `unfamiliar`",
        },
    ],
    "What the router has made of the last frame that has reached it. Frames of levels without members do not.",
);

/// The counter of unfamiliar frames.
pub const UNFAMILIAR: Register = of_units(
    Presence::Members,
    "UNFAMILIAR",
    0x20,
    &const {
        [word(
            "unfamiliar_frames",
            Access::ReadOnly,
            Content::UnfamiliarFrames,
            "frames since reset that were unfamiliar, modulo 2^32",
        )]
    },
    "Counts unfamiliar frames.",
);

/// The forced member.
pub const FORCE: Register = of_units(
    Presence::Members,
    "FORCE",
    0x24,
    &[
        Field {
            name: "forced_member",
            high: 7,
            low: 0,
            access: Access::ReadWrite,
            content: Content::ForcedMember,
            description: "the member; any higher number than MEMBERS - 1 is that. As many bits as the members need",
        },
        Field {
            name: "force_member",
            high: 8,
            low: 8,
            access: Access::ReadWrite,
            content: Content::ForceMember,
            description: "frames that are routed from now on are computed with that member, whatever their scores",
        },
    ],
    "Overrides the router. Whether a frame is unfamiliar does not depend on it.",
);

/// The number of lanes.
pub const LANES: Register = number(
    "LANES",
    0x40,
    &const { [word("lanes", Access::Constant, Content::Unit(|unit| unit.lanes), "lanes that are built")] },
    "Size of the unit.",
);

/// The length of an input frame.
pub const INPUT_WORDS: Register = number(
    "INPUT_WORDS",
    0x44,
    &const {
        [word(
            "input_words",
            Access::Constant,
            Content::Unit(|unit| unit.input_words),
            "words of an input frame",
        )]
    },
    "Length of an input frame.",
);

/// The length of an output frame.
pub const OUTPUT_WORDS: Register = number(
    "OUTPUT_WORDS",
    0x48,
    &const {
        [word(
            "output_words",
            Access::Constant,
            Content::Unit(|unit| unit.output_words),
            "words of an output frame",
        )]
    },
    "Length of an output frame.",
);

/// The depth of a lane's weight memory.
pub const WEIGHT_WORDS: Register = number(
    "WEIGHT_WORDS",
    0x4c,
    &const {
        [word(
            "weight_words",
            Access::Constant,
            Content::Unit(|unit| unit.weight_words),
            "weights of each lane",
        )]
    },
    "Depth of the weight memories.",
);

/// The depth of a slot's bias memory.
pub const BIAS_WORDS: Register = number(
    "BIAS_WORDS",
    0x50,
    &const { [word("bias_words", Access::Constant, Content::Unit(|unit| unit.bias_words), "biases of each slot")] },
    "Depth of the bias memories.",
);

/// The widths of words.
pub const WIDTHS: Register = number(
    "WIDTHS",
    0x54,
    &[
        Field {
            name: "input_bits",
            high: 7,
            low: 0,
            access: Access::Constant,
            content: Content::Unit(|unit| unit.input_bits),
            description: "bits of an input word",
        },
        Field {
            name: "output_bits",
            high: 15,
            low: 8,
            access: Access::Constant,
            content: Content::Unit(|unit| unit.output_bits),
            description: "bits of an output word",
        },
        Field {
            name: "weight_bits",
            high: 23,
            low: 16,
            access: Access::Constant,
            content: Content::Unit(|unit| unit.weight_bits),
            description: "bits of a weight",
        },
        Field {
            name: "bias_bits",
            high: 31,
            low: 24,
            access: Access::Constant,
            content: Content::Unit(|unit| unit.bias_bits),
            description: "bits of a bias in its memory",
        },
    ],
    "Widths of words.",
);

/// How many words move at once.
pub const PARALLEL: Register = number(
    "PARALLEL",
    0x58,
    &[
        Field {
            name: "slots",
            high: 7,
            low: 0,
            access: Access::Constant,
            content: Content::Unit(|unit| unit.slots),
            description: "slots of the post-processing, each with a bias memory",
        },
        Field {
            name: "words_per_beat",
            high: 15,
            low: 8,
            access: Access::Constant,
            content: Content::Unit(|unit| unit.words_per_beat),
            description: "words per beat of both streams",
        },
    ],
    "How many words move at once.",
);

/// The number of quality levels.
pub const LEVELS: Register = of_units(
    Presence::Levels,
    "LEVELS",
    0x5c,
    &const { [word("levels", Access::Constant, Content::Unit(|unit| unit.levels), "quality levels")] },
    "Number of quality levels.",
);

/// The number of members.
pub const MEMBERS: Register = of_units(
    Presence::Members,
    "MEMBERS",
    0x60,
    &const { [word("members", Access::Constant, Content::Unit(|unit| unit.members), "members")] },
    "Number of members that the router chooses from.",
);

const fn weight(
    name: &'static str,
    offset: u32,
    fields: &'static [Field],
    description: &'static str,
) -> Register {
    of_units(Presence::WritableWeights, name, offset, fields, description)
}

/// Which memory is written.
pub const WEIGHT_SELECT: Register = weight(
    "WEIGHT_SELECT",
    0x80,
    &[Field {
        name: "weight_select",
        high: 7,
        low: 0,
        access: Access::ReadWrite,
        content: Content::WeightSelect,
        description: "number of a lane from 0, or LANES and up for the biases of the slots; as many bits as the memories need",
    }],
    "Selects the memory that WEIGHT_DATA writes.",
);

/// Which word is written.
pub const WEIGHT_ADDRESS: Register = weight(
    "WEIGHT_ADDRESS",
    0x84,
    &const {
        [word(
            "weight_address",
            Access::ReadWrite,
            Content::WeightAddress,
            "address of the word; as many bits as the number of words of the larger kind of memory has",
        )]
    },
    "Selects the word that WEIGHT_DATA writes.",
);

/// The upper part of a wide word.
pub const WEIGHT_HIGH: Register = Register {
    presence: Presence::WideBiases,
    ..weight(
        "WEIGHT_HIGH",
        0x88,
        &const {
            [word(
                "weight_high",
                Access::ReadWrite,
                Content::WeightHigh,
                "bits 32 and up of the next word that WEIGHT_DATA writes; as many bits as a bias has beyond 32",
            )]
        },
        "Upper bits of words wider than a register. Weights do not use it.",
    )
};

/// The word.
pub const WEIGHT_DATA: Register = Register {
    whole_words: true,
    ..weight(
        "WEIGHT_DATA",
        0x8c,
        &const {
            [word(
                "weight_data",
                Access::WriteOnly,
                Content::WeightData,
                "the word in two's complement; bits that the memory does not have are ignored",
            )]
        },
        "Stores a word at WEIGHT_ADDRESS of the selected memory and adds 1 to WEIGHT_ADDRESS. A write of less than four \
         bytes, or to a memory or word that does not exist, does nothing and answers SLVERR.",
    )
};

/// All registers, by offset.
pub const REGISTERS: [&Register; 23] = [
    &ID,
    &VERSION,
    &CONTROL,
    &STATUS,
    &CYCLES,
    &FRAMES,
    &QUALITY,
    &MEMBER,
    &UNFAMILIAR,
    &FORCE,
    &LANES,
    &INPUT_WORDS,
    &OUTPUT_WORDS,
    &WEIGHT_WORDS,
    &BIAS_WORDS,
    &WIDTHS,
    &PARALLEL,
    &LEVELS,
    &MEMBERS,
    &WEIGHT_SELECT,
    &WEIGHT_ADDRESS,
    &WEIGHT_HIGH,
    &WEIGHT_DATA,
];

/// The registers that a unit has, by offset.
pub fn registers_of(numbers: &UnitNumbers) -> impl Iterator<Item = &'static Register> + use<> {
    let numbers = *numbers;
    REGISTERS.into_iter().filter(move |register| register.is_in(&numbers))
}

/// The reference of all registers in Markdown: a table, then every register with its fields.
pub fn markdown() -> String {
    let mut text = String::from(
        "# Registers\n\n\
         <!-- Made from hdl/src/register_map.rs: EMEURO_ACCEPT=1 cargo test -p emeuro-hdl register_map -->\n\n\
         The registers of a unit with `control: axi_lite`. How to use them is in [Control](control.md).\n\n",
    );
    text += &format!(
        "All registers have 32 bits. Addresses have {ADDRESS_BITS} bits; the two lowest do not count. Bits without a \
         field are reserved: they read 0, and what is written to them is ignored. Reads of write-only fields give 0. A \
         read or write of an offset without a register, and a write of a register that has nothing to write, answers \
         SLVERR and does nothing else. Bytes of a write that `wstrb` does not mark keep their value.\n\n"
    );
    text += "| Offset | Register | Access | After reset | Units | |\n| --- | --- | --- | --- | --- | --- |\n";
    for register in REGISTERS {
        text += &format!(
            "| 0x{:02x} | [{name}](#{}) | {} | {} | {} | {} |\n",
            register.offset,
            register.name.to_lowercase(),
            register.access(),
            reset_text(register.fields),
            match register.presence {
                Presence::Always => "all",
                Presence::WritableWeights => "`weights: ram`",
                Presence::WideBiases => "`weights: ram`, biases of more than 32 bits",
                Presence::Levels => "several quality levels",
                Presence::Members => "members",
            },
            register
                .description
                .split_once(". ")
                .map_or(register.description, |(first, _)| first)
                .trim_end_matches('.'),
            name = register.name,
        );
    }
    for register in REGISTERS {
        text += &format!(
            "\n## {}\n\nOffset 0x{:02x}. {}\n\n",
            register.name, register.offset, register.description
        );
        text += "| Bits | Field | Access | After reset | Meaning |\n| --- | --- | --- | --- | --- |\n";
        for field in register.fields {
            text += &format!(
                "| {} | `{}` | {} | {} | {} |\n",
                field.bits(),
                field.name,
                field.access.text(),
                reset_text(std::slice::from_ref(field)),
                field.description
            );
        }
    }
    text
}

/// What fields hold after reset, where that does not depend on the unit.
fn reset_text(fields: &[Field]) -> String {
    let mut sum = 0;
    for field in fields {
        match field.content {
            Content::Number(number) => sum += number << field.low,
            Content::Unit(_) | Content::Quality => return "of the unit".into(),
            _ => {}
        }
    }
    if sum < 10 { sum.to_string() } else { format!("0x{sum:08x}") }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::path::Path;

    use super::*;

    #[test]
    fn the_reference_in_the_documentation_is_this_map() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/src/unit/registers.md");
        if std::env::var("EMEURO_ACCEPT").as_deref() == Ok("1") {
            emeuro_golden::write_atomically(&path, markdown().as_bytes()).unwrap();
        }
        let found = std::fs::read_to_string(&path).unwrap();
        assert!(
            found == markdown(),
            "registers.md is not current: EMEURO_ACCEPT=1 cargo test -p emeuro-hdl register_map"
        );
    }

    #[test]
    fn registers_and_fields_do_not_overlap() {
        let offsets: Vec<u32> = REGISTERS.iter().map(|register| register.offset).collect();
        assert!(offsets.is_sorted_by(|a, b| a < b), "{offsets:?}");
        assert!(offsets.iter().all(|offset| offset % BYTES == 0 && offset >> ADDRESS_BITS == 0));
        let mut names = HashSet::new();
        for register in REGISTERS {
            assert!(names.insert(register.name.to_lowercase() + " register"));
            let mut free = 0;
            for field in register.fields {
                assert!(names.insert(field.name.to_owned()), "{}", field.name);
                assert!(field.low >= free && field.high >= field.low && field.high < 32, "{}", field.name);
                free = field.high + 1;
            }
        }
    }

    #[test]
    fn what_units_lack_is_not_there() {
        let small = UnitNumbers {
            lanes: 3,
            slots: 1,
            words_per_beat: 1,
            input_words: 4,
            output_words: 5,
            input_bits: 8,
            output_bits: 16,
            weight_words: 16,
            weight_bits: 8,
            bias_words: 7,
            bias_bits: 20,
            weights: WeightMemory::Rom,
            levels: 1,
            members: 0,
        };
        let names = |numbers| registers_of(&numbers).map(|register| register.name).collect::<Vec<_>>();
        assert_eq!(names(small).len(), 13);
        let ram = UnitNumbers { weights: WeightMemory::Ram, ..small };
        assert_eq!(names(ram)[13..], ["WEIGHT_SELECT", "WEIGHT_ADDRESS", "WEIGHT_DATA"]);
        let wide = UnitNumbers { bias_bits: 33, ..ram };
        assert!(names(wide).contains(&"WEIGHT_HIGH"));
        let widths = |register: &Register, numbers| register.fields[0].width_in(&numbers);
        assert_eq!([&WEIGHT_SELECT, &WEIGHT_ADDRESS, &WEIGHT_DATA].map(|r| widths(r, ram)), [2, 5, 20]);
        assert_eq!([&WEIGHT_HIGH, &WEIGHT_DATA].map(|r| widths(r, wide)), [1, 32]);
        assert_eq!(WIDTHS.reset(&wide), 33 << 24 | 8 << 16 | 16 << 8 | 8);
        let parallel = UnitNumbers { slots: 4, words_per_beat: 2, lanes: 64, ..ram };
        assert_eq!(PARALLEL.reset(&parallel), 2 << 8 | 4);
        // 64 lanes and 4 slots are 68 memories.
        assert_eq!(widths(&WEIGHT_SELECT, parallel), 7);
        assert_eq!(ID.reset(&wide), 0x454d_4555);
        let levels = UnitNumbers { levels: 3, ..small };
        assert_eq!(names(levels)[6..8], ["QUALITY", "LANES"]);
        assert_eq!((widths(&QUALITY, levels), QUALITY.reset(&levels), VERSION.reset(&levels)), (2, 2, 2));
        let members = UnitNumbers { members: 5, ..small };
        assert_eq!(names(members)[6..9], ["MEMBER", "UNFAMILIAR", "FORCE"]);
        assert_eq!([&MEMBER, &FORCE].map(|r| widths(r, members)), [3, 3]);
        assert_eq!((MEMBERS.reset(&members), VERSION.reset(&members), VERSION.reset(&small)), (5, 2, 1));
    }
}
