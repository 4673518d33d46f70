use emeuro_regions::{Frame, approximate};

#[approximate]
fn types<T: Frame>(x: T) -> f64 {
    0.0
}

#[approximate]
fn sizes<const N: usize>(x: [f64; N]) -> f64 {
    x[0]
}

#[approximate]
fn hidden(x: impl Frame) -> f64 {
    0.0
}

#[approximate]
fn hidden_result(x: f64) -> impl Frame {
    x
}

#[approximate]
fn dynamic(x: &dyn Fn(f64) -> f64) -> f64 {
    x(1.0)
}

fn main() {}
