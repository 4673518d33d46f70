// Printer test.
//
// Configuration: none

// demo_rom: 6 words of 8 bits, read-only
//
// The contents come from a hex file with one word per line.
//
// Latency: 1 cycle from `address` to `data`; a new address every cycle.
//
// Limits: an address beyond the last word reads as anything.

`default_nettype none

module demo_rom #(
    parameter INIT_FILE = ""   // Hex file with the contents
) (
    // Clock and reset
    input  wire       clock,    // Clock, rising edge
    // Input ports
    input  wire [2:0] address,  // Index of the word
    // Output ports
    output reg  [7:0] data      // The word, one cycle later
);

    (* rom_style = "block" *) reg [7:0] memory [0:5];

    // A tool that looks at this module alone finds no file name.
    initial begin
        if (INIT_FILE != "") begin
            $readmemh(INIT_FILE, memory, 0, 5);
        end
    end

    always @(posedge clock) begin
        data <= memory[address];
    end

endmodule

`default_nettype wire

// Printer test.
//
// Configuration: none

// demo_accumulate: one multiply-accumulate unit
//
// Latency: 1 cycle.

`default_nettype none

module demo_accumulate (
    // Clock and reset
    input  wire               clock,   // Clock, rising edge
    input  wire               reset,   // Clears the sum
    // Input ports
    input  wire               shift,   // Takes the sum of the neighbour
    input  wire signed [7:0]  weight,  // Weight
    input  wire signed [7:0]  x,       // Activation
    input  wire signed [19:0] chain,   // Sum of the neighbour
    // Output ports
    output reg  signed [19:0] sum      // Sum
);

    wire signed [15:0] product;  // Weight times activation

    assign product = weight * x;

    always @(posedge clock) begin
        if (reset)      sum <= 20'sd0;
        else if (shift) sum <= chain;
        else            sum <= sum + {{4{product[15]}}, product};
    end

endmodule

`default_nettype wire

// Printer test.
//
// Configuration: none

// demo_lane: weights and a multiply-accumulate unit
//
// The weight arrives one cycle after its address, so the activation has to be one cycle late, too;
// this sentence is long enough to be wrapped.
//
// Latency: 2 cycles from `address` to `sum`.

`default_nettype none

module demo_lane #(
    parameter WEIGHT_FILE = ""   // Hex file with the weights
) (
    // Clock and reset
    input  wire               clock,    // Clock, rising edge
    input  wire               reset,    // Clears the sum
    // Input ports
    input  wire        [2:0]  address,  // Address of the weight
    input  wire               shift,    // Takes the sum of the neighbour
    input  wire signed [7:0]  x,        // Activation
    input  wire signed [19:0] chain,    // Sum of the neighbour
    // Output ports
    output wire signed [19:0] sum       // Sum
);

    wire [7:0] weights_data;  // The word, one cycle later

    demo_rom #(
        .INIT_FILE (WEIGHT_FILE)
    ) weights (
        .clock   (clock),
        .address (address),
        .data    (weights_data)
    );

    demo_accumulate unit (
        .clock  (clock),
        .reset  (reset),
        .shift  (shift),
        .weight (weights_data),
        .x      (x),
        .chain  (chain),
        .sum    (sum)
    );

endmodule

`default_nettype wire

// Printer test.
//
// Configuration: none

// top: a chain of lanes

`default_nettype none

module top (
    // Clock and reset
    input  wire               clock,     // Clock, rising edge
    input  wire               reset,     // Clears the sums
    // Input ports
    input  wire        [2:0]  address,   // Address of the weights
    input  wire               shift,     // Shifts the sums by one lane
    input  wire signed [7:0]  x_0,       // Activation of lane 0
    input  wire signed [7:0]  x_1,       // Activation of lane 1
    input  wire signed [7:0]  x_2,       // Activation of lane 2
    // Output ports
    output wire signed [19:0] last,      // Sum of the last lane
    output wire        [3:0]  top_bits   // Top bits of the first sum
);

    wire signed [19:0] sum;          // Sum of the first lane
    wire signed [19:0] lanes_1_sum;  // Sum

    demo_lane #(
        .WEIGHT_FILE ("weights_0.hex")
    ) lanes_0 (
        .clock   (clock),
        .reset   (reset),
        .address (address),
        .shift   (shift),
        .x       (x_0),
        .chain   (20'd0),
        .sum     (sum)
    );

    demo_lane #(
        .WEIGHT_FILE ("weights_1.hex")
    ) lanes_1 (
        .clock   (clock),
        .reset   (reset),
        .address (address),
        .shift   (shift),
        .x       (x_1),
        .chain   (sum),
        .sum     (lanes_1_sum)
    );

    demo_lane #(
        .WEIGHT_FILE ("weights_2.hex")
    ) lanes_2 (
        .clock   (clock),
        .reset   (reset),
        .address (address),
        .shift   (shift),
        .x       (x_2),
        .chain   (lanes_1_sum),
        .sum     (last)
    );

    assign top_bits = sum[19:16];

endmodule

`default_nettype wire
