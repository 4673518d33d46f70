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

fn run(folder: &Path, program: &str, arguments: &[&str]) -> Output {
    Command::new(program).args(arguments).current_dir(folder).output().unwrap()
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// Verilator must find nothing to say about any file.
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

/// Yosys must read the design and find neither problems nor latches.
pub(crate) fn check(folder: &Path, files: &[VerilogFile], top: &str) {
    if !is_there("yosys") {
        return;
    }
    let names: Vec<&str> = files.iter().map(|file| file.name.as_str()).collect();
    let script = format!(
        "read_verilog {}; hierarchy -check -top {top}; proc; opt; check -assert; select -assert-none t:$dlatch",
        names.join(" ")
    );
    let output = run(folder, "yosys", &["-q", "-e", ".", "-p", &script]);
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

/// A port of a design under test.
pub(crate) type Port = (&'static str, u32);

/// Runs recorded vectors through Verilator: in each, the values of `inputs` and what `outputs` must be after the next
/// rising edge of `clock`.
///
/// Every mismatch is a line of the bench's output, and the lines are counted here: a counter in the bench, compiled by
/// Verilator 5.006 with timing, stayed 0. (Its `life` optimisation did that; it is off here.)
pub(crate) fn replay(
    folder: &Path,
    files: &[VerilogFile],
    top: &str,
    inputs: &[Port],
    outputs: &[Port],
    vectors: &[(Vec<u64>, Vec<u64>)],
) {
    if !is_there("verilator") {
        return;
    }
    let hex: String = vectors
        .iter()
        .map(|(inputs, outputs)| {
            let words: Vec<String> =
                inputs.iter().chain(outputs).map(|word| format!("{word:016x}")).collect();
            words.join("_") + "\n"
        })
        .collect();
    std::fs::write(folder.join("vectors.hex"), hex).unwrap();
    let words = inputs.len() + outputs.len();
    let declare = |kind: &str, ports: &[Port]| -> String {
        ports.iter().map(|(name, width)| format!("    {kind} [{}:0] {name};\n", width - 1)).collect()
    };
    let connect: Vec<String> =
        inputs.iter().chain(outputs).map(|(name, _)| format!(".{name}({name})")).collect();
    let slice = |index: usize, width: u32| {
        let low = (words - 1 - index) * 64;
        format!("vector[{}:{low}]", low + width as usize - 1)
    };
    let drive: String = inputs
        .iter()
        .enumerate()
        .map(|(index, (name, width))| format!("            {name} = {};\n", slice(index, *width)))
        .collect();
    let compare: String = outputs
        .iter()
        .enumerate()
        .map(|(index, (name, width))| {
            let expected = slice(inputs.len() + index, *width);
            format!(
                "            if ({name} !== {expected}) begin\n                \
                 $display(\"mismatch in vector %0d: {name} is %0h, not %0h\", index, {name}, {expected});\n                \
            end\n"
            )
        })
        .collect();
    let bench = format!(
        "module bench;\n    reg clock;\n{}{}    reg [{}:0] vectors [0:{}];\n    reg [{}:0] vector;\n    \
         integer index;\n    {top} dut (.clock(clock), {});\n    initial begin\n        \
         $readmemh(\"vectors.hex\", vectors);\n        clock = 0;\n        \
         for (index = 0; index < {}; index = index + 1) begin\n            vector = vectors[index];\n{drive}            \
         #1 clock = 1;\n            #1;\n{compare}            clock = 0;\n            #1;\n        end\n        \
         $display(\"replayed: %0d\", index);\n        $finish;\n    end\nendmodule\n",
        declare("reg", inputs),
        declare("wire", outputs),
        words * 64 - 1,
        vectors.len() - 1,
        words * 64 - 1,
        connect.join(", "),
        vectors.len(),
    );
    std::fs::write(folder.join("bench.v"), bench).unwrap();
    let mut arguments = vec![
        "--binary",
        "-fno-life",
        "-Wno-fatal",
        "-Wno-lint",
        "-Wno-style",
        "--top-module",
        "bench",
        "bench.v",
    ];
    arguments.extend(files.iter().map(|file| file.name.as_str()));
    let output = run(folder, "verilator", &arguments);
    assert!(output.status.success(), "{}", text(&output));
    let output = run(folder, "./obj_dir/Vbench", &[]);
    let said = text(&output);
    let wrong: Vec<&str> = said.lines().filter(|line| line.starts_with("mismatch")).take(20).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // A bench that stopped early found nothing wrong either.
    assert!(output.status.success() && said.contains(&format!("replayed: {}\n", vectors.len())), "{said}");
}
