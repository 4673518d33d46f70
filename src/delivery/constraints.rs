//! Examples of constraints: a clock of 100 MHz, and how ports get pins, for three families of tools.

/// The clock of the examples, in MHz: a number to start from, not one that was measured.
const MHZ: u32 = 100;

/// Endings and texts of the constraint files.
pub(super) fn constraints(top: &str) -> [(&'static str, String); 3] {
    let period = 1000.0 / f64::from(MHZ);
    let xdc = format!(
        "\
# {top}: an example for Xilinx 7 series (Vivado, nextpnr-xilinx). {MHZ} MHz is a number to start from.

create_clock -name aclk -period {period:.3} [get_ports aclk]

# Inside a larger design the clock comes from there, and nothing else is needed. For a timing estimate of the unit alone:
#   synth_design -top {top} -mode out_of_context
# As the top of a device, every port needs a pin:
#   set_property -dict {{ PACKAGE_PIN E3  IOSTANDARD LVCMOS33 }} [get_ports aclk]
# and the paths between pins and registers a share of the period:
#   set_input_delay  -clock aclk 2.0 [get_ports {{ s_axis_* m_axis_tready aresetn }}]
#   set_output_delay -clock aclk 2.0 [get_ports {{ m_axis_tdata* m_axis_tvalid m_axis_tlast s_axis_tready }}]
"
    );
    let lpf = format!(
        "\
# {top}: an example for Lattice ECP5 (nextpnr-ecp5, Diamond). {MHZ} MHz is a number to start from.

FREQUENCY PORT \"aclk\" {MHZ} MHZ;

# As the top of a device, every port needs a site; nextpnr-ecp5 --lpf-allow-unconstrained picks the others:
#   LOCATE COMP \"aclk\" SITE \"P3\";
#   IOBUF PORT \"aclk\" IO_TYPE=LVCMOS33;
"
    );
    let pcf = format!(
        "\
# {top}: an example for Lattice iCE40 (nextpnr-ice40). {MHZ} MHz is a number to start from.

set_frequency aclk {MHZ}

# As the top of a device, every port needs a pin; nextpnr-ice40 --pcf-allow-unconstrained picks the others:
#   set_io aclk 35
"
    );
    [("xdc", xdc), ("lpf", lpf), ("pcf", pcf)]
}
