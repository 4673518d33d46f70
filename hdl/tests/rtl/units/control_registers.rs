//! The registers against the map: what every field reads, what every write does, in all kinds of units.

use emeuro_compiler::WeightMemory;
use emeuro_hdl::register_map::{
    ADDRESS_BITS, Access, CONTROL, CYCLES, Content, FORCE, FRAMES, QUALITY, REGISTERS, Register, STATUS,
    UnitNumbers, WEIGHT_ADDRESS, WEIGHT_DATA, WEIGHT_HIGH, WEIGHT_SELECT,
};
use emeuro_hdl::units::control_registers::ControlRegisters;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::bench::{Bench, Case, once_in, ports, word};

ports!(
    ControlRegisters, [clock],
    [
        resetn, write, write_address, write_data, write_strobe, read_address, input_full, output_busy, writing,
        short_frame, long_frame, frame_done, member, unfamiliar, routed,
    ] -> [
        write_error, read_data, read_error, running, core_resetn, clear_flags, store, store_select, store_address,
        store_data, quality, force, forced,
    ]
);

const ROM: UnitNumbers = UnitNumbers {
    lanes: 3,
    slots: 1,
    words_per_beat: 1,
    input_words: 400,
    output_words: 200,
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

pub(crate) fn cases() -> Vec<Case> {
    let ram = UnitNumbers { weights: WeightMemory::Ram, ..ROM };
    let wide = UnitNumbers { bias_bits: 48, weight_words: 3, bias_words: 1000, lanes: 128, slots: 4, ..ram };
    let word = UnitNumbers { bias_bits: 32, lanes: 1, weight_words: 1, bias_words: 1, ..ram };
    vec![
        access("control_registers", ROM),
        access("control_registers_ram", ram),
        access("control_registers_wide", wide),
        access("control_registers_word", word),
        access("control_registers_levels", UnitNumbers { levels: 3, ..ROM }),
        access("control_registers_members", UnitNumbers { members: 5, ..ram }),
        access("control_registers_choices", UnitNumbers { levels: 2, members: 256, ..ROM }),
    ]
}

/// Everything that software can see, kept by name.
#[derive(Default)]
struct World {
    cycles: u64,
    frames: u64,
    in_flight: i64,
    select: u64,
    address: u64,
    high: u64,
    quality: u64,
    unfamiliar: u64,
    forced: u64,
    force: u64,
    resetting: bool,
}

/// Another statement of what registers hold; fields are told apart by their names.
struct Status {
    full: u64,
    output_busy: u64,
    writing: u64,
    short: u64,
    long: u64,
    member: u64,
    unfamiliar: u64,
}

fn value(world: &World, status: &Status, register: &Register, numbers: &UnitNumbers) -> u64 {
    let field = |name: &str| match name {
        "busy" => u64::from(world.in_flight > 0 || status.full != 0 || status.writing != 0),
        "input_full" => status.full,
        "output_busy" => status.output_busy,
        "short_frame" => status.short,
        "long_frame" => status.long,
        "cycles" => world.cycles & 0xffff_ffff,
        "frames" => world.frames & 0xffff_ffff,
        "weight_select" => world.select,
        "weight_address" => world.address,
        "weight_high" => world.high,
        "reset" | "weight_data" => 0,
        "id" => 0x454d_4555,
        "version" => 1 + u64::from(numbers.levels > 1 || numbers.members > 0),
        "quality" => world.quality,
        "member" => status.member,
        "unfamiliar" => status.unfamiliar,
        "unfamiliar_frames" => world.unfamiliar & 0xffff_ffff,
        "forced_member" => world.forced,
        "force_member" => world.force,
        "levels" => numbers.levels.into(),
        "members" => numbers.members.into(),
        "lanes" => numbers.lanes.into(),
        "slots" => numbers.slots.into(),
        "words_per_beat" => numbers.words_per_beat.into(),
        "input_words" => numbers.input_words.into(),
        "output_words" => numbers.output_words.into(),
        "weight_words" => numbers.weight_words.into(),
        "bias_words" => numbers.bias_words.into(),
        "input_bits" => numbers.input_bits.into(),
        "output_bits" => numbers.output_bits.into(),
        "weight_bits" => numbers.weight_bits.into(),
        "bias_bits" => numbers.bias_bits.into(),
        other => panic!("no such field: {other}"),
    };
    register.fields.iter().map(|f| field(f.name) << f.low).sum()
}

fn access(name: &'static str, numbers: UnitNumbers) -> Case {
    let mut random = ChaCha8Rng::seed_from_u64(43);
    let mut writing = ChaCha8Rng::seed_from_u64(44);
    let is_writable = numbers.weights == WeightMemory::Ram;
    let mut bench = Bench::new(name, ControlRegisters::new(numbers));
    if is_writable {
        bench = ["store_select_0", "store_address_0", "store_data_0"]
            .into_iter()
            .fold(bench, |bench, port| bench.only_while(port, "store_0"));
    }
    let has_members = numbers.members > 0;
    let inputs = |common: [u64; 12], of_members: [u64; 3]| -> Vec<u64> {
        common.into_iter().chain(of_members.into_iter().filter(|_| has_members)).collect()
    };
    for _ in 0..2 {
        bench.clock(&inputs([0; 12], [0; 3]));
    }
    bench.settled();
    let present = |register: &&Register| register.is_in(&numbers);
    let registers: Vec<&Register> = REGISTERS.into_iter().filter(present).collect();
    let new = || World { quality: u64::from(numbers.levels) - 1, ..World::default() };
    let mut world = new();
    let mut read: Option<u64> = None;
    let mut full = 0u64;
    let (mut stored, mut refused, mut resets, mut cleared) = (0, 0, 0, [0; 2]);
    let mut wrote = false;
    // More registers take longer to come by.
    let clocks = if numbers.levels > 1 || has_members { 16_000 } else { 6000 };
    for clock in 0..clocks {
        let resetn = !once_in(&mut random, 600);
        // Writes never follow each other or a reset without a pause; most go to registers that exist.
        let writes = !wrote && once_in(&mut random, 2);
        wrote = writes || !resetn;
        let pick = |random: &mut ChaCha8Rng| match once_in(random, 6) {
            true => random.random_range(0..1u64 << (ADDRESS_BITS - 2)),
            false => u64::from(registers[random.random_range(0..registers.len())].offset / 4),
        };
        let [mut to, from] = [(); 2].map(|()| pick(&mut random));
        let mut data = word(&mut random, 32);
        if is_writable && once_in(&mut random, 2) {
            // Towards words that exist.
            let choices = [&WEIGHT_SELECT, &WEIGHT_ADDRESS, &WEIGHT_DATA, &WEIGHT_DATA];
            to = u64::from(choices[random.random_range(0..4)].offset / 4);
            if to != u64::from(WEIGHT_DATA.offset / 4) {
                data = match once_in(&mut random, 2) {
                    true => numbers.lanes.into(),
                    false => random.random_range(0..u64::from(numbers.lanes.max(numbers.bias_words)) + 2),
                };
            }
        }
        let strobe = if once_in(&mut random, 4) { word(&mut random, 4) } else { 15 };
        // At most two frames wait, at most five are in the unit.
        let (before, done) = (full, world.in_flight > 0 && once_in(&mut random, 5));
        if resetn && !world.resetting && once_in(&mut random, 5) {
            let bit = 1 << random.random_range(0..2u32);
            full = match full & bit {
                0 if world.in_flight < 4 => full | bit,
                _ => full & !bit,
            };
        }
        let status = Status {
            full,
            output_busy: word(&mut random, 2),
            writing: u64::from(once_in(&mut writing, 4)),
            short: word(&mut random, 1),
            long: word(&mut random, 1),
            member: if has_members { random.random_range(0..numbers.members.into()) } else { 0 },
            unfamiliar: if has_members { word(&mut random, 1) } else { 0 },
        };
        let routed = has_members && once_in(&mut random, 4);
        let common = [
            resetn.into(),
            writes.into(),
            to,
            data,
            strobe,
            from,
            status.full,
            status.output_busy,
            status.writing,
            status.short,
            status.long,
            done.into(),
        ];
        let found = bench.clock(&inputs(common, [status.member, status.unfamiliar, routed.into()]));
        let here = format!("{name}, clock {clock}: {found:x?}");
        let [write_error, read_data, read_error, running, core_resetn, clear_flags] = found[..6] else {
            panic!("{here}")
        };
        assert_eq!(running == 1, !world.resetting, "{here}");
        assert_eq!(core_resetn == 1, resetn && !world.resetting, "{here}");
        if let Some(index) = read {
            match registers.iter().find(|r| u64::from(r.offset / 4) == index) {
                Some(register) => {
                    assert_eq!(
                        read_data,
                        value(&world, &status, register, &numbers),
                        "{} {here}",
                        register.name
                    );
                    assert_eq!(read_error, 0, "{here}");
                }
                None => assert_eq!((read_data, read_error), (0, 1), "{here}"),
            }
        }
        read = Some(from);
        // What the write of this clock means.
        let target = registers.iter().find(|r| u64::from(r.offset / 4) == to);
        let lanes = u64::from(numbers.lanes);
        let words = match world.select {
            lane if lane < lanes => numbers.weight_words,
            slot if slot < lanes + u64::from(numbers.slots) => numbers.bias_words,
            _ => 0,
        };
        let is_data = target.is_some_and(|r| r.offset == WEIGHT_DATA.offset);
        let accepts = match target {
            None => false,
            Some(_) if is_data => strobe == 15 && world.address < u64::from(words),
            Some(register) => register
                .fields
                .iter()
                .any(|f| matches!(f.access, Access::ReadWrite | Access::WriteOnly | Access::WriteOneToClear)),
        };
        // Whether a word exists is known one clock after its address has changed.
        if writes {
            assert_eq!(write_error == 1, !accepts, "{here}");
        }
        let marked: u64 = (0..4).filter(|byte| strobe >> byte & 1 == 1).map(|byte| 0xff << (8 * byte)).sum();
        let is_to = |register: &Register| writes && target.is_some_and(|r| r.offset == register.offset);
        let flags = if is_to(&STATUS) { (data & marked) >> 16 & 3 } else { 0 };
        assert_eq!(clear_flags, flags, "{here}");
        (0..2).for_each(|bit| cleared[bit] += flags >> bit & 1);
        if is_writable {
            let stores = writes && is_data && accepts;
            assert_eq!(found[6] == 1, stores, "{here}");
            if stores {
                let all = u64::MAX >> (64 - numbers.word_bits());
                let expected = [world.select, world.address, (world.high << 32 | data) & all];
                assert_eq!(found[7..10], expected, "{here}");
                stored += 1;
            }
            refused += u32::from(writes && is_data && !accepts);
        }
        let chosen = (numbers.levels > 1).then_some(world.quality).into_iter();
        let chosen: Vec<u64> =
            chosen.chain([world.force, world.forced].into_iter().filter(|_| has_members)).collect();
        assert!(found.ends_with(&chosen), "{here}");
        // The next clock.
        if resetn && !world.resetting {
            world.cycles += 1;
            world.frames += u64::from(done);
            world.unfamiliar += u64::from(routed) & status.unfamiliar;
            world.in_flight += (full & !before).count_ones() as i64 - i64::from(done);
        } else {
            (world.cycles, world.frames, world.in_flight, world.unfamiliar) = (0, 0, 0, 0);
            full = 0;
        }
        world.resetting = is_to(&CONTROL) && data & marked & 1 == 1;
        resets += u32::from(world.resetting);
        for (register, field, held) in [
            (&WEIGHT_SELECT, 0, &mut world.select),
            (&WEIGHT_ADDRESS, 0, &mut world.address),
            (&WEIGHT_HIGH, 0, &mut world.high),
            (&QUALITY, 0, &mut world.quality),
            (&FORCE, 0, &mut world.forced),
            (&FORCE, 1, &mut world.force),
        ] {
            if register.is_in(&numbers) && is_to(register) {
                let field = &register.fields[field];
                let mask = (u64::from(field.mask_in(&numbers)) & marked) >> field.low;
                *held = *held & !mask | data >> field.low & mask;
            }
        }
        world.address += u64::from(writes && is_data && accepts);
        if !resetn {
            world = new();
        }
    }
    assert!(resets > 20 && cleared.iter().all(|&count| count > 20), "{name}: {resets} {cleared:?}");
    assert!(!is_writable || stored > 50 && refused > 50, "{name}: {stored} {refused}");
    bench.finish(vec![])
}

#[test]
fn registers_are_those_of_the_map() {
    cases();
}

#[test]
fn counters_are_read_only_and_everything_has_a_content() {
    for register in [&CYCLES, &FRAMES] {
        assert!(!register.is_writable());
        assert!(!matches!(register.fields[0].content, Content::Number(_) | Content::Unit(_)));
    }
}
