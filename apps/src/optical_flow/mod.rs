//! Optical flow between two image patches (Lucas and Kanade, IJCAI 1981).

pub(crate) mod emulator;
mod exact;
pub(crate) mod graph;
mod reference;
mod structure;

use rand::{Rng, RngExt};
use rayon::prelude::*;

use crate::application::{Application, Signal};
use crate::dead_leaves::DeadLeaves;
use crate::frames::{Frames, Source, Split, stream};
use crate::kernel::Kernel;
use crate::recipe::Recipe;

/// Side of a patch, pixels.
pub(crate) const PATCH: usize = 16;
/// Side of the flow field, pixels.
pub(crate) const FLOW: usize = 10;
/// Distance of the flow field from the border of the patch.
pub(crate) const MARGIN: usize = (PATCH - FLOW) / 2;
/// Side of the window.
pub(crate) const WINDOW: usize = 5;
/// λ as a share of the trace.
pub(crate) const REGULARISATION: f64 = 0.01;
/// Least λmin/trace of G at which a pixel's flow is well conditioned.
const WELL_CONDITIONED: f64 = 0.1;

/// Least mean square of a window's derivatives at which its flow counts: one step of an 8-bit camera (2/255
/// of the range) per pixel. Below, G is rounding noise, which is isotropic and would pass for well conditioned.
const LEAST_CONTRAST: f64 = (2.0 / 255.0) * (2.0 / 255.0);

/// Frames that are cut from one image.
const FRAMES_PER_IMAGE: usize = 32;
/// Largest translation, pixels.
const MAX_SHIFT: f64 = 1.0;
/// Largest entry of the flow's gradient, pixels per pixel: over the field it adds at most ±0.3 pixels.
const MAX_GRADIENT: f64 = 0.03;

/// The `optical_flow` application; frames are patches of dead-leaves images under a small smooth flow.
///
/// Input (512): the first patch, then the second, 16×16 grey levels in [-1, 1] each, row by row.
/// Output (200): u\[10×10\] then v\[10×10\], the flow of patch pixels (3..13, 3..13) in pixels, u to the right, v down.
///
/// In the 5×5 window around a pixel, with central differences Ix, Iy of the first patch and the difference It of the
/// patches, the flow solves (G + λI)(u, v) = -(ΣIxIt, ΣIyIt), where G = Σ(Ix, Iy)(Ix, Iy)ᵀ and λ = 1 % of G's trace.
/// A window without any contrast has flow 0. Windows and differences reach 3 pixels out, to the very border of a patch.
#[derive(Clone, Copy, Debug, Default)]
pub struct OpticalFlow;

impl OpticalFlow {
    /// Side of a patch, pixels.
    pub const PATCH: usize = PATCH;
    /// Side of the flow field, pixels.
    pub const FLOW: usize = FLOW;
    /// Side of the window, pixels.
    pub const WINDOW: usize = WINDOW;
    /// λ as a share of the trace.
    pub const REGULARISATION: f64 = REGULARISATION;

    /// The application; it has no settings.
    pub fn new() -> OpticalFlow {
        OpticalFlow
    }
}

impl Application for OpticalFlow {
    fn name(&self) -> &'static str {
        "optical_flow"
    }

    fn title(&self) -> &'static str {
        "Lucas-Kanade flow between two 16x16 patches"
    }

    fn input_signals(&self) -> &'static [Signal] {
        &[
            Signal { name: "first", unit: "1", size: PATCH * PATCH },
            Signal { name: "second", unit: "1", size: PATCH * PATCH },
        ]
    }

    fn output_signals(&self) -> &'static [Signal] {
        &[Signal { name: "flow", unit: "px", size: 2 * FLOW * FLOW }]
    }

    fn plan_exact(&self) -> Kernel {
        exact::plan()
    }

    fn plan_reference(&self) -> Kernel {
        reference::plan()
    }

    /// The mask leaves out ill-conditioned pixels: λmin/trace ≤ 0.1 (edges, the aperture problem), and windows whose
    /// derivatives are below one grey step of an 8-bit camera.
    ///
    /// 32 frames come from one image, each from a random place with a flow of its own: a translation uniform in the
    /// disc of 1 pixel plus an affine part of up to 0.03 pixels per pixel. No two splits share an image.
    fn frames(&self, split: Split, count: usize, seed: u64) -> Frames {
        let images: Vec<DeadLeaves> = (0..count.div_ceil(FRAMES_PER_IMAGE))
            .into_par_iter()
            .map(|image| DeadLeaves::random(&mut stream(Source::DeadLeaves, split, seed, image)))
            .collect();
        let mut frames = Frames::generate(self, count, |frame, patches| {
            let mut rng = stream(Source::OpticalFlow, split, seed, frame);
            random_patches(&mut rng, &images[frame / FRAMES_PER_IMAGE], patches);
            "dead leaves"
        });
        frames.mask = Some(frames.inputs.par_chunks_exact(self.inputs()).flat_map_iter(mask).collect());
        frames
    }

    fn recipe(&self) -> crate::Result<Recipe> {
        Ok(Recipe::Analytic { build: emulator::build, test: 4096 })
    }

    fn search_space(&self) -> crate::Result<crate::SearchSpace> {
        crate::search::optical_flow_space()
    }
}

/// Cuts a patch from a random place of the image and the same patch under a random flow.
fn random_patches(rng: &mut impl Rng, image: &DeadLeaves, patches: &mut [f64]) {
    let border = 3.0;
    let side = PATCH as f64 + border;
    let origin = [(); 2].map(|()| rng.random_range(border..DeadLeaves::SIDE - side));
    let (length, angle) =
        (MAX_SHIFT * rng.random::<f64>().sqrt(), rng.random_range(0.0..std::f64::consts::TAU));
    let gradient = [(); 4].map(|()| rng.random_range(-MAX_GRADIENT..MAX_GRADIENT));
    let flow = |x: f64, y: f64| {
        let (x, y) = (x - (PATCH - 1) as f64 / 2.0, y - (PATCH - 1) as f64 / 2.0);
        [
            length * angle.cos() + gradient[0] * x + gradient[1] * y,
            length * angle.sin() + gradient[2] * x + gradient[3] * y,
        ]
    };
    render(image, origin, flow, patches);
}

/// Fills both patches; what the second shows at a place is what the first shows at that place minus the flow there.
fn render(image: &DeadLeaves, origin: [f64; 2], flow: impl Fn(f64, f64) -> [f64; 2], patches: &mut [f64]) {
    let (first, second) = patches.split_at_mut(PATCH * PATCH);
    for i in 0..PATCH * PATCH {
        let (x, y) = ((i % PATCH) as f64, (i / PATCH) as f64);
        let [u, v] = flow(x, y);
        first[i] = image.level(origin[0] + x, origin[1] + y);
        second[i] = image.level(origin[0] + x - u, origin[1] + y - v);
    }
}

/// Which of the 200 outputs are well conditioned.
fn mask(patches: &[f64]) -> Vec<bool> {
    let pixels = reference::tensors(patches).map(|t| {
        let trace = t.xx + t.yy;
        let least = trace / 2.0 - ((t.xx - t.yy) / 2.0).hypot(t.xy);
        trace > LEAST_CONTRAST * (WINDOW * WINDOW) as f64 && least / trace > WELL_CONDITIONED
    });
    pixels.repeat(2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    #[test]
    fn both_kernels_agree() {
        let frames = OpticalFlow.frames(Split::Test, 40, 1);
        let mut reference = OpticalFlow.plan_reference();
        let mut output = [0.0; 200];
        for (input, target) in frames.inputs.chunks_exact(512).zip(frames.targets.chunks_exact(200)) {
            reference.run(input, &mut output).unwrap();
            let difference = target.iter().zip(&output).fold(0.0f64, |most, (a, b)| most.max((a - b).abs()));
            assert!(difference < 1e-9, "{difference}");
        }
    }

    #[test]
    fn a_small_translation_is_found_where_the_mask_says_so() {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let image = DeadLeaves::random(&mut rng);
        let (mut count, mut bias, mut squares) = (0.0, [0.0; 2], 0.0);
        let mut patches = [0.0; 512];
        let mut flow = [0.0; 200];
        for place in 0..40 {
            let origin = [10.0 + 2.5 * place as f64, 12.0 + 2.3 * place as f64];
            render(&image, origin, |_, _| [0.05, -0.03], &mut patches);
            OpticalFlow.exact(&patches, &mut flow).unwrap();
            let mask = mask(&patches);
            for pixel in (0..100).filter(|&pixel| mask[pixel]) {
                let error = [flow[pixel] - 0.05, flow[100 + pixel] + 0.03];
                count += 1.0;
                (0..2).for_each(|k| bias[k] += error[k]);
                squares += error[0] * error[0] + error[1] * error[1];
            }
        }
        let spread = f64::sqrt(squares / count);
        assert!(count > 300.0, "{count}");
        // The regularisation of 1 % and the differences over 2 pixels bias the estimate by some per cent.
        assert!(bias.iter().all(|b| b.abs() / count < 0.006) && spread < 0.015, "{bias:?} {count} {spread}");
    }

    #[test]
    fn patches_without_contrast_have_no_flow_and_do_not_count() {
        let patches = [0.25; 512];
        let mut flow = [1.0; 200];
        for mut kernel in [OpticalFlow.plan_exact(), OpticalFlow.plan_reference()] {
            kernel.run(&patches, &mut flow).unwrap();
            assert_eq!(flow, [0.0; 200]);
        }
        assert!(mask(&patches).iter().all(|counts| !counts));
    }

    #[test]
    fn edges_do_not_count_and_corners_do() {
        let edge: Vec<f64> = (0..512).map(|i| if i % PATCH < 8 { -1.0 } else { 1.0 }).collect();
        assert!(mask(&edge).iter().all(|counts| !counts));
        let corner = |i: usize| i % PATCH < 8 && (i / PATCH) % PATCH < 8;
        let corner: Vec<f64> = (0..512).map(|i| if corner(i) { -1.0 } else { 1.0 }).collect();
        assert!(mask(&corner)[4 * FLOW + 4]);
    }

    #[test]
    fn a_fair_share_of_pixels_is_well_conditioned() {
        let frames = OpticalFlow.frames(Split::Test, 640, 4);
        let share = frames.share();
        assert!((0.1..0.9).contains(&share), "{share}");
    }
}
