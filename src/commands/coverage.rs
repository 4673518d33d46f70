//! `--coverage` of `emeuro cosim`: what the frames exercise, per module.

use std::{
    collections::BTreeSet,
    iter,
    path::{Path, PathBuf},
};

use clap::Args;
use emeuro::{
    golden::{Emulator, FileKind},
    testbench::{
        CoverageExceptions, CoverageReport, Covered, Design, Excepted, Options, cosim_with_coverage,
    },
};
use serde_json::Value;

use crate::{
    commands::cosim::{failure_of, write},
    failure::{Failure, input, unwritten},
    owned_folder::{Contents, OwnedFolder},
    report::{percent, table},
};

/// Frames of a run that counts: it is a hundred times slower, and more frames of the same kind show nothing new.
const FRAMES: usize = 24;
/// Where lines go unless the command line says otherwise.
const TRACEFILE: &str = "coverage.info";

const LINES: FileKind = FileKind { name: "counted lines (lcov)", is: |head| head.starts_with(b"TN:") };

/// What to count and where to write it.
#[derive(Args)]
pub(crate) struct CoverageArgs {
    /// Counts lines and toggles per module, in a second, slower simulation of up to 24 frames.
    #[arg(long)]
    coverage: bool,
    /// lcov file for the lines; the Verilog goes beside it, into a folder with the extension .rtl [default: coverage.info]
    #[arg(long, value_name = "FILE", requires = "coverage")]
    lcov: Option<PathBuf>,
}

impl CoverageArgs {
    fn tracefile(&self) -> PathBuf {
        self.lcov.clone().unwrap_or_else(|| TRACEFILE.into())
    }

    /// Refuses a file for the lines that would replace something else: to be asked before long work.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        let path = self.tracefile();
        if self.coverage { LINES.check(&path).map_err(|e| unwritten(&path, e)) } else { Ok(()) }
    }

    /// A collection to be filled, if one is asked for.
    pub(crate) fn collection(&self) -> Option<Collection> {
        self.coverage.then(|| Collection {
            tracefile: self.tracefile(),
            folders: BTreeSet::new(),
            lcov: String::new(),
            report: CoverageReport::default(),
        })
    }
}

/// What the units of one command have exercised.
pub(crate) struct Collection {
    tracefile: PathBuf,
    /// Names of the folders with Verilog.
    folders: BTreeSet<String>,
    lcov: String,
    report: CoverageReport,
}

impl Collection {
    /// Simulates a unit once more, counting, and writes its Verilog beside the tracefile.
    pub(crate) fn add(
        &mut self,
        emulator: &Emulator,
        design: &Design,
        lanes: usize,
        options: &Options,
        frames: &[Vec<i16>],
        seed: u64,
    ) -> Result<(), Failure> {
        let frames = &frames[..frames.len().min(FRAMES)];
        let (_, counts) = cosim_with_coverage(emulator, design, options, frames, seed)
            .map_err(|e| failure_of(design, e))?;
        let folder = self.folder(&format!("{}_{lanes}", design.top));
        let verilog = design.sources.iter().filter(|source| source.name.ends_with(".v"));
        let files: Vec<(&str, String)> =
            verilog.map(|source| (source.name.as_str(), source.text.to_string())).collect();
        OwnedFolder::open(&folder, Contents::Coverage, false)?.replace(&files)?;
        self.lcov += &counts.lcov(&format!("{}/", folder.display()));
        self.report.add(design, &counts);
        Ok(())
    }

    /// A folder of its own for the Verilog of a unit.
    fn folder(&mut self, name: &str) -> PathBuf {
        let numbered = (2..).map(|number| format!("{name}_{number}"));
        let mut names = iter::once(name.to_owned()).chain(numbered);
        let free = names.find(|name| !self.folders.contains(name)).unwrap_or_default();
        self.folders.insert(free.clone());
        self.tracefile.with_extension("rtl").join(free)
    }

    /// Writes the tracefile; the table, and the same for machines.
    pub(crate) fn finish(self) -> Result<(String, Value), Failure> {
        write(LINES, &self.tracefile, &self.lcov)?;
        let modules = CoverageExceptions::default().apply(&self.report).map_err(input)?;
        let mut rows = vec![["module", "lines", "hit", "toggles", "hit"].map(str::to_owned).to_vec()];
        rows.extend(modules.iter().map(|m| row(&m.module, m.lines, m.toggles)));
        let sum = |part: fn(&Excepted) -> Covered| modules.iter().map(part).sum();
        rows.push(row("all", sum(|m| m.lines), sum(|m| m.toggles)));
        let json = serde_json::to_value(&modules).map_err(input)?;
        Ok((format!("{}{}\n", table(&rows), written(&self.tracefile)), json))
    }
}

fn row(name: &str, lines: Covered, toggles: Covered) -> Vec<String> {
    let share = |covered: Covered| match covered.total {
        0 => "–".to_owned(),
        _ => percent(covered.share()),
    };
    let counts = |covered: Covered| format!("{}/{}", covered.hit, covered.total);
    vec![name.to_owned(), counts(lines), share(lines), counts(toggles), share(toggles)]
}

fn written(tracefile: &Path) -> String {
    format!("Lines are in {}.", tracefile.display())
}
