//! What has to be written to turn the network in a unit with writable weights into another one of the same shape.

use crate::{Control, Instruction, Members, Program, UnitConfig, WeightMemory};

/// A memory that can be written while the unit runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WritableMemory {
    /// The weights of a lane.
    Lane(usize),
    /// The biases of a slot, with the rounding constants of their layers.
    Biases(usize),
}

/// One word for one memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WeightWrite {
    /// Which memory.
    pub memory: WritableMemory,
    /// Address in it.
    pub address: usize,
    /// The word: a weight or a bias.
    pub word: i64,
}

/// Why one program cannot become another by writing weights.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RewriteError {
    /// The unit has ROMs.
    #[error("weights: expected a unit with weights: ram, found rom")]
    Rom,
    /// The programs were compiled for different units.
    #[error("configuration: expected that of the unit, {expected:?}, found {found:?}")]
    Config {
        /// That of the unit.
        expected: Box<UnitConfig>,
        /// That of the new program.
        found: Box<UnitConfig>,
    },
    /// A number that the hardware is built for.
    #[error("{what}: expected {expected} as in the unit, found {found}")]
    Shape {
        /// Which number.
        what: &'static str,
        /// That of the unit.
        expected: usize,
        /// That of the new program.
        found: usize,
    },
    /// Something that lies in a ROM or is wired.
    #[error("{0}: expected the same as in the unit, which cannot change it")]
    Fixed(&'static str),
    /// An instruction.
    #[error(
        "instruction {index}, layer {layer:?}: {what} differs from the unit's; it cannot be written: are topology and \
         formats the same?"
    )]
    Instruction {
        /// Which one, from 0.
        index: usize,
        /// The layer of the new program that it belongs to.
        layer: String,
        /// The field that differs.
        what: &'static str,
    },
}

/// The writes that turn the contents of a unit that was built for, or now holds, `old` into those of `new`: lane by lane,
/// then the biases slot by slot, addresses ascending; words that are equal are left out.
///
/// Names of emulators and layers may differ. Everything but weights and biases must be equal: programs of two emulators
/// with the same layers, formats and tables that were compiled with the same configuration are.
///
/// # Errors
/// The first thing that differs and cannot be written.
///
/// ```
/// use emeuro_compiler::{Control, UnitConfig, WeightMemory, compile, rewrite};
///
/// let config = UnitConfig::new(4)?.with_control(Control::AxiLite, WeightMemory::Ram)?;
/// let emulator = emeuro_golden::sample_emulator(1);
/// let retrained = emeuro_golden::sample_weights(&emulator, 2);
/// let (old, new) = (compile(&emulator, &config)?, compile(&retrained, &config)?);
/// let writes = rewrite(&old, &new)?;
/// assert!(!writes.is_empty());
/// assert!(rewrite(&old, &old)?.is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn rewrite(old: &Program, new: &Program) -> Result<Vec<WeightWrite>, RewriteError> {
    check(old, new)?;
    let lanes = old.used_lanes();
    let weights = old.weights.iter().zip(&new.weights).take(lanes).enumerate().flat_map(|(lane, (a, b))| {
        let words = |words: &'_ [i16]| words.iter().map(|&word| i64::from(word)).collect();
        changes(WritableMemory::Lane(lane), words(a), words(b))
    });
    let biases = old
        .bias
        .iter()
        .zip(&new.bias)
        .enumerate()
        .flat_map(|(slot, (a, b))| changes(WritableMemory::Biases(slot), a.clone(), b.clone()));
    Ok(weights.chain(biases).collect())
}

fn changes(memory: WritableMemory, old: Vec<i64>, new: Vec<i64>) -> impl Iterator<Item = WeightWrite> {
    let pairs = old.into_iter().zip(new).enumerate();
    pairs.filter(|(_, (a, b))| a != b).map(move |(address, (_, word))| WeightWrite { memory, address, word })
}

fn check(old: &Program, new: &Program) -> Result<(), RewriteError> {
    if (old.config.control(), old.config.weights()) != (Control::AxiLite, WeightMemory::Ram) {
        return Err(RewriteError::Rom);
    }
    // The name of a unit is not what it is.
    if !old.config.same_hardware(&new.config) {
        let [expected, found] = [old, new].map(|program| Box::new(program.config.clone()));
        return Err(RewriteError::Config { expected, found });
    }
    for (what, of) in NUMBERS {
        let [expected, found] = [old, new].map(of);
        if expected != found {
            return Err(RewriteError::Shape { what, expected, found });
        }
    }
    if old.patterns != new.patterns {
        return Err(RewriteError::Fixed("offsets of the lanes"));
    }
    if old.output.order != new.output.order {
        return Err(RewriteError::Fixed("order of the output frame"));
    }
    if old.tables != new.tables {
        return Err(RewriteError::Fixed("tables"));
    }
    if old.members != new.members {
        return Err(RewriteError::Fixed("thresholds of the members"));
    }
    let writes = |program: &Program| (0..program.levels()).map(|k| program.writes_at(k)).collect::<Vec<_>>();
    if writes(old) != writes(new) {
        return Err(RewriteError::Fixed("head start of the output"));
    }
    for (index, (a, b)) in old.all_instructions().zip(new.all_instructions()).enumerate() {
        if let Some((what, _)) = FIELDS.iter().find(|(_, same)| !same(a, b)) {
            return Err(RewriteError::Instruction { index, layer: b.layer.clone(), what });
        }
    }
    Ok(())
}

/// Something that widths, depths or counters are made for.
type Number = fn(&Program) -> usize;

const NUMBERS: [(&str, Number); 22] = [
    ("bits of a word", |p| p.word_bits as usize),
    ("bits of an input word", |p| p.input_bits as usize),
    ("bits of an output word", |p| p.output_bits as usize),
    ("bits of a weight", |p| p.weight_bits as usize),
    ("bits of an accumulator", |p| p.accumulator_bits as usize),
    ("words of an input frame", |p| p.input_words),
    ("distance of the input buffers", |p| p.input_span),
    ("words of the lanes' memory", |p| p.memory_words),
    ("words of an output frame", |p| p.output.frame_words()),
    ("words of the output buffer", |p| p.output.words),
    ("head start of the output", |p| p.output.head_start),
    ("instructions", |p| p.instructions.len()),
    ("instructions for two frames", |p| p.paired.len()),
    ("instructions", |p| p.all_instructions().count()),
    ("quality levels", Program::levels),
    ("members", |p| p.members.as_ref().map_or(0, Members::count)),
    ("weights of a member", |p| p.members.as_ref().map_or(0, |members| members.weight_words)),
    ("lanes that are used", Program::used_lanes),
    ("slots", |p| p.slots),
    ("lanes", |p| p.weights.len()),
    ("weights of a lane", |p| p.weights.first().map_or(0, Vec::len)),
    ("biases", |p| p.bias.first().map_or(0, Vec::len)),
];

type Same = fn(&Instruction, &Instruction) -> bool;

/// The fields of an instruction, those that say most first.
const FIELDS: [(&str, Same); 11] = [
    ("the shift", |a, b| a.drain.shift == b.drain.shift),
    ("the width of the results", |a, b| a.drain.bits == b.drain.bits),
    ("the activation", |a, b| a.drain.function == b.drain.function),
    ("the number of iterations", |a, b| (a.issue.counts, a.drain.counts) == (b.issue.counts, b.drain.counts)),
    ("the operand's address", |a, b| a.issue.operand == b.issue.operand),
    ("the weights' address", |a, b| a.issue.weight == b.issue.weight),
    ("the biases' address", |a, b| a.drain.bias == b.drain.bias),
    ("the results' address", |a, b| a.drain.result == b.drain.result),
    ("the frame that it works on", |a, b| a.second == b.second),
    ("the reading half", |a, b| a.issue == b.issue),
    ("the writing half", |a, b| a.drain == b.drain),
];
