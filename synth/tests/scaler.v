// scaler: multiplies every word by one of 512 constants, in turn
//
// Small, with one of everything that a device has: a ROM, a multiplier, logic, registers. Ports are wider than small packages
// have pins.

`default_nettype none

module scaler (
    input  wire               aclk,
    input  wire               aresetn,
    input  wire signed [15:0] x,
    input  wire        [47:0] mask,
    output reg  signed [31:0] y,
    output reg         [47:0] parity
);

    (* rom_style = "block" *)
    reg [15:0] constants [0:511];

    reg        [8:0]  index;
    reg signed [15:0] constant;
    reg signed [15:0] operand;

    initial begin
        $readmemh("scaler_constants.hex", constants, 0, 511);
    end

    always @(posedge aclk) begin
        constant <= constants[index];
        operand <= x;
        y <= constant * operand;
        parity <= parity ^ mask;
        if (!aresetn) begin
            index <= 9'd0;
            parity <= 48'd0;
        end else begin
            index <= index + 9'd1;
        end
    end

endmodule

`default_nettype wire
