//! Rule L4: acquiring on a thread that holds the lock already is noticed at once.

use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use interrupt_lock::{
    Callback, Claim, Deferral, ErrorKind, Fault, Interrupt, InterruptLock, InterruptObject, Name, RawInterruptLock,
};
use support::slot::Slot;
use support::{Gate, kind, let_it_block, panic_message, watchdog};

const FOREVER: Duration = Duration::from_secs(3600);

// Caught: no recursion check in acquire_slow; taken_at not recorded; the interrupt's name left out.
#[test]
fn l4_acquire_panics_and_says_which_and_where() {
    let said = watchdog(|| {
        let lock = InterruptLock::named(Name::new("uart7"), ());
        let line = line!() + 1;
        let _guard = lock.acquire_interrupt_lock();
        (panic_message(|| lock.acquire_interrupt_lock()), line)
    });
    let place = format!("{}:{}:", file!(), said.1);
    assert!(said.0.contains("uart7") && said.0.contains(&place), "{}", said.0);
}

// Caught: no recursion check in acquire_slow.
#[test]
fn l4_synchronize_in_synchronize_panics() {
    let said = watchdog(|| {
        let interrupt = Interrupt::builder(()).name("edu3").isr(|_| Claim::Claimed).build().unwrap();
        panic_message(|| interrupt.synchronize(|()| interrupt.synchronize(|()| ())))
    });
    assert!(said.contains("edu3"), "{said}");
}

// Caught: no recursion check in acquire_slow.
#[test]
fn l4_try_answers_none_and_the_timed_forms_say_so() {
    watchdog(|| {
        let interrupt = Interrupt::builder(()).isr(|_| Claim::Claimed).build().unwrap();
        let _guard = interrupt.acquire_interrupt_lock();
        assert!(interrupt.try_acquire_interrupt_lock().is_none());
        let timed = [
            interrupt.try_acquire_interrupt_lock_for(FOREVER),
            interrupt.try_acquire_interrupt_lock_for(Duration::MAX),
            interrupt.try_acquire_interrupt_lock_until(Instant::now() + FOREVER),
        ];
        for refused in timed {
            match kind(&refused) {
                Some(ErrorKind::Recursive { taken_at }) => assert_eq!(taken_at.file(), file!()),
                other => panic!("{other:?}"),
            }
        }
    });
}

type Object = Arc<InterruptObject<u32, interrupt_lock::WithWorkItem>>;

/// What all four ways to acquire return inside a callback.
fn all_forms(object: &Object) -> String {
    assert!(object.try_acquire_interrupt_lock().is_none());
    assert!(matches!(kind(&object.try_acquire_interrupt_lock_for(FOREVER)), Some(ErrorKind::Recursive { .. })));
    panic_message(|| object.acquire_interrupt_lock())
}

/// Recursion is noticed in the ISR and in every callback, on whatever thread they run.
// Caught: no recursion check in acquire_slow.
#[test]
fn l4_inside_the_isr_and_the_callbacks() {
    watchdog(|| {
        let slot = Slot::new();
        let said = Arc::new(Mutex::new(Vec::new()));
        let look = || {
            let (slot, said) = (slot.clone(), said.clone());
            move || {
                let message = all_forms(&slot.get());
                said.lock().unwrap().push(message);
            }
        };
        let (isr, enable, disable, removal, work) = (look(), look(), look(), look(), look());
        let interrupt = Interrupt::builder(0)
            .name("edu4")
            .isr(move |cx| {
                isr();
                match cx.assertions() {
                    0 => Claim::Unclaimed,
                    _ if **cx > 0 => Claim::DeviceGone,
                    _ => Claim::Claimed,
                }
            })
            .on_enable(move |_| enable())
            .on_disable(move |_| disable())
            .on_removal(move |_| removal())
            .work_item(move |interrupt| interrupt.synchronize(|_| work()))
            .build()
            .unwrap();
        slot.set(&interrupt);
        interrupt.enable().unwrap();
        interrupt.service();
        interrupt.queue_work_item();
        interrupt.disable().unwrap();
        interrupt.enable().unwrap();
        *interrupt.acquire_interrupt_lock() = 1;
        interrupt.service();
        assert!(interrupt.fault().is_none(), "{:?}", interrupt.fault());
        let said = said.lock().unwrap();
        assert_eq!(said.len(), 7, "enable, ISR, disable, work item, enable, ISR, removal");
        assert!(said.iter().all(|said| said.contains("edu4")), "{said:?}");
    });
}

/// An ISR that acquires its own lock panics, which is a fault with that message. The dispatcher goes on.
// Caught: no recursion check in acquire_slow.
#[test]
fn l4_an_isr_that_acquires_is_a_fault() {
    let fault = watchdog(|| {
        let slot = Slot::new();
        let own: Slot<u32, interrupt_lock::NoWorkItem> = slot.clone();
        let interrupt = Interrupt::builder(0)
            .isr(move |_| {
                *own.get().acquire_interrupt_lock() += 1;
                Claim::Claimed
            })
            .build()
            .unwrap();
        slot.set(&interrupt);
        interrupt.enable().unwrap();
        interrupt.service();
        interrupt.fault()
    });
    let Some(Fault::Panicked { callback: Callback::Isr, message }) = fault else { panic!("{fault:?}") };
    assert!(message.as_str().contains("already holds the interrupt lock"), "{message}");
}

/// In an ISR, and in what the release of its delivery runs, the place is the delivery's, and never an older one.
// Caught: a delivery without its bit in the owner word; a place that is read without a look at the bit; a release that takes the
// lock back for a thread; an owner that is compared with its bit.
#[test]
fn l4_what_a_delivery_runs_is_told_of_the_delivery() {
    let places = watchdog(|| {
        let slot = Slot::new();
        let places = Arc::new(Mutex::new(Vec::new()));
        let look = {
            let (own, places): (Slot<u32, interrupt_lock::NoWorkItem>, _) = (slot.clone(), places.clone());
            move || {
                let refused = own.get().try_acquire_interrupt_lock_for(FOREVER).map(drop);
                let Some(ErrorKind::Recursive { taken_at }) = kind(&refused) else { panic!("{refused:?}") };
                let owner = own.get().snapshot().owner.unwrap();
                assert_eq!((owner.is_caller, owner.taken_at.unwrap()), (true, *taken_at));
                places.lock().unwrap().push((taken_at.file(), taken_at.line()));
            }
        };
        let (again, own) = (look.clone(), slot.clone());
        let isr = move || {
            look();
            let again = again.clone();
            assert_eq!(own.get().run_or_defer(move |_| again()).unwrap(), Deferral::Deferred);
            Claim::Claimed
        };
        let interrupt = Interrupt::builder(0).isr(move |_| isr()).build().unwrap();
        slot.set(&interrupt);
        interrupt.enable().unwrap();
        drop(interrupt.acquire_interrupt_lock()); // the older place
        interrupt.service();
        // A thread's release runs the ISR: the place is the thread's.
        let guard = interrupt.acquire_interrupt_lock();
        interrupt.service();
        drop(guard);
        places.lock().unwrap().clone()
    });
    let [isr, closure, left, left_closure] = places[..] else { panic!("{places:?}") };
    assert!(isr.0.ends_with("by_delivery.rs"), "{isr:?}");
    assert_eq!(closure, isr);
    assert!(left.0 == file!() && left_closure == left, "{left:?} {left_closure:?}");
}

// Caught: no recursion check in acquire_slow; RawMutex::lock without #[track_caller].
#[test]
fn l4_through_lock_api() {
    watchdog(|| {
        let mutex = lock_api::Mutex::<RawInterruptLock, u32>::new(0);
        let line = line!() + 1;
        let guard = mutex.lock();
        let said = panic_message(|| mutex.lock());
        assert!(said.contains(&format!("{}:{line}:", file!())), "{said}");
        assert!(mutex.try_lock().is_none());
        assert!(mutex.try_lock_for(FOREVER).is_none());
        assert!(mutex.try_lock_for(Duration::MAX).is_none());
        assert!(mutex.try_lock_until(Instant::now() + FOREVER).is_none());
        drop(guard);
        assert!(mutex.try_lock_for(Duration::ZERO).is_some());
    });
}

/// A section of another thread, and another lock of the same thread, are no recursion.
// Caught: a recursion check that takes any owner for the caller.
#[test]
fn l4_others_are_not_taken_for_oneself() {
    watchdog(|| {
        let lock = Arc::new(InterruptLock::new(0));
        let other = InterruptLock::new(());
        let _other = other.acquire_interrupt_lock();
        let (theirs, started) = (lock.clone(), Gate::new());
        let guard = lock.acquire_interrupt_lock();
        let waiter = thread::spawn({
            let started = started.clone();
            move || {
                started.open();
                *theirs.acquire_interrupt_lock() += 1;
            }
        });
        started.wait();
        let_it_block();
        drop(guard);
        waiter.join().unwrap();
        assert_eq!(*lock.acquire_interrupt_lock(), 1);
    });
}
