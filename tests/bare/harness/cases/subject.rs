//! What the cases need of an object under test. They name no type of the crate, so they are the same for each.

use core::ops::DerefMut;

use crate::cases::data::Data;

/// Whether an object tells its ISR of how many assertions it is, and counts those that come to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tells {
    /// It does.
    Counts,
    /// It does not: several assertions may be one.
    Nothing,
}

/// An object under test: two of the kind, `a` and `b`, and a third, `cycle`, whose device stays off until its work item has
/// run. Each has [`Data`], whose methods its callbacks call, and a work item.
pub trait Subject: Sync + 'static {
    /// Its guard.
    type Guard: DerefMut<Target = Data>;

    /// Whether it counts.
    const TELLS: Tells = Tells::Counts;

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
    /// Queues the work item. Returns whether it was refused.
    fn queue(&'static self) -> bool;
    /// Runs the work item if it is queued.
    fn run(&'static self);
    /// Whether it is queued.
    fn is_queued(&'static self) -> bool;
    /// Enables it. That must not fail.
    fn enable(&'static self);
    /// Disables it. That must not fail.
    fn disable(&'static self);
    /// How many assertions it has counted as stale.
    fn stale(&'static self) -> u32 {
        0
    }
    /// Looks whether the crate counts nothing as held, after each shot.
    fn check_rest() {}
}

/// What an object can do besides.
pub trait Whole: Subject {
    /// Stops delivery.
    fn report_inactive(&'static self);
    /// Resumes it.
    fn report_active(&'static self);
    /// Clears a fault that is not there.
    fn clear_fault(&'static self);
    /// Reads what it can be asked for without its lock.
    fn look(&'static self);
    /// Listens for claims around `section`. Returns whether it has missed any: ISR runs, but no claim and no call of its waker.
    fn listen(&'static self, section: impl FnOnce(), runs: impl Fn() -> u32) -> bool;
}
