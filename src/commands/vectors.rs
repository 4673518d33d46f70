//! `emeuro vectors`: input and expected output frames as files, for benches that are not ours.

use std::path::PathBuf;

use clap::Args;
use emeuro::{
    compiler::Control,
    golden::{Port, Sampler, VectorId},
    hdl::{
        register_map::{UnitNumbers, registers_of},
        top_name,
    },
};
use serde_json::{Value, json};

use crate::{
    commands::{cosim::own_frames, unit_args::unit_config},
    emulator_source::EmulatorSource,
    failure::{Failure, Outcome, input},
    owned_folder::{Contents, OwnedFolder},
    unit_source::CompiledUnit,
};

/// The version of the file format.
const VERSION: u32 = 1;
const DESCRIPTION: &str = "vectors.json";
const INPUT: &str = "input.hex";
const EXPECTED: &str = "expected.hex";

/// Writes input frames and the frames with which a unit must answer them, for benches in other languages.
///
/// The frames are the application's held-out frames, or random ones with extreme words for an emulator file. Each line of
/// input.hex and expected.hex is a frame: words in hexadecimal two's complement, which $readmemh reads too. vectors.json
/// says what the words are and how they lie in beats.
#[derive(Args)]
#[command(after_help = "Examples:\n  emeuro vectors newton --frames 20 --out build/vectors\n  \
    emeuro vectors my-emulator.yaml --unit rtl/unit.yaml")]
pub(crate) struct Vectors {
    /// A checked-in emulator by name (see `emeuro build --help`), or the path of an emulator file.
    emulator: String,
    /// Unit file (YAML) of the unit that will play them: decides words per beat and registers.
    #[arg(long, value_name = "FILE")]
    unit: Option<PathBuf>,
    /// Frames.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    frames: u32,
    /// Seed of the frames.
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// Folder to write; by default the emulator's name and `_vectors`.
    #[arg(long)]
    out: Option<PathBuf>,
    /// Replaces files that this program wrote to the folder even if they were changed since; all others stay.
    #[arg(long)]
    force: bool,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
}

impl Vectors {
    /// Writes the folder.
    pub(crate) fn run(self) -> Result<Outcome, Failure> {
        let source = EmulatorSource::find(&self.emulator)?;
        let emulator = &source.emulator;
        let config = unit_config(self.unit.as_deref())?;
        let program = CompiledUnit::new(emulator, &config)?.program;
        let count = self.frames as usize;
        let inputs: Vec<Vec<i16>> = match &source.application {
            Some(app) => own_frames(&**app, emulator, count, self.seed)?,
            None => {
                let mut sampler = Sampler::new(self.seed);
                let format = emulator.format(VectorId::INPUT);
                (0..count).map(|_| sampler.frame(emulator.input().size(), format)).collect()
            }
        };
        let expected: Vec<Vec<i16>> =
            inputs.iter().map(|frame| emulator.run(frame)).collect::<Result<_, _>>().map_err(input)?;

        let numbers = UnitNumbers::of(&program);
        let registers: Vec<Value> = match config.control() {
            Control::None => vec![],
            Control::AxiLite => registers_of(&numbers)
                .map(|register| {
                    let reset = register.reset(&numbers);
                    json!({ "name": register.name, "offset": register.offset, "reset": reset })
                })
                .collect(),
        };
        let (input_port, output_port) = (emulator.input(), &emulator.output().port);
        let per_beat = config.words_per_beat();
        let manifest = json!({
            "emeuro_vectors": VERSION,
            "emulator": emulator.name(),
            "top": top_name(&program),
            "frames": count,
            "seed": self.seed,
            "level": emulator.levels() - 1,
            "input": port(input_port, INPUT, per_beat),
            "output": port(output_port, EXPECTED, per_beat),
            "registers": registers,
        });
        let folder = self.out.unwrap_or_else(|| format!("{}_vectors", emulator.name()).into());
        OwnedFolder::open(&folder, Contents::Vectors, self.force)?.replace(&[
            (INPUT, hex(&inputs, input_port.bits)),
            (EXPECTED, hex(&expected, output_port.bits)),
            (DESCRIPTION, format!("{manifest:#}\n")),
        ])?;
        Ok(Outcome::success(match self.json {
            true => format!("{manifest}\n"),
            false => format!(
                "{}: {count} frames of {} words in, {} words out\n",
                folder.display(),
                input_port.size(),
                output_port.size()
            ),
        }))
    }
}

/// What a reader of a port's file has to know.
fn port(port: &Port, file: &str, words_per_beat: usize) -> Value {
    json!({
        "file": file,
        "words": port.size(),
        "word_bits": port.bits,
        "words_per_beat": words_per_beat,
        // The first word is in the low bits of a beat, and the low byte of a word comes first.
        "byte_order": "little",
    })
}

/// A frame per line, words of so many bits with a space between.
fn hex(frames: &[Vec<i16>], bits: u32) -> String {
    let mask = ((1u32 << bits) - 1) as u16;
    let word = |&word: &i16| format!("{:0digits$x}", word as u16 & mask, digits = bits as usize / 4);
    let line = |frame: &Vec<i16>| frame.iter().map(word).collect::<Vec<_>>().join(" ") + "\n";
    frames.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_twos_complement_of_their_width() {
        assert_eq!(hex(&[vec![-1, 127], vec![0, -128]], 8), "ff 7f\n00 80\n");
        assert_eq!(hex(&[vec![-2, 258]], 16), "fffe 0102\n");
    }
}
