//! A timerfd as an alarm clock: the driver sets it, also in its ISR. Disconnecting stops it.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Mutex};
use std::task::Waker;
use std::time::{Duration, Instant};

use interrupt_lock::source::{Assertions, Ready, Source};
use interrupt_lock::test_kit::{Device, Rig};
use interrupt_lock::{Info, SourceError, Trigger, source_tests};
use rustix::io::{Errno, read};
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};

/// The clock, and when it is due.
struct Clock(OwnedFd, Mutex<Instant>);

impl Clock {
    /// Asserts once, so much later. Zero stops it.
    fn set(&self, after: Duration) -> io::Result<()> {
        let mut due = self.1.lock().unwrap();
        *due = Instant::now() + after;
        let it_value = Timespec { tv_sec: after.as_secs().cast_signed(), tv_nsec: after.subsec_nanos().into() };
        let it_interval = Timespec::default();
        timerfd_settime(&self.0, TimerfdTimerFlags::empty(), &Itimerspec { it_interval, it_value })?;
        Ok(())
    }
}

struct Alarm(Arc<Clock>, Option<Assertions>);

impl Source for Alarm {
    fn info(&self) -> Info {
        Info::new().with_trigger(Trigger::Edge)
    }

    fn ready(&mut self) -> Ready<'_> {
        Ready::Descriptor(self.0.0.as_fd())
    }

    fn connect(&mut self, _: &Waker) -> Result<(), SourceError> {
        Ok(())
    }

    fn disconnect(&mut self) -> Result<(), SourceError> {
        self.0.set(Duration::ZERO).map_err(|error| SourceError::os("stopping the alarm", &error))
    }

    fn take(&mut self) -> Result<u64, SourceError> {
        let mut expirations = [0; 8];
        match read(&self.0.0, &mut expirations) {
            Err(Errno::AGAIN | Errno::INTR) => return Ok(0),
            read => _ = read.map_err(|error| SourceError::os("reading the alarm", &error.into()))?,
        }
        if let Some(assertions) = &self.1 {
            assertions.taken(*self.0.1.lock().unwrap());
        }
        Ok(u64::from_ne_bytes(expirations))
    }

    fn time_assertions(&mut self, assertions: Assertions) {
        self.1 = Some(assertions);
    }
}

struct Setter(Arc<Clock>);

impl Device for Setter {
    fn assert(&self) {
        self.0.set(Duration::from_nanos(1)).expect("the alarm can be set");
    }
}

struct Alarms;

impl Rig for Alarms {
    type Source = Alarm;
    type Device = Setter;

    fn is_level(&self) -> bool {
        false
    }

    /// Setting the alarm anew forgets that it was due.
    fn counts(&self) -> bool {
        false
    }

    /// Disconnecting stops it.
    fn may_assert_unheard(&self) -> bool {
        false
    }

    fn is_timed(&self) -> bool {
        true
    }

    fn set_up(&self) -> Result<(Alarm, Setter), String> {
        let flags = TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK;
        let file = timerfd_create(TimerfdClockId::Monotonic, flags).map_err(|error| error.to_string())?;
        let clock = Arc::new(Clock(file, Mutex::new(Instant::now())));
        Ok((Alarm(clock.clone(), None), Setter(clock)))
    }
}

source_tests!(alarms: Alarms, common timed);
