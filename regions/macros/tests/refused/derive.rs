use emeuro_regions::Frame;

#[derive(Frame)]
enum Shape {
    Round(f64),
    Square(f64),
}

#[derive(Frame)]
union Either {
    x: f64,
    y: f64,
}

#[derive(Frame)]
struct Pair<T> {
    x: T,
    y: T,
}

#[derive(Frame)]
struct Nothing;

fn main() {}
