// The requantiser is the formula of the number contract: word = saturate((acc + 2^(s-1)) >> s), rounding half up; s = 0 adds
// nothing. For all sums, biases, shifts and both switches; the sum with its rounding constant fits, as the compiler proves.
module requantiser_properties #(
    parameter SUM   = 14, // Bits of a sum
    parameter WORD  = 10, // Bits of a word
    parameter BIAS  = 12, // Bits of a bias
    parameter SHIFT = 4   // Bits of a shift
) (
    input clock,
    input signed [SUM-1:0] result,
    input signed [BIAS-1:0] bias,
    input [SHIFT-1:0] shift,
    input rectify,
    input narrow
);
    localparam WIDE = SUM + 4;
    wire signed [WORD-1:0] word;
    wire signed [WIDE-1:0] half = shift == 0 ? 0 : {{(WIDE-1){1'b0}}, 1'b1} << (shift - 1'b1);
    wire signed [WIDE-1:0] rounded_bias = bias + half;
    wire signed [WIDE-1:0] acc = result + bias;
    wire signed [WIDE-1:0] total = acc + half;
    always @(*) begin
        assume (shift < SUM);
        assume (rounded_bias < (1 << (BIAS - 1)));
        assume (total >= -(1 << (SUM - 1)) && total < (1 << (SUM - 1)));
    end

    requantiser dut (
        .clock(clock), .result(result), .bias(rounded_bias[BIAS-1:0]), .shift(shift), .rectify(rectify),
        .narrow(narrow), .word(word));

    wire signed [WIDE-1:0] quotient = total >>> shift;
    wire signed [WIDE-1:0] highest = (1 << ((narrow ? 8 : WORD) - 1)) - 1;
    wire signed [WIDE-1:0] lowest = rectify ? {WIDE{1'b0}} : -highest - 1;
    wire signed [WIDE-1:0] expected =
        quotient > highest ? highest : quotient < lowest ? lowest : quotient;

    reg [2:0] valid = 0;
    reg signed [WIDE-1:0] expected_1, expected_2, expected_3;
    always @(posedge clock) begin
        valid <= {valid[1:0], 1'b1};
        expected_1 <= expected;
        expected_2 <= expected_1;
        expected_3 <= expected_2;
        if (valid[2]) begin
            word_is_the_rounded_saturated_quotient: assert (word == expected_3);
        end
    end
endmodule
