//! What can be chosen about a unit.

/// The most lanes a unit may have.
pub const MAX_LANES: usize = 128;

/// An impossible choice.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// Lanes out of range.
    #[error("lanes: expected 1..={MAX_LANES}, found {0}")]
    Lanes(usize),
}

/// The choices for one unit, valid by construction.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct UnitConfig {
    lanes: usize,
}

impl UnitConfig {
    /// A unit with `lanes` multiply-accumulate lanes, 1 to [`MAX_LANES`].
    ///
    /// # Errors
    /// Lanes out of range.
    pub fn new(lanes: usize) -> Result<Self, ConfigError> {
        if (1..=MAX_LANES).contains(&lanes) { Ok(Self { lanes }) } else { Err(ConfigError::Lanes(lanes)) }
    }

    /// Number of multiply-accumulate lanes.
    pub fn lanes(&self) -> usize {
        self.lanes
    }
}
