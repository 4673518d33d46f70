//! ROM and RAM against arrays, with and without a read enable or an output register, in rows of all widths, and ROMs that can
//! be written.

use emeuro_hdl::units::{MemoryStyle, Ram, Rom};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::bench::{Bench, Case, once_in, ports, word};

ports!(Rom, [clock], [address, read_enable, write_enable, write_address, write_data] -> [data]);
ports!(Ram, [clock], [write_enable, write_address, write_data, read_address, read_enable] -> [read_data]);

pub(crate) fn cases() -> Vec<Case> {
    let contents = |width: u32, depth: usize| -> Vec<u64> {
        let mut random = ChaCha8Rng::seed_from_u64(depth as u64);
        (0..depth).map(|_| word(&mut random, width)).collect()
    };
    let rom = |width, depth, file: &str| Rom::new(width, contents(width, depth), MemoryStyle::Block, file);
    let roms = [
        read("rom", rom(13, 21, "rom.hex"), &contents(13, 21)),
        read("rom_enable", rom(64, 16, "rom_enable.hex").with_read_enable(), &contents(64, 16)),
        read("rom_bit", rom(1, 2, "rom_bit.hex"), &contents(1, 2)),
        read_late("rom_late", rom(8, 40, "rom_late.hex").with_output_register(), &contents(8, 40)),
        change("loaded_ram", rom(13, 21, "loaded_ram.hex").with_write_port(), contents(13, 21)),
        change(
            "loaded_ram_enable",
            rom(48, 8, "loaded_ram_enable.hex").with_read_enable().with_write_port(),
            contents(48, 8),
        ),
    ];
    let rams = [
        ("ram", Ram::new(13, 32, MemoryStyle::Block), true),
        ("ram_bare", Ram::new(13, 32, MemoryStyle::Block).without_collisions(), false),
        ("ram_enable", Ram::new(5, 11, MemoryStyle::Distributed).with_read_enable(), true),
        (
            "ram_bare_enable",
            Ram::new(8, 16, MemoryStyle::Auto).without_collisions().with_read_enable(),
            false,
        ),
    ];
    let rams = rams.map(|(name, unit, may_collide)| write(name, unit, 1, may_collide));
    let late = [(1, 1), (2, 1), (4, 1), (4, 2), (8, 8)].map(|(row, read)| {
        let ram = Ram::new(16, 32, MemoryStyle::Block).without_collisions();
        let ram = ram.with_rows(row, read).with_output_register();
        write_late(&format!("ram_late_{row}_{read}"), ram, row)
    });
    roms.into_iter().chain(rams).chain(rows()).chain(late).collect()
}

/// All widths of rows and reads, with and without collisions and a read enable.
fn rows() -> Vec<Case> {
    let mut cases = vec![];
    for (row, read) in (0..4).flat_map(|row| (0..=row).map(move |read| (1 << row, 1 << read))) {
        for flavour in 0..4 {
            let (may_collide, is_enabled) = (flavour % 2 == 0, flavour / 2 == 1);
            // One row, a power of two, and a number that is none.
            let rows = [3, 1, 8, 2, 5][cases.len() % 5];
            let width = [1, 7, 8, 16][(cases.len() / 3) % 4];
            let mut unit = Ram::new(width, rows * row, MemoryStyle::Auto);
            unit = if may_collide { unit } else { unit.without_collisions() };
            unit = if is_enabled { unit.with_read_enable() } else { unit };
            let name = format!("ram_{row}_{read}_{flavour}");
            cases.push(write(&name, unit.with_rows(row, read), row, may_collide));
        }
    }
    cases
}

fn read(name: &str, unit: Rom, contents: &[u64]) -> Case {
    let mut random = ChaCha8Rng::seed_from_u64(30);
    let hex = vec![(unit.init_file.text().to_owned(), unit.hex())];
    let is_enabled = !unit.read_enable.is_empty();
    let mut bench = Bench::new(name, unit);
    let mut data = None;
    for clock in 0..400 {
        let address = random.random_range(0..contents.len());
        let reads = !is_enabled || clock == 0 || once_in(&mut random, 2);
        let mut words = vec![address as u64];
        words.extend(is_enabled.then_some(u64::from(reads)));
        let [found] = bench.tick(&words);
        match data {
            Some(data) => assert_eq!(found, data, "{name}, clock {clock}"),
            None => bench.settled(),
        }
        data = if reads { Some(contents[address]) } else { data };
    }
    bench.finish(hex)
}

/// A ROM with an output register: words come two clocks after their addresses.
fn read_late(name: &str, unit: Rom, contents: &[u64]) -> Case {
    let mut random = ChaCha8Rng::seed_from_u64(43);
    let hex = vec![(unit.init_file.text().to_owned(), unit.hex())];
    let mut bench = Bench::new(name, unit);
    let mut addresses: Vec<usize> = vec![];
    for clock in 0..400 {
        let address = random.random_range(0..contents.len());
        let [found] = bench.tick(&[address as u64]);
        match clock {
            0 | 1 => bench.settled(),
            _ => assert_eq!(found, contents[addresses[clock - 2]], "{name}, clock {clock}"),
        }
        addresses.push(address);
    }
    bench.finish(hex)
}

/// A memory in rows of `row` words with an output register, written in one pass and read in another.
fn write_late(name: &str, unit: Ram, row: usize) -> Case {
    let mut random = ChaCha8Rng::seed_from_u64(44);
    let (depth, width, read) = (unit.depth(), unit.width(), unit.read_data.len());
    let mut bench = Bench::new(name, unit);
    let mut contents = vec![0; depth];
    for pass in 0..20 {
        for index in 0..depth / row {
            let words: Vec<u64> = (0..row).map(|_| word(&mut random, width)).collect();
            contents[index * row..][..row].copy_from_slice(&words);
            bench.clock(&[vec![(1 << row) - 1, index as u64], words, vec![0]].concat());
        }
        let mut addresses: Vec<usize> = vec![];
        for clock in 0..60 {
            let address = random.random_range(0..depth / read);
            let found = bench.clock(&[vec![0; 2 + row], vec![address as u64]].concat());
            if clock >= 2 {
                let first = addresses[clock - 2] * read;
                assert_eq!(found, contents[first..first + read], "{name}, pass {pass}, clock {clock}");
            } else if pass == 0 {
                bench.settled();
            }
            addresses.push(address);
        }
    }
    bench.finish(vec![])
}

/// A memory that begins with `contents`; a word that is read while it is written is not looked at.
fn change(name: &str, unit: Rom, mut contents: Vec<u64>) -> Case {
    let mut random = ChaCha8Rng::seed_from_u64(39);
    let hex = vec![(unit.init_file.text().to_owned(), unit.hex())];
    let (width, is_enabled) = (unit.width(), !unit.read_enable.is_empty());
    let mut bench = Bench::new(name, unit);
    let mut data = None;
    for clock in 0..2000 {
        let [from, to] = [(); 2].map(|()| random.random_range(0..contents.len()));
        // The file's words are read before any of them is changed.
        let writes = clock > 200 && once_in(&mut random, 3);
        let reads = !is_enabled || clock == 0 || once_in(&mut random, 2);
        let written = word(&mut random, width);
        let mut words = vec![from as u64];
        words.extend(is_enabled.then_some(u64::from(reads)));
        words.extend([writes.into(), to as u64, written]);
        let [found] = bench.tick(&words);
        match data {
            Some(Some(data)) => assert_eq!(found, data, "{name}, clock {clock}"),
            Some(None) => {}
            None => bench.settled(),
        }
        if reads {
            data = Some((!writes || from != to).then_some(contents[from]));
        }
        if writes {
            contents[to] = written;
        }
    }
    bench.finish(hex)
}

/// Random accesses to a memory in rows of `row` words.
fn write(name: &str, unit: Ram, row: usize, may_collide: bool) -> Case {
    let mut random = ChaCha8Rng::seed_from_u64(31);
    let (depth, width) = (unit.depth(), unit.width());
    let reads_at_once = unit.read_data.len();
    assert_eq!(unit.write_data.len(), row, "{name}");
    let is_enabled = !unit.read_enable.is_empty();
    let mut bench = Bench::new(name, unit);
    let mut contents = vec![0; depth];
    let mut data: Option<Vec<u64>> = None;
    // How often a whole row, a part of one and nothing at all was written where words were read.
    let mut met = [0; 3];
    for clock in 0..if row == 1 { 4000 } else { 1500 } {
        let from = random.random_range(0..depth / reads_at_once) * reads_at_once;
        let to = random.random_range(0..depth / row) * row;
        let places = if once_in(&mut random, 2) { 0 } else { word(&mut random, row as u32) };
        let reads = !is_enabled || clock == 0 || once_in(&mut random, 2);
        let written: Vec<u64> = (0..row).map(|_| word(&mut random, width)).collect();
        let mut words = vec![places, (to / row) as u64];
        words.extend(&written);
        words.push((from / reads_at_once) as u64);
        words.extend(is_enabled.then_some(u64::from(reads)));
        let found = bench.clock(&words);
        match &data {
            Some(data) => assert_eq!(found, *data, "{name}, clock {clock}"),
            None => bench.settled(),
        }
        let is_same_row = (to..to + row).contains(&from);
        if reads {
            let old = &contents[from..from + reads_at_once];
            // Where collisions are not allowed, a write to any word spoils its whole row.
            let is_spoilt = !may_collide && places != 0 && is_same_row;
            let spoilt = |word: &u64| word ^ (u64::MAX >> (64 - width));
            data = Some(old.iter().map(|word| if is_spoilt { spoilt(word) } else { *word }).collect());
            let whole = u64::MAX >> (64 - row);
            met[if places == 0 { 2 } else { usize::from(places != whole) }] += u32::from(is_same_row);
        }
        for (place, word) in written.into_iter().enumerate().filter(|(place, _)| (places >> place) & 1 == 1) {
            contents[to + place] = word;
        }
    }
    assert!(met[0] > 4 && (row == 1 || met[1] > 4) && met[2] > 4, "{name}: {met:?}");
    bench.finish(vec![])
}

#[test]
fn words_come_back() {
    cases();
}
