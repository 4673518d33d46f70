//! Times and errors of a region's emulator, for the examples.

use std::time::{Duration, Instant};

use emeuro_golden::nrmse;
use emeuro_regions::{Frame, Mode, Region};

/// Calls `f` for all `inputs` exactly and emulated in turn, and prints median times, the error over all outputs and those of the
/// outputs called `names`.
pub(crate) fn compare<I: Copy, O: Frame>(
    region: &Region,
    inputs: &[I],
    names: &[&str],
    f: impl Fn(I) -> O,
) -> emeuro_regions::Result<()> {
    let before = region.mode();
    let (exact, emulated) = (Mode::Exact, Mode::Emulate { quality: u32::MAX });
    let mut sides = [(exact, vec![], vec![]), (emulated, vec![], vec![])];
    for _ in 0..15 {
        for (mode, times, outputs) in &mut sides {
            region.set_mode(*mode)?;
            let begun = Instant::now();
            *outputs = inputs.iter().map(|&input| f(input)).collect::<Vec<O>>();
            times.push(begun.elapsed());
        }
    }
    region.set_mode(before)?;
    let [(_, exact_times, exact), (_, emulated_times, emulated)] = sides;
    let per_call = |times: Vec<Duration>| median(times).as_secs_f64() * 1e9 / inputs.len() as f64;
    let (exact_ns, emulated_ns) = (per_call(exact_times), per_call(emulated_times));
    println!("exact     {exact_ns:.0} ns per call");
    println!("emulated  {emulated_ns:.0} ns per call, {:.2} times as fast", exact_ns / emulated_ns);
    let [exact, emulated] = [exact, emulated].map(|outputs| {
        let mut numbers = vec![0.0; outputs.len() * O::SIZE];
        emeuro_regions::write_slice(&outputs, &mut numbers);
        numbers
    });
    println!(
        "error     {:.2} % NRMSE, {} held-out inputs",
        100.0 * nrmse(&exact, &emulated, O::SIZE),
        inputs.len()
    );
    for (index, name) in names.iter().enumerate() {
        let of = |numbers: &[f64]| numbers.iter().skip(index).step_by(O::SIZE).copied().collect::<Vec<f64>>();
        println!("  {name:8} {:.2} %", 100.0 * nrmse(&of(&exact), &of(&emulated), 1));
    }
    Ok(())
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// The error of an emulator on `inputs`, and the one that its file states.
#[cfg(test)]
pub(crate) fn errors<I: Frame, O: Frame>(file: &str, inputs: Vec<I>, f: impl Fn(I) -> O) -> (f64, f64) {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/emulators");
    let emulator = emeuro_golden::Emulator::load(folder.join(file)).unwrap();
    let mut runner = emeuro_golden::Runner::new(&emulator);
    let (mut exact, mut emulated) = (vec![], vec![]);
    for input in inputs {
        let (mut numbers, mut answer, mut truth) =
            (vec![0.0; I::SIZE], vec![0.0; O::SIZE], vec![0.0; O::SIZE]);
        input.write(&mut numbers);
        runner.infer_values(&numbers, &mut answer).unwrap();
        f(input).write(&mut truth);
        exact.extend(truth);
        emulated.extend(answer);
    }
    (nrmse(&exact, &emulated, O::SIZE), emulator.provenance().nrmse.unwrap())
}
