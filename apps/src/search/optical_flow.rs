//! What is searched over for `optical_flow`.

use super::SearchSpace;
use crate::{OpticalFlow, Result};

pub(crate) fn space() -> Result<SearchSpace> {
    SearchSpace::of_recipe(&OpticalFlow)
}
