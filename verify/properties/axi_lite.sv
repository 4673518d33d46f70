// An AXI4-Lite slave: responses hold and stay the same until taken, one for every request and none without one, and what was
// written or read is what was asked for. The master's signals are arbitrary, withdrawn requests and resets included.
module axi_lite_properties #(
    parameter ADDRESS = 5 // Bits of a byte address
) (
    input clock,
    input resetn,
    input [ADDRESS-1:0] awaddr,
    input awvalid,
    input [31:0] wdata,
    input [3:0] wstrb,
    input wvalid,
    input bready,
    input [ADDRESS-1:0] araddr,
    input arvalid,
    input rready,
    input write_error,
    input [31:0] read_data,
    input read_error
);
    wire awready, wready, bvalid, arready, rvalid, write;
    wire [1:0] bresp, rresp;
    wire [31:0] rdata, write_data;
    wire [3:0] write_strobe;
    wire [ADDRESS-3:0] write_address, read_address;

    axi_lite dut (
        .clock(clock), .resetn(resetn), .s_axi_awaddr(awaddr), .s_axi_awprot(3'd0), .s_axi_awvalid(awvalid),
        .s_axi_awready(awready), .s_axi_wdata(wdata), .s_axi_wstrb(wstrb), .s_axi_wvalid(wvalid),
        .s_axi_wready(wready), .s_axi_bresp(bresp), .s_axi_bvalid(bvalid), .s_axi_bready(bready),
        .s_axi_araddr(araddr), .s_axi_arprot(3'd0), .s_axi_arvalid(arvalid), .s_axi_arready(arready),
        .s_axi_rdata(rdata), .s_axi_rresp(rresp), .s_axi_rvalid(rvalid), .s_axi_rready(rready), .write(write),
        .write_address(write_address), .write_data(write_data), .write_strobe(write_strobe),
        .write_error(write_error), .read_address(read_address), .read_data(read_data), .read_error(read_error));

    // Writes: what was accepted and not yet written, and whether a response is owed.
    wire takes_address = awvalid && awready;
    wire takes_data    = wvalid && wready;
    reg address_waits, data_waits, owes_response, write_failed;
    reg [ADDRESS-3:0] waiting_address;
    reg [31:0] waiting_data;
    reg [3:0] waiting_strobe;

    // Reads: up to two on their way, the older first; the register behind the port answers one clock after it sees an
    // address, always the same for one address that may be any.
    wire takes_read = arvalid && arready;
    wire returns    = rvalid && rready;
    reg [1:0] reads;
    reg [ADDRESS-3:0] oldest, younger;
    reg [3:0] waited;
    (* anyconst *) reg [ADDRESS-3:0] watched;
    (* anyconst *) reg [31:0] content;
    (* anyconst *) reg refused;
    reg selected;
    always @(posedge clock) begin
        if (!resetn) begin
            address_waits <= 0;
            data_waits <= 0;
            owes_response <= 0;
            reads <= 0;
            waited <= 0;
        end else begin
            address_waits <= takes_address || (address_waits && !write);
            data_waits <= takes_data || (data_waits && !write);
            owes_response <= write || (owes_response && !bready);
            reads <= reads + takes_read - returns;
            waited <= reads != 0 && !rvalid ? waited + 1 : 0;
        end
        if (takes_address) begin
            waiting_address <= awaddr[ADDRESS-1:2];
        end
        if (takes_data) begin
            waiting_data <= wdata;
            waiting_strobe <= wstrb;
        end
        if (write) begin
            write_failed <= write_error;
        end
        if (takes_read) begin
            if (reads == 0 || (reads == 1 && returns)) begin
                oldest <= araddr[ADDRESS-1:2];
            end else begin
                younger <= araddr[ADDRESS-1:2];
            end
        end
        if (returns && reads == 2) begin
            oldest <= younger;
        end
        selected <= read_address == watched;
    end
    always @(*) assume (!selected || (read_data == content && read_error == refused));

    reg started = 0;
    reg was_reset, write_waits, read_waits;
    reg [1:0] bresp_before, rresp_before;
    reg [31:0] rdata_before;
    always @(posedge clock) begin
        started <= 1;
        was_reset <= !resetn;
        write_waits <= resetn && bvalid && !bready;
        read_waits <= resetn && rvalid && !rready;
        bresp_before <= bresp;
        rresp_before <= rresp;
        rdata_before <= rdata;
        if (!started) begin
            assume (!resetn);
        end else begin
            quiet_in_reset:
                assert (!was_reset || (!bvalid && !rvalid && !awready && !wready && !arready && !write));
            write_response_holds:     assert (!write_waits || bvalid);
            write_response_is_stable: assert (!write_waits || bresp == bresp_before);
            read_response_holds:      assert (!read_waits || rvalid);
            read_response_is_stable:  assert (!read_waits || (rdata == rdata_before && rresp == rresp_before));
            write_once_both_are_there: assert (write == (address_waits && data_waits && !owes_response));
            no_request_is_overwritten:
                assert (!(takes_address && address_waits) && !(takes_data && data_waits));
            written_is_what_was_asked:
                assert (!write || (write_address == waiting_address && write_data == waiting_data &&
                                   write_strobe == waiting_strobe));
            one_response_per_write:    assert (bvalid == owes_response);
            write_response_says_error: assert (!bvalid || bresp == {write_failed, 1'b0});
            no_read_response_unasked:  assert (!rvalid || reads != 0);
            at_most_two_reads:         assert (reads <= 2);
            read_is_answered_in_time:  assert (waited <= 2);
            read_is_what_was_asked:
                assert (!(rvalid && oldest == watched) || (rdata == content && rresp == {refused, 1'b0}));
        end
    end
endmodule
