//! What is searched over for `convolution`.

use super::SearchSpace;
use crate::{Convolution, Result};

pub(crate) fn space() -> Result<SearchSpace> {
    SearchSpace::of_recipe(&Convolution)
}
