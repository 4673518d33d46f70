use emeuro_regions::approximate;

#[approximate]
fn no_input() -> f64 {
    1.0
}

#[approximate]
fn no_output(x: f64) {
    let _ = x;
}

#[approximate]
fn nothing(x: f64) -> () {
    let _ = x;
}

#[approximate]
fn pattern((x, y): (f64, f64)) -> f64 {
    x + y
}

#[approximate]
fn nameless(_: f64) -> f64 {
    0.0
}

fn main() {}
