//! `profile.yaml`: the call tree of a profile, and where the inputs and outputs of its regions are.

use std::path::PathBuf;

use emeuro_golden::text::{Aliases, from_yaml};
use serde::{Deserialize, Serialize};

use crate::{Link, Part, ProfileNode};

/// What [`write_profile`](crate::write_profile) writes to `profile.yaml`, and what is read of it: what older files lack has a default.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProfileFile {
    /// The version of the format: 2, or 1 where feedback is not looked for.
    #[serde(default = "first")]
    pub version: u32,
    /// Time from the first call of a region until the profile was taken, seconds.
    pub seconds: Option<f64>,
    /// The calls as a tree; a parent comes before its children.
    pub calls: Vec<ProfileNode>,
    /// Every region whose inputs and outputs are there.
    pub regions: Vec<RegionEntry>,
}

impl ProfileFile {
    /// Its name in the folder of the profile.
    pub const NAME: &str = "profile.yaml";

    /// The version that is written; it and older ones are read.
    pub const VERSION: u32 = 2;

    /// What the files are, in messages.
    pub const KIND: &str = "the file of a profile";

    /// Reads the text of the file.
    ///
    /// # Errors
    /// The place, what was found there and what was expected.
    pub fn parse(text: &str) -> Result<Self, String> {
        from_yaml(text, Self::KIND, Aliases::Refused)
    }
}

/// What files without a version are of.
fn first() -> u32 {
    1
}

/// What the file says about a region.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RegionEntry {
    /// Path of the region.
    pub region: String,
    /// Calls that were recorded.
    #[serde(default)]
    pub calls: u64,
    /// Calls whose inputs and outputs are there.
    #[serde(default)]
    pub kept: usize,
    /// The exact code inside it; if there is any, it is not to be emulated as a whole.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exact_code: Vec<String>,
    /// The parts of an input.
    pub inputs: Vec<PartEntry>,
    /// The parts of an output.
    pub outputs: Vec<PartEntry>,
    /// NPY file with the inputs, `f64`, one call per row; relative to the folder of the profile.
    pub input_file: PathBuf,
    /// The same with the outputs.
    pub output_file: PathBuf,
    /// What comes back to it, if anything does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feedback: Option<FeedbackEntry>,
}

/// What the file says about outputs that come back as inputs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FeedbackEntry {
    /// Which numbers come back.
    pub links: Vec<Link>,
    /// How many calls every sequence has.
    pub lengths: Vec<usize>,
    /// NPY file with the inputs of all sequences, `f64`, one call per row.
    pub input_file: PathBuf,
    /// The same with the outputs.
    pub output_file: PathBuf,
}

/// A part of an input or output.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartEntry {
    /// Name of the parameter, or `result`.
    pub name: String,
    /// How many numbers.
    pub size: usize,
}

impl From<&Part> for PartEntry {
    fn from(part: &Part) -> Self {
        Self { name: part.name.to_owned(), size: part.size }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
version: 2
seconds: 2.5
calls:
- region: robot::reach
  parent: null
  calls: 3
  seconds: 2.0
  own_seconds: 1.5
regions:
- region: robot::reach
  calls: 3
  kept: 2
  exact_code:
  - src/arm.rs:17
  inputs:
  - name: x
    size: 2
  outputs:
  - name: result
    size: 1
  input_file: robot.reach.inputs.npy
  output_file: robot.reach.outputs.npy
  feedback:
    links:
    - input: 1
      output: 0
      size: 1
    lengths:
    - 2
    - 1
    input_file: robot.reach.sequences.inputs.npy
    output_file: robot.reach.sequences.outputs.npy
";

    #[test]
    fn what_is_written_is_what_was_read() {
        let file = ProfileFile::parse(TEXT).unwrap();
        assert_eq!((file.seconds, file.calls[0].own_seconds), (Some(2.5), 1.5));
        assert_eq!(file.regions[0].outputs, [PartEntry::from(&Part { name: "result", size: 1 })]);
        assert_eq!(serde_yaml::to_string(&file).unwrap(), TEXT);
    }

    #[test]
    fn files_that_say_less_are_read() {
        let (text, _) = TEXT.split_once("  feedback:").unwrap();
        let lines = [
            "version: 2\n",
            "seconds: 2.5\n",
            "  own_seconds: 1.5\n",
            "  calls: 3\n  kept: 2\n",
            "  exact_code:\n  - src/arm.rs:17\n",
        ];
        let text = lines.iter().fold(text.to_owned(), |text, line| {
            assert!(text.contains(line));
            text.replace(line, "")
        });
        let file = ProfileFile::parse(&text).unwrap();
        assert_eq!((file.version, file.seconds, file.calls[0].calls), (1, None, 3));
        assert_eq!(file.regions[0].feedback, None);
        assert!(file.regions[0].exact_code.is_empty());
    }
}
