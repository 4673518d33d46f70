//! Training through rounding: trained parameters, expanded to a layer's weights, rounded to the exported integers.
//!
//! Layers that read the input are trained in whitened coordinates here too: weights = base + parameters · basis. Hundreds of
//! nearly equal inputs would otherwise make any step size too large for their sum and too small for their differences.

use ndarray::{Array2, linalg::general_mat_mul};

use crate::{
    feedback::Rounder,
    network::Network,
    rounding::{Rounding, round_bias},
};

/// How a network in fixed point is made from the parameters that are trained.
pub(crate) struct Rounded {
    /// Layout of the trained parameters: the same graph over whitened coordinates.
    pub(crate) inner: Network,
    /// Per node, the coordinates in which the layers that read it are trained; `None`: as they are.
    pub(crate) bases: Vec<Option<Basis>>,
    /// Weights that are not trained, in the layout of the network; they count in layers with a basis only.
    pub(crate) base: Option<Vec<f32>>,
    /// Rounding of every node's vector.
    pub(crate) nodes: Vec<Rounding>,
    /// Rounding of every layer's weights.
    pub(crate) weights: Vec<Option<Rounder>>,
    /// Per layer, the reciprocal of its accumulator's last place.
    pub(crate) units: Vec<f32>,
}

/// Whitened coordinates of a vector.
#[derive(Clone, Debug)]
pub(crate) struct Basis {
    /// `[coordinates, elements]`: one coordinate in terms of the elements that the layers see.
    pub(crate) matrix: Array2<f32>,
    /// `[elements, coordinates]`, the right inverse of `matrix`.
    pub(crate) inverse: Array2<f32>,
}

impl Rounded {
    fn basis(&self, i: usize) -> Option<&Basis> {
        self.inner.operands(i).find_map(|operand| self.bases[operand].as_ref())
    }

    /// The rounded parameters of `network` for trained `parameters`; `shadow` is scratch of the same size.
    pub(crate) fn expand(
        &self,
        network: &Network,
        parameters: &[f32],
        shadow: &mut [f32],
        expanded: &mut [f32],
    ) {
        for i in network.affine_nodes() {
            let (from, to) = (self.inner.weights_range(i), network.weights_range(i));
            if let Some(basis) = self.basis(i) {
                let keep = match &self.base {
                    Some(base) => {
                        shadow[to.clone()].copy_from_slice(&base[to]);
                        1.0
                    }
                    None => 0.0,
                };
                let mut w = network.weights_mut(shadow, i);
                general_mat_mul(1.0, &self.inner.weights(parameters, i), &basis.matrix, keep, &mut w);
            } else {
                shadow[to].copy_from_slice(&parameters[from]);
            }
            match &self.weights[i] {
                Some(rounder) => rounder.round(network.weights(shadow, i), network.weights_mut(expanded, i)),
                None => network.weights_mut(expanded, i).assign(&network.weights(shadow, i)),
            }
            let biases =
                expanded[network.bias_range(i)].iter_mut().zip(&parameters[self.inner.bias_range(i)]);
            biases.for_each(|(e, &b)| *e = round_bias(b, self.units[i]));
        }
    }

    /// The gradient of the trained parameters from that of the network's (rounding counts as the identity).
    pub(crate) fn contract(&self, network: &Network, gradient: &[f32], contracted: &mut [f32]) {
        for i in network.affine_nodes() {
            if let Some(basis) = self.basis(i) {
                let mut g = self.inner.weights_mut(contracted, i);
                general_mat_mul(1.0, &network.weights(gradient, i), &basis.matrix.t(), 0.0, &mut g);
            } else {
                contracted[self.inner.weights_range(i)].copy_from_slice(&gradient[network.weights_range(i)]);
            }
            contracted[self.inner.bias_range(i)].copy_from_slice(&gradient[network.bias_range(i)]);
        }
    }

    /// Moves the parameters a share `pull` of the way to their rounded values.
    ///
    /// With the straight-through estimator alone a weight ends at the border between two integers and jumps between them,
    /// which is worse than plain rounding to the nearest (Nagel et al., "Overcoming oscillations in quantization-aware
    /// training", 2022); the pull makes it settle. `shadow` and `expanded` are those of [`Rounded::expand`].
    pub(crate) fn settle(
        &self,
        network: &Network,
        parameters: &mut [f32],
        shadow: &mut [f32],
        expanded: &[f32],
        pull: f32,
    ) {
        for i in network.affine_nodes() {
            let range = network.weights_range(i);
            let inner = self.inner.weights_range(i);
            if let Some(basis) = self.basis(i) {
                shadow[range.clone()].iter_mut().zip(&expanded[range]).for_each(|(s, e)| *s = e - *s);
                let mut w = self.inner.weights_mut(parameters, i);
                general_mat_mul(pull, &network.weights(shadow, i), &basis.inverse, 1.0, &mut w);
            } else {
                let ways = expanded[range.clone()].iter().zip(&shadow[range]).map(|(e, s)| e - s);
                parameters[inner].iter_mut().zip(ways).for_each(|(p, way)| *p += pull * way);
            }
        }
    }

    /// Brings weights back into the range of their formats; those in whitened coordinates saturate when expanded.
    pub(crate) fn clamp(&self, parameters: &mut [f32]) {
        for i in self.inner.affine_nodes() {
            if let (Some(rounder), None) = (&self.weights[i], self.basis(i)) {
                parameters[self.inner.weights_range(i)].iter_mut().for_each(|w| *w = rounder.grid.clamp(*w));
            }
        }
    }
}
