//! The time from an ISR that keeps its interrupt masked to its unmasking (rule I6).
//!
//! An ISR that leaves the rest to the work item returns [`Claim::ClaimedKeepMasked`]. A level line is masked until then
//! by its source. A message, or a device that goes on asserting, the ISR has quieted itself. Once the work item has found
//! nothing more to do, the release of the lock calls the unmask callback, which lets the device assert again and looks
//! at it once more, and then unmasks the source.
//!
//! The look closes the gap between the work item's last look and the device's arming: what completes in it asserts
//! nothing. All of this happens in one section, so neither an ISR nor a disable comes in between, and an interrupt that
//! has been disabled meanwhile is never armed.
//!
//! A device that is inactive or asleep is left alone. Its source is unmasked all the same, since others may share the
//! line. As soon as it is active, or awake, the work item is queued once more, and the end of that run arms the device.

use crate::answer::Work;
#[cfg(doc)]
use crate::claim::Claim;
use crate::fault::{Callback, Fault};
use crate::interrupt::callbacks::Unmasks;
use crate::interrupt::delivery::AfterIsr;
use crate::interrupt::state::{UNMASK_LEFT, UNMASK_PUT_OFF};
use crate::interrupt::{InterruptObject, Registered};
use crate::name::Name;
use crate::sync;

impl<T, W> InterruptObject<T, W> {
    /// Unmasks an interrupt that its ISR kept masked with [`Claim::ClaimedKeepMasked`] ([rule
    /// I6](crate::guide::contract#i6)).
    ///
    /// Runs the unmask callback if there is one, and unmasks the line if it is a level. Does nothing if the interrupt is
    /// not kept masked. The end of the work item's run does the same, so a driver needs this function only if it deals
    /// with the device elsewhere. Waits for the interrupt lock.
    ///
    /// # Panics
    ///
    /// If the calling thread holds the interrupt lock, or something that its owner waits for ([rule
    /// L13](crate::guide::contract#l13)).
    ///
    /// # Examples
    ///
    /// ```
    /// use interrupt_lock::{Claim, Interrupt, source::Software};
    ///
    /// struct Sensor {
    ///     alarms: u32,
    /// }
    ///
    /// let (source, line) = Software::level();
    /// let interrupt = Interrupt::builder(Sensor { alarms: 0 })
    ///     .isr(|sensor| {
    ///         sensor.alarms += 1;
    ///         Claim::ClaimedKeepMasked
    ///     })
    ///     .source(source)
    ///     .without_dispatcher()
    ///     .build()?;
    /// interrupt.enable()?;
    /// line.assert();
    /// interrupt.service();
    /// interrupt.service(); // the line is masked: no ISR runs
    /// assert_eq!(interrupt.acquire_interrupt_lock().alarms, 1);
    ///
    /// interrupt.unmask();
    /// interrupt.service(); // the device still asserts the line
    /// assert_eq!(interrupt.acquire_interrupt_lock().alarms, 2);
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    #[track_caller]
    pub fn unmask(&self) {
        // Take the lock first: an ISR that is about to keep the interrupt masked holds it.
        let mut data = self.acquire_interrupt_lock();
        self.unmask_kept(&mut data);
        drop(data);
        // The callback or the source may have failed, which is a fault: that ends a listener's wait.
        self.tell_listeners();
    }

    /// Keeps the interrupt masked until the work item has run. The caller holds the lock, as `registered` proves.
    pub(super) fn keep_masked(&self, registered: &mut Registered<T, W>, data: &mut T, runs: u64, after: AfterIsr) {
        if registered.unmasks == Unmasks::Nothing {
            return;
        }
        self.mask_own_line();
        let idle = self.work.keep_masked();
        // The worker may have been faster than the ISR: then the run that should have unmasked the interrupt is over.
        if after != AfterIsr::LeaveMasked && idle && self.work_run.get() != runs {
            self.unmask_now(registered, data);
        }
    }

    /// Unmasks an interrupt that was kept masked until the work item had run. The caller is the owner of the lock.
    #[cold]
    pub(in crate::interrupt) fn make_left_unmask(&self, data: &mut T) {
        if self.owes_an_answer() {
            // The ISR that runs for it as the interrupt awakes comes first.
            return;
        }
        // If the ISR has queued another run since, which may already run on another thread, this waits for that run.
        if self.state.take(UNMASK_LEFT) && self.work.is_idle() {
            self.unmask_kept(data);
        }
    }

    /// Unmasks the interrupt if it is kept masked. The caller holds the lock, as `data` proves, and is in no callback.
    fn unmask_kept(&self, data: &mut T) {
        if self.work.keeps_masked() && self.state.in_service() {
            // SAFETY: as in `deliver_enabled`: the caller holds the lock, and no callback calls this.
            unsafe { self.registered.with(|registered| self.unmask_now(registered, data)) };
        }
    }

    /// Runs the unmask callback, and then unmasks the source, unless the callback has found more to do. The interrupt is
    /// kept masked, and in service.
    fn unmask_now(&self, registered: &mut Registered<T, W>, data: &mut T) {
        match self.ask_driver(registered.unmasks, data) {
            Ok(Work::Done) => {
                self.work.take_kept();
                self.unmask_line(registered, data);
            }
            // It stays kept masked, so the end of that run comes here again.
            Ok(Work::Again) => _ = self.queue(),
            Err(message) => self.set_faulted(registered, Fault::Panicked { callback: Callback::Unmask, message }),
        }
    }

    /// Runs the unmask callback, or puts it off. Returns whether there is more to do, or the message of its panic.
    fn ask_driver(&self, unmasks: Unmasks, data: &mut T) -> Result<Work, Name> {
        if unmasks != Unmasks::Device {
            return Ok(Work::Done);
        }
        if !self.state.delivers() {
            self.state.set(UNMASK_PUT_OFF);
            return Ok(Work::Done);
        }
        // SAFETY: the caller holds the interrupt lock, and the cell is used under it only. The callback can't come back
        // here: what unmasks acquires the lock first, or is an end of a section.
        unsafe { self.unmask.with(|unmask| sync::catch(|| unmask.call(data))) }
    }

    /// If the unmask callback has been put off, has the work item run once more, whose end runs the callback. The caller
    /// holds the lock.
    pub(in crate::interrupt) fn make_up_for_unmask(&self) {
        if self.state.delivers() && self.state.take(UNMASK_PUT_OFF) {
            self.work.keep_masked();
            let _ = self.queue();
        }
    }

    /// Forgets that the interrupt is kept masked: it goes out of service. The caller holds the lock.
    pub(in crate::interrupt) fn forget_kept(&self) {
        self.work.take_kept();
        self.state.take(UNMASK_LEFT | UNMASK_PUT_OFF);
    }
}
