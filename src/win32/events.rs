//! Events, timers, and waiting for them.

use core::ptr;
use core::time::Duration;
use std::os::windows::io::{AsRawHandle, BorrowedHandle, HandleOrNull, OwnedHandle};

use windows_sys::Win32::Foundation::{HANDLE, WAIT_FAILED, WAIT_TIMEOUT};
use windows_sys::Win32::System::Threading::{
    CancelWaitableTimer, CreateEventW, CreateWaitableTimerW, INFINITE, ResetEvent, SetEvent, SetWaitableTimer,
    WaitForMultipleObjects, WaitForSingleObject,
};

use crate::cause::SourceError;
use crate::win32::failed;

/// How many handles one thread can wait for at once: `MAXIMUM_WAIT_OBJECTS`.
pub(crate) const MOST_AT_ONCE: usize = 64;

/// Makes an event that nobody has signalled: one that is reset by `ResetEvent` only, or by the wait that it ends.
pub(crate) fn event(manual_reset: bool) -> Result<OwnedHandle, SourceError> {
    // SAFETY: null stands for the default attributes, and for no name. The call keeps no pointer.
    let handle = unsafe { CreateEventW(ptr::null(), manual_reset.into(), 0, ptr::null()) };
    owned(handle).ok_or_else(|| failed("making an event"))
}

/// Makes a timer that is not set. Each wait that it ends resets it.
pub(crate) fn timer() -> Result<OwnedHandle, SourceError> {
    // SAFETY: as for the event above.
    let handle = unsafe { CreateWaitableTimerW(ptr::null(), 0, ptr::null()) };
    owned(handle).ok_or_else(|| failed("making a timer"))
}

fn owned(handle: HANDLE) -> Option<OwnedHandle> {
    // SAFETY: the caller has just been given the handle, so nobody else closes it; null says that there is none.
    OwnedHandle::try_from(unsafe { HandleOrNull::from_raw_handle(handle) }).ok()
}

/// Signals the event.
pub(crate) fn set(event: BorrowedHandle<'_>) -> Result<(), SourceError> {
    // SAFETY: the handle is open as long as it is borrowed. If it is no event's, the call fails.
    told(unsafe { SetEvent(event.as_raw_handle()) }, "signalling an event")
}

/// Takes the signal of the event back.
pub(crate) fn reset(event: BorrowedHandle<'_>) -> Result<(), SourceError> {
    // SAFETY: as in `set`.
    told(unsafe { ResetEvent(event.as_raw_handle()) }, "resetting an event")
}

/// Sets the timer: what has expired is forgotten. It expires after `first`, and then each `period` if that is not zero. A
/// period has whole milliseconds.
pub(crate) fn set_timer(timer: BorrowedHandle<'_>, first: Duration, period: Duration) -> Result<(), SourceError> {
    // A time from now on is negative, in units of 100 ns.
    let due = i64::try_from(first.as_nanos().div_ceil(100)).map(|due| -due);
    let (Ok(due), Ok(period)) = (due, i32::try_from(period.as_millis())) else {
        return Err(SourceError::Refused("setting the timer: the time is too long".into()));
    };
    // SAFETY: the handle is open as long as it is borrowed, the time outlives the call, and there is no routine to call.
    told(unsafe { SetWaitableTimer(timer.as_raw_handle(), &due, period, None, ptr::null(), 0) }, "setting the timer")
}

/// Stops the timer: what has expired is forgotten.
pub(crate) fn stop_timer(timer: BorrowedHandle<'_>) -> Result<(), SourceError> {
    // A timer that is only cancelled stays signalled if it has expired.
    set_timer(timer, Duration::from_secs(1 << 30), Duration::ZERO)?;
    // SAFETY: the handle is open as long as it is borrowed. If it is no timer's, the call fails.
    told(unsafe { CancelWaitableTimer(timer.as_raw_handle()) }, "stopping the timer")
}

fn told(succeeded: i32, doing: &'static str) -> Result<(), SourceError> {
    if succeeded == 0 { Err(failed(doing)) } else { Ok(()) }
}

/// Returns whether the event or timer is signalled, without waiting. If the system resets it at that, this is a wait that
/// takes the signal.
pub(crate) fn is_signalled(handle: BorrowedHandle<'_>) -> Result<bool, SourceError> {
    // SAFETY: the handle is open as long as it is borrowed.
    match unsafe { WaitForSingleObject(handle.as_raw_handle(), 0) } {
        WAIT_TIMEOUT => Ok(false),
        WAIT_FAILED => Err(failed("looking at an event")),
        // Signalled; or, where the handle is a mutex, abandoned.
        _ => Ok(true),
    }
}

/// Waits until one of the handles is signalled, and returns the place of the first that is. Returns `None` if `time` has
/// passed. A `time` of `None` is for ever.
///
/// There are at most [`MOST_AT_ONCE`], and no handle is there twice.
pub(crate) fn wait_for_any(
    handles: &[BorrowedHandle<'_>],
    time: Option<Duration>,
) -> Result<Option<usize>, SourceError> {
    // Rounded up, or a thread would look again and again in the last millisecond. A time that is too long is waited for
    // in parts: the caller looks at its clock.
    let milliseconds = |time: Duration| time.as_nanos().div_ceil(1_000_000).min(u128::from(INFINITE - 1)) as u32;
    let time = time.map_or(INFINITE, milliseconds);
    // SAFETY: a `BorrowedHandle` is a handle in memory, and open as long as it is borrowed. The count is the slice's.
    let ended_by = unsafe { WaitForMultipleObjects(handles.len() as u32, handles.as_ptr().cast(), 0, time) };
    match ended_by {
        WAIT_FAILED => Err(failed("waiting for its sources")),
        WAIT_TIMEOUT => Ok(None),
        // The bits above the place say that it is a mutex, and abandoned. Nobody should give the crate one.
        place => Ok(Some(place as usize % MOST_AT_ONCE)),
    }
}
