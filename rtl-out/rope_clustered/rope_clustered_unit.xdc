# rope_clustered_unit: an example for Xilinx 7 series (Vivado, nextpnr-xilinx). 100 MHz is a number to start from.

create_clock -name aclk -period 10.000 [get_ports aclk]

# Inside a larger design the clock comes from there, and nothing else is needed. For a timing estimate of the unit alone:
#   synth_design -top rope_clustered_unit -mode out_of_context
# As the top of a device, every port needs a pin:
#   set_property -dict { PACKAGE_PIN E3  IOSTANDARD LVCMOS33 } [get_ports aclk]
# and the paths between pins and registers a share of the period:
#   set_input_delay  -clock aclk 2.0 [get_ports { s_axis_* m_axis_tready aresetn }]
#   set_output_delay -clock aclk 2.0 [get_ports { m_axis_tdata* m_axis_tvalid m_axis_tlast s_axis_tready }]
