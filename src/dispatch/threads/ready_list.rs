//! The interrupts that need one of a dispatcher's threads, and how the thread finds them.
//!
//! A list has a word, in which an interrupt raises itself, and a table, in which the thread looks up the interrupt.
//! Raising allocates nothing, so nothing is allocated on the way from an assertion to the ISR.

use alloc::sync::{Arc, Weak};
use alloc::task::Wake;
use core::time::Duration;
use std::time::Instant;

use lock_api::Mutex;

use crate::dispatch::Polling;
use crate::dispatch::ready_word::{Node, Raised, ReadyWord};
use crate::dispatch::threads::ready_table::{Deadlines, Found, ReadyTable};
use crate::interrupt::serve::Serve;
use crate::lock::raw::RawInterruptLock;
use crate::sync;
use crate::sync::Process;

/// How many silences the thread looks at in one round, so that they delay no signal for long.
const SILENCES: usize = 64;

/// What the thread of a list sleeps in, so that others can wake it.
pub(super) trait Sleeper: Send + Sync {
    /// Ends the thread's current wait, or else its next one. Never waits, and allocates nothing.
    fn wake(&self);
}

/// What a thread shares with the interrupts that need it.
pub(super) struct ReadyList<S> {
    word: ReadyWord,
    table: Mutex<RawInterruptLock, ReadyTable>,
    pub(super) sleeper: S,
    /// The process in which the thread lives.
    process: Process,
}

/// An interrupt's slot in a list: it owns the row of that number until it is dropped.
pub(super) struct Slot<S: Sleeper> {
    number: usize,
    node: Arc<Node>,
    list: Arc<ReadyList<S>>,
}

impl<S: Sleeper> ReadyList<S> {
    pub(super) fn new(sleeper: S) -> Arc<Self> {
        let table = Mutex::new(ReadyTable::default());
        Arc::new(Self { word: ReadyWord::new(), table, sleeper, process: Process::this() })
    }

    /// Returns a slot for one more interrupt.
    pub(super) fn slot(self: &Arc<Self>) -> Slot<S> {
        let (number, node) = self.table.lock().take_row();
        Slot { number, node, list: self.clone() }
    }

    /// Makes the thread end.
    pub(super) fn stop(&self) {
        if self.word.stop() {
            self.wake();
        }
    }

    /// Wakes the thread, if it is in this process: a forked child must not wake the parent's.
    fn wake(&self) {
        if self.is_here() {
            self.sleeper.wake();
        }
    }

    /// Whether this is the process in which the thread lives, and not a forked child. There the thread is gone, or is the
    /// one that forked (rule I20).
    pub(super) fn is_here(&self) -> bool {
        self.process.is_this()
    }

    /// For the thread: whether there is something to take.
    #[inline]
    pub(super) fn is_raised(&self) -> bool {
        self.word.is_raised()
    }

    /// For the thread: announces that it is about to sleep. Returns `false` if there is something to take; then it must
    /// not sleep.
    #[must_use = "if it returns `false` the thread must not sleep"]
    pub(super) fn sleep(&self) -> bool {
        self.word.sleep()
    }

    /// For the thread: takes all that is raised.
    #[inline]
    pub(super) fn take(&self) -> Raised {
        let mut raised = self.word.take();
        if raised.is_linked() {
            let table = self.table.lock();
            raised.put_in_order(|number| table.node(number));
        }
        raised
    }

    /// For the thread: looks up the next of those that it has taken.
    #[inline]
    pub(super) fn next(&self, raised: &mut Raised) -> Option<Found> {
        let table = self.table.lock();
        raised.next(|number| table.node(number)).map(|number| table.find(number))
    }

    /// For the thread: looks up the interrupt of that number.
    #[inline]
    pub(super) fn find(&self, number: usize) -> Found {
        self.table.lock().find(number)
    }

    /// For the thread: calls `each` for every interrupt whose slot is open.
    pub(super) fn find_open(&self, each: impl Fn(&dyn Serve)) {
        for number in 0.. {
            let found = {
                let table = self.table.lock();
                if number >= table.len() {
                    return;
                }
                table.find(number)
            };
            serve_silently(found, &each);
        }
    }

    /// For the thread: notes that the interrupt of that number has been served.
    pub(super) fn note_signal(&self, number: usize) -> Deadlines {
        let now = Instant::now();
        self.table.lock().note_signal(number, now)
    }

    /// For the thread: closes the windows whose time is over. Returns when the next may close.
    pub(super) fn close_windows(&self) -> Option<Instant> {
        let now = Instant::now();
        self.table.lock().close_windows(now)
    }

    /// For the thread: calls `each` for interrupts whose silence is over, and begins their next silence. Returns when
    /// the thread has to call this again.
    pub(super) fn find_silent(&self, each: impl Fn(&dyn Serve)) -> Option<Instant> {
        let now = Instant::now();
        for _ in 0..SILENCES {
            let found = {
                let mut table = self.table.lock();
                let Some(looked_at) = table.next_silent(now) else { break };
                looked_at.map(|number| table.find(number))
            };
            if let Some(found) = found {
                serve_silently(found, &each);
            }
        }
        self.table.lock().deadlines().silence_over
    }
}

/// Calls `each` for the interrupt that was found, if it is there.
fn serve_silently(found: Found, each: impl Fn(&dyn Serve)) {
    if let Some(object) = found.object {
        each(&*object);
        // It may be the last reference to the interrupt.
        sync::free_silently(object);
    }
}

impl<S: Sleeper> Slot<S> {
    pub(super) fn number(&self) -> usize {
        self.number
    }

    /// Makes the thread look at `object` from now on.
    pub(super) fn open(&self, object: &Weak<dyn Serve>, polling: Polling, silence: Option<Duration>) {
        let now = Instant::now();
        let has_changed = self.list.table.lock().open(self.number, object.clone(), polling, silence, now);
        if has_changed {
            // The thread has to learn when to look. If it sleeps until an earlier moment, it learns that then.
            self.raise();
        }
    }

    /// Makes the thread look at this interrupt no longer.
    pub(super) fn close(&self) {
        let was_open = self.list.table.lock().close(self.number);
        if was_open {
            // The thread has to learn that it may sleep sooner.
            self.raise();
        }
    }

    /// Makes the thread look at this interrupt. Never waits for the thread, and allocates nothing.
    #[inline]
    pub(super) fn raise(&self) {
        if self.list.word.raise(self.number, &self.node) {
            self.list.wake();
        }
    }
}

impl<S: Sleeper> Drop for Slot<S> {
    fn drop(&mut self) {
        if !self.list.is_here() {
            // The thread may have been inside the table when it was left behind.
            return;
        }
        self.close();
        self.list.table.lock().free_row(self.number);
    }
}

impl<S: Sleeper> Wake for Slot<S> {
    fn wake(self: Arc<Self>) {
        self.raise();
    }

    #[inline]
    fn wake_by_ref(self: &Arc<Self>) {
        self.raise();
    }
}
