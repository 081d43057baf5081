//! Waiting on Windows: the thread waits for a bell and the events of the sources. One thread can wait for 64 handles, so a
//! dispatcher with more than 63 events has more threads, which only wait, note and wake.
//!
//! The thread pool of Windows could wait for any number. But its thread takes the signal of an event before it tells anybody,
//! and nothing says when it has told.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::task::Waker;
use core::time::Duration;
use std::sync::OnceLock;

use lock_api::Mutex;

use crate::cause::SourceError;
use crate::dispatch::threads::poller::refusal::Refusal;
use crate::dispatch::threads::poller::waiter::{Waiter, Watched};
use crate::dispatch::threads::poller::{Event, Wait};
use crate::dispatch::threads::thread::DispatchThread;
use crate::lock::raw::RawInterruptLock;
use crate::name::Name;
use crate::source::WaitableHandle;
use crate::source::waitable::Bell;
use crate::sync::AtomicUsize;
use crate::sync::Ordering::Relaxed;

pub(in crate::dispatch::threads) use crate::dispatch::threads::poller::waiter::Events;

/// How a watcher waits, and how others end its wait.
pub(in crate::dispatch::threads) struct Poller {
    /// The watcher's own thread.
    own: Waiter,
    refusal: Refusal,
    /// The threads for the events that the watcher's own has no room for.
    others: Mutex<RawInterruptLock, Vec<OtherThread>>,
    /// Why one of those can't wait any more.
    failed: Arc<OnceLock<SourceError>>,
}

impl Poller {
    pub(in crate::dispatch::threads) fn new() -> Result<Self, SourceError> {
        let others = Mutex::new(Vec::new());
        Ok(Self { own: Waiter::new()?, refusal: Refusal::default(), others, failed: Arc::default() })
    }

    pub(in crate::dispatch::threads) fn events(&self) -> Events {
        Events::new()
    }

    /// Ends the current wait, or else the next one.
    pub(in crate::dispatch::threads) fn wake(&self) {
        self.own.bell().ring();
        self.refusal.wake();
    }

    /// Whether the thread's next wait is to park.
    pub(in crate::dispatch::threads) fn parks(&self) -> bool {
        self.refusal.parks()
    }

    /// Watches the event of that interrupt. `waker` makes the watcher serve the interrupt.
    pub(in crate::dispatch::threads) fn watch(
        &self,
        number: usize,
        event: &WaitableHandle,
        waker: Waker,
    ) -> Result<(), SourceError> {
        let watched = Watched::new(number, event.shared(), waker);
        let mut others = self.others.lock();
        let waiters = core::iter::once(&self.own).chain(others.iter().map(|other| &*other.waiter));
        let Some(waiter) = waiters.into_iter().find(|waiter| waiter.has_room()) else {
            let other = OtherThread::start(self.own.bell(), &self.failed)?;
            other.waiter.watch(watched);
            others.push(other);
            return Ok(());
        };
        waiter.watch(watched);
        Ok(())
    }

    /// Stops watching the interrupt's event. Returns after what the waits have taken is noted.
    pub(in crate::dispatch::threads) fn unwatch(&self, number: usize) -> Result<(), SourceError> {
        self.own.unwatch(number);
        for other in &*self.others.lock() {
            other.waiter.unwatch(number);
        }
        Ok(())
    }

    /// Whether the watcher's own thread watches any event.
    pub(in crate::dispatch::threads) fn watches(&self) -> bool {
        self.own.watches()
    }

    /// Waits as long as `wait` says. Returns whether an event is signalled or another thread has ended the wait, or an error
    /// if the system refuses to wait.
    pub(in crate::dispatch::threads) fn wait(&self, events: &mut Events, wait: Wait) -> Result<bool, SourceError> {
        events.clear();
        let time = match wait {
            Wait::No if !self.watches() => return Ok(false),
            Wait::No => Some(Duration::ZERO),
            Wait::UntilWoken => None,
            Wait::For(time) => Some(time),
        };
        if self.parks() {
            self.refusal.park(time);
            return Ok(false);
        }
        let waited = self.own.wait(events, time);
        let waited = self.failed.get().map_or(waited, |error| Err(error.clone()));
        waited.inspect_err(|_| self.refusal.note())
    }

    /// Returns the interrupts whose events the last wait found signalled.
    pub(in crate::dispatch::threads) fn ready(events: &Events) -> impl Iterator<Item = Event> + '_ {
        events.served().map(Event::Signal)
    }
}

/// A thread that waits for events, and wakes the watcher for each.
struct OtherThread {
    waiter: Arc<Waiter>,
    /// 1 once the thread has to end.
    stop: Arc<AtomicUsize>,
    thread: DispatchThread,
}

impl OtherThread {
    fn start(watcher: &Arc<Bell>, failed: &Arc<OnceLock<SourceError>>) -> Result<Self, SourceError> {
        let (waiter, stop) = (Arc::new(Waiter::new()?), Arc::new(AtomicUsize::new(0)));
        let (its_waiter, its_stop) = (waiter.clone(), stop.clone());
        let (watcher, failed) = (watcher.clone(), failed.clone());
        let thread = DispatchThread::start(&Name::new("more events"), move || {
            let mut events = Events::new();
            // Relaxed: the bell orders it.
            while its_stop.load(Relaxed) == 0 {
                match its_waiter.wait(&mut events, None) {
                    Ok(_) => events.wake(),
                    Err(error) => {
                        let _ = failed.set(error);
                        return watcher.ring();
                    }
                }
            }
        })?;
        Ok(Self { waiter, stop, thread })
    }
}

impl Drop for OtherThread {
    fn drop(&mut self) {
        // Relaxed: the bell orders it.
        self.stop.store(1, Relaxed);
        self.waiter.bell().ring();
        self.thread.join();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::info::Trigger;
    use crate::win32;

    fn watching(manual_reset: bool) -> (Poller, WaitableHandle) {
        let trigger = if manual_reset { Trigger::Level } else { Trigger::Edge };
        let event = WaitableHandle::new(win32::event(manual_reset).unwrap(), trigger).unwrap();
        let poller = Poller::new().unwrap();
        poller.watch(7, &event, Waker::noop().clone()).unwrap();
        (poller, event)
    }

    fn signal(event: &WaitableHandle) {
        win32::set(std::os::windows::io::AsHandle::as_handle(event)).unwrap();
    }

    // Caught: a masked level that is waited for: each of its waits would end at once.
    #[test]
    fn i6_a_masked_level_ends_no_wait() {
        let (poller, event) = watching(true);
        signal(&event);
        let (time, begun) = (Duration::from_millis(20), Instant::now());
        assert!(!poller.wait(&mut poller.events(), Wait::For(time)).unwrap());
        assert!(begun.elapsed() >= time / 2);
        event.connect();
        let mut events = poller.events();
        assert!(poller.wait(&mut events, Wait::UntilWoken).unwrap());
        assert!(Poller::ready(&events).eq([Event::Signal(7)]));
        assert_eq!((event.take(), event.take()), (Ok(1), Ok(0)));
    }

    // Caught: a thread that waits on for an event that was taken out.
    #[test]
    fn an_event_that_is_watched_no_longer_keeps_its_signal() {
        let (poller, event) = watching(false);
        std::thread::scope(|scope| {
            // Until it is woken by itself: what else ends a wait here is only the news of what is watched.
            let waits = scope.spawn(|| while !poller.wait(&mut poller.events(), Wait::UntilWoken).unwrap() {});
            while !poller.own.bell().rounds.is_waiting() {
                std::thread::yield_now();
            }
            poller.unwatch(7).unwrap();
            signal(&event);
            poller.wake();
            waits.join().unwrap();
        });
        assert!(win32::is_signalled(std::os::windows::io::AsHandle::as_handle(&event)).unwrap());
    }

    // Caught: a wake-up that is lost as an event is signalled too, or the other way round.
    #[test]
    fn a_wake_up_and_an_event_are_both_told() {
        let (poller, event) = watching(false);
        let mut events = poller.events();
        poller.wake();
        signal(&event);
        assert!(poller.wait(&mut events, Wait::UntilWoken).unwrap());
        assert!(Poller::ready(&events).eq([Event::Signal(7)]));
        poller.wake();
        assert!(poller.wait(&mut events, Wait::UntilWoken).unwrap());
        assert_eq!(Poller::ready(&events).count(), 0);
    }
}
