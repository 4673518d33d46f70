//! Physical values to words and back, many at a time.

use crate::Port;

/// Words of a port that share a binary point.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scale {
    words: usize,
    /// 2^frac.
    factor: f64,
    /// 2^-frac.
    inverse: f64,
    /// The least and the largest word.
    limits: [f64; 2],
}

/// The scales of a port, in order.
pub(super) fn scales(port: &Port) -> Vec<Scale> {
    let mut scales: Vec<Scale> = vec![];
    for format in port.formats() {
        let factor = 2f64.powi(format.frac());
        match scales.last_mut() {
            Some(last) if last.factor == factor => last.words += 1,
            _ => scales.push(Scale {
                words: 1,
                factor,
                inverse: 2f64.powi(-format.frac()),
                limits: [f64::from(format.min()), f64::from(format.max())],
            }),
        }
    }
    scales
}

/// [`Format::quantise`](crate::Format::quantise) of every value; whether all are finite.
///
/// # Safety
/// Room for as many words as there are values, which are as many as the port has.
#[inline(always)]
pub(super) unsafe fn quantise(scales: &[Scale], values: &[f64], words: *mut i16) -> bool {
    const EXPONENT: u64 = 0x7ff << 52;
    let (mut first, mut unbounded) = (0, 0);
    for &Scale { words: count, factor, limits: [least, most], .. } in scales {
        // SAFETY: the caller promises the room.
        let words = unsafe { std::slice::from_raw_parts_mut(words.add(first), count) };
        for (word, &value) in words.iter_mut().zip(&values[first..first + count]) {
            unbounded |= u64::from(value.to_bits() & EXPONENT == EXPONENT);
            let raw = value * factor + 0.5;
            // Clamped before the floor, which the integer limits allow; NaN becomes the least word and is refused.
            let raw = if raw > least { raw } else { least };
            let raw = if raw < most { raw } else { most };
            // SAFETY: within the limits of a word.
            *word = unsafe { raw.floor().to_int_unchecked::<i32>() } as i16;
        }
        first += count;
    }
    unbounded == 0
}

/// [`Format::value`](crate::Format::value) of every word.
///
/// # Safety
/// As many words as values, which are as many as the port has.
#[inline(always)]
pub(super) unsafe fn dequantise(scales: &[Scale], words: *const i16, values: &mut [f64]) {
    let mut first = 0;
    for &Scale { words: count, inverse, .. } in scales {
        // SAFETY: the caller promises the words.
        let words = unsafe { std::slice::from_raw_parts(words.add(first), count) };
        for (value, &word) in values[first..first + count].iter_mut().zip(words) {
            *value = f64::from(i32::from(word)) * inverse;
        }
        first += count;
    }
}
