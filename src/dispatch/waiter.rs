//! The thread that waits on sources.

use core::time::Duration;
#[cfg(unix)]
use std::os::fd::BorrowedFd;
use std::thread;
use std::time::Instant;

use alloc::sync::{Arc, Weak};

use crate::dispatch::poller::{Event, Events, Poller, Wait};
use crate::dispatch::ready_list::{Bell, Found, ReadyList, Slot};
use crate::dispatch::thread::Thread;
use crate::interrupt::serve::Serve;
use crate::policy::placement;
use crate::{Name, Polling, SourceError, sync};

/// How often a thread that polls looks before it lets others have the processor.
const LOOKS: u32 = 16;

/// The thread, and what it waits on.
pub(super) struct Waiter {
    pending: Arc<ReadyList<Poller>>,
    thread: Thread,
}

/// One interrupt's place there.
pub(super) type WaiterSlot = Slot<Poller>;

impl Bell for Poller {
    fn ring(&self) {
        self.wake();
    }
}

impl Waiter {
    pub(super) fn start(name: &Name) -> Result<Self, SourceError> {
        let pending = ReadyList::new(Poller::new()?);
        let theirs = pending.clone();
        let thread = Thread::start(name, move || theirs.run())?;
        Ok(Self { pending, thread })
    }

    pub(super) fn slot(&self) -> WaiterSlot {
        self.pending.slot()
    }

    /// Asks the interrupt when its source wakes it.
    pub(super) fn open(
        &self,
        slot: &WaiterSlot,
        object: &Weak<dyn Serve>,
        polling: Polling,
        silence: Option<Duration>,
    ) {
        slot.open(object, polling, silence);
    }

    /// Serves the `event` of the interrupt when `descriptor` is readable: a removal once, a signal always.
    #[cfg(unix)]
    pub(super) fn watch(&self, event: Event, descriptor: BorrowedFd<'_>) -> Result<(), SourceError> {
        self.pending.bell.watch(event, descriptor)
    }

    /// Neither watches nor asks it any more.
    pub(super) fn close(&self, slot: &WaiterSlot) {
        self.pending.bell.unwatch(slot.number());
        slot.close();
    }

    pub(super) fn thread(&self) -> placement::ThreadId {
        self.thread.system()
    }

    pub(super) fn stop(&self) {
        self.pending.stop();
    }

    pub(super) fn join(&self) {
        self.thread.join();
    }
}

/// What the thread has to keep in mind.
#[derive(Default)]
struct Moments {
    /// Until when it polls.
    polls_until: Option<Instant>,
    /// When a line has been silent for too long.
    silent: Option<Instant>,
}

/// The thread's own part.
///
/// Each turn waits once, and then serves the descriptors that were readable and the interrupts that were raised by then.
/// One that is raised again at once (a line that never falls) has to wait for the next turn, so it starves nobody.
impl ReadyList<Poller> {
    fn run(&self) {
        let mut events = self.bell.events();
        let mut moments = Moments::default();
        loop {
            self.wait(&mut events, &mut moments);
            // At once: from here on nobody needs to ring.
            let raised = self.take();
            if raised.is_stop() {
                return;
            }
            for event in Poller::ready(&events) {
                let (number, serve): (_, fn(&dyn Serve) -> bool) = match event {
                    Event::Signal(number) => (number, |object| object.serve()),
                    Event::Removal(number) => (number, |object| object.serve_removal()),
                };
                self.ask(number, self.find(number), serve, &mut moments);
            }
            for bit in raised {
                self.find_all(bit, |number, found| self.ask(number, found, |object| object.woken(), &mut moments));
            }
            if moments.silent.is_some_and(|due| due <= Instant::now()) {
                moments.silent = self.ask_silent(|object| object.silent());
            }
        }
    }

    #[inline]
    fn ask(&self, number: usize, found: Option<Found>, serve: impl FnOnce(&dyn Serve) -> bool, moments: &mut Moments) {
        let served = found.as_ref().is_some_and(|found| serve(&*found.object));
        if found.as_ref().is_some_and(|found| found.silence) {
            moments.silent = self.heard(number, served);
        }
        match &found {
            Some(found) if served && found.polled => moments.polls_until = self.served(number, Instant::now()),
            // Perhaps it has been disabled, and its window closed.
            _ if moments.polls_until.is_some() => moments.polls_until = self.polls_until(),
            _ => {}
        }
        // It may be the last of its interrupt.
        sync::drop_caught(found);
    }

    /// Waits until there is something to be done, awake while a window is open.
    fn wait(&self, events: &mut Events, moments: &mut Moments) {
        if let Some(end) = moments.polls_until {
            let silent = moments.silent.filter(|&silent| silent < end);
            if self.poll(events, silent.unwrap_or(end)) || silent.is_some() {
                return;
            }
            moments.polls_until = None;
        }
        let wait = match moments.silent {
            _ if !self.sleep() => Wait::No,
            None => Wait::UntilWoken,
            Some(silent) => Wait::For(silent.saturating_duration_since(Instant::now())),
        };
        self.bell.wait(events, wait);
    }

    /// Looks again and again, without a lock. The answer is whether there is something to be done.
    fn poll(&self, events: &mut Events, until: Instant) -> bool {
        loop {
            for _ in 0..LOOKS {
                // The descriptors first: a flag that is raised again at once must not keep them from being looked at.
                if self.bell.wait(events, Wait::No) {
                    return true;
                }
                // The word costs nothing to look at, the system and the clock do.
                let looks = if self.bell.watches() { 1 } else { LOOKS };
                for _ in 0..looks {
                    if self.is_raised() {
                        return true;
                    }
                    core::hint::spin_loop();
                }
                if Instant::now() >= until {
                    return false;
                }
            }
            // Where there is but one processor, nobody could assert otherwise.
            thread::yield_now();
        }
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        self.stop();
        self.join();
    }
}
