//! The write port: results first, input words where no result is.

use emeuro_hdl::units::write_port::{WritePort, WriteShape};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use crate::bench::{Bench, Case, low_bits, once_in, ports, signed, word};

ports!(
    WritePort, [clock],
    [resetn, to_memory, to_output, parity, result_address, result, input_valid, input_address, word] -> [
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
    };
    vec![
        write("write_port", shape(9, 5, 16, 16, 16)),
        // More output than memory, and bytes that are widened and cut.
        write("write_port_bytes", shape(4, 7, 16, 8, 8)),
        write("write_port_small", shape(1, 1, 8, 8, 8)),
    ]
}

fn write(name: &'static str, shape: WriteShape) -> Case {
    let mut random = ChaCha8Rng::seed_from_u64(34);
    let mut bench = Bench::new(name, WritePort::new(shape));
    // Memory and output: address and word, or nothing.
    let mut expected: Option<[Option<(u64, u64)>; 2]> = None;
    for clock in 0..3000 {
        let mut flag = |n: u32| once_in(&mut random, n);
        let resetn = clock > 0 && !flag(20);
        let (to_memory, to_output, parity, input_valid) = (flag(2), flag(2), flag(2), flag(2));
        let result_address = word(&mut random, shape.result_address);
        let result = word(&mut random, shape.word);
        let input_address = word(&mut random, shape.memory_address);
        let input = word(&mut random, shape.input);
        let found: [u64; 7] = bench.tick(&[
            resetn.into(),
            to_memory.into(),
            to_output.into(),
            parity.into(),
            result_address,
            result,
            input_valid.into(),
            input_address,
            input,
        ]);
        let [blocked, memory_enable, memory_address, memory_data, output_enable, output_address, output_data] =
            found;
        assert_eq!(blocked, u64::from(to_memory), "{name}, clock {clock}");
        match expected {
            None => bench.settled(),
            Some(expected) => {
                let memory = (memory_enable == 1).then_some((memory_address, memory_data));
                let output = (output_enable == 1).then_some((output_address, output_data));
                assert_eq!([memory, output], expected, "{name}, clock {clock}");
            }
        }
        let result_low = |bits: u32| result_address % (1 << bits);
        let memory = if to_memory {
            Some((result_low(shape.memory_address), result))
        } else {
            input_valid.then(|| (input_address, low_bits(signed(input, shape.input), shape.word)))
        };
        let buffer = u64::from(parity) << shape.output_address;
        let output = to_output.then(|| {
            (buffer + result_low(shape.output_address), low_bits(signed(result, shape.word), shape.output))
        });
        expected = Some([memory.filter(|_| resetn), output.filter(|_| resetn)]);
    }
    bench.finish(vec![])
}

#[test]
fn results_go_before_input_words() {
    cases();
}
