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

/// Reads for example `2%` or `0.02`.
pub(super) fn share(text: &str) -> Result<f64, String> {
    let number = match text.strip_suffix('%') {
        Some(percent) => percent.trim().parse().map(|percent: f64| percent / 100.0),
        None => text.parse(),
    };
    match number {
        Ok(share) if share > 0.0 && share < 1.0 => Ok(share),
        _ => Err("expected a share between 0 and 1, for example 2% or 0.02".to_owned()),
    }
}

/// A share as it can be given.
pub(super) fn share_text(share: f64) -> String {
    // Without the last digits of the binary fraction.
    format!("{}%", (share * 1e8).round() / 1e6)
}

/// For example `w8a16`.
pub(super) fn quantisation_text(quantisation: Quantisation) -> String {
    let Quantisation { weight_bits, activation_bits } = quantisation;
    format!("w{weight_bits}a{activation_bits}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_plain_or_per_cent() {
        assert_eq!((share("2%"), share("0.02"), share("0.5 %")), (Ok(0.02), Ok(0.02), Ok(0.005)));
        for wrong in ["", "%", "0", "1", "100%", "-1%", "2", "nan", "two"] {
            assert!(share(wrong).is_err(), "{wrong}");
        }
    }

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
