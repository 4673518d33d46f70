//! What the printer makes of `#[hdl_gen]` bodies, and the units' Verilog bodies, against the Rust simulation: recorded
//! cycle by cycle there, replayed in Verilator.

use crate::designs::control::Control;
use crate::designs::lanes::Lanes;
use crate::tools::{self, Port};
use emeuro_hdl::prelude::*;
use emeuro_hdl::print;
use emeuro_hdl::units::{MemoryStyle, Ram, Rom};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Random inputs with the corners more often than chance would have them.
fn word(random: &mut ChaCha8Rng, width: u32) -> u64 {
    let all = u64::MAX >> (64 - width);
    match random.random_range(0..8) {
        0 => 0,
        1 => all,
        2 => 1 << (width - 1),
        3 => (1 << (width - 1)) - 1,
        _ => random.random::<u64>() & all,
    }
}

/// Records `cycles` cycles of random inputs.
fn record<B: Block>(
    unit: &mut B,
    inputs: &[Port],
    cycles: usize,
    drive: impl Fn(&mut B, &[u64], bool),
    read: impl Fn(&B) -> Vec<u64>,
) -> Vec<(Vec<u64>, Vec<u64>)> {
    let mut random = ChaCha8Rng::seed_from_u64(11);
    unit.connect_all();
    (0..cycles)
        .map(|cycle| {
            let mut words: Vec<u64> = inputs.iter().map(|(_, width)| word(&mut random, *width)).collect();
            // The first input is the reset where there is one: long enough at the start, rare later.
            if inputs[0].0 == "reset" {
                words[0] = u64::from(cycle < 2 || random.random_range(0..50) == 0);
            }
            for clk in [false, true] {
                drive(unit, &words, clk);
                assert!(simulate(unit, 100));
            }
            (words, read(unit))
        })
        .collect()
}

#[test]
fn control_behaves_as_simulated() {
    let inputs = [("reset", 1), ("go", 1), ("a", 8), ("b", 8), ("word", 16)];
    let outputs = [
        ("busy", 1),
        ("count", 4),
        ("chosen", 8),
        ("wide", 12),
        ("flags_0", 1),
        ("flags_1", 1),
        ("flags_2", 1),
        ("flags_3", 1),
        ("flags_4", 1),
        ("flags_5", 1),
        ("flags_6", 1),
        ("sum", 8),
        ("masked", 8),
        ("field", 4),
        ("picked", 1),
        ("shifted", 8),
        ("option", 8),
    ];
    let mut unit = Control::new(true);
    let vectors = record(
        &mut unit,
        &inputs,
        20_000,
        |unit, words, clk| {
            unit.clock.next = Clock { clk };
            let [reset, go, a, b, word] = words else { unreachable!() };
            unit.reset.next = (*reset).into();
            unit.go.next = (*go).into();
            // Neighbouring operands are where comparisons go wrong.
            unit.a.next = (*a).into();
            unit.b.next = if word & 7 == 0 { Value::from(*a) + 1 } else { (*b).into() };
            unit.word.next = (*word).into();
        },
        |unit| {
            let mut outputs = vec![&unit.busy, &unit.count, &unit.chosen, &unit.wide];
            outputs.extend(&unit.flags);
            outputs.extend([&unit.sum, &unit.masked, &unit.field, &unit.picked, &unit.shifted, &unit.option]);
            outputs.into_iter().map(|wire| wire.val().as_u64()).collect()
        },
    );
    // The operand that was replaced above has to be recorded as it was.
    let vectors: Vec<(Vec<u64>, Vec<u64>)> = vectors
        .into_iter()
        .map(|(mut words, outputs)| {
            if words[4] & 7 == 0 {
                words[3] = (words[2] + 1) & 0xff;
            }
            (words, outputs)
        })
        .collect();
    let files = print(&unit, "top", "demo", "").unwrap();
    let folder = tempfile::tempdir().unwrap();
    tools::write(folder.path(), &files);
    tools::replay(folder.path(), &files, "top", &inputs, &outputs, &vectors);
}

#[test]
fn lanes_behave_as_simulated() {
    let inputs = [("reset", 1), ("address", 3), ("shift", 1), ("x_0", 8), ("x_1", 8), ("x_2", 8)];
    let outputs = [("last", 20), ("top_bits", 4)];
    let mut unit = Lanes::new(3);
    let vectors = record(
        &mut unit,
        &inputs,
        5_000,
        |unit, words, clk| {
            unit.clock.next = Clock { clk };
            unit.reset.next = words[0].into();
            unit.address.next = (words[1] % 6).into();
            unit.shift.next = words[2].into();
            for (x, word) in unit.x.iter_mut().zip(&words[3..]) {
                x.next = (*word).into();
            }
        },
        |unit| vec![unit.last.val().as_u64(), unit.top_bits.val().as_u64()],
    );
    let vectors: Vec<(Vec<u64>, Vec<u64>)> = vectors
        .into_iter()
        .map(|(mut words, outputs)| {
            words[1] %= 6;
            (words, outputs)
        })
        .collect();
    let files = print(&unit, "top", "demo", "").unwrap();
    let folder = tempfile::tempdir().unwrap();
    tools::write(folder.path(), &files);
    for lane in &unit.lanes {
        std::fs::write(folder.path().join(lane.weight_file.text()), lane.weights.hex()).unwrap();
    }
    tools::replay(folder.path(), &files, "top", &inputs, &outputs, &vectors);
}

#[test]
fn ram_behaves_as_simulated() {
    let inputs = [("write_enable", 1), ("write_address", 5), ("write_data", 13), ("read_address", 5)];
    let outputs = [("read_data", 13)];
    let careful = Ram::new(13, 32, MemoryStyle::Block);
    let bare = Ram::new(13, 32, MemoryStyle::Block).without_collisions();
    for (mut unit, may_collide) in [(careful, true), (bare, false)] {
        // The recorded words must be the driven ones, so both are made by this.
        let read_address = |words: &[u64]| {
            if !may_collide && words[1] == words[3] { words[3] ^ 1 } else { words[3] }
        };
        let mut vectors = record(
            &mut unit,
            &inputs,
            5_000,
            |unit, words, clk| {
                unit.clock.next = Clock { clk };
                unit.write_enable.next = words[0].into();
                unit.write_address.next = words[1].into();
                unit.write_data.next = words[2].into();
                unit.read_address.next = read_address(words).into();
            },
            |unit| vec![unit.read_data.val().as_u64()],
        );
        for (words, _) in &mut vectors {
            words[3] = read_address(words);
        }
        let files = print(&unit, "top", "demo", "").unwrap();
        let folder = tempfile::tempdir().unwrap();
        tools::write(folder.path(), &files);
        tools::replay(folder.path(), &files, "top", &inputs, &outputs, &vectors);
    }
}

/// The comparison itself: one wrong bit in the last of many vectors must be found.
#[test]
fn a_wrong_vector_is_found() {
    if !tools::is_there("verilator") {
        return;
    }
    let inputs = [("write_enable", 1), ("write_address", 3), ("write_data", 4), ("read_address", 3)];
    let outputs = [("read_data", 4)];
    let unit = Ram::new(4, 8, MemoryStyle::Auto);
    let files = print(&unit, "top", "demo", "").unwrap();
    let mut vectors = vec![(vec![0, 0, 0, 0], vec![0]); 100];
    for is_wrong in [false, true] {
        vectors[99].1[0] = u64::from(is_wrong);
        let folder = tempfile::tempdir().unwrap();
        tools::write(folder.path(), &files);
        let replay = || tools::replay(folder.path(), &files, "top", &inputs, &outputs, &vectors);
        assert_eq!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(replay)).is_err(), is_wrong);
    }
}

/// Memories must become block RAM; those that promise no more than a block does must become nothing else.
#[test]
fn memories_map_to_block_ram() {
    let rom = Rom::new(8, (0..2048).map(|word| word * 7).collect(), MemoryStyle::Block, "rom.hex");
    let careful = Ram::new(16, 1024, MemoryStyle::Block);
    let bare = Ram::new(16, 1024, MemoryStyle::Block).without_collisions();
    for (unit, is_bare) in [(&rom as &dyn Block, true), (&careful, false), (&bare, true)] {
        let files = print(unit, "top", "demo", "").unwrap();
        for (family, cell) in [("ecp5", "DP16KD"), ("ice40", "SB_RAM40")] {
            let folder = tempfile::tempdir().unwrap();
            tools::write(folder.path(), &files);
            std::fs::write(folder.path().join("rom.hex"), rom.hex()).unwrap();
            let Some(cells) = tools::synthesise(folder.path(), &files, "top", family) else { return };
            assert!(cells.contains(cell), "{family}:\n{cells}");
            assert!(!is_bare || !cells.contains("LUT"), "{family}:\n{cells}");
        }
    }
}

/// The smallest shapes are the ones where ranges like `[0:0]` and one-bit addresses matter.
#[test]
fn every_shape_is_clean() {
    for (width, depth) in [(1, 1), (1, 2), (8, 1), (8, 3), (64, 5), (33, 256), (16, 257)] {
        let rom = Rom::new(width, vec![1; depth], MemoryStyle::Block, "rom.hex");
        let ram = Ram::new(width, depth, MemoryStyle::Distributed);
        let bare = Ram::new(width, depth, MemoryStyle::Auto).without_collisions();
        for unit in [&rom as &dyn Block, &ram, &bare] {
            let files = print(unit, "top", "demo", "").unwrap();
            let folder = tempfile::tempdir().unwrap();
            tools::write(folder.path(), &files);
            std::fs::write(folder.path().join("rom.hex"), rom.hex()).unwrap();
            tools::lint(folder.path(), &files);
            tools::check(folder.path(), &files, "top");
        }
    }
}
