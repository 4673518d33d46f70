//! nextpnr: places and routes the wrapped design.

use std::path::Path;

use crate::error::Result;
use crate::target::Target;
use crate::timing::Timing;
use crate::tool::Tool;
use crate::yosys::NETLIST;

/// The placer's options. On ECP5, the electrostatic placer, which newer versions have, keeps registers closer to the block
/// RAM that they follow.
fn placer(target: Target, nextpnr: &Tool) -> &'static [&'static str] {
    match target {
        Target::Ecp5 if nextpnr.is_at_least(&[0, 11]) => &["--placer", "static"],
        _ => &[],
    }
}

/// Places and routes the netlist in `folder` with one seed.
pub(crate) fn place_and_route(
    nextpnr: &Tool,
    target: Target,
    device: &[&str],
    seed: u32,
    top: &str,
    folder: &Path,
) -> Result<Timing> {
    let (report, log) = (format!("report_{seed}.json"), format!("place_{seed}.log"));
    let (frequency, seed) = (target.frequency().to_string(), seed.to_string());
    let mut arguments = device.to_vec();
    arguments.extend(["--json", NETLIST, "--report", &report, "--log", &log, "--quiet"]);
    arguments.extend(placer(target, nextpnr));
    arguments.extend(["--freq", &frequency, "--timing-allow-fail", "--seed", &seed]);
    nextpnr.run(folder, &arguments, top)?;
    Timing::read(&folder.join(report))
}
