//! Programs against the golden model: every word, on many networks and units.

use emeuro_compiler::{Machine, UnitConfig, compile};
use emeuro_golden::{
    BlockGeometry, Emulator, EmulatorBuilder, Format, OutputSpec, Port, Provenance, Sampler, VectorId,
    Weights, sample_emulator,
};

fn check(emulator: &Emulator, config: &UnitConfig, seed: u64, frames: usize) {
    let program = compile(emulator, config).unwrap();
    let mut sampler = Sampler::new(seed);
    let word = emulator.format(VectorId::INPUT);
    let inputs: Vec<Vec<i16>> = (0..frames).map(|_| sampler.frame(emulator.input().size(), word)).collect();
    let run = Machine::new(&program).run(&inputs).unwrap_or_else(|e| panic!("seed {seed}, {config:?}: {e}"));
    for (frame, (input, output)) in inputs.iter().zip(&run.frames).enumerate() {
        let expected = emulator.run(input).unwrap();
        if *output != expected {
            let layers: Vec<_> = program.instructions.iter().map(|i| &i.layer).collect();
            panic!("seed {seed}, {config:?}, frame {frame}: {output:?} is not {expected:?}; {layers:?}");
        }
    }
}

#[test]
fn sampled_networks_run_on_any_number_of_lanes() {
    for seed in 0..400 {
        let emulator = sample_emulator(seed);
        for lanes in [1, 2, 3, 4, 7, 16, 64] {
            check(&emulator, &UnitConfig::new(lanes).unwrap(), seed, 4);
        }
    }
}

#[test]
fn sampled_networks_run_on_units_of_any_width() {
    for seed in 0..200 {
        let emulator = sample_emulator(seed);
        for (lanes, slots, words_per_beat) in
            [(3, 2, 1), (4, 1, 4), (5, 4, 2), (8, 8, 4), (16, 2, 4), (64, 16, 1)]
        {
            let config = UnitConfig::new(lanes).unwrap();
            let config = config.with_slots(slots).unwrap().with_words_per_beat(words_per_beat).unwrap();
            check(&emulator, &config, seed, 4);
        }
    }
}

#[test]
fn frames_are_taken_in_pairs_where_that_is_faster() {
    let mut paired = 0;
    for seed in 0..200 {
        let emulator = sample_emulator(seed);
        for lanes in [4, 16] {
            let free = UnitConfig::new(lanes).unwrap();
            let never = free.clone().with_pairs(false);
            let [pairs, alone] = [&free, &never].map(|config| compile(&emulator, config).unwrap());
            assert!(alone.paired.is_empty());
            if pairs.paired.is_empty() {
                continue;
            }
            paired += 1;
            let [two, one] = [&pairs, &alone].map(|program| Machine::cycles(program).unwrap());
            assert!(two.period < one.period, "seed {seed}, {lanes} lanes: {two:?}, {one:?}");
        }
    }
    assert!(paired > 50, "{paired}");
}

/// Frames in pairs may be spread over lanes in another way than frames alone: then nothing uses the slots that those use.
#[test]
fn a_unit_has_no_slots_that_nothing_uses() {
    let config = |lanes: usize, beat: usize, slots: usize| {
        UnitConfig::new(lanes).unwrap().with_words_per_beat(beat).unwrap().with_slots(slots).unwrap()
    };
    let check = |seed: u64, config: &UnitConfig| {
        let program = compile(&sample_emulator(seed), config).unwrap();
        let used = program.all_instructions().map(|i| i.drain.per_clock).max();
        assert_eq!(used, Some(program.slots), "seed {seed}, {config:?}");
    };
    check(1086, &config(20, 2, 8));
    for seed in 0..400 {
        check(seed, &config(2 + seed as usize % 23, 1 << (seed % 3), 2 << (seed % 4)));
    }
}

/// One dense layer, stage by stage as `docs/src/unit/clocks.md` lists them.
#[test]
fn the_latency_of_a_layer_is_that_of_its_stages() {
    for (inputs, outputs, lanes) in [(16, 4, 1), (16, 4, 4), (20, 3, 4), (20, 3, 16), (1, 1, 1), (64, 16, 8)]
    {
        let format = Format::new(16, 8).unwrap();
        let port = |size| Port::new("x", size, format);
        let mut builder = EmulatorBuilder::new("one", port(inputs), 40).unwrap();
        let weights = Weights { format: Format::new(8, 4).unwrap(), values: vec![1; inputs * outputs] };
        let y = builder.dense("y", VectorId::INPUT, weights, vec![0; outputs], format).unwrap();
        let spec = OutputSpec { sources: vec![y], lower: vec![], order: None, port: port(outputs) };
        let emulator = builder.finish(spec, Provenance::default()).unwrap();
        let config = UnitConfig::new(lanes).unwrap().with_slots(1).unwrap();
        let program = compile(&emulator, &config).unwrap();
        let [layer] = program.instructions.as_slice() else { panic!("{:?}", program.instructions) };
        let (steps, results, reduce) =
            (layer.issue.steps(), layer.drain.results, layer.drain.reduce as usize);
        // Loaded in the clock after the last input word; then one step per clock, or one result, whatever takes longer.
        let written: Vec<usize> = (0..outputs)
            .map(|word| {
                let (tile, result) = (word / results, word % results);
                let last_step = inputs + 1 + tile * steps.max(results) + steps;
                last_step + 5 + reduce + 1 + result + 4
            })
            .collect();
        // The frame leaves in one piece, and begins with a write.
        let in_time = |&begin: &usize| written.iter().enumerate().all(|(word, &at)| at <= begin + word);
        let begin = written.iter().copied().find(|begin| in_time(begin)).unwrap();
        let latency = Machine::cycles(&program).unwrap().latency;
        assert_eq!(latency as usize, begin + outputs - 1 + 3, "{inputs}-{outputs} on {lanes} lanes");
    }
}

/// A block with more dimensions than the unit has loops: some become instructions of their own.
#[test]
fn dimensions_beyond_the_loops_are_unrolled() {
    for shared in [false, true] {
        let format = Format::new(16, 8).unwrap();
        let port = |size| Port::new("x", size, format);
        let geometry = BlockGeometry {
            offset: 0,
            repeat: vec![2; 4],
            in_stride: vec![1, 3, 2, 5],
            out_stride: vec![4, 16, 2, 8],
            window: vec![3],
            in_step: vec![1],
            outputs: 2,
            out_step: 1,
            shared,
        };
        let rows = 2 * if shared { 1 } else { 16 };
        let values = (0..3 * rows as i16).map(|i| (37 * i) % 101 - 50).collect();
        let weights = Weights { format: Format::new(8, 4).unwrap(), values };
        let bias = (0..rows).map(|row| 1000 * row as i64).collect();
        let mut builder = EmulatorBuilder::new("deep", port(14), 40).unwrap();
        let y = builder.block("y", VectorId::INPUT, geometry, weights, bias, format).unwrap();
        let spec = OutputSpec { sources: vec![y], lower: vec![], order: None, port: port(32) };
        let emulator = builder.finish(spec, Provenance::default()).unwrap();
        for lanes in [1, 2, 4, 16] {
            let config = UnitConfig::new(lanes).unwrap();
            let program = compile(&emulator, &config).unwrap();
            assert!(program.instructions.len() > 1, "{lanes} lanes: nothing is unrolled");
            check(&emulator, &config, 1, 3);
        }
    }
}

/// Two buffers of at least two rows each, so that row and buffer are bits of an address.
#[test]
fn output_buffers_have_room() {
    for seed in 0..100 {
        for (lanes, slots, words_per_beat) in [(1, 1, 1), (16, 16, 1), (4, 2, 4)] {
            let config = UnitConfig::new(lanes).and_then(|c| c.with_slots(slots)).unwrap();
            let config = config.with_words_per_beat(words_per_beat).unwrap();
            let program = compile(&sample_emulator(seed), &config).unwrap();
            let (span, row) = (program.output_span(), program.output_row());
            let place = format!("network {seed}, {config:?}: {span}");
            assert!(span.is_power_of_two() && span >= program.output.words && span >= 2 * row, "{place}");
        }
    }
}
