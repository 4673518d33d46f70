//! Calls the function of `region.rs` for every input, exactly or emulated as the environment says, and compares the two.

mod input;
mod region;

use std::{
    error::Error,
    path::PathBuf,
    process::ExitCode,
    time::{Duration, Instant},
};

use emeuro_golden::nrmse;
use emeuro_regions::{Frame, Mode, regions};
use region::{Input, Output};

const USAGE: &str = "\
[--input FILE.csv] [--count N] [--compare]

  --input FILE.csv  works on these inputs, one per line, instead of generated ones
  --count N         how many inputs are generated (default 20000)
  --compare         measures time and error of the emulators in EMEURO_EMULATORS against the exact code, on inputs that the
                    profile has not seen: others from the generator, or the last fifth of the file

EMEURO_MODE=profile records the calls in EMEURO_PROFILE; EMEURO_EMULATORS=DIR EMEURO_MODE=emulate emulates them.";

struct Arguments {
    file: Option<PathBuf>,
    count: usize,
    compares: bool,
}

impl Arguments {
    fn parse(mut words: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut arguments = Self { file: None, count: 20_000, compares: false };
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or(format!("{word}: expected a value"));
            match word.as_str() {
                "--input" => arguments.file = Some(value()?.into()),
                "--count" => {
                    let text = value()?;
                    let wrong = || format!("--count: expected a number from 1, found {text:?}");
                    arguments.count = text.parse().ok().filter(|&count| count > 0).ok_or_else(wrong)?;
                }
                "--compare" => arguments.compares = true,
                _ => return Err(format!("{word:?} is not understood; usage: {USAGE}")),
            }
        }
        Ok(arguments)
    }

    /// What the profile sees, or what it does not see.
    fn inputs(&self) -> Result<Vec<Input>, String> {
        let Some(file) = &self.file else {
            return Ok(input::generate(self.count, if self.compares { 2 } else { 1 }));
        };
        let mut inputs = input::read(file)?;
        let seen = (inputs.len() * 4).div_ceil(5);
        let unseen = inputs.split_off(seen);
        match self.compares {
            true if unseen.is_empty() => Err(format!("{}: expected five inputs or more", file.display())),
            true => Ok(unseen),
            false => Ok(inputs),
        }
    }
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    if std::env::args().any(|word| word == "--help" || word == "-h") {
        println!("usage: {} {USAGE}", env!("CARGO_BIN_NAME"));
        return Ok(());
    }
    let arguments = Arguments::parse(std::env::args().skip(1))?;
    emeuro_regions::init()?;
    let inputs = arguments.inputs()?;
    if arguments.compares {
        return compare(&inputs);
    }
    let (time, _) = work(&inputs);
    println!("{} calls, {} per call", inputs.len(), microseconds(time, inputs.len()));
    if let Some(folder) = emeuro_regions::finish()? {
        println!("{}: profile", folder.display());
    }
    Ok(())
}

/// What the program is for.
fn work(inputs: &[Input]) -> (Duration, Vec<Output>) {
    let begun = Instant::now();
    let outputs = inputs.iter().map(|&input| region::reach(input)).collect();
    (begun.elapsed(), outputs)
}

/// Exact and emulated in turn, for about two seconds; prints medians and the error.
fn compare(inputs: &[Input]) -> Result<(), Box<dyn Error>> {
    let emulated: Vec<_> = regions().into_iter().filter(|region| region.emulator().is_some()).collect();
    if emulated.is_empty() {
        return Err("--compare: no region has an emulator; EMEURO_EMULATORS names their folder".into());
    }
    let (mut exact_times, mut emulated_times) = (vec![], vec![]);
    let begun = Instant::now();
    let (exact_outputs, emulated_outputs) = loop {
        for region in &emulated {
            region.set_mode(Mode::Exact)?;
        }
        let (time, exact_outputs) = work(inputs);
        exact_times.push(time);
        for region in &emulated {
            region.set_mode("emulate".parse()?)?;
        }
        let (time, emulated_outputs) = work(inputs);
        emulated_times.push(time);
        if exact_times.len() >= 5 && begun.elapsed() > Duration::from_secs(2) {
            break (exact_outputs, emulated_outputs);
        }
    };
    let (exact_time, emulated_time) = (median(exact_times), median(emulated_times));
    let error =
        nrmse(&numbers(&exact_outputs), &numbers(&emulated_outputs), Output::SIZE).unwrap_or(f64::INFINITY);
    println!("exact     {} per call", microseconds(exact_time, inputs.len()));
    println!("emulated  {} per call", microseconds(emulated_time, inputs.len()));
    println!("speed-up  {:.1}", exact_time.as_secs_f64() / emulated_time.as_secs_f64());
    println!(
        "error     {:.2} % NRMSE, {} inputs that the training has not seen",
        100.0 * error,
        inputs.len()
    );
    Ok(())
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn microseconds(time: Duration, calls: usize) -> String {
    format!("{:.3} us", time.as_secs_f64() * 1e6 / calls as f64)
}

/// The numbers of all outputs, one after the other.
fn numbers(outputs: &[Output]) -> Vec<f64> {
    let mut values = vec![0.0; outputs.len() * Output::SIZE];
    emeuro_regions::write_slice(outputs, &mut values);
    values
}
