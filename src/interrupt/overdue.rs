//! Callbacks that are overdue (rule I17). Nothing here waits for the interrupt lock: such a callback may hold it.

use alloc::sync::Weak;

use crate::fault::Overdue;
use crate::interrupt::InterruptObject;
use crate::observe::events;
use crate::observe::watchdog::{RunningCallbacks, Watchable};

impl<T, W> InterruptObject<T, W> {
    /// Returns the callback that is overdue at this moment ([rule I17](crate::guide::contract#i17)): it has been running
    /// for longer than [`overdue_after`](crate::Builder::overdue_after) allows, and has not returned.
    ///
    /// Returns `None` once it has returned; [`Stats::overdue`](crate::Stats::overdue) goes on to count it. If the work item
    /// and another callback are overdue at the same time, it returns the other. Never waits for the interrupt lock.
    ///
    /// ```
    /// use core::time::Duration;
    /// use interrupt_lock::{Callback, Claim, Interrupt};
    ///
    /// let (answer, device) = std::sync::mpsc::channel::<()>();
    /// let interrupt = Interrupt::builder(())
    ///     .isr(move |_| {
    ///         let _ = device.recv(); // a device that takes too long to answer
    ///         Claim::Claimed
    ///     })
    ///     .overdue_after(Duration::from_millis(2))
    ///     .build()?;
    /// interrupt.enable()?;
    /// std::thread::scope(|scope| {
    ///     scope.spawn(|| interrupt.service());
    ///     while interrupt.stats().overdue == 0 {
    ///         std::thread::yield_now();
    ///     }
    ///     let late = interrupt.overdue().expect("the ISR has not returned yet");
    ///     assert_eq!(late.callback, Callback::Isr);
    ///     assert_eq!(late.to_string(), "the ISR has not returned for more than 2ms");
    ///     drop(answer);
    /// });
    /// assert_eq!(interrupt.overdue(), None);
    /// assert_eq!(interrupt.stats().overdue, 1);
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    pub fn overdue(&self) -> Option<Overdue> {
        if self.state.is_inherited() {
            return None;
        }
        let watched = self.notes.lock().rare.as_ref()?.watched.clone();
        watched.upgrade()?.overdue()
    }

    pub(crate) fn note_watched(&self, watched: Weak<RunningCallbacks>) {
        self.notes.lock().rare().watched = watched;
    }
}

impl<T: Send, W: Send> Watchable for InterruptObject<T, W> {
    fn became_overdue(&self, overdue: Overdue) {
        // Only the watchdog's thread calls this, so no other thread adds to the counter.
        self.counters.overdue.add_exclusive(1);
        events::overdue(self.name(), &overdue);
    }
}
