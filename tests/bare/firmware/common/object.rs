//! The object of the common core, as the cases use it.

use core::future::Future;
use core::hint::black_box;
use core::pin::pin;
use core::sync::atomic::{AtomicU32, Ordering::Relaxed};
use core::task::Context;

use harness::{expect, machine};
use interrupt_lock::bare_metal::{Cpu, Platform};
use interrupt_lock::{
    Claim, InterruptLockGuard, InterruptObject, IsrContext, Name, State, WithWorkItem, Work, WorkItemContext,
};

use crate::cases::data::{self, Data};
use crate::cases::device;
use crate::cases::subject::{Lined, Subject, Whole, by_their_names};

pub type Object = InterruptObject<Data, WithWorkItem>;

/// With hooks. The others have none.
static A: Object = object("a", 0)
    .line(
        || MASKED.store(1, Relaxed),
        || {
            MASKED.store(0, Relaxed);
            device::line_is_unmasked();
        },
    )
    .on_queued(|| TOLD.store(1, Relaxed));
static B: Object = object("b", 1);
static CYCLE: Object = object("cycle", 2).on_unmask(|data| if data.unmask() { Work::Again } else { Work::Done });

/// The line of `A` is masked.
static MASKED: AtomicU32 = AtomicU32::new(0);
/// What runs the work item of `A` has been told, and it has not run since.
static TOLD: AtomicU32 = AtomicU32::new(0);

const fn object(name: &'static str, number: usize) -> Object {
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
    data.isr(Some(assertions as u32));
    data.queue_work_item();
    if data.is_cycle() { Claim::ClaimedKeepMasked } else { Claim::Claimed }
}

fn work(interrupt: &WorkItemContext<'_, Data>) -> Work {
    if interrupt.name() == A.name() {
        TOLD.store(0, Relaxed);
    }
    data::begin_work();
    interrupt.synchronize(Data::process);
    Work::Done
}

struct Machine;
static CPU: Cpu = Cpu::new();

// SAFETY: the machine has one processor.
unsafe impl Platform for Machine {
    fn this_processor() -> &'static Cpu {
        &CPU
    }

    fn mask() -> usize {
        usize::from(machine::mask())
    }

    fn unmask(_: usize) {
        machine::unmask();
    }
}

interrupt_lock::platform!(Machine);

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

    fn check_rest() {
        let is_free = |object: &Object| object.snapshot().owner.is_none();
        expect(is_free(&A) && is_free(&B) && is_free(&CYCLE), "the processor is said to hold a lock");
        expect(MASKED.load(Relaxed) == 0 || A.state() == State::Disabled, "the line is left masked");
        expect(TOLD.load(Relaxed) != 0 || !A.is_work_item_queued(), "nobody was told of a queued work item");
    }

    by_their_names!();

    fn stale(&'static self) -> Option<u32> {
        Some(self.stats().stale as u32)
    }
}

impl Lined for Object {
    fn line_is_masked(&'static self) -> bool {
        core::ptr::eq(self, &A) && MASKED.load(Relaxed) != 0
    }
}

impl Whole for Object {
    fn report_inactive(&'static self) {
        must(InterruptObject::report_inactive(self));
    }

    fn report_active(&'static self) {
        must(InterruptObject::report_active(self));
    }

    fn clear_fault(&'static self) {
        must(InterruptObject::clear_fault(self));
    }

    fn look(&'static self) {
        black_box((self.stats(), self.info(), self.state(), self.snapshot(), self.fault()));
    }

    fn listen_in_vain(&'static self) {
        expect(self.claims().is_err(), "there are two listeners");
    }

    fn listen(&'static self, section: impl FnOnce(), runs: impl Fn() -> u32) -> bool {
        let mut claims = must(self.claims());
        let before = runs();
        let waker = wakes::waker();
        let mut poll = || pin!(claims.claimed()).poll(&mut Context::from_waker(&waker));
        let mut told = poll().is_ready();
        section();
        // Whatever comes after this is not looked for.
        let after = runs();
        told |= wakes::take() != 0;
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
        let wakes = WAKES.load(Relaxed);
        WAKES.store(0, Relaxed);
        wakes
    }
}
