// The adder tree: a tile's results are the sums over its groups of lanes, in order, as many clocks later as its tap is deep.
// Four lanes; pairs (tap 0) and all four (tap 1). Tiles come at any distance at which they do not meet in the queue.
module reducer_properties #(
    parameter WIDTH = 5 // Bits of a sum
) (
    input clock,
    input resetn,
    input complete,
    input tap,
    input signed [WIDTH-1:0] sum_0,
    input signed [WIDTH-1:0] sum_1,
    input signed [WIDTH-1:0] sum_2,
    input signed [WIDTH-1:0] sum_3
);
    wire capture;
    wire signed [WIDTH-1:0] head;
    reducer dut (
        .clock(clock), .resetn(resetn), .complete(complete), .tap_0(tap), .sum_0(sum_0), .sum_1(sum_1),
        .sum_2(sum_2), .sum_3(sum_3), .capture(capture), .head_0(head));

    // Sums over groups, one and two clocks after the tile.
    reg signed [WIDTH-1:0] low_1, high_1, all_1, all_2;
    reg pair_1, all_seen_1, all_seen_2;
    reg signed [WIDTH-1:0] expected, second;
    reg expects, expects_second;
    wire captures = pair_1 || all_seen_2;
    always @(posedge clock) begin
        low_1 <= sum_0 + sum_1;
        high_1 <= sum_2 + sum_3;
        all_1 <= sum_0 + sum_1 + sum_2 + sum_3;
        all_2 <= all_1;
        if (!resetn) begin
            pair_1 <= 0;
            all_seen_1 <= 0;
            all_seen_2 <= 0;
        end else begin
            pair_1 <= complete && !tap;
            all_seen_1 <= complete && tap;
            all_seen_2 <= all_seen_1;
        end
        expects <= captures || expects_second;
        expected <= pair_1 ? low_1 : all_seen_2 ? all_2 : second;
        expects_second <= pair_1;
        second <= high_1;
    end
    // The drain register takes one tile at a time; a pair of results stays for two clocks.
    always @(*) begin
        assume (!(pair_1 && all_seen_2));
        assume (!(expects_second && captures));
    end

    reg started = 0;
    reg [1:0] age = 0;
    always @(posedge clock) begin
        started <= 1;
        age <= age == 3 ? 3 : age + 1;
        if (!started) begin
            assume (!resetn);
        end else begin
            captured_when_the_sums_are_there: assert (capture == captures);
        end
        if (age == 3 && expects) begin
            results_are_the_sums_of_their_lanes: assert (head == expected);
        end
    end
endmodule
