//! Random emulators: valid graphs of every operation, for the tests of everything that runs emulators.

use crate::{
    Activation, BlockGeometry, Emulator, EmulatorBuilder, EmulatorError, Format, Kind, OutputSpec, Port,
    Provenance, Sampler, VectorId, Weights,
};

/// A random valid emulator with all operations, of at most a few thousand multiply-accumulates.
pub fn sample_emulator(seed: u64) -> Emulator {
    sample(seed, |sampler| Draft::new(sampler).finish(seed))
}

/// A random valid emulator with two to four quality levels.
pub fn sample_levels(seed: u64) -> Emulator {
    sample(seed, |sampler| Draft::new(sampler).finish_with_levels(seed))
}

/// A random valid emulator with a router for two to five members, and with one or two quality levels.
pub fn sample_clusters(seed: u64) -> Emulator {
    sample(seed, |sampler| Draft::new(sampler).finish_with_members(seed))
}

/// A random valid emulator with all operations, whose layers and weights have words of any width and kind.
pub fn sample_formats(seed: u64) -> Emulator {
    sample(seed, |sampler| Draft { any: true, ..Draft::new(sampler) }.finish(seed))
}

/// 12-8-(3 scores)-10: a shared layer, then two of members, each member with random weights by its seed.
pub fn sample_members(seeds: [u64; 3]) -> Emulator {
    members(seeds).expect("shapes and formats that fit each other")
}

fn members(seeds: [u64; 3]) -> Result<Emulator, EmulatorError> {
    let (word, weight) = (Format::new(16, 10)?, Format::new(8, 6)?);
    let draw = |seeds: &[u64], rows: usize, row: usize| {
        let of_seed = |&seed: &u64| {
            let mut sampler = Sampler::new(seed);
            let values: Vec<i16> = (0..rows * row).map(|_| sampler.range(-90, 90) as i16).collect();
            let bias: Vec<i64> = (0..rows).map(|_| sampler.range(-9000, 9000)).collect();
            (values, bias)
        };
        let (values, bias): (Vec<_>, Vec<_>) = seeds.iter().map(of_seed).unzip();
        (Weights { format: weight, values: values.concat() }, bias.concat())
    };
    let mut builder = EmulatorBuilder::new("members", Port::new("x", 12, word), 40)?;
    let (weights, bias) = draw(&[1], 8, 12);
    let shared = builder.dense("shared", VectorId::INPUT, weights, bias, word)?;
    let shared = builder.activate("relu", shared, Activation::Relu, word)?;
    let (weights, bias) = draw(&[2], 3, 12);
    let scores = builder.dense("scores", VectorId::INPUT, weights, bias, word)?;
    builder.route(scores, vec![-500, 0, 500])?;
    let (weights, bias) = draw(&seeds.map(|seed| seed + 100), 9, 8);
    let hidden = builder.dense_of_members("hidden", shared, weights, bias, word)?;
    let hidden = builder.activate("rectified", hidden, Activation::Relu, word)?;
    let (weights, bias) = draw(&seeds.map(|seed| seed + 200), 10, 9);
    let output = builder.dense_of_members("output", hidden, weights, bias, word)?;
    let port = Port::new("y", 10, word);
    builder
        .finish(OutputSpec { sources: vec![output], lower: vec![], order: None, port }, Provenance::default())
}

/// The first valid draft.
fn sample(seed: u64, draft: impl Fn(&mut Sampler) -> Option<Emulator>) -> Emulator {
    let mut sampler = Sampler::new(seed);
    loop {
        if let Some(emulator) = draft(&mut sampler) {
            return emulator;
        }
    }
}

/// The topology of `emulator` with other random weights and biases, in the same formats.
pub fn sample_weights(emulator: &Emulator, seed: u64) -> Emulator {
    let mut sampler = Sampler::new(seed);
    let mut other = emulator.clone();
    for affine in other.graph.nodes.iter_mut().filter_map(|node| node.op.affine_mut()) {
        let row = affine.row();
        // Neither a row's sum of magnitudes nor its bias grows: no accumulator overflows that did not before.
        for (weights, bias) in affine.weights.values.chunks_mut(row).zip(&mut affine.bias) {
            for weight in weights.iter_mut() {
                let size = i64::from(*weight).abs().min(i64::from(affine.weights.format.max()));
                *weight = sampler.range(-size, size) as i16;
            }
            weights.rotate_left(sampler.range(0, row as i64 - 1) as usize);
            *bias = sampler.range(-bias.abs(), bias.abs());
        }
    }
    other.provenance = Provenance { seed, ..Provenance::default() };
    other
}

struct Draft<'a> {
    sampler: &'a mut Sampler,
    /// Whether words are of any width and kind, or of those that every back end has.
    any: bool,
    builder: EmulatorBuilder,
    /// Every vector with its size and format, and whether something reads it.
    vectors: Vec<(VectorId, usize, Format, bool)>,
}

impl<'a> Draft<'a> {
    fn new(sampler: &'a mut Sampler) -> Self {
        let bits = if sampler.once_in(4) { 8 } else { 16 };
        let format = Format::new(bits, 8).expect("a valid format");
        let size = sampler.range(1, 40) as usize;
        let builder = EmulatorBuilder::new("sample", Port::new("x", size, format), 40).expect("a valid port");
        Self { sampler, any: false, builder, vectors: vec![(VectorId::INPUT, size, format, false)] }
    }

    fn finish(mut self, seed: u64) -> Option<Emulator> {
        for index in 0..self.sampler.range(1, 6) {
            let name = format!("layer_{index}");
            // A draft step may ask for the impossible, such as a shift out of range; the builder refuses it.
            let _ = self.push(&name);
        }
        let (_, _, format, _) = *self.vectors.last()?;
        let mut unused: Vec<usize> = (1..self.vectors.len()).filter(|&i| !self.vectors[i].3).collect();
        if self.sampler.once_in(4) {
            // A vector that is operand and output at once, or the input itself.
            unused.push(self.sampler.range(0, self.vectors.len() as i64 - 1) as usize);
        }
        if unused.is_empty() {
            return None;
        }
        let sources: Vec<VectorId> = unused.iter().map(|&i| self.vectors[i].0).collect();
        let total: usize = unused.iter().map(|&i| self.vectors[i].1).sum();
        let order = self.sampler.once_in(2).then(|| {
            let words = self.sampler.range(1, 2 * total as i64) as usize;
            (0..words).map(|_| self.sampler.range(0, total as i64 - 1) as usize).collect::<Vec<_>>()
        });
        let words = order.as_ref().map_or(total, Vec::len);
        let spec = OutputSpec { sources, lower: vec![], order, port: Port::new("y", words, format) };
        self.builder.finish(spec, Provenance { seed, ..Provenance::default() }).ok()
    }

    /// Layers, and at every level one more that is an output of its own or is added to that of the level below.
    fn finish_with_levels(mut self, seed: u64) -> Option<Emulator> {
        let words = self.sampler.range(1, 20) as usize;
        let levels = self.sampler.range(2, 4);
        let mut frames: Vec<VectorId> = vec![];
        for level in 0..levels {
            for index in 0..self.sampler.range(0, 2) {
                let _ = self.push(&format!("layer_{level}_{index}"));
            }
            let operand = self.pick();
            let mut frame = self.head(&format!("level_{level}"), operand, words)?;
            if let (Some(&below), true) = (frames.last(), self.sampler.once_in(2)) {
                frame = self.builder.add(&format!("sum_{level}"), below, frame, head_format()).ok()?;
            }
            frames.push(frame);
        }
        self.finish_all(frames, words, seed)
    }

    /// Layers, scores, and layers of members; the lower level, if there is one, goes without them.
    fn finish_with_members(mut self, seed: u64) -> Option<Emulator> {
        let words = self.sampler.range(1, 20) as usize;
        for index in 0..self.sampler.range(0, 2) {
            let _ = self.push(&format!("layer_{index}"));
        }
        let mut frames = vec![];
        if self.sampler.once_in(2) {
            let operand = self.pick();
            frames.push(self.head("level_0", operand, words)?);
        }
        let members = self.sampler.range(2, 5) as usize;
        let operand = self.pick();
        let scores = self.head("scores", operand, members)?;
        let thresholds = (0..members).map(|_| self.sampler.range(-3000, 3000) as i16).collect();
        self.builder.route(scores, thresholds).ok()?;
        for index in 0..self.sampler.range(1, 3) {
            let _ = self.push(&format!("shared_{index}"));
            let (operand, outputs) = (self.pick(), self.sampler.range(1, 20) as usize);
            self.of_members(&format!("member_{index}"), operand, outputs, members)?;
        }
        let operand = self.vectors.len() - 1;
        frames.push(self.head("level_1", operand, words)?);
        self.finish_all(frames, words, seed)
    }

    /// The emulator with `frames` as its levels; what nothing uses yet is added to the highest one.
    fn finish_all(mut self, mut frames: Vec<VectorId>, words: usize, seed: u64) -> Option<Emulator> {
        let mut highest = frames.pop()?;
        for index in 1..self.vectors.len() {
            if !self.vectors[index].3 {
                let rest = self.head(&format!("rest_{index}"), index, words)?;
                highest = self.builder.add(&format!("with_{index}"), highest, rest, head_format()).ok()?;
            }
        }
        let order = self.sampler.once_in(3).then(|| {
            let mut order: Vec<usize> = (0..words).collect();
            order.rotate_left(self.sampler.range(0, words as i64 - 1) as usize);
            order
        });
        let lower = frames.into_iter().map(|frame| vec![frame]).collect();
        let spec =
            OutputSpec { sources: vec![highest], lower, order, port: Port::new("y", words, head_format()) };
        self.builder.finish(spec, Provenance { seed, ..Provenance::default() }).ok()
    }

    /// A dense layer of `outputs` words in [`head_format`].
    fn head(&mut self, name: &str, operand: usize, outputs: usize) -> Option<VectorId> {
        let (id, size, _, _) = self.vectors[operand];
        let (weights, bias) = self.affine(outputs, size);
        let made = self.builder.dense(name, id, weights, bias, head_format()).ok()?;
        self.vectors[operand].3 = true;
        Some(made)
    }

    /// A dense or block layer with weights for each member.
    fn of_members(&mut self, name: &str, operand: usize, outputs: usize, members: usize) -> Option<()> {
        let (id, size, format, _) = self.vectors[operand];
        let geometry = match self.sampler.once_in(3) {
            true => self.geometry(size),
            false => BlockGeometry::dense(size, outputs),
        };
        let row = geometry.window_len();
        let (weights, bias) = self.affine(members * geometry.weight_sets() * geometry.outputs, row);
        let to = self.after(weights.format, format, row);
        let words = geometry.output_len();
        let made = if geometry == BlockGeometry::dense(size, outputs) {
            self.builder.dense_of_members(name, id, weights, bias, to)
        } else {
            self.builder.block_of_members(name, id, geometry, weights, bias, to)
        };
        self.vectors[operand].3 = true;
        self.vectors.push((made.ok()?, words, to, false));
        Some(())
    }

    fn push(&mut self, name: &str) -> Result<(), EmulatorError> {
        let (index, other) = (self.pick(), self.pick());
        let (id, size, format, _) = self.vectors[index];
        let made = match self.sampler.range(0, 9) {
            0..=2 => {
                let outputs = self.sampler.range(1, 40) as usize;
                let (weights, bias) = self.affine(outputs, size);
                let to = self.after(weights.format, format, size);
                self.builder.dense(name, id, weights, bias, to).map(|v| (v, outputs, to, vec![index]))
            }
            3..=5 => {
                let geometry = self.geometry(size);
                let (weights, bias) =
                    self.affine(geometry.weight_sets() * geometry.outputs, geometry.window_len());
                let (words, to) =
                    (geometry.output_len(), self.after(weights.format, format, geometry.window_len()));
                let made = self.builder.block(name, id, geometry, weights, bias, to);
                made.map(|v| (v, words, to, vec![index]))
            }
            6 => {
                let common = format.frac().max(self.vectors[other].2.frac());
                let to = Format::new(16, common - self.sampler.range(0, 3) as i32)?;
                let to = self.other(to);
                // By bits that are then drawn again: one operation more changes no other layer of a seed.
                let made = match self.sampler.clone().once_in(3) {
                    true => self.builder.maximum(name, id, self.vectors[other].0, to),
                    false => self.builder.add(name, id, self.vectors[other].0, to),
                };
                made.map(|v| (v, size, to, vec![index, other]))
            }
            7 => {
                let frac = format.frac() + self.vectors[other].2.frac();
                let to = Format::new(16, frac - self.sampler.range(8, 16) as i32)?;
                let to = self.other(to);
                let made = self.builder.multiply(name, id, self.vectors[other].0, to);
                made.map(|v| (v, size, to, vec![index, other]))
            }
            8 => {
                let made = self.builder.activate(name, id, Activation::Relu, format);
                made.map(|v| (v, size, format, vec![index]))
            }
            _ => {
                let segments = 1 << self.sampler.range(1, i64::from(format.bits().min(7)));
                let knots = (0..=segments).map(|_| self.sampler.range(-32768, 32767) as i16).collect();
                let to = Format::new(16, self.sampler.range(4, 12) as i32)?;
                let activation = Activation::Table { function: "random".into(), knots };
                self.builder.activate(name, id, activation, to).map(|v| (v, size, to, vec![index]))
            }
        };
        let (id, size, format, read) = made?;
        for index in read {
            self.vectors[index].3 = true;
        }
        self.vectors.push((id, size, format, false));
        Ok(())
    }

    /// Mostly the newest vector, sometimes an older one.
    fn pick(&mut self) -> usize {
        let newest = self.vectors.len() - 1;
        if self.sampler.once_in(3) { self.sampler.range(0, newest as i64) as usize } else { newest }
    }

    fn affine(&mut self, rows: usize, row: usize) -> (Weights, Vec<i64>) {
        let bits = [4, 8, 8, 16][self.sampler.range(0, 3) as usize];
        let format = self.other(Format::new(bits, bits as i32 - 1).expect("a valid format"));
        let format = match self.any && self.sampler.once_in(4) {
            true => Format::bipolar(0).expect("a valid format"),
            false => format,
        };
        let words = |sampler: &mut Sampler| match format.kind() {
            Kind::Bipolar => 2 * sampler.range(0, 1) as i16 - 1,
            _ => sampler.range(i64::from(format.min()), i64::from(format.max())) as i16,
        };
        let values = (0..rows * row).map(|_| words(self.sampler)).collect();
        (Weights { format, values }, (0..rows).map(|_| self.sampler.range(-60_000, 60_000)).collect())
    }

    /// A format that a sum of `row` products rarely overflows.
    fn after(&mut self, weights: Format, x: Format, row: usize) -> Format {
        let growth = (row.ilog2() / 2) as i32 + self.sampler.range(-1, 2) as i32;
        let shift = weights.frac() + growth + if self.sampler.once_in(5) { 8 } else { 0 };
        // Layers after one another may ask for a coarser binary point than there is.
        let frac = (weights.frac() + x.frac() - shift.max(0)).max(-32);
        let format =
            Format::new(if self.sampler.once_in(5) { 8 } else { 16 }, frac).expect("small binary points");
        self.other(format)
    }

    /// Words of another width and kind at the same binary point, if they may be of any.
    fn other(&mut self, format: Format) -> Format {
        if !self.any {
            return format;
        }
        let bits = self.sampler.range(1, 15) as u32;
        match self.sampler.range(0, 3) {
            0 => Format::unsigned(bits, format.frac()),
            1 => Format::new(bits, format.frac()),
            _ => Ok(format),
        }
        .expect("the same binary point")
    }

    fn geometry(&mut self, size: usize) -> BlockGeometry {
        let mut up_to = |most: usize| self.sampler.range(1, most.max(1) as i64) as usize;
        let (window, inner) = (up_to(size.min(6)), up_to(2));
        let (repeat, rows, outputs) = (up_to(8), up_to(3), up_to(5));
        let (in_step, in_stride) = (up_to(3) as i64, up_to(4) as i64);
        let reverse = if self.sampler.once_in(4) { -1 } else { 1 };
        let row_stride = self.sampler.range(0, 5);
        let reach = (window as i64 - 1) * in_step * inner as i64
            + inner as i64
            + (repeat as i64 - 1) * in_stride
            + (rows as i64 - 1) * row_stride;
        let offset = if reverse < 0 { (repeat as i64 - 1) * in_stride } else { 0 }
            + self.sampler.range(0, (size as i64 - reach).max(0));
        let blocks = (rows * repeat) as i64;
        let (out_stride, out_step) = if self.sampler.once_in(2) {
            (vec![repeat as i64, 1], blocks)
        } else {
            (vec![(repeat * outputs) as i64, outputs as i64], 1)
        };
        BlockGeometry {
            offset,
            repeat: vec![rows, repeat],
            in_stride: vec![row_stride, reverse * in_stride],
            out_stride,
            window: vec![window, inner],
            in_step: vec![in_step * inner as i64, 1],
            outputs,
            out_step,
            shared: self.sampler.once_in(2),
        }
    }
}

/// The format of the outputs and scores of sampled levels and members.
fn head_format() -> Format {
    Format::new(16, 5).expect("a valid format")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Op;

    #[test]
    fn samples_cover_every_operation_and_survive_their_file() {
        let mut seen = std::collections::BTreeSet::new();
        for seed in 0..300 {
            let emulator = sample_emulator(seed);
            seen.extend(emulator.nodes().iter().map(|node| node.op.keyword()));
            let two_dimensional = |op: &Op| matches!(op, Op::Block(block) if block.geometry.window[1] > 1);
            if emulator.nodes().iter().any(|node| two_dimensional(&node.op)) {
                seen.insert("window of two dimensions");
            }
            if emulator.output().order.is_some() {
                seen.insert("order");
            }
            assert_eq!(Emulator::parse(&emulator.to_yaml(), "sample.yaml").unwrap(), emulator);
            assert_eq!(sample_emulator(seed), emulator);
        }
        assert_eq!(seen.len(), 8, "{seen:?}");
    }

    #[test]
    fn samples_of_levels_and_members_are_what_they_say() {
        let mut seen = std::collections::BTreeSet::new();
        for seed in 0..100 {
            let levels = sample_levels(seed);
            assert!((2..=4).contains(&levels.levels()) && levels.router().is_none(), "seed {seed}");
            let clusters = sample_clusters(seed);
            let router = clusters.router().unwrap();
            let mut runner = crate::Runner::new(&clusters);
            let mut sampler = Sampler::new(seed);
            for _ in 0..20 {
                let frame = sampler.frame(clusters.input().size(), clusters.format(VectorId::INPUT));
                runner.infer(&frame, &mut vec![0; clusters.output().port.size()]).unwrap();
                let selected = runner.selected().unwrap();
                let scores = runner.vector(router.scores).unwrap();
                assert!(scores.iter().all(|&score| score <= scores[selected.member]));
                seen.insert((selected.member, selected.familiar));
            }
            for emulator in [levels, clusters] {
                assert_eq!(Emulator::parse(&emulator.to_yaml(), "sample.yaml").unwrap(), emulator);
                let (mut runner, last) = (crate::Runner::new(&emulator), emulator.levels() - 1);
                let mut words = vec![0; emulator.output().port.size()];
                let frame = sampler.frame(emulator.input().size(), emulator.format(VectorId::INPUT));
                for level in 0..=last {
                    let alone = emulator.at_level(level);
                    assert_eq!((alone.levels(), alone.macs()), (1, emulator.macs_at(level)));
                    runner.infer_at(level, &frame, &mut words).unwrap();
                    assert_eq!(alone.run(&frame).unwrap(), words, "seed {seed}, level {level}");
                }
                assert_eq!(emulator.run(&frame).unwrap(), words);
            }
        }
        assert!((0..5).all(|member| [false, true].iter().all(|&f| seen.contains(&(member, f)))), "{seen:?}");
    }

    #[test]
    fn other_weights_are_other_weights_of_a_valid_emulator() {
        for seed in 0..100 {
            let emulator = sample_emulator(seed);
            let other = sample_weights(&emulator, seed);
            assert_eq!(Emulator::parse(&other.to_yaml(), "sample.yaml").unwrap(), other);
            assert_eq!((other.macs(), other.parameters()), (emulator.macs(), emulator.parameters()));
            assert_eq!(other.nodes() != emulator.nodes(), emulator.parameters() > 0, "seed {seed}");
        }
    }
}
