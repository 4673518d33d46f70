//! What the options of `emeuro train` mean.

use std::time::Duration;

use emeuro::trainer::Quantisation;

/// Reads for example `90s`, `10m` or `2h`.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || "expected a number above 0 and s, m or h, for example 90s or 10m".to_owned();
    let unit = text.chars().last().ok_or_else(wrong)?;
    let seconds = match unit {
        's' => 1.0,
        'm' => 60.0,
        'h' => 3600.0,
        _ => return Err(wrong()),
    };
    let number: f64 = text[..text.len() - unit.len_utf8()].parse().map_err(|_| wrong())?;
    match Duration::try_from_secs_f64(number * seconds) {
        Ok(duration) if !duration.is_zero() && number <= 1e6 => Ok(duration),
        _ => Err(wrong()),
    }
}

/// Reads for example `w8a16`.
pub(super) fn quantisation(text: &str) -> Result<Quantisation, String> {
    let widths = text.strip_prefix('w').and_then(|rest| rest.split_once('a'));
    match widths.map(|(w, a)| (w.parse(), a.parse())) {
        Some((Ok(weight_bits @ (4 | 8 | 16)), Ok(activation_bits @ (8 | 16)))) => {
            Ok(Quantisation { weight_bits, activation_bits })
        }
        _ => Err("expected w4, w8 or w16 followed by a8 or a16, for example w8a16".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_a_unit() {
        assert_eq!(duration("90s").unwrap(), Duration::from_secs(90));
        assert_eq!(duration("1.5m").unwrap(), Duration::from_secs(90));
        assert_eq!(duration("2h").unwrap(), Duration::from_secs(7200));
        for wrong in ["", "s", "10", "0s", "-1m", "nanm", "infh", "1e300h", "10 m", "3ä"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }
}
