//! The sending end of a scenario: turns events into beats, and hands on what is for the control port.

use std::collections::VecDeque;

use crate::axi_lite::Transaction;
use crate::axi_stream::Beat;
use crate::scenario::Event;
use crate::words::packed;

/// The beats of a run, for a [`StreamDriver`](crate::StreamDriver): it asks for one in every clock in which it could send.
#[derive(Debug)]
pub(crate) struct Sender<'a> {
    events: std::slice::Iter<'a, Event>,
    bits: u32,
    words_per_beat: usize,
    /// The frame that is being sent, and how much of it was handed out.
    frame: &'a [i16],
    sent: usize,
    pause: u32,
    /// Accesses that were met and not yet taken.
    pub(crate) accesses: VecDeque<Transaction>,
    /// A quality level that was met and not yet set: nothing is sent before.
    pub(crate) level: Option<usize>,
    /// Sends nothing more.
    pub(crate) is_stopped: bool,
    /// Counts events, beats and clocks of pauses: stands still while nothing happens.
    pub(crate) steps: u64,
}

impl<'a> Sender<'a> {
    /// Sends `rest`, if there is any, and then the events.
    pub(crate) fn new(rest: &'a [i16], events: &'a [Event], bits: u32, words_per_beat: usize) -> Self {
        Sender {
            events: events.iter(),
            bits,
            words_per_beat,
            frame: rest,
            sent: 0,
            pause: 0,
            accesses: VecDeque::new(),
            level: None,
            is_stopped: false,
            steps: 0,
        }
    }

    /// Whether all beats were handed out and all pauses are over.
    pub(crate) fn is_done(&self) -> bool {
        let has_more = self.pause > 0 || self.level.is_some() || self.events.len() > 0;
        self.is_stopped || self.sent == self.frame.len() && !has_more
    }

    /// What is left of the frame that is being sent after `beats` of it.
    pub(crate) fn rest_after(&self, beats: usize) -> &'a [i16] {
        &self.frame[(beats * self.words_per_beat).min(self.frame.len())..]
    }
}

impl Iterator for Sender<'_> {
    type Item = Beat;

    #[inline]
    fn next(&mut self) -> Option<Beat> {
        while !self.is_stopped {
            if self.sent < self.frame.len() {
                let end = (self.sent + self.words_per_beat).min(self.frame.len());
                let data = packed(&self.frame[self.sent..end], self.bits);
                self.sent = end;
                self.steps += 1;
                return Some(Beat::new(data, end == self.frame.len()));
            }
            if self.pause > 0 {
                self.pause -= 1;
                self.steps += 1;
                return None;
            }
            if self.level.is_some() {
                return None;
            }
            self.steps += 1;
            match self.events.next() {
                Some(Event::Frame(words)) => (self.frame, self.sent) = (words, 0),
                Some(Event::Pause(clocks)) => self.pause = *clocks,
                Some(Event::Access(transaction)) => self.accesses.push_back(*transaction),
                Some(Event::Level(level)) => self.level = Some(*level),
                None => {
                    self.steps -= 1;
                    return None;
                }
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_become_beats_pauses_and_accesses_in_their_order() {
        let events = [
            Event::Frame(vec![4, 5]),
            Event::Access(Transaction::read(8)),
            Event::Pause(2),
            Event::Level(1),
            Event::Frame(vec![6]),
        ];
        let mut sender = Sender::new(&[1, 2, 3], &events, 16, 2);
        let beat = |data: u64, last| Some(Beat::new(0xFFFF_FFFF_0000_0000 | data, last));
        assert_eq!(sender.next(), beat(0x0002_0001, false));
        assert_eq!(sender.rest_after(1), [3]);
        assert_eq!(sender.next(), beat(0xFFFF_0003, true));
        assert_eq!(sender.next(), beat(0x0005_0004, true));
        assert!(sender.accesses.is_empty() && !sender.is_done());
        assert_eq!((sender.next(), sender.next()), (None, None));
        assert_eq!(sender.accesses, [Transaction::read(8)]);
        assert_eq!((sender.next(), sender.next(), sender.level), (None, None, Some(1)));
        assert!(!sender.is_done());
        sender.level = None;
        assert_eq!(sender.next(), beat(0xFFFF_0006, true));
        let steps = sender.steps;
        assert_eq!((sender.next(), sender.is_done(), sender.steps), (None, true, steps));
    }
}
