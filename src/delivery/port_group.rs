//! Which ports belong together.

use emeuro_hdl::{Direction, Port};

/// A group of ports with one purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PortGroup {
    Common,
    Input,
    Control,
    Output,
    Flags,
}

impl PortGroup {
    /// All groups, in the order in which they are listed.
    pub(super) const ALL: [Self; 5] = [Self::Common, Self::Input, Self::Control, Self::Output, Self::Flags];

    /// The group of a port, by its name.
    pub(super) fn of(port: &Port) -> Self {
        let name = port.name.as_str();
        match port.direction {
            _ if name.starts_with("s_axis_") => Self::Input,
            _ if name.starts_with("m_axis_") => Self::Output,
            _ if name.starts_with("s_axi_") => Self::Control,
            Direction::Output => Self::Flags,
            Direction::Clock | Direction::Input => Self::Common,
        }
    }

    /// What people call it.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Common => "Clock and reset",
            Self::Input => "Input stream, AXI4-Stream",
            Self::Control => "Control, AXI4-Lite",
            Self::Output => "Output stream, AXI4-Stream",
            Self::Flags => "Flags",
        }
    }

    /// Its ports.
    pub(super) fn members(self, ports: &[Port]) -> Vec<&Port> {
        ports.iter().filter(|port| Self::of(port) == self).collect()
    }
}
