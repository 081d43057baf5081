//! The register: the waits of all threads, in lists by the thread that waits.
//!
//! Its lock is not one of the crate's: their slow path comes here. An entry lies in the frame of the thread that waits,
//! so registering allocates nothing.

use core::cell::Cell;
use core::ptr;

use crate::circle::Circle;
use crate::lock::waits::Awaited;
use crate::sync;
#[cfg(loom)]
use crate::sync::static_in_models;
use crate::sync::{AtomicUsize, Parker, PlainMutex};
#[cfg(not(loom))]
use crate::sync::{GENERATIONS, OfEachProcess};
use sync::Ordering::Relaxed;

#[cfg(not(loom))]
static REGISTER: OfEachProcess<PlainMutex<Register>> =
    OfEachProcess::new([const { PlainMutex::new(Register::new()) }; GENERATIONS]);
#[cfg(loom)]
static_in_models! {
    static REGISTER: PlainMutex<Register> = PlainMutex::new(Register::new());
}

/// In how many lists the entries are. A walk looks through one list for each thread on its way, so this is for machines
/// with thousands of threads that sleep. (A model makes the register anew for each execution.)
const LISTS: usize = if cfg!(loom) { 4 } else { 1024 };

/// One thread's wait.
struct Entry<'a> {
    waiter: usize,
    awaited: Awaited<'a>,
    /// How to call the wait off, if that is possible.
    call_off: Option<CallOff<'a>>,
    /// The next entry of the list. Used with the register locked.
    next: Cell<*const Entry<'static>>,
}

/// How a wait is called off that can be given up without a loss: a join, the flush of an end.
#[derive(Clone, Copy)]
pub(crate) struct CallOff<'a> {
    /// Set once the wait has been called off. The thread looks at it before it sleeps, with the queue locked.
    pub(crate) flag: &'a Flag,
    /// Where the thread sleeps, and the word that it sleeps on.
    pub(crate) parker: &'a Parker,
    pub(crate) word: &'a AtomicUsize,
}

/// Whether a wait has been called off.
pub(crate) struct Flag(AtomicUsize);

/// The waits of all threads.
struct Register {
    lists: [*const Entry<'static>; LISTS],
    /// How many entries there are: no chain is longer.
    count: usize,
    /// The process whose threads wait.
    process: usize,
}

// SAFETY: the pointers are to entries that other threads have registered. An entry stays where it is, and what it
// refers to stays alive, until its thread has taken it out, with the register locked.
unsafe impl Send for Register {}

/// Where a walk has ended.
enum Walk<'a> {
    /// At a thread that does not wait.
    Open,
    /// At the caller: the last thread waits for this, which the caller owns.
    Closed(Awaited<'a>),
    /// At the caller, through a wait that can be called off.
    ThroughSoft(&'a Entry<'a>),
}

impl Register {
    const fn new() -> Self {
        Self { lists: [ptr::null(); LISTS], count: 0, process: 0 }
    }

    /// Walks from the owner of `wanted`, along what each thread waits for.
    fn walk<'a>(&'a self, me: usize, wanted: Awaited<'a>) -> Walk<'a> {
        let (mut awaited, mut through) = (wanted, None);
        // (The bound is a safeguard. Every circle has been refused, or has a wait that is called off, where the walk stops.)
        for _ in 0..=self.count {
            let owner = awaited.owner();
            if owner == me {
                return through.map_or(Walk::Closed(awaited), Walk::ThroughSoft);
            }
            let Some(entry) = self.find(owner) else { break };
            if entry.is_called_off() || entry.awaited.owner() == owner {
                break;
            }
            if entry.call_off.is_some() {
                through = through.or(Some(entry));
            }
            awaited = entry.awaited;
        }
        Walk::Open
    }

    fn find(&self, waiter: usize) -> Option<&Entry<'_>> {
        let mut at = self.lists[list_of(waiter)];
        loop {
            // SAFETY: an entry in a list is alive, and only its thread takes it out, with the register locked: the
            // caller's borrow of the register excludes that.
            let entry = unsafe { at.as_ref() }?;
            if entry.waiter == waiter {
                return Some(entry);
            }
            at = entry.next.get();
        }
    }

    /// Refuses a wait that would close a circle. If the circle goes through a wait that can be called off, calls that off
    /// instead, unless the caller's own can be given up just as well.
    fn check(&self, me: usize, wanted: Awaited<'_>, is_soft: bool) -> Result<(), Circle> {
        match self.walk(me, wanted) {
            Walk::Open => Ok(()),
            Walk::ThroughSoft(entry) if !is_soft => {
                entry.call_off();
                Ok(())
            }
            Walk::ThroughSoft(&Entry { awaited: held, .. }) | Walk::Closed(held) => Err(circle(wanted, held)),
        }
    }

    fn insert(&mut self, entry: &Entry<'_>) {
        let list = &mut self.lists[list_of(entry.waiter)];
        entry.next.set(*list);
        *list = ptr::from_ref(entry).cast();
        self.count += 1;
    }

    fn take_out(&mut self, entry: &Entry<'_>) {
        let gone = ptr::from_ref(entry).cast::<Entry<'static>>();
        let mut at: *const Entry<'static> = self.lists[list_of(entry.waiter)];
        self.count -= 1;
        if at == gone {
            self.lists[list_of(entry.waiter)] = entry.next.get();
            return;
        }
        // SAFETY: as in `find`.
        while let Some(before) = unsafe { at.as_ref() } {
            at = before.next.get();
            if at == gone {
                before.next.set(entry.next.get());
                return;
            }
        }
    }
}

fn circle(wanted: Awaited<'_>, held: Awaited<'_>) -> Circle {
    Circle { wanted: wanted.part(), held: held.part() }
}

/// Locks the register. A forked child begins with an empty one: the entries of the parent's threads lie in memory that is no
/// longer theirs.
fn lock() -> impl core::ops::DerefMut<Target = Register> {
    // From here on a child has another number. If the system refuses this, a builder's `notice_forks` returns the error.
    #[cfg(feature = "std")]
    let _ = sync::notice_forks();
    #[cfg(not(loom))]
    let mut register = REGISTER.this().lock();
    #[cfg(loom)]
    let mut register = REGISTER.lock();
    if register.process != sync::process_number() {
        *register = Register { process: sync::process_number(), ..Register::new() };
    }
    register
}

/// Spreads the identities, which are addresses at equal distances, over the lists.
fn list_of(thread: usize) -> usize {
    (thread >> 3).wrapping_mul(0x9e37_79b9).rotate_right(16) % LISTS
}

impl Entry<'_> {
    fn is_called_off(&self) -> bool {
        self.call_off.is_some_and(|call_off| call_off.flag.is_set())
    }

    fn call_off(&self) {
        if let Some(CallOff { flag, parker, word }) = self.call_off {
            // Relaxed: the queue of the parker, which is locked to wake, orders it before the thread's next look.
            flag.0.store(1, Relaxed);
            parker.wake_all(word);
        }
    }
}

impl Flag {
    pub(crate) fn new() -> Self {
        Self(AtomicUsize::new(0))
    }

    pub(crate) fn is_set(&self) -> bool {
        // Relaxed: see `call_off`.
        self.0.load(Relaxed) != 0
    }
}

/// Takes an entry out again, whatever ends the wait.
struct Registered<'a, 'b>(&'a Entry<'b>);

impl Drop for Registered<'_, '_> {
    fn drop(&mut self) {
        lock().take_out(self.0);
    }
}

fn enter<R>(entry: &Entry<'_>, wait: impl FnOnce() -> R) -> Result<R, Circle> {
    {
        let mut register = lock();
        register.check(entry.waiter, entry.awaited, entry.call_off.is_some())?;
        register.insert(entry);
    }
    let _registered = Registered(entry);
    Ok(wait())
}

/// Runs `wait`, in which the calling thread waits for `awaited`. Returns the circle, without running it, if the wait
/// would never end.
pub(crate) fn through<R>(awaited: Awaited<'_>, wait: impl FnOnce() -> R) -> Result<R, Circle> {
    through_soft(awaited, None, wait)
}

/// As [`through`], for a wait that others may call off: then `wait` returns.
pub(crate) fn through_soft<R>(
    awaited: Awaited<'_>,
    call_off: Option<CallOff<'_>>,
    wait: impl FnOnce() -> R,
) -> Result<R, Circle> {
    if !sync::registers_waits() {
        return Ok(wait());
    }
    enter(&Entry { waiter: sync::this_thread(), awaited, call_off, next: Cell::new(ptr::null()) }, wait)
}

/// As [`through`], for a wait with a deadline: it is not registered, because it ends.
pub(crate) fn look(awaited: Awaited<'_>) -> Result<(), Circle> {
    if !sync::registers_waits() {
        return Ok(());
    }
    lock().check(sync::this_thread(), awaited, false)
}
