//! The end of an interrupt (rule E6).
//!
//! Dropping the handle disables the interrupt, flushes it, and frees what the driver registered, outside every lock. It
//! may wait for other threads, as a disable does. Where it can't, it is put off:
//!
//! - The dropping thread is inside a section of this interrupt, and can't wait for that section to end. It sets the bit
//!   `END_DEFERRED` instead. The release of the lock, the end of a transition and the end of a run of the work item
//!   look for the bit. One of them finds it once no section of the dropping thread is left.
//! - Its wait would close a circle with other threads, or another thread's wait would, which calls that of the end off. Or
//!   the dropping thread is in the ISR of another interrupt, where it may wait for nothing, or holds the callback lock
//!   that the work item needs, or it is a thread that waits on sources, and would run the work item. Then a thread that
//!   is started for it makes the end. That thread holds nothing that others wait for, except while it ends the
//!   interrupt. So it can wait for everything.
//! - The handle of its device's power was dropped, and the exit from D0 is put off. Then the thread that makes the exit
//!   makes the end after it.

use core::mem;

use crate::error::Error;
use crate::fault::{Callback, Fault};
#[cfg(feature = "std")]
use crate::interrupt::attached::EndsElsewhere;
use crate::interrupt::state::{END_DEFERRED, Event, LISTENED, Phase, REMOVAL_REQUESTED, WAKES};
use crate::interrupt::transition::InTransition;
use crate::interrupt::{InterruptObject, OnUnmask, Registered, WorkFn};
use crate::observe::events;
use crate::sync;

impl<T, W> InterruptObject<T, W> {
    /// Ends the interrupt. Returns `false` if the end is put off.
    pub(crate) fn end(&self) -> bool {
        if self.state.is_inherited() {
            return self.end_inherited();
        }
        if self.end_after_exit() {
            return false;
        }
        if self.defer_end() {
            return false;
        }
        let by_another = sync::is_in_isr() || self.holds_callback_lock();
        if by_another && self.end_elsewhere() {
            return false;
        }
        match self.end_here() {
            Ok(()) => true,
            Err(error) => {
                self.free(error);
                if !self.end_elsewhere() {
                    // There is no thread to be had. The next section that ends tries again.
                    self.state.set(END_DEFERRED);
                }
                false
            }
        }
    }

    /// Leaves the end to the section of this interrupt that the caller is in. Returns `false` if it is in none.
    fn defer_end(&self) -> bool {
        if self.own_section().is_none() {
            return false;
        }
        self.state.set(END_DEFERRED);
        if self.lock().raw().is_mine() {
            // Its release then looks for the bit.
            self.lock().raw().leave_to_owner();
        }
        true
    }

    /// In a forked child, frees what the driver registered ([rule I20](crate::guide::contract#i20)). It disables nothing,
    /// because the device is the parent's, and waits for nobody. What a thread of the parent was inside of is leaked.
    /// Returns `false` if the end is left to a section that the caller is in.
    #[cold]
    fn end_inherited(&self) -> bool {
        if self.defer_end() {
            return false;
        }
        let Some(lock) = self.lock().try_acquire() else { return true };
        // SAFETY: this thread holds the lock, and is in no callback: `defer_end` has found it in no section.
        let registered = unsafe { self.registered.with(|registered| self.take_registered(registered)) };
        self.leave_lock();
        drop(lock);
        self.free_unmask();
        if !self.work.runs() {
            self.free_work();
        }
        self.free_all(registered);
        true
    }

    /// Ends the interrupt on this thread. Returns an error if a wait would never end; then a later call goes on from
    /// there.
    pub(in crate::interrupt) fn end_here(&self) -> Result<(), Error> {
        let transition = self.begin_outside_sections(None, true)?;
        if self.state.phase() == Phase::Ended {
            return Ok(());
        }
        // The handle is gone: no caller is left to return a callback's error to, and the interrupt ends all the same.
        let disabled = self.disable_in(&transition);
        if !self.is_flushed() {
            return disabled.map(|_| ());
        }
        self.free(disabled);
        let registered = self.end_in_section(&transition)?;
        drop(transition);
        self.free_work();
        self.free_unmask();
        self.free_all(registered);
        if let Some(dispatch) = self.dispatch() {
            dispatch.ended();
        }
        Ok(())
    }

    /// The last section: runs the last closures, and takes out what the driver registered.
    fn end_in_section(&self, transition: &InTransition<'_, T, W>) -> Result<Registered<T, W>, Error> {
        let mut lock = transition.lock()?;
        self.run_last_deferred(&mut lock);
        self.state.apply(Event::End);
        events::ended(self.name());
        // SAFETY: this thread holds the lock, and is in no callback: in a section of its own it does not come here.
        let registered = unsafe { self.registered.with(|registered| self.take_registered(registered)) };
        self.leave_lock();
        Ok(registered)
    }

    /// Takes out what the driver registered. Nothing is behind the descriptors of its own loop any more.
    fn take_registered(&self, registered: &mut Registered<T, W>) -> Registered<T, W> {
        self.end_own_loop(registered);
        registered.take()
    }

    /// Frees the work item.
    fn free_work(&self) {
        // SAFETY: the work item does not run, as the caller has seen, and no run can begin any more: it is closed and
        // flushed, or inherited.
        self.free(unsafe { self.work_fn.with(|work| mem::replace(work, WorkFn::NONE)) });
    }

    /// Frees the unmask callback.
    fn free_unmask(&self) {
        // SAFETY: the interrupt has ended, or is inherited: nothing is kept masked any more, so no section uses the cell.
        self.free(unsafe { self.unmask.with(|unmask| mem::replace(unmask, OnUnmask::NOTHING)) });
    }

    /// Frees what else the driver registered, each callback by itself. The source comes last, because the callbacks own
    /// register handles: so a descriptor outlives the mappings of its device.
    fn free_all(&self, registered: Registered<T, W>) {
        let Registered { enable, disable, removal, isr, source, .. } = registered;
        self.free(isr);
        self.free(enable);
        self.free(disable);
        self.free(removal);
        self.free(source);
    }

    /// Frees something of the driver's, by itself. A panic is a fault of its own ([rule
    /// E6](crate::guide::contract#e6)).
    pub(in crate::interrupt) fn free(&self, theirs: impl Sized) {
        if let Err(message) = sync::free(theirs) {
            self.leave_fault(Fault::Panicked { callback: Callback::Destructor, message });
        }
    }

    /// Waits for the threads that served this interrupt and no other. It has ended.
    pub(in crate::interrupt) fn join_threads(&self) {
        if let Some(dispatch) = self.dispatch() {
            dispatch.join();
        }
    }

    /// Runs what is left to the thread that ends a section: wakes a listener, ends the interrupt, wakes the
    /// device, gives it back.
    #[inline]
    pub(crate) fn after_section(&self) {
        if self.state.has(LISTENED | END_DEFERRED | WAKES | REMOVAL_REQUESTED) {
            self.follow_section();
        }
    }

    #[cold]
    fn follow_section(&self) {
        self.tell_listeners();
        // Without an allocator there is no handle, and no device.
        #[cfg(feature = "alloc")]
        {
            self.take_deferred_end();
            self.ask_for_power();
        }
        #[cfg(feature = "std")]
        self.ask_for_removal();
    }

    /// Ends the interrupt, if the end was left to the section that the caller has ended.
    ///
    /// The caller may be another thread than the one that dropped the handle, and may have come for something else, such
    /// as a delivery of another interrupt with the same lock. So it waits neither for a run of the work item, whose end
    /// looks for the bit too, nor for another thread's transition.
    #[inline]
    pub(crate) fn take_deferred_end(&self) {
        // The bit was set before the end of the section, which orders this look after it. So a load finds the bit. The
        // read-modify-write decides which of several threads makes the end.
        if self.state.has(END_DEFERRED)
            && !self.work.run_has_yet_to_end()
            && self.state.take(END_DEFERRED)
            && !((self.is_in_transition_elsewhere() || self.would_run_work_here()) && self.end_elsewhere())
        {
            self.end();
        }
    }

    /// Whether the end would run the work item on a thread that waits on sources ([rule
    /// I16](crate::guide::contract#i16)).
    fn would_run_work_here(&self) -> bool {
        sync::is_watcher() && !self.work.is_idle()
    }

    fn is_in_transition_elsewhere(&self) -> bool {
        let owner = self.raw_control().owner();
        owner != 0 && owner != sync::this_thread()
    }

    /// Makes another thread end the interrupt. Returns `false` if there is none to be had. In a forked child none is needed.
    #[cfg(feature = "std")]
    fn end_elsewhere(&self) -> bool {
        !self.state.is_inherited() && self.myself().is_some_and(|me| me.end_on_a_thread())
    }

    #[cfg(not(feature = "std"))]
    fn end_elsewhere(&self) -> bool {
        false
    }

    /// Leaves the end to the thread that takes the device out of D0. Returns `false` if there is none.
    #[cfg(feature = "std")]
    fn end_after_exit(&self) -> bool {
        let Some(device) = self.parent() else { return false };
        self.myself().is_some_and(|me| device.leave_end(me))
    }

    #[cfg(feature = "std")]
    pub(in crate::interrupt) fn myself(&self) -> Option<alloc::sync::Arc<dyn EndsElsewhere>> {
        let me = self.notes.lock().me.clone();
        me?.upgrade()
    }

    #[cfg(not(feature = "std"))]
    fn end_after_exit(&self) -> bool {
        false
    }
}

#[cfg(feature = "std")]
impl<T: Send + 'static, W: Send + 'static> InterruptObject<T, W> {
    /// Notes where the object is, for a thread that ends it.
    pub(crate) fn note_self(self: &alloc::sync::Arc<Self>) {
        let me = alloc::sync::Arc::downgrade(self);
        self.notes.lock().me = Some(me);
    }
}

#[cfg(feature = "std")]
impl<T: Send + 'static, W: Send + 'static> EndsElsewhere for InterruptObject<T, W> {
    fn end_on_a_thread(self: alloc::sync::Arc<Self>) -> bool {
        let name = crate::name::Name::from(alloc::format!("{} end", self.name()));
        sync::spawn(&name, move || {
            if let Some(device) = self.serializer() {
                // The handle may have been dropped under the callback lock: begin after that section.
                let _ = device.serialize(&mut || (), false);
            }
            sync::insist(|| self.end_here().map_err(|error| self.free(error)));
            self.join_threads();
            // It may be the last reference to the object.
            sync::free_silently(self);
        })
    }

    fn remove_on_a_thread(self: alloc::sync::Arc<Self>) -> bool {
        let name = crate::name::Name::from(alloc::format!("{} removal", self.name()));
        sync::spawn(&name, move || {
            self.remove_as_requested();
            // It may be the last reference to the object.
            sync::free_silently(self);
        })
    }

    fn end_left(self: alloc::sync::Arc<Self>) {
        if self.end() {
            self.join_threads();
        }
        sync::free_silently(self);
    }
}
