//! Icarus Verilog, which knows X: frames through a unit after resets of one clock.

use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;

use emeuro_compiler::{Control, Machine};
use emeuro_golden::{Sampler, VectorId};
use emeuro_hdl::register_map::{CONTROL, FORCE, QUALITY, STATUS};
use emeuro_testbench::SourceFile;

use super::GeneratedUnit;

/// The bench, which runs any unit.
const BENCH: &str = include_str!("../fixtures/four_state.v");
/// Frames after every reset.
const FRAMES: usize = 4;

/// Whether Icarus Verilog runs. If not, says so, or fails where `EMEURO_REQUIRE_RTL` asks for it.
pub fn is_there_or_skip() -> bool {
    if Command::new("iverilog").arg("-V").output().is_ok_and(|output| output.status.success()) {
        return true;
    }
    let required = env::var("EMEURO_REQUIRE_RTL").is_ok_and(|value| !matches!(value.as_str(), "" | "0"));
    assert!(!required, "Icarus Verilog not found, and EMEURO_REQUIRE_RTL is set");
    eprintln!("skipped: Icarus Verilog not found");
    false
}

/// What a unit does after a reset.
#[derive(Clone, Copy, Debug)]
pub struct Run {
    /// Clocks of anything before it.
    pub disturbed: u64,
    /// The quality level of the frames behind it, which units with registers have after reset anyway: the highest.
    pub level: usize,
}

impl GeneratedUnit {
    /// Plays frames after power-up and after every run's disturbance, with resets of one clock: all outputs are known, all
    /// words the golden model's, the latency as predicted.
    ///
    /// # Errors
    /// What is not so, with the run.
    pub fn check_from_x(&self, runs: &[Run]) -> Result<(), String> {
        let said = self.simulate(runs)?;
        let mut lines = said.lines().filter(|line| !line.contains("$finish") && !line.starts_with("WARNING"));
        for (number, run) in runs.iter().enumerate() {
            self.check_run(*run, &mut lines).map_err(|error| format!("{run:?}, number {number}: {error}"))?;
        }
        lines.next().map_or(Ok(()), |line| Err(format!("expected the end, found {line}")))
    }

    fn check_run<'a>(&self, run: Run, mut lines: impl Iterator<Item = &'a str>) -> Result<(), String> {
        let frames = self.frames();
        let (mut started, mut ended) = (vec![], vec![]);
        let mut words: Vec<i16> = vec![];
        while ended.len() < FRAMES {
            let line = lines.next().ok_or("the simulation ends")?;
            let fields: Vec<&str> = line.split_whitespace().collect();
            let clock = || fields[1].parse::<u64>().map_err(|_| line.to_owned());
            match fields.as_slice() {
                ["start", _] => started.push(clock()?),
                ["beat", _, data, keep, last] => {
                    words.extend(self.words(data, keep).ok_or(line)?);
                    if *last == "1" {
                        let expected = self.emulator.run_at(run.level, &frames[ended.len()]).unwrap();
                        if words != expected {
                            return Err(format!(
                                "frame {}: expected {expected:?}, found {words:?}",
                                ended.len()
                            ));
                        }
                        words.clear();
                        ended.push(clock()?);
                    }
                }
                _ => return Err(line.to_owned()),
            }
        }
        let (expected, found) =
            (Machine::cycles_at(&self.program, run.level).unwrap().latency, ended[0] - started[0] + 1);
        if found == expected {
            Ok(())
        } else {
            Err(format!("expected a latency of {expected}, found {found}"))
        }
    }

    fn frames(&self) -> Vec<Vec<i16>> {
        let mut sampler = Sampler::new(5);
        let word = self.emulator.format(VectorId::INPUT);
        (0..FRAMES).map(|_| sampler.frame(self.emulator.input().size(), word)).collect()
    }

    /// The words of an output beat that belong to the frame; none if bits are unknown.
    fn words(&self, data: &str, keep: &str) -> Option<Vec<i16>> {
        let bits = self.program.output_bits;
        let count = keep.bytes().filter(|&bit| bit == b'1').count() as u32 * 8 / bits;
        let data = u64::from_str_radix(data, 16).ok()?;
        let word = |k: u32| (data >> (k * bits)) as u16;
        Some((0..count).map(|k| if bits == 8 { i16::from(word(k) as i8) } else { word(k) as i16 }).collect())
    }

    /// What the bench says.
    fn simulate(&self, runs: &[Run]) -> Result<String, String> {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        for SourceFile { name, text, .. } in &self.design.sources {
            write(name, text);
        }
        write("four_state.v", BENCH);
        write("unit.vh", &self.header(runs.len()));
        let per_beat = self.program.config.words_per_beat();
        let bits = self.program.input_bits;
        let beat = |words: &[i16]| {
            let word = |beat: u64, &word: &i16| beat << bits | u64::from(word as u16) & ((1 << bits) - 1);
            // Nobody looks at words after the last one.
            format!("{:x}\n", words.iter().rev().fold(0, word))
        };
        write(
            "frames.mem",
            &self.frames().iter().flat_map(|frame| frame.chunks(per_beat).map(beat)).collect::<String>(),
        );
        let script = |run: &Run| format!("{:x} {:x}\n", run.disturbed, run.level);
        write("script.mem", &runs.iter().map(script).collect::<String>());
        let modules = self.design.sources.iter().filter(|source| source.name.ends_with(".v"));
        let modules: Vec<&str> = modules.map(|source| source.name.as_str()).collect();
        run(
            folder.path(),
            "iverilog",
            &[&["-g2001", "-s", "four_state", "-o", "unit.vvp", "four_state.v"], &modules[..]].concat(),
        )?;
        run(folder.path(), "vvp", &["-n", "unit.vvp"])
    }

    /// What the bench has to know.
    fn header(&self, runs: usize) -> String {
        let program = &self.program;
        let per_beat = program.config.words_per_beat();
        let is_controlled = program.config.control() == Control::AxiLite;
        let (mut ports, mut members, mut control) = (String::new(), "1'b0".to_owned(), "1'b0");
        let connected =
            |names: &[&str]| names.iter().map(|name| format!(", .{name}({name})")).collect::<String>();
        if program.levels() > 1 && !is_controlled {
            // As many bits as the levels need.
            let high = usize::BITS - (program.levels() - 1).leading_zeros() - 1;
            ports += &format!(", .quality(quality[{high}:0])");
        }
        if let Some(shape) = &program.members {
            let high = usize::BITS - (shape.count() - 1).leading_zeros() - 1;
            ports += &format!(", .member(member[{high}:0]), .unfamiliar(unfamiliar)");
            members = format!("{{member[{high}:0], unfamiliar}}");
        }
        if is_controlled {
            let outputs = ["s_axi_awready", "s_axi_wready", "s_axi_bvalid", "s_axi_arready", "s_axi_rvalid"];
            ports += &connected(&outputs);
            ports +=
                &connected(&["s_axi_bresp", "s_axi_rresp", "s_axi_rdata", "s_axi_awaddr", "s_axi_araddr"]);
            ports +=
                &connected(&["s_axi_wdata", "s_axi_wstrb", "s_axi_awvalid", "s_axi_wvalid", "s_axi_arvalid"]);
            ports += &connected(&["s_axi_bready", "s_axi_rready"]);
            ports += ", .s_axi_awprot(3'd0), .s_axi_arprot(3'd0)";
            control = "{s_axi_awready, s_axi_wready, s_axi_bvalid, s_axi_arready, s_axi_rvalid}";
        }
        let definitions = [
            ("UNIT", self.design.top.clone()),
            ("INPUT_BITS", (program.input_bits as usize * per_beat).to_string()),
            ("OUTPUT_BITS", (program.output_bits as usize * per_beat).to_string()),
            ("BEATS", program.input_beats().to_string()),
            ("FRAMES", FRAMES.to_string()),
            ("RUNS", runs.to_string()),
            ("PATIENCE", (20 * self.cycles().latency + 1000).to_string()),
            ("MORE_PORTS", ports),
            ("MEMBER_PORTS", members),
            ("CONTROL_PORTS", control.to_owned()),
            ("CONTROL_REGISTER", CONTROL.offset.to_string()),
            ("STATUS_REGISTER", STATUS.offset.to_string()),
            ("QUALITY_REGISTER", QUALITY.offset.to_string()),
            ("FORCE_REGISTER", FORCE.offset.to_string()),
        ];
        definitions.iter().map(|(name, value)| format!("`define {name} {value}\n")).collect()
    }
}

/// What a program says, if it succeeds.
fn run(folder: &Path, program: &str, arguments: &[&str]) -> Result<String, String> {
    let output = Command::new(program).args(arguments).current_dir(folder).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    match output.status.success() {
        true => Ok(said),
        false => Err(format!("{program}: {said}{}", String::from_utf8_lossy(&output.stderr))),
    }
}
