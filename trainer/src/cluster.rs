//! Clusters: an emulator whose layers behind its shared first ones have weights of their own for every part of the input space.
//!
//! The trunk's words are turned into a few whitened coordinates z, and k-means finds centroids c among them. The router scores
//! -|z - c|²/2 = c·z - |c|²/2 - |z|²/2: the largest score belongs to the nearest centroid, and falls with the distance, so that a
//! low one marks an unfamiliar input. All of it is made of the emulator's own layers and holds in integers: k-means sees the
//! words that the hardware computes, the centroids are rounded before the biases are made, and no score saturates.
//! The members start as copies of the single network and are retrained on their own frames.

use emeuro_golden::{
    Emulator, EmulatorBuilder, Format, Op, OutputSpec, Router, Runner, Selected, VectorId, Weights,
};
use ndarray::{Array2, ArrayView1, ArrayView2, Axis};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::{Error, Frames, Result, Retraining, Session, moments, retrain_member, session::Observer};

/// How an emulator is split into members.
#[derive(Clone, Debug, PartialEq)]
pub struct Clustering {
    /// Number of members, at least 2.
    pub members: usize,
    /// Number of coordinates in which distances are measured.
    pub coordinates: usize,
    /// Exponent of the inverse variances of the coordinates: 0 leaves distances as they are in the trunk, ½ makes all
    /// directions equal.
    pub whitening: f64,
    /// Share of a member's training frames that lie outside of its radius.
    pub outside: f64,
    /// How the members are retrained; its seed is that of k-means too.
    pub retraining: Retraining,
}

impl Default for Clustering {
    fn default() -> Self {
        Self {
            members: 8,
            coordinates: 8,
            whitening: 0.25,
            outside: 1e-3,
            retraining: Retraining { epochs: 30, ..Retraining::default() },
        }
    }
}

/// What clustering gives.
#[derive(Clone, Debug)]
pub struct Clustered {
    /// The emulator with a router and members.
    pub emulator: Emulator,
    /// Training frames of every member.
    pub frames: Vec<usize>,
    /// NRMSE of every member on its validation frames, before and after its retraining.
    pub errors: Vec<[f64; 2]>,
}

/// Rounds of k-means; it settles earlier.
const ROUNDS: usize = 100;

/// How many times the largest coordinate of all training frames a word holds, at least: inputs beyond are as unfamiliar as can be.
const REACH: f64 = 2.0;

/// Splits `emulator` by the words of its layer `trunk` into members, each retrained on the frames nearest to its centroid.
///
/// Every dense layer becomes one of members, except those that read the input and those that the trunk is made of; these stay
/// shared. `session` is asked between members whether to stop; there is no checkpoint.
///
/// # Errors
/// No layer of that name, an emulator that has a router or whose layers cannot be retrained, a cluster without validation
/// frames, or [`Error::Stopped`].
pub fn cluster(
    emulator: &Emulator,
    trunk: &str,
    train: &Frames,
    validation: &Frames,
    options: &Clustering,
    session: &Session,
) -> Result<Clustered> {
    let Clustering { members, coordinates, whitening, outside, .. } = *options;
    let Some(trunk) = emulator.nodes().iter().position(|node| node.name == trunk) else {
        return Err(refused(format!("it has no layer '{trunk}'")));
    };
    if emulator.router().is_some() {
        return Err(refused(String::from("it has a router already")));
    }
    if members < 2 || coordinates == 0 || !(0.0..=0.5).contains(&whitening) || !(0.0..1.0).contains(&outside)
    {
        let what = "expected at least 2 members and 1 coordinate, a whitening of 0 to 0.5 and a share outside below 1";
        return Err(refused(String::from(what)));
    }
    if train.len() < members {
        return Err(refused(format!("{} frames cannot make {members} clusters", train.len())));
    }
    let observer = Observer::new(session, emulator.name(), members as u64);
    observer.message(String::from("clustering"));
    let trunk = emulator.vector_of(trunk);
    let words = vectors(emulator, trunk, train)?;
    let projection = Projection::new(emulator, trunk, words.view(), coordinates, whitening)?;
    let z = projection.apply(words.view());
    let centroids = k_means(z.view(), members, options.retraining.seed);
    let mut split = Split { emulator, trunk, projection, centroids, thresholds: vec![i16::MIN; members] };
    let unbounded = split.build()?;
    let routed = route(&unbounded, train)?;
    split.thresholds = thresholds(&routed, members, outside);
    let mut made = split.build()?;

    let choose = |frames: &Frames, routed: &[(Selected, i16)], member: usize| {
        let rows: Vec<usize> = (0..frames.len()).filter(|&r| routed[r].0.member == member).collect();
        frames.select(&rows)
    };
    let routed_validation = route(&made, validation)?;
    let (mut counts, mut errors) = (vec![], vec![]);
    for member in 0..members {
        if observer.stopped() {
            return Err(Error::Stopped { checkpoint: None });
        }
        let own = [choose(train, &routed, member)?, choose(validation, &routed_validation, member)?];
        let retrained = retrain_member(&made, member, &own[0], &own[1], &options.retraining)?;
        counts.push(own[0].len());
        errors.push([retrained.before, retrained.after]);
        made = retrained.emulator;
        observer.position(member as u64 + 1);
    }
    observer.finish();
    Ok(Clustered { emulator: made, frames: counts, errors })
}

fn refused(why: String) -> Error {
    Error::Network(format!("the emulator cannot be split into clusters: {why}"))
}

/// The values of `vector` `[frames, elements]` that the golden model computes.
fn vectors(emulator: &Emulator, vector: VectorId, frames: &Frames) -> Result<Array2<f64>> {
    let format = emulator.format(vector);
    let mut runner = Runner::new(emulator);
    let mut output = vec![0i16; emulator.output().port.size()];
    let mut values = Array2::zeros((frames.len(), emulator.size(vector)));
    for (frame, mut row) in frames.inputs().outer_iter().zip(values.outer_iter_mut()) {
        let frame: Vec<f64> = frame.iter().map(|&v| f64::from(v)).collect();
        let words = emulator.quantise(&frame)?;
        (0..emulator.levels()).try_for_each(|level| runner.infer_at(level, &words, &mut output))?;
        let words = runner.vector(vector).unwrap_or(&words);
        row.iter_mut().zip(words).for_each(|(v, &w)| *v = format.value(w));
    }
    Ok(values)
}

/// What the router of `emulator` says about every frame, with the score of the member that it picks.
fn route(emulator: &Emulator, frames: &Frames) -> Result<Vec<(Selected, i16)>> {
    let Some(Router { scores, .. }) = emulator.router() else { return Ok(vec![]) };
    let mut runner = Runner::new(emulator);
    let mut output = vec![0i16; emulator.output().port.size()];
    let frames = frames.inputs().outer_iter().map(|frame| {
        let frame: Vec<f64> = frame.iter().map(|&v| f64::from(v)).collect();
        runner.infer(&emulator.quantise(&frame)?, &mut output)?;
        match runner.selected().zip(runner.vector(*scores)) {
            Some((selected, scores)) => Ok((selected, scores[selected.member])),
            None => Err(refused(String::from("it does not route"))),
        }
    });
    frames.collect()
}

/// Per member, the least score of its frames without the lowest share `outside` of them.
fn thresholds(routed: &[(Selected, i16)], members: usize, outside: f64) -> Vec<i16> {
    (0..members)
        .map(|member| {
            let mut scores: Vec<i16> =
                routed.iter().filter(|(s, _)| s.member == member).map(|&(_, score)| score).collect();
            scores.sort_unstable();
            let first = (outside * scores.len() as f64) as usize;
            scores.get(first).copied().unwrap_or(i16::MIN)
        })
        .collect()
}

/// z = matrix · trunk + offset, in the integers of a dense layer.
struct Projection {
    weights: Weights,
    bias: Vec<i64>,
    /// Of the trunk's words.
    input: Format,
    /// Of the coordinates' words.
    output: Format,
}

impl Projection {
    /// The principal axes of the trunk's words `[frames, elements]`, scaled so that `REACH` times the largest coordinate fits
    /// a word.
    fn new(
        emulator: &Emulator,
        trunk: VectorId,
        words: ArrayView2<f64>,
        coordinates: usize,
        whitening: f64,
    ) -> Result<Self> {
        let narrow = words.mapv(|v| v as f32);
        let mean = moments::mean(narrow.view());
        let centred = moments::centred(narrow.view(), mean.view());
        let (values, vectors) = moments::eigen(&moments::product(centred.view(), centred.view()));
        let kept = values.iter().take_while(|&&v| v > 1e-9 * values[0]).count().clamp(1, coordinates);
        // The first coordinate has variance 1; the others keep more of theirs the less they are whitened.
        let gain =
            |k: usize| values[0].max(1e-30).powf(whitening - 0.5) * values[k].max(1e-30).powf(-whitening);
        let matrix = Array2::from_shape_fn((kept, words.ncols()), |(k, i)| gain(k) * vectors[(k, i)]);
        let input = emulator.format(trunk);
        let largest = matrix.iter().fold(0f64, |m, w| m.max(w.abs()));
        let format = Format::covering(8, largest)?;
        let rounded = matrix.mapv(|w| format.value(format.quantise(w)));
        let offset = -rounded.dot(&mean);
        let coordinates = words.dot(&rounded.t()) + offset.view().insert_axis(Axis(0));
        let reach = REACH * coordinates.iter().fold(0f64, |m, z| m.max(z.abs()));
        let fit = Format::covering(input.bits(), reach)?.frac();
        let output = Format::new(input.bits(), fit.min(format.frac() + input.frac()))?;
        let unit = 2f64.powi(format.frac() + input.frac());
        let values = matrix.iter().map(|&w| format.quantise(w)).collect();
        let bias = offset.iter().map(|o| (o * unit).round() as i64).collect();
        Ok(Self { weights: Weights { format, values }, bias, input, output })
    }

    /// The coordinates that the hardware computes for the trunk's words.
    fn apply(&self, words: ArrayView2<f64>) -> Array2<f64> {
        let format = self.weights.format;
        let rows = self.bias.len();
        let matrix = Array2::from_shape_fn((rows, words.ncols()), |(k, i)| {
            format.value(self.weights.values[k * words.ncols() + i])
        });
        let unit = 2f64.powi(format.frac() + self.input.frac());
        // Sums of products of words are exact in double precision.
        let mut z = words.dot(&matrix.t());
        for mut row in z.outer_iter_mut() {
            row.iter_mut().zip(&self.bias).for_each(|(z, &b)| {
                *z = self.output.value(self.output.quantise(*z + b as f64 / unit));
            });
        }
        z
    }
}

/// Centroids `[members, coordinates]` of the points `[points, coordinates]`: Lloyd's algorithm from the seeds of k-means++
/// (Arthur and Vassilvitskii 2007).
fn k_means(points: ArrayView2<f64>, members: usize, seed: u64) -> Array2<f64> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut centroids = Array2::zeros((members, points.ncols()));
    let mut nearest = vec![f64::INFINITY; points.nrows()];
    for k in 0..members {
        let total: f64 = nearest.iter().filter(|d| d.is_finite()).sum();
        let mut ball = rng.random_range(0.0..1.0) * total;
        let chosen = if k == 0 || total <= 0.0 {
            rng.random_range(0..points.nrows())
        } else {
            let found = nearest.iter().position(|d| {
                ball -= d;
                ball < 0.0
            });
            found.unwrap_or(points.nrows() - 1)
        };
        centroids.row_mut(k).assign(&points.row(chosen));
        for (d, point) in nearest.iter_mut().zip(points.outer_iter()) {
            *d = d.min(squared_distance(point, centroids.row(k)));
        }
    }
    for _ in 0..ROUNDS {
        let mut sums = Array2::<f64>::zeros(centroids.raw_dim());
        let mut counts = vec![0usize; members];
        for point in points.outer_iter() {
            let k = nearest_of(point, centroids.view());
            counts[k] += 1;
            let mut sum = sums.row_mut(k);
            sum += &point;
        }
        let before = centroids.clone();
        for (k, &count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
            centroids.row_mut(k).assign(&(&sums.row(k) / count as f64));
        }
        if before == centroids {
            break;
        }
    }
    centroids
}

fn squared_distance(a: ArrayView1<f64>, b: ArrayView1<f64>) -> f64 {
    a.iter().zip(&b).map(|(a, b)| (a - b).powi(2)).sum()
}

fn nearest_of(point: ArrayView1<f64>, centroids: ArrayView2<f64>) -> usize {
    let mut best = (f64::INFINITY, 0);
    for (k, centroid) in centroids.outer_iter().enumerate() {
        let distance = squared_distance(point, centroid);
        if distance < best.0 {
            best = (distance, k);
        }
    }
    best.1
}

/// An emulator on its way to members.
struct Split<'a> {
    emulator: &'a Emulator,
    trunk: VectorId,
    projection: Projection,
    centroids: Array2<f64>,
    thresholds: Vec<i16>,
}

impl Split<'_> {
    /// The clustered emulator, all members alike.
    fn build(&self) -> Result<Emulator> {
        let source = self.emulator;
        let nodes = source.nodes();
        // What the trunk is made of, the trunk included.
        let mut before = vec![false; nodes.len() + 1];
        before[self.trunk.index()] = true;
        for (index, node) in nodes.iter().enumerate().rev().filter(|(index, _)| *index < self.trunk.index()) {
            if before[index + 1] {
                node.op.operands().iter().for_each(|v| before[v.index()] = true);
            }
        }
        let of_members = |index: usize| {
            let dense = matches!(&nodes[index].op, Op::Dense(dense) if dense.input != VectorId::INPUT);
            dense && !before[index + 1]
        };
        let mut live = vec![false; nodes.len() + 1];
        for (index, node) in nodes.iter().enumerate() {
            live[index + 1] = of_members(index) || node.op.operands().iter().any(|v| live[v.index()]);
        }
        let mut builder =
            EmulatorBuilder::new(source.name(), source.input().clone(), source.accumulator_bits())?;
        let mut made = vec![VectorId::INPUT; nodes.len() + 1];
        // What is shared, the router, the members.
        for members in [false, true] {
            for (index, node) in nodes.iter().enumerate().filter(|(index, _)| live[index + 1] == members) {
                let count = if of_members(index) { self.thresholds.len() } else { 1 };
                let vector = builder.copy(&node.name, node, |v| made[v.index()], count)?;
                made[index + 1] = vector;
            }
            if !members {
                self.router(&mut builder, made[self.trunk.index()])?;
            }
        }
        let output = source.output().clone();
        let new = |level: usize| source.sources_at(level).iter().map(|v| made[v.index()]).collect();
        let highest = source.levels() - 1;
        let spec = OutputSpec {
            sources: new(highest),
            lower: (0..highest).map(new).collect(),
            order: output.order,
            port: output.port,
        };
        Ok(builder.finish(spec, source.provenance().of_another())?)
    }

    /// Adds coordinates, their squares and the scores.
    fn router(&self, builder: &mut EmulatorBuilder, trunk: VectorId) -> Result<()> {
        let Projection { weights, bias, output: format, .. } = &self.projection;
        let (format, bits) = (*format, format.bits());
        let z = builder.dense("router_coordinates", trunk, weights.clone(), bias.clone(), format)?;
        let count = bias.len();
        let largest = f64::from(format.largest()) * 2f64.powi(-format.frac());
        let product = Format::covering(bits, largest * largest)?.frac().min(2 * format.frac());
        let product = Format::new(bits, product)?;
        let squares = builder.multiply("router_squares", z, z, product)?;
        // Rounded centroids have biases of their own, so that the scores are those of some centroids, exactly.
        let furthest = self.centroids.iter().fold(0f64, |m, c| m.max(c.abs()));
        let weight = Format::covering(8, furthest)?;
        let rounded = self.centroids.mapv(|c| weight.value(weight.quantise(c)));
        // No coordinates whatever may saturate a score: all of them have one format that holds the worst.
        let sums =
            rounded.outer_iter().map(|c| c.iter().map(|c| c.abs() * largest + c * c / 2.0).sum::<f64>());
        let worst = sums.fold(0.0, f64::max) + count as f64 * largest * largest / 2.0;
        let fit = Format::covering(bits, worst)?.frac();
        let score = Format::new(bits, fit.min(weight.frac() + format.frac()).min(product.frac() + 1))?;
        let unit = 2f64.powi(weight.frac() + format.frac());
        let bias = rounded.outer_iter().map(|c| (-0.5 * c.dot(&c) * unit).round() as i64).collect();
        let values = self.centroids.iter().map(|&c| weight.quantise(c)).collect();
        let weights = Weights { format: weight, values };
        let products = builder.dense("router_products", z, weights, bias, score)?;
        let half = Weights { format: Format::new(8, 1)?, values: vec![-1; self.thresholds.len() * count] };
        let norms = builder.dense("router_norms", squares, half, vec![0; self.thresholds.len()], score)?;
        let scores = builder.add("router_scores", products, norms, score)?;
        Ok(builder.route(scores, self.thresholds.clone())?)
    }
}
