//! What a sticky flag may show: wrong frames set it, software clears it, and both take some clocks.

/// Clocks from the beat that ends a wrong frame to the one in which its flag must show.
const SETTLE_CLOCKS: u64 = 3;

/// The values that a flag may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Possible {
    pub(crate) clear: bool,
    pub(crate) set: bool,
}

impl Possible {
    const CLEAR: Possible = Possible { clear: true, set: false };
    const SET: Possible = Possible { clear: false, set: true };

    /// Whether the flag may be like that.
    #[inline]
    pub(crate) fn contains(self, is_set: bool) -> bool {
        if is_set { self.set } else { self.clear }
    }

    /// The values of either.
    #[inline]
    pub(crate) fn or(self, other: Possible) -> Possible {
        Possible { clear: self.clear || other.clear, set: self.set || other.set }
    }
}

/// One flag since reset.
#[derive(Clone, Debug)]
pub(crate) struct FlagScore {
    now: Possible,
    /// A wrong frame is arriving, or has just arrived.
    is_rising: bool,
    /// The clock from which its flag must be set.
    sure_at: Option<u64>,
    /// A write that clears the flag is on its way.
    is_clearing: bool,
    /// It met a wrong frame: either may have come first.
    have_met: bool,
}

impl FlagScore {
    /// After reset.
    pub(crate) fn new() -> Self {
        FlagScore {
            now: Possible::CLEAR,
            is_rising: false,
            sure_at: None,
            is_clearing: false,
            have_met: false,
        }
    }

    /// What the flag may show in this clock.
    #[inline]
    pub(crate) fn now(&self) -> Possible {
        self.now
    }

    /// A beat was accepted that makes its frame a wrong one.
    pub(crate) fn goes_wrong(&mut self) {
        self.now.set = true;
        self.have_met = self.is_clearing || self.is_rising && self.have_met;
        self.is_rising = true;
    }

    /// The last beat of a wrong frame was accepted.
    pub(crate) fn went_wrong(&mut self, clock: u64) {
        self.sure_at = Some(clock + SETTLE_CLOCKS);
    }

    /// The master was given a write that clears the flag.
    pub(crate) fn begin_clear(&mut self) {
        self.now.clear = true;
        self.is_clearing = true;
        self.have_met = self.is_rising;
    }

    /// That write is over.
    pub(crate) fn end_clear(&mut self) {
        self.is_clearing = false;
        if !self.have_met {
            self.now = Possible::CLEAR;
        }
    }

    /// The next clock begins.
    #[inline]
    pub(crate) fn tick(&mut self, clock: u64) {
        if self.sure_at.is_some_and(|sure| clock >= sure) {
            self.sure_at = None;
            self.is_rising = false;
            if !self.have_met {
                self.now = Possible::SET;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EITHER: Possible = Possible { clear: true, set: true };

    #[test]
    fn a_wrong_frame_sets_the_flag_within_some_clocks() {
        let mut flag = FlagScore::new();
        assert_eq!(flag.now(), Possible::CLEAR);
        flag.goes_wrong();
        flag.went_wrong(10);
        for (clock, possible) in [(11, EITHER), (12, EITHER), (13, Possible::SET), (99, Possible::SET)] {
            flag.tick(clock);
            assert_eq!(flag.now(), possible, "clock {clock}");
        }
    }

    #[test]
    fn software_clears_it() {
        let mut flag = FlagScore::new();
        flag.goes_wrong();
        flag.went_wrong(1);
        flag.tick(4);
        flag.begin_clear();
        assert_eq!(flag.now(), EITHER);
        flag.end_clear();
        assert_eq!(flag.now(), Possible::CLEAR);
    }

    #[test]
    fn a_frame_that_meets_a_clear_leaves_either_until_the_next_of_them() {
        for frame_first in [true, false] {
            let mut flag = FlagScore::new();
            if frame_first {
                flag.goes_wrong();
                flag.begin_clear();
            } else {
                flag.begin_clear();
                flag.goes_wrong();
            }
            flag.went_wrong(1);
            flag.end_clear();
            flag.tick(9);
            assert_eq!(flag.now(), EITHER);
            flag.begin_clear();
            flag.end_clear();
            assert_eq!(flag.now(), Possible::CLEAR);
            flag.goes_wrong();
            flag.went_wrong(10);
            flag.tick(13);
            assert_eq!(flag.now(), Possible::SET);
        }
    }
}
