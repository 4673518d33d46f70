//! Refuses a network that needs more than the unit may have, and says what would be enough.

use std::fmt;

use emeuro_golden::Emulator;

use crate::{Issue, Limits, MAX_LANES, Program, task::Tasks};

/// A width with a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Width {
    /// Of the weights.
    Weight,
    /// Of the words between layers, of input and output.
    Word,
    /// Of the accumulators.
    Accumulator,
}

impl Width {
    /// The field of [`Limits`].
    fn field(self) -> &'static str {
        match self {
            Self::Weight => "weight_bits",
            Self::Word => "word_bits",
            Self::Accumulator => "accumulator_bits",
        }
    }

    fn things(self) -> &'static str {
        match self {
            Self::Weight => "weights",
            Self::Word => "words",
            Self::Accumulator => "accumulators",
        }
    }
}

/// What a network needs beyond a limit, with the smallest change that would be enough.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Excess {
    /// Something is too wide. No other place needs more.
    #[error(
        "{place}: needs {needed}-bit {}, the unit allows {allowed}: set {}: {needed}",
        width.things(),
        width.field()
    )]
    Width {
        /// The layer, or the input.
        place: String,
        /// What is too wide.
        width: Width,
        /// Bits that it needs.
        needed: u32,
        /// Bits that it may have.
        allowed: u32,
    },
    /// The weights of a lane do not fit.
    #[error(
        "layer {layer:?}: the weights no longer fit: the network needs {needed} words per lane, the unit allows {allowed}: {}",
        Remedy { lanes: *lanes, words: *needed }
    )]
    WeightWords {
        /// The first layer whose weights go beyond the limit.
        layer: String,
        /// Words of every lane that the whole network needs.
        needed: usize,
        /// Words that there may be.
        allowed: usize,
        /// The next number of lanes with which it would fit, if there is one.
        lanes: Option<usize>,
    },
}

/// What to do about weights that do not fit.
struct Remedy {
    lanes: Option<usize>,
    words: usize,
}

impl fmt::Display for Remedy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.lanes {
            Some(lanes) => write!(f, "set lanes: {lanes}, or weight_words: {}", self.words),
            None => write!(f, "set weight_words: {}; {MAX_LANES} lanes are not enough", self.words),
        }
    }
}

/// Refuses vectors, weights and sums that are too wide, and names the widest.
pub(crate) fn widths<'a>(
    emulator: &Emulator,
    levels: impl Iterator<Item = &'a Tasks> + Clone,
    limits: Limits,
) -> Result<(), Excess> {
    let layer = |name: &str| format!("layer {name:?}");
    let words = emulator.nodes().iter().map(|node| (layer(&node.name), node.format.bits()));
    let words = std::iter::once(("input".to_owned(), emulator.input().bits)).chain(words).collect();
    let of_tasks = |bits: &dyn Fn(&crate::task::Task) -> u32| {
        let tasks = levels.clone().flat_map(|level| &level.tasks);
        tasks.map(|task| (layer(&task.name), bits(task))).collect::<Vec<_>>()
    };
    check(Width::Word, words, limits.word_bits)?;
    check(Width::Weight, of_tasks(&|task| task.weight_bits()), limits.weight_bits)?;
    let word_bits = levels.clone().map(Tasks::word_bits).max().unwrap_or(0);
    let sums = of_tasks(&|task| task.sum_bits(word_bits));
    check(Width::Accumulator, sums, limits.accumulator_bits)
}

/// Refuses the first of the widest places if it is beyond the limit.
fn check(width: Width, places: Vec<(String, u32)>, allowed: Option<u32>) -> Result<(), Excess> {
    let widest = places.iter().map(|(_, bits)| *bits).max().unwrap_or(0);
    match (allowed, places.into_iter().find(|(_, bits)| *bits == widest)) {
        (Some(allowed), Some((place, needed))) if needed > allowed => {
            Err(Excess::Width { place, width, needed, allowed })
        }
        _ => Ok(()),
    }
}

/// Refuses a program whose lanes need too many weights. `words_with` compiles for another number of lanes and returns the
/// words that each would need.
pub(crate) fn weight_words(
    program: &Program,
    words_with: impl Fn(usize) -> Option<usize>,
) -> Result<(), Excess> {
    let needed = program.weights[0].len();
    let Some(allowed) = program.config.limits().weight_words.filter(|&allowed| needed > allowed) else {
        return Ok(());
    };
    // The memory ends with the words of some instruction, so there is one beyond the limit.
    let of_others = program.members.as_ref().map_or(0, |m| (m.count() - 1) * m.weight_words);
    let end = |issue: &Issue| issue.weight_words().end + if issue.of_member { of_others } else { 0 };
    let beyond = program.all_instructions().find(|i| end(&i.issue) > allowed);
    let layer = beyond.map_or_else(String::new, |i| i.layer.clone());
    let more = program.lanes() + 1..=MAX_LANES;
    let lanes = more.into_iter().find(|&lanes| words_with(lanes).is_some_and(|words| words <= allowed));
    Err(Excess::WeightWords { layer, needed, allowed, lanes })
}
