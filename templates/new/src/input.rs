//! What the program works on: a file of the user's, or inputs like those of real work.

use std::{fs, path::Path};

use emeuro_regions::Frame;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::region::{Input, forward};

/// Steps of a movement.
const STEPS: usize = 20;

/// `count` inputs. The same seed gives the same ones, another seed gives others: what an emulator learns from and what it is measured
/// on must not be the same.
///
/// The hand goes from place to place within reach, on straight lines, slow at both ends (minimum jerk: T. Flash, N. Hogan, 1985).
pub(crate) fn generate(count: usize, seed: u64) -> Vec<Input> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut inputs = vec![];
    let mut from = place(&mut rng);
    while inputs.len() < count {
        let to = place(&mut rng);
        for step in 0..STEPS {
            let t = step as f64 / STEPS as f64;
            let way = t * t * t * (10.0 - 15.0 * t + 6.0 * t * t);
            inputs.push(std::array::from_fn(|k| from[k] + way * (to[k] - from[k])));
        }
        from = to;
    }
    inputs.truncate(count);
    inputs
}

/// A place and direction of the hand that the arm reaches.
fn place(rng: &mut ChaCha8Rng) -> Input {
    let mut between = |low: f64, high: f64| rng.random_range(low..high);
    let joints = [between(0.8, 1.8), between(-1.5, -0.5), between(-1.2, -0.2), between(-0.8, 0.2)];
    forward(joints).0
}

/// The inputs in a CSV file: one per line, numbers separated by commas, no header.
pub(crate) fn read(path: &Path) -> Result<Vec<Input>, String> {
    let text = fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?;
    let mut inputs = vec![];
    for (line, row) in text.lines().enumerate().filter(|(_, row)| !row.trim().is_empty()) {
        let wrong = |problem: String| format!("{}: line {}: {problem}", path.display(), line + 1);
        let number = |text: &str| text.trim().parse().ok().filter(|value: &f64| value.is_finite());
        let values: Vec<f64> = row
            .split(',')
            .map(|text| {
                number(text).ok_or_else(|| wrong(format!("expected a finite number, found {text:?}")))
            })
            .collect::<Result<_, _>>()?;
        if values.len() != Input::SIZE {
            return Err(wrong(format!("expected {} numbers, found {}", Input::SIZE, values.len())));
        }
        inputs.push(Input::read(&values));
    }
    match inputs.is_empty() {
        true => Err(format!("{}: expected at least one line", path.display())),
        false => Ok(inputs),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_make_the_inputs() {
        assert_eq!(generate(100, 1), generate(100, 1));
        assert!(generate(100, 1).iter().zip(generate(100, 2)).all(|(a, b)| *a != b));
    }

    #[test]
    fn what_is_wrong_with_a_file_is_said() {
        let path = std::env::temp_dir().join(format!("input-{}.csv", std::process::id()));
        let read_text = |text: &str| {
            fs::write(&path, text).unwrap();
            read(&path)
        };
        assert_eq!(read_text("0.5, 0.25,1\n\n").unwrap(), [[0.5, 0.25, 1.0]]);
        assert!(read_text("0.5,0.25,1\n1,2\n").unwrap_err().contains("line 2: expected 3 numbers, found 2"));
        assert!(read_text("0.5,x,1\n").unwrap_err().contains("found \"x\""));
        assert!(read_text("0.5,NaN,1\n").unwrap_err().contains("line 1: expected a finite number"));
        assert!(read_text("").unwrap_err().contains("at least one line"));
        fs::remove_file(&path).unwrap();
        assert!(read(&path).is_err());
    }
}
