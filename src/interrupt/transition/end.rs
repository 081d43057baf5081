//! The end of an interrupt (rule E6).
//!
//! Dropping the handle disables, flushes, and frees what the driver registered, outside every lock. Where the dropping
//! thread is itself inside a section of this interrupt it can't wait for that section to end, so it leaves a bit, and
//! whoever ends a section looks for it: the release of the lock, the end of a transition, the end of a run of the work
//! item. One of them finds the bit once no section of the dropping thread is left. So it does too where waiting would
//! close a circle with another thread, whose section is the one that ends then.
//!
//! In the ISR of another interrupt nothing may be waited for at all: a work item of this one may be waiting for the
//! lock that the ISR runs under. There the worker does it.

use crate::interrupt::state::{ENABLED, END_DEFERRED, ENDED, LISTENED, WAKES};
use core::ptr;

use crate::interrupt::transition::InTransition;
use crate::interrupt::{InterruptObject, Registered, WorkFn};
use crate::observe::events;
use crate::{Callback, sync};

impl<T, W> InterruptObject<T, W> {
    /// Ends the interrupt, now or as soon as the sections of the calling thread have ended. The answer is whether
    /// it has been done.
    pub(crate) fn end(&self) -> bool {
        if self.leave_end_to_worker() {
            return false;
        }
        let Some(transition) = self.begin_end() else {
            return false;
        };
        if !self.state.has(ENDED) {
            // The driver's destructors run here, outside every lock. What they throw goes no further: this thread may
            // be a dispatcher's, or have come to release a lock behind which others wait to be ended.
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

    /// Waits for the threads that served it alone. It has ended.
    pub(in crate::interrupt) fn join_threads(&self) {
        if let Some(dispatch) = &self.dispatch {
            dispatch.join();
        }
    }

    fn end_now(&self, transition: InTransition<'_, T, W>) -> (Option<WorkFn<T, W>>, Registered<T, W>) {
        if self.state.has(ENABLED) {
            // Nobody is left to be told of a failing callback, and the end takes place all the same.
            let _ = transition.disable();
        }
        self.work.close();
        self.flush_work();
        let mut lock = transition.lock();
        self.run_last_deferred(&mut lock);
        self.state.set(ENDED);
        events::ended(self.name());
        // SAFETY: with the lock held, and from no callback: `begin_anywhere` refuses those.
        let registered = unsafe { self.registered.with(Registered::take) };
        self.leave_lock();
        drop(lock);
        // SAFETY: closed, flushed and idle: no run can begin any more, and the flush has seen the last one end.
        let work = unsafe { self.work_fn.with(Option::take) };
        (work, registered)
    }

    fn leave_end_to_worker(&self) -> bool {
        let Some(dispatch) = &self.dispatch else { return false };
        if !sync::is_in_isr() || self.section_of_this_thread().is_some() || self.state.has(ENDED) {
            return false;
        }
        self.state.set(END_DEFERRED);
        let left = dispatch.schedule_end(self.name());
        if self.state.has(ENDED) {
            // Whoever ended a section has found the bit and been faster, perhaps before the interrupt was kept.
            dispatch.ended();
        }
        left
    }

    /// The transition, or `None` where waiting for it would never end: then the bit is left for who ends a section.
    fn begin_end(&self) -> Option<InTransition<'_, T, W>> {
        if let Ok(transition) = self.begin_anywhere() {
            return Some(transition);
        }
        self.state.set(END_DEFERRED);
        if self.section_of_this_thread().is_some() {
            if self.lock().raw().is_mine() {
                // The release then looks for the bit.
                self.lock().raw().leave_to_owner();
            }
            self.leave_end_to_callback_lock();
            return None;
        }
        // A circle with another thread, which may have left its section before the bit was there. The register of waits
        // orders the two: its announcement is withdrawn already, or the withdrawal, and its look at the bit, are to
        // come.
        if self.lock().raw().leave_to_owner() {
            return None;
        }
        // Or that section is one of the callback lock. Who releases it looks afterwards, or is seen to have done so.
        self.leave_end_to_callback_lock();
        let transition = self.begin_anywhere().ok()?;
        self.state.take(END_DEFERRED);
        Some(transition)
    }

    /// Whoever holds the callback lock that its work item needs runs it down at the release.
    fn leave_end_to_callback_lock(&self) {
        if let Some(device) = self.serializer().filter(|device| device.callback_lock().owner() != 0) {
            device.leave_end(ptr::from_ref(self).cast());
        }
    }

    /// What is left to whoever ends a section: to tell a listener, to run the interrupt down, to wake its device.
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

    /// Ends the interrupt if that was left to the section which the caller has ended.
    #[inline]
    pub(crate) fn take_deferred_end(&self) {
        // The bit was left before what ended the section, or the register of waits, or the worker's queue ordered this
        // after it. So a load finds it; the read-modify-write decides who of several does.
        // A run of the work item looks as it ends: the caller may be whom that run waits for, having come for something
        // else (the delivery of another interrupt that shares the lock, say).
        if self.state.has(END_DEFERRED) && !self.work.run_has_yet_to_end() && self.state.take(END_DEFERRED) {
            self.end();
        }
    }
}
