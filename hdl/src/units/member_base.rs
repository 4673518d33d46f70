//! The first address of an instruction: that of the program or, for layers of members, that of the frame's member.
//!
//! ```text
//!               +-------------+
//!       base -/>|             |
//!  of_member -->| member_base |-/-> sum
//!     offset -/>|             |
//!               +-------------+
//! ```
//!
//! Timing: none, there is no register.
//!
//! # Example
//!
//! ```
//! use emeuro_hdl::prelude::*;
//! use emeuro_hdl::units::member_base::MemberBase;
//!
//! let mut address = MemberBase::new(8);
//! address.connect_all();
//! address.base.next = 7.into();
//! address.offset.next = 100.into();
//! address.of_member.next = true.into();
//! assert!(simulate(&mut address, 10));
//! assert_eq!(address.sum.val(), 107);
//! ```

use crate::prelude::*;

/// See the [module's documentation](self).
#[derive(LogicBlock)]
pub struct MemberBase {
    /// Name and documentation.
    pub info: ModuleInfo,
    /// The address of the first member, or of all frames.
    pub base: Wire<In>,
    /// The instruction's words are those of the frame's member.
    pub of_member: Wire<In>,
    /// How far they lie behind those of the first member.
    pub offset: Wire<In>,
    /// The address.
    pub sum: Wire<Out>,
}

impl MemberBase {
    /// For addresses of `width` bits.
    pub fn new(width: u32) -> Self {
        Self {
            info: ModuleInfo::new(
                "member_base",
                "the first address of an instruction for the frame's member",
            ),
            base: Wire::new(width, "Address of the first member, or of all frames"),
            of_member: Wire::new(1, "The words are those of the frame's member"),
            offset: Wire::new(width, "How far they lie behind those of the first member"),
            sum: Wire::new(width, "The address"),
        }
    }
}

impl Logic for MemberBase {
    fn update(&mut self) {
        let offset = if self.of_member.val().any() { self.offset.val() } else { Value::from(0) };
        self.sum.next = self.base.val() + offset;
    }

    fn connect(&mut self) {
        self.sum.connect();
    }

    fn hdl(&self) -> Verilog {
        let width = self.sum.width();
        Verilog::Custom(format!("assign sum = base + (of_member ? offset : {width}'d0);"))
    }
}
