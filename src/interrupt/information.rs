//! The information that an interrupt gives about itself (rules P3, S1). Nothing here waits for the interrupt lock.

use core::fmt;

use crate::answer::State;
use crate::error::{Error, ErrorKind};
use crate::info::Info;
use crate::interrupt::InterruptObject;
use crate::name::Name;
use crate::observe::stats::Stats;

impl<T, W> InterruptObject<T, W> {
    /// Returns the interrupt's name, which errors, events and the table of an operator show.
    ///
    /// ```
    /// # use interrupt_lock::{Claim, Interrupt};
    /// let interrupt = Interrupt::builder(()).name("edu0").isr(|_| Claim::Claimed).build()?;
    /// assert_eq!(interrupt.name().as_str(), "edu0");
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    pub fn name(&self) -> &Name {
        self.data_lock.name()
    }

    /// Returns the state of the interrupt. A snapshot; never waits.
    ///
    /// ```
    /// # use interrupt_lock::{Claim, Interrupt, State};
    /// # let interrupt = Interrupt::builder(()).isr(|_| Claim::Claimed).build()?;
    /// interrupt.enable()?;
    /// assert_eq!(interrupt.state(), State::Enabled);
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    pub fn state(&self) -> State {
        self.state.snapshot()
    }

    /// Returns an error if the interrupt can't be served any more, for a driver that waits for its device.
    ///
    /// Such a driver calls this from time to time, so that it does not wait for ever. A disabled interrupt is no error.
    /// Never waits for the interrupt lock.
    ///
    /// # Errors
    ///
    /// The fault, the removal or the end because of which the interrupt can't be served. Or the error of the last enable,
    /// if it has found no message vector for the interrupt ([rule I11](crate::guide::contract#i11)).
    ///
    /// # Examples
    ///
    /// ```
    /// # use interrupt_lock::{Claim, Interrupt};
    /// # let interrupt = Interrupt::builder(()).isr(|_| Claim::Claimed).build()?;
    /// interrupt.check()?;
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    pub fn check(&self) -> Result<(), Error> {
        match self.state() {
            #[cfg(feature = "alloc")]
            State::Disabled => match self.with_notes(|notes| notes.rare.as_ref()?.not_granted.clone()) {
                Some(error) => Err(self.source_error(error)),
                None => Ok(()),
            },
            #[cfg(not(feature = "alloc"))]
            State::Disabled => Ok(()),
            State::Enabled | State::Inactive | State::Asleep => Ok(()),
            State::Ended => Err(self.ended()),
            State::Removed => Err(self.error(ErrorKind::Removed)),
            State::Faulted => match self.fault() {
                Some(fault) => Err(self.error(ErrorKind::Faulted(fault))),
                // Another thread has cleared the fault since.
                None => Ok(()),
            },
        }
    }

    /// Returns what the system says about the assigned interrupt: vector, message number, trigger mode and more ([rule
    /// P3](crate::guide::contract#p3)).
    ///
    /// Each enable reads it anew, because the assignment may differ ([rule E7](crate::guide::contract#e7)). What is not
    /// known is `None`. Never waits for the interrupt lock. It stands for *GetInfo*.
    ///
    /// ```
    /// # use interrupt_lock::{Claim, Interrupt};
    /// # let interrupt = Interrupt::builder(()).isr(|_| Claim::Claimed).build()?;
    /// assert_eq!(interrupt.info().vector, None); // nothing assigned
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    #[doc(alias = "GetInfo")]
    #[doc(alias = "WdfInterruptGetInfo")]
    pub fn info(&self) -> Info {
        #[cfg(feature = "alloc")]
        return self.with_notes(|notes| notes.info.clone());
        #[cfg(not(feature = "alloc"))]
        Info::new()
    }

    /// Whether the system reports the source as shared, although it is not a level line. The interrupt is served all
    /// the same ([rule I8](crate::guide::contract#i8)), but another device's driver may take its edge.
    #[doc(hidden)]
    pub fn is_doubtfully_shared(&self) -> bool {
        #[cfg(feature = "alloc")]
        return self.with_notes(|notes| notes.rare.as_ref().is_some_and(|rare| rare.doubtfully_shared));
        #[cfg(not(feature = "alloc"))]
        false
    }

    /// Returns the counters of the interrupt, for an operator ([rule S1](crate::guide::contract#s1)). Never waits for
    /// the interrupt lock.
    ///
    /// ```
    /// # use interrupt_lock::{Claim, Interrupt};
    /// # let interrupt = Interrupt::builder(()).isr(|_| Claim::Claimed).build()?;
    /// assert_eq!(interrupt.stats().delivered, 0);
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    pub fn stats(&self) -> Stats {
        #[cfg_attr(not(feature = "std"), expect(unused_mut, reason = "nothing is timed"))]
        let mut stats = self.counters.snapshot(&self.claim_counts, self.work_run.get(), self.work.unanswered());
        #[cfg(feature = "std")]
        if let Some(timing) = &self.timing {
            stats.distributions = Some(timing.snapshot(stats.delivered));
        }
        stats
    }
}

impl<T, W> fmt::Debug for InterruptObject<T, W> {
    /// Shows one [`snapshot`](Self::snapshot), and the counters. Never waits, and does not show the data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InterruptObject")
            .field("snapshot", &self.snapshot())
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}
