//! The program ROMs: every field of every instruction is the program's.

use emeuro_compiler::{Combine, Function, Instruction, Program};
use emeuro_hdl::prelude::address_bits;
use emeuro_hdl::units::program_rom::{DrainRom, IssueRom};
use emeuro_hdl::units::reducer::Tap;

use super::programs::{choices, instruction, programs, taps};
use crate::bench::{Bench, Case, Ported, low_bits, ports};

ports!(
    IssueRom, [clock], [address] -> [
        delay, pad, reads_input, waits_for_input, reserves_output, releases_input, ends_program, pattern, tap, multiply,
        maximum, forks, second, of_member, limit, operand, weight,
    ]
);
ports!(
    DrainRom, [clock], [address] -> [
        clocks, last_clocks, shift, rectify, narrow, to_output, ends_program, lookup, per_clock, last_count, forks, second, to_router,
        of_member, limit, bias, result,
    ]
);

pub(crate) fn cases() -> Vec<Case> {
    let choices = choices().into_iter().map(|(_, program)| program);
    programs()
        .into_iter()
        .chain(choices)
        .enumerate()
        .flat_map(|(i, program)| {
            [issue(&format!("issue_rom_{i}"), &program), drain(&format!("drain_rom_{i}"), &program)]
        })
        .collect()
}

fn issue(name: &str, program: &Program) -> Case {
    let weight_width = address_bits(program.weights[0].len());
    let file = format!("{name}.hex");
    let taps = taps(program);
    let unit = IssueRom::new(program, &taps, program.address_bits(), weight_width, &file);
    let hex = unit.hex();
    let combined =
        [Combine::Product, Combine::Maximum].into_iter().filter(|&combine| program.combines(combine));
    let combined: Vec<Combine> = combined.collect();
    let has_pairs = !program.paired.is_empty();
    let fields = |index: usize| -> Vec<i64> {
        let Instruction { issue, drain, second, .. } = instruction(program, index);
        let flags = [
            issue.reads_input,
            issue.waits_for_input,
            issue.reserves_output,
            issue.releases_input,
            issue.last,
        ];
        let mut fields = vec![i64::from(issue.delay), issue.pad.into()];
        fields.extend(flags.map(i64::from));
        fields.push(issue.pattern as i64);
        let is_its = |tap: &Tap| (tap.level, tap.per_clock) == (drain.reduce, drain.per_clock);
        let tap = taps.iter().position(is_its).unwrap();
        fields.extend((taps.len() > 1).then_some(tap as i64));
        fields.extend(combined.iter().map(|&combine| i64::from(issue.combine == combine)));
        fields.extend([issue.forks, *second].into_iter().filter(|_| has_pairs).map(i64::from));
        fields.extend(program.members.iter().map(|_| i64::from(issue.of_member)));
        fields.extend(issue.counts.iter().map(|&count| count as i64 - 1));
        for generator in [&issue.operand, &issue.weight] {
            fields.push(generator.base);
            fields.extend(&generator.deltas);
        }
        fields
    };
    compare(name, unit, program.all_instructions().count(), fields, vec![(file, hex)])
}

fn drain(name: &str, program: &Program) -> Case {
    let file = format!("{name}.hex");
    let unit = DrainRom::new(program, program.address_bits(), address_bits(program.bias[0].len()), &file);
    let hex = unit.hex();
    let has_pairs = !program.paired.is_empty();
    let fields = |index: usize| -> Vec<i64> {
        let Instruction { drain, second, .. } = instruction(program, index);
        // The last clock of a tile takes what the others have left.
        let clocks = |results: usize| (1..).find(|clocks| clocks * drain.per_clock >= results).unwrap();
        let [all, last] = [drain.results, drain.last_results].map(clocks);
        let mut fields = vec![all as i64 - 1, last as i64 - 1, drain.shift.into()];
        let flags = [
            drain.function == Function::Relu,
            drain.bits == 8 && program.word_bits == 16,
            drain.to_output,
            drain.last,
        ];
        fields.extend(flags.map(i64::from));
        let table = if let Function::Table(table) = drain.function { table as i64 + 1 } else { 0 };
        fields.extend((!program.tables.is_empty()).then_some(table));
        let counts = [drain.per_clock, drain.last_results - (last - 1) * drain.per_clock];
        fields.extend(counts.iter().filter(|_| program.slots > 1).map(|&count| count as i64 - 1));
        fields.extend([drain.forks, *second].into_iter().filter(|_| has_pairs).map(i64::from));
        let of_members = [drain.to_router, drain.of_member].into_iter();
        fields.extend(of_members.filter(|_| program.members.is_some()).map(i64::from));
        fields.extend(drain.counts.iter().map(|&count| count as i64 - 1));
        for generator in [&drain.bias, &drain.result] {
            fields.push(generator.base);
            fields.extend(&generator.deltas);
        }
        fields
    };
    compare(name, unit, program.all_instructions().count(), fields, vec![(file, hex)])
}

fn compare(
    name: &str,
    unit: impl Ported,
    instructions: usize,
    fields: impl Fn(usize) -> Vec<i64>,
    hex: Vec<(String, String)>,
) -> Case {
    let ports = unit.outputs();
    let mut bench = Bench::new(name, unit);
    // Forwards and backwards, so that every word follows on a different one.
    let order: Vec<usize> = (0..instructions).chain((0..instructions).rev()).chain([0]).collect();
    for (clock, &instruction) in order.iter().enumerate() {
        let found = bench.clock(&[instruction as u64]);
        if clock == 0 {
            bench.settled();
            continue;
        }
        let expected = fields(order[clock - 1]);
        assert_eq!(found.len(), expected.len(), "{name}");
        for (((port, width), found), expected) in ports.iter().zip(found).zip(expected) {
            // Addresses wrap; everything else must fit.
            let is_address = ["operand", "weight", "bias", "result_"].iter().any(|p| port.starts_with(p));
            assert!(is_address || expected >> width == 0, "{name}: {port} = {expected} in {width} bits");
            assert_eq!(
                found,
                low_bits(expected, *width),
                "{name}: {port} of instruction {}",
                order[clock - 1]
            );
        }
    }
    bench.finish(hex)
}

#[test]
fn fields_are_those_of_the_program() {
    cases();
}
