// Frames that the input loader takes from the stream: every word goes to its place, once; a buffer is full exactly from
// the last word of a right frame to its release; what is full is not written. Traffic, resets and releases are arbitrary.
module input_loader_properties #(
    parameter BEATS    = 3, // Beats of a frame
    parameter PER_BEAT = 1, // Words of a beat
    parameter WIDTH    = 4, // Bits of a word
    parameter SPAN     = 4, // Words between the buffers
    parameter ADDRESS  = 3  // Bits of an address
) (
    input clock,
    input resetn,
    input [PER_BEAT*WIDTH-1:0] tdata,
    input tvalid,
    input tlast,
    input blocked,
    input release_buffer,
    input parity
);
    wire tready, word_valid, short_frame, long_frame;
    wire [ADDRESS-1:0] word_address;
    wire [PER_BEAT*WIDTH-1:0] words;
    wire [1:0] full;

    generate
        if (PER_BEAT == 1) begin : single
            input_loader dut (
                .clock(clock), .resetn(resetn), .s_axis_tdata(tdata), .s_axis_tvalid(tvalid), .s_axis_tlast(tlast),
                .s_axis_tready(tready), .blocked(blocked), .release_buffer(release_buffer), .parity(parity),
                .word_valid(word_valid), .word_address(word_address), .word_0(words), .full(full),
                .short_frame(short_frame), .long_frame(long_frame));
        end else begin : pair
            input_loader dut (
                .clock(clock), .resetn(resetn), .s_axis_tdata(tdata), .s_axis_tvalid(tvalid), .s_axis_tlast(tlast),
                .s_axis_tready(tready), .blocked(blocked), .release_buffer(release_buffer), .parity(parity),
                .word_valid(word_valid), .word_address(word_address), .word_0(words[WIDTH-1:0]),
                .word_1(words[2*WIDTH-1:WIDTH]), .full(full),
                .short_frame(short_frame), .long_frame(long_frame));
        end
    endgenerate

    // Beats accepted of this frame; BEATS if it is too long already.
    reg [7:0] place;
    reg target;
    reg [1:0] holds;
    reg was_short, was_long;
    wire accept   = tvalid && tready;
    wire ends     = accept && tlast;
    wire is_whole = ends && place == BEATS - 1;
    always @(posedge clock) begin
        if (!resetn) begin
            place <= 0;
            target <= 0;
            holds <= 0;
            was_short <= 0;
            was_long <= 0;
        end else begin
            if (accept) begin
                place <= tlast ? 0 : place == BEATS ? BEATS : place + 1;
            end
            if (release_buffer) begin
                holds[parity] <= 0;
            end
            if (is_whole) begin
                holds[target] <= 1;
                target <= !target;
            end
            if (ends && place < BEATS - 1) begin
                was_short <= 1;
            end
            if (accept && !tlast && place == BEATS - 1) begin
                was_long <= 1;
            end
        end
    end

    // The memory behind the loader, at one address that may be any, and the beat of the frame that belongs there.
    (* anyconst *) reg [7:0] watched;
    (* anyconst *) reg watched_buffer;
    always @(*) assume (watched < BEATS);
    wire at_watched = word_valid && word_address == watched_buffer * SPAN + watched * PER_BEAT;
    reg [PER_BEAT*WIDTH-1:0] stored, sent, framed;
    always @(posedge clock) begin
        if (at_watched) begin
            stored <= words;
        end
        if (accept && place == watched) begin
            sent <= tdata;
        end
        if (is_whole && target == watched_buffer) begin
            framed <= place == watched ? tdata : sent;
        end
    end

    reg started = 0;
    reg was_reset;
    always @(posedge clock) begin
        started <= 1;
        was_reset <= !resetn;
        if (!started) begin
            assume (!resetn);
        end else begin
            word_for_every_beat_of_a_frame: assert (word_valid == (accept && place < BEATS));
            word_is_that_of_the_beat:       assert (!word_valid || words == tdata);
            word_goes_to_its_place:
                assert (!word_valid || word_address == target * SPAN + place * PER_BEAT);
            unread_words_are_not_overwritten: assert (!(word_valid && holds[word_address >= SPAN]));
            full_from_end_to_release:         assert (full == holds);
            full_buffer_holds_the_frame:      assert (!holds[watched_buffer] || stored == framed);
            ready_while_there_is_room:        assert (tready == (!holds[target] && !blocked));
            flags_tell_wrong_frames: assert (short_frame == was_short && long_frame == was_long);
            reset_empties:           assert (!was_reset || (full == 0 && !short_frame && !long_frame));
        end
    end
endmodule
