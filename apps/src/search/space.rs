//! Everything that is tried for one application.

use std::{collections::HashSet, sync::Arc};

use emeuro_golden::{Emulator, EmulatorError};
use emeuro_trainer::{
    Quantisation,
    search::{Candidate, Effort},
};
use rand::{SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;

use super::{Decision, Subroutine, Way};
use crate::{Application, Recipe, Result, Training};

/// The subroutine tree of a region and the candidates for its emulator.
pub struct SearchSpace {
    /// What can be decided.
    pub tree: Subroutine,
    /// What is tried.
    pub candidates: Vec<SearchCandidate>,
    /// So many of the candidates, the first ones, are tried before the others: what was made by hand and what is one step
    /// away from it.
    pub near: usize,
    /// What was made by hand.
    pub reference: Reference,
}

/// What the checked-in emulator is, in the words of the search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// What is done about every subroutine.
    pub decisions: Vec<Decision>,
    /// Everything else, in words.
    pub topology: String,
}

/// One way to make the emulator of an application.
#[derive(Clone)]
pub struct SearchCandidate {
    /// Unique in its space; a valid name of a file.
    pub name: String,
    /// What is done about every subroutine.
    pub decisions: Vec<Decision>,
    /// Everything else, in words.
    pub topology: String,
    /// Widths of weights and activations.
    pub quantisation: Quantisation,
    /// How it comes to be.
    pub make: Make,
}

/// Computes an emulator.
pub type Compute = Arc<dyn Fn() -> std::result::Result<Emulator, EmulatorError> + Send + Sync>;

/// Plans a training.
pub type Plan = Arc<dyn Fn() -> Result<Training> + Send + Sync>;

/// How the emulator of a candidate comes to be.
#[derive(Clone)]
pub enum Make {
    /// From the mathematics of the region, at once.
    Computed(Compute),
    /// From frames; the whole of it is the last rung.
    Trained(Plan),
    /// A network for one subroutine, from frames of that, put into what surrounds it.
    Composed {
        /// The subroutine as a region of its own.
        subroutine: Arc<dyn Application>,
        /// Its training.
        plan: Plan,
        /// Puts the trained emulator into that of the region.
        compose: Compose,
    },
}

/// Puts the emulator of a subroutine into what surrounds it.
pub type Compose = Arc<dyn Fn(&Emulator) -> std::result::Result<Emulator, EmulatorError> + Send + Sync>;

impl SearchSpace {
    /// The space of an application that has nothing to say about its structure: its recipe, for several widths of weights, and
    /// every quality level of it alone.
    ///
    /// # Errors
    /// As [`Application::recipe`].
    pub(crate) fn of_recipe<A: Application + ?Sized>(app: &A) -> Result<Self> {
        let tree = Subroutine::new(app.name(), app.inputs(), app.outputs()).ways(&[Way::Emulate]);
        let recipe = app.recipe()?;
        // Not all checked-in emulators have levels, and an application may have none yet.
        let levels = crate::emulator(app.name()).map_or(1, |emulator| emulator.levels());
        let candidate = |weight_bits, level: Option<usize>| {
            let quantisation = Quantisation { weight_bits, ..Quantisation::default() };
            let (suffix, text) = match level {
                Some(level) => (format!("-level{level}"), format!(", quality level {level} alone")),
                None => (String::new(), String::new()),
            };
            SearchCandidate {
                name: format!("recipe{suffix}-{}", widths(quantisation)),
                decisions: vec![Decision::new(app.name(), Way::Emulate)],
                topology: format!("the recipe of the application{text}"),
                quantisation,
                make: match &recipe {
                    Recipe::Analytic { build, .. } => {
                        let build = *build;
                        Make::computed(move || {
                            let emulator = build(quantisation)?.emulator;
                            Ok(emulator.at_level(level.unwrap_or(emulator.levels() - 1)))
                        })
                    }
                    Recipe::Trained(training) => {
                        let training = training.clone();
                        Make::trained(move || Ok(*training.clone()))
                    }
                },
            }
        };
        let lower = if matches!(recipe, Recipe::Analytic { .. }) { levels - 1 } else { 0 };
        let of_width =
            |bits| std::iter::once(None).chain((0..lower).map(Some)).map(move |level| (bits, level));
        let all = [4, 8, 16].into_iter().flat_map(of_width);
        let candidates = all.map(|(bits, level)| candidate(bits, level)).collect();
        let reference = Reference {
            decisions: vec![Decision::new(app.name(), Way::Emulate)],
            topology: String::from("the recipe of the application"),
        };
        Ok(Self { tree, candidates, near: 0, reference })
    }

    /// The candidates as the search sees them.
    pub(crate) fn names(&self) -> Vec<Candidate> {
        let candidate = |c: &SearchCandidate| Candidate {
            name: c.name.clone(),
            effort: match c.make {
                Make::Computed(_) => Effort::Once,
                Make::Trained(_) | Make::Composed { .. } => Effort::Rungs,
            },
        };
        self.candidates.iter().map(candidate).collect()
    }

    /// The space with its candidates in the order in which they are tried, each once: what was made by hand, the near
    /// ones in an order that the seed draws, then the others.
    pub(crate) fn shuffled(mut self, seed: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let (near, others) = self.candidates.split_at_mut(self.near);
        if let [_hand_made, near @ ..] = near {
            near.shuffle(&mut rng);
        }
        others.shuffle(&mut rng);
        let mut seen = HashSet::new();
        self.candidates.retain(|candidate| seen.insert(candidate.name.clone()));
        self
    }
}

impl Make {
    pub(crate) fn computed(
        make: impl Fn() -> std::result::Result<Emulator, EmulatorError> + Send + Sync + 'static,
    ) -> Self {
        Self::Computed(Arc::new(make))
    }

    pub(crate) fn trained(plan: impl Fn() -> Result<Training> + Send + Sync + 'static) -> Self {
        Self::Trained(Arc::new(plan))
    }
}

/// For example `w8a16`.
pub(crate) fn widths(quantisation: Quantisation) -> String {
    let Quantisation { weight_bits, activation_bits } = quantisation;
    format!("w{weight_bits}a{activation_bits}")
}
