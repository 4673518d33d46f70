//! A failure with everything that is needed to see it again: the shortest stimulus, its waveform, the command.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use emeuro_golden::FileKind;

use crate::error::{Error, Result};
use crate::failure::Failure;
use crate::scenario::Scenario;
use crate::shrink::{Shrunk, Trial, shrink};
use crate::unit_bench::{Score, UnitBench};

/// The environment variable that names the folder for waveforms of failures.
const FOLDER_VARIABLE: &str = "EMEURO_KEEP_WAVES";

const SCENARIO: FileKind =
    FileKind { name: "a scenario of this program", is: |head| head.starts_with(b"{\"power_up\":") };

type Command<'a> = Box<dyn Fn(&Path, &Path) -> String + Sync + 'a>;

/// Where the stimulus and the waveform of a failure are kept, and which command plays it again.
pub struct Evidence<'a> {
    folder: PathBuf,
    command: Command<'a>,
}

impl fmt::Debug for Evidence<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Evidence").field("folder", &self.folder).finish_non_exhaustive()
    }
}

impl<'a> Evidence<'a> {
    /// Keeps files in the folder that the environment variable `EMEURO_KEEP_WAVES` names, or else in the given one.
    /// `command` is told the file of the scenario and that of the waveform.
    pub fn new(default: impl Into<PathBuf>, command: impl Fn(&Path, &Path) -> String + Sync + 'a) -> Self {
        let folder = std::env::var_os(FOLDER_VARIABLE).map_or_else(|| default.into(), PathBuf::from);
        Evidence { folder, command: Box::new(command) }
    }

    /// For a test that `cargo test` runs, which plays the same scenarios each time: files are kept in `waves` in the target folder,
    /// and the command is the one that runs this test alone.
    pub fn of_this_test() -> Evidence<'static> {
        // The executable is target/PROFILE/deps/NAME-HASH.
        let target = std::env::current_exe().ok();
        let target = target.as_deref().and_then(|path| path.ancestors().nth(3)).unwrap_or(Path::new("."));
        let package = std::env::var("CARGO_PKG_NAME").unwrap_or_default();
        let test = std::thread::current().name().unwrap_or_default().to_owned();
        Evidence::new(target.join("waves"), move |_, _| {
            format!("cargo test -p {package} {test} -- --include-ignored")
        })
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

/// A scenario that fails, shrunk.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// The top module.
    pub top: String,
    /// What went wrong in the scenario that was checked.
    pub found: Failure,
    /// Runs and events of that scenario.
    pub size: (usize, usize),
    /// What goes wrong in the shortest one.
    pub failure: Failure,
    /// The shortest scenario with the same kind of fault that was found.
    pub scenario: Scenario,
    /// Scenarios that were played to find it.
    pub trials: u32,
    /// Where it is kept.
    pub scenario_file: PathBuf,
    /// Its waveform.
    pub waveform: PathBuf,
    /// The command that plays it again.
    pub command: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (runs, events) = self.size;
        writeln!(f, "{}: {}", self.top, self.found)?;
        writeln!(
            f,
            "shortest stimulus: {} of {runs} runs, {} of {events} events ({} were tried): {}",
            self.scenario.runs.len(),
            self.scenario.events(),
            self.trials,
            self.failure
        )?;
        writeln!(f, "  {}", self.scenario.to_string().replace('\n', "\n  "))?;
        writeln!(f, "stimulus: {}", self.scenario_file.display())?;
        writeln!(f, "waveform: {}", self.waveform.display())?;
        write!(f, "reproduce: {}", self.command)
    }
}

impl std::error::Error for Finding {}

impl UnitBench<'_> {
    /// Plays a scenario; one that fails is shrunk, and the shortest that is found is kept with its waveform.
    ///
    /// # Errors
    /// [`Error::Finding`] if the unit fails; [`Error::Stimulus`] if the scenario makes no sense for it; [`Error::Io`] if
    /// the evidence cannot be written.
    pub fn check(&self, scenario: &Scenario, evidence: &Evidence<'_>) -> Result<Score> {
        match self.play(scenario) {
            Err(Error::Failure(found)) => {
                Err(Error::Finding(Box::new(self.investigate(scenario, *found, evidence)?)))
            }
            other => other,
        }
    }

    fn investigate(&self, scenario: &Scenario, found: Failure, evidence: &Evidence<'_>) -> Result<Finding> {
        let shape = self.shape();
        let is_right = |words: usize| words.div_ceil(shape.words_per_beat) == shape.input_beats();
        let Shrunk { scenario: shortest, failure, trials } =
            shrink(scenario.clone(), found.clone(), is_right, |candidate| {
                let mut clocks = 0;
                let played = self.play_watched(candidate, candidate.power_up(), |_| clocks += 1);
                let failure = match played {
                    Err(Error::Failure(failure)) => Some(*failure),
                    _ => None,
                };
                Trial { failure, clocks }
            });
        let folder = evidence.folder();
        fs::create_dir_all(folder).map_err(Error::io(folder))?;
        let name = format!("{}-{}", self.short_name(), scenario.power_up);
        let (scenario_file, waveform) =
            (folder.join(format!("{name}.json")), folder.join(format!("{name}.fst")));
        let text = shortest.to_json();
        SCENARIO.write(&scenario_file, text.as_bytes()).map_err(Error::io(&scenario_file))?;
        match self.trace(&shortest, &waveform) {
            Ok(_) | Err(Error::Failure(_)) => {}
            Err(error) => return Err(error),
        }
        let command = (evidence.command)(&scenario_file, &waveform);
        let size = (scenario.runs.len(), scenario.events());
        let top = self.design.top.clone();
        Ok(Finding {
            top,
            found,
            size,
            failure,
            scenario: shortest,
            trials,
            scenario_file,
            waveform,
            command,
        })
    }

    /// The top module and what distinguishes the model from others of that name.
    fn short_name(&self) -> String {
        let stem = self.model().path().file_stem().unwrap_or_default().to_string_lossy().into_owned();
        // The cache names models by 32 digits, of which 8 are enough for files side by side.
        stem[..stem.len().saturating_sub(24)].to_owned()
    }
}
