//! Each operation between two marks. `run` counts the instructions from mark to mark.
#![no_std]
#![no_main]

use core::arch::asm;
use core::marker::PhantomData;

use interrupt_lock::single_core::cortex_m::Primask;
use interrupt_lock::single_core::{Driver, InterruptObject, IsrContext, Machine};
use interrupt_lock::{Claim, NoWorkItem, WithWorkItem, Work};

/// An interrupt whose ISR does nothing.
struct Quiet<M>(PhantomData<fn() -> M>);

impl<M: Machine> Driver for Quiet<M> {
    type Data = u32;
    type Machine = M;
    type WorkItem = NoWorkItem;

    #[inline(always)]
    fn isr(&self, _: &mut IsrContext<'_, Self>) -> Claim {
        Claim::Claimed
    }
}

/// One whose ISR queues a work item that does nothing.
struct Queues<M>(PhantomData<fn() -> M>);

impl<M: Machine> Driver for Queues<M> {
    type Data = u32;
    type Machine = M;
    type WorkItem = WithWorkItem;

    #[inline(always)]
    fn isr(&self, context: &mut IsrContext<'_, Self>) -> Claim {
        let _ = context.queue_work_item();
        Claim::Claimed
    }

    #[inline(always)]
    fn work_item(&self, _: &InterruptObject<Self>) -> Work {
        Work::Done
    }
}

board::vectors!(main, rest, rest);

fn rest() {}

/// `run` finds it by its name.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn mark() {
    // SAFETY: it does nothing.
    unsafe { asm!("nop", options(nomem, nostack, preserves_flags)) };
}

/// (A Cortex-M0 has neither compare-exchange nor BASEPRI.)
///
/// As RTIC locks a resource: BASEPRI is raised to the ceiling, and set again to what it was.
#[cfg(target_has_atomic = "32")]
#[inline(always)]
fn by_ceiling(section: impl FnOnce()) {
    let found: u32;
    // SAFETY: it reads BASEPRI, and raises it.
    unsafe { asm!("mrs {}, BASEPRI", "msr BASEPRI_MAX, {}", out(reg) found, in(reg) 0x20) };
    section();
    // SAFETY: it sets BASEPRI to what it was.
    unsafe { asm!("msr BASEPRI, {}", in(reg) found) };
}

#[inline(always)]
fn object<M: Machine>(quiet: &'static InterruptObject<Quiet<M>>, queues: &'static InterruptObject<Queues<M>>) {
    let _ = (quiet.enable(), queues.enable());
    mark();
    drop(quiet.acquire_interrupt_lock());
    mark();
    quiet.synchronize(|_| {});
    mark();
    let _ = quiet.service();
    mark();
    let _ = queues.service();
    let _ = queues.run_work_item();
    mark();
}

macro_rules! objects {
    ($machine:ty) => {{
        static QUIET: InterruptObject<Quiet<$machine>> = InterruptObject::new(0, Quiet(PhantomData));
        static QUEUES: InterruptObject<Queues<$machine>> = InterruptObject::new(0, Queues(PhantomData));
        object(&QUIET, &QUEUES);
    }};
}

fn main() {
    mark();
    mark();
    critical_section::with(|_| {});
    mark();
    #[cfg(target_has_atomic = "32")]
    by_ceiling(|| {});
    mark();
    objects!(Primask);
    #[cfg(target_has_atomic = "32")]
    objects!(interrupt_lock::single_core::cortex_m::Basepri<0x20>);
    loop {}
}
