//! Activation functions: ReLU, and any unary function as a piecewise-linear table.

use crate::{error::EmulatorError, format::Format};

/// The most segments that a table may have, as a power of two.
pub const MAX_SEGMENTS_LOG2: u32 = 10;

/// The table error that [`Activation::table`] aims for: rms over the input range, relative to the function's own spread.
pub const TABLE_ERROR: f64 = 1e-4;

/// A function of one word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Activation {
    /// max(0, x); input and output share one format.
    Relu,
    /// Piecewise linear between 2^k + 1 equidistant knots over the whole input range, 1 ≤ k ≤ 10.
    ///
    /// With B input bits, u = x + 2^(B-1), segment i = u >> (B-k) and remainder r = the low B-k bits of u:
    /// y = knots\[i\] + ((knots\[i+1\] - knots\[i\]) · r + 2^(B-k-1)) >> (B-k).
    Table {
        /// The function's name, for people.
        function: String,
        /// The function at the segment borders, as words of the output format.
        knots: Vec<i16>,
    },
}

impl Activation {
    /// A table of `f` over the whole range of `input`, with the fewest segments that bring the interpolation error
    /// below [`TABLE_ERROR`] (or the most segments there are). Values saturate to `output`.
    ///
    /// # Errors
    /// `f` is not finite at a knot.
    pub fn table(
        function: &str,
        f: impl Fn(f64) -> f64,
        input: Format,
        output: Format,
    ) -> Result<Self, EmulatorError> {
        let most = MAX_SEGMENTS_LOG2.min(input.bits());
        let segments = (1..most).find(|&k| interpolation_error(&f, input, k) <= TABLE_ERROR).unwrap_or(most);
        let knots = knot_positions(input, segments)
            .map(|x| match f(x) {
                y if y.is_finite() => Ok(output.quantise(y)),
                y => Err(EmulatorError::new(
                    format!("table {function:?}"),
                    format!("{y} at {x}: expected a number"),
                )),
            })
            .collect::<Result<_, _>>()?;
        Ok(Self::Table { function: function.to_owned(), knots })
    }

    /// The function's name.
    pub fn name(&self) -> &str {
        match self {
            Self::Relu => "relu",
            Self::Table { function, .. } => function,
        }
    }

    /// The activation of one word of format `input`.
    pub fn apply(&self, x: i16, input: Format) -> i16 {
        match self {
            Self::Relu => x.max(0),
            Self::Table { knots, .. } => {
                let low = input.bits() - (knots.len() - 1).ilog2();
                let u = i32::from(x) - input.min();
                let (segment, rest) = ((u >> low) as usize, u & ((1 << low) - 1));
                let (from, to) = (i64::from(knots[segment]), i64::from(knots[segment + 1]));
                // The rounded step never leaves the interval of the two knots, so the sum is a word.
                (from + round_shift(i64::from(rest) * (to - from), low)) as i16
            }
        }
    }

    /// Checks the activation against its formats.
    pub(crate) fn check(&self, input: Format, output: Format) -> Result<(), EmulatorError> {
        match self {
            Self::Relu if input == output => Ok(()),
            Self::Relu => Err(EmulatorError::new("format", "relu: expected the format of its input")),
            Self::Table { knots, .. } => {
                let segments = knots.len().wrapping_sub(1);
                let most = 1 << MAX_SEGMENTS_LOG2.min(input.bits());
                if !segments.is_power_of_two() || segments < 2 || segments > most {
                    return Err(EmulatorError::expected(
                        "knots",
                        format_args!("2^k + 1 with 2 <= 2^k <= {most}"),
                        knots.len(),
                    ));
                }
                match knots.iter().position(|&y| !output.holds(i64::from(y))) {
                    Some(i) => {
                        let problem = format!("[{i}] = {} does not fit {} bits", knots[i], output.bits());
                        Err(EmulatorError::new("knots", problem))
                    }
                    None => Ok(()),
                }
            }
        }
    }
}

fn round_shift(value: i64, shift: u32) -> i64 {
    if shift == 0 { value } else { (value + (1 << (shift - 1))) >> shift }
}

fn knot_positions(input: Format, segments_log2: u32) -> impl Iterator<Item = f64> {
    let (lowest, step) = (f64::from(input.min()), 2f64.powi((input.bits() - segments_log2) as i32));
    (0..=1u32 << segments_log2).map(move |i| (lowest + f64::from(i) * step) * 2f64.powi(-input.frac()))
}

/// Rms error of the ideal interpolation over every word of `input`, relative to the standard deviation of `f`.
fn interpolation_error(f: &impl Fn(f64) -> f64, input: Format, segments_log2: u32) -> f64 {
    let knots: Vec<f64> = knot_positions(input, segments_log2).map(f).collect();
    let low = input.bits() - segments_log2;
    let (mut error, mut sum, mut squares) = (0.0, 0.0, 0.0);
    for u in 0..1i32 << input.bits() {
        let exact = f(input.value((u + input.min()) as i16));
        let (segment, rest) = ((u >> low) as usize, f64::from(u & ((1 << low) - 1)) / f64::from(1 << low));
        error += (knots[segment] + (knots[segment + 1] - knots[segment]) * rest - exact).powi(2);
        sum += exact;
        squares += exact * exact;
    }
    let count = f64::from(1i32 << input.bits());
    let variance = squares / count - (sum / count).powi(2);
    if variance > 0.0 { (error / count / variance).sqrt() } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sigmoid(x: f64) -> f64 {
        1.0 / (1.0 + (-x).exp())
    }

    /// Rms error of a quantised table over every input word, relative to the standard deviation of the function.
    fn measured_error(table: &Activation, f: fn(f64) -> f64, input: Format, output: Format) -> f64 {
        let words = || (input.min()..=input.max()).map(|x| x as i16);
        let mean = words().map(|x| f(input.value(x))).sum::<f64>() / 65536.0;
        let spread: f64 = words().map(|x| (f(input.value(x)) - mean).powi(2)).sum();
        let error: f64 =
            words().map(|x| (output.value(table.apply(x, input)) - f(input.value(x))).powi(2)).sum();
        (error / spread).sqrt()
    }

    #[test]
    fn tables_are_within_a_hundredth_of_a_percent_and_no_longer_than_that_takes() {
        let input = Format::new(16, 12).unwrap();
        let check = |name: &str, f: fn(f64) -> f64, frac: i32| {
            let output = Format::new(16, frac).unwrap();
            let table = Activation::table(name, f, input, output).unwrap();
            let error = measured_error(&table, f, input, output);
            assert!(error <= TABLE_ERROR, "{name}: {error:e}");
            let Activation::Table { knots, .. } = table else { panic!("{name} is a table") };
            let half = knots.into_iter().step_by(2).collect();
            let half = Activation::Table { function: name.into(), knots: half };
            let error = measured_error(&half, f, input, output);
            assert!(error > TABLE_ERROR, "{name}: half of the segments leave {error:e}");
        };
        check("sigmoid", sigmoid, 15);
        check("tanh", f64::tanh, 15);
        check("silu", |x| x * sigmoid(x), 12);
        check("square", |x| x * x, 9);
    }

    #[test]
    fn a_table_of_words_interpolates_and_rounds_half_up() {
        let input = Format::new(8, 0).unwrap();
        let table = Activation::Table { function: "v".into(), knots: vec![127, 0, 127] };
        assert_eq!(table.apply(-128, input), 127);
        assert_eq!(table.apply(0, input), 0);
        assert_eq!(table.apply(64, input), 64); // 63.5 rounds up
        assert_eq!(table.apply(-64, input), 64); // 127 - 63.5, the step rounds up to -63
    }

    #[test]
    fn knots_are_counted_and_bounded() {
        let (word, byte) = (Format::new(16, 0).unwrap(), Format::new(8, 0).unwrap());
        let table = |knots: Vec<i16>| Activation::Table { function: "f".into(), knots };
        assert!(table(vec![0; 4]).check(word, word).is_err());
        assert!(table(vec![0; 2]).check(word, word).is_err());
        assert!(table(vec![0; 2049]).check(word, word).is_err());
        assert!(table(vec![0, 128, 0]).check(word, byte).is_err());
        assert!(table(vec![0; 257]).check(byte, byte).is_ok());
        assert!(Activation::Relu.check(word, byte).is_err());
    }

    #[test]
    fn a_function_without_a_value_is_refused() {
        let word = Format::new(16, 0).unwrap();
        assert!(Activation::table("log", f64::ln, word, word).is_err());
    }
}
