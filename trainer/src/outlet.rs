//! Where the outputs of quality levels are found among the vectors of a network.

use emeuro_golden::{Graph, VectorId};
use ndarray::{Array2, ArrayView2, CowArray, Ix2, s};

use crate::network::Floats;

/// The output of one level.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Outlet {
    /// A vector as it is, which is the output of no other level.
    Vector(usize),
    /// For every output, the vector and the element that it is.
    Gathered(Vec<(usize, usize)>),
}

/// The outlets of all levels of `graph`, whose outputs are in `order`, the lowest first.
pub(crate) fn outlets(graph: &Graph<Floats>, order: Option<&[usize]>) -> Vec<Outlet> {
    let levels = graph.levels();
    let alone =
        |k: usize| levels[k].len() == 1 && levels.iter().filter(|level| **level == levels[k]).count() == 1;
    if order.is_none() && (0..levels.len()).all(alone) {
        return levels.iter().map(|sources| Outlet::Vector(sources[0].index())).collect();
    }
    let gathered = |sources: &Vec<VectorId>| {
        let elements = |v: &VectorId| {
            let (vector, size) = (v.index(), graph.vector(*v).size);
            (0..size).map(move |element| (vector, element))
        };
        let all: Vec<(usize, usize)> = sources.iter().flat_map(elements).collect();
        Outlet::Gathered(match order {
            Some(order) => order.iter().map(|&i| all[i]).collect(),
            None => all,
        })
    };
    levels.iter().map(gathered).collect()
}

impl Outlet {
    /// The outputs of the first `rows` frames among the `vectors` of a network.
    pub(crate) fn take<'a>(&self, vectors: &'a [Array2<f32>], rows: usize) -> CowArray<'a, f32, Ix2> {
        match self {
            Self::Vector(i) => vectors[*i].slice(s![..rows, ..]).into(),
            Self::Gathered(elements) => {
                let value = |(row, output): (usize, usize)| {
                    let (vector, element) = elements[output];
                    vectors[vector][(row, element)]
                };
                Array2::from_shape_fn((rows, elements.len()), value).into()
            }
        }
    }

    /// The vectors that outputs are made of.
    pub(crate) fn vectors(&self) -> Vec<usize> {
        match self {
            Self::Vector(i) => vec![*i],
            Self::Gathered(elements) => {
                let mut vectors: Vec<usize> = elements.iter().map(|&(vector, _)| vector).collect();
                vectors.sort_unstable();
                vectors.dedup();
                vectors
            }
        }
    }

    /// Puts derivatives by the outputs to those by the `vectors`: those of gathered outputs are added to what is there.
    pub(crate) fn put(&self, deltas: ArrayView2<f32>, vectors: &mut [Array2<f32>]) {
        let rows = deltas.nrows();
        match self {
            Self::Vector(i) => vectors[*i].slice_mut(s![..rows, ..]).assign(&deltas),
            Self::Gathered(elements) => {
                for (row, deltas) in deltas.outer_iter().enumerate() {
                    for (&(vector, element), delta) in elements.iter().zip(deltas) {
                        vectors[vector][(row, element)] += delta;
                    }
                }
            }
        }
    }
}
