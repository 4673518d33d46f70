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

#[approximate(out(y))]
fn not_written(x: f64, y: f64) -> f64 {
    x + y
}

#[approximate(y = 2, out(y))]
fn nothing_read(y: &mut [f64]) {
    y.fill(1.0);
}

fn main() {}
