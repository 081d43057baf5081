//! What a device asks of its interrupts.

use crate::answer::State;
use crate::error::Error;
use crate::interrupt::InterruptObject;
#[cfg(feature = "std")]
use crate::interrupt::Sections;
use crate::name::Name;
use crate::observe::Stats;

/// An interrupt, as its device sees it.
pub(crate) trait DeviceInterrupt: Send + Sync {
    fn name(&self) -> &Name;
    fn stats(&self) -> Stats;
    fn has_ended(&self) -> bool;

    /// Returns in which section of this interrupt the calling thread is, if it is in one.
    fn section_of_this_thread(&self) -> Option<&'static str>;

    /// Returns the sections of this interrupt that the calling thread is in, for a thread that waits for their end.
    #[cfg(feature = "std")]
    fn sections_of_this_thread(&self) -> Option<Sections>;

    /// Waits until the sections have ended that another thread was in.
    #[cfg(feature = "std")]
    fn wait_for(&self, sections: Sections) -> Result<(), Error>;

    /// Enables the interrupt as the device enters D0. Passes over an interrupt that the driver has disabled. Returns
    /// [`NotGranted`](crate::SourceError::NotGranted) if there is no message vector for it; then the device passes over it.
    fn power_up(&self) -> Result<(), Error>;

    /// Ends the sleep of an interrupt as the device enters D0, and runs its ISR for the assertions that it has
    /// withheld.
    fn awake(&self) -> Result<(), Error>;

    /// If the interrupt has withheld an assertion that wakes the device, makes the device enter D0.
    fn wake_again(&self);

    /// Disables the interrupt as the device leaves D0. If it is wake-capable, puts it to sleep instead, unless the
    /// device leaves D0 for good. An interrupt that is disabled already is no error.
    fn power_down(&self, for_good: bool) -> Result<(), Error>;

    /// Disables the interrupt before a reset, ignoring an error of its disable callback, and clears its fault. Returns
    /// whether it has to be enabled again after the reset.
    fn quiesce(&self) -> Result<bool, Error>;
}

impl<T: Send, W: Send> DeviceInterrupt for InterruptObject<T, W> {
    fn name(&self) -> &Name {
        self.name()
    }

    fn stats(&self) -> Stats {
        self.stats()
    }

    fn has_ended(&self) -> bool {
        self.state() == State::Ended
    }

    fn section_of_this_thread(&self) -> Option<&'static str> {
        self.section_of_this_thread()
    }

    #[cfg(feature = "std")]
    fn sections_of_this_thread(&self) -> Option<Sections> {
        self.sections_of_this_thread()
    }

    #[cfg(feature = "std")]
    fn wait_for(&self, sections: Sections) -> Result<(), Error> {
        self.wait_for(sections)
    }

    fn power_up(&self) -> Result<(), Error> {
        self.power_up()
    }

    fn awake(&self) -> Result<(), Error> {
        self.awake()
    }

    fn wake_again(&self) {
        if self.wakes() {
            self.schedule_wake();
        }
    }

    fn power_down(&self, for_good: bool) -> Result<(), Error> {
        self.power_down(for_good)
    }

    fn quiesce(&self) -> Result<bool, Error> {
        self.quiesce()
    }
}
