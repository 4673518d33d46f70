//! Plays what the Rust simulation was seen to do through the printed Verilog: all designs in one Verilator build, since
//! most of a build is Verilator's own run-time.

use std::path::Path;

use crate::bench::{Case, Port};
use crate::tools;

/// An output that is not what was recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mismatch {
    pub case: String,
    pub port: String,
    pub vector: usize,
    pub found: u64,
    pub expected: u64,
}

/// What registers hold at power-up: all 0, all 1, random. Everything is replayed with each, so that no unit can rely on
/// any of them.
pub(crate) const POWER_UPS: [&str; 3] = ["0", "1", "2"];

/// Replays the cases, which must have different names; `None` without Verilator.
///
/// Every vector with a wrong output is a line of the bench's output, and the lines are counted here: a counter in the
/// bench, compiled by Verilator 5.006 with timing, stayed 0. (Its `life` optimisation did that; it is off here.)
pub(crate) fn replay(cases: &[Case]) -> Option<Vec<Mismatch>> {
    if !tools::is_there("verilator") {
        return None;
    }
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let mut sources = vec!["bench.v".to_owned()];
    let (mut modules, mut instances) = (String::new(), String::new());
    for case in cases {
        tools::write(folder, &case.files);
        for (name, text) in &case.hex {
            std::fs::write(folder.join(name), text).unwrap();
        }
        std::fs::write(folder.join(format!("{}.vectors", case.name)), vectors(case)).unwrap();
        sources.extend(case.files.iter().map(|file| file.name.clone()));
        modules += &module(case);
        instances += &format!("    bench_{name} {name}_bench ();\n", name = case.name);
    }
    let text = format!("{modules}module bench;\n{instances}endmodule\n");
    std::fs::write(folder.join("bench.v"), text).unwrap();
    build(folder, &sources);
    let mut mismatches = vec![];
    for power_up in POWER_UPS {
        let arguments = [&format!("+verilator+rand+reset+{power_up}"), "+verilator+seed+1"];
        let output = tools::run(folder, "./obj_dir/Vbench", &arguments);
        let said = tools::text(&output);
        assert!(output.status.success(), "{said}");
        for case in cases {
            // A bench that stopped early found nothing wrong either.
            let end = format!("replayed {} {}\n", case.name, case.vectors.len());
            assert!(said.contains(&end), "{}: {said}", case.name);
        }
        let lines = said.lines().filter_map(|line| line.strip_prefix("mismatch "));
        mismatches.extend(lines.flat_map(|line| compare(cases, line)));
    }
    Some(mismatches)
}

fn build(folder: &Path, sources: &[String]) {
    let mut arguments = vec!["--binary", "-fno-life", "-Wno-fatal", "-Wno-lint", "-Wno-style"];
    // The C++ compiler takes longer than the simulation; it need not try hard.
    arguments.extend(["--x-initial", "unique", "-MAKEFLAGS", "OPT_FAST=-O0", "--top-module", "bench"]);
    arguments.extend(sources.iter().map(String::as_str));
    let output = tools::run(folder, "verilator", &arguments);
    assert!(output.status.success(), "{}", tools::text(&output));
}

/// The ports' widths in total.
fn bits(ports: &[Port]) -> u32 {
    ports.iter().map(|(_, width)| width).sum()
}

/// The values of ports as binary digits, the first port most significant.
fn digits(ports: &[Port], words: &[u64]) -> String {
    ports.iter().zip(words).map(|((_, width), word)| format!("{word:00$b}", *width as usize)).collect()
}

fn vectors(case: &Case) -> String {
    let line = |(inputs, outputs): &(Vec<u64>, Vec<u64>)| {
        digits(&case.inputs, inputs) + "_" + &digits(&case.outputs, outputs) + "\n"
    };
    case.vectors.iter().map(line).collect()
}

/// `[high:low]` of every port in a vector of all of them, the first port most significant.
fn slices(ports: &[Port]) -> Vec<String> {
    let mut low = bits(ports);
    let slice = |(_, width): &Port| {
        low -= width;
        format!("[{}:{low}]", low + width - 1)
    };
    ports.iter().map(slice).collect()
}

/// The bench of one design: gives every vector and says which outputs came instead of the expected ones.
fn module(case: &Case) -> String {
    let (inputs, outputs) = (bits(&case.inputs), bits(&case.outputs));
    let connect = |ports: &[Port], vector: &str| -> Vec<String> {
        let connection = |((name, _), slice): (&Port, String)| format!(".{name}({vector}{slice})");
        ports.iter().zip(slices(ports)).map(connection).collect()
    };
    let clock = case.clock.map(|name| format!(".{name}(clock)"));
    let ports = [connect(&case.inputs, "in"), connect(&case.outputs, "all")].concat();
    let ports: Vec<String> = clock.into_iter().chain(ports).collect();
    let all = slices(&case.outputs);
    let select = |(index, slice): (usize, &String)| match case.meaning.iter().find(|(data, _)| *data == index)
    {
        Some((_, valid)) => format!("    assign out{slice} = all{} ? all{slice} : 0;\n", all[*valid]),
        None => format!("    assign out{slice} = all{slice};\n"),
    };
    let selects: String = all.iter().enumerate().map(select).collect();
    format!(
        "\
module bench_{name};
    reg clock;
    reg [{inputs_high}:0] in;
    wire [{outputs_high}:0] all;
    wire [{outputs_high}:0] out;
    reg [{high}:0] vectors [0:{last}];
    reg [{high}:0] vector;
    integer index;
    {name} dut ({ports});
{selects}    initial begin
        $readmemb(\"{name}.vectors\", vectors);
        clock = 0;
        for (index = 0; index < {count}; index = index + 1) begin
            vector = vectors[index];
            in = vector[{high}:{outputs}];
            #1;
            if (index >= {warm_up} && out !== vector[{outputs_high}:0]) begin
                $display(\"mismatch {name} %0d %b\", index, out);
            end
            clock = 1;
            #1;
            clock = 0;
        end
        $display(\"replayed {name} %0d\", index);
    end
endmodule

",
        name = case.name,
        inputs_high = inputs - 1,
        outputs_high = outputs - 1,
        high = inputs + outputs - 1,
        last = case.vectors.len() - 1,
        ports = ports.join(", "),
        count = case.vectors.len(),
        warm_up = case.warm_up,
    )
}

/// The wrong ports of a line `<case> <vector> <binary digits of all outputs>`.
fn compare(cases: &[Case], line: &str) -> Vec<Mismatch> {
    let mut words = line.split(' ');
    let mut next = || words.next().expect("a mismatch has three words");
    let (name, vector, found) = (next(), next().parse().unwrap(), next());
    let case = cases.iter().find(|case| case.name == name).expect("a mismatch names its case");
    let mut begin = 0;
    let mismatch = |((port, width), &expected): (&Port, &u64)| {
        let end = begin + *width as usize;
        let found = u64::from_str_radix(&found[begin..end], 2).unwrap();
        begin = end;
        let mismatch = Mismatch { case: name.to_owned(), port: port.clone(), vector, found, expected };
        (found != expected).then_some(mismatch)
    };
    case.outputs.iter().zip(&case.vectors[vector].1).filter_map(mismatch).collect()
}
