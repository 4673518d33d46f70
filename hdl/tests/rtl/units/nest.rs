//! Loop nests as plain arithmetic, innermost loop first.

/// One iteration of a nest: the index of every loop, and which loop advances after it; as many as there are loops after
/// the last iteration.
#[derive(Clone, Debug)]
pub(crate) struct Iteration {
    pub indices: Vec<usize>,
    pub level: usize,
}

/// All iterations of a nest in which loop k runs `counts[k]` times.
pub(crate) fn iterations(counts: &[usize]) -> impl Iterator<Item = Iteration> {
    (0..counts.iter().product()).map(move |number: usize| {
        let mut rest = number;
        let indices = counts.iter().map(|count| {
            let index = rest % count;
            rest /= count;
            index
        });
        let indices: Vec<usize> = indices.collect();
        let runs_on = indices.iter().zip(counts).position(|(index, count)| index + 1 < *count);
        Iteration { indices, level: runs_on.unwrap_or(counts.len()) }
    })
}

/// The element of a nest whose loops move by `distances`.
pub(crate) fn element(base: i64, distances: &[i64], indices: &[usize]) -> i64 {
    base + distances.iter().zip(indices).map(|(distance, &index)| distance * index as i64).sum::<i64>()
}

/// By how much every loop moves, from what is added when it advances; `last(k, j)` is the index that loop j has when
/// loop k advances.
pub(crate) fn distances(deltas: &[i64], last: impl Fn(usize, usize) -> usize) -> Vec<i64> {
    let mut distances: Vec<i64> = vec![];
    for (k, delta) in deltas.iter().enumerate() {
        let back: i64 = distances.iter().enumerate().map(|(j, d)| d * last(k, j) as i64).sum();
        distances.push(delta + back);
    }
    distances
}
