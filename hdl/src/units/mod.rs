//! The building blocks of the generated hardware, one per file.

pub mod address_generator;
pub mod axi_lite;
pub mod control_registers;
pub mod controlled_unit;
pub mod delay_line;
pub mod drain;
mod extend;
pub mod input_loader;
pub mod interpolator;
pub mod issue;
pub mod lane;
pub mod loop_counters;
pub mod mac;
pub mod member_base;
pub mod memory_style;
pub mod multiplier;
pub mod operand_address;
pub mod output_streamer;
pub mod program_counter;
pub mod program_rom;
pub mod ram;
pub mod reducer;
pub mod requantiser;
pub mod rom;
pub mod router;
pub mod unit;
pub mod weight_store;
pub mod write_port;

pub use controlled_unit::ControlledUnit;
pub use memory_style::MemoryStyle;
pub use ram::Ram;
pub use rom::Rom;
pub use unit::Unit;
