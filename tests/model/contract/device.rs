//! The device: power, reset, wake-up and the callback lock.

use crate::contract::{Answer, Error, Panicked, Phase, World};
use crate::operations::{Behaviour, Ends, Op, Power, Which};

const REFUSED: &str = "WouldDeadlock";

#[derive(Default)]
pub(super) struct Device {
    /// In order of creation.
    interrupts: Vec<Which>,
    in_d0: bool,
    in_transition: bool,
    pub(super) callback_lock: bool,
    /// Interrupts that another thread ends, once this one has released the callback lock.
    pub(super) ends: Vec<Which>,
    /// An assertion came during a transition.
    wake_left: bool,
}

impl Device {
    pub(super) fn of(interrupts: Vec<Which>) -> Self {
        Self { interrupts, ..Self::default() }
    }
}

impl World {
    /// Those that have not ended.
    fn members(&self) -> Vec<Which> {
        let alive = |which: &Which| self.interrupts[*which].phase != Phase::Ended;
        self.device.interrupts.iter().copied().filter(alive).collect()
    }

    fn refuse_inside_own_sections(&self) -> Result<(), Error> {
        let inside = self.in_isr
            || self.device.callback_lock
            || self.members().into_iter().any(|which| self.section_of_this_thread(which));
        if inside { Err(REFUSED.into()) } else { Ok(()) }
    }

    fn power_transition(&mut self, steps: impl FnOnce(&mut Self, &[Which]) -> Answer) -> Answer {
        self.refuse_inside_own_sections()?;
        if self.device.in_transition {
            return Err(REFUSED.into());
        }
        self.in_power_transition(steps)
    }

    fn in_power_transition(&mut self, steps: impl FnOnce(&mut Self, &[Which]) -> Answer) -> Answer {
        self.device.in_transition = true;
        let members = self.members();
        let answer = steps(self, &members);
        self.device.in_transition = false;
        if std::mem::take(&mut self.device.wake_left) {
            for which in members {
                if self.interrupts[which].wakes {
                    self.wake_device(which);
                }
            }
        }
        answer
    }

    pub(super) fn enter_d0(&mut self) -> Answer {
        self.power_transition(|world, members| world.bring_to_d0(members))
    }

    /// Rule E5, upwards.
    fn bring_to_d0(&mut self, members: &[Which]) -> Answer {
        if self.device.in_d0 {
            return Ok("Already");
        }
        self.call_power(Power::D0Entry)?;
        if let Err(error) = self.bring_up(members) {
            let _ = self.bring_down(members);
            return Err(error);
        }
        self.device.in_d0 = true;
        Ok("Done")
    }

    /// Sleeping interrupts come first (rule E9).
    fn bring_up(&mut self, members: &[Which]) -> Result<(), Error> {
        members.iter().try_for_each(|&which| self.awake(which))?;
        members.iter().try_for_each(|&which| self.power_up(which))?;
        self.call_power(Power::InterruptsEnabled)
    }

    pub(super) fn exit_d0(&mut self) -> Answer {
        self.power_transition(|world, members| {
            if !std::mem::take(&mut world.device.in_d0) {
                return Ok("Already");
            }
            let called = world.call_power(Power::DisablingInterrupts);
            let down = world.bring_down(members);
            // The later error.
            down.and(called).map(|()| "Done")
        })
    }

    /// Rule E5, downwards: errors don't stop it, and the last is returned.
    fn bring_down(&mut self, members: &[Which]) -> Result<(), Error> {
        let mut last = Ok(());
        for &which in members.iter().rev() {
            last = self.power_down(which).and(last);
        }
        self.call_power(Power::D0Exit).and(last)
    }

    fn power_up(&mut self, which: Which) -> Result<(), Error> {
        self.transition(which, |world| {
            let interrupt = &world.interrupts[which];
            if interrupt.kept_disabled || interrupt.phase == Phase::Ended {
                return Ok(());
            }
            world.enable_in(which).map(|_| ())
        })
    }

    fn power_down(&mut self, which: Which) -> Result<(), Error> {
        self.transition(which, |world| {
            let interrupt = &world.interrupts[which];
            if interrupt.phase == Phase::Ended {
                return Ok(());
            }
            if interrupt.in_service() && interrupt.kind.wake_capable {
                world.locked(which, |world| {
                    if world.interrupts[which].in_service() {
                        world.interrupts[which].phase = Phase::Asleep;
                    }
                });
                return Ok(());
            }
            world.disable_in(which).map(|_| ())
        })
    }

    fn awake(&mut self, which: Which) -> Result<(), Error> {
        self.transition(which, |world| {
            world.locked(which, |world| {
                if world.interrupts[which].phase == Phase::Asleep {
                    world.interrupts[which].phase = Phase::Enabled;
                    world.interrupts[which].wakes = false;
                    world.deliver_withheld(which);
                    world.make_left_unmask(which);
                    world.make_up_for_unmask(which);
                }
            });
            Ok(())
        })
    }

    pub(super) fn reset(&mut self, behaviour: &Behaviour) -> Answer {
        self.power_transition(|world, members| {
            let done = world.reset_members(members, behaviour);
            if done.is_err() && std::mem::take(&mut world.device.in_d0) {
                let _ = world.bring_down(members);
            }
            done.map(|()| "()")
        })
    }

    fn reset_members(&mut self, members: &[Which], behaviour: &Behaviour) -> Result<(), Error> {
        let mut quiet = Vec::new();
        for &which in members.iter().rev() {
            if self.quiesce(which)? {
                quiet.insert(0, which);
            }
        }
        self.call_device("reset", "Reset", behaviour)?;
        let up = quiet.iter().try_for_each(|&which| self.power_up(which));
        if up.is_err() {
            for &which in quiet.iter().rev() {
                let _ = self.power_down(which);
            }
        }
        up
    }

    /// Disables for a reset, and clears a fault. Returns whether the interrupt is to be enabled again.
    fn quiesce(&mut self, which: Which) -> Result<bool, Error> {
        self.transition(which, |world| {
            let interrupt = &world.interrupts[which];
            if interrupt.kept_disabled || !matches!(interrupt.phase, Phase::Enabled | Phase::Faulted) {
                return Ok(false);
            }
            let _ = world.disable_in(which);
            world.clear_fault_in(which);
            Ok(world.interrupts[which].phase == Phase::Disabled)
        })
    }

    // Wake-up (rule E9).

    pub(super) fn wake_for_withheld(&mut self, which: Which) {
        let interrupt = &mut self.interrupts[which];
        if interrupt.phase == Phase::Asleep && !interrupt.inactive && interrupt.withheld > 0 {
            interrupt.wakes = true;
            self.leave_to_owner(which);
        }
    }

    pub(super) fn wake_device(&mut self, which: Which) {
        if self.device.in_transition {
            self.device.wake_left = true;
            return;
        }
        self.interrupts[which].wakes = false;
        let _ = self.in_power_transition(|world, members| {
            world.refuse_inside_own_sections()?;
            world.bring_to_d0(members)
        });
    }

    // The callback lock (rule W5).

    fn call_power(&mut self, power: Power) -> Result<(), Error> {
        let behaviour = self.scripts.next_power(power);
        self.call_device(&format!("{power:?}"), &format!("{power:?}"), &behaviour)
    }

    fn call_device(&mut self, begins: &str, fails: &str, behaviour: &Behaviour) -> Result<(), Error> {
        if self.device.callback_lock {
            return Err(REFUSED.into());
        }
        self.device.callback_lock = true;
        self.begins(begins.into());
        let ends = self.behave(behaviour);
        self.release_callback_lock();
        match ends {
            Err(Panicked) | Ok(Ends::Fails) => Err(format!("{fails} failed")),
            Ok(_) => Ok(()),
        }
    }

    pub(super) fn synchronize(&mut self, ops: &[Op]) -> &'static str {
        if self.in_isr || self.device.callback_lock {
            return "panics: callback lock";
        }
        self.device.callback_lock = true;
        self.begins("synchronized".into());
        ops.iter().for_each(|op| self.perform(op));
        self.release_callback_lock();
        "synchronized"
    }

    pub(super) fn release_callback_lock(&mut self) {
        self.device.callback_lock = false;
        self.end_behind_callback_lock();
    }
}
