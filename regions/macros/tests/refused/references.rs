use emeuro_regions::approximate;

#[approximate]
fn returned(x: &[f64; 2]) -> &f64 {
    &x[0]
}

#[approximate]
fn twice(x: &&f64) -> f64 {
    **x
}

fn main() {}
