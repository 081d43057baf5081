//! Enable, disable, inactive and active, fault and removal, the end.

use crate::contract::source::{Trouble, Wish};
use crate::contract::{Answer, Error, Panicked, Phase, World};
use crate::operations::{Callback, Ends, SourceKind, Which};

const REFUSED: &str = "WouldDeadlock";

/// The order of the first version: callback, disconnect, the last ISR run.
const OLD: bool = true;

impl World {
    /// Refuses what would wait for its caller, before anything is done (rule E4).
    fn begin(&mut self, which: Which) -> Result<(), Error> {
        if self.in_isr {
            return Err(REFUSED.into());
        }
        self.begin_anywhere(which)
    }

    fn begin_anywhere(&mut self, which: Which) -> Result<(), Error> {
        if self.section_of_this_thread(which).is_some() {
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

    /// Rules E1, E3, I4, I15.
    pub(super) fn enable_in(&mut self, which: Which) -> Answer {
        self.check(which)?;
        if self.interrupts[which].in_service() {
            return Ok("Already");
        }
        self.locked(which, |world| {
            // What the lock's owner was left may have changed the state.
            world.check(which)?;
            world.connect(which)?;
            match world.call(which, Callback::Enable, "") {
                Err(Panicked) => {
                    world.fault(which, "Enable panicked");
                    Err("Faulted: Enable panicked".into())
                }
                Ok(Ends::Fails) => {
                    world.out_of_service(which, Phase::Disabled);
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

    pub(super) fn disable_in(&mut self, which: Which) -> Answer {
        if matches!(self.interrupts[which].phase, Phase::Ended | Phase::Removed) {
            if !OLD {
                self.flush(which);
            }
            self.check(which)?;
        }
        if !self.interrupts[which].in_service() {
            self.flush(which);
            return Ok("Already");
        }
        self.disable_enabled(which).map(|()| "Done")
    }

    /// The section, then the flush, whatever the section answers (rules E2, I5, W7).
    fn disable_enabled(&mut self, which: Which) -> Result<(), Error> {
        let answer = self.locked(which, |world| {
            if !world.interrupts[which].in_service() {
                return Ok(());
            }
            if OLD { world.disable_old(which) } else { world.disable_section(which) }
        });
        self.interrupts[which].work.open = false;
        self.flush(which);
        answer
    }

    /// Rule E2, in its order.
    fn disable_section(&mut self, which: Which) -> Result<(), Error> {
        if self.look_for_removal(which) == Some(Wish::Gone) {
            self.remove(which);
            return Err("Removed".into());
        }
        self.last_isr(which);
        match self.interrupts[which].phase {
            Phase::Removed => return Err("Removed".into()),
            Phase::Faulted => return Err(self.faulted(which)),
            _ => {}
        }
        let called = self.call(which, Callback::Disable, "");
        if let Err(Panicked) = called {
            self.fault(which, "Disable panicked");
            return Err("Faulted: Disable panicked".into());
        }
        self.interrupts[which].phase = Phase::Disabled;
        let disconnected = self.disconnect(which);
        let interrupt = &mut self.interrupts[which];
        interrupt.counts.stale += std::mem::take(&mut interrupt.pending) + std::mem::take(&mut interrupt.withheld);
        interrupt.keeps_masked = false;
        interrupt.wakes = false;
        match disconnected {
            Err(Trouble::Removed) => {
                self.remove(which);
                Err("Removed".into())
            }
            Err(Trouble::Panics) => {
                self.fault(which, "Source panicked");
                Err("Faulted: Source panicked".into())
            }
            _ if matches!(called, Ok(Ends::Fails)) => Err("DisableCallback".into()),
            Err(Trouble::Fails) => Err("Source".into()),
            Ok(()) => Ok(()),
        }
    }

    /// The ISR for what has been signalled so far. An interrupt that is inactive or asleep counts it as withheld.
    fn last_isr(&mut self, which: Which) {
        let calls = std::mem::take(&mut self.interrupts[which].pending);
        if let Some(assertions @ 1..) = self.take_for_delivery(which, calls) {
            if self.interrupts[which].delivers() {
                self.run_isr(which, assertions, false);
            } else {
                self.interrupts[which].withheld += assertions;
            }
        }
    }

    fn disable_old(&mut self, which: Which) -> Result<(), Error> {
        let called = self.call(which, Callback::Disable, "");
        if let Err(Panicked) = called {
            self.fault(which, "Disable panicked");
            return Err("Faulted: Disable panicked".into());
        }
        let delivered = self.interrupts[which].delivers();
        let slept = std::mem::replace(&mut self.interrupts[which].phase, Phase::Disabled) == Phase::Asleep;
        let withheld = self.interrupts[which].inactive || slept;
        let _ = delivered;
        let has_source = self.interrupts[which].kind.source != SourceKind::None;
        let mut disconnected = if has_source { self.disconnect(which) } else { Ok(()) };
        if !matches!(disconnected, Err(Trouble::Panics)) {
            let calls = if has_source { 0 } else { std::mem::take(&mut self.interrupts[which].pending) };
            let taken = if has_source { self.take(which) } else { Ok(calls) };
            match taken {
                Err(Trouble::Panics) => disconnected = Err(Trouble::Panics),
                Err(trouble) => self.source_failed(which, trouble),
                Ok(0) => {}
                Ok(assertions) if withheld => self.interrupts[which].withheld += assertions,
                Ok(assertions) => _ = self.run_isr(which, assertions, false),
            }
        }
        let mut answer = match disconnected {
            Err(Trouble::Removed) => {
                self.remove(which);
                Err("Source".into())
            }
            Err(Trouble::Panics) => {
                self.fault(which, "Source panicked");
                Err(self.faulted(which))
            }
            Err(Trouble::Fails) => Err("Source".into()),
            Ok(()) => Ok(()),
        };
        self.forget_withheld(which);
        self.interrupts[which].keeps_masked = false;
        if matches!(called, Ok(Ends::Fails)) {
            answer = Err("DisableCallback".into());
        }
        if self.interrupts[which].phase == Phase::Removed {
            answer = Err("Removed".into());
        }
        answer
    }

    // Inactive and active (rule E8).

    pub(super) fn report_inactive(&mut self, which: Which) -> Answer {
        self.transition(which, |world| {
            world.locked(which, |world| {
                world.is_still_there(which)?;
                let was = std::mem::replace(&mut world.interrupts[which].inactive, true);
                Ok(if was { "Already" } else { "Done" })
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
        let phase = match interrupt.phase {
            kept @ (Phase::Removed | Phase::Ended) => kept,
            _ => Phase::Faulted,
        };
        self.out_of_service(which, phase);
    }

    /// A fault of a callback that runs without the lock.
    pub(super) fn fault_without_lock(&mut self, which: Which, what: &str) {
        if self.acquire(which) {
            self.fault(which, what);
            self.release(which);
        }
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
        let was_in_service = self.interrupts[which].in_service();
        let phase = if self.interrupts[which].phase == Phase::Ended { Phase::Ended } else { Phase::Removed };
        self.out_of_service(which, phase);
        if was_in_service && let Err(Panicked) = self.call(which, Callback::Removal, "") {
            self.fault(which, "Removal panicked");
        }
    }

    fn out_of_service(&mut self, which: Which, phase: Phase) {
        self.interrupts[which].phase = phase;
        self.interrupts[which].keeps_masked = false;
        self.interrupts[which].work.open = false;
        // An error of the source changes nothing any more.
        let _ = self.disconnect(which);
        self.forget_withheld(which);
    }

    pub(super) fn service_removal(&mut self, which: Which) -> String {
        if !self.acquire(which) {
            return "panics".into();
        }
        let wish = self.look_for_removal(which);
        if wish == Some(Wish::Gone) {
            self.remove(which);
        }
        self.release(which);
        if wish == Some(Wish::Wanted) {
            self.requested_removal(which);
        }
        "serviced".into()
    }

    /// An orderly removal disables as usual. Where no transition can begin, it is a surprise.
    fn requested_removal(&mut self, which: Which) {
        if self.acquire(which) {
            self.release(which);
        }
        if self.begin(which).is_ok() {
            if self.interrupts[which].in_service() {
                let _ = self.disable_enabled(which);
            }
            if self.interrupts[which].phase != Phase::Ended {
                self.interrupts[which].phase = Phase::Removed;
            }
            return self.finish(which);
        }
        self.locked(which, |world| world.remove(which));
    }

    // The end (rule E6).

    pub(super) fn drop_handle(&mut self, which: Which) -> &'static str {
        if !std::mem::take(&mut self.interrupts[which].has_handle) {
            return "dropped before";
        }
        self.end(which);
        "dropped"
    }

    /// Ends the interrupt, now or as soon as the sections of this thread have ended. In another interrupt's ISR a thread
    /// of its own ends it.
    pub(super) fn end(&mut self, which: Which) {
        if self.section_of_this_thread(which).is_some() {
            self.interrupts[which].end_waits = true;
            if self.lock(which).held {
                self.leave_to_owner(which);
            }
            let kind = self.interrupts[which].kind;
            if kind.in_device && kind.serialized && self.device.callback_lock {
                self.device.left_ends.push(which);
            }
            return;
        }
        if self.interrupts[which].phase == Phase::Ended {
            return;
        }
        let elsewhere = self.in_isr && !OLD;
        let (in_isr, was_elsewhere) = (self.in_isr, self.elsewhere);
        if elsewhere {
            (self.in_isr, self.elsewhere) = (false, true);
        }
        self.end_now(which);
        (self.in_isr, self.elsewhere) = (in_isr, was_elsewhere);
    }

    fn end_now(&mut self, which: Which) {
        self.interrupts[which].in_transition = true;
        if self.interrupts[which].in_service() {
            let _ = self.disable_enabled(which);
        }
        self.interrupts[which].work.open = false;
        self.flush(which);
        self.locked(which, |world| {
            while let Some(closure) = world.interrupts[which].closures.pop_front() {
                world.run(which, &closure);
            }
            world.interrupts[which].phase = Phase::Ended;
            if world.interrupts[which].kind.shares_lock {
                world.lock(which).tenants.retain(|&tenant| tenant != which);
            }
            let _ = world.leave_line(which);
        });
        // Five callbacks and the source.
        self.interrupts[which].freed = if self.interrupts[which].kind.source == SourceKind::None { 5 } else { 6 };
        self.finish(which);
        self.device.left_ends.retain(|&left| left != which);
    }

    pub(super) fn end_if_it_waits(&mut self, which: Which) {
        if self.interrupts[which].end_waits && !self.interrupts[which].work.runs {
            self.interrupts[which].end_waits = false;
            self.end(which);
        }
    }
}
