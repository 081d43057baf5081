//! How a snapshot is taken: from words that anybody may read, and from what lies behind small locks if they are free at this
//! moment. Nothing here waits.

use lock_api::Mutex;

use crate::fault::Callback;
use crate::interrupt::snapshot::{OsThread, Owner, Running, Snapshot};
#[cfg(feature = "std")]
use crate::interrupt::state::REQUEST_NOTED;
use crate::interrupt::{InterruptObject, Notes};
use crate::lock::RawInterruptLock;
use crate::lock::raw::{Look, look_at};
#[cfg(feature = "std")]
use crate::observe::watchdog::LookedAt;
use crate::sync;

impl<T, W> InterruptObject<T, W> {
    /// Returns what the interrupt is doing at this moment: its state, who holds its lock and where it was acquired, which
    /// callback runs, what waits.
    ///
    /// It waits for nothing, and changes nothing, wherever it is called: in the ISR, by the thread that holds the lock, in a
    /// forked child. What can't be had at once is absent. So a driver's watchdog may call it for a driver that is stuck.
    ///
    /// To name the thread that holds the lock, it looks through the threads of the process: that takes some microseconds
    /// for each, and allocates. If the lock is free, or the caller holds it, it needs no such look.
    ///
    /// ```
    /// use interrupt_lock::{Claim, Interrupt, State};
    ///
    /// let interrupt = Interrupt::builder(()).isr(|_| Claim::Claimed).build()?;
    /// interrupt.enable()?;
    /// let snapshot = interrupt.snapshot();
    /// assert_eq!(snapshot.state, State::Enabled);
    /// assert_eq!(snapshot.owner, None); // the lock is free
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    pub fn snapshot(&self) -> Snapshot {
        let lock = self.lock().raw().look();
        let owner = owner(&lock);
        let on = owner.as_ref().and_then(|owner| owner.thread.clone());
        // Not held while this looks for threads: a delivery may wait for the notes.
        let notes = self.notes.try_lock();
        let (callback, work_item_for) = self.running(notes.as_deref());
        #[cfg(feature = "alloc")]
        let fault = notes.and_then(|notes| notes.fault().cloned());
        #[cfg(not(feature = "alloc"))]
        let fault = None;
        let work_item = self.work.runs().then(|| Running {
            callback: Callback::WorkItem,
            thread: thread(self.work.runner()),
            running_for: work_item_for,
        });
        Snapshot {
            name: self.name().clone(),
            state: self.state(),
            transition: owner_of(&self.control),
            callback: callback.map(|(callback, time)| Running { callback, thread: on, running_for: Some(time) }),
            work_item,
            work_queued: self.work.is_queued(),
            pending: self.pending() as u64,
            deliveries_waiting: lock.deliveries as u64,
            threads_waiting: lock.threads,
            left_to_owner: lock.left,
            withheld: self.counters.withheld.get(),
            kept_masked: self.work.keeps_masked(),
            #[cfg(feature = "std")]
            removal_requested: self.state.has(REQUEST_NOTED),
            #[cfg(not(feature = "std"))]
            removal_requested: false,
            fault,
            owner,
        }
    }

    /// Returns the callback that runs with the lock held, and for how long; and for how long the work item runs.
    #[cfg(feature = "std")]
    fn running(&self, notes: Option<&Notes>) -> LookedAt {
        let watched = notes.and_then(|notes| notes.rare.as_ref()?.watched.upgrade());
        let (locked, work_item) = watched.map_or((None, None), |watched| watched.running());
        let timed = || Some((Callback::Isr, self.timing.as_ref()?.isr_runs_for()?));
        (locked.or_else(timed), work_item)
    }

    /// Without a clock nothing is known.
    #[cfg(not(feature = "std"))]
    fn running(&self, _: Option<&Notes>) -> (Option<(Callback, core::time::Duration)>, Option<core::time::Duration>) {
        (None, None)
    }
}

fn owner_of(mutex: &Mutex<RawInterruptLock, ()>) -> Option<Owner> {
    owner(&look_at(mutex))
}

fn owner(look: &Look) -> Option<Owner> {
    (look.owner != 0).then(|| Owner {
        thread: thread(look.owner),
        is_caller: look.owner == sync::this_thread(),
        taken_at: look.taken_at,
    })
}

fn thread(identity: usize) -> Option<OsThread> {
    let found = if identity == 0 { None } else { sync::find_thread(identity) };
    found.map(|(id, name)| OsThread { id, name })
}
