//! Who has something to be done by a thread, and how the thread finds them: a word with a bell, and a table. Nothing is
//! allocated on the way from an assertion.

use alloc::sync::{Arc, Weak};
use alloc::task::Wake;
use alloc::vec::Vec;
use core::time::Duration;
use std::time::Instant;

use lock_api::Mutex;

use crate::Polling;
use crate::dispatch::ready_word::{BITS, Raised, ReadyWord};
use crate::dispatch::window::Window;
use crate::interrupt::serve::Serve;
use crate::lock::raw::RawInterruptLock;
use crate::sync;

/// What brings a sleeping thread to look at its word.
pub(super) trait Bell: Send + Sync {
    /// Ends the wait that is going on, or the next. Never waits, and allocates nothing.
    fn ring(&self);
}

/// What a thread shares with those who have something for it to do.
pub(super) struct ReadyList<B> {
    word: ReadyWord,
    table: Mutex<RawInterruptLock, Table>,
    pub(super) bell: B,
}

struct Table {
    places: Vec<Place>,
    /// When the last window closes.
    polls_until: Option<Instant>,
}

/// One interrupt's place in the table.
struct Place {
    taken: bool,
    /// Whom the thread asks, while there is something to be asked for.
    object: Option<Weak<dyn Serve>>,
    /// The interrupt itself, where the thread is the last to need it.
    kept: Option<Arc<dyn Serve>>,
    window: Window,
    silence: Option<Silence>,
}

/// When an interrupt is run as if it were asserted, because its line has been silent.
#[derive(Clone, Copy)]
struct Silence {
    period: Duration,
    due: Instant,
}

impl Silence {
    fn from(period: Duration, now: Instant) -> Self {
        // What the clock can't say is as good as for ever.
        let due = now.checked_add(period).unwrap_or_else(|| now + super::window::FOREVER);
        Self { period, due }
    }
}

impl Place {
    const FREE: Self = Self { taken: false, object: None, kept: None, window: Window::NONE, silence: None };
}

/// What the thread finds in a place.
pub(super) struct Found {
    pub(super) object: Arc<dyn Serve>,
    /// Whether it has a window for polling.
    pub(super) polled: bool,
    /// Whether it is run when its line is silent.
    pub(super) silence: bool,
}

/// One interrupt's slot: its number, which is its own until this is dropped.
pub(super) struct Slot<B: Bell> {
    number: usize,
    pending: Arc<ReadyList<B>>,
}

impl<B: Bell> ReadyList<B> {
    pub(super) fn new(bell: B) -> Arc<Self> {
        Arc::new(Self {
            word: ReadyWord::new(),
            table: Mutex::new(Table { places: Vec::new(), polls_until: None }),
            bell,
        })
    }

    /// A slot for one more interrupt.
    pub(super) fn slot(self: &Arc<Self>) -> Slot<B> {
        let mut table = self.table.lock();
        // The lowest that is free: as few as possible share a bit.
        let number = table.places.iter().position(|place| !place.taken).unwrap_or(table.places.len());
        let place = Place { taken: true, ..Place::FREE };
        match table.places.get_mut(number) {
            Some(free) => *free = place,
            None => table.places.push(place),
        }
        Slot { number, pending: self.clone() }
    }

    /// Has the thread end.
    pub(super) fn stop(&self) {
        if self.word.stop() {
            self.bell.ring();
        }
    }

    /// For the thread: whether there is something to be taken.
    #[inline]
    pub(super) fn is_raised(&self) -> bool {
        self.word.is_raised()
    }

    /// For the thread: says that it is about to wait for the bell; `false` if it must not.
    #[must_use = "there may be something to be taken instead"]
    pub(super) fn sleep(&self) -> bool {
        self.word.sleep()
    }

    /// For the thread: takes all that is raised.
    #[inline]
    pub(super) fn take(&self) -> Raised {
        self.word.take()
    }

    /// For the thread: who is to be asked at that number, unless nobody is there any more.
    #[inline]
    pub(super) fn find(&self, number: usize) -> Option<Found> {
        let mut table = self.table.lock();
        table.places.get_mut(number)?.find()
    }

    /// For the thread: calls `ask` for each that may have raised that bit.
    #[inline]
    pub(super) fn find_all(&self, bit: usize, mut ask: impl FnMut(usize, Option<Found>)) {
        let mut number = bit;
        loop {
            let (found, there_are_more) = {
                let mut table = self.table.lock();
                let found = table.places.get_mut(number).and_then(Place::find);
                (found, number + BITS < table.places.len())
            };
            ask(number, found);
            if !there_are_more {
                return;
            }
            number += BITS;
        }
    }

    /// For the thread: the interrupt of that number has been served. The answer is until when to poll.
    pub(super) fn served(&self, number: usize, now: Instant) -> Option<Instant> {
        let mut table = self.table.lock();
        let table = &mut *table;
        if let Some(place) = table.places.get_mut(number) {
            // The longest that is open counts; one that has closed is not later than now.
            table.polls_until = table.polls_until.max(place.window.served(now));
        }
        table.polls_until
    }

    /// For the thread: the interrupt of that number has been looked at, and its line was not silent if `signalled`. The
    /// answer is when the first of all has been silent for too long.
    pub(super) fn heard(&self, number: usize, signalled: bool) -> Option<Instant> {
        let mut table = self.table.lock();
        if signalled && let Some(Place { silence: Some(silence), .. }) = table.places.get_mut(number) {
            *silence = Silence::from(silence.period, Instant::now());
        }
        table.places.iter().filter_map(|place| Some(place.silence?.due)).min()
    }

    /// For the thread: calls `ask` for each that has been silent for too long. The answer is as for [`heard`](Self::heard).
    pub(super) fn ask_silent(&self, ask: impl Fn(&dyn Serve)) -> Option<Instant> {
        let mut number = 0;
        loop {
            let now = Instant::now();
            let found = {
                let mut table = self.table.lock();
                let Some(place) = table.places.get_mut(number) else { break };
                let due = place.silence.filter(|silence| silence.due <= now);
                due.and_then(|silence| {
                    place.silence = Some(Silence::from(silence.period, now));
                    place.find()
                })
            };
            if let Some(found) = found {
                ask(&*found.object);
                // It may be the last of its interrupt.
                sync::drop_caught(found);
            }
            number += 1;
        }
        self.heard(number, false)
    }

    /// For the thread: until when to poll.
    pub(super) fn polls_until(&self) -> Option<Instant> {
        self.table.lock().polls_until
    }
}

impl Place {
    fn find(&mut self) -> Option<Found> {
        let object = match self.kept.take() {
            Some(kept) => kept,
            None => self.object.as_ref()?.upgrade()?,
        };
        Some(Found { object, polled: self.window.exists(), silence: self.silence.is_some() })
    }
}

impl<B: Bell> Slot<B> {
    pub(super) fn number(&self) -> usize {
        self.number
    }

    /// Has the thread ask `object` from now on.
    pub(super) fn open(&self, object: &Weak<dyn Serve>, polling: Polling, silence: Option<Duration>) {
        self.with(|place| {
            place.object = Some(object.clone());
            place.window = Window::new(polling);
            place.silence = silence.map(|period| Silence::from(period, Instant::now()));
        });
        if silence.is_some() {
            // It looks when that is.
            self.raise();
        }
    }

    /// Has it ask nobody here any more.
    pub(super) fn close(&self) {
        let was_open = {
            let mut table = self.pending.table.lock();
            let Some(place) = table.places.get_mut(self.number) else { return };
            place.object = None;
            place.silence = None;
            let was_open = core::mem::replace(&mut place.window, Window::NONE).until().is_some();
            if was_open {
                table.polls_until = table.places.iter().filter_map(|place| place.window.until()).max();
            }
            was_open
        };
        if was_open {
            // It looks anew how long it has to poll.
            self.raise();
        }
    }

    /// Keeps the interrupt until the thread has looked at it.
    pub(super) fn keep(&self) {
        // What it replaces is the same interrupt, and so is not the last of it.
        self.with(|place| place.kept = place.object.as_ref().and_then(Weak::upgrade));
    }

    /// Keeps it no longer.
    pub(super) fn forget(&self) {
        let mut kept = None;
        self.with(|place| kept = place.kept.take());
        // Outside the table's lock: it may be the last of the interrupt.
        drop(kept);
    }

    /// Has the thread look at this interrupt. Never waits for it, and allocates nothing.
    #[inline]
    pub(super) fn raise(&self) {
        if self.pending.word.raise(self.number) {
            self.pending.bell.ring();
        }
    }

    fn with(&self, change: impl FnOnce(&mut Place)) {
        if let Some(place) = self.pending.table.lock().places.get_mut(self.number) {
            change(place);
        }
    }
}

impl<B: Bell> Drop for Slot<B> {
    fn drop(&mut self) {
        self.close();
        self.forget();
        self.with(|place| *place = Place::FREE);
    }
}

impl<B: Bell> Wake for Slot<B> {
    fn wake(self: Arc<Self>) {
        self.raise();
    }

    #[inline]
    fn wake_by_ref(self: &Arc<Self>) {
        self.raise();
    }
}
