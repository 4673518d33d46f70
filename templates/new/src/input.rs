//! What the program works on: a file of the user's, or inputs like those of real work.

use std::path::Path;

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

/// The inputs in a CSV or NPY file: one per row.
pub(crate) fn read(path: &Path) -> Result<Vec<Input>, String> {
    let table = emeuro_tables::read(path).map_err(|e| e.to_string())?;
    table.notes().iter().for_each(|note| eprintln!("note: {}: {note}", path.display()));
    let frames = table.frames(Input::SIZE, None).map_err(|e| e.to_string())?;
    Ok(frames.rows.outer_iter().map(|row| Input::read(&row.to_vec())).collect())
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
    fn inputs_are_read_from_a_file() {
        let path = std::env::temp_dir().join(format!("input-{}.csv", std::process::id()));
        let read_text = |text: &str| {
            std::fs::write(&path, text).unwrap();
            read(&path)
        };
        assert_eq!(read_text("x,y,direction\n0.5, 0.25,1\n\n").unwrap(), [[0.5, 0.25, 1.0]]);
        assert!(read_text("1,2\n").unwrap_err().contains("expected rows of 3 numbers, found 2"));
        assert!(read_text("0.5,x,1\n").unwrap_err().contains("found \"x\""));
        std::fs::remove_file(&path).unwrap();
        assert!(read(&path).is_err());
    }
}
