//! One-dimensional test signals: white noise, sinusoids, speech-like sounds, steps.
//!
//! Every signal is scaled to a peak level that is uniform in [0.25, 1], so that frames differ in loudness
//! by up to 12 dB and none leaves [-1, 1].

use std::f64::consts::TAU;

use rand::{Rng, RngExt};

/// Sampling rate that the speech-like signals assume, Hz.
const RATE: f64 = 16_000.0;

pub(crate) const WHITE_NOISE: &str = "white noise";
pub(crate) const SINUSOIDS: &str = "sinusoids";
pub(crate) const SPEECH: &str = "speech-like";
pub(crate) const STEPS: &str = "steps";

/// Independent samples, uniform: equal power at all frequencies.
pub(crate) fn white_noise(rng: &mut impl Rng, samples: &mut [f64]) {
    samples.fill_with(|| rng.random_range(-1.0..1.0));
    scale_to_random_peak(rng, samples);
}

/// One to six sinusoids with frequencies uniform up to Nyquist (between the bins, too) and random phases.
pub(crate) fn sinusoids(rng: &mut impl Rng, samples: &mut [f64]) {
    samples.fill(0.0);
    for _ in 0..rng.random_range(1..=6) {
        let amplitude = rng.random_range(0.1..1.0);
        let step = rng.random_range(0.0..TAU / 2.0);
        let phase = rng.random_range(0.0..TAU);
        for (n, sample) in samples.iter_mut().enumerate() {
            *sample += amplitude * (phase + step * n as f64).sin();
        }
    }
    scale_to_random_peak(rng, samples);
}

/// A piecewise constant signal with one to eight jumps at random places to levels uniform in [-1, 1].
pub(crate) fn steps(rng: &mut impl Rng, samples: &mut [f64]) {
    let mut jumps = vec![false; samples.len()];
    for _ in 0..rng.random_range(1..=8) {
        jumps[rng.random_range(0..samples.len())] = true;
    }
    let mut level = rng.random_range(-1.0..1.0);
    for (sample, jump) in samples.iter_mut().zip(jumps) {
        if jump {
            level = rng.random_range(-1.0..1.0);
        }
        *sample = level;
    }
    scale_to_random_peak(rng, samples);
}

/// A piece of a speech-like sound: the source-filter model (Fant 1960; cascade of formants as in Klatt 1980).
///
/// Three of four are voiced: glottal pulses of 80 to 320 Hz with 1 % jitter, smoothed by two poles at 100 Hz
/// (-12 dB per octave), with a little breath; the others are hissed noise. Both pass four formant resonators
/// at vowel-like frequencies. The first 2048 samples (128 ms), in which the resonators settle, are dropped.
pub(crate) fn speech(rng: &mut impl Rng, samples: &mut [f64]) {
    const SETTLING: usize = 2048;
    let mut sound = vec![0.0; SETTLING + samples.len()];
    if rng.random_bool(0.75) {
        glottal_pulses(rng, &mut sound);
    } else {
        sound.fill_with(|| rng.random_range(-1.0..1.0));
    }
    vocal_tract(rng, &mut sound);
    samples.copy_from_slice(&sound[SETTLING..]);
    scale_to_random_peak(rng, samples);
}

/// Four formant resonators at vowel-like frequencies.
fn vocal_tract(rng: &mut impl Rng, sound: &mut [f64]) {
    let formants = [(250.0..850.0), (850.0..2500.0), (2300.0..3300.0), (3300.0..4200.0)];
    for formant in formants {
        let frequency = rng.random_range(formant);
        let bandwidth = rng.random_range(60.0..200.0);
        resonate(sound, frequency, bandwidth);
    }
}

/// What a vocal tract makes of one pulse: a kernel for convolutions.
#[cfg(test)]
pub(crate) fn impulse_response(rng: &mut impl Rng, samples: &mut [f64]) {
    samples.fill(0.0);
    samples[0] = 1.0;
    vocal_tract(rng, samples);
}

fn glottal_pulses(rng: &mut impl Rng, sound: &mut [f64]) {
    let period = RATE / rng.random_range(80.0..320.0);
    let breath = rng.random_range(0.0..0.02);
    let pole = (-TAU * 100.0 / RATE).exp();
    let mut next = rng.random_range(0.0..period);
    let (mut once, mut twice) = (0.0, 0.0);
    for (n, sample) in sound.iter_mut().enumerate() {
        let mut pulse = 0.0;
        if n as f64 >= next {
            pulse = 1.0;
            next += period * rng.random_range(0.99..1.01);
        }
        once = pole * once + (1.0 - pole) * (pulse + breath * rng.random_range(-1.0..1.0));
        twice = pole * twice + (1.0 - pole) * once;
        *sample = twice;
    }
}

/// Two-pole resonator of unit gain at zero frequency.
fn resonate(sound: &mut [f64], frequency: f64, bandwidth: f64) {
    let radius = (-TAU / 2.0 * bandwidth / RATE).exp();
    let (a1, a2) = (2.0 * radius * (TAU * frequency / RATE).cos(), -radius * radius);
    let (mut last, mut before) = (0.0, 0.0);
    for sample in sound {
        let y = (1.0 - a1 - a2) * *sample + a1 * last + a2 * before;
        (before, last) = (last, y);
        *sample = y;
    }
}

fn scale_to_random_peak(rng: &mut impl Rng, samples: &mut [f64]) {
    let level: f64 = rng.random_range(0.25..1.0);
    let peak = samples.iter().fold(0.0f64, |peak, sample| peak.max(sample.abs()));
    // A signal that happens to be silent stays so.
    let gain = if peak > 0.0 { level / peak } else { 0.0 };
    samples.iter_mut().for_each(|sample| *sample *= gain);
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;
    use realfft::RealFftPlanner;

    fn power_spectrum(signal: &[f64]) -> Vec<f64> {
        let fft = RealFftPlanner::new().plan_fft_forward(signal.len());
        let (mut input, mut spectrum) = (signal.to_vec(), fft.make_output_vec());
        fft.process(&mut input, &mut spectrum).unwrap();
        spectrum.iter().map(|bin| bin.norm_sqr()).collect()
    }

    #[test]
    fn peaks_are_between_a_quarter_and_one() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let mut samples = [0.0; 512];
        for round in 0..40 {
            match round % 4 {
                0 => white_noise(&mut rng, &mut samples),
                1 => sinusoids(&mut rng, &mut samples),
                2 => speech(&mut rng, &mut samples),
                _ => steps(&mut rng, &mut samples),
            }
            let peak = samples.iter().fold(0.0f64, |peak, sample| peak.max(sample.abs()));
            assert!((0.25..=1.0).contains(&peak), "round {round}: {peak}");
        }
    }

    #[test]
    fn white_noise_is_flat_and_speech_is_not() {
        let mut rng = ChaCha8Rng::seed_from_u64(2);
        let mut samples = [0.0; 512];
        let (mut white, mut voice) = ([0.0; 2], [0.0; 2]);
        for _ in 0..50 {
            white_noise(&mut rng, &mut samples);
            power_spectrum(&samples).iter().enumerate().for_each(|(k, power)| white[k / 129] += power);
            speech(&mut rng, &mut samples);
            power_spectrum(&samples).iter().enumerate().for_each(|(k, power)| voice[k / 129] += power);
        }
        assert!((white[0] / white[1] - 1.0).abs() < 0.1, "{white:?}");
        assert!(voice[0] > 100.0 * voice[1], "{voice:?}");
    }
}
