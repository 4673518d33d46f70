// Frames that the output streamer sends: bus rules; every word of every frame leaves once, in order, with the value that
// was written; a buffer is not given back before it was read. The writer reserves and writes as the drain sequencer does, at
// arbitrary times up to the head start and without a pause from there on. Resets and `tready` are arbitrary.
module output_streamer_properties #(
    parameter WORDS    = 3,              // Words written per frame
    parameter LEAVE    = 3,              // Words sent per frame
    parameter PER_BEAT = 1,              // Words of a beat; a row has as many
    parameter SPAN     = 4,              // Words between the buffers
    parameter START    = 3,              // Writes before the frame may leave
    parameter ORDERED  = 0,              // Whether words leave in another order
    parameter [15:0] ORDER = 16'h3210,   // Place of every word that leaves, four bits each, the first lowest
    parameter PATIENCE = 4               // Most clocks in which a ready receiver waits for a beat that is there
) (
    input clock,
    input resetn,
    input wants_to_reserve,
    input wants_to_write,
    input [PER_BEAT*8-1:0] value,
    input tready
);
    localparam WRITES = (WORDS + PER_BEAT - 1) / PER_BEAT;
    localparam BEATS  = (LEAVE + PER_BEAT - 1) / PER_BEAT;
    localparam REST   = LEAVE - (BEATS - 1) * PER_BEAT;
    localparam ROWS   = SPAN / PER_BEAT;
    localparam BITS   = $clog2(2 * ROWS);

    wire [1:0] busy;
    wire [PER_BEAT*8-1:0] tdata;
    wire [PER_BEAT-1:0] tkeep;
    wire tvalid, tlast;

    // The writer.
    reg next_reserved, write_buffer;
    reg [1:0] reserved_frames;
    reg [3:0] write_place;
    reg [1:0] write_frame;
    wire reserve = wants_to_reserve && !busy[next_reserved] && reserved_frames != 2;
    wire write   = reserved_frames != 0 && (wants_to_write || write_place >= START);
    wire ends_writing = write && write_place == WRITES - 1;
    always @(posedge clock) begin
        if (!resetn) begin
            next_reserved <= 0;
            write_buffer <= 0;
            reserved_frames <= 0;
            write_place <= 0;
            write_frame <= 0;
        end else begin
            if (reserve) begin
                next_reserved <= !next_reserved;
            end
            reserved_frames <= reserved_frames + reserve - ends_writing;
            if (write) begin
                write_place <= ends_writing ? 0 : write_place + 1;
            end
            if (ends_writing) begin
                write_buffer <= !write_buffer;
                write_frame <= write_frame + 1;
            end
        end
    end
    wire [BITS-1:0] write_address = write_buffer * ROWS + write_place;

    generate
        if (PER_BEAT == 1) begin : single
            output_streamer dut (
                .clock(clock), .resetn(resetn), .write_enable(write), .write_address(write_address),
                .write_data_0(value), .reserve(reserve), .reserved(next_reserved), .busy(busy),
                .m_axis_tdata(tdata), .m_axis_tkeep(tkeep), .m_axis_tvalid(tvalid), .m_axis_tlast(tlast),
                .m_axis_tready(tready));
        end else begin : pair
            output_streamer dut (
                .clock(clock), .resetn(resetn), .write_enable({2{write}}), .write_address(write_address),
                .write_data_0(value[7:0]), .write_data_1(value[15:8]), .reserve(reserve), .reserved(next_reserved),
                .busy(busy), .m_axis_tdata(tdata), .m_axis_tkeep(tkeep), .m_axis_tvalid(tvalid),
                .m_axis_tlast(tlast), .m_axis_tready(tready));
        end
    endgenerate

    // The receiver. Frames are counted modulo 4; fewer than 4 are on their way.
    reg [3:0] place;
    reg [1:0] frame;
    wire accept = tvalid && tready;
    always @(posedge clock) begin
        if (!resetn) begin
            place <= 0;
            frame <= 0;
        end else if (accept) begin
            place <= place == BEATS - 1 ? 0 : place + 1;
            if (place == BEATS - 1) begin
                frame <= frame + 1;
            end
        end
    end
    wire [3:0] place_written = ORDERED ? ORDER >> (4 * place) : place;

    // One word of one frame of four, which may be any.
    (* anyconst *) reg [3:0] watched;
    (* anyconst *) reg [1:0] watched_frame;
    reg [PER_BEAT*8-1:0] written;
    always @(posedge clock) begin
        if (write && write_place == watched && write_frame == watched_frame) begin
            written <= value;
        end
    end
    wire is_watched = tvalid && place_written == watched && frame == watched_frame;

    wire [PER_BEAT*8-1:0] kept;
    genvar k;
    generate
        for (k = 0; k < PER_BEAT; k = k + 1) begin : byte_of_beat
            assign kept[8*k +: 8] = {8{tkeep[k]}};
        end
    endgenerate

    // Frames of which enough is written, and that have not left yet.
    reg [1:0] ready_frames;
    reg [3:0] waited;
    always @(posedge clock) begin
        if (!resetn) begin
            ready_frames <= 0;
            waited <= 0;
        end else begin
            ready_frames <= ready_frames + (write && write_place == START - 1) - (accept && place == BEATS - 1);
            waited <= tready && !tvalid && ready_frames != 0 ? waited + 1 : 0;
        end
    end

    reg started = 0;
    reg was_reset, waits, last_before;
    reg [PER_BEAT*8-1:0] data_before;
    reg [PER_BEAT-1:0] keep_before;
    always @(posedge clock) begin
        started <= 1;
        was_reset <= !resetn;
        waits <= resetn && tvalid && !tready;
        data_before <= tdata;
        last_before <= tlast;
        keep_before <= tkeep;
        if (!started) begin
            assume (!resetn);
        end else begin
            nothing_valid_in_reset: assert (!was_reset || !tvalid);
            valid_holds:            assert (!waits || tvalid);
            data_is_stable:         assert (!waits || tdata == data_before);
            last_is_stable:         assert (!waits || tlast == last_before);
            keep_is_stable:         assert (!waits || tkeep == keep_before);
            last_ends_the_frame:    assert (!tvalid || tlast == (place == BEATS - 1));
            keep_marks_the_words:
                assert (!tvalid || tkeep == (tlast ? (1 << REST) - 1 : (1 << PER_BEAT) - 1));
            no_word_before_it_is_written: assert (!tvalid || ready_frames != 0);
            beats_are_not_kept_back:      assert (waited <= PATIENCE);
            words_leave_as_written: assert (!is_watched || (tdata & kept) == (written & kept));
        end
    end
endmodule
