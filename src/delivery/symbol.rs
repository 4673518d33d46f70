//! The block symbol: every port of the top module, in groups.

use emeuro_hdl::{Direction, Port};

use super::{port_group::PortGroup, svg::Svg};

/// Distance of neighbouring ports.
const PITCH: i32 = 20;

/// Length of a port's line.
const STUB: i32 = 44;

/// Width of a character of a port's name.
const CHARACTER: i32 = 8;

/// Draws the module `top` with its ports: inputs and control to the left, outputs and flags to the right.
pub(super) fn symbol(top: &str, ports: &[Port]) -> String {
    let mut svg = Svg::default();
    let groups = |groups: &[PortGroup]| -> Vec<(PortGroup, Vec<&Port>)> {
        let members = groups.iter().map(|group| (*group, group.members(ports)));
        members.filter(|(_, members)| !members.is_empty()).collect()
    };
    let left = groups(&[PortGroup::Common, PortGroup::Input, PortGroup::Control]);
    let right = groups(&[PortGroup::Output, PortGroup::Flags]);
    let longest = |side: &[(PortGroup, Vec<&Port>)]| {
        let names =
            side.iter().flat_map(|(_, members)| members).map(|port| port.name.len() as i32 * CHARACTER);
        let titles = side.iter().map(|(group, _)| group.title().len() as i32 * (CHARACTER - 1));
        names.chain(titles).max().unwrap_or(0)
    };
    let rows = |side: &[(PortGroup, Vec<&Port>)]| {
        side.iter().map(|(_, members)| members.len() as i32 + 2).sum::<i32>() - 1
    };
    let inner = (longest(&left) + longest(&right) + 48).max(top.len() as i32 * 9 + 40);
    let (x0, y0) = (STUB + 36, 16);
    let (x1, y1) = (x0 + inner, y0 + 44 + rows(&left).max(rows(&right)) * PITCH + 8);
    svg.shape("box", &[(x0, y0), (x1, y0), (x1, y1), (x0, y1)]);
    svg.text((x0 + x1) / 2, y0 + 24, "middle", "title", top);
    for (side, edge, outward, anchor) in [(left, x0, -1, "start"), (right, x1, 1, "end")] {
        let mut y = y0 + 56;
        for (group, members) in side {
            svg.text(edge - outward * 10, y, anchor, "soft", group.title());
            for port in members {
                y += PITCH;
                svg.text(edge - outward * 10, y + 4, anchor, "name", &port.name);
                draw(&mut svg, port, edge, y, outward);
            }
            y += 2 * PITCH;
        }
    }
    let title = format!("Block symbol of {top}");
    svg.finish(x1 + STUB + 36, y1 + 16, &title)
}

/// The line of a port from the edge outwards, its arrow, and its width if it has more than one bit.
fn draw(svg: &mut Svg, port: &Port, edge: i32, y: i32, outward: i32) {
    let end = edge + outward * STUB;
    svg.path(if port.width > 1 { "bus" } else { "line" }, &[(edge, y), (end, y)]);
    let (tip, back) = match port.direction {
        Direction::Output => (end + outward * 8, -outward),
        Direction::Clock | Direction::Input => (edge, outward),
    };
    svg.shape("head", &[(tip, y), (tip + back * 9, y - 4), (tip + back * 9, y + 4)]);
    if port.direction == Direction::Clock {
        svg.path("line", &[(edge, y - 5), (edge - outward * 7, y), (edge, y + 5)]);
    }
    if port.width > 1 {
        let middle = edge + outward * STUB / 2;
        svg.path("line", &[(middle - 3, y + 5), (middle + 3, y - 5)]);
        svg.text(end + outward * 12, y + 4, if outward < 0 { "end" } else { "start" }, "soft", port.width);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_port_is_drawn_once_below_the_title_of_its_group() {
        let port = |name: &str, direction, width| Port {
            name: name.into(),
            direction,
            width,
            signed: false,
            comment: String::new(),
        };
        let (clock, input, output) = (Direction::Clock, Direction::Input, Direction::Output);
        let ports = [
            port("aclk", clock, 1),
            port("long_frame", output, 1),
            port("s_axi_awaddr", input, 8),
            port("s_axi_awready", output, 1),
            port("s_axis_tdata", input, 64),
            port("m_axis_tdata", output, 32),
            port("m_axis_tready", input, 1),
            port("aresetn", input, 1),
        ];
        let text = symbol("a_unit", &ports);
        let order = [
            "Clock and reset",
            "aclk",
            "aresetn",
            "Input stream",
            "s_axis_tdata",
            "Control",
            "s_axi_awaddr",
            "s_axi_awready",
            "Output stream",
            "m_axis_tdata",
            "m_axis_tready",
            "Flags",
            "long_frame",
        ];
        let places: Vec<usize> = order.iter().map(|name| text.find(&format!(">{name}")).unwrap()).collect();
        assert!(places.is_sorted(), "{text}");
        assert!(ports.iter().all(|port| text.matches(&format!(">{}<", port.name)).count() == 1), "{text}");
    }
}
