//! Trains an emulator of a function of which there is nothing but a file of inputs and outputs.

use std::path::{Path, PathBuf};

use clap::Args;
use emeuro::{
    figures::{errors_json, nrmse_text},
    tables::{Column, TooMany},
    trainer::{
        Error, Quantisation, Session,
        general::{Learning, Learnt, Pairs, Part, identifier, learn},
    },
};
use ndarray::Axis;
use serde_json::{Value, json};

use super::{Budgeted, Common, stop_flag, values};
use crate::{
    failure::{Failure, Outcome, input, input_in},
    frame_file,
    report::{outputs_text, percent, table},
};

/// Trains an emulator of your own data.
///
/// Pairs of inputs and outputs are all that is known of the function: the cheapest network that reaches the target goes to OUT/NAME.yaml.
#[derive(Args)]
pub(super) struct Data {
    /// Inputs with their outputs, one pair per row: a CSV file with any separator, with or without a header, or an NPY file; - for standard
    /// input.
    file: PathBuf,
    /// Which columns are inputs: the first N, or a list of names, numbers and ranges like temperature,4,6-8, both ends included.
    #[arg(long, value_name = "COLUMNS", value_parser = columns)]
    inputs: String,
    /// Which columns are outputs: the last N, or a list; without it all that are no inputs.
    #[arg(long, value_name = "COLUMNS", value_parser = columns)]
    outputs: Option<String>,
    /// Name of the emulator and of its file; without it that of FILE.
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    budgeted: Budgeted,
    #[command(flatten)]
    common: Common,
    /// Bits of weights and activations: w4, w8 or w16 and a8 or a16. Without it w8a16, and w16a16 if 8 bits do not suffice.
    #[arg(long, value_parser = values::quantisation)]
    quantisation: Option<Quantisation>,
}

/// Whether columns are asked for at all; which ones there are, the file says.
fn columns(text: &str) -> Result<String, String> {
    match text.trim() {
        "" | "0" => Err("expected a number from 1 on, or names, numbers and ranges of columns".to_owned()),
        text => Ok(text.to_owned()),
    }
}

impl Data {
    /// The name of the emulator.
    fn name(&self) -> Result<String, Failure> {
        let file = &self.file;
        let Some(name) = &self.name else {
            // Streams have no name to speak of.
            let is_stream = file == "-" || file.starts_with("/dev");
            let stem = file.file_stem().unwrap_or_default().to_string_lossy();
            return Ok(if is_stream { "data".to_owned() } else { identifier(&stem) });
        };
        if identifier(name) != *name {
            return Err(Failure::Input(format!(
                "--name: expected letters, digits and underscores, the first no digit, found {name:?}"
            )));
        }
        Ok(name.clone())
    }

    pub(super) fn run(self) -> Result<Outcome, Failure> {
        let file = &self.file;
        let name = self.name()?;
        let pairs = pairs(file, &self.inputs, self.outputs.as_deref(), self.common.seed)?;
        let source = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let options = Learning {
            target: self.common.target(),
            budget: self.budgeted.budget(),
            seed: self.common.seed,
            quantisation: self.quantisation,
            command: self.command(&source, &name),
            source,
            ..Learning::new(&name)
        };
        let session = Session { progress: true, checkpoint: None, stop: stop_flag()? };
        let file_name = format!("{name}.yaml");
        let mut out = self.common.folder(&self.budgeted.out)?;
        out.check([file_name.as_str()])?;
        let learnt = learn(&pairs, &options, &session).map_err(|error| match error {
            Error::Data { what, .. } => input_in(file, what),
            other => input(other),
        })?;
        let path = out.path().join(&file_name);
        // What is as bad as the means is no emulator; one that was made before stays.
        let path = (!learnt.is_useless()).then_some(path);
        if path.is_some() {
            out.add(&[(file_name, learnt.emulator.to_yaml())])?;
        }
        let text = match self.common.json {
            true => format!("{:#}\n", learnt_json(&learnt, path.as_deref())),
            false => text(&learnt, path.as_deref()),
        };
        Ok(Outcome::checked(text, learnt.reaches_target()))
    }

    /// The command for the provenance; a file without its folder, as an emulator says nothing about the machine that made it.
    fn command(&self, source: &str, name: &str) -> String {
        let outputs = self.outputs.as_ref();
        let outputs = outputs.map_or_else(String::new, |outputs| format!(" --outputs {}", as_word(outputs)));
        let mut command = format!(
            "emeuro train data {} --inputs {}{outputs} --name {name} --target {} --seed {}",
            as_word(source),
            as_word(&self.inputs),
            values::share_text(self.common.target()),
            self.common.seed
        );
        command += &self.budgeted.command();
        if let Some(quantisation) = self.quantisation {
            command += &format!(" --quantisation {}", values::quantisation_text(quantisation));
        }
        command
    }
}

/// `text` as one word of a shell.
fn as_word(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-.,:/+%@=".contains(c);
    match !text.is_empty() && text.chars().all(is_plain) {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', "'\\''")),
    }
}

/// The pairs in `file`, their columns named by its header or, without one, `x` and `y`.
fn pairs(file: &Path, inputs: &str, outputs: Option<&str>, seed: u64) -> Result<Pairs, Failure> {
    let table = frame_file::read_table(file, TooMany::Sample { seed })?;
    let [inputs, outputs] = table.inputs_and_outputs(inputs, outputs).map_err(|e| input_in(file, e))?;
    let parts = |chosen: &[usize], name: &str| match table.columns() {
        Some(columns) => chosen.iter().map(|&column| part(&columns[column], column)).collect(),
        None => vec![Part::new(name, chosen.len())],
    };
    let (x, y) = (parts(&inputs, "x"), parts(&outputs, "y"));
    let lines = table.lines().to_vec();
    let rows = table.into_rows();
    let [inputs, outputs] = [inputs, outputs].map(|columns| rows.select(Axis(1), &columns));
    Pairs::new(inputs, outputs, x, y)
        .and_then(|pairs| pairs.with_rows(lines))
        .map_err(|error| input_in(file, error))
}

/// What a column of a file with a header is called.
fn part(Column { name, unit }: &Column, index: usize) -> Part {
    let name = if name.is_empty() { format!("column_{}", index + 1) } else { name.clone() };
    Part::new(name, 1).with_unit(unit.clone())
}

/// What was learnt, as a value for programs; `path` is where it was written, if it was.
pub(super) fn learnt_json(learnt: &Learnt, path: Option<&Path>) -> Value {
    let levels = learnt.levels.iter().enumerate().map(|(level, errors)| {
        json!({
            "nrmse": errors.nrmse,
            "nrmse_even": errors.even,
            "macs": learnt.emulator.macs_at(level),
        })
    });
    let errors = errors_json(learnt.errors(), &learnt.emulator.output().port);
    let tried = learnt.tried.iter().map(|tried| {
        json!({
            "topology": tried.topology,
            "quantisation": values::quantisation_text(tried.quantisation),
            "macs": tried.macs,
            "steps": tried.steps,
            "nrmse_validation": tried.outcome.as_ref().ok(),
            "refused": tried.outcome.as_ref().err(),
        })
    });
    json!({
        "name": learnt.emulator.name(),
        "file": path.map(|path| path.display().to_string()),
        "topology": learnt.topology,
        "quantisation": values::quantisation_text(learnt.quantisation),
        "target": learnt.target,
        "reaches_target": learnt.reaches_target(),
        "nrmse": errors["nrmse"],
        "nrmse_even": errors["nrmse_even"],
        "nrmse_float": learnt.nrmse_float,
        "validation": learnt.validation,
        "outputs": errors["outputs"],
        "segments": errors["segments"],
        "macs": learnt.emulator.macs(),
        "parameters": learnt.emulator.parameters(),
        "levels": levels.collect::<Vec<_>>(),
        "pairs": {
            "train": learnt.counts.train,
            "validation": learnt.counts.validation,
            "calibration": learnt.counts.calibration,
            "test": learnt.counts.test,
            "repeated": learnt.counts.repeated,
            "blocks": learnt.counts.blocks,
        },
        "tried": tried.collect::<Vec<_>>(),
        "notes": learnt.notes,
    })
}

/// What was learnt, for people; `path` is where it was written, if it was.
fn text(learnt: &Learnt, path: Option<&Path>) -> String {
    let mut lines = vec![["quality level", "NRMSE", "even NRMSE", "MACs"].map(str::to_owned).to_vec()];
    for (level, errors) in learnt.levels.iter().enumerate() {
        lines.push(vec![
            level.to_string(),
            nrmse_text(errors.nrmse),
            nrmse_text(errors.even),
            learnt.emulator.macs_at(level).to_string(),
        ]);
    }
    let mut text = table(&lines);
    text += "\n";
    text += &outputs_text(learnt.errors(), &learnt.emulator.output().port, "row");
    text += "\n";
    let counts = &learnt.counts;
    text += &format!(
        "{} ({}), chosen from {} trainings; errors on {} of {} rows, from which nothing was learnt.\n",
        learnt.topology,
        values::quantisation_text(learnt.quantisation),
        learnt.tried.len(),
        counts.test,
        counts.train + counts.validation + counts.calibration + counts.test
    );
    if !learnt.reaches_target() {
        text += &format!(
            "The target of {} is not reached: of what was tried, this errs least. More rows, a larger --budget, or inputs that say more \
             about the outputs may help.\n",
            percent(learnt.target)
        );
    }
    for note in &learnt.notes {
        text += &format!("Note: {note}.\n");
    }
    text += &match path {
        None => "Nothing is written: the means of the outputs would be as good an answer.\n".to_owned(),
        Some(path) => {
            let path = path.display();
            match learnt.reaches_target() {
                true => format!(
                    "Written: {path}. Next: emeuro run {path} --input FILE, emeuro generate {path}, emeuro cosim {path}.\n"
                ),
                false => format!("Written: {path}, although it misses the target.\n"),
            }
        }
    };
    text
}
