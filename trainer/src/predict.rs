//! What a network says, frame by frame.

use ndarray::{Array2, ArrayView2, s};

use crate::{
    Error, Network, Result,
    gradient::{Workspace, forward},
};

/// Frames that are computed together.
const CHUNK: usize = 1024;

impl Network {
    /// The outputs `[frames, outputs]` for inputs `[frames, inputs]`.
    ///
    /// # Errors
    /// The frames do not have as many numbers as the network has inputs, or the network is empty.
    pub fn predict(&self, inputs: ArrayView2<f32>) -> Result<Array2<f32>> {
        Ok(self.predict_levels(inputs)?.pop().unwrap_or_default())
    }

    /// The outputs `[frames, outputs]` of every quality level, the lowest first, for inputs `[frames, inputs]`.
    ///
    /// # Errors
    /// As [`predict`](Self::predict).
    pub fn predict_levels(&self, inputs: ArrayView2<f32>) -> Result<Vec<Array2<f32>>> {
        if self.graph().levels().is_empty() || inputs.ncols() != self.inputs() {
            return Err(Error::Network(format!(
                "frames of {} numbers, expected {}",
                inputs.ncols(),
                self.inputs()
            )));
        }
        let mut workspace = Workspace::new(self, CHUNK.min(inputs.nrows()));
        let outlets = self.outlets();
        let mut outputs: Vec<_> =
            outlets.iter().map(|_| Array2::zeros((inputs.nrows(), self.outputs()))).collect();
        for start in (0..inputs.nrows()).step_by(CHUNK) {
            let rows = CHUNK.min(inputs.nrows() - start);
            workspace.fill(self, inputs, start..start + rows);
            forward(self, &self.parameters, rows, None, &mut workspace);
            for (outlet, outputs) in outlets.iter().zip(&mut outputs) {
                outputs.slice_mut(s![start..start + rows, ..]).assign(&outlet.take(&workspace.values, rows));
            }
        }
        Ok(outputs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Function;
    use emeuro_golden::BlockGeometry;

    #[test]
    fn predict_is_the_formula() {
        let mut network = Network::new();
        let x = network.input(2).unwrap();
        let a = network.dense(x, 2).unwrap();
        let b = network.activate(a, Function::Relu).unwrap();
        let sum = network.add(a, b).unwrap();
        let product = network.multiply(sum, a).unwrap();
        let larger = network.maximum(product, a).unwrap();
        let pairs = BlockGeometry { repeat: vec![2], in_stride: vec![0], ..BlockGeometry::dense(2, 1) };
        let pairs = BlockGeometry { out_stride: vec![1], shared: false, ..pairs };
        let y = network.block(larger, pairs).unwrap();
        network.set_parameters(a, &[1.0, 2.0, -3.0, 0.5], &[0.25, 0.0]).unwrap();
        network.set_parameters(y, &[1.0, 1.0, 2.0, 0.0], &[0.0, -1.0]).unwrap();
        // a = (3.25, -2.5), the sum (6.5, -2.5), the product (21.125, 6.25), and larger than a (21.125, 6.25).
        let y = network.predict(ndarray::array![[1.0, 1.0]].view()).unwrap();
        assert_eq!(y, ndarray::array![[27.375, 41.25]]);
    }
}
