// A whole unit against the definition of its network, `verify/networks/two_layers.yaml`, written out by hand: for
// words of four values (the limits and two between), all traffic (gaps, back-pressure) and resets at any time, every word that leaves is right. This fails if any buffer
// is read too early or overwritten too soon, if a word is lost or comes twice, or if any sum is wrong.
module unit_values_properties #(
    parameter LATENCY = 100 // Not used
) (
    input clock,
    input resetn,
    input [1:0] choice,
    input tvalid,
    input tready
);
    wire [7:0] tdata = choice == 0 ? 8'h80 : choice == 1 ? 8'h7f : choice == 2 ? 8'h1d : 8'hee;
    reg second;
    wire input_ready, out_valid, out_last;
    wire [7:0] out_data;

    part_unit dut (
        .aclk(clock), .aresetn(resetn), .s_axis_tdata(tdata), .s_axis_tvalid(tvalid), .s_axis_tlast(second),
        .s_axis_tready(input_ready), .m_axis_tdata(out_data), .m_axis_tvalid(out_valid), .m_axis_tlast(out_last),
        .m_axis_tready(tready));

    function signed [7:0] saturated(input signed [19:0] value);
        saturated = value > 127 ? 8'sd127 : value < -128 ? -8'sd128 : value[7:0];
    endfunction

    wire accepts = tvalid && input_ready;
    wire sends   = out_valid && tready;

    // The words of the frames on their way, eight at most.
    reg [2:0] frame, out_frame;
    reg out_second;
    reg signed [7:0] first_word;
    reg signed [7:0] answer_0 [0:7];
    reg signed [7:0] answer_1 [0:7];

    // mix = max(0, round((rows · x + bias) / 2^2)), y = round((rows · mix + bias) / 2^3), rounded half up.
    wire signed [19:0] x_0 = first_word;
    wire signed [19:0] x_1 = $signed(tdata);
    wire signed [7:0] mix_0 = saturated((20'sd3 * x_0 - 20'sd5 * x_1 + 20'sd11 + 20'sd2) >>> 2);
    wire signed [7:0] mix_1 = saturated((-20'sd2 * x_0 + 20'sd7 * x_1 - 20'sd20 + 20'sd2) >>> 2);
    wire signed [19:0] h_0 = mix_0 < 0 ? 8'sd0 : mix_0;
    wire signed [19:0] h_1 = mix_1 < 0 ? 8'sd0 : mix_1;
    wire signed [7:0] y_0 = saturated((20'sd6 * h_0 - 20'sd3 * h_1 - 20'sd9 + 20'sd4) >>> 3);
    wire signed [7:0] y_1 = saturated((-20'sd7 * h_0 + 20'sd5 * h_1 + 20'sd33 + 20'sd4) >>> 3);

    always @(posedge clock) begin
        if (!resetn) begin
            second <= 0;
            out_second <= 0;
            frame <= 0;
            out_frame <= 0;
        end else begin
            second <= second ^ accepts;
            out_second <= out_second ^ sends;
            frame <= frame + (accepts && second);
            out_frame <= out_frame + (sends && out_second);
        end
        if (accepts && !second) begin
            first_word <= tdata;
        end
        if (accepts && second) begin
            answer_0[frame] <= y_0;
            answer_1[frame] <= y_1;
        end
    end

    reg started = 0;
    always @(posedge clock) begin
        started <= 1;
        if (!started) begin
            assume (!resetn);
        end else begin
            words_are_those_of_the_network:
                assert (!out_valid || out_data == (out_second ? answer_1[out_frame] : answer_0[out_frame]));
            no_word_out_of_nothing: assert (!out_valid || frame != out_frame);
        end
    end
endmodule
