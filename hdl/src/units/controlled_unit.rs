//! A unit with registers: the core, and an AXI4-Lite slave that controls it.
//!
//! ```text
//!             +-------------------------------------------+
//!             |                +-------------+            |
//! s_axis --->-|--------------> |    core     | -----------|->- m_axis
//!             |                +-------------+            |
//!             |         reset, weights |  ^ status        |
//!             |                        v  |               |
//! s_axi  --->-|-> axi_lite <--> control registers         |
//!             +-------------------------------------------+
//! ```
//!
//! Timing: that of the [core](super::Unit); the registers add nothing to a frame. In the clock in which software resets the
//! core, no input word is taken.
//!
//! # Example
//!
//! ```
//! use emeuro_compiler::{Control, UnitConfig, WeightMemory, compile};
//! use emeuro_hdl::{print, units::ControlledUnit};
//!
//! let emulator = emeuro_golden::sample_emulator(1);
//! let config = UnitConfig::new(4)?.with_control(Control::AxiLite, WeightMemory::Ram)?;
//! let program = compile(&emulator, &config)?;
//! let files = print(&ControlledUnit::new(&program, "sample"), "sample_unit", "sample", "An example.")?;
//! assert!(files.iter().any(|file| file.name == "sample_axi_lite.v"));
//! assert_eq!(files.last().unwrap().name, "sample_unit.v");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use emeuro_compiler::Program;

use super::{Unit, axi_lite::AxiLite, control_registers::ControlRegisters, input_loader::stream_data};
use crate::prelude::*;
use crate::register_map::{ADDRESS_BITS, UnitNumbers};

/// See the [module's documentation](self).
#[derive(LogicBlock)]
pub struct ControlledUnit {
    /// Name and documentation.
    pub info: ModuleInfo,
    /// Clock.
    pub aclk: Signal<In, Clock>,
    /// Synchronous reset, active low.
    pub aresetn: Wire<In>,
    /// Control port, write address: the byte address.
    pub s_axi_awaddr: Wire<In>,
    /// Control port, write address: protection, which is not looked at.
    pub s_axi_awprot: Wire<In>,
    /// Control port, write address: it is there.
    pub s_axi_awvalid: Wire<In>,
    /// Control port, write address: it is taken.
    pub s_axi_awready: Wire<Out>,
    /// Control port, write data: the word.
    pub s_axi_wdata: Wire<In>,
    /// Control port, write data: the bytes that count.
    pub s_axi_wstrb: Wire<In>,
    /// Control port, write data: it is there.
    pub s_axi_wvalid: Wire<In>,
    /// Control port, write data: it is taken.
    pub s_axi_wready: Wire<Out>,
    /// Control port, write response: OKAY or SLVERR.
    pub s_axi_bresp: Wire<Out>,
    /// Control port, write response: it is there.
    pub s_axi_bvalid: Wire<Out>,
    /// Control port, write response: it is taken.
    pub s_axi_bready: Wire<In>,
    /// Control port, read address: the byte address.
    pub s_axi_araddr: Wire<In>,
    /// Control port, read address: protection, which is not looked at.
    pub s_axi_arprot: Wire<In>,
    /// Control port, read address: it is there.
    pub s_axi_arvalid: Wire<In>,
    /// Control port, read address: it is taken.
    pub s_axi_arready: Wire<Out>,
    /// Control port, read data: the word.
    pub s_axi_rdata: Wire<Out>,
    /// Control port, read data: OKAY or SLVERR.
    pub s_axi_rresp: Wire<Out>,
    /// Control port, read data: it is there.
    pub s_axi_rvalid: Wire<Out>,
    /// Control port, read data: it is taken.
    pub s_axi_rready: Wire<In>,
    /// Input stream: the words of a beat, the first in the low bits.
    pub s_axis_tdata: Wire<In>,
    /// Input stream: a beat is there.
    pub s_axis_tvalid: Wire<In>,
    /// Input stream: it is the last of its frame.
    pub s_axis_tlast: Wire<In>,
    /// Input stream: the beat is taken.
    pub s_axis_tready: Wire<Out>,
    /// Output stream: the words of a beat, the first in the low bits.
    pub m_axis_tdata: Wire<Out>,
    /// Output stream: which bytes of the beat belong to the frame.
    pub m_axis_tkeep: Wire<Out>,
    /// Output stream: a beat is there.
    pub m_axis_tvalid: Wire<Out>,
    /// Output stream: it is the last of its frame.
    pub m_axis_tlast: Wire<Out>,
    /// Output stream: the beat is taken.
    pub m_axis_tready: Wire<In>,
    /// A short input frame was dropped.
    pub short_frame: Wire<Out>,
    /// A long input frame was dropped.
    pub long_frame: Wire<Out>,
    /// The member that the last frame was computed with; one wire, or none without members, as the next.
    pub member_pin: Vec<Wire<Out>>,
    /// Whether that frame is unlike those that the member with its largest score was trained on.
    pub unfamiliar_pin: Vec<Wire<Out>>,
    axi: AxiLite,
    registers: ControlRegisters,
    core: Unit,
}

impl ControlledUnit {
    /// The unit that runs `program`, with registers; its hex files are called `<prefix>_….hex`.
    pub fn new(program: &Program, prefix: &str) -> Self {
        let core = Unit::new(program, prefix);
        let per_beat = program.config.words_per_beat();
        Self {
            info: ModuleInfo::new("controlled_unit", format!("NN augmentation unit for the emulator {}", program.name))
                .prose(
                    "A core that runs frames from the input to the output stream, and registers that control and observe \
                     it. The streams are those of the core.",
                ),
            aclk: Default::default(),
            aresetn: Wire::new(1, "Synchronous reset, active low"),
            s_axi_awaddr: Wire::new(ADDRESS_BITS, "Control port: write address in bytes"),
            s_axi_awprot: Wire::new(3, "Protection, not looked at"),
            s_axi_awvalid: Wire::new(1, "The write address is valid"),
            s_axi_awready: Wire::new(1, "The write address is taken"),
            s_axi_wdata: Wire::new(32, "Word to write"),
            s_axi_wstrb: Wire::new(4, "Bytes of the word that count"),
            s_axi_wvalid: Wire::new(1, "The word to write is valid"),
            s_axi_wready: Wire::new(1, "The word to write is taken"),
            s_axi_bresp: Wire::new(2, "Write response: 0 OKAY, 2 SLVERR"),
            s_axi_bvalid: Wire::new(1, "The write response is valid"),
            s_axi_bready: Wire::new(1, "The write response is taken"),
            s_axi_araddr: Wire::new(ADDRESS_BITS, "Control port: read address in bytes"),
            s_axi_arprot: Wire::new(3, "Protection, not looked at"),
            s_axi_arvalid: Wire::new(1, "The read address is valid"),
            s_axi_arready: Wire::new(1, "The read address is taken"),
            s_axi_rdata: Wire::new(32, "Word that was read"),
            s_axi_rresp: Wire::new(2, "Read response: 0 OKAY, 2 SLVERR"),
            s_axi_rvalid: Wire::new(1, "The word that was read is valid"),
            s_axi_rready: Wire::new(1, "The word that was read is taken"),
            s_axis_tdata: stream_data(program.input_bits, per_beat, "Input"),
            s_axis_tvalid: Wire::new(1, "The input is valid"),
            s_axis_tlast: Wire::new(1, "The input is the last of its frame"),
            s_axis_tready: Wire::new(1, "The input is taken"),
            m_axis_tdata: stream_data(program.output_bits, per_beat, "Output"),
            m_axis_tkeep: Wire::new(core.m_axis_tkeep.width(), "Which bytes of the output belong to the frame"),
            m_axis_tvalid: Wire::new(1, "The output is valid"),
            m_axis_tlast: Wire::new(1, "The output is the last of its frame"),
            m_axis_tready: Wire::new(1, "The output is taken"),
            short_frame: Wire::new(1, "An input frame was too short and was dropped; stays until cleared"),
            long_frame: Wire::new(1, "An input frame was too long and was dropped; stays until cleared"),
            member_pin: core
                .member_pin
                .iter()
                .map(|member| Wire::new(member.width(), "Member that the last frame was computed with"))
                .collect(),
            unfamiliar_pin: core
                .member_pin
                .iter()
                .map(|_| Wire::new(1, "That frame is unlike those that the members were trained on"))
                .collect(),
            axi: AxiLite::new(ADDRESS_BITS),
            registers: ControlRegisters::new(UnitNumbers::of(program)),
            core,
        }
    }

    /// The hex files: names and texts.
    pub fn hex_files(&self) -> Vec<(String, String)> {
        self.core.hex_files()
    }
}

impl Logic for ControlledUnit {
    #[hdl_gen]
    fn update(&mut self) {
        self.axi.clock.next = self.aclk.val();
        self.axi.resetn.next = self.aresetn.val();
        self.registers.clock.next = self.aclk.val();
        self.registers.resetn.next = self.aresetn.val();
        self.core.aclk.next = self.aclk.val();
        self.core.aresetn.next = self.registers.core_resetn.val();

        comment!("Control port");
        self.axi.s_axi_awaddr.next = self.s_axi_awaddr.val();
        self.axi.s_axi_awprot.next = self.s_axi_awprot.val();
        self.axi.s_axi_awvalid.next = self.s_axi_awvalid.val();
        self.s_axi_awready.next = self.axi.s_axi_awready.val();
        self.axi.s_axi_wdata.next = self.s_axi_wdata.val();
        self.axi.s_axi_wstrb.next = self.s_axi_wstrb.val();
        self.axi.s_axi_wvalid.next = self.s_axi_wvalid.val();
        self.s_axi_wready.next = self.axi.s_axi_wready.val();
        self.s_axi_bresp.next = self.axi.s_axi_bresp.val();
        self.s_axi_bvalid.next = self.axi.s_axi_bvalid.val();
        self.axi.s_axi_bready.next = self.s_axi_bready.val();
        self.axi.s_axi_araddr.next = self.s_axi_araddr.val();
        self.axi.s_axi_arprot.next = self.s_axi_arprot.val();
        self.axi.s_axi_arvalid.next = self.s_axi_arvalid.val();
        self.s_axi_arready.next = self.axi.s_axi_arready.val();
        self.s_axi_rdata.next = self.axi.s_axi_rdata.val();
        self.s_axi_rresp.next = self.axi.s_axi_rresp.val();
        self.s_axi_rvalid.next = self.axi.s_axi_rvalid.val();
        self.axi.s_axi_rready.next = self.s_axi_rready.val();

        comment!("Registers");
        self.registers.write.next = self.axi.write.val();
        self.registers.write_address.next = self.axi.write_address.val();
        self.registers.write_data.next = self.axi.write_data.val();
        self.registers.write_strobe.next = self.axi.write_strobe.val();
        self.axi.write_error.next = self.registers.write_error.val();
        self.registers.read_address.next = self.axi.read_address.val();
        self.axi.read_data.next = self.registers.read_data.val();
        self.axi.read_error.next = self.registers.read_error.val();
        for i in 0..self.core.input_full.len() {
            self.registers.input_full.next = self.core.input_full[i].val();
            self.registers.output_busy.next = self.core.output_busy[i].val();
            self.registers.writing.next = self.core.writing[i].val();
            self.core.clear_flags[i].next = self.registers.clear_flags.val();
            self.core.stream_goes_on[i].next = self.aresetn.val() & !self.registers.running.val();
        }
        self.registers.short_frame.next = self.core.short_frame.val();
        self.registers.long_frame.next = self.core.long_frame.val();
        self.registers.frame_done.next =
            self.core.m_axis_tvalid.val() & self.core.m_axis_tlast.val() & self.m_axis_tready.val();
        for i in 0..self.core.quality_pin.len() {
            self.core.quality_pin[i].next = self.registers.quality[i].val();
        }
        for i in 0..self.member_pin.len() {
            self.registers.member[i].next = self.core.member_pin[i].val();
            self.registers.unfamiliar[i].next = self.core.unfamiliar_pin[i].val();
            self.registers.routed[i].next = self.core.routed[i].val();
            self.core.force[i].next = self.registers.force[i].val();
            self.core.forced[i].next = self.registers.forced[i].val();
            self.member_pin[i].next = self.core.member_pin[i].val();
            self.unfamiliar_pin[i].next = self.core.unfamiliar_pin[i].val();
        }
        for i in 0..self.core.store.len() {
            self.core.store[i].next = self.registers.store[i].val();
            self.core.store_select[i].next = self.registers.store_select[i].val();
            self.core.store_address[i].next = self.registers.store_address[i].val();
            self.core.store_data[i].next = self.registers.store_data[i].val();
        }

        comment!("Streams; while software resets the core, no word is taken");
        self.core.s_axis_tdata.next = self.s_axis_tdata.val();
        self.core.s_axis_tlast.next = self.s_axis_tlast.val();
        self.core.s_axis_tvalid.next = self.s_axis_tvalid.val() & self.registers.running.val();
        self.s_axis_tready.next = self.core.s_axis_tready.val() & self.registers.running.val();
        self.m_axis_tdata.next = self.core.m_axis_tdata.val();
        self.m_axis_tkeep.next = self.core.m_axis_tkeep.val();
        self.m_axis_tvalid.next = self.core.m_axis_tvalid.val();
        self.m_axis_tlast.next = self.core.m_axis_tlast.val();
        self.core.m_axis_tready.next = self.m_axis_tready.val();
        self.short_frame.next = self.core.short_frame.val();
        self.long_frame.next = self.core.long_frame.val();
    }
}
