//! Sections of the interrupt lock, and what their end serves (rules L1 to L6, L10, L11).

use core::fmt;
use core::marker::PhantomData;
use core::mem;
use core::ops::{Deref, DerefMut};

use crate::answer::Delivery;
use crate::single_core::{Driver, InterruptObject, Machine, Registered};

/// What the mask was as a section began.
pub(super) type Found<D> = <<D as Driver>::Machine as Machine>::Found;

/// The interrupt lock, held, for code that is no ISR. It derefs to the interrupt data.
///
/// Its drop is the release: *ReleaseInterruptLock*. It runs the ISR if a vector has come meanwhile and left its delivery,
/// and puts the mask back to what the acquisition found. It can't be sent to another thread.
#[must_use = "the lock is released as soon as the guard is dropped"]
#[doc(alias = "ReleaseInterruptLock")]
#[doc(alias = "WdfInterruptReleaseLock")]
pub struct InterruptLockGuard<'a, D: Driver> {
    object: &'a InterruptObject<D>,
    found: Found<D>,
    /// Neither `Send` nor `Sync`.
    here: PhantomData<*mut ()>,
}

impl<D: Driver> InterruptObject<D> {
    /// Acquires the interrupt lock, with the interrupts of the machine's mask off.
    ///
    /// It never waits: on one core the lock is free, or the caller holds it, or code that the caller has interrupted.
    ///
    /// The drop of the guard is the release. It runs the ISR for what vectors have left meanwhile. To keep it short, or to
    /// leave nothing to the end of a block, use [`synchronize`](Self::synchronize).
    ///
    /// It stands for *AcquireInterruptLock* and *WdfInterruptAcquireLock*.
    ///
    /// # Panics
    ///
    /// If the lock is held: by the caller, or by code that the caller has interrupted. A vector calls
    /// [`service`](Self::service), which never panics, and leaves the rest to its ISR.
    ///
    /// # Examples
    ///
    /// See [`Driver`].
    #[inline(always)]
    #[track_caller]
    #[doc(alias = "AcquireInterruptLock")]
    #[doc(alias = "WdfInterruptAcquireLock")]
    pub fn acquire_interrupt_lock(&self) -> InterruptLockGuard<'_, D> {
        match self.try_acquire_interrupt_lock() {
            Some(guard) => guard,
            None => self.held_already(),
        }
    }

    /// Acquires the interrupt lock if it is free. Returns `None` if the caller holds it, or code that the caller has
    /// interrupted.
    ///
    /// It is for code that may have interrupted the owner: another vector, or a software interrupt. Never waits, and never
    /// panics.
    ///
    /// It stands for *TryToAcquireInterruptLock*.
    ///
    /// # Examples
    ///
    /// ```
    /// use interrupt_lock::Claim;
    /// use interrupt_lock::single_core::{Functions, InterruptObject, Plain};
    /// # use interrupt_lock::single_core::Machine;
    /// # struct Board;
    /// # // SAFETY: one thread runs this example.
    /// # unsafe impl Machine for Board {
    /// #     type Found = ();
    /// #     fn mask() {}
    /// #     fn restore((): ()) {}
    /// # }
    ///
    /// static CALLBACKS: Functions<u32, Board> = Functions::new(|_| Claim::Claimed);
    /// static COUNTER: InterruptObject<Plain<u32, Board>> = InterruptObject::new(0, &CALLBACKS);
    ///
    /// /// The tick, which may interrupt a section: then it counts the next time.
    /// fn tick() -> bool {
    ///     let Some(mut count) = COUNTER.try_acquire_interrupt_lock() else { return false };
    ///     *count += 1;
    ///     true
    /// }
    ///
    /// assert!(tick());
    /// let section = COUNTER.acquire_interrupt_lock();
    /// assert!(!tick());
    /// assert_eq!(*section, 1);
    /// ```
    #[inline(always)]
    #[doc(alias = "TryToAcquireInterruptLock")]
    #[doc(alias = "WdfInterruptTryToAcquireLock")]
    pub fn try_acquire_interrupt_lock(&self) -> Option<InterruptLockGuard<'_, D>> {
        let found = D::Machine::mask();
        if self.word.take() {
            return Some(InterruptLockGuard { object: self, found, here: PhantomData });
        }
        D::Machine::restore(found);
        None
    }

    /// Runs the closure with the lock held, and returns what it returns. Never waits.
    ///
    /// It stands for *WdfInterruptSynchronize*.
    ///
    /// # Panics
    ///
    /// As [`acquire_interrupt_lock`](Self::acquire_interrupt_lock).
    #[inline(always)]
    #[track_caller]
    #[doc(alias = "WdfInterruptSynchronize")]
    pub fn synchronize<R>(&self, section: impl FnOnce(&mut D::Data) -> R) -> R {
        self.acquire_interrupt_lock().within(section)
    }

    /// Acquires the lock for a transition. Returns `None` if that would wait for the caller, or for what it has
    /// interrupted.
    #[inline(always)]
    pub(super) fn lock_for_change(&self) -> Option<InterruptLockGuard<'_, D>> {
        let found = D::Machine::mask();
        if self.word.take_for_change() {
            return Some(InterruptLockGuard { object: self, found, here: PhantomData });
        }
        D::Machine::restore(found);
        None
    }

    #[cold]
    #[track_caller]
    fn held_already(&self) -> ! {
        panic!("{}: this code holds the interrupt lock, or interrupts code that does", self.driver.name())
    }

    /// Releases the lock, which the caller holds, and restores the mask.
    #[inline(always)]
    pub(super) fn release(&self, found: Found<D>) {
        self.word.free();
        // After freeing it: until then a vector finds it held.
        if self.word.has_left() || self.is_put_off() {
            return self.serve_left(found);
        }
        D::Machine::restore(found);
    }

    /// Serves what vectors have left to the owner of the lock, which has just been freed.
    #[cold]
    #[inline(never)]
    fn serve_left(&self, found: Found<D>) {
        // An older guard may have opened the mask before its time: the ISR runs with it on all the same.
        let opened = D::Machine::mask();
        while (self.word.has_left() || self.is_put_off()) && self.word.take() {
            // A vector may have served it just before the lock was taken.
            if self.word.take_left() {
                // SAFETY: this has just taken the lock, and this reference goes no further than the ISR.
                let _: Delivery = self.deliver(unsafe { self.data() }, true);
            }
            let put_off = D::WorkItem::REGISTERED && self.word.take_put_off();
            self.word.free();
            if put_off {
                self.driver.on_queued();
            }
        }
        D::Machine::restore(opened);
        D::Machine::restore(found);
    }

    /// Returns whether the work item was to be run in this section.
    #[inline(always)]
    fn is_put_off(&self) -> bool {
        D::WorkItem::REGISTERED && self.word.is_put_off()
    }

    /// Returns the data. The caller holds the lock.
    ///
    /// # Safety
    ///
    /// The caller holds the lock. It has no other reference to the data, and gets no other one, as long as it uses this one.
    #[expect(clippy::mut_from_ref, reason = "the lock's word makes it unique")]
    #[inline(always)]
    pub(super) unsafe fn data(&self) -> &mut D::Data {
        // SAFETY: as the caller promises. All others who want the data find the lock held.
        unsafe { &mut *self.data.get() }
    }
}

impl<D: Driver> InterruptLockGuard<'_, D> {
    /// Runs the closure, and releases the lock. The guard's drop is for a closure that unwinds: this release the compiler has
    /// in line.
    #[inline(always)]
    pub(super) fn within<R>(mut self, section: impl FnOnce(&mut D::Data) -> R) -> R {
        let done = section(&mut self);
        let Self { object, found, .. } = self;
        mem::forget(self);
        object.release(found);
        done
    }
}

impl<D: Driver> Deref for InterruptLockGuard<'_, D> {
    type Target = D::Data;

    #[inline(always)]
    fn deref(&self) -> &D::Data {
        // SAFETY: the guard holds the lock, and is borrowed for as long as the reference lives. So there is no `&mut`
        // meanwhile: it would borrow the same guard.
        unsafe { &*self.object.data.get() }
    }
}

impl<D: Driver> DerefMut for InterruptLockGuard<'_, D> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut D::Data {
        // SAFETY: the guard holds the lock, and is borrowed alone for as long as the reference lives.
        unsafe { self.object.data() }
    }
}

impl<D: Driver> Drop for InterruptLockGuard<'_, D> {
    #[inline(always)]
    fn drop(&mut self) {
        let Self { object, found, .. } = *self;
        object.release(found);
    }
}

impl<D: Driver<Data: fmt::Debug>> fmt::Debug for InterruptLockGuard<'_, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}
