//! Units with registers: the control port by itself, beside streams, and networks that are replaced while the unit runs.

mod common;

use std::path::Path;

use common::options;
use emeuro_compiler::{Control, Machine, Program, UnitConfig, WeightMemory, compile, rewrite};
use emeuro_golden::{
    Emulator, EmulatorBuilder, Format, OutputSpec, Port, Provenance, Sampler, VectorId, Weights,
    sample_clusters, sample_emulator, sample_weights,
};
use emeuro_hdl::register_map::{
    ADDRESS_BITS, Access, BIAS_WORDS, CONTROL, CYCLES, FRAMES, Presence, REGISTERS, STATUS, UnitNumbers,
    WEIGHT_ADDRESS, WEIGHT_DATA, WEIGHT_SELECT, registers_of,
};
use emeuro_hdl::{UnitDesign, register_writes};
use emeuro_testbench::{
    Beat, ControlMaster, Design, Error, Model, Order, Pattern, Response, Roms, RtlPolicy, Sim, SourceFile,
    StreamBench, StreamDriver, StreamMonitor, Traffic, Transaction, cosim,
};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Flags in STATUS.
const BUSY: u32 = 1;
const SHORT: u32 = 1 << 16;
const LONG: u32 = 1 << 17;

fn config(lanes: usize, weights: WeightMemory) -> UnitConfig {
    UnitConfig::new(lanes).unwrap().with_control(Control::AxiLite, weights).unwrap()
}

fn design(program: &Program) -> Design {
    let unit = UnitDesign::new(program, Machine::cycles(program).unwrap(), "cargo test").unwrap();
    let sources = unit.files().map(|(name, text)| SourceFile::new(name, text)).collect();
    Design::new(&unit.top, sources)
}

/// A unit with registers and writable weights, and its network.
struct Unit {
    emulator: Emulator,
    program: Program,
    numbers: UnitNumbers,
    design: Design,
    model: Model,
}

impl Unit {
    fn new(emulator: Emulator, lanes: usize) -> Self {
        let program = compile(&emulator, &config(lanes, WeightMemory::Ram)).unwrap();
        let design = design(&program);
        let model = Model::build(&design, &options()).unwrap();
        let numbers = UnitNumbers::of(&program);
        Self { emulator, program, numbers, design, model }
    }

    /// A running unit after reset, and a master of its registers.
    fn start(&self, pattern: &Pattern, seed: u64) -> (Sim, ControlMaster) {
        let mut sim = Sim::new(&self.model, Roms::Files(&self.design.sources), seed).unwrap();
        let mut master = ControlMaster::new(&self.model, pattern, seed).unwrap();
        reset(&mut sim, &mut master);
        (sim, master)
    }

    fn bench(&self) -> StreamBench {
        StreamBench::new(&self.model, self.emulator.input().bits, self.emulator.output().port.bits).unwrap()
    }

    fn frames(&self, count: usize, seed: u64) -> Vec<Vec<i16>> {
        let mut sampler = Sampler::new(seed);
        let format = self.emulator.format(VectorId::INPUT);
        (0..count).map(|_| sampler.frame(self.emulator.input().size(), format)).collect()
    }

    /// The writes that make the unit's network `other`.
    fn writes(&self, from: &Program, other: &Emulator) -> (Program, Vec<Transaction>) {
        let new = compile(other, &self.program.config).unwrap();
        let writes = register_writes(&self.numbers, &rewrite(from, &new).unwrap());
        (new, writes.into_iter().map(|(offset, data)| Transaction::write(offset, data)).collect())
    }
}

fn reset(sim: &mut Sim, master: &mut ControlMaster) {
    let port = sim.model().input("aresetn").unwrap();
    let valid = sim.model().input("s_axis_tvalid").unwrap();
    sim.set(port, 0);
    sim.set(valid, 0);
    for _ in 0..3 {
        master.reset(sim);
        sim.tick().unwrap();
    }
    sim.set(port, 1);
}

fn answers(emulator: &Emulator, inputs: &[Vec<i16>]) -> Vec<Vec<i16>> {
    inputs.iter().map(|input| emulator.run(input).unwrap()).collect()
}

fn read(sim: &mut Sim, master: &mut ControlMaster, offset: u32) -> u32 {
    let answer = master.read(sim, offset).unwrap();
    assert_eq!(answer.response, Response::Okay, "{offset:#x}");
    answer.data
}

fn write(sim: &mut Sim, master: &mut ControlMaster, offset: u32, data: u32) {
    assert_eq!(master.write(sim, offset, data).unwrap().response, Response::Okay, "{offset:#x}");
}

/// Sends words, the last of which ends the frame, while the receiver waits; or none of them ends it.
fn send(sim: &mut Sim, words: &[i16], ends: bool) {
    let beats = words
        .iter()
        .enumerate()
        .map(|(index, &word)| Beat::new(word as u64, ends && index + 1 == words.len()));
    let mut driver = StreamDriver::new(sim.model(), "s_axis", beats, &Pattern::Always, 1).unwrap();
    let mut left = words.len();
    while left > 0 {
        driver.drive(sim);
        sim.settle().unwrap();
        left -= usize::from(driver.sample(sim).is_some());
        sim.edge().unwrap();
    }
    driver.drive(sim);
}

fn receive(sim: &mut Sim) -> Vec<u64> {
    let mut monitor = StreamMonitor::new(sim.model(), "m_axis", &Pattern::Always, false, 1).unwrap();
    let mut words = vec![];
    for _ in 0..100_000 {
        monitor.drive(sim);
        sim.settle().unwrap();
        let beat = monitor.sample(sim).unwrap();
        sim.edge().unwrap();
        words.extend(beat.map(|beat| beat.data));
        if beat.is_some_and(|beat| beat.last) {
            let ready = sim.model().input("m_axis_tready").unwrap();
            sim.set(ready, 0);
            return words;
        }
    }
    panic!("the frame does not arrive");
}

fn raw(words: &[i16], bits: u32) -> Vec<u64> {
    words.iter().map(|&word| word as u64 & ((1 << bits) - 1)).collect()
}

fn patterns() -> [Pattern; 3] {
    [Pattern::Always, Pattern::Random { idle: 0.6 }, Pattern::Bursts { active: 1..=4, idle: 1..=9 }]
}

#[test]
fn every_register_keeps_its_rules() {
    if RtlPolicy::current().verilator_or_skip().is_none() {
        return;
    }
    // Biases of 40 bits: all registers are there but those of levels and members.
    let of_choices = [Presence::Levels, Presence::Members];
    let all = REGISTERS.iter().filter(|register| !of_choices.contains(&register.presence)).count();
    let unit = Unit::new(sample_emulator(280), 8);
    assert_eq!(registers_of(&unit.numbers).count(), all);
    check_registers(&unit);
    // One network that has both, and writable weights.
    let both = (0..).map(sample_clusters).find(|emulator| emulator.levels() > 1).unwrap();
    let unit = Unit::new(both, 4);
    let of_choices = registers_of(&unit.numbers).filter(|register| of_choices.contains(&register.presence));
    assert_eq!(of_choices.count(), REGISTERS.len() - all);
    check_registers(&unit);
}

fn check_registers(unit: &Unit) {
    let numbers = &unit.numbers;
    for (seed, pattern) in patterns().iter().enumerate() {
        let (mut sim, mut master) = unit.start(pattern, seed as u64);
        for offset in (0..1 << ADDRESS_BITS).step_by(4) {
            let Some(register) = registers_of(numbers).find(|register| register.offset == offset) else {
                assert_eq!(
                    master.read(&mut sim, offset).unwrap().response,
                    Response::SlaveError,
                    "{offset:#x}"
                );
                let answer = master.write(&mut sim, offset, u32::MAX).unwrap();
                assert_eq!(answer.response, Response::SlaveError, "{offset:#x}");
                continue;
            };
            if register.offset != CYCLES.offset {
                let found = read(&mut sim, &mut master, offset);
                assert_eq!(found, register.reset(numbers), "{}", register.name);
            }
            // Byte addresses within a register are that register.
            assert_eq!(master.read(&mut sim, offset + 3).unwrap().response, Response::Okay);
            // CONTROL is tried elsewhere; WEIGHT_DATA here, at a word that exists, so that its address moves.
            let before = read(&mut sim, &mut master, WEIGHT_ADDRESS.offset);
            if !register.is_writable() {
                let answer = master.write(&mut sim, offset, u32::MAX).unwrap();
                assert_eq!(answer.response, Response::SlaveError, "{}", register.name);
            } else if register.whole_words {
                write(&mut sim, &mut master, WEIGHT_SELECT.offset, 0);
                write(&mut sim, &mut master, WEIGHT_ADDRESS.offset, 0);
                write(&mut sim, &mut master, offset, 0);
                assert_eq!(read(&mut sim, &mut master, WEIGHT_ADDRESS.offset), 1);
                for strobe in 0..15 {
                    let some = Transaction::Write { offset, data: 0, strobe };
                    let answer = master.access(&mut sim, some).unwrap();
                    assert_eq!(answer.response, Response::SlaveError, "strobe {strobe:#x}");
                }
                assert_eq!(read(&mut sim, &mut master, WEIGHT_ADDRESS.offset), 1);
            } else {
                let writable = |access| {
                    let fields = register.fields.iter().filter(move |field| field.access == access);
                    fields.map(|field| field.mask_in(numbers)).sum::<u32>()
                };
                let mask = writable(Access::ReadWrite);
                write(&mut sim, &mut master, offset, u32::MAX);
                assert_eq!(read(&mut sim, &mut master, offset), mask, "{}", register.name);
                // Byte by byte.
                for byte in 0..4 {
                    let clears = Transaction::Write { offset, data: 0, strobe: 1 << byte };
                    assert_eq!(master.access(&mut sim, clears).unwrap().response, Response::Okay);
                    let left = mask & !(0xffu64 * ((1 << (8 * byte + 8)) - 1) / 0xff) as u32;
                    assert_eq!(read(&mut sim, &mut master, offset), left, "{} byte {byte}", register.name);
                }
            }
            if ![WEIGHT_ADDRESS.offset, WEIGHT_DATA.offset].contains(&offset) {
                assert_eq!(read(&mut sim, &mut master, WEIGHT_ADDRESS.offset), before, "{}", register.name);
            }
        }
        // A word or a memory that does not exist.
        for (select, address) in
            [(0, numbers.weight_words), (numbers.lanes, numbers.bias_words), (numbers.memories(), 0)]
        {
            write(&mut sim, &mut master, WEIGHT_SELECT.offset, select);
            write(&mut sim, &mut master, WEIGHT_ADDRESS.offset, address);
            let answer = master.write(&mut sim, WEIGHT_DATA.offset, 1).unwrap();
            assert_eq!(answer.response, Response::SlaveError, "{select}, {address}");
            assert_eq!(read(&mut sim, &mut master, WEIGHT_ADDRESS.offset), address);
        }
        // The clock counter counts clocks: two reads see as many as have passed between their answers.
        let mut clocks = || (read(&mut sim, &mut master, CYCLES.offset), sim.clocks());
        let (first, second) = (clocks(), clocks());
        if *pattern == Pattern::Always {
            assert_eq!(u64::from(second.0 - first.0), second.1 - first.1);
        }
        assert!(second.0 > first.0);
        // Reset brings everything back.
        write(&mut sim, &mut master, WEIGHT_SELECT.offset, 1);
        reset(&mut sim, &mut master);
        assert_eq!(read(&mut sim, &mut master, WEIGHT_SELECT.offset), 0);
        assert!(read(&mut sim, &mut master, CYCLES.offset) < 1000);
    }
}

#[test]
fn units_with_roms_have_no_weight_registers() {
    if RtlPolicy::current().verilator_or_skip().is_none() {
        return;
    }
    let emulator = sample_emulator(3);
    let program = compile(&emulator, &config(2, WeightMemory::Rom)).unwrap();
    let design = design(&program);
    let model = Model::build(&design, &options()).unwrap();
    let mut sim = Sim::new(&model, Roms::Files(&design.sources), 1).unwrap();
    let mut master = ControlMaster::new(&model, &Pattern::Always, 1).unwrap();
    reset(&mut sim, &mut master);
    for register in REGISTERS {
        let exists = register.is_in(&UnitNumbers::of(&program));
        let response = master.read(&mut sim, register.offset).unwrap().response;
        assert_eq!(response == Response::Okay, exists, "{}", register.name);
    }
    assert_eq!(read(&mut sim, &mut master, BIAS_WORDS.offset) as usize, program.bias[0].len());
}

#[test]
fn overlapping_accesses_and_resets_in_the_middle_lose_nothing() {
    if RtlPolicy::current().verilator_or_skip().is_none() {
        return;
    }
    let unit = Unit::new(sample_emulator(204), 3);
    let mask = WEIGHT_ADDRESS.fields[0].mask_in(&unit.numbers);
    let mut random = ChaCha8Rng::seed_from_u64(5);
    for (seed, pattern) in patterns().iter().enumerate() {
        let (mut sim, master) = unit.start(pattern, 50 + seed as u64);
        let mut master = master.with_order(Order::Overlapping);
        for _ in 0..40 {
            let values: Vec<u32> = (0..random.random_range(1..12)).map(|_| random.random()).collect();
            for &value in &values {
                master.push(Transaction::write(WEIGHT_ADDRESS.offset, value));
                master.push(Transaction::read(WEIGHT_ADDRESS.offset));
            }
            let answers = master.finish(&mut sim).unwrap();
            assert_eq!(answers.len(), 2 * values.len());
            assert!(answers.iter().all(|answer| answer.response == Response::Okay));
            // Reads see the values in the order in which they were written, some of them twice or never.
            let mut order = std::iter::once(0).chain(values.iter().map(|value| value & mask)).peekable();
            for answer in
                answers.iter().filter(|answer| matches!(answer.transaction, Transaction::Read { .. }))
            {
                while order.next_if(|value| *value != answer.data).is_some() {}
                assert!(order.peek().is_some(), "{:#x} was not written, or before", answer.data);
            }
            // Some clocks into the next accesses, a reset: they are gone, and the port works as before.
            for value in 1..6 {
                master.push(Transaction::write(WEIGHT_ADDRESS.offset, value));
                master.push(Transaction::read(STATUS.offset));
            }
            for _ in 0..random.random_range(0..12) {
                master.drive(&mut sim);
                sim.settle().unwrap();
                master.sample(&sim).unwrap();
                sim.edge().unwrap();
            }
            reset(&mut sim, &mut master);
            master.finish(&mut sim).unwrap();
            reset(&mut sim, &mut master);
            assert_eq!(read(&mut sim, &mut master, WEIGHT_ADDRESS.offset), 0);
        }
    }
}

#[test]
fn counters_are_read_while_frames_run() {
    if RtlPolicy::current().verilator_or_skip().is_none() {
        return;
    }
    let unit = Unit::new(sample_emulator(392), 4);
    for (seed, (name, traffic)) in Traffic::standard().into_iter().enumerate() {
        let (mut sim, mut master) = unit.start(&Pattern::Random { idle: 0.3 }, seed as u64);
        let inputs = unit.frames(30, seed as u64);
        for _ in 0..40 {
            for register in [&FRAMES, &CYCLES, &STATUS] {
                master.push(Transaction::read(register.offset));
            }
        }
        let bench = unit.bench().with_traffic(traffic);
        let expected = answers(&unit.emulator, &inputs);
        bench.run_beside(&mut sim, &inputs, &expected, seed as u64, &mut master).unwrap();
        let valid = sim.model().input("s_axis_tvalid").unwrap();
        sim.set(valid, 0);
        let answers = [master.take_completed(), master.finish(&mut sim).unwrap()].concat();
        let of = |offset: u32| -> Vec<u32> {
            let of = answers.iter().filter(|answer| answer.transaction == Transaction::read(offset));
            of.map(|answer| answer.data).collect()
        };
        let (frames, cycles, status) = (of(FRAMES.offset), of(CYCLES.offset), of(STATUS.offset));
        assert_eq!((frames.len(), cycles.len(), status.len()), (40, 40, 40), "{name}");
        assert!(frames.is_sorted() && cycles.is_sorted_by(|a, b| a < b), "{name}: {frames:?} {cycles:?}");
        assert!(frames.iter().any(|frames| (1..30).contains(frames)), "{name}: {frames:?}");
        assert!(status.iter().any(|status| status & BUSY == 1), "{name}");
        assert!(status.iter().all(|status| status & (SHORT | LONG) == 0), "{name}");
        assert_eq!(read(&mut sim, &mut master, FRAMES.offset), 30, "{name}");
        assert_eq!(read(&mut sim, &mut master, STATUS.offset), 0, "{name}");
    }
}

#[test]
fn wrong_frames_set_flags_and_software_clears_them() {
    if RtlPolicy::current().verilator_or_skip().is_none() {
        return;
    }
    let unit = Unit::new(sample_emulator(280), 8);
    let size = unit.program.input_words;
    let (mut sim, mut master) = unit.start(&Pattern::Always, 3);
    let ports = ["short_frame", "long_frame"].map(|port| unit.model.output(port).unwrap());
    let frame = &unit.frames(3, 4)[2];
    let long = [frame.as_slice(), frame].concat();
    for _ in 0..2 {
        for (words, flag) in [(&frame[..size - 1], SHORT), (&long[..], LONG)] {
            assert_eq!(read(&mut sim, &mut master, STATUS.offset), 0);
            send(&mut sim, words, true);
            assert_eq!(read(&mut sim, &mut master, STATUS.offset), flag);
            assert_eq!(
                ports.map(|port| sim.get(port)),
                [flag & SHORT, flag & LONG].map(|bit| u64::from(bit != 0))
            );
            // Zeros, the other flag, and bytes that are not marked clear nothing.
            write(&mut sim, &mut master, STATUS.offset, !flag);
            let unmarked = Transaction::Write { offset: STATUS.offset, data: flag, strobe: 0b1011 };
            master.access(&mut sim, unmarked).unwrap();
            assert_eq!(read(&mut sim, &mut master, STATUS.offset), flag);
            send(&mut sim, frame, true);
            assert_eq!(receive(&mut sim), raw(&unit.emulator.run(frame).unwrap(), unit.program.output_bits));
            assert_eq!(read(&mut sim, &mut master, STATUS.offset), flag);
            write(&mut sim, &mut master, STATUS.offset, flag);
            assert_eq!(ports.map(|port| sim.get(port)), [0, 0]);
        }
    }
    assert_eq!(read(&mut sim, &mut master, FRAMES.offset), 4);
}

#[test]
fn a_reset_by_software_drops_what_is_in_flight() {
    if RtlPolicy::current().verilator_or_skip().is_none() {
        return;
    }
    let unit = Unit::new(sample_emulator(280), 8);
    let frame = &unit.frames(3, 8)[2];
    assert!(frame.len() > 4, "a frame with a middle");
    let expected = raw(&unit.emulator.run(frame).unwrap(), unit.program.output_bits);
    let (mut sim, mut master) = unit.start(&Pattern::Always, 3);
    for words in 0..=2 * frame.len() {
        // Whole frames and a part of one; nobody takes what comes out.
        for _ in 0..words / frame.len() {
            send(&mut sim, frame, true);
        }
        send(&mut sim, &frame[..words % frame.len()], false);
        for _ in 0..7 * words {
            sim.tick().unwrap();
        }
        let status = read(&mut sim, &mut master, STATUS.offset);
        assert_eq!(status & BUSY == 1, words >= frame.len(), "{words} words: {status:#x}");
        write(&mut sim, &mut master, CONTROL.offset, 1);
        assert_eq!(read(&mut sim, &mut master, STATUS.offset), 0, "{words} words");
        assert_eq!(read(&mut sim, &mut master, CONTROL.offset), 0);
        assert!(read(&mut sim, &mut master, CYCLES.offset) < 40);
        // A sender that knows nothing of the reset goes on: what it sends is the rest of a frame, and dropped.
        if words % frame.len() > 0 && words % 2 == 0 {
            send(&mut sim, &frame[words % frame.len()..], true);
            assert_eq!(read(&mut sim, &mut master, STATUS.offset), SHORT, "{words} words");
            write(&mut sim, &mut master, STATUS.offset, SHORT);
        }
        for _ in 0..2 {
            send(&mut sim, frame, true);
            assert_eq!(receive(&mut sim), expected, "{words} words");
        }
        assert_eq!(read(&mut sim, &mut master, FRAMES.offset), 2);
        // The other bits of the register do nothing.
        write(&mut sim, &mut master, CONTROL.offset, !1);
        assert_eq!(read(&mut sim, &mut master, FRAMES.offset), 2);
    }
}

/// The sender goes on with the rest of a frame that was too long, and the rest is as long as a frame.
#[test]
fn a_reset_by_software_does_not_make_a_frame_of_the_end_of_a_long_one() {
    if RtlPolicy::current().verilator_or_skip().is_none() {
        return;
    }
    let unit = Unit::new(sample_emulator(280), 8);
    let frame = &unit.frames(3, 9)[2];
    let expected = raw(&unit.emulator.run(frame).unwrap(), unit.program.output_bits);
    let (mut sim, mut master) = unit.start(&Pattern::Always, 3);
    for more in [0, 1, frame.len()] {
        send(
            &mut sim,
            &frame.iter().chain(frame).copied().take(frame.len() + more).collect::<Vec<_>>(),
            false,
        );
        assert_eq!(read(&mut sim, &mut master, STATUS.offset), LONG, "{more} words");
        write(&mut sim, &mut master, CONTROL.offset, 1);
        // It is still there, and nothing has come of it.
        assert_eq!(read(&mut sim, &mut master, STATUS.offset), LONG, "{more} words");
        send(&mut sim, frame, true);
        for _ in 0..500 {
            sim.tick().unwrap();
        }
        assert_eq!(read(&mut sim, &mut master, STATUS.offset), LONG, "{more} words");
        assert_eq!(read(&mut sim, &mut master, FRAMES.offset), 0, "{more} words");
        write(&mut sim, &mut master, STATUS.offset, LONG);
        send(&mut sim, frame, true);
        assert_eq!(receive(&mut sim), expected, "{more} words");
        assert_eq!(read(&mut sim, &mut master, STATUS.offset), 0, "{more} words");
        // The counters begin anew.
        write(&mut sim, &mut master, CONTROL.offset, 1);
    }
}

/// Loads other weights, then plays frames; while the last weights are written, frames run that nobody compares.
#[test]
fn networks_are_replaced_through_the_registers() {
    if RtlPolicy::current().verilator_or_skip().is_none() {
        return;
    }
    for (seed, lanes) in [(280, 8), (392, 2), (204, 3), (7, 16), (11, 1), (15, 5)] {
        let unit = Unit::new(sample_emulator(seed), lanes);
        let pattern = &patterns()[seed as usize % 3];
        let (mut sim, mut master) = unit.start(pattern, seed);
        let bench = unit.bench().with_traffic(Traffic::random(0.2, 0.2));
        let inputs = unit.frames(12, seed);
        let mut program = unit.program.clone();
        let mut emulator = unit.emulator.clone();
        for other in [100, 101].map(|other| sample_weights(&unit.emulator, other)) {
            bench.run(&mut sim, &inputs, &answers(&emulator, &inputs), seed).unwrap();
            let (new, writes) = unit.writes(&program, &other);
            let valid = sim.model().input("s_axis_tvalid").unwrap();
            sim.set(valid, 0);
            // Half of the writes meet a frame on its way.
            let (first, second) = writes.split_at(writes.len() / 2);
            for part in [first, second] {
                part.iter().for_each(|&write| master.push(write));
                let answers = master.finish(&mut sim).unwrap();
                assert!(answers.iter().all(|answer| answer.response == Response::Okay), "network {seed}");
                send(&mut sim, &inputs[0], true);
            }
            assert_eq!(bench.run(&mut sim, &inputs, &answers(&other, &inputs), seed).unwrap().mismatches, 0);
            (program, emulator) = (new, other);
        }
        // Another place for the same weights would have been noticed.
        if unit.emulator.parameters() > 0 {
            let old = answers(&unit.emulator, &inputs);
            assert!(old == answers(&emulator, &inputs) || bench.run(&mut sim, &inputs, &old, seed).is_err());
        }
    }
}

/// The control port costs no clock: words and clocks are those of the golden model and of the compiler.
#[test]
fn controlled_units_keep_the_predicted_clocks() {
    if RtlPolicy::current().verilator_or_skip().is_none() {
        return;
    }
    for (seed, weights) in [(0, WeightMemory::Rom), (5, WeightMemory::Ram), (9, WeightMemory::Ram)] {
        let emulator = sample_emulator(seed);
        let config = config(1 + seed as usize, weights).with_slots(1 << (seed % 4)).unwrap();
        let program = compile(&emulator, &config.with_words_per_beat(1 << (seed % 3)).unwrap()).unwrap();
        let predicted = Machine::cycles(&program).unwrap();
        let mut sampler = Sampler::new(seed);
        let word = emulator.format(VectorId::INPUT);
        let inputs: Vec<Vec<i16>> = (0..24).map(|_| sampler.frame(emulator.input().size(), word)).collect();
        let comparison = cosim(&emulator, &design(&program), &options(), &inputs, seed).unwrap();
        assert!(comparison.holds(predicted), "network {seed}: {comparison:?}, predicted {predicted:?}");
    }
}

/// Words that the order leaves out are computed when the last word has left: the unit is busy with them, and a frame that
/// begins when it no longer is takes the stated clocks.
#[test]
fn a_unit_that_is_not_busy_is_idle() {
    if RtlPolicy::current().verilator_or_skip().is_none() {
        return;
    }
    for (lanes, per_beat, order, leaves_early) in
        [(1, 1, vec![0], true), (2, 2, vec![1, 0, 3], true), (4, 1, vec![31, 0], false)]
    {
        let emulator = leaving_out(order);
        let config = config(lanes, WeightMemory::Rom).with_words_per_beat(per_beat).unwrap();
        let program = compile(&emulator, &config).unwrap();
        let predicted = Machine::cycles(&program).unwrap();
        let mut sampler = Sampler::new(3);
        let word = emulator.format(VectorId::INPUT);
        let inputs: Vec<Vec<i16>> = (0..24).map(|_| sampler.frame(emulator.input().size(), word)).collect();
        let unit = design(&program);
        let comparison = cosim(&emulator, &unit, &options(), &inputs, 1).unwrap();
        assert!(comparison.holds(predicted), "{lanes} lanes: {comparison:?}, predicted {predicted:?}");
        // A unit that forgets the words that are left out is noticed.
        let mut forgets = unit.clone();
        let registers =
            forgets.sources.iter_mut().find(|source| source.name.ends_with("_control_registers.v")).unwrap();
        assert!(registers.text.contains("|input_full || writing;"));
        registers.text =
            registers.text.replace("|input_full || writing;", "|input_full || (writing && 1'b0);");
        let found = cosim(&emulator, &forgets, &options(), &inputs, 1);
        let is_late = matches!(found, Err(Error::NotIdle { .. }));
        assert_eq!(is_late, leaves_early, "{lanes} lanes: {found:?}");
    }
}

/// 4-4-32, of which the output has some words.
fn leaving_out(order: Vec<usize>) -> Emulator {
    let word = Format::new(16, 0).unwrap();
    let mut builder = EmulatorBuilder::new("leaving_out", Port::new("x", 4, word), 48).unwrap();
    let weights = |count: i16| Weights {
        format: Format::new(8, 0).unwrap(),
        values: (0..count).map(|i| i % 17 - 8).collect(),
    };
    // While the input is read, its buffer is full.
    let hidden = builder.dense("hidden", VectorId::INPUT, weights(16), vec![1; 4], word).unwrap();
    let y = builder.dense("y", hidden, weights(128), (0..32).collect(), word).unwrap();
    let port = Port::new("y", order.len(), word);
    let output = OutputSpec { sources: vec![y], lower: vec![], order: Some(order), port };
    builder.finish(output, Provenance::default()).unwrap()
}

/// The five applications with registers and writable weights, on random frames.
#[test]
fn applications_run_with_registers() {
    if RtlPolicy::current().verilator_or_skip().is_none() {
        return;
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../apps/emulators");
    for app in ["optical_flow", "fft", "convolution", "rope", "newton"] {
        let emulator = Emulator::load(folder.join(format!("{app}.yaml"))).unwrap();
        let program = compile(&emulator, &config(16, WeightMemory::Ram)).unwrap();
        let predicted = Machine::cycles(&program).unwrap();
        let mut sampler = Sampler::new(1);
        let word = emulator.format(VectorId::INPUT);
        let inputs: Vec<Vec<i16>> = (0..12).map(|_| sampler.frame(emulator.input().size(), word)).collect();
        let comparison = cosim(&emulator, &design(&program), &options(), &inputs, 1).unwrap();
        assert!(comparison.holds(predicted), "{app}: {comparison:?}, predicted {predicted:?}");
    }
}

/// The master finds every kind of fault that it names, each planted in a working slave.
#[test]
fn faults_of_the_slave_are_found() {
    if RtlPolicy::current().verilator_or_skip().is_none() {
        return;
    }
    let program = compile(&sample_emulator(3), &config(1, WeightMemory::Rom)).unwrap();
    let good = design(&program);
    for (from, to, expected) in [
        ("write || s_axi_bvalid && !s_axi_bready", "write", "bvalid fell while bready was low"),
        ("if (!s_axi_rvalid)", "if (1'b1)", "the r channel changed while rready was low"),
        ("{write_error, 1'b0}", "{write_error, 1'b1}", "bresp is 1: expected 0 (OKAY) or 2 (SLVERR)"),
        ("read_held && !fetch;", "read_held && fetch;", "no answer for 10000 clocks"),
        ("address_held && data_held &&", "address_held &&", "bvalid is high without an access to answer"),
    ] {
        let mut bad = good.clone();
        let slave = bad.sources.iter_mut().find(|source| source.name.ends_with("_axi_lite.v")).unwrap();
        assert!(slave.text.contains(from), "{from}");
        slave.text = slave.text.replace(from, to);
        let model = Model::build(&bad, &options()).unwrap();
        let mut sim = Sim::new(&model, Roms::Files(&bad.sources), 1).unwrap();
        let master = ControlMaster::new(&model, &Pattern::Random { idle: 0.7 }, 1).unwrap();
        let mut master = master.with_order(Order::Overlapping);
        reset(&mut sim, &mut master);
        for _ in 0..50 {
            master.push(Transaction::write(STATUS.offset, 0));
            master.push(Transaction::read(CYCLES.offset));
        }
        let error = master.finish(&mut sim).unwrap_err().to_string();
        assert!(error.contains(expected), "{from}: {error}");
    }
}
