// The multiply-accumulate datapath: the accumulator is the sum of the products of all enabled steps since the first one,
// or the largest product, whatever the operands, weights and pauses.
module mac_properties #(
    parameter WORD         = 4, // Bits of a word
    parameter WEIGHT       = 4, // Bits of a weight
    parameter SUM          = 10, // Bits of the accumulator
    parameter ELEMENT_WISE = 0, // Whether an operand can be multiplied with that of the clock before
    parameter MAXIMUM      = 0  // Whether the largest product can be kept
) (
    input clock,
    input signed [WORD-1:0] operand,
    input signed [WEIGHT-1:0] weight,
    input use_held,
    input enable,
    input first,
    input keep_largest
);
    wire signed [SUM-1:0] sum;
    generate
        if (ELEMENT_WISE) begin : element_wise
            mac dut (.clock(clock), .operand(operand), .weight(weight), .use_held_0(use_held), .enable(enable),
                     .first(first), .sum(sum));
        end else if (MAXIMUM) begin : maximum
            mac dut (.clock(clock), .operand(operand), .weight(weight), .enable(enable), .first(first),
                     .keep_largest_0(keep_largest), .sum(sum));
        end else begin : plain
            mac dut (.clock(clock), .operand(operand), .weight(weight), .enable(enable), .first(first), .sum(sum));
        end
    endgenerate

    reg signed [WORD-1:0] before;
    reg signed [SUM-1:0] product_1, product_2, expected;
    reg [1:0] age = 0;
    reg known = 0;
    always @(posedge clock) begin
        age <= age == 3 ? 3 : age + 1;
        before <= operand;
        if (ELEMENT_WISE && use_held) begin
            product_1 <= operand * before;
        end else begin
            product_1 <= operand * weight;
        end
        product_2 <= product_1;
        if (enable) begin
            if (first) begin
                expected <= product_2;
            end else if (MAXIMUM && keep_largest) begin
                expected <= product_2 > expected ? product_2 : expected;
            end else begin
                expected <= expected + product_2;
            end
            known <= (known && !first) || (first && age == 3);
        end
        if (known) begin
            sum_is_that_of_the_products: assert (sum == expected);
        end
    end
endmodule
