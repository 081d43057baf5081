//! Running one check, also if it hangs.

use core::any::Any;
use core::fmt;
use std::format;
use std::string::{String, ToString};
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread::Builder;
use std::vec::Vec;

use super::bench::Bench;
use super::progress::{LOOK, Standstill, moved};
use super::{Attendance, Rig, Verdict, checks, groups};

/// One check for a [`Rig`], as [`checks`] returns it.
pub struct Check<R> {
    name: &'static str,
    check: fn(&Bench<R>) -> Verdict,
}

impl<R: Rig> Check<R> {
    pub(super) fn new(name: &'static str, check: fn(&Bench<R>) -> Verdict) -> Self {
        Self { name, check }
    }

    /// Returns the check's name, which begins with its rule's id: `i6_a_level_that_is_not_acknowledged_is_delivered_again`.
    ///
    /// ```
    /// use interrupt_lock::test_kit::{Rig, checks};
    ///
    /// fn names(rig: &impl Rig) -> Vec<&'static str> {
    ///     checks(rig).iter().map(|check| check.name()).collect()
    /// }
    /// ```
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Runs the check on a thread of its own, and waits for it.
    ///
    /// If the check hangs, its thread is left behind. A panic of the source or of the device is an error, too.
    ///
    /// # Errors
    ///
    /// A sentence that says what the source does wrong.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    /// use interrupt_lock::test_kit::{Attendance, Rig, checks};
    ///
    /// /// Whether the source passes with a dispatcher of its own.
    /// fn passes(rig: &Arc<impl Rig>) -> bool {
    ///     checks(&**rig).iter().all(|check| check.run(rig, Attendance::Own).is_ok())
    /// }
    /// ```
    pub fn run(&self, rig: &Arc<R>, attendance: Attendance) -> Verdict {
        let bench = Bench::new(rig.clone(), attendance);
        let watch = bench.watch();
        // Longer than each wait inside, so that those tell what they have waited for.
        let mut standstill = Standstill::of(2 * rig.patience());
        let (check, (report, verdict)) = (self.check, channel());
        let thread = Builder::new().name(self.name.into()).spawn(move || {
            let verdict = check(&bench);
            drop(bench);
            let _ = report.send(verdict);
        });
        let thread = thread.map_err(|error| format!("no thread for the check: {error}"))?;
        loop {
            match verdict.recv_timeout(LOOK) {
                // One that has waited in vain is no move, or checks that wait in vain would prolong one another.
                Ok(verdict) => return verdict.inspect(|()| moved()),
                Err(RecvTimeoutError::Timeout) if !standstill.is_too_long() => {}
                Err(RecvTimeoutError::Timeout) => return Err(watch.what_hangs()),
                Err(RecvTimeoutError::Disconnected) => {
                    let panic = thread.join().err();
                    return Err(format!("the check panics: {}", panic.map(text).unwrap_or_default()));
                }
            }
        }
    }
}

impl<R> fmt::Debug for Check<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Check").field("name", &self.name).finish_non_exhaustive()
    }
}

fn text(panic: std::boxed::Box<dyn Any + Send>) -> String {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default()
}

/// Runs the check of that name in each attendance, and fails the test if it fails.
#[track_caller]
pub fn passes<R: Rig>(rig: R, name: &str) {
    let rig = Arc::new(rig);
    let check = checks(&*rig).into_iter().find(|check| check.name == name);
    let check = check.unwrap_or_else(|| panic!("`{name}` does not fit this rig: leave its group out"));
    for attendance in Attendance::ALL {
        if let Err(why) = check.run(&rig, attendance) {
            panic!("{attendance}: {why}");
        }
    }
}

/// Fails the test if `named` are not the groups that fit the rig.
#[track_caller]
pub fn groups_fit<R: Rig>(rig: &R, named: &[&str]) {
    let fitting: Vec<&str> = groups(rig).iter().map(|(name, _)| *name).collect();
    let mut named = named.to_vec();
    named.sort_by_key(|name| fitting.iter().position(|fits| fits == name));
    assert_eq!(named, fitting, "the groups in `source_tests!`, and those that fit this rig");
}
