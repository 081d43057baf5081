//! One thread of Windows that waits for a bell and up to 63 events.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::mem;
use core::task::Waker;
use core::time::Duration;
use std::os::windows::io::{AsHandle, BorrowedHandle};

use lock_api::Mutex;

use crate::cause::SourceError;
use crate::lock::raw::RawInterruptLock;
use crate::source::waitable::{Bell, Waitable};
use crate::sync::AtomicUsize;
use crate::sync::Ordering::Relaxed;
use crate::win32::{self, MOST_AT_ONCE};

/// What one thread waits for.
pub(super) struct Waiter {
    bell: Arc<Bell>,
    watched: Mutex<RawInterruptLock, Vec<Watched>>,
    /// How many events are watched.
    count: AtomicUsize,
    /// Changed with each change of what is watched.
    version: AtomicUsize,
}

/// An event that is watched for an interrupt.
#[derive(Clone)]
pub(super) struct Watched {
    number: usize,
    event: Arc<Waitable>,
    waker: Waker,
}

impl Watched {
    pub(super) fn new(number: usize, event: &Arc<Waitable>, waker: Waker) -> Self {
        Self { number, event: event.clone(), waker }
    }
}

impl Waiter {
    pub(super) fn new() -> Result<Self, SourceError> {
        let watched = Mutex::new(Vec::new());
        Ok(Self { bell: Bell::new()?, watched, count: AtomicUsize::new(0), version: AtomicUsize::new(0) })
    }

    pub(super) fn bell(&self) -> &Arc<Bell> {
        &self.bell
    }

    pub(super) fn has_room(&self) -> bool {
        self.watched.lock().len() < MOST_AT_ONCE - 1
    }

    pub(super) fn watch(&self, watched: Watched) {
        watched.event.add(&self.bell, &watched.waker);
        self.change(|list| list.push(watched));
        self.bell.tell();
    }

    /// Stops watching the event of that interrupt. Returns after the thread has noted what its waits have taken.
    pub(super) fn unwatch(&self, number: usize) {
        let place = |list: &Vec<Watched>| list.iter().position(|watched| watched.number == number);
        let Some(removed) = self.change(|list| Some(list.swap_remove(place(list)?))) else { return };
        self.bell.settle();
        removed.event.remove(&self.bell, &removed.waker);
    }

    fn change<R>(&self, change: impl FnOnce(&mut Vec<Watched>) -> R) -> R {
        let mut list = self.watched.lock();
        let result = change(&mut list);
        // Relaxed, for both: the thread compares the version before it waits, and the rounds order that; the count is a
        // hint.
        self.count.store(list.len(), Relaxed);
        self.version.store(self.version.load(Relaxed).wrapping_add(1), Relaxed);
        result
    }

    pub(super) fn watches(&self) -> bool {
        // Relaxed: as in `change`.
        self.count.load(Relaxed) != 0
    }

    /// For the thread: waits that long until an event is signalled or the bell rings, and notes all that are signalled by
    /// then. Returns whether there is something to do, or an error if the system refuses to wait for the bell.
    pub(super) fn wait(&self, events: &mut Events, time: Option<Duration>) -> Result<bool, SourceError> {
        events.clear();
        self.bell.rounds.begin();
        // Relaxed: as in `change`.
        let version = self.version.load(Relaxed);
        let outdated = (version != events.version).then(|| events.renew(&self.watched.lock(), version));
        let waited = events.wait(&self.bell, time);
        self.bell.rounds.end();
        // Outside of the round, for which other threads may wait: it may be the last reference to an interrupt's slot.
        drop(outdated);
        events.wake_others(&self.bell);
        waited
    }
}

/// What the thread itself keeps from one wait to the next.
pub(in crate::dispatch::threads) struct Events {
    /// What is watched, as of `version`.
    watched: Vec<Watched>,
    version: usize,
    /// The places in `watched` of the events that the last wait found signalled.
    signalled: Vec<usize>,
    /// The places of those that are left out: the system refuses to wait for them, or they are there already, for another
    /// interrupt.
    left_out: Vec<usize>,
}

impl Events {
    pub(super) fn new() -> Self {
        let places = || Vec::with_capacity(MOST_AT_ONCE);
        Self { watched: Vec::new(), version: 0, signalled: places(), left_out: places() }
    }

    /// Takes over what is watched now. Returns what was before.
    fn renew(&mut self, watched: &[Watched], version: usize) -> Vec<Watched> {
        let is_twice =
            |&place: &usize| watched[..place].iter().any(|other| Arc::ptr_eq(&other.event, &watched[place].event));
        self.left_out.clear();
        self.left_out.extend((0..watched.len()).filter(is_twice));
        self.version = version;
        mem::replace(&mut self.watched, watched.to_vec())
    }

    pub(super) fn clear(&mut self) {
        self.signalled.clear();
    }

    /// The numbers of the interrupts that have to be served.
    pub(super) fn served(&self) -> impl Iterator<Item = usize> + '_ {
        self.signalled.iter().map(|&place| self.watched[place].number)
    }

    /// Has the interrupts served that wait on other threads for the levels which are masked now.
    fn wake_others(&self, bell: &Arc<Bell>) {
        for &place in &self.signalled {
            let event = &self.watched[place].event;
            if event.is_level() {
                event.wake_others(bell);
            }
        }
    }

    /// Has the watcher serve them.
    pub(super) fn wake(&self) {
        for &place in &self.signalled {
            self.watched[place].waker.wake_by_ref();
        }
    }

    fn wait(&mut self, bell: &Bell, time: Option<Duration>) -> Result<bool, SourceError> {
        let mut handles = [bell.as_handle(); MOST_AT_ONCE];
        let mut places = [0; MOST_AT_ONCE];
        let mut count = 1;
        for (place, watched) in self.watched.iter().enumerate() {
            if watched.event.is_awaited() && !self.left_out.contains(&place) {
                (handles[count], places[count]) = (watched.event.as_handle(), place);
                count += 1;
            }
        }
        let (handles, places) = (&handles[..count], &places[..count]);
        let (mut woken, mut time, mut from) = (false, time, 0);
        // The system tells the first that is signalled. So that none starves the others, the thread then looks at the rest.
        while from < count {
            match win32::wait_for_any(&handles[from..], time) {
                Ok(None) => break,
                Ok(Some(0)) if from == 0 => (woken, from) = (true, 1),
                Ok(Some(next)) => {
                    note(&self.watched, places[from + next], &mut self.signalled);
                    from += next + 1;
                }
                Err(error) => {
                    if !look_one_by_one(&self.watched, handles, places, &mut self.signalled, &mut self.left_out) {
                        return Err(error);
                    }
                    break;
                }
            }
            time = Some(Duration::ZERO);
        }
        Ok(woken || !self.signalled.is_empty())
    }
}

/// Notes that the wait has ended by the event at that place, for all interrupts that have it.
fn note(watched: &[Watched], place: usize, signalled: &mut Vec<usize>) {
    let event = &watched[place].event;
    if event.note() {
        let same = |&other: &usize| Arc::ptr_eq(&watched[other].event, event);
        signalled.extend((place..watched.len()).filter(same));
    }
}

/// Looks at each event by itself, after a wait for all was refused. One that the system refuses is left out from now on, and its
/// interrupts are served: then their source says why. Returns `false` if it is the bell.
fn look_one_by_one(
    watched: &[Watched],
    handles: &[BorrowedHandle<'_>],
    places: &[usize],
    signalled: &mut Vec<usize>,
    left_out: &mut Vec<usize>,
) -> bool {
    let mut found = false;
    for (&handle, &place) in handles.iter().zip(places).skip(1) {
        match win32::is_signalled(handle) {
            Ok(true) => note(watched, place, signalled),
            Ok(false) => {}
            Err(_) => {
                found = true;
                left_out.push(place);
                signalled.push(place);
            }
        }
    }
    found
}
