//! Enable and disable (rules E1 to E4, I4, I5, W7, B4).

use crate::answer::{State, Transition};
use crate::single_core::word::Word;
use crate::single_core::{Driver, Error, InterruptObject, Registered};

impl<D: Driver> InterruptObject<D> {
    /// Connects the interrupt: unmasks its line, and runs the enable callback with the lock held. From then on its ISR runs.
    ///
    /// What the device asserts while the callback runs is served right after it.
    ///
    /// It stands for *WdfInterruptEnable* and *Enable*.
    ///
    /// # Errors
    ///
    /// - [`Error::EnableCallback`]: the callback failed. The interrupt stays disabled, and its line masked.
    /// - [`Error::WouldDeadlock`]: the caller holds the lock, or is in a transition or the work item of this interrupt, or has
    ///   interrupted code that is. Nothing has been done.
    ///
    /// # Examples
    ///
    /// See [`Driver`].
    #[doc(alias = "WdfInterruptEnable")]
    #[doc(alias = "Enable")]
    pub fn enable(&self) -> Result<Transition, Error> {
        let lock = self.lock_for_change().ok_or(Error::WouldDeadlock)?;
        lock.within(|data| self.enable_in_section(data))
    }

    fn enable_in_section(&self, data: &mut D::Data) -> Result<Transition, Error> {
        if self.word.is_enabled() {
            return Ok(Transition::Already);
        }
        self.driver.unmask_line();
        if let Err(error) = self.driver.on_enable(data) {
            self.driver.mask_line();
            return Err(Error::EnableCallback(error));
        }
        self.word.set_enabled();
        Ok(Transition::Done)
    }

    /// Disconnects the interrupt, so that neither its ISR nor its work item runs.
    ///
    /// It runs the disable callback with the lock held, and masks the line. No ISR runs after the callback has begun. Then it
    /// runs the work item if that is queued, without the lock, and with the interrupts as the caller has them.
    ///
    /// It stands for *WdfInterruptDisable* and *Disable*.
    ///
    /// # Errors
    ///
    /// - [`Error::DisableCallback`]: the callback failed. The interrupt is disabled all the same.
    /// - [`Error::WouldDeadlock`]: as for [`enable`](Self::enable). Nothing has been done.
    ///
    /// # Examples
    ///
    /// ```
    /// use interrupt_lock::single_core::{Functions, InterruptObject, Plain};
    /// use interrupt_lock::{Claim, State, Transition};
    /// # use interrupt_lock::single_core::Machine;
    /// # struct Board;
    /// # // SAFETY: one thread runs this example.
    /// # unsafe impl Machine for Board {
    /// #     type Found = ();
    /// #     fn mask() {}
    /// #     fn restore((): ()) {}
    /// # }
    ///
    /// static CALLBACKS: Functions<(), Board> = Functions::new(|_| Claim::Claimed).on_disable(|()| {
    ///     // in firmware: gate the clock of the device
    ///     Ok(())
    /// });
    /// static UART: InterruptObject<Plain<(), Board>> = InterruptObject::new((), &CALLBACKS);
    ///
    /// assert_eq!(UART.enable()?, Transition::Done);
    /// assert_eq!(UART.disable()?, Transition::Done);
    /// assert_eq!(UART.disable()?, Transition::Already);
    /// assert_eq!(UART.state(), State::Disabled);
    /// # Ok::<(), interrupt_lock::single_core::Error>(())
    /// ```
    #[doc(alias = "WdfInterruptDisable")]
    #[doc(alias = "Disable")]
    pub fn disable(&self) -> Result<Transition, Error> {
        let lock = self.lock_for_change().ok_or(Error::WouldDeadlock)?;
        let disabled = lock.within(|data| {
            let disabled = self.disable_in_section(data);
            if D::WorkItem::REGISTERED {
                self.word.change();
            }
            disabled
        });
        if D::WorkItem::REGISTERED {
            // With the interrupts as the caller has them: the work item may wait for one.
            self.flush();
            self.masked(Word::end_change);
        }
        disabled
    }

    fn disable_in_section(&self, data: &mut D::Data) -> Result<Transition, Error> {
        // What came before this section has been served: the lock was free.
        if !self.word.is_enabled() {
            return Ok(Transition::Already);
        }
        let called = self.driver.on_disable(data);
        self.word.set_disabled();
        self.driver.mask_line();
        called.map(|()| Transition::Done).map_err(Error::DisableCallback)
    }

    /// Returns whether the interrupt is enabled.
    #[must_use]
    pub fn state(&self) -> State {
        if self.word.is_enabled() { State::Enabled } else { State::Disabled }
    }
}
