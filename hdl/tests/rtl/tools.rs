//! Verilator and Yosys for tests: found at run time, skipped aloud where they are absent.

use std::path::Path;
use std::process::{Command, Output};

use emeuro_hdl::VerilogFile;

/// True if the tool runs. If not, says so, or fails where `EMEURO_REQUIRE_RTL=1` asks for it.
pub(crate) fn is_there(tool: &str) -> bool {
    let found =
        Command::new(tool).arg("--version").output().or_else(|_| Command::new(tool).arg("-V").output());
    if found.is_ok() {
        return true;
    }
    assert!(
        std::env::var("EMEURO_REQUIRE_RTL").as_deref() != Ok("1"),
        "{tool} is required but not installed"
    );
    println!("skipped: {tool} is not installed");
    false
}

/// Writes the files of a design into a folder.
pub(crate) fn write(folder: &Path, files: &[VerilogFile]) {
    for file in files {
        std::fs::write(folder.join(&file.name), &file.text).unwrap();
    }
}

/// Runs a tool in a folder.
pub(crate) fn run(folder: &Path, program: &str, arguments: &[&str]) -> Output {
    Command::new(program).args(arguments).current_dir(folder).output().unwrap()
}

/// Everything that a tool said.
pub(crate) fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// Verilator must find nothing to say about any file, each taken as a design of its own.
pub(crate) fn lint(folder: &Path, files: &[VerilogFile]) {
    if !is_there("verilator") {
        return;
    }
    for file in files {
        let output = run(folder, "verilator", &["--lint-only", "-Wall", "-y", ".", &file.name]);
        let said = text(&output);
        assert!(output.status.success() && said.trim().is_empty(), "{}\n{said}\n{}", file.name, file.text);
    }
}

/// Verilator must find nothing to say about any of several designs; much faster than one after the other.
pub(crate) fn lint_together(folder: &Path, files: &[VerilogFile]) {
    if !is_there("verilator") {
        return;
    }
    let mut arguments = vec!["--lint-only", "-Wall", "-Wno-MULTITOP"];
    arguments.extend(files.iter().map(|file| file.name.as_str()));
    let output = run(folder, "verilator", &arguments);
    let said = text(&output);
    assert!(output.status.success() && said.trim().is_empty(), "{said}");
}

/// Yosys must read the design and find neither problems nor latches.
pub(crate) fn check(folder: &Path, files: &[VerilogFile], top: &str) {
    check_all(folder, &[(files, top)]);
}

/// The same for several designs, given by their files and their tops.
pub(crate) fn check_all(folder: &Path, designs: &[(&[VerilogFile], &str)]) {
    if !is_there("yosys") {
        return;
    }
    let script = |(files, top): &(&[VerilogFile], &str)| {
        let names: Vec<&str> = files.iter().map(|file| file.name.as_str()).collect();
        // The device's own multiplier is a cell of the vendor's library.
        let device = files.iter().any(|file| file.text.contains("MULT18X18D"));
        let library = if device { "read_verilog -lib +/ecp5/cells_bb.v; " } else { "" };
        format!(
            "design -reset; log {top}; {library}read_verilog {}; hierarchy -check -top {top}; proc; opt; check -assert; \
             select -assert-none t:$dlatch",
            names.join(" ")
        )
    };
    let scripts: Vec<String> = designs.iter().map(script).collect();
    let output = run(folder, "yosys", &["-q", "-e", ".", "-p", &scripts.join("; ")]);
    assert!(output.status.success(), "{}", text(&output));
}

/// The cells of the design after `synth_<family>`, by type.
pub(crate) fn synthesise(folder: &Path, files: &[VerilogFile], top: &str, family: &str) -> Option<String> {
    if !is_there("yosys") {
        return None;
    }
    let names: Vec<&str> = files.iter().map(|file| file.name.as_str()).collect();
    let script =
        format!("read_verilog {}; synth_{family} -top {top}; tee -o cells.txt stat", names.join(" "));
    let output = run(folder, "yosys", &["-q", "-p", &script]);
    assert!(output.status.success(), "{}", text(&output));
    Some(std::fs::read_to_string(folder.join("cells.txt")).unwrap())
}
