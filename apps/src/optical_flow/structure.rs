//! The structure of the emulator in floating point: what it would compute without rounding.

use super::emulator::{factor, reciprocal};
use super::reference::tensors;
use super::{FLOW, PATCH};
use crate::kernel::Kernel;

pub(super) fn plan() -> Kernel {
    Kernel::new("optical_flow", 2 * PATCH * PATCH, 2 * FLOW * FLOW, |input, output| {
        for (pixel, sums) in tensors(input).iter().enumerate() {
            let scale = reciprocal(sums.xx + sums.yy);
            let [c, s, p, q] = [sums.xx - sums.yy, -2.0 * sums.xy, sums.xt, sums.yt].map(|sum| sum * scale);
            let w = factor((1.0 - c) * (1.0 + c) - s * s);
            output[pixel] = ((1.0 - c) * p + s * q) * w;
            output[FLOW * FLOW + pixel] = ((1.0 + c) * q + s * p) * w;
        }
    })
}

#[cfg(test)]
mod tests {
    use crate::{Application, OpticalFlow, Split};

    #[test]
    fn without_rounding_the_structure_is_the_algorithm_where_it_counts() {
        let frames = OpticalFlow.frames(Split::Test, 20, 1);
        let mask = frames.mask.unwrap();
        let mut output = [0.0; 200];
        for (frame, input) in frames.inputs.chunks_exact(512).enumerate() {
            super::plan().run(input, &mut output).unwrap();
            for (i, value) in output.iter().enumerate().filter(|(i, _)| mask[200 * frame + i]) {
                let target = frames.targets[200 * frame + i];
                assert!((value - target).abs() < 1e-9, "frame {frame}, output {i}: {value}, not {target}");
            }
        }
    }
}
