//! What a device asks of an interrupt.

use crate::interrupt::InterruptObject;
use crate::lock::waits::{Circle, Waits};
use crate::{Error, Name, State, Stats};

pub(crate) trait DeviceInterrupt: Send + Sync {
    fn name(&self) -> &Name;
    fn stats(&self) -> Stats;
    fn has_ended(&self) -> bool;

    /// Announces all that a transition of this interrupt may wait for.
    fn announce(&self) -> Result<Waits<'_>, Circle>;

    /// Enables it, unless the driver has disabled it for good, or the system has granted it nothing.
    fn power_up(&self) -> Result<(), Error>;

    /// The device is up: runs the ISR of an interrupt that was asleep for what it has kept.
    fn awake(&self) -> Result<(), Error>;

    /// Has the device brought up, if an assertion was kept that wakes it.
    fn ask_for_power(&self);

    /// Disables it, or has it sleep. What was off already is no error.
    fn power_down(&self) -> Result<(), Error>;

    /// Disables it before a reset, whatever its callback says, and clears its fault. The answer is whether it is to be
    /// enabled again.
    fn quiesce(&self) -> Result<bool, Error>;

    /// Runs it down, if that was left to the section which the caller has ended.
    fn finish_end(&self);
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

    fn announce(&self) -> Result<Waits<'_>, Circle> {
        self.announce_waits()
    }

    fn power_up(&self) -> Result<(), Error> {
        self.enter_power()
    }

    fn awake(&self) -> Result<(), Error> {
        self.awake()
    }

    fn ask_for_power(&self) {
        if self.wakes() {
            self.schedule_wake();
        }
    }

    fn power_down(&self) -> Result<(), Error> {
        self.leave_power()
    }

    fn quiesce(&self) -> Result<bool, Error> {
        self.quiesce()
    }

    fn finish_end(&self) {
        self.take_deferred_end();
    }
}
