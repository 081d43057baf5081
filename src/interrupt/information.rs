//! What an interrupt tells of itself (rules P3, S1). Nothing here waits for the interrupt lock.

use core::fmt;

use crate::interrupt::InterruptObject;
use crate::interrupt::state::State;
use crate::observe::stats::Stats;
use crate::{Error, ErrorKind, Info, Name};

impl<T, W> InterruptObject<T, W> {
    /// The interrupt's name, as in errors.
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

    /// What the interrupt is doing. A snapshot; never waits.
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

    /// Whether the interrupt can be served: what a driver that waits for its device asks now and then.
    ///
    /// # Errors
    ///
    /// The fault, the removal or the end that keeps it from being served.
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
            State::Disabled | State::Enabled | State::Inactive | State::Asleep => Ok(()),
            State::Ended => Err(self.error(ErrorKind::Ended)),
            State::Removed => Err(self.error(ErrorKind::Removed)),
            State::Faulted => match self.fault() {
                Some(fault) => Err(self.error(ErrorKind::Faulted(fault))),
                // Cleared since.
                None => Ok(()),
            },
        }
    }

    /// What the system says of the assigned interrupt (rule P3): *GetInfo*. Read anew at each enable (rule E7); never
    /// waits for the interrupt lock.
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
        self.notes.lock().info.clone()
    }

    /// Whether the system reports the source as shared although it isn't a level line; it is served nevertheless
    /// (rule I8). On such a source another device's driver may take the edge.
    ///
    /// ```
    /// # use interrupt_lock::{Claim, Interrupt};
    /// # let interrupt = Interrupt::builder(()).isr(|_| Claim::Claimed).build()?;
    /// assert!(!interrupt.is_doubtfully_shared());
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    pub fn is_doubtfully_shared(&self) -> bool {
        self.notes.lock().warned
    }

    /// The counters. Never waits for the interrupt lock.
    ///
    /// ```
    /// # use interrupt_lock::{Claim, Interrupt};
    /// # let interrupt = Interrupt::builder(()).isr(|_| Claim::Claimed).build()?;
    /// assert_eq!(interrupt.stats().delivered, 0);
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    pub fn stats(&self) -> Stats {
        #[cfg_attr(not(feature = "std"), expect(unused_mut, reason = "nothing is timed"))]
        let mut stats = self.counters.snapshot(&self.answers, self.work_run.get(), self.work.unanswered());
        #[cfg(feature = "std")]
        if let Some(timing) = &self.timing {
            stats.distributions = Some(timing.snapshot(stats.delivered));
        }
        stats
    }
}

impl<T, W> fmt::Debug for InterruptObject<T, W> {
    /// One snapshot; never waits, and leaves the data alone.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InterruptObject")
            .field("name", self.name())
            .field("state", &self.state())
            .field("lock", self.lock().raw())
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}
