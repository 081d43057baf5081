//! The watcher: the dispatcher's thread that waits on sources and serves their interrupts.

#[cfg(windows)]
use core::task::Waker;
use core::time::Duration;
#[cfg(unix)]
use std::os::fd::BorrowedFd;
use std::thread;
use std::time::Instant;

use alloc::sync::{Arc, Weak};

use crate::cause::SourceError;
use crate::dispatch::Polling;
use crate::dispatch::threads::poller::{Event, Events, Poller, Wait};
use crate::dispatch::threads::ready_list::{ReadyList, Sleeper, Slot};
use crate::dispatch::threads::ready_table::{Deadlines, Found};
use crate::dispatch::threads::thread::DispatchThread;
use crate::interrupt::serve::Serve;
use crate::name::Name;
use crate::policy::placement;
#[cfg(windows)]
use crate::source::WaitableHandle;
use crate::sync;

/// How often a polling thread looks before it yields its processor.
const LOOKS: u32 = 16;

/// The watcher of a dispatcher.
pub(super) struct Watcher {
    list: Arc<ReadyList<Poller>>,
    thread: DispatchThread,
}

/// An interrupt's slot at the watcher.
pub(super) type WatcherSlot = Slot<Poller>;

impl Sleeper for Poller {
    fn wake(&self) {
        Poller::wake(self);
    }
}

impl Watcher {
    pub(super) fn start(name: &Name, poller: Poller) -> Result<Self, SourceError> {
        let list = ReadyList::new(poller);
        let its_list = list.clone();
        let thread = DispatchThread::start(name, move || {
            sync::become_watcher();
            its_list.run();
        })?;
        Ok(Self { list, thread })
    }

    pub(super) fn slot(&self) -> WatcherSlot {
        self.list.slot()
    }

    /// Serves the interrupt from now on, whenever its slot is raised.
    pub(super) fn open(
        &self,
        slot: &WatcherSlot,
        object: &Weak<dyn Serve>,
        polling: Polling,
        silence: Option<Duration>,
    ) {
        slot.open(object, polling, silence);
        if self.list.sleeper.parks() {
            // The system has refused a wait. The thread has to try again.
            slot.raise();
        }
    }

    /// Serves `event` when `descriptor` becomes readable: a removal once, a signal each time.
    #[cfg(unix)]
    pub(super) fn watch(&self, event: Event, descriptor: BorrowedFd<'_>) -> Result<(), SourceError> {
        self.list.sleeper.watch(event, descriptor)
    }

    /// How the thread waits.
    #[cfg(target_os = "linux")]
    pub(super) fn poller(&self) -> &Poller {
        &self.list.sleeper
    }

    /// Serves the interrupt when its event is signalled. If the watcher's own thread has no room for the event, another
    /// waits for it, and wakes `waker`.
    #[cfg(windows)]
    pub(super) fn watch(&self, number: usize, event: &WaitableHandle, waker: Waker) -> Result<(), SourceError> {
        self.list.sleeper.watch(number, event, waker)
    }

    /// Stops watching the interrupt's descriptors or event and serving the interrupt. It is served no longer, even if the system
    /// refuses the former.
    pub(super) fn close(&self, slot: &WatcherSlot) -> Result<(), SourceError> {
        slot.close();
        self.list.sleeper.unwatch(slot.number())
    }

    pub(super) fn is_here(&self) -> bool {
        self.list.is_here()
    }

    pub(super) fn thread(&self) -> &placement::ThreadId {
        self.thread.system()
    }

    pub(super) fn stop(&self) {
        self.list.stop();
    }

    pub(super) fn join(&self) {
        self.thread.join();
    }
}

/// What the thread itself does.
///
/// In each round the thread waits once. Then it serves the descriptors that are readable and the interrupts that are
/// raised by then. An interrupt that is raised again at once, such as a line that never falls, waits for the next
/// round, so it starves no other.
impl ReadyList<Poller> {
    fn run(&self) {
        let mut events = self.sleeper.events();
        let mut deadlines = Deadlines::default();
        // In a child that an ISR has forked, the sources are the parent's.
        while self.is_here() {
            let waited = self.wait(&mut events, &mut deadlines);
            // Taken right after the wait: from here on a raise needs no wake-up.
            let mut raised = self.take();
            if raised.is_stop() {
                return;
            }
            if let Err(error) = waited {
                self.find_open(|object| object.refused(&error));
            }
            for event in Poller::ready(&events) {
                let (number, serve): (_, fn(&dyn Serve) -> bool) = match event {
                    Event::Signal(number) => (number, |object| object.serve()),
                    #[cfg(unix)]
                    Event::Removal(number) => (number, |object| object.serve_removal()),
                };
                deadlines = self.serve(self.find(number), serve);
            }
            while let Some(found) = self.next(&mut raised) {
                deadlines = self.serve(found, |object| object.woken());
            }
            if deadlines.silence_over.is_some_and(|due| due <= Instant::now()) {
                deadlines.silence_over = self.find_silent(|object| object.silent());
            }
        }
    }

    /// Serves one interrupt, and notes its signal. Returns the deadlines as they are then. (If the interrupt has been
    /// disabled meanwhile, and that changes them, it has raised itself.)
    #[inline]
    fn serve(&self, found: Found, serve: impl FnOnce(&dyn Serve) -> bool) -> Deadlines {
        let Some(object) = found.object else { return found.deadlines };
        let served = serve(&*object);
        let deadlines = if served && found.timed { self.note_signal(found.number) } else { found.deadlines };
        // It may be the last reference to the interrupt.
        sync::free_silently(object);
        deadlines
    }

    /// Waits until there is something to do. Stays awake while a polling window is open. Returns an error if the system
    /// refuses to wait.
    fn wait(&self, events: &mut Events, deadlines: &mut Deadlines) -> Result<(), SourceError> {
        while let Some(end) = deadlines.polls_until {
            let silent = deadlines.silence_over.filter(|&silent| silent < end);
            if self.poll(events, silent.unwrap_or(end))? || silent.is_some() {
                return Ok(());
            }
            deadlines.polls_until = self.close_windows();
        }
        let wait = match deadlines.silence_over {
            _ if !self.sleep() => Wait::No,
            None => Wait::UntilWoken,
            Some(silent) => Wait::For(silent.saturating_duration_since(Instant::now())),
        };
        self.sleeper.wait(events, wait).map(drop)
    }

    /// Looks again and again until that moment, without taking a lock. Returns whether there is something to do.
    fn poll(&self, events: &mut Events, until: Instant) -> Result<bool, SourceError> {
        loop {
            for _ in 0..LOOKS {
                // Descriptors first: a bit that is raised again at once must not keep the thread from looking at them.
                if self.sleeper.wait(events, Wait::No)? {
                    return Ok(true);
                }
                // A look at the word is cheap. System calls and the clock are not.
                let looks = if self.sleeper.watches() { 1 } else { LOOKS };
                for _ in 0..looks {
                    if self.is_raised() {
                        return Ok(true);
                    }
                    core::hint::spin_loop();
                }
                if Instant::now() >= until {
                    return Ok(false);
                }
            }
            // On a machine with one processor, no other thread could assert otherwise.
            thread::yield_now();
        }
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.stop();
        self.join();
    }
}
