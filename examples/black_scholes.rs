//! A book of European options is priced again and again, with all Greeks.
//!
//! ```text
//! cargo run --release --example black_scholes
//! EMEURO_MODE=exact cargo run --release --example black_scholes
//! EMEURO_MODE=profile cargo run --release --example black_scholes
//! ```
//!
//! The formula is that of F. Black, M. Scholes, "The Pricing of Options and Corporate Liabilities", Journal of Political Economy 81 (1973),
//! with the strike as the unit of money; the normal distribution is `erfc` of the crate `libm`. On a CPU, this formula of a few operations
//! is faster than its emulator; what is gained is a unit of plain multiply-accumulates, without logarithm, exponential and root.

mod program;

use std::{
    f64::consts::{FRAC_1_SQRT_2, PI},
    process::ExitCode,
};

use emeuro_regions::{Frame, Mode, approximate};
use program::Result;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// A European call, its strike 1.
#[derive(Clone, Copy, Debug, Frame)]
struct Call {
    /// Price of the share over the strike.
    spot: f64,
    /// Interest per year, continuously compounded.
    rate: f64,
    /// Volatility per square root of a year.
    volatility: f64,
    /// Years to maturity.
    time: f64,
}

/// What it is worth, and the derivatives of that, in units of the strike.
#[derive(Clone, Copy, Debug, Frame)]
struct Value {
    price: f64,
    /// By the spot.
    delta: f64,
    /// Of delta, by the logarithm of the spot: for a relative change.
    gamma: f64,
    /// By the volatility.
    vega: f64,
    /// By the time that passes, per year.
    theta: f64,
    /// By the interest.
    rho: f64,
}

/// Price and Greeks of a European call.
#[approximate(name = "black_scholes")]
fn value(option: Call) -> Value {
    let Call { spot, rate, volatility, time } = option;
    let spread = volatility * time.sqrt();
    let d1 = (spot.ln() + (rate + 0.5 * volatility * volatility) * time) / spread;
    let d2 = d1 - spread;
    let discounted = (-rate * time).exp();
    let density = (-0.5 * d1 * d1).exp() / (2.0 * PI).sqrt();
    Value {
        price: spot * normal(d1) - discounted * normal(d2),
        delta: normal(d1),
        gamma: density / spread,
        vega: spot * density * time.sqrt(),
        theta: -0.5 * spot * density * volatility / time.sqrt() - rate * discounted * normal(d2),
        rho: time * discounted * normal(d2),
    }
}

/// The standard normal distribution.
fn normal(x: f64) -> f64 {
    0.5 * libm::erfc(-x * FRAC_1_SQRT_2)
}

/// A book: options around the money, with a month to two years to go.
fn book(count: usize, seed: u64) -> Vec<Call> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let option = |_| Call {
        spot: rng.random_range(-0.35f64..0.35).exp(),
        rate: rng.random_range(0.0..0.08),
        volatility: rng.random_range(0.12..0.6),
        time: rng.random_range(0.1..2.0),
    };
    (0..count).map(option).collect()
}

fn main() -> ExitCode {
    program::exit(run())
}

fn run() -> Result<()> {
    let region = program::set_up_file("black_scholes", "examples/emulators/black_scholes.yaml")?;
    // What the emulator has learnt from is not what it is measured on.
    let book = book(20_000, if region.mode() == Mode::Profile { 1 } else { 2 });
    println!("{} options", book.len());
    program::compare(region, Value::SIZE, || numbers(book.iter().map(|&option| value(option))))
}

/// The numbers of all values, one after the other.
fn numbers(values: impl Iterator<Item = Value>) -> Vec<f64> {
    let mut numbers = vec![];
    for value in values {
        let mut part = [0.0; Value::SIZE];
        value.write(&mut part);
        numbers.extend(part);
    }
    numbers
}

#[cfg(test)]
mod tests {
    use super::*;

    const HULL: Call = Call { spot: 42.0 / 40.0, rate: 0.1, volatility: 0.2, time: 0.5 };

    #[test]
    fn the_price_is_that_of_a_textbook() {
        // J. Hull, "Options, Futures, and Other Derivatives": 4.76 for a strike of 40.
        assert!((40.0 * value(HULL).price - 4.76).abs() < 0.005);
    }

    #[test]
    fn the_greeks_are_the_derivatives_of_the_price() {
        for option in book(200, 3) {
            let Value { delta, gamma, vega, theta, rho, .. } = value(option);
            let h = 1e-5;
            let slope = |change: fn(&mut Call) -> &mut f64, of: fn(Value) -> f64| {
                let (mut low, mut high) = (option, option);
                *change(&mut low) -= h;
                *change(&mut high) += h;
                (of(value(high)) - of(value(low))) / (2.0 * h)
            };
            let near =
                |a: f64, b: f64| assert!((a - b).abs() < 1e-6 * (1.0 + a.abs()), "{option:?}: {a} {b}");
            near(delta, slope(|o| &mut o.spot, |v| v.price));
            near(gamma, option.spot * slope(|o| &mut o.spot, |v| v.delta));
            near(vega, slope(|o| &mut o.volatility, |v| v.price));
            near(theta, -slope(|o| &mut o.time, |v| v.price));
            near(rho, slope(|o| &mut o.rate, |v| v.price));
        }
    }

    #[test]
    fn the_emulator_that_is_checked_in_is_as_good_as_it_says() {
        let emulator =
            emeuro_golden::Emulator::parse(include_str!("emulators/black_scholes.yaml"), "").unwrap();
        let book = book(5000, 4);
        let exact = numbers(book.iter().map(|&option| value(option)));
        let emulated = book.iter().flat_map(|option| {
            let mut input = [0.0; Call::SIZE];
            option.write(&mut input);
            emulator.run_values(&input).unwrap()
        });
        let found = emeuro_golden::nrmse(&exact, &emulated.collect::<Vec<_>>(), Value::SIZE).unwrap();
        let stated = emulator.provenance().nrmse.unwrap();
        assert!(found < 1.25 * stated, "{found} {stated}");
    }
}
