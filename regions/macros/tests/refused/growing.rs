use emeuro_regions::approximate;

#[approximate]
fn vector(x: Vec<f64>) -> f64 {
    x[0]
}

#[approximate]
fn borrowed(x: &mut Vec<f64>) {
    x.clear();
}

#[approximate]
fn result(x: f64) -> Vec<f64> {
    vec![x]
}

#[approximate]
fn text(x: String) -> f64 {
    x.len() as f64
}

fn main() {}
