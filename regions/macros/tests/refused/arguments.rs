use emeuro_regions::approximate;

#[approximate(name = reach)]
fn no_quotes(x: f64) -> f64 {
    x
}

#[approximate(name = "../reach")]
fn a_path(x: f64) -> f64 {
    x
}

#[approximate(name = "a", name = "b")]
fn two_names(x: f64) -> f64 {
    x
}

#[approximate(x = 3, x = 4)]
fn two_lengths(x: &[f64]) -> f64 {
    x[0]
}

#[approximate(fast)]
fn no_value(x: f64) -> f64 {
    x
}

fn main() {}
