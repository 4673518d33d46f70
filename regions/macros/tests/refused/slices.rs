use emeuro_regions::approximate;

#[approximate]
fn no_length(x: &[f64]) -> f64 {
    x[0]
}

#[approximate(x = 4)]
fn one_length(x: &[f64], y: &mut [f64]) {
    y[0] = x[0];
}

#[approximate(x = 4)]
fn no_slice(x: [f64; 4]) -> f64 {
    x[0]
}

#[approximate(z = 4)]
fn nobody(x: f64) -> f64 {
    x
}

#[approximate(x = "four")]
fn no_number(x: &[f64]) -> f64 {
    x[0]
}

fn main() {}
