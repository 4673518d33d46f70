//! Dead-leaves images: overlapping discs with the occlusions and scales of natural images.
//!
//! The model of Lee, Mumford and Huang, "Occlusion models for natural images", IJCV 41 (2001): discs fall from nearest
//! to farthest, with centres uniform, grey levels uniform and a density of radii ∝ r⁻³, which makes the image's
//! statistics invariant to scale.

use rand::{Rng, RngExt};

/// Canvas samples per pixel in either direction.
const SAMPLES_PER_PIXEL: usize = 2;
/// Side of an image, pixels.
const PIXELS: usize = 128;
/// Side of the canvas, samples.
const SIDE: usize = PIXELS * SAMPLES_PER_PIXEL;
/// Smallest and largest radius of a leaf, pixels.
const RADII: (f64, f64) = (1.5, 32.0);
/// Leaves after which what is still bare stays grey; it takes about 3000 to cover a canvas.
const MAX_LEAVES: usize = 20_000;

/// A continuous image of grey levels in [-1, 1], from a sampled one.
pub(crate) struct DeadLeaves {
    canvas: Vec<f64>,
}

impl DeadLeaves {
    /// Side of the image, pixels.
    pub(crate) const SIDE: f64 = PIXELS as f64;

    /// Drops leaves until the canvas is covered, then blurs by a binomial filter of σ = 1 pixel: the optics of a camera,
    /// without which edges are steps that no image derivative can follow.
    pub(crate) fn random(rng: &mut impl Rng) -> DeadLeaves {
        let mut canvas = vec![f64::NAN; SIDE * SIDE];
        let mut bare = canvas.len();
        for _ in 0..MAX_LEAVES {
            if bare == 0 {
                break;
            }
            bare -= drop_leaf(rng, &mut canvas);
        }
        canvas.iter_mut().filter(|level| level.is_nan()).for_each(|level| *level = 0.0);
        // Variance 2 samples each: together σ = 2 samples = 1 pixel.
        let canvas = blur(&blur(&canvas));
        DeadLeaves { canvas }
    }

    /// Grey level at a place in pixels (Catmull–Rom interpolation); the image ends at its border values.
    pub(crate) fn level(&self, x: f64, y: f64) -> f64 {
        let (x, y) = (x * SAMPLES_PER_PIXEL as f64, y * SAMPLES_PER_PIXEL as f64);
        let (column, row) = (x.floor(), y.floor());
        let (across, down) = (catmull_rom(x - column), catmull_rom(y - row));
        let at = |start: f64, k: usize| (start as i64 + k as i64 - 1).clamp(0, SIDE as i64 - 1) as usize;
        let mut level = 0.0;
        for (k, weight) in down.iter().enumerate() {
            let line = &self.canvas[at(row, k) * SIDE..][..SIDE];
            level += weight * (0..4).map(|m| across[m] * line[at(column, m)]).sum::<f64>();
        }
        level.clamp(-1.0, 1.0)
    }
}

/// Paints one disc where the canvas is bare; returns how many samples that were.
fn drop_leaf(rng: &mut impl Rng, canvas: &mut [f64]) -> usize {
    // Inverse of the distribution function of the density ∝ r⁻³ between the two radii.
    let (least, most) = (RADII.0.powi(-2), RADII.1.powi(-2));
    let radius = (least - rng.random::<f64>() * (least - most)).powf(-0.5) * SAMPLES_PER_PIXEL as f64;
    let border = RADII.1 * SAMPLES_PER_PIXEL as f64;
    let (low, high) = (-border, SIDE as f64 + border);
    let (x, y) = (rng.random_range(low..high), rng.random_range(low..high));
    let level = rng.random_range(-1.0..1.0);
    let mut painted = 0;
    let span = |centre: f64, reach: f64| {
        let first = (centre - reach).ceil().clamp(0.0, SIDE as f64) as usize;
        let last = (centre + reach).floor().clamp(-1.0, SIDE as f64 - 1.0) as i64;
        first..(last + 1).max(first as i64) as usize
    };
    for row in span(y, radius) {
        let half = (radius * radius - (row as f64 - y).powi(2)).max(0.0).sqrt();
        for sample in &mut canvas[row * SIDE..][span(x, half)] {
            if sample.is_nan() {
                *sample = level;
                painted += 1;
            }
        }
    }
    painted
}

/// Binomial filter of nine taps (σ² = 2 samples) in both directions; edges repeat.
fn blur(canvas: &[f64]) -> Vec<f64> {
    const TAPS: [f64; 9] = [1.0, 8.0, 28.0, 56.0, 70.0, 56.0, 28.0, 8.0, 1.0];
    let pass = |source: &[f64], step: usize, line: usize| -> Vec<f64> {
        let mut blurred = vec![0.0; source.len()];
        for start in 0..SIDE {
            for i in 0..SIDE {
                let tap = |k: usize| (i + k).saturating_sub(4).min(SIDE - 1) * step + start * line;
                let sum: f64 = TAPS.iter().enumerate().map(|(k, weight)| weight * source[tap(k)]).sum();
                blurred[i * step + start * line] = sum / 256.0;
            }
        }
        blurred
    };
    pass(&pass(canvas, 1, SIDE), SIDE, 1)
}

/// Weights of the samples at -1, 0, 1, 2 for a place in [0, 1).
fn catmull_rom(t: f64) -> [f64; 4] {
    let (t2, t3) = (t * t, t * t * t);
    [
        0.5 * (-t3 + 2.0 * t2 - t),
        0.5 * (3.0 * t3 - 5.0 * t2 + 2.0),
        0.5 * (-3.0 * t3 + 4.0 * t2 + t),
        0.5 * (t3 - t2),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    fn image() -> DeadLeaves {
        DeadLeaves::random(&mut ChaCha8Rng::seed_from_u64(1))
    }

    #[test]
    fn levels_are_grey_and_continuous() {
        let image = image();
        for i in 0..2000 {
            let (x, y) = (i as f64 * 0.0613, (i as f64 * 0.7931) % DeadLeaves::SIDE);
            let here = image.level(x, y);
            assert!((-1.0..=1.0).contains(&here));
            assert!((image.level(x + 1e-6, y) - here).abs() < 1e-5);
        }
    }

    #[test]
    fn interpolation_meets_the_samples() {
        let image = image();
        assert_eq!(image.level(10.5, 7.0), image.canvas[14 * SIDE + 21]);
        assert_eq!(catmull_rom(0.0), [0.0, 1.0, 0.0, 0.0]);
        assert!((catmull_rom(0.3).iter().sum::<f64>() - 1.0).abs() < 1e-15);
    }

    #[test]
    fn grey_levels_spread_as_uniform_leaves_do() {
        let mut rng = ChaCha8Rng::seed_from_u64(2);
        let (mut sum, mut squares, mut count) = (0.0, 0.0, 0.0);
        for _ in 0..4 {
            for level in DeadLeaves::random(&mut rng).canvas {
                sum += level;
                squares += level * level;
                count += 1.0;
            }
        }
        // Blur only takes from the variance 1/3 of a uniform level.
        let variance = squares / count - (sum / count).powi(2);
        assert!((sum / count).abs() < 0.15 && (0.15..1.0 / 3.0).contains(&variance), "{sum} {variance}");
    }
}
