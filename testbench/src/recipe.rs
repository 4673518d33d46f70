//! Draws random scenarios: frames of every length, resets at any time, all kinds of traffic, accesses while frames run.

use std::ops::RangeInclusive;

use emeuro_hdl::register_map::{ADDRESS_BITS, UnitNumbers, registers_of};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::axi_lite::Transaction;
use crate::axi_stream::stream_of;
use crate::register_score::RegisterScore;
use crate::scenario::{Event, Reset, Run, Scenario};
use crate::traffic::{Pattern, Traffic};
use crate::unit_bench::{FrameShape, UnitBench};

/// What random scenarios for a unit are made of. The fields can be changed before [`draw`](Recipe::draw).
#[derive(Clone, Debug, PartialEq)]
pub struct Recipe {
    /// The frames of the unit.
    pub shape: FrameShape,
    /// Runs, of which each but the last may be interrupted by the reset of the next.
    pub runs: RangeInclusive<u32>,
    /// Frames of a run, right and wrong ones.
    pub frames: RangeInclusive<u32>,
    /// The share of the frames that have a wrong length, 0 to 1.
    pub wrong_frames: f64,
    /// Quality levels, which are changed now and then if there are several.
    pub levels: usize,
    /// Registers, which are read and written while frames run.
    pub numbers: Option<UnitNumbers>,
    /// About the clocks that the unit takes for a frame: pauses and interruptions are drawn from this scale.
    pub clocks_per_frame: u32,
}

impl Recipe {
    /// Of everything that a bench can check.
    pub fn of(bench: &UnitBench<'_>) -> Self {
        let shape = bench.shape();
        let words = shape.input_words + shape.output_words;
        Recipe {
            shape,
            runs: 1..=4,
            frames: 1..=8,
            wrong_frames: 0.3,
            levels: bench.levels(),
            numbers: bench.numbers(),
            clocks_per_frame: u32::try_from(words / shape.words_per_beat + 64).unwrap_or(u32::MAX),
        }
    }

    /// The scenario of a seed; equal seeds give equal scenarios.
    pub fn draw(&self, seed: u64) -> Scenario {
        let mut draw = Draw { recipe: self, random: stream_of(seed, 4) };
        let count = draw.within(&self.runs).max(1);
        let mut runs: Vec<Run> = vec![];
        for index in 0..count {
            let run = draw.run(runs.last(), index + 1 == count);
            runs.push(run);
        }
        Scenario { power_up: seed, runs }
    }
}

/// One scenario on its way.
struct Draw<'a> {
    recipe: &'a Recipe,
    random: ChaCha8Rng,
}

impl Draw<'_> {
    fn once_in(&mut self, count: u32) -> bool {
        self.random.random_range(0..count) == 0
    }

    /// A number of the range, or its start if it is empty.
    fn within(&mut self, range: &RangeInclusive<u32>) -> u32 {
        if range.is_empty() { *range.start() } else { self.random.random_range(range.clone()) }
    }

    fn run(&mut self, before: Option<&Run>, is_last: bool) -> Run {
        let reset = match (before, self.recipe.numbers) {
            (Some(_), Some(_)) if self.once_in(2) => Reset::Register,
            _ => Reset::port(self.random.random_range(1..=6)),
        };
        let frames = self.within(&self.recipe.frames);
        let mut events = vec![];
        for _ in 0..frames {
            self.between_frames(&mut events);
            events.push(Event::Frame(self.frame()));
        }
        self.between_frames(&mut events);
        let scale = u64::from(self.recipe.clocks_per_frame.max(1));
        let interrupted_after = (!is_last && !self.once_in(4)).then(|| match self.once_in(3) {
            true => self.random.random_range(1..=scale),
            false => self.random.random_range(1..=scale.saturating_mul(u64::from(frames) + 1)),
        });
        Run {
            reset,
            resumes: before.is_some_and(|run| run.interrupted_after.is_some()) && self.once_in(3),
            seed: self.random.random(),
            traffic: Traffic {
                input: self.pattern(),
                output: self.pattern(),
                ready_after_valid: self.once_in(4),
            },
            control: self.pattern(),
            events,
            interrupted_after,
        }
    }

    fn between_frames(&mut self, events: &mut Vec<Event>) {
        if self.recipe.levels > 1 && self.once_in(3) {
            events.push(Event::Level(self.random.random_range(0..self.recipe.levels)));
        }
        if self.once_in(4) {
            let scale = self.recipe.clocks_per_frame.max(1);
            let longest = if self.once_in(2) { scale } else { 8 };
            events.push(Event::Pause(self.random.random_range(1..=longest)));
        }
        if let Some(numbers) = self.recipe.numbers
            && self.once_in(2)
        {
            for _ in 0..self.random.random_range(1..=3) {
                let access = self.access(numbers);
                events.push(Event::Access(access));
                // What was written is mostly read, or nobody would miss it.
                if let Transaction::Write { offset, .. } = access
                    && !self.once_in(4)
                {
                    events.push(Event::Access(Transaction::read(offset)));
                }
            }
        }
    }

    fn pattern(&mut self) -> Pattern {
        match self.random.random_range(0..3) {
            0 => Pattern::Always,
            1 => Pattern::Random { idle: [0.1, 0.3, 0.5, 0.8, 0.9][self.random.random_range(0..5)] },
            _ => {
                let mut range = || {
                    let most = [1, 3, 9, 30][self.random.random_range(0..4)];
                    let least = self.random.random_range(1..=most);
                    least..=most
                };
                Pattern::Bursts { active: range(), idle: range() }
            }
        }
    }

    /// Words of one kind: zeros, extremes, few that are not zero, or anything.
    fn frame(&mut self) -> Vec<i16> {
        let words = self.length();
        let random = &mut self.random;
        let max = i16::MAX >> (16 - self.recipe.shape.input_bits.clamp(1, 16));
        let min = -max - 1;
        match random.random_range(0..8) {
            0 => vec![0; words],
            1 => (0..words).map(|_| if random.random() { min } else { max }).collect(),
            2 => (0..words)
                .map(|_| if random.random_range(0..8) == 0 { random.random_range(min..=max) } else { 0 })
                .collect(),
            _ => (0..words).map(|_| random.random_range(min..=max)).collect(),
        }
    }

    /// Mostly the right length; otherwise a number of beats that is wrong, the last of them possibly not full.
    fn length(&mut self) -> usize {
        let FrameShape { input_words, words_per_beat, .. } = self.recipe.shape;
        let right = self.recipe.shape.input_beats();
        if self.random.random::<f64>() >= self.recipe.wrong_frames {
            return input_words;
        }
        let beats = match self.random.random_range(0..6) {
            0 | 1 if right > 1 => self.random.random_range(1..right),
            2 if right > 1 => right - 1,
            3 => 2 * right,
            4 => right + self.random.random_range(1..=2 * right),
            _ => right + 1,
        };
        beats * words_per_beat - self.random.random_range(0..words_per_beat)
    }

    fn access(&mut self, numbers: UnitNumbers) -> Transaction {
        let registers: Vec<u32> = registers_of(&numbers).map(|register| register.offset).collect();
        let offset = match self.once_in(8) {
            true => self.random.random_range(0..1 << ADDRESS_BITS),
            false => registers[self.random.random_range(0..registers.len())],
        };
        if self.once_in(2) {
            return Transaction::read(offset);
        }
        let strobe = if self.once_in(3) { self.random.random_range(0..16) } else { 0b1111 };
        let data = self.random.random();
        let write = |strobe| Transaction::Write { offset, data, strobe };
        let registers = RegisterScore::new(numbers);
        // Without its lowest byte, or the one above it, a write that is refused must do nothing.
        let strobes = [strobe, strobe & 0b1110, strobe & 0b1100];
        let writes = strobes.map(write).into_iter().find(|&write| registers.refuses(write).is_none());
        writes.unwrap_or(Transaction::read(offset))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recipe() -> Recipe {
        Recipe {
            shape: FrameShape {
                input_words: 5,
                input_bits: 8,
                output_words: 3,
                output_bits: 16,
                words_per_beat: 2,
            },
            runs: 1..=4,
            frames: 1..=8,
            wrong_frames: 0.3,
            levels: 1,
            numbers: None,
            clocks_per_frame: 50,
        }
    }

    #[test]
    fn a_seed_is_a_scenario() {
        let recipe = recipe();
        assert_eq!(recipe.draw(7), recipe.draw(7));
        assert_ne!(recipe.draw(7), recipe.draw(8));
    }

    #[test]
    fn scenarios_have_everything() {
        let recipe = recipe();
        let (mut lengths, mut resumed, mut interrupted, mut paused) = ([0; 64], 0, 0, 0);
        for scenario in (0..300).map(|seed| recipe.draw(seed)) {
            assert!((1..=4).contains(&scenario.runs.len()));
            assert_eq!(scenario.runs.last().unwrap().interrupted_after, None);
            for run in &scenario.runs {
                resumed += u32::from(run.resumes);
                interrupted += u32::from(run.interrupted_after.is_some());
                for event in &run.events {
                    match event {
                        Event::Frame(words) => {
                            lengths[words.len()] += 1;
                            assert!(words.iter().all(|word| (-128..128).contains(word)));
                        }
                        Event::Pause(_) => paused += 1,
                        Event::Access(_) => panic!("there are no registers"),
                        Event::Level(_) => panic!("there is one level"),
                    }
                }
            }
        }
        assert!(resumed > 20 && interrupted > 100 && paused > 100, "{resumed} {interrupted} {paused}");
        // 5 words in three beats are right, 6 never occur; one, two, four, and more beats are wrong.
        assert!(lengths[5] > 1000 && lengths[6] == 0, "{lengths:?}");
        for length in [1, 2, 3, 4, 7, 8, 11, 12, 17, 18] {
            assert!(lengths[length] > 0, "{length}: {lengths:?}");
        }
    }

    #[test]
    fn levels_change_if_there_are_several() {
        let recipe = Recipe { levels: 3, ..recipe() };
        let runs = (0..50).flat_map(|seed| recipe.draw(seed).runs);
        let levels = runs.flat_map(|run| run.events).filter_map(|event| match event {
            Event::Level(level) => Some(level),
            _ => None,
        });
        let mut seen = [0; 3];
        levels.for_each(|level| seen[level] += 1);
        assert!(seen.iter().all(|&count| count > 20), "{seen:?}");
    }

    #[test]
    fn a_recipe_without_wrong_frames_and_resets_has_none() {
        let recipe = Recipe { runs: 1..=1, wrong_frames: 0.0, ..recipe() };
        for scenario in (0..50).map(|seed| recipe.draw(seed)) {
            let [run] = &scenario.runs[..] else { panic!("one run") };
            assert!(run.events.iter().all(|event| !matches!(event, Event::Frame(words) if words.len() != 5)));
        }
    }
}
