use emeuro_compiler::*; use emeuro_golden::*; use emeuro_hdl::*;
fn main() {
    let a: Vec<String> = std::env::args().collect();
    let seed: u64 = a[1].parse().unwrap(); let lanes = a[2].parse().unwrap();
    let e = sample_emulator(seed);
    let p = compile(&e, &UnitConfig::new(lanes).unwrap()).unwrap();
    let c = Machine::cycles(&p).unwrap();
    let d = UnitDesign::new(&p, c, "x").unwrap_or_else(|e| panic!("{e}"));
    std::fs::create_dir_all(&a[3]).unwrap();
    for (n, t) in d.files() { std::fs::write(format!("{}/{n}", a[3]), t).unwrap(); }
}
