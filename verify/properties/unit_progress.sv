// A whole unit whose neighbours are fair: a beat at least in every second clock at either end, frames of the right length.
// Neither sequencer ever waits for ever, frames are answered one for one, and the output follows the bus rules. Resets come
// at any time.
module unit_progress_properties #(
    parameter LATENCY = 100 // Clocks of a frame in an idle unit
) (
    input clock,
    input resetn,
    input [7:0] tdata,
    input pauses,
    input waits
);
    // Beats of a frame: two at either end.
    reg second, paused, waited;
    wire tvalid = !pauses || paused;
    wire tready = !waits || waited;
    wire input_ready, out_valid, out_last;
    wire [7:0] out_data;

    part_unit dut (
        .aclk(clock), .aresetn(resetn), .s_axis_tdata(tdata), .s_axis_tvalid(tvalid), .s_axis_tlast(second),
        .s_axis_tready(input_ready), .m_axis_tdata(out_data), .m_axis_tvalid(out_valid), .m_axis_tlast(out_last),
        .m_axis_tready(tready));

    wire accepts = tvalid && input_ready;
    wire sends   = out_valid && tready;
    reg out_second;
    reg [3:0] inside; // Frames accepted and not yet sent
    reg [7:0] idle;   // Clocks without a beat at either end
    always @(posedge clock) begin
        if (!resetn) begin
            second <= 0;
            paused <= 0;
            waited <= 0;
            out_second <= 0;
            inside <= 0;
            idle <= 0;
        end else begin
            second <= second ^ accepts;
            // A beat that is offered stays.
            paused <= (!tvalid || !accepts);
            waited <= !tready;
            out_second <= out_second ^ sends;
            inside <= inside + (accepts && second) - (sends && out_second);
            idle <= accepts || sends ? 0 : idle == 255 ? 255 : idle + 1;
        end
    end

    reg started = 0;
    reg was_reset, offers, last_before;
    always @(posedge clock) begin
        started <= 1;
        was_reset <= !resetn;
        offers <= resetn && out_valid && !tready;
        last_before <= out_last;
        if (!started) begin
            assume (!resetn);
        end else begin
            nothing_valid_in_reset:    assert (!was_reset || !out_valid);
            valid_holds:               assert (!offers || out_valid);
            last_is_stable:            assert (!offers || out_last == last_before);
            last_ends_the_frame:       assert (!out_valid || out_last == out_second);
            no_frame_out_of_nothing:   assert (!out_valid || inside != 0);
            never_more_than_six_frames: assert (inside <= 6);
            never_waits_for_ever:      assert (idle <= LATENCY + 8);
        end
    end
endmodule
