//! The object of the common core, as the cases use it.

use core::future::Future;
use core::hint::black_box;
use core::pin::pin;
use core::task::Context;

use harness::cases::{Data, Subject, Whole, begin_work};
use harness::{expect, machine};
use interrupt_lock::bare_metal::{Cpu, Platform, install};
use interrupt_lock::{
    Claim, InterruptLockGuard, InterruptObject, IsrContext, Name, Queued, WithWorkItem, Work, WorkItemContext,
};

type Inner = InterruptObject<Data, WithWorkItem>;

/// An object under test.
pub struct Object(Inner);

static A: Object = Object(object("a", 0));
static B: Object = Object(object("b", 1));
static CYCLE: Object =
    Object(object("cycle", 2).on_unmask(|data| if data.unmask() { Work::Again } else { Work::Done }));

const fn object(name: &'static str, number: usize) -> Inner {
    InterruptObject::with_work_item(Name::new(name), Data::new(number), isr, work)
        .on_enable(|data| {
            data.enable();
            Ok(())
        })
        .on_disable(|data| {
            data.disable();
            Ok(())
        })
}

fn isr(data: &mut IsrContext<'_, Data, WithWorkItem>) -> Claim {
    let assertions = data.assertions();
    data.isr(assertions);
    data.queue_work_item();
    if data.is_cycle() { Claim::ClaimedKeepMasked } else { Claim::Claimed }
}

fn work(interrupt: &WorkItemContext<'_, Data>) -> Work {
    begin_work();
    interrupt.synchronize(Data::process);
    Work::Done
}

struct Machine;
static CPU: Cpu = Cpu::new();

// SAFETY: the machine has one processor.
unsafe impl Platform for Machine {
    fn this_processor(&self) -> &'static Cpu {
        &CPU
    }

    fn mask(&self) -> bool {
        machine::mask()
    }

    fn unmask(&self) {
        machine::unmask();
    }
}

/// Tells the crate of the machine.
pub fn boot() {
    assert!(install(&Machine));
}

/// Tries what can go wrong. Nothing does.
fn must<T, E: core::fmt::Debug>(done: Result<T, E>) -> T {
    done.unwrap_or_else(|error| panic!("{error:?}"))
}

impl Subject for Object {
    type Guard = InterruptLockGuard<'static, Data>;

    fn a() -> &'static Self {
        &A
    }

    fn b() -> &'static Self {
        &B
    }

    fn cycle() -> &'static Self {
        &CYCLE
    }

    fn acquire(&'static self) -> Self::Guard {
        self.0.acquire_interrupt_lock()
    }

    fn try_acquire(&'static self) -> Option<Self::Guard> {
        self.0.try_acquire_interrupt_lock()
    }

    fn synchronize(&'static self, section: fn(&mut Data)) {
        self.0.synchronize(section);
    }

    fn service(&'static self) {
        self.0.service();
    }

    fn queue(&'static self) -> bool {
        matches!(self.0.queue_work_item(), Queued::Refused(_))
    }

    fn run(&'static self) {
        let _ = self.0.run_work_item();
    }

    fn is_queued(&'static self) -> bool {
        self.0.is_work_item_queued()
    }

    fn enable(&'static self) {
        must(self.0.enable());
    }

    fn disable(&'static self) {
        must(self.0.disable());
    }

    fn stale(&'static self) -> u32 {
        self.0.stats().stale as u32
    }

    fn check_rest() {
        expect(CPU.locks_held() == 0, "the processor is said to hold a lock");
    }
}

impl Whole for Object {
    fn report_inactive(&'static self) {
        must(self.0.report_inactive());
    }

    fn report_active(&'static self) {
        must(self.0.report_active());
    }

    fn clear_fault(&'static self) {
        must(self.0.clear_fault());
    }

    fn look(&'static self) {
        black_box((self.0.stats(), self.0.info(), self.0.state(), self.0.snapshot(), self.0.fault()));
    }

    fn listen(&'static self, section: impl FnOnce(), runs: impl Fn() -> u32) -> bool {
        let mut claims = must(self.0.claims());
        let before = runs();
        let waker = wakes::waker();
        let mut poll = || pin!(claims.claimed()).poll(&mut Context::from_waker(&waker));
        let mut told = poll().is_ready();
        section();
        // Whatever comes after this is not looked for.
        let after = runs();
        told |= wakes::take() != 0;
        told |= poll().is_ready();
        after != before && !told
    }
}

/// A waker that counts.
mod wakes {
    use core::sync::atomic::{AtomicU32, Ordering::Relaxed};
    use core::task::{RawWaker, RawWakerVTable, Waker};

    static WAKES: AtomicU32 = AtomicU32::new(0);
    static VTABLE: RawWakerVTable = RawWakerVTable::new(|_| raw(), |_| wake(), |_| wake(), |_| {});

    const fn raw() -> RawWaker {
        RawWaker::new(core::ptr::null(), &VTABLE)
    }

    fn wake() {
        // A vector that preempts this makes it 1 as well.
        WAKES.store(1, Relaxed);
    }

    pub(super) fn waker() -> Waker {
        WAKES.store(0, Relaxed);
        // SAFETY: there is nothing to own: every function of the table leaves its pointer alone.
        unsafe { Waker::from_raw(raw()) }
    }

    pub(super) fn take() -> u32 {
        WAKES.swap(0, Relaxed)
    }
}
