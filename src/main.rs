//! The `emeuro` command line: a thin layer over the crates.

mod commands;
mod cosim_report;
mod design_folder;
mod emulator_source;
mod failure;
mod frame_file;
mod front_file;
mod life;
mod measure;
mod owned_folder;
mod processor;
mod report;
mod unit_source;

use std::{io::Write, process::ExitCode};

use clap::{Parser, Subcommand};

use failure::{Failure, Outcome};

/// Turns slow functions into small neural networks and those into verified Verilog.
///
/// Without a command: `build`, the main job, for all checked-in emulators: those of the five applications and rope_clustered.
#[derive(Parser)]
#[command(version, after_help = "Exit status: 0 success, 1 a check has failed, 2 bad usage or bad input.")]
struct CommandLine {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    Build(commands::build::Build),
    Adapt(commands::adapt::Adapt),
    Bench(commands::bench::Bench),
    Train(commands::train::Train),
    New(commands::new::New),
    Run(commands::run::Run),
    Generate(commands::generate::Generate),
    Cosim(commands::cosim::Cosim),
    Curves(commands::curves::Curves),
    Synth(commands::synth::Synth),
    Vectors(commands::vectors::Vectors),
}

fn main() -> ExitCode {
    let arguments = commands::train::with_subcommand(std::env::args_os());
    let command = CommandLine::parse_from(arguments).command;
    let command = command.unwrap_or_else(|| Command::Build(commands::build::Build::default()));
    let outcome = match command {
        Command::Build(build) => build.run(),
        Command::Adapt(adapt) => adapt.run(),
        Command::Bench(bench) => bench.run(),
        Command::Train(train) => train.run(),
        Command::New(new) => new.run(),
        Command::Run(run) => run.run(),
        Command::Generate(generate) => generate.run(),
        Command::Cosim(cosim) => cosim.run(),
        Command::Curves(curves) => curves.run(),
        Command::Synth(synth) => synth.run(),
        Command::Vectors(vectors) => vectors.run(),
    };
    match outcome.and_then(print) {
        Ok(code) => code,
        Err(failure) => {
            // Nothing can be done about a standard error that is closed.
            let _ = writeln!(std::io::stderr(), "error: {}", failure.message());
            failure.exit_code()
        }
    }
}

/// Prints what a command has to say; a reader that has gone away is no failure.
fn print(outcome: Outcome) -> Result<ExitCode, Failure> {
    let mut out = std::io::stdout().lock();
    match out.write_all(outcome.text.as_bytes()).and_then(|()| out.flush()) {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::Input(format!("standard output: {e}")))
        }
        _ if outcome.passed => Ok(ExitCode::SUCCESS),
        _ => Ok(ExitCode::from(1)),
    }
}
