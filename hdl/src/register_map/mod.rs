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

mod reference;
mod register;
mod registers;
mod unit_numbers;

pub use reference::markdown;
pub use register::{Access, Content, Field, Presence, Register};
pub use registers::*;
pub use unit_numbers::UnitNumbers;

/// The version of this map. The register [`VERSION`] holds the lowest version that has all registers of its unit: 1 without
/// quality levels and members.
pub const MAP_VERSION: u32 = 2;

/// Bits of a byte address that the slave looks at.
pub const ADDRESS_BITS: u32 = 8;

/// Bytes of a register.
pub const BYTES: u32 = 4;

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::path::Path;

    use emeuro_compiler::WeightMemory;

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
