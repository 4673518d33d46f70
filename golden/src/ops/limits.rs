//! What shifts there are: the limits of every back end, and the rule that derives a shift from binary points.

use crate::{error::EmulatorError, format::Format};

/// The largest requantising shift.
pub const MAX_SHIFT: u32 = 40;

/// The largest left shift that brings an operand of a sum to the binary point of the other.
pub const MAX_ALIGNMENT: u32 = 6;

/// The largest requantising shift of an element-wise product.
pub const MAX_PRODUCT_SHIFT: u32 = 31;

/// The right shift from a result with `frac` fractional bits to words of `format`.
pub(super) fn shift(frac: i32, format: Format) -> Result<u32, EmulatorError> {
    match u32::try_from(frac - format.frac()) {
        Ok(shift) if shift <= MAX_SHIFT => Ok(shift),
        _ => Err(EmulatorError::expected(
            "format",
            format_args!("a frac of {}..={frac}", frac - MAX_SHIFT as i32),
            format.frac(),
        )),
    }
}

/// Left shifts that bring words of two formats to one binary point, and the right shift from there to words of `to`.
pub(super) fn alignment(formats: [Format; 2], to: Format) -> Result<([u32; 2], u32), EmulatorError> {
    let fracs = formats.map(Format::frac);
    let common = fracs[0].max(fracs[1]);
    let align = fracs.map(|frac| (common - frac) as u32);
    if align.iter().any(|&align| align > MAX_ALIGNMENT) {
        let problem = format!("fracs {} and {} are more than {MAX_ALIGNMENT} bits apart", fracs[0], fracs[1]);
        return Err(EmulatorError::new("inputs", problem));
    }
    Ok((align, shift(common, to)?))
}
