use emeuro_regions::approximate;

struct Arm;

impl Arm {
    #[approximate]
    fn method(&self, x: f64) -> f64 {
        x
    }
}

#[approximate]
async fn later(x: f64) -> f64 {
    x
}

#[approximate]
const fn early(x: f64) -> f64 {
    x
}

#[approximate]
unsafe fn dangerous(x: f64) -> f64 {
    x
}

#[approximate]
struct Structure {
    x: f64,
}

fn main() {}
