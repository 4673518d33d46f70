// Printer test.
//
// Configuration: none

// demo_register: 4 bits with reset

`default_nettype none

module demo_register #(
    parameter [3:0] RESET_VALUE = 4'd0   // Value after reset
) (
    // Clock and reset
    input  wire       clock,  // Clock, rising edge
    input  wire       reset,  // Loads the reset value
    // Input ports
    input  wire [3:0] d,      // Next value
    // Output ports
    output reg  [3:0] q       // Value
);

    initial q = {4{1'b0}};
    always @(posedge clock) q <= reset ? RESET_VALUE : d;

endmodule

`default_nettype wire

// Printer test.
//
// Configuration: none

// demo_pair: two registers

`default_nettype none

module demo_pair #(
    parameter [3:0] START = 4'd0   // Value after reset
) (
    // Clock and reset
    input  wire       clock,  // Clock, rising edge
    input  wire       reset,  // Loads the start
    // Input ports
    input  wire [3:0] d,      // Next value
    // Output ports
    output wire [3:0] q,      // Value before last
    output wire       moved   // Not at the start
);

    wire [3:0] registers_0_q;  // Value

    demo_register #(
        .RESET_VALUE (START)
    ) registers_0 (
        .clock (clock),
        .reset (reset),
        .d     (d),
        .q     (registers_0_q)
    );

    demo_register #(
        .RESET_VALUE (START)
    ) registers_1 (
        .clock (clock),
        .reset (reset),
        .d     (registers_0_q),
        .q     (q)
    );

    assign moved = q != START;

endmodule

`default_nettype wire

// Printer test.
//
// Configuration: none

// top: pairs that differ in a number

`default_nettype none

module top (
    // Clock and reset
    input  wire       clock,    // Clock, rising edge
    input  wire       aresetn,  // Synchronous reset, active low
    // Input ports
    input  wire [3:0] d_0,      // Input 0
    input  wire [3:0] d_1,      // Input 1
    // Output ports
    output wire       moved_0,  // Pair 0 moved
    output wire       moved_1   // Pair 1 moved
);

    wire       reset;      // Reset, active high
    wire [3:0] pairs_0_q;  // Value before last
    wire [3:0] pairs_1_q;  // Value before last

    demo_pair #(
        .START (4'd3)
    ) pairs_0 (
        .clock (clock),
        .reset (reset),
        .d     (d_1),
        .q     (pairs_0_q),
        .moved (moved_0)
    );

    demo_pair #(
        .START (4'd9)
    ) pairs_1 (
        .clock (clock),
        .reset (reset),
        .d     (d_0),
        .q     (pairs_1_q),
        .moved (moved_1)
    );

    assign reset = ~aresetn;

    // Nothing reads these.
    wire unused = &{1'b0, pairs_0_q, pairs_1_q};

endmodule

`default_nettype wire
