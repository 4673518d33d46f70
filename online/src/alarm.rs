//! Notices that the inputs have changed.

/// Rings when too many of the last inputs were unfamiliar.
///
/// A class of inputs that overlaps with the usual ones is unfamiliar in part only, and where it is not, the emulator is worse than it
/// was measured to be. What is learnt from the unfamiliar part alone is not learnt for the class.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Alarm {
    /// Inputs that are looked back at.
    pub window: usize,
    /// The share of them that may be unfamiliar.
    pub share: f64,
}

impl Default for Alarm {
    /// More than 5 of 100 inputs.
    fn default() -> Self {
        Self { window: 100, share: 0.05 }
    }
}

/// The last inputs, and whether the alarm rings.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lookout {
    /// Whether each of the last inputs was unfamiliar, the oldest at `next` when the window is full.
    last: Vec<bool>,
    next: usize,
    unfamiliar: usize,
    rings: bool,
}

impl Lookout {
    /// Sees an input, and says whether the alarm rings.
    pub(crate) fn see(&mut self, alarm: &Alarm, unfamiliar: bool) -> bool {
        if self.last.len() < alarm.window {
            self.last.push(unfamiliar);
        } else if let Some(oldest) = self.last.get_mut(self.next) {
            self.unfamiliar -= usize::from(std::mem::replace(oldest, unfamiliar));
            self.next = (self.next + 1) % alarm.window;
        }
        self.unfamiliar += usize::from(unfamiliar);
        self.rings |= self.unfamiliar as f64 > alarm.share * alarm.window as f64;
        self.rings
    }

    /// Whether the alarm rings.
    pub(crate) fn rings(&self) -> bool {
        self.rings
    }

    /// What was seen no longer counts: the emulator is another one.
    pub(crate) fn reset(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_rings_from_the_input_that_is_too_many_until_it_is_reset() {
        let (alarm, mut lookout) = (Alarm { window: 10, share: 0.2 }, Lookout::default());
        // Two of ten, again and again, are not too many.
        assert!((0..100).all(|input| !lookout.see(&alarm, input % 10 < 2)));
        assert!((0..10).all(|_| !lookout.see(&alarm, false)));
        assert_eq!([(); 3].map(|()| lookout.see(&alarm, true)), [false, false, true]);
        assert!((0..100).all(|_| lookout.see(&alarm, false)), "it goes on");
        lookout.reset();
        assert!(!lookout.see(&alarm, true) && !lookout.see(&alarm, true) && lookout.see(&alarm, true));
    }
}
