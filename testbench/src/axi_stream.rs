//! The two ends of an AXI4-Stream link: a driver that obeys the bus rules and a monitor that enforces them.
//!
//! Both work per clock, on a [`Sim`] whose clock is low: `drive` sets the ports, the caller settles the design, `sample`
//! sees what the next rising edge will see, the caller makes the edge. The rules are those of the AMBA AXI-Stream
//! specification (ARM IHI 0051), section 2.2: once offered, a beat stays, unchanged, until it is accepted.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::error::Result;
use crate::failure::Fault;
use crate::model::Model;
use crate::sim::{InPort, OutPort, Sim};
use crate::traffic::{Gate, Pattern};

/// One transfer of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Beat {
    /// `tdata`.
    pub data: u64,
    /// `tlast`.
    pub last: bool,
    /// `tkeep`, a bit per byte of `data`; none where the stream has no such port. A driver does not look at it.
    pub keep: Option<u8>,
}

impl Beat {
    /// A beat without `tkeep`.
    pub fn new(data: u64, last: bool) -> Self {
        Beat { data, last, keep: None }
    }
}

/// The sending end: offers the beats of an iterator to a unit's input stream.
///
/// Between beats it drives random data, so that a unit which looks at data without `tvalid` is found.
#[derive(Debug)]
pub struct StreamDriver<I> {
    data: InPort,
    valid: InPort,
    last: InPort,
    ready: OutPort,
    beats: I,
    offered: Option<Beat>,
    gate: Gate,
    random: ChaCha8Rng,
}

impl<I: Iterator<Item = Beat>> StreamDriver<I> {
    /// A driver of the ports `<prefix>_tdata`, `_tvalid`, `_tready` and `_tlast`.
    ///
    /// # Errors
    /// [`Error::NoSuchPort`](crate::Error::NoSuchPort) if one is missing.
    pub fn new(model: &Model, prefix: &str, beats: I, pattern: &Pattern, seed: u64) -> Result<Self> {
        Ok(StreamDriver {
            data: model.input(&format!("{prefix}_tdata"))?,
            valid: model.input(&format!("{prefix}_tvalid"))?,
            last: model.input(&format!("{prefix}_tlast"))?,
            ready: model.output(&format!("{prefix}_tready"))?,
            beats,
            offered: None,
            gate: Gate::new(pattern),
            random: stream_of(seed, 1),
        })
    }

    /// Sets the ports for this clock.
    #[inline]
    pub fn drive(&mut self, sim: &mut Sim) {
        let open = self.gate.open(&mut self.random);
        if self.offered.is_some() {
            // Not accepted on the last edge: everything stays.
            return;
        }
        self.offered = if open { self.beats.next() } else { None };
        match self.offered {
            Some(Beat { data, last, .. }) => {
                sim.set(self.data, data);
                sim.set(self.last, last.into());
                sim.set(self.valid, 1);
            }
            None => self.idle(sim),
        }
    }

    /// Where the beats come from.
    pub(crate) fn source(&self) -> &I {
        &self.beats
    }

    /// Where the beats come from.
    pub(crate) fn source_mut(&mut self) -> &mut I {
        &mut self.beats
    }

    /// Whether no beat waits to be accepted.
    pub(crate) fn is_idle(&self) -> bool {
        self.offered.is_none()
    }

    /// Offers nothing on this clock; for reset. A beat that was offered and not accepted is offered again afterwards.
    pub fn idle(&mut self, sim: &mut Sim) {
        let noise: u64 = self.random.random();
        sim.set(self.data, noise);
        sim.set(self.last, noise >> 63);
        sim.set(self.valid, 0);
    }

    /// The beat that the unit accepts on the coming edge, if any.
    #[inline]
    pub fn sample(&mut self, sim: &Sim) -> Option<Beat> {
        if self.offered.is_some() && sim.get(self.ready) != 0 { self.offered.take() } else { None }
    }
}

/// The receiving end: accepts the beats of a unit's output stream and checks that the unit obeys the bus.
#[derive(Debug)]
pub struct StreamMonitor {
    data: OutPort,
    valid: OutPort,
    last: OutPort,
    keep: Option<OutPort>,
    ready: InPort,
    waiting: Option<Beat>,
    is_ready: bool,
    ready_after_valid: bool,
    gate: Gate,
    random: ChaCha8Rng,
}

impl StreamMonitor {
    /// A monitor of the ports `<prefix>_tdata`, `_tvalid`, `_tready`, `_tlast` and, if there is one, `_tkeep`. With `ready_after_valid`, it raises
    /// `tready` only for beats that have been offered before.
    ///
    /// # Errors
    /// [`Error::NoSuchPort`](crate::Error::NoSuchPort) if one is missing.
    pub fn new(
        model: &Model,
        prefix: &str,
        pattern: &Pattern,
        ready_after_valid: bool,
        seed: u64,
    ) -> Result<Self> {
        Ok(StreamMonitor {
            data: model.output(&format!("{prefix}_tdata"))?,
            valid: model.output(&format!("{prefix}_tvalid"))?,
            last: model.output(&format!("{prefix}_tlast"))?,
            keep: model.output(&format!("{prefix}_tkeep")).ok(),
            ready: model.input(&format!("{prefix}_tready"))?,
            waiting: None,
            is_ready: false,
            ready_after_valid,
            gate: Gate::new(pattern),
            random: stream_of(seed, 2),
        })
    }

    /// Sets `tready` for this clock.
    #[inline]
    pub fn drive(&mut self, sim: &mut Sim) {
        let open = self.gate.open(&mut self.random);
        self.is_ready = open && (!self.ready_after_valid || self.waiting.is_some());
        sim.set(self.ready, self.is_ready.into());
    }

    /// The beat that is accepted on the coming edge, if any.
    ///
    /// # Errors
    /// The rule that the unit has broken since the last clock.
    #[inline]
    pub fn sample(&mut self, sim: &Sim) -> Result<Option<Beat>, Fault> {
        let offered = self.offered(sim);
        if let Some(before) = self.waiting {
            match offered {
                None => return Err(Fault::ValidDropped),
                Some(beat) if beat.data != before.data => {
                    return Err(Fault::DataChanged { before: before.data, after: beat.data });
                }
                Some(beat) if beat.last != before.last => return Err(Fault::LastChanged),
                Some(beat) if beat.keep != before.keep => return Err(Fault::KeepChanged),
                Some(_) => {}
            }
        }
        self.waiting = if self.is_ready { None } else { offered };
        Ok(if self.is_ready { offered } else { None })
    }

    /// The beat on the ports, accepted or not.
    #[inline]
    pub fn offered(&self, sim: &Sim) -> Option<Beat> {
        (sim.get(self.valid) != 0).then(|| Beat {
            data: sim.get(self.data),
            last: sim.get(self.last) != 0,
            keep: self.keep.map(|keep| sim.get(keep) as u8),
        })
    }
}

/// Independent random numbers for each user of one seed.
pub(crate) fn stream_of(seed: u64, stream: u64) -> ChaCha8Rng {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    random.set_stream(stream);
    random
}
