//! An AXI4-Lite master: reads and writes with random pauses on every channel, and a check of every rule for the slave.
//!
//! It works per clock, on a [`Sim`] whose clock is low, as the ends of a stream do: `drive` sets the ports, the caller settles
//! the design, `sample` sees what the next rising edge will see, the caller makes the edge. So it runs beside streams. The
//! rules are those of the AMBA AXI specification (ARM IHI 0022), chapter A3: what is offered stays until it is accepted, and
//! a response comes after all that it answers.

use std::collections::VecDeque;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::axi_stream::stream_of;
use crate::error::{Error, Result};
use crate::model::Model;
use crate::sim::{InPort, OutPort, Sim};
use crate::traffic::{Gate, Pattern};

/// What a slave says about an access.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Response {
    /// Done.
    Okay,
    /// Refused.
    SlaveError,
}

/// One access to a register.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Transaction {
    /// Reads the word at a byte offset.
    Read {
        /// The offset.
        offset: u32,
    },
    /// Writes a word to a byte offset.
    Write {
        /// The offset.
        offset: u32,
        /// The word.
        data: u32,
        /// The bytes of it that count, one bit each.
        strobe: u8,
    },
}

impl Transaction {
    /// A read.
    pub fn read(offset: u32) -> Self {
        Self::Read { offset }
    }

    /// A write of all four bytes.
    pub fn write(offset: u32, data: u32) -> Self {
        Self::Write { offset, data, strobe: 0b1111 }
    }
}

/// An access that is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Completed {
    /// What was asked for.
    pub transaction: Transaction,
    /// The word that was read; of a write, 0.
    pub data: u32,
    /// The answer.
    pub response: Response,
}

/// Rules of the control bus that a slave can break.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ControlFault {
    /// A response to nothing.
    #[error("{channel}valid is high without an access to answer")]
    Unasked {
        /// `b` or `r`.
        channel: &'static str,
    },
    /// A response that went away before it was taken.
    #[error("{channel}valid fell while {channel}ready was low")]
    Dropped {
        /// `b` or `r`.
        channel: &'static str,
    },
    /// A response that changed before it was taken.
    #[error("the {channel} channel changed while {channel}ready was low")]
    Changed {
        /// `b` or `r`.
        channel: &'static str,
    },
    /// A response that is neither OKAY nor SLVERR.
    #[error("{channel}resp is {got}: expected 0 (OKAY) or 2 (SLVERR)")]
    Response {
        /// `b` or `r`.
        channel: &'static str,
        /// The response.
        got: u64,
    },
    /// No answer for too long.
    #[error("no answer for {clocks} clocks")]
    Stalled {
        /// The limit.
        clocks: u64,
    },
}

/// Clocks without an answer after which the slave counts as stuck, pauses of the master included.
const WATCHDOG_CLOCKS: u64 = 10_000;

/// Whether the master begins an access before the one before is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// No: software on a processor.
    #[default]
    OneByOne,
    /// Yes: addresses and words of writes run ahead of each other and of their responses, reads beside them.
    Overlapping,
}

/// Ports of a channel that the master drives.
#[derive(Debug)]
struct Sender {
    valid: InPort,
    ready: OutPort,
    words: Vec<InPort>,
    is_offered: bool,
    gate: Gate,
}

impl Sender {
    fn new(model: &Model, channel: &str, words: &[&str], pattern: &Pattern) -> Result<Self> {
        let port = |name: &&str| model.input(&format!("s_axi_{channel}{name}"));
        Ok(Self {
            valid: port(&"valid")?,
            ready: model.output(&format!("s_axi_{channel}ready"))?,
            words: words.iter().map(port).collect::<Result<_>>()?,
            is_offered: false,
            gate: Gate::new(pattern),
        })
    }

    /// Offers the words, or goes on offering them; noise if there are none.
    fn drive(&mut self, sim: &mut Sim, words: Option<[u64; 2]>, random: &mut ChaCha8Rng) {
        let open = self.gate.open(random);
        if self.is_offered {
            return;
        }
        self.is_offered = words.is_some() && open;
        let values = words.filter(|_| open).unwrap_or_else(|| [random.random(), random.random()]);
        for (port, value) in self.words.iter().zip(values) {
            sim.set(*port, value);
        }
        sim.set(self.valid, self.is_offered.into());
    }

    /// Whether the slave accepts the words on the coming edge.
    fn sample(&mut self, sim: &Sim) -> bool {
        let accepted = self.is_offered && sim.get(self.ready) != 0;
        self.is_offered &= !accepted;
        accepted
    }
}

/// Ports of a channel that the slave drives.
#[derive(Debug)]
struct Receiver {
    channel: &'static str,
    valid: OutPort,
    ready: InPort,
    response: OutPort,
    data: Option<OutPort>,
    is_ready: bool,
    waiting: Option<(u64, u64)>,
    gate: Gate,
}

impl Receiver {
    fn new(model: &Model, channel: &'static str, data: Option<&str>, pattern: &Pattern) -> Result<Self> {
        let port = |name: &str| model.output(&format!("s_axi_{channel}{name}"));
        Ok(Self {
            channel,
            valid: port("valid")?,
            ready: model.input(&format!("s_axi_{channel}ready"))?,
            response: port("resp")?,
            data: data.map(port).transpose()?,
            is_ready: false,
            waiting: None,
            gate: Gate::new(pattern),
        })
    }

    fn drive(&mut self, sim: &mut Sim, random: &mut ChaCha8Rng) {
        self.is_ready = self.gate.open(random);
        sim.set(self.ready, self.is_ready.into());
    }

    /// Word and response that are taken on the coming edge. `is_asked`: an access waits for them.
    fn sample(&mut self, sim: &Sim, is_asked: bool) -> Result<Option<(u64, Response)>, ControlFault> {
        let channel = self.channel;
        let data = self.data.map_or(0, |port| sim.get(port));
        let offered = (sim.get(self.valid) != 0).then(|| (data, sim.get(self.response)));
        match (self.waiting, offered) {
            (Some(_), None) => return Err(ControlFault::Dropped { channel }),
            (Some(before), Some(now)) if before != now => return Err(ControlFault::Changed { channel }),
            (None, Some(_)) if !is_asked => return Err(ControlFault::Unasked { channel }),
            _ => {}
        }
        self.waiting = offered.filter(|_| !self.is_ready);
        let response = match offered {
            Some((_, got @ (1 | 3))) => return Err(ControlFault::Response { channel, got }),
            Some((_, 0)) => Response::Okay,
            _ => Response::SlaveError,
        };
        Ok(offered.filter(|_| self.is_ready).map(|(data, _)| (data, response)))
    }
}

/// Accesses of one kind, from the next to be begun to the next to be answered.
#[derive(Debug, Default)]
struct Queue {
    transactions: VecDeque<Transaction>,
    /// How many of them had their address accepted, and their word.
    addresses: usize,
    words: usize,
}

impl Queue {
    /// The first one that the slave has to answer.
    fn is_asked(&self) -> bool {
        self.addresses > 0 && self.words > 0
    }

    fn answered(&mut self) -> Option<Transaction> {
        (self.addresses, self.words) = (self.addresses.saturating_sub(1), self.words.saturating_sub(1));
        self.transactions.pop_front()
    }
}

/// The master of a unit's control port `s_axi_*`.
///
/// ```no_run
/// use emeuro_testbench::{ControlMaster, Model, Pattern, Response, Roms, Sim};
///
/// # fn run(model: &Model) -> emeuro_testbench::Result<()> {
/// let mut sim = Sim::new(model, Roms::None, 1)?;
/// let mut master = ControlMaster::new(model, &Pattern::Random { idle: 0.5 }, 1)?;
/// let id = master.read(&mut sim, emeuro_hdl::register_map::ID.offset)?;
/// assert_eq!((id.data, id.response), (0x454d_4555, Response::Okay));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct ControlMaster {
    aw: Sender,
    w: Sender,
    ar: Sender,
    b: Receiver,
    r: Receiver,
    order: Order,
    /// Accesses that were not begun.
    waiting: VecDeque<Transaction>,
    writes: Queue,
    reads: Queue,
    completed: Vec<Completed>,
    without_answer: u64,
    random: ChaCha8Rng,
}

impl ControlMaster {
    /// A master with pauses of the given pattern on each of the five channels.
    ///
    /// # Errors
    /// [`Error::NoSuchPort`] if the model has no control port.
    pub fn new(model: &Model, pattern: &Pattern, seed: u64) -> Result<Self> {
        Ok(Self {
            aw: Sender::new(model, "aw", &["addr", "prot"], pattern)?,
            w: Sender::new(model, "w", &["data", "strb"], pattern)?,
            ar: Sender::new(model, "ar", &["addr", "prot"], pattern)?,
            b: Receiver::new(model, "b", None, pattern)?,
            r: Receiver::new(model, "r", Some("data"), pattern)?,
            order: Order::default(),
            waiting: VecDeque::new(),
            writes: Queue::default(),
            reads: Queue::default(),
            completed: vec![],
            without_answer: 0,
            random: stream_of(seed, 3),
        })
    }

    /// The same master with another order of accesses.
    #[must_use]
    pub fn with_order(self, order: Order) -> Self {
        Self { order, ..self }
    }

    /// Asks for an access, after those that were asked for before.
    pub fn push(&mut self, transaction: Transaction) {
        self.waiting.push_back(transaction);
    }

    /// Whether everything that was asked for is over.
    pub fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.is_between()
    }

    fn is_between(&self) -> bool {
        self.writes.transactions.is_empty() && self.reads.transactions.is_empty()
    }

    /// Takes the accesses that are over; reads and writes in their own order.
    pub fn take_completed(&mut self) -> Vec<Completed> {
        std::mem::take(&mut self.completed)
    }

    /// Sets the ports for this clock.
    pub fn drive(&mut self, sim: &mut Sim) {
        while self.order == Order::Overlapping || self.is_between() {
            match self.waiting.pop_front() {
                Some(read @ Transaction::Read { .. }) => self.reads.transactions.push_back(read),
                Some(write) => self.writes.transactions.push_back(write),
                None => break,
            }
        }
        let random = &mut self.random;
        let noise: u64 = random.random();
        let write = |index: usize| match self.writes.transactions.get(index) {
            Some(&Transaction::Write { offset, data, strobe }) => Some((offset, data, strobe)),
            _ => None,
        };
        let address = write(self.writes.addresses).map(|(offset, ..)| [offset.into(), noise]);
        let word = write(self.writes.words).map(|(_, data, strobe)| [data.into(), strobe.into()]);
        let read = match self.reads.transactions.get(self.reads.addresses) {
            Some(&Transaction::Read { offset }) => Some([offset.into(), noise]),
            _ => None,
        };
        self.aw.drive(sim, address, random);
        self.w.drive(sim, word, random);
        self.ar.drive(sim, read, random);
        self.b.drive(sim, random);
        self.r.drive(sim, random);
    }

    /// Sees what the coming edge will see.
    ///
    /// # Errors
    /// [`Error::Control`] with the rule that the slave has broken.
    pub fn sample(&mut self, sim: &Sim) -> Result<()> {
        let fault = |fault| Error::Control { clock: sim.clocks() + 1, fault };
        let answer = self.b.sample(sim, self.writes.is_asked()).map_err(fault)?;
        let word = self.r.sample(sim, self.reads.is_asked()).map_err(fault)?;
        self.writes.addresses += usize::from(self.aw.sample(sim));
        self.writes.words += usize::from(self.w.sample(sim));
        let accepted = usize::from(self.ar.sample(sim));
        self.reads.addresses += accepted;
        self.reads.words += accepted;
        self.without_answer += 1;
        for (queue, answer) in [(&mut self.writes, answer), (&mut self.reads, word)] {
            let Some((data, response)) = answer else { continue };
            if let Some(transaction) = queue.answered() {
                self.completed.push(Completed { transaction, data: data as u32, response });
                self.without_answer = 0;
            }
        }
        if self.is_idle() {
            self.without_answer = 0;
        }
        if self.without_answer > WATCHDOG_CLOCKS {
            return Err(fault(ControlFault::Stalled { clocks: WATCHDOG_CLOCKS }));
        }
        Ok(())
    }

    /// Sets the ports for a clock in reset: nothing is offered, and every access that was begun is given up.
    pub fn reset(&mut self, sim: &mut Sim) {
        (self.writes, self.reads) = (Queue::default(), Queue::default());
        for sender in [&mut self.aw, &mut self.w, &mut self.ar] {
            sender.is_offered = false;
            sim.set(sender.valid, 0);
        }
        for receiver in [&mut self.b, &mut self.r] {
            receiver.waiting = None;
            receiver.is_ready = false;
            sim.set(receiver.ready, 0);
        }
        self.without_answer = 0;
    }

    /// Makes clocks until everything that was asked for is over, and takes the answers. Other inputs keep their values.
    ///
    /// # Errors
    /// [`Error::Control`], [`Error::Simulation`].
    pub fn finish(&mut self, sim: &mut Sim) -> Result<Vec<Completed>> {
        while !self.is_idle() {
            self.drive(sim);
            sim.settle()?;
            self.sample(sim)?;
            sim.edge()?;
        }
        // What the ports still say must not count as another access.
        self.drive(sim);
        sim.settle()?;
        Ok(self.take_completed())
    }

    /// Reads a register, with as many clocks as it takes.
    ///
    /// # Errors
    /// As [`finish`](Self::finish).
    pub fn read(&mut self, sim: &mut Sim, offset: u32) -> Result<Completed> {
        self.access(sim, Transaction::read(offset))
    }

    /// Writes a register, with as many clocks as it takes.
    ///
    /// # Errors
    /// As [`finish`](Self::finish).
    pub fn write(&mut self, sim: &mut Sim, offset: u32, data: u32) -> Result<Completed> {
        self.access(sim, Transaction::write(offset, data))
    }

    /// Makes one access after all that were asked for before, with as many clocks as it takes.
    ///
    /// # Errors
    /// As [`finish`](Self::finish).
    pub fn access(&mut self, sim: &mut Sim, transaction: Transaction) -> Result<Completed> {
        self.finish(sim)?;
        self.push(transaction);
        let answers = self.finish(sim)?;
        Ok(answers[answers.len() - 1])
    }
}
