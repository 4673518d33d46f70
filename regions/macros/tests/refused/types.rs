use emeuro_regions::{Frame, approximate};

struct State {
    x: f64,
}

#[approximate]
fn integer(x: i32) -> f64 {
    f64::from(x)
}

#[approximate]
fn structure(state: &State) -> f64 {
    state.x
}

#[approximate]
fn maybe(x: f64) -> Option<f64> {
    Some(x)
}

#[approximate(x = 3)]
fn bytes(x: &[u8]) -> f64 {
    f64::from(x[0])
}

#[derive(Frame)]
struct Mixed {
    x: f64,
    name: &'static str,
}

fn main() {}
