//! The object for one core, as the cases use it.

use core::marker::PhantomData;
use core::sync::atomic::{AtomicU32, Ordering::Relaxed};

use harness::expect;
#[cfg(target_arch = "arm")]
use interrupt_lock::single_core::cortex_m;
#[cfg(not(target_arch = "arm"))]
use interrupt_lock::single_core::riscv;
use interrupt_lock::single_core::{Driver, InterruptLockGuard, InterruptObject, IsrContext, Machine};
use interrupt_lock::{Claim, State, WithWorkItem, Work};

use crate::cases::data::{self, Data};
use crate::cases::device;
use crate::cases::subject::{Lined, Subject, by_their_names};

/// Masks nothing.
pub struct NoMask;

// SAFETY: the machine has one core, and no scheduler.
unsafe impl Machine for NoMask {
    type Found = ();

    fn mask() {}

    fn restore((): ()) {}
}

/// What the hooks of an object have done.
struct Hooks {
    /// Its line is masked.
    masked: AtomicU32,
    /// What runs the work item has been told, and it has not run since.
    told: AtomicU32,
}

impl Hooks {
    const fn new() -> Self {
        Self { masked: AtomicU32::new(1), told: AtomicU32::new(0) }
    }
}

/// The driver of an object.
pub struct Probe<M> {
    hooks: &'static Hooks,
    machine: PhantomData<fn() -> M>,
}

impl<M> Probe<M> {
    const fn new(hooks: &'static Hooks) -> Self {
        Self { hooks, machine: PhantomData }
    }
}

impl<M: Machine> Driver for Probe<M> {
    type Data = Data;
    type Machine = M;
    type WorkItem = WithWorkItem;

    fn isr(&self, data: &mut IsrContext<'_, Self>) -> Claim {
        data.isr(None);
        data.queue_work_item();
        if data.is_cycle() { Claim::ClaimedKeepMasked } else { Claim::Claimed }
    }

    fn on_enable(&self, data: &mut Data) -> Result<(), &'static str> {
        data.enable();
        Ok(())
    }

    fn on_disable(&self, data: &mut Data) -> Result<(), &'static str> {
        data.disable();
        Ok(())
    }

    fn on_unmask(&self, data: &mut Data) -> Work {
        if data.is_cycle() && data.unmask() { Work::Again } else { Work::Done }
    }

    fn work_item(&self, interrupt: &InterruptObject<Self>) -> Work {
        self.hooks.told.store(0, Relaxed);
        data::begin_work();
        interrupt.synchronize(Data::process);
        Work::Done
    }

    fn mask_line(&self) {
        self.hooks.masked.store(1, Relaxed);
    }

    fn unmask_line(&self) {
        self.hooks.masked.store(0, Relaxed);
        device::line_is_unmasked();
    }

    fn on_queued(&self) {
        self.hooks.told.store(1, Relaxed);
    }
}

macro_rules! subject {
    ($name:ident, $hooks:ident, $machine:ty) => {
        static $hooks: [Hooks; 3] = [const { Hooks::new() }; 3];
        pub type $name = InterruptObject<Probe<$machine>>;

        impl Subject for $name {
            type Guard = InterruptLockGuard<'static, Probe<$machine>>;

            fn a() -> &'static Self {
                static A: $name = InterruptObject::new(Data::new(0), Probe::new(&$hooks[0]));
                &A
            }

            fn b() -> &'static Self {
                static B: $name = InterruptObject::new(Data::new(1), Probe::new(&$hooks[1]));
                &B
            }

            fn cycle() -> &'static Self {
                static CYCLE: $name = InterruptObject::new(Data::new(2), Probe::new(&$hooks[2]));
                &CYCLE
            }

            fn check_rest() {
                for (object, hooks) in [Self::a(), Self::b(), Self::cycle()].into_iter().zip(&$hooks) {
                    check_rest(object, hooks);
                }
            }

            by_their_names!();

            fn stale(&'static self) -> Option<u32> {
                None
            }
        }

        impl Lined for $name {
            fn line_is_masked(&'static self) -> bool {
                let objects = [Self::a(), Self::b(), Self::cycle()];
                let is_it =
                    |(object, hooks): (&Self, &Hooks)| core::ptr::eq(object, self) && hooks.masked.load(Relaxed) != 0;
                objects.into_iter().zip(&$hooks).any(is_it)
            }
        }
    };
}

subject!(Unmasked, UNMASKED, NoMask);
#[cfg(target_arch = "arm")]
subject!(All, ALL, cortex_m::Primask);
#[cfg(all(target_arch = "arm", target_has_atomic = "32"))]
subject!(Ceiling, CEILING, cortex_m::Basepri<{ harness::machine::CEILING }>);
#[cfg(not(target_arch = "arm"))]
subject!(All, ALL, riscv::Mstatus);
/// A Cortex-M0 has no ceiling, and neither has a hart.
#[cfg(not(all(target_arch = "arm", target_has_atomic = "32")))]
pub type Ceiling = Unmasked;

/// At rest: the lock is free, the line is open if the interrupt is enabled, and what runs the work item has been told.
fn check_rest<M: Machine>(object: &InterruptObject<Probe<M>>, hooks: &Hooks) {
    expect(object.try_acquire_interrupt_lock().is_some(), "the lock is held");
    let masked = hooks.masked.load(Relaxed) != 0;
    expect(masked == (object.state() == State::Disabled), "the line is not as the interrupt is");
    let told = hooks.told.load(Relaxed) != 0;
    expect(told || !object.is_work_item_queued(), "nobody was told of a queued work item");
}
