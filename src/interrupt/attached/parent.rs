//! The trait by which an interrupt uses the device that it belongs to (rules W5, E6, E9).

use core::any::Any;

use crate::circle::Circle;
use crate::interrupt::attached::Attached;
use crate::lock::RawInterruptLock;

/// A device, as its interrupts see it.
pub(crate) trait Parent: Any + Send + Sync {
    /// Returns the lock under which the device's callbacks and serialized work items run. The interrupt only looks at
    /// its owner.
    fn callback_lock(&self) -> &RawInterruptLock;

    /// Runs `run` under the callback lock. Returns an error if the wait for it would never end: with the circle, or
    /// nothing if this thread holds the lock itself.
    fn serialize(&self, run: &mut dyn FnMut()) -> Result<(), Option<Circle>>;

    /// Brings the device up for an interrupt that was asserted, or leaves that to a transition of the device that is
    /// under way. Calls `taken` in the first case.
    fn wake(&self, taken: &mut dyn FnMut());
}

/// An interrupt's place in its device.
pub(crate) struct Membership {
    pub(crate) device: Attached<dyn Parent>,
    /// The work item runs under the device's callback lock.
    pub(crate) serialized: bool,
    /// The interrupt stays connected while the device is in low power.
    pub(crate) wake_capable: bool,
}
