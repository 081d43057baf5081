//! Waiting on Windows: the thread waits for a bell and the events of the sources. One thread can wait for 64 handles, so a
//! dispatcher with more than 63 events has more threads, which only wait, note and wake.
//!
//! The thread pool of Windows could wait for any number. But its thread takes the signal of an event before it tells anybody,
//! and nothing says when it has told.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::task::Waker;
use core::time::Duration;

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
use crate::sync::Ordering::Relaxed;
use crate::sync::{AtomicUsize, PlainMutex};

pub(in crate::dispatch::threads) use crate::dispatch::threads::poller::waiter::Events;

/// How a watcher waits, and how others end its wait.
pub(in crate::dispatch::threads) struct Poller {
    /// The watcher's own thread.
    own: Waiter,
    refusal: Refusal,
    /// The threads for the events that the watcher's own has no room for.
    others: Mutex<RawInterruptLock, Vec<OtherThread>>,
    /// Why a wait of those was refused, until the watcher takes note of it.
    refused: Arc<PlainMutex<Option<SourceError>>>,
}

impl Poller {
    pub(in crate::dispatch::threads) fn new() -> Result<Self, SourceError> {
        let others = Mutex::new(Vec::new());
        Ok(Self { own: Waiter::new()?, refusal: Refusal::default(), others, refused: Arc::new(PlainMutex::new(None)) })
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
        // One at a time, also for the watcher's own thread: two interrupts that are enabled at once must not both find the last
        // room.
        let mut others = self.others.lock();
        if self.own.has_room() {
            self.own.watch(watched);
            return Ok(());
        }
        let other = match others.iter().position(|other| other.waiter.has_room()) {
            Some(place) => &others[place],
            None => others.push_mut(OtherThread::start(self.own.bell(), &self.refused)?),
        };
        other.waiter.watch(watched);
        other.refusal.wake();
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
        let time = match wait {
            Wait::No if !self.watches() => {
                events.clear();
                return Ok(false);
            }
            Wait::No => Some(Duration::ZERO),
            Wait::UntilWoken => None,
            Wait::For(time) => Some(time),
        };
        if self.parks() {
            events.clear();
            self.refusal.park(time);
            return Ok(false);
        }
        let waited = self.own.wait(events, time);
        let waited = self.refused.lock().take().map_or(waited, Err);
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
    refusal: Arc<Refusal>,
    /// 1 once the thread has to end.
    stop: Arc<AtomicUsize>,
    thread: DispatchThread,
}

impl OtherThread {
    /// Starts a thread. If the system refuses its wait, it leaves the error in `refused`, and rings for the watcher.
    fn start(watcher: &Arc<Bell>, refused: &Arc<PlainMutex<Option<SourceError>>>) -> Result<Self, SourceError> {
        let (waiter, refusal) = (Arc::new(Waiter::new()?), Arc::<Refusal>::default());
        let stop = Arc::new(AtomicUsize::new(0));
        let its = (waiter.clone(), refusal.clone(), stop.clone(), watcher.clone(), refused.clone());
        let thread = DispatchThread::start(&Name::new("more events"), move || {
            let (waiter, refusal, stop, watcher, refused) = its;
            let mut events = Events::new();
            // Relaxed: the bell orders it.
            while stop.load(Relaxed) == 0 {
                match waiter.wait(&mut events, None) {
                    Ok(_) => events.wake(),
                    Err(error) => {
                        *refused.lock() = Some(error);
                        refusal.note();
                        watcher.ring();
                        refusal.park(None);
                    }
                }
            }
        })?;
        Ok(Self { waiter, refusal, stop, thread })
    }
}

impl Drop for OtherThread {
    fn drop(&mut self) {
        // Relaxed: the bell orders it.
        self.stop.store(1, Relaxed);
        self.waiter.bell().ring();
        self.refusal.wake();
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
        let woken = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            let waits = scope.spawn(|| {
                let mut events = poller.events();
                // Relaxed: the bell orders it. (The news of what is watched rings the bell, too.)
                while woken.load(Relaxed) == 0 {
                    poller.wait(&mut events, Wait::UntilWoken).unwrap();
                }
            });
            while !poller.own.bell().rounds.is_waiting() {
                std::thread::yield_now();
            }
            poller.unwatch(7).unwrap();
            signal(&event);
            woken.store(1, Relaxed);
            poller.wake();
            waits.join().unwrap();
        });
        assert!(win32::is_signalled(std::os::windows::io::AsHandle::as_handle(&event)).unwrap());
    }

    // Caught: a refusal of a further thread that is told again and again, or never.
    #[test]
    fn i19_a_refused_wait_of_a_further_thread_is_told_once() {
        let (poller, event) = watching(false);
        let mut events = poller.events();
        let refused = SourceError::Refused("as a test".into());
        *poller.refused.lock() = Some(refused.clone());
        poller.wake();
        assert_eq!(poller.wait(&mut events, Wait::UntilWoken), Err(refused));
        assert!(poller.parks());
        poller.wake();
        assert_eq!(poller.wait(&mut events, Wait::UntilWoken), Ok(false));
        signal(&event);
        while Poller::ready(&events).count() == 0 {
            poller.wait(&mut events, Wait::UntilWoken).unwrap();
        }
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
