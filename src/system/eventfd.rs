//! Eventfds and timerfds: counters that a descriptor shows.

use core::time::Duration;
use std::os::fd::{AsFd, OwnedFd};

use rustix::event::EventfdFlags;
use rustix::io::Errno;
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};

use crate::system::call::{Call, Failure, call};
use crate::system::descriptors::{Found, read_asleep, read_now, write_otherwise, write_whole};

/// Makes an eventfd: non-blocking, closed on exec, never in semaphore mode.
pub(crate) fn eventfd() -> Result<OwnedFd, Failure> {
    call(Call::Eventfd, || rustix::event::eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC))
}

/// Makes a timerfd that is stopped: non-blocking, closed on exec.
pub(crate) fn timer() -> Result<OwnedFd, Failure> {
    let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
    call(Call::TimerCreate, || timerfd_create(TimerfdClockId::Monotonic, flags))
}

/// Sets a timerfd: when it expires first, and its period then. Zero stands for never.
pub(crate) fn set_timer(timer: impl AsFd, first: Duration, period: Duration) -> Result<(), Failure> {
    let time = |time| Timespec::try_from(time).map_err(|_| Failure::new(Call::TimerSet, Errno::INVAL));
    let times = Itimerspec { it_interval: time(period)?, it_value: time(first)? };
    call(Call::TimerSet, || timerfd_settime(&timer, TimerfdTimerFlags::empty(), &times)).map(drop)
}

/// How many looks one [`take_count`] makes. A semaphore's count is taken one by one, and others may count it up again.
const LOOKS: u32 = 4096;

/// Takes the count of an eventfd or a timerfd and leaves it at 0. Returns 0 if there was none. `whole` says that one look
/// takes all of it: it is in no semaphore mode. A file that gives no counts of 8 bytes is neither.
pub(crate) fn take_count(eventfd: impl AsFd, whole: bool) -> Result<u64, Failure> {
    let mut sum = 0_u64;
    for _ in 0..if whole { 1 } else { LOOKS } {
        match count(Call::ReadNow, |bytes| read_now(eventfd.as_fd(), bytes))? {
            Some(count) => sum = sum.saturating_add(count),
            None => break,
        }
    }
    Ok(sum)
}

/// Sleeps until an eventfd counts, and takes the count. Returns `None` if it is non-blocking, and counts nothing.
pub(crate) fn sleep_for_count(eventfd: impl AsFd) -> Result<Option<u64>, Failure> {
    count(Call::Read, |bytes| read_asleep(eventfd.as_fd(), bytes))
}

fn count(call: Call, read: impl FnOnce(&mut [u8]) -> Result<Found, Failure>) -> Result<Option<u64>, Failure> {
    let mut count = [0; 8];
    match read(&mut count)? {
        Found::Bytes(8) => Ok(Some(u64::from_ne_bytes(count))),
        Found::Bytes(_) => Err(Failure::new(call, Errno::INVAL)),
        Found::Nothing => Ok(None),
    }
}

/// Counts an eventfd up by one. A counter that is full stays so: it is readable already.
pub(crate) fn signal(eventfd: impl AsFd) -> Result<(), Failure> {
    match write_whole(eventfd.as_fd(), &1_u64.to_ne_bytes()) {
        Err(Failure { errno: Errno::AGAIN, .. }) => Ok(()),
        written => written,
    }
}

/// Counts an eventfd up by `count`, which ends the sleep of a thread in [`sleep_for_count`]. Returns `false` if its counter is
/// full. If the system refuses one way to write, it takes another: a thread that can't be woken would sleep for ever.
pub(crate) fn count_up(eventfd: impl AsFd, count: u64) -> Result<bool, Failure> {
    let count = count.to_ne_bytes();
    match write_whole(eventfd.as_fd(), &count).or_else(|_| write_otherwise(eventfd.as_fd(), &count)) {
        Ok(()) => Ok(true),
        Err(Failure { errno: Errno::AGAIN, .. }) => Ok(false),
        Err(failure) => Err(failure),
    }
}
