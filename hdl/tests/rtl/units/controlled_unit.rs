//! The whole unit with registers in the direct loop: frames through the streams while the network is replaced over the
//! control port.

use emeuro_compiler::{Control, UnitConfig, WeightMemory, compile, rewrite};
use emeuro_golden::{Sampler, VectorId, sample_weights};
use emeuro_hdl::register_map::{CONTROL, FRAMES, Register, STATUS, UnitNumbers};
use emeuro_hdl::register_writes;
use emeuro_hdl::units::ControlledUnit;

use super::programs::samples;
use crate::bench::{Bench, Case, low_bits, ports, signed};

ports!(
    ControlledUnit, [aclk],
    [
        aresetn, s_axi_awaddr, s_axi_awprot, s_axi_awvalid, s_axi_wdata, s_axi_wstrb, s_axi_wvalid, s_axi_bready,
        s_axi_araddr, s_axi_arprot, s_axi_arvalid, s_axi_rready, s_axis_tdata, s_axis_tvalid, s_axis_tlast,
        m_axis_tready,
    ] -> [
        s_axi_awready, s_axi_wready, s_axi_bresp, s_axi_bvalid, s_axi_arready, s_axi_rdata, s_axi_rresp, s_axi_rvalid,
        s_axis_tready, m_axis_tdata, m_axis_tkeep, m_axis_tvalid, m_axis_tlast, short_frame, long_frame,
    ]
);

/// A unit and what is on its inputs.
struct Host {
    bench: Bench<ControlledUnit>,
    input_bits: u32,
    output_bits: u32,
}

impl Host {
    /// One clock: bus inputs from `awaddr` to `rready`, stream inputs.
    fn clock(&mut self, bus: [u64; 11], stream: [u64; 4]) -> [u64; 15] {
        let inputs: Vec<u64> = [1].into_iter().chain(bus).chain(stream).collect();
        self.bench.tick(&inputs)
    }

    fn write(&mut self, offset: u32, data: u32) {
        let (mut address, mut word) = (1, 1);
        loop {
            let bus = [offset.into(), 0, address, data.into(), 15, word, 1, 0, 0, 0, 1];
            let [awready, wready, bresp, bvalid, ..] = self.clock(bus, [0, 0, 0, 1]);
            (address, word) = (address & !awready, word & !wready);
            if bvalid == 1 {
                assert_eq!(bresp, 0, "write of {data:x} to {offset:x}");
                return;
            }
        }
    }

    fn read(&mut self, register: &Register) -> u64 {
        let mut valid = 1;
        loop {
            let bus = [0, 0, 0, 0, 0, 0, 1, register.offset.into(), 0, valid, 1];
            let found = self.clock(bus, [0, 0, 0, 1]);
            valid &= !found[4];
            if found[7] == 1 {
                return found[5];
            }
        }
    }

    /// Puts words in; the last one ends the frame.
    fn put(&mut self, words: &[i16]) {
        for (index, &word) in words.iter().enumerate() {
            let data = low_bits(word.into(), self.input_bits);
            let stream = [data, 1, (index + 1 == words.len()).into(), 0];
            while self.clock([0; 11], stream)[8] == 0 {}
        }
    }

    fn take(&mut self) -> Vec<i16> {
        let mut words = vec![];
        loop {
            let found = self.clock([0; 11], [0, 0, 0, 1]);
            if found[11] == 1 {
                words.push(signed(found[9], self.output_bits) as i16);
                if found[12] == 1 {
                    return words;
                }
            }
        }
    }
}

pub(crate) fn cases() -> Vec<Case> {
    const NAMES: [&str; 3] = ["controlled_unit_0", "controlled_unit_1", "controlled_unit_2"];
    samples()
        .iter()
        .zip(NAMES)
        .map(|((emulator, program), name)| {
            let config = UnitConfig::new(program.lanes()).unwrap().with_slots(program.slots).unwrap();
            let config = config.with_control(Control::AxiLite, WeightMemory::Ram).unwrap();
            let other = sample_weights(emulator, 9);
            let [old, new] = [emulator, &other].map(|emulator| compile(emulator, &config).unwrap());
            let unit = ControlledUnit::new(&old, name);
            let hex = unit.hex_files();
            let (input_bits, output_bits) = (old.input_bits, old.output_bits);
            let bench = Bench::new(name, unit)
                .only_while("m_axis_tdata", "m_axis_tvalid")
                .only_while("m_axis_tlast", "m_axis_tvalid")
                .only_while("s_axi_rdata", "s_axi_rvalid")
                .only_while("s_axi_rresp", "s_axi_rvalid")
                .only_while("s_axi_bresp", "s_axi_bvalid");
            let mut host = Host { bench, input_bits, output_bits };
            for _ in 0..2 {
                host.bench.clock(&[0; 16]);
            }
            host.bench.settled();
            let mut sampler = Sampler::new(7);
            let format = emulator.format(VectorId::INPUT);
            let mut frame = || sampler.frame(emulator.input().size(), format);
            let input = frame();
            host.put(&input);
            assert_eq!(host.take(), emulator.run(&input).unwrap(), "{name}");
            for (offset, word) in register_writes(&UnitNumbers::of(&old), &rewrite(&old, &new).unwrap()) {
                host.write(offset, word);
            }
            for _ in 0..3 {
                let input = frame();
                host.put(&input);
                assert_eq!(host.take(), other.run(&input).unwrap(), "{name}: new weights");
            }
            assert_eq!(host.read(&FRAMES), 4);
            // A reset in the middle of things, then a frame of its own.
            let input = frame();
            host.put(&input);
            assert_eq!(host.read(&STATUS) & 1, 1, "{name}: busy");
            host.write(CONTROL.offset, 1);
            assert_eq!((host.read(&STATUS), host.read(&FRAMES)), (0, 0), "{name}");
            host.put(&input);
            assert_eq!(host.take(), other.run(&input).unwrap(), "{name}: after a reset");
            // A long frame is dropped, its flag cleared.
            host.put(&[input.clone(), vec![0; 2]].concat());
            assert_eq!(host.read(&STATUS), 1 << 17, "{name}");
            host.write(STATUS.offset, 1 << 17);
            assert_eq!(host.read(&STATUS), 0, "{name}");
            host.bench.finish(hex)
        })
        .collect()
}

#[test]
fn networks_are_replaced_over_the_control_port() {
    cases();
}
