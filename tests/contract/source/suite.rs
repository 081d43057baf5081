//! The suite that every source passes, on the sources that need no hardware. The guest program of the lab runs it on
//! UIO and VFIO.

use support::rigs::*;
use support::source_suite::{self, Attendance, Rig, Verdict};

#[track_caller]
fn passes<R: Rig>(rig: &R, check: fn(&R, Attendance) -> Verdict) {
    for attendance in Attendance::ALL {
        if let Err(why) = check(rig, attendance) {
            panic!("{attendance}: {why}");
        }
    }
}

macro_rules! tests {
    ($rig:ident, $($check:ident)*) => {
        $(
            #[test]
            fn $check() {
                passes(&$rig, source_suite::$check);
            }
        )*
    };
}

/// Tests of a rig: one for each check of the groups named.
macro_rules! suite {
    ($module:ident: $rig:ident, $($group:ident)*) => {
        mod $module {
            use super::*;
            $(support::with_checks!($group, tests!($rig,));)*
        }
    };
}

suite!(software_edge: SoftwareEdge, common edge surprise request);
suite!(software_message: SoftwareMessage, common edge surprise request);
suite!(software_level: SoftwareLevel, common level surprise request);
suite!(shared_alone: SharedAlone, common level surprise request);
suite!(simulated_line: SimulatedLine, common level surprise request);
suite!(simulated_message: SimulatedMessage, common edge surprise request);

#[cfg(target_os = "linux")]
suite!(eventfd_own: EventfdOwn, common edge);
#[cfg(target_os = "linux")]
suite!(eventfd_given: EventfdGiven, common edge);
#[cfg(target_os = "linux")]
suite!(uio_fake: UioFake, common level surprise);
#[cfg(target_os = "linux")]
suite!(shared_uio: SharedUio, common level surprise);
#[cfg(target_os = "linux")]
suite!(timer: TimerOnce, common);
#[cfg(target_os = "linux")]
suite!(gpio_fake: GpioFake, common edge surprise);
