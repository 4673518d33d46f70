// Printer test.
//
// Configuration: none

// demo_rom: 16 words of 9 bits, read-only
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
    input  wire [3:0] address,  // Index of the word
    // Output ports
    output reg  [8:0] data      // The word, one cycle later
);

    reg [8:0] memory [0:15];

    // A tool that looks at this module alone finds no file name.
    initial begin
        if (INIT_FILE != "") begin
            $readmemh(INIT_FILE, memory, 0, 15);
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

// demo_rom_2: 11 words of 9 bits, read-only
//
// The contents come from a hex file with one word per line.
//
// Latency: 1 cycle from `address` to `data`; a new address every cycle.
//
// Limits: an address beyond the last word reads as anything.

`default_nettype none

module demo_rom_2 #(
    parameter INIT_FILE = ""   // Hex file with the contents
) (
    // Clock and reset
    input  wire       clock,    // Clock, rising edge
    // Input ports
    input  wire [3:0] address,  // Index of the word
    // Output ports
    output reg  [8:0] data      // The word, one cycle later
);

    reg [8:0] memory [0:10];

    // A tool that looks at this module alone finds no file name.
    initial begin
        if (INIT_FILE != "") begin
            $readmemh(INIT_FILE, memory, 0, 10);
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

// demo_ram: 16 words of 9 bits, one write and one read port
//
// A word that is read while it is written reads as it was before. All words are 0 at the start.
//
// Latency: 1 cycle from `read_address` to `read_data`.
//
// Limits: an address beyond the last word reads as anything.

`default_nettype none

module demo_ram (
    // Clock and reset
    input  wire       clock,          // Clock, rising edge
    // Input ports
    input  wire       write_enable,   // Writes in this cycle, one bit per word of a row
    input  wire [3:0] write_address,  // Index of the row to write
    input  wire [8:0] write_data_0,   // The word to write
    input  wire [3:0] read_address,   // Index of the word to read
    // Output ports
    output reg  [8:0] read_data_0     // The word, one cycle later
);

    (* ram_style = "distributed" *) reg [8:0] memory [0:15];

    integer index;
    initial begin
        for (index = 0; index < 16; index = index + 1) begin
            memory[index] = {9{1'b0}};
        end
    end

    always @(posedge clock) begin
        if (write_enable) begin
            memory[write_address] <= write_data_0;
        end
        read_data_0 <= memory[read_address];
    end

endmodule

`default_nettype wire

// Printer test.
//
// Configuration: none

// top: three ROMs of two shapes and a RAM

`default_nettype none

module top (
    // Clock and reset
    input  wire       clock,    // Clock, rising edge
    // Input ports
    input  wire [3:0] address,  // Address
    // Output ports
    output wire [8:0] y_0,      // Word 0
    output wire [8:0] y_1,      // Word 1
    output wire [8:0] y_2,      // Word 2
    output wire [8:0] y_3       // Word 3
);

    demo_rom #(
        .INIT_FILE ("a.hex")
    ) roms_0 (
        .clock   (clock),
        .address (address),
        .data    (y_0)
    );

    demo_rom_2 #(
        .INIT_FILE ("b.hex")
    ) roms_1 (
        .clock   (clock),
        .address (address),
        .data    (y_1)
    );

    demo_rom #(
        .INIT_FILE ("c.hex")
    ) roms_2 (
        .clock   (clock),
        .address (address),
        .data    (y_2)
    );

    demo_ram ram (
        .clock         (clock),
        .write_enable  (1'b1),
        .write_address (address),
        .write_data_0  (y_0),
        .read_address  (address),
        .read_data_0   (y_3)
    );

endmodule

`default_nettype wire
