//! The Rust-HDL traits of an atom that never changes: constants, parameters, module descriptions.

/// Implements `Logic`, `Block` and `Atom` for a type with fields `id` and methods `width()`, `number()`, `annotation()`.
macro_rules! impl_marker {
    ($type:ty) => {
        impl rust_hdl_core::prelude::Logic for $type {
            fn update(&mut self) {}
        }

        impl rust_hdl_core::prelude::Block for $type {
            fn connect_all(&mut self) {}

            fn update_all(&mut self) {}

            fn has_changed(&self) -> bool {
                false
            }

            fn accept(&self, name: &str, probe: &mut dyn rust_hdl_core::prelude::Probe) {
                probe.visit_atom(name, self);
            }
        }

        impl rust_hdl_core::prelude::Atom for $type {
            fn bits(&self) -> usize {
                self.width() as usize
            }

            fn connected(&self) -> bool {
                true
            }

            fn changed(&self) -> bool {
                false
            }

            fn kind(&self) -> rust_hdl_core::prelude::AtomKind {
                rust_hdl_core::prelude::AtomKind::Constant
            }

            fn descriptor(&self) -> rust_hdl_core::prelude::TypeDescriptor {
                rust_hdl_core::prelude::TypeDescriptor {
                    name: self.annotation().encode(),
                    kind: rust_hdl_core::prelude::TypeKind::Bits(self.width() as usize),
                }
            }

            fn vcd(&self) -> rust_hdl_core::prelude::VCDValue {
                $crate::wire::vcd_bits(self.number(), self.width())
            }

            fn id(&self) -> usize {
                self.id
            }

            fn verilog(&self) -> rust_hdl_core::prelude::VerilogLiteral {
                self.number().into()
            }

            fn constraints(&self) -> Vec<rust_hdl_core::prelude::PinConstraint> {
                vec![]
            }
        }
    };
}

pub(crate) use impl_marker;
