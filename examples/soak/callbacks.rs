//! What the callbacks of an interrupt do: keep the accounts, and now and then something odd.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Weak};

use interrupt_lock::{Claim, ErrorKind, Queued, Work};

use crate::bomb::{Bomb, BombError};
use crate::closures::submit;
use crate::kind::{Kind, Source};
use crate::ledger::{BY_ISR, BY_WORK_ITEM, Ledger, Token};
use crate::machine::Machine;
use crate::object::Data;
use crate::random::Random;
use crate::removal::{Switch, Way};
use crate::signal::Signal;
use crate::totals;
use crate::unit::Unit;
use crate::verdict;
use crate::watch;

/// What each callback of an interrupt has.
pub struct Callback {
    machine: Weak<Machine>,
    slot: usize,
    kind: Kind,
    ledger: Arc<Ledger>,
    signal: Signal,
    random: Random,
    /// Runs of the work item that may still ask for another.
    budget: u32,
    removal: Arc<Switch>,
    _token: Token,
    _bomb: Option<Bomb>,
}

/// What one ISR run will do, decided before it has the data.
pub struct Plan {
    pub queues: bool,
    keeps_masked: bool,
}

impl Callback {
    pub fn new(
        machine: Weak<Machine>,
        slot: usize,
        kind: Kind,
        ledger: &Arc<Ledger>,
        signal: &Signal,
        removal: &Arc<Switch>,
        mut random: Random,
    ) -> Self {
        let _bomb = random.one_in(kind.odd).then(|| Bomb::new(ledger));
        let (ledger, signal, removal, _token) = (ledger.clone(), signal.clone(), removal.clone(), ledger.token());
        Self { machine, slot, kind, ledger, signal, random, budget: 0, removal, _token, _bomb }
    }

    /// The machine, unless it is quiet now: then nothing odd may happen.
    fn wild(&self) -> Option<Arc<Machine>> {
        self.machine.upgrade().filter(|machine| !machine.is_calm())
    }

    /// The interrupt of this callback, unless another has taken its place or it is not in its place yet.
    fn me(&self, machine: &Machine) -> Option<Arc<Unit>> {
        machine.unit(self.slot).filter(|unit| Arc::ptr_eq(&unit.ledger, &self.ledger))
    }

    pub fn plan(&mut self) -> Plan {
        let keeps_masked = self.kind.holds() && self.random.one_in(3);
        Plan { queues: self.kind.work && (keeps_masked || self.random.one_in(2)), keeps_masked }
    }

    pub fn isr(&mut self, plan: &Plan, data: &mut Data, assertions: u64, queued: Option<Queued>) -> Claim {
        watch::step("runs the ISR of", self.slot as u64);
        let ledger = self.ledger.clone();
        ledger.must_be_on("the ISR");
        ledger.must_serve();
        ledger.enter(&ledger.in_isr, "the ISR");
        data.touch();
        ledger.isr_runs.one();
        ledger.told.add(assertions);
        ledger.note_queueing(queued);
        if self.removal.way() == Some(Way::Silent) {
            ledger.leave(&ledger.in_isr);
            return Claim::DeviceGone;
        }
        let will_run = matches!(queued, Some(Queued::New | Queued::Merged));
        let claim = if plan.keeps_masked && (will_run || !self.kind.work) {
            // The work item deals with the device. Without one, a thread of the driver unmasks.
            if !self.kind.work {
                self.signal.acknowledge();
            }
            Claim::ClaimedKeepMasked
        } else if self.signal.acknowledge() > 0 {
            Claim::Claimed
        } else {
            Claim::Unclaimed
        };
        if let Some(machine) = self.wild() {
            self.odd_isr(&machine);
        }
        data.touch();
        ledger.leave(&ledger.in_isr);
        if claim == Claim::Unclaimed {
            ledger.unclaimed.one()
        } else {
            ledger.claimed.one()
        }
        claim
    }

    fn odd_isr(&mut self, machine: &Arc<Machine>) {
        if self.random.one_in(8)
            && let Some(me) = self.me(machine)
        {
            submit(machine, &me, BY_ISR, self.random.split());
        }
        if self.random.one_in(16)
            && let Some(other) = machine.any_unit(&mut self.random)
            && other.kind.source != Source::Calls
        {
            other.raise();
        }
        // Without a source, a device asserts by a call, which the release of the lock serves.
        if self.kind.source == Source::Calls
            && self.random.one_in(4)
            && let Some(me) = self.me(machine)
        {
            me.raise();
        }
        if self.random.one_in(64)
            && let Some(other) = machine.any_unit(&mut self.random)
        {
            match other.object.disable() {
                Err(error) if matches!(error.kind(), ErrorKind::WouldDeadlock { .. }) => totals::REFUSALS.one(),
                answer => verdict::wrong(format_args!("disable() from an ISR returned {answer:?}")),
            }
        }
        self.odd_anywhere(machine, |ledger| &ledger.in_isr);
    }

    /// Drops the own handle, or another; panics. `inside` says where it is.
    fn odd_anywhere(&mut self, machine: &Arc<Machine>, inside: fn(&Ledger) -> &AtomicBool) {
        if self.random.one_in(self.kind.odd) {
            let slot = if self.random.one_in(2) { self.slot } else { machine.any_slot(&mut self.random) };
            machine.drop_handle(slot);
        }
        if self.random.one_in(self.kind.odd) {
            self.ledger.leave(inside(&self.ledger));
            self.ledger.panics.one();
            verdict::panic_as_intended();
        }
    }

    pub fn enable(&mut self, data: &mut Data) -> Result<(), BombError> {
        watch::step("runs the enable callback of", self.slot as u64);
        self.signal.silence(false);
        self.transition(data)?;
        self.ledger.begin_service();
        Ok(())
    }

    pub fn disable(&mut self, data: &mut Data) -> Result<(), BombError> {
        watch::step("runs the disable callback of", self.slot as u64);
        self.ledger.end_service("the disable callback");
        self.signal.silence(true);
        self.transition(data)
    }

    pub fn removed(&mut self, data: &mut Data) -> Result<(), BombError> {
        watch::step("runs the removal callback of", self.slot as u64);
        self.ledger.end_service("the removal callback");
        if self.removal.way().is_none() {
            self.ledger.wrong("the removal callback runs although the device is there", None);
        }
        self.signal.silence(true);
        self.transition(data)
    }

    fn transition(&mut self, data: &mut Data) -> Result<(), BombError> {
        data.touch();
        let Some(machine) = self.wild() else { return Ok(()) };
        if self.random.one_in(self.kind.odd) {
            let error = BombError::new(&self.ledger);
            // A device drops the errors of its interrupts without a fault.
            if self.kind.in_device {
                error.defuse();
            }
            return Err(error);
        }
        if self.random.one_in(self.kind.odd) {
            machine.drop_handle(self.slot);
        }
        if self.random.one_in(self.kind.odd) {
            self.ledger.panics.one();
            verdict::panic_as_intended();
        }
        data.touch();
        Ok(())
    }

    pub fn work_item(&mut self, merged: usize, section: impl Fn(&mut dyn FnMut(&mut Data))) -> Work {
        watch::step("runs the work item of", self.slot as u64);
        let ledger = self.ledger.clone();
        ledger.must_be_on("the work item");
        ledger.enter(&ledger.in_work_item, "the work item");
        ledger.work_runs.one();
        ledger.work_merged.add(merged as u64);
        self.signal.acknowledge();
        section(&mut Data::touch);
        if let Some(machine) = self.wild() {
            self.odd_work_item(&machine);
        }
        ledger.leave(&ledger.in_work_item);
        self.again()
    }

    fn odd_work_item(&mut self, machine: &Arc<Machine>) {
        if self.random.one_in(8)
            && let Some(me) = self.me(machine)
        {
            submit(machine, &me, BY_WORK_ITEM, self.random.split());
        }
        if self.random.one_in(8)
            && let Some(other) = machine.any_unit(&mut self.random)
        {
            other.cycle(&mut self.random);
        }
        if self.random.one_in(self.kind.odd) {
            machine.rebuild_one(&mut self.random);
        }
        self.odd_anywhere(machine, |ledger| &ledger.in_work_item);
    }

    fn again(&mut self) -> Work {
        if self.budget == 0 {
            self.budget = self.random.below(4) as u32;
            return Work::Done;
        }
        self.budget -= 1;
        self.ledger.again.one();
        Work::Again
    }
}
