//! What the printed Verilog does: everything that was recorded in the Rust simulation, replayed in Verilator.

use crate::bench::{Bench, Case, once_in, ports, word};
use crate::designs::control::Control;
use crate::designs::lanes::Lanes;
use crate::replay::{Mismatch, POWER_UPS, replay};
use crate::{tools, units};
use emeuro_hdl::prelude::*;
use emeuro_hdl::print;
use emeuro_hdl::units::{MemoryStyle, Ram, Rom};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

ports!(
    Control, [clock], [reset, go, a, b, word] -> [
        busy, count, chosen, wide, flags, sum, masked, field, picked, shifted, option,
    ]
);
ports!(Lanes, [clock], [reset, address, shift, x] -> [last, top_bits]);

/// Every form of control.
fn control() -> Case {
    let mut random = ChaCha8Rng::seed_from_u64(11);
    let mut bench = Bench::new("control", Control::new(true));
    for clock in 0..20_000 {
        // The reset is long enough at the start, rare later.
        let reset = clock < 2 || once_in(&mut random, 50);
        let (a, b) = (word(&mut random, 8), word(&mut random, 8));
        // Neighbouring operands are where comparisons go wrong.
        let b = if once_in(&mut random, 8) { (a + 1) & 0xff } else { b };
        let go = once_in(&mut random, 2);
        bench.clock(&[reset.into(), go.into(), a, b, word(&mut random, 16)]);
        if clock == 1 {
            bench.settled();
        }
    }
    bench.finish(vec![])
}

/// Vectors of units with parameters of their own.
fn lanes() -> Case {
    let mut random = ChaCha8Rng::seed_from_u64(12);
    let mut bench = Bench::new("lanes", Lanes::new(3));
    for clock in 0..5_000 {
        let reset = clock < 4 || once_in(&mut random, 50);
        let x = [(); 3].map(|()| word(&mut random, 8));
        let address = random.random_range(0..6);
        bench.clock(&[reset.into(), address, word(&mut random, 1), x[0], x[1], x[2]]);
        if clock == 3 {
            bench.settled();
        }
    }
    let hex = |lane: &crate::designs::lanes::Lane| (lane.weight_file.text().to_owned(), lane.weights.hex());
    let hex = bench.unit.lanes.iter().map(hex).collect();
    bench.finish(hex)
}

/// A memory of which the last vector was tampered with: the comparison must find exactly this.
fn spoilt() -> (Case, Mismatch) {
    let mut bench = Bench::new("spoilt", Ram::new(4, 8, MemoryStyle::Auto));
    bench.clock(&[0; 4]);
    bench.settled();
    for address in 1..100 {
        bench.clock(&[1, address % 8, address % 16, address % 5]);
    }
    let mut case = bench.finish(vec![]);
    let vector = case.vectors.len() - 1;
    let output = &mut case.vectors[vector].1[0];
    let found = *output;
    *output ^= 1;
    let (expected, port) = (*output, "read_data_0".to_owned());
    let mismatch = Mismatch { case: case.name.clone(), port, vector, found, expected };
    (case, mismatch)
}

#[test]
fn all_designs_behave_as_simulated() {
    let (spoilt, planted) = spoilt();
    let cases: Vec<Case> = units::cases().into_iter().chain([control(), lanes(), spoilt]).collect();
    let Some(mut mismatches) = replay(&cases) else { return };
    let count = mismatches.len();
    mismatches.retain(|mismatch| *mismatch != planted);
    assert_eq!(count - mismatches.len(), POWER_UPS.len(), "a wrong vector was not found");
    let first: Vec<&Mismatch> = mismatches.iter().take(20).collect();
    assert!(mismatches.is_empty(), "{} mismatches, the first of them {first:#?}", mismatches.len());
}

/// Look-up tables in a list of cells.
fn lookup_tables(cells: &str) -> usize {
    let cells = cells.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let count = |line: Vec<&str>| match line[..] {
        [cell, count] if cell.contains("LUT") => count.parse().unwrap(),
        _ => 0,
    };
    cells.map(count).sum()
}

/// Memories must become block RAM; those that promise no more than a block does must become nothing else.
#[test]
fn memories_map_to_block_ram() {
    let rom = Rom::new(8, (0..2048).map(|word| word * 7).collect(), MemoryStyle::Block, "rom.hex");
    let careful = Ram::new(16, 1024, MemoryStyle::Block);
    let bare = || Ram::new(16, 1024, MemoryStyle::Block).without_collisions();
    let (one, row, part) = (bare(), bare().with_rows(4, 4), bare().with_rows(4, 1));
    let registered = bare().with_output_register();
    let loaded = rom.with_write_port();
    let rom = Rom::new(8, loaded.contents().to_vec(), MemoryStyle::Block, "rom.hex");
    // The most look-up tables on ECP5 and iCE40. An enable per word costs nothing where the block has one; iCE40's
    // is active low. Selecting some of the words that are read costs look-up tables, other promises, too.
    for (unit, most) in [
        (&rom as &dyn Block, Some([0, 0])),
        (&careful, None),
        (&one, Some([0, 0])),
        (&row, Some([0, 4])),
        (&part, None),
        (&registered, Some([0, 0])),
        (&loaded, Some([0, 0])),
    ] {
        let files = print(unit, "top", "demo", "").unwrap();
        for (index, (family, cell)) in [("ecp5", "DP16KD"), ("ice40", "SB_RAM40")].into_iter().enumerate() {
            let folder = tempfile::tempdir().unwrap();
            tools::write(folder.path(), &files);
            std::fs::write(folder.path().join("rom.hex"), rom.hex()).unwrap();
            let Some(cells) = tools::synthesise(folder.path(), &files, "top", family) else { return };
            assert!(cells.contains(cell), "{family}:\n{cells}");
            let found = lookup_tables(&cells);
            assert!(most.map_or(found > 0, |most| found <= most[index]), "{family}:\n{cells}");
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
