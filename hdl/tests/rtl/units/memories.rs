//! ROM and RAM against arrays, with and without a read enable, and ROMs that can be written.

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
    vec![
        read("rom", rom(13, 21, "rom.hex"), &contents(13, 21)),
        read("rom_enable", rom(64, 16, "rom_enable.hex").with_read_enable(), &contents(64, 16)),
        read("rom_bit", rom(1, 2, "rom_bit.hex"), &contents(1, 2)),
        change("loaded_ram", rom(13, 21, "loaded_ram.hex").with_write_port(), contents(13, 21)),
        change(
            "loaded_ram_enable",
            rom(48, 8, "loaded_ram_enable.hex").with_read_enable().with_write_port(),
            contents(48, 8),
        ),
        write("ram", Ram::new(13, 32, MemoryStyle::Block), true),
        write("ram_bare", Ram::new(13, 32, MemoryStyle::Block).without_collisions(), false),
        write("ram_enable", Ram::new(5, 11, MemoryStyle::Distributed).with_read_enable(), true),
        write(
            "ram_bare_enable",
            Ram::new(8, 16, MemoryStyle::Auto).without_collisions().with_read_enable(),
            false,
        ),
    ]
}

fn read(name: &'static str, unit: Rom, contents: &[u64]) -> Case {
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

/// A memory that begins with `contents`; a word that is read while it is written is not looked at.
fn change(name: &'static str, unit: Rom, mut contents: Vec<u64>) -> Case {
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

fn write(name: &'static str, unit: Ram, may_collide: bool) -> Case {
    let mut random = ChaCha8Rng::seed_from_u64(31);
    let (depth, width) = (unit.depth(), unit.width());
    let is_enabled = !unit.read_enable.is_empty();
    let mut bench = Bench::new(name, unit);
    let mut contents = vec![0; depth];
    let mut data = None;
    for clock in 0..4000 {
        let (from, to) = (random.random_range(0..depth), random.random_range(0..depth));
        let writes = once_in(&mut random, 2);
        let reads = !is_enabled || clock == 0 || once_in(&mut random, 2);
        let written = word(&mut random, width);
        // Where collisions are not allowed, a word that is read while it is written is not looked at.
        let collides = writes && from == to;
        let mut words = vec![writes.into(), to as u64, written, from as u64];
        words.extend(is_enabled.then_some(u64::from(reads)));
        let [found] = bench.tick(&words);
        match data {
            Some(Some(data)) => assert_eq!(found, data, "{name}, clock {clock}"),
            Some(None) => {}
            None => bench.settled(),
        }
        if reads {
            data = Some((may_collide || !collides).then_some(contents[from]));
        }
        if writes {
            contents[to] = written;
        }
    }
    bench.finish(vec![])
}

#[test]
fn words_come_back() {
    cases();
}
