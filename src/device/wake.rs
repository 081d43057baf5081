//! Assertions that wake the device (rule E9).
//!
//! A wake-capable interrupt stays connected in low power. It withholds its assertions, as an inactive interrupt does.
//! The end of the section that withholds one makes the worker wake the device.
//!
//! The worker never waits for a transition of the device that another thread runs: that thread may drop an interrupt
//! and then wait for the worker. Instead the worker leaves the wake-up to the transition, whose end looks at it again.

use alloc::sync::Arc;

use crate::device::{Device, DeviceInterrupt};
use crate::error::Error;
use crate::sync;

/// The wake-ups that interrupts have asked for.
#[derive(Default)]
pub(super) struct WakeRequests {
    /// A wake-up was left to the transition that is running.
    left_to_transition: bool,
    /// Why the last wake-up failed.
    last_error: Option<Error>,
}

impl Device {
    /// Returns the error of the last D0 entry that a [wake-capable](crate::Builder::wake_capable) interrupt has caused,
    /// as [`enter_d0`](Self::enter_d0) would return it. Returns `None` if that entry succeeded, or if there was none.
    /// Never waits for an interrupt lock.
    ///
    /// After an error the assertion is kept for the next D0 entry. A level line stays masked until then, so it causes
    /// no second attempt. The next assertion of an edge does.
    ///
    /// ```
    /// let device = interrupt_lock::Device::builder("nic").build();
    /// assert!(device.wake_error().is_none());
    /// ```
    #[must_use]
    pub fn wake_error(&self) -> Option<Error> {
        self.0.wake.lock().last_error.clone()
    }

    /// Makes the device enter D0 for an interrupt that was asserted. If another thread runs a transition of the device,
    /// leaves the wake-up to that transition. Calls `taken` if the wake-up is done here.
    pub(crate) fn wake(&self, taken: impl FnOnce()) {
        let power = match self.0.power.try_lock() {
            Some(power) => power,
            None => {
                // In this order. The other thread looks for wake-ups after it has released `power`. So either it finds
                // this flag, or `try_lock` finds `power` released.
                self.0.wake.lock().left_to_transition = true;
                let Some(power) = self.0.power.try_lock() else { return };
                power
            }
        };
        taken();
        let woken = self.in_transition(power, |power, interrupts| {
            self.refuse_inside_own_sections()?;
            self.bring_to_d0(power, interrupts)
        });
        let before = core::mem::replace(&mut self.0.wake.lock().last_error, woken.err());
        sync::free_silently(before);
    }

    /// At the end of a transition: sees to the wake-ups that were left to it.
    pub(super) fn follow_wakes(&self, interrupts: &[Arc<dyn DeviceInterrupt>]) {
        if core::mem::take(&mut self.0.wake.lock().left_to_transition) {
            interrupts.iter().for_each(|interrupt| interrupt.wake_again());
        }
    }
}
