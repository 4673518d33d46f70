//! Names of what a plan runs: every step, and everything in it that a kernel has code of its own for. Tests ask whether all of it was run.

use std::collections::BTreeSet;

use super::{
    add::Add,
    epilogue::Sink,
    gemv_u8s8::{GemvU8S8, GemvU8S8Kernel, Quads},
    grouped_gemv_s16::{GroupedGemv, Operands},
    lookup::Lookup,
    maximum::Maximum,
    permutation::Permutation,
    plan::{Plan, Step},
    stencil::{Pairing, Stencil},
};

/// Names, each once.
type Names = BTreeSet<String>;

impl Plan {
    /// What a level runs, which the plan must have.
    pub(crate) fn names(&self, level: usize) -> Names {
        let mut names = Names::new();
        for step in &self.levels[level].steps {
            self.name(&self.steps[*step], &mut names);
        }
        self.levels[level].output.name("output", &mut names);
        let input = match (self.input.words, self.input.bytes) {
            (Some(_), Some(_)) => "input: words and bytes",
            (Some(_), None) => "input: words",
            (None, Some(_)) => "input: bytes",
            (None, None) => "input: nowhere",
        };
        names.insert(input.into());
        names
    }

    fn name(&self, step: &Step, names: &mut Names) {
        match step {
            Step::SplitBytes(step) => {
                let bits = if step.sign == i16::MIN { 16 } else { 8 };
                names.insert(format!("split_bytes: {bits} bits"));
            }
            Step::GemvU8S8(step, kernel) => self.name_gemv_u8s8(step, kernel, names),
            Step::GroupedGemv(step) => step.name(names),
            Step::Stencil(step) => step.name(names),
            Step::GemvAcc64(step) => {
                let members = if step.strides == [0, 0] { "all frames" } else { "members" };
                names.insert(format!("gemv_acc64: {members}"));
            }
            Step::Im2col(copies, _) => copies.name("im2col", names),
            Step::Add(step) => step.name(names),
            Step::Multiply(step) => {
                names.insert(format!("multiply: {}", if step.shift() == 31 { "halved" } else { "whole" }));
                step.places.y.name("multiply", names);
            }
            Step::Maximum(step) => step.name(names),
            Step::Relu(step) => {
                names.insert("relu".into());
                step.places.y.name("relu", names);
            }
            Step::Lookup(step) => step.name(names),
            Step::Route(..) => _ = names.insert("route".into()),
        }
    }

    fn name_gemv_u8s8(&self, step: &GemvU8S8, kernel: &GemvU8S8Kernel, names: &mut Names) {
        let of = if step.high { "words" } else { "bytes" };
        let (blocks, quads) = (step.blocks.len(), step.quads);
        let kernel_of = match (&step.operands, step.batched()) {
            (_, Some(2 | 4)) => {
                let clamped = if step.rounding.range.is_narrower() { ", clamped" } else { "" };
                format!("gemv_u8s8_batched: {of}, {quads} quads{clamped}")
            }
            (Quads::SplitK, _) => {
                names.insert(format!("gemv_u8s8_split_k: {} last fours", quads.div_ceil(4) % 2));
                format!("gemv_u8s8_split_k: {of}")
            }
            (operands, _) => {
                let reads = if matches!(operands, Quads::Broadcast) { "broadcast" } else { "permuted" };
                let tiles = step.tiles().unwrap_or(0);
                let short = if tiles == 2 && step.high && quads <= 8 { ", short" } else { "" };
                names.insert(format!("gemv_u8s8: {} last quads", quads % 8));
                names.insert(format!(
                    "gemv_u8s8: {reads}, {}",
                    if blocks == 1 { "one block" } else { "blocks" }
                ));
                format!("gemv_u8s8: {reads}, {of}, {tiles} tiles{short}")
            }
        };
        names.insert(kernel_of);
        let frames = if kernel.two.is_some() { "two frames at once" } else { "frames alone" };
        names.insert(format!("gemv_u8s8: {frames}"));
        let tiles: usize = step.blocks.iter().map(|block| block.tiles).sum();
        let within =
            |&&(place, _): &&(usize, usize)| (step.sink.y + 1..step.sink.y + 16 * tiles).contains(&place);
        if self.vectors.iter().any(|vector| within(&vector)) {
            names.insert("gemv_u8s8: kin".into());
        }
        if step.end.is_some() {
            names.insert("gemv_u8s8: others behind".into());
        }
        if step.packed.has_members() {
            names.insert("gemv_u8s8: members".into());
        }
        step.sink.name("gemv_u8s8", names);
    }
}

impl GroupedGemv {
    fn name(&self, names: &mut Names) {
        let reads = match self.operands {
            Operands::Broadcast => "broadcast",
            Operands::Permuted { .. } => "permuted",
            Operands::Gathered { .. } => "gathered",
        };
        let parts = if self.carry.is_some() { ", two parts" } else { "" };
        for block in &self.blocks {
            names.insert(format!("grouped_gemv_s16: {reads}, {} tiles{parts}", block.tiles));
        }
        if let Some(carry) = self.carry {
            let carried = if self.pairs > carry.pairs { "again and again" } else { "once" };
            names.insert(format!("grouped_gemv_s16: carried {carried}"));
        }
        names.insert(format!("grouped_gemv_s16: {} last pairs", self.pairs % 2));
        if self.packed.has_members() {
            names.insert("grouped_gemv_s16: members".into());
        }
        self.sink.name("grouped_gemv_s16", names);
    }
}

impl Stencil {
    fn name(&self, names: &mut Names) {
        let pairing = match self.pairing {
            Pairing::Neighbours => "neighbours",
            Pairing::Rolling => "rolling",
            Pairing::Any => "any",
        };
        match self.single() {
            Some(pairs) => names.insert(format!("stencil: {pairing}, {pairs} pairs")),
            None => names
                .insert(format!("stencil: {} outputs", if self.outputs.len() < 4 { "few" } else { "four" })),
        };
        names.insert(format!("stencil: {}", if self.whole { "whole vectors" } else { "cut vectors" }));
        if self.packed.has_members() {
            names.insert("stencil: members".into());
        }
    }
}

impl Permutation {
    fn name(&self, what: &str, names: &mut Names) {
        let kind = match self {
            Self::Whole { .. } => "whole",
            Self::Runs(runs) => {
                if runs.iter().any(|run| run.is_of_one()) {
                    names.insert(format!("{what}: one word again and again"));
                }
                "runs"
            }
            Self::Tiles { words, .. } if words.is_empty() => "transposed",
            Self::Tiles { .. } => "transposed, and words",
            Self::Pairs { words, .. } if words.is_empty() => "pairs",
            Self::Pairs { .. } => "pairs, and words",
        };
        names.insert(format!("{what}: {kind}"));
    }
}

impl Add {
    fn name(&self, names: &mut Names) {
        names.insert(format!("add: {}", if self.is_plain() { "saturating" } else { "aligned" }));
        self.places.y.name("add", names);
    }
}

impl Maximum {
    fn name(&self, names: &mut Names) {
        names.insert(format!("maximum: {}", if self.is_plain() { "plain" } else { "aligned" }));
        self.places.y.name("maximum", names);
    }
}

impl Lookup {
    fn name(&self, names: &mut Names) {
        match self.bits() {
            Some(bits) => names.insert(format!("lookup: {bits} bits")),
            None => names.insert("lookup: two segments".into()),
        };
        self.places.y.name("lookup", names);
    }
}

impl Sink {
    /// What is made with the words.
    fn name(&self, what: &str, names: &mut Names) {
        if self.relu.is_some() {
            names.insert(format!("{what}: relu"));
        }
        if self.bytes.is_some() {
            names.insert(format!("{what}: bytes"));
        }
        if self.relu.is_some() && self.bytes.is_some() {
            names.insert(format!("{what}: relu and bytes"));
        }
    }
}
