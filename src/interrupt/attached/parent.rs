//! The trait by which an interrupt uses the device that it belongs to (rules W5, E6, E9).

use core::any::Any;

#[cfg(feature = "std")]
use alloc::sync::Arc;

use crate::circle::Circle;
use crate::interrupt::attached::Attached;
use crate::lock::RawInterruptLock;

/// A device, as its interrupts see it.
pub(crate) trait Parent: Any + Send + Sync {
    /// Returns the lock under which the device's callbacks and serialized work items run. The interrupt only looks at
    /// its owner.
    fn callback_lock(&self) -> &RawInterruptLock;

    /// Runs `run` under the callback lock. Returns an error if the wait for it would never end: with the circle, or
    /// nothing if this thread holds the lock itself, or if the wait has been called off (`for_end`: only an end's can be).
    fn serialize(&self, run: &mut dyn FnMut(), for_end: bool) -> Result<(), Option<Circle>>;

    /// Brings the device up for an interrupt that was asserted, or leaves that to a transition of the device that is
    /// under way. Calls `taken` in the first case.
    fn wake(&self, taken: &mut dyn FnMut());

    /// Leaves the end of `interrupt` to a thread that takes the device out of D0 first. Returns `false` if no such
    /// thread is under way.
    #[cfg(feature = "std")]
    fn leave_end(&self, interrupt: Arc<dyn EndsElsewhere>) -> bool;
}

/// An interrupt that another thread can remove, and end.
#[cfg(feature = "std")]
pub(crate) trait EndsElsewhere: Send + Sync {
    /// Starts a thread that ends the interrupt. Returns `false` if the system refuses.
    fn end_on_a_thread(self: Arc<Self>) -> bool;

    /// Starts a thread that disables and removes the interrupt, because the system asks for the device back. Returns
    /// `false` if the system refuses.
    fn remove_on_a_thread(self: Arc<Self>) -> bool;

    /// Ends the interrupt, whose end was left to its device. The caller may have the last reference to it.
    fn end_left(self: Arc<Self>);
}

/// An interrupt's place in its device.
pub(crate) struct Membership {
    pub(crate) device: Attached<dyn Parent>,
    /// The work item runs under the device's callback lock.
    pub(crate) serialized: bool,
    /// The interrupt stays connected while the device is in low power.
    pub(crate) wake_capable: bool,
}
