//! Enable, disable, inactive and active, fault and removal, the end.

use crate::contract::source::{Trouble, Wish};
use crate::contract::{Answer, Error, Panicked, Phase, World};
use crate::driver::NOT_TRIED;
use crate::operations::{Callback, Ends, SourceKind, Which};

const REFUSED: &str = "WouldDeadlock";

impl World {
    /// Refuses what would wait for its caller, before anything is done (rule E4).
    fn begin(&mut self, which: Which) -> Result<(), Error> {
        if self.in_isr || self.section_of_this_thread(which) {
            return Err(REFUSED.into());
        }
        self.interrupts[which].in_transition = true;
        Ok(())
    }

    fn finish(&mut self, which: Which) {
        self.interrupts[which].in_transition = false;
        self.after_section(which);
    }

    /// A whole transition.
    pub(super) fn transition<R>(
        &mut self,
        which: Which,
        steps: impl FnOnce(&mut Self) -> Result<R, Error>,
    ) -> Result<R, Error> {
        self.begin(which)?;
        let answer = steps(self);
        self.finish(which);
        answer
    }

    pub(super) fn check(&self, which: Which) -> Result<(), Error> {
        let interrupt = &self.interrupts[which];
        match interrupt.phase {
            Phase::Ended => Err("Ended".into()),
            Phase::Removed => Err("Removed".into()),
            Phase::Faulted => Err(self.faulted(which)),
            _ => Ok(()),
        }
    }

    fn faulted(&self, which: Which) -> Error {
        format!("Faulted: {}", self.interrupts[which].fault.as_deref().unwrap_or("?"))
    }

    // Enable.

    pub(super) fn enable(&mut self, which: Which) -> Answer {
        self.transition(which, |world| {
            world.interrupts[which].kept_disabled = false;
            world.enable_in(which)
        })
    }

    /// Rules E1, E3, I4, I15. What comes before the lock may change the phase, so the phase decides under the lock.
    pub(super) fn enable_in(&mut self, which: Which) -> Answer {
        self.locked(which, |world| {
            world.check(which)?;
            if world.interrupts[which].in_service() {
                return Ok("Already");
            }
            world.interrupts[which].phase = Phase::Connecting;
            if let Err(error) = world.connect(which) {
                world.not_connected(which);
                return Err(error);
            }
            match world.call(which, Callback::Enable, "") {
                Err(Panicked) => {
                    world.fault(which, "Enable panicked");
                    Err("Faulted: Enable panicked".into())
                }
                Ok(Ends::Fails) => {
                    world.out_of_service(which);
                    world.not_connected(which);
                    Err("EnableCallback".into())
                }
                Ok(_) => {
                    world.interrupts[which].work.open = true;
                    world.interrupts[which].phase = Phase::Enabled;
                    Ok("Done")
                }
            }
        })
    }

    fn not_connected(&mut self, which: Which) {
        // Unless the source was the reason for a fault, or a removal.
        if self.interrupts[which].phase == Phase::Connecting {
            self.interrupts[which].phase = Phase::Disabled;
        }
    }

    /// Drains the source, then connects it.
    fn connect(&mut self, which: Which) -> Result<(), Error> {
        let connected = self.take(which).and_then(|stale| {
            self.interrupts[which].counts.stale += stale;
            self.connect_source(which)
        });
        connected.map_err(|trouble| match trouble {
            Trouble::Removed => {
                self.remove(which);
                "Removed".into()
            }
            Trouble::Fails => "Source".into(),
            Trouble::Panics => {
                self.fault(which, "Source panicked");
                "Faulted: Source panicked".into()
            }
        })
    }

    // Disable.

    pub(super) fn disable(&mut self, which: Which) -> Answer {
        self.transition(which, |world| {
            world.interrupts[which].kept_disabled = true;
            world.disable_in(which)
        })
    }

    /// The section, then the flush, whatever the section answers (rules E2, E3, I5, W7).
    pub(super) fn disable_in(&mut self, which: Which) -> Answer {
        let answer = self.locked(which, |world| world.disable_section(which));
        self.interrupts[which].work.open = false;
        self.flush(which);
        answer
    }

    /// Rule E2, in its order: closures, removal, ISR, callback, disconnection.
    fn disable_section(&mut self, which: Which) -> Answer {
        self.run_submitted(which);
        if !self.interrupts[which].in_service() {
            return self.is_still_there(which).map(|()| "Already");
        }
        self.notice_removal(which);
        self.check(which)?;
        self.last_isr(which);
        self.check(which)?;
        let called = self.call(which, Callback::Disable, "");
        if let Err(Panicked) = called {
            self.fault(which, "Disable panicked");
            return Err("Faulted: Disable panicked".into());
        }
        self.interrupts[which].phase = Phase::Disabled;
        let disconnected = self.disconnect_and_drain(which);
        self.forget_withheld(which);
        self.forget_kept(which);
        // The disconnection may have found the device gone, or the source may have failed.
        self.check(which)?;
        if matches!(called, Ok(Ends::Fails)) {
            return Err("DisableCallback".into());
        }
        disconnected.map(|()| "Done")
    }

    /// The ISR for what has been signalled so far. Of an interrupt that is inactive or asleep it is stale.
    fn last_isr(&mut self, which: Which) {
        let calls = std::mem::take(&mut self.interrupts[which].pending);
        if let Some(assertions @ 1..) = self.take_for_delivery(which, calls) {
            if self.interrupts[which].delivers() {
                self.run_isr(which, assertions, false);
            } else {
                self.interrupts[which].counts.stale += assertions;
            }
        }
    }

    /// What has been signalled since the ISR is stale.
    fn disconnect_and_drain(&mut self, which: Which) -> Result<(), Error> {
        if self.interrupts[which].kind.source == SourceKind::None {
            let calls = std::mem::take(&mut self.interrupts[which].pending);
            self.interrupts[which].counts.stale += calls;
            return Ok(());
        }
        let disconnected = self.disconnect(which);
        let drained = match disconnected {
            Err(Trouble::Panics) => Err(Trouble::Panics),
            _ => self.take(which).map(|signalled| self.interrupts[which].counts.stale += signalled),
        };
        if let Err(trouble) = drained {
            self.source_failed(which, trouble);
        }
        match disconnected {
            Err(Trouble::Removed) => {
                self.remove(which);
                Err("Removed".into())
            }
            Err(_) => Err("Source".into()),
            Ok(()) => Ok(()),
        }
    }

    // Inactive and active (rule E8).

    pub(super) fn report_inactive(&mut self, which: Which) -> Answer {
        self.transition(which, |world| {
            world.locked(which, |world| {
                world.is_still_there(which)?;
                if std::mem::replace(&mut world.interrupts[which].inactive, true) {
                    return Ok("Already");
                }
                if world.interrupts[which].withheld > 0 {
                    // A sleeper has not answered what it was told of.
                    world.claims(which, false, false);
                }
                world.make_left_unmask(which);
                Ok("Done")
            })
        })
    }

    pub(super) fn report_active(&mut self, which: Which) -> Answer {
        self.transition(which, |world| {
            world.locked(which, |world| {
                world.is_still_there(which)?;
                if !std::mem::take(&mut world.interrupts[which].inactive) {
                    return Ok("Already");
                }
                world.wake_for_withheld(which);
                world.deliver_withheld(which);
                world.make_up_for_unmask(which);
                Ok("Done")
            })
        })
    }

    fn is_still_there(&self, which: Which) -> Result<(), Error> {
        match self.interrupts[which].phase {
            Phase::Ended | Phase::Removed => self.check(which),
            _ => Ok(()),
        }
    }

    /// One ISR run for all that was withheld, and for what the source has signalled since.
    pub(super) fn deliver_withheld(&mut self, which: Which) {
        if !self.interrupts[which].delivers() {
            return;
        }
        if let Some(signalled) = self.take_for_delivery(which, 0) {
            let all = signalled + std::mem::take(&mut self.interrupts[which].withheld);
            if all > 0 {
                self.run_isr(which, all, true);
            }
        }
    }

    fn forget_withheld(&mut self, which: Which) {
        let interrupt = &mut self.interrupts[which];
        interrupt.counts.stale += std::mem::take(&mut interrupt.withheld);
        interrupt.wakes = false;
    }

    // Fault and removal (rules I12, I13).

    /// A fault, with the lock held. The first is remembered.
    pub(super) fn fault(&mut self, which: Which, what: &str) {
        let interrupt = &mut self.interrupts[which];
        interrupt.fault.get_or_insert_with(|| what.into());
        interrupt.counts.faults += 1;
        let before = interrupt.phase;
        if !matches!(before, Phase::Removed | Phase::Ended) {
            interrupt.phase = Phase::Faulted;
        }
        if before.is_connected() {
            self.out_of_service(which);
        }
    }

    /// A fault of a callback that runs without the lock. If this thread holds the lock, its release makes the fault.
    pub(super) fn leave_fault(&mut self, which: Which, what: &'static str) {
        self.interrupts[which].left_faults.push(what);
        self.leave(which);
    }

    pub(super) fn clear_fault(&mut self, which: Which) -> Result<String, Error> {
        self.transition(which, |world| Ok(world.clear_fault_in(which)))
    }

    pub(super) fn clear_fault_in(&mut self, which: Which) -> String {
        self.locked(which, |world| {
            let interrupt = &mut world.interrupts[which];
            if interrupt.phase == Phase::Faulted {
                interrupt.phase = Phase::Disabled;
            }
            interrupt.fault.take().map_or("no fault".into(), |fault| format!("cleared {fault}"))
        })
    }

    /// The device has gone. Only an interrupt that was in service runs its removal callback.
    pub(super) fn remove(&mut self, which: Which) {
        let before = self.interrupts[which].phase;
        if matches!(before, Phase::Removed | Phase::Ended) {
            return;
        }
        self.interrupts[which].phase = Phase::Removed;
        if before.is_connected() {
            self.out_of_service(which);
        }
        if before.is_in_service()
            && let Err(Panicked) = self.call(which, Callback::Removal, "")
        {
            self.fault(which, "Removal panicked");
        }
    }

    fn out_of_service(&mut self, which: Which) {
        self.forget_kept(which);
        self.interrupts[which].work.open = false;
        // An error of the source changes nothing any more.
        let _ = self.disconnect(which);
        self.forget_withheld(which);
    }

    pub(super) fn service_removal(&mut self, which: Which) -> String {
        if !self.acquire(which) {
            return "panics: Recursive".into();
        }
        self.notice_removal(which);
        self.release(which);
        self.after_section(which);
        "serviced".into()
    }

    /// Looks at the source, with the lock held. A wish is fulfilled once the section has ended.
    fn notice_removal(&mut self, which: Which) {
        match self.look_for_removal(which) {
            Some(Wish::Gone) => self.remove(which),
            Some(Wish::Wanted) => self.interrupts[which].removal_wanted = true,
            None => {}
        }
    }

    /// The system wants the device back: the interrupt is disabled as usual, and then its device has gone.
    pub(super) fn fulfil_removal(&mut self, which: Which) {
        let interrupt = &self.interrupts[which];
        let wanted = interrupt.removal_wanted && !matches!(interrupt.phase, Phase::Removed | Phase::Ended);
        if !wanted || self.begin(which).is_err() {
            return;
        }
        self.interrupts[which].removal_wanted = false;
        let _ = self.disable_in(which);
        self.locked(which, |world| world.remove(which));
        self.finish(which);
    }

    // The end (rule E6).

    pub(super) fn drop_handle(&mut self, which: Which) -> &'static str {
        let interrupt = &mut self.interrupts[which];
        let kind = interrupt.kind;
        if kind.in_device && kind.serialized && self.device.callback_lock && !interrupt.work.runs {
            // Its queued work item would keep another thread waiting for what this thread holds. What this thread
            // finds meanwhile depends on how far that thread has come.
            return NOT_TRIED;
        }
        if !std::mem::take(&mut interrupt.has_handle) {
            return "dropped before";
        }
        self.end(which);
        "dropped"
    }

    /// Ends the interrupt, now or as soon as its sections of this thread have ended. In another interrupt's ISR a thread
    /// of its own ends it.
    pub(super) fn end(&mut self, which: Which) {
        if self.own_section(which) {
            self.interrupts[which].end_waits = true;
            if self.lock(which).held {
                self.leave_to_owner(which);
            }
        } else if self.section_of_this_thread(which) {
            // Its work item may need the callback lock, which this thread holds.
            self.device.ends.push(which);
        } else if self.in_isr {
            self.end_elsewhere(which);
        } else {
            self.end_now(which);
        }
    }

    /// Another thread ends the interrupt. This one holds nothing that it needs.
    fn end_elsewhere(&mut self, which: Which) {
        let (in_isr, elsewhere) = (self.in_isr, self.elsewhere);
        (self.in_isr, self.elsewhere, self.ends_elsewhere) = (false, true, true);
        self.end_now(which);
        (self.in_isr, self.elsewhere) = (in_isr, elsewhere);
    }

    fn end_now(&mut self, which: Which) {
        if self.interrupts[which].phase == Phase::Ended {
            return;
        }
        self.interrupts[which].in_transition = true;
        let _ = self.disable_in(which);
        self.locked(which, |world| {
            world.run_last(which);
            world.interrupts[which].phase = Phase::Ended;
            if world.interrupts[which].kind.shares_lock {
                world.lock(which).tenants.retain(|&tenant| tenant != which);
            }
            let _ = world.leave_line(which);
        });
        self.finish(which);
        // Five callbacks, and what not all of them have.
        let kind = self.interrupts[which].kind;
        self.interrupts[which].freed = 5 + u64::from(kind.source != SourceKind::None) + u64::from(kind.has_unmask);
    }

    pub(super) fn end_if_it_waits(&mut self, which: Which) {
        if std::mem::take(&mut self.interrupts[which].end_waits) {
            self.end(which);
        }
    }

    /// Ends that have waited for the callback lock.
    pub(super) fn end_behind_callback_lock(&mut self) {
        for which in std::mem::take(&mut self.device.ends) {
            self.end_elsewhere(which);
        }
    }
}
