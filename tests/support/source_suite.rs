//! What every source of interrupts has to do: one suite, run on each of them through a real interrupt.
//!
//! A [`Rig`] is a device with its source. A check sets one up, has the device assert, and says in a sentence what is
//! wrong, so that a program without a test harness can run it too. Nothing here depends on how long something takes:
//! patience that ends only turns a hang into a failure.

use std::fmt;

use interrupt_lock::source::Removal;
use interrupt_lock::source::Source;

mod checks;
mod eager;
mod probe;
mod trial;
mod waiting;

pub use checks::*;

/// A kind of device, with the kind of source that serves it.
pub trait Rig: Sync {
    type Source: Source + 'static;
    type Device: Device;

    /// Whether the device holds its line asserted until it is acknowledged.
    fn is_level(&self) -> bool;

    /// Whether the source counts: each assertion of a quiet device is signalled once, and edges that coalesce are
    /// summed.
    fn counts(&self) -> bool {
        true
    }

    /// Whether the device may assert while its source is disconnected.
    fn may_assert_unheard(&self) -> bool {
        true
    }

    /// Whether the test can [remove](Device::remove) the device in this way.
    fn can_be_removed(&self, how: Removal) -> bool;

    /// Returns a device that does not assert, and its source.
    fn set_up(&self) -> Result<(Self::Source, Self::Device), String>;
}

/// The device's end, which asserts.
pub trait Device: Send + Sync + 'static {
    fn assert(&self);

    /// Acknowledges the device, as an ISR does. Returns whether the device had asserted.
    fn acknowledge(&self) -> bool {
        true
    }

    /// Removes the device, or asks for its removal. Returns before that is over.
    fn remove(&self, how: Removal) {
        unreachable!("nobody can remove this device ({how:?})");
    }
}

/// What serves the interrupt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attendance {
    /// A dispatcher of its own.
    Own,
    /// A dispatcher that serves another interrupt as well.
    Shared,
    /// The suite itself.
    Nobody,
}

impl Attendance {
    pub const ALL: [Self; 3] = [Self::Own, Self::Shared, Self::Nobody];
}

impl fmt::Display for Attendance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Own => "with a dispatcher of its own",
            Self::Shared => "with a shared dispatcher",
            Self::Nobody => "without a dispatcher",
        })
    }
}

/// The result of a check. An error is a sentence that says what the source has done wrong.
pub type Verdict = Result<(), String>;

/// Gives a macro the names of the checks: those that concern every source, or only some.
#[macro_export]
macro_rules! with_checks {
    (common, $then:ident!($($arguments:tt)*)) => {
        $then! { $($arguments)*
            i3_an_assertion_is_delivered
            i3_a_thousand_assertions_are_delivered_one_after_the_other
            i3_assertions_that_meet_are_served
            i4_what_fires_in_the_enable_callback_is_served_right_after
            i9_what_fires_at_the_connection_is_served
            i5_nothing_is_delivered_after_a_disable
            i5_cycles_under_load_lose_nothing
            e6_the_end_comes_under_load
        }
    };
    (edge, $then:ident!($($arguments:tt)*)) => {
        $then! { $($arguments)*
            i15_an_edge_from_before_an_enable_is_counted_and_not_delivered
        }
    };
    (level, $then:ident!($($arguments:tt)*)) => {
        $then! { $($arguments)*
            i15_a_level_asserted_before_an_enable_is_delivered
            i6_a_level_that_is_not_acknowledged_is_delivered_again
            i6_a_level_kept_masked_is_silent_until_it_is_unmasked
            i6_a_level_kept_masked_is_silent_until_the_work_item_has_run
        }
    };
    (surprise, $then:ident!($($arguments:tt)*)) => {
        $then! { $($arguments)*
            i13_a_device_that_goes_is_reported
            i13_a_device_that_went_while_disabled_is_reported
        }
    };
    (request, $then:ident!($($arguments:tt)*)) => {
        $then! { $($arguments)*
            i13_a_device_that_is_asked_for_is_disabled
            i13_a_device_without_a_work_item_is_disabled_when_it_is_asked_for
        }
    };
}

/// A check, for programs that run them all.
pub struct Check<R> {
    pub name: &'static str,
    pub run: fn(&R, Attendance) -> Verdict,
}

macro_rules! list {
    ($($check:ident)*) => {
        vec![$(Check { name: stringify!($check), run: $check::<R> }),*]
    };
}

/// The checks that fit the rig.
pub fn checks<R: Rig>(rig: &R) -> Vec<Check<R>> {
    let mut checks: Vec<Check<R>> = with_checks!(common, list!());
    if rig.is_level() {
        checks.extend(with_checks!(level, list!()));
    } else if rig.may_assert_unheard() {
        checks.extend(with_checks!(edge, list!()));
    }
    if rig.can_be_removed(Removal::Surprise) {
        checks.extend(with_checks!(surprise, list!()));
    }
    if rig.can_be_removed(Removal::Requested) {
        checks.extend(with_checks!(request, list!()));
    }
    checks
}
