// The interpolator: four clocks later comes the word itself, or the straight line between the two knots around it, rounded
// half up, for every word. One table of four segments.
module interpolator_properties #(
    parameter WIDTH = 6, // Bits of a word
    parameter LOW   = 4, // Bits of the distance from a segment's beginning
    parameter [39:0] KNOTS = 0 // Five knots of eight bits, the first lowest
) (
    input clock,
    input signed [WIDTH-1:0] x,
    input select
);
    wire signed [WIDTH-1:0] y;
    interpolator dut (.clock(clock), .x(x), .select(select), .y(y));

    // In whole numbers: the offset from the smallest word, its segment, and the line.
    wire [WIDTH-1:0] offset = x + (1 << (WIDTH - 1));
    wire [1:0] segment = offset >> LOW;
    wire signed [15:0] distance = offset - (segment << LOW);
    wire signed [7:0] left = KNOTS >> (8 * segment);
    wire signed [7:0] right = KNOTS >> (8 * segment + 8);
    wire signed [15:0] rise = (right - left) * distance + (1 << (LOW - 1));
    wire signed [15:0] line = left + (rise >>> LOW);
    wire signed [15:0] expected = select ? line : {{10{x[WIDTH-1]}}, x};

    reg [3:0] valid = 0;
    reg signed [15:0] expected_1, expected_2, expected_3, expected_4;
    always @(posedge clock) begin
        valid <= {valid[2:0], 1'b1};
        expected_1 <= expected;
        expected_2 <= expected_1;
        expected_3 <= expected_2;
        expected_4 <= expected_3;
        if (valid[3]) begin
            word_is_on_the_line: assert (y == expected_4);
        end
    end
endmodule
