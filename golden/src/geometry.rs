//! Where a block of weights reads and writes: offsets, strides and repeats.

use crate::{error::EmulatorError, vector::MAX_VECTOR};

/// One weight block applied at many places of a vector.
///
/// For every repeat r (a multi-index below `repeat`), output o and window element w (a multi-index below `window`):
///
/// y\[r · `out_stride` + o · `out_step`\] = Σ_w W\[r or 0\]\[o\]\[w\] · x\[`offset` + r · `in_stride` + w · `in_step`\] + b\[r or 0\]\[o\]
///
/// The outputs fill the block's own vector of (product of `repeat`) · `outputs` words exactly once.
/// FFT butterflies, convolutions and per-vertex networks are blocks; a dense layer is a block that is applied once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockGeometry {
    /// Index of the first input word.
    pub offset: i64,
    /// How often the block is applied, per dimension, slowest first.
    pub repeat: Vec<usize>,
    /// Input distance of neighbouring repeats, per dimension of `repeat`.
    pub in_stride: Vec<i64>,
    /// Output distance of neighbouring repeats, per dimension of `repeat`.
    pub out_stride: Vec<i64>,
    /// How many inputs a block reads, per dimension, slowest first.
    pub window: Vec<usize>,
    /// Input distance of neighbouring window elements, per dimension of `window`.
    pub in_step: Vec<i64>,
    /// How many outputs a block has.
    pub outputs: usize,
    /// Output distance of neighbouring outputs of one block.
    pub out_step: i64,
    /// Whether all repeats share one set of weights and biases.
    pub shared: bool,
}

impl BlockGeometry {
    /// The geometry of a dense layer.
    pub fn dense(inputs: usize, outputs: usize) -> Self {
        Self {
            offset: 0,
            repeat: vec![1],
            in_stride: vec![0],
            out_stride: vec![0],
            window: vec![inputs],
            in_step: vec![1],
            outputs,
            out_step: 1,
            shared: true,
        }
    }

    /// How often the block is applied.
    pub fn repeats(&self) -> usize {
        self.repeat.iter().product()
    }

    /// How many inputs one application reads.
    pub fn window_len(&self) -> usize {
        self.window.iter().product()
    }

    /// How many sets of weights there are.
    pub fn weight_sets(&self) -> usize {
        if self.shared { 1 } else { self.repeats() }
    }

    /// The length of the output vector.
    pub fn output_len(&self) -> usize {
        self.repeats() * self.outputs
    }

    /// Input and output index of the first element of every repeat, in order.
    pub fn origins(&self) -> impl Iterator<Item = (i64, i64)> {
        let reads = positions(&self.repeat, &self.in_stride);
        let writes = positions(&self.repeat, &self.out_stride);
        let offset = self.offset;
        reads.zip(writes).map(move |(read, write)| (offset + read, write))
    }

    /// Input distance of every window element from the first, in order.
    pub fn window_offsets(&self) -> impl Iterator<Item = i64> {
        positions(&self.window, &self.in_step)
    }

    /// Checks dimensions, bounds against an input vector of `input_len` words, and that every output is written once.
    ///
    /// # Errors
    /// The first field that is wrong.
    pub fn check(&self, input_len: usize) -> Result<(), EmulatorError> {
        let same_dimensions = |name: &str, strides: &[i64], dims: &[usize]| {
            if strides.len() == dims.len() {
                return Ok(());
            }
            Err(EmulatorError::expected(name, format_args!("{} values", dims.len()), strides.len()))
        };
        same_dimensions("in_stride", &self.in_stride, &self.repeat)?;
        same_dimensions("out_stride", &self.out_stride, &self.repeat)?;
        same_dimensions("in_step", &self.in_step, &self.window)?;
        bounded_product("repeat", &self.repeat)?;
        bounded_product("window", &self.window)?;
        bounded_product("outputs", &[self.repeats(), self.outputs])?;
        let strides = self.in_stride.iter().chain(&self.out_stride).chain(&self.in_step);
        let mut distances = strides.chain([&self.offset, &self.out_step]);
        if let Some(far) = distances.find(|distance| distance.unsigned_abs() > MAX_VECTOR as u64) {
            return Err(EmulatorError::new(
                "stride",
                format!("{far} is longer than any vector ({MAX_VECTOR})"),
            ));
        }
        self.check_reads(input_len)?;
        self.check_writes()
    }

    fn check_reads(&self, input_len: usize) -> Result<(), EmulatorError> {
        let nearest = self.window_offsets().min().unwrap_or(0);
        let farthest = self.window_offsets().max().unwrap_or(0);
        for (repeat, (read, _)) in self.origins().enumerate() {
            if read + nearest < 0 || read + farthest >= input_len as i64 {
                let problem = format!(
                    "repeat {repeat} reads words {}..={}, the input has words 0..={}",
                    read + nearest,
                    read + farthest,
                    input_len - 1
                );
                return Err(EmulatorError::new("in_stride", problem));
            }
        }
        Ok(())
    }

    fn check_writes(&self) -> Result<(), EmulatorError> {
        let mut written = vec![false; self.output_len()];
        for (repeat, (_, write)) in self.origins().enumerate() {
            for output in 0..self.outputs {
                let index = write + output as i64 * self.out_step;
                match usize::try_from(index).ok().and_then(|i| written.get_mut(i)) {
                    Some(seen) if !*seen => *seen = true,
                    Some(_) => {
                        let problem =
                            format!("repeat {repeat}, output {output} writes word {index} a second time");
                        return Err(EmulatorError::new("out_stride", problem));
                    }
                    None => {
                        let problem = format!(
                            "repeat {repeat}, output {output} writes word {index}, the output has words 0..={}",
                            self.output_len() - 1
                        );
                        return Err(EmulatorError::new("out_stride", problem));
                    }
                }
            }
        }
        Ok(())
    }
}

fn bounded_product(name: &str, dims: &[usize]) -> Result<(), EmulatorError> {
    let product = dims.iter().try_fold(1usize, |product, &d| product.checked_mul(d));
    match product {
        Some(1..=MAX_VECTOR) if !dims.is_empty() => Ok(()),
        _ => Err(EmulatorError::expected(
            name,
            format_args!("1..={MAX_VECTOR} elements"),
            format_args!("{dims:?}"),
        )),
    }
}

/// Σ index · stride for every multi-index below `dims`, the last dimension fastest.
fn positions(dims: &[usize], strides: &[i64]) -> impl Iterator<Item = i64> {
    let total: usize = dims.iter().product();
    (0..total).map(move |flat| {
        let (mut rest, mut position) = (flat, 0);
        for (&dim, &stride) in dims.iter().zip(strides).rev() {
            position += (rest % dim) as i64 * stride;
            rest /= dim;
        }
        position
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn butterflies() -> BlockGeometry {
        BlockGeometry {
            offset: 0,
            repeat: vec![4],
            in_stride: vec![1],
            out_stride: vec![1],
            window: vec![2],
            in_step: vec![4],
            outputs: 2,
            out_step: 4,
            shared: true,
        }
    }

    #[test]
    fn positions_count_the_last_dimension_fastest() {
        assert_eq!(positions(&[2, 3], &[10, 1]).collect::<Vec<_>>(), [0, 1, 2, 10, 11, 12]);
    }

    #[test]
    fn strided_blocks_fill_their_output() {
        butterflies().check(8).unwrap();
        assert_eq!(butterflies().output_len(), 8);
    }

    #[test]
    fn reads_and_writes_outside_are_named() {
        let message = |change: fn(&mut BlockGeometry)| {
            let mut geometry = butterflies();
            change(&mut geometry);
            geometry.check(8).unwrap_err().to_string()
        };
        assert_eq!(
            message(|g| g.offset = 1),
            "in_stride: repeat 3 reads words 4..=8, the input has words 0..=7"
        );
        assert_eq!(message(|g| g.out_step = 1), "out_stride: repeat 1, output 0 writes word 1 a second time");
        assert_eq!(
            message(|g| g.out_step = 5),
            "out_stride: repeat 3, output 1 writes word 8, the output has words 0..=7"
        );
        let message_at =
            |offset: i64| BlockGeometry { offset, ..butterflies() }.check(8).unwrap_err().to_string();
        assert_eq!(message(|g| g.in_step = vec![]), "in_step: expected 1 values, found 0");
        let no_window = |g: &mut BlockGeometry| (g.window, g.in_step) = (vec![], vec![]);
        assert_eq!(message(no_window), "window: expected 1..=65536 elements, found []");
        assert!(message(|g| g.repeat = vec![0]).starts_with("repeat: expected 1..="));
        assert!(message(|g| g.window = vec![usize::MAX]).starts_with("window: expected"));
        for far in [i64::MIN, i64::MIN + 1, i64::MAX] {
            assert_eq!(message_at(far), format!("stride: {far} is longer than any vector (65536)"));
        }
    }
}
