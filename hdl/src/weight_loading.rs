//! Weights to register writes.

use emeuro_compiler::{WeightWrite, WritableMemory};

use crate::register_map::{Register, UnitNumbers, WEIGHT_ADDRESS, WEIGHT_DATA, WEIGHT_HIGH, WEIGHT_SELECT};

/// What to write to which byte offset, in this order, to store `words` in the weight memories of the unit `numbers`.
///
/// A register is written only if it does not hold the value already, counting the address that increments; nothing is
/// expected of what it held before.
///
/// ```
/// use emeuro_compiler::{Control, UnitConfig, WeightMemory, compile, rewrite};
/// use emeuro_hdl::{register_map::UnitNumbers, register_writes};
///
/// let config = UnitConfig::new(4)?.with_control(Control::AxiLite, WeightMemory::Ram)?;
/// let emulator = emeuro_golden::sample_emulator(1);
/// let retrained = emeuro_golden::sample_weights(&emulator, 2);
/// let [old, new] = [compile(&emulator, &config)?, compile(&retrained, &config)?];
/// for (offset, word) in register_writes(&UnitNumbers::of(&old), &rewrite(&old, &new)?) {
///     println!("write {word:#x} to base + {offset:#x}");
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn register_writes(numbers: &UnitNumbers, words: &[WeightWrite]) -> Vec<(u32, u32)> {
    let mut writes = vec![];
    let (mut select, mut address, mut high) = (None, None, None);
    let mut set = |held: &mut Option<u32>, register: &Register, value: u32| {
        if held.replace(value) != Some(value) {
            writes.push((register.offset, value));
        }
    };
    for write in words {
        let memory = match write.memory {
            WritableMemory::Lane(lane) => lane as u32,
            WritableMemory::Biases(slot) => numbers.lanes + slot as u32,
        };
        set(&mut select, &WEIGHT_SELECT, memory);
        set(&mut address, &WEIGHT_ADDRESS, write.address as u32);
        if WEIGHT_HIGH.is_in(numbers) && matches!(write.memory, WritableMemory::Biases(_)) {
            let mask = WEIGHT_HIGH.fields[0].mask_in(numbers);
            set(&mut high, &WEIGHT_HIGH, (write.word >> 32) as u32 & mask);
        }
        set(&mut None, &WEIGHT_DATA, write.word as u32);
        address = address.map(|address| address + 1);
    }
    writes
}

#[cfg(test)]
mod tests {
    use super::*;
    use emeuro_compiler::WeightMemory;

    #[test]
    fn registers_are_written_when_they_change() {
        let numbers = UnitNumbers {
            lanes: 2,
            slots: 2,
            words_per_beat: 1,
            input_words: 1,
            output_words: 1,
            input_bits: 8,
            output_bits: 8,
            weight_words: 9,
            weight_bits: 8,
            bias_words: 4,
            bias_bits: 40,
            weights: WeightMemory::Ram,
            levels: 1,
            members: 0,
        };
        let write = |memory, address, word| WeightWrite { memory, address, word };
        let lane = WritableMemory::Lane(1);
        let words = [
            write(lane, 3, 7),
            write(lane, 4, -1),
            write(lane, 6, 2),
            write(WritableMemory::Biases(0), 7, -1),
            write(WritableMemory::Biases(1), 0, 1 << 33),
        ];
        let by_name = |(offset, value)| {
            let registers = [&WEIGHT_SELECT, &WEIGHT_ADDRESS, &WEIGHT_HIGH, &WEIGHT_DATA];
            (registers.iter().find(|register| register.offset == offset).unwrap().name, value)
        };
        let writes: Vec<_> = register_writes(&numbers, &words).into_iter().map(by_name).collect();
        let expected = [
            ("WEIGHT_SELECT", 1),
            ("WEIGHT_ADDRESS", 3),
            ("WEIGHT_DATA", 7),
            ("WEIGHT_DATA", u32::MAX),
            ("WEIGHT_ADDRESS", 6),
            ("WEIGHT_DATA", 2),
            ("WEIGHT_SELECT", 2),
            ("WEIGHT_HIGH", 0xff),
            ("WEIGHT_DATA", u32::MAX),
            ("WEIGHT_SELECT", 3),
            ("WEIGHT_ADDRESS", 0),
            ("WEIGHT_HIGH", 2),
            ("WEIGHT_DATA", 0),
        ];
        assert_eq!(writes, expected);
    }
}
