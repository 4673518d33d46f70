//! How the parts of a picture move from one to the next (Lucas and Kanade, 1981).
//!
//! ```text
//! cargo run --release --example optical_flow                        # a texture that turns
//! cargo run --release --example optical_flow a.png b.png c.png      # pictures of one size, in order
//! EMEURO_MODE=emulate:0 cargo run --release --example optical_flow
//! ```
//!
//! What is emulated is the flow of 10×10 pixels from two patches of 16×16. Where a picture has no texture in both directions, there is no
//! flow to find, and the program leaves it out.

mod program;

use std::{fs::File, process::ExitCode};

use emeuro_regions::approximate;
use program::Result;

const PATCH: usize = 16;
const FLOW: usize = 10;
type Patch = [f64; PATCH * PATCH];

/// Grey levels from -1 to 1, row by row.
struct Picture {
    width: usize,
    height: usize,
    levels: Vec<f64>,
}

impl Picture {
    /// A texture that turns about the middle of the picture and moves a little.
    fn texture(time: f64) -> Self {
        let (width, height) = (166, 126);
        let level = |i: usize| {
            let (x, y) = ((i % width) as f64 - 83.0, (i / width) as f64 - 63.0);
            let (x, y) = (x + 0.008 * time * y - 0.25 * time, y - 0.008 * time * x + 0.15 * time);
            let wave = |a: f64, b: f64, c: f64| (a * x + b * y + c).sin();
            0.3 * (wave(0.45, 0.1, 0.0)
                + wave(-0.15, 0.5, 1.0)
                + wave(0.3, -0.35, 2.0)
                + wave(0.65, 0.4, 0.5) * 0.6)
        };
        Self { width, height, levels: (0..width * height).map(level).collect() }
    }

    fn read(path: &str) -> Result<Self> {
        let file = File::open(path).map_err(|e| format!("{path}: {e}"))?;
        let mut decoder = png::Decoder::new(std::io::BufReader::new(file));
        decoder.set_transformations(png::Transformations::normalize_to_color8());
        let mut reader = decoder.read_info().map_err(|e| format!("{path}: {e}"))?;
        // What a header promises is no reason to take memory.
        let size = reader.output_buffer_size().filter(|&size| size <= 1 << 28);
        let size = size.ok_or(format!("{path}: expected a picture of up to 2^28 bytes"))?;
        let mut bytes = vec![0; size];
        let info = reader.next_frame(&mut bytes).map_err(|e| format!("{path}: {e}"))?;
        let samples = info.color_type.samples();
        // Without the transparency, if there is one.
        let colours = if samples > 2 { 3 } else { 1 };
        let grey = |pixel: &[u8]| {
            let sum: f64 = pixel[..colours].iter().map(|&value| f64::from(value)).sum();
            sum / colours as f64 / 127.5 - 1.0
        };
        let levels = bytes[..info.buffer_size()].chunks_exact(samples).map(grey).collect();
        Ok(Self { width: info.width as usize, height: info.height as usize, levels })
    }

    fn patch(&self, x: usize, y: usize) -> Patch {
        std::array::from_fn(|i| self.levels[(y + i / PATCH) * self.width + x + i % PATCH])
    }
}

/// Sums over the 5×5 window around a pixel of the flow: Ix², IxIy, Iy², IxIt, IyIt.
fn window(first: &Patch, second: &Patch, pixel: usize) -> [f64; 5] {
    let mut sums = [0.0; 5];
    let (x, y) = (pixel % FLOW + 3, pixel / FLOW + 3);
    for y in y - 2..=y + 2 {
        for i in y * PATCH + x - 2..=y * PATCH + x + 2 {
            let ix = (first[i + 1] - first[i - 1]) / 2.0;
            let iy = (first[i + PATCH] - first[i - PATCH]) / 2.0;
            let it = second[i] - first[i];
            sums.iter_mut().zip([ix * ix, ix * iy, iy * iy, ix * it, iy * it]).for_each(|(s, p)| *s += p);
        }
    }
    sums
}

/// The flow of the inner 10×10 pixels, to the right and then down, in pixels.
#[approximate]
fn flow(first: &Patch, second: &Patch) -> [f64; 2 * FLOW * FLOW] {
    let mut flow = [0.0; 2 * FLOW * FLOW];
    for pixel in 0..FLOW * FLOW {
        let [xx, xy, yy, xt, yt] = window(first, second, pixel);
        let lambda = 0.01 * (xx + yy);
        let determinant = (xx + lambda) * (yy + lambda) - xy * xy;
        if determinant > 0.0 {
            flow[pixel] = (xy * yt - (yy + lambda) * xt) / determinant;
            flow[FLOW * FLOW + pixel] = (xy * xt - (xx + lambda) * yt) / determinant;
        }
    }
    flow
}

/// Whether there is texture in both directions, as much as an 8-bit camera can tell from noise.
fn is_textured(first: &Patch, pixel: usize) -> bool {
    let [xx, xy, yy, ..] = window(first, first, pixel);
    let (trace, least) = (xx + yy, (xx + yy) / 2.0 - ((xx - yy) / 2.0).hypot(xy));
    trace > 25.0 * (2.0f64 / 255.0).powi(2) && least > 0.1 * trace
}

fn main() -> ExitCode {
    program::exit(run())
}

fn run() -> Result<()> {
    let region = program::set_up("flow", "optical_flow")?;
    let paths: Vec<String> = std::env::args().skip(1).collect();
    let pictures: Vec<Picture> = match paths.is_empty() {
        true => (0..3).map(|time| Picture::texture(f64::from(time))).collect(),
        false => paths.iter().map(|path| Picture::read(path)).collect::<Result<_>>()?,
    };
    let (width, height) = (pictures[0].width, pictures[0].height);
    let is_other = |picture: &Picture| (picture.width, picture.height) != (width, height);
    if pictures.len() < 2 || width.min(height) < PATCH || pictures.iter().any(is_other) {
        return Err("expected two pictures or more, all of one size of at least 16 by 16 pixels".into());
    }
    let places = |size: usize| (0..=size - PATCH).step_by(FLOW);
    let pairs: Vec<(Patch, Patch)> = pictures
        .windows(2)
        .flat_map(|pair| {
            places(height)
                .flat_map(move |y| places(width).map(move |x| (pair[0].patch(x, y), pair[1].patch(x, y))))
        })
        .collect();
    let textured: Vec<bool> = pairs
        .iter()
        .flat_map(|(first, _)| [(); 2].map(|()| (0..FLOW * FLOW).map(|pixel| is_textured(first, pixel))))
        .flatten()
        .collect();
    let mut field = vec![];
    program::compare(region, 1, || {
        field = pairs.iter().flat_map(|(first, second)| flow(first, second)).collect();
        field.iter().zip(&textured).map(|(flow, is)| if *is { *flow } else { f64::NAN }).collect()
    })?;
    let speeds = field
        .chunks_exact(2 * FLOW * FLOW)
        .flat_map(|patch| (0..FLOW * FLOW).map(|i| patch[i].hypot(patch[FLOW * FLOW + i])));
    let (mut sum, mut count) = (0.0, 0);
    let is_textured = textured.chunks_exact(2 * FLOW * FLOW).flat_map(|patch| &patch[..FLOW * FLOW]);
    for (speed, _) in speeds.zip(is_textured).filter(|(_, is)| **is) {
        (sum, count) = (sum + speed, count + 1);
    }
    println!("{count} pixels have a flow, of {:.2} pixels in the mean.", sum / f64::from(count.max(1)));
    Ok(())
}
