//! What the cases need of an object under test. They name no type of the crate, so they are the same for each.

use core::ops::DerefMut;

use crate::cases::data::Data;

/// An object under test: two of the kind, `a` and `b`. A third, `cycle`, has the device of `device`.
pub trait Subject: Sync + 'static {
    type Guard: DerefMut<Target = Data>;

    fn a() -> &'static Self;
    fn b() -> &'static Self;
    fn cycle() -> &'static Self;
    /// At rest: the processor holds no lock.
    fn check_rest();

    fn acquire(&'static self) -> Self::Guard;
    fn try_acquire(&'static self) -> Option<Self::Guard>;
    fn synchronize(&'static self, section: fn(&mut Data));
    fn service(&'static self);
    fn queue(&'static self);
    fn run(&'static self) -> bool;
    fn is_queued(&'static self) -> bool;
    fn enable(&'static self);
    fn disable(&'static self);
    /// How many assertions it has counted as stale, if it counts.
    fn stale(&'static self) -> Option<u32>;
}

/// What an object can do besides.
#[allow(dead_code, reason = "not every object has these")]
pub trait Whole: Subject {
    fn report_inactive(&'static self);
    fn report_active(&'static self);
    fn clear_fault(&'static self);
    /// Reads what it can be asked for without its lock.
    fn look(&'static self);
    /// Listens for claims, and looks once.
    fn listen(&'static self);
}
