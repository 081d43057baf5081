//! The interrupts that need one of a dispatcher's threads, and how the thread finds them.
//!
//! A list has a word, in which an interrupt raises its bit, and a table, in which the thread looks up the interrupt.
//! Raising allocates nothing, so nothing is allocated on the way from an assertion to the ISR.

use alloc::sync::{Arc, Weak};
use alloc::task::Wake;
use alloc::vec::Vec;
use core::time::Duration;
use std::time::Instant;

use lock_api::Mutex;

use crate::dispatch::Polling;
use crate::dispatch::ready_word::{BITS, Raised, ReadyWord};
use crate::dispatch::threads::window::{FOREVER, Window};
use crate::interrupt::serve::Serve;
use crate::lock::raw::RawInterruptLock;
use crate::sync;
use crate::sync::Process;

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

/// A row for each slot, and what they have in common.
struct ReadyTable {
    rows: Vec<Row>,
    /// When the last open window closes.
    polls_until: Option<Instant>,
}

/// What the thread knows of one interrupt.
struct Row {
    /// A slot owns this row.
    taken: bool,
    /// The interrupt, while its slot is open.
    object: Option<Weak<dyn Serve>>,
    window: Window,
    /// Present with `Builder::poll_when_silent`, while the slot is open.
    silence: Option<Silence>,
}

/// When the ISR of a silent interrupt runs as if its line had signalled ([rule I14](crate::guide::contract#i14)).
#[derive(Clone, Copy)]
struct Silence {
    period: Duration,
    due: Instant,
}

impl Silence {
    /// A silence that begins now.
    fn from(period: Duration, now: Instant) -> Self {
        // A moment that the clock can't express is as good as for ever.
        let due = now.checked_add(period).unwrap_or_else(|| now + FOREVER);
        Self { period, due }
    }
}

impl Row {
    const FREE: Self = Self { taken: false, object: None, window: Window::NONE, silence: None };
}

/// An interrupt that the thread has looked up.
pub(super) struct Found {
    pub(super) object: Arc<dyn Serve>,
    /// Whether it has a polling window.
    pub(super) polled: bool,
    /// Whether its ISR runs when its line is silent.
    pub(super) silence: bool,
}

/// An interrupt's slot in a list: it owns the row of that number until it is dropped.
pub(super) struct Slot<S: Sleeper> {
    number: usize,
    list: Arc<ReadyList<S>>,
}

impl<S: Sleeper> ReadyList<S> {
    pub(super) fn new(sleeper: S) -> Arc<Self> {
        Arc::new(Self {
            word: ReadyWord::new(),
            table: Mutex::new(ReadyTable { rows: Vec::new(), polls_until: None }),
            sleeper,
            process: Process::this(),
        })
    }

    /// Returns a slot for one more interrupt.
    pub(super) fn slot(self: &Arc<Self>) -> Slot<S> {
        let mut table = self.table.lock();
        // The lowest free number, so that as few interrupts as possible share a bit.
        let number = table.rows.iter().position(|row| !row.taken).unwrap_or(table.rows.len());
        let row = Row { taken: true, ..Row::FREE };
        match table.rows.get_mut(number) {
            Some(free) => *free = row,
            None => table.rows.push(row),
        }
        Slot { number, list: self.clone() }
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

    /// For the thread: takes all bits that are raised.
    #[inline]
    pub(super) fn take(&self) -> Raised {
        self.word.take()
    }

    /// For the thread: returns the interrupt of that number, unless it is closed or gone.
    #[inline]
    pub(super) fn find(&self, number: usize) -> Option<Found> {
        let table = self.table.lock();
        table.rows.get(number)?.find()
    }

    /// For the thread: calls `each` for every interrupt that may have raised that bit.
    #[inline]
    pub(super) fn find_all(&self, bit: usize, mut each: impl FnMut(usize, Option<Found>)) {
        let mut number = bit;
        loop {
            let (found, there_are_more) = {
                let table = self.table.lock();
                let found = table.rows.get(number).and_then(Row::find);
                (found, number + BITS < table.rows.len())
            };
            each(number, found);
            if !there_are_more {
                return;
            }
            number += BITS;
        }
    }

    /// For the thread: calls `each` for every interrupt whose slot is open.
    pub(super) fn find_open(&self, each: impl Fn(&dyn Serve)) {
        for number in 0.. {
            let found = {
                let table = self.table.lock();
                let Some(row) = table.rows.get(number) else { return };
                row.find()
            };
            if let Some(found) = found {
                each(&*found.object);
                // It may be the last reference to the interrupt.
                sync::free_silently(found);
            }
        }
    }

    /// For the thread: opens the window of an interrupt that has been served. Returns when the last open window closes.
    pub(super) fn open_window(&self, number: usize, now: Instant) -> Option<Instant> {
        let mut table = self.table.lock();
        let table = &mut *table;
        if let Some(row) = table.rows.get_mut(number) {
            // A window that has closed is not later than now, so the latest of the two is open.
            table.polls_until = table.polls_until.max(row.window.open(now));
        }
        table.polls_until
    }

    /// For the thread: if the interrupt of that number has `signalled`, its silence begins anew. Returns when the next
    /// silence of any interrupt is over.
    pub(super) fn note_signal(&self, number: usize, signalled: bool) -> Option<Instant> {
        let mut table = self.table.lock();
        if signalled && let Some(Row { silence: Some(silence), .. }) = table.rows.get_mut(number) {
            *silence = Silence::from(silence.period, Instant::now());
        }
        table.rows.iter().filter_map(|row| Some(row.silence?.due)).min()
    }

    /// For the thread: calls `each` for every interrupt whose silence is over, and begins the next silence. Returns
    /// what [`note_signal`](Self::note_signal) returns.
    pub(super) fn find_silent(&self, each: impl Fn(&dyn Serve)) -> Option<Instant> {
        let mut number = 0;
        loop {
            let now = Instant::now();
            let found = {
                let mut table = self.table.lock();
                let Some(row) = table.rows.get_mut(number) else { break };
                let due = row.silence.filter(|silence| silence.due <= now);
                due.and_then(|silence| {
                    row.silence = Some(Silence::from(silence.period, now));
                    row.find()
                })
            };
            if let Some(found) = found {
                each(&*found.object);
                // It may be the last reference to the interrupt.
                sync::free_silently(found);
            }
            number += 1;
        }
        self.note_signal(number, false)
    }

    /// For the thread: returns when the last open window closes.
    pub(super) fn polls_until(&self) -> Option<Instant> {
        self.table.lock().polls_until
    }
}

impl Row {
    fn find(&self) -> Option<Found> {
        let object = self.object.as_ref()?.upgrade()?;
        Some(Found { object, polled: self.window.exists(), silence: self.silence.is_some() })
    }
}

impl<S: Sleeper> Slot<S> {
    pub(super) fn number(&self) -> usize {
        self.number
    }

    /// Makes the thread look at `object` from now on.
    pub(super) fn open(&self, object: &Weak<dyn Serve>, polling: Polling, silence: Option<Duration>) {
        self.with(|row| {
            row.object = Some(object.clone());
            row.window = Window::new(polling);
            row.silence = silence.map(|period| Silence::from(period, Instant::now()));
        });
        if silence.is_some() {
            // The thread has to learn when the silence is over.
            self.raise();
        }
    }

    /// Makes the thread look at this interrupt no longer.
    pub(super) fn close(&self) {
        let was_open = {
            let mut table = self.list.table.lock();
            let Some(row) = table.rows.get_mut(self.number) else { return };
            row.object = None;
            row.silence = None;
            let was_open = core::mem::replace(&mut row.window, Window::NONE).until().is_some();
            if was_open {
                table.polls_until = table.rows.iter().filter_map(|row| row.window.until()).max();
            }
            was_open
        };
        if was_open {
            // The thread has to learn that it may sleep sooner.
            self.raise();
        }
    }

    /// Makes the thread look at this interrupt. Never waits for the thread, and allocates nothing.
    #[inline]
    pub(super) fn raise(&self) {
        if self.list.word.raise(self.number) {
            self.list.wake();
        }
    }

    fn with(&self, change: impl FnOnce(&mut Row)) {
        if let Some(row) = self.list.table.lock().rows.get_mut(self.number) {
            change(row);
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
        self.with(|row| *row = Row::FREE);
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
