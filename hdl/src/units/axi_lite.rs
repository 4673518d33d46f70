//! An AXI4-Lite slave port: five channels outside, reads and writes of registers inside.
//!
//! Address and data of a write may come in either order or together; either waits in a register of its own until both are
//! there. One write and one read can be on their way at a time, independently of each other. A response stays until it is
//! taken. What is behind the port says in the clock of a write, and one clock after it was given the address of a read,
//! whether it accepts the access; if not, the response is SLVERR.
//!
//! ```text
//!                  +----------+
//!  clock, resetn ->|          |--> write, write_address, write_data, write_strobe
//!  s_axi_aw* --/-->|          |<-- write_error
//!  s_axi_w* ---/-->| axi_lite |
//!  s_axi_b* <--/---|          |--> read_address
//!  s_axi_ar* --/-->|          |<-- read_data, read_error
//!  s_axi_r* <--/---|          |
//!                  +----------+
//! ```
//!
//! Timing: `write` is high in the clock after the later of address and data was accepted, the response follows one clock
//! after. A read takes one clock more, for the registers to be selected. All outputs of the bus are registers.
//!
//! ```text
//!              __    __    __    __    __
//! clock     __|  |__|  |__|  |__|  |__|  |__
//! awvalid   |~~~~~|_________________________
//! wvalid    ______|~~~~~|___________________
//! write     ____________|~~~~~|_____________
//! bvalid    __________________|~~~~~|_______
//! ```
//!
//! # Example
//!
//! ```
//! use emeuro_hdl::prelude::*;
//! use emeuro_hdl::units::axi_lite::AxiLite;
//!
//! let mut port = AxiLite::new(8);
//! port.connect_all();
//! port.read_data.next = 77.into();
//! let mut tick = |resetn: bool, arvalid: bool| {
//!     port.resetn.next = resetn.into();
//!     port.s_axi_arvalid.next = arvalid.into();
//!     port.s_axi_rready.next = true.into();
//!     for clk in [false, true] {
//!         port.clock.next = Clock { clk };
//!         assert!(simulate(&mut port, 10));
//!     }
//!     (port.s_axi_rvalid.val().any(), port.s_axi_rdata.val().as_u64())
//! };
//! tick(false, false);
//! tick(true, false);
//! assert!(!tick(true, true).0, "the address is accepted");
//! assert!(!tick(true, false).0, "the register is selected");
//! assert_eq!(tick(true, false), (true, 77));
//! assert!(!tick(true, false).0, "the word was taken");
//! ```

use crate::prelude::*;

/// See the [module's documentation](self).
#[derive(LogicBlock)]
pub struct AxiLite {
    /// Name and documentation.
    pub info: ModuleInfo,
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset, active low.
    pub resetn: Wire<In>,
    /// Write address: the byte address.
    pub s_axi_awaddr: Wire<In>,
    /// Write address: protection, which is not looked at.
    pub s_axi_awprot: Wire<In>,
    /// Write address: it is there.
    pub s_axi_awvalid: Wire<In>,
    /// Write address: it is taken.
    pub s_axi_awready: Wire<Out>,
    /// Write data: the word.
    pub s_axi_wdata: Wire<In>,
    /// Write data: the bytes that count.
    pub s_axi_wstrb: Wire<In>,
    /// Write data: it is there.
    pub s_axi_wvalid: Wire<In>,
    /// Write data: it is taken.
    pub s_axi_wready: Wire<Out>,
    /// Write response: OKAY or SLVERR.
    pub s_axi_bresp: Wire<Out>,
    /// Write response: it is there.
    pub s_axi_bvalid: Wire<Out>,
    /// Write response: it is taken.
    pub s_axi_bready: Wire<In>,
    /// Read address: the byte address.
    pub s_axi_araddr: Wire<In>,
    /// Read address: protection, which is not looked at.
    pub s_axi_arprot: Wire<In>,
    /// Read address: it is there.
    pub s_axi_arvalid: Wire<In>,
    /// Read address: it is taken.
    pub s_axi_arready: Wire<Out>,
    /// Read data: the word.
    pub s_axi_rdata: Wire<Out>,
    /// Read data: OKAY or SLVERR.
    pub s_axi_rresp: Wire<Out>,
    /// Read data: it is there.
    pub s_axi_rvalid: Wire<Out>,
    /// Read data: it is taken.
    pub s_axi_rready: Wire<In>,
    /// A word is written in this clock.
    pub write: Wire<Out>,
    /// Number of the register that is written.
    pub write_address: Wire<Out>,
    /// The word.
    pub write_data: Wire<Out>,
    /// The bytes that count.
    pub write_strobe: Wire<Out>,
    /// The write is refused.
    pub write_error: Wire<In>,
    /// Number of the register that is read.
    pub read_address: Wire<Out>,
    /// Its value, one clock later.
    pub read_data: Wire<In>,
    /// The read is refused.
    pub read_error: Wire<In>,
    _state: State,
}

#[derive(Clone, Copy, Debug, Default)]
struct State {
    /// Not before the first clock out of reset may anything be accepted.
    runs: bool,
    address_held: bool,
    data_held: bool,
    read_held: bool,
    /// What is behind the port has seen the read address.
    selected: bool,
    responds: bool,
    returns: bool,
    write_error: bool,
    read_error: bool,
    write_address: u64,
    write_data: u64,
    write_strobe: u64,
    read_address: u64,
    read_data: u64,
}

/// The upper bit of a response that says SLVERR.
const SLVERR_BIT: u32 = 1;

impl AxiLite {
    /// A port with byte addresses of `address` bits (3 to 64), of which the two lowest do not count.
    pub fn new(address: u32) -> Self {
        let flag = |comment: &str| Wire::new(1, comment);
        let taken = |comment: &str| Wire::new(1, comment);
        Self {
            info: ModuleInfo::new("axi_lite", "AXI4-Lite slave port")
                .prose(
                    "Address and data of a write come in any order. One write and one read are on their way at a time; \
                     responses stay until they are taken.",
                )
                .latency("2 clocks from the later of address and data to the response, 3 from a read address.")
                .limits("the protection bits are not looked at."),
            clock: Default::default(),
            resetn: Wire::new(1, "Synchronous reset, active low"),
            s_axi_awaddr: Wire::new(address, "Write address in bytes"),
            s_axi_awprot: Wire::new(3, "Protection, not looked at"),
            s_axi_awvalid: flag("The write address is valid"),
            s_axi_awready: taken("The write address is taken"),
            s_axi_wdata: Wire::new(32, "Word to write"),
            s_axi_wstrb: Wire::new(4, "Bytes of the word that count"),
            s_axi_wvalid: flag("The word to write is valid"),
            s_axi_wready: taken("The word to write is taken"),
            s_axi_bresp: Wire::new(2, "Write response: 0 OKAY, 2 SLVERR"),
            s_axi_bvalid: taken("The write response is valid"),
            s_axi_bready: flag("The write response is taken"),
            s_axi_araddr: Wire::new(address, "Read address in bytes"),
            s_axi_arprot: Wire::new(3, "Protection, not looked at"),
            s_axi_arvalid: flag("The read address is valid"),
            s_axi_arready: taken("The read address is taken"),
            s_axi_rdata: Wire::new(32, "Word that was read"),
            s_axi_rresp: Wire::new(2, "Read response: 0 OKAY, 2 SLVERR"),
            s_axi_rvalid: taken("The word that was read is valid"),
            s_axi_rready: flag("The word that was read is taken"),
            write: Wire::new(1, "A word is written in this clock"),
            write_address: Wire::new(address - 2, "Number of the register that is written"),
            write_data: Wire::new(32, "The word"),
            write_strobe: Wire::new(4, "Bytes of the word that count"),
            write_error: Wire::new(1, "The write is refused"),
            read_address: Wire::new(address - 2, "Number of the register that is read"),
            read_data: Wire::new(32, "Its value, one clock later"),
            read_error: Wire::new(1, "The read is refused"),
            _state: State::default(),
        }
    }

    fn next_state(&self) -> State {
        let before = self._state;
        let mut state = State { runs: true, ..before };
        let (writes, reads) = (before.writes(), before.reads());
        if before.takes_address() {
            state.write_address = self.s_axi_awaddr.val().as_u64() >> 2;
        }
        if before.takes_data() {
            state.write_data = self.s_axi_wdata.val().as_u64();
            state.write_strobe = self.s_axi_wstrb.val().as_u64();
        }
        if before.takes_read() {
            state.read_address = self.s_axi_araddr.val().as_u64() >> 2;
        }
        if !before.responds {
            state.write_error = self.write_error.val().any();
        }
        if !before.returns {
            state.read_error = self.read_error.val().any();
            state.read_data = self.read_data.val().as_u64();
        }
        if !self.resetn.val().any() {
            return State {
                runs: false,
                address_held: false,
                data_held: false,
                read_held: false,
                selected: false,
                responds: false,
                returns: false,
                ..state
            };
        }
        let taken = |takes: bool, valid: &Wire<In>| takes && valid.val().any();
        state.address_held =
            taken(before.takes_address(), &self.s_axi_awvalid) || (before.address_held && !writes);
        state.data_held = taken(before.takes_data(), &self.s_axi_wvalid) || (before.data_held && !writes);
        state.read_held = taken(before.takes_read(), &self.s_axi_arvalid) || (before.read_held && !reads);
        state.selected = before.read_held && !reads;
        state.responds = writes || (before.responds && !self.s_axi_bready.val().any());
        state.returns = reads || (before.returns && !self.s_axi_rready.val().any());
        state
    }
}

impl State {
    fn takes_address(&self) -> bool {
        self.runs && !self.address_held
    }

    fn takes_data(&self) -> bool {
        self.runs && !self.data_held
    }

    fn takes_read(&self) -> bool {
        self.runs && !self.read_held
    }

    fn writes(&self) -> bool {
        self.address_held && self.data_held && !self.responds
    }

    fn reads(&self) -> bool {
        self.selected && !self.returns
    }
}

impl Logic for AxiLite {
    fn update(&mut self) {
        if self.clock.pos_edge() {
            self._state = self.next_state();
        }
        let state = self._state;
        let response = |error: bool| Value::from(u64::from(error) << SLVERR_BIT);
        self.s_axi_awready.next = state.takes_address().into();
        self.s_axi_wready.next = state.takes_data().into();
        self.s_axi_bvalid.next = state.responds.into();
        self.s_axi_bresp.next = response(state.write_error);
        self.s_axi_arready.next = state.takes_read().into();
        self.s_axi_rvalid.next = state.returns.into();
        self.s_axi_rresp.next = response(state.read_error);
        self.s_axi_rdata.next = Value::from(state.read_data);
        self.write.next = state.writes().into();
        self.write_address.next = Value::from(state.write_address);
        self.write_data.next = Value::from(state.write_data);
        self.write_strobe.next = Value::from(state.write_strobe);
        self.read_address.next = Value::from(state.read_address);
    }

    fn connect(&mut self) {
        self.s_axi_awready.connect();
        self.s_axi_wready.connect();
        self.s_axi_bresp.connect();
        self.s_axi_bvalid.connect();
        self.s_axi_arready.connect();
        self.s_axi_rdata.connect();
        self.s_axi_rresp.connect();
        self.s_axi_rvalid.connect();
        self.write.connect();
        self.write_address.connect();
        self.write_data.connect();
        self.write_strobe.connect();
        self.read_address.connect();
    }

    fn hdl(&self) -> Verilog {
        let high = self.s_axi_awaddr.width() - 1;
        Verilog::Custom(format!(
            "\
reg address_held;
reg data_held;
reg read_held;
reg selected;

wire fetch = selected && !s_axi_rvalid;

// What is held after this clock; the channel is ready if nothing is.
wire hold_address = s_axi_awvalid && s_axi_awready || address_held && !write;
wire hold_data    = s_axi_wvalid  && s_axi_wready  || data_held    && !write;
wire hold_read    = s_axi_arvalid && s_axi_arready || read_held    && !fetch;

wire unused = &{{1'b0, s_axi_awprot, s_axi_arprot, s_axi_awaddr[1:0], s_axi_araddr[1:0]}};

assign write = address_held && data_held && !s_axi_bvalid;

always @(posedge clock) begin
    if (!resetn) begin
        address_held  <= 1'b0;
        data_held     <= 1'b0;
        read_held     <= 1'b0;
        selected      <= 1'b0;
        s_axi_awready <= 1'b0;
        s_axi_wready  <= 1'b0;
        s_axi_arready <= 1'b0;
        s_axi_bvalid  <= 1'b0;
        s_axi_rvalid  <= 1'b0;
    end else begin
        address_held  <= hold_address;
        data_held     <= hold_data;
        read_held     <= hold_read;
        selected      <= read_held && !fetch;
        s_axi_awready <= !hold_address;
        s_axi_wready  <= !hold_data;
        s_axi_arready <= !hold_read;
        s_axi_bvalid  <= write || s_axi_bvalid && !s_axi_bready;
        s_axi_rvalid  <= fetch || s_axi_rvalid && !s_axi_rready;
    end
end

// Words need no reset: nobody looks at them before they are valid.
always @(posedge clock) begin
    if (s_axi_awready) begin
        write_address <= s_axi_awaddr[{high}:2];
    end
    if (s_axi_wready) begin
        write_data   <= s_axi_wdata;
        write_strobe <= s_axi_wstrb;
    end
    if (s_axi_arready) begin
        read_address <= s_axi_araddr[{high}:2];
    end
    if (!s_axi_bvalid) begin
        s_axi_bresp <= {{write_error, 1'b0}};
    end
    if (!s_axi_rvalid) begin
        s_axi_rresp <= {{read_error, 1'b0}};
        s_axi_rdata <= read_data;
    end
end"
        ))
    }
}
