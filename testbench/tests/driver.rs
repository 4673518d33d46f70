//! The driver: building, caching, ports, seeds, ROM files, errors of the design and of the tools.

mod common;

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;

use common::{build, build_with, design, fixtures, options};
use emeuro_testbench::{
    Cache, Coverage, Design, Direction, Error, InPort, Model, OutPort, Roms, RtlPolicy, Sim, SourceFile,
};

fn described_ports(model: &Model) -> Vec<(&str, u32, Direction)> {
    model.ports().iter().map(|port| (port.name.as_str(), port.width, port.direction)).collect()
}

#[test]
fn every_port_width_reads_and_writes() {
    if RtlPolicy::current().verilator_or_skip().is_none() {
        return;
    }
    let model = build("widths");
    assert!(described_ports(&model).contains(&("in65", 65, Direction::Input)));
    assert!(described_ports(&model).contains(&("out48", 48, Direction::Output)));
    let mut sim = Sim::new(&model, Roms::None, 1).unwrap();
    let value = 0x0123_4567_89ab_cdef_u64;
    for width in [8, 13, 32, 48, 65, 128] {
        let input = model.input(&format!("in{width}")).unwrap();
        let output = model.output(&format!("out{width}")).unwrap();
        sim.set(input, value);
        sim.eval().unwrap();
        let mask = u64::MAX >> (64 - width.min(64));
        assert_eq!(sim.get(input), value & mask, "width {width}");
        assert_eq!(sim.get(output), !value & mask, "width {width}");

        let words = [0x89ab_cdef, 0x0123_4567, 0xdead_beef, 0xffff_ffff];
        sim.set_words(input, &words);
        sim.eval().unwrap();
        let mut read = [0; 5];
        sim.get_words(output, &mut read);
        for (position, word) in read.iter().enumerate() {
            let bits = (i64::from(width) - 32 * position as i64).clamp(0, 32) as u32;
            let mask = if bits == 0 { 0 } else { u32::MAX >> (32 - bits) };
            assert_eq!(
                *word,
                words.get(position).map_or(0, |word| !word) & mask,
                "width {width}, word {position}"
            );
        }
    }
}

#[test]
fn ports_that_do_not_exist_are_errors_that_list_those_that_do() {
    if RtlPolicy::current().verilator_or_skip().is_none() {
        return;
    }
    let model = build("widths");
    for error in [model.input("nonsense").unwrap_err(), model.input("out8").unwrap_err()] {
        assert!(matches!(error, Error::NoSuchPort { direction: "input", .. }));
        assert!(error.to_string().contains("input in13, "), "{error}");
    }
    assert!(model.output("in8").is_err());
}

#[test]
fn uninitialised_state_depends_on_the_seed_and_on_nothing_else() {
    if RtlPolicy::current().verilator_or_skip().is_none() {
        return;
    }
    let model = build("widths");
    let port = model.output("uninitialised").unwrap();
    let value = |seed| Sim::new(&model, Roms::None, seed).unwrap().get(port);
    let alone: Vec<u64> = (0..16).map(value).collect();
    let distinct: std::collections::HashSet<_> = alone.iter().collect();
    assert_eq!(distinct.len(), 16, "{alone:x?}");
    // Simulations that start at once on several threads do not disturb each other.
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..20 {
                    assert_eq!((0..16).map(value).collect::<Vec<_>>(), alone);
                }
            });
        }
    });
}

#[test]
fn a_simulation_moves_between_threads() {
    if RtlPolicy::current().verilator_or_skip().is_none() {
        return;
    }
    let model = build("widths");
    let command = model.input("command").unwrap();
    let mut sims: Vec<Sim> = (0..2).map(|seed| Sim::new(&model, Roms::None, seed).unwrap()).collect();
    let mut second = sims.pop().unwrap();
    let mut first = sims.pop().unwrap();
    // The error of one, raised on a thread that has just run the other, belongs to the right one.
    thread::spawn(move || {
        first.tick().unwrap();
        second.tick().unwrap();
        first.set(command, 3);
        second.tick().unwrap();
        assert!(matches!(first.tick(), Err(Error::Simulation { clock: 2, .. })));
        second.tick().unwrap();
    })
    .join()
    .unwrap();
}

#[test]
fn text_and_finish_and_stop_are_seen() {
    if RtlPolicy::current().verilator_or_skip().is_none() {
        return;
    }
    let model = build("widths");
    let command = model.input("command").unwrap();
    let mut sim = Sim::new(&model, Roms::None, 1).unwrap();
    sim.set(model.input("in32").unwrap(), 0xc0ffee);
    sim.set(command, 1);
    sim.tick().unwrap();
    sim.tick().unwrap();
    assert_eq!(sim.take_output(), "state 00c0ffee\nstate 00c0ffee\n");
    assert_eq!(sim.take_output(), "");
    for _ in 0..20_000 {
        sim.tick().unwrap();
    }
    let long = sim.take_output();
    assert!(long.len() <= 64 * 1024 && long.ends_with("state 00c0ffee\n"));

    sim.set(command, 2);
    assert!(!sim.finished());
    sim.tick().unwrap();
    assert!(sim.finished());
    sim.tick().unwrap();

    sim.set(command, 3);
    let clock = sim.clocks() + 1;
    let error = sim.tick().unwrap_err().to_string();
    assert!(error.contains(&format!("`widths` failed at clock {clock}")), "{error}");
    assert!(error.contains("widths.v:"), "{error}");
    // A failed simulation stays failed, and says so.
    sim.set(command, 0);
    assert!(sim.tick().unwrap_err().to_string().contains("failed before"));
    assert!(sim.settle().is_err());
}

#[test]
fn assertions_become_errors_with_their_text() {
    if RtlPolicy::current().verilator_or_skip().is_none() {
        return;
    }
    let model = build_with("frame_adder", &["+define+ASSERT_SMALL"]);
    let folder = fixtures();
    let mut sim = Sim::new(&model, Roms::Folder(&folder), 1).unwrap();
    let port = |name: &str| model.input(name).unwrap();
    sim.set(port("aresetn"), 0);
    sim.tick().unwrap();
    sim.set(port("aresetn"), 1);
    sim.set(port("s_axis_tvalid"), 1);
    sim.set(port("s_axis_tdata"), 0x3fff);
    sim.tick().unwrap();
    let error = sim.tick().unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, Error::Simulation { clock: 3, .. }), "{text}");
    assert!(text.contains("small_output") && text.contains("large output 4000"), "{text}");
}

/// Streams one frame of zeros through the adder: the answer is its ROM.
fn adder_rom(model: &Model, roms: Roms<'_>) -> Result<Vec<u64>, Error> {
    let mut sim = Sim::new(model, roms, 5)?;
    let port = |name: &str| model.input(name).unwrap();
    let data = model.output("m_axis_tdata").unwrap();
    sim.set(port("aresetn"), 0);
    sim.tick()?;
    for name in ["aresetn", "s_axis_tvalid", "m_axis_tready"] {
        sim.set(port(name), 1);
    }
    let mut words = Vec::new();
    for _ in 0..common::ADDER_WORDS {
        sim.tick()?;
        words.push(sim.get(data));
    }
    Ok(words)
}

#[test]
fn rom_files_belong_to_the_simulation_and_never_recompile() {
    if RtlPolicy::current().verilator_or_skip().is_none() {
        return;
    }
    let model = build("frame_adder");
    let folder = fixtures();
    let original: Vec<u64> = common::ADDER_ROM.map(u64::from).to_vec();
    assert_eq!(adder_rom(&model, Roms::Folder(&folder)).unwrap(), original);

    // The same name, other content, from memory, as part of a design: the same compiled model.
    let mut altered_design = design("frame_adder");
    altered_design.sources.push(SourceFile::new("frame_adder.hex", "2 3 4 5 6 7 8 9\n"));
    let altered_model = Model::build(&altered_design, &options()).unwrap();
    assert_eq!(altered_model.path(), model.path());
    let altered = adder_rom(&altered_model, Roms::Files(&altered_design.sources)).unwrap();
    assert_eq!(altered, (2..10).collect::<Vec<u64>>());

    // Side by side on several threads, each sees its own.
    thread::scope(|scope| {
        for value in 0..8u64 {
            let model = &model;
            scope.spawn(move || {
                let folder = tempfile::tempdir().unwrap();
                fs::write(folder.path().join("frame_adder.hex"), format!("{value:x}\n").repeat(8)).unwrap();
                for _ in 0..50 {
                    assert_eq!(adder_rom(model, Roms::Folder(folder.path())).unwrap(), [value; 8]);
                }
            });
        }
    });

    // An absolute name needs no folder.
    let absolute = format!("-GROM_FILE=\"{}\"", folder.join("frame_adder.hex").display());
    assert_eq!(adder_rom(&build_with("frame_adder", &[&absolute]), Roms::None).unwrap(), original);
}

#[test]
fn bad_rom_files_are_errors_that_name_them() {
    if RtlPolicy::current().verilator_or_skip().is_none() {
        return;
    }
    let model = build("frame_adder");
    let message = |roms: Roms<'_>| match adder_rom(&model, roms) {
        Err(Error::Simulation { clock: 0, message, .. }) => message,
        other => panic!("{other:?}"),
    };
    let missing = message(Roms::None);
    assert!(missing.contains("frame_adder.hex") && missing.contains("not found"), "{missing}");
    let empty = tempfile::tempdir().unwrap();
    assert!(message(Roms::Folder(empty.path())).contains("not found"));
    assert!(message(Roms::Files(&[SourceFile::new("other.hex", "0")])).contains("not found"));
    for (text, expected) in [
        ("1 2 3 4 5 6 7", "ended before"),
        ("", "ended before"),
        ("1 2 3 4 5 6 7 8 9 a\n", "beyond bounds"),
        ("1 2 three 4 5 6 7 8\n", "syntax error"),
    ] {
        let got = message(Roms::Files(&[SourceFile::new("frame_adder.hex", text)]));
        assert!(got.contains("frame_adder.hex") && got.contains(expected), "{text:?}: {got}");
    }
    // The process lives on, and so does the model.
    assert!(adder_rom(&model, Roms::Folder(&fixtures())).is_ok());
}

#[test]
fn bad_verilog_gives_verilators_message() {
    if RtlPolicy::current().verilator_or_skip().is_none() {
        return;
    }
    let message = |text: &str| {
        let design = Design::new("bad", vec![SourceFile::new("bad.v", text)]);
        Model::build(&design, &options()).unwrap_err().to_string()
    };
    let syntax = message("module bad(input wire aclk);\n  assign = 1;\nendmodule\n");
    assert!(syntax.contains("bad.v:2:") && syntax.contains("syntax error"), "{syntax}");
    let absent = message("module good(input wire aclk); endmodule\n");
    assert!(absent.contains("bad"), "{absent}");
    let width = message("module bad(input wire aclk, output wire [3:0] q); assign q = 8'hff; endmodule\n");
    assert!(width.contains("WIDTH"), "{width}");
    let clock = message("module bad(input wire clk, output wire q); assign q = clk; endmodule\n");
    assert!(clock.contains("one-bit input `aclk`"), "{clock}");
    let bidirectional = message("module bad(input wire aclk, inout wire q); assign q = aclk; endmodule\n");
    assert!(bidirectional.contains("bidirectional"), "{bidirectional}");
}

#[test]
fn a_loop_that_does_not_settle_is_an_error() {
    if RtlPolicy::current().verilator_or_skip().is_none() {
        return;
    }
    let text = "module loop(input wire aclk, input wire go, output wire q); assign q = go & ~q; endmodule\n";
    let design = Design::new("loop", vec![SourceFile::new("loop.v", text)]);
    let mut options = options();
    options.verilator_flags.push("-Wno-UNOPTFLAT".into());
    let model = Model::build(&design, &options).unwrap();
    let mut sim = Sim::new(&model, Roms::None, 1).unwrap();
    sim.tick().unwrap();
    sim.set(model.input("go").unwrap(), 1);
    let error = sim.tick().unwrap_err().to_string();
    assert!(error.contains("did not converge"), "{error}");
    assert!(sim.tick().is_err());
}

#[test]
fn a_model_is_built_once_however_many_ask() {
    if RtlPolicy::current().verilator_or_skip().is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut options = options();
    options.cache = Cache::new(folder.path().join("cache"));
    let design = design("frame_sum");
    let models: Vec<Model> = thread::scope(|scope| {
        let builders: Vec<_> =
            (0..2).map(|_| scope.spawn(|| Model::build(&design, &options).unwrap())).collect();
        builders.into_iter().map(|builder| builder.join().unwrap()).collect()
    });
    assert_eq!(models[0].path(), models[1].path());
    let products = |extension: &str| {
        let entries = fs::read_dir(options.cache.root()).unwrap();
        entries
            .filter(|entry| entry.as_ref().unwrap().path().extension().is_some_and(|e| e == extension))
            .count()
    };
    assert_eq!((products("so"), products("a"), products("work")), (1, 1, 0));
    let built = fs::metadata(models[0].path()).unwrap().modified().unwrap();

    // Again: loaded, not built. Another flag or another text: another model, the same run-time.
    let again = Model::build(&design, &options).unwrap();
    assert_eq!(fs::metadata(again.path()).unwrap().modified().unwrap(), built);
    options.verilator_flags.push("+define+NOTHING".into());
    assert_ne!(Model::build(&design, &options).unwrap().path(), again.path());
    options.verilator_flags.clear();
    let mut changed = design.clone();
    changed.sources[0].text.push_str("// changed\n");
    assert_ne!(Model::build(&changed, &options).unwrap().path(), again.path());
    assert_eq!((products("so"), products("a"), products("work")), (3, 1, 0));
}

#[test]
fn a_damaged_cache_file_is_an_error_that_names_it() {
    if RtlPolicy::current().verilator_or_skip().is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut options = options();
    options.cache = Cache::new(folder.path());
    let path = Model::build(&design("frame_sum"), &options).unwrap().path().to_owned();
    fs::write(&path, "not a shared object").unwrap();
    let error = Model::build(&design("frame_sum"), &options).unwrap_err();
    assert!(error.to_string().contains(&*path.to_string_lossy()), "{error}");
}

#[test]
fn models_of_different_designs_live_side_by_side() {
    if RtlPolicy::current().verilator_or_skip().is_none() {
        return;
    }
    let (adder, widths) = (build("frame_adder"), build("widths"));
    let mut sims =
        [Sim::new(&adder, Roms::Folder(&fixtures()), 1).unwrap(), Sim::new(&widths, Roms::None, 1).unwrap()];
    for _ in 0..10 {
        for sim in &mut sims {
            sim.tick().unwrap();
        }
    }
    drop((adder, widths));
    for sim in &mut sims {
        sim.tick().unwrap();
        assert_eq!(sim.clocks(), 11);
    }
}

#[test]
fn waveforms_are_written_on_demand() {
    if RtlPolicy::current().verilator_or_skip().is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let plain = build("frame_sum");
    let refused = Sim::new(&plain, Roms::None, 1).unwrap().trace(&folder.path().join("x.fst"));
    assert!(matches!(refused, Err(Error::NotBuiltFor { what: "tracing", .. })));

    let mut options = options();
    options.trace = true;
    let model = Model::build(&design("frame_sum"), &options).unwrap();
    let mut sim = Sim::new(&model, Roms::None, 1).unwrap();
    assert!(matches!(sim.trace(Path::new("/nonexistent/x.fst")), Err(Error::Io { .. })));
    let paths = ["first.fst", "second.fst"].map(|name| folder.path().join(name));
    for path in &paths {
        sim.trace(path).unwrap();
        for _ in 0..100 {
            sim.tick().unwrap();
        }
    }
    sim.close_trace();
    sim.tick().unwrap();
    for (path, range) in paths.iter().zip([[0, 995], [1000, 1995]]) {
        // The FST header: a block of type 0 and length 329, then the first and the last time, in big-endian order.
        let bytes = fs::read(path).unwrap();
        assert_eq!(bytes[..9], [0, 0, 0, 0, 0, 0, 0, 1, 73]);
        let times = [9, 17].map(|at| u64::from_be_bytes(bytes[at..at + 8].try_into().unwrap()));
        assert_eq!(times, range, "{}", path.display());
    }
}

#[test]
fn coverage_counts_what_ran() {
    if RtlPolicy::current().verilator_or_skip().is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("coverage.dat");
    let plain = build("widths");
    let refused = Sim::new(&plain, Roms::None, 1).unwrap().write_coverage(&path);
    assert!(matches!(refused, Err(Error::NotBuiltFor { what: "coverage", .. })));

    for coverage in [Coverage::Line, Coverage::LineAndToggle] {
        let mut options = options();
        options.coverage = coverage;
        let model = Model::build(&design("widths"), &options).unwrap();
        let (command, in8): (InPort, InPort) = (model.input("command").unwrap(), model.input("in8").unwrap());
        let out8: OutPort = model.output("out8").unwrap();
        let mut sim = Sim::new(&model, Roms::None, 1).unwrap();
        sim.set(command, 1);
        for clock in 0..3 {
            sim.set(in8, clock);
            sim.tick().unwrap();
        }
        assert_eq!(sim.get(out8), 0xfd);
        sim.write_coverage(&path).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("# SystemC::Coverage-3"), "{text}");
        let counts = |kind: &str| -> Vec<u64> {
            let lines = text.lines().filter(|line| line.contains(kind));
            lines.map(|line| line.rsplit(' ').next().unwrap().parse().unwrap()).collect()
        };
        // $display ran three times, $finish and $stop never.
        let branches = counts("v_line/widths");
        assert!(branches.contains(&3) && branches.contains(&0), "{text}");
        assert_eq!(counts("v_toggle/widths").is_empty(), coverage == Coverage::Line);

        let tool = Command::new("verilator_coverage")
            .args(["--write-info"])
            .arg(folder.path().join("coverage.info"))
            .arg(&path)
            .output();
        if tool.is_ok_and(|output| output.status.success()) {
            let info = fs::read_to_string(folder.path().join("coverage.info")).unwrap();
            assert!(info.contains("SF:widths.v") && info.contains("DA:"), "{info}");
        }
    }
}

#[test]
fn lint_is_silent_on_clean_files_and_speaks_on_others() {
    let Some(verilator) = RtlPolicy::current().verilator_or_skip() else { return };
    let folder = fixtures();
    assert_eq!(verilator.lint("frame_sum", [folder.join("frame_sum.v")]).unwrap(), "");
    let missing = verilator.lint("frame_sum", [folder.join("frame_adder.v")]).unwrap();
    assert!(missing.contains("frame_sum"), "{missing}");
}
