//! A stimulus as data: what is done to a unit, in order, so that it can be drawn at random, shrunk, kept and played again.

use std::fmt;
use std::num::NonZeroU32;
use std::path::Path;

use emeuro_golden::text::{self, TextError, in_plain_words};
use serde::{Deserialize, Serialize};

use crate::axi_lite::Transaction;
use crate::error::{Error, Result};
use crate::sim::PowerUp;
use crate::traffic::{Pattern, Traffic};

/// Everything that is done to one unit after power-up.
///
/// ```
/// use emeuro_testbench::{Event, Run, Scenario, Traffic};
///
/// // A frame, of which a reset interrupts the answer, and the same frame again.
/// let frame = || vec![Event::Frame(vec![1, -2, 3])];
/// let first = Run { interrupted_after: Some(40), ..Run::new(1, Traffic::full(), frame()) };
/// let scenario = Scenario { power_up: 7, runs: vec![first, Run::new(2, Traffic::random(0.3, 0.3), frame())] };
/// assert_eq!(Scenario::parse(&scenario.to_json(), "scenario.json")?, scenario);
/// # Ok::<(), emeuro_testbench::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// The seed of what state without a reset holds at power-up.
    pub power_up: u64,
    /// What follows, one after the other.
    pub runs: Vec<Run>,
}

/// What happens from one reset to the next.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// The reset with which the run begins.
    pub reset: Reset,
    /// The sender knows nothing of the reset: it goes on with the frame in which the run before was interrupted. The unit
    /// takes the rest for a frame of its own.
    #[serde(default)]
    pub resumes: bool,
    /// The seed of gaps, pauses and noise.
    pub seed: u64,
    /// When the ends of the streams are willing.
    pub traffic: Traffic,
    /// When the channels of the control port are willing.
    pub control: Pattern,
    /// What the sender and the master do, in this order.
    pub events: Vec<Event>,
    /// The clocks after which the next run's reset interrupts this one; none: it ends when everything is answered.
    pub interrupted_after: Option<u64>,
}

/// How a run begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Reset {
    /// `aresetn` is low for so many clocks.
    Port {
        /// The clocks.
        clocks: NonZeroU32,
    },
    /// Software writes 1 to `reset` in CONTROL. Not for the first run: a unit needs its port at power-up.
    Register,
}

/// One thing that the sender or the master does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Event {
    /// Sends a frame of these words; its last beat carries `tlast`. A frame of the right number of beats must be
    /// answered, any other must be dropped whole and set its flag. Of the last beat, unused bits are ones.
    Frame(Vec<i16>),
    /// Sends nothing for so many clocks in which it could.
    Pause(u32),
    /// Reads or writes a register, after the accesses before, while the streams go on.
    Access(Transaction),
    /// Waits until every frame has been answered, and sets the quality level of the frames that follow: 0 is the lowest.
    Level(usize),
}

impl Run {
    /// A run after one clock of reset, to its end, with a master that never waits.
    pub fn new(seed: u64, traffic: Traffic, events: Vec<Event>) -> Self {
        Run {
            reset: Reset::port(1),
            resumes: false,
            seed,
            traffic,
            control: Pattern::Always,
            events,
            interrupted_after: None,
        }
    }
}

impl Reset {
    /// `aresetn` low for so many clocks, but at least one.
    pub fn port(clocks: u32) -> Self {
        Reset::Port { clocks: NonZeroU32::new(clocks).unwrap_or(NonZeroU32::MIN) }
    }
}

impl Scenario {
    /// Frames of the right length, one run from one reset of a few clocks to the last answer.
    pub fn of_frames(seed: u64, traffic: Traffic, frames: &[Vec<i16>]) -> Self {
        let events = frames.iter().cloned().map(Event::Frame).collect();
        let run = Run { reset: Reset::port(8), ..Run::new(seed, traffic, events) };
        Scenario { power_up: seed, runs: vec![run] }
    }

    /// The same scenario with all runs at a quality level.
    pub fn at_level(mut self, level: usize) -> Self {
        self.runs.iter_mut().for_each(|run| run.events.insert(0, Event::Level(level)));
        self
    }

    /// The state at power-up.
    pub fn power_up(&self) -> PowerUp {
        PowerUp::Random(self.power_up)
    }

    /// Events of all runs.
    pub fn events(&self) -> usize {
        self.runs.iter().map(|run| run.events.len()).sum()
    }

    /// As it is kept in files.
    pub fn to_json(&self) -> String {
        // The types have neither maps with other keys than strings nor fallible serialisers.
        serde_json::to_string(self).unwrap_or_default() + "\n"
    }

    /// Reads what [`to_json`](Scenario::to_json) made; `name` is for the message.
    ///
    /// # Errors
    /// [`Error::Stimulus`] with the name, line and column, and what was expected.
    pub fn parse(text: &str, name: &str) -> Result<Self> {
        serde_json::from_str(text.strip_prefix('\u{feff}').unwrap_or(text))
            .map_err(|error| Error::Stimulus(format!("{name}: {}", in_plain_words(&error))))
    }

    /// Reads a file that holds a scenario.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Stimulus`].
    pub fn load(path: &Path) -> Result<Self> {
        let text = text::read(path, "a scenario").map_err(|error| match error {
            TextError::Io(error) => Error::io(path)(error),
            TextError::Content(problem) => Error::Stimulus(format!("{}: {problem}", path.display())),
        })?;
        Scenario::parse(&text, &path.display().to_string())
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "power-up {}", self.power_up)?;
        for (index, run) in self.runs.iter().enumerate() {
            write!(f, "\nrun {index}: {run}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let s = |count: u64| if count == 1 { "" } else { "s" };
        match self.reset {
            Reset::Port { clocks } => write!(f, "reset of {clocks} clock{}", s(clocks.get().into()))?,
            Reset::Register => write!(f, "reset by software")?,
        }
        if self.resumes {
            write!(f, ", the rest of the frame")?;
        }
        let Traffic { input, output, ready_after_valid } = &self.traffic;
        let late = if *ready_after_valid { ", ready after valid" } else { "" };
        write!(f, "; input {input}, output {output}{late}, control {}, seed {}", self.control, self.seed)?;
        for event in &self.events {
            write!(f, "\n  {event}")?;
        }
        match self.interrupted_after {
            Some(clocks) => write!(f, "\n  interrupted after {clocks} clock{}", s(clocks)),
            None => Ok(()),
        }
    }
}

/// Words of a frame that a message shows at either end.
const SHOWN: usize = 4;

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Event::Frame(words) => {
                let list = |words: &[i16]| words.iter().map(i16::to_string).collect::<Vec<_>>().join(" ");
                write!(f, "frame of {}: ", words.len())?;
                match words.len() {
                    0 => write!(f, "nothing"),
                    _ if words.iter().all(|&word| word == words[0]) => write!(f, "all {}", words[0]),
                    count if count > SHOWN && words.iter().filter(|&&word| word != 0).count() <= SHOWN => {
                        let other = words.iter().enumerate().filter(|&(_, &word)| word != 0);
                        let other: Vec<String> =
                            other.map(|(index, word)| format!("word {index} is {word}")).collect();
                        write!(f, "all 0, but {}", other.join(", "))
                    }
                    count if count <= 3 * SHOWN => f.write_str(&list(words)),
                    count => write!(f, "{} … {}", list(&words[..SHOWN]), list(&words[count - SHOWN..])),
                }
            }
            Event::Pause(clocks) => write!(f, "pause of {clocks}"),
            Event::Level(level) => write!(f, "quality level {level}"),
            Event::Access(Transaction::Read { offset }) => write!(f, "read {offset:#04x}"),
            Event::Access(Transaction::Write { offset, data, strobe }) => {
                write!(f, "write {offset:#04x}: {data:#x}, strobe {strobe:#06b}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scenario() -> Scenario {
        let events = vec![
            Event::Frame(vec![1, 2, 3]),
            Event::Frame(vec![0; 5]),
            Event::Frame((0..40).collect()),
            Event::Frame((0..40).map(|word| if word % 20 == 3 { -word } else { 0 }).collect()),
            Event::Pause(9),
            Event::Access(Transaction::read(0x0c)),
            Event::Access(Transaction::write(0x0c, 1 << 16)),
        ];
        let first = Run { interrupted_after: Some(17), ..Run::new(3, Traffic::random(0.25, 0.5), events) };
        let traffic = Traffic { ready_after_valid: true, ..Traffic::bursts() };
        let second = Run {
            reset: Reset::Register,
            resumes: true,
            control: Pattern::Random { idle: 0.5 },
            ..Run::new(4, traffic, vec![])
        };
        Scenario { power_up: 2, runs: vec![first, second] }
    }

    #[test]
    fn a_scenario_survives_its_file() {
        let scenario = scenario();
        assert_eq!(Scenario::parse(&scenario.to_json(), "x").unwrap(), scenario);
        assert_eq!(scenario.events(), 7);
    }

    #[test]
    fn bad_files_are_errors_that_name_the_place() {
        let good = scenario().to_json();
        for (from, to, expected) in [
            ("\"runs\"", "\"ruins\"", "x.json: unknown field `ruins`, expected `power_up` or `runs`"),
            ("\"clocks\":1", "\"clocks\":0", "expected a whole number from 1 to 4294967295, found 0"),
            ("\"pause\":9", "\"pause\":-9", "expected a whole number from 0 to 4294967295, found -9"),
            ("\"frame\":[1,2,3]", "\"frame\":[1,2,32768]", "32768"),
            ("\"frame\":[1,2,3]", "\"quality\":1", "unknown variant `quality`"),
        ] {
            assert!(good.contains(from), "{from}");
            let error = Scenario::parse(&good.replacen(from, to, 1), "x.json").unwrap_err().to_string();
            assert!(error.contains(expected) && error.contains("line 1 column"), "{error}");
        }
        assert!(matches!(Scenario::load(Path::new("/nonexistent/x.json")), Err(Error::Io { .. })));
    }

    #[test]
    fn a_scenario_is_printed_for_people() {
        let expected = "power-up 2
run 0: reset of 1 clock; input idle 25 %, output idle 50 %, control always, seed 3
  frame of 3: 1 2 3
  frame of 5: all 0
  frame of 40: 0 1 2 3 … 36 37 38 39
  frame of 40: all 0, but word 3 is -3, word 23 is -23
  pause of 9
  read 0x0c
  write 0x0c: 0x10000, strobe 0b1111
  interrupted after 17 clocks
run 1: reset by software, the rest of the frame; input bursts of 1 to 24 and pauses of 1 to 24, output bursts of 1 to 24 and pauses of 1 to 24, ready after valid, control idle 50 %, seed 4";
        assert_eq!(scenario().to_string(), expected);
    }
}
