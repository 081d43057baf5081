//! What the cases need of an object under test. They name no type of the crate, so they are the same for each.

use core::ops::DerefMut;

use crate::cases::data::Data;

/// An object under test: two of the kind, `a` and `b`, and a third, `cycle`, whose device stays off until its work item has
/// run. Each has [`Data`], whose methods its callbacks call, and a work item.
pub trait Subject: Sync + 'static {
    /// Its guard.
    type Guard: DerefMut<Target = Data>;

    /// The object that most operations are about.
    fn a() -> &'static Self;
    /// Another.
    fn b() -> &'static Self;
    /// The third.
    fn cycle() -> &'static Self;

    /// Acquires its lock.
    fn acquire(&'static self) -> Self::Guard;
    /// Tries to.
    fn try_acquire(&'static self) -> Option<Self::Guard>;
    /// Runs a section.
    fn synchronize(&'static self, section: fn(&mut Data));
    /// What a vector calls.
    fn service(&'static self);
    /// Queues the work item.
    fn queue(&'static self);
    /// Runs the work item if it is queued. Returns whether another run is.
    fn run(&'static self) -> bool;
    /// Whether it is queued.
    fn is_queued(&'static self) -> bool;
    /// Enables it. That must not fail.
    fn enable(&'static self);
    /// Disables it. That must not fail.
    fn disable(&'static self);
    /// Disables it, unless that is refused.
    fn try_disable(&'static self);
    /// Whether it is enabled.
    fn is_enabled(&'static self) -> bool;
    /// How many assertions it has counted as stale, if it counts.
    fn stale(&'static self) -> Option<u32>;
    /// After each shot: what the crate says of itself, and what its hooks have been told.
    fn check_rest();
}

/// An object that is told of its line, or masks it.
#[allow(dead_code, reason = "not every object is")]
pub trait Lined: Subject {
    /// Whether the object has masked its line.
    fn line_is_masked(&'static self) -> bool;
}

/// What an object can do besides.
#[allow(dead_code, reason = "not every object has these")]
pub trait Whole: Subject {
    /// Stops delivery.
    fn report_inactive(&'static self);
    /// Resumes it.
    fn report_active(&'static self);
    /// Clears a fault that is not there.
    fn clear_fault(&'static self);
    /// Reads what it can be asked for without its lock.
    fn look(&'static self);
    /// Asks for a listener beside the one that there is.
    fn listen_in_vain(&'static self);
    /// Listens for claims around `section`. Returns whether it has missed any: ISR runs, but no claim and no call of its waker.
    fn listen(&'static self, section: impl FnOnce(), runs: impl Fn() -> u32) -> bool;
}

/// The operations of a [`Subject`] that both objects of the crate have, by the same names.
macro_rules! by_their_names {
    () => {
        fn acquire(&'static self) -> Self::Guard {
            self.acquire_interrupt_lock()
        }

        fn try_acquire(&'static self) -> Option<Self::Guard> {
            self.try_acquire_interrupt_lock()
        }

        fn synchronize(&'static self, section: fn(&mut Data)) {
            InterruptObject::synchronize(self, section);
        }

        fn service(&'static self) {
            InterruptObject::service(self);
        }

        fn queue(&'static self) {
            self.queue_work_item();
        }

        fn run(&'static self) -> bool {
            self.run_work_item()
        }

        fn is_queued(&'static self) -> bool {
            self.is_work_item_queued()
        }

        fn enable(&'static self) {
            harness::expect(InterruptObject::enable(self).is_ok(), "it can not be enabled");
        }

        fn disable(&'static self) {
            harness::expect(InterruptObject::disable(self).is_ok(), "it can not be disabled");
        }

        fn try_disable(&'static self) {
            let _ = InterruptObject::disable(self);
        }

        fn is_enabled(&'static self) -> bool {
            self.state() == interrupt_lock::State::Enabled
        }
    };
}
pub(crate) use by_their_names;
