//! Trains an emulator of a function of which there is nothing but a file of inputs and outputs.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicBool},
};

use clap::Args;
use emeuro::{
    figures::{errors_json, nrmse_text},
    trainer::{
        Error, Session,
        general::{Learning, Learnt, Pairs, Part, identifier, learn},
    },
};
use ndarray::s;
use serde_json::{Value, json};

use super::{Train, values};
use crate::{
    failure::{Failure, Outcome, input, input_in},
    frame_file,
    report::{outputs_text, percent, table},
};

/// What is in the file.
#[derive(Args)]
#[command(next_help_heading = "Data of your own")]
pub(super) struct Data {
    /// Inputs with their outputs, one pair per row: a CSV file, or an NPY file with a two-dimensional array of f32 or f64. If no field of the first line
    /// of a CSV file is a number, it names the columns.
    #[arg(long, value_name = "FILE", requires = "inputs", conflicts_with_all = ["apps", "search", "kernel", "clustered", "profile"])]
    data: Option<PathBuf>,
    /// How many numbers of a row are inputs; the others are outputs.
    #[arg(long, value_name = "N", requires = "data", value_parser = clap::value_parser!(u32).range(1..))]
    inputs: Option<u32>,
    /// Name of the emulator and of its file; without it that of FILE.
    #[arg(long, requires = "data")]
    name: Option<String>,
}

impl Data {
    pub(super) fn is_asked_for(&self) -> bool {
        self.data.is_some()
    }

    /// The name of the emulator.
    fn name(&self, file: &Path) -> Result<String, Failure> {
        let Some(name) = &self.name else {
            return Ok(identifier(&file.file_stem().unwrap_or_default().to_string_lossy()));
        };
        if identifier(name) != *name {
            return Err(Failure::Input(format!(
                "--name: expected letters, digits and underscores, the first no digit, found {name:?}"
            )));
        }
        Ok(name.clone())
    }
}

impl Train {
    pub(super) fn train_data(&self, stop: &Arc<AtomicBool>) -> Result<Outcome, Failure> {
        let (Some(file), Some(inputs)) = (&self.data.data, self.data.inputs) else {
            return Err(Failure::Input("--data: expected --inputs with it".to_owned()));
        };
        let name = self.data.name(file)?;
        let pairs = pairs(file, inputs as usize)?;
        let source = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let defaults = Learning::new(&name);
        let options = Learning {
            target: self.target(),
            budget: self.budget.unwrap_or(defaults.budget),
            seed: self.seed,
            quantisation: self.quantisation,
            command: self.data_command(&source, inputs, &name),
            source,
            ..defaults
        };
        let session = Session { progress: true, checkpoint: None, stop: Arc::clone(stop) };
        let file_name = format!("{name}.yaml");
        let mut out = self.folder("emulators")?;
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
        let text = match self.json {
            true => format!("{:#}\n", learnt_json(&learnt, path.as_deref())),
            false => text(&learnt, path.as_deref()),
        };
        Ok(Outcome::checked(text, learnt.reaches_target()))
    }

    /// The command for the provenance; a file without its folder, as an emulator says nothing about the machine that made it.
    fn data_command(&self, source: &str, inputs: u32, name: &str) -> String {
        let mut command = format!(
            "emeuro train --data {source} --inputs {inputs} --name {name} --target {} --seed {}",
            values::share_text(self.target()),
            self.seed
        );
        if let Some(budget) = self.budget {
            command += &format!(" --budget {}s", budget.as_secs_f64());
        }
        if let Some(quantisation) = self.quantisation {
            command += &format!(" --quantisation {}", values::quantisation_text(quantisation));
        }
        command
    }
}

/// The pairs in `file`, their columns named by its header or, without one, `x` and `y`.
fn pairs(file: &Path, inputs: usize) -> Result<Pairs, Failure> {
    let table = frame_file::read_table(file)?;
    let columns = table.rows.ncols();
    if columns <= inputs {
        return Err(Failure::Input(format!(
            "{}: expected more than {inputs} columns (--inputs {inputs}, and at least one output), found {columns}",
            file.display()
        )));
    }
    let parts = |columns: std::ops::Range<usize>, name: &str| match &table.names {
        Some(names) => names[columns].iter().map(|name| Part::new(name, 1)).collect(),
        None => vec![Part::new(name, columns.len())],
    };
    let (x, y) = (table.rows.slice(s![.., ..inputs]), table.rows.slice(s![.., inputs..]));
    Pairs::new(x.to_owned(), y.to_owned(), parts(0..inputs, "x"), parts(inputs..columns, "y"))
        .and_then(|pairs| pairs.with_rows(table.lines.clone()))
        .map_err(|error| input_in(file, error))
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
