//! All registers.

use super::{Access, Content, Field, Presence, Register, UnitNumbers};

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
                      UNFAMILIAR and the flags in STATUS become 0, but for `long_frame` while a frame is coming in that was too \
                      long already. Weights and the registers that software has written stay",
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
            description: "a frame is in the unit: its last word came in, and its last word has not yet gone out or words of it are still computed",
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
            description: "the output buffers that are in use, from the first layer that writes them until the last word has gone out, one bit each",
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
