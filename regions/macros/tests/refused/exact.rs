use emeuro_regions::{approximate, exact};

#[exact(always)]
fn arguments() {}

#[exact]
struct Structure;

#[exact]
const fn early() {}

#[exact]
async fn later() {}

#[exact]
#[approximate]
fn both(x: f64) -> f64 {
    x
}

#[approximate]
#[exact]
fn the_other_way_round(x: f64) -> f64 {
    x
}

#[approximate]
fn region(x: f64) -> f64 {
    #[exact(always)]
    println!("{x}");
    x
}

fn main() {}
