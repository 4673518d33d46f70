//! The printer against expected Verilog in `expected/`. After a change that is meant:
//! `EMEURO_ACCEPT=1 cargo test -p emeuro-hdl --test rtl`.

use std::path::PathBuf;

use crate::designs::control::{Control, Register};
use crate::designs::lanes::Lanes;
use crate::tools;
use emeuro_hdl::prelude::*;
use emeuro_hdl::units::{MemoryStyle, Ram, Rom};
use emeuro_hdl::{VerilogFile, print};

const BANNER: &str = "Printer test.\n\nConfiguration: none";

/// Compares all files of a design, one after the other, with `expected/<case>.v`; then lints and checks them.
fn compare(case: &str, top: &dyn Block, hex: &[(&str, String)]) -> Vec<VerilogFile> {
    let files = print(top, "top", "demo", BANNER).unwrap();
    assert_eq!(files.last().unwrap().name, "top.v");
    let text = files.iter().map(|file| file.text.as_str()).collect::<Vec<_>>().join("\n");
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/expected").join(format!("{case}.v"));
    if std::env::var("EMEURO_ACCEPT").as_deref() == Ok("1") {
        std::fs::write(&path, &text).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    for (number, (line, expected)) in text.lines().zip(expected.lines()).enumerate() {
        assert_eq!(line, expected, "{}, line {}", path.display(), number + 1);
    }
    assert_eq!(text, expected, "{}", path.display());

    let folder = tempfile::tempdir().unwrap();
    tools::write(folder.path(), &files);
    for (name, contents) in hex {
        std::fs::write(folder.path().join(name), contents).unwrap();
    }
    tools::lint(folder.path(), &files);
    tools::check(folder.path(), &files, "top");
    files
}

fn names(files: &[VerilogFile]) -> Vec<&str> {
    files.iter().map(|file| file.name.as_str()).collect()
}

#[test]
fn lanes() {
    let lanes = Lanes::new(3);
    let hex: Vec<(&str, String)> =
        lanes.lanes.iter().map(|lane| (lane.weight_file.text(), lane.weights.hex())).collect();
    let files = compare("lanes", &lanes, &hex);
    assert_eq!(names(&files), ["demo_rom.v", "demo_accumulate.v", "demo_lane.v", "top.v"]);
}

#[test]
fn control() {
    let files = compare("control", &Control::new(true), &[]);
    assert_eq!(names(&files), ["demo_register.v", "demo_register_2.v", "top.v"]);
}

#[derive(LogicBlock)]
struct Memories {
    info: ModuleInfo,
    clock: Signal<In, Clock>,
    address: Wire<In>,
    y: Vec<Wire<Out>>,
    roms: Vec<Rom>,
    ram: Ram,
}

impl Memories {
    fn new() -> Self {
        let rom = |depth: u64, file| {
            Rom::new(9, (0..depth).map(|word| word * 3).collect(), MemoryStyle::Auto, file)
        };
        Self {
            info: ModuleInfo::new("memories", "three ROMs of two shapes and a RAM"),
            clock: Default::default(),
            address: Wire::new(4, "Address"),
            y: (0..4).map(|index| Wire::new(9, format!("Word {index}"))).collect(),
            roms: vec![rom(16, "a.hex"), rom(11, "b.hex"), rom(16, "c.hex")],
            ram: Ram::new(9, 16, MemoryStyle::Distributed),
        }
    }
}

impl Logic for Memories {
    #[hdl_gen]
    fn update(&mut self) {
        for i in 0..3 {
            self.roms[i].clock.next = self.clock.val();
            self.roms[i].address.next = self.address.val();
            self.y[i].next = self.roms[i].data.val();
        }
        self.ram.clock.next = self.clock.val();
        self.ram.write_enable.next = true.into();
        self.ram.write_address.next = self.address.val();
        self.ram.write_data[0].next = self.roms[0].data.val();
        self.ram.read_address.next = self.address.val();
        self.y[3].next = self.ram.read_data[0].val();
    }
}

#[test]
fn memories() {
    let memories = Memories::new();
    let hex: Vec<(&str, String)> =
        memories.roms.iter().map(|rom| (rom.init_file.text(), rom.hex())).collect();
    let files = compare("memories", &memories, &hex);
    assert_eq!(names(&files), ["demo_rom.v", "demo_rom_2.v", "demo_ram.v", "top.v"]);
}

#[test]
fn printing_twice_gives_the_same_bytes() {
    let first = print(&Lanes::new(5), "top", "demo", BANNER).unwrap();
    assert_eq!(first, print(&Lanes::new(5), "top", "demo", BANNER).unwrap());
}

#[test]
fn many_lanes_share_their_modules() {
    assert_eq!(print(&Lanes::new(128), "top", "demo", BANNER).unwrap().len(), 4);
    assert_eq!(print(&Lanes::new(1), "top", "demo", BANNER).unwrap().len(), 4);
}

/// The constant decides: what the other branch needs is not there.
#[test]
fn constants_choose_a_branch() {
    let without = print(&Control::new(false), "top", "demo", "").unwrap().pop().unwrap().text;
    assert!(without.contains("assign option = 8'd0;"), "{without}");
    let with = print(&Control::new(true), "top", "demo", "").unwrap().pop().unwrap().text;
    assert!(with.contains("assign option = a;"), "{with}");
}

/// A pair of registers whose reset values are one parameter of the pair, and their difference to it.
#[derive(LogicBlock)]
struct Pair {
    info: ModuleInfo,
    start: NumberParameter,
    clock: Signal<In, Clock>,
    reset: Wire<In>,
    d: Wire<In>,
    q: Wire<Out>,
    moved: Wire<Out>,
    registers: Vec<Register>,
}

impl Pair {
    fn new(start: u64) -> Self {
        Self {
            info: ModuleInfo::new("pair", "two registers"),
            start: NumberParameter::new(4, start, "Value after reset"),
            clock: Default::default(),
            reset: Wire::new(1, "Loads the start"),
            d: Wire::new(4, "Next value"),
            q: Wire::new(4, "Value before last"),
            moved: Wire::new(1, "Not at the start"),
            registers: vec![Register::new(4, start), Register::new(4, start)],
        }
    }
}

impl Logic for Pair {
    #[hdl_gen]
    fn update(&mut self) {
        for i in 0..2 {
            self.registers[i].clock.next = self.clock.val();
            self.registers[i].reset.next = self.reset.val();
            self.registers[i].reset_value.next = self.start.val();
        }
        self.registers[0].d.next = self.d.val();
        self.registers[1].d.next = self.registers[0].q.val();
        self.q.next = self.registers[1].q.val();
        self.moved.next = (self.q.val() != self.start.val()).into();
    }
}

#[derive(LogicBlock)]
struct Pairs {
    info: ModuleInfo,
    clock: Signal<In, Clock>,
    aresetn: Wire<In>,
    d: Vec<Wire<In>>,
    moved: Vec<Wire<Out>>,
    pairs: Vec<Pair>,
    reset: Wire<Local>,
}

impl Logic for Pairs {
    #[hdl_gen]
    fn update(&mut self) {
        self.reset.next = !self.aresetn.val();
        for i in 0..self.pairs.len() {
            self.pairs[i].clock.next = self.clock.val();
            self.pairs[i].reset.next = self.reset.val();
            self.pairs[i].d.next = self.d[self.pairs.len() - 1 - i].val();
            self.moved[i].next = self.pairs[i].moved.val();
        }
    }
}

#[test]
fn parameters() {
    let pairs = Pairs {
        info: ModuleInfo::new("pairs", "pairs that differ in a number"),
        clock: Default::default(),
        aresetn: Wire::new(1, "Synchronous reset, active low"),
        d: (0..2).map(|index| Wire::new(4, format!("Input {index}"))).collect(),
        moved: (0..2).map(|index| Wire::new(1, format!("Pair {index} moved"))).collect(),
        pairs: vec![Pair::new(3), Pair::new(9)],
        reset: Wire::new(1, "Reset, active high"),
    };
    let files = compare("parameters", &pairs, &[]);
    assert_eq!(names(&files), ["demo_register.v", "demo_pair.v", "top.v"]);
    let alone = print(&Pair::new(9), "top", "demo", "").unwrap().pop().unwrap().text;
    assert!(alone.contains("parameter [3:0] START = 4'd9"), "{alone}");
}
