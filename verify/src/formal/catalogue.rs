//! Everything that is proven.

use emeuro_compiler::{Machine, OutputBuffer, Table, UnitConfig, compile};
use emeuro_golden::Emulator;
use emeuro_hdl::UnitDesign;
use emeuro_hdl::units::axi_lite::AxiLite;
use emeuro_hdl::units::input_loader::InputLoader;
use emeuro_hdl::units::interpolator::Interpolator;
use emeuro_hdl::units::mac::{Mac, MacShape};
use emeuro_hdl::units::output_streamer::{OutputStreamer, StreamShape};
use emeuro_hdl::units::reducer::{Reducer, Tap};
use emeuro_hdl::units::requantiser::Requantiser;

use super::job::{Fault, Job, Method};
use crate::edit::Edit;
use crate::error::{Error, Result};
use crate::printed::Printed;

/// A property module: its name without `_properties`, and its text.
macro_rules! properties {
    ($name:literal) => {
        ($name, include_str!(concat!("../../properties/", $name, ".sv")))
    };
}

/// Lanes of the whole unit.
const UNIT_LANES: usize = 2;

/// All jobs, the quickest first.
///
/// # Errors
/// The printer or the compiler refuses a unit.
pub fn jobs() -> Result<Vec<Job>> {
    Ok([
        requantisers()?,
        reducers()?,
        macs()?,
        interpolators()?,
        slaves()?,
        loaders()?,
        streamers()?,
        units()?,
    ]
    .concat())
}

fn parameters<const N: usize>(values: [(&'static str, usize); N]) -> Vec<(&'static str, String)> {
    values.map(|(name, value)| (name, value.to_string())).to_vec()
}

fn fault(file: &str, find: &str, replace: &str, fails: &'static str, depth: u32) -> Fault {
    Fault { edit: Edit::new(file, find, replace), fails, depth }
}

fn loaders() -> Result<Vec<Job>> {
    let loader = |name: &str, words: usize, per_beat: usize, faults: Vec<Fault>| -> Result<Job> {
        let mut unit = InputLoader::new(words, 4, per_beat, 4, 3);
        Ok(Job {
            name: name.into(),
            about: format!("input loader, frames of {words} words of 4 bits, {per_beat} per beat"),
            module: properties!("input_loader"),
            parameters: parameters([("BEATS", words.div_ceil(per_beat)), ("PER_BEAT", per_beat)]),
            design: Printed::new(&mut unit, "input_loader", vec![])?,
            method: Method::Reachability,
            faults,
        })
    };
    let faults = vec![
        fault(
            "input_loader.v",
            "assign word_valid    = accept && !dropping;",
            "assign word_valid    = s_axis_tvalid && !dropping;",
            "unread_words_are_not_overwritten",
            12,
        ),
        fault(
            "input_loader.v",
            "assign s_axis_tready = !buffers[buffer] && !blocked;",
            "assign s_axis_tready = !blocked;",
            "ready_while_there_is_room",
            12,
        ),
        fault(
            "input_loader.v",
            "end else if (s_axis_tlast && at_end) begin",
            "end else if (s_axis_tlast) begin",
            "full_from_end_to_release",
            12,
        ),
    ];
    Ok(vec![
        loader("input_loader", 3, 1, faults)?,
        loader("input_loader_one_word", 1, 1, vec![])?,
        loader("input_loader_pairs", 3, 2, vec![])?,
    ])
}

/// The shape of a streamer.
struct Streamer {
    name: &'static str,
    words: usize,
    order: Option<Vec<usize>>,
    per_beat: usize,
    head_start: usize,
}

fn streamers() -> Result<Vec<Job>> {
    let streamer = |shape: Streamer, faults: Vec<Fault>| -> Result<Job> {
        let Streamer { name, words, order, per_beat, head_start } = shape;
        let writes = words.div_ceil(per_beat);
        let digits = order.iter().flatten().rev().fold(0, |all, place| all << 4 | place);
        let (leave, ordered) = (order.as_ref().map_or(words, Vec::len), order.is_some());
        let buffer = OutputBuffer { words, order, writes, head_start };
        let shape = StreamShape { buffer: &buffer, width: 8, per_beat, row: per_beat, span: 4 };
        let mut unit = OutputStreamer::new(shape, "order");
        let hex = unit.hex_files().collect();
        let order = if ordered { ", in another order" } else { "" };
        Ok(Job {
            name: name.into(),
            about: format!(
                "output streamer, frames of {leave} words of 8 bits{order}, {per_beat} per beat, leaving after write \
                 {head_start} of {writes}"
            ),
            module: properties!("output_streamer"),
            parameters: parameters([
                ("WORDS", words),
                ("LEAVE", leave),
                ("PER_BEAT", per_beat),
                ("START", head_start),
                ("ORDERED", ordered.into()),
                ("ORDER", digits),
                ("PATIENCE", 3 + usize::from(ordered)),
            ]),
            design: Printed::new(&mut unit, "output_streamer", hex)?,
            method: Method::Reachability,
            faults,
        })
    };
    let drops = fault(
        "stream_control.v",
        "wire moves  = m_axis_tready || !valid;",
        "wire moves  = 1'b1;",
        "data_is_stable",
        16,
    );
    let gives_back = fault(
        "stream_control.v",
        "if (reads && reads_last) begin",
        "if (reads) begin",
        "words_leave_as_written",
        24,
    );
    let start = |name, head_start| Streamer { name, words: 3, order: None, per_beat: 1, head_start };
    Ok(vec![
        streamer(start("output_streamer", 3), vec![drops])?,
        streamer(start("output_streamer_early", 1), vec![])?,
        streamer(Streamer { per_beat: 2, ..start("output_streamer_pairs", 2) }, vec![gives_back])?,
        streamer(Streamer { order: Some(vec![2, 0, 1, 2]), ..start("output_streamer_ordered", 3) }, vec![])?,
    ])
}

fn slaves() -> Result<Vec<Job>> {
    let control = fault(
        "axi_lite.v",
        "assign write = address_held && data_held && !s_axi_bvalid;",
        "assign write = address_held && data_held;",
        "write_once_both_are_there",
        12,
    );
    Ok(vec![Job {
        name: "axi_lite".into(),
        about: "AXI4-Lite slave, 8 registers of 32 bits".into(),
        module: properties!("axi_lite"),
        parameters: parameters([("ADDRESS", 5)]),
        design: Printed::new(&mut AxiLite::new(5), "axi_lite", vec![])?,
        method: Method::Reachability,
        faults: vec![control],
    }])
}

fn requantisers() -> Result<Vec<Job>> {
    let requantiser = |name: &str, [sum, word, bias, shift]: [u32; 4], faults: Vec<Fault>| -> Result<Job> {
        let mut unit = Requantiser::new(sum, word, bias, shift);
        let widths = [("SUM", sum), ("WORD", word), ("BIAS", bias), ("SHIFT", shift)];
        Ok(Job {
            name: name.into(),
            about: format!(
                "requantiser, sums of {sum} bits, words of {word}, biases of {bias}, shifts of {shift}"
            ),
            module: properties!("requantiser"),
            parameters: parameters(widths.map(|(name, value)| (name, value as usize))),
            design: Printed::new(&mut unit, "requantiser", vec![])?,
            method: Method::Induction { depth: 5 },
            faults,
        })
    };
    let shifts = fault(
        "requantiser.v",
        "shifted <= biased >>> shift_2;",
        "shifted <= biased >> shift_2;",
        "word_is_the_rounded_saturated_quotient",
        5,
    );
    Ok(vec![
        requantiser("requantiser", [14, 10, 12, 4], vec![shifts])?,
        requantiser("requantiser_byte", [12, 8, 12, 4], vec![])?,
        requantiser("requantiser_wide", [24, 16, 20, 5], vec![])?,
    ])
}

fn reducers() -> Result<Vec<Job>> {
    let taps = [Tap { level: 1, per_clock: 1, results: 2 }, Tap { level: 2, per_clock: 1, results: 1 }];
    let adds = fault(
        "reducer.v",
        "level_1_1 <= sum_2 + sum_3;",
        "level_1_1 <= sum_2 - sum_3;",
        "results_are_the_sums_of_their_lanes",
        8,
    );
    Ok(vec![Job {
        name: "reducer".into(),
        about: "reducer, four lanes of 5 bits, in pairs and together".into(),
        module: properties!("reducer"),
        parameters: parameters([("WIDTH", 5)]),
        design: Printed::new(&mut Reducer::new(5, &taps), "reducer", vec![])?,
        method: Method::Induction { depth: 6 },
        faults: vec![adds],
    }])
}

fn macs() -> Result<Vec<Job>> {
    let plain = MacShape { word: 4, weight: 4, sum: 10, ..MacShape::default() };
    let mac = |name: &str, shape: MacShape, about: &str, faults: Vec<Fault>| -> Result<Job> {
        Ok(Job {
            name: name.into(),
            about: format!("multiply-accumulate, words and weights of 4 bits, sums of 10{about}"),
            module: properties!("mac"),
            parameters: parameters([
                ("ELEMENT_WISE", shape.element_wise.into()),
                ("MAXIMUM", shape.maximum.into()),
            ]),
            design: Printed::new(&mut Mac::new(shape), "mac", vec![])?,
            method: Method::Induction { depth: 6 },
            faults,
        })
    };
    let forgets = fault(
        "accumulator.v",
        "sum <= first ? addend : sum + addend;",
        "sum <= sum + addend;",
        "sum_is_that_of_the_products",
        8,
    );
    let mixes = fault(
        "accumulator.v",
        "wire keeps = keep_largest_0 && !first && sum >= addend;",
        "wire keeps = keep_largest_0 && sum >= addend;",
        "sum_is_that_of_the_products",
        8,
    );
    let element_wise = MacShape { element_wise: true, ..plain };
    let maximum = MacShape { maximum: true, ..plain };
    Ok(vec![
        mac("mac", plain, "", vec![forgets])?,
        mac("mac_element_wise", element_wise, ", with products of two operands", vec![])?,
        mac("mac_maximum", maximum, ", with the largest product", vec![mixes])?,
    ])
}

fn interpolators() -> Result<Vec<Job>> {
    let knots = [-32, 31, -7, 12, -1];
    let table = Table {
        function: "zigzag".into(),
        input_bits: 6,
        values: knots[..4].to_vec(),
        slopes: knots.windows(2).map(|k| i32::from(k[1]) - i32::from(k[0])).collect(),
    };
    let packed = knots.iter().rev().fold(0u64, |all, &knot: &i16| all << 8 | u64::from(knot as u8));
    let mut unit = Interpolator::new(6, &[table], "tables.hex");
    let hex = vec![("tables.hex".to_owned(), unit.hex())];
    let rounds = fault(
        "line.v",
        "step = (product + 14'sd8) >>> 4;",
        "step = (product + 14'sd7) >>> 4;",
        "word_is_on_the_line",
        8,
    );
    Ok(vec![Job {
        name: "interpolator".into(),
        about: "interpolator, words of 6 bits, one table of four segments".into(),
        module: properties!("interpolator"),
        parameters: vec![("KNOTS", format!("40'd{packed}"))],
        design: Printed::new(&mut unit, "interpolator", hex)?,
        // Induction does not know that the contents of a ROM never change.
        method: Method::Reachability,
        faults: vec![rounds],
    }])
}

/// The whole unit of a network of two layers.
fn units() -> Result<Vec<Job>> {
    let config =
        UnitConfig::new(UNIT_LANES).map_err(Error::unit)?.with_prefix("part").map_err(Error::unit)?;
    let program = compile(&small_network()?, &config).map_err(Error::unit)?;
    let cycles = Machine::cycles(&program).map_err(Error::unit)?;
    let design = UnitDesign::new(&program, cycles, "emeuro-verify formal").map_err(Error::unit)?;
    let design = Printed { verilog: design.verilog, hex: design.hex };
    let latency = cycles.latency as u32;
    let unit = |name: &str, module, depth, fault| Job {
        name: name.into(),
        about: format!("whole unit, 2-2-2 network of 8-bit words, {UNIT_LANES} lanes"),
        module,
        parameters: parameters([("LATENCY", latency as usize)]),
        design: design.clone(),
        method: Method::BoundedBits { depth },
        faults: vec![fault],
    };
    // Output buffers are never free again.
    let waits = fault(
        "stream_control.v",
        "in_use[from] <= 1'b0;",
        "in_use[from] <= in_use[from];",
        "never_waits_for_ever",
        // Four frames fill the unit, then it waits.
        3 * latency + 20,
    );
    let subtracts = fault(
        "requantiser.v",
        "biased  <= raw +",
        "biased  <= raw -",
        "words_are_those_of_the_network",
        latency + 9,
    );
    Ok(vec![
        unit("unit_progress", properties!("unit_progress"), 2 * latency + 18, waits),
        unit("unit_values", properties!("unit_values"), latency + 11, subtracts),
    ])
}

/// Its network.
pub(crate) fn small_network() -> Result<Emulator> {
    Emulator::parse(include_str!("../../networks/two_layers.yaml"), "two_layers.yaml").map_err(Error::unit)
}
