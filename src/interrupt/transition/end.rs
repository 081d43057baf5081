//! The end of an interrupt (rule E6).
//!
//! Dropping the handle disables the interrupt, flushes it, and frees what the driver registered, outside every lock.
//!
//! Three cases can't do that at once:
//!
//! - The dropping thread is inside a section of this interrupt, and can't wait for that section to end. It sets the bit
//!   `END_DEFERRED` instead. The release of the lock, the end of a transition and the end of a run of the work item
//!   look for the bit. One of them finds it once no section of the dropping thread is left.
//! - Waiting would close a circle with another thread. The dropping thread sets the bit too, and that other thread
//!   finds it as its section ends.
//! - The dropping thread is in the ISR of another interrupt, where it may wait for nothing: a work item of this
//!   interrupt may be waiting for the lock under which that ISR runs. The worker runs the end.

use core::ptr;

use crate::fault::Callback;
use crate::interrupt::state::{ENABLED, END_DEFERRED, ENDED, LISTENED, WAKES};
use crate::interrupt::transition::InTransition;
use crate::interrupt::{InterruptObject, Registered, WorkFn};
use crate::observe::events;
use crate::sync;

impl<T, W> InterruptObject<T, W> {
    /// Ends the interrupt. Returns `false` if the end is left to the worker or to the end of a section.
    pub(crate) fn end(&self) -> bool {
        if self.leave_end_to_worker() {
            return false;
        }
        let Some(transition) = self.begin_end() else {
            return false;
        };
        if !self.state.has(ENDED) {
            // The driver's destructors run here, outside every lock. Catch their panics: this thread may be a
            // dispatcher's, or may be releasing a lock whose release has to end other interrupts too.
            if let Err(message) = sync::catch(|| _ = self.end_now(transition)) {
                self.set_faulted_without_lock(Callback::Destructor, message);
            }
            if let Some(device) = self.serializer() {
                device.has_ended(ptr::from_ref(self).cast());
            }
            if let Some(dispatch) = &self.dispatch {
                dispatch.ended();
            }
        }
        true
    }

    /// Waits for the threads that served this interrupt and no other. It has ended.
    pub(in crate::interrupt) fn join_threads(&self) {
        if let Some(dispatch) = &self.dispatch {
            dispatch.join();
        }
    }

    fn end_now(&self, transition: InTransition<'_, T, W>) -> (Option<WorkFn<T, W>>, Registered<T, W>) {
        if self.state.has(ENABLED) {
            // No caller is left to return a callback's error to, and the interrupt ends all the same.
            let _ = transition.disable();
        }
        self.work.close();
        self.flush_work();
        let mut lock = transition.lock();
        self.run_last_deferred(&mut lock);
        self.state.set(ENDED);
        events::ended(self.name());
        // SAFETY: this thread holds the lock, and is in no callback: there `begin_anywhere` refuses.
        let registered = unsafe { self.registered.with(Registered::take) };
        self.leave_lock();
        drop(lock);
        // SAFETY: the work item is closed, flushed and idle. No run can begin any more, and the flush has seen the last
        // run end.
        let work = unsafe { self.work_fn.with(Option::take) };
        (work, registered)
    }

    /// In the ISR of another interrupt: leaves the end to the worker. Returns whether it has.
    fn leave_end_to_worker(&self) -> bool {
        let Some(dispatch) = &self.dispatch else { return false };
        if !sync::is_in_isr() || self.section_of_this_thread().is_some() || self.state.has(ENDED) {
            return false;
        }
        self.state.set(END_DEFERRED);
        let left = dispatch.schedule_end(self.name());
        if self.state.has(ENDED) {
            // Another thread has found the bit as it ended a section, and has ended the interrupt already, perhaps
            // before `schedule_end` kept the object. So let the object go again.
            dispatch.ended();
        }
        left
    }

    /// Begins the transition of the end. Returns `None` if waiting for it would never end: then it has set the bit, for
    /// the thread that ends a section.
    fn begin_end(&self) -> Option<InTransition<'_, T, W>> {
        if let Ok(transition) = self.begin_anywhere() {
            return Some(transition);
        }
        self.state.set(END_DEFERRED);
        if self.section_of_this_thread().is_some() {
            if self.lock().raw().is_mine() {
                // Its release then looks for the bit.
                self.lock().raw().leave_to_owner();
            }
            self.leave_end_to_callback_lock();
            return None;
        }
        // There was a circle with another thread, which may have ended its section before the bit was set. The register
        // of waits orders the two: either the other thread has taken its waits out already, or it takes them out and
        // then looks at the bit, after this.
        if self.lock().raw().leave_to_owner() {
            return None;
        }
        // Or that section is one of the callback lock. Its owner looks after the release, or this sees that it has
        // released.
        self.leave_end_to_callback_lock();
        let transition = self.begin_anywhere().ok()?;
        self.state.take(END_DEFERRED);
        Some(transition)
    }

    /// Leaves the end to the owner of the callback lock that the work item needs, if the lock has an owner: its release
    /// runs the end.
    fn leave_end_to_callback_lock(&self) {
        if let Some(device) = self.serializer().filter(|device| device.callback_lock().owner() != 0) {
            device.leave_end(ptr::from_ref(self).cast());
        }
    }

    /// Runs what is left to the thread that ends a section: wakes a listener, ends the interrupt, wakes the device.
    #[inline]
    pub(crate) fn after_section(&self) {
        if self.state.has(LISTENED | END_DEFERRED | WAKES) {
            self.follow_section();
        }
    }

    #[cold]
    fn follow_section(&self) {
        self.tell_listener();
        self.take_deferred_end();
        self.ask_for_power();
    }

    /// Ends the interrupt, if the end was left to the section that the caller has ended.
    #[inline]
    pub(crate) fn take_deferred_end(&self) {
        // The bit was set before the end of the section, or the register of waits, or the queue of the worker, orders
        // this look after it. So a load finds the bit. The read-modify-write decides which of several threads runs the
        // end.
        //
        // If a run of the work item is under way, leave the end to it: it looks as it ends. The caller may hold what
        // that run waits for, and may have come for something else, such as a delivery of another interrupt with the
        // same lock.
        if self.state.has(END_DEFERRED) && !self.work.run_has_yet_to_end() && self.state.take(END_DEFERRED) {
            self.end();
        }
    }
}
