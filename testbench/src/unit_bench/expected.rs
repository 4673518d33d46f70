//! What must come of a run, from the golden model.

use emeuro_golden::Selected;

use super::{UnitBench, player::Rest};
use crate::error::{Error, Result};
use crate::scenario::{Event, Run};
use crate::words::fits;

/// What a unit must make of a frame.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) words: Vec<i16>,
    /// The member that it is routed to, if there are any.
    pub(super) selected: Option<Selected>,
}

/// What must come of the frames of a run.
#[derive(Debug, Default)]
pub(super) struct Expected {
    pub(super) frames: Vec<Vec<i16>>,
    /// Where the last frame was routed to, and how many frames were unfamiliar.
    pub(super) routed: (Option<Selected>, u64),
    /// The frames that come before every change of the level.
    pub(super) before_levels: Vec<usize>,
}

impl Expected {
    fn push(&mut self, answer: Answer) {
        self.frames.push(answer.words);
        if let Some(selected) = answer.selected {
            self.routed = (Some(selected), self.routed.1 + u64::from(!selected.familiar));
        }
    }
}

impl UnitBench<'_> {
    /// What must come of the frames of a run that begins at a level, as the unit sees them: whole beats.
    pub(super) fn expected(&self, rest: &Rest, run: &Run, mut level: usize) -> Result<Expected> {
        let shape = &self.shape;
        let right = |frame: &[i16]| frame.len().div_ceil(shape.words_per_beat) == shape.input_beats();
        let answer = |level: usize, frame: &[i16]| {
            let padded: Vec<i16> =
                frame.iter().copied().chain(std::iter::repeat(-1)).take(shape.input_words).collect();
            let answer = (self.golden)(level, &padded)?;
            let fits = answer.words.iter().all(|&word| fits(word, shape.output_bits));
            if answer.words.len() != shape.output_words || !fits {
                let expected = format!("{} words of {} bits", shape.output_words, shape.output_bits);
                return Err(Error::Stimulus(format!("the golden model's answer is not {expected}")));
            }
            Ok(answer)
        };
        let mut expected = Expected::default();
        // After a reset by the port, the rest of any frame is a frame: the unit knows of none before.
        if !rest.words.is_empty() && right(rest.words) && !rest.is_of_long {
            expected.push(answer(level, rest.words)?);
        }
        for event in &run.events {
            match event {
                Event::Frame(words) if right(words) => expected.push(answer(level, words)?),
                Event::Level(next) => {
                    level = *next;
                    expected.before_levels.push(expected.frames.len());
                }
                Event::Frame(_) | Event::Pause(_) | Event::Access(_) => {}
            }
        }
        Ok(expected)
    }
}
