//! The write port: results first, input words where no result is, and every word at the place that its address says.

use std::collections::BTreeMap;

use emeuro_hdl::units::write_port::{WritePort, WriteShape};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::bench::{Bench, Case, low_bits, once_in, ports, signed, word};

ports!(
    WritePort, [clock],
    [resetn, to_memory, to_output, parity, result_address, count, result, input_valid, input_address, word] -> [
        blocked, memory_enable, memory_address, memory_data, output_enable, output_address, output_data,
    ]
);

pub(crate) fn cases() -> Vec<Case> {
    let shape = |memory_address: u32, output_address: u32, word, input, output| WriteShape {
        result_address: memory_address.max(output_address),
        memory_address,
        output_address,
        word,
        input,
        output,
        slots: 1,
        beat: 1,
        memory_row: 1,
        output_row: 1,
    };
    let mut cases = vec![
        write("write_port", shape(9, 5, 16, 16, 16)),
        // More output than memory, and bytes that are widened and cut.
        write("write_port_bytes", shape(4, 7, 16, 8, 8)),
        write("write_port_small", shape(1, 1, 8, 8, 8)),
    ];
    // Slots, words of a beat, words of the rows of memory and output.
    let rows = [
        (2, 1, 2, 2),
        (1, 2, 2, 1),
        (1, 2, 2, 2),
        (1, 4, 4, 4),
        (1, 4, 4, 1),
        (2, 2, 2, 2),
        (2, 4, 4, 2),
        (2, 4, 4, 4),
        (4, 1, 4, 4),
        (4, 2, 4, 4),
        (4, 4, 4, 4),
        (8, 4, 8, 8),
        (16, 1, 16, 16),
        // Rows that are wider than anything that comes.
        (1, 1, 2, 4),
        (1, 1, 4, 2),
        (2, 2, 8, 4),
        (2, 1, 4, 8),
    ];
    for (number, (slots, beat, memory_row, output_row)) in rows.into_iter().enumerate() {
        // From two rows up; either memory may be the larger one, and any word the narrower one.
        let [memory, output] =
            [memory_row, output_row].map(|row: usize| row.ilog2() + 1 + (number as u32 * 5 + row as u32) % 3);
        let [bits, input, output_bits] =
            [[16, 16, 16], [16, 8, 16], [16, 16, 8], [8, 8, 8], [16, 8, 8]][number % 5];
        let shape = shape(memory, output, bits, input, output_bits);
        let name = format!("write_port_{slots}_{beat}_{memory_row}_{output_row}");
        cases.push(write(&name, WriteShape { slots, beat, memory_row, output_row, ..shape }));
    }
    cases
}

/// Words by their addresses.
type Words = BTreeMap<u64, u64>;

/// The words that a row write puts into a memory.
fn row_write(enable: u64, row: u64, words: &[u64]) -> Words {
    let size = words.len() as u64;
    let enabled = (0..size).filter(|place| (enable >> place) & 1 == 1);
    enabled.map(|place| (row * size + place, words[place as usize])).collect()
}

fn write(name: &str, shape: WriteShape) -> Case {
    let mut random = ChaCha8Rng::seed_from_u64(34);
    let mut bench = Bench::new(name, WritePort::new(shape));
    let (slots, beat) = (shape.slots as u64, shape.beat as u64);
    // Memory and output.
    let mut expected: Option<[Words; 2]> = None;
    for clock in 0..3000 {
        let mut flag = |n: u32| once_in(&mut random, n);
        let resetn = clock > 0 && !flag(20);
        let (to_memory, to_output, parity, input_valid) = (flag(2), flag(2), flag(2), flag(2));
        // A single result goes anywhere, several begin at a multiple of the slots.
        let count = if flag(2) { 1 } else { random.random_range(1..=slots) };
        let address = word(&mut random, shape.result_address);
        let result_address = if count == 1 { address } else { address / slots * slots };
        let results: Vec<u64> = (0..slots).map(|_| word(&mut random, shape.word)).collect();
        let input_address = word(&mut random, shape.memory_address) / beat * beat;
        let inputs: Vec<u64> = (0..beat).map(|_| word(&mut random, shape.input)).collect();
        let mut words =
            vec![resetn.into(), to_memory.into(), to_output.into(), parity.into(), result_address];
        words.extend((slots > 1).then_some(count - 1));
        words.extend(&results);
        words.extend([input_valid.into(), input_address]);
        words.extend(&inputs);
        let found = bench.clock(&words);
        assert_eq!(found[0], u64::from(to_memory), "{name}, clock {clock}");
        let (memory, output) = found[1..].split_at(2 + shape.memory_row);
        match &expected {
            None => bench.settled(),
            Some(expected) => {
                let found = [memory, output].map(|found| row_write(found[0], found[1], &found[2..]));
                assert_eq!(found, *expected, "{name}, clock {clock}");
            }
        }
        let at = |bits: u32, k: usize| (result_address + k as u64) % (1 << bits);
        let arrived = || results[..count as usize].iter().enumerate();
        let memory: Words = if to_memory {
            arrived().map(|(k, &result)| (at(shape.memory_address, k), result)).collect()
        } else if input_valid {
            let widened = |input: u64| low_bits(signed(input, shape.input), shape.word);
            (input_address..).zip(inputs).map(|(address, input)| (address, widened(input))).collect()
        } else {
            Words::new()
        };
        let buffer = u64::from(parity) << shape.output_address;
        let cut = |result: u64| low_bits(signed(result, shape.word), shape.output);
        let to_buffer = |(k, &result): (usize, &u64)| (buffer + at(shape.output_address, k), cut(result));
        let output = if to_output { arrived().map(to_buffer).collect() } else { Words::new() };
        expected = Some(if resetn { [memory, output] } else { [Words::new(), Words::new()] });
    }
    bench.finish(vec![])
}

#[test]
fn results_go_before_input_words() {
    cases();
}
