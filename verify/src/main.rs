//! `emeuro-verify`: proofs about generated units, mutants of them, and the summary of a test run.

use std::path::PathBuf;
use std::process::ExitCode;
use std::thread;

use clap::{Parser, Subcommand};
use emeuro_verify::mutation::Plan;
use emeuro_verify::{Result, Summary, Tools, formal, mutation, results_folder};

/// Every property is proven, or every mutant accounted for.
const OK: u8 = 0;
/// A check failed.
const FAILED: u8 = 1;
/// Bad usage, a missing tool, or an error.
const ERROR: u8 = 2;

/// Evidence about the generated Verilog beyond simulation.
#[derive(Parser)]
#[command(version, after_help = "Example: emeuro-verify formal requantiser --json")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
    /// Prints the report as JSON instead of lines.
    #[arg(long, global = true)]
    json: bool,
    /// Folder for results, logs and traces; by default $EMEURO_VERIFICATION or target/verification.
    #[arg(long, global = true)]
    out: Option<PathBuf>,
    /// Proofs or simulations at a time; by default as many as there are cores.
    #[arg(long, global = true)]
    jobs: Option<usize>,
}

#[derive(Subcommand)]
enum Command {
    /// Proves properties of units with SymbiYosys, and shows that each proof can fail.
    Formal {
        /// Only the proofs whose names contain this.
        #[arg(default_value = "")]
        filter: String,
    },
    /// Changes netlists of units and of a whole design at random, and counts the changes that benches notice.
    Mutate {
        /// Only the designs whose names contain this; `whole` is the whole design.
        #[arg(default_value = "")]
        filter: String,
        /// Decides mutants and stimulus.
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// Folder with the recordings of units; by default `units` in the folder for results.
        #[arg(long)]
        units: Option<PathBuf>,
        /// Mutants of the whole design.
        #[arg(long)]
        whole: Option<usize>,
        /// The least share of mutants that must be killed, of those that are not proven equivalent.
        #[arg(long, default_value_t = 0.97)]
        least: f64,
    },
    /// Sums up what the steps of a test run have left in the folder for results.
    Summary,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    ExitCode::from(match run(&arguments) {
        Ok(true) => OK,
        Ok(false) => FAILED,
        Err(error) => {
            eprintln!("error: {error}");
            ERROR
        }
    })
}

fn run(arguments: &Arguments) -> Result<bool> {
    let tools = Tools::from_env();
    let folder = arguments.out.clone().unwrap_or_else(results_folder);
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let jobs = arguments.jobs.unwrap_or(cores).max(1);
    let say = |line: &str| {
        if !arguments.json {
            println!("{line}");
        }
    };
    match &arguments.command {
        Command::Formal { filter } => {
            let report = formal::run(&tools, &folder, filter, jobs, &say)?;
            if arguments.json {
                println!("{}", serde_json::to_string_pretty(&report).unwrap_or_default());
            } else {
                println!(
                    "{} of {} properties proven, {} of {} planted faults found, {:.0} s; {}",
                    report.proven,
                    report.properties,
                    report.faults_found,
                    report.faults,
                    report.seconds,
                    folder.join("formal.json").display()
                );
            }
            Ok(report.holds())
        }
        Command::Mutate { filter, seed, units, whole, least } => {
            let units = units.clone().unwrap_or_else(|| folder.join("units"));
            let plan = Plan { units: Some(units), seed: *seed, filter: filter.clone(), whole: *whole };
            let report = mutation::run(&tools, &folder, &plan, jobs, &say)?;
            if arguments.json {
                println!("{}", serde_json::to_string_pretty(&report).unwrap_or_default());
            } else {
                print!("{}", report.table());
                println!("{}", folder.join("mutation.json").display());
            }
            Ok(report.share >= *least)
        }
        Command::Summary => {
            let summary = Summary::read(&folder)?;
            match arguments.json {
                true => println!("{}", serde_json::to_string_pretty(&summary.json()).unwrap_or_default()),
                false => print!("{summary}"),
            }
            Ok(summary.holds())
        }
    }
}
