//! EMEURO turns a slow function into a small neural network and that network into verified Verilog.
//!
//! This crate is the public face: it re-exports the parts, which depend on each other only downwards in this list.
//!
//! 1. [`baselines`]: the exact code that emulators are compared with.
//! 2. [`apps`]: the five benchmark applications, their exact kernels, inputs and emulators.
//! 3. [`testbench`]: Verilator driver and benches.
//! 4. [`synth`]: Yosys and nextpnr drivers.
//! 5. [`trainer`]: training and quantisation.
//! 6. [`regions`]: functions that may be answered by an emulator; a program that has some depends on `emeuro-regions` itself.
//! 7. [`hdl`]: hardware units and the Verilog printer.
//! 8. [`compiler`]: emulator to program.
//! 9. [`golden`]: fixed point, emulators, bit-exact inference.
//! 10. [`tables`]: rows of numbers in files.
//!
//! [`figures`] writes errors, the same in tables, JSON and reports. [`plot`] draws curves and clouds of points. [`delivery`] puts the files of a unit together: what lies in a generated folder.
//!
//! ```
//! // The software-only golden model: nothing but Rust.
//! let emulator = emeuro::apps::emulator("newton")?;
//! let direction = emulator.run_values(&vec![0.1; 40])?;
//! assert_eq!(direction.len(), 20);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod delivery;
pub mod figures;
pub mod plot;

pub use emeuro_apps as apps;
pub use emeuro_baselines as baselines;
pub use emeuro_compiler as compiler;
pub use emeuro_golden as golden;
pub use emeuro_hdl as hdl;
pub use emeuro_regions as regions;
pub use emeuro_synth as synth;
pub use emeuro_tables as tables;
pub use emeuro_testbench as testbench;
pub use emeuro_trainer as trainer;
