//! Equalisation: scaling the elements of hidden vectors so that the weights on both sides use the range of their formats.
//!
//! ReLU, addition, maximum and dense nodes commute with positive factors, so a factor on a hidden element may move from the columns that
//! read it to the rows that make it without changing what is computed (Nagel et al. 2019). One format per layer then wastes less.

use ndarray::{Array1, Axis};

use crate::{
    fixed::{Fixed, Groups},
    network::Network,
};

/// Factors on the elements of `group` worth trying, relative to its present ones; `fixed` is the layout with these.
pub(crate) fn candidates(fixed: &Fixed, groups: &Groups, group: usize, weight_bits: u32) -> Vec<Array1<f64>> {
    let network = &fixed.network;
    let makers: Vec<usize> = network.dense_nodes().filter(|&i| groups.contains(group, i)).collect();
    let readers: Vec<usize> =
        network.dense_nodes().filter(|&i| network.operands(i).all(|o| groups.contains(group, o))).collect();
    let width = network.width(group);
    let rows = extremes(network, &makers, width, 0);
    let columns = extremes(network, &readers, width, 1);
    let full = 1.0 - 2f64.powi(1 - i32::try_from(weight_bits).unwrap_or(8));
    let mut found = vec![];
    for share in [None, Some(0.0), Some(0.25), Some(0.5), Some(0.75), Some(1.0)] {
        let shape: Array1<f64> = match share {
            None => Array1::ones(width),
            Some(share) => (0..width)
                .map(|k| match (rows[k], columns[k]) {
                    (r, c) if r > 0.0 && c > 0.0 => r.powf(share - 1.0) * c.powf(share),
                    _ => f64::NAN,
                })
                .collect(),
        };
        let Some(shape) = tame(shape) else { continue };
        // A common factor that lets the largest weight of one layer just fit: the weights of the others then fill between
        // half and all of their range.
        let common = |layer: usize, maker: bool| {
            let w = network.weights(&network.parameters, layer);
            let largest = w.indexed_iter().fold(0f64, |m, ((o, i), &w)| {
                m.max(f64::from(w).abs() * if maker { shape[o] } else { 1.0 / shape[i] })
            });
            (largest > 0.0).then(|| if maker { full / largest } else { largest / full })
        };
        let factors = makers
            .iter()
            .filter_map(|&i| common(i, true))
            .chain(readers.iter().filter_map(|&i| common(i, false)));
        found.extend(factors.map(|f| &shape * f));
    }
    found
}

/// Largest magnitude of the weights at every element: rows (`axis` 0) or columns (1) of the layers.
fn extremes(network: &Network, layers: &[usize], width: usize, axis: usize) -> Array1<f64> {
    let mut largest = Array1::<f64>::zeros(width);
    for &i in layers {
        let w = network.weights(&network.parameters, i);
        for (k, lane) in w.axis_iter(Axis(axis)).enumerate() {
            largest[k] = lane.iter().fold(largest[k], |m: f64, &w| m.max(f64::from(w).abs()));
        }
    }
    largest
}

/// Factors around their geometric mean, none more than 2^6 away from it; elements without weights get the mean.
fn tame(shape: Array1<f64>) -> Option<Array1<f64>> {
    let logs: Vec<f64> = shape.iter().filter(|v| v.is_finite()).map(|v| v.log2()).collect();
    if logs.is_empty() {
        return None;
    }
    let mean = logs.iter().sum::<f64>() / logs.len() as f64;
    Some(shape.mapv(|v| if v.is_finite() { (v.log2() - mean).clamp(-6.0, 6.0).exp2() } else { 1.0 }))
}
