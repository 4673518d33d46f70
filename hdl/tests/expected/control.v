// Printer test.
//
// Configuration: none

// demo_register: 2 bits with reset

`default_nettype none

module demo_register #(
    parameter [1:0] RESET_VALUE = 2'd0   // Value after reset
) (
    // Clock and reset
    input  wire       clock,  // Clock, rising edge
    input  wire       reset,  // Loads the reset value
    // Input ports
    input  wire [1:0] d,      // Next value
    // Output ports
    output reg  [1:0] q       // Value
);

    initial q = {2{1'b0}};
    always @(posedge clock) q <= reset ? RESET_VALUE : d;

endmodule

`default_nettype wire

// Printer test.
//
// Configuration: none

// demo_register_2: 4 bits with reset

`default_nettype none

module demo_register_2 #(
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

// top: counts while it runs

`default_nettype none

module top (
    // Clock and reset
    input  wire        clock,    // Clock, rising edge
    input  wire        reset,    // Synchronous reset
    // Input ports
    input  wire        go,       // Starts
    input  wire [7:0]  a,        // First operand
    input  wire [7:0]  b,        // Second operand
    input  wire [15:0] word,     // A word with fields
    // Output ports
    output wire        busy,     // Runs
    output wire [3:0]  count,    // Steps so far
    output reg  [7:0]  chosen,   // The larger operand while running
    output wire [11:0] wide,     // Operand, extended
    output wire        flags_0,  // Flag 0
    output wire        flags_1,  // Flag 1
    output wire        flags_2,  // Flag 2
    output wire        flags_3,  // Flag 3
    output wire        flags_4,  // Flag 4
    output wire        flags_5,  // Flag 5
    output wire        flags_6,  // Flag 6
    output wire [7:0]  sum,      // Sum, wrapped
    output wire [7:0]  masked,   // Operands, combined
    output wire [3:0]  field,    // A field of the word
    output wire        picked,   // The bit of the word that the count picks
    output wire [7:0]  shifted,  // Operand, shifted
    output wire [7:0]  option    // What the option makes
);

    localparam [3:0] LAST = 4'd11;  // The last step

    wire [7:0] total;      // Both operands
    wire       idle_now;   // State 0
    reg  [1:0] state_d;    // Next value
    wire [1:0] state_q;    // Value
    reg  [3:0] counter_d;  // Next value
    wire [3:0] spare_q;    // Value

    demo_register #(
        .RESET_VALUE (2'd0)
    ) state (
        .clock (clock),
        .reset (reset),
        .d     (state_d),
        .q     (state_q)
    );

    demo_register_2 #(
        .RESET_VALUE (4'd3)
    ) counter (
        .clock (clock),
        .reset (reset),
        .d     (counter_d),
        .q     (count)
    );

    demo_register_2 #(
        .RESET_VALUE (4'd0)
    ) spare (
        .clock (clock),
        .reset (1'b0),
        .d     (word[15:12]),
        .q     (spare_q)
    );

    always @(*) begin
        state_d = state_q;
        case (state_q)
            2'd0: begin
                if (go) begin
                    state_d = 2'd1;
                end
            end
            2'd1: begin
                if (count == LAST) begin
                    state_d = 2'd2;
                end else if (~go) begin
                    state_d = 2'd0;
                end
            end
            default: state_d = 2'd0;
        endcase
    end

    always @(*) begin
        counter_d = count;
        case (state_q)
            2'd0: ;
            2'd1: counter_d = count + 4'd1;
            default: counter_d = 4'd0;
        endcase
    end

    assign idle_now = state_q == 2'd0;

    // Busy is not idle.
    assign busy = ~idle_now;

    always @(*) begin
        if (a > b) begin
            chosen = a;
        end else if (idle_now) begin
            chosen = 8'd255;
        end else begin
            chosen = b;
        end
    end

    assign wide = (go & (a >= 8'd128)) ? ({4'd0, a + 8'd1} << 2'd2) : {4'd0, a};
    assign flags_0 = (a & b) == b;
    assign flags_1 = (a + 8'd1) == b;
    assign flags_2 = (&a) || (^b);
    assign flags_3 = (|a) && (~(|b));
    assign flags_4 = a[7] ^ go;
    assign flags_5 = ((a - b) < 8'd16) ^ (b != 8'd3);
    assign flags_6 = (|(a + b)) & (a <= b);
    assign total = a + b;
    assign sum = -(total + 8'd3);
    assign masked = ((~a) | (b ^ 8'd85)) & (a - 8'd1);
    assign field = word[9:6];
    assign picked = word[count];
    assign shifted = (a << state_q) ^ (b >> 2'd3);
    assign option = a;

    // Nothing reads these.
    wire unused = &{1'b0, spare_q};

endmodule

`default_nettype wire
