//! How long a dispatcher polls for one interrupt. Only arithmetic: the caller says what time it is.

use core::time::Duration;
use std::time::Instant;

use crate::dispatch::Polling;

/// How many times the longest adaptive window is halved to get the shortest one.
const HALVINGS: u32 = 6;
/// As good as for ever. The clock may be unable to express a later moment.
pub(super) const FOREVER: Duration = Duration::from_secs(60 * 60 * 24 * 365 * 30);

/// The polling window of one interrupt.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    policy: Polling,
    /// How many times the longest adaptive window is halved at present.
    halved: u32,
    /// When the last interrupt was served.
    last: Option<Instant>,
    /// When the window closes, or has closed.
    until: Option<Instant>,
}

impl Window {
    pub(super) fn new(policy: Polling) -> Self {
        Self { policy, halved: HALVINGS, last: None, until: None }
    }

    /// Whether the policy asks for polling at all.
    pub(super) fn exists(&self) -> bool {
        self.policy.has_window()
    }

    /// Opens the window, because an interrupt has been served. Returns when it closes.
    pub(super) fn open(&mut self, now: Instant) -> Option<Instant> {
        if !self.exists() {
            return None;
        }
        let length = match self.policy {
            Polling::None => return None,
            Polling::Fixed(window) => window,
            Polling::Adaptive(longest) => {
                self.adapt(now, longest);
                // Dividing must not make it zero, which would be no window.
                (longest / (1 << self.halved)).max(Duration::from_nanos(1))
            }
        };
        self.last = Some(now);
        self.until = now.checked_add(length.min(FOREVER));
        self.until
    }

    /// Returns when the window closes, or has closed.
    pub(super) fn until(&self) -> Option<Instant> {
        self.until
    }

    /// Doubles or halves the window, by how long ago the last interrupt was.
    fn adapt(&mut self, now: Instant, longest: Duration) {
        let Some(last) = self.last else { return };
        if now.saturating_duration_since(last) <= longest {
            self.halved = self.halved.saturating_sub(1);
        } else {
            self.halved = (self.halved + 1).min(HALVINGS);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONGEST: Duration = Duration::from_micros(640);

    /// Opens the window and returns its length.
    fn opened(window: &mut Window, now: Instant) -> Duration {
        window.open(now).unwrap().duration_since(now)
    }

    #[test]
    fn no_window_is_opened_without_a_policy_or_a_length() {
        let now = Instant::now();
        for policy in [Polling::None, Polling::Fixed(Duration::ZERO), Polling::Adaptive(Duration::ZERO)] {
            let mut window = Window::new(policy);
            assert!(!window.exists());
            assert_eq!(window.open(now), None);
            assert_eq!(window.until(), None);
        }
    }

    #[test]
    fn a_fixed_window_is_always_as_long() {
        let mut window = Window::new(Polling::Fixed(LONGEST));
        let now = Instant::now();
        for after in [0, 1, 10_000] {
            assert_eq!(opened(&mut window, now + Duration::from_millis(after)), LONGEST);
        }
    }

    // Caught: a window that grows past the longest; one that never grows; one that forgets to shrink; one that starts
    // at the longest.
    #[test]
    fn an_adaptive_window_grows_with_interrupts_and_shrinks_without() {
        let mut window = Window::new(Polling::Adaptive(LONGEST));
        let mut now = Instant::now();
        assert_eq!(opened(&mut window, now), LONGEST / 64);
        for halved in [32, 16, 8, 4, 2, 1, 1] {
            now += LONGEST;
            assert_eq!(opened(&mut window, now), LONGEST / halved);
        }
        for halved in [2, 4, 8, 16, 32, 64, 64] {
            now += LONGEST + Duration::from_nanos(1);
            assert_eq!(opened(&mut window, now), LONGEST / halved);
        }
        assert_eq!(opened(&mut window, now), LONGEST / 32);
    }

    // Caught: taking a sum that the clock can't hold for no window.
    #[test]
    fn an_endless_window_is_as_good_as_for_ever() {
        let now = Instant::now();
        for policy in [Polling::Fixed(Duration::MAX), Polling::Adaptive(Duration::MAX)] {
            assert_eq!(opened(&mut Window::new(policy), now), FOREVER);
        }
        let decades = Duration::from_secs(20 * 365 * 24 * 60 * 60);
        assert_eq!(opened(&mut Window::new(Polling::Fixed(decades)), now), decades);
    }

    #[test]
    fn a_window_of_a_nanosecond_is_one() {
        let mut window = Window::new(Polling::Adaptive(Duration::from_nanos(1)));
        assert_eq!(opened(&mut window, Instant::now()), Duration::from_nanos(1));
    }
}
