//! What the five programs share: they run twice, exactly and as `EMEURO_MODE` says, and compare; and they read tables of numbers.

use std::{
    error::Error,
    path::Path,
    process::ExitCode,
    time::{Duration, Instant},
};

use emeuro_golden::nrmse_masked;
use emeuro_regions::{Mode, Region};

pub(crate) type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Says what went wrong, if something did.
pub(crate) fn exit(result: Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

/// Gives the region called `name` the checked-in emulator of the application `app`, then the mode that the environment says; `emulate`
/// if it says nothing.
#[allow(dead_code, reason = "not every program is an application")]
pub(crate) fn set_up(name: &str, app: &str) -> Result<&'static Region> {
    set_up_file(name, &format!("apps/emulators/{app}.yaml"))
}

/// The same with the emulator in `file`.
pub(crate) fn set_up_file(name: &str, file: &str) -> Result<&'static Region> {
    let region = emeuro_regions::region(name)?;
    emeuro_regions::load(name, Path::new(env!("CARGO_MANIFEST_DIR")).join(file))?;
    region.set_mode("emulate".parse()?)?;
    emeuro_regions::init()?;
    Ok(region)
}

/// Runs `work` exactly and as the region's mode says, and prints times and the error of what it gives: rows of `width` numbers. Numbers
/// that are not finite in the exact run do not count.
pub(crate) fn compare(region: &Region, width: usize, mut work: impl FnMut() -> Vec<f64>) -> Result<()> {
    let mode = region.mode();
    region.set_mode(Mode::Exact)?;
    let (exact_time, exact) = best_of(3, &mut work);
    println!("exact      {:9.3} ms", milliseconds(exact_time));
    if mode == Mode::Exact {
        return Ok(());
    }
    region.set_mode(mode)?;
    let rounds = if mode == Mode::Profile { 1 } else { 3 };
    let (time, answer) = best_of(rounds, &mut work);
    let speed_up = exact_time.as_secs_f64() / time.as_secs_f64();
    println!("{:10} {:9.3} ms, {speed_up:.2} times as fast", mode.to_string(), milliseconds(time));
    let error = nrmse_masked(&exact, &answer, width, |index| exact[index].is_finite());
    if let Some(error) = error {
        println!("error      {:9.3} % of the spread (NRMSE)", 100.0 * error);
    }
    let counts = region.counts();
    println!("calls      {} emulated, {} by the exact code", counts.emulated, counts.exact);
    if let Mode::Check { .. } = mode {
        let quality = region.quality();
        let percent = [quality.nrmse, quality.low, quality.high].map(|share| 100.0 * share);
        println!(
            "checked    {:.3} % per call ({:.3} to {:.3}), {} checks",
            percent[0], percent[1], percent[2], quality.checks
        );
    }
    if let Some(folder) = emeuro_regions::finish()? {
        println!("profile    in {}", folder.display());
    }
    Ok(())
}

fn best_of(rounds: usize, work: &mut impl FnMut() -> Vec<f64>) -> (Duration, Vec<f64>) {
    let mut best = Duration::MAX;
    let mut results = vec![];
    for _ in 0..rounds {
        let begun = Instant::now();
        results = work();
        best = best.min(begun.elapsed());
    }
    (best, results)
}

fn milliseconds(time: Duration) -> f64 {
    1e3 * time.as_secs_f64()
}

/// Rows of `width` numbers from a CSV or NPY file.
#[allow(dead_code, reason = "not every program reads tables")]
pub(crate) fn read_rows(path: &str, width: usize) -> Result<Vec<Vec<f64>>> {
    let frames = emeuro_tables::read(path)?.frames(width, None)?;
    frames.notes.iter().for_each(|note| eprintln!("note: {path}: {note}"));
    Ok(frames.rows.outer_iter().map(|row| row.to_vec()).collect())
}
