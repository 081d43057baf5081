//! What an interrupt asks of the device that it belongs to (rules W5, E6, E9).

use core::any::Any;

use crate::interrupt::attached::Attached;
use crate::lock::RawInterruptLock;

/// A device, as its interrupts see it.
pub(crate) trait Parent: Any + Send + Sync {
    /// The lock that the device's callbacks and serialized work items run under, to know its owner.
    fn callback_lock(&self) -> &RawInterruptLock;

    /// Leaves the end of `interrupt`, one of the device's, to the release of the callback lock.
    fn leave_end(&self, interrupt: *const ());

    /// `interrupt` has ended: its end is left to nobody any more.
    fn has_ended(&self, interrupt: *const ());

    /// Brings the device up for an interrupt that was asserted, or leaves that to the transition of the device that is
    /// going on. `taken` is called where it is done here.
    fn wake(&self, taken: &mut dyn FnMut());
}

/// An interrupt's place in its device.
pub(crate) struct Membership {
    pub(crate) device: Attached<dyn Parent>,
    /// Its work item runs under the device's callback lock.
    pub(crate) serialized: bool,
    /// It stays connected while the device is in low power.
    pub(crate) wake_capable: bool,
}
