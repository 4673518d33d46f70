//! The reference of the registers in the documentation.

use super::{ADDRESS_BITS, Content, Field, Presence, REGISTERS};

/// The reference of all registers in Markdown: a table, then every register with its fields.
pub fn markdown() -> String {
    let mut text = String::from(
        "# Registers\n\n\
         <!-- Made from hdl/src/register_map: EMEURO_ACCEPT=1 cargo test -p emeuro-hdl register_map -->\n\n\
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
