//! A timer of the system's.

use std::time::Duration;

#[cfg(target_os = "linux")]
use interrupt_lock::linux::{Timer, TimerHandle};
use interrupt_lock::test_kit::{Device, Rig};
#[cfg(windows)]
use interrupt_lock::windows::{Timer, TimerHandle};

use super::sentence;

/// A timer that expires once for each assertion. What has expired is forgotten as it is set anew, so it does not count.
pub struct TimerOnce;

impl Rig for TimerOnce {
    type Source = Timer;
    type Device = TimerDevice;

    fn is_level(&self) -> bool {
        false
    }

    fn counts(&self) -> bool {
        false
    }

    fn may_assert_unheard(&self) -> bool {
        false
    }

    fn set_up(&self) -> Result<(Timer, TimerDevice), String> {
        let (timer, handle) = Timer::new().map_err(sentence)?;
        Ok((timer, TimerDevice(handle)))
    }
}

/// The handle of the timer.
pub struct TimerDevice(TimerHandle);

impl Device for TimerDevice {
    fn assert(&self) {
        self.0.once(Duration::from_nanos(1)).expect("a timer can be set");
    }
}
