//! The core without an operating system: a program of its own, because its library is another one. It is run by
//! `cargo test -p interrupt-lock-tests --no-default-features --test bare_metal`.
//!
//! The test's threads stand for processors: each has its own `Cpu` and its own mask. A vector that the mask does not stop
//! comes at each instant at which the crate asks the platform for something.
#![cfg(not(feature = "std"))]

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::mem;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use std::sync::mpsc;
use std::task::{Context, Poll, Wake, Waker};

use interrupt_lock::bare_metal::{Cpu, Platform};
use interrupt_lock::{
    CallbackError, Claim, Delivery, Error, ErrorKind, InterruptLock, InterruptObject, IsrContext, Name, NoWorkItem,
    Queued, State, WithWorkItem, Work, WorkItemContext,
};

struct Machine;

thread_local! {
    static CPU: Cell<&'static Cpu> = Cell::new(Box::leak(Box::new(Cpu::new())));
    static MASKED: Cell<bool> = const { Cell::new(false) };
    /// What happens after so many more instants.
    static NEXT: RefCell<Option<(u32, When, Box<dyn FnOnce()>)>> = const { RefCell::new(None) };
}

/// Which instants count.
#[derive(Clone, Copy, PartialEq)]
enum When {
    Any,
    Unmasked,
}

// SAFETY: each thread has a `Cpu` of its own, which lives for ever, unless a test makes its task migrate.
unsafe impl Platform for Machine {
    fn this_processor() -> &'static Cpu {
        instant();
        let cpu = CPU.get();
        instant();
        cpu
    }

    fn mask() -> usize {
        instant();
        let before = MASKED.replace(true);
        instant();
        usize::from(!before)
    }

    fn unmask(found: usize) {
        assert_eq!(found, 1);
        instant();
        MASKED.set(false);
        instant();
    }
}

interrupt_lock::platform!(Machine);

/// An instant at which something may happen.
fn instant() {
    let now = NEXT.with_borrow_mut(|next| match next {
        Some((_, When::Unmasked, _)) if MASKED.get() => None,
        Some((0, ..)) => next.take().map(|(.., happens)| happens),
        Some((left, ..)) => {
            *left -= 1;
            None
        }
        None => None,
    });
    if let Some(happens) = now {
        happens();
    }
}

/// Lets `happens` come at each instant of `operation`, once at a time. Returns how many instants there are.
fn at_each_instant(happens: fn(), mut operation: impl FnMut()) -> u32 {
    for number in 0.. {
        NEXT.set(Some((number, When::Any, Box::new(happens))));
        operation();
        if NEXT.take().is_some() {
            return number;
        }
    }
    unreachable!()
}

// Caught: a release that unmasks whatever its acquisition has found; one that unmasks only what the first acquisition has
// found; one that never unmasks.
#[test]
fn l10_after_the_last_guard_the_mask_is_as_before_the_first() {
    let (a, b) = (InterruptLock::new(1), InterruptLock::new(2));
    for was_masked in [false, true] {
        for first_goes_first in [false, true] {
            MASKED.set(was_masked);
            let (first, second) = (a.acquire_interrupt_lock(), b.acquire_interrupt_lock());
            assert!(MASKED.get());
            if first_goes_first {
                drop(first);
                drop(second);
            } else {
                drop(second);
                assert!(MASKED.get());
                drop(first);
            }
            assert_eq!(MASKED.get(), was_masked);
        }
    }
    MASKED.set(false);
}

// Caught: no unmask after a failed attempt.
#[test]
fn l10_an_attempt_that_fails_leaves_the_mask_as_it_was() {
    let lock = InterruptLock::new(());
    std::thread::scope(|scope| {
        let (held, is_held) = mpsc::channel();
        let (done, is_done) = mpsc::channel::<()>();
        let lock = &lock;
        scope.spawn(move || {
            let guard = lock.acquire_interrupt_lock();
            held.send(()).unwrap();
            let _ = is_done.recv();
            drop(guard);
        });
        is_held.recv().unwrap();
        // Another processor, unmasked: it is the word that excludes it.
        assert!(lock.try_acquire_interrupt_lock().is_none());
        assert!(!MASKED.get());
        drop(done);
        drop(lock.acquire_interrupt_lock());
        assert!(!MASKED.get());
    });
}

// Caught: exclusion by the mask alone (a release that clears the word of a forgotten guard's lock).
#[test]
fn l10_a_forgotten_guard_keeps_its_lock_and_no_other() {
    std::thread::spawn(|| {
        let lock: &'static InterruptLock<u32> = Box::leak(Box::new(InterruptLock::new(0)));
        let other = InterruptLock::new(0);
        mem::forget(lock.acquire_interrupt_lock());
        *other.acquire_interrupt_lock() += 1;
        assert_eq!(*other.acquire_interrupt_lock(), 1);
        assert!(lock.try_acquire_interrupt_lock().is_none());
        assert!(MASKED.get());
        std::thread::spawn(|| assert!(lock.try_acquire_interrupt_lock().is_none())).join().unwrap();
    })
    .join()
    .unwrap();
}

// Caught: no recursion check in acquire_slow (the test spins for ever).
#[test]
#[should_panic(expected = "uart0: this thread already holds the interrupt lock, acquired at tests/bare_metal.rs")]
fn l4_a_processor_that_holds_the_lock_is_told_so() {
    let lock = InterruptLock::named(Name::new("uart0"), ());
    let _guard = lock.acquire_interrupt_lock();
    let _again = lock.acquire_interrupt_lock();
}

#[derive(Debug, Default)]
struct Uart {
    received: u32,
    enables: u32,
    disables: u32,
    processed: u32,
}

fn isr(uart: &mut IsrContext<'_, Uart, WithWorkItem>) -> Claim {
    uart.received += uart.assertions() as u32;
    uart.queue_work_item();
    Claim::Claimed
}

fn work(uart: &WorkItemContext<'_, Uart>) -> Work {
    uart.synchronize(|uart| uart.processed = uart.received);
    Work::Done
}

type Object = InterruptObject<Uart, WithWorkItem>;

const fn uart() -> Object {
    InterruptObject::with_work_item(
        Name::new("uart0"),
        Uart { received: 0, enables: 0, disables: 0, processed: 0 },
        isr,
        work,
    )
    .on_enable(|uart| {
        uart.enables += 1;
        Ok(())
    })
    .on_disable(|uart| {
        uart.disables += 1;
        Ok(())
    })
}

#[test]
fn a_static_interrupt_lives_its_life() -> Result<(), Error> {
    static OBJECT: Object = uart();
    assert_eq!(OBJECT.service(), Delivery::NotServed);
    OBJECT.enable()?;
    assert_eq!(OBJECT.service(), Delivery::Answered(Claim::Claimed));
    assert!(!OBJECT.run_work_item());
    OBJECT.service();
    OBJECT.disable()?; // runs what is queued
    assert_eq!(OBJECT.state(), State::Disabled);
    let uart = OBJECT.acquire_interrupt_lock();
    assert_eq!((uart.received, uart.processed), (2, 2));
    assert_eq!((uart.enables, uart.disables), (1, 1));
    drop(uart);
    assert!(matches!(OBJECT.queue_work_item(), Queued::Refused(_)));
    Ok(())
}

// Caught: PENDING not looked at in release_slow; `pending` not served; DELIVERY_MAY_WAIT = true (spins for ever).
#[test]
fn i3_a_vector_that_interrupts_a_section_is_served_by_its_release() -> Result<(), Error> {
    static OBJECT: Object = uart();
    OBJECT.enable()?;
    let guard = OBJECT.acquire_interrupt_lock();
    // The same processor's vector, and another's: neither spins.
    assert_eq!(OBJECT.service(), Delivery::Pending);
    std::thread::spawn(|| assert_eq!(OBJECT.service(), Delivery::Pending)).join().unwrap();
    assert_eq!(guard.received, 0);
    drop(guard);
    assert_eq!(OBJECT.acquire_interrupt_lock().received, 2);
    assert_eq!(OBJECT.stats().delivered, 1);
    assert_eq!(OBJECT.stats().coalesced, 1);
    Ok(())
}

// Caught: an enable callback's error ignored.
#[test]
fn i4_a_failing_enable_callback_leaves_it_disabled() {
    static OBJECT: InterruptObject<(), NoWorkItem> = InterruptObject::new(Name::new("timer"), (), |_| Claim::Claimed)
        .on_enable(|()| Err(CallbackError::new("no clock")));
    let error = OBJECT.enable().unwrap_err();
    assert_eq!(format!("{error:#}"), "timer: its enable callback failed: no clock");
    assert_eq!(OBJECT.service(), Delivery::NotServed);
}

// Caught: is_in_isr() answering false.
#[test]
fn e4_an_isr_may_not_enable() -> Result<(), Error> {
    static OTHER: InterruptObject<(), NoWorkItem> = InterruptObject::new(Name::new("other"), (), |_| Claim::Claimed);
    static OBJECT: InterruptObject<(), NoWorkItem> = InterruptObject::new(Name::new("timer"), (), |_| {
        assert!(matches!(OTHER.enable().unwrap_err().kind(), ErrorKind::WouldDeadlock { .. }));
        Claim::Claimed
    });
    OBJECT.enable()?;
    assert_eq!(OBJECT.service(), Delivery::Answered(Claim::Claimed));
    Ok(())
}

// Caught: a waker called while interrupts are masked; the listener's waker left to the next release.
#[test]
fn a3_an_interrupt_vector_wakes_the_listener() -> Result<(), Error> {
    struct FromTheVector(AtomicU32);
    impl Wake for FromTheVector {
        fn wake(self: Arc<Self>) {
            assert!(!MASKED.get());
            self.0.fetch_add(1, Relaxed);
        }
    }
    static OBJECT: Object = uart();
    OBJECT.enable()?;
    let mut claims = OBJECT.claims()?;
    let woken = Arc::new(FromTheVector(AtomicU32::new(0)));
    let waker = Waker::from(woken.clone());
    let mut poll = || pin!(claims.claimed()).poll(&mut Context::from_waker(&waker));
    assert!(poll().is_pending());
    OBJECT.service();
    assert_eq!(woken.0.load(Relaxed), 1);
    assert!(matches!(poll(), Poll::Ready(Ok(1))));
    // One that interrupts a section is served, and told, by its release.
    assert!(poll().is_pending());
    let section = OBJECT.acquire_interrupt_lock();
    OBJECT.service();
    assert_eq!(woken.0.load(Relaxed), 1);
    drop(section);
    assert_eq!(woken.0.load(Relaxed), 2);
    assert!(matches!(poll(), Poll::Ready(Ok(1))));
    Ok(())
}

/// Held through one, it masks for all: the processor takes none of their vectors. Another processor's vector does not wait
/// for it; the release serves it.
// Caught: a release that serves only the interrupt whose guard it is.
#[cfg(feature = "alloc")]
#[test]
fn l9_a_shared_lock_masks_for_all_its_interrupts() -> Result<(), Error> {
    use interrupt_lock::Interrupt;

    let lock = Arc::new(InterruptLock::new(0));
    let build = || {
        Interrupt::<u32, NoWorkItem>::builder_sharing(&lock)
            .isr(|served| {
                **served += 1;
                Claim::Claimed
            })
            .build()
    };
    let (rx, tx) = (build()?, build()?);
    rx.enable()?;
    tx.enable()?;
    let held = rx.acquire_interrupt_lock();
    assert!(MASKED.get());
    let elsewhere = std::thread::scope(|scope| scope.spawn(|| tx.service()).join().unwrap());
    assert_eq!((elsewhere, *held), (Delivery::Pending, 0));
    drop(held);
    assert!(!MASKED.get());
    assert_eq!(*lock.acquire_interrupt_lock(), 1);
    Ok(())
}

/// A vector that turns its device off while there is work. The main loop works until it finds nothing, and the callback
/// turns the device on again and looks once more.
// Caught: nothing kept masked without a source; no unmask callback; Again that queues nothing.
#[test]
fn i6_a_vector_leaves_the_device_off_while_there_is_work() -> Result<(), Error> {
    #[derive(Clone, Copy)]
    struct Uart {
        is_on: bool,
        received: u32,
        /// What comes in just as the device is turned on.
        late: u32,
    }
    fn isr(uart: &mut IsrContext<'_, Uart, WithWorkItem>) -> Claim {
        uart.is_on = false;
        uart.queue_work_item();
        Claim::ClaimedKeepMasked
    }
    fn work(interrupt: &WorkItemContext<'_, Uart>) -> Work {
        assert!(!interrupt.acquire_interrupt_lock().is_on);
        interrupt.synchronize(|uart| uart.received = 0);
        Work::Done
    }
    fn unmask(uart: &mut Uart) -> Work {
        uart.received += std::mem::take(&mut uart.late);
        uart.is_on = uart.received == 0;
        if uart.is_on { Work::Done } else { Work::Again }
    }
    static OBJECT: InterruptObject<Uart, WithWorkItem> =
        InterruptObject::with_work_item(Name::new("uart0"), Uart { is_on: true, received: 3, late: 2 }, isr, work)
            .on_unmask(unmask);
    OBJECT.enable()?;
    for runs in [2, 1] {
        // First something comes in late. Then nothing does: the cycle begins anew.
        assert_eq!(OBJECT.service(), Delivery::Answered(Claim::ClaimedKeepMasked));
        assert!(!OBJECT.acquire_interrupt_lock().is_on);
        let before = OBJECT.stats().work_run;
        while OBJECT.is_work_item_queued() {
            let _ = OBJECT.run_work_item();
        }
        let uart = *OBJECT.acquire_interrupt_lock();
        assert!(uart.is_on && uart.received == 0 && uart.late == 0);
        assert_eq!(OBJECT.stats().work_run - before, runs);
    }
    Ok(())
}

/// The vector of the tests of B1: no mask stops it.
fn vector() {
    let masked = MASKED.get();
    let _ = B1.service();
    assert_eq!(MASKED.get(), masked, "the vector leaves the mask as it found it");
}

static B1: Object = uart();

/// Runs `operation`, which asserts `own` times itself, with the vector at each instant. Checks what must hold afterwards.
fn with_the_vector(own: u32, operation: impl Fn()) {
    let received = || {
        while B1.run_work_item() {}
        B1.acquire_interrupt_lock().received
    };
    let begun = received();
    let instants = at_each_instant(vector, || {
        operation();
        assert!(!MASKED.get(), "the mask is as it was before");
        let snapshot = B1.snapshot();
        assert_eq!((snapshot.owner, snapshot.pending, snapshot.left_to_owner), (None, 0, false));
        B1.enable().unwrap();
        assert_eq!(OTHER.service(), Delivery::Answered(Claim::Claimed), "no lock is held any more");
    });
    // One in each instant, and each is delivered once. (What comes while it is disabled is stale.)
    let stats = B1.stats();
    let asserted = u64::from(instants + own * (instants + 1));
    assert_eq!(u64::from(received() - begun) + stats.stale - STALE.replace(stats.stale), asserted);
    assert!(instants > 4);
}

thread_local! {
    static STALE: Cell<u64> = const { Cell::new(0) };
}

static OTHER: InterruptObject<(), NoWorkItem> = InterruptObject::new(Name::new("other"), (), |_| Claim::Claimed);

// Caught: a release that looks before it frees; an acquisition that keeps what it has found before it has the lock; a
// release that unmasks only if nothing is announced.
#[test]
fn b1_a_vector_that_the_mask_does_not_stop_may_come_at_any_instant() -> Result<(), Error> {
    B1.enable()?;
    OTHER.enable()?;
    with_the_vector(0, || drop(B1.acquire_interrupt_lock()));
    with_the_vector(0, || drop(B1.try_acquire_interrupt_lock()));
    with_the_vector(1, || _ = B1.service());
    with_the_vector(0, || _ = B1.disable().unwrap());
    with_the_vector(0, || _ = B1.enable().unwrap());
    with_the_vector(0, || {
        B1.queue_work_item();
        let _ = B1.run_work_item();
    });
    with_the_vector(0, || {
        let first = B1.acquire_interrupt_lock();
        let second = OTHER.acquire_interrupt_lock();
        drop(first);
        drop(second);
    });
    // The driver opens the mask by hand, inside a section.
    with_the_vector(1, || {
        let section = B1.acquire_interrupt_lock();
        MASKED.set(false);
        vector();
        drop(section);
    });
    Ok(())
}

/// The task goes on on another processor.
fn migrate() {
    CPU.set(Box::leak(Box::new(Cpu::new())));
}

// Caught: the identity read before the mask; `is_this_thread` without a mask.
#[test]
fn b2_a_task_that_migrates_is_taken_for_nobody_else() -> Result<(), Error> {
    static OBJECT: Object = uart();
    OBJECT.enable()?;
    // It migrates before the mask of its acquisition: from there on it is the processor that it runs on.
    for instant in 0..4 {
        NEXT.set(Some((instant, When::Unmasked, Box::new(migrate))));
        let section = OBJECT.acquire_interrupt_lock();
        assert!(OBJECT.snapshot().owner.unwrap().is_caller);
        drop(section);
        NEXT.set(None);
    }

    // It waits for a task on another processor, and migrates to that one as soon as that task has released.
    for instant in 0..10 {
        let theirs: &'static Cpu = Box::leak(Box::new(Cpu::new()));
        let (taken, is_taken) = mpsc::channel();
        let (left, has_left) = mpsc::channel::<()>();
        let other = std::thread::spawn(move || {
            CPU.set(theirs);
            let section = OBJECT.acquire_interrupt_lock();
            taken.send(()).unwrap();
            let _ = has_left.recv();
            drop(section);
        });
        is_taken.recv().unwrap();
        let migrate_there = move || {
            drop(left);
            other.join().unwrap();
            CPU.set(theirs);
        };
        NEXT.set(Some((instant, When::Unmasked, Box::new(migrate_there))));
        drop(OBJECT.acquire_interrupt_lock());
        assert!(NEXT.take().is_none());
    }
    Ok(())
}

// Caught: the control lock masks for the whole transition.
#[test]
fn b4_a_transition_masks_for_its_own_steps_only() -> Result<(), Error> {
    fn work(_: &WorkItemContext<'_, ()>) -> Work {
        assert!(!MASKED.get(), "the work item may wait for an interrupt");
        Work::Done
    }
    static OBJECT: InterruptObject<(), WithWorkItem> =
        InterruptObject::with_work_item(Name::new("uart0"), (), |_| Claim::Claimed, work);
    OBJECT.enable()?;
    OBJECT.queue_work_item();
    OBJECT.disable()?;
    assert_eq!(OBJECT.stats().work_run, 1);
    Ok(())
}

// Caught: no call of the hook; one at each queueing; none where another run is queued at the end of a run.
#[test]
fn b5_whoever_runs_the_work_item_is_told_of_each_new_run() -> Result<(), Error> {
    static TOLD: AtomicU32 = AtomicU32::new(0);
    fn told() -> u32 {
        TOLD.swap(0, Relaxed)
    }
    fn isr(_: &mut IsrContext<'_, u32, WithWorkItem>) -> Claim {
        OBJECT.queue_work_item();
        Claim::Claimed
    }
    fn work(interrupt: &WorkItemContext<'_, u32>) -> Work {
        assert_eq!(told(), 0);
        if interrupt.synchronize(mem::take) != 0 {
            OBJECT.service();
            assert_eq!(told(), 1, "and whoever is told finds a run under way");
        }
        Work::Done
    }
    static OBJECT: InterruptObject<u32, WithWorkItem> =
        InterruptObject::with_work_item(Name::new("uart0"), 0, isr, work).on_queued(|| _ = TOLD.fetch_add(1, Relaxed));
    OBJECT.queue_work_item();
    assert_eq!(told(), 0, "it is refused");
    OBJECT.enable()?;
    OBJECT.service();
    assert_eq!(told(), 1);
    OBJECT.service();
    assert_eq!(told(), 0, "it is queued already");
    assert!(!OBJECT.run_work_item());

    // The vector has returned before the release runs the ISR.
    let mut section = OBJECT.acquire_interrupt_lock();
    assert_eq!(OBJECT.service(), Delivery::Pending);
    assert_eq!(told(), 0);
    *section = 1;
    drop(section);
    assert_eq!(told(), 1);

    // A run during which another is queued.
    assert!(OBJECT.run_work_item());
    assert_eq!(told(), 1);
    assert!(!OBJECT.run_work_item());
    assert_eq!(told(), 0);
    Ok(())
}

/// A machine that masks nothing. Its vector comes for as long as the line is asserted and not masked.
// Caught: a line that is not masked where it is pending, refused, withheld or kept; one that is not unmasked after any of
// those; one that is unmasked while it is kept masked.
#[test]
fn b5_a_level_line_that_is_not_served_at_once_is_masked_until_it_is() -> Result<(), Error> {
    static ASSERTED: AtomicBool = AtomicBool::new(false);
    static MASKED: AtomicBool = AtomicBool::new(false);
    fn mask_line() {
        MASKED.store(true, Relaxed);
    }
    fn unmask_line() {
        assert!(MASKED.swap(false, Relaxed), "it is unmasked once");
        come();
    }
    struct Device {
        runs: u32,
        keep_masked: bool,
    }
    fn come() {
        for again in 0.. {
            if !ASSERTED.load(Relaxed) || MASKED.load(Relaxed) {
                return;
            }
            assert_ne!(again, 3, "the vector comes again and again");
            let _ = OBJECT.service();
        }
    }
    fn assert_line() {
        ASSERTED.store(true, Relaxed);
        come();
    }
    fn runs() -> u32 {
        mem::take(&mut OBJECT.acquire_interrupt_lock().runs)
    }
    fn isr(device: &mut IsrContext<'_, Device, WithWorkItem>) -> Claim {
        device.runs += 1;
        if device.keep_masked {
            device.queue_work_item();
            return Claim::ClaimedKeepMasked;
        }
        ASSERTED.store(false, Relaxed);
        Claim::Claimed
    }
    fn work(interrupt: &WorkItemContext<'_, Device>) -> Work {
        interrupt.synchronize(|device| device.keep_masked = false);
        Work::Done
    }
    static OBJECT: InterruptObject<Device, WithWorkItem> =
        InterruptObject::with_work_item(Name::new("uart0"), Device { runs: 0, keep_masked: false }, isr, work)
            .line(mask_line, unmask_line);

    // Refused: the enable unmasks it.
    assert_line();
    assert!(MASKED.load(Relaxed));
    OBJECT.enable()?;
    assert_eq!((runs(), MASKED.load(Relaxed)), (1, false));
    assert_line();
    assert_eq!((runs(), MASKED.load(Relaxed)), (1, false));

    // Left to the owner of the lock.
    let section = OBJECT.acquire_interrupt_lock();
    assert_line();
    assert!(MASKED.load(Relaxed));
    drop(section);
    assert_eq!((runs(), MASKED.load(Relaxed)), (1, false));

    // Withheld.
    OBJECT.report_inactive()?;
    assert_line();
    assert!(MASKED.load(Relaxed));
    assert_eq!(runs(), 0);
    OBJECT.report_active()?;
    assert_eq!((runs(), MASKED.load(Relaxed)), (1, false));

    // Kept masked until the work item has run, whatever else comes.
    OBJECT.acquire_interrupt_lock().keep_masked = true;
    assert_line();
    assert_eq!((runs(), MASKED.load(Relaxed)), (1, true));
    let mut section = OBJECT.acquire_interrupt_lock();
    let _ = OBJECT.service();
    section.keep_masked = false;
    drop(section);
    assert_eq!((runs(), MASKED.load(Relaxed)), (1, true));
    ASSERTED.store(true, Relaxed);
    while OBJECT.run_work_item() {}
    assert_eq!((runs(), MASKED.load(Relaxed)), (1, false));

    // Disabled while it is masked: the next enable unmasks it.
    OBJECT.acquire_interrupt_lock().keep_masked = true;
    assert_line();
    OBJECT.disable()?;
    OBJECT.enable()?;
    assert_eq!((runs(), MASKED.load(Relaxed)), (2, false));

    // Asserted at whatever instant, it is served in the end, and not masked.
    let operations: [fn(); 4] = [
        || drop(OBJECT.acquire_interrupt_lock()),
        || _ = OBJECT.service(),
        || _ = (OBJECT.disable().unwrap(), OBJECT.enable().unwrap()),
        || _ = (OBJECT.report_inactive().unwrap(), OBJECT.report_active().unwrap()),
    ];
    for operation in operations {
        let instants = at_each_instant(assert_line, || {
            operation();
            assert!(!ASSERTED.load(Relaxed) && !MASKED.load(Relaxed));
        });
        assert!(instants > 4);
    }
    Ok(())
}
