//! Mutants: does anybody notice if one bit of the hardware is wrong?
//!
//! Yosys makes netlists of units and of a whole small design and changes them at random, a bit of a cell's port at a time:
//! stuck at 0 or 1, inverted, or exchanged depending on another bit. One netlist carries all mutants of a design, and an
//! input selects one, so that a simulation model is compiled once per design. Units are played what their own benches have
//! recorded (see `hdl/tests/rtl/record.rs`), the whole design is benched against the golden model.
//!
//! A mutant that nobody notices is either proven to make no difference, or listed.

mod equivalence;
mod netlist;
mod recorded;
mod whole;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use emeuro_golden::Emulator;
use emeuro_testbench::{Cache, Design, Model, Options, SourceFile};
use rayon::prelude::*;
use serde::Serialize;

use crate::error::{Error, Result};
use crate::results;
use crate::tools::Tools;
use equivalence::Interface;
use netlist::{Mutation, Netlist};
use recorded::Recorded;
use whole::Whole;

/// What Verilator must not say about netlists.
const QUIET: [&str; 3] = ["-Wno-lint", "-Wno-style", "-Wno-fatal"];
/// The recorded units and how many mutants each gets.
const UNITS: [(&str, usize); 24] = [
    ("address_generator", 20),
    ("axi_lite", 40),
    ("control_registers_ram", 35),
    ("drain_9", 30),
    ("drain_12", 20),
    ("flag_delay_2", 4),
    ("input_loader_clear", 20),
    ("input_loader_pairs_rest", 20),
    ("interpolator_bytes", 30),
    ("issue_7", 35),
    ("issue_10", 20),
    ("lane_element_wise", 30),
    ("loop_counters", 20),
    ("loop_counters_last", 15),
    ("mac_element_wise", 20),
    ("mac_maximum", 15),
    ("output_streamer_ordered", 25),
    ("output_streamer_pairs_rest", 25),
    ("program_counter_pairs", 20),
    ("ram_2_1_2", 12),
    ("reducer_mixed_levels", 25),
    ("requantiser", 30),
    ("weight_store", 15),
    ("write_port_2_4_4_2", 25),
];
/// Mutants of the whole design.
const WHOLE: usize = 100;
/// Its lanes, and the frames that it is played.
const LANES: usize = 2;
const FRAMES: usize = 40;

/// What is mutated.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The folder with the recordings of units; none for the whole design only.
    pub units: Option<PathBuf>,
    /// Decides mutants and stimulus.
    pub seed: u64,
    /// Only designs whose name contains this.
    pub filter: String,
    /// Mutants of the whole design; none for the usual number.
    pub whole: Option<usize>,
}

/// What became of a mutant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Fate {
    /// A bench noticed it.
    Killed,
    /// It is proven to make no difference.
    Equivalent,
    /// Neither.
    Survived,
}

/// A mutant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Mutant {
    /// The design.
    pub design: String,
    /// What is done to the bit.
    pub mode: String,
    /// Cell, port and bit of the netlist.
    pub place: String,
    /// File and line of the Verilog.
    pub source: String,
    /// The module that the line belongs to.
    pub module: String,
    /// What became of it.
    pub fate: Fate,
}

/// Mutants of a module by their fate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Count {
    /// All.
    pub mutants: usize,
    /// Noticed.
    pub killed: usize,
    /// Proven to make no difference.
    pub equivalent: usize,
    /// The rest.
    pub survivors: usize,
}

impl Count {
    fn add(&mut self, fate: Fate) {
        self.mutants += 1;
        match fate {
            Fate::Killed => self.killed += 1,
            Fate::Equivalent => self.equivalent += 1,
            Fate::Survived => self.survivors += 1,
        }
    }

    /// Killed mutants among those that are not proven equivalent.
    pub fn share(&self) -> f64 {
        match self.mutants - self.equivalent {
            0 => 1.0,
            telling => self.killed as f64 / telling as f64,
        }
    }
}

/// The results of a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// The seed.
    pub seed: u64,
    /// All mutants.
    #[serde(flatten)]
    pub total: Count,
    /// Killed among those not proven equivalent.
    pub share: f64,
    /// Wall-clock seconds.
    pub seconds: f64,
    /// By module.
    pub modules: BTreeMap<String, Count>,
    /// By design.
    pub designs: BTreeMap<String, Count>,
    /// Those that nobody noticed and that are not proven equivalent.
    pub surviving: Vec<Mutant>,
    /// Those that are proven equivalent.
    pub proven_equivalent: Vec<Mutant>,
}

impl Report {
    /// A row per module, the total, and the survivors, as text.
    pub fn table(&self) -> String {
        let row = |name: &str, count: &Count| {
            format!(
                "{name:<28} {:>7} {:>7} {:>11} {:>9} {:>8.1} %\n",
                count.mutants,
                count.killed,
                count.equivalent,
                count.survivors,
                100.0 * count.share()
            )
        };
        let mut text = format!(
            "\n{:<28} {:>7} {:>7} {:>11} {:>9} {:>10}\n",
            "module", "mutants", "killed", "equivalent", "survived", "killed"
        );
        self.modules.iter().for_each(|(name, count)| text += &row(name, count));
        text += &row("all", &self.total);
        for mutant in &self.surviving {
            let Mutant { design, mode, place, source, .. } = mutant;
            text += &format!("survived in {design}: {mode} of {place}, from {source}\n");
        }
        text
    }
}

/// Where mutants are played: a unit with its recording, or the whole design.
enum Bench {
    Unit(Box<Recorded>),
    Whole(Box<Whole>),
}

impl Bench {
    fn top(&self) -> &str {
        match self {
            Self::Unit(unit) => &unit.case.top,
            Self::Whole(whole) => &whole.top,
        }
    }

    fn verilog(&self) -> &[(String, String)] {
        match self {
            Self::Unit(unit) => &unit.verilog,
            Self::Whole(whole) => &whole.verilog,
        }
    }

    fn hex(&self) -> &[(String, String)] {
        match self {
            Self::Unit(unit) => &unit.hex,
            Self::Whole(whole) => &whole.hex,
        }
    }

    fn interface(&self) -> Interface {
        match self {
            Self::Unit(unit) => {
                let is_reset = |(name, _): &&(String, u32)| name == "resetn";
                Interface {
                    clock: unit.case.clock.clone(),
                    reset: unit.case.inputs.iter().find(is_reset).map(|(name, _)| name.clone()),
                    inputs: unit.case.inputs.iter().filter(|port| !is_reset(port)).cloned().collect(),
                    outputs: unit.case.outputs.clone(),
                    meaning: unit.case.meaning.clone(),
                }
            }
            Self::Whole(whole) => whole.interface.clone(),
        }
    }

    /// Whether mutant `number` is noticed.
    fn notices(&self, model: &Model, number: u64, seed: u64) -> Result<bool> {
        match self {
            Self::Unit(unit) => Ok(unit.first_difference(model, number, seed)?.is_some()),
            Self::Whole(whole) => Ok(whole.first_fault(model, number, seed)?.is_some()),
        }
    }
}

/// Makes and plays mutants as `plan` says, and writes `mutation.json` into `folder`. `progress` gets a line per design.
///
/// # Errors
/// A tool is missing or fails, a recording is missing, or a netlist without a mutation does not do what the design does.
pub fn run(
    tools: &Tools,
    folder: &Path,
    plan: &Plan,
    threads: usize,
    progress: &(dyn Fn(&str) + Sync),
) -> Result<Report> {
    tools.check_for_mutants()?;
    let begin = Instant::now();
    let matches = |name: &str| name.contains(&plan.filter);
    let mut benches: Vec<(String, Bench, usize)> = vec![];
    if matches("whole") {
        let emulator = Emulator::parse(include_str!("../../networks/two_layers.yaml"), "two_layers.yaml")
            .map_err(Error::unit)?;
        let whole = Whole::new(emulator, LANES, FRAMES, plan.seed)?;
        benches.push(("whole".into(), Bench::Whole(Box::new(whole)), plan.whole.unwrap_or(WHOLE)));
    }
    for (name, count) in UNITS.into_iter().filter(|(name, _)| matches(name)) {
        let Some(units) = &plan.units else { continue };
        if !units.join(name).is_dir() {
            return Err(Error::File {
                file: units.join(name).display().to_string(),
                message: "no recording of this unit; make them with `EMEURO_RECORD=\"$PWD/target/verification/units\" cargo \
                          test -p emeuro-hdl --test rtl recordings`"
                    .into(),
            });
        }
        benches.push((name.into(), Bench::Unit(Box::new(Recorded::read(&units.join(name))?)), count));
    }
    if benches.is_empty() {
        return Err(Error::Unit(format!("no design has a name that contains `{}`", plan.filter)));
    }
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().map_err(Error::unit)?;
    let work = results::work_folder(folder)?;
    let mutate = |(name, bench, count): &(String, Bench, usize)| -> Result<Vec<Mutant>> {
        let begin = Instant::now();
        let mutants = mutate(tools, &work.join("mutants"), name, bench, *count, plan.seed)?;
        let mut count = Count::default();
        mutants.iter().for_each(|mutant| count.add(mutant.fate));
        let Count { mutants: all, killed, equivalent, survivors } = count;
        progress(&format!(
            "{name:<28} {all:>4} mutants, {killed:>4} killed, {equivalent:>3} equivalent, {survivors:>3} survived {:>7.1} s",
            begin.elapsed().as_secs_f64()
        ));
        Ok(mutants)
    };
    let all: Vec<Vec<Mutant>> = pool.install(|| benches.par_iter().map(mutate).collect::<Result<_>>())?;
    let all: Vec<Mutant> = all.into_iter().flatten().collect();
    let mut total = Count::default();
    let (mut modules, mut designs) = (BTreeMap::<String, Count>::new(), BTreeMap::<String, Count>::new());
    for mutant in &all {
        total.add(mutant.fate);
        modules.entry(mutant.module.clone()).or_default().add(mutant.fate);
        designs.entry(mutant.design.clone()).or_default().add(mutant.fate);
    }
    let of = |fate| all.iter().filter(|mutant| mutant.fate == fate).cloned().collect();
    let report = Report {
        seed: plan.seed,
        total,
        share: total.share(),
        seconds: (begin.elapsed().as_secs_f64() * 10.0).round() / 10.0,
        modules,
        designs,
        surviving: of(Fate::Survived),
        proven_equivalent: of(Fate::Equivalent),
    };
    results::write(folder, "mutation.json", &report)?;
    Ok(report)
}

fn mutate(
    tools: &Tools,
    folder: &Path,
    name: &str,
    bench: &Bench,
    count: usize,
    seed: u64,
) -> Result<Vec<Mutant>> {
    let netlist =
        Netlist::new(tools, &folder.join(name), bench.top(), bench.verilog(), bench.hex(), count, seed)?;
    let mut design = Design::new(&netlist.top, vec![SourceFile::new("mutants.v", netlist.verilog.clone())]);
    design.clock = bench.interface().clock;
    let mut options = Options::new(Cache::from_env_or("target/emeuro-cache"));
    options.verilator_flags = QUIET.map(str::to_owned).to_vec();
    let model = Model::build(&design, &options)?;
    if bench.notices(&model, 0, seed)? {
        return Err(Error::Unit(format!(
            "{name}: the netlist without a mutation does not behave as the design"
        )));
    }
    let interface = bench.interface();
    let fate = |(number, mutation): (usize, &Mutation)| -> Result<Mutant> {
        let number = number as u64 + 1;
        let fate = if bench.notices(&model, number, seed)? || bench.notices(&model, number, seed + 1)? {
            Fate::Killed
        } else if equivalence::is_proven(tools, &netlist, mutation, &interface)? {
            Fate::Equivalent
        } else {
            Fate::Survived
        };
        Ok(Mutant {
            design: name.to_owned(),
            mode: mutation.mode.clone(),
            place: mutation.place.clone(),
            source: mutation.source.clone(),
            module: module(mutation.file(), bench.top()),
            fate,
        })
    };
    netlist.mutations.iter().enumerate().map(fate).collect()
}

/// The module of a file `<prefix>_<module>.v`, without the number that tells shapes of one module apart.
fn module(file: &str, top: &str) -> String {
    let name = file.strip_suffix(".v").unwrap_or(file);
    let name = name.strip_prefix("part_").unwrap_or(name);
    let name = name.strip_prefix(top).map_or(name, |rest| if rest.is_empty() { top } else { rest });
    let name = name.trim_start_matches('_');
    if name.is_empty() {
        return "(no line)".into();
    }
    name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '_').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_are_named_without_prefix_and_number() {
        assert_eq!(module("part_ram_2.v", "part_unit"), "ram");
        assert_eq!(module("drain_9_address_generator_2.v", "drain_9"), "address_generator");
        assert_eq!(module("axi_lite.v", "axi_lite"), "axi_lite");
        assert_eq!(module("", "axi_lite"), "(no line)");
    }

    #[test]
    fn shares_leave_equivalent_mutants_out() {
        let mut count = Count::default();
        assert_eq!(count.share(), 1.0);
        for fate in [Fate::Killed, Fate::Killed, Fate::Killed, Fate::Survived, Fate::Equivalent] {
            count.add(fate);
        }
        assert_eq!(count, Count { mutants: 5, killed: 3, equivalent: 1, survivors: 1 });
        assert_eq!(count.share(), 0.75);
    }
}
