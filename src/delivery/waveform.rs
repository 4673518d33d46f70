//! The handshake of both streams, drawn for the frames of one unit: an input frame with a pause, an output frame with
//! back-pressure.
//!
//! The drawing shows the rules of the bus, not a recording: the beats are played by the same handshake that the streams
//! follow, and the clocks between input and output are left out.

use super::{Delivery, svg::Svg};

/// Width of a clock.
const CLOCK: i32 = 46;

/// Height of a signal's row, and of its high level over its low level.
const ROW: i32 = 34;
const SWING: i32 = 18;

/// Where the first clock begins.
const LEFT: i32 = 128;
const TOP: i32 = 44;

/// A stream in one clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Beat {
    /// The number of the word on the bus, if it is valid.
    word: Option<usize>,
    ready: bool,
}

impl Beat {
    const IDLE: Self = Self { word: None, ready: true };

    /// Whether the word is taken at the end of the clock.
    fn is_accepted(self) -> bool {
        self.word.is_some() && self.ready
    }
}

/// One column of the drawing: a clock, or any number of clocks that are left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    Clock { input: Beat, output: Beat },
    Gap,
}

/// Plays words: the source offers the next one when it `wants` to, and a word that was offered stays until it is accepted.
fn play(words: &[usize], wants: &[bool], ready: &[bool]) -> Vec<Beat> {
    let mut next = 0;
    let mut offered = false;
    let mut beats = vec![];
    for clock in 0.. {
        let at = |pattern: &[bool]| pattern.get(clock).copied().unwrap_or(true);
        if next == words.len() {
            break;
        }
        offered |= at(wants);
        let beat = Beat { word: offered.then(|| words[next]), ready: at(ready) };
        if beat.is_accepted() {
            (next, offered) = (next + 1, false);
        }
        beats.push(beat);
    }
    beats
}

/// The clocks of a frame of `beats` beats with the given pauses; the middle of a long frame is left out.
fn frame(beats: usize, wants: &[bool], ready: &[bool]) -> Vec<Option<Beat>> {
    let shown: Vec<usize> = if beats <= 4 { (0..beats).collect() } else { vec![0, 1, 2] };
    let mut clocks: Vec<Option<Beat>> = play(&shown, wants, ready).into_iter().map(Some).collect();
    if beats > 4 {
        clocks.push(None);
        clocks.push(Some(Beat { word: Some(beats - 1), ready: true }));
    }
    clocks
}

/// Draws `waveform.svg`.
pub(super) fn waveform(delivery: &Delivery) -> String {
    let program = delivery.program;
    let width = program.config.words_per_beat();
    let (inputs, outputs) = (program.input_words, program.output.frame_words());
    // The source pauses after two words; the third has to wait a clock. The sink is late for the second word.
    let input = frame(inputs.div_ceil(width), &[true, true, false], &[true, true, true, false]);
    let output = frame(outputs.div_ceil(width), &[], &[true, false]);
    let idle = Column::Clock { input: Beat::IDLE, output: Beat::IDLE };
    let mut columns = vec![idle];
    columns.extend(input.iter().map(|beat| match beat {
        Some(beat) => Column::Clock { input: *beat, output: Beat::IDLE },
        None => Column::Gap,
    }));
    columns.extend([idle, Column::Gap, idle]);
    columns.extend(output.iter().map(|beat| match beat {
        Some(beat) => Column::Clock { input: Beat::IDLE, output: *beat },
        None => Column::Gap,
    }));
    columns.push(idle);

    let drawing = Drawing { columns, words_per_beat: width };
    let mut svg = Svg::default();
    let mut y = TOP;
    drawing.grid(&mut svg, 9);
    drawing.clock(&mut svg, y);
    for (prefix, letter, words, of) in
        [("s_axis", 'x', inputs, Stream::Input), ("m_axis", 'y', outputs, Stream::Output)]
    {
        y += ROW;
        drawing.bit(&mut svg, y, &format!("{prefix}_tvalid"), |c| of.of(c).map(|beat| beat.word.is_some()));
        y += ROW;
        drawing.bit(&mut svg, y, &format!("{prefix}_tready"), |c| of.of(c).map(|beat| beat.ready));
        y += ROW;
        drawing.words(&mut svg, y, &format!("{prefix}_tdata"), letter, words, of);
        y += ROW;
        let last = words.div_ceil(width) - 1;
        drawing
            .bit(&mut svg, y, &format!("{prefix}_tlast"), |c| of.of(c).map(|beat| beat.word == Some(last)));
    }
    let right = drawing.x(drawing.columns.len());
    svg.text(16, 24, "start", "title", format_args!("{}: a frame in, a frame out", delivery.design.top));
    let cycles = delivery.cycles;
    let notes = [
        "The rules of the handshake, not a recording: a word is taken at the rising edge that ends a clock with tvalid and".to_owned(),
        "tready (dots); until then it stays. The input pauses after two words, the output waits for its receiver.".to_owned(),
        format!(
            "If neither side pauses: {} clocks from the first word in to the last word out, and a frame every {} clocks.",
            cycles.latency, cycles.period
        ),
    ];
    for note in notes {
        y += if y > TOP + 8 * ROW { 16 } else { ROW + 10 };
        svg.text(16, y, "start", "soft", note);
    }
    let title = format!("Handshake of the streams of {}", delivery.design.top);
    svg.finish((right + 16).max(700), y + 16, &title)
}

#[derive(Clone, Copy)]
enum Stream {
    Input,
    Output,
}

impl Stream {
    fn of(self, column: &Column) -> Option<Beat> {
        match (self, column) {
            (Self::Input, Column::Clock { input, .. }) => Some(*input),
            (Self::Output, Column::Clock { output, .. }) => Some(*output),
            (_, Column::Gap) => None,
        }
    }
}

struct Drawing {
    columns: Vec<Column>,
    words_per_beat: usize,
}

impl Drawing {
    fn x(&self, column: usize) -> i32 {
        LEFT + column as i32 * CLOCK
    }

    /// Dashed lines at the rising edges, and dots in place of the clocks that are left out.
    fn grid(&self, svg: &mut Svg, rows: i32) {
        let bottom = TOP + rows * ROW - 10;
        for (index, column) in self.columns.iter().enumerate() {
            match column {
                Column::Clock { .. } => {
                    svg.path("faint", &[(self.x(index), TOP - 6), (self.x(index), bottom)])
                }
                Column::Gap => {
                    for row in 0..rows {
                        let y = TOP + row * ROW + SWING / 2 + 3;
                        svg.text(self.x(index) + CLOCK / 2, y, "middle", "soft", "· · ·");
                    }
                }
            }
        }
        svg.path("faint", &[(self.x(self.columns.len()), TOP - 6), (self.x(self.columns.len()), bottom)]);
    }

    fn label(&self, svg: &mut Svg, y: i32, name: &str) {
        svg.text(LEFT - 10, y + SWING - 4, "end", "name", name);
    }

    fn clock(&self, svg: &mut Svg, y: i32) {
        self.label(svg, y, "aclk");
        for run in self.runs() {
            let mut points = vec![(self.x(run.start), y + SWING)];
            for index in run.clone() {
                let (x, middle) = (self.x(index), self.x(index) + CLOCK / 2);
                points.extend([(x, y), (middle, y), (middle, y + SWING), (x + CLOCK, y + SWING)]);
            }
            svg.path("line", &points);
        }
    }

    fn bit(&self, svg: &mut Svg, y: i32, name: &str, value: impl Fn(&Column) -> Option<bool>) {
        self.label(svg, y, name);
        for run in self.runs() {
            let mut points = vec![];
            for index in run {
                let level = if value(&self.columns[index]) == Some(true) { y } else { y + SWING };
                let slope = if points.is_empty() { 0 } else { 4 };
                points.extend([(self.x(index) + slope, level), (self.x(index) + CLOCK, level)]);
            }
            svg.path("line", &points);
        }
    }

    fn words(&self, svg: &mut Svg, y: i32, name: &str, letter: char, words: usize, of: Stream) {
        self.label(svg, y, name);
        let mut index = 0;
        while index < self.columns.len() {
            let Some(beat) = of.of(&self.columns[index]) else {
                index += 1;
                continue;
            };
            let (x, middle) = (self.x(index), y + SWING / 2);
            let Some(word) = beat.word else {
                svg.path("line", &[(x, middle), (x + CLOCK, middle)]);
                index += 1;
                continue;
            };
            // A word that waits is one shape.
            let same = |column: &&Column| of.of(column).is_some_and(|b| b.word == beat.word);
            let length = self.columns[index..].iter().take_while(same).count();
            let end = self.x(index + length);
            svg.shape(
                "word",
                &[
                    (x, middle),
                    (x + 5, y),
                    (end - 5, y),
                    (end, middle),
                    (end - 5, y + SWING),
                    (x + 5, y + SWING),
                ],
            );
            svg.text((x + end) / 2, y + SWING - 5, "middle", "soft", self.word(letter, word, words));
            svg.dot(end, middle);
            index += length;
        }
    }

    /// The name of a beat: its word, or its first and last word.
    fn word(&self, letter: char, beat: usize, words: usize) -> String {
        let first = beat * self.words_per_beat;
        match (first + self.words_per_beat).min(words) - first {
            1 => format!("{letter}{first}"),
            several => format!("{letter}{first}…{}", first + several - 1),
        }
    }

    /// Columns between gaps.
    fn runs(&self) -> Vec<std::ops::Range<usize>> {
        let gaps = (0..self.columns.len()).filter(|&i| self.columns[i] == Column::Gap);
        let bounds: Vec<usize> = gaps.chain([self.columns.len()]).collect();
        let starts = [0].into_iter().chain(bounds.iter().map(|gap| gap + 1));
        starts.zip(bounds.clone()).map(|(start, end)| start..end).filter(|run| !run.is_empty()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offered_word_stays_until_it_is_accepted() {
        let beats = play(&[7, 8, 9], &[true, false, true], &[true, true, false, false]);
        let words: Vec<Option<usize>> = beats.iter().map(|beat| beat.word).collect();
        assert_eq!(words, [Some(7), None, Some(8), Some(8), Some(8), Some(9)]);
        let accepted: Vec<usize> = beats.iter().filter(|b| b.is_accepted()).filter_map(|b| b.word).collect();
        assert_eq!(accepted, [7, 8, 9]);
    }

    #[test]
    fn every_frame_begins_and_ends_with_its_own_words() {
        for beats in [1, 2, 4, 5, 512] {
            let shown = frame(beats, &[true, true, false], &[true, false]);
            let words: Vec<usize> = shown.iter().flatten().filter_map(|beat| beat.word).collect();
            assert_eq!((words.first(), words.last()), (Some(&0), Some(&(beats - 1))));
        }
    }
}
