//! Limits: what is refused, with which advice, and that the advice is right.

use emeuro_compiler::{CompileError, Excess, Limits, UnitConfig, compile};
use emeuro_golden::{
    Activation, Emulator, EmulatorBuilder, Format, OutputSpec, Port, Provenance, VectorId, Weights,
};

fn format(bits: u32, frac: i32) -> Format {
    Format::new(bits, frac).unwrap()
}

fn port(bits: u32, size: usize) -> Port {
    Port::new("x", size, format(bits, 4))
}

/// 24 words of `input_bits` through 40 hidden words of 16 bits, with large biases, to 6 of 8 bits.
fn network(input_bits: u32) -> Emulator {
    let mut builder = EmulatorBuilder::new("net", port(input_bits, 24), 40).unwrap();
    let mut input = VectorId::INPUT;
    for (name, inputs, size, bits, biases, word) in
        [("hidden", 24, 40, 8, 1 << 30, format(16, 4)), ("out", 40, 6, 4, 7, format(8, 4))]
    {
        let values = (0..size * inputs).map(|i| (i % 15) as i16 - 7).collect();
        let weights = Weights { format: format(bits, 2), values };
        input = builder.dense(name, input, weights, vec![biases; size], word).unwrap();
        input = builder.activate(&format!("{name}_relu"), input, Activation::Relu, word).unwrap();
    }
    let spec = OutputSpec { sources: vec![input], lower: vec![], order: None, port: port(8, 6) };
    let provenance = Provenance { command: "test".into(), data: "none".into(), ..Provenance::default() };
    builder.finish(spec, provenance).unwrap()
}

fn with(lanes: usize, limits: Limits) -> Result<usize, CompileError> {
    let config = UnitConfig::new(lanes).unwrap().with_limits(limits);
    compile(&network(8), &config).map(|program| program.weights[0].len())
}

#[test]
fn widths_beyond_a_limit_are_refused_with_the_width_that_is_enough() {
    let none = Limits::default();
    let cases = [
        (
            Limits { weight_bits: Some(4), ..none },
            "layer \"hidden\": needs 8-bit weights, the unit allows 4: set weight_bits: 8",
            Limits { weight_bits: Some(8), ..none },
        ),
        (
            Limits { word_bits: Some(8), ..none },
            "layer \"hidden\": needs 16-bit words, the unit allows 8: set word_bits: 16",
            Limits { word_bits: Some(16), ..none },
        ),
        (
            // Biases of 2^30, a sign, and what the products and rounding add.
            Limits { accumulator_bits: Some(31), ..none },
            "layer \"hidden\": needs 32-bit accumulators, the unit allows 31: set accumulator_bits: 32",
            Limits { accumulator_bits: Some(32), ..none },
        ),
    ];
    for (narrow, expected, enough) in cases {
        assert_eq!(with(4, narrow).unwrap_err().to_string(), expected);
        with(4, enough).unwrap();
    }
}

#[test]
fn a_limit_does_not_change_the_unit() {
    let roomy = Limits {
        weight_bits: Some(16),
        word_bits: Some(16),
        accumulator_bits: Some(48),
        weight_words: Some(1 << 16),
    };
    let config = UnitConfig::new(4).unwrap();
    let limited = compile(&network(8), &config.clone().with_limits(roomy)).unwrap();
    let free = compile(&network(8), &config).unwrap();
    assert_eq!(limited.instructions, free.instructions);
    assert_eq!(
        (limited.weight_bits, limited.word_bits, limited.accumulator_bits),
        (free.weight_bits, free.word_bits, free.accumulator_bits)
    );
}

#[test]
fn weights_that_do_not_fit_are_refused_with_the_next_number_of_lanes() {
    let needed = with(4, Limits::default()).unwrap();
    // The first layer has 240 words per lane, the second 60.
    let limit = |words| Limits { weight_words: Some(words), ..Limits::default() };
    assert_eq!(needed, 300);
    assert_eq!(with(4, limit(300)), Ok(300));
    for (words, layer) in [(299, "out"), (200, "hidden"), (100, "hidden")] {
        let Err(CompileError::Limit(excess)) = with(4, limit(words)) else { panic!("{words}") };
        let Excess::WeightWords { layer: found, needed: 300, allowed, lanes: Some(lanes) } = excess else {
            panic!("{excess:?}")
        };
        assert_eq!((found.as_str(), allowed), (layer, words));
        assert!(with(lanes, limit(words)).is_ok());
        assert!((4..lanes).all(|fewer| with(fewer, limit(words)).is_err()), "{lanes} for {words}");
    }
    let message = with(4, limit(3)).unwrap_err().to_string();
    assert_eq!(
        message,
        "layer \"hidden\": the weights no longer fit: the network needs 300 words per lane, the unit allows 3: \
         set weight_words: 300; 128 lanes are not enough"
    );
}

#[test]
fn the_input_has_a_word_limit_too() {
    let narrow = Limits { word_bits: Some(4), ..Limits::default() };
    let message = |network: &Emulator| {
        compile(network, &UnitConfig::new(1).unwrap().with_limits(narrow)).unwrap_err().to_string()
    };
    assert_eq!(message(&network(16)), "input: needs 16-bit words, the unit allows 4: set word_bits: 16");
    // The widest word is named, so that the advice is enough for all.
    assert!(message(&network(8)).starts_with("layer \"hidden\": needs 16-bit words"));
}

/// Taking frames in pairs may map layers to lanes in another way, with more words.
#[test]
fn pairs_never_break_a_limit_that_frames_alone_keep() {
    for seed in [360, 627, 1573] {
        let emulator = emeuro_golden::sample_emulator(seed);
        let words = |config: &UnitConfig| compile(&emulator, config).unwrap().weights[0].len();
        let free = UnitConfig::new(4).unwrap();
        let [pairs, alone] = [true, false].map(|pairs| words(&free.clone().with_pairs(pairs)));
        assert!(pairs > alone, "network {seed} needs {pairs} words in pairs and {alone} alone");
        let most =
            |words| free.clone().with_limits(Limits { weight_words: Some(words), ..Limits::default() });
        assert_eq!((words(&most(alone)), words(&most(pairs))), (alone, pairs), "network {seed}");
    }
}

#[test]
fn words_that_units_have_not_are_refused_with_the_nearest_that_they_have() {
    let word = format(16, 8);
    let compiled = |weights: Format, hidden: Format| {
        let mut builder = EmulatorBuilder::new("net", Port::new("x", 2, word), 32).unwrap();
        let weights = Weights { format: weights, values: vec![1, -1] };
        let hidden = builder.dense("hidden", VectorId::INPUT, weights, vec![0], hidden).unwrap();
        let one = Weights { format: format(8, 0), values: vec![1] };
        let y = builder.dense("y", hidden, one, vec![0], word).unwrap();
        let spec = OutputSpec { sources: vec![y], lower: vec![], order: None, port: Port::new("y", 1, word) };
        let emulator = builder.finish(spec, Provenance::default()).unwrap();
        compile(&emulator, &UnitConfig::new(4).unwrap()).map(drop).map_err(|e| e.to_string())
    };
    assert_eq!(compiled(format(4, 0), format(8, 8)), Ok(()));
    let message = compiled(Format::bipolar(0).unwrap(), format(8, 8)).unwrap_err();
    let expected = "layer \"hidden\": weights: has words of -1 and 1; units take weights of 4, 8 or 16 bits in two's complement; \
                    4 bits hold all of these words";
    assert_eq!(message, expected);
    let message = compiled(format(4, 0), Format::unsigned(9, 8).unwrap()).unwrap_err();
    let expected = "layer \"hidden\": has 9-bit words from 0 on; units take words of 8 or 16 bits in two's complement; \
                    16 bits hold all of these words";
    assert_eq!(message, expected);
}
