//! A small design through the real tools. What is missing on this machine is skipped aloud.

use std::io::Write;

use emeuro_synth::{Design, Error, Options, Placement, Synthesis, Target, Toolchain, synthesise};

const WORDS: u32 = 512;

/// The scaler; `constants` is the text of its hex file.
fn scaler(constants: String) -> Design {
    let files = vec![
        ("scaler.v".into(), include_str!("scaler.v").into()),
        ("scaler_constants.hex".into(), constants),
    ];
    Design::new("scaler", files)
}

/// Constants without a pattern that logic could replace.
fn constants() -> String {
    (0..WORDS).map(|i| format!("{:04x}\n", i.wrapping_mul(i).wrapping_mul(40_503) >> 7 & 0xffff)).collect()
}

/// The tools for `target`, without place and route if there is none, or nothing if Yosys is missing too. Says what is skipped;
/// fails if Yosys is missing where `EMEURO_REQUIRE_RTL=1` asks for it.
fn tools(target: Target) -> Option<Toolchain> {
    // Not `eprintln!`, which the test runner hides when a test passes. If nobody reads it, so be it.
    let skipped = |what: &str, error: Error| {
        let _ = writeln!(std::io::stderr(), "skipped: {what} for {target}: {error}");
    };
    match (Toolchain::find(target), Toolchain::find_yosys(target)) {
        (Ok(tools), _) => Some(tools),
        (Err(error), Ok(tools)) => {
            skipped("place and route", error);
            Some(tools)
        }
        (_, Err(error)) => {
            let required = std::env::var("EMEURO_REQUIRE_RTL").as_deref() == Ok("1");
            assert!(!required, "EMEURO_REQUIRE_RTL is set: {error}");
            skipped("synthesis", error);
            None
        }
    }
}

fn run(tools: &Toolchain, design: &Design, options: &Options) -> Result<Synthesis, Error> {
    let folder = tempfile::tempdir().unwrap();
    synthesise(tools, design, options, folder.path(), &mut |_| ())
}

/// Between two seeds, placements differ, areas do not; every rate is one that the device can have.
fn check_rates(tools: &Toolchain, synthesis: &Synthesis, rates: std::ops::Range<f64>) {
    if tools.tools().count() == 1 {
        assert_eq!(synthesis.placement, Placement::None);
        return;
    }
    let runs = synthesis.placement.runs();
    assert_eq!(runs.iter().map(|run| run.seed).collect::<Vec<_>>(), [3, 4]);
    for run in runs {
        assert!(rates.contains(&run.timing.fmax_mhz), "{}", run.timing.fmax_mhz);
        let path = run.timing.critical_path.as_ref().unwrap();
        // The path takes a clock at the highest rate, and ends in the design or its wrapper under the names of the Verilog.
        let clock_ns = 1e3 / run.timing.fmax_mhz;
        assert!((path.logic_ns + path.routing_ns - clock_ns).abs() < 0.05 * clock_ns, "{path:?}");
        let names = ["index", "constant", "operand", "y", "parity", "inputs", "captured", "folded"];
        assert!(names.iter().any(|name| path.end_register().starts_with(name)), "{path:?}");
    }
}

#[test]
fn ecp5_cells_and_clock_rate() {
    let Some(tools) = tools(Target::Ecp5) else { return };
    let synthesis = run(&tools, &scaler(constants()), &Options { seed: 3, seeds: 2 }).unwrap();
    let area = &synthesis.area;
    assert_eq!((area.dsp, area.bram), (1, 1));
    // The index and the parity at least; the multiplier's registers may be its own. None of the wrapper's 212 is counted.
    assert!((9 + 48..9 + 48 + 32 + 32).contains(&area.ff), "{area:?}");
    assert!((48..200).contains(&area.lut4_eq), "{area:?}");
    check_rates(&tools, &synthesis, 50.0..500.0);
}

#[test]
fn ice40_cells_and_clock_rate() {
    let Some(tools) = tools(Target::Ice40) else { return };
    let synthesis = run(&tools, &scaler(constants()), &Options { seed: 3, seeds: 2 }).unwrap();
    let area = &synthesis.area;
    // 512 words of 16 bits are two blocks of 256.
    assert_eq!((area.dsp, area.bram), (1, 2));
    assert!((48..200).contains(&area.lut4_eq), "{area:?}");
    check_rates(&tools, &synthesis, 10.0..200.0);
}

#[test]
fn seven_series_has_cells_but_no_clock_rate() {
    let Some(tools) = tools(Target::Xc7) else { return };
    let synthesis = run(&tools, &scaler(constants()), &Options::default()).unwrap();
    assert_eq!((synthesis.area.dsp, synthesis.area.bram), (1, 1));
    assert_eq!(synthesis.placement, Placement::None);
}

/// The hex file is found: with equal constants there is nothing left to store.
#[test]
fn memory_contents_reach_the_netlist() {
    let Some(tools) = tools(Target::Ecp5) else { return };
    let yosys = Toolchain::find_yosys(tools.target()).unwrap();
    let zeros = run(&yosys, &scaler("0000\n".repeat(WORDS as usize)), &Options::default());
    let varied = run(&yosys, &scaler(constants()), &Options::default());
    assert_ne!(zeros.unwrap().area, varied.unwrap().area);
}

#[test]
fn what_yosys_refuses_is_an_error_with_its_own_words() {
    let Some(tools) = tools(Target::Ecp5) else { return };
    let design = Design::new(
        "broken",
        vec![("broken.v".into(), "module broken(input aclk); wire = ; endmodule\n".into())],
    );
    let message = run(&tools, &design, &Options::default()).unwrap_err().to_string();
    assert!(message.starts_with("Yosys ") && message.contains("failed on `broken`"), "{message}");
    assert!(message.contains("broken.v:1"), "{message}");
}

#[test]
fn a_design_without_its_clock_is_refused() {
    let Some(tools) = tools(Target::Ecp5) else { return };
    if tools.tools().count() == 1 {
        return;
    }
    let text = "module still(input clk, output reg q); always @(posedge clk) q <= !q; endmodule\n";
    let design = Design::new("still", vec![("still.v".into(), text.into())]);
    let message = run(&tools, &design, &Options::default()).unwrap_err().to_string();
    assert!(message.contains("design `still`: expected a clock input `aclk`"), "{message}");
}
