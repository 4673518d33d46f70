//! What the registers of a unit may answer, from the same list from which the slave is made.

use std::collections::HashMap;
use std::ops::RangeInclusive;

use emeuro_golden::Selected;
use emeuro_hdl::register_map::{Access, BYTES, CONTROL, Content, Field, Register, UnitNumbers, registers_of};

use crate::axi_lite::{Completed, Response, Transaction};
use crate::failure::Fault;
use crate::flag_score::Possible;

/// What the bench has seen of the unit while an access was on its way.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    /// Output frames since reset.
    pub(crate) frames: RangeInclusive<u64>,
    /// Clocks since reset.
    pub(crate) cycles: RangeInclusive<u64>,
    pub(crate) short_frame: Possible,
    pub(crate) long_frame: Possible,
    /// What was made of the last frame that was routed, and how many were unfamiliar, when all frames have been answered.
    pub(crate) routed: (Option<Selected>, u64),
    /// No frame was in the unit.
    pub(crate) is_idle: bool,
}

/// The registers of one unit since reset.
#[derive(Clone, Debug)]
pub(crate) struct RegisterScore {
    numbers: UnitNumbers,
    /// What was written, by offset.
    stored: HashMap<u32, u32>,
    /// What CYCLES read last.
    cycles: Option<u32>,
}

impl RegisterScore {
    /// After a reset by the port.
    pub(crate) fn new(numbers: UnitNumbers) -> Self {
        RegisterScore { numbers, stored: HashMap::new(), cycles: None }
    }

    /// Software has reset the datapath: what it wrote stays.
    pub(crate) fn reset_datapath(&mut self) {
        self.cycles = None;
    }

    fn register(&self, offset: u32) -> Option<&'static Register> {
        registers_of(&self.numbers).find(|register| register.offset == offset / BYTES * BYTES)
    }

    /// What its fields that can be read and written hold after a reset by the port.
    fn reset(&self, register: &Register) -> u32 {
        let kept = register.fields.iter().filter(|field| field.access == Access::ReadWrite);
        kept.map(|field| field.reset(&self.numbers) << field.low).sum()
    }

    /// Why a scenario must not contain this access: it would change what the unit computes in a clock that nobody knows.
    pub(crate) fn refuses(&self, transaction: Transaction) -> Option<&'static str> {
        let Transaction::Write { offset, data, strobe } = transaction else { return None };
        let register = self.register(offset)?;
        let chooses = |field: &Field| {
            let is_written = field.mask_in(&self.numbers) & bytes(strobe) != 0;
            let content = field.content;
            is_written && matches!(content, Content::Quality | Content::ForcedMember | Content::ForceMember)
        };
        if register.whole_words && strobe == 0b1111 {
            Some("writes a weight: frames on their way would have neither network")
        } else if register.fields.iter().any(chooses) {
            Some("chooses what is computed in a clock that nobody knows: expected a change of the level")
        } else if register.offset == CONTROL.offset && data & 1 == 1 && strobe & 1 == 1 {
            Some("resets the datapath: expected a run that begins so")
        } else {
            None
        }
    }

    /// The flags, short and long, that a write clears.
    pub(crate) fn clears(&self, transaction: Transaction) -> [bool; 2] {
        let Transaction::Write { offset, data, strobe } = transaction else { return [false; 2] };
        let fields = self.register(offset).map_or(&[][..], |register| register.fields);
        let ones = data & bytes(strobe);
        let cleared = |wanted: fn(&Content) -> bool| {
            fields.iter().any(|field| wanted(&field.content) && ones >> field.low & 1 == 1)
        };
        [
            cleared(|content| matches!(content, Content::ShortFrame)),
            cleared(|content| matches!(content, Content::LongFrame)),
        ]
    }

    /// What is wrong with an answer.
    pub(crate) fn check(&mut self, completed: &Completed, seen: &Seen) -> Option<Fault> {
        let offset = match completed.transaction {
            Transaction::Read { offset } | Transaction::Write { offset, .. } => offset,
        };
        let register = self.register(offset);
        let refused = match (completed.transaction, register) {
            (_, None) => true,
            (Transaction::Read { .. }, Some(_)) => false,
            (Transaction::Write { strobe, .. }, Some(register)) => {
                !register.is_writable() || register.whole_words && strobe != 0b1111
            }
        };
        let expected = if refused { Response::SlaveError } else { Response::Okay };
        if completed.response != expected {
            return Some(Fault::Response { offset, expected, got: completed.response });
        }
        let register = register.filter(|_| !refused)?;
        match completed.transaction {
            Transaction::Read { .. } => self.check_read(register, completed.data, seen),
            Transaction::Write { data, strobe, .. } => {
                let kept = |field: &&Field| field.access == Access::ReadWrite;
                let mask: u32 =
                    register.fields.iter().filter(kept).map(|field| field.mask_in(&self.numbers)).sum();
                let reset = self.reset(register);
                let stored = self.stored.entry(register.offset).or_insert(reset);
                let written = mask & bytes(strobe);
                *stored = *stored & !written | data & written;
                None
            }
        }
    }

    fn check_read(&mut self, register: &'static Register, got: u32, seen: &Seen) -> Option<Fault> {
        let mut known = 0;
        for field in register.fields {
            let mask = field.mask_in(&self.numbers);
            known |= mask;
            let value = (got & mask) >> field.low;
            let busy =
                |text: &str| (seen.is_idle && value != 0).then(|| format!("{text}, for no frame is in it"));
            let expected = match field.content {
                Content::Number(_) | Content::Unit(_) => {
                    let expected = field.reset(&self.numbers);
                    (value != expected).then(|| format!("{expected:#x}"))
                }
                Content::Reset | Content::WeightData => {
                    (value != 0).then(|| "0, since it is write-only".into())
                }
                Content::Busy | Content::InputFull | Content::OutputBusy => busy("0"),
                Content::ShortFrame => flag(value, seen.short_frame),
                Content::LongFrame => flag(value, seen.long_frame),
                Content::Cycles => self.cycles_fault(value, &seen.cycles),
                Content::Frames => in_range(value, &seen.frames),
                Content::Member | Content::Unfamiliar if !seen.is_idle => {
                    (value >= self.numbers.members).then(|| format!("less than {}", self.numbers.members))
                }
                Content::Member => {
                    let expected = seen.routed.0.map_or(0, |selected| selected.member as u32);
                    (value != expected).then(|| format!("{expected}, where the last frame went"))
                }
                Content::Unfamiliar => {
                    let expected = seen.routed.0.is_some_and(|selected| !selected.familiar);
                    (value != u32::from(expected)).then(|| u32::from(expected).to_string())
                }
                Content::UnfamiliarFrames => {
                    in_range(value, &(if seen.is_idle { seen.routed.1 } else { 0 }..=seen.routed.1))
                }
                Content::WeightSelect
                | Content::WeightAddress
                | Content::WeightHigh
                | Content::Quality
                | Content::ForcedMember
                | Content::ForceMember => {
                    let stored = self.stored.get(&register.offset).copied();
                    let stored = stored.unwrap_or_else(|| self.reset(register));
                    let expected = (stored & mask) >> field.low;
                    (value != expected).then(|| format!("{expected:#x}, as written"))
                }
            };
            if let Some(expected) = expected {
                let name = format!("{} {}", register.name, field.name);
                return Some(Fault::Register { name, expected, got: value });
            }
        }
        let name = || format!("{} reserved bits", register.name);
        (got & !known != 0).then(|| Fault::Register { name: name(), expected: "0".into(), got: got & !known })
    }

    fn cycles_fault(&mut self, value: u32, possible: &RangeInclusive<u64>) -> Option<String> {
        let before = self.cycles.replace(value);
        match before {
            Some(before) if value <= before => Some(format!("more than {before}, which it was before")),
            _ => in_range(value, possible),
        }
    }
}

/// The bits of the bytes that a write marks.
fn bytes(strobe: u8) -> u32 {
    (0..BYTES).filter(|byte| strobe >> byte & 1 == 1).map(|byte| 0xff << (8 * byte)).sum()
}

fn flag(value: u32, possible: Possible) -> Option<String> {
    (!possible.contains(value == 1)).then(|| u32::from(value == 0).to_string())
}

fn in_range(value: u32, possible: &RangeInclusive<u64>) -> Option<String> {
    let (low, high) = (possible.start(), possible.end());
    (!possible.contains(&u64::from(value))).then(|| match low == high {
        true => low.to_string(),
        false => format!("{low} to {high}"),
    })
}
