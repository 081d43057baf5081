//! The guide's page on `critical-section`: what excludes what.
#![no_std]
#![no_main]

#[path = "../../../src/guide/bare_metal/critical_section.rs"]
mod page;

use core::sync::atomic::{AtomicU32, Ordering::Relaxed};

use cortex_m::asm::isb;
use cortex_m::peripheral::{NVIC, Peripherals, scb::SystemHandler};
use cortex_m_rt::{entry, exception};
use interrupt_lock::single_core::cortex_m::Basepri;
use interrupt_lock::single_core::{Driver, InterruptObject, IsrContext};
use interrupt_lock::{Claim, NoWorkItem};
use lm3s6965::{Interrupt, interrupt};

use page::{PULSES, TOTAL, collect, seen};

/// As urgent as the ceiling.
const MASKED: u8 = 0x80;
/// More urgent.
const URGENT: u8 = 0x20;

/// An object that masks by BASEPRI.
struct Ceiling;
static CEILING: InterruptObject<Ceiling> = InterruptObject::new(0, Ceiling);

impl Driver for Ceiling {
    type Data = u32;
    type Machine = Basepri<MASKED>;
    type WorkItem = NoWorkItem;

    fn isr(&self, runs: &mut IsrContext<'_, Self>) -> Claim {
        **runs += 1;
        Claim::Claimed
    }
}

static TICKS: AtomicU32 = AtomicU32::new(0);
static MASKED_RUNS: AtomicU32 = AtomicU32::new(0);
static URGENT_RUNS: AtomicU32 = AtomicU32::new(0);

fn add(count: &AtomicU32) {
    count.store(count.load(Relaxed) + 1, Relaxed);
}

#[exception]
fn SysTick() {
    add(&TICKS);
    check::tick_after(300 + TICKS.load(Relaxed) % 1_201);
    PULSES.service();
    CEILING.service();
}

#[interrupt]
fn GPIOA() {
    add(&MASKED_RUNS);
    CEILING.service();
}

/// It knows no interrupt object.
#[interrupt]
fn GPIOB() {
    add(&URGENT_RUNS);
    critical_section::with(|section| TOTAL.borrow(section).set(TOTAL.borrow(section).get() + 1));
}

/// Asserts an interrupt. Returns whether its vector has run at once.
fn runs(vector: Interrupt, count: &AtomicU32) -> bool {
    let before = count.load(Relaxed);
    NVIC::pend(vector);
    isb();
    count.load(Relaxed) != before
}

fn masked_runs() -> bool {
    runs(Interrupt::GPIOA, &MASKED_RUNS)
}

fn urgent_runs() -> bool {
    runs(Interrupt::GPIOB, &URGENT_RUNS)
}

#[entry]
fn main() -> ! {
    let mut core = Peripherals::take().expect("main runs once");
    // SAFETY: nothing depends on these priorities yet, and no section is open.
    unsafe {
        core.SCB.set_priority(SystemHandler::SysTick, MASKED);
        core.NVIC.set_priority(Interrupt::GPIOA, MASKED);
        core.NVIC.set_priority(Interrupt::GPIOB, URGENT);
        NVIC::unmask(Interrupt::GPIOA);
        NVIC::unmask(Interrupt::GPIOB);
    }
    PULSES.enable().expect("no callback refuses");
    CEILING.enable().expect("no callback refuses");

    what_excludes_what();
    what_a_guard_opens();
    let ticks = preempted();
    check::passed(format_args!("{ticks} ticks, each seen once by both objects"))
}

fn what_excludes_what() {
    assert!(masked_runs() && urgent_runs(), "nothing masks");
    critical_section::with(|_| {
        assert!(!masked_runs() && !urgent_runs(), "`with` masks all");
        CEILING.synchronize(|_| ());
        PULSES.synchronize(|_| ());
        assert!(!masked_runs() && !urgent_runs(), "a section inside `with` leaves the mask as it was");
    });
    PULSES.synchronize(|_| {
        assert!(!masked_runs() && !urgent_runs(), "PRIMASK masks all");
        critical_section::with(|_| ());
        assert!(!masked_runs() && !urgent_runs(), "`with` inside a section leaves the mask as it was");
    });
    CEILING.synchronize(|_| {
        assert!(!masked_runs(), "BASEPRI masks up to its ceiling");
        assert!(urgent_runs(), "a more urgent vector gets through BASEPRI");
        critical_section::with(|_| assert!(!urgent_runs(), "`with` masks all inside a section, too"));
        assert!(!masked_runs() && urgent_runs(), "`with` leaves BASEPRI as it was");
    });
    assert!(masked_runs() && urgent_runs(), "a mask is left");
}

fn what_a_guard_opens() {
    let guard = PULSES.acquire_interrupt_lock();
    critical_section::with(|_| {
        assert!(!urgent_runs());
        drop(guard);
        assert!(urgent_runs(), "PRIMASK is open where `with` began after the guard");
    });
    assert!(!urgent_runs(), "`with` has found it masked, and so it leaves it");
    // SAFETY: no section is open.
    unsafe { cortex_m::interrupt::enable() };
    let guard = CEILING.acquire_interrupt_lock();
    critical_section::with(|_| {
        drop(guard);
        assert!(!urgent_runs(), "BASEPRI has nothing to do with `with`");
    });
    assert!(masked_runs() && urgent_runs(), "a mask is left");
}

/// Has SysTick preempt sections of both kinds, wherever it happens to come.
fn preempted() -> u32 {
    let before = CEILING.synchronize(|runs| *runs);
    critical_section::with(|section| TOTAL.borrow(section).set(0));
    check::tick_after(300);
    while TICKS.load(Relaxed) < 20_000 {
        collect();
        CEILING.synchronize(|runs| *runs += 1);
        collect();
        critical_section::with(|_| assert_eq!(seen(), TICKS.load(Relaxed), "each pulse is seen once"));
        CEILING.synchronize(|runs| *runs -= 1);
    }
    check::tick_never();
    let (ticks, runs) = (TICKS.load(Relaxed), CEILING.synchronize(|runs| *runs) - before);
    assert_eq!((seen(), runs), (ticks, ticks), "ticks are lost");
    ticks
}
