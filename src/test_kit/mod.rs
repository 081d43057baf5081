//! The suite that every source passes, for authors of sources: feature `test-kit`, in `[dev-dependencies]`.
//!
//! Describe your device in a [`Rig`]: how it asserts, how an ISR acknowledges it, whether it can be removed.
//! [`source_tests!`](crate::source_tests) makes a test of each check that fits. A check builds an interrupt on your source,
//! has the device assert, and holds what the ISR sees against the contract. It does so with a dispatcher of its own, with a
//! shared dispatcher, and in a loop of the driver's ([`Attendance`]). The crate's own sources pass the same checks.
//!
//! [Writing a source](crate::guide::writing_a_source) tells what a source has to do.
//!
//! - No check depends on how long something takes. One fails if nothing moves any more in the process
//!   ([`Rig::patience`]).
//! - A source that blocks does not block the test: the check names the method that does not return, and leaves its thread
//!   behind.
//! - Run a check as `cargo test i6_`: it is named after its rule.
//!
//! | file | holds |
//! |---|---|
//! | this one | what a rig is, and the list of the checks |
//! | `run` | running one check, also if it hangs |
//! | `checks` | the checks |
//! | `handles` | devices that are there already |
//! | `trial`, `probe` | an interrupt on the source, and its callbacks |
//! | `bench`, `meddling` | the source, watched; its device, asserting in the worst moment |
//! | `progress`, `waiting` | waiting |

mod bench;
mod checks;
mod handles;
mod meddling;
mod probe;
pub mod progress;
mod run;
mod trial;
mod waiting;

use core::fmt;
use core::time::Duration;
use std::string::String;
use std::vec;
use std::vec::Vec;

use crate::dispatch::Dispatcher;
use crate::source::{Removal, Source};
use checks::{edges, levels, removals};

pub use run::Check;
#[doc(hidden)]
pub use run::{groups_fit, passes};

/// A kind of device with the source that serves it, for the checks of this kit: you implement it in your tests.
///
/// # Examples
///
/// ```
/// use interrupt_lock::source::{EdgeHandle, Software};
/// use interrupt_lock::test_kit::Rig;
///
/// struct Lines;
///
/// impl Rig for Lines {
///     type Source = Software;
///     type Device = EdgeHandle;
///
///     fn is_level(&self) -> bool {
///         false
///     }
///
///     fn set_up(&self) -> Result<(Software, EdgeHandle), String> {
///         Ok(Software::edge())
///     }
/// }
///
/// // In your tests:
/// interrupt_lock::source_tests!(lines: Lines, common edge);
/// ```
pub trait Rig: Send + Sync + 'static {
    /// The source to check.
    type Source: Source + 'static;
    /// The device's end.
    type Device: Device;

    /// Returns whether the device holds its line asserted until it is acknowledged.
    fn is_level(&self) -> bool;

    /// Returns a device that does not assert, and its source. Called once or more in each check.
    ///
    /// # Errors
    ///
    /// A sentence that says why there is none. The check then fails with it.
    fn set_up(&self) -> Result<(Self::Source, Self::Device), String>;

    /// Returns whether the source counts: `take` returns each assertion once, and the sum of those that coalesce. The
    /// default returns `true`.
    ///
    /// Return `false` for a source that returns 1 for one or more, or that may signal once too often.
    fn counts(&self) -> bool {
        true
    }

    /// Returns whether the device may assert while its source is disconnected, and the source tells of it later. The
    /// default returns `true`.
    fn may_assert_unheard(&self) -> bool {
        true
    }

    /// Returns whether the source reports when it was asserted ([rule S2](crate::guide::contract#s2)). The default
    /// returns `false`.
    fn is_timed(&self) -> bool {
        false
    }

    /// Returns whether [`Device::remove`] can remove the device in this way. The default returns `false`.
    fn can_be_removed(&self, how: Removal) -> bool {
        let _ = how;
        false
    }

    /// Returns how long nothing may move in the whole process before a check fails. The default returns 150 seconds, which
    /// leaves a machine under load its time.
    fn patience(&self) -> Duration {
        progress::PATIENCE
    }
}

/// The device's end of a [`Rig`], which asserts.
///
/// A check calls it from several threads, also in the ISR.
pub trait Device: Send + Sync + 'static {
    /// Has the device assert once. Returns when the source has been told, or will be without help from the test. It may
    /// wait until the source has taken earlier assertions, if the device has no room for more.
    fn assert(&self);

    /// Acknowledges the device, as an ISR does. Returns whether the device had asserted. The default does nothing and
    /// returns `true`, as fits a device of edges.
    fn acknowledge(&self) -> bool {
        true
    }

    /// Removes the device, or asks for its removal. May return before that is over.
    ///
    /// # Panics
    ///
    /// The default panics. It is called only if [`Rig::can_be_removed`] returns `true`.
    fn remove(&self, how: Removal) {
        unreachable!("the rig says that this device can't be removed ({how:?})");
    }
}

/// What serves the interrupt in a check.
///
/// ```
/// use interrupt_lock::test_kit::Attendance;
///
/// assert_eq!(Attendance::Shared.to_string(), "with a shared dispatcher");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Attendance {
    /// A dispatcher of its own.
    Own,
    /// A dispatcher that serves another interrupt as well.
    Shared,
    /// Nobody but the test itself: a driver's own loop.
    Nobody,
    /// A shared dispatcher that waits with an io_uring, if the system grants it
    /// ([`Dispatcher::with_io_uring`](crate::Dispatcher::with_io_uring)).
    #[cfg(all(target_os = "linux", target_pointer_width = "64", feature = "io-uring"))]
    IoUring,
}

impl Attendance {
    /// All of them.
    ///
    /// ```
    /// # use interrupt_lock::test_kit::Attendance;
    /// assert!(Attendance::ALL.contains(&Attendance::Nobody));
    /// ```
    pub const ALL: [Self;
        3 + cfg!(all(target_os = "linux", target_pointer_width = "64", feature = "io-uring")) as usize] = [
        Self::Own,
        Self::Shared,
        Self::Nobody,
        #[cfg(all(target_os = "linux", target_pointer_width = "64", feature = "io-uring"))]
        Self::IoUring,
    ];

    /// Starts the dispatcher that serves the interrupt and others, if one does.
    fn shared_dispatcher(self) -> Result<Option<Dispatcher>, String> {
        let started = match self {
            Self::Own | Self::Nobody => return Ok(None),
            Self::Shared => Dispatcher::new(),
            #[cfg(all(target_os = "linux", target_pointer_width = "64", feature = "io-uring"))]
            Self::IoUring => Dispatcher::with_io_uring(),
        };
        started.map(Some).map_err(waiting::sentence)
    }
}

impl fmt::Display for Attendance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Own => "with a dispatcher of its own",
            Self::Shared => "with a shared dispatcher",
            Self::Nobody => "without a dispatcher",
            #[cfg(all(target_os = "linux", target_pointer_width = "64", feature = "io-uring"))]
            Self::IoUring => "with a shared dispatcher that waits with an io_uring",
        })
    }
}

/// What a check has found. An error is a sentence that says what the source does wrong.
///
/// ```
/// let verdict: interrupt_lock::test_kit::Verdict = Err("the ISR was told of 2 assertions".into());
/// assert!(verdict.is_err());
/// ```
pub type Verdict = Result<(), String>;

/// Gives a macro the names of the checks of a group.
#[doc(hidden)]
#[macro_export]
macro_rules! __source_checks {
    (common, [$($then:tt)+] $($arguments:tt)*) => {
        $($then)+! { $($arguments)*
            i3_an_assertion_is_delivered
            i3_a_thousand_assertions_are_delivered_one_after_the_other
            i3_assertions_that_meet_are_served
            i4_what_fires_in_the_enable_callback_is_served_right_after
            i9_what_fires_at_the_connection_is_served
            i5_nothing_is_delivered_after_a_disable
            i5_cycles_under_load_lose_nothing
            e6_the_end_comes_under_load
            descriptors_are_closed_on_exec
        }
    };
    (edge, [$($then:tt)+] $($arguments:tt)*) => {
        $($then)+! { $($arguments)*
            i15_an_edge_from_before_an_enable_is_counted_and_not_delivered
            i15_an_edge_between_the_drain_and_the_connection_is_counted
            e2_an_edge_between_the_last_look_and_the_disconnection_is_counted
        }
    };
    (level, [$($then:tt)+] $($arguments:tt)*) => {
        $($then)+! { $($arguments)*
            i15_a_level_asserted_before_an_enable_is_delivered
            i6_a_level_that_is_not_acknowledged_is_delivered_again
            i6_a_level_kept_masked_is_silent_until_it_is_unmasked
            i6_a_level_kept_masked_is_silent_until_the_work_item_has_run
        }
    };
    (timed, [$($then:tt)+] $($arguments:tt)*) => {
        $($then)+! { $($arguments)*
            s2_the_time_of_an_assertion_is_reported
        }
    };
    (surprise, [$($then:tt)+] $($arguments:tt)*) => {
        $($then)+! { $($arguments)*
            i13_a_device_that_goes_is_reported
            i13_a_device_that_went_while_disabled_is_reported
        }
    };
    (request, [$($then:tt)+] $($arguments:tt)*) => {
        $($then)+! { $($arguments)*
            i13_a_device_that_is_asked_for_is_disabled
            i13_a_device_without_a_work_item_is_disabled_when_it_is_asked_for
        }
    };
}

/// Makes a test of each check, for a [rig](crate::test_kit::Rig): `source_tests!(module: rig, group…)`.
///
/// The groups are:
///
/// | group | if |
/// |---|---|
/// | `common` | always |
/// | `edge` | the rig is no level, and [may assert unheard](crate::test_kit::Rig::may_assert_unheard) |
/// | `level` | the rig [is a level](crate::test_kit::Rig::is_level) |
/// | `timed` | the rig [is timed](crate::test_kit::Rig::is_timed) |
/// | `surprise`, `request` | the rig [can be removed](crate::test_kit::Rig::can_be_removed) so |
///
/// A test more fails if the groups named are not those that fit the rig. The tests are in a module of the name given, which
/// uses what is in scope around it. The rig is an expression, evaluated in each test.
///
/// ```
/// # use interrupt_lock::{source::{EdgeHandle, Software}, test_kit::Rig};
/// # struct Lines;
/// # impl Rig for Lines {
/// #     type Source = Software;
/// #     type Device = EdgeHandle;
/// #     fn is_level(&self) -> bool { false }
/// #     fn set_up(&self) -> Result<(Software, EdgeHandle), String> { Ok(Software::edge()) }
/// # }
/// interrupt_lock::source_tests!(lines: Lines, common edge);
/// ```
#[macro_export]
macro_rules! source_tests {
    ($module:ident: $rig:expr, $($group:ident)+) => {
        mod $module {
            #[allow(unused_imports, reason = "the rig may need nothing from around it")]
            use super::*;

            $($crate::__source_checks!($group, [$crate::__source_test] $rig,);)+

            #[test]
            fn every_check_that_fits_is_run() {
                $crate::test_kit::groups_fit(&$rig, &[$(stringify!($group)),+]);
            }
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __source_test {
    ($rig:expr, $($check:ident)*) => {
        $(
            #[test]
            fn $check() {
                $crate::test_kit::passes($rig, stringify!($check));
            }
        )*
    };
}

macro_rules! list {
    ($module:ident, $($check:ident)*) => {
        vec![$(Check::new(stringify!($check), $module::$check::<R>)),*]
    };
}

/// The groups of checks that fit a rig: those of [`source_tests!`](crate::source_tests).
fn groups<R: Rig>(rig: &R) -> Vec<(&'static str, Vec<Check<R>>)> {
    let all: [(&str, bool, Vec<Check<R>>); 6] = [
        ("common", true, __source_checks!(common, [list] checks,)),
        ("edge", !rig.is_level() && rig.may_assert_unheard(), __source_checks!(edge, [list] edges,)),
        ("level", rig.is_level(), __source_checks!(level, [list] levels,)),
        ("timed", rig.is_timed(), __source_checks!(timed, [list] checks,)),
        ("surprise", rig.can_be_removed(Removal::Surprise), __source_checks!(surprise, [list] removals,)),
        ("request", rig.can_be_removed(Removal::Requested), __source_checks!(request, [list] removals,)),
    ];
    all.into_iter().filter(|(_, fits, _)| *fits).map(|(name, _, checks)| (name, checks)).collect()
}

/// Returns the checks that fit the rig, for a program without a test harness, such as one on the device itself. In tests
/// use [`source_tests!`](crate::source_tests).
///
/// ```
/// use std::sync::Arc;
/// use interrupt_lock::test_kit::{Attendance, checks};
/// # use interrupt_lock::{source::{EdgeHandle, Software}, test_kit::Rig};
/// # struct Lines;
/// # impl Rig for Lines {
/// #     type Source = Software;
/// #     type Device = EdgeHandle;
/// #     fn is_level(&self) -> bool { false }
/// #     fn set_up(&self) -> Result<(Software, EdgeHandle), String> { Ok(Software::edge()) }
/// # }
///
/// let rig = Arc::new(Lines);
/// for check in checks(&*rig) {
///     for attendance in Attendance::ALL {
///         if let Err(why) = check.run(&rig, attendance) {
///             panic!("{}, {attendance}: {why}", check.name());
///         }
///     }
/// }
/// ```
pub fn checks<R: Rig>(rig: &R) -> Vec<Check<R>> {
    groups(rig).into_iter().flat_map(|(_, checks)| checks).collect()
}
