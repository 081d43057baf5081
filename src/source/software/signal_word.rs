//! The word that a software source and its handles share: flags below, the count of signals above.

use std::fmt;

/// One value of the word. Methods that return another value are transitions, each made by one atomic read-modify-write.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct SignalWord(pub(super) usize);

impl SignalWord {
    const CONNECTED: usize = 1;
    /// The level line is asserted.
    const ASSERTED: usize = 1 << 1;
    /// The level line has signalled and has not been unmasked yet.
    const MASKED: usize = 1 << 2;
    const REMOVAL_REQUESTED: usize = 1 << 3;
    const REMOVED: usize = 1 << 4;
    /// Assertions are timed.
    const TIMED: usize = 1 << 5;
    /// One signal that has not been taken. Edges count up, a level line has at most one.
    const ONE: usize = 1 << 6;
    const FLAGS: usize = Self::ONE - 1;

    /// Connected, and nothing else is set.
    pub const QUIET: Self = Self(Self::CONNECTED);
    /// The bits that a take leaves.
    pub const TAKEN: usize = Self::FLAGS;

    pub fn is_connected(self) -> bool {
        self.has(Self::CONNECTED)
    }

    pub fn is_removal_requested(self) -> bool {
        self.has(Self::REMOVAL_REQUESTED)
    }

    pub fn is_removed(self) -> bool {
        self.has(Self::REMOVED)
    }

    pub fn is_timed(self) -> bool {
        self.has(Self::TIMED)
    }

    pub fn count(self) -> u64 {
        (self.0 / Self::ONE) as u64
    }

    /// Whether the interrupt has to be woken.
    pub fn signals(self) -> bool {
        self.is_connected() && (self.count() > 0 || self.is_removal_requested())
    }

    pub fn edge(self) -> Self {
        // A full count stays full, and still signals.
        Self(self.0.checked_add(Self::ONE).unwrap_or(self.0))
    }

    pub fn asserted(self) -> Self {
        Self(self.0 | Self::ASSERTED).level()
    }

    pub fn deasserted(self) -> Self {
        Self(self.0 & !Self::ASSERTED)
    }

    pub fn unmasked(self) -> Self {
        Self(self.0 & !Self::MASKED).level()
    }

    /// Starts with an empty count, because earlier signals are not for the interrupt that connects now.
    pub fn connected(self) -> Self {
        if self.is_removed() || self.is_connected() {
            return self;
        }
        Self(self.0 & Self::FLAGS & !Self::MASKED | Self::CONNECTED).level()
    }

    pub fn disconnected(self) -> Self {
        if !self.is_connected() {
            return self;
        }
        Self(self.0 & Self::FLAGS & !Self::CONNECTED)
    }

    pub fn removal_requested(self) -> Self {
        Self(self.0 | Self::REMOVAL_REQUESTED)
    }

    pub fn timed(self) -> Self {
        Self(self.0 | Self::TIMED)
    }

    pub fn removed(self) -> Self {
        Self(self.0 | Self::REMOVED)
    }

    /// A line that is asserted, connected and open signals once and masks itself.
    fn level(self) -> Self {
        let open = self.is_connected() && !self.has(Self::MASKED);
        if !(open && self.has(Self::ASSERTED)) {
            return self;
        }
        Self(self.0 & Self::FLAGS | Self::MASKED | Self::ONE)
    }

    fn has(self, flag: usize) -> bool {
        self.0 & flag != 0
    }
}

impl fmt::Debug for SignalWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignalWord")
            .field("connected", &self.is_connected())
            .field("asserted", &self.has(Self::ASSERTED))
            .field("masked", &self.has(Self::MASKED))
            .field("removal_requested", &self.is_removal_requested())
            .field("removed", &self.is_removed())
            .field("count", &self.count())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::SignalWord;

    #[test]
    fn a_full_count_stays_full_and_signals() {
        let full = SignalWord(usize::MAX & !SignalWord::REMOVED);
        assert_eq!(full.edge().count(), full.count());
        assert!(full.edge().signals());
    }
}
