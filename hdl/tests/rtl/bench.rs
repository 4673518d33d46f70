//! Drives a unit clock by clock in the Rust simulation and keeps what went in and what came out.

use emeuro_hdl::prelude::*;
use emeuro_hdl::{VerilogFile, print};
use rand::{Rng, RngExt};

/// Name and width of a port.
pub(crate) type Port = (String, u32);

/// A port as a slice of wires: one, or as many as a vector has.
pub(crate) trait Wires<D: Direction> {
    fn wires(&self) -> &[Wire<D>];
    fn wires_mut(&mut self) -> &mut [Wire<D>];
    fn ports(&self, name: &str) -> Vec<Port>;
}

impl<D: Direction> Wires<D> for Wire<D> {
    fn wires(&self) -> &[Wire<D>] {
        std::slice::from_ref(self)
    }

    fn wires_mut(&mut self) -> &mut [Wire<D>] {
        std::slice::from_mut(self)
    }

    fn ports(&self, name: &str) -> Vec<Port> {
        vec![(name.to_owned(), self.width())]
    }
}

impl<D: Direction> Wires<D> for Vec<Wire<D>> {
    fn wires(&self) -> &[Wire<D>] {
        self
    }

    fn wires_mut(&mut self) -> &mut [Wire<D>] {
        self
    }

    fn ports(&self, name: &str) -> Vec<Port> {
        // The only wire of a pin that some units lack has neither number nor suffix.
        let named = |i: usize| name.strip_suffix("_pin").map_or(format!("{name}_{i}"), str::to_owned);
        self.iter().enumerate().map(|(i, wire)| (named(i), wire.width())).collect()
    }
}

/// A unit whose ports can be driven and read by position.
pub(crate) trait Ported: Block {
    /// Name of the clock, if the unit has one.
    const CLOCK: Option<&'static str>;
    fn set_clock(&mut self, clock: Clock);
    fn inputs(&self) -> Vec<Port>;
    fn outputs(&self) -> Vec<Port>;
    fn drive(&mut self, words: &[u64]);
    fn read(&self) -> Vec<u64>;
}

/// Implements [`Ported`] from the names of the clock, the inputs and the outputs.
macro_rules! ports {
    (@clock) => {
        const CLOCK: Option<&'static str> = None;
        fn set_clock(&mut self, _: emeuro_hdl::prelude::Clock) {}
    };
    (@clock $clock:ident) => {
        const CLOCK: Option<&'static str> = Some(stringify!($clock));
        fn set_clock(&mut self, clock: emeuro_hdl::prelude::Clock) {
            self.$clock.next = clock;
        }
    };
    ($unit:ty, [$($clock:ident)?], [$($input:ident),* $(,)?] -> [$($output:ident),* $(,)?]) => {
        impl $crate::bench::Ported for $unit {
            $crate::bench::ports!(@clock $($clock)?);

            fn inputs(&self) -> Vec<$crate::bench::Port> {
                use $crate::bench::Wires;
                [$(self.$input.ports(stringify!($input))),*].concat()
            }

            fn outputs(&self) -> Vec<$crate::bench::Port> {
                use $crate::bench::Wires;
                [$(self.$output.ports(stringify!($output))),*].concat()
            }

            fn drive(&mut self, words: &[u64]) {
                use $crate::bench::Wires;
                let mut words = words.iter();
                $(for wire in self.$input.wires_mut() {
                    wire.next = (*words.next().expect("a word for every input")).into();
                })*
                assert!(words.next().is_none(), "more words than inputs");
            }

            fn read(&self) -> Vec<u64> {
                use $crate::bench::Wires;
                let mut words = vec![];
                $(words.extend(self.$output.wires().iter().map(|wire| wire.val().as_u64()));)*
                words
            }
        }
    };
}

pub(crate) use ports;

/// A design and what it was seen to do: the inputs and outputs of every clock, before the rising edge that ends it.
pub(crate) struct Case {
    pub name: String,
    pub files: Vec<VerilogFile>,
    pub hex: Vec<(String, String)>,
    pub clock: Option<&'static str>,
    pub inputs: Vec<Port>,
    pub outputs: Vec<Port>,
    pub vectors: Vec<(Vec<u64>, Vec<u64>)>,
    /// Clocks at the start in which registers may still hold anything.
    pub warm_up: usize,
    /// Outputs that mean nothing while another one is 0: the positions of both. Nothing is recorded as 0.
    pub meaning: Vec<(usize, usize)>,
}

/// A unit in the direct simulation loop.
pub(crate) struct Bench<B: Ported> {
    pub unit: B,
    name: String,
    masks: Vec<u64>,
    vectors: Vec<(Vec<u64>, Vec<u64>)>,
    warm_up: usize,
    meaning: Vec<(usize, usize)>,
}

impl<B: Ported> Bench<B> {
    /// A bench for `unit`; `name` is that of its top module.
    pub(crate) fn new(name: impl Into<String>, mut unit: B) -> Self {
        unit.connect_all();
        let masks = unit.inputs().iter().map(|(_, width)| u64::MAX >> (64 - width)).collect();
        Self { unit, name: name.into(), masks, vectors: vec![], warm_up: 0, meaning: vec![] }
    }

    /// Output `data` means something only while output `valid` is 1.
    pub(crate) fn only_while(mut self, data: &str, valid: &str) -> Self {
        let outputs = self.unit.outputs();
        let position = |name| outputs.iter().position(|(port, _)| port == name).expect("an output");
        self.meaning.push((position(data), position(valid)));
        self
    }

    /// One clock with these inputs, in the order of the ports; gives the outputs that belong to it. Bits beyond the
    /// width of an input are cut, so that signed numbers may be cast.
    pub(crate) fn clock(&mut self, inputs: &[u64]) -> Vec<u64> {
        let words: Vec<u64> = inputs.iter().zip(&self.masks).map(|(word, mask)| word & mask).collect();
        self.unit.drive(&words);
        self.unit.set_clock(Clock { clk: false });
        assert!(simulate(&mut self.unit, 100), "{}: the simulation does not settle", self.name);
        let mut outputs = self.unit.read();
        for &(data, valid) in &self.meaning {
            outputs[data] *= outputs[valid];
        }
        self.vectors.push((words, outputs.clone()));
        self.unit.set_clock(Clock { clk: true });
        assert!(simulate(&mut self.unit, 100), "{}: the simulation does not settle", self.name);
        outputs
    }

    /// [`clock`](Self::clock) for a known number of outputs.
    pub(crate) fn tick<const N: usize>(&mut self, inputs: &[u64]) -> [u64; N] {
        self.clock(inputs).try_into().expect("as many outputs as the unit has")
    }

    /// From here on, all registers hold what was put into them, whatever they held at power-up.
    pub(crate) fn settled(&mut self) {
        self.warm_up = self.vectors.len();
    }

    /// Whether [`settled`](Self::settled) is still to be called.
    pub(crate) fn is_fresh(&self) -> bool {
        self.warm_up == 0
    }

    /// The printed design with everything that was recorded; `hex` are the names and texts of its ROMs.
    pub(crate) fn finish(self, hex: Vec<(String, String)>) -> Case {
        assert!(self.warm_up < self.vectors.len(), "{}: nothing would be compared", self.name);
        Case {
            files: print(&self.unit, &self.name, &self.name, "").unwrap(),
            name: self.name,
            hex,
            clock: B::CLOCK,
            inputs: self.unit.inputs(),
            outputs: self.unit.outputs(),
            vectors: self.vectors,
            warm_up: self.warm_up,
            meaning: self.meaning,
        }
    }
}

/// A random word with the corners more often than chance would have them.
pub(crate) fn word(random: &mut impl Rng, width: u32) -> u64 {
    let all = u64::MAX >> (64 - width);
    match random.random_range(0..8) {
        0 => 0,
        1 => all,
        2 => 1 << (width - 1),
        3 => (1 << (width - 1)) - 1,
        _ => random.random::<u64>() & all,
    }
}

/// True once in `n`, at random.
pub(crate) fn once_in(random: &mut impl Rng, n: u32) -> bool {
    random.random_range(0..n) == 0
}

/// The low `width` bits as a number in two's complement.
pub(crate) fn signed(bits: u64, width: u32) -> i64 {
    ((bits << (64 - width)) as i64) >> (64 - width)
}

/// The low `width` bits of a number.
pub(crate) fn low_bits(number: i64, width: u32) -> u64 {
    number as u64 & (u64::MAX >> (64 - width))
}
