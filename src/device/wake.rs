//! An assertion that brings the device up (rule E9).
//!
//! A wake-capable interrupt stays connected in low power and withholds what is asserted (as an inactive one does); the end
//! of that section has the worker bring the device up. The worker never waits for a transition of the device that is
//! going on: who drops an interrupt inside of it may be waiting for the worker. Instead it leaves word, and whoever ends
//! the transition has the wake-up looked at again.

use alloc::sync::Arc;

use crate::Error;
use crate::device::{Device, DeviceInterrupt};

#[derive(Default)]
pub(super) struct LastWake {
    /// Somebody had to leave it to the transition that is going on.
    left: bool,
    /// Why the last wake-up failed.
    error: Option<Error>,
}

impl Device {
    /// Why the last D0 entry that a [wake-capable](crate::Builder::wake_capable) interrupt asked for failed, as
    /// [`enter_d0`](Self::enter_d0) would have said; `None` if it succeeded, or there was none. Never waits for an interrupt
    /// lock.
    ///
    /// What asserted stays kept, for the next D0 entry. A level line stays masked until then, so it does not try again by
    /// itself; an edge does.
    ///
    /// ```
    /// let device = interrupt_lock::Device::builder("nic").build();
    /// assert!(device.wake_error().is_none());
    /// ```
    #[must_use]
    pub fn wake_error(&self) -> Option<Error> {
        self.0.wake.lock().error.clone()
    }

    /// Brings the device up for an interrupt that was asserted, or leaves it to who is in a transition of the device.
    /// `taken` says that it is done here.
    pub(crate) fn wake(&self, taken: impl FnOnce()) {
        let power = match self.0.power.try_lock() {
            Some(power) => power,
            None => {
                // In this order: who ends the transition looks after its release, so either it finds this word, or its
                // release is found here.
                self.0.wake.lock().left = true;
                let Some(power) = self.0.power.try_lock() else { return };
                power
            }
        };
        taken();
        let woken = self.in_transition(power, |power, interrupts| {
            self.look_for_own_sections()?;
            self.bring_to_d0(power, interrupts)
        });
        self.0.wake.lock().error = woken.err();
    }

    /// After a transition: wake-ups that were left to it.
    pub(super) fn follow_wakes(&self, interrupts: &[Arc<dyn DeviceInterrupt>]) {
        if core::mem::take(&mut self.0.wake.lock().left) {
            interrupts.iter().for_each(|interrupt| interrupt.ask_for_power());
        }
    }
}
